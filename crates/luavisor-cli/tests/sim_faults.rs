//! `luavisor sim`: what each fault does, whom it hits, and what is said of it.

mod support;

use support::{FORGETFUL, Finished, Project};

const START: &str = "lifecycle: { auto_start: true }";
const PERMANENT: &str = "lifecycle: { auto_start: true, restart: { policy: permanent } }";
const WAITS: &str = "return function() process.events():receive() end";

fn sim(project: &Project, flags: &[&str]) -> Finished {
    project.luavisor_words(&[&["-s", "sim"], flags].concat())
}

/// The lines of a trace with this event, up to the shutdown.
fn events<'a>(trace: &'a str, event: &str) -> Vec<&'a str> {
    let event = format!(" {event} ");
    let lines = trace.lines().take_while(|line| !line.contains(" exit.requested "));
    lines.filter(|line| line.contains(&event)).collect()
}

#[test]
fn a_failure_is_an_error_that_pcall_sees() {
    let source = "local time = require('time')
        return function()
            local ok, err = pcall(function() while true do time.sleep('1s') end end)
            print('caught', ok, err)
            while true do time.sleep('1s') end
        end";
    let project = Project::new().process("main", START, source);
    let flags = ["--seed", "1", "--time", "1m", "--trace"];
    let first = [&flags[..], &["--fault", "5s fail=3 app:main"]].concat();
    let trace = sim(&project, &first).exits(0).stdout;
    assert_eq!(events(&trace, "fault.fail").len(), 1);
    assert_eq!(events(&trace, "process.exit").len(), 0, "{trace}");
    // The second one is not inside the pcall.
    let second = [&first[..], &["--fault", "20s fail app:main"]].concat();
    let trace = sim(&project, &second).exits(0).stdout;
    let exits = events(&trace, "process.exit");
    assert_eq!(exits.len(), 1, "{trace}");
    assert!(exits[0].contains("app:main:5: injected fault"), "{trace}");
}

#[test]
fn short_lives_are_hit_and_functions_too() {
    let caller = "local funcs, time = require('funcs'), require('time')
        return function()
            while true do
                funcs.call('app:brief', 1)
                process.spawn('app:child', 'app:processes')
                time.sleep('10ms')
            end
        end";
    let project = Project::new()
        .process("child", "", "return function() return math.random() end")
        .file("src/caller.lua", caller)
        .file("src/brief.lua", "return function(n) return n end")
        .entries(
            "
  - { name: brief, kind: function.lua, method: run, source: 'file://brief.lua' }
  - { name: caller, kind: process.lua, source: 'file://caller.lua', modules: [funcs, time],
      lifecycle: { auto_start: true } }",
        );
    for entry in ["app:brief", "app:child"] {
        let faults = format!("kill@{entry}=0.1");
        let flags = ["--seed", "3", "--time", "20s", "--trace", "--faults", &faults];
        let trace = sim(&project, &flags).exits(0).stdout;
        let killed = events(&trace, "process.exit");
        let killed = killed.iter().filter(|line| line.contains("reason=terminated")).count();
        assert!(killed > 10, "{entry}: {killed} killed");
        assert_eq!(trace, sim(&project, &flags).stdout);
    }
    // All lives of a function are short.
    let told = sim(&project, &["--fault", "5s kill app:brief", "--seeds", "1"]).exits(0).stdout;
    assert!(told.contains("found no target"), "{told}");
    sim(&project, &["--live", "app:brief=0", "--seeds", "3", "--time", "1s"]).exits(0);
}

#[test]
fn a_full_mailbox_refuses_until_it_is_read() {
    let slow = "local time = require('time')
        return function()
            process.registry.register('slow')
            local inbox = process.inbox()
            while true do
                inbox:receive()
                time.sleep('5ms')
            end
        end";
    let sender = "local time = require('time')
        return function()
            local refused, last = 0, true
            while true do
                local sent, err = process.send('slow', 'work')
                if sent ~= last then print(sent, err) end
                last = sent
                time.sleep('100ms')
            end
        end";
    let check = "return function(view)
        assert((view.unread['app:slow'] or 0) < 10, view.unread['app:slow'])
    end";
    let project = Project::new()
        .process("slow", START, slow)
        .process("sender", "lifecycle: { auto_start: true, depends_on: [app:slow] }", sender)
        .file("src/check.lua", check)
        .entries("\n  - { name: check, kind: sim.check, source: 'file://check.lua' }");
    let flags = ["--seed", "1", "--time", "1m", "--trace", "--fault", "10s flood app:slow"];
    let trace = sim(&project, &flags).exits(0).stdout;
    assert_eq!(events(&trace, "fault.flood").len(), 1, "{trace}");
    let told = sim(&project, &["--seeds", "4", "--faults", "flood@app:slow=0.01"]).exits(0);
    assert!(told.stdout.contains(" flood"), "{told:?}");
}

