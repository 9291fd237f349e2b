//! Results of terminal programs, signals and failures as exit codes.

mod support;

use support::Project;

fn returning(source: &str) -> Project {
    Project::new().process("main", "", source)
}

#[test]
fn results() {
    for (result, code, stdout) in [
        ("nil", 0, ""),
        ("{ 1 }", 0, ""),
        ("'text'", 0, "text\n"),
        ("'\\255'", 0, "\u{fffd}\n"),
        ("true", 0, ""),
        ("false", 1, ""),
        ("3.9", 3, ""),
        ("255", 255, ""),
        ("256", 1, ""),
        ("-1", 1, ""),
        ("0/0", 1, ""),
        ("math.huge", 1, ""),
    ] {
        let project = returning(&format!("return function() return {result} end"));
        project.run(["-x", "main"]).exits(code).prints(stdout).complains("");
    }
}

#[test]
fn failures_are_told_on_stderr() {
    for (body, text) in [
        ("return nil, 'no'", "Error: no\n"),
        ("error('boom')", "Error: app:main:1: boom\n"),
        ("return nil, errors.new{message='wrong', kind=errors.INVALID}", "Error: wrong\n"),
        ("return nil, errors.wrap(errors.new('no'), 'while trying')", "Error: no\n"),
        (
            "process.terminate(process.pid()) process.inbox():receive()",
            "Error: process terminated\n",
        ),
    ] {
        let project = returning(&format!("return function() {body} end"));
        project.run(["-x", "main"]).exits(1).prints("").complains(text);
    }
    returning("error('early', 0)").run(["-x", "main"]).exits(1).complains("Error: early\n");
}

#[test]
fn the_runtime_ends_with_its_program_and_nothing_else_on_that_host() {
    let project = Project::new()
        .process(
            "main",
            "",
            "return function()\n\
             local child = process.spawn_monitored('app:child', 'app:terminal')\n\
             process.events():receive()\n\
             process.spawn('app:endless', 'app:terminal')\n\
             return 'still here' end",
        )
        .process("child", "", "return function() return 9 end")
        .process("endless", "", "return function() process.events():receive() end");
    project.run(["-x", "main"]).exits(0).prints("still here\n");
}

#[test]
fn the_output_stands_before_the_result() {
    let project = returning("return function() for i = 1, 20000 do print(i) end return 'end' end");
    let finished = project.run(["-x", "main"]).exits(0);
    let lines: Vec<&str> = finished.stdout.lines().collect();
    assert_eq!((lines.len(), lines[19_999], lines[20_000]), (20_001, "20000", "end"));
}

#[test]
fn a_signal_ends_a_program_with_code_0_or_1() {
    let project = Project::new().process(
        "main",
        "",
        "return function() print('up') process.events():receive() return 5 end",
    );
    let mut running = project.start(["-x", "main"]);
    running.wait_for("up");
    running.signal("TERM");
    running.finish().exits(0).complains("shutting down (press Ctrl+C again to force exit)\n");

    let mut running = project.start(["-s", "-x", "main"]);
    running.wait_for("up");
    running.signal("INT");
    running.finish().exits(0).complains("");
}

#[test]
fn a_shutdown_that_takes_too_long_is_no_success() {
    let project = Project::new()
        .file("luavisor.yaml", "version: \"1.0\"\nshutdown: { timeout: 100ms }\n")
        .process(
            "stuck",
            "host: processes, lifecycle: { auto_start: true }",
            "return function() print('up') while true do process.inbox():receive() end end",
        );
    let mut running = project.start([]);
    running.wait_for("up");
    running.signal("TERM");
    running.finish().exits(1);
}

#[test]
fn a_stdout_that_stalls_does_not_hold_up_the_end() {
    let project = Project::new()
        .file("luavisor.yaml", "version: \"1.0\"\nshutdown: { timeout: 100ms }\n")
        .process(
            "main",
            "host: processes, lifecycle: { auto_start: true }",
            "return function() print(string.rep('x', 500000)) \
             require('logger'):error('up') process.events():receive() end",
        );
    let mut running = project.start_without_reading_stdout([]);
    running.wait_for("up");
    running.signal("TERM");
    running.finish().exits(1);
}
