//! Starting: dependencies, readiness, what boot waits for.

use luavisor_core::lifecycle::State;
use luavisor_core::restart::RestartRule;
use luavisor_core::{Kind, Values};
use luavisor_runtime::{
    Flow, HostConfig, Input, NativeContext, Order, ProgramTable, RuntimeBuilder, ServiceSpec,
    Services, Target,
};
use luavisor_vm::Token;
use std::sync::Arc;

use super::support::*;

const WAIT: &str = "return function() process.events():receive() end";
const READY_AFTER_300_MS: &str = "return function()
    require('time').sleep('300ms')
    process.ready()
    process.events():receive()
end";

#[test]
fn services_start_in_the_order_of_their_dependencies() {
    let specs = vec![
        service("web", &["db", "cache"]),
        ServiceSpec { ready: true, ..service("db", &[]) },
        service("cache", &[]),
        ServiceSpec { auto_start: false, ..service("idle", &[]) },
    ];
    let programs = [("web", WAIT), ("db", READY_AFTER_300_MS), ("cache", WAIT), ("idle", WAIT)];
    let world = world(&programs, specs);
    world.run(299);
    assert!(!world.services.booted());
    world.run(1);
    assert!(world.services.booted());
    assert_eq!(
        world.told(),
        [
            "0 db starting",
            "0 cache starting",
            "0 cache running",
            "300 db running",
            "300 web starting",
            "300 web running",
        ]
    );
    assert_eq!(world.state("idle"), State::Unknown);
    assert_eq!(world.told_of_hosts(), ["0 app:host starting", "0 app:host running"]);
    let log = world.log();
    let at = |line: &str| log.iter().position(|other| other.starts_with(line)).expect(line);
    let order = [
        at("INFO service registered service=\"web\""),
        at("INFO host started host=\"app:host\""),
        at("INFO starting service service=\"db\""),
        at("INFO starting service service=\"web\""),
    ];
    assert!(order.is_sorted(), "{log:?}");
}

#[test]
fn what_a_service_needs_starts_with_it() {
    let specs = vec![
        ServiceSpec { auto_start: false, ..service("web", &["db"]) },
        ServiceSpec { auto_start: false, ..service("db", &[]) },
    ];
    let world = world(&[("web", WAIT), ("db", WAIT)], specs);
    world.run(0);
    assert!(world.services.booted());
    assert_eq!(world.told(), Vec::<String>::new());
    world.services.start("web").unwrap();
    world.run(0);
    let expected = ["0 db starting", "0 db running", "0 web starting", "0 web running"];
    assert_eq!(world.told(), expected);
    assert_eq!(world.services.start("none").unwrap_err().kind, Kind::NOT_FOUND);
}

#[test]
fn a_process_gets_its_input_and_a_host_that_is_not_started_refuses() {
    let mut spec = service("echo", &[]);
    if let Target::Process { input, .. } = &mut spec.target {
        *input = Values::list(["a", "b"]);
    }
    let lost = "return function()
        local pid, err = process.spawn('app:echo', 'app:other')
        print(pid, err:kind(), err:message())
    end";
    let echo = "return function(...) print(select('#', ...), ...) end";
    let world = world(&[("echo", echo), ("lost", lost)], vec![spec, service("lost", &[])]);
    world.runtime.add_host(HostConfig::new("app:other")).unwrap();
    world.run(0);
    assert_eq!(world.printed(), ["2\ta\tb", "nil\tUnavailable\thost is not running"]);
}

#[test]
fn a_service_that_is_not_ready_in_time_is_terminated_and_tried_again() {
    let slow = "return function() pcall(function() require('time').sleep('1h') end) end";
    let spec = ServiceSpec { ready: true, start_timeout: 2 * SECOND, ..service("slow", &[]) };
    let world = world(&[("slow", slow), ("web", WAIT)], vec![spec, service("web", &["slow"])]);
    world.run(3000);
    assert!(world.services.booted());
    assert_eq!(
        world.told(),
        [
            "0 slow starting",
            "2000 slow restart 1 in 1s: not ready after 2s",
            "2000 web waits for slow",
            "3000 slow starting",
        ]
    );
    assert_eq!(world.exits(), ["2000 app:slow terminated: process terminated"]);
    assert_eq!(
        world.errors(),
        [
            "ERROR required service failed, will restart service=\"slow\" \
             error=\"not ready after 2s\" delay=\"1s\" attempt=1",
            "ERROR required service not started, its dependency is not running \
             service=\"web\" dependency=\"slow\"",
        ]
    );
    assert_eq!(world.state("web"), State::Unknown);
}

