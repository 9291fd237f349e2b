//! Dependencies between services and the order of the start.
//!
//! An entry depends on every entry that it names: explicitly in `requires`, and
//! implicitly in `host`, `process`, `imports`, `config`, `groups`,
//! `meta.depends_on` and `meta.parent`. A service depends on the services that
//! it reaches this way through entries that are none.

use std::collections::{HashMap, HashSet};

use luavisor_core::startplan;

use crate::diagnostic::Problems;
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::lifecycle::Lifecycle;
use crate::source::Span;
use crate::yaml::Node;

use super::code::{acyclic, named};
use super::{stores, supervisors};

/// The order of all services.
pub(super) struct Order {
    /// services that each entry depends on, by place in the list of entries
    pub dependencies: Vec<Vec<usize>>,
}

impl Order {
    /// Works out the dependencies and reports cycles. `hosts` are default hosts
    /// of services that name none.
    pub fn of(
        problems: &mut Problems,
        entries: &RawEntries,
        lifecycles: &[Lifecycle],
        hosts: &HashMap<usize, EntryId>,
    ) -> Order {
        let mut places = HashMap::new();
        let mut edges: Vec<Vec<usize>> = Vec::with_capacity(entries.list.len());
        for (at, entry) in entries.list.iter().enumerate() {
            let mut targets = Vec::new();
            let mut add = |id: &EntryId, span: Span| {
                if let Some(to) = entries.index.get(id)
                    && !targets.contains(to)
                {
                    targets.push(*to);
                    places.insert((at, *to), span);
                }
            };
            let requires = required_places(entry);
            for id in &lifecycles[at].requires {
                add(id, requires.get(id).copied().unwrap_or(entry.name_span));
            }
            for node in implicit(entry) {
                if let Some(id) = named(entry, node).filter(|id| *id != entry.id) {
                    add(&id, node.span);
                }
            }
            if let Some(host) = hosts.get(&at) {
                add(host, entry.name_span);
            }
            edges.push(targets);
        }
        let mut dependencies = vec![Vec::new(); entries.list.len()];
        let services = entries.list.iter().enumerate().filter(|(_, entry)| entry.is_service());
        for (at, _) in services {
            dependencies[at] = reachable(entries, &edges, at, &mut places);
        }
        acyclic(problems, entries, &mut dependencies, &places, "dependency cycle");
        Order { dependencies }
    }

    /// The levels of what starts at boot: services with `auto_start` and all
    /// that they depend on.
    pub fn start_levels(
        &self,
        entries: &RawEntries,
        lifecycles: &[Lifecycle],
    ) -> Vec<Vec<EntryId>> {
        let auto = |at: &usize| entries.list[*at].is_service() && lifecycles[*at].auto_start;
        let mut open: Vec<usize> = (0..entries.list.len()).filter(auto).collect();
        let mut starting: HashSet<usize> = open.iter().copied().collect();
        while let Some(at) = open.pop() {
            open.extend(self.dependencies[at].iter().copied().filter(|to| starting.insert(*to)));
        }
        let Ok(levels) = startplan::levels(&self.dependencies) else { return Vec::new() };
        let ids = |level: Vec<usize>| {
            let level = level.into_iter().filter(|at| starting.contains(at));
            level.map(|at| entries.list[at].id.clone()).collect::<Vec<_>>()
        };
        levels.into_iter().map(ids).filter(|level| !level.is_empty()).collect()
    }

    /// The ids that an entry depends on.
    pub fn dependencies(&self, entries: &RawEntries, id: &EntryId) -> Vec<EntryId> {
        let at = entries.index.get(id);
        let places = at.map(|at| self.dependencies[*at].as_slice()).unwrap_or_default();
        places.iter().map(|to| entries.list[*to].id.clone()).collect()
    }
}

/// The services that `start` reaches through entries that are none, in the order
/// in which they are named. The place of an indirect one is that of the first step.
fn reachable(
    entries: &RawEntries,
    edges: &[Vec<usize>],
    start: usize,
    places: &mut HashMap<(usize, usize), Span>,
) -> Vec<usize> {
    let mut found = Vec::new();
    let mut seen = HashSet::from([start]);
    for first in &edges[start] {
        let mut open = vec![*first];
        while let Some(at) = open.pop() {
            if at == start && *first != start {
                // Something on the way names the service itself: no order follows from that.
                continue;
            }
            if at != start && !seen.insert(at) {
                continue;
            }
            if entries.list[at].is_service() {
                found.push(at);
                if let Some(span) = places.get(&(start, *first)).copied() {
                    places.entry((start, at)).or_insert(span);
                }
            } else {
                open.extend(edges[at].iter().copied());
            }
        }
    }
    found
}

/// Where each id of `requires` and `depends_on` stands.
fn required_places(entry: &RawEntry) -> HashMap<EntryId, Span> {
    let lifecycle = entry.data.get("lifecycle");
    let lists = ["depends_on", "requires"].map(|key| lifecycle.and_then(|node| node.get(key)));
    let nodes = lists.into_iter().flatten().filter_map(Node::list).flatten();
    nodes.filter_map(|node| Some((named(entry, node)?, node.span))).collect()
}

/// The values that may name an entry.
fn implicit(entry: &RawEntry) -> Vec<&Node> {
    let mut nodes: Vec<&Node> = Vec::new();
    for key in ["host", "process", "config", "groups"] {
        nodes.extend(entry.data.get(key));
    }
    if entry.kind_name() == stores::SQL {
        nodes.extend(entry.data.get("database"));
    }
    if entry.kind_name() == supervisors::SUPERVISOR {
        nodes.extend(supervisors::named_nodes(entry));
    }
    let imports = entry.data.get("imports").and_then(Node::fields).unwrap_or_default();
    nodes.extend(imports.iter().map(|field| &field.value));
    for key in ["depends_on", "parent"] {
        nodes.extend(entry.meta.get(key));
    }
    let texts = |node: &Node| node.as_text().is_some();
    let (mut found, other): (Vec<&Node>, Vec<&Node>) =
        nodes.into_iter().partition(|node| texts(node));
    found.extend(other.into_iter().filter_map(Node::list).flatten().filter(|node| texts(node)));
    found
}
