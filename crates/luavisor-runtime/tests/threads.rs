//! Worker threads, watchdog and real time. Waits end with what they wait for;
//! the limits are generous and only stop a test that hangs.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::RefCell;
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor_core::{Exit, Pid, Reason, Values};
use luavisor_runtime::{
    Callable, Function, HostConfig, HostId, Observer, Occurrence, ProgramTable, Runtime,
    RuntimeBuilder,
};
use luavisor_vm::kernel::{CancelRequest, SpawnRequest};
use luavisor_vm::{Chunk, Program, Unit, compile};

const PATIENCE: Duration = Duration::from_secs(30);

struct Ends {
    ends: Mutex<Sender<(Pid, Arc<Exit>)>>,
    spawned: Mutex<Vec<Pid>>,
}

impl Observer for Ends {
    fn observe(&self, occurrence: &Occurrence) {
        match occurrence {
            Occurrence::Exited { pid, exit, .. } => {
                let _ = self.ends.lock().unwrap().send((*pid, exit.clone()));
            }
            Occurrence::Spawned { pid, .. } => self.spawned.lock().unwrap().push(*pid),
            _ => {}
        }
    }
}

struct World {
    runtime: Runtime,
    host: HostId,
    ends: Receiver<(Pid, Arc<Exit>)>,
    seen: RefCell<HashMap<Pid, Arc<Exit>>>,
    observer: Arc<Ends>,
}

impl Drop for World {
    fn drop(&mut self) {
        self.runtime.close();
    }
}

impl World {
    fn new(config: HostConfig, sources: &[(&str, &str)]) -> World {
        let catalog = Arc::new(ProgramTable::default());
        for (name, source) in sources {
            let bytecode = compile(source.as_bytes()).unwrap();
            let chunk = Arc::new(Chunk { name: (*name).into(), bytecode });
            let program = Arc::new(Program {
                id: (*name).into(),
                method: String::new(),
                unit: Arc::new(Unit { chunk, modules: None, imports: BTreeMap::new() }),
                memory: None,
                mailbox: None,
            });
            match name.strip_suffix("@2") {
                // A function of two seats.
                Some(id) => {
                    let function = Arc::new(Function::new(program, Some(2)));
                    catalog.insert_callable(id.into(), Callable::Function(function));
                }
                None => catalog.insert(program),
            }
        }
        let sink = || Box::new(std::io::sink());
        let runtime = RuntimeBuilder::new(catalog).outputs(sink(), sink()).build();
        let host = runtime.add_host(config).unwrap();
        runtime.start_host(host).unwrap();
        let (sender, ends) = channel();
        let observer = Arc::new(Ends { ends: Mutex::new(sender), spawned: Mutex::new(Vec::new()) });
        runtime.observe(observer.clone());
        World { runtime, host, ends, seen: RefCell::default(), observer }
    }

    fn spawn(&self, id: &str) -> Pid {
        let request = SpawnRequest::new(id, "app:host", Values::none(), Arc::default());
        self.runtime.spawn(request).unwrap()
    }

    #[track_caller]
    fn end_of(&self, pid: Pid) -> Arc<Exit> {
        loop {
            // Ends come in any order when several are due at once.
            if let Some(exit) = self.seen.borrow_mut().remove(&pid) {
                return exit;
            }
            let (ended, exit) = self.ends.recv_timeout(PATIENCE).expect("it does not end");
            self.seen.borrow_mut().insert(ended, exit);
        }
    }
}

fn host(workers: usize) -> HostConfig {
    HostConfig { workers, ..HostConfig::new("app:host") }
}

#[track_caller]
fn message(exit: &Exit) -> &str {
    exit.error.as_ref().map_or("", |error| &error.message)
}

const ENDLESS: (&str, &str) = ("app:endless", "return function() while true do end end");
const CHILD: (&str, &str) = ("app:child", "return function(n) return n end");

#[test]
fn an_endless_loop_leaves_room_for_others_and_can_be_terminated() {
    let world = World::new(host(1), &[ENDLESS, CHILD]);
    let endless = world.spawn("app:endless");
    for _ in 0..3 {
        let child = world.spawn("app:child");
        assert_eq!(world.end_of(child).reason, Reason::Normal);
    }
    world.runtime.terminate(endless).unwrap();
    assert_eq!(message(&world.end_of(endless)), "process terminated");
}

#[test]
fn a_deadline_ends_a_busy_process_on_a_busy_host() {
    let world = World::new(host(1), &[ENDLESS]);
    let [first, second] = [(); 2].map(|()| world.spawn("app:endless"));
    let request = CancelRequest { timeout: Some((20_000_000, "20ms".into())), reason: "".into() };
    world.runtime.cancel(first, request).unwrap();
    let exit = world.end_of(first);
    assert_eq!(message(&exit), "cancel deadline exceeded after 20ms");
    assert!(world.runtime.alive(second));
}

#[test]
fn a_timer_wakes_an_idle_host_in_time() {
    let wait = "return function() process.inbox():receive() end";
    for workers in [1, 2] {
        let world = World::new(host(workers), &[("app:wait", wait)]);
        let pids = [(); 3].map(|()| world.spawn("app:wait"));
        let clock = world.runtime.clock();
        let start = clock.monotonic();
        // The later deadlines first: each earlier one must move the alarm.
        for (pid, delay) in pids.iter().zip([60_000_000, 40_000_000, 20_000_000]) {
            let timeout = Some((delay, "a while".into()));
            let request = CancelRequest { timeout, reason: "".into() };
            world.runtime.cancel(*pid, request).unwrap();
        }
        for (pid, delay) in pids.iter().zip([60_000_000, 40_000_000, 20_000_000]).rev() {
            world.end_of(*pid);
            assert!(clock.monotonic() - start >= delay, "too early");
        }
    }
}

