//! Hosts: states, limits, stop (SPEC 1.1, 1.4, 10.5).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::sync::Arc;

use luavisor_core::{Exit, Kind, Pid, Reason, Values};
use luavisor_runtime::{
    CONTROL, Flow, HostConfig, HostState, Input, NativeContext, NativeOptions, NativeProcess,
    Notice, Order, ProgramTable, RuntimeBuilder,
};
use luavisor_vm::Token;
use luavisor_vm::kernel::SpawnRequest;
use support::{Got, MS, World, cancel};

fn request(id: &str, host: &str) -> SpawnRequest {
    SpawnRequest::new(id, host, Values::none(), Arc::default())
}

#[test]
fn a_spawn_says_why_it_was_refused() {
    let program = Arc::new(luavisor_vm::Program {
        id: "app:known".into(),
        method: String::new(),
        unit: Arc::new(luavisor_vm::Unit {
            chunk: Arc::new(luavisor_vm::Chunk { name: "app:known".into(), bytecode: [].into() }),
            modules: None,
            imports: Default::default(),
        }),
        memory: None,
        mailbox: None,
    });
    let catalog = Arc::new(ProgramTable::default());
    catalog.insert(program);
    let (runtime, _, _) = RuntimeBuilder::new(catalog).manual(Order::Fair, 1000);
    runtime.add_host(HostConfig::new("app:idle")).unwrap();
    for (id, host, kind, message) in [
        ("", "app:idle", Kind::INVALID, "process ID required"),
        ("x", "app:idle", Kind::INVALID, "invalid process ID format (namespace:name required)"),
        ("app:x", "", Kind::INVALID, "host ID required"),
        ("app:x", "app:idle", Kind::NOT_FOUND, "factory not found"),
        ("app:known", "app:none", Kind::NOT_FOUND, "host not found"),
        ("app:known", "app:known", Kind::INVALID, "host does not implement process.Host"),
        ("app:known", "node:control", Kind::NOT_FOUND, "host not found"),
        ("app:known", "app:idle", Kind::UNAVAILABLE, "host is not running"),
    ] {
        let error = runtime.spawn(request(id, host)).unwrap_err();
        assert_eq!((error.kind, &*error.message), (kind, message), "{id} {host}");
    }
}

#[test]
fn a_full_host_refuses() {
    let config = HostConfig { max_processes: 2, workers: 1, ..HostConfig::new("app:host") };
    let world = World::with(config, Order::Fair);
    let first = world.probe();
    world.probe();
    let error = world.try_probe(NativeOptions::new("test:actor")).err().unwrap();
    assert_eq!(error.kind, Kind::LIMIT_EXCEEDED);
    assert_eq!(&*error.message, "too many processes on host app:host (limit 2)");
    first.finish();
    world.probe();
}

#[test]
fn a_full_mailbox_refuses_messages_but_no_events() {
    let mut config = HostConfig { workers: 1, ..HostConfig::new("app:host") };
    config.limits.mailbox = 10;
    config.limits.message_bytes = 1000;
    let world = World::with(config, Order::Fair);
    let [a, b] = [(); 2].map(|()| world.probe());
    let to = b.pid;
    let error = a.act(move |context| {
        for _ in 0..10 {
            context.send(to, *b"x", Values::none()).unwrap();
        }
        context.cancel(to, cancel(None, "")).unwrap();
        context.send(to, *b"x", Values::none()).unwrap_err()
    });
    assert_eq!((error.kind, &*error.message), (Kind::LIMIT_EXCEEDED, "mailbox full"));
    assert_eq!(b.got().len(), 11);
    let error =
        a.act(move |context| context.send(to, *b"x", Values::one("x".repeat(985))).unwrap_err());
    assert_eq!(&*error.message, "payload: 1001 bytes exceed the limit of 1000 bytes");
    a.act(move |context| context.send(to, *b"x", Values::one("x".repeat(984)))).unwrap();
}

#[test]
fn a_stopping_host_cancels_everybody_and_stops_when_empty() {
    for (shutdown, reason) in [(false, Reason::Cancelled), (true, Reason::Shutdown)] {
        let world = World::scattered(2);
        let [a, b] = [(); 2].map(|()| world.probe());
        let other = world.runtime.add_host(HostConfig::new("app:other")).unwrap();
        world.runtime.start_host(other).unwrap();
        let watching = World { host: other, ..world };
        let watcher = watching.probe();
        let (target, asker) = (b.pid, watcher.pid);
        watcher.act(move |context| context.monitor(target)).unwrap();
        if shutdown {
            watching.runtime.begin_shutdown();
        }
        let stop = cancel(Some((50 * MS, "50ms")), "scheduler shutdown");
        watching.runtime.stop_host(a.pid.host, stop, Some(asker)).unwrap();
        for probe in [&a, &b] {
            let got = probe.got();
            let [Got::Cancel(Pid::NONE, text, Some(_))] = &got[..] else { panic!("{got:?}") };
            assert_eq!(text, "scheduler shutdown");
        }
        let error = watching
            .runtime
            .spawn_native(a.pid.host, Box::new(Nothing), NativeOptions::new("test:late"))
            .unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::UNAVAILABLE, "host is shutting down"));
        a.finish();
        assert_eq!(watching.runtime.host_state(a.pid.host), Some((HostState::Stopping, 1)));
        watching.simulation.run();
        assert_eq!(watching.runtime.host_state(a.pid.host), Some((HostState::Stopped, 0)));
        let text = "cancel deadline exceeded after 50ms".to_owned();
        assert_eq!(
            watcher.got(),
            [Got::Exit(target, reason, Some(text)), Got::Notice(Notice::HostStopped(a.pid.host))]
        );
        assert!(watching.runtime.host_state(CONTROL).is_some());
    }
}

