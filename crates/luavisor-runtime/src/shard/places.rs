//! Which slots of a shard are free.
//!
//! Shared by all threads, because a caller elsewhere gets the pid of its new
//! process at once. Freed slots are reused in the order in which they became
//! free, so a stale pid meets a reused slot as late as possible; generations
//! never repeat, not even on a host that has the name of an earlier one.

use std::collections::{HashSet, VecDeque};
use std::sync::Mutex;

use luavisor_vm::Slot;

use crate::sync::lock;

/// Processes with a memory limit of their own that one VM can tell apart.
const LIMITED: usize = 200;

/// Generations that a host of a name leaves to the next one of that name, as a power of
/// two: a trillion processes in one shard.
pub(crate) const GENERATIONS: u32 = 40;

/// Whether a process has a memory limit of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Memory {
    Shared,
    Limited,
}

#[derive(Debug)]
struct Free {
    /// slots of processes with a memory limit of their own
    limited: HashSet<Slot>,
    returned: VecDeque<Slot>,
    /// slots from here on were never used
    fresh: usize,
    capacity: usize,
    generation: u64,
}

/// See the module.
#[derive(Debug)]
pub(crate) struct Places(Mutex<Free>);

impl Places {
    /// `successor`: how many hosts had the name of this one before.
    pub fn new(capacity: usize, successor: u64) -> Places {
        Places(Mutex::new(Free {
            limited: HashSet::new(),
            returned: VecDeque::new(),
            fresh: 0,
            capacity,
            generation: successor << GENERATIONS,
        }))
    }

    /// A free slot and the generation of the process that will live there.
    pub fn take(&self, memory: Memory) -> Option<(Slot, u64)> {
        let mut free = lock(&self.0);
        if memory == Memory::Limited && free.limited.len() == LIMITED {
            return None;
        }
        let slot = if let Some(slot) = free.returned.pop_front() {
            slot
        } else if free.fresh < free.capacity {
            free.fresh += 1;
            (free.fresh - 1) as Slot
        } else {
            return None;
        };
        if memory == Memory::Limited {
            free.limited.insert(slot);
        }
        free.generation += 1;
        Some((slot, free.generation))
    }

    /// The process in `slot` is gone for good.
    pub fn give_back(&self, slot: Slot) {
        let mut free = lock(&self.0);
        if !free.limited.is_empty() {
            free.limited.remove(&slot);
        }
        free.returned.push_back(slot);
    }
}
