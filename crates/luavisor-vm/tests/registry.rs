//! `registry` (MODULES 5), against a kernel with three made-up entries.

mod support;

use support::passes;

#[test]
fn entries_are_fresh_tables() {
    passes(
        r#"
        local registry = require("registry")
        local entry = registry.get("app:main")
        eq(entry.id, "app:main") eq(entry.kind, "process.lua") eq(entry.meta.type, "worker") eq(next(entry.data), nil)
        entry.meta.type = "changed"
        eq(registry.get("app:main").meta.type, "worker")
        local err = refused("NotFound", "entry not found: app:nobody", registry.get("app:nobody"))
        eq(err:retryable(), false)
        local id = registry.parse_id("app:main:x") eq(id.ns, "app") eq(id.name, "main:x")
        id = registry.parse_id("main") eq(id.ns, "") eq(id.name, "main")
        eq(pcall(registry.get), false)
        "#,
    );
}

#[test]
fn entries_are_found_in_the_order_of_their_ids() {
    passes(
        r#"
        local registry = require("registry")
        local function ids(filter)
            local found = {}
            for _, entry in assert(registry.find(filter)) do table.insert(found, entry.id) end
            return table.concat(found, " ")
        end
        eq(ids({}), "app:library app:main other:main")
        eq(ids({ [".kind"] = "process.*" }), "app:main other:main")
        eq(ids({ ns = "app", type = "worker" }), "app:main")
        eq(ids({ ["~meta.type"] = "^w" }), "app:main other:main")
        eq(ids({ meta = { type = "nothing" } }), "")
        refused("Invalid", "filter criteria table required", registry.find())
        refused("Invalid", "filter criteria table required", registry.find("x"))
        local bad, err = registry.find({ ["~meta.type"] = "(" })
        eq(bad, nil) eq(err:kind(), "Invalid") eq(err:retryable(), false)
        local cyclic = {} cyclic.meta = cyclic
        eq(ids(cyclic), "")
        refused("Invalid", "filter.x: a function cannot be sent", registry.find({ x = print }))
        "#,
    );
}
