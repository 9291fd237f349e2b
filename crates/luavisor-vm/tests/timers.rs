//! Sleeping, timers and tickers (SPEC 7).

mod support;

use luavisor_vm::kernel::Room;
use support::{Bench, failure, passes, program};

#[test]
fn sleep_blocks_the_calling_task_only() {
    passes(
        r#"
        local time = require("time")
        local order = {}
        coroutine.spawn(function() time.sleep("20ms") table.insert(order, "b") end)
        coroutine.spawn(function() time.sleep(1e7) table.insert(order, "a") end)
        local start = time.now()
        eq(time.sleep(time.parse_duration("30ms")), nil)
        eq(tostring(time.now() - start), "30ms")
        eq(table.concat(order), "ab")
        time.sleep(0) time.sleep("-1s") time.sleep(-5)
        eq(tostring(time.now() - start), "30ms")
        "#,
    );
}

#[test]
fn sleep_raises_for_every_bad_argument() {
    passes(
        r#"
        local time = require("time")
        local err = fails("invalid duration: soon", time.sleep, "soon")
        eq(err:kind(), "Invalid") eq(err:retryable(), false)
        fails("bad argument #1 to 'sleep' (duration expected, got no value)", time.sleep)
        fails("bad argument #1 to 'sleep' (duration expected, got table)", time.sleep, {})
        "#,
    );
}

#[test]
fn nothing_waits_at_the_top_level_of_a_chunk() {
    for call in [r#"sleep("1ms")"#, r#"after("1ms")"#, r#"timer("1ms")"#, r#"ticker("1ms")"#] {
        let mut bench = Bench::new();
        let source = format!(r#"require("time").{call} return function() end"#);
        bench.start_program(program("app:main", &source));
        let error = bench.finish().and_then(|exit| exit.error).expect(call);
        let name = call.split('(').next().unwrap_or_default();
        let message = format!("time.{name} cannot be called at chunk top level");
        assert_eq!((&*error.message, error.kind.as_str()), (&*message, "Invalid"));
    }
}

#[test]
fn after_gives_one_time_and_closes() {
    passes(
        r#"
        local time = require("time")
        local start = time.now()
        local ch = time.after("1s")
        local t, ok = ch:receive()
        eq(tostring(t - start), "1s") eq(ok, true)
        t, ok = ch:receive()
        eq(t, nil) eq(ok, false)
        -- it waits in the buffer for a late receiver
        ch = time.after(5)
        time.sleep("1s")
        eq(ch:receive():unix_nano(), (start + time.parse_duration("1s")):add(5):unix_nano())
        eq(refused("Invalid", "time.after: duration must be > 0", time.after(0)):retryable(), false)
        refused("Invalid", "time.after: duration must be > 0", time.after("-1s"))
        refused("Invalid", "invalid duration: x", time.after("x"))
        fails("bad argument #1 to 'after' (duration expected, got boolean)", time.after, true)
        "#,
    );
}

#[test]
fn a_select_takes_what_comes_first() {
    passes(
        r#"
        local time = require("time")
        local slow, fast = time.after("2s"), time.after("1s")
        local result = channel.select{slow:case_receive(), fast:case_receive()}
        eq(result.channel, fast) eq(result.ok, true) eq(type(result.value), "userdata")
        "#,
    );
}

#[test]
fn a_timer_fires_once() {
    passes(
        r#"
        local time = require("time")
        local start = time.now()
        local timer = time.timer("1s")
        eq(type(timer), "userdata") eq(timer:channel(), timer:response()) eq(timer:channel(), timer:channel())
        local t, ok = timer:channel():receive()
        eq(tostring(t - start), "1s") eq(ok, true)
        eq(select(2, timer:channel():receive()), false)
        eq(timer:stop(), false) eq(timer:reset("1s"), false)
        -- 0 and less fire at once
        eq(time.timer(0):channel():receive() - start, time.parse_duration("1s"))
        refused("Invalid", "invalid duration: x", time.timer("x"))
        fails("(duration expected, got nil)", time.timer, nil)
        fails("bad argument #1 to 'stop' (Timer expected, got no value)", timer.stop)
        "#,
    );
}

#[test]
fn a_stopped_timer_is_closed() {
    passes(
        r#"
        local time = require("time")
        local timer = time.timer("1s")
        local got
        coroutine.spawn(function() got = {timer:channel():receive()} end)
        coroutine.yield()
        eq(timer:stop(), true) eq(timer:stop(), false)
        time.sleep("2s")
        eq(got[1], nil) eq(got[2], false)
        eq(timer:reset("1s"), false)
        "#,
    );
}

#[test]
fn a_timer_is_reset_while_it_runs() {
    passes(
        r#"
        local time = require("time")
        local start = time.now()
        local timer = time.timer("1s")
        eq(timer:reset("3s"), true)
        eq(tostring(timer:channel():receive() - start), "3s")
        eq(timer:reset("1s"), false)
        timer = time.timer("1h")
        refused("Invalid", "invalid duration: x", timer:reset("x"))
        fails("bad argument #2 to 'reset' (duration expected, got nil)", timer.reset, timer, nil)
        eq(timer:stop(), true)
        "#,
    );
}

#[test]
fn a_ticker_ticks_until_it_is_stopped() {
    passes(
        r#"
        local time = require("time")
        local start = time.now()
        local ticker = time.ticker("10ms")
        eq(ticker:channel(), ticker:response())
        for tick = 1, 3 do
            eq(ticker:channel():receive() - start, time.parse_duration(tick * 1e7))
        end
        -- a slow receiver finds 16 ticks, the oldest first
        time.sleep("1s")
        local first = ticker:channel():receive()
        eq(tostring(first - start), "40ms")
        eq(ticker:stop(), true) eq(ticker:stop(), false)
        local left = 0
        while channel.select({ticker:channel():case_receive()}, true).value do left += 1 end
        eq(left, 15)
        refused("Invalid", "time.ticker: duration must be > 0", time.ticker(0))
        fails("(duration expected, got nil)", time.ticker, nil)
        "#,
    );
}

#[test]
fn a_stopped_ticker_wakes_nobody_any_more() {
    let error = failure(
        r#"
        local time = require("time")
        local ticker = time.ticker("10ms")
        ticker:stop()
        ticker:channel():receive()
        "#,
    );
    assert!(error.message.starts_with("deadlock: "), "{error}");
}

#[test]
fn a_channel_of_a_timer_can_be_closed() {
    passes(
        r#"
        local time = require("time")
        for _, ch in {time.after("1h"), time.timer("1h"):channel(), time.ticker("1h"):channel()} do
            ch:close()
            eq(select(2, ch:receive()), false)
        end
        "#,
    );
}

#[test]
fn timers_end_with_their_process() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local time = require("time")
        keep = {time.after("1h"), time.timer("1h"), time.ticker("1h")}
        coroutine.spawn(function() time.sleep("1h") end)
        coroutine.yield()
        "#,
    );
    assert_eq!(bench.kernel.timers.len(), 0);
}

