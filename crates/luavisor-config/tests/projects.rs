//! What is loaded: discovery, ids, values, code, commands, single files.

#![allow(clippy::unwrap_used)]

mod support;

use std::time::Duration;

use luavisor_config::{EntryId, LoadOptions, LookupError, Mode, NoCompiler, load};
use luavisor_core::Value;
use luavisor_core::restart::{OnExhausted, Policy};
use support::Project;

fn ids<'a>(ids: impl IntoIterator<Item = &'a EntryId>) -> Vec<&'a str> {
    ids.into_iter().map(EntryId::as_str).collect()
}

#[test]
fn the_project_of_the_supervision_guide() {
    let project = Project::new(&[
        (
            "src/_index.yaml",
            "# src/_index.yaml\nversion: \"1.0\"\nnamespace: app\n\nentries:\n  - name: processes\n    \
             kind: process.host\n    host:\n      workers: 16             # Number of OS threads\n    \
             lifecycle:\n      auto_start: true\n",
        ),
        (
            "src/supervisor/_index.yaml",
            "# src/supervisor/_index.yaml\nversion: \"1.0\"\nnamespace: app.supervisor\n\nentries:\n  \
             - name: pool\n    kind: process.lua\n    source: file://pool.lua\n    method: main\n    \
             modules:\n      - time\n    lifecycle:\n      auto_start: true\n",
        ),
        (
            "src/workers/_index.yaml",
            "version: \"1.0\"\nnamespace: app.workers\n\nentries:\n  - name: task_worker\n    \
             kind: process.lua\n    source: file://task_worker.lua\n    method: main\n    \
             modules:\n      - time\n",
        ),
        ("src/supervisor/pool.lua", "return { main = function() end }\n"),
        ("src/workers/task_worker.lua", "return { main = function() end }\n"),
    ]);
    let app = project.app();
    assert_eq!(app.hosts[0].workers, Some(16));
    assert_eq!(app.processes.len(), 2);
    let service = &app.services[0];
    assert_eq!(service.id.as_str(), "app.supervisor:pool");
    assert_eq!((&service.process, service.host.as_str()), (&service.id, "app:processes"));
    assert_eq!(ids(&service.dependencies), ["app:processes"]);
    let levels: Vec<_> = app.start_levels.iter().map(ids).collect();
    assert_eq!(levels, [["app:processes"], ["app.supervisor:pool"]]);
    let worker = &app.processes[1];
    assert_eq!(worker.unit.chunk.0, "app.workers:task_worker");
    assert!(worker.unit.source_name.ends_with("src/workers/task_worker.lua"));
    assert_eq!(worker.unit.modules.as_deref(), Some(&["time".to_owned()][..]));
    assert!(worker.lifecycle.is_none() && worker.host.is_none());
    assert_eq!(app.something_to_run(), Ok(()));
}

