//! `luavisor test`: what passes, what fails and how it is told.

mod support;

use support::{Finished, Project};

/// A project with one Lua file; each name is a function of it and a test.
fn project(source: &str, tests: &[(&str, &str)]) -> Project {
    let modules = "[time, funcs, logger, system]";
    let entry = |(name, meta): &(&str, &str)| {
        format!(
            "\n  - name: {name}\n    kind: function.lua\n    source: file://tests.lua\n    \
             method: {name}\n    modules: {modules}\n    meta: {{ type: test, {meta} }}"
        )
    };
    let entries: String = tests.iter().map(entry).collect();
    Project::new().file("src/tests.lua", source).entries(&entries)
}

/// `12 ms` and `1.20 s` become `T`.
fn timeless(text: &str) -> String {
    let timeless = |line: &str| {
        let words: Vec<&str> = line.split(' ').collect();
        let is_time =
            |pair: &[&str]| matches!(pair[1], "ms" | "s") && pair[0].parse::<f64>().is_ok();
        match words.len() {
            count if count >= 2 && is_time(&words[count - 2..]) => {
                format!("{} T\n", words[..count - 2].join(" "))
            }
            _ => format!("{line}\n"),
        }
    };
    text.lines().map(timeless).collect()
}

trait Says {
    fn says(self, expected: &str) -> Self;
}

impl Says for Finished {
    /// The report, without its times.
    #[track_caller]
    fn says(self, expected: &str) -> Finished {
        let said = timeless(&self.stdout);
        assert!(
            said == expected,
            "found:\n{said}\nexpected:\n{expected}\nstderr:\n{}",
            self.stderr
        );
        self
    }
}

const WAYS: &str = r#"
local time = require("time")

local function same(value, wanted)
    if value ~= wanted then
        error(`expected {wanted}, found {value}`)
    end
end

return {
    adds = function()
        print("not shown")
        same(1 + 1, 2)
        return true
    end,
    raises = function()
        print("before")
        same(1 + 1, 3)
    end,
    returns_an_error = function()
        return nil, errors.new({ message = "no tea", kind = errors.NOT_FOUND })
    end,
    says_false = function()
        return false
    end,
    is_killed = function()
        process.terminate(process.pid())
    end,
    hangs = function()
        time.sleep("1h")
    end,
    loops = function()
        while true do end
    end,
    never = function()
        error("it was skipped")
    end,
}
"#;

#[test]
fn the_ways_to_fail() {
    let tests = [
        ("adds", "suite: ways, order: 1"),
        ("raises", "suite: ways, order: 2"),
        ("returns_an_error", "suite: ways, order: 3"),
        ("says_false", "suite: ways, order: 4"),
        ("is_killed", "suite: ways, order: 5"),
        ("hangs", "suite: ways, order: 6, timeout: 50ms"),
        ("loops", "suite: ways, order: 7, timeout: 50ms"),
        ("never", "suite: ways, order: 8, skip: not today"),
    ];
    project(WAYS, &tests).luavisor(["test"]).exits(1).complains("").says(
        "\
ok    ways  app:adds  T
FAIL  ways  app:raises  T
FAIL  ways  app:returns_an_error  T
FAIL  ways  app:says_false  T
FAIL  ways  app:is_killed  T
FAIL  ways  app:hangs  T
FAIL  ways  app:loops  T
skip  ways  app:never  not today

app:raises (ways), src/_index.yaml:12
  expected 3, found 2
    at src/tests.lua:6 in same
    at src/tests.lua:18 in raises
  printed:
    before

app:returns_an_error (ways), src/_index.yaml:18
  no tea
    at src/tests.lua:21 in returns_an_error

app:says_false (ways), src/_index.yaml:24
  returned false

app:is_killed (ways), src/_index.yaml:30
  process terminated

app:hangs (ways), src/_index.yaml:36
  timed out after 50ms

app:loops (ways), src/_index.yaml:42
  timed out after 50ms

1 passed, 6 failed, 1 skipped in T
",
    );
}

const MANY: &str = "
return {
    a = function() end, b = function() end, c = function() end, d = function() error('d') end,
}";

