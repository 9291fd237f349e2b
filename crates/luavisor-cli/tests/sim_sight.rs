//! `luavisor sim`: what of a run can be seen, and that nothing else decides it.

mod support;

use support::Project;

const START: &str = "lifecycle: { auto_start: true }";
const WAITS: &str = "return function() process.events():receive() end";

/// The number of a run.
fn number(told: &str) -> &str {
    let number = told.rsplit_once("(run ").map(|(_, number)| number.trim_end());
    number.unwrap_or_else(|| panic!("no number\n{told}"))
}

const ONE: [&str; 4] = ["sim", "--seed", "1", "--trace"];

#[test]
fn what_is_written_and_logged_is_in_the_event_stream() {
    let source = r#"local logger = require("logger")
        return function()
            print("one\ntwo", 3)
            logger:debug("not wanted")
            logger:warn("four", { five = 6 })
            process.events():receive()
        end"#;
    let check = "return function(view) print(\"checked\", view.final) end";
    let project = Project::new()
        .process("a", START, source)
        .file("src/check.lua", check)
        .entries("\n  - { name: c, kind: sim.check, source: 'file://check.lua' }");
    let trace = project.luavisor(ONE).exits(0).stdout;
    for part in [
        " output pid={app:processes|0x100000000} stream=stdout \"one\\ntwo\\t3\"\n",
        " log pid={app:processes|0x100000000} level=WARN logger=app:a message=four fields={",
        "\"five\":6",
        " stream=stdout \"checked\\ttrue\"\n",
    ] {
        assert!(trace.contains(part), "{part}\n{trace}");
    }
    assert!(!trace.contains("not wanted"), "{trace}");
    let trace = project.luavisor_words(&[&["-v"], &ONE[..]].concat()).exits(0).stdout;
    assert!(trace.contains(" level=DEBUG logger=app:a message=not wanted"), "{trace}");
}

/// Nobody sees the difference but who looks into messages, or at what is written.
#[test]
fn the_number_covers_payloads_and_output() {
    let run = |payload: &str, printed: &str| {
        let source = format!(
            "return function()
                process.send('other', 't', {payload})
                process.send(process.pid(), 't', {payload})
                print({printed})
                process.inbox():receive()
            end"
        );
        let other = "return function() process.registry.register('other') process.inbox():receive()
            process.events():receive() end";
        let project = Project::new().process("a", START, &source).process("b", START, other);
        let told = project.luavisor(ONE).exits(0).stdout;
        number(&told).to_owned()
    };
    let same = run("{ 1, x = 'y' }", "1");
    assert_eq!(run("{ 1, x = 'y' }", "1"), same);
    for (payload, printed) in
        [("{ 2, x = 'y' }", "1"), ("{ 1, x = 'z' }", "1"), ("{ 1, x = 'y' }", "2"), ("1", "1")]
    {
        assert_ne!(run(payload, printed), same, "{payload} {printed}");
    }
}

#[test]
fn the_time_zone_of_the_machine_does_not_show() {
    let source = r#"local time = require("time")
        return function()
            local now = time.now()
            print(now:format("15:04 MST"), tostring(now:in_local()), os.date("%H %Z", 0))
            print(time.date(2026, 7, 1, 12, 0, 0, 0):unix(), os.time({ year = 2026, month = 7, day = 1 }))
            process.events():receive()
        end"#;
    let project = Project::new().process("a", START, source);
    let runs = ["Asia/Kolkata", "America/New_York", "UTC"]
        .map(|zone| project.luavisor_with([("TZ", zone)], &ONE).exits(0).stdout);
    assert!(runs[0].contains("\"00:00 UTC\\t"), "{}", runs[0]);
    assert_eq!(runs[0], runs[1]);
    assert_eq!(runs[1], runs[2]);
}

