//! Supervisors (SPEC 13): trees of processes on virtual time. The rules are
//! tested where they stand, in `luavisor-core`; here is what carries them out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor_core::lifecycle::State;
use luavisor_core::restart::RestartRule;
use luavisor_core::supervision::{
    ChildRule, DynamicRule, Intensity, Restart, Rules, Shutdown, Strategy,
};
use luavisor_core::{Error, Event, Exit, Pid, Reason, Values};
use luavisor_runtime::{
    ChildSpec, ChildTarget, DynamicSpec, Flow, Input, NativeContext, NativeProcess, Observer,
    Occurrence, Order, ProgramTable, Runtime, RuntimeBuilder, ServiceSpec, SupervisorSpec, Target,
};
use luavisor_vm::Token;
use luavisor_vm::kernel::CancelRequest;
use proptest::prelude::{ProptestConfig, any, prop_assert, prop_oneof, proptest};
use proptest::strategy::{Just, Strategy as Generate};

use super::support::*;

fn rules(strategy: Strategy) -> Rules {
    let mut rules = Rules { strategy, ..Rules::default() };
    rules.backoff.jitter = 0.0;
    rules
}

fn child(name: &str) -> ChildSpec {
    let target = ChildTarget::Process {
        id: format!("app:{name}").into(),
        host: HOST.into(),
        input: Values::none(),
        context: Arc::default(),
    };
    ChildSpec { rule: ChildRule::new(name), target }
}

fn named(name: &str, id: &str) -> ChildSpec {
    ChildSpec { rule: ChildRule::new(name), ..child(id) }
}

fn nested(name: &str, spec: SupervisorSpec) -> ChildSpec {
    let rule = ChildRule {
        shutdown: Shutdown::Infinity,
        ready: true,
        start_timeout: None,
        ..ChildRule::new(name)
    };
    ChildSpec { rule, target: ChildTarget::Supervisor(Arc::new(spec)) }
}

fn supervisor(id: &str, strategy: Strategy, children: Vec<ChildSpec>) -> SupervisorSpec {
    SupervisorSpec { id: id.into(), rules: rules(strategy), children, dynamic: None }
}

fn service_of(spec: SupervisorSpec) -> ServiceSpec {
    ServiceSpec {
        dependencies: vec![HOST.into()],
        auto_start: true,
        ready: true,
        start_timeout: u64::MAX,
        rule: RestartRule { jitter: 0.0, ..RestartRule::default() },
        ..ServiceSpec::new(spec.id.clone(), Target::Supervisor(Arc::new(spec)))
    }
}

const WORKER: &str = "return function(...)
    local _, name = process.supervisor()
    print('+' .. name, ...)
    local events, inbox = process.events(), process.inbox()
    local got = channel.select{events:case_receive(), inbox:case_receive()}
    if got.channel == inbox then error(got.value:topic(), 0) end
    print('-' .. name .. ' ' .. got.value.reason)
end";

/// Runs `body` as a program of its own, with `show` for what it wants to be seen.
fn asking(body: &str) -> String {
    format!(
        "local supervisor, time = require('supervisor'), require('time')
         local function show(...)
             local texts = {{}}
             for i = 1, select('#', ...) do texts[i] = tostring((select(i, ...))) end
             print('> ' .. table.concat(texts, ' '))
         end
         return function() {body} end"
    )
}

fn lines(world: &World) -> String {
    let text = world.output.stdout();
    text.replace('\t', " ").lines().collect::<Vec<_>>().join(" | ")
}

fn live(world: &World) -> usize {
    world.runtime.host_state(HOST_ID).unwrap().1
}