#[test]
fn what_is_left_is_terminated_with_reason_shutdown() {
    let world = World::new();
    let [a, b] = [(); 2].map(|()| world.probe());
    world.runtime.terminate_all();
    world.simulation.settle();
    assert!(!a.alive() && !b.alive());
}

#[test]
fn a_snapshot_counts_processes_and_mailboxes() {
    let world = World::new();
    let [a, b] = [(); 2].map(|()| world.probe());
    for _ in 0..3 {
        world.runtime.send(b.pid, *b"x", Values::none()).unwrap();
    }
    world.runtime.send(a.pid, *b"x", Values::none()).unwrap();
    let snapshot = world.runtime.snapshot();
    assert_eq!(snapshot.entries.get("test:actor"), Some(&2));
    assert_eq!(snapshot.mailboxes[0], (b.pid, "test:actor".into(), 3));
    assert_eq!(snapshot.busy, 0);
}

struct Nothing;

impl luavisor_runtime::NativeProcess for Nothing {
    fn handle(
        &mut self,
        _: &mut luavisor_runtime::NativeContext<'_>,
        _: luavisor_runtime::Input,
    ) -> luavisor_runtime::Flow {
        luavisor_runtime::Flow::Continue
    }
}

#[test]
fn an_empty_shard_that_was_large_gives_its_memory_back() {
    let idle = ("app:idle", "return function() process.inbox():receive() end");
    let config = HostConfig { workers: 1, ..HostConfig::new("app:host") };
    let world = World::running(&[idle], config, Order::Fair);
    let heap = || world.runtime.snapshot().shards.iter().map(|shard| shard.heap).sum::<usize>();
    for _ in 0..2 {
        let spawn = |_| world.runtime.spawn(request("app:idle", "app:host")).unwrap();
        let pids: Vec<Pid> = (0..1000).map(spawn).collect();
        world.simulation.settle();
        assert!(heap() > 1 << 20);
        pids.iter().for_each(|pid| world.runtime.terminate(*pid).unwrap());
        world.simulation.run_for(4_999 * MS);
        assert!(heap() > 1 << 20);
        world.simulation.run_for(2 * MS);
        assert_eq!(heap(), 0);
    }
}

#[test]
fn processes_started_one_by_one_from_elsewhere_come_to_all_workers() {
    let idle = ("app:idle", "return function() process.inbox():receive() end");
    let config = HostConfig { workers: 2, ..HostConfig::new("app:host") };
    let world = World::running(&[idle], config, Order::Fair);
    for _ in 0..60 {
        world.runtime.spawn(request("app:idle", "app:host")).unwrap();
        world.simulation.settle();
    }
    let mut shards = world.runtime.snapshot().shards;
    shards.retain(|shard| &*shard.host == "app:host");
    let live: Vec<usize> = shards.iter().map(|shard| shard.live).collect();
    assert!(live.len() == 2 && live.iter().all(|live| *live >= 20), "{live:?}");
}

#[test]
fn a_shard_that_is_not_empty_for_long_keeps_its_memory() {
    let idle = ("app:idle", "return function() process.inbox():receive() end");
    let config = HostConfig { workers: 1, ..HostConfig::new("app:host") };
    let world = World::running(&[idle], config, Order::Fair);
    let heap = || world.runtime.snapshot().shards.iter().map(|shard| shard.heap).sum::<usize>();
    let spawn = |_| world.runtime.spawn(request("app:idle", "app:host")).unwrap();
    let end = |pids: Vec<Pid>| {
        pids.iter().for_each(|pid| world.runtime.terminate(*pid).unwrap());
        world.simulation.settle();
    };
    let many: Vec<Pid> = (0..1000).map(spawn).collect();
    world.simulation.settle();
    end(many);
    for _ in 0..20 {
        world.simulation.run_for(1_000 * MS);
        end(vec![spawn(0)]);
        assert!(heap() > 1 << 20);
    }
    world.simulation.run_for(5_001 * MS);
    assert_eq!(heap(), 0);
}

/// Sets a timer for the very instant at which one has fired, so many times.
struct Again(u32);

impl NativeProcess for Again {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Start => drop(context.set_timer(MS, Token(1))),
            Input::Timer(_) if self.0 == 0 => return Flow::Finish(Exit::normal(Values::none())),
            Input::Timer(_) => {
                self.0 -= 1;
                context.set_timer(0, Token(1));
            }
            _ => {}
        }
        Flow::Continue
    }
}

#[test]
fn a_timer_for_the_instant_of_the_last_one_fires() {
    let world = World::new();
    let actor = Box::new(Again(3));
    let pid =
        world.runtime.spawn_native(world.host, actor, NativeOptions::new("test:again")).unwrap();
    world.simulation.run_for(2 * MS);
    assert!(!world.runtime.alive(pid));
}
