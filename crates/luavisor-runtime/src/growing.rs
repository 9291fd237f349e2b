//! A table that only grows and is read without a lock.
//!
//! Elements are found by index through chunks that double in size, so a read is
//! two loads and nothing ever moves.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Chunk `k` holds `8 << k` elements; 14 chunks hold all numbers of 16 bits.
const FIRST: usize = 8;
const CHUNKS: usize = 14;

/// See the module.
pub(crate) struct Growing<T> {
    chunks: [OnceLock<Box<[OnceLock<T>]>>; CHUNKS],
    len: AtomicUsize,
}

impl<T> Growing<T> {
    pub fn new() -> Growing<T> {
        Growing { chunks: [const { OnceLock::new() }; CHUNKS], len: AtomicUsize::new(0) }
    }

    fn locate(index: usize) -> (usize, usize) {
        let shifted = index + FIRST;
        let chunk = (shifted.ilog2() - FIRST.ilog2()) as usize;
        (chunk, shifted - (FIRST << chunk))
    }

    /// The element at `index`, if it is there.
    pub fn get(&self, index: usize) -> Option<&T> {
        let (chunk, offset) = Growing::<T>::locate(index);
        self.chunks.get(chunk)?.get()?.get(offset)?.get()
    }

    /// How many elements there are.
    pub fn len(&self) -> usize {
        self.len.load(Ordering::Acquire)
    }

    /// Adds an element that is made from its index. Callers serialise themselves.
    pub fn push(&self, make: impl FnOnce(usize) -> T) -> Option<&T> {
        let index = self.len();
        let (chunk, offset) = Growing::<T>::locate(index);
        let chunk = self
            .chunks
            .get(chunk)?
            .get_or_init(|| (0..FIRST << chunk).map(|_| OnceLock::new()).collect());
        let element = chunk.get(offset)?.get_or_init(|| make(index));
        self.len.store(index + 1, Ordering::Release);
        Some(element)
    }

    /// All elements in order.
    pub fn iter(&self) -> impl Iterator<Item = &T> {
        (0..self.len()).filter_map(|index| self.get(index))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_keep_their_places() {
        let table = Growing::new();
        for n in 0..1000 {
            assert_eq!(table.push(|index| index * 2), Some(&(n * 2)));
        }
        assert_eq!(table.iter().copied().sum::<usize>(), 999 * 1000);
        assert!(table.get(999) == Some(&1998) && table.get(1000).is_none());
    }
}