#[test]
fn a_check_sees_who_lives_and_what_was_restarted() {
    let source = "return function() process.registry.register('title')
        process.send(process.pid(), 'unread', 1) process.events():receive() end";
    let check = r#"return function(view)
        local tree = view.child_pids["app:tree"]
        assert(view.children["app:tree"] == 2 and tree.a ~= tree.b, "children")
        assert(view.processes["app:one"] == 2 and #view.pids["app:one"] == 2, "processes")
        assert(table.find(view.pids["app:one"], tree.a), "pids")
        assert(view.restarted["app:tree/b"] == 1 and view.restarted["app:owner"] == 2, "restarted")
        assert(view.restarts == 3, "restarts")
        assert(view.names.title == "app:owner" and view.unread["app:owner"] == 1, "names")
        error({ code = 7 })
    end"#;
    let project = Project::new()
        .process("one", "", WAITS)
        .process("owner", START, source)
        .file("src/check.lua", check)
        .entries(
            "
  - { name: c, kind: sim.check, source: 'file://check.lua' }
  - name: tree
    kind: process.supervisor
    host: processes
    children: [{ name: a, process: one }, { name: b, process: one }]
    lifecycle: { auto_start: true }",
        );
    let faults = ["1s kill app:one", "2s kill app:owner", "9s kill app:owner"];
    let faults = faults.iter().flat_map(|fault| ["--fault", fault]).collect::<Vec<_>>();
    let told = project.luavisor_words(&[&ONE[..], &faults].concat()).exits(1).stdout;
    assert!(told.contains("seed 1 fails: check app:c: {\"code\":7}\n"), "{told}");
}

#[test]
fn who_must_live_again_has_a_time_for_it() {
    let slow = "return function() end";
    let lifecycle = "lifecycle: { auto_start: true, restart: { initial_delay: 20s, jitter: 0 } }";
    let project = Project::new().process("slow", lifecycle, WAITS).process("quick", START, slow);
    let flags = ["sim", "--seed", "3", "--time", "10s", "--fault", "9s kill app:slow"];
    let live = |within: &str| {
        project.luavisor_words(&[&flags[..], &["--live", "app:slow=1", within]].concat())
    };
    live("--settle=1m").exits(0);
    live("--within=25s").exits(0);
    let told = live("--within=15s").exits(1).stdout;
    let says = "seed 3 fails: 15s after the last fault 0 processes of app:slow live, 1 are wanted";
    assert!(told.contains(says), "{told}");
    live("--within=3m").exits(2).mentions("--within is longer than --settle");
    project.luavisor(["sim", "--within", "1s"]).exits(2).mentions("--live or --children");
}

#[test]
fn a_fault_without_a_target_hits_anybody() {
    let project = Project::new().process("a", START, WAITS).process("b", START, WAITS);
    let faults = ["1s kill", "2s stop", "13s start", "14s hold=1s", "40s+4294967295 fail"];
    let faults = faults.iter().flat_map(|fault| ["--fault", fault]).collect::<Vec<_>>();
    let flags = ["sim", "--time", "1m", "--trace", "--seed"];
    let mut hit = Vec::new();
    for seed in ["1", "2", "3", "4", "5", "6"] {
        let trace =
            project.luavisor_words(&[&flags[..], &[seed], &faults].concat()).exits(0).stdout;
        assert_eq!(trace.matches(" fault.").count(), 5, "{trace}");
        assert!(!trace.contains("fault.missed"), "{trace}");
        let kill = trace.lines().find(|line| line.contains(" fault.kill "));
        hit.extend(kill.and_then(|line| line.rsplit_once('=')).map(|(_, entry)| entry.to_owned()));
    }
    hit.sort();
    hit.dedup();
    assert_eq!(hit, ["app:a", "app:b"]);
}

/// Busy, large and crowded, but healthy.
#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    let sleepers = "local time = require('time')
        return function() time.sleep('10s') end";
    let crowd = "local time = require('time')
        return function()
            local all = {}
            for number = 1, 5000 do
                all[number] = process.spawn_monitored('app:sleeper', 'app:processes')
            end
            for number, pid in all do process.send(pid, 'topic' .. number, { number }) end
            time.sleep('20s')
        end";
    let texts: String = (0..60_000)
        .map(|number| format!("t[{number}] = '{number} is a constant of some length, kept'\n"))
        .collect();
    let large = format!("local t = {{}}\nlocal function fill{}() end\nreturn function() end", 1);
    let parts = texts.lines().collect::<Vec<_>>();
    let parts = parts
        .chunks(10_000)
        .map(|part| format!("local function part() {} end part()\n", part.join("\n")));
    let large = large.replace(
        "return",
        &format!("{}return", parts.map(|part| format!("do {part} end\n")).collect::<String>()),
    );
    let project = Project::new()
        .process("sleeper", "", sleepers)
        .process("crowd", START, crowd)
        .process("large", START, &large);
    let told = project.luavisor(["sim", "--seeds", "2", "--time", "30s"]).exits(0).stdout;
    assert!(told.starts_with("2 seeds, "), "{told}");
}