#[test]
fn a_refused_start_is_that_of_its_entry() {
    let project =
        Project::new().process("a", PERMANENT, WAITS).process("b", PERMANENT, WAITS).entries("");
    let flags = ["--seed", "1", "--time", "1m", "--trace", "--fault", "5s start app:a"];
    let kills = ["--fault", "10s kill app:b", "--fault", "20s kill app:a"];
    let trace = sim(&project, &[&flags[..], &kills].concat()).exits(0).stdout;
    let refused = |entry: &str| {
        let failed = events(&trace, "service.restart");
        failed.iter().filter(|line| line.contains(entry) && line.contains("injected")).count()
    };
    assert_eq!((refused("app:a"), refused("app:b")), (1, 0), "{trace}");
}

#[test]
fn holds_end_with_the_faults() {
    let project = Project::new().process("a", START, WAITS).entries("");
    // It would be held for an hour, and not end in time.
    let flags = ["--time", "10s", "--settle", "1s", "--fault", "5s hold=1h app:a", "--seed", "1"];
    let pings = "local time = require('time')
        return function() while true do time.sleep('1s') end end";
    let busy = Project::new().process("a", START, pings).entries("");
    for project in [project, busy] {
        let trace = sim(&project, &[&flags[..], &["--trace"]].concat()).exits(0).stdout;
        assert!(events(&trace, "fault.hold")[0].contains("seconds=3600"), "{trace}");
        assert_eq!(events(&trace, "process.exit").len(), 0, "{trace}");
    }
}

#[test]
fn a_stopped_host_starts_again_with_what_it_ended() {
    let on = format!("host: app:processes, {START}");
    let project = Project::new()
        .entries("\n  - { name: calm, kind: process.host, lifecycle: { auto_start: true } }")
        .process("kept", &on, WAITS)
        .process("off", "host: app:processes, lifecycle: { auto_start: false }", WAITS)
        .process("calm_one", "host: app:calm, lifecycle: { auto_start: true }", WAITS);
    let flags = ["--seed", "1", "--time", "1m", "--trace", "--live", "app:kept=1"];
    let stop = ["--fault", "20s stop app:processes"];
    let trace = sim(&project, &[&flags[..], &stop].concat()).exits(0).stdout;
    let starts = |entry: &str| {
        let all = events(&trace, "process.start");
        all.iter().filter(|line| line.contains(entry)).count()
    };
    let all = (starts("app:kept "), starts("app:off "), starts("app:calm_one "));
    assert_eq!(all, (2, 0, 1), "{trace}");
    assert!(trace.contains("00:00:30.000"), "{trace}");
}

#[test]
fn faults_without_target_are_told() {
    let ends = "return function() end";
    let project = Project::new().process("a", START, WAITS).process("b", "", ends);
    let flags = ["--seed", "1", "--time", "1m", "--fault", "5s kill app:b"];
    let told = sim(&project, &flags).exits(0).stdout;
    assert!(told.contains("with 0 faults (1 found no target), nothing found"), "{told}");
    let trace = sim(&project, &[&flags[..], &["--trace"]].concat()).exits(0).stdout;
    assert!(events(&trace, "fault.missed")[0].contains("fault=kill"), "{trace}");
    let many = ["--seeds", "4", "--time", "1m", "--fault", "5s kill app:b"];
    let told = sim(&project, &many).exits(0).stdout;
    assert!(told.contains("no fault hit anybody; 4 at a time found no target\n"), "{told}");
    let late = ["--time", "1m", "--fault", "1m kill app:a"];
    sim(&project, &late).exits(2).mentions("\"60s kill app:a\" comes after the time under faults");
}

#[test]
fn an_application_that_ends_by_itself_is_judged_too() {
    let main = "local system, time = require('system'), require('time')
        return function()
            time.sleep('5s')
            system.exit(3)
            process.events():receive()
        end";
    let project = |check: &str| {
        Project::new().file("src/main.lua", main).file("src/check.lua", check).entries(
            "
  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [system, time],
      lifecycle: { auto_start: true } }
  - { name: check, kind: sim.check, source: 'file://check.lua' }",
        )
    };
    let sees = project("return function(view) assert(view.exit == 3 and view.final) end");
    let told = sim(&sees, &["--seeds", "4"]).exits(0).stdout;
    let expected = "checks asked 4 times; 4 seeds ended by themselves with exit code 3\n";
    assert!(told.contains(expected), "{told}");
    let told = sim(&sees, &["--seed", "2"]).exits(0).stdout;
    assert!(told.contains("asked 1 times, ended by itself with exit code 3, nothing"), "{told}");
    let told = sim(&sees, &["--seed", "2", "--live", "app:main=1"]).exits(1).stdout;
    let expected = "seed 2 fails: the application ended by itself after 5s, with exit code 3, \
                    but somebody is to live\nit does so without any fault\n";
    assert!(told.starts_with(expected), "{told}");
    let wants = project("return function(view) assert(view.exit == 0, 'no success') end");
    sim(&wants, &["--seeds", "2"]).exits(1);
}

