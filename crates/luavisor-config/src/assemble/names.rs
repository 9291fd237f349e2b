//! Looking up entries by the names that other entries give them.

use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::kinds;
use crate::read;
use crate::suggest;
use crate::yaml::Node;

/// Kinds that processes run on.
pub(super) const HOSTS: &[&str] = &["process.host", "terminal.host"];

impl RawEntry {
    /// The name of its kind, empty if it has none.
    pub fn kind_name(&self) -> &str {
        self.kind.as_ref().map_or("", |(kind, _)| kind)
    }

    /// Whether this version runs it as a service.
    pub fn is_service(&self) -> bool {
        match self.kind_name() {
            "process.host" | "terminal.host" | "process.service" => true,
            "store.memory" | "store.sql" | "db.sql.sqlite" | "fs.directory" => true,
            "process.lua" | "process.supervisor" => self.data.get("lifecycle").is_some(),
            _ => false,
        }
    }
}

impl RawEntries {
    /// The entry of that id.
    pub fn get(&self, id: &EntryId) -> Option<&RawEntry> {
        self.list.get(*self.index.get(id)?)
    }

    /// The entry that `node` names, seen from `from`, if it has one of `kinds`
    /// (any, if there are none). Everything else is reported; `role` says what
    /// was looked for, such as `process`.
    pub fn target<'a>(
        &'a self,
        problems: &mut Problems,
        from: &RawEntry,
        node: &Node,
        kinds: &[&str],
        role: &str,
    ) -> Option<&'a RawEntry> {
        let text = read::text(problems, node)?;
        let Some(id) = EntryId::resolve(from.id.namespace(), text) else {
            return read::expected(problems, node, "the id of an entry, namespace:name");
        };
        let Some(entry) = self.get(&id) else {
            if !self.unreadable.contains(id.namespace()) {
                let fitting = self.list.iter().filter(|entry| fits(entry, kinds));
                let hint = suggest::hint(id.as_str(), fitting.map(|entry| entry.id.as_str()));
                let message = format!("unknown {role} \"{id}\"");
                problems.push(Problem::error(node.span, message).hint(hint));
            }
            return None;
        };
        if fits(entry, kinds) {
            return Some(entry);
        }
        // A missing or unknown kind is reported where it stands.
        let kind = kinds::kind(entry.kind_name())?;
        let message = format!("\"{id}\" is a {}, expected a {}", kind.name, kinds.join(" or a "));
        problems.error(node.span, message);
        None
    }
}

fn fits(entry: &RawEntry, kinds: &[&str]) -> bool {
    kinds.is_empty() || kinds.contains(&entry.kind_name())
}

/// Something needs an entry whose kind a later version brings.
pub(super) fn not_supported(node: &Node, kind: &str) -> Problem {
    Problem::new(Level::Strict, node.span, format!("kind \"{kind}\" is not supported yet"))
}
