//! What every thread may know about the processes of a shard without a lock.
//!
//! Contract:
//! - [`Slots::begin`] and [`Slots::end`] are called by the shard alone;
//!   everything else by any thread.
//! - A generation lives from `begin` to `end`, and no generation is used twice.
//! - **The first cause wins:** [`Slots::claim_kill`] and [`Slots::claim_return`]
//!   exclude each other. Whoever gets `true` decides how the process ends; a
//!   kill that was claimed is followed by the kill signal, always.

use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering};

use crate::kernel::Slot;

/// A word per slot: `generation << 2 | state`.
const FREE: u64 = 0;
const ALIVE: u64 = 1;
const KILLED: u64 = 2;
const RETURNED: u64 = 3;

/// The shared table of one shard.
#[derive(Debug)]
pub struct Slots {
    slots: Box<[Shared]>,
}

#[derive(Debug, Default)]
struct Shared {
    life: AtomicU64,
    unread: AtomicU32,
    unread_limit: AtomicU32,
    unread_bytes: AtomicUsize,
    unread_bytes_limit: AtomicUsize,
}

impl Slots {
    /// A table of `capacity` free slots.
    pub fn new(capacity: usize) -> Slots {
        Slots { slots: (0..capacity).map(|_| Shared::default()).collect() }
    }

    /// How many processes fit.
    pub fn capacity(&self) -> usize {
        self.slots.len()
    }

    /// A process begins here. Resets the mailbox meter.
    pub fn begin(&self, slot: Slot, generation: u64, mailbox: u32, mailbox_bytes: usize) {
        let shared = &self.slots[slot as usize];
        shared.unread.store(0, Ordering::Relaxed);
        shared.unread_limit.store(mailbox, Ordering::Relaxed);
        shared.unread_bytes.store(0, Ordering::Relaxed);
        shared.unread_bytes_limit.store(mailbox_bytes, Ordering::Relaxed);
        shared.life.store(generation << 2 | ALIVE, Ordering::Release);
    }

    /// The process is gone: from now on it is found dead.
    pub fn end(&self, slot: Slot) {
        self.slots[slot as usize].life.store(FREE, Ordering::Release);
    }

    /// Whether this process can still be sent to.
    pub fn alive(&self, slot: Slot, generation: u64) -> bool {
        let Some(shared) = self.slots.get(slot as usize) else { return false };
        let life = shared.life.load(Ordering::Acquire);
        life >> 2 == generation && matches!(life & 3, ALIVE | KILLED)
    }

    /// Claims the right to end the process. `None`: it is dead or about to
    /// return; `Some(false)`: another kill came first; `Some(true)`: the caller
    /// must now deliver the kill.
    pub fn claim_kill(&self, slot: Slot, generation: u64) -> Option<bool> {
        let life = &self.slots.get(slot as usize)?.life;
        let alive = generation << 2 | ALIVE;
        let killed = generation << 2 | KILLED;
        match life.compare_exchange(alive, killed, Ordering::AcqRel, Ordering::Acquire) {
            Ok(_) => Some(true),
            Err(found) if found == killed => Some(false),
            Err(_) => None,
        }
    }

    /// The process wants to end by itself. `false`: a kill was claimed first and decides.
    pub fn claim_return(&self, slot: Slot, generation: u64) -> bool {
        let alive = generation << 2 | ALIVE;
        let returned = generation << 2 | RETURNED;
        let life = &self.slots[slot as usize].life;
        life.compare_exchange(alive, returned, Ordering::AcqRel, Ordering::Acquire).is_ok()
    }

    /// Whether a kill was claimed and not yet carried out.
    pub fn kill_claimed(&self, slot: Slot) -> bool {
        self.slots[slot as usize].life.load(Ordering::Acquire) & 3 == KILLED
    }

    /// Reserves room in the mailbox for one message of `bytes`; `false` means `mailbox full`.
    pub fn reserve(&self, slot: Slot, bytes: u32) -> bool {
        let bytes_held = bytes as usize;
        let shared = &self.slots[slot as usize];
        let unread = shared.unread.fetch_add(1, Ordering::Relaxed);
        let held = shared.unread_bytes.fetch_add(bytes_held, Ordering::Relaxed);
        let fits = unread < shared.unread_limit.load(Ordering::Relaxed)
            && held.saturating_add(bytes_held) <= shared.unread_bytes_limit.load(Ordering::Relaxed);
        if !fits {
            self.release(slot, bytes);
        }
        fits
    }

    /// Whether an empty mailbox would take a message of `bytes`.
    pub fn admits(&self, slot: Slot, bytes: u32) -> bool {
        bytes as usize <= self.slots[slot as usize].unread_bytes_limit.load(Ordering::Relaxed)
    }

    /// Gives back what [`Slots::reserve`] took: the message was read or dropped.
    pub fn release(&self, slot: Slot, bytes: u32) {
        let shared = &self.slots[slot as usize];
        shared.unread.fetch_sub(1, Ordering::Relaxed);
        shared.unread_bytes.fetch_sub(bytes as usize, Ordering::Relaxed);
    }

    /// Changes how many messages the mailbox may hold; what is in it stays. Returns the
    /// old limit.
    pub fn limit(&self, slot: Slot, mailbox: u32) -> u32 {
        self.slots[slot as usize].unread_limit.swap(mailbox, Ordering::Relaxed)
    }

    /// Unread user messages of the process in this slot.
    pub fn unread(&self, slot: Slot) -> u32 {
        self.slots[slot as usize].unread.load(Ordering::Relaxed)
    }

    /// Their total size in bytes.
    pub fn unread_bytes(&self, slot: Slot) -> usize {
        self.slots[slot as usize].unread_bytes.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_cause_wins() {
        let slots = Slots::new(2);
        slots.begin(0, 5, 10, 1000);
        assert!(slots.alive(0, 5) && !slots.alive(0, 4) && !slots.alive(1, 5));
        assert_eq!(slots.claim_kill(0, 5), Some(true));
        assert_eq!(slots.claim_kill(0, 5), Some(false));
        assert!(!slots.claim_return(0, 5));
        slots.end(0);
        assert_eq!(slots.claim_kill(0, 5), None);
        slots.begin(0, 6, 10, 1000);
        assert!(slots.claim_return(0, 6));
        assert_eq!(slots.claim_kill(0, 6), None);
        assert!(!slots.alive(0, 6));
    }

    #[test]
    fn a_full_mailbox_refuses_and_keeps_its_count() {
        let slots = Slots::new(1);
        slots.begin(0, 1, 2, 100);
        assert!(slots.reserve(0, 40) && !slots.reserve(0, 61) && slots.reserve(0, 60));
        assert!(!slots.reserve(0, 0));
        slots.release(0, 40);
        assert!(slots.reserve(0, 40));
        assert_eq!(slots.unread(0), 2);
    }
}