#[test]
fn the_shortest_list_can_be_given_back() {
    let worker = "return function() process.inbox():receive() end";
    let project = Project::new().process("pool", START, FORGETFUL).process("worker", "", worker);
    let flags = ["--live", "app:worker=3", "--time", "3m"];
    let faults = ["--faults", "kill=0.01,hold=0.02,fail=0.01,cancel=0.01,clock=0.01,start=0.01"];
    let mut found = 0;
    for seed in ["1", "2", "3", "4", "5", "6"] {
        let words = [&flags[..], &["--seed", seed], &faults].concat();
        let told = sim(&project, &words).stdout;
        let Some(line) = told.lines().find(|line| line.starts_with("with these only: ")) else {
            continue;
        };
        let given = line.split(" --fault \"").skip(1).map(|part| part.trim_end_matches('"'));
        let given: Vec<&str> = given.flat_map(|fault| ["--fault", fault]).collect();
        let words = [&flags[..], &["--seed", seed, "--faults", ""], &given].concat();
        let again = sim(&project, &words).exits(1).stdout;
        // It is the same run: the same verdict, faults and events.
        let story = |text: &str| {
            let lines = text.lines().filter(|line| {
                !line.contains("are enough") && !line.contains("with all its faults")
            });
            lines.take_while(|line| !line.starts_with("with these")).collect::<Vec<_>>().join("\n")
        };
        assert_eq!(story(&again), story(&told));
        found += 1;
    }
    assert!(found > 2, "only {found} seeds fail");
}

#[test]
fn children_of_a_supervisor_are_counted() {
    let tree = |restart: &str| {
        Project::new().process("one", "", WAITS).entries(&format!(
            "
  - name: tree
    kind: process.supervisor
    host: processes
    children:
      - {{ name: a, process: one, restart: {restart} }}
      - {{ name: b, process: one, restart: {restart} }}
    lifecycle: {{ auto_start: true }}"
        ))
    };
    let faults = ["--faults", "kill@app:one=0.01", "--seeds", "5", "--children", "app:tree=2"];
    sim(&tree("permanent"), &faults).exits(0);
    let told = sim(&tree("temporary"), &faults).exits(1).stdout;
    assert!(told.contains(" children of app:tree live, 2 are wanted"), "{told}");
    sim(&tree("permanent"), &["--children", "app:one=2"])
        .exits(2)
        .mentions("no process.supervisor \"app:one\"");
    // A supervisor is a target before it has told of a child.
    let flags =
        ["--fault", "5s kill app:tree", "--seed", "1", "--trace", "--children", "app:tree=2"];
    let trace = sim(&tree("permanent"), &flags).exits(0).stdout;
    assert_eq!(events(&trace, "fault.kill").len(), 1, "{trace}");
}

#[test]
fn wrong_flags_are_explained() {
    let project = Project::new().process("worker", START, WAITS);
    for (flags, says) in [
        (["--time", "-5m"], "expected a duration such as 10m or 1h, found \"-5m\""),
        (["--settle", "-1s"], "expected a duration such as 10m or 1h, found \"-1s\""),
        (["--faults", "kill="], "expected kill=PROBABILITY"),
        (["--fault", "3s clock=500ms"], "expected clock=DURATION in whole seconds"),
        (["--fault", "3s fail=0 app:worker"], "expected fail=SAFEPOINTS"),
        (["--faults", "kill@=1"], "\"kill@\": an entry is missing after @"),
        (["--faults", "clock@app:worker=1"], "there is one wall clock for all"),
        (["--faults", "stop@app:worker=1"], "no process.host \"app:worker\""),
        (["--live", "app:wroker=3"], "did you mean \"app:worker\"?"),
        (["--live", "app:worker=3,app:worker"], "expected ENTRY=N, found \"app:worker\""),
        (["--fault", "3s kil app:worker"], "unknown fault \"kil\", expected kill, fail"),
    ] {
        let words = [flags[0].to_owned() + "=" + flags[1]];
        sim(&project, &[&words[0]]).exits(2).mentions(says);
    }
    sim(&project, &["--live", "app:worker=1,app:worker=1", "--seeds", "1"]).exits(0);
}

/// `when: always` waits until nobody is held, and goes on beside an endless loop.
#[test]
fn checks_that_are_always_asked_are_asked_later_if_need_be() {
    let project = Project::new()
        .process("a", START, WAITS)
        .file("src/check.lua", "return function() end")
        .entries("\n  - { name: c, kind: sim.check, when: always, source: 'file://check.lua' }");
    let flags = ["--seed", "1", "--time", "3m", "--fault", "55s hold=10s app:a"];
    let told = sim(&project, &flags).exits(0).stdout;
    assert!(told.contains(", checks asked 4 times"), "{told}");
}

#[cfg(unix)]
#[test]
fn a_worker_ends_with_whoever_started_it() {
    let project = Project::new().process("a", START, WAITS);
    // Its standard input is empty: over at once, long before a million seeds are.
    let flags = ["--worker", "--tied", "--seeds", "1000000", "--time", "100h"];
    let finished = sim(&project, &flags);
    assert!(finished.stdout.lines().count() < 1_000_000, "{}", finished.stdout.len());
    finished.exits(1);
}