#[test]
fn a_tree_starts_restarts_and_stops_in_order() {
    let inner = supervisor("app:inner", Strategy::OneForOne, vec![named("x", "worker")]);
    let mut group = named("w", "worker");
    group.rule.count = Some(2);
    let children = vec![named("first", "worker"), group, nested("inner", inner)];
    let spec = service_of(supervisor("app:tree", Strategy::RestForOne, children));
    let asking = asking("process.send(supervisor.which('app:tree', 'w.2'), 'told', 1)");
    let world = world(&[("worker", WORKER), ("ask", &asking)], vec![spec]);
    world.run(1);
    assert_eq!(lines(&world), "+first | +w.1 1 | +w.2 2 | +x");
    assert_eq!(world.state("app:tree"), State::Running);
    world.output.clear();
    world.spawn("ask", &[]);
    world.run(99);
    assert_eq!(lines(&world), "-x supervisor stopping");
    assert_eq!(live(&world), 2);
    world.run(2);
    assert_eq!(lines(&world), "-x supervisor stopping | +w.2 2 | +x");
    world.output.clear();
    world.services.stop("app:tree").unwrap();
    world.run(1);
    let stopping = ["x", "w.2", "w.1", "first"].map(|name| format!("-{name} supervisor stopping"));
    let mut stopped: Vec<_> = lines(&world).split(" | ").map(str::to_owned).collect();
    stopped[1..3].sort_by(|a, b| b.cmp(a));
    assert_eq!(stopped, stopping);
    assert_eq!((live(&world), world.state("app:tree")), (0, State::Stopped));
}

#[test]
fn an_exhausted_budget_goes_up_the_tree_and_to_the_service() {
    let fails = "return function() error('no luck', 0) end";
    let inner = supervisor("app:inner", Strategy::OneForOne, vec![child("fails")]);
    let mut outer = supervisor("app:outer", Strategy::OneForOne, vec![nested("inner", inner)]);
    outer.rules.intensity = Intensity { restarts: 0, period: Duration::from_secs(5) };
    let world = world(&[("fails", fails)], vec![service_of(outer)]);
    world.run(750);
    assert_eq!(
        world.told().last().unwrap(),
        "700 app:outer restart 1 in 1s: restart intensity reached: child inner: restart intensity \
         reached: child fails: no luck"
    );
    assert_eq!(live(&world), 0);
}

#[test]
fn a_supervisor_is_a_process_that_takes_no_messages() {
    let spec = supervisor("app:tree", Strategy::OneForOne, vec![child("worker")]);
    let asking = asking(
        "for _, child in supervisor.children('app:tree') do
             show(child.name, child.state, child.life, child.restarts, child.restart, child.kind)
             show(child.pid == supervisor.which('app:tree', child.name))
         end
         process.spawn('app:worker', 'app:host')
         show(process.supervisor())
         show(select(2, supervisor.which('app:tree', 'x')), select(2, supervisor.stop('app:x', 'x')))
         show(select(2, supervisor.start('app:tree', nil)))
         show(select(2, supervisor.counts(process.pid())))
         time.sleep('1ms')
         show(supervisor.stop('app:tree', 'worker'), supervisor.counts('app:tree').active)
         show(supervisor.restart('app:tree', 'worker') ~= nil, supervisor.counts('app:tree').active)",
    );
    let worker = "return function()
        local sup = process.supervisor()
        if not sup then return end
        print(process.send(sup, 'x', 1))
        print(process.monitor(sup), process.link(sup))
        process.set_options{trap_links = true}
        local events = process.events()
        local first = events:receive()
        print(first.kind)
    end";
    let world = world(&[("worker", worker), ("ask", &asking)], vec![service_of(spec)]);
    world.run(1);
    assert_eq!(lines(&world), "nil a supervisor takes no messages | true true");
    world.output.clear();
    world.spawn("ask", &[]);
    world.run(10);
    let expected = [
        "> worker running 1 0 permanent worker",
        "> true",
        "> nil",
        "> no such child supervisor not found",
        "> the supervisor has no dynamic children",
        "> supervisor not found",
        "pid.cancel",
        "> true 0",
        "nil\ta supervisor takes no messages",
        "true\ttrue",
        "> true 1",
    ];
    let mut lines: Vec<String> = world.output.stdout().lines().map(str::to_owned).collect();
    let mut expected = expected.map(str::to_owned).to_vec();
    // The new worker and the one who asked for it run at the same time.
    lines[8..].sort();
    expected[8..].sort();
    assert_eq!(lines, expected);
}

