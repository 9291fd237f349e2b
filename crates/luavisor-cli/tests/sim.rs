//! `luavisor sim`: what it finds, what it leaves alone, and that one seed is one run.

mod support;

use std::path::Path;

use support::Project;

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    folder.to_str().unwrap_or_default().to_owned()
}

/// The pool of the tutorial in docs/simulation.md.
const FORGETFUL: &str = "
local time = require('time')
return function()
    local events = process.events()
    for _ = 1, 3 do process.spawn_monitored('app:worker', 'app:processes') end
    while true do
        local event = events:receive()
        if event.kind == process.event.CANCEL then return end
        time.sleep('100ms')
        process.spawn_monitored('app:worker', 'app:processes')
    end
end";
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
        "replay it: luavisor sim --seed ",
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
    let project = Project::new()
        .process("linked", "lifecycle: { auto_start: true }", linked)
        .process("peer", "", peer);
    let own = project.path().to_str().unwrap_or_default().to_owned();
    for (bug, folder, says) in [
        ("lost-exit", example("tree"), "I1: "),
        ("double-exit", example("tree"), "I1: "),
        ("orphan", example("tree"), "I7: "),
        ("lost-link-failure", example("worker-pool"), "I2: "),
        ("link-kept", own.clone(), "I2: "),
        ("name-kept", own, "the name peer outlives its owner"),
    ] {
        let flags = ["sim", "--seeds", "1000", "--faults", "kill=0.05", "--plant", bug, &folder];
        let found = project.luavisor(flags).exits(1).stdout;
        assert!(found.contains(" fails: ") && found.contains(says), "{bug}\n{found}");
        let healthy =
            ["sim", "--seeds", "10", "--faults", "kill=0.05", "--jobs", "1", "-s", &folder];
        project.luavisor(healthy).exits(0);
    }
}

#[test]
fn one_seed_is_one_run_in_any_process() {
    let project = Project::empty();
    for name in ["worker-pool", "tree", "supervised-pool"] {
        let folder = example(name);
        let faults = "kill=0.02,fail=0.02,memory=0.01,flood=0.01,cancel=0.01";
        let flags = ["sim", "--seed", "5", "--time", "5m", "--trace", "--faults", faults, &folder];
        let first = project.luavisor(flags).exits(0).stdout;
        assert!(first.contains(" fault.kill ") && first.contains("nothing found (run "), "{first}");
        assert_eq!(project.luavisor(flags).exits(0).stdout, first, "{name}");
    }
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
    sim(&["-x", "app:nobody"]).exits(2).mentions("process \"app:nobody\" not found");
    sim(&["-x", "app:main", "--seeds", "3", "--time", "1s"]).exits(0);
}
