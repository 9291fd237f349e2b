//! `luavisor sim`: what it finds, what it leaves alone, and that one seed is one run.

mod support;

use std::path::Path;

use support::{FORGETFUL, Project};

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    folder.to_str().unwrap_or_default().to_owned()
}

const WORKER: &str = "return function() process.inbox():receive() end";

#[test]
fn a_bug_of_an_application_is_found_and_its_cause_shown() {
    let project = Project::new()
        .process("pool", "lifecycle: { auto_start: true }", FORGETFUL)
        .process("worker", "", WORKER);
    let flags = ["sim", "--faults", "kill=0.01", "--live", "app:worker=3", "--seeds", "20"];
    let found = project.luavisor(flags).exits(1).stdout;
    for part in [
        "processes of app:worker live, 3 are wanted\n1 of ",
        " faults are enough:\n",
        " kill app:pool\nthe last events:\n",
        " fault.kill pid={app:processes|",
        "replay it with all its faults: luavisor sim --seed ",
    ] {
        assert!(found.contains(part), "{part}\n{found}");
    }
    // The tutorial's cure: linked workers die with their pool.
    let cured = FORGETFUL.replace("spawn_monitored", "spawn_linked_monitored").replace(
        "local events = process.events()",
        "process.set_options{trap_links = true} local events = process.events()",
    );
    let cured = cured.replace(
        "time.sleep('100ms')",
        "if event.kind == process.event.EXIT then time.sleep('100ms')",
    );
    let cured = cured.replace(
        "        process.spawn_linked_monitored('app:worker', 'app:processes')\n    end",
        "        process.spawn_linked_monitored('app:worker', 'app:processes') end\n    end",
    );
    let project = Project::new()
        .process("pool", "lifecycle: { auto_start: true }", &cured)
        .process("worker", "", WORKER);
    let finished = project.luavisor(flags).exits(0).complains("");
    assert!(finished.stdout.starts_with("20 seeds, "), "{finished:?}");
}

