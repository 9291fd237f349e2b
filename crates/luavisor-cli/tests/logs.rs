//! Log lines on stderr, and snapshots.

mod support;

use support::Project;

fn talking(body: &str) -> Project {
    Project::new().process(
        "main",
        "",
        &format!(
            "local logger = require('logger')\nlocal time = require('time')\n\
             return function() {body} end"
        ),
    )
}

/// The lines with this text.
fn count(stderr: &str, text: &str) -> usize {
    stderr.lines().filter(|line| line.contains(text)).count()
}

#[test]
fn a_program_logs_errors_only_unless_asked() {
    let project = talking("logger:debug('d1') logger:info('i1') logger:error('e1', { n = 1 })");
    let quiet = project.run(["-x", "main"]).exits(0).omits("i1").omits("runtime");
    let line = quiet.stderr.lines().next().unwrap_or_default();
    let columns: Vec<&str> = line.split('\t').collect();
    assert_eq!((columns[1], columns[3]), ("ERROR", "e1"), "{quiet:?}");
    assert!(columns[4].starts_with('{') && columns[4].contains("\"n\":1"), "{quiet:?}");
    assert_eq!(columns[0].len(), "2026-11-22 16:19:06".len());

    project.run(["-v", "-x", "main"]).exits(0).mentions("\tDEBUG\t").mentions("d1").mentions("i1");
    project
        .run(["-c", "-x", "main"])
        .exits(0)
        .mentions("s INFO runtime runtime ready\n")
        .omits("d1");
    project.run(["-s", "-x", "main"]).exits(0).complains("");
}

#[test]
fn lines_can_be_json() {
    let project = talking("logger:error('say \"hi\"', { deep = { 1, 2 } })")
        .file("luavisor.yaml", "version: \"1.0\"\nlogger: { encoding: json }\n");
    let finished = project.run(["-x", "main"]).exits(0);
    let line = finished.stderr.trim_end();
    assert!(line.starts_with("{\"ts\":\"20"), "{line}");
    assert!(line.contains("Z\",\"level\":\"error\",\"logger\":"), "{line}");
    assert!(
        line.contains("\"msg\":\"say \\\"hi\\\"\"") && line.contains("\"deep\":[1,2]"),
        "{line}"
    );
    assert!(line.ends_with('}'), "{line}");
}

#[test]
fn identical_lines_are_sampled_and_others_are_not() {
    let project = talking(
        "for i = 1, 2000 do logger:error('same') end \
         for i = 1, 500 do logger:error('line ' .. i) end",
    );
    let finished = project.run(["-x", "main"]).exits(0);
    let same = count(&finished.stderr, "\tsame\t");
    // The burst may cross seconds, each of which passes a hundred.
    assert!((100..1000).contains(&same), "{same}");
    assert_eq!(count(&finished.stderr, "\tline "), 500);
}

#[test]
fn hidden_logs_come_after_the_program() {
    let project = Project::empty()
        .entries(
            "\n  - { name: terminal, kind: terminal.host, hide_logs: true, \
             lifecycle: { auto_start: true } }",
        )
        .process(
            "main",
            "",
            "local logger = require('logger')\nlocal time = require('time')\nlocal io = require('io')\n\
             return function() logger:error('kept back') time.sleep('50ms') io.eprint('first') end",
        );
    let finished = project.run(["-x", "main"]).exits(0);
    let (first, kept) = (finished.stderr.find("first"), finished.stderr.find("kept back"));
    assert!(first.is_some() && first < kept, "{finished:?}");
}

#[test]
fn a_stderr_that_nobody_reads_holds_nobody_up() {
    let project = talking(
        "for i = 1, 50000 do logger:error('line ' .. i) end print('done') \
         process.events():receive()",
    );
    let mut running = project.start_without_reading_stderr(["-x", "main"]);
    running.wait_for("done");
    running.signal("TERM");
    let finished = running.finish().exits(0).mentions(" log lines dropped: stderr is slow\n");
    assert!(count(&finished.stderr, "\tline ") > 1000);
}

#[test]
fn usr1_writes_a_snapshot() {
    let project = Project::new().process(
        "worker",
        "host: processes, lifecycle: { auto_start: true }",
        "return function() print('up') process.events():receive() end",
    );
    let mut running = project.start([]);
    running.wait_for("up");
    running.signal("USR1");
    running.wait_for("services:");
    running.wait_for("app:worker");
    running.wait_for("shards:");
    running.wait_for("app:processes/0 live=1");
    running.signal("INT");
    running.finish().exits(0);
}

#[test]
fn files_without_a_namespace_are_told_to_who_debugs() {
    let project = talking("").file("src/plain.yaml", "something: else\n");
    let told = project.run(["-v", "-x", "main"]).exits(0);
    let line = told.stderr.lines().find(|line| line.contains("file without namespace ignored"));
    let line = line.unwrap_or_default();
    assert!(line.contains("DEBUG") && line.contains("plain.yaml"), "{told:?}");
    project.run(["-c", "-x", "main"]).exits(0).omits("file without namespace ignored");
}
