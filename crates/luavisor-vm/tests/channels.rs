//! Channels and select within one process (SPEC 6.1, 6.2, 6.5).

mod support;

use support::{failure, passes};

#[test]
fn a_buffered_channel_keeps_order_and_types() {
    passes(
        r#"
        local ch = channel.new(5)
        eq(type(ch), "userdata") eq(type(ch.send), "function")
        local t = {}
        for _, v in {1, "two", t, true} do eq(ch:send(v), true) end
        ch:send(nil)
        eq(ch:receive(), 1) eq(ch:receive(), "two") eq(ch:receive(), t) eq(ch:receive(), true)
        local v, ok = ch:receive()
        eq(v, nil) eq(ok, true)
        "#,
    );
}

#[test]
fn capacities() {
    passes(
        r#"
        channel.new() channel.new(-3) channel.new(2)
        fails("bad argument #1 to 'new' (integer expected, got number)", channel.new, 1.5)
        fails("bad argument #1 to 'new' (integer expected, got string)", channel.new, "1")
        fails("bad argument #1 to 'new' (integer expected, got number)", channel.new, 0/0)
        local ch = channel.new()
        for _, name in {"send", "receive", "close", "case_receive", "case_send"} do
            fails(`bad argument #1 to '{name}' (channel expected, got table)`, ch[name], {})
        end
        fails("'len' is not a method of channel", function() ch:len() end)
        eq(ch.len, nil)
        "#,
    );
}