#[test]
fn abandoned_timers_are_cleared() {
    let mut bench = Bench::new();
    bench.start(
        r#"
        local time = require("time")
        local kept = time.timer("1h")
        for _ = 1, 10 do time.timer("1h") time.ticker("1h") time.after("1h") end
        process.inbox():receive()
        eq(kept:stop(), true)
        "#,
    );
    assert!(matches!(bench.vm.run(0, &mut bench.kernel), luavisor_vm::Step::Blocked));
    bench.vm.collect(&mut bench.kernel);
    assert_eq!(bench.kernel.timers.len(), 1);
    bench.slots.reserve(0, 16);
    let none = luavisor_core::Values::none();
    bench.vm.message(0, support::pid(), (*b"go").into(), none, Room::of(16), &mut bench.kernel);
    assert!(bench.finish().is_some_and(|exit| !exit.failed()));
}

#[test]
fn a_timer_and_its_channel_live_as_long_as_either_is_held() {
    let mut bench = Bench::new();
    bench.start(
        r#"
        local time = require("time")
        local start = time.now()
        local ch = time.timer("1h"):channel()
        local timer, ticker = time.timer("2h"), time.ticker("1h")
        local kept = ticker:channel()
        timer:channel()
        process.inbox():receive()
        eq(ticker:channel(), kept) eq(timer:channel(), timer:channel())
        eq(tostring(ch:receive() - start), "1h0m0s")
        eq(tostring(timer:channel():receive() - start), "2h0m0s")
        eq(select(2, ch:receive()), false) eq(select(2, timer:channel():receive()), false)
        eq(tostring(kept:receive() - start), "1h0m0s") eq(ticker:stop(), true)
        "#,
    );
    assert!(matches!(bench.vm.run(0, &mut bench.kernel), luavisor_vm::Step::Blocked));
    for _ in 0..2 {
        bench.vm.collect(&mut bench.kernel);
    }
    assert_eq!(bench.kernel.timers.len(), 3);
    bench.slots.reserve(0, 16);
    let none = luavisor_core::Values::none();
    bench.vm.message(0, support::pid(), (*b"go").into(), none, Room::of(16), &mut bench.kernel);
    assert_eq!(bench.finish().and_then(|exit| exit.error), None);
}

#[test]
fn a_timer_is_not_sent() {
    passes(
        r#"
        local time = require("time")
        local own = process.pid()
        refused("Invalid", "payload: a timer cannot be sent", process.send(own, "x", time.timer("1s")))
        refused("Invalid", "payload[1]: a ticker cannot be sent", process.send(own, "x", {time.ticker("1s")}))
        refused("Invalid", "payload: a channel cannot be sent", process.send(own, "x", time.after("1s")))
        "#,
    );
}

#[test]
fn abandoned_timers_cost_nothing() {
    let mut bench = Bench::preempting(20_000);
    bench.start(
        r#"
        local time = require("time")
        local inbox, own = process.inbox(), process.pid()
        for n = 1, 100000 do
            process.send(own, "n", n)
            local result = channel.select{inbox:case_receive(), time.after("60s"):case_receive()}
            eq(result.value:payload():data(), n)
            time.timer("60s"):channel()
        end
        "#,
    );
    let exit = bench.finish();
    assert!(exit.is_some_and(|exit| !exit.failed()));
    assert!(bench.kernel.most_timers < 20_000, "{}", bench.kernel.most_timers);
    assert!(bench.vm.heap() < 8 << 20, "{}", bench.vm.heap());
}