fn many() -> Project {
    let tests = [
        ("c", "suite: second"),
        ("b", "suite: second, order: 1.5"),
        ("a", "suite: second, order: 1.5"),
        ("d", "skip: true"),
    ];
    project(MANY, &tests)
}

#[test]
fn tests_of_a_suite_run_in_their_order() {
    many().luavisor(["test", "--jobs", "1"]).exits(0).says(
        "\
skip  app  app:d
ok    second  app:c  T
ok    second  app:a  T
ok    second  app:b  T

3 passed, 0 failed, 1 skipped in T
",
    );
}

#[test]
fn tests_are_listed_and_chosen() {
    let project = many();
    project.luavisor(["test", "--list"]).exits(0).prints(
        "app  app:d  src/_index.yaml:24  skipped\n\
         second  app:c  src/_index.yaml:6\n\
         second  app:a  src/_index.yaml:18\n\
         second  app:b  src/_index.yaml:12\n",
    );
    let chosen = |words: &[&str]| {
        let words: Vec<&str> = ["test", "--list"].iter().chain(words).copied().collect();
        let list = project.luavisor_words(&words).exits(0).stdout;
        let ids = list.lines().filter_map(|line| line.split_whitespace().nth(1));
        ids.collect::<Vec<_>>().join(" ")
    };
    assert_eq!(chosen(&["second"]), "app:c app:a app:b");
    assert_eq!(chosen(&["app:d", "p:a"]), "app:d app:a");
    assert_eq!(chosen(&[".", "app:c"]), "app:c");
    project.luavisor(["test", "src", "nothing"]).exits(2).mentions("src");
    project.luavisor(["test", "x", "y"]).exits(2).complains(
        "Error: no test matches \"x\" or \"y\". Use 'luavisor test --list' to see all\n",
    );
}

#[test]
fn what_cannot_start_is_no_failure() {
    Project::new()
        .luavisor(["test"])
        .exits(2)
        .complains("Error: no tests: no process.lua or function.lua has meta.type: test\n");
    for flags in [["test", "--timeout=5"], ["test", "--jobs=0"], ["test", "--nothing"]] {
        many().luavisor(flags).exits(2).mentions("Error: ");
    }
    let broken = project("return {", &[("a", "")]);
    broken.luavisor(["test"]).exits(2).mentions("src/tests.lua:1:").prints("");
}

