//! Services leave nothing behind: not in Rust and not in the VM.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::sync::Arc;
use std::time::Duration;

use luavisor_core::{Error, Exit, Reason};
use luavisor_runtime::{Flow, Input, NativeContext, Order, ProgramTable, RuntimeBuilder};

use super::support::*;

thread_local! {
    static LIVE: Cell<isize> = const { Cell::new(0) };
}

/// Counts the bytes that this thread holds: a simulation runs on one thread.
struct Counting;

#[allow(unsafe_code)]
// SAFETY: every call is handed on to the system allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let _ = LIVE.try_with(|live| live.set(live.get() + layout.size() as isize));
        // SAFETY: as for the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        let _ = LIVE.try_with(|live| live.set(live.get() - layout.size() as isize));
        // SAFETY: as for the caller.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

fn live() -> isize {
    LIVE.with(Cell::get)
}

#[test]
fn a_hundred_thousand_restarts_keep_memory_flat() {
    let fails = || {
        Acting(|_: &mut NativeContext<'_>, input| match input {
            Input::Start => Flow::Finish(Exit::failure(Reason::Error, Error::internal("x"))),
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
    let before = live();
    simulation.run_for(100_000 * MS);
    let grown = live() - before;
    assert!(services.state("a").unwrap().lives > 100_000);
    assert!(grown.abs() < 1024, "grew by {grown} bytes");
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
