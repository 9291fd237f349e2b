//! `store` (MODULES 19).

mod support;

use support::{Bench, passes};

#[test]
fn values_are_kept_by_key() {
    passes(
        r##"
        local store = require("store")
        local cache = store.get("app:store")
        refused("NotFound", "key not found", cache:get("a"))
        local value = { list = { 1, 2 }, text = "x" }
        eq(cache:set("a", value), true)
        value.text = "changed after"
        local one, two = cache:get("a"), cache:get("a")
        eq(one.text, "x") eq(one.list[2], 2) assert(one ~= two)
        eq(cache:has("a"), true) eq(cache:has("b"), false)
        eq(cache:set("b", false), true) eq(cache:get("b"), false)
        eq(cache:delete("a"), true) eq(cache:delete("a"), false)
        refused("Invalid", "key is required", cache:get(""))
        refused("Invalid", "value is required", cache:set("k", nil))
        local thread = coroutine.create(print)
        local none, err = cache:set("k", thread)
        eq(none, nil) eq(err:kind(), "Invalid")
        -- Versions and conditions.
        local entry = cache:put("v", 1)
        eq(entry.key, "v") eq(entry.value, 1)
        local next_ = cache:put("v", 2, { if_version = entry.version })
        assert(next_.version > entry.version) eq(cache:entry("v").value, 2)
        none, err = cache:put("v", 3, { if_version = entry.version })
        eq(none, nil) eq(err:kind(), "Conflict") eq(err:message(), "version mismatch") eq(err:retryable(), true)
        refused("AlreadyExists", "key already exists", cache:put("v", 3, { only_if_absent = true }))
        eq(cache:put("w", 3, { only_if_absent = true }).value, 3)
        refused("Invalid", "only_if_absent and if_version are mutually exclusive",
            cache:put("v", 1, { only_if_absent = true, if_version = 1 }))
        -- Pages.
        for i = 1, 5 do cache:set("page:" .. i, i) end
        local page = cache:list({ prefix = "page:", limit = 2 })
        eq(#page.items, 2) eq(page.items[1].value, 1) eq(page.cursor, "page:2") eq(page.has_more, true)
        page = cache:list({ prefix = "page:", after = page.cursor, limit = 10 })
        eq(#page.items, 3) eq(page.has_more, false)
        refused("Invalid", "limit must be between 1 and 1000", cache:list({ limit = 0 }))
        local info = cache:info()
        eq(info.backend, store.backend.MEMORY) eq(info.consistency, store.consistency.LOCAL) eq(info.durable, false)
        eq(tostring(cache), "store.Store{}")
        eq(cache:release(), true) eq(cache:release(), true) eq(tostring(cache), "store.Store{released}")
        refused("Invalid", "store is released", cache:get("v"))
        eq(store.get("app:store"):get("v"), 2)
        refused("Invalid", "store id is required", store.get(""))
        refused("NotFound", "store not found: app:none", store.get("app:none"))
        refused("Invalid", "resource is not a store", store.get("app:main"))
        "##,
    );
}

#[test]
fn keys_live_as_long_as_they_may() {
    let mut bench = Bench::new();
    bench.passes("require('store').get('app:store'):set('short', 1, 0.5)");
    let checks = "local cache = require('store').get('app:store')";
    bench.passes(&format!("{checks} eq(cache:get('short'), 1)"));
    bench.kernel.now += 499_999_999;
    bench.passes(&format!("{checks} eq(cache:has('short'), true)"));
    bench.kernel.now += 1;
    bench.passes(&format!(
        "{checks} eq(cache:has('short'), false) refused('NotFound', 'key not found', cache:get('short'))"
    ));
}
