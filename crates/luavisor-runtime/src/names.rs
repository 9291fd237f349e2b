//! Registered names (SPEC 12.4).
//!
//! A name belongs to one living process; a process may have any number of them.
//! Names vanish when their owner ends, before its EXIT is sent.
//!
//! The race between registering a foreign process and its death is closed by the
//! caller ([`Names::claim`] followed by a look at the owner's life) together with
//! a mark per slot that an ending process checks after it stopped being
//! routable: one of the two always sees the other. See `shard::Shard::end_life`.

use std::collections::HashMap;
use std::sync::{Arc, RwLock, RwLockWriteGuard};

use luavisor_core::{Error, Kind, Pid};
use smallvec::SmallVec;

use crate::sync::{read, write};

#[derive(Clone, Copy, Debug)]
struct Owner {
    pid: Pid,
    registrant: Pid,
}

#[derive(Debug, Default)]
struct Tables {
    by_name: HashMap<Arc<str>, Owner>,
    by_owner: HashMap<Pid, SmallVec<[Arc<str>; 1]>>,
}

/// The names of one runtime.
#[derive(Debug, Default)]
pub(crate) struct Names {
    tables: RwLock<Tables>,
}

/// What a claim came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Claim {
    /// The name is the claimant's now.
    Made,
    /// It was already.
    Kept,
    /// It belongs to this process.
    Taken(Pid),
}

impl Names {
    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        write(&self.tables)
    }

    /// Gives `name` to `pid` unless it is taken.
    pub fn claim(&self, name: &str, pid: Pid, registrant: Pid) -> Claim {
        let mut tables = self.write();
        if let Some(owner) = tables.by_name.get(name) {
            return if owner.pid == pid { Claim::Kept } else { Claim::Taken(owner.pid) };
        }
        let name: Arc<str> = name.into();
        tables.by_name.insert(name.clone(), Owner { pid, registrant });
        tables.by_owner.entry(pid).or_default().push(name);
        Claim::Made
    }

    /// The owner of a name.
    pub fn lookup(&self, name: &str) -> Option<Pid> {
        let tables = read(&self.tables);
        tables.by_name.get(name).map(|owner| owner.pid)
    }

    /// `unregister` by `caller`.
    pub fn unregister(&self, name: &str, caller: Pid) -> Result<bool, Error> {
        let mut tables = self.write();
        let Some(owner) = tables.by_name.get(name).copied() else { return Ok(false) };
        if owner.pid != caller && owner.registrant != caller {
            let text = "name is registered by another process";
            return Err(Error::new(Kind::PERMISSION_DENIED, text));
        }
        tables.by_name.remove(name);
        if let Some(names) = tables.by_owner.get_mut(&owner.pid) {
            names.retain(|owned| &**owned != name);
            if names.is_empty() {
                tables.by_owner.remove(&owner.pid);
            }
        }
        Ok(true)
    }

    /// The process ended: forgets its names.
    pub fn release(&self, pid: Pid) {
        let mut tables = self.write();
        for name in tables.by_owner.remove(&pid).into_iter().flatten() {
            tables.by_name.remove(&name);
        }
    }

    /// The first name with such an owner.
    pub fn find(&self, such: impl Fn(Pid) -> bool) -> Option<(Arc<str>, Pid)> {
        let tables = read(&self.tables);
        let found = tables.by_name.iter().filter(|(_, owner)| such(owner.pid));
        // The table has no order; a simulation needs one.
        let first = found.min_by(|a, b| a.0.cmp(b.0));
        first.map(|(name, owner)| (name.clone(), owner.pid))
    }

    /// The names of a process.
    pub fn of(&self, pid: Pid) -> Vec<Arc<str>> {
        let tables = read(&self.tables);
        tables.by_owner.get(&pid).map(|names| names.to_vec()).unwrap_or_default()
    }
}
