//! The wake-up protocol of a shard: one byte.
//!
//! ```text
//!            notify: enqueue            begin
//!   IDLE ───────────────────▶ QUEUED ─────────▶ RUNNING ──notify──▶ NOTIFIED
//!    ▲                          ▲                  │                    │
//!    └──────────────────────────┼── end(false) ────┘                    │
//!                               └── end: enqueue again ─────────────────┘
//! ```
//!
//! Contract: who has something for the shard makes it visible **first** (pushes
//! the signal), then calls [`WakeState::notify`]. Then either a turn begins
//! after the push, or `end` of the running turn asks for another one. No wake-up
//! is lost, and the shard is in the run queue at most once. Checked for all
//! interleavings by `tests/wakeup.rs`, which compiles this file with loom's atomics.

use super::atomic::{AtomicU8, Ordering};

const IDLE: u8 = 0;
const QUEUED: u8 = 1;
const RUNNING: u8 = 2;
const NOTIFIED: u8 = 3;

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct WakeState(AtomicU8);

impl WakeState {
    /// Something was made visible to the shard. True: the caller must enqueue it.
    pub fn notify(&self) -> bool {
        let mut seen = self.0.load(Ordering::SeqCst);
        loop {
            let next = match seen {
                IDLE => QUEUED,
                RUNNING => NOTIFIED,
                _ => return false,
            };
            match self.0.compare_exchange_weak(seen, next, Ordering::SeqCst, Ordering::SeqCst) {
                Ok(_) => return next == QUEUED,
                Err(found) => seen = found,
            }
        }
    }

    /// A worker took the shard from the run queue.
    pub fn begin(&self) {
        self.0.store(RUNNING, Ordering::SeqCst);
    }

    /// The turn is over; `more` says that there is work left. True: the caller
    /// must enqueue the shard again.
    pub fn end(&self, more: bool) -> bool {
        let idle = !more
            && self.0.compare_exchange(RUNNING, IDLE, Ordering::SeqCst, Ordering::SeqCst).is_ok();
        if !idle {
            self.0.store(QUEUED, Ordering::SeqCst);
        }
        !idle
    }

    /// Whether something came for the shard since its turn began.
    pub fn is_notified(&self) -> bool {
        self.0.load(Ordering::SeqCst) == NOTIFIED
    }
}
