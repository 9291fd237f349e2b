//! What happened in a run: a number that stands for all of it, and the events.

use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use luavisor::{Observer, Occurrence, Runtime};
use serde_json::Value;

use crate::events::Sink;
use crate::sync::lock;

/// The tape of one run.
pub struct Tape {
    hash: Mutex<Fnv>,
    events: Option<Mutex<Vec<Value>>>,
}

/// FNV-1a with 64 bits (Fowler, Noll, Vo): the same number with every compiler.
struct Fnv(u64);

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Tape {
    pub fn new(keeps: bool) -> Tape {
        let hash = Mutex::new(Fnv(0xcbf2_9ce4_8422_2325));
        Tape { hash, events: keeps.then(Mutex::default) }
    }

    /// Whether the events are wanted.
    pub fn keeps(&self) -> bool {
        self.events.is_some()
    }

    /// The number, and the events if they were wanted.
    pub fn end(&self) -> (u64, Vec<Value>) {
        let events = self.events.as_ref().map(|events| std::mem::take(&mut *lock(events)));
        (lock(&self.hash).0, events.unwrap_or_default())
    }

    /// What tells it of everything that happens: messages, steps and timers too.
    pub fn listener(self: &Arc<Tape>, runtime: &Runtime) -> Listener {
        Listener { tape: self.clone(), runtime: runtime.clone() }
    }
}

impl Sink for Tape {
    fn take(&self, event: Value) {
        if let Some(events) = &self.events {
            lock(events).push(event);
        }
    }
}

/// See [`Tape::listener`].
pub struct Listener {
    tape: Arc<Tape>,
    runtime: Runtime,
}

impl Observer for Listener {
    fn observe(&self, occurrence: &Occurrence) {
        let now = self.runtime.clock().monotonic();
        // Writing to a number cannot fail.
        let _ = writeln!(lock(&self.tape.hash), "{now} {occurrence:?}");
    }
}