#[test]
fn files_are_found_in_lexical_order_and_some_folders_are_skipped() {
    let entry = |name: &str| format!("namespace: app\nname: {name}\nkind: registry.entry\n");
    let mut project = Project::new(&[
        ("src/b.yml", &entry("b")),
        ("src/a/z.yaml", &entry("z")),
        ("src/c.json", r#"{"namespace": "app", "name": "c", "kind": "registry.entry"}"#),
        ("src/node_modules/n.yaml", &entry("n")),
        ("src/tests/t.yaml", &entry("t")),
        ("src/notes.txt", "not read"),
        ("other.yaml", "not: read"),
    ]);
    project.options.skip_directories.push("tests".into());
    let app = project.app();
    assert_eq!(ids(app.entries.iter().map(|entry| &entry.id)), ["app:b", "app:c", "app:z"]);
    assert_eq!((app.entries[0].kind.as_str(), app.entries[0].line), ("registry.entry", 2));
}

#[test]
fn a_lock_file_names_the_source_directory() {
    let one = "namespace: app\nentries: []\n";
    let lock = |text: &str| Project::new(&[("wippy.lock", text), ("lua/app/a.yaml", one)]);
    lock("directories:\n  modules: .wippy\n  src: ./lua/app\n").app();
    for bad in [".", "./", "..", "/tmp", "lua/..", "a/../../b"] {
        let report = lock(&format!("directories: {{ src: \"{bad}\" }}\n")).report(Mode::Run);
        assert!(report.contains("wippy.lock:1:21: error: expected a directory below"), "{report}");
    }
    let report = lock("options: {}\n").report(Mode::Run);
    assert_eq!(
        report,
        "src: error: source directory not found, expected a directory with YAML files\n"
    );
}

#[test]
fn a_namespace_spans_files_and_meta_defaults_are_shallow() {
    let project = Project::new(&[
        (
            "src/a.yaml",
            "namespace: app\nmeta: { team: core, nested: { a: 1 } }\nentries:\n\
             - { name: x, kind: registry.entry, meta: { nested: { b: 2 } } }\n",
        ),
        ("src/b.yaml", "namespace: app\nname: y.v2\nkind: registry.entry\nvalue: 1\n"),
        ("src/c.yaml", "namespace: app\nentries: []\n"),
    ]);
    let app = project.app();
    let meta = &app.entries[0].meta;
    assert_eq!(meta.field(meta.first(), "team"), Some(&Value::from("core")));
    let nested = meta.field(meta.first(), "nested").unwrap();
    assert_eq!(meta.field(nested, "a"), None);
    assert_eq!(meta.field(nested, "b"), Some(&Value::Number(2.0)));
    assert_eq!(app.entries[1].id.as_str(), "app:y.v2");
    let data = &app.entries[1].data;
    assert_eq!(data.field(data.first(), "value"), Some(&Value::Number(1.0)));
    assert_eq!(data.field(data.first(), "namespace"), None);
}

#[test]
fn a_data_key_holds_the_whole_configuration() {
    let project = Project::with(
        "- name: a\n  kind: process.lua\n  data: { source: file://main.lua, method: go }\n",
    );
    assert_eq!(project.app().processes[0].method, "go");
}

#[test]
fn anchors_and_merge_keys() {
    let project = Project::with(
        "- &base\n  name: a\n  kind: process.lua\n  source: x\n  limits: { mailbox: 5 }\n\
         - <<: *base\n  name: b\n",
    );
    let app = project.app();
    assert_eq!(app.processes[1].limits.mailbox, Some(5));
}

#[test]
fn a_lifecycle_in_full() {
    let project = Project::with(
        "- name: dep\n  kind: process.lua\n  source: x\n  lifecycle: {}\n\
         - name: other\n  kind: process.lua\n  source: x\n  lifecycle: {}\n\
         - name: a\n  kind: process.lua\n  source: x\n  input: [1, text, {k: [true, null, 2.5]}]\n\
         \x20 lifecycle:\n    auto_start: true\n    startup: optional\n    requires: [dep]\n\
         \x20   depends_on: [app:other, app:dep]\n    ready: true\n    start_timeout: 1s\n\
         \x20   stop_timeout: 200ms\n    stable_threshold: 1m\n\
         \x20   restart: { policy: permanent, initial_delay: 100ms, max_delay: 1h30m, \
         backoff_factor: 1, jitter: 0, max_attempts: 3, on_exhausted: shutdown }\n\
         \x20   security: { actor: { id: bot, meta: { role: x } }, groups: [g], policies: [p] }\n\
         - name: p\n  kind: security.policy\n  groups: [g]\n\
         \x20 policy: { actions: \"*\", resources: \"*\", effect: deny }\n",
    );
    let app = project.app();
    let service = &app.services[2];
    let lifecycle = &service.lifecycle;
    assert_eq!(ids(&lifecycle.requires), ["app:dep", "app:other"]);
    assert_eq!(ids(&service.dependencies), ["app:dep", "app:other", "app:processes"]);
    assert!(lifecycle.auto_start && lifecycle.ready);
    assert_eq!(lifecycle.stop_timeout, Duration::from_millis(200));
    let rule = &lifecycle.restart;
    assert_eq!((rule.policy, rule.on_exhausted), (Policy::Permanent, OnExhausted::Shutdown));
    assert_eq!((rule.max_delay, rule.max_attempts), (Duration::from_secs(5400), 3));
    assert_eq!(rule.stable_threshold, Duration::from_secs(60));
    assert_eq!(lifecycle.security.as_ref().unwrap().actor.as_deref(), Some("bot"));
    let input = &service.input;
    assert_eq!(input.items.len(), 3);
    assert_eq!(input.items[0], Value::Number(1.0));
    let Some(Value::Table(list)) = input.field(&input.items[2], "k") else { panic!() };
    assert_eq!(
        input.tables[*list as usize].array,
        [Value::Boolean(true), Value::Nil, Value::Number(2.5)]
    );
    let levels: Vec<_> = app.start_levels.iter().map(ids).collect();
    let expected = [vec!["app:processes"], vec!["app:dep", "app:other"], vec!["app:a"]];
    assert_eq!(levels, expected);
}

#[test]
fn hosts_and_their_limits() {
    let project = Project::new(&[(
        "src/a.yaml",
        "namespace: app\nentries:\n- name: h\n  kind: process.host\n\
         \x20 host: { workers: 0, slice: 10ms, max_processes: 7, queue_size: 5 }\n\
         \x20 limits: { memory: 64MB, mailbox: 0, message_bytes: 1K }\n\
         - name: t\n  kind: terminal.host\n  hide_logs: true\n",
    )]);
    let app = project.app();
    let host = &app.hosts[0];
    assert_eq!((host.workers, host.max_processes), (None, Some(7)));
    assert_eq!(host.slice, Duration::from_millis(10));
    assert_eq!(host.limits.memory, Some(64_000_000));
    assert_eq!((host.limits.mailbox, host.limits.message_bytes), (1_000_000, 1024));
    let terminal = &app.terminal_hosts[0];
    assert_eq!((terminal.workers, terminal.hide_logs), (Some(1), true));
    assert_eq!(app.something_to_run(), Err(LookupError::NothingToRun));
    assert_eq!(app.terminal_host(None).unwrap().as_str(), "app:t");
}

#[test]
fn a_service_needs_one_host() {
    let service = "namespace: app\nname: pool\nkind: process.lua\nsource: x\nlifecycle: {}\n";
    Project::new(&[("src/a.yaml", service)]).reports(
        "
src/a.yaml:2:7: error: no process.host for service app:pool
   2 | name: pool
     |       ^^^^
",
    );
}

#[test]
fn libraries_are_shared_and_indirect_services_start_first() {
    let project = Project::with(
        "- name: base\n  kind: library.lua\n  source: base\n\
         - name: left\n  kind: library.lua\n  source: l\n  imports: { base: base }\n\
         - name: right\n  kind: library.lua\n  source: r\n  imports: { b: app:base }\n\
         \x20 meta: { depends_on: [store, not.there:x] }\n\
         - name: store\n  kind: process.lua\n  source: s\n  lifecycle: {}\n\
         - name: worker\n  kind: process.lua\n  source: w\n  imports: { l: left, r: right }\n\
         - name: service\n  kind: process.service\n  process: worker\n\
         \x20 lifecycle: { auto_start: true }\n",
    );
    let app = project.app();
    let worker = app.processes.iter().find(|process| process.id.name() == "worker").unwrap();
    let imports = &worker.unit.imports;
    assert!(std::sync::Arc::ptr_eq(&imports["l"].imports["base"], &imports["r"].imports["b"]));
    let service = app.services.iter().find(|service| service.id.name() == "service").unwrap();
    assert_eq!(service.process.as_str(), "app:worker");
    assert!(ids(&service.dependencies).contains(&"app:store"));
    let levels: Vec<_> = app.start_levels.iter().map(ids).collect();
    assert_eq!(levels, [["app:processes"], ["app:store"], ["app:service"]]);
}

#[test]
fn commands_and_names_on_the_command_line() {
    let command = |name: &str, command: &str| {
        format!(
            "- name: {name}\n  kind: process.lua\n  source: x\n\
             \x20 meta: {{ command: {{ name: {command}, short: Does it, main: true }} }}\n"
        )
    };
    let project = Project::with(&[command("z", "zip"), command("a", "add")].concat());
    project.write("src/o.yaml", b"namespace: other\nname: a\nkind: process.lua\nsource: x\n");
    let app = project.app();
    let names: Vec<&str> = app.commands.iter().map(|command| command.name.as_str()).collect();
    assert_eq!(names, ["add", "zip"]);
    assert_eq!(app.command("zip").unwrap().process.as_str(), "app:z");
    assert_eq!(
        app.command("x").unwrap_err().to_string(),
        "command \"x\" not found. Use 'luavisor run list' to see available commands"
    );
    assert_eq!(app.process("zip").unwrap().as_str(), "app:z");
    assert_eq!(app.process("other:a").unwrap().as_str(), "other:a");
    assert_eq!(app.process("a").unwrap_err().to_string(), "\"a\" is ambiguous: app:a, other:a");
    let twice = Project::with(&[command("z", "zip"), command("a", "zip")].concat());
    assert!(twice.report(Mode::Run).contains("error: duplicate command \"zip\""));
}

#[test]
fn a_yaml_file_is_an_application_of_one_file() {
    let project = Project::new(&[
        ("one.yaml", "namespace: app\nname: x\nkind: library.lua\nsource: file://x.lua\n"),
        ("x.lua", "return 1"),
        ("luavisor.yaml", "nonsense: [\n"),
        ("bare.yaml", "name: x\nkind: library.lua\n"),
    ]);
    let loaded = load(&LoadOptions::new(project.path("one.yaml")), &NoCompiler);
    assert!(loaded.diagnostics.is_empty());
    assert_eq!(loaded.application.libraries.len(), 1);
    let loaded = load(&LoadOptions::new(project.path("bare.yaml")), &NoCompiler);
    assert!(loaded.diagnostics.render(Mode::Run).contains("1:1: error: missing namespace"));
}

#[test]
fn a_lua_file_is_a_process_with_all_modules() {
    let project = Project::new(&[("hello.lua", "#!/usr/bin/env luavisor\nreturn 1\n")]);
    let loaded = load(&LoadOptions::new(project.path("hello.lua")), &support::FakeCompiler);
    assert!(loaded.diagnostics.is_empty());
    let app = loaded.application;
    assert_eq!(app.script.as_ref().unwrap().as_str(), "app:hello");
    assert_eq!(app.processes[0].unit.modules, None);
    assert!(app.processes[0].unit.chunk.1.starts_with("--/usr/bin"));
    assert_eq!(app.hosts[0].id.as_str(), "app:processes");
    assert_eq!(app.something_to_run(), Ok(()));
    project.write("bad.lua", b"\n  SYNTAX\n");
    let loaded = load(&LoadOptions::new(project.path("bad.lua")), &support::FakeCompiler);
    assert!(loaded.diagnostics.render(Mode::Run).contains("bad.lua:2:3: error: unexpected"));
}

#[test]
fn data_without_behaviour_may_use_any_word() {
    let app = Project::with(
        "- name: a\n  kind: registry.entry\n  lifecycle: of a butterfly\n  host: 7\n\
         \x20 meta: { command: none }\n",
    )
    .app();
    assert!(app.commands.is_empty());
}

#[test]
fn places_are_right_after_wide_characters_and_with_crlf() {
    let project = Project::new(&[(
        "src/a.yaml",
        "\u{feff}# Prüfung ✓\r\nnamespace: app\r\nname: größe\r\nkind: \"prozess.lüa\" # ✓\r\n",
    )]);
    project.reports(
        r#"
src/a.yaml:4:7: error: unknown kind "prozess.lüa"
   4 | kind: "prozess.lüa" # ✓
     |       ^^^^^^^^^^^^^ did you mean "process.lua"?
"#,
    );
}

#[test]
fn json_with_tabs_escapes_and_places() {
    let project = Project::new(&[(
        "src/a.json",
        "{\n\t\"namespace\": \"app\",\n\t\"entries\": [\n\t\t{\"name\": \"a\", \"kind\": \
         \"registry.entry\", \"face\": \"\\uD83D\\uDE00\\\\uD83D \\u00e4 \\/\"},\n\
         \t\t{\"name\": \"b\", \"kind\":\"process.hots\"}\n\t]\n}\n",
    )]);
    let app = project.load().application;
    let data = &app.entries[0].data;
    assert_eq!(data.field(data.first(), "face"), Some(&Value::from("😀\\uD83D ä /")));
    let report = project.report(Mode::Run);
    assert!(
        report.starts_with("src/a.json:5:24: error: unknown kind \"process.hots\"\n"),
        "{report}"
    );
    let broken = Project::new(&[("src/a.json", "{\"namespace\": \"app\", }}")]);
    assert!(broken.report(Mode::Run).starts_with("src/a.json:1:"));
}

#[test]
fn a_new_project_loads_without_a_warning() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("demo");
    let made = luavisor_config::create(&path).unwrap();
    assert_eq!(made.len(), 3);
    let loaded = load(&LoadOptions::new(&path), &support::FakeCompiler);
    assert_eq!(loaded.diagnostics.render(Mode::Check), "");
    assert_eq!(loaded.application.services.len(), 1);
    let error = luavisor_config::create(&path).unwrap_err().to_string();
    assert!(error.contains("is not empty"), "{error}");

    // The cause is told by whoever prints the chain of errors.
    let file = folder.path().join("file");
    std::fs::write(&file, "").unwrap();
    let error = luavisor_config::create(&file).unwrap_err();
    assert_eq!(error.to_string(), format!("cannot write {}", file.display()));
    assert!(std::error::Error::source(&error).is_some());
}
