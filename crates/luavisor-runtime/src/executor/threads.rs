//! Worker threads of a host.
//!
//! Shards wait in one queue under one lock: a turn is long compared with it
//! (3.6–4.8 million turns per second on two cores were measured, a work-stealing
//! deque reached 4.6–5.6).
//!
//! **Lazy wake.** A worker that makes a shard runnable while the queue is empty
//! wakes nobody: it runs it next itself. It wakes one sleeper when there is
//! surplus; the watchdog wakes one when shards have waited for a tick. Who is no
//! worker of this host always wakes one. Eager waking made a pair of processes
//! on two shards four times slower.
//!
//! **Timers.** Each shard has at most one alarm here. One sleeping worker, the
//! keeper, sleeps only until the first alarm; while workers are busy the watchdog
//! looks after alarms. A shard's alarm is not moved when its next timer moves
//! into the future: it fires early once and is set anew, which costs less than
//! moving it for every timeout that a reply made superfluous.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use super::{RunQueue, watchdog};
use crate::clock::Clock;
use crate::host::{Host, HostConfig};
use crate::ready::Ready;
use crate::shard::Shard;
use crate::shard::turn::Left;
use crate::sync::lock;

thread_local! {
    /// The pool whose worker this thread is, by address; 0: none.
    static WORKER_OF: Cell<usize> = const { Cell::new(0) };
}

/// What the workers share.
#[derive(Default)]
pub(crate) struct PoolState {
    /// hungry are those with nothing but hungry processes
    pub ready: Ready<Arc<Shard>>,
    /// shards whose running step gives way to whatever comes
    yielding: Vec<Arc<Shard>>,
    /// by instant and shard
    pub alarms: BTreeMap<(u64, u16), Arc<Shard>>,
    /// threads that run, the sleeping ones and spares included
    pub workers: usize,
    pub sleeping: usize,
    /// until when the keeper sleeps; `None`: nobody is keeper
    pub keeper_until: Option<u64>,
    pub watchdog_asleep: bool,
    pub closed: bool,
}

/// See the module.
pub(crate) struct Pool {
    pub state: Mutex<PoolState>,
    wake: Condvar,
    pub watchdog_wake: Condvar,
    pub pulse: AtomicU64,
    pub clock: Arc<dyn Clock>,
    pub slice: u64,
    pub unpreemptible: u64,
    workers: usize,
    name: Arc<str>,
    host: Mutex<Weak<Host>>,
    this: Weak<Pool>,
}

/// What a thread does when nothing is left to run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum WhenIdle {
    Sleep,
    /// a spare worker, no longer needed
    End,
}

impl PoolState {
    /// After a shard became runnable and everybody is busy: a step that gives way does so.
    fn interrupt_yielding(&self) {
        if self.sleeping == 0
            && let Some(shard) = self.yielding.first()
        {
            shard.interrupt();
        }
    }
}

impl Pool {
    pub fn new(config: &HostConfig, clock: Arc<dyn Clock>) -> Arc<Pool> {
        Arc::new_cyclic(|this| Pool {
            state: Mutex::default(),
            wake: Condvar::new(),
            watchdog_wake: Condvar::new(),
            pulse: AtomicU64::new(0),
            clock,
            slice: config.slice.max(100_000),
            unpreemptible: config.unpreemptible,
            workers: config.workers.max(1),
            name: config.name.clone(),
            host: Mutex::default(),
            this: this.clone(),
        })
    }

    pub fn host(&self) -> Option<Arc<Host>> {
        lock(&self.host).upgrade()
    }

    fn address(&self) -> usize {
        std::ptr::from_ref(self) as usize
    }

    /// Wakes a sleeping worker if there is one. Called with the lock held.
    pub fn wake_one(&self, state: &MutexGuard<'_, PoolState>) {
        if state.sleeping > 0 {
            self.wake.notify_one();
        }
    }

    /// Queues the shards whose alarm is due.
    pub fn fire_due(&self, state: &mut PoolState, now: u64) -> bool {
        let mut fired = false;
        while let Some(entry) = state.alarms.first_entry() {
            if entry.key().0 > now {
                break;
            }
            let shard = entry.remove();
            // Not `Shard::notify`: the lock is held.
            if shard.wake_up() {
                state.ready.push_fresh(shard);
                fired = true;
            }
        }
        if fired {
            state.interrupt_yielding();
        }
        fired
    }

    /// A spare worker for as long as one of the others is stuck.
    pub fn start_spare(&self) {
        lock(&self.state).workers += 1;
        self.start_thread("spare", |pool| pool.work(WhenIdle::End));
    }

