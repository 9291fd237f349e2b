//! A subscription to the event bus: filled by senders on any thread, emptied by
//! the process that reads it.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use luavisor_core::bus::{Added, Buffer, BusEvent};
use luavisor_core::pattern::{Name, Pattern};

/// See the module.
#[derive(Debug)]
pub struct Subscription {
    /// tells subscriptions of one runtime apart
    pub number: u64,
    /// of the systems that it wants
    pub system: Pattern,
    /// of the kinds that it wants; `None`: all
    pub kind: Option<Pattern>,
    buffer: Mutex<Buffer>,
}

impl PartialEq for Subscription {
    fn eq(&self, other: &Subscription) -> bool {
        self.number == other.number
    }
}

impl Subscription {
    /// One without events.
    pub fn new(number: u64, system: Pattern, kind: Option<Pattern>) -> Subscription {
        Subscription { number, system, kind, buffer: Mutex::default() }
    }

    /// Whether it wants events of this system and kind.
    pub fn wants(&self, system: &Name<'_>, kind: &Name<'_>) -> bool {
        self.system.matches(system) && self.kind.as_ref().is_none_or(|own| own.matches(kind))
    }

    /// Adds an event.
    pub fn add(&self, event: Arc<BusEvent>, now: impl FnOnce() -> u64) -> Added {
        self.buffer().add(event, now)
    }

    /// Events that were dropped and not told of.
    pub fn untold(&self) -> u64 {
        self.buffer().untold()
    }

    pub(crate) fn take(&self) -> Option<Arc<BusEvent>> {
        self.buffer().take()
    }

    pub(crate) fn hear(&self) {
        self.buffer().hear();
    }

    fn buffer(&self) -> MutexGuard<'_, Buffer> {
        // No code of others runs under this lock: it cannot be poisoned.
        self.buffer.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