#[test]
fn planted_bugs_of_the_runtime_are_found() {
    let linked = "return function()
        process.set_options{trap_links = true}
        local time, peer = require('time'), process.spawn('app:peer', 'app:processes')
        while true do
            process.link(peer)
            time.sleep('300ms')
            process.unlink(peer)
            time.sleep('300ms')
            if not process.registry.lookup('peer') then
                peer = process.spawn('app:peer', 'app:processes')
            end
        end
    end";
    let peer = "return function()
        process.registry.register('peer')
        process.set_options{trap_links = true}
        process.inbox():receive()
    end";
    let deaf = "return function(again)
        if not again then process.send(process.pid(), 'unread', true) end
        while process.events():receive().kind ~= process.event.CANCEL do end
    end";
    // Two who want one name, who compute for ever, and who leave much behind.
    let named = "return function()
        local time = require('time')
        while true do
            process.registry.register('title')
            time.sleep('1s')
        end
    end";
    let busy = "return function() while true do end end";
    let hoarder = "return function()
        local time, keep = require('time'), {}
        for i = 1, 40000 do keep[i] = { i } end
        process.events():receive()
    end";
    // Sends to who has ended.
    let pen_pal = "return function()
        local time = require('time')
        while true do
            local peer = process.spawn('app:ends', 'app:processes')
            time.sleep('100ms')
            process.send(peer, 'late')
        end
    end";
    let project = Project::new()
        .process("linked", "lifecycle: { auto_start: true }", linked)
        .process("peer", "", peer)
        .process("deaf", "lifecycle: { auto_start: true }", deaf)
        .process("named_a", "lifecycle: { auto_start: true }", named)
        .process("named_b", "lifecycle: { auto_start: true }", named)
        .process("hoarder", "lifecycle: { auto_start: true }", hoarder)
        .process("ends", "", "return function() end")
        .process("pen_pal", "lifecycle: { auto_start: true }", pen_pal);
    let computing = (0..6).fold(Project::new(), |project, number| {
        project.process(&format!("busy{number}"), "lifecycle: { auto_start: true }", busy)
    });
    let stubborn = Project::new()
        .process(
            "stubborn",
            "lifecycle: { auto_start: true, stop_timeout: 60s }",
            "return function() while true do process.inbox():receive() end end",
        )
        .file("luavisor.yaml", "version: \"1.0\"\nshutdown: { timeout: 5s }\n");
    let folder = |project: &Project| project.path().to_str().unwrap_or_default().to_owned();
    let own = folder(&project);
    // What the shortest run must show besides what the failure says.
    let shows = |bug: &str| match bug {
        "lost-exit" | "double-exit" | "orphan" | "dead-accepts" => " process.exit ",
        "link-kept" => " bond.unlink ",
        "lost-link-failure" => " bond.link ",
        "name-kept" | "name-taken-twice" => " name.registered ",
        "overtaking" | "lost-message" | "double-message" => " message.sent ",
        "vanished-message" => " message.arrived ",
        "timer-kept" => " timer.stopped ",
        "lost-cancel" => " bond.cancel ",
        "budget-ignored" => " child.restart ",
        _ => "the last events:",
    };
    for (bug, folder, says) in [
        ("lost-exit", example("tree"), "I1: "),
        ("double-exit", example("tree"), "I1: "),
        ("orphan", example("tree"), "I7: "),
        ("lost-link-failure", example("worker-pool"), "I2: "),
        ("link-kept", own.clone(), "I2: "),
        ("budget-ignored", example("tree"), "intensity: "),
        ("name-kept", own.clone(), "the name peer outlives its owner"),
        ("overtaking", example("bank"), "I3: "),
        ("lost-message", example("bank"), "I3: "),
        ("double-message", example("bank"), "I3: "),
        ("vanished-message", example("bank"), "I3: "),
        ("dead-accepts", own.clone(), "I4: "),
        ("name-taken-twice", own.clone(), "names: title belongs to"),
        ("starving", folder(&computing), "I6: "),
        ("garbage-kept", own.clone(), "I9: "),
        ("lost-wake", example("worker-pool"), "I8: "),
        ("endless-shutdown", folder(&stubborn), "I10: "),
        ("timer-kept", example("tree"), "timers: "),
        ("lost-cancel", own, "I8: "),
        ("killed-runs", example("chat"), "I5: "),
        ("forgotten-child", example("tree"), "I7: "),
    ] {
        let faults = "kill=0.05,cancel=0.01,stop=0.01";
        let time = if bug == "starving" { "2s" } else { "3m" };
        let flags = ["sim", "--time", time, "--settle", "2s", "--faults", faults, &folder];
        let planted = [&flags[..], &["--seeds", "1000", "--plant", bug]].concat();
        let found = project.luavisor_words(&planted).exits(1).stdout;
        assert!(found.contains(" fails: ") && found.contains(says), "{bug}\n{found}");
        assert!(found.contains(shows(bug)), "{bug}\n{found}");
        let healthy = [&flags[..], &["--seeds", "3", "--jobs", "1", "-s"]].concat();
        project.luavisor_words(&healthy).exits(0);
    }
}

#[test]
fn one_seed_is_one_run_in_any_process() {
    let project = Project::empty();
    for name in ["worker-pool", "tree", "supervised-pool", "bank", "chat"] {
        let folder = example(name);
        let faults = "kill=0.02,fail=0.02,memory=0.01,flood=0.01,cancel=0.01,hold=0.01,stop=0.01";
        let flags = ["sim", "--seed", "5", "--time", "5m", "--trace", "--faults", faults, &folder];
        let first = project.luavisor(flags).exits(0).stdout;
        assert!(first.contains(" fault.kill ") && first.contains("nothing found (run "), "{first}");
        assert_eq!(project.luavisor(flags).exits(0).stdout, first, "{name}");
    }
}