#[test]
fn who_waits_for_a_supervisor_that_ends_is_told() {
    let stubborn = "return function() process.events() channel.new():receive() end";
    let mut spec = supervisor("app:tree", Strategy::OneForOne, vec![child("stubborn")]);
    spec.children[0].rule.shutdown = Shutdown::Infinity;
    let asking = asking("show(supervisor.stop('app:tree', 'stubborn'))");
    let world = world(&[("stubborn", stubborn), ("ask", &asking)], vec![service_of(spec)]);
    world.run(1);
    world.spawn("ask", &[]);
    world.run(10);
    assert_eq!(lines(&world), "");
    let pid = world.runtime.supervisor("app:tree").unwrap();
    world.runtime.terminate(pid).unwrap();
    world.run(1);
    assert_eq!(lines(&world), "> nil process not found");
}

#[test]
fn who_asks_a_supervisor_that_is_being_killed_is_told() {
    let spec = supervisor("app:tree", Strategy::OneForOne, vec![]);
    let asking = "return function(tree)
        local supervisor = require('supervisor')
        coroutine.spawn(function() print('> ' .. tostring(select(2, supervisor.counts(tree)))) end)
        process.terminate(tree)
        require('time').sleep('1ms')
    end";
    let world = world(&[("ask", asking)], vec![service_of(spec)]);
    world.run(1);
    let pid = world.runtime.supervisor("app:tree").unwrap();
    world.spawn("ask", &[world.runtime.pid_text(pid)]);
    world.run(10);
    assert_eq!(lines(&world), "> process not found");
}

#[test]
fn dynamic_children_get_arguments_of_their_own() {
    let mut spec = supervisor("app:tree", Strategy::OneForOne, vec![]);
    let rule = DynamicRule {
        name: "worker".into(),
        max_children: 2,
        restart: Restart::Transient,
        shutdown: Shutdown::Deadline(Duration::from_secs(5)),
    };
    spec.dynamic = Some(DynamicSpec { rule, target: child("worker").target });
    let asking = asking(
        "show(supervisor.start('app:tree', nil, 1, 'a') == 'worker.1')
         local name, pid = supervisor.start('app:tree', 'mine', 2)
         show(name, select(2, supervisor.start('app:tree', nil)))
         show(select(2, supervisor.start('app:tree', 'mine')))
         process.send(pid, 'x')
         time.sleep('200ms')
         show(supervisor.which('app:tree', 'mine') ~= pid)
         show(supervisor.stop('app:tree', 'mine'), select(2, supervisor.which('app:tree', 'mine')))",
    );
    let world = world(&[("worker", WORKER), ("ask", &asking)], vec![service_of(spec)]);
    world.run(1);
    world.spawn("ask", &[]);
    world.run(300);
    let mut lines: Vec<String> = world.output.stdout().lines().map(str::to_owned).collect();
    let said = lines.extract_if(.., |line| line.starts_with('>')).collect::<Vec<_>>();
    assert_eq!(lines, ["+worker.1\t1\ta", "+mine\t2", "+mine\t2", "-mine stop requested"]);
    let expected = [
        "> true",
        "> mine max_children reached",
        "> max_children reached",
        "> true",
        "> true no such child",
    ];
    assert_eq!(said, expected);
}

/// OTP had this race: a supervisor that dies while it stops its children must not
/// let go of one that is not known to be dead.
#[test]
fn a_supervisor_that_dies_while_it_stops_takes_its_children_with_it() {
    let slow = "return function()
        process.events():receive()
        require('time').sleep('1s')
    end";
    let children = ["a", "b", "c"].map(|name| named(name, "slow"));
    let spec = supervisor("app:tree", Strategy::OneForAll, children.into());
    let world = world(&[("slow", slow)], vec![service_of(spec)]);
    // While it stops, and while it restarts.
    for stop in [true, false] {
        world.services.start("app:tree").unwrap();
        world.run(1);
        let pid = world.runtime.supervisor("app:tree").unwrap();
        assert_eq!(live(&world), 3);
        match stop {
            true => {
                let request = CancelRequest { timeout: None, reason: "x".into() };
                world.runtime.cancel(pid, request).unwrap();
            }
            false => {
                let first = world.runtime.supervisor("app:tree").unwrap();
                assert_eq!(first, pid);
                world.runtime.terminate(child_pids(&world)[0]).unwrap();
            }
        }
        world.run(500);
        assert!(live(&world) >= 2, "they need a second to stop");
        world.runtime.terminate(pid).unwrap();
        world.simulation.settle();
        assert_eq!(live(&world), 0);
        world.services.stop("app:tree").unwrap();
        world.run(1);
    }
}

