//! Every kind of bad input: how it is shown, and whether `run` and `check` go on.

mod support;

use luavisor_config::Mode;
use support::{ERROR, Project, STRICT, WARNING};

#[test]
fn a_yaml_syntax_error() {
    let project = Project::with("- name: a: b\n");
    project.reports(
        r#"
src/app.yaml:6:10: error: invalid YAML: mapping values are not allowed in this context
   6 | - name: a: b
     |          ^
"#,
    );
    assert_eq!(project.passes(), ERROR);
}

#[test]
fn a_tab_in_the_indentation() {
    Project::with("- name: a\n\tkind: process.lua\n").reports(
        "
src/app.yaml:7:1: error: a tab cannot indent YAML, expected spaces
   7 | \tkind: process.lua
     | ^
",
    );
}

#[test]
fn a_duplicate_key() {
    let project = Project::with("- name: a\n  kind: registry.entry\n  x: 1\n  x: 2\n");
    project.reports(
        r#"
src/app.yaml:9:3: error: duplicate key "x"
   9 |   x: 2
     |   ^
src/app.yaml:8:3: note: the same key stands here
   8 |   x: 1
     |   ^
"#,
    );
    assert_eq!(project.passes(), ERROR);
}

#[test]
fn a_missing_name_and_a_missing_kind() {
    let project =
        Project::with("- kind: registry.entry\n- name: b\n- name: ' '\n  kind: x\n- {}\n");
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:6:3: error: an entry needs a name
   6 | - kind: registry.entry
     |   ^^^^
src/app.yaml:7:3: error: an entry needs a kind
   7 | - name: b
     |   ^^^^
src/app.yaml:8:9: error: expected a string that is not blank, found " "
   8 | - name: ' '
     |         ^^^
src/app.yaml:10:3: error: an entry needs a kind
  10 | - {}
     |   ^^
src/app.yaml:10:3: error: an entry needs a name
  10 | - {}
     |   ^^
"#,
    );
}

#[test]
fn a_missing_file() {
    let project = Project::with("- name: a\n  kind: library.lua\n  source: file://mian.lua\n");
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:8:11: error: file src/mian.lua cannot be read: no such file
   8 |   source: file://mian.lua
     |           ^^^^^^^^^^^^^^^ did you mean "main.lua"?
"#,
    );
}

#[test]
fn an_unknown_target() {
    let project = Project::with(
        "- name: a\n  kind: process.service\n  process: app:wroker\n\
         - name: worker\n  kind: process.lua\n  source: return {}\n  imports: { x: nothing }\n\
         - name: c\n  kind: process.service\n  process: processes\n",
    );
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:8:12: error: unknown process "app:wroker"
   8 |   process: app:wroker
     |            ^^^^^^^^^^ did you mean "app:worker"?
src/app.yaml:12:17: error: unknown library "app:nothing"
  12 |   imports: { x: nothing }
     |                 ^^^^^^^
src/app.yaml:15:12: error: "app:processes" is a process.host, expected a process.lua
  15 |   process: processes
     |            ^^^^^^^^^
"#,
    );
}

#[test]
fn modules_that_are_unknown_or_later_or_qualified() {
    let entry = |module: &str| {
        let text = format!("- name: a\n  kind: library.lua\n  source: x\n  modules: [{module}]\n");
        Project::with(&text)
    };
    entry("tmie").reports(
        r#"
src/app.yaml:9:13: error: unknown module "tmie"
   9 |   modules: [tmie]
     |             ^^^^ did you mean "time"?
"#,
    );
    assert_eq!(entry("tmie").passes(), ERROR);
    entry("sql").reports(
        r#"
src/app.yaml:9:13: error: module "sql" is not supported yet
   9 |   modules: [sql]
     |             ^^^
"#,
    );
    assert_eq!(entry("sql").passes(), STRICT);
    assert!(entry("sql").report(Mode::Run).contains("9:13: warning: module"));
    assert!(entry("app:x").report(Mode::Run).contains("error: module cannot have a namespace"));
    for name in ["time", "process", "channel", "os", "errors", "math"] {
        entry(name).app();
    }
    let mut native = entry("invoice");
    native.options.modules.push("invoice".into());
    native.app();
}

