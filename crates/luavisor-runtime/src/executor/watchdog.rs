//! The watchdog of a host: sees to it that nobody keeps a worker for himself.
//!
//! Every tick (half a slice, so that nobody runs longer than one) it looks which
//! step each shard is running. A step that was there at the last tick already has
//! used up its slice:
//!
//! 1. its VM is interrupted, so that it gives way at the next safepoint;
//! 2. when it goes on for [`STUCK`] all the same while shards wait, a spare
//!    worker starts;
//! 3. when it goes on for `host.unpreemptible`, the process is killed.
//!
//! It also ends turns (through the pulse), wakes a worker for shards that have
//! waited for a tick, and looks after alarms while all workers are busy. It
//! sleeps when everything has been idle for a while.

use std::sync::Arc;
use std::sync::MutexGuard;
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::Duration;

use luavisor_core::{Error, Exit, Kind, Reason};

use super::threads::{Pool, PoolState};
use crate::shard::Shard;
use crate::shard::signal::Signal;
use crate::sync::lock;

/// How long a step may ignore its interrupt before a spare worker starts, in nanoseconds.
const STUCK: u64 = 100_000_000;
/// Idle ticks before the watchdog sleeps: waking it costs more than a few ticks.
const IDLE_TICKS: u32 = 40;

/// A step that was running at the last tick.
#[derive(Clone, Copy)]
struct Seen {
    step: u64,
    since: u64,
    spared: bool,
}

/// Runs until the pool is closed and its workers have ended: a step that does not
/// give way would keep them from it.
pub(crate) fn watch(pool: &Pool) {
    let mut seen: Vec<Option<Seen>> = Vec::new();
    let mut idle_ticks = 0;
    let mut state = lock(&pool.state);
    while !state.closed || state.workers > 0 {
        let busy = state.workers > state.sleeping || !state.ready.is_empty();
        idle_ticks = if busy { 0 } else { idle_ticks + 1 };
        if idle_ticks > IDLE_TICKS && !state.closed {
            state.watchdog_asleep = true;
            let woken = pool.watchdog_wake.wait(state);
            state = woken.unwrap_or_else(PoisonError::into_inner);
            state.watchdog_asleep = false;
            idle_ticks = 0;
        }
        state = wait_for_tick(pool, state);
        pool.pulse.fetch_add(1, Ordering::Relaxed);
        if !state.ready.is_empty() {
            pool.wake_one(&state);
        }
        let waiting = !state.ready.is_empty();
        drop(state);
        inspect(pool, &mut seen, waiting);
        state = lock(&pool.state);
    }
}

/// Waits for half a slice, firing alarms on the way.
fn wait_for_tick<'a>(
    pool: &'a Pool,
    mut state: MutexGuard<'a, PoolState>,
) -> MutexGuard<'a, PoolState> {
    let mut now = pool.clock.monotonic();
    let end = now + pool.slice / 2;
    while now < end {
        let first = state.alarms.first_key_value().map_or(end, |(key, _)| key.0);
        if first <= now {
            if pool.fire_due(&mut state, now) {
                pool.wake_one(&state);
            }
            continue;
        }
        let timeout = Duration::from_nanos(first.min(end) - now);
        let waited = pool.watchdog_wake.wait_timeout(state, timeout);
        state = waited.unwrap_or_else(PoisonError::into_inner).0;
        now = pool.clock.monotonic();
        if state.closed && state.workers == 0 {
            break;
        }
    }
    state
}

fn inspect(pool: &Pool, seen: &mut Vec<Option<Seen>>, waiting: bool) {
    let Some(host) = pool.host() else { return };
    seen.resize(host.shard_count(), None);
    let now = pool.clock.monotonic();
    for (shard, seen) in host.shards().zip(seen.iter_mut()) {
        let Some(step) = shard.current.running() else {
            *seen = None;
            continue;
        };
        match seen {
            Some(seen) if seen.step == step => overrun(pool, shard, seen, now, waiting),
            _ => *seen = Some(Seen { step, since: now, spared: false }),
        }
    }
}

fn overrun(pool: &Pool, shard: &Arc<Shard>, seen: &mut Seen, now: u64, waiting: bool) {
    shard.interrupt();
    let lasted = now.saturating_sub(seen.since);
    if lasted >= STUCK && waiting && !seen.spared {
        seen.spared = true;
        pool.start_spare();
    }
    if lasted < pool.unpreemptible {
        return;
    }
    let Some((slot, generation)) = shard.current.process(seen.step) else { return };
    if shard.slots.claim_kill(slot, generation) == Some(true) {
        let text = format!("ran {} where it cannot be preempted", length(pool.unpreemptible));
        let error = Error::new(Kind::LIMIT_EXCEEDED, text);
        let exit = Arc::new(Exit::failure(Reason::Error, error));
        shard.post(Signal::Kill { to: shard.pid(slot, generation), exit });
        shard.interrupt();
    }
}

/// `1s`, `250ms`: as people write it in the host entry.
fn length(nanoseconds: u64) -> String {
    match nanoseconds {
        n if n % 1_000_000_000 == 0 => format!("{}s", n / 1_000_000_000),
        n if n % 1_000_000 == 0 => format!("{}ms", n / 1_000_000),
        n => format!("{n}ns"),
    }
}
