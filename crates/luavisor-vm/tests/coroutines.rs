//! Tasks and plain coroutines (SPEC 6.3, 6.4).

mod support;

use support::{Bench, failure, passes};

#[test]
fn a_task_runs_when_its_maker_gives_way() {
    passes(
        r#"
        local log = {}
        local thread = coroutine.spawn(function(...)
            table.insert(log, table.concat({...}, "+"))
            coroutine.yield()
            table.insert(log, "end")
        end, 1, 2)
        eq(type(thread), "thread") eq(coroutine.status(thread), "suspended")
        table.insert(log, "main")
        eq(coroutine.yield("ignored"), nil)
        table.insert(log, "main")
        coroutine.yield()
        eq(table.concat(log, " "), "main 1+2 main end")
        eq(coroutine.status(thread), "dead")
        fails("bad argument #1 to 'spawn' (function expected, got nil)", coroutine.spawn, nil)
        "#,
    );
}

#[test]
fn an_error_in_a_task_fails_the_process() {
    let error = failure("coroutine.spawn(function() error('boom') end) coroutine.yield()");
    assert_eq!(&*error.message, "app:main:1: boom");
}

#[test]
fn tasks_end_with_main() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        coroutine.spawn(function()
            pcall(channel.new().receive, channel.new())
            print("never")
        end)
        coroutine.yield()
        "#,
    );
    assert_eq!(bench.kernel.stdout, "");
}

#[test]
fn plain_coroutines() {
    passes(
        r#"
        local co = coroutine.create(function(a, b)
            local c = coroutine.yield(a + b)
            local d, e = coroutine.yield(c * 2)
            return d + e, "end"
        end)
        eq(coroutine.status(co), "suspended")
        eq(select(2, coroutine.resume(co, 1, 2)), 3)
        eq(select(2, coroutine.resume(co, 10)), 20)
        local ok, sum, text = coroutine.resume(co, 3, 4)
        eq(ok, true) eq(sum, 7) eq(text, "end") eq(coroutine.status(co), "dead")
        ok, text = coroutine.resume(co)
        eq(ok, false) eq(text, "cannot resume dead coroutine")
        local raises = coroutine.create(function() error("boom") end)
        ok, text = coroutine.resume(raises)
        eq(ok, false) eq(text, "app:main:14: boom") eq(coroutine.status(raises), "dead")
        "#,
    );
}

#[test]
fn wrapped_coroutines_are_iterators() {
    passes(
        r#"
        local sum = 0
        for n in coroutine.wrap(function() for n = 1, 4 do coroutine.yield(n) end end) do sum += n end
        eq(sum, 10)
        local f = coroutine.wrap(function() error("boom", 0) end)
        fails("boom", f)
        fails("cannot resume dead coroutine", f)
        "#,
    );
}

#[test]
fn status_tells_who_runs() {
    passes(
        r#"
        local outer, inner
        outer = coroutine.create(function()
            inner = coroutine.create(function()
                return coroutine.status(outer), coroutine.status(inner)
            end)
            return select(2, coroutine.resume(inner))
        end)
        eq(select(2, coroutine.resume(outer)), "normal")
        eq(coroutine.status(coroutine.running()), "running")
        local ok, text = coroutine.resume(coroutine.running())
        eq(ok, false)
        eq(coroutine.isyieldable(), true)
        local waiting = coroutine.create(function() coroutine.yield() end)
        coroutine.resume(waiting)
        eq(coroutine.close(waiting), true) eq(coroutine.status(waiting), "dead")
        "#,
    );
}

#[test]
fn a_blocking_call_in_a_coroutine_blocks_the_task_around_it() {
    passes(
        r#"
        local time = require("time")
        local ch, log = channel.new(), {}
        local co = coroutine.create(function()
            table.insert(log, "wait")
            local v = ch:receive()
            time.sleep("1s")
            table.insert(log, v)
            coroutine.yield("yielded")
            return "end"
        end)
        coroutine.spawn(function() table.insert(log, "other") ch:send("value") end)
        eq(select(2, coroutine.resume(co)), "yielded")
        eq(select(2, coroutine.resume(co)), "end")
        eq(table.concat(log, " "), "wait other value")
        -- in pcall, iterators and nested coroutines
        local _, v = pcall(function() return (coroutine.wrap(function()
            return (coroutine.wrap(function() return time.after("1s"):receive() end)())
        end)()) end)
        eq(type(v), "userdata")
        for t in function() time.sleep(1) return nil end do error("none") end
        table.sort({3, 1, 2}, function(a, b) time.sleep(1) return a < b end)
        eq(string.gsub("abc", "b", function(c) time.sleep(1) return "<" .. c .. ">" end), "a<b>c")
        "#,
    );
}

#[test]
fn deep_nesting_is_flat() {
    passes(
        r#"
        local time = require("time")
        local function nest(depth)
            if depth == 0 then time.sleep(1) return 0 end
            return 1 + coroutine.wrap(nest)(depth - 1)
        end
        eq(nest(500), 500)
        "#,
    );
}

#[test]
fn tasks_share_a_process_fairly() {
    let mut bench = Bench::preempting(50);
    bench.passes(
        r#"
        local a, b = 0, 0
        coroutine.spawn(function() for n = 1, 1000 do a += 1 end end)
        coroutine.spawn(function() while a < 1000 do b += 1 coroutine.yield() end end)
        while a < 1000 do coroutine.yield() end
        assert(b < 1000)
        "#,
    );
}
