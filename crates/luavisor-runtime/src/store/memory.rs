//! `store.memory`: a sorted map that lives as long as its service.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Kind, Values};
use luavisor_vm::store::{Condition, Store, StoreInfo, StoreRequest, StoreWrite};

use super::entries::{self, Answer};
use super::keeper::Resource;
use super::{key_not_found, not_running};
use crate::sync::lock;

/// See the module.
pub(super) struct Memory {
    id: Arc<str>,
    max_size: usize,
    cleanup: u64,
    contents: Mutex<Option<Contents>>,
}

#[derive(Default)]
struct Contents {
    items: BTreeMap<Bytes, Item>,
    /// when what expires, soonest first; times above zero keep their order as bits
    expiring: BTreeSet<(u64, Bytes)>,
    /// of the last write: no key ever has the same version twice
    version: u64,
}

#[derive(Clone)]
struct Item {
    value: Arc<Values>,
    version: u64,
    expires: Option<f64>,
}

impl Memory {
    pub fn new(id: Arc<str>, max_size: usize, cleanup: u64) -> Memory {
        Memory { id, max_size, cleanup, contents: Mutex::default() }
    }

    fn with<T>(&self, work: impl FnOnce(&mut Contents) -> T) -> Result<T, Error> {
        lock(&self.contents).as_mut().map(work).ok_or_else(|| not_running(&self.id))
    }

    fn find(&self, key: &Bytes, now: f64) -> Result<Item, Error> {
        self.with(|contents| contents.find(key, now).cloned())?.ok_or_else(key_not_found)
    }

    fn write(&self, write: StoreWrite, now: f64) -> Result<Item, Error> {
        self.with(|contents| contents.write(write, now, self.max_size))?
    }
}

impl Item {
    fn lives(&self, now: f64) -> bool {
        self.expires.is_none_or(|at| at > now)
    }
}

impl Contents {
    fn find(&self, key: &Bytes, now: f64) -> Option<&Item> {
        self.items.get(key).filter(|item| item.lives(now))
    }

    fn remove(&mut self, key: &Bytes) -> Option<Item> {
        let item = self.items.remove(key)?;
        if let Some(at) = item.expires {
            self.expiring.remove(&(at.to_bits(), key.clone()));
        }
        Some(item)
    }

    /// Removes what has expired.
    fn clean(&mut self, now: f64) {
        while let Some((at, key)) = self.expiring.first().cloned() {
            if f64::from_bits(at) > now {
                return;
            }
            self.remove(&key);
        }
    }

    fn write(&mut self, write: StoreWrite, now: f64, max_size: usize) -> Result<Item, Error> {
        let present = self.find(&write.key, now);
        match write.condition {
            Condition::Absent if present.is_some() => {
                let error = Error::new(Kind::ALREADY_EXISTS, "key already exists");
                return Err(error.retryable(false));
            }
            Condition::Version(wanted)
                if present.is_none_or(|item| item.version as f64 != wanted) =>
            {
                return Err(Error::new(Kind::CONFLICT, "version mismatch").retryable(true));
            }
            _ => {}
        }
        if present.is_none() && self.items.len() >= max_size {
            self.clean(now);
            if self.items.len() >= max_size {
                return Err(Error::new(Kind::UNAVAILABLE, "store is full").retryable(true));
            }
        }
        self.remove(&write.key);
        self.version += 1;
        let StoreWrite { key, value, expires, .. } = write;
        let item = Item { value: Arc::new(value), version: self.version, expires };
        if let Some(at) = expires {
            self.expiring.insert((at.to_bits(), key.clone()));
        }
        self.items.insert(key, item.clone());
        Ok(item)
    }

    /// The next living entries behind a key, one more than is asked for.
    fn page(
        &self,
        prefix: &Bytes,
        after: Option<Bytes>,
        limit: usize,
        now: f64,
    ) -> Vec<(Bytes, Item)> {
        let start = match after {
            Some(after) if after >= *prefix => Bound::Excluded(after),
            _ => Bound::Included(prefix.clone()),
        };
        let range = self.items.range((start, Bound::Unbounded));
        let matching = range.take_while(|(key, _)| key.starts_with(prefix));
        let living = matching.filter(|(_, item)| item.lives(now)).take(limit + 1);
        living.map(|(key, item)| (key.clone(), item.clone())).collect()
    }
}

impl Store for Memory {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            backend: "memory",
            consistency: "local",
            durable: false,
            list: true,
            versioned: true,
            conditional_put: true,
            ttl: true,
            blocks: false,
        }
    }

    fn run(&self, request: StoreRequest, now: f64) -> Result<Values, Error> {
        // Values are copied outside of the lock.
        match request {
            StoreRequest::Get(key) => Ok(Values::clone(&self.find(&key, now)?.value)),
            StoreRequest::Entry(key) => {
                let item = self.find(&key, now)?;
                Ok(entries::single(&key, &item.value, item.version))
            }
            StoreRequest::Has(key) => {
                let found = self.with(|contents| contents.find(&key, now).is_some())?;
                Ok(Values::one(found))
            }
            StoreRequest::Delete(key) => {
                let removed = self.with(|contents| contents.remove(&key))?;
                Ok(Values::one(removed.is_some_and(|item| item.lives(now))))
            }
            StoreRequest::Set(write) => {
                self.write(write, now)?;
                Ok(Values::one(true))
            }
            StoreRequest::Put(write) => {
                let key = write.key.clone();
                let item = self.write(write, now)?;
                Ok(entries::single(&key, &item.value, item.version))
            }
            StoreRequest::List { prefix, after, limit } => {
                let mut found = self.with(|contents| contents.page(&prefix, after, limit, now))?;
                let more = found.len() > limit;
                found.truncate(limit);
                let cursor = found.last().map(|(key, _)| key.clone());
                let mut answer = Answer::default();
                let entry =
                    |(key, item): &(Bytes, Item)| answer.entry(key, &item.value, item.version);
                let items = found.iter().map(entry).collect();
                Ok(answer.page(items, cursor, more))
            }
        }
    }
}

impl Resource for Memory {
    fn open(&self, _driven: bool) -> Result<(), Error> {
        *lock(&self.contents) = Some(Contents::default());
        Ok(())
    }

    fn close(&self) {
        let contents = lock(&self.contents).take();
        drop(contents);
    }

    fn is_open(&self) -> bool {
        lock(&self.contents).is_some()
    }

    fn cleanup(&self) -> u64 {
        self.cleanup
    }

    fn clean(&self, now: f64) {
        let _ = self.with(|contents| contents.clean(now));
    }
}
