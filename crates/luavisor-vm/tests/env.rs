//! `env` (MODULES 7), against a kernel with a few variables. Storages are tested
//! where they are, in the runtime.

mod support;

use support::Bench;

#[test]
fn variables_are_read_and_set() {
    let mut bench = Bench::new();
    bench.kernel.variables.insert("HOME".into(), "/tea".into());
    bench.passes(
        r#"
        local env = require("env")
        eq(env.get("HOME"), "/tea") eq(env.set("HOME", "/milk"), true) eq(env.get("HOME"), "/milk")
        local all = env.get_all() eq(all.HOME, "/milk")
        local err = refused("Invalid", "empty key", env.get("")) eq(err:retryable(), false)
        refused("NotFound", "environment variable not found", env.get("PATH"))
        fails("bad argument #1 to 'get' (string expected, got no value)", env.get)
        fails("bad argument #2 to 'set' (string expected, got number)", env.set, "HOME", 5)
        "#,
    );
}

#[test]
fn setting_a_variable_may_wait() {
    let mut bench = Bench::new();
    bench.kernel.variables.insert("HOME".into(), "/tea".into());
    bench.kernel.slow_output = true;
    bench.passes(
        r#"
        local env = require("env")
        eq(env.set("HOME", "/a"), true)
        -- a metamethod cannot wait
        local t = setmetatable({}, {__index = function() return env.set("HOME", "/b") end})
        eq(t.x, true) eq(env.get("HOME"), "/b")
        "#,
    );
}
