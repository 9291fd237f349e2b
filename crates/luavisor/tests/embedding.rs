//! Applications made in code: processes, messages, ends, services, events.
#![allow(clippy::unwrap_used)]

use std::io::Write;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor::config::LoadOptions;
use luavisor::supervision::{Restart, Rules, Strategy};
use luavisor::{
    App, Backoff, Child, ChildChange, Dynamic, Error, Kind, Lifecycle, LuauCompiler, Luavisor,
    Module, Occurrence, Reason, StartError, Supervisor, Value, Values,
};

const HOST: &str = "app:processes";

/// An output that can be read.
#[derive(Clone, Default)]
struct Paper(Arc<Mutex<Vec<u8>>>);

impl Write for Paper {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Paper {
    fn text(&self) -> String {
        String::from_utf8(self.0.lock().unwrap().clone()).unwrap()
    }
}

fn with(id: &str, source: &str) -> Luavisor {
    let luavisor = App::new().host(HOST, 2).process(id, source).start().unwrap();
    luavisor.wait_until_booted();
    luavisor
}

#[test]
fn a_process_gets_arguments_and_returns_a_value() {
    let luavisor = with("app:join", "return function(a, b, c) return a .. tostring(b) .. c end");
    let exit = luavisor.spawn("app:join", HOST, ("x", true, 5)).unwrap().wait();
    assert_eq!(exit.value.str(0), Some("xtrue5"));
    assert_eq!(exit.reason, Reason::Normal);
    luavisor.shutdown();
}

#[test]
fn a_failure_is_an_exit_and_not_an_error() {
    let luavisor = with("app:fail", "return function() error('boom') end");
    let exit = luavisor.spawn("app:fail", HOST, ()).unwrap().wait();
    assert_eq!(&*exit.error.as_ref().unwrap().message, "app:fail:1: boom");
    let missing = luavisor.spawn("app:nobody", HOST, ()).unwrap_err();
    assert_eq!(missing.kind, Kind::NOT_FOUND);
    luavisor.shutdown();
}

#[test]
fn messages_are_sent_and_processes_cancelled_and_terminated() {
    let source = "return function() local m = process.inbox():receive() \
                  return m:topic() .. m:payload():data() end";
    let luavisor = with("app:reader", source);
    let reader = luavisor.spawn("app:reader", HOST, ()).unwrap();
    luavisor.send(reader.pid(), "job-", "7").unwrap();
    assert_eq!(reader.wait().value.str(0), Some("job-7"));

    let cancelled = luavisor.spawn("app:reader", HOST, ()).unwrap();
    luavisor.cancel(cancelled.pid(), Some(Duration::from_millis(50)), "enough").unwrap();
    let exit = cancelled.wait();
    assert_eq!(exit.reason, Reason::Cancelled);
    assert_eq!(&*exit.error.as_ref().unwrap().message, "cancel deadline exceeded after 50ms");

    let ended = luavisor.spawn("app:reader", HOST, ()).unwrap();
    let pid = ended.pid();
    luavisor.terminate(pid).unwrap();
    assert_eq!(ended.wait().reason, Reason::Terminated);
    assert_eq!(luavisor.end_of(pid).unwrap().wait().reason, Reason::NoProcess);
    assert!(luavisor.send(pid, "job", ()).is_err());
    luavisor.shutdown();
}

#[test]
fn no_end_is_missed_however_early() {
    let luavisor = with("app:brief", "return function(n) return n end");
    let all: Vec<_> = (0..500).map(|n| luavisor.spawn("app:brief", HOST, n).unwrap()).collect();
    for (n, process) in all.into_iter().enumerate() {
        assert_eq!(process.wait().value.first(), &Value::Number(n as f64));
    }
    luavisor.shutdown();
}

#[tokio::test]
async fn ends_can_be_awaited() {
    let luavisor = with("app:brief", "return function() return 'done' end");
    let exit = luavisor.spawn("app:brief", HOST, ()).unwrap().exit().await;
    assert_eq!(exit.value.str(0), Some("done"));
    assert!(luavisor.stop().await.in_time);
}

#[test]
fn services_start_print_and_stop() {
    let paper = Paper::default();
    let luavisor = App::new()
        .host(HOST, 1)
        .library("app:words", "return { hello = 'hello ' }")
        .process(
            "app:greeter",
            "local words = require('words')
             return function(name)
                 print(words.hello .. name)
                 process.events():receive()
                 print('bye')
             end",
        )
        .service("app:service", "app:greeter", HOST, "world")
        .outputs(paper.clone(), std::io::sink())
        .start()
        .unwrap();
    luavisor.wait_until_booted();
    let states = luavisor.services();
    let service = states.iter().find(|state| &*state.id == "app:service").unwrap();
    let end = luavisor.end_of(service.pid.unwrap()).unwrap();
    luavisor.request_exit(3);
    let shutdown = luavisor.run();
    assert_eq!((shutdown.code, shutdown.in_time), (3, true));
    assert_eq!(end.wait().reason, Reason::Normal);
    assert_eq!(paper.text(), "hello world\nbye\n");
}

#[test]
fn modules_in_rust() {
    let module = Module::new("native")
        .constant("answer", 42)
        .function("upper", |caller, arguments: Values| {
            let text = arguments.str(0).ok_or_else(|| Error::invalid("text expected"))?;
            Ok(format!("{}:{}", caller.id, text.to_uppercase()))
        })
        .async_function("later", |_caller, arguments: Values| async move {
            // Not done at the first look.
            tokio::task::yield_now().await;
            Ok(arguments)
        });
    let source = "
        local native = require('native')
        return function()
            local none, err = native.upper(1)
            assert(none == nil and err:message() == 'text expected')
            assert(native.later('x') == 'x')
            return native.upper('abc') .. native.answer
        end";
    let luavisor =
        App::new().host(HOST, 1).process("app:main", source).module(module).start().unwrap();
    luavisor.wait_until_booted();
    let exit = luavisor.spawn("app:main", HOST, ()).unwrap().wait();
    assert_eq!(exit.value.str(0), Some("app:main:ABC42"), "{exit:?}");
    luavisor.shutdown();
}

/// `system.modules()` leaves out none that an entry may list.
#[test]
fn every_module_is_listed() {
    let source = "
        local system = require('system')
        return function()
            local names = {}
            for _, module in system.modules() do table.insert(names, module.name) end
            return table.concat(names, ' ')
        end";
    let luavisor = App::new().host(HOST, 1).process("app:main", source).start().unwrap();
    luavisor.wait_until_booted();
    let exit = luavisor.spawn("app:main", HOST, ()).unwrap().wait();
    let names: Vec<&str> = exit.value.str(0).unwrap().split(' ').collect();
    let globals = ["channel", "coroutine", "errors", "os", "payload", "process"];
    let modules = luavisor::config::vocabulary::MODULES;
    let mut expected: Vec<&str> = modules.iter().chain(&globals).copied().collect();
    expected.sort_unstable();
    assert_eq!(names, expected);
    luavisor.shutdown();
}

#[test]
fn events_tell_of_starts_and_ends() {
    let luavisor = with("app:brief", "return function() end");
    let mut events = luavisor.events();
    let pid = luavisor.spawn("app:brief", HOST, ()).unwrap().pid();
    let mut seen = Vec::new();
    while seen.len() < 2 {
        match events.wait().unwrap() {
            Lifecycle::Occurred(Occurrence::Spawned { pid: of, .. }) if of == pid => {
                seen.push("spawned");
            }
            Lifecycle::Occurred(Occurrence::Exited { pid: of, .. }) if of == pid => {
                seen.push("exited");
            }
            _ => {}
        }
    }
    assert_eq!(seen, ["spawned", "exited"]);
    luavisor.shutdown();
}

#[test]
fn what_is_wrong_is_told_before_anything_starts() {
    let wrong = App::new().process("app:main", "return (").start();
    let Err(StartError::Entry { id, .. }) = wrong else { panic!("it started") };
    assert_eq!(id, "app:main");
    assert!(matches!(App::new().host("nameless", 1).start(), Err(StartError::Entry { .. })));
    let missing = Luavisor::from_directory("no/such/folder").start();
    assert!(matches!(missing, Err(StartError::Load(_))));
}

#[test]
fn a_directory_is_an_application_and_may_require_modules_of_the_embedder() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::create_dir(folder.path().join("src")).unwrap();
    let yaml = "namespace: app\nentries:\n\
                - { name: processes, kind: process.host, lifecycle: { auto_start: true } }\n\
                - { name: main, kind: process.lua, source: \"file://main.lua\", modules: [native] }\n";
    std::fs::write(folder.path().join("src/a.yaml"), yaml).unwrap();
    let lua = "local n = require('native') return function() return n.name end";
    std::fs::write(folder.path().join("src/main.lua"), lua).unwrap();
    let native = Module::new("native").constant("name", "from rust");
    let luavisor = Luavisor::from_directory(folder.path()).module(native).start().unwrap();
    luavisor.wait_until_booted();
    let exit = luavisor.spawn("app:main", HOST, ()).unwrap().wait();
    assert_eq!(exit.value.str(0), Some("from rust"));
    luavisor.shutdown();
}

