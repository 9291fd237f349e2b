//! Values by key, in memory, each for as long as it was given (MODULES 19).
//!
//! Pure: time comes in with each call, in nanoseconds.

use std::collections::BTreeMap;
use std::ops::Bound;

use crate::error::{Error, Kind};
use crate::value::{Bytes, Values};

/// Keys that a store holds when it does not say.
pub const DEFAULT_SIZE: usize = 10_000;

/// What is stored under a key.
#[derive(Clone, Debug)]
pub struct Item {
    /// the value
    pub value: Values,
    /// rises with each change of the store
    pub version: u64,
    /// the key is gone from then on
    expires: Option<u64>,
}

impl Item {
    fn alive(&self, now: u64) -> bool {
        self.expires.is_none_or(|expires| now < expires)
    }
}

/// When a value may be put.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// Always.
    None,
    /// There is no such key.
    Absent,
    /// The key has this version.
    Version(u64),
}

/// Some of the items, by key.
#[derive(Clone, Debug)]
pub struct Page {
    /// in the order of their bytes
    pub items: Vec<(Bytes, Item)>,
    /// whether there are others behind
    pub more: bool,
}

/// A store.
#[derive(Debug)]
pub struct Store {
    items: BTreeMap<Bytes, Item>,
    most: usize,
    /// how often what has expired is removed; 0: when room is needed
    interval: u64,
    next_cleanup: u64,
    version: u64,
}

impl Default for Store {
    fn default() -> Store {
        Store::new(DEFAULT_SIZE, 0)
    }
}

impl Store {
    /// An empty one for `most` keys (0: [`DEFAULT_SIZE`]).
    pub fn new(most: usize, interval: u64) -> Store {
        let most = if most == 0 { DEFAULT_SIZE } else { most };
        Store { items: BTreeMap::new(), most, interval, next_cleanup: interval, version: 0 }
    }

    /// What is under a key.
    pub fn get(&self, key: &[u8], now: u64) -> Option<&Item> {
        self.items.get(key).filter(|item| item.alive(now))
    }

    /// Puts a value under a key, for `ttl` nanoseconds or for ever.
    ///
    /// # Errors
    /// AlreadyExists, Conflict (retryable): the condition is not met. Unavailable
    /// (retryable): the store is full.
    pub fn put(
        &mut self,
        key: Bytes,
        value: Values,
        ttl: Option<u64>,
        condition: Condition,
        now: u64,
    ) -> Result<Item, Error> {
        if self.interval > 0 && now >= self.next_cleanup {
            self.clean_up(now);
            self.next_cleanup = now.saturating_add(self.interval);
        }
        let known = self.get(&key, now).map(|item| item.version);
        match condition {
            Condition::Absent if known.is_some() => {
                let error = Error::new(Kind::ALREADY_EXISTS, "key already exists");
                return Err(error.retryable(false));
            }
            Condition::Version(version) if known != Some(version) => {
                return Err(Error::new(Kind::CONFLICT, "version mismatch").retryable(true));
            }
            _ => {}
        }
        if !self.items.contains_key(&key) && self.items.len() >= self.most {
            self.clean_up(now);
            if self.items.len() >= self.most {
                return Err(Error::new(Kind::UNAVAILABLE, "store is full").retryable(true));
            }
        }
        self.version += 1;
        let expires = ttl.map(|ttl| now.saturating_add(ttl));
        let item = Item { value, version: self.version, expires };
        self.items.insert(key, item.clone());
        Ok(item)
    }

    /// Removes a key; whether it was there.
    pub fn delete(&mut self, key: &[u8], now: u64) -> bool {
        self.items.remove(key).is_some_and(|item| item.alive(now))
    }

    /// At most `limit` items whose keys have the prefix and come after `after`.
    pub fn list(&self, prefix: &[u8], after: Option<&[u8]>, limit: usize, now: u64) -> Page {
        let first = match after {
            Some(after) if after >= prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix),
        };
        let all = self.items.range::<[u8], _>((first, Bound::Unbounded));
        let mut such =
            all.take_while(|(key, _)| key.starts_with(prefix)).filter(|(_, item)| item.alive(now));
        let items =
            such.by_ref().take(limit).map(|(key, item)| (key.clone(), item.clone())).collect();
        Page { items, more: such.next().is_some() }
    }

    fn clean_up(&mut self, now: u64) {
        self.items.retain(|_, item| item.alive(now));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: u64 = 1_000_000_000;

    fn put(store: &mut Store, key: &str, ttl: Option<u64>, now: u64) -> Result<Item, Error> {
        let value = Values::one(key);
        store.put(key.as_bytes().into(), value, ttl, Condition::None, now)
    }

    #[test]
    fn keys_expire_at_once_and_make_room() {
        let mut store = Store::new(2, 0);
        put(&mut store, "a", Some(SECOND), 0).unwrap();
        put(&mut store, "b", None, 0).unwrap();
        assert!(store.get(b"a", SECOND - 1).is_some());
        let full = put(&mut store, "c", None, SECOND - 1).unwrap_err();
        assert_eq!((full.kind, full.retryable), (Kind::UNAVAILABLE, Some(true)));
        // What is there may change.
        put(&mut store, "b", None, SECOND - 1).unwrap();
        assert!(store.get(b"a", SECOND).is_none());
        assert!(!store.delete(b"a", SECOND));
        put(&mut store, "c", None, SECOND).unwrap();
        assert!(store.delete(b"c", SECOND) && !store.delete(b"c", SECOND));
    }

    #[test]
    fn conditions_hold() {
        let mut store = Store::new(0, 0);
        let key = || Bytes::from(&b"k"[..]);
        let one = store.put(key(), Values::one(1), None, Condition::Absent, 0).unwrap();
        let again = store.put(key(), Values::one(2), None, Condition::Absent, 0).unwrap_err();
        assert_eq!(again.kind, Kind::ALREADY_EXISTS);
        let wrong = Condition::Version(one.version + 1);
        let conflict = store.put(key(), Values::one(2), None, wrong, 0).unwrap_err();
        assert_eq!((conflict.kind, conflict.retryable), (Kind::CONFLICT, Some(true)));
        let right = Condition::Version(one.version);
        let two = store.put(key(), Values::one(2), Some(SECOND), right, 0).unwrap();
        assert!(two.version > one.version);
        // It has expired: absent again.
        assert!(store.put(key(), Values::one(3), None, Condition::Absent, SECOND).is_ok());
    }

    #[test]
    fn pages_follow_the_bytes_of_keys() {
        let mut store = Store::new(0, SECOND);
        for key in ["b1", "a2", "a1", "a3", "c"] {
            put(&mut store, key, (key == "a2").then_some(SECOND), 0).unwrap();
        }
        let keys = |page: Page| -> (Vec<String>, bool) {
            let keys = page.items.iter().map(|(key, _)| String::from_utf8_lossy(key).into_owned());
            (keys.collect(), page.more)
        };
        assert_eq!(keys(store.list(b"a", None, 2, 0)), (vec!["a1".into(), "a2".into()], true));
        assert_eq!(keys(store.list(b"a", Some(b"a2"), 2, 0)), (vec!["a3".into()], false));
        let later = store.list(b"", None, 10, SECOND);
        assert_eq!(keys(later).0, ["a1", "a3", "b1", "c"]);
        assert_eq!(keys(store.list(b"b", Some(b"a"), 10, 0)).0, ["b1"]);
        assert!(keys(store.list(b"z", None, 10, 0)).0.is_empty());
    }
}
