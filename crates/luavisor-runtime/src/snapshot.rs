//! What a runtime holds at one moment.
//!
//! Each shard answers between two steps, never by copying a mailbox. A shard that
//! cannot answer in time, because a process does not give way, is counted as busy.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use luavisor_core::Pid;

use crate::host::HostState;
use crate::shard::kernel::ShardKernel;
use crate::shard::signal::Signal;
use crate::sync::lock;
use crate::world::World;

/// How long a snapshot waits for busy shards.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many mailboxes it names.
const LARGEST: usize = 10;

/// What a runtime holds.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// each host with its state and number of live processes
    pub hosts: Vec<(Arc<str>, HostState, usize)>,
    /// live processes by entry id
    pub entries: BTreeMap<Arc<str>, usize>,
    /// the processes with most unread messages, largest first
    pub mailboxes: Vec<(Pid, Arc<str>, u32)>,
    /// one line per shard
    pub shards: Vec<ShardSnapshot>,
    /// shards that did not answer in time
    pub busy: usize,
}

/// What one shard holds.
#[derive(Clone, Debug)]
pub struct ShardSnapshot {
    /// its host
    pub host: Arc<str>,
    /// its number
    pub number: u16,
    /// live processes
    pub live: usize,
    /// processes ready to run
    pub runnable: usize,
    /// running timers
    pub timers: usize,
    pub(crate) entries: BTreeMap<Arc<str>, usize>,
    pub(crate) mailboxes: Vec<(Pid, Arc<str>, u32)>,
}

impl ShardKernel {
    /// What this shard holds.
    pub fn inspect(&self) -> ShardSnapshot {
        let mut entries = BTreeMap::new();
        let mut mailboxes = Vec::new();
        for (slot, process) in self.processes.iter() {
            *entries.entry(process.entry.clone()).or_insert(0) += 1;
            let unread = self.shard.slots.unread(slot);
            if unread > 0 {
                mailboxes.push((self.processes.pid(slot), process.entry.clone(), unread));
            }
        }
        keep_largest(&mut mailboxes);
        ShardSnapshot {
            host: self.host.name.clone(),
            number: self.shard.number,
            live: self.processes.live(),
            runnable: self.run_queue.len(),
            timers: self.timers.len(),
            entries,
            mailboxes,
        }
    }
}

fn keep_largest(mailboxes: &mut Vec<(Pid, Arc<str>, u32)>) {
    mailboxes.sort_by_key(|(pid, _, unread)| (std::cmp::Reverse(*unread), *pid));
    mailboxes.truncate(LARGEST);
}

/// A snapshot under way: shards add to it in their own time.
#[derive(Default)]
pub(crate) struct Inspection {
    shards: Mutex<Vec<ShardSnapshot>>,
    added: Condvar,
}

impl Inspection {
    pub fn add(&self, shard: ShardSnapshot) {
        lock(&self.shards).push(shard);
        self.added.notify_all();
    }
}

/// Takes a snapshot.
pub(crate) fn take(world: &World) -> Snapshot {
    let inspection = Arc::new(Inspection::default());
    let mut asked = 0;
    let mut snapshot = Snapshot::default();
    for host in world.hosts() {
        snapshot.hosts.push((host.name.clone(), host.state(), host.live()));
        for shard in host.shards() {
            asked += 1;
            // A shard at rest is read here; on the manual executor all of them are.
            match shard.interior.try_lock() {
                Ok(interior) => {
                    if let Some(interior) = &*interior {
                        inspection.add(interior.kernel.inspect());
                    }
                }
                Err(_) => shard.post(Signal::Inspect(inspection.clone())),
            }
        }
    }
    let shards = lock(&inspection.shards);
    let waited =
        inspection.added.wait_timeout_while(shards, PATIENCE, |shards| shards.len() < asked);
    let shards = std::mem::take(&mut *waited.unwrap_or_else(PoisonError::into_inner).0);
    snapshot.busy = asked - shards.len();
    for shard in &shards {
        for (entry, count) in &shard.entries {
            *snapshot.entries.entry(entry.clone()).or_insert(0) += count;
        }
        snapshot.mailboxes.extend(shard.mailboxes.iter().cloned());
    }
    keep_largest(&mut snapshot.mailboxes);
    snapshot.shards = shards;
    snapshot.shards.sort_by(|a, b| (&a.host, a.number).cmp(&(&b.host, b.number)));
    snapshot
}