/// The collector of Lua must not look at the clock: what it frees shows in addresses.
#[test]
fn a_large_heap_is_the_same_in_any_process() {
    let main = "return function()
        local time, keep = require('time'), {}
        for i = 1, 100000 do
            keep[i % 30000] = { i }
            if i % 1000 == 0 then time.sleep('1s') end
        end
        error(tostring({}))
    end";
    let project = Project::new().process("main", "lifecycle: { auto_start: true }", main);
    let flags = ["-s", "sim", "--seed", "3", "--time", "2m", "--trace"];
    let first = project.luavisor(flags).exits(0).stdout;
    assert!(first.contains("table: 0x"), "{first}");
    for _ in 0..2 {
        assert_eq!(project.luavisor(flags).exits(0).stdout, first);
    }
}

/// Each line of a worker is a seed with a number that stands for its whole run. Every
/// process lies elsewhere in its address space.
#[test]
fn two_hundred_seeds_are_the_same_runs_in_another_process() {
    let project = Project::empty();
    for name in ["worker-pool", "queue"] {
        let folder = example(name);
        let faults = "kill=0.05,fail=0.05,hold=0.02,start=0.02";
        let flags = ["sim", "--worker", "--seeds", "200", "--from", "7000", "--time", "1m"];
        let flags = [&flags[..], &["--faults", faults, &folder]].concat();
        let first = project.luavisor_words(&flags).exits(0).stdout;
        assert_eq!(first.lines().count(), 200);
        assert_eq!(project.luavisor_words(&flags).exits(0).stdout, first, "{name}");
    }
}

#[test]
fn faults_come_at_their_time() {
    let folder = example("worker-pool");
    let project = Project::empty();
    let flags = ["sim", "--seed", "1", "--time", "1m", "--trace", "--fault"];
    let flags =
        [&flags[..], &["30s kill app:worker", "--fault", "12.5s fail app:pool", &folder]].concat();
    let trace = project.luavisor_words(&flags).exits(0).stdout;
    assert!(trace.contains("00:00:12.500000 fault.fail pid="), "{trace}");
    assert!(trace.contains("00:00:30.000000 fault.kill pid="), "{trace}");
    let wrong = |fault: &str, says: &str| {
        let words = ["sim", "--fault", fault, &folder];
        project.luavisor_words(&words).exits(2).mentions(says);
    };
    wrong("30s", "expected TIME FAULT [TARGET]");
    wrong("soon kill app:worker", "expected a time such as 30s");
    wrong("30s kil app:worker", "unknown fault \"kil\"");
    wrong("30s kill app:nobody", "no process, function or supervisor \"app:nobody\"");
}

#[test]
fn what_cannot_be_simulated_is_said() {
    let project = Project::new().process("main", "", WORKER);
    let sim = |flags: &[&str]| {
        let mut words = vec!["sim"];
        words.extend(flags);
        project.luavisor_words(&words)
    };
    sim(&["--faults", "kil=0.1"]).exits(2).mentions("unknown fault \"kil\", expected kill, fail");
    sim(&["--faults", "kill"]).exits(2).mentions("expected kill=PROBABILITY");
    sim(&["--faults", "kill=2"]).exits(2).mentions("a probability is from 0 to 1");
    sim(&["--time", "soon"]).exits(2).mentions("expected a duration such as 10m or 1h");
    sim(&["--live", "x"]).exits(2).mentions("expected ENTRY=N");
    sim(&[]).exits(2).mentions("nothing to run");
    sim(&["-x", "app:main", "--live", "app:nobody=1"])
        .exits(2)
        .mentions("no process, function or supervisor");
    sim(&["--seeds", "0", "-x", "app:main"]).exits(2).mentions("--seeds");
    sim(&["-x", "app:nobody"]).exits(2).mentions("process \"app:nobody\" not found");
    sim(&["-x", "app:main", "--seeds", "3", "--time", "1s"]).exits(0);
}

