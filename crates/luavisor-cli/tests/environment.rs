//! Environment variables of an application (MODULES 7), from entries to files.

mod support;

use std::os::unix::fs::PermissionsExt;

use support::Project;

const ENTRIES: &str = "
  - { name: os, kind: env.storage.os }
  - { name: memory, kind: env.storage.memory }
  - { name: file, kind: env.storage.file, file_path: conf/app.env, auto_create: true, file_mode: 0600 }
  - { name: fixed, kind: env.storage.static, values: { REGION: eu, LEVEL: 5, EMPTY: '' } }
  - { name: router, kind: env.storage.router, storages: [memory, fixed, os] }
  - { name: home, kind: env.variable, variable: CARGO_PKG_NAME, storage: os }
  - { name: token, kind: env.variable, variable: TOKEN, storage: file, default: none }
  - { name: private, kind: env.variable, storage: file }
  - { name: region, kind: env.variable, variable: REGION, storage: router }
  - { name: level, kind: env.variable, variable: LEVEL, storage: fixed }
  - { name: empty, kind: env.variable, variable: EMPTY, storage: fixed, default: never }
  - { name: unset, kind: env.variable, variable: UNSET, storage: memory }
  - { name: port, kind: env.variable, variable: PORT, storage: memory, default: 8080, readonly: true }
  - { name: zone, kind: env.variable, variable: ZONE, storage: memory, default: utc, read_only: true }";

const MAIN: &str = r#"
local env = require("env")
local function show(...)
    local value, err = ...
    require("io").print(value, err and `{err:kind()}: {err}`)
end
return { main = function()
    -- reading: by name, by entry id, by the name of an entry in the own namespace
    show(env.get("CARGO_PKG_NAME")) show(env.get("app:home")) show(env.get("home"))
    show(env.get("other:home")) show(env.get("PATH")) show(env.get(""))
    -- defaults, an empty value is one
    show(env.get("TOKEN")) show(env.get("EMPTY")) show(env.get("UNSET")) show(env.get("PORT")) show(env.get("LEVEL"))
    -- setting
    show(env.set("CARGO_PKG_NAME", "x")) show(env.set("LEVEL", "6")) show(env.set("PORT", "1")) show(env.set("ZONE", "x"))
    show(env.set("nothing", "x"))
    show(env.get("REGION")) show(env.set("REGION", "us")) show(env.get("REGION"))
    show(env.set("TOKEN", 'se"cret #1')) show(env.get("TOKEN")) show(env.set("private", "p")) show(env.get("private"))
    local all = env.get_all()
    show(all.TOKEN) show(all.private) show(all.PORT) show(all.CARGO_PKG_NAME) show(all.REGION) show(all.UNSET)
end }
"#;

#[test]
fn variables_are_found_set_and_kept() {
    let project = Project::new()
        .entries(ENTRIES)
        .file("src/main.lua", MAIN)
        .entries("\n  - { name: main, kind: process.lua, source: \"file://main.lua\", modules: [env, io], meta: { command: { name: main } } }");
    // Cargo gives its tests this variable.
    project.run(["main"]).exits(0).prints(
        "luavisor-cli\tnil\nluavisor-cli\tnil\nluavisor-cli\tnil\n\
         nil\tNotFound: environment variable not found\n\
         nil\tNotFound: environment variable not found\n\
         nil\tInvalid: empty key\n\
         none\tnil\n\tnil\nnil\tNotFound: environment variable not found\n8080\tnil\n5\tnil\n\
         nil\tPermissionDenied: storage is read-only\n\
         nil\tPermissionDenied: storage is read-only\n\
         nil\tPermissionDenied: environment variable is read-only\n\
         nil\tPermissionDenied: environment variable is read-only\n\
         nil\tNotFound: environment variable not found\n\
         eu\tnil\ntrue\tnil\nus\tnil\n\
         true\tnil\nse\"cret #1\tnil\ntrue\tnil\np\tnil\n\
         se\"cret #1\tnil\np\tnil\n8080\tnil\nluavisor-cli\tnil\nus\tnil\nnil\tnil\n",
    );
    let path = project.path().join("conf/app.env");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "TOKEN=\"se\\\"cret #1\"\nprivate=p\n");
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    assert!(!project.path().join("conf/app.env.new").exists());
}
