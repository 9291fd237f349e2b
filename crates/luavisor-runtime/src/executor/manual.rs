//! The manual executor: everything on the calling thread, on virtual time.
//!
//! Time stands still while anything can run; then it jumps to the next timer.
//! The order of shards is first-in first-out, or drawn from a seed. Either way a
//! run is a function of what is done to it (invariant I11).

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, Weak};

use super::RunQueue;
use crate::clock::{Clock, VirtualClock};
use crate::host::Host;
use crate::random::{FastRng, Rng};
use crate::shard::Shard;
use crate::shard::turn::Left;
use crate::sync::lock;

/// In which order runnable shards take their turns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// First come, first served.
    Fair,
    /// Drawn at random from this seed.
    Seeded(u64),
}

#[derive(Default)]
struct State {
    ready: VecDeque<Arc<Shard>>,
    /// by instant, host and shard
    alarms: BTreeMap<(u64, u32, u16), Arc<Shard>>,
    rng: Option<FastRng>,
}

/// One queue for all hosts.
pub(crate) struct ManualQueue {
    state: Mutex<State>,
    clock: Arc<VirtualClock>,
}

impl ManualQueue {
    pub fn new(order: Order, clock: Arc<VirtualClock>) -> Arc<ManualQueue> {
        let rng = match order {
            Order::Fair => None,
            Order::Seeded(seed) => Some(FastRng::seeded(seed)),
        };
        let state = State { rng, ..State::default() };
        Arc::new(ManualQueue { state: Mutex::new(state), clock })
    }

    fn next(&self) -> Option<Arc<Shard>> {
        let mut state = lock(&self.state);
        let State { ready, rng, .. } = &mut *state;
        match rng {
            Some(rng) if ready.len() > 1 => {
                let index = rng.below(ready.len() as u64) as usize;
                ready.swap_remove_back(index)
            }
            _ => ready.pop_front(),
        }
    }

    fn fire_due(&self) {
        let now = self.clock.monotonic();
        loop {
            let shard = {
                let mut state = lock(&self.state);
                match state.alarms.first_entry() {
                    Some(entry) if entry.key().0 <= now => entry.remove(),
                    _ => return,
                }
            };
            shard.notify();
        }
    }
}

impl RunQueue for ManualQueue {
    fn attach(&self, _: Weak<Host>) {}

    fn start(&self) {}

    fn close(&self) {
        let mut state = lock(&self.state);
        let (ready, alarms) = (std::mem::take(&mut state.ready), std::mem::take(&mut state.alarms));
        drop(state);
        drop((ready, alarms));
    }

    fn push(&self, shard: Arc<Shard>) {
        lock(&self.state).ready.push_back(shard);
    }

    fn set_alarm(
        &self,
        shard: &Arc<Shard>,
        old: Option<u64>,
        new: Option<u64>,
        _: u64,
    ) -> Option<u64> {
        let mut state = lock(&self.state);
        if let Some(old) = old {
            state.alarms.remove(&(old, shard.host.0, shard.number));
        }
        if let Some(new) = new {
            state.alarms.insert((new, shard.host.0, shard.number), shard.clone());
        }
        new
    }

    fn begin_yielding(&self, _: &Arc<Shard>) -> bool {
        false
    }

    fn end_yielding(&self, _: &Arc<Shard>) -> bool {
        false
    }

    fn pulse(&self) -> u64 {
        0
    }
}

/// Drives a runtime that was built with
/// [`RuntimeBuilder::manual`](crate::RuntimeBuilder::manual).
#[derive(Clone)]
pub struct Simulation {
    pub(crate) queue: Arc<ManualQueue>,
}

impl Simulation {
    /// Virtual time in nanoseconds since the start.
    pub fn now(&self) -> u64 {
        self.queue.clock.monotonic()
    }

    /// One turn of one shard. False: nothing can run at this instant.
    pub fn step(&self) -> bool {
        self.queue.fire_due();
        let Some(shard) = self.queue.next() else { return false };
        shard.wake.begin();
        let more = shard.turn() != Left::Nothing;
        if shard.wake.end(more) {
            self.queue.push(shard);
        }
        true
    }

    /// Runs until nothing can run without time passing.
    pub fn settle(&self) {
        while self.step() {}
    }

    /// Lets time pass until then. Nothing may be left to happen before.
    pub fn advance_to(&self, at: u64) {
        self.queue.clock.advance_to(at);
    }

    /// Runs, and lets time jump from timer to timer, until nothing is left to do.
    pub fn run(&self) {
        loop {
            self.settle();
            let Some(at) = self.next_alarm() else { return };
            self.queue.clock.advance_to(at);
        }
    }

    /// Runs for `nanoseconds` of virtual time.
    pub fn run_for(&self, nanoseconds: u64) {
        let end = self.now().saturating_add(nanoseconds);
        loop {
            // In a simulation computing takes time too: what never ends does not hang.
            while self.now() < end && self.step() {}
            if self.now() >= end {
                return self.settle_until(end);
            }
            match self.next_alarm().filter(|at| *at <= end) {
                Some(at) => self.queue.clock.advance_to(at),
                None => return self.queue.clock.advance_to(end),
            }
        }
    }

    /// Runs what can run at this instant, as long as it lasts.
    fn settle_until(&self, end: u64) {
        while self.now() <= end && self.step() {}
    }

    /// Puts the wall clock forward by so many seconds, or back.
    pub fn jump_wall_clock(&self, seconds: i64) {
        self.queue.clock.jump(seconds);
    }

    /// When the next timer fires.
    pub fn next_alarm(&self) -> Option<u64> {
        lock(&self.queue.state).alarms.first_key_value().map(|(key, _)| key.0)
    }
}