#[test]
fn examples_survive_faults() {
    let project = Project::empty();
    let all = "kill=0.02,fail=0.02,memory=0.01,flood=0.01,cancel=0.01,start=0.02,clock=0.01,hold=0.01,stop=0.003";
    // Those that are over at once are hit more often, and without being stopped first.
    let brief = "kill=0.2,fail=0.2,memory=0.1,flood=0.1,cancel=0.1,start=0.1,hold=0.1";
    let main = ["-x", "app:main"];
    for (name, faults, more) in [
        ("worker-pool", "kill=0.02,fail=0.02,clock=0.01", &["--live", "app:worker=3"][..]),
        ("supervised-pool", all, &[]),
        ("tree", all, &[]),
        ("crawler", all, &main),
        ("queue", all, &[]),
        ("bank", all, &[]),
        ("chat", all, &[]),
        ("service", all, &[]),
        ("star", brief, &main),
        ("everyday", brief, &main),
        ("chain", brief, &main),
        ("linked-pair", brief, &main),
        ("monitored-worker", brief, &main),
        ("ping-pong", brief, &main),
    ] {
        let folder = example(name);
        let mut words = vec!["sim", "--seeds", "30", "--time", "3m", "--faults", faults];
        words.extend(more);
        words.push(&folder);
        let told = project.luavisor_words(&words).exits(0).stdout;
        assert!(told.starts_with("30 seeds, "), "{name}: {told}");
        let hits = told.lines().find_map(|line| line.strip_prefix("faults: ")).unwrap_or_default();
        let hits = hits.split(&[' ', ',', ';']).filter_map(|word| word.parse::<u32>().ok());
        let hits: u32 = hits.sum();
        println!("{name}: {hits} faults");
        assert!(hits >= 30, "{name}: {told}");
    }
}

#[test]
fn checks_of_the_user_are_asked() {
    let project = Project::empty();
    let queue = example("queue");
    let flags = ["sim", "--seeds", "20", "--time", "10m", "--faults", "kill=0.01", &queue];
    project.luavisor(flags).exits(0);
    // A queue that forgets the job of a worker that died.
    let text = std::fs::read_to_string(format!("{queue}/src/queue.lua")).unwrap_or_default();
    let broken = text.replace("if job then", "if not job then");
    assert_ne!(text, broken);
    let mut project = Project::empty();
    for name in ["_index.yaml", "worker.lua", "main.lua", "nothing_lost.lua"] {
        let text = std::fs::read_to_string(format!("{queue}/src/{name}")).unwrap_or_default();
        project = project.file(&format!("src/{name}"), &text);
    }
    let project = project.file("src/queue.lua", &broken);
    let found = project
        .luavisor(["sim", "--seeds", "200", "--faults", "kill@app:worker=0.5"])
        .exits(1)
        .stdout;
    assert!(found.contains(" fails: check app:nothing_lost: "), "{found}");
    assert!(
        found.contains(" faults are enough:\n") && found.contains(" kill app:worker\n"),
        "{found}"
    );
}

