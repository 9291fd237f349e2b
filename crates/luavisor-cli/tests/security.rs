//! Security of whole applications (MODULES 6): what a service may do, and strict mode.

mod support;

use support::Project;

const ENTRIES: &str = "
  - { name: read, kind: security.policy, groups: [readers], policy: { actions: [read, process.spawn, process.host, system.exit], resources: '*', effect: allow } }
  - { name: secret, kind: security.policy, policy: { actions: '*', resources: ['secret:*'], effect: deny } }
  - { name: child, kind: process.lua, source: \"file://child.lua\", modules: [security] }
  - { name: boss, kind: process.lua, source: \"file://boss.lua\", modules: [security, system], lifecycle: { auto_start: true, restart: { policy: never }, security: { actor: { id: boss, meta: { level: 3 } }, groups: [readers], policies: [secret] } } }";

const BOSS: &str = r#"
local security, system = require("security"), require("system")
return { main = function()
    local actor = security.actor()
    print(actor:id(), actor:meta().level, #security.scope():policies())
    print(security.can("read", "doc:1"), security.can("read", "secret:1"), security.can("write", "doc:1"))
    local events = process.events()
    local pid, err = process.spawn_monitored("app:child", "app:processes")
    assert(pid, err)
    events:receive()
    local _, refusal = process.send(pid, "late")
    print(refusal:kind())
    system.exit(0)
end }
"#;

const CHILD: &str = r#"
local security = require("security")
return { main = function() print("child of", security.actor():id(), #security.scope():policies()) end }
"#;

const MAIN: &str = r#"
local security = require("security")
return { main = function()
    print(security.actor(), security.can("read", "doc:1"))
    local pid, err = process.spawn("app:child", "app:processes")
    print(pid, err)
    print(security.policy("app:read"))
end }
"#;

#[test]
fn a_service_acts_in_its_lifecycles_name() {
    let project =
        Project::new().entries(ENTRIES).file("src/boss.lua", BOSS).file("src/child.lua", CHILD);
    project
        .run([])
        .exits(0)
        .prints("boss\t3\t2\ntrue\tfalse\tfalse\nchild of\tboss\t2\nPermissionDenied\n");
}

#[test]
fn strict_mode_refuses_what_has_no_context() {
    let project = Project::new()
        .entries(
            "
  - { name: main, kind: process.lua, source: \"file://main.lua\", modules: [security], meta: { command: { name: main } } }",
        )
        .file("src/main.lua", MAIN)
        .file("luavisor.yaml", "version: \"1.0\"\nsecurity: { strict_mode: true }\n");
    project
        .run(["main"])
        .exits(0)
        .prints("nil\tfalse\nnil\tnot allowed: app:child\nnil\tpermission denied: access policy\n");
}
