//! Work off the workers: what waits for it waits alone. The work of these tests ends
//! when the test says so; limits of time only stop a test that hangs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use luavisor_core::{Pid, Value, Values};
use luavisor_runtime::{HostConfig, HostId, Order, ProgramTable, Runtime, RuntimeBuilder};
use luavisor_vm::kernel::SpawnRequest;
use luavisor_vm::native::{Member, NativeModule};
use luavisor_vm::{Chunk, Program, Unit, compile};

const PATIENCE: Duration = Duration::from_secs(30);

/// Work stops here until it is opened.
#[derive(Default)]
struct Gate {
    state: Mutex<(bool, usize)>,
    changed: Condvar,
}

impl Gate {
    fn pass(&self) {
        let mut state = self.state.lock().unwrap();
        state.1 += 1;
        self.changed.notify_all();
        while !state.0 {
            state = self.changed.wait(state).unwrap();
        }
    }

    /// Waits until so much work stands before it.
    fn wait_for(&self, count: usize) {
        let state = self.state.lock().unwrap();
        let waiting = |state: &mut (bool, usize)| state.1 < count;
        let (_state, timeout) = self.changed.wait_timeout_while(state, PATIENCE, waiting).unwrap();
        assert!(!timeout.timed_out(), "nothing came");
    }

    fn open(&self) {
        self.state.lock().unwrap().0 = true;
        self.changed.notify_all();
    }
}

/// `test.pass()` waits at the gate off the worker, `test.say(text)` tells the test.
fn module(gate: &Arc<Gate>) -> (NativeModule, Receiver<String>) {
    let (say, said): (Sender<String>, _) = channel();
    let (say, gate) = (Mutex::new(say), gate.clone());
    let mut members = BTreeMap::new();
    let mut add = |name: &str, member| members.insert(name.to_owned(), member);
    add(
        "pass",
        Member::Blocking(Arc::new(move |_, values| {
            gate.pass();
            Ok(values)
        })),
    );
    add("panic", Member::Blocking(Arc::new(|_, _| panic!("on purpose"))));
    add(
        "say",
        Member::Sync(Arc::new(move |_, values| {
            let Value::String(bytes) = values.first() else { panic!("no text") };
            let _ = say.lock().unwrap().send(String::from_utf8_lossy(bytes).into_owned());
            Ok(Values::none())
        })),
    );
    (NativeModule { name: "test".to_owned(), members }, said)
}

fn builder(gate: &Arc<Gate>, sources: &[(&str, &str)]) -> (RuntimeBuilder, Receiver<String>) {
    let catalog = Arc::new(ProgramTable::default());
    for (name, source) in sources {
        let chunk = Chunk { name: (*name).into(), bytecode: compile(source.as_bytes()).unwrap() };
        let unit = Unit { chunk: Arc::new(chunk), modules: None, imports: BTreeMap::new() };
        catalog.insert(Arc::new(Program {
            id: (*name).into(),
            method: String::new(),
            unit: Arc::new(unit),
            memory: None,
            mailbox: None,
        }));
    }
    let (module, said) = module(gate);
    let sink = || Box::new(std::io::sink());
    (RuntimeBuilder::new(catalog).module(module).outputs(sink(), sink()), said)
}

struct World {
    runtime: Runtime,
    said: Receiver<String>,
    gate: Arc<Gate>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.gate.open();
        self.runtime.close();
    }
}

fn start_host(runtime: &Runtime) -> HostId {
    let host = runtime.add_host(HostConfig { workers: 1, ..HostConfig::new("app:host") }).unwrap();
    runtime.start_host(host).unwrap();
    host
}

impl World {
    /// With one worker.
    fn new(sources: &[(&str, &str)]) -> World {
        let gate = Arc::new(Gate::default());
        let (builder, said) = builder(&gate, sources);
        let runtime = builder.build();
        start_host(&runtime);
        World { runtime, said, gate }
    }