#[test]
fn dependency_cycles() {
    let service = |name: &str, needs: &str| {
        format!(
            "- name: {name}\n  kind: process.lua\n  source: x\n\
             \x20 lifecycle: {{ requires: [{needs}] }}\n"
        )
    };
    let text = [service("a", "b"), service("b", "c"), service("c", "a"), service("d", "d")];
    let project = Project::with(&text.concat());
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:9:27: error: dependency cycle: app:a -> app:b -> app:c -> app:a
   9 |   lifecycle: { requires: [b] }
     |                           ^
src/app.yaml:13:27: note: app:c is named here
  13 |   lifecycle: { requires: [c] }
     |                           ^
src/app.yaml:17:27: note: app:a is named here
  17 |   lifecycle: { requires: [a] }
     |                           ^
src/app.yaml:21:27: error: dependency cycle: app:d -> app:d
  21 |   lifecycle: { requires: [d] }
     |                           ^
"#,
    );
    let library = |name: &str, import: &str| {
        format!("- name: {name}\n  kind: library.lua\n  source: x\n  imports: {{ x: {import} }}\n")
    };
    let project = Project::with(&[library("a", "b"), library("b", "a")].concat());
    assert_eq!(project.passes(), ERROR);
    assert!(project.report(Mode::Run).contains("import cycle: app:a -> app:b -> app:a"));
}

#[test]
fn a_duplicate_id_shows_both_places() {
    let one = "namespace: app\nname: x\nkind: registry.entry\n";
    let project = Project::new(&[("src/a.yaml", one), ("src/b.yaml", one)]);
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/b.yaml:2:7: error: duplicate entry "app:x"
   2 | name: x
     |       ^
src/a.yaml:2:7: note: the same id is defined here
   2 | name: x
     |       ^
"#,
    );
}

#[test]
fn bad_durations_sizes_and_types() {
    let project = Project::with(
        "- name: a\n  kind: process.lua\n  source: x\n  method: 5\n\
         \x20 limits: { memory: 10Mb, mailbox: -1 }\n\
         \x20 lifecycle:\n    start_timeout: 10\n    stop_timeout: 10x\n    auto_start: yes\n\
         \x20   startup: requird\n    restart: { policy: always, jitter: 2, max_attempts: 1.5 }\n",
    );
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:9:11: error: expected a string, found 5
   9 |   method: 5
     |           ^
src/app.yaml:10:21: error: expected a number of bytes or a size such as 64MiB or 10MB, found "10Mb"
  10 |   limits: { memory: 10Mb, mailbox: -1 }
     |                     ^^^^
src/app.yaml:10:36: error: expected a whole number from 0, found -1
  10 |   limits: { memory: 10Mb, mailbox: -1 }
     |                                    ^^
src/app.yaml:12:20: error: expected a duration such as 500ms, 10s or 1h30m, found the bare number 10
  12 |     start_timeout: 10
     |                    ^^ did you mean "10s"?
src/app.yaml:13:19: error: expected a duration such as 500ms, 10s or 1h30m, found "10x"
  13 |     stop_timeout: 10x
     |                   ^^^
src/app.yaml:14:17: error: expected true or false, found "yes"
  14 |     auto_start: yes
     |                 ^^^
src/app.yaml:15:14: error: expected required or optional, found "requird"
  15 |     startup: requird
     |              ^^^^^^^ did you mean "required"?
src/app.yaml:16:24: error: expected on_failure, permanent or never, found "always"
  16 |     restart: { policy: always, jitter: 2, max_attempts: 1.5 }
     |                        ^^^^^^
src/app.yaml:16:40: error: expected a number from 0 to 1, found 2
  16 |     restart: { policy: always, jitter: 2, max_attempts: 1.5 }
     |                                        ^
src/app.yaml:16:57: error: expected a whole number from 0, found 1.5
  16 |     restart: { policy: always, jitter: 2, max_attempts: 1.5 }
     |                                                         ^^^
"#,
    );
}

