//! Tokens that stand for an actor and a scope (MODULES 6.2), in simulations.

mod support;

use support::simulate;

const ENTRIES: &str = r#"
version: "1.0"
namespace: app
entries:
  - { name: processes, kind: process.host, lifecycle: { auto_start: true } }
  - { name: memory, kind: store.memory, lifecycle: { auto_start: true } }
  - { name: db, kind: db.sql.sqlite, file: ":memory:" }
  - { name: disk, kind: store.sql, database: db, table: tokens, auto_create: true, lifecycle: { auto_start: true } }
  - { name: plain, kind: security.token_store, store: memory, default_expiration: 1h, token_length: 16 }
  - { name: signed, kind: security.token_store, store: "app:disk", token_key: secret }
  - { name: other, kind: security.token_store, store: "app:disk", token_key: another }
  - { name: read, kind: security.policy, groups: [readers], policy: { actions: read, resources: "*", effect: allow } }
  - { name: main, kind: process.lua, source: "file://main.lua", modules: [security, time] }
"#;

const MAIN: &str = r#"
local security, time = require("security"), require("time")
local function eq(got, want) if got ~= want then error(`got {got}, want {want}`, 2) end end
local function invalid(actor, scope, err)
    eq(actor, nil) eq(scope, nil)
    eq(`{err:kind()}: {err:message()}`, "PermissionDenied: invalid or expired token")
end
local function refused(want, value, err)
    eq(value, nil) eq(`{err:kind()}: {err:message()}`, want)
end
return { main = function()
    local ada = security.new_actor("user:ada", { team = "north" })
    local readers = security.named_scope("app:readers")
    for _, id in { "app:plain", "app:signed" } do
        local tokens = assert(security.token_store(id))
        eq(tostring(tokens), "security.TokenStore{}")
        local token = assert(tokens:create(ada, readers, { meta = { device = "phone" } }))
        eq(#token, if id == "app:plain" then 22 else 43 + 1 + 64)
        local actor, scope = tokens:validate(token)
        eq(actor:id(), "user:ada") eq(actor:meta().team, "north")
        eq(scope:evaluate(actor, "read", "x"), "allow") eq(scope:evaluate(actor, "write", "x"), "undefined")

        invalid(tokens:validate("")) invalid(tokens:validate("x" .. token)) invalid(tokens:validate(token .. "0"))
        invalid(tokens:validate(string.rep("x", 100000)))
        eq(tokens:revoke(token), true)
        invalid(tokens:validate(token))
        refused("NotFound: token not found", tokens:revoke(token))

        local short = tokens:create(ada, readers, { expiration = 1500 })
        local long = tokens:create(ada, readers, { expiration = "90m" })
        local default = tokens:create(ada, readers, { expiration = 0 })
        time.sleep("2s")
        invalid(tokens:validate(short))
        time.sleep("1h")
        eq(tokens:validate(long):id(), "user:ada")
        if id == "app:plain" then invalid(tokens:validate(default)) else eq(tokens:validate(default):id(), "user:ada") end
        for _, expiration in { "soon", -1, 0/0, {} } do
            refused("Invalid: invalid expiration format", tokens:create(ada, readers, { expiration = expiration }))
        end
        eq(tokens:close(), true) eq(tokens:close(), true)
        refused("Invalid: token store is closed", tokens:create(ada, readers))
        refused("Invalid: token store is closed", tokens:revoke("x"))
        local a, b, err = tokens:validate("x")
        eq(err:message(), "token store is closed")
    end
    -- a token of one key is none of another
    local token = security.token_store("app:signed"):create(ada, readers)
    invalid(security.token_store("app:other"):validate(token))
    refused("Invalid: token store id is required", security.token_store(""))
    refused("NotFound: token store not found: app:none", security.token_store("app:none"))
    refused("Invalid: resource is not a token store", security.token_store("app:memory"))
    print("done")
end }
"#;

#[test]
fn tokens_are_made_validated_and_revoked() {
    let ([lines, errors], _) = simulate(ENTRIES, MAIN, 36_000_000_000_000);
    assert_eq!(lines, "done\n", "{errors}");
}
