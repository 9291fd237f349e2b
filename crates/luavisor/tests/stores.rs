//! What stores do (MODULES 19), in simulations, whose clock the tests command.

mod support;

use support::simulate;

const ENTRIES: &str = r#"
version: "1.0"
namespace: app
entries:
  - { name: processes, kind: process.host, lifecycle: { auto_start: true } }
  - { name: memory, kind: store.memory, max_size: 3, lifecycle: { auto_start: true } }
  - { name: off, kind: store.memory }
  - { name: db, kind: db.sql.sqlite, file: data.sqlite }
  - { name: disk, kind: store.sql, database: db, table_name: things, auto_create: true, lifecycle: { auto_start: true } }
  - { name: main, kind: process.lua, source: "file://main.lua", modules: [store, time] }
"#;

/// `eq(got, want)`, and `refused` for `nil, err`.
const PRELUDE: &str = r#"
local store, time = require("store"), require("time")
local function eq(got, want) if got ~= want then error(`got {got}, want {want}`, 2) end end
local function refused(want, value, err)
    eq(value, nil)
    eq(`{err:kind()}: {err:message()}`, want)
    return err
end
"#;

/// Runs a program to its end; it must print `done`.
#[track_caller]
fn passes(main: &str) {
    let main = format!("{PRELUDE}{main}");
    let ([lines, errors], folder) = simulate(ENTRIES, &main, 3_600_000_000_000);
    assert_eq!(lines, "done\n", "{errors}");
    assert!(!folder.path().join("data.sqlite").exists(), "a simulation writes no file");
}

#[test]
fn both_stores_do_the_same() {
    passes(
        r#"
        return { main = function()
            for _, id in { "app:memory", "app:disk" } do
                local s = assert(store.get(id))
                eq(tostring(s), "store.Store{}")
                refused("NotFound: key not found", s:get("a"))
                eq(s:has("a"), false) eq(s:delete("a"), false)
                eq(s:set("a", { name = "tea", cups = { 1, 2 } }), true)
                local a = s:get("a")
                eq(a.name, "tea") eq(a.cups[2], 2)
                a.name = "milk"
                eq(s:get("a").name, "tea")
                eq(s:set("a", 5), true) eq(s:get("a"), 5) eq(s:has("a"), true)
                eq(s:put("a", false).value, false) eq(s:entry("a").key, "a") eq(s:get("a"), false)
                refused("NotFound: key not found", s:entry("b"))
                eq(s:set("b", "x\0y"), true) eq(s:get("b"), "x\0y")
                eq(s:delete("b"), true) eq(s:delete("b"), false)

                refused("Invalid: key is required", s:get(""))
                refused("Invalid: value is required", s:set("a"))
                local value, err = s:set("a", print)
                eq(value, nil) eq(err:kind(), "Invalid")
                refused("Invalid: only_if_absent and if_version are mutually exclusive",
                    s:put("a", 1, { only_if_absent = true, if_version = 1 }))
                for _, limit in { 0, 1001, 1.5, "5" } do
                    refused("Invalid: limit must be between 1 and 1000", s:list({ limit = limit }))
                end

                -- what has expired is gone at once
                eq(s:set("a", "soon", 5), true) eq(s:get("a"), "soon")
                time.sleep("5s")
                refused("NotFound: key not found", s:get("a"))
                eq(s:has("a"), false) eq(#s:list().items, 0) eq(s:delete("a"), false)
                eq(s:set("a", "stays", -1), true) eq(s:get("a"), "stays") eq(s:delete("a"), true)

                for _, key in { "b/2", "a", "b/1" } do eq(s:set(key, string.upper(key)), true) end
                local page = s:list({ limit = 2 })
                eq(page.items[1].key, "a") eq(page.items[2].value, "B/1") eq(#page.items, 2)
                eq(page.has_more, true) eq(page.cursor, "b/1")
                page = s:list({ limit = 2, after = page.cursor })
                eq(#page.items, 1) eq(page.items[1].key, "b/2") eq(page.has_more, false)
                page = s:list({ prefix = "b/", limit = 1 })
                eq(page.items[1].key, "b/1") eq(page.has_more, true)
                eq(s:list({ prefix = "c" }).cursor, nil)

                eq(s:info().id, id) eq(s:info().ttl, true)
                eq(s:release(), true) eq(s:release(), true)
                eq(tostring(s), "store.Store{released}")
                for _, method in { "get", "has", "delete", "entry", "set", "put" } do
                    refused("Invalid: store is released", s[method](s, "a", 1))
                end
                refused("Invalid: store is released", s:list())
                refused("Invalid: store is released", s:info())
            end
            print("done")
        end }
        "#,
    );
}

#[test]
fn conditions_and_limits_hold() {
    passes(
        r#"
        return { main = function()
            refused("Invalid: store id is required", store.get(""))
            refused("NotFound: store not found: app:none", store.get("app:none"))
            refused("Invalid: resource is not a store", store.get("app:db"))
            refused("Unavailable: app:off is not running", store.get("app:off"))

            local s = store.get("app:memory")
            local first = s:put("a", 1, { only_if_absent = true })
            local err = refused("AlreadyExists: key already exists", s:put("a", 2, { only_if_absent = true }))
            eq(err:retryable(), false)
            err = refused("Conflict: version mismatch", s:put("a", 2, { if_version = first.version + 1 }))
            eq(err:retryable(), true)
            local second = s:put("a", 2, { if_version = first.version })
            eq(second.version > first.version, true) eq(s:entry("a").version, second.version)
            refused("Conflict: version mismatch", s:put("b", 1, { if_version = 1 }))

            s:set("b", 1, 5) s:set("c", 1)
            err = refused("Unavailable: store is full", s:set("d", 1))
            eq(err:retryable(), true)
            eq(s:set("a", 3), true)
            time.sleep("5s")
            eq(s:set("d", 1), true)

            local disk = store.get("app:disk")
            for _, options in { { only_if_absent = true }, { if_version = 1 } } do
                refused("Invalid: operation not supported by this store", disk:put("a", 1, options))
            end
            eq(disk:info().durable, true) eq(s:info().durable, false)
            eq(disk:info().backend, store.backend.SQL) eq(s:info().backend, "memory")
            eq(s:info().consistency, store.consistency.LOCAL)
            refused("Invalid: key must be UTF-8", disk:get("\255"))
            print("done")
        end }
        "#,
    );
}
