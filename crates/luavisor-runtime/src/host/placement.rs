//! Where a new process goes. Processes never move, so this decides everything.
//!
//! 1. With one worker: the parent's shard, as long as it has room.
//! 2. So with the first child of a parent, unless this has overrun its slice or
//!    64 other processes wait for the worker: the two probably talk.
//! 3. Else the parent's shard, unless one of the `workers` shards opened last is
//!    less loaded by a sixteenth. Load is runnable processes, those just spawned
//!    included, and counts a parent that overran its slice. Of idle shards, one
//!    that holds fewer processes by a sixteenth and 16.
//! 4. When they are full: the shard opened last, which is the one that fills up
//!    while processes are only added, else any with room, looked for at a
//!    rotating place.
//! 5. Else a new shard.
//!
//! A shard has room for only so many processes with a memory limit of their own.
//!
//! So the sequence spawn, child runs, EXIT stays on one shard (five times
//! cheaper than crossing), while the second of two children spawned in one go
//! finds the first one waiting and gets another shard: two siblings that compute
//! use two workers, which nobody can know beforehand. Processes that are spawned
//! one by one and stay come to all shards by their number.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use luavisor_core::{Error, Kind};
use luavisor_vm::Slot;

use super::Host;
use crate::shard::Shard;
use crate::shard::places::Memory;
use crate::world::World;

/// Shards that are compared when a host has many workers.
const CANDIDATES: usize = 8;
/// Shards that are asked for room before a new one is opened.
const SEARCH: usize = 8;
/// Processes by which an idle shard may outnumber others.
const CROWD: usize = 16;
/// Runnable processes beside which a first child is still put.
const FAMILY: u32 = 64;

/// The parent's shard as its own worker sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    pub shard: u16,
    pub load: u32,
    /// the first child of a parent that has not overrun its slice
    pub only_child: bool,
}

type Place = (Arc<Shard>, Slot, u64);

/// Takes a slot for a new process.
pub(crate) fn place(
    host: &Arc<Host>,
    world: &Arc<World>,
    near: Option<Near>,
    memory: Memory,
) -> Result<Place, Error> {
    let seen = host.shard_count();
    let taken = match near {
        Some(near) if stays(host, near) => {
            take(host, near.shard, memory).or_else(|| balance(host, world, None, memory))
        }
        near => balance(host, world, near, memory),
    };
    taken
        .or_else(|| search(host, memory))
        .or_else(|| host.open_shard(world, seen, memory))
        .ok_or_else(|| Error::new(Kind::LIMIT_EXCEEDED, "too many shards on the host"))
}

fn take(host: &Host, number: u16, memory: Memory) -> Option<Place> {
    let shard = host.shard(number)?;
    let (slot, generation) = shard.places.take(memory)?;
    Some((shard.clone(), slot, generation))
}

/// Whether the parent's shard is right without a look at others, which would cost
/// their workers time.
fn stays(host: &Host, near: Near) -> bool {
    host.config.workers == 1
        || near.only_child && near.load < FAMILY
        || near.load == 0 && living(host, near.shard) < CROWD
}

fn living(host: &Host, number: u16) -> usize {
    host.shard(number).map_or(0, |shard| shard.living.load(Ordering::Relaxed))
}

/// Takes a place in the parent's shard, or in a clearly better one. A parent
/// elsewhere has none here: then the least loaded counts, and of those the emptiest.
fn balance(
    host: &Arc<Host>,
    world: &Arc<World>,
    near: Option<Near>,
    memory: Memory,
) -> Option<Place> {
    // Load, and how many live there.
    let weigh = |shard: &Shard| {
        let arriving = shard.arriving.load(Ordering::Relaxed);
        let load = (shard.load.load(Ordering::Relaxed) + arriving) as usize;
        (load, shard.living.load(Ordering::Relaxed))
    };
    let own = near.map_or(0, |near| living(host, near.shard).saturating_sub(CROWD));
    // If they were dealt out evenly, the children of parents on several shards would go
    // to all of these, and talk to parents on others.
    let better = |(load, living): (usize, usize)| match near {
        None => true,
        Some(near) if near.load == 0 => load == 0 && own > living + living / 16,
        Some(near) => near.load as usize > load + load / 16,
    };
    let open = host.shard_count();
    let window = host.config.workers.min(open);
    let start = host.cursor.fetch_add(1, Ordering::Relaxed);
    let others = (0..window.min(CANDIDATES))
        .filter_map(|offset| host.shard((open - window + (start + offset) % window) as u16))
        .filter(|shard| near.is_none_or(|near| near.shard != shard.number));
    let least = others.map(|shard| (weigh(shard), shard.number)).min_by_key(|(weight, _)| *weight);
    // A worker without a shard is less loaded than any shard with work.
    let busy = |((load, living), _): ((usize, usize), u16)| load > 0 || living >= CROWD;
    if open < host.config.workers && better((0, 0)) && least.is_none_or(busy) {
        return host.open_shard(world, open, memory);
    }
    let best = least.filter(|(weight, _)| better(*weight)).map(|(_, number)| number);
    take(host, best.or(near.map(|near| near.shard))?, memory)
}

fn search(host: &Host, memory: Memory) -> Option<Place> {
    let open = host.shard_count();
    let start = host.cursor.fetch_add(SEARCH, Ordering::Relaxed);
    let newest = open.checked_sub(1).and_then(|newest| take(host, newest as u16, memory));
    newest.or_else(|| {
        (0..open.min(SEARCH))
            .find_map(|offset| take(host, ((start + offset) % open) as u16, memory))
    })
}
