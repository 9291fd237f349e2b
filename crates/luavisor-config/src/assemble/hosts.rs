//! `process.host` and `terminal.host` entries, and which of them is the default.

use std::time::Duration;

use crate::application::{HostDefinition, HostLimits, ProcessLimits};
use crate::diagnostic::{Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::lifecycle::Lifecycle;
use crate::read;
use crate::yaml::Node;

use super::lifecycles::{positive, set};
use super::names::HOSTS;

/// Reads a host entry. Its dependencies are filled in later.
pub(super) fn read(
    problems: &mut Problems,
    entry: &RawEntry,
    lifecycle: Lifecycle,
) -> HostDefinition {
    let mut host = HostDefinition {
        id: entry.id.clone(),
        workers: None,
        slice: Duration::from_millis(5),
        max_processes: None,
        unpreemptible: Duration::from_secs(1),
        limits: HostLimits::default(),
        hide_logs: false,
        lifecycle,
        dependencies: Vec::new(),
    };
    let p = problems;
    if entry.kind_name() == "terminal.host" {
        host.workers = Some(1);
        set(p, &entry.data, "hide_logs", read::boolean, &mut host.hide_logs);
    }
    if let Some(node) = entry.data.get("host").filter(|node| read::map(p, node).is_some()) {
        if entry.kind_name() == "process.host" {
            set(p, node, "workers", optional(read::count), &mut host.workers);
            set(p, node, "max_processes", optional(read::count), &mut host.max_processes);
        }
        set(p, node, "slice", positive, &mut host.slice);
        set(p, node, "unpreemptible", positive, &mut host.unpreemptible);
        for key in ["queue_size", "local_queue_size"] {
            node.get(key).and_then(|node| read::count(p, node));
        }
    }
    if let Some(node) = entry.data.get("limits").filter(|node| read::map(p, node).is_some()) {
        let limits = &mut host.limits;
        set(p, node, "memory", optional(read::size), &mut limits.memory);
        set(p, node, "mailbox", above_zero(read::count), &mut limits.mailbox);
        set(p, node, "mailbox_bytes", above_zero(read::size), &mut limits.mailbox_bytes);
        set(p, node, "shard_memory", above_zero(read::size), &mut limits.shard_memory);
        set(p, node, "message_bytes", above_zero(read::size), &mut limits.message_bytes);
    }
    host
}

/// The `limits` of a `process.lua` entry.
pub(super) fn process_limits(problems: &mut Problems, entry: &RawEntry) -> ProcessLimits {
    let mut limits = ProcessLimits::default();
    if let Some(node) = entry.data.get("limits").filter(|node| read::map(problems, node).is_some())
    {
        set(problems, node, "memory", optional(read::size), &mut limits.memory);
        set(problems, node, "mailbox", optional(read::count), &mut limits.mailbox);
    }
    limits
}

/// Zero means: as if it were not given.
fn optional<T: Default + PartialEq>(
    read: impl Fn(&mut Problems, &Node) -> Option<T>,
) -> impl Fn(&mut Problems, &Node) -> Option<Option<T>> {
    move |problems, node| {
        let value = read(problems, node)?;
        Some(if value == T::default() { None } else { Some(value) })
    }
}

/// The same for a value that has a default.
fn above_zero<T: Default + PartialEq>(
    read: impl Fn(&mut Problems, &Node) -> Option<T>,
) -> impl Fn(&mut Problems, &Node) -> Option<T> {
    move |problems, node| read(problems, node).filter(|value| *value != T::default())
}

/// Where services run that name no host: the only `process.host` there is.
pub(super) struct DefaultHost<'a> {
    hosts: Vec<&'a EntryId>,
}

impl<'a> DefaultHost<'a> {
    /// Looks at all entries.
    pub fn of(entries: &'a RawEntries) -> DefaultHost<'a> {
        let hosts = entries.list.iter().filter(|entry| entry.kind_name() == "process.host");
        DefaultHost { hosts: hosts.map(|entry| &entry.id).collect() }
    }

    /// The host of a service: the first of `choices` that is given, else the
    /// default. No or several hosts are reported at the service's name.
    pub fn host(
        &self,
        problems: &mut Problems,
        entries: &RawEntries,
        service: &RawEntry,
        fallback: Option<&EntryId>,
    ) -> Option<EntryId> {
        if let Some(node) = service.data.get("host") {
            let target = entries.target(problems, service, node, HOSTS, "host")?;
            return Some(target.id.clone());
        }
        if let Some(host) = fallback {
            return Some(host.clone());
        }
        let message = match self.hosts.as_slice() {
            [host] => return Some((*host).clone()),
            [] => format!("no process.host for service {}", service.id),
            several => {
                let names: Vec<&str> = several.iter().map(|id| id.as_str()).collect();
                format!("several process hosts ({}), set host:", names.join(", "))
            }
        };
        problems.push(Problem::error(service.name_span, message));
        None
    }
}
