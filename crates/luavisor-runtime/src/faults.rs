//! Faults of a simulation that take effect later: at a start, a step, a safepoint.
//!
//! Nothing injects one but [`crate::Runtime`]'s methods of the same names, and those
//! do nothing outside of simulations.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use luavisor_core::Pid;
use luavisor_vm::Slots;

use crate::shard::signal::Signal;
use crate::sync::lock;
use crate::world::World;

/// Those that wait for their moment.
#[derive(Default)]
pub(crate) struct Faults(Mutex<State>);

#[derive(Default)]
struct State {
    /// none takes effect now, but for holding
    suspended: bool,
    /// entries whose next start is refused
    starts: BTreeSet<Arc<str>>,
    /// processes that do not run before this time
    held: BTreeMap<Pid, u64>,
    /// processes that fail after so many safepoints
    failing: BTreeMap<Pid, u32>,
    /// processes whose mailboxes are full, with the limit that they had
    full: BTreeMap<Pid, u32>,
    /// those that another one of their kind has replaced
    replaced: Unmet,
}

/// Faults that waited for a moment that never came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Unmet {
    /// errors that were not raised: their processes waited, or ended before
    pub fails: u64,
    /// starts that were not tried
    pub starts: u64,
}

impl Faults {
    pub fn refuse_start(&self, entry: Arc<str>) {
        let mut state = lock(&self.0);
        if !state.starts.insert(entry) {
            state.replaced.starts += 1;
        }
    }

    /// Whether this start is to be refused; the next one is not.
    pub fn refuses_start(&self, entry: &str) -> bool {
        let mut state = lock(&self.0);
        !state.suspended && state.starts.remove(entry)
    }

    pub fn hold(&self, pid: Pid, until: u64) {
        lock(&self.0).held.insert(pid, until);
    }

    /// Until when a process does not run, if it is held.
    pub fn held(&self, pid: Pid, now: u64) -> Option<u64> {
        let mut state = lock(&self.0);
        let until = *state.held.get(&pid)?;
        if until <= now {
            state.held.remove(&pid);
            return None;
        }
        Some(until)
    }

    /// The processes that are held.
    pub fn all_held(&self, now: u64) -> Vec<Pid> {
        let state = lock(&self.0);
        let held = state.held.iter().filter(|(_, until)| **until > now);
        held.map(|(pid, _)| *pid).collect()
    }

    pub fn fail(&self, pid: Pid, safepoints: u32) {
        let mut state = lock(&self.0);
        if state.failing.insert(pid, safepoints.max(1)).is_some() {
            state.replaced.fails += 1;
        }
    }

    /// After how many safepoints a process fails, if it is to; forgets it.
    pub fn failing(&self, pid: Pid) -> Option<u32> {
        let mut state = lock(&self.0);
        if state.suspended { None } else { state.failing.remove(&pid) }
    }

    /// A mailbox takes nothing more.
    pub fn fill(&self, pid: Pid, slots: &Slots) {
        let mut state = lock(&self.0);
        state.full.entry(pid).or_insert_with(|| slots.limit(pid.slot(), 0));
    }

    /// A process took a message: one that has none left has room again.
    pub fn taken(&self, pid: Pid, slots: &Slots) {
        let mut state = lock(&self.0);
        if !state.suspended
            && slots.unread(pid.slot()) == 0
            && let Some(limit) = state.full.remove(&pid)
        {
            slots.limit(pid.slot(), limit);
        }
    }

    /// From now on none takes effect, or they do again.
    pub fn suspend(&self, world: &World, suspend: bool) {
        let mut state = lock(&self.0);
        if std::mem::replace(&mut state.suspended, suspend) == suspend {
            return;
        }
        for (pid, limit) in &mut state.full {
            if let Some(shard) = world.shard(*pid).filter(|shard| shard.alive(*pid)) {
                *limit = shard.slots.limit(pid.slot(), if suspend { *limit } else { 0 });
            }
        }
    }

    /// Takes all of them back, and says which were still to come.
    pub fn end(&self, world: &World) -> Unmet {
        let State { held, full, failing, starts, replaced, .. } =
            std::mem::take(&mut *lock(&self.0));
        let shard = |pid| world.shard(pid).filter(|shard| shard.alive(pid));
        for (pid, limit) in full {
            shard(pid).map(|shard| shard.slots.limit(pid.slot(), limit));
        }
        for pid in held.into_keys() {
            // Their alarms are for later.
            shard(pid).inspect(|shard| shard.post(Signal::LetGo { to: pid }));
        }
        Unmet {
            fails: replaced.fails + failing.len() as u64,
            starts: replaced.starts + starts.len() as u64,
        }
    }
}
