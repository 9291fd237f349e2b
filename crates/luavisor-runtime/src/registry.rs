//! Changes of the entries at run time: what the catalog makes of them is carried out here.
//!
//! Code that is looked up from now on is the new one. Running processes keep theirs;
//! those that asked for it hear OUTDATED. Services start, stop and change.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use luavisor_core::bus::BusEvent;
use luavisor_core::registry::{Change, History};
use luavisor_core::{Error, Pid, Values};

use crate::catalog::Changed;
use crate::native::Notice;
use crate::shard::signal::Signal;
use crate::sync::lock;
use crate::world::World;

/// Processes that want to hear of newer code.
#[derive(Default)]
pub(crate) struct Upgradable(Mutex<BTreeSet<Pid>>);

impl Upgradable {
    pub fn set(&self, pid: Pid, upgradable: bool) {
        let mut pids = lock(&self.0);
        match upgradable {
            true => pids.insert(pid),
            false => pids.remove(&pid),
        };
    }

    pub fn contains(&self, pid: Pid) -> bool {
        lock(&self.0).contains(&pid)
    }

    fn all(&self) -> Vec<Pid> {
        lock(&self.0).iter().copied().collect()
    }
}

impl World {
    /// The versions of the entries.
    pub fn history(&self) -> History {
        self.catalog.history().unwrap_or_else(|| History::new(self.catalog.entries()))
    }

    /// Changes entries, all or none. Returns the new version.
    pub fn change_registry(&self, changes: &[Change]) -> Result<u64, Error> {
        let changed = self.catalog.change(changes)?;
        let version = changed.version;
        self.carry_out(changed);
        Ok(version)
    }

    /// Puts a version in force.
    pub fn go_to_version(&self, version: u64) -> Result<(), Error> {
        let changed = self.catalog.go_to(version)?;
        self.carry_out(changed);
        let version = format!("v{version}");
        self.announce_registry("version.applied", &version);
        Ok(())
    }

    /// Does what a change of entries means.
    pub fn carry_out(&self, changed: Changed) {
        let Changed { changes, outdated, services, ended, renewed, .. } = changed;
        if let Some(board) = self.services.get() {
            ended.iter().for_each(|id| board.remove(id));
            services.into_iter().for_each(|spec| board.put(spec, self.clock.wall()));
            self.wake_controller();
        }
        if !renewed.is_empty() {
            let ids = Arc::new(renewed);
            for to in self.supervisors.all() {
                if let Some(shard) = self.shard(to) {
                    let notice = Notice::Outdated(ids.clone());
                    shard.post(Signal::Notice { to, notice });
                }
            }
        }
        if !outdated.is_empty() {
            let ids = Arc::new(outdated);
            for to in self.upgradable.all() {
                if let Some(shard) = self.shard(to) {
                    shard.post(Signal::Outdated { to, ids: ids.clone() });
                }
            }
        }
        for change in changes {
            self.announce_registry(change.name(), change.id());
        }
    }

    /// An event of the bus.
    fn announce_registry(&self, kind: &str, path: &str) {
        let [system, kind, path] = ["registry", kind, path].map(Into::into);
        self.announce(BusEvent { system, kind, path, data: None });
    }

    /// Lets the controller of services look at its requests.
    pub fn wake_controller(&self) {
        if let Some(controller) = self.services.get().and_then(|board| board.controller()) {
            // It never ends before the runtime, and its mailbox is large.
            let _ = self.send(controller, (*b"request").into(), Values::none());
        }
    }
}
