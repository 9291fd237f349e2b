//! The acceptance scenarios 36 to 40.
#![allow(clippy::unwrap_used)]

mod support;

use support::Project;

#[test]
fn scenario_36_a_worker_says_goodbye_to_the_service_it_requires() {
    let project = Project::new()
        .process(
            "book",
            "host: processes, lifecycle: { auto_start: true }",
            r#"
            local logger = require("logger")
            return function()
                process.registry.register("book")
                local inbox, events = process.inbox(), process.events()
                while true do
                    local result = channel.select { inbox:case_receive(), events:case_receive() }
                    if result.channel == inbox then
                        logger:info("noted " .. result.value:payload():data())
                    else
                        print("book ends")
                        return
                    end
                end
            end"#,
        )
        .process(
            "worker",
            "host: processes, lifecycle: { auto_start: true, requires: [book] }",
            r#"
            local time = require("time")
            return function()
                print("working")
                process.events():receive()
                time.sleep("300ms")
                process.send("book", "note", "goodbye")
                print("worker ends")
            end"#,
        );
    let mut running = project.start([]);
    running.wait_for("working");
    running.signal("TERM");
    running
        .finish()
        .exits(0)
        .prints("working\nworker ends\nbook ends\n")
        .mentions("shutting down (press Ctrl+C again to force exit)\n")
        .mentions("\tnoted goodbye\t");
}

fn stubborn(stop_timeout: &str) -> Project {
    Project::new()
        .process(
            "stubborn",
            &format!(
                "host: processes, lifecycle: {{ auto_start: true, stop_timeout: {stop_timeout} }}"
            ),
            r#"
            local time = require("time")
            return function()
                process.registry.register("stubborn")
                while true do time.sleep("1h") end
            end"#,
        )
        .process(
            "watcher",
            "host: processes, lifecycle: { auto_start: true, startup: optional }",
            r#"
            local time = require("time")
            return function()
                local pid = process.registry.lookup("stubborn")
                while not pid do
                    time.sleep("1ms")
                    pid = process.registry.lookup("stubborn")
                end
                process.monitor(pid)
                local events = process.events()
                print("watching")
                while true do
                    local event = events:receive()
                    if event.kind == process.event.EXIT then
                        print(event.result.reason or event.reason, event.result.error)
                        return
                    end
                    print("asked to end")
                end
            end"#,
        )
}

#[test]
fn scenario_37_a_service_that_ignores_cancel_is_ended_by_its_deadline() {
    let project = stubborn("200ms");
    let mut running = project.start([]);
    running.wait_for("watching");
    running.signal("INT");
    let finished = running.finish().exits(0);
    let text = "cancel deadline exceeded after 200ms";
    assert!(finished.stdout.contains("shutdown\t"), "{finished:#?}");
    assert!(finished.stdout.contains(text), "{finished:#?}");
}

#[test]
fn scenario_37_a_second_signal_ends_at_once() {
    let project = stubborn("50s");
    let mut running = project.start([]);
    running.wait_for("watching");
    running.signal("INT");
    running.wait_for("asked to end");
    running.signal("INT");
    running.finish().exits(1);
}

#[test]
fn scenario_38_attempts_are_used_up_with_growing_delays() {
    let project = Project::new().process(
        "failing",
        "host: processes, lifecycle: { auto_start: true, restart: { initial_delay: 100ms, \
         backoff_factor: 2, jitter: 0, max_attempts: 3, on_exhausted: shutdown } }",
        r#"
        local time = require("time")
        return function()
            print(time.now():unix_nano() / 1e6)
            return nil, "no"
        end"#,
    );
    let finished = project.run([]).exits(1).mentions("ERROR").mentions("app:failing");
    let starts: Vec<f64> = finished.stdout.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(starts.len(), 4, "{finished:#?}");
    for (pair, least) in starts.windows(2).zip([100.0, 200.0, 400.0]) {
        // A loaded machine may be late, never early.
        let gap = pair[1] - pair[0];
        assert!(gap >= least - 2.0 && gap < least + 3000.0, "{starts:?}");
    }
}

const THREE_FAULTS: &str = "
  - name: first
    kind: process.lua
    source: file://missing.lua
  - name: second
    kind: process.lua
    source: file://main.lua
    lifecycle: { auto_start: true, start_timeout: soon }";

#[test]
fn scenario_39_all_faults_of_all_files_are_printed() {
    let other = "namespace: app.other\nentries:\n  - { name: third, kind: process.service, \
                 process: nobody, lifecycle: { auto_start: true } }\n";
    let project = Project::new()
        .entries(THREE_FAULTS)
        .file("src/main.lua", "print('started')")
        .file("src/other.yaml", other);
    let finished = project.run([]).exits(2).prints("");
    let places: Vec<&str> =
        finished.stderr.lines().filter(|line| line.contains("error: ")).collect();
    assert_eq!(places.len(), 3, "{finished:#?}");
    let starts = ["src/_index.yaml:8:13: ", "src/_index.yaml:12:51: ", "src/other.yaml:3:52: "];
    for (line, start) in places.iter().zip(starts) {
        assert!(line.starts_with(start), "{finished:#?}");
    }
    project.luavisor(["check"]).exits(1).complains(&finished.stderr);
}

#[test]
fn scenario_40_a_misspelt_key_is_a_warning_for_run_and_an_error_for_check() {
    let project = Project::new()
        .process(
            "typo",
            "host: processes, lifecycle: { auto_strat: true }",
            "return function() end",
        )
        .process("main", "", "return function() return 'ran' end");
    project
        .run(["-x", "main"])
        .exits(0)
        .prints("ran\n")
        .mentions("warning: ")
        .mentions("did you mean \"auto_start\"?");
    project.luavisor(["check"]).exits(1).mentions("error: ").mentions("\"auto_start\"");
}