#[test]
fn two_siblings_that_compute_use_two_shards() {
    let parent = "return function()
        process.spawn('app:endless', 'app:host')
        process.spawn('app:endless', 'app:host')
    end";
    let world = World::new(host(2), &[ENDLESS, ("app:parent", parent)]);
    let pid = world.spawn("app:parent");
    world.end_of(pid);
    let spawned = world.observer.spawned.lock().unwrap().clone();
    assert_ne!(spawned[1].shard(), spawned[2].shard());
}

#[test]
fn children_across_shards_all_report_their_end() {
    let parent = "return function()
        local events, seen = process.events(), 0
        for round = 1, 20 do
            for i = 1, 50 do assert(process.spawn_monitored('app:child', 'app:host', i)) end
            for i = 1, 50 do
                local event = events:receive()
                seen = seen + event.result.value
            end
        end
        return seen
    end";
    for workers in [1, 2, 4] {
        let config = HostConfig { shard_capacity: 16, ..host(workers) };
        let world = World::new(config, &[CHILD, ("app:parent", parent)]);
        let pid = world.spawn("app:parent");
        let exit = world.end_of(pid);
        assert_eq!((message(&exit), &exit.value), ("", &Values::one(20 * 1275)));
    }
}

#[test]
fn pairs_across_shards_lose_no_message() {
    let pong = "return function()
        local inbox = process.inbox()
        while true do
            local m = inbox:receive()
            if m:topic() == 'stop' then return end
            process.send(m:from(), 'pong', 1)
        end
    end";
    let ping = "return function()
        local peer, inbox = process.spawn('app:pong', 'app:host'), process.inbox()
        for i = 1, 5000 do
            process.send(peer, 'ping', i)
            assert(inbox:receive():payload() ~= nil)
        end
        process.send(peer, 'stop')
        return 'done'
    end";
    // One process per shard: every message crosses.
    let config = HostConfig { shard_capacity: 1, ..host(2) };
    let world = World::new(config, &[("app:pong", pong), ("app:ping", ping)]);
    let pids = [(); 4].map(|()| world.spawn("app:ping"));
    let mut left: Vec<Pid> = pids.to_vec();
    while !left.is_empty() {
        let (pid, exit) = world.ends.recv_timeout(PATIENCE).expect("a message was lost");
        assert_eq!(message(&exit), "");
        left.retain(|other| *other != pid);
    }
}

#[test]
fn a_host_stops_with_its_processes() {
    let world = World::new(host(2), &[ENDLESS]);
    for _ in 0..4 {
        world.spawn("app:endless");
    }
    let request = CancelRequest { timeout: Some((10_000_000, "10ms".into())), reason: "".into() };
    world.runtime.stop_host(world.host, request, None).unwrap();
    world.runtime.wait_for_host(world.host);
    assert_eq!(world.runtime.host_state(world.host).unwrap().1, 0);
}

#[test]
fn calls_and_events_of_several_threads_lose_nothing() {
    let echo = "return function(n) local sum = 0 for i = 1, 500 do sum += i end return n end";
    let caller = "local funcs, events = require('funcs'), require('events')
        return function(name, count)
            for i = 1, count do
                local future = funcs.async('app:echo', i)
                assert(funcs.call('app:echo', -i) == -i)
                assert(future:channel():receive():data() == i)
                events.send('load', 'call', name, i)
            end
        end";
    let reader = "local events = require('events') return function(hub)
        local sub, over = events.subscribe('load'), process.listen('over')
        process.send(hub, 'ready')
        local last = {}
        while true do
            local result = channel.select({ over:case_receive(), sub:channel():case_receive() })
            if result.channel == over then return end
            local event = result.value
            assert(event.data > (last[event.path] or 0), 'out of order')
            last[event.path] = event.data
        end
    end";
    let main = "return function()
        local ready, exits, readers = process.listen('ready'), process.events(), {}
        local function await(count)
            for _ = 1, count do
                local result = exits:receive().result
                assert(not result.error, result.error)
            end
        end
        for i = 1, 4 do
            readers[i] = process.spawn_monitored('app:reader', 'app:host', process.pid())
        end
        for _ = 1, 4 do ready:receive() end
        for i = 1, 8 do process.spawn_monitored('app:caller', 'app:host', 'c' .. i, 150) end
        await(8)
        for _, pid in readers do process.send(pid, 'over') end
        await(4)
        -- Callers that die leave no seat behind.
        local pids = {}
        for i = 1, 20 do pids[i] = process.spawn_monitored('app:caller', 'app:host', 'k', 1e9) end
        for i = 1, 20 do process.terminate(pids[i]) end
        for i = 1, 20 do exits:receive() end
        process.spawn_monitored('app:caller', 'app:host', 'last', 1)
        await(1)
    end";
    let sources =
        [("app:echo@2", echo), ("app:caller", caller), ("app:reader", reader), ("app:main", main)];
    for shard_capacity in [4096, 2] {
        let world = World::new(HostConfig { shard_capacity, ..host(2) }, &sources);
        let main = world.spawn("app:main");
        assert_eq!(message(&world.end_of(main)), "");
    }
}
