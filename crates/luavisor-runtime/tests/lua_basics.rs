//! Lua processes on the manual executor: the first things that must work.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use lua_support::world;
use luavisor_core::{Exit, Values};

fn run(source: &str) -> (Exit, String) {
    let world = world(&[("app:main", source)]);
    let pid = world.spawn("app:main");
    world.simulation.run();
    let exit = world.exit(pid).expect("still alive");
    ((*exit).clone(), world.output.stdout())
}

#[track_caller]
fn returns(source: &str, expected: Values) {
    let (exit, output) = run(source);
    assert_eq!(exit.error.as_ref().map(|e| e.message.to_string()), None, "{output}");
    assert_eq!(exit.value, expected);
}

#[track_caller]
fn fails(source: &str, message: &str) {
    let (exit, _) = run(source);
    assert_eq!(exit.error.map(|e| e.message.to_string()).as_deref(), Some(message));
}

#[test]
fn returns_and_failures() {
    returns("return function() return 42 end", Values::one(42));
    returns("return { main = function() return 'x' end }", Values::one("x"));
    returns("return function() end", Values::none());
    fails("return { other = 1 }", "method \"main\" not found in module");
    fails("return function() error('boom') end", "app:main:1: boom");
    fails("error('early', 0)", "early");
    fails("return function() return nil, 'no' end", "no");
    fails(
        "return function() local x = nil; return x.y end",
        "app:main:1: attempt to index nil with 'y'",
    );
    fails(
        "return function() channel.new():receive() end",
        "deadlock: all coroutines blocked with no pending operations (threads=1)",
    );
    fails("process.send('x', 'y')", "process.send cannot be called at chunk top level");
}

#[test]
fn output_goes_through_print() {
    let (_, output) = run("return function() print('a', 1, nil, true) print() end");
    assert_eq!(output, "a\t1\tnil\ttrue\n\n");
}

