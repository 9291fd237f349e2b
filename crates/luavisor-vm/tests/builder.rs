//! The spawn builder (SPEC 12.3) and `ctx` (MODULES 2).

mod support;

use luavisor_core::{Value, Values};
use support::{Bench, passes, pid, text};

#[test]
fn a_builder_tells_how_to_spawn() {
    let mut bench = Bench::new();
    bench.kernel.spawn_as = Some(pid());
    bench.context.values.insert("inherited".into(), Values::one(1));
    bench.context.values.insert("both".into(), Values::one("old"));
    bench.passes(
        r#"
        local base = process.with_context{both = "new", list = {1, 2}, [5] = "skipped"}
        eq(type(base), "userdata")
        local full = base:with_context{more = true}:with_name("boss")
            :with_message("hello", 1, nil):with_message("bye")
        eq(base:spawn("app:w", "app:h", "a"), process.pid())
        eq(full:spawn_linked_monitored("app:w", "app:h"), process.pid())
        base:spawn_monitored("app:w", "app:h") base:spawn_linked("app:w", "app:h")
        "#,
    );
    let [first, full, monitored, linked] = &bench.kernel.spawned[..] else { panic!() };
    let context = &first.context.values;
    assert_eq!(context.keys().collect::<Vec<_>>(), ["both", "inherited", "list"]);
    assert_eq!(text(&context["both"]), "new");
    assert_eq!(context["list"].tables[0].array, [Value::Number(1.0), Value::Number(2.0)]);
    assert_eq!((&*first.id, &*first.host, text(&first.arguments)), ("app:w", "app:h", "a"));
    assert_eq!(
        (first.monitor, first.link, &first.name, first.messages.len()),
        (false, false, &None, 0)
    );
    assert!(full.context.values.contains_key("more"));
    assert_eq!((full.monitor, full.link, full.name.as_deref()), (true, true, Some("boss")));
    assert_eq!(&*full.messages[0].0, b"hello");
    assert_eq!(full.messages[0].1.items[..], [Value::Number(1.0), Value::Nil]);
    assert_eq!(full.messages[1].1, Values::none());
    assert_eq!((monitored.monitor, monitored.link), (true, false));
    assert_eq!((linked.monitor, linked.link), (false, true));
}

#[test]
fn exec_takes_a_timeout() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local time = require("time")
        eq(process.with_options{timeout = "5s"}:exec("app:w", "app:h"), "executed")
        process.with_options{timeout = 1e9}:exec("app:w", "app:h")
        process.with_options{timeout = time.parse_duration("1m")}:exec("app:w", "app:h")
        process.with_options{timeout = "5s"}:with_options{other = 1}:exec("app:w", "app:h")
        "#,
    );
    let timeouts: Vec<_> = bench.kernel.executed.iter().map(|(_, t)| t.clone()).collect();
    let some = |seconds: u64, text: &str| Some((seconds * 1_000_000_000, text.into()));
    assert_eq!(timeouts, [some(5, "5s"), some(1, "1s"), some(60, "1m0s"), None]);
}

#[test]
fn wrong_use_raises() {
    passes(
        r#"
        local b = process.with_context{}
        fails("bad argument #1 to 'with_context' (table expected, got nil)", process.with_context, nil)
        fails("bad argument #2 to 'with_context' (table expected, got number)", b.with_context, b, 5)
        fails("bad argument #1 to 'with_options' (table expected, got string)", process.with_options, "x")
        fails("context.f: a function cannot be sent", process.with_context, {f = print})
        fails('context["a b"][1]: a channel cannot be sent', process.with_context, {["a b"] = {channel.new()}})
        fails("invalid duration: soon", process.with_options, {timeout = "soon"})
        fails("timeout must be a duration", process.with_options, {timeout = true})
        fails("timeout must not be negative", process.with_options, {timeout = -1})
        fails("actor cannot be nil", b.with_actor, b, nil)
        fails("bad argument #2 to 'with_actor' (Actor expected, got string)", b.with_actor, b, "x")
        fails("scope cannot be nil", b.with_scope, b, nil)
        fails("bad argument #2 to 'with_scope' (Scope expected, got table)", b.with_scope, b, {})
        fails("bad argument #2 to 'with_name' (string expected, got nil)", b.with_name, b, nil)
        fails("name cannot be empty", b.with_name, b, "")
        fails("bad argument #2 to 'with_message' (string expected, got nil)", b.with_message, b, nil)
        fails("cannot send to @ topics", b.with_message, b, "@x")
        fails("payload#2: a function cannot be sent", b.with_message, b, "t", 1, print)
        fails("process builder expected", b.spawn, {})
        "#,
    );
}

#[test]
fn spawns_are_checked_as_plain_ones() {
    passes(
        r#"
        local b = process.with_context{}
        refused("Invalid", "process ID required", b:spawn())
        refused("Invalid", "process ID required", b:exec(""))
        refused("Invalid", "invalid process ID format (namespace:name required)", b:spawn("x", "h"))
        refused("Invalid", "host ID required", b:spawn("a:b"))
        refused("Invalid", "payload: a function cannot be sent", b:spawn("a:b", "h", print))
        refused("NotFound", "factory not found", b:spawn("a:b", "h"))
        "#,
    );
}

#[test]
fn ctx_reads_the_context() {
    let mut bench = Bench::new();
    let list = luavisor_core::Table { array: vec![Value::Number(1.0)], hash: vec![] };
    let list = Values { tables: vec![list], ..Values::one(Value::Table(0)) };
    bench.context.values.insert("list".into(), list);
    bench.context.values.insert("tenant".into(), Values::one("t1"));
    bench.passes(
        r#"
        local ctx = require("ctx")
        eq(ctx.get("tenant"), "t1") eq(ctx.get("list")[1], 1)
        assert(ctx.get("list") ~= ctx.get("list"))
        local all = ctx.all()
        eq(all.tenant, "t1") eq(all.list[1], 1)
        all.tenant = "changed"
        eq(ctx.get("tenant"), "t1")
        eq(refused("NotFound", "key not found: x", ctx.get("x")):retryable(), false)
        eq(refused("Invalid", "empty key", ctx.get("")):retryable(), false)
        fails("bad argument #1 to 'get' (string expected, got no value)", ctx.get)
        "#,
    );
    passes(r#"eq(next(require("ctx").all()), nil)"#);
}