#[test]
fn the_config_file_says_what_to_try() {
    let config = "version: \"1.0\"
sim:
  time: 5m
  settle: 30s
  faults: { kill: 0.01, \"fail@app:worker\": 0.02 }
  live: { \"app:worker\": 3 }
";
    let project = Project::new()
        .process("pool", "lifecycle: { auto_start: true }", FORGETFUL)
        .process("worker", "", WORKER)
        .file("luavisor.yaml", config);
    let found = project.luavisor(["sim", "--seeds", "50"]).exits(1).stdout;
    assert!(found.contains("processes of app:worker live, 3 are wanted"), "{found}");
    // Flags go before it.
    let flags = ["sim", "--seed", "1", "--time", "1m", "--faults", "", "--live", "app:worker=3"];
    let calm = project.luavisor(flags).exits(0).stdout;
    assert!(calm.starts_with("seed 1: 90s with 0 faults, nothing found"), "{calm}");
    let scheduled = "version: \"1.0\"\nsim: { time: 1m, schedule: [\"30s kill app:pool\"] }\n";
    let project = project.file("luavisor.yaml", scheduled);
    let trace = project.luavisor(["sim", "--seed", "1", "--trace"]).exits(0).stdout;
    assert!(trace.contains("00:00:30.000000 fault.kill pid="), "{trace}");
    let shorter = project.luavisor(["sim", "--seed", "1", "--time", "20s"]).exits(0).stdout;
    assert!(shorter.contains(" with 0 faults"), "{shorter}");
    let project = project.file("luavisor.yaml", &config.replace("0.01", "often"));
    project.luavisor(["sim"]).exits(2).mentions("expected a number, found \"often\"");
}

#[test]
fn a_failure_of_a_check_is_never_lost() {
    let check = |body: &str| {
        format!(
            "\n  - {{ name: judge, kind: sim.check, when: always, source: \"return function(...) {body} end\" }}"
        )
    };
    let pool = || Project::new().process("a", "lifecycle: { auto_start: true }", WORKER);
    let false_alarm = pool().entries(&check("return false"));
    for faults in ["", "start=0.9"] {
        let found = false_alarm.luavisor(["sim", "--seeds", "3", "--faults", faults]).exits(1);
        assert!(found.stdout.contains("check app:judge: it says false"), "{found:?}");
    }
    // It sees what there is.
    let view = "local view = ... assert(view.processes['app:a'] == 1 and view.children['app:tree'] == 2) \
        assert(view.names.me == 'app:c' and view.unread['app:c'] == 1 and view.final ~= nil)";
    let tree = "
  - name: tree
    kind: process.supervisor
    host: processes
    children: [{ name: one, process: b }, { name: two, process: c }]
    lifecycle: { auto_start: true }";
    let me = "return function()
        process.registry.register('me')
        process.send('me', 'unread')
        process.events():receive()
    end";
    let seen =
        pool().process("b", "", WORKER).process("c", "", me).entries(tree).entries(&check(view));
    seen.luavisor(["sim", "--seeds", "3"]).exits(0);
    let lines = pool().entries(&check("error('one' .. string.char(10) .. '1 b 0 d e', 0)"));
    lines.luavisor(["sim", "--seeds", "4", "--jobs", "2"]).exits(1).mentions("");
}

#[test]
fn no_seat_of_a_pool_is_lost_under_faults() {
    let caller = "
        local funcs, time = require('funcs'), require('time')
        return function()
            local exec = funcs.new():with_options({ timeout = '300ms' })
            while true do
                local futures = {}
                for i = 1, 6 do futures[i] = exec:async('app:narrow', i) end
                futures[6]:cancel()
                for i = 1, 5 do futures[i]:channel():receive() end
                exec:call('app:narrow', 7)
                time.sleep('100ms')
            end
        end";
    let check = "
        local funcs = require('funcs')
        return function()
            local exec = funcs.new():with_options({ timeout = '10s' })
            local value, err = exec:call('app:narrow', 'check')
            if value ~= 'check' then return nil, err end
        end";
    let project = Project::new()
        .process("caller", "lifecycle: { auto_start: true, restart: { policy: permanent } }", "")
        .file("src/caller.lua", caller)
        .file("src/check.lua", check)
        .file(
            "src/narrow.lua",
            "local time = require('time') return function(n) time.sleep('40ms') return n end",
        )
        .entries(
            "
  - { name: narrow, kind: function.lua, method: run, source: 'file://narrow.lua',
      modules: [time], pool: { type: static, size: 2 } }
  - { name: check, kind: sim.check, source: 'file://check.lua', modules: [funcs] }",
        )
        .file(
            "luavisor.yaml",
            "version: \"1.0\"\noverride: { \"app:caller:modules\": [funcs, time] }\n",
        );
    let faults = "kill=0.1,fail=0.1,cancel=0.05,start=0.05,clock=0.01";
    let flags = ["sim", "--seeds", "40", "--time", "1m", "--faults", faults];
    let first = project.luavisor(flags).exits(0).stdout;
    assert!(first.starts_with("40 seeds, "), "{first}");
    // The same seed is the same run, event by event.
    let flags = ["--seed", "5", "--time", "20s", "--faults", faults, "--trace"];
    let everyday = example("everyday");
    for more in [&[][..], &["-x", "app:main", &everyday]] {
        let words = [&["sim"], &flags[..], more].concat();
        let traces = [(); 2].map(|()| project.luavisor_words(&words).exits(0).stdout);
        assert!(traces[0] == traces[1] && traces[0].len() > 1000, "{}", traces[0]);
    }
}