#[test]
fn flags_change_how_tests_run() {
    let said = project(WAYS, &[("hangs", "")]).luavisor(["test", "--timeout", "50ms"]);
    let said = said.exits(1).stdout;
    assert!(said.contains("\n  timed out after 50ms\n"), "{said}");

    // Standard output is for JSON.
    let flags = ["test", "--no-capture", "--json", "raises"];
    let finished = project(WAYS, &[("raises", "")]).luavisor(flags);
    let finished = finished.exits(1).mentions("before\n");
    assert_eq!(finished.stdout.lines().count(), 1, "{finished:?}");
    assert!(finished.stdout.contains(r#""output":"""#), "{finished:?}");
}

#[test]
fn a_test_whose_host_does_not_run_fails() {
    let entries = "
  - { name: asleep, kind: process.host }
  - { name: lost, kind: process.lua, host: asleep, source: return print, meta: { type: test } }";
    let said = Project::new().entries(entries).luavisor(["test"]).exits(1).stdout;
    assert!(said.contains("\n  cannot start: host is not running\n"), "{said}");
}

#[test]
fn fail_fast_starts_no_more() {
    let source = "return { a = function() error('a') end, b = function() end }";
    let project = project(source, &[("a", "order: 1"), ("b", "order: 2")]);
    project.luavisor(["test", "--fail-fast"]).exits(1).says(
        "\
FAIL  app  app:a  T

app:a (app), src/_index.yaml:6
  a
    at src/tests.lua:1 in a

0 passed, 1 failed, 1 unfinished in T
",
    );
}

/// Two tests that print in every way: themselves, by the log, a function and a process.
const TALKATIVE: &str = r#"
local funcs, logger, time = require("funcs"), require("logger"), require("time")

local function talk(name)
    print(name, "prints")
    logger:info(name .. " logs")
    funcs.call("app:echo", name .. " calls")
    local events = process.events()
    process.spawn_monitored("app:child", "app:processes", name .. " spawns")
    events:receive()
    error(name)
end

return { a = function() talk("a") end, b = function() talk("b") end }
"#;

#[test]
fn what_is_printed_is_told_apart_by_test() {
    let tests = [("a", "suite: one"), ("b", "suite: two")];
    let echo = "
  - { name: echo, kind: function.lua, method: run, source: 'return { run = print }' }
  - { name: child, kind: process.lua, source: 'return { main = print }' }
  - name: chatter
    kind: process.lua
    source: 'return { main = function() print(\"of the application\") end }'
    lifecycle: { auto_start: true }";
    let project = project(TALKATIVE, &tests).entries(echo);
    let said = project.luavisor(["test", "--jobs", "2"]).exits(1).stdout;
    for name in ["a", "b"] {
        let begin = said.find(&format!("\napp:{name} (")).expect("a failure");
        let part = said[begin + 1..].split("\n\n").next().unwrap_or_default();
        let (_, printed) = part.split_once("  printed:\n").expect("what was printed");
        let lines: Vec<&str> = printed.lines().map(str::trim).collect();
        assert_eq!(lines.len(), 4, "{said}");
        assert_eq!(lines[0], format!("{name}\tprints"));
        assert!(lines[1].contains(&format!("{name} logs")), "{said}");
        assert_eq!(lines[2..], [format!("{name} calls"), format!("{name} spawns")]);
    }
    let others = "\nprinted by processes of no test:\n  of the application\n\n";
    assert!(said.contains(others), "{said}");
}

#[test]
fn what_a_test_leaves_behind_is_terminated() {
    let source = r#"
return {
    a = function()
        local pid = process.spawn("app:rest", "app:processes")
        process.registry.register("rest", pid)
    end,
    b = function()
        return process.registry.lookup("rest") == nil
    end,
}"#;
    let rest = "
  - name: rest
    kind: process.lua
    source: 'return { main = function() process.inbox():receive() end }'";
    let tests = [("a", "order: 1"), ("b", "order: 2")];
    project(source, &tests).entries(rest).luavisor(["test"]).exits(0);
}

#[test]
fn the_services_of_the_application_run() {
    let keeper = "
  - name: keeper
    kind: process.lua
    source: file://keeper.lua
    lifecycle: { auto_start: true, ready: true, stop_timeout: 10ms }
  - name: asks
    kind: process.lua
    source: file://asks.lua
    host: processes
    meta: { type: test }";
    Project::new()
        .entries(keeper)
        .file(
            "src/keeper.lua",
            "return { main = function()
                process.registry.register('keeper')
                local inbox = process.inbox()
                process.ready()
                while true do
                    local message = inbox:receive()
                    process.send(message:from(), 'answer', 42)
                end
            end }",
        )
        .file(
            "src/asks.lua",
            "return { main = function()
                process.send('keeper', 'question')
                return process.inbox():receive():payload():data() == 42
            end }",
        )
        .luavisor(["test"])
        .exits(0)
        .says("ok    app  app:asks  T\n\n1 passed, 0 failed in T\n");
}

#[test]
fn results_for_programs() {
    let source = r#"return {
    good = function() print("hi") end,
    bad = function() error("<no>") end,
    never = function() end,
}"#;
    let tests = [("bad", "order: 1"), ("good", "order: 2"), ("never", "order: 3, skip: why")];
    let project = project(source, &tests);
    let finished = project.luavisor(["test", "--json", "--junit", "out.xml"]).exits(1);
    let lines: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 3, "{finished:?}");
    let [bad, good, never] = &lines[..] else { panic!("three lines") };
    assert_eq!(
        [&bad["id"], &bad["suite"], &bad["status"], &bad["error"]["message"]],
        ["app:bad", "app", "failed", "<no>"]
    );
    let first = &bad["error"]["trace"][0];
    assert_eq!(first["place"], "src/tests.lua");
    assert_eq!((&first["line"], &first["name"]), (&3.into(), &"bad".into()));
    assert_eq!([&good["status"], &good["output"]], ["passed", "hi\n"]);
    assert_eq!([&never["status"], &never["reason"]], ["skipped", "why"]);
    assert_eq!(timeless(&finished.stderr), "1 passed, 1 failed, 1 skipped in T\n");

    let xml = std::fs::read_to_string(project.path().join("out.xml")).unwrap();
    for part in [
        "<testsuites tests=\"3\" failures=\"1\" errors=\"0\" skipped=\"1\" time=\"",
        "<testsuite name=\"app\" tests=\"3\"",
        "<testcase classname=\"app\" name=\"app:bad\" file=\"src/_index.yaml\" line=\"6\" time=\"",
        "<failure message=\"&lt;no&gt;\" type=\"Internal\">&lt;no&gt;&#10;  at src/tests.lua:3 bad</failure>",
        "<skipped message=\"why\"/>",
        "<system-out>hi&#10;</system-out>",
    ] {
        assert!(xml.contains(part), "{part}\n{xml}");
    }
    project.luavisor(["test", "--junit", "no/such/folder.xml"]).exits(2).prints("");
}

