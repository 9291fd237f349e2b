//! Where a new process goes. Processes never move, so this decides everything.
//!
//! 1. With one worker: the parent's shard, as long as it has room.
//! 2. Else the least loaded of the `workers` shards opened last, the parent's
//!    shard and ties included in its favour. Load is runnable processes, those
//!    just spawned included, and counts a parent that overran its slice.
//! 3. When they are full: the shard opened last, which is the one that fills up
//!    while processes are only added, else any with room, looked for at a
//!    rotating place.
//! 4. Else a new shard.
//!
//! A shard has room for only so many processes with a memory limit of their own.
//!
//! So the sequence spawn, child runs, EXIT stays on one shard (five times
//! cheaper than crossing), while the second of two children spawned in one go
//! finds the first one waiting and gets another shard: two siblings that compute
//! use two workers, which nobody can know beforehand.

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

/// The parent's shard as its own worker sees it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Near {
    pub shard: u16,
    pub load: u32,
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
        Some(near) if near.load == 0 || host.config.workers == 1 => take(host, near.shard, memory),
        near => least_loaded(host, world, near, memory),
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

fn least_loaded(
    host: &Arc<Host>,
    world: &Arc<World>,
    near: Option<Near>,
    memory: Memory,
) -> Option<Place> {
    let open = host.shard_count();
    let window = host.config.workers.min(open);
    let start = host.cursor.fetch_add(1, Ordering::Relaxed);
    let mut best = near.map(|near| (near.load, near.shard));
    for offset in 0..window.min(CANDIDATES) {
        let number = (open - window + (start + offset) % window) as u16;
        let Some(shard) = host.shard(number) else { continue };
        if near.is_some_and(|near| near.shard == number) {
            continue;
        }
        let load = shard.load.load(Ordering::Relaxed) + shard.arriving.load(Ordering::Relaxed);
        if best.is_none_or(|(least, _)| load < least) {
            best = Some((load, number));
        }
    }
    // A worker without a shard is less loaded than any shard with work.
    if open < host.config.workers && best.is_none_or(|(least, _)| least > 0) {
        return host.open_shard(world, open, memory);
    }
    take(host, best?.1, memory)
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