fn child_pids(world: &World) -> Vec<Pid> {
    let snapshot = world.runtime.snapshot();
    snapshot.busiest.iter().map(|(pid, ..)| *pid).filter(|pid| pid.host == HOST_ID).collect()
}

#[test]
fn ten_thousand_children_of_which_one_starts_slowly() {
    let quick = "return function() local m = process.inbox():receive() error('x', 0) end";
    let slow = "return function() process.inbox():receive() end";
    let mut group = named("w", "quick");
    group.rule.count = Some(10_000);
    let mut late = child("slow");
    (late.rule.ready, late.rule.start_timeout) = (true, None);
    let mut spec = supervisor("app:tree", Strategy::OneForOne, vec![group, late]);
    spec.rules.intensity.restarts = 100;
    spec.rules.backoff.initial_delay = Duration::ZERO;
    let world = world(&[("quick", quick), ("slow", slow)], vec![service_of(spec)]);
    world.run(1);
    assert_eq!((live(&world), world.state("app:tree")), (10_001, State::Starting));
    let victims: Vec<Pid> =
        child_pids(&world).into_iter().filter(|pid| world.runtime.alive(*pid)).take(5).collect();
    for pid in &victims {
        world.runtime.terminate(*pid).unwrap();
    }
    // No time passes.
    world.simulation.settle();
    assert!(victims.iter().all(|pid| !world.runtime.alive(*pid)));
    assert_eq!(live(&world), 10_001);
    world.services.shutdown(30 * SECOND, 0);
    world.run(20_000);
    assert_eq!(live(&world), 0);
}

/// A child in Rust: ends when it is told to, or after a while, or by force only.
struct Actor {
    obeys: Option<u64>,
}

impl NativeProcess for Actor {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Start => context.ready(),
            Input::Event(Event::Cancel { .. }) => match self.obeys {
                Some(0) => return Flow::Finish(Exit::normal(Values::none())),
                Some(after) => {
                    context.set_timer(after * MS, Token(1));
                }
                None => {}
            },
            Input::Timer(_) => return Flow::Finish(Exit::normal(Values::none())),
            Input::Message { topic, .. } => {
                return Flow::Finish(match &*topic == b"fail" {
                    true => Exit::failure(Reason::Error, Error::internal("told")),
                    false => Exit::normal(Values::none()),
                });
            }
            _ => {}
        }
        Flow::Continue
    }
}

/// Who lives, and under whom.
#[derive(Default)]
struct Family(Mutex<BTreeMap<Pid, (Pid, Arc<str>)>>);

impl Observer for Family {
    fn observe(&self, occurrence: &Occurrence) {
        let mut living = self.0.lock().unwrap();
        match occurrence {
            Occurrence::Spawned { pid, parent, entry } => {
                living.insert(*pid, (*parent, entry.clone()));
            }
            Occurrence::Exited { pid, .. } => {
                living.remove(pid);
            }
            _ => {}
        }
    }
}

#[derive(Clone, Debug)]
struct Tree {
    strategy: Strategy,
    children: Vec<Kid>,
}

#[derive(Clone, Debug)]
enum Kid {
    Worker { restart: Restart, obeys: Option<u64>, count: Option<u32> },
    Inner(Tree),
}

fn trees() -> impl Generate<Value = Tree> {
    let strategy = || {
        prop_oneof![
            Just(Strategy::OneForOne),
            Just(Strategy::OneForAll),
            Just(Strategy::RestForOne)
        ]
    };
    let restart =
        prop_oneof![Just(Restart::Permanent), Just(Restart::Transient), Just(Restart::Temporary)];
    let obeys = prop_oneof![Just(Some(0)), Just(Some(300)), Just(None)];
    let worker = (restart, obeys, proptest::option::weighted(0.2, 1..12_u32))
        .prop_map(|(restart, obeys, count)| Kid::Worker { restart, obeys, count });
    let kids = proptest::collection::vec(worker.clone(), 0..4);
    let leaf = (strategy(), kids).prop_map(|(strategy, children)| Tree { strategy, children });
    leaf.prop_recursive(4, 200, 8, move |inner| {
        let kid = prop_oneof![2 => worker.clone(), 1 => inner.prop_map(Kid::Inner)];
        (strategy(), proptest::collection::vec(kid, 1..8))
            .prop_map(|(strategy, children)| Tree { strategy, children })
    })
}

