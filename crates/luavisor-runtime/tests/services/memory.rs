//! Services leave nothing behind: not in Rust and not in the VM.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor_core::{Error, Exit, Reason};
use luavisor_runtime::{Flow, Input, NativeContext, Order, ProgramTable, Runtime, RuntimeBuilder};

use super::support::*;

/// What a runtime holds, as numbers: processes, running timers and bytes of Lua
/// heap per shard. Rejected: counting the bytes of an allocator, which takes
/// `unsafe`.
fn held(runtime: &Runtime) -> Vec<(usize, usize, usize)> {
    let shards = runtime.snapshot().shards;
    shards.iter().map(|shard| (shard.live, shard.timers, shard.heap)).collect()
}

#[test]
fn a_hundred_thousand_restarts_leave_nothing_behind() {
    let pids = Arc::new(Mutex::new((0, BTreeSet::new())));
    let seen = pids.clone();
    let fails = move || {
        let seen = seen.clone();
        Acting(move |context: &mut NativeContext<'_>, input| match input {
            Input::Start => {
                let mut seen = seen.lock().unwrap();
                seen.0 += 1;
                seen.1.insert((context.pid().shard(), context.pid().slot()));
                Flow::Finish(Exit::failure(Reason::Error, Error::internal("x")))
            }
            _ => Flow::Continue,
        })
    };
    let spec = with_rule(native("a", &[], fails), |rule| {
        rule.initial_delay = Duration::from_millis(1);
        rule.backoff_factor = 1.0;
        rule.stable_threshold = Duration::MAX;
    });
    let builder = RuntimeBuilder::new(Arc::new(ProgramTable::default()));
    let (runtime, simulation, _) = builder.manual(Order::Fair, 1000);
    let services = boot(&runtime, vec![spec]);
    simulation.run_for(1000 * MS);
    let before = held(&runtime);
    pids.lock().unwrap().1.clear();
    simulation.run_for(100_000 * MS);
    assert!(services.state("a").unwrap().lives > 100_000);
    assert_eq!(held(&runtime), before);
    let (lives, slots) = &*pids.lock().unwrap();
    assert!(*lives > 100_000);
    assert!(slots.len() < 8, "its lives took {} slots", slots.len());
    runtime.close();
}

#[test]
fn restarts_of_lua_services_keep_memory_flat() {
    let spec = with_rule(service("a", &[]), |rule| {
        rule.initial_delay = Duration::from_millis(1);
        rule.backoff_factor = 1.0;
        rule.stable_threshold = Duration::MAX;
    });
    let world = world(
        &[("a", "return function() process.registry.register('a') error('x', 0) end")],
        vec![spec],
    );
    let heap = || world.runtime.snapshot().shards.iter().map(|shard| shard.heap).sum::<usize>();
    let mut largest = [0; 2];
    for (half, largest) in largest.iter_mut().enumerate() {
        for _ in 0..100 {
            world.run(20);
            world.record.clear();
            *largest = heap().max(*largest);
        }
        assert!(world.services.state("a").unwrap().lives > 1900 * (half as u64 + 1));
    }
    let [first, second] = largest;
    assert!(second < first + first / 4, "{first} bytes, then {second}");
}
