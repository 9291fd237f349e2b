//! Pid texts in Lua: one text per process, whoever shows it, also when its slot
//! is used again.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use lua_support::{world, world_with};
use luavisor_runtime::HostConfig;

const CHILD: (&str, &str) = ("app:child", "return function() end");
const ECHO: (&str, &str) = (
    "app:echo",
    "return function()
        local inbox = process.inbox()
        while true do
            local message = inbox:receive()
            process.send(message:from(), 'echo', message:payload():data())
        end
    end",
);

#[test]
fn an_exit_names_the_process_after_its_slot_is_used_again() {
    let main = "return function()
        local events, seen = process.events(), {}
        for round = 1, 50 do
            local a = process.spawn_monitored('app:child', 'app:processes')
            local b = process.spawn_monitored('app:child', 'app:processes')
            assert(not seen[a] and not seen[b] and a ~= b)
            seen[a], seen[b] = true, true
            local first, second = events:receive().from, events:receive().from
            assert(first == a and second == b or first == b and second == a)
            local ok, err = process.send(a, 'x')
            assert(not ok and err:message() == 'process not found')
        end
        return 'ok'
    end";
    for shard_capacity in [2, 3, 4096] {
        let config = HostConfig { workers: 1, shard_capacity, ..HostConfig::new("app:processes") };
        world_with(&[CHILD, ("app:main", main)], config).main_is_ok();
    }
}

#[test]
fn an_old_exit_does_not_rename_the_living() {
    // The EXIT of a is read when b lives in its slot and was named before.
    let main = "return function()
        local a = process.spawn_monitored('app:child', 'app:processes')
        local inbox = process.inbox()
        process.send(process.pid(), 'later') inbox:receive()
        coroutine.yield()
        local b
        repeat
            b = process.spawn('app:echo', 'app:processes')
            process.send(b, 'hello', 1)
            assert(inbox:receive():from() == b)
        until b:sub(-4) == a:sub(-4) or b > a
        assert(process.events():receive().from == a)
        process.send(b, 'hello', 2)
        local answer = inbox:receive()
        assert(answer:from() == b and answer:payload():data() == 2)
        return 'ok'
    end";
    let config = HostConfig { workers: 1, shard_capacity: 2, ..HostConfig::new("app:processes") };
    world_with(&[CHILD, ECHO, ("app:main", main)], config).main_is_ok();
}

#[test]
fn a_pid_built_as_text_is_the_same() {
    let main = "return function()
        local echo = process.spawn('app:echo', 'app:processes')
        local inbox = process.inbox()
        local spelt = echo:sub(1, 5) .. echo:sub(6)
        local padded = echo:gsub('|', '|ignored|')
        for round, to in { spelt, padded, echo, padded, spelt } do
            assert(process.send(to, 'hello', round))
            local answer = inbox:receive()
            assert(answer:from() == echo and answer:payload():data() == round)
        end
        return 'ok'
    end";
    world(&[ECHO, ("app:main", main)]).main_is_ok();
}
