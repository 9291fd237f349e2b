//! Every command, what it prints and what it refuses.

mod support;

use support::{HOSTS, Project};

const TALKER: &str = "return function(...) print(...) end";

#[test]
fn new_makes_a_project_that_runs() {
    let project = Project::empty();
    project.luavisor(["new", "shop"]).exits(0).complains("");
    project.luavisor(["check", "shop"]).exits(0).prints("3 entries, no errors\n").complains("");
    let mut running = project.start(["shop"]);
    running.wait_for("\truntime ready\n");
    running.signal("TERM");
    let finished = running.finish().exits(0);
    assert!(finished.stdout.starts_with("hello from"), "{finished:?}");
    assert!(finished.stdout.ends_with("goodbye\n"), "{finished:?}");
    project
        .luavisor(["new", "shop"])
        .exits(2)
        .complains("Error: shop is not empty, choose another name or empty it first\n");
}

#[test]
fn version_and_help() {
    let project = Project::empty();
    let version = concat!("luavisor ", env!("CARGO_PKG_VERSION"), "\n");
    project.luavisor(["version"]).exits(0).prints(version);
    project.luavisor(["--version"]).exits(0).prints(version);
    let help = project.luavisor(["--help"]).exits(0);
    assert!(help.stdout.contains("run") && help.stdout.contains("check"), "{help:?}");
}

#[test]
fn entries_prints_the_registry() {
    let project = Project::new().process("main", "", TALKER);
    project.luavisor(["entries"]).exits(0).prints(
        "app:main       process.lua    src/_index.yaml:6\n\
         app:processes  process.host   src/_index.yaml:4\n\
         app:terminal   terminal.host  src/_index.yaml:5\n",
    );
}

#[test]
fn bad_flags_cannot_start() {
    let project = Project::new();
    project.run(["--no-such-flag"]).exits(2).mentions("Error: unexpected argument");
    project.luavisor(["no-such-command"]).exits(2).mentions("Error: ");
    project.run(["--set", "nodot=1"]).exits(2).mentions("--set");
}

#[test]
fn commands_are_listed_and_run_with_their_arguments() {
    let project = Project::new()
        .process("greet", "meta: { command: { name: greet, short: Says hello } }", TALKER)
        .process("bye", "meta: { command: { name: bye } }", TALKER);
    project.run(["list"]).exits(0).prints("bye\ngreet  Says hello\n");
    project.run(["greet", "-v", "--set", "x"]).exits(0).prints("-v\t--set\tx\n").complains("");
    project.run(["leave"]).exits(2).prints("").complains(
        "Error: command \"leave\" not found. Use 'luavisor run list' to see available commands\n",
    );
}

#[test]
fn a_directory_may_stand_before_the_command() {
    let project = Project::empty()
        .file("shop/src/a.yaml", &format!("namespace: app\nentries:{HOSTS}\n  - {{ name: main, kind: process.lua, source: \"file://m.lua\" }}\n"))
        .file("shop/src/m.lua", TALKER);
    project.run(["shop", "-x", "app:main", "1", "-x"]).exits(0).prints("1\t-x\n");
    project.run(["-s", "shop", "-x", "main"]).exits(0).prints("\n");
}

#[test]
fn ids_without_namespace_must_be_unique() {
    let project = Project::new().process("main", "", TALKER).file(
        "src/b.yaml",
        "namespace: b\nentries:\n  - { name: main, kind: process.lua, source: \"file://main.lua\" }\n",
    );
    project
        .run(["-x", "main"])
        .exits(2)
        .complains("Error: \"main\" is ambiguous: app:main, b:main\n");
    project.run(["-x", "b:main", "x"]).exits(0).prints("x\n");
    project.run(["-x", "b:other"]).exits(2).complains("Error: process \"b:other\" not found\n");
}

#[test]
fn the_terminal_host_must_be_clear() {
    let none = Project::empty().process("main", "", TALKER);
    none.run(["-x", "main"]).exits(2).complains("Error: no terminal.host found in registry\n");

    let two = Project::new()
        .entries("\n  - { name: second, kind: terminal.host, lifecycle: { auto_start: true } }")
        .process("main", "", "return function() return process.pid():match('app:%a+') end");
    two.run(["-x", "main"]).exits(2).complains(
        "Error: multiple terminal hosts found (app:terminal, app:second), use --host to specify\n",
    );
    two.run(["--host", "app:second", "-x", "main"]).exits(0).prints("app:second\n");

    let off = Project::empty()
        .entries("\n  - { name: terminal, kind: terminal.host }")
        .process("main", "", TALKER);
    off.run(["-x", "main"])
        .exits(2)
        .complains("Error: terminal.host app:terminal is not running\n");
}

#[test]
fn an_application_without_anything_to_run_is_refused() {
    let project = Project::new().process("main", "", TALKER);
    let text = "Error: nothing to run: no auto_start service, use -x or a command\n";
    project.run([]).exits(2).prints("").complains(text);
}

#[test]
fn a_lua_file_is_an_application() {
    let project = Project::empty().file(
        "hello.lua",
        "#!/usr/bin/env luavisor\nlocal io = require('io')\n\
         return function(...) print(process.id(), ...) io.write(#io.args(), '\\n') return 7 end",
    );
    project.run(["hello.lua", "a", "--b"]).exits(7).prints("app:hello\ta\t--b\n2\n").complains("");
    let broken = Project::empty().file("broken.lua", "return (");
    broken.run(["broken.lua"]).exits(2).mentions("broken.lua:1");
}

#[test]
fn overrides_and_settings_come_from_flags() {
    let project = Project::new().process(
        "main",
        "method: one",
        "return { one = function() return '1' end, two = function() return '2' end }",
    );
    project.run(["-x", "main"]).exits(0).prints("1\n");
    project.run(["-o", "app:main:method=two", "-x", "main"]).exits(0).prints("2\n");
    project.run(["-o", "app:nobody:method=two", "-x", "main"]).exits(2).mentions("nobody");
}

#[test]
fn unknown_kinds_can_be_skipped() {
    let project = Project::new().entries("\n  - { name: odd, kind: process.lau }").process(
        "main",
        "",
        "return function() return 'ok' end",
    );
    project
        .run(["-x", "main"])
        .exits(2)
        .mentions("src/_index.yaml:6:24: error: unknown kind \"process.lau\"")
        .mentions("did you mean \"process.lua\"?");
    project.run(["--skip-unknown-kinds", "-x", "main"]).exits(0).prints("ok\n").mentions("warning");
}