#[test]
fn a_signal_ends_it_in_order() {
    let source = "local time = require('time')
return {
    a = function() print('waiting') time.sleep('1h') end,
    b = function() end,
}";
    let project = project(source, &[("a", "order: 1"), ("b", "order: 2")]);
    let mut running = project.start_luavisor(["test", "--no-capture"]);
    running.wait_for("waiting");
    running.signal("INT");
    let finished = running.finish().exits(1);
    finished
        .says("waiting\n\n0 passed, 0 failed, 2 unfinished in T\n")
        .complains("shutting down (press Ctrl+C again to force exit)\n");
}

#[test]
fn an_application_that_ends_itself_ends_the_run() {
    let source = "local system, time = require('system'), require('time')
return { a = function() system.exit(3) time.sleep('1h') end, b = function() end }";
    let tests = [("a", "order: 1"), ("b", "order: 2")];
    project(source, &tests).luavisor(["test"]).exits(1).says(
        "
the application asked to end, with code 3

0 passed, 0 failed, 2 unfinished in T
",
    );
}

/// Which of two senders is faster is a matter of luck.
const LUCK: &str = r#"
local time = require("time")

return {
    sleeps = function()
        time.sleep("24h")
    end,
    is_lucky = function()
        local inbox = process.inbox()
        for _, name in { "first", "second" } do
            process.spawn("app:sender", "app:processes", process.pid(), name)
        end
        print("waiting")
        local name = inbox:receive():payload():data()
        assert(name == "first", name)
    end,
}"#;

#[test]
fn simulations_take_no_time_and_find_what_depends_on_luck() {
    let sender = "
  - name: sender
    kind: process.lua
    source: 'return { main = function(to, name) process.send(to, \"hello\", name) end }'";
    let tests = [("sleeps", "suite: a, timeout: 48h"), ("is_lucky", "suite: b")];
    let project = project(LUCK, &tests).entries(sender);
    project.luavisor(["test", "--sim", "sleeps"]).exits(0).says(
        "\
ok    a  app:sleeps  T

1 passed, 0 failed in T
",
    );
    let found = project.luavisor(["test", "--sim", "--seeds", "1000"]).exits(1).stdout;
    let (_, seed) = found.split_once("  with --sim --seed ").expect("a seed");
    let seed = seed.lines().next().unwrap_or_default();
    let replayed = |seed: &str| {
        let said = project.luavisor(["test", "--sim", "lucky", "--seed", seed]).exits(1).stdout;
        timeless(&said)
    };
    let once = replayed(seed);
    assert!(once.contains("\n  second\n"), "{once}");
    assert!(once.contains("\n  printed:\n    waiting\n"), "{once}");
    assert_eq!(once, replayed(seed));
    project.luavisor(["test", "--seed", "1"]).exits(2).mentions("--sim");
}

#[test]
fn the_everyday_example_passes_its_tests() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/everyday");
    let folder = folder.to_str().unwrap();
    let finished = Project::empty().luavisor(["test", folder, "--json"]).exits(0);
    let lines: Vec<serde_json::Value> =
        finished.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert!(lines.len() >= 9, "{finished:?}");
    assert!(lines.iter().all(|line| line["status"] == "passed"), "{finished:#?}");
}
