//! The executor seam: who runs the shards.
//!
//! - [`threads`]: each host has worker threads of its own and a watchdog.
//! - [`manual`]: one thread steps all shards of all hosts, on virtual time, in a
//!   fixed or seeded order: the same seed gives the same run.
//!
//! The files of this folder are the only ones that start threads.

pub(crate) mod manual;
pub(crate) mod threads;
pub(crate) mod watchdog;

use std::sync::{Arc, Weak};

use crate::clock::Clock;
use crate::host::{Host, HostConfig};
use crate::shard::Shard;

/// Where shards wait for a worker, and who wakes them for their timers.
pub(crate) trait RunQueue: Send + Sync {
    /// Whose shards these are. Called once.
    fn attach(&self, host: Weak<Host>);
    /// Starts workers, unless they run already.
    fn start(&self);
    /// Ends them.
    fn close(&self);
    /// A shard became runnable. It is in no queue.
    fn push(&self, shard: Arc<Shard>);
    /// The shard wants to be notified at `new` and not at `old`, which may have
    /// fired already. Returns when it will be notified: possibly earlier.
    fn set_alarm(
        &self,
        shard: &Arc<Shard>,
        old: Option<u64>,
        new: Option<u64>,
        now: u64,
    ) -> Option<u64>;
    /// A step of the shard begins that gives way to whatever becomes runnable.
    /// True: something is runnable already.
    fn begin_yielding(&self, shard: &Arc<Shard>) -> bool;
    /// It is over. True: something is runnable.
    fn end_yielding(&self, shard: &Arc<Shard>) -> bool;
    /// Changes when a running turn should end for the sake of others.
    fn pulse(&self) -> u64;
}

/// Who runs the shards of a runtime.
pub(crate) enum Executor {
    Threads,
    Manual(Arc<manual::ManualQueue>),
}

impl Executor {
    /// The run queue of a new host.
    pub fn run_queue(&self, config: &HostConfig, clock: &Arc<dyn Clock>) -> Arc<dyn RunQueue> {
        match self {
            Executor::Threads => threads::Pool::new(config, clock.clone()),
            Executor::Manual(queue) => queue.clone(),
        }
    }
}
