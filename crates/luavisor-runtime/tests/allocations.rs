//! The price of the hot paths in allocations, which unlike time is the same on
//! every machine: what is counted are calls of the allocator, those of Luau's
//! heap included, per operation of a long run. Luau serves small objects from
//! pages of 16 KB, so a Lua object costs a fraction of one.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use lua_support::{World, world_with};
use luavisor_runtime::{HostConfig, ShardSnapshot};

/// Operations of the shorter run.
const FEW: u64 = 5_000;

/// On one worker, whatever the machine has.
fn world(sources: &[(&str, &str)]) -> World {
    world_with(sources, HostConfig { workers: 1, ..HostConfig::new("app:processes") })
}

/// Allocations per repetition of `step`, beside those of `setup`.
fn allocations(setup: &str, step: &str) -> f64 {
    let [few, many] = [FEW, 3 * FEW].map(|n| {
        let main = format!(
            "local time = require('time')
             return function()
                 local inbox, events = process.inbox(), process.events()
                 local host = 'app:processes'
                 {setup}
                 for i = 1, {n} do {step} end
                 return 'ok'
             end"
        );
        let world = world(&[("app:main", &main), ("app:echo", ECHO), ("app:nothing", NOTHING)]);
        allocation_counter::measure(|| world.main_is_ok()).count_total
    });
    (many as f64 - few as f64) / (2 * FEW) as f64
}

const ECHO: &str = "return function()
    local inbox = process.inbox()
    while true do
        local message = inbox:receive()
        process.send(message:from(), 'pong', message:payload():data())
    end
end";

const NOTHING: &str = "return function() end";

#[track_caller]
fn at_most(limit: f64, count: f64) {
    assert!(count <= limit, "{count} allocations, at most {limit} wanted");
}

#[test]
fn a_scalar_message_needs_none() {
    // A round trip: two sends, two receives, two wake-ups.
    let count = allocations(
        "local echo = process.spawn('app:echo', host)",
        "process.send(echo, 'ping', i) inbox:receive():payload():data()",
    );
    at_most(0.05, count);
}

#[test]
fn a_message_with_a_table_needs_those_of_its_tables() {
    // Copied on each of the two ways: two tables, of which small parts come from pages.
    let count = allocations(
        "local echo = process.spawn('app:echo', host)",
        "process.send(echo, 'ping', {n = i, tag = 'x', list = {1, 2, 3}})
         inbox:receive():payload():data()",
    );
    at_most(0.1, count);
}

#[test]
fn a_life_needs_few() {
    let count = allocations("", "process.spawn_monitored('app:nothing', host) events:receive()");
    at_most(5.1, count);
}

#[test]
fn a_select_needs_one_for_its_timeout() {
    let count = allocations(
        "",
        "process.send(process.pid(), 'message', i)
         channel.select{inbox:case_receive(), events:case_receive(), time.after('60s'):case_receive()}",
    );
    at_most(1.1, count);
}

#[test]
fn an_idle_process_is_small() {
    const COUNT: usize = 4_000;
    let main = format!(
        "return function()
             for _ = 1, {COUNT} do process.spawn('app:idle', 'app:processes') end
             return 'ok'
         end"
    );
    let idle = "return function() process.inbox():receive() end";
    let world = world(&[("app:main", &main), ("app:idle", idle)]);
    let held = allocation_counter::measure(|| world.main_is_ok()).bytes_current;
    let heap: usize =
        world.runtime.snapshot().shards.iter().map(|ShardSnapshot { heap, .. }| heap).sum();
    let each = held as usize / COUNT;
    assert!(each < 2_600, "{each} bytes each, of which {} in Lua", heap / COUNT);
}
