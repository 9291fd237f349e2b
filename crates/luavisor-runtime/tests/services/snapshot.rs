//! What a snapshot says of services and of the processes that stand out.

use luavisor_core::Values;
use luavisor_core::lifecycle::State;

use super::support::*;

#[test]
fn a_snapshot_names_services_and_who_stands_out() {
    let idle = "return function() process.inbox() process.events():receive() end";
    let busy = "return function()
        for _ = 1, 50 do require('time').sleep('1ms') end
        process.events():receive()
    end";
    let specs = vec![service("few", &[]), service("many", &[]), service("busy", &[])];
    let world = world(&[("few", idle), ("many", idle), ("busy", busy)], specs);
    world.run(100);
    let [few, many, busy] = ["few", "many", "busy"].map(|id| world.pid(id));
    for _ in 0..3 {
        world.runtime.send(many, *b"x", Values::one(true)).unwrap();
    }
    world.runtime.send(few, *b"x", Values::one("x".repeat(1000))).unwrap();
    world.run(0);
    let snapshot = world.runtime.snapshot();
    let states: Vec<(&str, State)> =
        snapshot.services.iter().map(|service| (&*service.id, service.lifecycle)).collect();
    let running = [HOST, "busy", "few", "many"].map(|id| (id, State::Running));
    assert_eq!(states, running);
    assert_eq!(snapshot.entries.get("app:many"), Some(&1));
    assert_eq!((snapshot.busiest[0].0, snapshot.busiest[0].2 > 50), (busy, true));
    let longest: Vec<_> =
        snapshot.mailboxes.iter().map(|(pid, _, unread)| (*pid, *unread)).collect();
    assert_eq!(longest, [(many, 3), (few, 1)]);
    let largest: Vec<_> = snapshot.largest.iter().map(|(pid, _, bytes)| (*pid, *bytes)).collect();
    assert_eq!(largest, [(few, 1016), (many, 48)]);
    let heap: usize = snapshot.shards.iter().map(|shard| shard.heap).sum();
    assert!(heap > 100_000, "{heap}");
}
