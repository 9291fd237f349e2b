//! Changes of the entries at run time: what the catalog makes of them is carried out here.
//!
//! Code that is looked up from now on is the new one. Running processes keep theirs;
//! those that asked for it hear OUTDATED. Services start, stop and change.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex};

use luavisor_core::bus::BusEvent;
use luavisor_core::registry::{Change, History};
use luavisor_core::{Error, HostId, Pid, Values};
use luavisor_vm::kernel::Level;

use crate::catalog::Changed;
use crate::host::HostConfig;
use crate::log::{self, Field};
use crate::native::Notice;
use crate::services::{ServiceSpec, Target};
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
    pub fn change_registry(self: &Arc<World>, changes: &[Change]) -> Result<u64, Error> {
        self.change(|| self.catalog.change(changes))
    }

    /// Puts a version in force.
    pub fn go_to_version(self: &Arc<World>, version: u64) -> Result<(), Error> {
        self.change(|| self.catalog.go_to(version))?;
        let version = format!("v{version}");
        self.announce_registry("version.applied", &version);
        Ok(())
    }

    /// Makes a change of entries and does what it means, before the next one is made.
    pub fn change(
        self: &Arc<World>,
        make: impl FnOnce() -> Result<Changed, Error>,
    ) -> Result<u64, Error> {
        let _turn = lock(&self.changing);
        let changed = make()?;
        let version = changed.version;
        self.carry_out(changed);
        Ok(version)
    }

    fn carry_out(self: &Arc<World>, changed: Changed) {
        let Changed { changes, outdated, services, ended, renewed, .. } = changed;
        changed.resources.into_iter().for_each(|resources| self.set_resources(resources));
        changed.retired.iter().for_each(|name| self.retire_host(name));
        let hosts = changed.hosts.into_iter().filter_map(|(host, service)| {
            let target = Target::Host(self.new_host(host)?);
            Some(ServiceSpec { target, ..service })
        });
        let services: Vec<ServiceSpec> = hosts.chain(services).collect();
        if let Some(board) = self.services.get() {
            ended.iter().for_each(|id| board.remove(id));
            board.amend(changed.amended);
            board.put(services, self.clock.wall());
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

    /// A host in the place of the one of its name, if there is one.
    fn new_host(self: &Arc<World>, config: HostConfig) -> Option<HostId> {
        self.retire_host(&config.name);
        let name = config.name.clone();
        match self.add_host(config) {
            Ok(host) => Some(host.id),
            // Its name is free, but after 100000 hosts there is no room for another one.
            Err(error) => {
                let fields = [("host", Field::Text(&name)), ("error", Field::Text(&error.message))];
                log::write(&*self.log, Level::Error, "host not added", fields);
                None
            }
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
