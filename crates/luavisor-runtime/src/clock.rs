//! The clock seam: everything the runtime knows about time.
//!
//! [`SystemClock`] reads the machine's clocks. [`VirtualClock`] stands still
//! until it is moved; the manual executor moves it to the next timer, so a test
//! of a ten-minute backoff takes no time and always runs the same way.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::time::{Instant, SystemTime, UNIX_EPOCH};

/// A source of time.
pub trait Clock: Send + Sync {
    /// Nanoseconds since some fixed moment; never goes back.
    fn monotonic(&self) -> u64;
    /// Unix time: whole seconds and nanoseconds.
    fn wall(&self) -> (i64, u32);
    /// A process has computed for this long, on a clock that does not see it by itself.
    fn spend(&self, nanoseconds: u64) {
        let _ = nanoseconds;
    }
    /// Unix time in seconds with fraction, as events carry it.
    fn unix(&self) -> f64 {
        let (seconds, nanos) = self.wall();
        seconds as f64 + f64::from(nanos) * 1e-9
    }
}

/// The clocks of the machine.
#[derive(Debug)]
pub struct SystemClock {
    start: Instant,
}

#[allow(clippy::disallowed_methods)]
impl SystemClock {
    /// A clock whose monotonic time starts at zero now.
    pub fn new() -> SystemClock {
        SystemClock { start: Instant::now() }
    }
}

impl Default for SystemClock {
    fn default() -> SystemClock {
        SystemClock::new()
    }
}

#[allow(clippy::disallowed_methods)]
impl Clock for SystemClock {
    fn monotonic(&self) -> u64 {
        self.start.elapsed().as_nanos() as u64
    }

    fn wall(&self) -> (i64, u32) {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => (since.as_secs() as i64, since.subsec_nanos()),
            Err(before) => (-(before.duration().as_secs() as i64), 0),
        }
    }
}

/// A clock that moves only when told to.
#[derive(Debug)]
pub struct VirtualClock {
    elapsed: AtomicU64,
    epoch: i64,
    /// seconds by which the wall clock was put forward
    ahead: AtomicI64,
}

impl VirtualClock {
    /// A clock at monotonic zero and unix time `epoch`.
    pub fn new(epoch: i64) -> VirtualClock {
        VirtualClock { elapsed: AtomicU64::new(0), epoch, ahead: AtomicI64::new(0) }
    }

    /// Puts the wall clock forward, or back; monotonic time does not notice.
    pub fn jump(&self, seconds: i64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }

    /// Moves to monotonic time `to`; never back.
    pub fn advance_to(&self, to: u64) {
        self.elapsed.fetch_max(to, Ordering::SeqCst);
    }
}

impl Clock for VirtualClock {
    fn spend(&self, nanoseconds: u64) {
        self.elapsed.fetch_add(nanoseconds, Ordering::SeqCst);
    }

    fn monotonic(&self) -> u64 {
        self.elapsed.load(Ordering::SeqCst)
    }

    fn wall(&self) -> (i64, u32) {
        let elapsed = self.monotonic();
        let start = self.epoch + self.ahead.load(Ordering::SeqCst);
        (start + (elapsed / 1_000_000_000) as i64, (elapsed % 1_000_000_000) as u32)
    }
}