/// A reload is about entries; what was made in code stays.
#[test]
fn a_reload_leaves_alone_what_was_made_in_code() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("app.yaml");
    let load = |code: &str| {
        let entry = format!("{{ name: main, kind: process.lua, source: {code} }}");
        std::fs::write(&path, format!("namespace: app\nentries:\n- {entry}\n")).unwrap();
        luavisor::config::load(&LoadOptions::new(&path), &LuauCompiler).application
    };
    let app = App::from_application(load("return function() return 1 end"));
    let app = app.host(HOST, 1).process("app:made", "return function() return 'made' end");
    let luavisor = app.start().unwrap();
    luavisor.wait_until_booted();
    let main = || luavisor.spawn("app:main", HOST, ()).unwrap().wait().value.first().clone();
    assert_eq!(main(), Value::Number(1.0));
    let reloaded = luavisor.reload(load("return function() return 2 end")).unwrap();
    assert_eq!((reloaded.version, reloaded.changes.len()), (2, 1));
    assert_eq!(main(), Value::Number(2.0));
    let exit = luavisor.spawn("app:made", HOST, ()).unwrap().wait();
    assert_eq!(exit.value.str(0), Some("made"));
    luavisor.shutdown();
}

#[test]
fn a_tree_of_lua_and_native_children_is_made_in_code() {
    let told = Arc::new(Mutex::new(Vec::new()));
    let (lives, fail) = (told.clone(), Arc::new(tokio::sync::Notify::new()));
    let failing = fail.clone();
    let clock = Child::native("clock", move |mut mailbox| {
        let (lives, fail) = (lives.clone(), failing.clone());
        async move {
            lives.lock().unwrap().push("clock");
            mailbox.perform(|context| context.ready()).await?;
            tokio::select! {
                () = fail.notified() => Err(Error::internal("told to")),
                _ = mailbox.receive() => Ok(()),
            }
        }
    })
    .ready(None);
    let inner = Supervisor::new("app:inner", HOST)
        .strategy(Strategy::OneForAll)
        .backoff(Backoff { initial_delay: Duration::ZERO, ..Rules::default().backoff })
        .child(clock)
        .child(Child::lua("worker", "app:worker").count(2).input("x"));
    let outer =
        Supervisor::new("app:outer", HOST).child(Child::supervisor("inner", inner)).dynamic(
            Dynamic::like(Child::lua("extra", "app:worker").restart(Restart::Temporary))
                .max_children(5),
        );
    let paper = Paper::default();
    let luavisor = App::new()
        .host(HOST, 1)
        .process(
            "app:worker",
            "return function(n, x) print(n, x) process.ready() process.events():receive() end",
        )
        .supervisor(outer)
        .outputs(paper.clone(), std::io::sink())
        .start()
        .unwrap();
    let mut events = luavisor.events();
    luavisor.wait_until_booted();
    fail.notify_one();
    let mut restarted = Vec::new();
    while restarted.len() < 3 {
        let Some(Lifecycle::Occurred(occurrence)) = events.wait() else { panic!("no events") };
        if let Occurrence::Child { child, life: 2, change: ChildChange::Up, .. } = occurrence {
            restarted.push(child.to_string());
        }
    }
    assert_eq!(restarted, ["clock", "worker.1", "worker.2"]);
    assert!(luavisor.shutdown().in_time);
    assert_eq!(*told.lock().unwrap(), ["clock", "clock"]);
    let mut lines: Vec<String> = paper.text().lines().map(str::to_owned).collect();
    lines.sort();
    assert_eq!(lines, ["1\tx", "1\tx", "2\tx", "2\tx"]);
}

#[test]
fn a_tree_in_code_is_checked_before_it_runs() {
    let start = |supervisor: Supervisor| {
        let app = App::new().host(HOST, 1).process("app:a", "return function() end");
        app.supervisor(supervisor).start().err().map(|error| error.to_string())
    };
    let tree = || Supervisor::new("app:tree", HOST);
    let twice = tree().child(Child::lua("a.1", "app:a")).child(Child::lua("a", "app:a").count(2));
    assert_eq!(start(twice).unwrap(), "app:tree: duplicate child \"a.1\"");
    let nobody = tree().child(Child::lua("a", "app:nobody"));
    assert_eq!(start(nobody).unwrap(), "app:tree: unknown process \"app:nobody\"");
    let significant = tree().child(Child::lua("a", "app:a").significant());
    assert!(start(significant).unwrap().contains("child \"a\" is significant"));
}
