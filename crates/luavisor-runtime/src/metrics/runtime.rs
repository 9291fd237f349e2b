//! What the runtime tells of itself. Names and meanings are stable; they are listed in
//! `docs/lua/metrics.md`.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use luavisor_core::Reason;

use super::text::Page;
use crate::observe::{ChildChange, Observer, Occurrence};
use crate::services::ServiceChange;
use crate::snapshot;
use crate::sync::lock;
use crate::world::World;

/// What has happened since somebody wanted to know.
#[derive(Default)]
pub(crate) struct Happened {
    counts: Mutex<Counts>,
}

#[derive(Default)]
struct Counts {
    spawned: BTreeMap<Arc<str>, u64>,
    exited: BTreeMap<&'static str, u64>,
    restarts: BTreeMap<Arc<str>, u64>,
}

fn count(counts: &mut BTreeMap<Arc<str>, u64>, id: &Arc<str>) {
    match counts.get_mut(id) {
        Some(count) => *count += 1,
        None => drop(counts.insert(id.clone(), 1)),
    }
}

impl Observer for Happened {
    fn observe(&self, occurrence: &Occurrence) {
        match occurrence {
            Occurrence::Spawned { entry, .. } => count(&mut lock(&self.counts).spawned, entry),
            Occurrence::Exited { exit, .. } => {
                *lock(&self.counts).exited.entry(exit.reason.as_str()).or_default() += 1;
            }
            Occurrence::Service { id, change: ServiceChange::Restart { .. }, .. } => {
                count(&mut lock(&self.counts).restarts, id);
            }
            Occurrence::Child { supervisor, change: ChildChange::Restart { .. }, .. } => {
                count(&mut lock(&self.counts).restarts, supervisor);
            }
            _ => {}
        }
    }
}

/// Reasons that an end can have.
const REASONS: [Reason; 6] = [
    Reason::Normal,
    Reason::Error,
    Reason::Terminated,
    Reason::Cancelled,
    Reason::Linked,
    Reason::Shutdown,
];

/// All of it. Waits up to a second for shards that do not answer.
pub(super) fn write(world: &World, happened: &Happened, page: &mut Page) {
    let snapshot = snapshot::take(world);
    {
        let counts = lock(&happened.counts);
        let name = "luavisor_processes_spawned_total";
        page.metric(name, "counter", "Processes that were started, by entry.");
        for (entry, count) in &counts.spawned {
            page.sample(name, [("entry", &**entry)], *count as f64);
        }
        let name = "luavisor_processes_exited_total";
        page.metric(name, "counter", "Processes that have ended, by reason.");
        for reason in REASONS.map(Reason::as_str) {
            let count = counts.exited.get(reason).copied().unwrap_or_default();
            page.sample(name, [("reason", reason)], count as f64);
        }
        let name = "luavisor_restarts_total";
        page.metric(name, "counter", "Restarts of a service, or of children of a supervisor.");
        for (id, count) in &counts.restarts {
            page.sample(name, [("entry", &**id)], *count as f64);
        }
    }
    let name = "luavisor_processes";
    page.metric(name, "gauge", "Processes that live, by entry.");
    for (entry, count) in &snapshot.entries {
        page.sample(name, [("entry", &**entry)], *count as f64);
    }
    let mut unread: BTreeMap<&str, (u64, u64)> = BTreeMap::new();
    for (entry, (all, most)) in snapshot.shards.iter().flat_map(|shard| &shard.unread) {
        let sum = unread.entry(entry).or_default();
        *sum = (sum.0 + all, sum.1.max(*most));
    }
    let name = "luavisor_mailbox_messages";
    page.metric(name, "gauge", "Unread messages of all processes, by entry.");
    for (entry, (all, _)) in &unread {
        page.sample(name, [("entry", *entry)], *all as f64);
    }
    let name = "luavisor_mailbox_messages_max";
    page.metric(name, "gauge", "Unread messages of the process with most, by entry.");
    for (entry, (_, most)) in &unread {
        page.sample(name, [("entry", *entry)], *most as f64);
    }
    let mut hosts: BTreeMap<&str, (usize, u64)> = BTreeMap::new();
    for shard in &snapshot.shards {
        let sum = hosts.entry(&shard.host).or_default();
        *sum = (sum.0 + shard.runnable, sum.1.max(shard.waited));
    }
    let name = "luavisor_run_queue_processes";
    page.metric(name, "gauge", "Processes that could run, by host.");
    for (host, (runnable, _)) in &hosts {
        page.sample(name, [("host", *host)], *runnable as f64);
    }
    let name = "luavisor_run_queue_delay_seconds";
    page.metric(name, "gauge", "How long a probe waited for the slowest shard, by host.");
    for (host, (_, waited)) in &hosts {
        page.sample(name, [("host", *host)], *waited as f64 * 1e-9);
    }
    let name = "luavisor_shard_memory_bytes";
    page.metric(name, "gauge", "Lua heap of a shard.");
    for shard in &snapshot.shards {
        let number = shard.number.to_string();
        page.sample(name, [("host", &*shard.host), ("shard", &number)], shard.heap as f64);
    }
    let name = "luavisor_shards_silent";
    page.metric(name, "gauge", "Shards that did not answer within a second.");
    page.sample(name, [], snapshot.busy as f64);
}
