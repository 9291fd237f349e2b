//! Pid texts of processes that live in other shards.
//!
//! Those of this shard are pinned by their slot. Of the others the last few
//! hundred are kept, so that a conversation across shards neither formats nor
//! parses them: 17 % of a round trip.

use std::ffi::c_char;
use std::ptr;

use luavisor_core::Pid;

use super::lua::Lua;
use super::shelf::Row;

/// Texts that are kept; a power of two.
const PLACES: usize = 256;

/// See the module.
#[derive(Debug)]
pub struct Strangers {
    /// the texts, by a hash of the pid
    texts: Row,
    known: Box<[(Pid, *const c_char)]>,
    /// by a hash of the text's address; may be out of date
    by_address: Box<[Pid]>,
}

impl Strangers {
    pub fn new(lua: Lua) -> Strangers {
        Strangers {
            texts: Row::new(lua),
            known: vec![(Pid::NONE, ptr::null()); PLACES].into(),
            by_address: vec![Pid::NONE; PLACES].into(),
        }
    }

    /// Pushes the text of `pid` if it is kept.
    pub fn push(&self, lua: Lua, pid: Pid) -> bool {
        let place = place_of(pid);
        let known = self.known[place].0 == pid;
        if known {
            self.texts.push(lua, place);
        }
        known
    }

    /// Keeps the text of `pid`, which lies on top of `lua` and stays there.
    pub fn keep(&mut self, lua: Lua, pid: Pid) {
        let place = place_of(pid);
        let address = lua.bytes(-1).as_ptr().cast();
        self.known[place] = (pid, address);
        self.by_address[place_at(address)] = pid;
        lua.copy(-1);
        self.texts.set(lua, place);
    }

    /// Lets all texts go.
    pub fn clear(&self) {
        self.texts.clear();
    }

    /// The process that the string at `address` names, if it is one of the kept texts.
    pub fn named_by(&self, address: *const c_char) -> Option<Pid> {
        let pid = self.by_address[place_at(address)];
        (self.known[place_of(pid)] == (pid, address)).then_some(pid)
    }
}

fn place_of(pid: Pid) -> usize {
    let mixed = u64::from(pid.place) ^ pid.generation.rotate_left(20) ^ u64::from(pid.host.0) << 40;
    place(mixed)
}

fn place_at(address: *const c_char) -> usize {
    // Strings lie at multiples of 8.
    place(address as usize as u64 >> 3)
}

/// Spreads a number over the places (Fibonacci hashing; Knuth, TAOCP 6.4).
fn place(number: u64) -> usize {
    (number.wrapping_mul(0x9E37_79B9_7F4A_7C15) >> (64 - PLACES.ilog2())) as usize
}

#[cfg(test)]
mod tests {
    use super::*;
    use luavisor_core::HostId;

    #[test]
    fn places_are_in_range_and_spread() {
        let pids = (0..10_000_u16).map(|n| Pid::new(HostId(3), 1, n, u64::from(n) + 1));
        let mut used = [0; PLACES];
        pids.for_each(|pid| used[place_of(pid)] += 1);
        assert!(used.iter().all(|count| (1..200).contains(count)), "{used:?}");
    }
}
