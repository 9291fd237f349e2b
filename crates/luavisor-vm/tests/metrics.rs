//! `metrics` (MODULES 22): what is measured. How it is shown is tested in the runtime.

mod support;

use support::Bench;

#[test]
fn measurements_are_taken() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local metrics = require("metrics")
        eq(metrics.counter_inc("a"), true)
        eq(metrics.counter_add("a", 2.5, { to = "b", [1] = "x", n = 5 }), true)
        eq(metrics.gauge_set("g", -1), true)
        eq(metrics.gauge_inc("g"), true)
        eq(metrics.gauge_dec("g", { x = "y" }), true)
        eq(metrics.histogram("h", 0.5), true)
        local err = refused("Invalid", "metric name is required", metrics.counter_inc(""))
        eq(err:retryable(), false)
        refused("Invalid", "counter cannot decrease", metrics.counter_add("a", -1))
        refused("Invalid", "counter cannot decrease", metrics.counter_add("a", 0/0))
        fails("bad argument #1 to 'counter_inc' (string expected, got no value)", metrics.counter_inc)
        fails("bad argument #2 to 'gauge_set' (number expected, got string)", metrics.gauge_set, "g", "x")
        "#,
    );
    assert_eq!(
        bench.kernel.measured,
        [
            "a() Count(1.0)",
            "a(to=b) Count(2.5)",
            "g() Set(-1.0)",
            "g() Change(1.0)",
            "g(x=y) Change(-1.0)",
            "h() Observe(0.5)",
        ]
    );
}