    #[allow(clippy::disallowed_methods)]
    fn start_thread(&self, what: &str, run: impl FnOnce(Arc<Pool>) + Send + 'static) {
        let Some(pool) = self.this.upgrade() else { return };
        let builder = std::thread::Builder::new().name(format!("{} {what}", self.name));
        // Without threads the system is beyond help; the host then stands still.
        let _ = builder.spawn(move || run(pool));
    }

    fn work(&self, when_idle: WhenIdle) {
        WORKER_OF.set(self.address());
        let mut state = lock(&self.state);
        loop {
            let shard = match state.ready.pop() {
                Some(shard) if !state.closed => shard,
                None if !state.closed && when_idle == WhenIdle::Sleep => {
                    state = self.sleep(state);
                    continue;
                }
                _ => {
                    state.workers -= 1;
                    self.watchdog_wake.notify_one();
                    return;
                }
            };
            if !state.ready.is_empty() {
                self.wake_one(&state);
            }
            if state.watchdog_asleep {
                self.watchdog_wake.notify_one();
            }
            drop(state);
            shard.wake.begin();
            let left = shard.turn();
            let hungry = left == Left::Hungry && !shard.wake.is_notified();
            let again = shard.wake.end(left != Left::Nothing);
            state = lock(&self.state);
            match again {
                true if hungry => state.ready.push_hungry(shard),
                true => state.ready.push_fresh(shard),
                false => {}
            }
        }
    }

    /// Waits for work or, as keeper, for the first alarm.
    fn sleep<'a>(&'a self, mut state: MutexGuard<'a, PoolState>) -> MutexGuard<'a, PoolState> {
        let first = state.alarms.first_key_value().map(|(key, _)| key.0);
        let keeper = match (first, state.keeper_until) {
            (Some(at), None) => Some(at),
            (Some(at), Some(until)) if at < until => Some(at),
            _ => None,
        };
        let Some(at) = keeper else {
            state.sleeping += 1;
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.sleeping -= 1;
            return state;
        };
        let now = self.clock.monotonic();
        if at > now {
            state.keeper_until = Some(at);
            state.sleeping += 1;
            let timeout = Duration::from_nanos(at - now);
            let waited = self.wake.wait_timeout(state, timeout);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
            state.sleeping -= 1;
            if state.keeper_until == Some(at) {
                state.keeper_until = None;
            }
        }
        if state.ready.is_empty() {
            let now = self.clock.monotonic();
            self.fire_due(&mut state, now);
        }
        state
    }
}

impl RunQueue for Pool {
    fn attach(&self, host: Weak<Host>) {
        *lock(&self.host) = host;
    }

    fn start(&self) {
        let mut state = lock(&self.state);
        if state.workers > 0 || state.closed {
            return;
        }
        state.workers = self.workers;
        drop(state);
        for _ in 0..self.workers {
            self.start_thread("worker", |pool| pool.work(WhenIdle::Sleep));
        }
        self.start_thread("watchdog", |pool| watchdog::watch(&pool));
    }

    fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let alarms = std::mem::take(&mut state.alarms);
        drop(state);
        drop(alarms);
        // Turns end now; the watchdog sees to steps that do not.
        self.pulse.fetch_add(1, Ordering::Relaxed);
        self.wake.notify_all();
        self.watchdog_wake.notify_all();
    }

    fn push(&self, shard: Arc<Shard>) {
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        let surplus = !(state.ready.is_empty() && state.yielding.is_empty());
        state.ready.push_fresh(shard);
        if surplus || WORKER_OF.get() != self.address() {
            self.wake_one(&state);
        }
        state.interrupt_yielding();
    }

    fn set_alarm(
        &self,
        shard: &Arc<Shard>,
        old: Option<u64>,
        new: Option<u64>,
        now: u64,
    ) -> Option<u64> {
        if let Some(old) = old
            && old > now
            && new.is_none_or(|new| old <= new)
        {
            return Some(old);
        }
        let mut state = lock(&self.state);
        if let Some(old) = old {
            state.alarms.remove(&(old, shard.number));
        }
        if let Some(new) = new {
            state.alarms.insert((new, shard.number), shard.clone());
            // A keeper that sleeps too long, or none at all: one sleeper takes over.
            if state.keeper_until.is_none_or(|until| new < until) {
                self.wake_one(&state);
            }
        }
        new
    }

    fn begin_yielding(&self, shard: &Arc<Shard>) -> bool {
        let mut state = lock(&self.state);
        state.yielding.push(shard.clone());
        state.ready.has_fresh()
    }

    fn end_yielding(&self, shard: &Arc<Shard>) -> bool {
        let mut state = lock(&self.state);
        state.yielding.retain(|yielding| !Arc::ptr_eq(yielding, shard));
        state.ready.has_fresh()
    }

    fn pulse(&self) -> u64 {
        self.pulse.load(Ordering::Relaxed)
    }
}