#[test]
fn coroutines_are_flat() {
    returns(
        "return function()
            local out = {}
            local gen = coroutine.wrap(function(a) for i = a, 3 do out[#out+1] = coroutine.yield(i) end return 'end' end)
            local s = ''
            for v in function() return gen(1) end do s = s .. tostring(v) if v == 'end' then break end end
            local co = coroutine.create(function() error('inner', 0) end)
            local ok, err = coroutine.resume(co)
            local ok2, err2 = pcall(function() coroutine.wrap(function() error('deep', 0) end)() end)
            return s .. tostring(ok) .. err .. tostring(ok2) .. err2 .. coroutine.status(co)
        end",
        Values::one("123endfalseinnerfalsedeepdead"),
    );
}

#[test]
fn channels_and_tasks() {
    returns(
        "return function()
            local ch, done = channel.new(), channel.new(2)
            coroutine.spawn(function() for i = 1, 3 do ch:send(i) end ch:close() end)
            local sum = 0
            while true do local v, ok = ch:receive() if not ok then break end sum += v end
            done:send('a') done:send('b')
            local r = channel.select{ done:case_receive() }
            local d = channel.select{ ch:case_receive(), default = true }
            return sum .. r.value .. tostring(r.channel == done) .. tostring(d.ok)
        end",
        Values::one("6atruefalse"),
    );
}

#[test]
fn messages_between_processes() {
    let world = world(&[
        (
            "app:echo",
            "return function()
                local inbox = process.inbox()
                while true do
                    local m = inbox:receive()
                    if m:topic() == 'stop' then return 'stopped' end
                    process.send(m:from(), 'echo', m:payload():data())
                end
            end",
        ),
        (
            "app:main",
            "return function()
                local pid, err = process.spawn_monitored('app:echo', 'app:processes')
                assert(pid, err)
                local inbox, events = process.inbox(), process.events()
                process.send(pid, 'x', 7)
                local a = inbox:receive():payload():data()
                process.send(pid, 'x', { n = 1, list = { 1, 2, 3 } })
                local b = inbox:receive():payload():data()
                process.send(pid, 'stop')
                local e = events:receive()
                return a .. ' ' .. #b.list .. ' ' .. e.kind .. ' ' .. e.result.value .. ' ' .. e.reason .. tostring(e.from == pid)
            end",
        ),
    ]);
    let pid = world.spawn("app:main");
    world.simulation.run();
    let exit = world.exit(pid).unwrap();
    assert_eq!(exit.error, None);
    assert_eq!(exit.value, Values::one("7 3 pid.exit stopped normaltrue"));
}

#[test]
fn an_endless_loop_does_not_stop_others() {
    let world = world(&[
        (
            "app:loop",
            "return function() while true do pcall(function() while true do end end) end end",
        ),
        ("app:main", "return function() return 'ran' end"),
    ]);
    let hog = world.spawn("app:loop");
    let pid = world.spawn("app:main");
    for _ in 0..4 {
        world.simulation.step();
    }
    assert_eq!(world.exit(pid).unwrap().value, Values::one("ran"));
    world.runtime.terminate(hog).unwrap();
    world.simulation.run();
    assert_eq!(world.exit(hog).unwrap().reason.as_str(), "terminated");
}

#[test]
fn library_functions_with_callbacks() {
    returns(
        "return function()
            local t = {5, 3, 9, 1, 7, 2, 8, 6, 4, 0, 11, 10}
            table.sort(t, function(a, b) return a > b end)
            local s, n = string.gsub('hello world', '%w+', function(w) return w:upper() end)
            local e = string.gsub('abc', '', function() return '-' end)
            return table.concat(t, ',') .. s .. n .. e
        end",
        Values::one("11,10,9,8,7,6,5,4,3,2,1,0HELLO WORLD2-a-b-c-"),
    );
}

#[test]
fn a_process_that_lost_its_last_timer_is_deadlocked() {
    let deadlock = "deadlock: all coroutines blocked with no pending operations (threads=1)";
    for source in [
        "local a = require('time').after('20ms') channel.new():receive() return a",
        "require('time').after('20ms') channel.new():receive()",
        "local t = require('time').timer('20ms') channel.new():receive() return t",
    ] {
        fails(&format!("return function() {source} end"), deadlock);
    }
}

#[test]
fn an_own_cancel_is_queued_at_once_and_merges() {
    returns(
        "return function()
            local events, me = process.events(), process.pid()
            for _, reason in { 'a', 'b', 'c' } do process.cancel(me, nil, reason) end
            local first = channel.select{ events:case_receive(), default = true }
            require('time').sleep('1ms')
            local second = channel.select{ events:case_receive(), default = true }
            return first.value.reason .. tostring(second.default)
        end",
        Values::one("ctrue"),
    );
}

#[test]
fn small_promises_hold() {
    returns(
        "return function()
            local ok, e = pcall(assert, nil, errors.new{ message = 'kept', kind = 'Conflict' })
            local ghost = '{no:where|0x00001}'
            local _, m = process.monitor(ghost)
            local facts = {
                e:kind(), tostring(math.tointeger('x')), math.tointeger('7'), m:message(),
                tostring(process.unlink(ghost)), select(2, pcall(assert, false, 'plain')),
            }
            return table.concat(facts, ' ')
        end",
        Values::one("Conflict nil 7 process not found true plain"),
    );
}

#[test]
fn one_place_on_a_host_is_free_again_when_its_owner_ended() {
    let mut config = luavisor_runtime::HostConfig::new("app:processes");
    config.max_processes = 2;
    let sources = [
        ("app:none", "return function() end"),
        (
            "app:main",
            "return function()
                for i = 1, 50 do
                    local count = select('#', process.exec('app:none', 'app:processes'))
                    assert(count == 1, count)
                end
                return 'ok'
            end",
        ),
    ];
    lua_support::world_with(&sources, config).main_is_ok();
}

#[test]
fn a_timeout_that_has_passed_is_as_if_its_timer_had_fired() {
    for make in ["time.after('1ms')", "time.timer('1ms'):channel()"] {
        let body = |rest: &str| {
            format!(
                "return function()
                    local time = require('time')
                    local c = {make}
                    {rest}
                end"
            )
        };
        let closed = "time.sleep('20ms') c:close() local v, ok = c:receive()
            return tostring(ok) .. tostring(v ~= nil) .. tostring(select(2, c:receive()))";
        returns(&body(closed), Values::one("truetruefalse"));
        let sent = "time.sleep('20ms') local ok, e = pcall(c.send, c, 1)
            return tostring(ok) .. tostring(e):match('send on closed channel')";
        returns(&body(sent), Values::one("falsesend on closed channel"));
        let selected = "time.sleep('20ms') local ok, e = pcall(channel.select, {c:case_send(5)})
            return tostring(ok) .. tostring(e):match('send on closed channel')";
        returns(&body(selected), Values::one("falsesend on closed channel"));
        let blocked = "process.inbox() c:send(1) local ok, e = pcall(function() c:send(2) end)
            return tostring(ok) .. tostring(e):match('send on closed channel')";
        returns(&body(blocked), Values::one("falsesend on closed channel"));
    }
}

/// What happens in the shard of a running process reaches it when its step is over; what
/// it does meanwhile counts all the same.
#[test]
fn what_a_step_undoes_is_not_heard_of_after_it() {
    let world = world(&[
        ("app:child", "process.inbox():receive()"),
        ("app:failing", "error('on purpose')"),
        (
            "app:main",
            "return function()
                local time, events = require('time'), process.events()
                local function silent()
                    local late = time.after('1s')
                    local got = channel.select{events:case_receive(), late:case_receive()}
                    assert(got.channel == late, 'an event')
                end
                local watched = process.spawn_monitored('app:child', 'app:processes')
                time.sleep('1ms')
                process.terminate(watched)
                process.unmonitor(watched)
                silent()
                process.set_options{trap_links = true}
                local linked = process.spawn_linked('app:child', 'app:processes')
                time.sleep('1ms')
                process.terminate(linked)
                process.unlink(linked)
                silent()
                return 'ok'
            end",
        ),
    ]);
    world.main_is_ok();
}

#[test]
fn a_link_down_that_arrives_while_trap_links_is_switched_off_ends_the_process() {
    let world = world(&[
        ("app:child", "process.inbox():receive()"),
        (
            "app:trapping",
            "return function()
                process.set_options{trap_links = true}
                local linked = process.spawn_linked('app:child', 'app:processes')
                require('time').sleep('1ms')
                process.terminate(linked)
                process.set_options{trap_links = false}
                require('time').sleep('1s')
            end",
        ),
        (
            "app:main",
            "return function()
                local events = process.events()
                process.spawn_monitored('app:trapping', 'app:processes')
                assert(events:receive().reason == 'linked', 'not by its link')
                return 'ok'
            end",
        ),
    ]);
    world.main_is_ok();
}
