//! The config file, `--set`, `-o`, `override:` and `disable:`.

mod support;

use std::time::Duration;

use luavisor_config::{LogEncoding, LogLevel, Mode};
use support::{ERROR, Project, STRICT};

const WORKER: &str = "- name: worker\n  kind: process.lua\n  source: x\n";

fn with_config(config: &str) -> Project {
    let project = Project::with(WORKER);
    project.write("luavisor.yaml", config.as_bytes());
    project
}

#[test]
fn sections_with_effect() {
    let project = with_config(
        "version: \"1.0\"\nlogger: { level: warn, encoding: json, mode: production }\n\
         shutdown: { timeout: 5s }\nsecurity: { strict_mode: true }\ncluster: { any: thing }\n",
    );
    // The second config file is not looked at.
    project.write(".wippy.yaml", b"[");
    let settings = project.app().settings;
    assert_eq!(settings.logger.level, LogLevel::Warn);
    assert_eq!(settings.logger.encoding, LogEncoding::Json);
    assert_eq!(settings.shutdown_timeout, Duration::from_secs(5));
    assert!(settings.strict_mode);
}

#[test]
fn without_a_config_file_the_defaults_hold_and_flags_still_count() {
    let mut project = Project::with(WORKER);
    assert_eq!(project.app().settings.shutdown_timeout, Duration::from_secs(30));
    project.options.settings =
        vec!["logger.level=debug".into(), "security.strict_mode=true".into()];
    let settings = project.app().settings;
    assert_eq!((settings.logger.level, settings.strict_mode), (LogLevel::Debug, true));
}

#[test]
fn flags_win_over_the_file_and_are_shown_when_bad() {
    let mut project = with_config("version: \"1.0\"\nshutdown: { timeout: 5s }\n");
    project.options.settings = vec!["shutdown.timeout=7s".into()];
    assert_eq!(project.app().settings.shutdown_timeout, Duration::from_secs(7));
    project.options.settings = vec!["shutdown.timeout=7".into(), "verbose=true".into()];
    project.reports(
        r#"
--set:1:1: error: expected section.path=value
   1 | verbose=true
     | ^^^^^^^^^^^^
--set:1:18: error: expected a duration such as 500ms, 10s or 1h30m, found the bare number 7
   1 | shutdown.timeout=7
     |                  ^ did you mean "7s"?
"#,
    );
}

#[test]
fn a_config_file_needs_its_version() {
    with_config("logger: {}\n").reports(
        r#"
luavisor.yaml:1:1: error: missing version, expected version: "1.0"
   1 | logger: {}
     | ^^^^^^^^^^
"#,
    );
    assert!(with_config("version: 2.0\n").report(Mode::Run).contains("1:10: error: expected"));
    with_config("version: 1.0\n").app();
    assert_eq!(with_config("version: '1.0'\nlogerr: {}\n").passes(), STRICT);
    let mut project = Project::with(WORKER);
    project.options.config_file = Some(project.path("none.yaml"));
    project.reports("none.yaml: error: cannot be read: no such file\n");
}

#[test]
fn overrides_replace_fields_of_any_depth() {
    let project = with_config(
        "version: '1.0'\noverride:\n  app:worker:modules: [time]\n  app:processes:host.slice: 1ms\n",
    );
    let app = project
        .over("app:processes:host.workers=3")
        .over("app:worker:method=run.it")
        .over("app:worker:meta.command.name=work")
        .over("app:worker:source=file://main.lua")
        .app();
    assert_eq!(app.hosts[0].workers, Some(3));
    assert_eq!(app.hosts[0].slice, Duration::from_millis(1));
    let worker = &app.processes[0];
    assert_eq!(worker.method, "run.it");
    assert_eq!(worker.unit.chunk.1, "return {}\n");
    assert_eq!(worker.unit.modules.as_deref(), Some(&["time".to_owned()][..]));
    assert_eq!(app.commands[0].name, "work");
    let app = Project::with(WORKER).over("app:worker:kind=library.lua").app();
    assert_eq!(app.libraries.len(), 1);
}

#[test]
fn bad_overrides_are_shown_where_they_were_written() {
    let project = Project::with(WORKER)
        .over("app:wroker:method=x")
        .over("app:worker=x")
        .over("app:processes:host.workers=-1");
    assert_eq!(project.passes(), ERROR);
    project.reports(
        r#"
-o:1:1: error: expected namespace:name:field, found "app:worker"
   1 | app:worker=x
     | ^^^^^^^^^^
-o:1:1: error: unknown entry "app:wroker"
   1 | app:wroker:method=x
     | ^^^^^^^^^^^^^^^^^ did you mean "app:worker"?
-o:1:28: error: expected a whole number from 0, found -1
   1 | app:processes:host.workers=-1
     |                            ^^
"#,
    );
}

#[test]
fn a_step_without_a_place_is_shown_itself() {
    let mut project = Project::with(WORKER)
        .over("app:worker:method.x.y=1")
        .over("app:processes:host.workres=2")
        .over("app:worker:meta.command.name=work")
        .over("app:worker:meta.command.name.x=1");
    project.options.settings = vec!["shutdwon.timeout=7s".into()];
    let report = project.report(Mode::Run);
    for line in [
        "-o:1:12: error: expected a string, found a map",
        "-o:1:30: error: \"x\" has no place here",
        "-o:1:20: warning: unknown key \"workres\" in host",
        "--set:1:1: warning: unknown key \"shutdwon\" in the config file",
    ] {
        assert!(report.contains(line), "{line}\n{report}");
    }
}

#[test]
fn disabled_entries_and_namespaces_are_gone() {
    let project = with_config("version: '1.0'\ndisable: [app:worker, app.tests]\n");
    project.write("src/t.yaml", b"namespace: app.tests\nname: x\nkind: nonsense\n");
    assert!(project.app().processes.is_empty());
    let project = with_config("version: '1.0'\ndisable: { entries: [app:x], namespaces: [ap] }\n");
    project.reports(
        r#"
luavisor.yaml:2:22: error: unknown entry "app:x"
   2 | disable: { entries: [app:x], namespaces: [ap] }
     |                      ^^^^^
luavisor.yaml:2:43: error: unknown namespace "ap"
   2 | disable: { entries: [app:x], namespaces: [ap] }
     |                                           ^^ did you mean "app"?
"#,
    );
}
