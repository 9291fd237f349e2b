//! The wake-up protocol under every interleaving of a few threads (loom).

#![allow(clippy::unwrap_used, clippy::expect_used)]

use loom::sync::atomic;
use loom::sync::atomic::{AtomicUsize, Ordering};
use loom::sync::{Arc, Mutex};

#[path = "../src/shard/wake.rs"]
mod wake;

use wake::WakeState;

/// A shard reduced to its protocol: signals to drain, and how often it is queued.
#[derive(Default)]
struct Shard {
    wake: WakeState,
    signals: Mutex<usize>,
    queued: AtomicUsize,
    running: AtomicUsize,
    drained: AtomicUsize,
}

impl Shard {
    fn post(&self) {
        *self.signals.lock().unwrap() += 1;
        if self.wake.notify() {
            self.enqueue();
        }
    }

    fn enqueue(&self) {
        assert_eq!(self.queued.fetch_add(1, Ordering::SeqCst), 0, "queued twice");
    }

    /// What a worker does when it finds the shard in the run queue.
    fn work(&self) -> bool {
        if self.queued.compare_exchange(1, 0, Ordering::SeqCst, Ordering::SeqCst).is_err() {
            return false;
        }
        self.wake.begin();
        assert_eq!(self.running.fetch_add(1, Ordering::SeqCst), 0, "run by two workers");
        let signals = std::mem::take(&mut *self.signals.lock().unwrap());
        self.drained.fetch_add(signals, Ordering::SeqCst);
        self.running.fetch_sub(1, Ordering::SeqCst);
        // What is seen here cannot be lost: the shard must be queued again.
        let notified = self.wake.is_notified();
        let again = self.wake.end(false);
        assert!(again || !notified, "a notification was lost");
        if again {
            self.enqueue();
        }
        true
    }
}

#[test]
fn no_wake_up_is_lost_and_no_shard_is_queued_twice() {
    let mut model = loom::model::Builder::new();
    model.preemption_bound = Some(3);
    model.check(|| {
        let shard = Arc::new(Shard::default());
        let poster = {
            let shard = shard.clone();
            loom::thread::spawn(move || shard.post())
        };
        let worker = {
            let shard = shard.clone();
            loom::thread::spawn(move || {
                shard.work();
                shard.work();
            })
        };
        shard.post();
        poster.join().unwrap();
        worker.join().unwrap();
        // Everybody is done: whatever was posted is drained by those who find
        // the shard queued; it must be.
        while shard.work() {}
        assert_eq!(shard.drained.load(Ordering::SeqCst), 2);
    });
}