#[test]
fn compile_errors_are_shown_in_the_lua_file_or_the_block() {
    let project = Project::with(
        "- name: a\n  kind: library.lua\n  source: file://bad.lua\n\
         - name: b\n  kind: library.lua\n  source: |\n\n    local x\n      SYNTAX x\n\
         - name: c\n  kind: library.lua\n  source: \"a\\nSYNTAX\"\n\
         - name: d\n  kind: library.lua\n  source: SYNTAX.lua\n",
    );
    project.write("src/bad.lua", b"local a\n  local SYNTAX = 1\n");
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:14:7: error: unexpected SYNTAX
  14 |       SYNTAX x
     |       ^^^^^^
src/app.yaml:17:11: error: line 2 of this code: unexpected SYNTAX
  17 |   source: "a\nSYNTAX"
     |           ^^^^^^^^^^^
src/app.yaml:20:11: error: line 1 of this code: unexpected SYNTAX
  20 |   source: SYNTAX.lua
     |           ^^^^^^^^^^ did you mean "file://SYNTAX.lua"?
src/bad.lua:2:9: error: unexpected SYNTAX
   2 |   local SYNTAX = 1
     |         ^^^^^^
"#,
    );
}

#[test]
fn an_unknown_kind_unless_it_is_skipped() {
    let mut project = Project::with("- name: a\n  kind: process.lau\n  anything: 1\n");
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:7:9: error: unknown kind "process.lau"
   7 |   kind: process.lau
     |         ^^^^^^^^^^^ did you mean "process.lua"?
"#,
    );
    project.options.skip_unknown_kinds = true;
    assert_eq!(project.passes(), WARNING);
    assert!(project.report(Mode::Check).contains("warning: unknown kind"));
}

#[test]
fn a_bad_process_hides_no_other_problem_of_its_service() {
    let project = Project::with(
        "- name: s\n  kind: process.service\n  process: app:nobody\n\
         \x20 host: app:nowhere\n  input: 5\n",
    );
    let report = project.report(Mode::Run);
    for place in ["8:12", "9:9", "10:10"] {
        assert!(report.contains(&format!("src/app.yaml:{place}: error: ")), "{place}\n{report}");
    }
}

#[test]
fn a_bad_name_hides_no_other_problem_of_its_command() {
    for (name, column) in [("name: ''", 28), ("short: x", 20)] {
        let project = Project::with(&format!(
            "- name: a\n  kind: process.lua\n  source: x\n\
             \x20 meta: {{ command: {{ {name}, main: 5 }} }}\n"
        ));
        let report = project.report(Mode::Run);
        for column in [column, 38] {
            let place = format!("src/app.yaml:9:{column}: error: ");
            assert!(report.contains(&place), "{place}\n{report}");
        }
    }
}

#[test]
fn a_directory_instead_of_a_file_has_no_likely_name() {
    let project = Project::with("- name: a\n  kind: library.lua\n  source: file://main\n");
    project.write("src/main/a.lua", b"return {}\n");
    project.write("src/maim/a.lua", b"return {}\n");
    project.reports(
        "
src/app.yaml:8:11: error: file src/main cannot be read: not a file
   8 |   source: file://main
     |           ^^^^^^^^^^^
",
    );
}

#[test]
fn entries_without_a_namespace() {
    let project = Project::with("");
    project.write("src/other.yaml", b"entries: []\n");
    project.write("src/plain.yaml", b"something: else\n");
    assert_eq!(project.passes(), STRICT);
    project.reports(
        r#"
src/other.yaml:1:1: error: entries of a file without namespace are ignored
   1 | entries: []
     | ^^^^^^^
"#,
    );
    let ignored = project.load().application.ignored_files;
    assert_eq!(ignored.len(), 2);
}

