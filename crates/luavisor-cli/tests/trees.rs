//! Supervision trees on the command line: `plan`, `run --events`, `why`, crash reports.

mod support;

use std::path::Path;

use support::Project;

fn example(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples").join(name);
    folder.to_str().unwrap_or_default().to_owned()
}

#[test]
fn plan_tells_how_a_tree_starts_stops_and_restarts() {
    let tree = example("tree");
    let text = include_str!("../../../examples/tree/plan.txt");
    let project = Project::empty();
    project.luavisor(["plan", &tree]).exits(0).prints(text).complains("");
    let json = project.luavisor(["plan", "--json", &tree]).exits(0).stdout;
    assert!(json.contains("\"path\": \"app:shop/database\""), "{json}");
    assert!(json.contains("\"shutdown_seconds\": 30.0"), "{json}");
    let dot = project.luavisor(["plan", "--dot", &tree]).exits(0).stdout;
    assert!(dot.contains("\"app:shop\" -> \"app:shop/database\";"), "{dot}");
    project.luavisor(["plan", "--dot", "--json", &tree]).exits(2).mentions("cannot be used with");
}

#[test]
fn plan_warns_of_what_cannot_work() {
    let project = Project::new().process("a", "", "return function() end").entries(
        "
  - name: tree
    kind: process.supervisor
    intensity: { restarts: 10, period: 1s }
    auto_shutdown: any_significant
    children:
      - { name: a, process: a, shutdown: 7s }
      - { name: b, process: a, shutdown: infinity }
      - { name: below, process: below, shutdown: 3s }
    lifecycle: { auto_start: true, stop_timeout: 6s }
  - name: below
    kind: process.supervisor
    children: [{ name: x, process: a, count: 5 }]",
    );
    let text = project.luavisor(["plan"]).exits(0).stdout;
    let (_, warnings) = text.split_once("Warnings:\n").unwrap_or_default();
    assert_eq!(
        warnings,
        "  app:tree/below: shutdown 3s is less than its children may take (5s): the rest is ended by force
  app:tree: one failing child never uses up the intensity: its 10 delays take 38.43s, longer than the period of 1s
  app:tree: auto_shutdown without a significant child has no effect
  app:tree: stop_timeout 6s is less than its children may take (as long as it likes): the rest is ended by force
"
    );
}

#[test]
fn why_tells_the_chain_of_a_restart() {
    let project = Project::empty();
    let tree = example("tree");
    project.run(["--events", "events.jsonl", &tree, "main"]).exits(0);
    let why = |name: &str| project.luavisor(["why", name]).exits(0).stdout;
    let cache = why("cache");
    assert!(cache.starts_with("cache of app:database was started at "), "{cache}");
    let database = why("database");
    for part in [
        "database of app:shop ended at ",
        " and was started again at ",
        "failed: restart intensity reached: child connection: told to.",
        "Strategy rest_for_one: restarted with it: web.",
        "restart 1 in a row; 2 left in the period.",
    ] {
        assert!(database.contains(part), "{part}\n{database}");
    }
    let pages = why("app:web/pages");
    for part in [
        "pages of app:web was started at ",
        " with its supervisor app:web:\n  web of app:shop was stopped at ",
        " with its sibling database: process ",
    ] {
        assert!(pages.contains(part), "{part}\n{pages}");
    }
    let connection = why("connection");
    assert!(
        connection.contains("with its supervisor app:database:\n  database of"),
        "{connection}"
    );
    project.luavisor(["why", "nobody"]).exits(2).mentions("is named \"nobody\"; it tells of ");
    project.luavisor(["why", "x", "no.jsonl"]).exits(2).mentions("cannot read no.jsonl");
    project.luavisor(["why", "web"]).exits(0);
}

#[test]
fn events_are_lines_of_json_with_crash_reports() {
    let fails = "return function()
        process.send(process.pid(), 'unread', 1)
        error('broken', 0)
    end";
    let main = "return function()
        local events = process.events()
        for _ = 1, 200 do
            process.spawn_monitored('app:fails', 'app:processes')
            events:receive()
        end
    end";
    let project = Project::new().process("fails", "", fails).process("main", "", main);
    let finished = project.run(["-c", "--events", "events.jsonl", "-x", "app:main"]).exits(0);
    let shown: Vec<&str> =
        finished.stderr.lines().filter(|line| line.contains("process crashed")).collect();
    let first = shown.first().copied().unwrap_or_default();
    for part in
        ["\"entry\":\"app:fails\"", "\"error\":\"broken\"", "\"unread\":1,\"topics\":\"unread\""]
    {
        assert!(first.contains(part), "{part}\n{first}");
    }
    // Sampled, and counted: nothing is dropped in silence.
    let number = |line: &str, field: &str| -> u64 {
        let (_, rest) = line.split_once(&format!("\"{field}\":")).unwrap_or_default();
        rest.split([',', '}']).next().and_then(|text| text.parse().ok()).unwrap_or_default()
    };
    let late: u64 = shown.iter().map(|line| number(line, "not_shown")).sum();
    let more = finished.stderr.lines().filter(|line| line.contains("more processes crashed"));
    let rest: u64 = more.map(|line| number(line, "count")).sum();
    assert_eq!(shown.len() as u64 + late + rest, 200, "{}", finished.stderr);
    assert!(rest + late > 0, "{}", finished.stderr);
    let events = std::fs::read_to_string(project.path().join("events.jsonl")).unwrap_or_default();
    let crashes = events.lines().filter(|line| line.contains("\"event\":\"process.crash\""));
    assert_eq!(crashes.count(), 200);
    assert!(events.lines().all(|line| line.starts_with("{\"time\":\"") && line.ends_with('}')));
    project.run(["--events", "no/such/folder", "-x", "app:main"]).exits(2).mentions("cannot write");
}
