//! Hostile scripts on worker threads: preemption, kill, spare workers, panics.
//!
//! Nothing here measures time. Tests wait on channels for what must happen, and
//! a generous guard ends those that would wait for ever.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor_core::{Exit, Kind, Pid, Value, Values};
use luavisor_runtime::{HostConfig, Observer, Occurrence, ProgramTable, Runtime, RuntimeBuilder};
use luavisor_vm::kernel::SpawnRequest;
use luavisor_vm::native::{Member, NativeModule};
use luavisor_vm::{Chunk, Program, Unit, compile};

/// Ends tests that wait for what never comes.
const GUARD: Duration = Duration::from_secs(120);

struct Ends(Mutex<Sender<(Pid, Arc<Exit>)>>);

impl Observer for Ends {
    fn observe(&self, occurrence: &Occurrence) {
        if let Occurrence::Exited { pid, exit, .. } = occurrence {
            let _ = self.0.lock().unwrap().send((*pid, exit.clone()));
        }
    }
}

struct World {
    runtime: Runtime,
    ends: Receiver<(Pid, Arc<Exit>)>,
    ended: BTreeMap<u64, Arc<Exit>>,
    /// what processes said through `test.say`
    said: Receiver<String>,
}

const ECHO: &str = "return function()
    local test = require('test')
    local inbox = process.inbox()
    test.say('ready')
    while true do test.say('echo ' .. inbox:receive():payload():data()) end
end";

impl World {
    fn new(sources: &[(&str, &str)], configure: impl FnOnce(&mut HostConfig)) -> World {
        let table = Arc::new(ProgramTable::default());
        for (name, source) in [("app:echo", ECHO)].iter().chain(sources) {
            let source = match source.starts_with("return function") {
                true => (*source).to_owned(),
                false => format!("return function() {source}\nend"),
            };
            table.insert(program(name, &source));
        }
        let (say, said) = channel();
        let runtime = RuntimeBuilder::new(table).module(test_module(say)).build();
        let mut config = HostConfig::new("app:processes");
        configure(&mut config);
        let host = runtime.add_host(config).unwrap();
        let (sender, ends) = channel();
        runtime.observe(Arc::new(Ends(Mutex::new(sender))));
        runtime.start_host(host).unwrap();
        World { runtime, ends, ended: BTreeMap::new(), said }
    }

    fn spawn(&self, id: &str) -> Pid {
        let request = SpawnRequest::new(id, "app:processes", Values::none(), Arc::default());
        self.runtime.spawn(request).unwrap()
    }

    #[track_caller]
    fn hears(&self, text: &str) {
        assert_eq!(self.said.recv_timeout(GUARD).as_deref(), Ok(text));
    }

    /// Sends `n` questions to an echo process and waits for each answer.
    #[track_caller]
    fn answers(&self, echo: Pid, n: usize) {
        for i in 0..n {
            let question = format!("{i}");
            self.runtime.send(echo, "x".as_bytes(), Values::one(question.as_str())).unwrap();
            self.hears(&format!("echo {question}"));
        }
    }

    #[track_caller]
    fn exit(&mut self, pid: Pid) -> Arc<Exit> {
        let key = |pid: Pid| u64::from(pid.shard()) << 48 | pid.generation;
        loop {
            if let Some(exit) = self.ended.get(&key(pid)) {
                return exit.clone();
            }
            let (ended, exit) = self.ends.recv_timeout(GUARD).expect("it goes on");
            self.ended.insert(key(ended), exit);
        }
    }
}

impl Drop for World {
    fn drop(&mut self) {
        self.runtime.close();
    }
}

fn program(name: &str, source: &str) -> Arc<Program> {
    let chunk = Chunk { name: name.into(), bytecode: compile(source.as_bytes()).unwrap() };
    Arc::new(Program {
        id: name.into(),
        method: String::new(),
        unit: Arc::new(Unit { chunk: Arc::new(chunk), modules: None, imports: BTreeMap::new() }),
        memory: None,
        mailbox: None,
    })
}