#[test]
fn unknown_keys_wherever_keys_are_known() {
    let project = Project::with(
        "- name: a\n  kind: process.lua\n  source: x\n  modulse: []\n\
         \x20 limits: { memroy: 1M }\n\
         \x20 lifecycle: { auto_strat: true, restart: { polcy: never } }\n\
         - name: h\n  kind: process.host\n  lifecycle: { auto_start: false }\n  host: { worker: 1 }\n",
    );
    assert_eq!(project.passes(), ERROR, "several hosts");
    let report = project.report(Mode::Run);
    for (place, key, owner, hint) in [
        ("9:3", "modulse", "process.lua", "modules"),
        ("10:13", "memroy", "limits", "memory"),
        ("11:16", "auto_strat", "lifecycle", "auto_start"),
        ("11:45", "polcy", "restart", "policy"),
        ("15:11", "worker", "host", "workers"),
    ] {
        let line = format!("src/app.yaml:{place}: warning: unknown key \"{key}\" in {owner}\n");
        assert!(report.contains(&line), "{line}{report}");
        assert!(report.contains(&format!("did you mean \"{hint}\"?")), "{hint}");
    }
    assert!(report.contains("error: several process hosts (app:processes, app:h), set host:\n"));
}

#[test]
fn a_misspelt_lifecycle_key_is_a_warning_for_run_and_an_error_for_check() {
    let project = Project::with(
        "- name: a\n  kind: process.lua\n  source: x\n  lifecycle:\n    auto_strat: true\n",
    );
    assert_eq!(project.passes(), STRICT);
    project.reports(
        r#"
src/app.yaml:10:5: error: unknown key "auto_strat" in lifecycle
  10 |     auto_strat: true
     |     ^^^^^^^^^^ did you mean "auto_start"?
"#,
    );
}

#[test]
fn three_faults_in_two_files_are_all_shown() {
    let project = Project::with(
        "- name: a\n  kind: process.lua\n  source: x\n  lifecycle: { stop_timeout: soon }\n",
    );
    project.write(
        "src/more/_index.yaml",
        b"namespace: app.more\nentries:\n- name: b\n  kind: process.lua\n  source: file://b.lua\n\
          - name: c\n  kind: process.service\n  process: app:nobody\n",
    );
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
src/app.yaml:9:30: error: expected a duration such as 500ms, 10s or 1h30m, found "soon"
   9 |   lifecycle: { stop_timeout: soon }
     |                              ^^^^
src/more/_index.yaml:5:11: error: file src/more/b.lua cannot be read: no such file
   5 |   source: file://b.lua
     |           ^^^^^^^^^^^^
src/more/_index.yaml:8:12: error: unknown process "app:nobody"
   8 |   process: app:nobody
     |            ^^^^^^^^^^
"#,
    );
}

#[test]
fn a_broken_file_does_not_make_its_entries_unknown() {
    let project = Project::with("- name: s\n  kind: process.service\n  process: app.x:worker\n");
    project.write("src/x.yaml", b"namespace: app.x\nentries: [\n");
    assert_eq!(project.load().diagnostics.iter().count(), 1);
}

#[test]
fn file_values_stay_in_the_source_root() {
    let entry = |target: &str| {
        let text = format!("- name: a\n  kind: library.lua\n  source: \"{target}\"\n");
        let project = Project::with(&text);
        project.write("outside.lua", b"return 1");
        project.write("src/sub/x.lua", b"return 2");
        std::os::unix::fs::symlink(project.path("outside.lua"), project.path("src/link.lua"))
            .unwrap();
        project
    };
    for target in
        ["file://../outside.lua", "file:///../outside.lua", "file://sub/../../outside.lua"]
    {
        assert!(entry(target).report(Mode::Run).contains("leaves the source root src"), "{target}");
    }
    assert!(entry("file://link.lua").report(Mode::Run).contains("leaves the source root"));
    for target in ["file://", "file:///", "file://sub/"] {
        let report = entry(target).report(Mode::Run);
        assert!(report.contains("expected a file after file://"), "{target}");
    }
    assert!(entry("file://sub").report(Mode::Run).contains("src/sub cannot be read: not a file"));
    for target in ["file://sub/x.lua", "file:///sub/x.lua", "file://sub/../sub/x.lua"] {
        assert_eq!(entry(target).app().libraries[0].chunk.1, "return 2", "{target}");
    }
}

