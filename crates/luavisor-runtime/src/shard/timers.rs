//! The timers of a shard.
//!
//! Removal is eager: a stopped timer leaves nothing behind, so a process that
//! races a reply against a timeout a million times holds one entry at most.

use std::collections::BTreeMap;

use luavisor_vm::{Slot, TimerId, Token};

/// Nanoseconds after which an empty shard gives its memory back.
pub(crate) const REST: u64 = 5_000_000_000;

/// What happens when a timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Alarm {
    /// The process gets its token.
    Process(Token),
    /// Its cancel deadline passed.
    Deadline,
    /// Its call with this token timed out.
    Call(Token),
    /// In a simulation: the process was held, and may run again.
    Held,
    /// The shard, empty since, may give its memory back.
    Rest,
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Timers {
    queue: BTreeMap<TimerId, (Slot, Alarm)>,
    sequence: u64,
}

impl Timers {
    /// Starts a timer that fires at `at`.
    pub fn set(&mut self, at: u64, slot: Slot, alarm: Alarm) -> TimerId {
        self.sequence += 1;
        let id = TimerId { at, sequence: self.sequence };
        self.queue.insert(id, (slot, alarm));
        id
    }

    /// Forgets a timer.
    pub fn clear(&mut self, id: TimerId) {
        self.queue.remove(&id);
    }

    /// When the next one fires.
    pub fn next(&self) -> Option<u64> {
        self.queue.first_key_value().map(|(id, _)| id.at)
    }

    /// Takes one that is due.
    pub fn due(&mut self, now: u64) -> Option<(TimerId, Slot, Alarm)> {
        let entry = self.queue.first_entry().filter(|entry| entry.key().at <= now)?;
        let (id, (slot, alarm)) = entry.remove_entry();
        Some((id, slot, alarm))
    }

    /// How many are running.
    pub fn len(&self) -> usize {
        self.queue.len()
    }
}