#[test]
fn a_dependant_starts_when_what_it_needs_recovers() {
    let flaky = "return function()
        if not process.registry.lookup('second') then
            process.spawn('app:keeper', 'app:host')
            error('first', 0)
        end
        process.ready()
        process.events():receive()
    end";
    let keeper = "return function()
        process.registry.register('second')
        process.inbox():receive()
    end";
    let specs =
        vec![ServiceSpec { ready: true, ..service("flaky", &[]) }, service("web", &["flaky"])];
    let world = world(&[("flaky", flaky), ("keeper", keeper), ("web", WAIT)], specs);
    world.run(2000);
    assert_eq!(
        world.told(),
        [
            "0 flaky starting",
            "0 flaky restart 1 in 1s: first",
            "0 web waits for flaky",
            "1000 flaky starting",
            "1000 flaky running",
            "1000 web starting",
            "1000 web running",
        ]
    );
}

#[test]
fn boot_does_not_wait_for_an_optional_service() {
    let spec = ServiceSpec { required: false, ..service("missing", &[]) };
    let world = world(&[("web", WAIT)], vec![spec, service("web", &[])]);
    world.run(1500);
    assert!(world.services.booted());
    assert_eq!(world.errors(), Vec::<String>::new());
    let told: Vec<String> =
        world.told().into_iter().filter(|line| line.contains("missing")).collect();
    assert_eq!(
        told,
        [
            "0 missing starting",
            "0 missing restart 1 in 1s: factory not found",
            "1000 missing starting",
            "1000 missing restart 2 in 2s: factory not found",
        ]
    );
}

#[test]
fn a_process_that_returns_before_it_is_ready_was_never_running() {
    let spec = ServiceSpec { ready: true, ..service("hasty", &[]) };
    let hasty = "return function() return true end";
    let world = world(&[("hasty", hasty), ("web", WAIT)], vec![spec, service("web", &["hasty"])]);
    world.run(0);
    assert_eq!(world.told(), ["0 hasty starting", "0 hasty exited", "0 web waits for hasty"]);
}

#[test]
fn native_services_can_be_ready_too() {
    let ready = || {
        Acting(|context: &mut NativeContext<'_>, input| {
            match input {
                Input::Start => drop(context.set_timer(50 * MS, Token(1))),
                Input::Timer(_) => context.ready(),
                _ => {}
            }
            Flow::Continue
        })
    };
    let spec = ServiceSpec { ready: true, ..native("actor", &[], ready) };
    let world = world(&[], vec![spec]);
    world.run(49);
    assert_eq!(world.state("actor"), State::Starting);
    world.run(1);
    let state = world.services.state("actor").unwrap();
    assert_eq!(state.lifecycle, State::Running);
    assert!(world.runtime.alive(state.pid.unwrap()) && state.wanted && state.lives == 1);
}

#[test]
fn faults_of_the_plan_are_refused() {
    let builder = RuntimeBuilder::new(Arc::new(ProgramTable::default()));
    let (runtime, _, _) = builder.manual(Order::Fair, 1000);
    let boot = |specs| Services::boot(&runtime, specs).map(|_| ()).unwrap_err().message;
    let twice = vec![service("a", &[]), service("a", &[])];
    assert_eq!(&*boot(twice), "service a is declared twice");
    assert_eq!(&*boot(vec![service("a", &[])]), "service a needs app:host, which is no service");
    let needs = |id, need: &str| ServiceSpec {
        dependencies: vec![need.into()],
        rule: RestartRule::default(),
        ..service(id, &[])
    };
    let cycle = vec![needs("a", "b"), needs("b", "a")];
    assert_eq!(&*boot(cycle), "services need each other: a -> b -> a");
    assert!(Services::boot(&runtime, vec![]).is_ok());
    assert_eq!(&*boot(vec![]), "the runtime has its services already");
    runtime.close();
}
