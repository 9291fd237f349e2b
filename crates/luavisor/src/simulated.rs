//! An application on virtual time.

use std::cell::Cell;

use luavisor_core::{Error, Pid};
use luavisor_runtime::services::{Services, Shutdown};
use luavisor_runtime::{Captured, Runtime, Simulation};
use luavisor_vm::kernel::SpawnRequest;

use crate::values::IntoValues;

/// A simulated application, made by [`App::simulate`](crate::App::simulate): the same
/// code as a running one, on the calling thread and on virtual time, which moves only
/// when told to. What could happen in one order or another is decided by the seed.
pub struct Simulated {
    pub(crate) runtime: Runtime,
    pub(crate) services: Services,
    pub(crate) simulation: Simulation,
    pub(crate) output: Captured,
    pub(crate) timeout: u64,
    /// turns since the clock came to this time
    pub(crate) turns: Cell<(u64, u32)>,
}

impl Simulated {
    /// Its runtime.
    pub fn runtime(&self) -> &Runtime {
        &self.runtime
    }

    /// Its services.
    pub fn services(&self) -> &Services {
        &self.services
    }

    /// What it has printed.
    pub fn output(&self) -> &Captured {
        &self.output
    }

    /// Nanoseconds of virtual time since the start.
    pub fn now(&self) -> u64 {
        self.simulation.now()
    }

    /// Lets one shard take one turn. False: nothing can happen before time passes.
    pub fn step(&self) -> bool {
        let (now, turns) = (self.now(), self.turns());
        let stepped = self.simulation.step();
        let turns = if self.now() == now { turns + u32::from(stepped) } else { 0 };
        self.turns.set((self.now(), turns));
        stepped
    }

    /// Runs until nothing can happen before time passes; what computes for ever does so
    /// for 10 ms. True: nothing is left to happen at this instant.
    pub fn settle(&self) -> bool {
        let end = self.now().saturating_add(10_000_000);
        while self.now() < end {
            if !self.step() {
                return true;
            }
        }
        false
    }

    /// Runs for `nanoseconds` of virtual time.
    pub fn run_for(&self, nanoseconds: u64) {
        self.simulation.run_for(nanoseconds);
    }

    /// Runs until `done`, which is asked between turns, but no longer than `nanoseconds` of
    /// virtual time. Whether it is done.
    pub fn run_until(&self, nanoseconds: u64, mut done: impl FnMut() -> bool) -> bool {
        let end = self.now().saturating_add(nanoseconds);
        loop {
            if done() {
                return true;
            }
            if self.now() >= end {
                return false;
            }
            if !self.step() {
                let next = self.simulation.next_alarm().unwrap_or(end).max(self.now() + 1);
                self.simulation.run_for(next.min(end).saturating_sub(self.now()));
            }
        }
    }

    /// Runs until the clock has reached this time, or until `stop`, which is asked before
    /// each turn and at the end. Whether it was stopped. However a run is cut into such
    /// parts, it is the same run.
    pub fn run_to(&self, at: u64, mut stop: impl FnMut() -> bool) -> bool {
        while !stop() {
            if self.now() >= at {
                return false;
            }
            if !self.step() {
                self.simulation.advance_to(self.simulation.next_alarm().unwrap_or(at).min(at));
            }
        }
        true
    }

    /// How many turns were taken since the clock moved: with [`Simulated::now`] this is
    /// one moment of a run.
    pub fn turns(&self) -> u32 {
        let (since, turns) = self.turns.get();
        if since == self.now() { turns } else { 0 }
    }

    /// Puts the wall clock forward by so many seconds, or back. Timers do not notice.
    pub fn jump_wall_clock(&self, seconds: i64) {
        self.simulation.jump_wall_clock(seconds);
    }

    /// Starts a process.
    ///
    /// # Errors
    /// As `process.spawn` in Lua.
    pub fn spawn(&self, id: &str, host: &str, arguments: impl IntoValues) -> Result<Pid, Error> {
        let request = SpawnRequest::new(id, host, arguments.into_values(), Default::default());
        self.runtime.spawn(request)
    }

    /// Shuts down as a signal would, in virtual time. `None`: it does not end, not even
    /// in twice the time that it has.
    pub fn shutdown(&self) -> Option<Shutdown> {
        self.shutdown_while(|_| true)
    }

    /// The same, as long as `goes_on`. It is asked before time passes, and told whether
    /// nothing can happen before that.
    pub fn shutdown_while(&self, goes_on: impl Fn(bool) -> bool) -> Option<Shutdown> {
        self.services.shutdown(self.timeout, 0);
        let end = self.now().saturating_add(self.timeout.saturating_mul(2));
        while self.now() < end {
            let quiet = self.settle();
            if !goes_on(quiet) || self.services.finished().is_some() {
                break;
            }
            let next = self.simulation.next_alarm().unwrap_or(end).max(self.now() + 1);
            self.simulation.run_for(next.min(end).saturating_sub(self.now()));
        }
        self.services.finished()
    }

    /// Nanoseconds that the shutdown may take before force is used.
    pub fn shutdown_timeout(&self) -> u64 {
        self.timeout
    }
}

/// The runtime refers to itself through its shards.
impl Drop for Simulated {
    fn drop(&mut self) {
        self.runtime.close();
    }
}
