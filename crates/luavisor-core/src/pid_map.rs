//! A small ordered map keyed by pid.
//!
//! Most processes have no more than a handful of links and monitors, a few have
//! a million. Up to [`FEW`] entries live in one sorted vector, beyond that in a
//! hash table. Iteration is in the order of pids in both, so that a simulation
//! does not depend on how the table grew.

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};

use smallvec::SmallVec;

use crate::pid::Pid;

/// Largest number of entries that stay in the vector.
pub const FEW: usize = 12;

/// A map from pids to `V`.
#[derive(Clone, Debug, PartialEq)]
pub enum PidMap<V> {
    /// Sorted by pid. One entry, the usual number, needs no memory of its own.
    Few(SmallVec<[(Pid, V); 1]>),
    /// More than [`FEW`] at some time.
    Many(HashMap<Pid, V, BuildHasherDefault<PidHasher>>),
}

/// Pids are chosen by the runtime, not by an adversary: a multiplication is enough
/// (Fibonacci hashing, Knuth vol. 3, 6.4).
#[derive(Clone, Copy, Debug, Default)]
pub struct PidHasher(u64);

impl Hasher for PidHasher {
    fn finish(&self) -> u64 {
        // The table looks at the highest and the lowest bits.
        self.0 ^ self.0 >> 32
    }

    fn write(&mut self, bytes: &[u8]) {
        bytes.iter().for_each(|byte| self.write_u64(u64::from(*byte)));
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(u64::from(word));
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = (self.0.rotate_left(5) ^ word).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    }
}

impl<V> Default for PidMap<V> {
    fn default() -> PidMap<V> {
        PidMap::Few(SmallVec::new())
    }
}

impl<V> PidMap<V> {
    /// Adds or replaces an entry; returns the one that was there.
    pub fn insert(&mut self, pid: Pid, value: V) -> Option<V> {
        match self {
            PidMap::Few(few) => match few.binary_search_by_key(&pid, |entry| entry.0) {
                Ok(index) => Some(std::mem::replace(&mut few[index].1, value)),
                Err(index) if few.len() < FEW => {
                    few.insert(index, (pid, value));
                    None
                }
                Err(_) => {
                    let mut many: HashMap<_, V, _> = std::mem::take(few).into_iter().collect();
                    many.insert(pid, value);
                    *self = PidMap::Many(many);
                    None
                }
            },
            PidMap::Many(many) => many.insert(pid, value),
        }
    }

    /// Removes an entry.
    pub fn remove(&mut self, pid: Pid) -> Option<V> {
        match self {
            PidMap::Few(few) => {
                let index = few.binary_search_by_key(&pid, |entry| entry.0).ok()?;
                Some(few.remove(index).1)
            }
            PidMap::Many(many) => {
                let removed = many.remove(&pid);
                if many.is_empty() {
                    *self = PidMap::default();
                }
                removed
            }
        }
    }

    /// Whether there is an entry.
    pub fn contains(&self, pid: Pid) -> bool {
        match self {
            PidMap::Few(few) => few.binary_search_by_key(&pid, |entry| entry.0).is_ok(),
            PidMap::Many(many) => many.contains_key(&pid),
        }
    }

    /// The entry of a pid, to be changed.
    pub fn get_mut(&mut self, pid: Pid) -> Option<&mut V> {
        match self {
            PidMap::Few(few) => {
                let index = few.binary_search_by_key(&pid, |entry| entry.0).ok()?;
                Some(&mut few[index].1)
            }
            PidMap::Many(many) => many.get_mut(&pid),
        }
    }

    /// How many entries there are.
    pub fn len(&self) -> usize {
        match self {
            PidMap::Few(few) => few.len(),
            PidMap::Many(many) => many.len(),
        }
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Calls `act` with all pids in order.
    pub fn each(&self, mut act: impl FnMut(Pid)) {
        match self {
            PidMap::Few(few) => few.iter().for_each(|entry| act(entry.0)),
            PidMap::Many(_) => self.pids().for_each(act),
        }
    }

    /// All pids in order.
    pub fn pids(&self) -> impl Iterator<Item = Pid> + '_ {
        let (few, many) = match self {
            PidMap::Few(few) => (Some(few.iter().map(|entry| entry.0)), Vec::new()),
            PidMap::Many(many) => {
                let mut pids: Vec<Pid> = many.keys().copied().collect();
                pids.sort_unstable();
                (None, pids)
            }
        };
        few.into_iter().flatten().chain(many)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pid::HostId;

    fn pid(n: u64) -> Pid {
        Pid { host: HostId(1), place: 0, generation: n }
    }

    #[test]
    fn it_grows_past_the_vector_and_keeps_its_order() {
        let mut map = PidMap::default();
        for n in (0..40).rev() {
            assert_eq!(map.insert(pid(n), n), None);
        }
        assert_eq!(map.insert(pid(7), 70), Some(7));
        assert_eq!(
            map.pids().map(|p| p.generation).collect::<Vec<_>>(),
            (0..40).collect::<Vec<_>>()
        );
        assert_eq!(map.remove(pid(7)), Some(70));
        assert!(!map.contains(pid(7)) && map.contains(pid(8)) && map.len() == 39);
        (0..40).for_each(|n| {
            map.remove(pid(n));
        });
        assert_eq!(map, PidMap::default());
    }
}