/// `test.say(text)`, `test.arrive()` → how many have arrived so far, `test.panic()`.
fn test_module(say: Sender<String>) -> NativeModule {
    let say = Mutex::new(say);
    let arrived = AtomicU32::new(0);
    let mut members = BTreeMap::new();
    let text = move |values: &Values| match values.first() {
        Value::String(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        other => format!("{other:?}"),
    };
    members.insert(
        "say".to_owned(),
        Member::Sync(Arc::new(move |_, values| {
            let _ = say.lock().unwrap().send(text(&values));
            Ok(Values::none())
        })),
    );
    let arrived = Arc::new(arrived);
    let counter = arrived.clone();
    members.insert(
        "arrive".to_owned(),
        Member::Sync(Arc::new(move |_, _| {
            counter.fetch_add(1, Ordering::SeqCst);
            Ok(Values::none())
        })),
    );
    members.insert(
        "arrived".to_owned(),
        Member::Sync(Arc::new(move |_, _| {
            Ok(Values::one(f64::from(arrived.load(Ordering::SeqCst))))
        })),
    );
    members.insert("panic".to_owned(), Member::Sync(Arc::new(|_, _| panic!("on purpose"))));
    NativeModule { name: "test".to_owned(), members }
}

#[test]
fn endless_loops_leave_one_worker_to_others_and_can_be_killed() {
    let loops = [
        ("app:plain", "while true do pcall(function() while true do end end) end"),
        ("app:sort", "table.sort({ 3, 2, 1 }, function() while true do end end)"),
        (
            "app:wrap",
            "coroutine.wrap(function() coroutine.wrap(function() while true do pcall(error) end end)() end)()",
        ),
        ("app:gsub", "string.gsub('x', 'x', function() while true do pcall(error) end end)"),
        ("app:yield", "while true do coroutine.yield() end"),
    ];
    let mut world = World::new(&loops, |host| {
        host.workers = 1;
        host.slice = 1_000_000;
    });
    let echo = world.spawn("app:echo");
    world.hears("ready");
    let pids: Vec<Pid> = loops.iter().map(|(id, _)| world.spawn(id)).collect();
    world.answers(echo, 20);
    for pid in &pids {
        world.runtime.terminate(*pid).unwrap();
        let exit = world.exit(*pid);
        assert_eq!(exit.reason.as_str(), "terminated");
        assert_eq!(&*exit.error.as_ref().unwrap().message, "process terminated");
        world.answers(echo, 2);
    }
}

#[test]
fn a_loop_in_a_metamethod_ends_and_other_shards_go_on_meanwhile() {
    let loops = [(
        "app:meta",
        "require('test').say('in') local t = setmetatable({}, { __index = function() while true do pcall(error) end end }) return t.x",
    )];
    let mut world = World::new(&loops, |host| {
        host.workers = 1;
        host.slice = 1_000_000;
        host.shard_capacity = 1;
        host.unpreemptible = 700_000_000;
    });
    let echo = world.spawn("app:echo");
    world.hears("ready");
    let pid = world.spawn("app:meta");
    assert_ne!(echo.shard(), pid.shard());
    world.hears("in");
    // The only worker is stuck: a spare one answers.
    world.answers(echo, 3);
    let exit = world.exit(pid);
    let error = exit.error.as_ref().unwrap();
    assert_eq!(&*error.message, "ran 700ms where it cannot be preempted");
    assert_eq!(error.kind, Kind::LIMIT_EXCEEDED);
    world.answers(echo, 3);
}

#[test]
fn two_siblings_that_compute_run_in_parallel() {
    let sources = [
        (
            "app:parent",
            "for i = 1, 2 do assert(process.spawn('app:spin', 'app:processes')) end process.inbox():receive()",
        ),
        // Neither gives way: both must run at once for either to end.
        (
            "app:spin",
            "local test = require('test') test.arrive()
            local t = setmetatable({}, { __index = function() while test.arrived() < 2 do end return 1 end })
            local x = t.x
            test.say('met')",
        ),
    ];
    let world = World::new(&sources, |host| {
        host.workers = 2;
        host.unpreemptible = GUARD.as_nanos() as u64;
    });
    world.spawn("app:parent");
    world.hears("met");
    world.hears("met");
}

#[test]
fn a_panic_in_a_native_function_ends_its_process_only() {
    let sources = [
        ("app:panic", "pcall(require('test').panic) require('test').say('AFTER')"),
        ("app:deep", "pcall(coroutine.wrap(function() return pcall(require('test').panic) end))"),
        (
            "app:meta",
            "local t = setmetatable({}, { __index = function() return require('test').panic() end }) return pcall(function() return t.x end)",
        ),
    ];
    let mut world = World::new(&sources, |host| host.workers = 1);
    let echo = world.spawn("app:echo");
    world.hears("ready");
    for round in 0..20 {
        for (id, _) in &sources {
            let pid = world.spawn(id);
            let exit = world.exit(pid);
            assert_eq!(&*exit.error.as_ref().unwrap().message, "panic: on purpose", "{round}");
        }
        world.answers(echo, 1);
    }
}

#[test]
fn a_process_with_a_memory_limit_ends_alone() {
    let bombs = [
        (
            "app:strings",
            "local t = {} while true do pcall(function() while true do t[#t + 1] = ('x'):rep(1000 + #t) end end) end",
        ),
        ("app:tables", "local t = {} while true do t[#t + 1] = { {}, {} } end"),
        ("app:buffers", "local t = {} while true do t[#t + 1] = buffer.create(10000) end"),
        (
            "app:coroutines",
            "local t = {} while true do t[#t + 1] = coroutine.wrap(function() coroutine.yield() end) t[#t]() end",
        ),
        (
            "app:closures",
            "local t = {} while true do local n = #t t[n + 1] = function() return n, t end end",
        ),
        ("app:channels", "local c = channel.new(2^31) while true do c:send(1) end"),
        ("app:giant", "local s = ('x'):rep(200000000) return #s"),
        (
            "app:meta",
            "local t = {} return setmetatable({}, { __index = function() while true do pcall(function() t[#t + 1] = ('x'):rep(1000 + #t) end) end end }).x",
        ),
        (
            "app:messages",
            "for i = 1, 10000 do process.send(process.pid(), 'x', { ('x'):rep(1000 + i) }) end while true do coroutine.yield() end",
        ),
    ];
    let within = (
        "app:within",
        "for i = 1, 300 do local t = {} for j = 1, 1000 do t[j] = { j } end end return 'fits'",
    );
    let sources: Vec<_> = bombs.iter().copied().chain([within]).collect();
    let mut world = World::new(&sources, |host| {
        host.workers = 2;
        host.limits.memory = Some(4 << 20);
        host.unpreemptible = GUARD.as_nanos() as u64;
    });
    let echo = world.spawn("app:echo");
    world.hears("ready");
    for _ in 0..3 {
        let pids: Vec<_> = sources.iter().map(|(id, _)| (*id, world.spawn(id))).collect();
        for (id, pid) in pids {
            let exit = world.exit(pid);
            if id == "app:within" {
                assert_eq!(exit.value, Values::one("fits"), "{id}: {:?}", exit.error);
                continue;
            }
            let error = exit.error.as_ref().expect(id);
            assert_eq!(&*error.message, "memory limit exceeded", "{id}");
            assert_eq!(error.kind, Kind::LIMIT_EXCEEDED, "{id}");
        }
        world.answers(echo, 2);
    }
}

#[test]
fn more_limited_processes_than_a_virtual_machine_can_tell_apart() {
    let sources = [("app:wait", "require('test').say('here') process.inbox():receive()")];
    let world = World::new(&sources, |host| {
        host.workers = 1;
        host.limits.memory = Some(1 << 20);
    });
    let pids: Vec<Pid> = (0..450).map(|_| world.spawn("app:wait")).collect();
    for _ in &pids {
        world.hears("here");
    }
    let shards: std::collections::BTreeSet<u16> = pids.iter().map(|pid| pid.shard()).collect();
    assert_eq!(shards.len(), 3);
}

#[test]
fn who_holds_most_ends_when_a_shard_is_full() {
    let sources = [
        (
            "app:hog",
            "local t = {} for i = 1, 500 do t[i] = ('x'):rep(100000 + i) coroutine.yield() end require('test').say('full') process.inbox():receive() return #t",
        ),
        (
            "app:garbage",
            "local s for i = 1, 5000 do s = ('y'):rep(100000 + i) coroutine.yield() end require('test').say('tidy') process.inbox():receive() return s",
        ),
        (
            "app:small",
            "local t = {} for i = 1, 250 do t[i] = ('z'):rep(100000 + i) end return 'fine'",
        ),
    ];
    let mut world = World::new(&sources, |host| {
        host.workers = 1;
        host.limits.shard_memory = 64 << 20;
    });
    let echo = world.spawn("app:echo");
    world.hears("ready");
    let garbage = world.spawn("app:garbage");
    world.hears("tidy");
    let hog = world.spawn("app:hog");
    world.hears("full");
    let small = world.spawn("app:small");
    let exit = world.exit(hog);
    assert_eq!(&*exit.error.as_ref().unwrap().message, "memory limit exceeded");
    assert_eq!(world.exit(small).value, Values::one("fine"));
    assert!(world.runtime.alive(garbage));
    world.answers(echo, 3);
}