fn plant(tree: &Tree, path: &str) -> SupervisorSpec {
    let kid = |(n, kid): (usize, &Kid)| match kid {
        Kid::Inner(tree) => nested(&format!("s{n}"), plant(tree, &format!("{path}.{n}"))),
        Kid::Worker { restart, obeys, count } => {
            let obeys = *obeys;
            let rule = ChildRule {
                restart: *restart,
                count: *count,
                shutdown: Shutdown::Deadline(Duration::from_millis(500)),
                ..ChildRule::new(format!("w{n}"))
            };
            let make = Arc::new(move || Box::new(Actor { obeys }) as Box<dyn NativeProcess>);
            let target = ChildTarget::Native { host: HOST.into(), entry: "worker".into(), make };
            ChildSpec { rule, target }
        }
    };
    let mut spec = supervisor(path, tree.strategy, vec![]);
    spec.children = tree.children.iter().enumerate().map(kid).collect();
    spec
}

#[derive(Clone, Debug)]
enum Blow {
    Kill(usize),
    Fail(usize),
    Finish(usize),
    Wait(u64),
    /// so many turns of shards happen, no more: kills meet whatever is under way
    Turns(usize),
    Settle,
}

fn blows() -> impl Generate<Value = Vec<Blow>> {
    let any = 0..1000_usize;
    let blow = prop_oneof![
        3 => any.clone().prop_map(Blow::Kill),
        2 => any.clone().prop_map(Blow::Fail),
        1 => any.prop_map(Blow::Finish),
        4 => (0..800_u64).prop_map(Blow::Wait),
        3 => (0..6_usize).prop_map(Blow::Turns),
        2 => Just(Blow::Settle),
    ];
    proptest::collection::vec(blow, 0..40)
}

/// The supervisor of each living member lives. Signals must have settled.
fn assert_no_orphans(runtime: &Runtime, members: &[(Pid, Pid)]) {
    let living: BTreeSet<Pid> = members.iter().map(|(pid, _)| *pid).collect();
    let root = runtime.supervisor("root");
    for (pid, parent) in members {
        assert!(Some(*pid) == root || living.contains(parent), "an orphan");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(150))]

    /// I7: whoever is killed at whatever moment, no child outlives its supervisor.
    #[test]
    fn nobody_is_orphaned(tree in trees(), blows in blows(), seed in any::<u64>()) {
        let builder = RuntimeBuilder::new(Arc::new(ProgramTable::default()));
        let (runtime, simulation, _) = builder.manual(Order::Seeded(seed), 1000);
        let family = Arc::new(Family::default());
        runtime.observe(family.clone());
        let spec = service_of(plant(&tree, "root"));
        let services = boot(&runtime, vec![spec]);
        let members = || -> Vec<(Pid, Pid)> {
            let living = family.0.lock().unwrap();
            let member = |entry: &str| entry == "worker" || entry.starts_with("root");
            let each = living.iter().filter(|(_, (_, entry))| member(entry));
            each.map(|(pid, (parent, _))| (*pid, *parent)).collect()
        };
        for blow in blows {
            let all: Vec<Pid> = members().into_iter().map(|(pid, _)| pid).collect();
            let pick = |n: usize| (!all.is_empty()).then(|| all[n % all.len()]);
            // What has died meanwhile is no mistake.
            match blow {
                Blow::Kill(n) => { pick(n).map(|pid| runtime.terminate(pid)); }
                Blow::Fail(n) => { pick(n).map(|pid| runtime.send(pid, *b"fail", Values::none())); }
                Blow::Finish(n) => { pick(n).map(|pid| runtime.send(pid, *b"end", Values::none())); }
                Blow::Wait(ms) => simulation.run_for(ms * MS),
                Blow::Turns(count) => (0..count).for_each(|_| { simulation.step(); }),
                Blow::Settle => {
                    simulation.settle();
                    assert_no_orphans(&runtime, &members());
                }
            }
        }
        simulation.settle();
        assert_no_orphans(&runtime, &members());
        services.stop("root").unwrap();
        simulation.run_for(60_000 * MS);
        prop_assert!(members().is_empty());
        runtime.close();
    }
}
