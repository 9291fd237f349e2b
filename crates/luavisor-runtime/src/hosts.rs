//! Which hosts there are, and what their processes are called.
//!
//! A host has a number for ever and a name until it is retired: then the next one may
//! have it. Pids are told apart by the generations that each host of a name has for
//! itself; see `shard::places`.

use std::sync::Arc;

use luavisor_core::{Error, HostId, Kind, Pid, pid};

use crate::host::{Host, HostConfig};
use crate::shard::Shard;
use crate::sync::{read, write};
use crate::world::World;

impl World {
    /// Adds a host that is not started.
    pub fn add_host(self: &Arc<World>, config: HostConfig) -> Result<Arc<Host>, Error> {
        let mut by_name = write(&self.by_name);
        if by_name.contains_key(&*config.name) {
            let text = format!("host {} exists already", config.name);
            return Err(Error::new(Kind::ALREADY_EXISTS, text));
        }
        let earlier = self.every_host().filter(|host| host.name == config.name).count() as u64;
        let host = self
            .hosts
            .push(|index| {
                let id = HostId(index as u32 + 1);
                Host::new(id, config, &self.executor, &self.clock, earlier)
            })
            .ok_or_else(|| Error::new(Kind::LIMIT_EXCEEDED, "too many hosts"))?
            .clone();
        host.attach();
        by_name.insert(host.name.clone(), host.clone());
        Ok(host)
    }

    /// Forgets the name of a host. What runs there is not touched: its service stops it.
    pub fn retire_host(&self, name: &str) {
        if let Some(host) = write(&self.by_name).remove(name) {
            host.retire();
        }
    }

    pub fn host(&self, id: HostId) -> Option<&Arc<Host>> {
        self.hosts.get((id.0 as usize).checked_sub(1)?)
    }

    pub fn host_named(&self, name: &str) -> Option<Arc<Host>> {
        read(&self.by_name).get(name).cloned()
    }

    /// All hosts, but for those that are over.
    pub fn hosts(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.every_host().filter(|host| !host.over())
    }

    /// Those too.
    pub fn every_host(&self) -> impl Iterator<Item = &Arc<Host>> {
        self.hosts.iter()
    }

    /// The shard that the process lives or lived in.
    pub fn shard(&self, pid: Pid) -> Option<&Arc<Shard>> {
        self.host(pid.host)?.shard(pid.shard())
    }

    pub fn alive(&self, pid: Pid) -> bool {
        self.shard(pid).is_some_and(|shard| shard.alive(pid))
    }

    pub fn pid_text(&self, pid: Pid) -> String {
        pid.text(self.host(pid.host).map_or("", |host| &host.name)).to_string()
    }

    /// A destination as text (SPEC 2.2).
    pub fn resolve(&self, destination: &[u8]) -> Result<Pid, Error> {
        let text = String::from_utf8_lossy(destination);
        let Some(parsed) = pid::parse(&text) else {
            return self.names.lookup(&text).ok_or_else(|| {
                let text = format!("could not resolve '{text}' as PID or registered name");
                Error::not_found(text)
            });
        };
        let known = self.host_named(parsed.host).filter(|_| parsed.node.is_none());
        let pid = |host: &Arc<Host>| host.own_pid(parsed.uniq?);
        if let Some(pid) = known.as_ref().and_then(pid) {
            return Ok(pid);
        }
        // What runs on a host that was deleted or replaced can be reached until it ends.
        let same_name = |host: &&Arc<Host>| host.retired() && *host.name == *parsed.host;
        match self.hosts().filter(same_name).find_map(pid) {
            Some(pid) if parsed.node.is_none() => Ok(pid),
            _ if known.is_none() => Err(Error::not_found("host not found")),
            _ => Err(Error::process_not_found()),
        }
    }
}
