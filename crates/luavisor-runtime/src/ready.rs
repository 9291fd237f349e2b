//! What is ready to run, in two classes: of the processes of a shard, and of the
//! shards of a host.
//!
//! *Hungry* are those that have used up slices since they last waited. They run
//! when the others, the *fresh*, have run; after [`PATIENCE`] of those in a row
//! one of them has its turn all the same. Each class is first come, first served.

use std::collections::VecDeque;

/// Fresh ones in a row while a hungry one waits.
const PATIENCE: u32 = 64;

/// See the module.
#[derive(Debug)]
pub(crate) struct Ready<T> {
    fresh: VecDeque<T>,
    hungry: VecDeque<T>,
    /// fresh ones taken since a hungry one began to wait
    passed_over: u32,
}

impl<T> Default for Ready<T> {
    fn default() -> Ready<T> {
        Ready { fresh: VecDeque::new(), hungry: VecDeque::new(), passed_over: 0 }
    }
}

impl<T> Ready<T> {
    pub fn push_fresh(&mut self, item: T) {
        self.fresh.push_back(item);
    }

    pub fn push_hungry(&mut self, item: T) {
        self.hungry.push_back(item);
    }

    /// Whether [`Ready::pop`] would take a hungry one.
    pub fn next_is_hungry(&self) -> bool {
        !self.hungry.is_empty() && (self.fresh.is_empty() || self.passed_over >= PATIENCE)
    }

    pub fn pop(&mut self) -> Option<T> {
        match self.next_is_hungry() {
            true => self.pop_hungry(),
            false => self.pop_fresh(),
        }
    }

    pub fn pop_fresh(&mut self) -> Option<T> {
        let item = self.fresh.pop_front()?;
        self.passed_over += u32::from(!self.hungry.is_empty());
        Some(item)
    }

    /// Gives the fresh one at `index` the next turn, in the place of the first one.
    pub fn prefer(&mut self, index: usize) {
        if index < self.fresh.len() {
            self.fresh.swap(0, index);
        }
    }

    /// How many fresh ones wait.
    pub fn fresh_len(&self) -> usize {
        self.fresh.len()
    }

    pub fn pop_hungry(&mut self) -> Option<T> {
        self.passed_over = 0;
        self.hungry.pop_front()
    }

    pub fn has_fresh(&self) -> bool {
        !self.fresh.is_empty()
    }

    pub fn len(&self) -> usize {
        self.fresh.len() + self.hungry.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fresh_ones_go_first_in_their_order() {
        let mut ready = Ready::default();
        ready.push_hungry("hog 1");
        ready.push_fresh("a");
        ready.push_hungry("hog 2");
        ready.push_fresh("b");
        assert_eq!((ready.len(), ready.has_fresh()), (4, true));
        let order: Vec<_> = std::iter::from_fn(|| ready.pop()).collect();
        assert_eq!(order, ["a", "b", "hog 1", "hog 2"]);
        assert!(ready.is_empty() && !ready.next_is_hungry());
    }

    #[test]
    fn a_flood_of_fresh_ones_cannot_starve_a_hungry_one() {
        let mut ready = Ready::default();
        // Those before it came do not count.
        for _ in 0..10 * PATIENCE {
            ready.push_fresh(false);
            ready.pop();
        }
        ready.push_hungry(true);
        for round in 0..3 {
            for _ in 0..PATIENCE {
                ready.push_fresh(false);
                assert_eq!(ready.pop(), Some(false), "round {round}");
            }
            ready.push_fresh(false);
            assert_eq!(ready.pop(), Some(true), "round {round}");
            ready.push_hungry(true);
            assert_eq!(ready.pop(), Some(false));
            ready.pop_hungry();
            ready.push_hungry(true);
        }
    }
}
