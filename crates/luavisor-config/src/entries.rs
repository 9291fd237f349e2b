//! From YAML files to raw entries: ids, kinds, meta defaults, overrides and
//! `file://` contents. Nothing is known about kinds here.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};

use crate::diagnostic::{Level, Problem, Problems};
use crate::files::{self, Embedder};
use crate::id::EntryId;
use crate::overrides::{self, Disable};
use crate::project::{Form, Project};
use crate::read;
use crate::schema;
use crate::settings::Config;
use crate::source::{FileId, Sources, Span};
use crate::suggest;
use crate::yaml::{self, Field, Node};

/// An entry as it was written.
#[derive(Debug)]
pub(crate) struct RawEntry {
    pub id: EntryId,
    pub name_span: Span,
    /// `None` if it is missing, which is reported
    pub kind: Option<(String, Span)>,
    /// own meta over the defaults of the file
    pub meta: Node,
    /// the configuration, without name, kind and meta
    pub data: Node,
    /// the directory that `file://` values are relative to
    pub base: PathBuf,
}

/// All entries, each id once.
#[derive(Debug, Default)]
pub(crate) struct RawEntries {
    /// in load order
    pub list: Vec<RawEntry>,
    /// place in the list by id
    pub index: HashMap<EntryId, usize>,
    /// namespaces of files that could not be read: what is missing there may exist
    pub unreadable: HashSet<String>,
    /// files without a namespace
    pub ignored_files: Vec<String>,
    /// what `file:///` values start from
    pub source_root: PathBuf,
}

/// Reads all files of a project and applies what the config says.
pub(crate) fn load(
    project: &Project,
    config: Config,
    sources: &mut Sources,
    problems: &mut Problems,
) -> RawEntries {
    let source_root = project.source_root.clone();
    let mut entries = RawEntries { source_root, ..RawEntries::default() };
    let mut found = Vec::new();
    for path in &project.files {
        let Some(file) = files::open(sources, problems, path) else { continue };
        let base = path.parent().unwrap_or(Path::new("")).to_owned();
        read_file(sources, problems, project.form, file, &base, &mut entries, &mut found);
    }
    for entry in found {
        if let Some(first) = entries.index.get(&entry.id) {
            let first = entries.list[*first].name_span;
            let message = format!("duplicate entry \"{}\"", entry.id);
            let problem = Problem::error(entry.name_span, message);
            problems.push(problem.note(first, "the same id is defined here"));
            continue;
        }
        entries.index.insert(entry.id.clone(), entries.list.len());
        entries.list.push(entry);
    }
    apply(problems, config, &mut entries);
    let mut embedder = Embedder::new(&project.source_root);
    for entry in &mut entries.list {
        embedder.resolve(sources, problems, &entry.base, &mut entry.data);
        embedder.resolve(sources, problems, &entry.base, &mut entry.meta);
    }
    entries
}

fn read_file(
    sources: &Sources,
    problems: &mut Problems,
    form: Form,
    file: FileId,
    base: &Path,
    entries: &mut RawEntries,
    found: &mut Vec<RawEntry>,
) {
    let parsed = yaml::parse(sources, file);
    if let Some(fatal) = parsed.fatal {
        problems.push(fatal);
        entries.unreadable.extend(probable_namespace(&sources.get(file).text));
        return;
    }
    let root = parsed.root.filter(|root| root.fields().is_some());
    let blank = |node: &&Node| node.as_text().is_none_or(|text| !text.trim().is_empty());
    let Some((root, namespace)) =
        root.as_ref().and_then(|root| Some((root, root.get("namespace").filter(blank)?)))
    else {
        let name = sources.get(file).name.to_string();
        match root.as_ref().and_then(|root| root.field("entries")) {
            _ if form == Form::File => {
                problems.error(sources.start(file), "missing namespace");
            }
            Some(field) => {
                let message = "entries of a file without namespace are ignored";
                problems.push(Problem::new(Level::Strict, field.key_span, message));
            }
            None => {}
        }
        entries.ignored_files.push(name);
        return;
    };
    problems.append(parsed.problems);
    let Some(namespace_text) = read::text(problems, namespace) else { return };
    if namespace_text.contains(':') {
        problems.error(namespace.span, "a namespace cannot contain a colon");
        return;
    }
    let defaults = root.get("meta");
    let mut read = |problems: &mut Problems, node: &Node, defaults: Option<&Node>| {
        found.extend(read_entry(problems, namespace_text, node, defaults, base));
    };
    if let Some(field) = root.fields().into_iter().flatten().find(|field| &*field.key == "entries")
    {
        let known = ["version", "namespace", "meta", "entries"];
        for field in root.fields().into_iter().flatten() {
            if !known.contains(&&*field.key) {
                schema::unknown_key(problems, field, known, "a file with entries");
            }
        }
        if let Some(defaults) = defaults {
            read::map(problems, defaults);
        }
        if field.value.is_null() {
            return;
        }
        for node in read::list(problems, &field.value).unwrap_or_default() {
            read(problems, node, defaults);
        }
    } else if root.get("name").is_some() || root.get("kind").is_some() {
        read(problems, root, None);
    } else {
        let message = "expected entries, or one entry with name and kind";
        problems.error(namespace.span, message);
    }
}