#[test]
fn an_unbuffered_send_waits_for_its_receiver() {
    passes(
        r#"
        local ch, log = channel.new(), {}
        coroutine.spawn(function()
            for n = 1, 2 do ch:send(n) table.insert(log, "sent " .. n) end
        end)
        coroutine.yield()
        eq(#log, 0)
        eq(ch:receive(), 1) eq(ch:receive(), 2)
        coroutine.yield()
        eq(table.concat(log, ","), "sent 1,sent 2")
        "#,
    );
}

#[test]
fn waiters_are_served_in_order() {
    passes(
        r#"
        local ch, got = channel.new(), {}
        for n = 1, 3 do coroutine.spawn(function() got[n] = ch:receive() end) end
        coroutine.yield()
        for n = 1, 3 do ch:send(n * 10) end
        coroutine.yield()
        eq(table.concat(got, ","), "10,20,30")
        local full = channel.new(1)
        for n = 1, 3 do coroutine.spawn(function() full:send(n) end) end
        coroutine.yield()
        eq(full:receive(), 1) eq(full:receive(), 2) eq(full:receive(), 3)
        "#,
    );
}

#[test]
fn a_closed_channel() {
    passes(
        r#"
        local ch = channel.new(2)
        ch:send("left")
        eq(ch:close(), nil) ch:close()
        local v, ok = ch:receive()
        eq(v, "left") eq(ok, true)
        for _ = 1, 2 do v, ok = ch:receive() eq(v, nil) eq(ok, false) end
        fails("send on closed channel", ch.send, ch, 1)
        -- blocked receivers get nil, false
        local waiting, got = channel.new(), nil
        coroutine.spawn(function() got = {waiting:receive()} end)
        coroutine.yield() waiting:close() coroutine.yield()
        eq(got[1], nil) eq(got[2], false)
        "#,
    );
}

/// Scenario 31.
#[test]
fn a_sender_that_is_blocked_at_the_close_raises() {
    passes(
        r#"
        local ch, got = channel.new(), nil
        coroutine.spawn(function() got = {pcall(ch.send, ch, 1)} end)
        local chosen
        coroutine.spawn(function() chosen = {pcall(channel.select, {ch:case_send(2)})} end)
        coroutine.yield() ch:close() coroutine.yield()
        eq(got[1], false) eq(tostring(got[2]), "send on closed channel")
        eq(chosen[1], false) eq(tostring(chosen[2]), "send on closed channel")
        "#,
    );
}

#[test]
fn select_takes_the_first_ready_case_as_written() {
    passes(
        r#"
        local a, b = channel.new(1), channel.new(1)
        a:send("a") b:send("b")
        local r = channel.select{b:case_receive(), a:case_receive()}
        eq(r.channel, b) eq(r.value, "b") eq(r.ok, true) eq(r.default, nil)
        r = channel.select{b:case_receive(), a:case_receive()}
        eq(r.channel, a) eq(r.value, "a")
        r = channel.select{a:case_send("x"), b:case_send("y")}
        eq(r.channel, a) eq(r.value, "x") eq(r.ok, true)
        r = channel.select{a:case_send("x"), b:case_send("y")}
        eq(r.channel, b) eq(r.value, "y")
        eq(a:receive(), "x") eq(b:receive(), "y")
        -- cases are reusable, also in both roles
        local case = a:case_receive()
        for n = 1, 3 do a:send(n) eq(channel.select{case}.value, n) end
        "#,
    );
}

/// Scenario 29.
#[test]
fn events_and_inbox_by_priority() {
    passes(
        r#"
        local own, inbox = process.pid(), process.inbox()
        local listened = process.listen("first")
        process.send(own, "first", 1) process.send(own, "other", 2)
        process.send(own, "first", 3) process.send(own, "other", 4)
        eq(channel.select{listened:case_receive(), inbox:case_receive()}.value, 1)
        eq(channel.select{inbox:case_receive(), listened:case_receive()}.value:payload():data(), 2)
        eq(channel.select{listened:case_receive(), inbox:case_receive()}.channel, listened)
        eq(channel.select{listened:case_receive(), inbox:case_receive()}.channel, inbox)
        "#,
    );
}

#[test]
fn select_waits_and_executes_one_case() {
    passes(
        r#"
        local a, b, c = channel.new(), channel.new(), channel.new()
        local r
        coroutine.spawn(function()
            r = channel.select{a:case_receive(), b:case_receive(), c:case_send("out")}
        end)
        coroutine.yield()
        eq(b:send("v"), true)
        coroutine.yield()
        eq(r.channel, b) eq(r.value, "v")
        -- nobody waits on the other channels any more
        eq(channel.select({a:case_send(1), c:case_receive()}, true).default, true)
        coroutine.spawn(function() r = channel.select{a:case_receive(), c:case_send("out")} end)
        coroutine.yield()
        eq(c:receive(), "out")
        coroutine.yield()
        eq(r.channel, c) eq(r.value, "out") eq(r.ok, true)
        "#,
    );
}

#[test]
fn select_with_default() {
    passes(
        r#"
        local ch, closed = channel.new(), channel.new()
        for _, r in {
            channel.select{ch:case_receive(), default = true}, channel.select({ch:case_receive()}, true),
            channel.select{default = true}, channel.select({ch:case_send(1)}, true),
        } do
            eq(r.default, true) eq(r.ok, true) eq(r.channel, nil)
        end
        closed:close()
        local r = channel.select{ch:case_receive(), closed:case_receive(), default = true}
        eq(r.channel, closed) eq(r.value, nil) eq(r.ok, false) eq(r.default, nil)
        -- false waits
        coroutine.spawn(function() ch:send("late") end)
        eq(channel.select{ch:case_receive(), default = false}.value, "late")
        "#,
    );
}

/// Scenario 30.
#[test]
fn a_send_case_on_a_closed_channel_raises() {
    passes(
        r#"
        local ch = channel.new(1)
        ch:close()
        fails("send on closed channel", channel.select, {ch:case_send(1)})
        fails("send on closed channel", channel.select, {ch:case_send(1), default = true})
        "#,
    );
}

#[test]
fn select_refuses_what_is_no_case() {
    passes(
        r#"
        local ch = channel.new(1)
        local case = ch:case_receive()
        local err = fails("invalid case in select at index 2: channel case expected, got string",
            channel.select, {case, "x"})
        eq(err:kind(), "Invalid")
        fails("invalid case in select at index 1: channel case expected, got channel", channel.select, {ch})
        fails('invalid case in select at key "x"', channel.select, {case, x = 1})
        fails("invalid case in select at key 0", channel.select, {[0] = case})
        fails("invalid case in select at key 1.5", channel.select, {[1.5] = case})
        eq(fails("select needs at least one case or default", channel.select, {}):kind(), "Invalid")
        fails("bad argument #1 to 'select' (table expected, got nil)", channel.select, nil)
        -- holes are skipped, keys rise
        ch:send("v")
        eq(channel.select{[7] = case, [3] = channel.new():case_receive()}.value, "v")
        "#,
    );
}

/// Scenario 32.
#[test]
fn a_process_that_waits_for_itself_is_dead() {
    for (body, threads) in [
        ("channel.new():receive()", 1),
        ("channel.new():send(1)", 1),
        (
            "local c = channel.new() coroutine.spawn(function() c:receive() end) channel.select{c:case_receive()}",
            2,
        ),
    ] {
        let error = failure(body);
        let expected = format!(
            "deadlock: all coroutines blocked with no pending operations (threads={threads})"
        );
        assert_eq!((&*error.message, error.kind.as_str()), (&*expected, "Internal"), "{body}");
    }
}

#[test]
fn what_can_be_woken_is_not_dead() {
    for body in [
        "process.inbox():receive()",
        "process.listen('x'):receive()",
        "process.events() channel.new():receive()",
        "local c = channel.new() subscribe('x', c) c:receive()",
        "local t = require('time').ticker('1h') process.unlisten(process.inbox()) t:channel():receive() t:channel():receive()",
    ] {
        let mut bench = support::Bench::new();
        bench.start(body);
        let step = bench.vm.run(0, &mut bench.kernel);
        assert!(matches!(step, luavisor_vm::Step::Blocked), "{body}: {step:?}");
    }
    let closed = "local inbox = process.inbox() inbox:close() channel.new():receive()";
    assert!(failure(closed).message.starts_with("deadlock"));
}

#[test]
fn blocking_inside_a_metamethod_raises() {
    passes(
        r#"
        local ch = channel.new()
        local t = setmetatable({}, {__index = function(_, key)
            if key == "receive" then return ch:receive() end
            if key == "send" then return ch:send(1) end
            return channel.select{ch:case_receive()}
        end})
        for _, key in {"receive", "send", "select"} do
            local err = fails("cannot block inside a metamethod", function() return t[key] end)
            eq(err:kind(), "Invalid")
        end
        "#,
    );
}

#[test]
fn subscriptions_return_the_same_channel_until_closed() {
    passes(
        r#"
        eq(process.inbox(), process.inbox()) eq(process.events(), process.events())
        local a = process.listen("a")
        eq(process.listen("a"), a) assert(process.listen("b") ~= a)
        process.send(process.pid(), "a", 1)
        eq(process.unlisten(a), true)
        refused("NotFound", "channel not found", process.unlisten(a))
        eq(process.inbox():receive():topic(), "a")
        assert(process.listen("a") ~= a)
        local inbox = process.inbox()
        inbox:close()
        assert(process.inbox() ~= inbox) eq(process.inbox(), process.inbox())
        refused("Invalid", "topic cannot be empty", process.listen(""))
        refused("Invalid", "cannot listen to @ topics", process.listen("@x"))
        local own = channel.new(1)
        eq(subscribe("own", own), true)
        refused("AlreadyExists", 'topic "own" already subscribed', subscribe("own", channel.new()))
        process.send(process.pid(), "own", 5)
        eq(own:receive(), 5)
        eq(unsubscribe(own), true)
        "#,
    );
}