    fn spawn(&self, id: &str) -> Pid {
        self.runtime
            .spawn(SpawnRequest::new(id, "app:host", Values::none(), Arc::default()))
            .unwrap()
    }

    fn hears(&self, text: &str) {
        assert_eq!(self.said.recv_timeout(PATIENCE).unwrap(), text);
    }
}

const PASSER: &str = r#"
    local test = require("test")
    return function()
        local a, b = test.pass("tea", 5)
        test.say(`{a} {b}`)
    end"#;

const ECHO: &str = r#"
    local test = require("test")
    return function()
        local answers = process.listen("answer")
        coroutine.spawn(function()
            local pings = process.listen("ping")
            while true do
                local n = pings:receive()
                process.send(process.pid(), "answer", n)
            end
        end)
        for n = 1, 1000 do
            process.send(process.pid(), "ping", n)
            assert(answers:receive() == n)
        end
        test.say("1000 round trips")
        process.terminate(process.pid())
    end"#;

#[test]
fn others_run_on_the_only_worker_while_work_is_done() {
    let world = World::new(&[("app:passer", PASSER), ("app:echo", ECHO)]);
    world.spawn("app:passer");
    world.gate.wait_for(1);
    world.spawn("app:echo");
    world.hears("1000 round trips");
    world.gate.open();
    world.hears("tea 5");
}

#[test]
fn who_waits_for_work_can_be_killed() {
    let watcher = r#"
        local test = require("test")
        return function()
            local events = process.events()
            local pid = process.spawn_monitored("app:passer", "app:host")
            test.say(pid)
            local event = events:receive()
            test.say(event.kind)
        end"#;
    let world = World::new(&[("app:passer", PASSER), ("app:watcher", watcher), ("app:echo", ECHO)]);
    world.spawn("app:watcher");
    let pid = world.said.recv_timeout(PATIENCE).unwrap();
    let pid = world.runtime.resolve(&pid).unwrap();
    world.gate.wait_for(1);
    world.runtime.terminate(pid).unwrap();
    world.hears("pid.exit");
    // Its result comes and goes nowhere.
    world.gate.open();
    world.spawn("app:echo");
    world.hears("1000 round trips");
    assert!(!world.runtime.alive(pid));
}

#[test]
fn there_may_be_more_work_than_threads() {
    let world = World::new(&[("app:passer", PASSER)]);
    for _ in 0..50 {
        world.spawn("app:passer");
    }
    world.gate.wait_for(8);
    world.gate.open();
    for _ in 0..50 {
        world.hears("tea 5");
    }
}

#[test]
fn closing_does_not_wait_for_work() {
    let world = World::new(&[("app:passer", PASSER)]);
    for _ in 0..20 {
        world.spawn("app:passer");
    }
    world.gate.wait_for(8);
    world.runtime.close();
    // The gate is opened afterwards, by the end of `world`.
}

#[test]
fn a_panic_is_an_error_of_the_asker() {
    let panics = r#"
        local test = require("test")
        return function()
            local value, err = test.panic()
            test.say(`{value} {err:kind()} {err:message()}`)
        end"#;
    let world = World::new(&[("app:panics", panics), ("app:passer", PASSER)]);
    world.spawn("app:panics");
    world.hears("nil Internal panic in blocking work");
    world.gate.open();
    world.spawn("app:passer");
    world.hears("tea 5");
}

#[test]
fn driven_by_hand_work_is_done_at_once() {
    let gate = Arc::new(Gate::default());
    gate.open();
    let (builder, said) = builder(&gate, &[("app:passer", PASSER)]);
    let (runtime, simulation, _) = builder.manual(Order::Seeded(7), 1000);
    start_host(&runtime);
    for _ in 0..3 {
        runtime
            .spawn(SpawnRequest::new("app:passer", "app:host", Values::none(), Arc::default()))
            .unwrap();
    }
    simulation.settle();
    assert_eq!(said.try_iter().count(), 3);
    runtime.close();
}
