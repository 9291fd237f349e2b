//! `print` and `io` (MODULES 11, SPEC 11.4).

mod support;

use support::{Bench, passes};

fn terminal(lines: &[&str]) -> Bench {
    let mut bench = Bench::new();
    bench.kernel.input = Some(lines.iter().map(|line| (*line).to_owned()).collect());
    bench
}

#[test]
fn elsewhere_there_is_no_terminal() {
    passes(
        r#"
        local io = require("io")
        for _, f in {io.write, io.print, io.eprint, io.read, io.readline, io.flush, io.raw} do
            eq(refused("Unavailable", "no terminal context", f()):retryable(), false)
        end
        eq(#io.args(), 0)
        "#,
    );
}

#[test]
fn output_is_written_in_order() {
    for slow in [false, true] {
        let mut bench = terminal(&[]);
        bench.kernel.slow_output = slow;
        bench.passes(
            r#"
            local io = require("io")
            eq(io.write("a", 1, nil, true), true) eq(io.print("b", 2), true) eq(print("c", nil), nil)
            eq(io.eprint("e"), true) eq(io.flush(), true) eq(io.write(), true)
            "#,
        );
        assert_eq!(bench.kernel.stdout, "a1niltrueb\t2\nc\tnil\n");
        assert_eq!(bench.kernel.stderr, "e\n");
    }
}

#[test]
fn failures_of_an_output_are_told_by_io_only() {
    let mut bench = terminal(&[]);
    bench.kernel.broken_output = Some(luavisor_core::Error::internal("write stdout: full"));
    bench.passes(
        r#"
        local io = require("io")
        for _, f in {io.write, io.print, io.eprint, io.flush} do
            refused("Internal", "write stdout: full", f())
        end
        eq(print("x"), nil)
        "#,
    );
}

#[test]
fn input_is_read() {
    let mut bench = terminal(&["first", "second", "1234567"]);
    bench.kernel.arguments = vec!["x".into(), "--y".into()];
    bench.passes(
        r#"
        local io = require("io")
        eq(io.readline(), "first") eq(io.read(), "second") eq(io.read(3), "123") eq(io.read(-1), "4567")
        eq(refused("NotFound", "EOF", io.readline()):retryable(), false)
        refused("NotFound", "EOF", io.read())
        eq(table.concat(io.args(), " "), "x --y")
        refused("Unavailable", "not a tty", io.raw())
        fails("bad argument #1 to 'read' (integer expected, got string)", io.read, "x")
        "#,
    );
}

#[test]
fn a_slow_write_that_cannot_wait_wakes_nothing_later() {
    let mut bench = Bench::new();
    bench.kernel.slow_output = true;
    bench.passes(
        r#"
        local time = require("time")
        local noisy = setmetatable({}, {__index = function() print("hi") return 1 end})
        eq(noisy.x, 1)
        local start = time.now()
        time.sleep("1s")
        eq(tostring(time.now() - start), "1s")
        "#,
    );
    assert_eq!(bench.kernel.stdout, "hi\n");
}
