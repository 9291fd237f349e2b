//! `process.exec` (SPEC 12.1), functions and named spawns (SPEC 12.3), called by
//! native processes on Lua ones.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use luavisor_core::{Kind, Reason, Values};
use luavisor_runtime::{Callable, Function, HostConfig, Notice, Order, ProgramTable, SpawnOrder};
use luavisor_vm::kernel::{CallRequest, SpawnRequest};
use luavisor_vm::{Chunk, Program, Unit, compile};
use support::{Got, MS, World, request, token};

const PROGRAMS: [(&str, &str); 4] = [
    ("app:echo", "return function(x) return x end"),
    ("app:fail", "return function() return nil, 'no' end"),
    ("app:wait", "return function() process.inbox():receive() end"),
    ("app:ready", "return function() process.ready() process.inbox():receive() end"),
];

fn worlds() -> [World; 2] {
    [4096, 1].map(|shard_capacity| {
        let config = HostConfig { workers: 1, shard_capacity, ..HostConfig::new("app:host") };
        World::running(&PROGRAMS, config, Order::Fair)
    })
}

#[test]
fn the_caller_gets_value_or_error() {
    for world in worlds() {
        let caller = world.probe();
        caller
            .act(|context| context.exec(request("app:echo", Values::one(5)), None, token(1)))
            .unwrap();
        assert_eq!(caller.got(), [Got::Completed(1, Ok(Values::one(5)))]);
        let fail = request("app:fail", Values::none());
        caller.act(|context| context.exec(fail, None, token(2))).unwrap();
        let got = caller.got();
        let [Got::Completed(2, Err(error))] = &got[..] else { panic!("{got:?}") };
        assert_eq!((&error.kind, &*error.message), (&Kind::INTERNAL, "no"));
    }
}

#[test]
fn a_timeout_ends_the_callee() {
    for world in worlds() {
        let caller = world.probe();
        let wait = request("app:wait", Values::none());
        let timeout = Some((20 * MS, "20ms".into()));
        caller.act(|context| context.exec(wait, timeout, token(1))).unwrap();
        world.simulation.run_for(19 * MS);
        assert_eq!((caller.got(), live(&world)), (vec![], 2));
        world.simulation.run_for(MS);
        let got = caller.got();
        let [Got::Completed(1, Err(error))] = &got[..] else { panic!("{got:?}") };
        assert_eq!((&error.kind, &*error.message), (&Kind::TIMEOUT, "exec timed out after 20ms"));
        assert_eq!((live(&world), world.simulation.next_alarm()), (1, None));
    }
}

#[test]
fn the_callee_dies_with_its_caller() {
    for world in worlds() {
        let caller = world.probe();
        let wait = request("app:wait", Values::none());
        let timeout = Some((20 * MS, "20ms".into()));
        caller.act(|context| context.exec(wait, timeout, token(1))).unwrap();
        assert_eq!(live(&world), 2);
        caller.finish();
        assert_eq!((live(&world), world.simulation.next_alarm()), (0, None));
    }
}

#[test]
fn native_processes_call_functions() {
    let table = ProgramTable::default();
    let source = "return function(x)
        if x == 'wait' then process.inbox():receive() end
        return { x, string.match(process.pid(), '^{(.-)|') }
    end";
    let bytecode = compile(source.as_bytes()).unwrap();
    let chunk = Arc::new(Chunk { name: "app:f".into(), bytecode });
    let unit = Arc::new(Unit { chunk, modules: None, imports: Default::default() });
    let (id, method) = ("app:f".into(), String::new());
    let program = Arc::new(Program { id, method, unit, memory: None, mailbox: None });
    let function = Arc::new(Function::new(program, Some(1)));
    table.insert_callable("app:f".into(), Callable::Function(function));
    let world = World::of(table, HostConfig::new("app:host"), Order::Fair);
    let other = world.runtime.add_host(HostConfig::new("app:other")).unwrap();
    world.runtime.start_host(other).unwrap();
    let call = |x: &str, host: Option<&str>| CallRequest {
        id: "app:f".into(),
        arguments: Values::one(x),
        context: Arc::default(),
        timeout: None,
        waits: false,
        host: host.map(Into::into),
    };
    let caller = world.probe();
    for (host, place) in [(None, "app:host"), (Some("app:other"), "app:other")] {
        let request = call("x", host);
        caller.act(|context| context.call(request, token(1))).unwrap();
        let got = caller.got();
        let [Got::Completed(1, Ok(values))] = &got[..] else { panic!("{got:?}") };
        assert_eq!(values.tables[0].array[1], place.into());
    }
    let nowhere = call("x", Some("app:nowhere"));
    let refused = caller.act(|context| context.call(nowhere, token(1))).unwrap_err();
    assert_eq!((refused.kind, &*refused.message), (Kind::NOT_FOUND, "host not found"));
    // One that was given up does not complete, one that waited for its seat does.
    let (first, second) = (call("wait", None), call("x", None));
    caller.act(|context| context.call(first, token(2))).unwrap();
    caller.act(|context| context.call(second, token(3))).unwrap();
    assert_eq!(caller.got(), []);
    caller.act(|context| context.cancel_call(token(2)));
    world.simulation.run_for(6_000 * MS);
    assert!(matches!(caller.got()[..], [Got::Completed(3, Ok(_))]));
    assert_eq!(live(&world), 1);
}

#[test]
fn the_owner_of_a_taken_name_stands_in() {
    for world in worlds() {
        let parent = world.probe();
        let named = || SpawnRequest {
            name: Some("x".into()),
            monitor: true,
            ..request("app:wait", Values::none())
        };
        let first = parent.act(move |context| context.spawn(named())).unwrap();
        let mut second = named();
        second.messages.push((b"stop"[..].into(), Values::none()));
        assert_eq!(parent.act(|context| context.spawn(second)).unwrap(), first);
        assert_eq!(parent.got(), [Got::Exit(first, Reason::Normal, None)]);
        assert_ne!(parent.act(move |context| context.spawn(named())).unwrap(), first);
    }
}

#[test]
fn ready_is_told_to_the_control_process() {
    for world in worlds() {
        let control = world.probe();
        let order = SpawnOrder {
            control: Some(control.pid),
            ..SpawnOrder::from(request("app:ready", Values::none()))
        };
        let pid = control.act(|context| context.spawn(order)).unwrap();
        assert_eq!(control.got(), [Got::Notice(Notice::Ready(pid))]);
    }
}

fn live(world: &World) -> usize {
    world.runtime.host_state(world.host).unwrap().1
}
