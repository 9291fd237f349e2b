//! What a runtime holds at one moment.
//!
//! Each shard answers between two steps, never by copying a mailbox. A shard that
//! cannot answer in time, because a process does not give way, is counted as busy.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::Duration;

use luavisor_core::Pid;
use luavisor_vm::Vm;

use crate::host::HostState;
use crate::services::ServiceState;
use crate::shard::Interior;
use crate::shard::process::{Body, Run};
use crate::shard::signal::Signal;
use crate::sync::lock;
use crate::world::World;

/// How long a snapshot waits for busy shards.
const PATIENCE: Duration = Duration::from_secs(1);
/// How many processes each of its lists names.
const LARGEST: usize = 10;

/// What a runtime holds.
#[derive(Clone, Debug, Default)]
pub struct Snapshot {
    /// each host with its state and number of live processes
    pub hosts: Vec<(Arc<str>, HostState, usize)>,
    /// live processes by entry id
    pub entries: BTreeMap<Arc<str>, usize>,
    /// the processes that took most turns in their life, busiest first
    pub busiest: Vec<(Pid, Arc<str>, u32)>,
    /// the processes with most unread messages, longest mailbox first
    pub mailboxes: Vec<(Pid, Arc<str>, u32)>,
    /// the processes with most bytes of unread messages, largest mailbox first
    pub largest: Vec<(Pid, Arc<str>, usize)>,
    /// each service, by id
    pub services: Vec<ServiceState>,
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
    /// bytes of its Lua heap
    pub heap: usize,
    /// nanoseconds until it answered
    pub waited: u64,
    /// unread messages by entry: of all its processes, and of the one with most
    pub(crate) unread: BTreeMap<Arc<str>, (u64, u64)>,
    pub(crate) entries: BTreeMap<Arc<str>, usize>,
    pub(crate) busiest: Vec<(Pid, Arc<str>, u32)>,
    pub(crate) mailboxes: Vec<(Pid, Arc<str>, u32)>,
    pub(crate) largest: Vec<(Pid, Arc<str>, usize)>,
}

impl Interior {
    /// What this shard holds.
    pub fn inspect(&self) -> ShardSnapshot {
        let kernel = &self.kernel;
        let mut shard = ShardSnapshot {
            host: kernel.host.name.clone(),
            number: kernel.shard.number,
            live: kernel.processes.live(),
            runnable: kernel.ready.len(),
            timers: kernel.timers.len(),
            heap: self.vm.as_ref().map_or(0, Vm::heap),
            waited: 0,
            unread: BTreeMap::new(),
            entries: BTreeMap::new(),
            busiest: Vec::new(),
            mailboxes: Vec::new(),
            largest: Vec::new(),
        };
        for (slot, process) in kernel.processes.iter() {
            let (pid, entry) = (kernel.processes.pid(slot), &process.entry);
            match shard.entries.get_mut(entry) {
                Some(count) => *count += 1,
                None => drop(shard.entries.insert(entry.clone(), 1)),
            }
            let slots = &kernel.shard.slots;
            let unread = u64::from(slots.unread(slot));
            match shard.unread.get_mut(entry) {
                Some((all, most)) => (*all, *most) = (*all + unread, unread.max(*most)),
                None => drop(shard.unread.insert(entry.clone(), (unread, unread))),
            }
            rank(&mut shard.busiest, pid, entry, process.turns);
            rank(&mut shard.mailboxes, pid, entry, slots.unread(slot));
            rank(&mut shard.largest, pid, entry, slots.unread_bytes(slot));
        }
        shard
    }
}

impl Interior {
    /// How many messages are in the mailbox of each Lua process.
    pub fn mailboxes(&self) -> Vec<(Pid, usize)> {
        let Some(vm) = &self.vm else { return Vec::new() };
        let processes = &self.kernel.processes;
        let unread = |slot| Some((processes.pid(slot), vm.unread(slot)?));
        processes.iter().filter_map(|(slot, _)| unread(slot)).collect()
    }

    /// A process that waits for something that is there.
    pub fn overlooked(&self) -> Option<(Pid, &'static str)> {
        let mut waiting = self.kernel.processes.iter().filter(|(_, each)| each.run == Run::Idle);
        waiting.find_map(|(slot, process)| {
            let what = match &process.body {
                Body::Native(body) if !body.inputs.is_empty() => "an input",
                Body::Lua => self.vm.as_ref()?.overlooked(slot)?,
                _ => return None,
            };
            Some((self.kernel.processes.pid(slot), what))
        })
    }
}

/// Puts a process into a list of the [`LARGEST`], which stays sorted; ties by pid.
fn rank<N: Ord + Default + Copy>(
    list: &mut Vec<(Pid, Arc<str>, N)>,
    pid: Pid,
    entry: &Arc<str>,
    number: N,
) {
    if number == N::default() {
        return;
    }
    let before = |(other, _, most): &(Pid, Arc<str>, N)| (Reverse(*most), *other);
    let place = list.partition_point(|each| before(each) < (Reverse(number), pid));
    if place < LARGEST {
        list.insert(place, (pid, entry.clone(), number));
        list.truncate(LARGEST);
    }
}

/// A snapshot under way: shards add to it in their own time.
#[derive(Default)]
pub(crate) struct Inspection {
    shards: Mutex<Vec<ShardSnapshot>>,
    added: Condvar,
    /// when it began
    asked: u64,
}

impl Inspection {
    /// A shard answers at `now`.
    pub fn answer(&self, mut shard: ShardSnapshot, now: u64) {
        shard.waited = now.saturating_sub(self.asked);
        self.add(shard);
    }

    fn add(&self, shard: ShardSnapshot) {
        lock(&self.shards).push(shard);
        self.added.notify_all();
    }
}

/// Takes a snapshot.
pub(crate) fn take(world: &World) -> Snapshot {
    let inspection =
        Arc::new(Inspection { asked: world.clock.monotonic(), ..Inspection::default() });
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
                        inspection.add(interior.inspect());
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
        for (pid, entry, turns) in &shard.busiest {
            rank(&mut snapshot.busiest, *pid, entry, *turns);
        }
        for (pid, entry, unread) in &shard.mailboxes {
            rank(&mut snapshot.mailboxes, *pid, entry, *unread);
        }
        for (pid, entry, bytes) in &shard.largest {
            rank(&mut snapshot.largest, *pid, entry, *bytes);
        }
    }
    snapshot.services = world.services.get().map(|board| board.states()).unwrap_or_default();
    snapshot.shards = shards;
    snapshot.shards.sort_by(|a, b| (&a.host, a.number).cmp(&(&b.host, b.number)));
    snapshot
}