#[test]
fn there_are_no_seeds_beyond_the_last() {
    let project = Project::new().process("a", START, WAITS);
    let last = u64::MAX.to_string();
    let flags = ["sim", "--time", "1s", "--from", last.as_str(), "--seeds"];
    project.luavisor_words(&[&flags[..], &["1"]].concat()).exits(0);
    project.luavisor_words(&[&flags[..], &["2"]].concat()).exits(2).mentions("seeds end at 184467");
}

/// A function that is called while its host stops gets the CANCEL of the host.
#[test]
fn calls_during_a_shutdown_are_no_failure() {
    let session = "local funcs = require('funcs')
        return function()
            process.events():receive()
            print('saved', funcs.call('app:save', 1))
        end";
    let project = Project::new().file("src/session.lua", session).entries(
        "
  - { name: session, kind: process.lua, source: 'file://session.lua', modules: [funcs],
      lifecycle: { auto_start: true } }
  - { name: save, kind: function.lua, method: run, source: 'return { run = function(n) return n end }' }",
    );
    let trace = project.luavisor(["sim", "--seed", "1", "--time", "10s", "--trace"]);
    let trace = trace.exits(0).stdout;
    assert!(trace.contains(" bond.cancel_heard ") && trace.contains("saved\\t1"), "{trace}");
    project.luavisor(["sim", "--seeds", "20", "--time", "10s", "--faults", "stop=0.05"]).exits(0);
}

/// What counts is the intensity that a supervisor has now, also of one made at run time.
#[test]
fn supervisors_may_change_and_come() {
    let worker = "local time = require('time')
        return function() time.sleep('300ms') error('again') end";
    let main = "local time, registry = require('time'), require('registry')
        local function supervisor(id, restarts)
            return { id = id, kind = 'process.supervisor', data = {
                host = 'app:processes', intensity = { restarts = restarts, period = '5s' },
                children = { { name = 'w', process = 'app:worker' } },
                lifecycle = { auto_start = true } } }
        end
        return function()
            assert(registry.snapshot():changes():create(supervisor('app:tree', 1)):apply())
            time.sleep('5s')
            assert(registry.snapshot():changes():update(supervisor('app:tree', 100)):apply())
            time.sleep('5s')
            assert(registry.snapshot():changes():create(supervisor('app:other', 1)):apply())
            process.events():receive()
        end";
    let project = Project::new().process("worker", "", worker).file("src/main.lua", main).entries(
        "
  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [time, registry],
      lifecycle: { auto_start: true } }",
    );
    let flags = ["sim", "--seed", "1", "--time", "1m"];
    let told = project.luavisor(flags).exits(0).stdout;
    assert!(told.contains(" restarts, app:other/w gave up, "), "{told}");
    let planted = [&flags[..], &["--plant", "budget-ignored"]].concat();
    let told = project.luavisor_words(&planted).exits(1).stdout;
    assert!(told.contains("intensity: app:tree restarted 2 times within 5s, 1 are"), "{told}");
}

#[test]
fn a_check_runs_where_there_is_room_and_knows_no_nil() {
    let check = "return function(view)
        assert(view.processes['app:idle'] == 0 and #view.pids['app:idle'] == 0)
        assert(view.unread['app:one'] == 0 and view.restarted['app:one'] == 0)
    end";
    let project = Project::empty()
        .entries(
            "
  - { name: full, kind: process.host, host: { max_processes: 1 }, lifecycle: { auto_start: true } }
  - { name: room, kind: process.host, lifecycle: { auto_start: true } }
  - { name: c, kind: sim.check, when: always, source: 'file://check.lua' }",
        )
        .process("one", "host: full, lifecycle: { auto_start: true }", WAITS)
        .process("idle", "", WAITS)
        .file("src/check.lua", check);
    let told = project.luavisor(["sim", "--seed", "1", "--time", "3m"]).exits(0).stdout;
    assert!(told.contains("checks asked 4 times"), "{told}");
}

#[test]
fn faults_that_never_came_are_told() {
    let project = Project::new().process("a", START, WAITS);
    let faults = ["--fault", "1s fail app:a", "--fault", "2s start app:a"];
    let told = project.luavisor_words(&[&["sim", "--seed", "1"], &faults[..]].concat());
    let told = told.exits(0).stdout;
    assert!(told.contains(" with 2 faults (2 never came), nothing found"), "{told}");
    let told = project.luavisor_words(&[&["sim", "--seeds", "2"], &faults[..]].concat());
    let told = told.exits(0).stdout;
    assert!(told.contains("faults: 2 fail (2 never came), 2 start (2 never came)\n"), "{told}");
}
