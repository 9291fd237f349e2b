//! `expr` (MODULES 18).

mod support;

use support::passes;

#[test]
fn expressions_are_evaluated() {
    passes(
        r##"
        local expr = require("expr")
        local function like(text, part) assert(string.find(text, part, 1, true), text) end
        eq(expr.eval("1 + 2 * 3"), 7)
        eq(expr.eval("user.age >= 18 and 'admin' in user.roles", { user = { age = 20, roles = { "admin" } } }), true)
        local names = expr.eval("filter(users, .age > 18) | map(.name)", { users = { { name = "a", age = 3 }, { name = "b", age = 30 } } })
        eq(#names, 1) eq(names[1], "b")
        eq(expr.eval("{a: [1, 2], b: nil}").a[2], 2)
        eq(expr.eval("empty.key ?? 'none'", { empty = {} }), "none")
        eq(expr.eval("n / 2", { n = 3 }), 1.5) eq(expr.eval("nothing"), nil)
        local program = expr.compile("x * x")
        eq(program:run({ x = 4 }), 16) eq(program:run({ x = 0.5 }), 0.25) eq(tostring(program), "expr.Program{}")
        refused("Invalid", "expression cannot be empty", expr.eval(" "))
        for source, text in {
            ["1 +"] = "compile: unexpected end (1:4)",
            ["f(1)"] = "compile: unknown function f (1:5)",
            ["x + y"] = "evaluate: invalid operation: int + nil",
            ["1..1000000000"] = "evaluate: too many steps",
            ["sum(map(1..3000, sum(1..3000)))"] = "evaluate: too many steps",
        } do
            local value, err = expr.eval(source, { x = 1 })
            eq(value, nil) eq(err:kind(), "Internal") eq(err:message(), text) eq(err:retryable(), false)
        end
        -- More than what is done at once.
        eq(expr.eval("sum(1..100000)"), 5000050000)
        -- A table within itself is nothing there.
        local cyclic = { n = 1 } cyclic.self = cyclic
        eq(expr.eval("self == nil ? n : 2", cyclic), 1)
        "##,
    );
}