/// The namespace that a file with a syntax error seems to declare.
fn probable_namespace(text: &str) -> Option<String> {
    let line = text.lines().find_map(|line| line.strip_prefix("namespace:"))?;
    Some(line.trim().trim_matches(['"', '\'']).to_owned())
}

fn read_entry(
    problems: &mut Problems,
    namespace: &str,
    node: &Node,
    defaults: Option<&Node>,
    base: &Path,
) -> Option<RawEntry> {
    let fields = read::map(problems, node)?;
    let start = fields.first().map_or(node.span, |field| field.key_span);
    let kind = match node.get("kind") {
        Some(kind) => read::text(problems, kind).map(|text| (text.to_owned(), kind.span)),
        None => {
            problems.error(start, "an entry needs a kind");
            None
        }
    };
    let Some(name) = node.get("name") else {
        problems.error(start, "an entry needs a name");
        return None;
    };
    let text = read::text(problems, name)?;
    let Some(id) = EntryId::new(namespace, text) else {
        problems.error(name.span, "the name of an entry cannot contain a colon");
        return None;
    };
    let meta = node.get("meta").filter(|meta| read::map(problems, meta).is_some());
    let meta = merged(defaults, meta, name.span);
    let own = |field: &&Field| !matches!(&*field.key, "name" | "kind" | "meta");
    let data = match node.get("data") {
        Some(data) => {
            for field in fields.iter().filter(own).filter(|field| &*field.key != "data") {
                let known = ["name", "kind", "meta", "data"];
                schema::unknown_key(problems, field, known, "an entry with data");
            }
            data.clone()
        }
        None => {
            let file_key = |field: &&Field| {
                defaults.is_none() && matches!(&*field.key, "version" | "namespace")
            };
            let own = fields.iter().filter(own).filter(|field| !file_key(field));
            Node { span: name.span, data: yaml::Data::Map(own.cloned().collect()) }
        }
    };
    Some(RawEntry { id, name_span: name.span, kind, meta, data, base: base.to_owned() })
}

/// Own meta over the defaults, one level deep.
fn merged(defaults: Option<&Node>, own: Option<&Node>, span: Span) -> Node {
    let own = own.and_then(Node::fields).unwrap_or_default();
    let defaults = defaults.and_then(Node::fields).unwrap_or_default();
    let inherited = defaults.iter().filter(|field| !own.iter().any(|own| own.key == field.key));
    Node { span, data: yaml::Data::Map(inherited.chain(own).cloned().collect()) }
}

/// Applies overrides, then removes what is disabled.
fn apply(problems: &mut Problems, config: Config, entries: &mut RawEntries) {
    let unknown = |entries: &RawEntries, id: &EntryId, span: Span| {
        let hint = suggest::hint(id.as_str(), entries.list.iter().map(|entry| entry.id.as_str()));
        Problem::error(span, format!("unknown entry \"{id}\"")).hint(hint)
    };
    for change in config.overrides {
        let Some(at) = entries.index.get(&change.id).copied() else {
            problems.push(unknown(entries, &change.id, change.span));
            continue;
        };
        let entry = &mut entries.list[at];
        match change.path.split_once('.') {
            None if change.path == "kind" => {
                let kind = read::text(problems, &change.value);
                entry.kind = kind.map(|kind| (kind.to_owned(), change.value.span));
            }
            None if matches!(&*change.path, "name" | "meta") => {
                let message = format!("\"{}\" cannot be overridden as a whole", change.path);
                problems.error(change.span, message);
            }
            Some(("meta", path)) => {
                let span = overrides::tail(change.path_span, &change.path, path);
                overrides::put(problems, &mut entry.meta, path, span, change.value);
            }
            _ => {
                let (path, span) = (&change.path, change.path_span);
                overrides::put(problems, &mut entry.data, path, span, change.value);
            }
        }
    }
    let mut ids = HashSet::new();
    let mut namespaces = HashSet::new();
    for disable in config.disabled {
        match disable {
            Disable::Entry(id, span) => {
                if !entries.index.contains_key(&id) {
                    problems.push(unknown(entries, &id, span));
                }
                ids.insert(id);
            }
            Disable::Namespace(namespace, span) => {
                let known = entries.list.iter().map(|entry| entry.id.namespace());
                if !known.clone().any(|known| known == namespace) {
                    let message = format!("unknown namespace \"{namespace}\"");
                    let hint = suggest::hint(&namespace, known);
                    problems.push(Problem::error(span, message).hint(hint));
                }
                namespaces.insert(namespace);
            }
        }
    }
    if ids.is_empty() && namespaces.is_empty() {
        return;
    }
    entries
        .list
        .retain(|entry| !ids.contains(&entry.id) && !namespaces.contains(entry.id.namespace()));
    entries.index =
        entries.list.iter().enumerate().map(|(at, entry)| (entry.id.clone(), at)).collect();
}