#[test]
fn required_keys_and_function_pools() {
    let project = Project::with(
        "- name: a\n  kind: process.lua\n- name: b\n  kind: function.lua\n  source: x\n\
         - name: c\n  kind: process.service\n\
         - name: d\n  kind: function.lua\n  source: x\n  method: run\n  pool: { workers: 2 }\n\
         - name: e\n  kind: function.lua\n  source: x\n  method: run\n  pool: { type: static }\n",
    );
    let report = project.report(Mode::Run);
    for line in [
        "6:9: error: source is required",
        "8:9: error: method is required",
        "11:9: error: process is required",
        "17:9: error: pool.size must be greater than 0 for worker pools",
        "22:17: error: pool.size must be greater than 0 for non-flex pools",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn kinds_of_later_versions_are_reported_where_they_are_needed() {
    let project = Project::with("- name: db\n  kind: queue.queue\n  qeue_name: x\n");
    assert_eq!(project.passes(), STRICT);
    assert!(project.report(Mode::Run).contains("unknown key \"qeue_name\" in queue.queue"));
    let project = Project::with(
        "- name: db\n  kind: queue.queue\n  driver: x\n  lifecycle: { auto_start: true }\n\
         - name: a\n  kind: process.lua\n  source: x\n  lifecycle: { requires: [db] }\n",
    );
    assert_eq!(project.passes(), STRICT);
    project.reports(
        r#"
src/app.yaml:9:16: error: kind "queue.queue" is not supported yet, so "app:db" does not start
   9 |   lifecycle: { auto_start: true }
     |                ^^^^^^^^^^
src/app.yaml:13:27: error: kind "queue.queue" is not supported yet
  13 |   lifecycle: { requires: [db] }
     |                           ^^
"#,
    );
}

#[test]
fn files_that_are_no_text_or_not_there() {
    let project = Project::with("");
    project.write("src/bad.yaml", b"namespace: app\n\xff\n");
    project.reports("src/bad.yaml: error: cannot be read: not UTF-8 text (line 2)\n");
    let project = Project::new(&[("readme.md", "")]);
    project
        .reports("src: error: source directory not found, expected a directory with YAML files\n");
}

#[test]
fn supervisors_are_checked_before_they_run() {
    let project = Project::with(
        "- { name: p, kind: process.lua, source: x }
- { name: h, kind: registry.entry }
- name: tree
  kind: process.supervisor
  strategy: one_for_al
  intensity: { restarts: -1, period: 0s }
  auto_shutdown: never
  children:
    - { name: a, process: nobody }
    - { name: b, process: p, count: 0 }
    - { name: b, process: p, shutdown: soon }
    - { name: c, process: p, restart: transient, significant: true }
    - { name: d, process: p, significant: true }
    - { process: p }
    - { name: e }
    - { name: g, process: p, count: 3 }
    - { name: g.2, process: p }
    - { name: i, process: inner, input: [1] }
    - { name: h, process: h }
  dynamic: { max_children: many }
  lifecycle: { auto_start: true }
- name: inner
  kind: process.supervisor
  children: [{ name: x, process: deeper }]
  lifecycle: { auto_start: true }
- name: deeper
  kind: process.supervisor
  children: [{ name: x, process: inner }]
- name: lonely
  kind: process.supervisor
  children: [{ name: x, process: p, cuont: 2 }]
",
    );
    let report = project.report(Mode::Check);
    for line in [
        "expected one_for_one, one_for_all or rest_for_one, found \"one_for_al\"",
        "expected a whole number from 0, found -1",
        "expected a duration above zero",
        "unknown process \"app:nobody\"",
        "expected a whole number from 1 to 1000000",
        "duplicate child \"b\"",
        "expected a duration such as 5s, kill or infinity",
        "significant needs auto_shutdown: any_significant or all_significant",
        "a permanent child is always restarted, so it cannot be significant",
        "a child needs a name",
        "process is required",
        "child \"g.2\" has the name of a member of a group",
        "a supervisor takes no input",
        "\"app:h\" is a registry.entry, expected a process.lua or a process.supervisor",
        "expected a whole number from 0, found \"many\"",
        "\"app:inner\" is a child of \"app:tree\", which starts it, so it has no lifecycle",
        "a supervisor is its own descendant: app:inner → app:deeper → app:inner",
        "\"app:lonely\" has no lifecycle and is no child of a supervisor: nothing starts it",
        "unknown key \"cuont\" in children",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn environment_variables_and_their_storages() {
    let project = Project::with(
        "- { name: memory, kind: env.storage.memory }\n\
         - { name: missing, kind: env.storage.file, file_path: no.env }\n\
         - { name: blank, kind: env.storage.file, file_path: ' ', file_mode: 0899 }\n\
         - { name: none, kind: env.storage.router }\n\
         - { name: empty, kind: env.storage.router, storages: [] }\n\
         - { name: a, kind: env.storage.router, storages: [b] }\n\
         - { name: b, kind: env.storage.router, storages: [memory, a] }\n\
         - { name: lost, kind: env.variable, variable: LOST }\n\
         - { name: odd, kind: env.variable, variable: A-B, storage: memory }\n\
         - { name: one, kind: env.variable, variable: ONE, storage: memory }\n\
         - { name: two, kind: env.variable, variable: ONE, storage: memry }\n\
         - { name: three, kind: env.variable, storage: one }\n",
    );
    let folder = format!("{}/", project.path("").display());
    let report = project.report(Mode::Check).replace(&folder, "");
    let lines: Vec<&str> = report.lines().filter(|line| line.starts_with("src/")).collect();
    assert_eq!(
        lines,
        [
            "src/app.yaml:7:55: error: cannot read no.env: no such file",
            "src/app.yaml:8:53: error: file path must not be empty",
            "src/app.yaml:9:11: error: at least one storage must be provided",
            "src/app.yaml:10:11: error: at least one storage must be provided",
            "src/app.yaml:11:11: error: router app:a contains itself",
            "src/app.yaml:12:11: error: router app:b contains itself",
            "src/app.yaml:13:11: error: storage is required",
            "src/app.yaml:14:46: error: invalid environment variable name",
            "src/app.yaml:16:46: error: variable name already exists: ONE",
            "src/app.yaml:15:46: note: it is declared here",
            "src/app.yaml:16:60: error: unknown storage \"app:memry\"",
            "src/app.yaml:17:47: error: \"app:one\" is a env.variable, expected a env.storage.memory or a \
             env.storage.os or a env.storage.file or a env.storage.static or a env.storage.router",
        ]
    );
    assert_eq!(project.passes(), ERROR);
}

#[test]
fn the_meta_of_a_test() {
    let project = Project::with(
        "- name: a\n  kind: function.lua\n  source: x\n  method: run\n  meta:\n    type: test\n\
         \x20   suite: [x]\n    order: first\n    timeout: 5\n    skip: 5\n\
         - name: b\n  kind: registry.entry\n  meta: { type: test, order: first }\n\
         - name: c\n  kind: process.lua\n  source: x\n  meta: { type: other, order: first }\n",
    );
    assert_eq!(project.passes(), STRICT);
    project.reports(
        r#"
src/app.yaml:12:12: error: expected the name of a suite, found a list
  12 |     suite: [x]
     |            ^^^
src/app.yaml:13:12: error: expected a number, found "first"
  13 |     order: first
     |            ^^^^^
src/app.yaml:14:14: error: expected a duration such as 500ms, 10s or 1m, found 5
  14 |     timeout: 5
     |              ^
src/app.yaml:15:11: error: expected the reason, or true or false, found 5
  15 |     skip: 5
     |           ^
"#,
    );
}
