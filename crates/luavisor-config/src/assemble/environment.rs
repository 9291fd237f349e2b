//! `env.storage.*` and `env.variable` entries (MODULES 7).
//!
//! The file of an `env.storage.file` is read here, so that one that is missing is
//! reported with everything else.

use std::collections::HashMap;
use std::path::Path;

use crate::diagnostic::{Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::files;
use crate::id::EntryId;
use crate::read;
use crate::resources::{StorageDefinition, StorageKind, VariableDefinition};
use crate::source::Span;
use crate::yaml::{Data, Node};

use super::lifecycles::set;

/// Kinds of storages.
const STORAGES: &[&str] = &[
    "env.storage.memory",
    "env.storage.os",
    "env.storage.file",
    "env.storage.static",
    "env.storage.router",
];

/// Largest file of a storage: it is held in memory.
const LARGEST: u64 = 1 << 20;

/// What the entries declare.
#[derive(Default)]
pub(super) struct Environment {
    pub storages: Vec<StorageDefinition>,
    pub variables: Vec<VariableDefinition>,
    /// where a variable of this name was declared
    names: HashMap<String, Span>,
}

impl Environment {
    /// Reads an entry if it is one of these kinds. Paths start from `directory`.
    pub fn read(
        &mut self,
        problems: &mut Problems,
        entries: &RawEntries,
        entry: &RawEntry,
        directory: &Path,
    ) {
        let kind = match entry.kind_name() {
            "env.storage.memory" => Some(StorageKind::Memory),
            "env.storage.os" => Some(StorageKind::Os),
            "env.storage.static" => Some(values(problems, entry)),
            "env.storage.file" => file(problems, entry, directory),
            "env.storage.router" => router(problems, entries, entry),
            "env.variable" => return self.variable(problems, entries, entry),
            _ => return,
        };
        let storage = |kind| StorageDefinition { id: entry.id.clone(), kind };
        self.storages.extend(kind.map(storage));
    }

    fn variable(&mut self, problems: &mut Problems, entries: &RawEntries, entry: &RawEntry) {
        let variable = entry.data.get("variable").and_then(|node| self.name(problems, node));
        let default = entry.data.get("default").and_then(|node| scalar(problems, node));
        let (mut read_only, mut readonly) = (false, false);
        set(problems, &entry.data, "read_only", read::boolean, &mut read_only);
        set(problems, &entry.data, "readonly", read::boolean, &mut readonly);
        let Some(node) = entry.data.get("storage") else {
            problems.error(entry.name_span, "storage is required");
            return;
        };
        let Some(storage) = entries.target(problems, entry, node, STORAGES, "storage") else {
            return;
        };
        self.variables.push(VariableDefinition {
            id: entry.id.clone(),
            variable,
            storage: storage.id.clone(),
            default,
            read_only: read_only || readonly,
        });
    }

    /// The name that programs use, once in the application.
    fn name(&mut self, problems: &mut Problems, node: &Node) -> Option<String> {
        let name = read::text(problems, node)?;
        if !name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
            problems.error(node.span, "invalid environment variable name");
            return None;
        }
        if let Some(first) = self.names.insert(name.to_owned(), node.span) {
            let problem =
                Problem::error(node.span, format!("variable name already exists: {name}"));
            problems.push(problem.note(first, "it is declared here"));
            return None;
        }
        Some(name.to_owned())
    }

    /// Reports routers that contain themselves.
    pub fn check(&self, problems: &mut Problems, entries: &RawEntries) {
        let routers: HashMap<&EntryId, &[EntryId]> = self
            .storages
            .iter()
            .filter_map(|storage| match &storage.kind {
                StorageKind::Router(storages) => Some((&storage.id, storages.as_slice())),
                _ => None,
            })
            .collect();
        for (router, parts) in &routers {
            let mut reached: Vec<&EntryId> = parts.iter().collect();
            let mut at = 0;
            while let Some(id) = reached.get(at).copied() {
                at += 1;
                let more = routers.get(id).copied().unwrap_or_default();
                let new: Vec<&EntryId> = more.iter().filter(|id| !reached.contains(id)).collect();
                reached.extend(new);
            }
            if reached.contains(router)
                && let Some(entry) = entries.get(router)
            {
                problems.error(entry.name_span, format!("router {router} contains itself"));
            }
        }
    }
}

/// A scalar as it is written; a number is text too.
fn scalar(problems: &mut Problems, node: &Node) -> Option<String> {
    match &node.data {
        Data::Scalar(scalar) if !node.is_missing() => Some(scalar.text.to_string()),
        Data::Scalar(_) => None,
        _ => read::expected(problems, node, "a string"),
    }
}

fn values(problems: &mut Problems, entry: &RawEntry) -> StorageKind {
    let fields = entry.data.get("values").and_then(|node| read::map(problems, node));
    let fields = fields.unwrap_or_default().iter().filter(|field| !field.value.is_null());
    let pairs =
        fields.filter_map(|field| Some((field.key.to_string(), scalar(problems, &field.value)?)));
    StorageKind::Static(pairs.collect())
}

fn file(problems: &mut Problems, entry: &RawEntry, directory: &Path) -> Option<StorageKind> {
    let node = entry.data.get("file_path");
    let span = node.map_or(entry.name_span, |node| node.span);
    let path = node.and_then(|node| scalar(problems, node)).unwrap_or_default();
    if path.trim().is_empty() {
        problems.error(span, "file path must not be empty");
        return None;
    }
    let (mut auto_create, mut file_mode, mut dir_mode) = (false, 0o644, 0o755);
    set(problems, &entry.data, "auto_create", read::boolean, &mut auto_create);
    set(problems, &entry.data, "file_mode", mode, &mut file_mode);
    set(problems, &entry.data, "dir_mode", mode, &mut dir_mode);
    let path = directory.join(path);
    let length = std::fs::metadata(&path).map_or(0, |metadata| metadata.len());
    if length > LARGEST {
        problems.error(span, format!("the file has {length} bytes, expected at most {LARGEST}"));
        return None;
    }
    let text = match files::read(&path) {
        Ok(text) => text,
        Err(_) if auto_create && !path.exists() => String::new(),
        Err(cause) => {
            problems.error(span, format!("cannot read {}: {cause}", files::name(&path)));
            return None;
        }
    };
    Some(StorageKind::File { path, text, file_mode, dir_mode })
}

/// Permissions in octal digits, with or without quotes.
fn mode(problems: &mut Problems, node: &Node) -> Option<u32> {
    let Data::Scalar(scalar) = &node.data else {
        return read::expected(problems, node, "permissions such as 0644");
    };
    let digits = scalar.text.strip_prefix("0o").unwrap_or(&scalar.text);
    let mode = u32::from_str_radix(digits, 8).ok().filter(|mode| *mode <= 0o7777);
    mode.or_else(|| read::expected(problems, node, "permissions such as 0644"))
}

fn router(problems: &mut Problems, entries: &RawEntries, entry: &RawEntry) -> Option<StorageKind> {
    let nodes = entry.data.get("storages").map(|node| read::list(problems, node));
    let nodes = match nodes {
        // Something else than a list is reported already.
        Some(nodes) => nodes?,
        None => &[],
    };
    if nodes.is_empty() {
        problems.error(entry.name_span, "at least one storage must be provided");
        return None;
    }
    let target = |node| entries.target(problems, entry, node, STORAGES, "storage");
    let storages = nodes.iter().filter_map(target).map(|storage| storage.id.clone());
    Some(StorageKind::Router(storages.collect()))
}
