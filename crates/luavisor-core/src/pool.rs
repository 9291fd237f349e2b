//! How many calls of a function run at once, and who is next.
//!
//! A pool has seats. Whoever enters gets one or waits; whoever leaves passes the
//! seat on to the one that has waited longest. A seat that is passed on is taken
//! at once, so nobody who comes later can slip in between.
//!
//! Not bounded: each place is held by a pending operation of a living process.

use std::collections::BTreeMap;

/// The place of one who waits; never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place(u64);

/// The seats of one function, and those that wait for one.
#[derive(Debug)]
pub struct Pool<W> {
    seats: u32,
    taken: u32,
    waiting: BTreeMap<Place, W>,
    next: u64,
}

impl<W> Pool<W> {
    /// A pool with that many seats; at least one.
    pub fn new(seats: u32) -> Pool<W> {
        Pool { seats: seats.max(1), taken: 0, waiting: BTreeMap::new(), next: 0 }
    }

    /// Takes a seat (`None`), or a place among those that wait. `who` is told its place.
    pub fn enter(&mut self, who: impl FnOnce(Place) -> W) -> Option<Place> {
        if self.taken < self.seats {
            self.taken += 1;
            return None;
        }
        let place = Place(self.next);
        self.next += 1;
        self.waiting.insert(place, who(place));
        Some(place)
    }

    /// Gives a seat back. It belongs to the one that is returned, if somebody waits.
    pub fn leave(&mut self) -> Option<W> {
        let next = self.waiting.pop_first().map(|(_, who)| who);
        if next.is_none() {
            self.taken = self.taken.saturating_sub(1);
        }
        next
    }

    /// Waits no more. False: it was given a seat already, which it must give back.
    pub fn withdraw(&mut self, place: Place) -> bool {
        self.waiting.remove(&place).is_some()
    }

    /// How many run and how many wait.
    pub fn load(&self) -> (u32, usize) {
        (self.taken, self.waiting.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enter(pool: &mut Pool<char>, who: char) -> Option<Place> {
        pool.enter(|_| who)
    }

    #[test]
    fn seats_are_passed_on_in_the_order_of_arrival() {
        let mut pool = Pool::new(2);
        assert!(enter(&mut pool, 'a').is_none() && enter(&mut pool, 'b').is_none());
        let places: Vec<_> = ['c', 'd', 'e'].map(|who| enter(&mut pool, who)).into();
        assert!(places.iter().all(Option::is_some));
        assert_eq!(pool.load(), (2, 3));
        assert_eq!((pool.leave(), pool.leave()), (Some('c'), Some('d')));
        // Both seats are taken: whoever comes now is behind the one that waits.
        assert!(enter(&mut pool, 'f').is_some());
        assert_eq!((pool.leave(), pool.leave()), (Some('e'), Some('f')));
        assert_eq!((pool.leave(), pool.leave()), (None, None));
        assert_eq!(pool.load(), (0, 0));
    }

    #[test]
    fn who_withdraws_is_passed_over() {
        let mut pool = Pool::new(0);
        assert!(enter(&mut pool, 'a').is_none());
        let places = ['b', 'c'].map(|who| enter(&mut pool, who));
        let [Some(b), Some(c)] = places else { panic!("{places:?}") };
        assert!(pool.withdraw(b) && !pool.withdraw(b));
        assert_eq!(pool.leave(), Some('c'));
        assert!(!pool.withdraw(c), "it has the seat");
        assert_eq!((pool.leave(), pool.load()), (None, (0, 0)));
    }
}
