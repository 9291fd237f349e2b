//! An application again from its entries, some of which were changed at run time: the
//! same checks as in a load, without files.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use luavisor_core::{Value, Values};

use crate::application::{Application, Entry};
use crate::assemble;
use crate::compiler::ChunkCompiler;
use crate::diagnostic::{Mode, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::options::LoadOptions;
use crate::source::{Sources, Span};
use crate::yaml::{Data, Field, Node, Scalar, Style};

/// Keys whose value is a list: an empty table is one there, and a map elsewhere.
const LISTS: &[&str] = &[
    "modules",
    "depends_on",
    "requires",
    "input",
    "children",
    "groups",
    "policies",
    "storages",
    "actions",
    "resources",
    "conditions",
];

/// What is wrong with an entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryProblem {
    /// the entry
    pub id: Arc<str>,
    /// what is wrong
    pub message: String,
    /// the line of its source, if it is about that
    pub line: Option<u32>,
}

/// Builds an application from entries whose `file://` values are resolved, with the
/// settings and directories of `old`. Entries of unknown kinds are data. `hosts` exist
/// besides; they are not in the result.
///
/// # Errors
/// All problems with which a load would fail, in the order of ids.
pub fn rebuild<C: ChunkCompiler>(
    options: &LoadOptions,
    old: &Application<C::Chunk>,
    entries: &[Entry],
    hosts: &[EntryId],
    compiler: &C,
) -> Result<Application<C::Chunk>, Vec<EntryProblem>> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let mut places: HashMap<Arc<str>, (Arc<str>, bool)> = HashMap::new();
    let mut raw = RawEntries { source_root: old.sources.clone(), ..RawEntries::default() };
    // What names of files are does not matter: they are not shown.
    let mut add = |sources: &mut Sources, id: &EntryId, text: Arc<str>, code: bool| {
        let name: Arc<str> = format!("{}", places.len()).into();
        places.insert(name.clone(), (id.shared(), code));
        sources.add(name, text)
    };
    let nothing = Values::none();
    let stubs = hosts.iter().map(|id| (id, "process.host", &nothing, &nothing));
    let given = entries.iter().map(|e| (&e.id, e.kind.as_str(), &e.meta, &e.data));
    for (id, kind, meta, data) in given.chain(stubs) {
        if raw.index.contains_key(id) {
            continue;
        }
        let file = add(&mut sources, id, id.as_str().into(), false);
        let span = sources.start(file);
        let mut data = map(data, span);
        if let Data::Map(fields) = &mut data.data
            && let Some(source) = fields.iter_mut().find(|field| &*field.key == "source")
            && let Data::Scalar(scalar) = &mut source.value.data
        {
            if scalar.text.starts_with("file://") {
                problems.error(span, "source is the code itself: files are read at load only");
                scalar.text = "return nil".into();
            }
            scalar.style = Style::File(add(&mut sources, id, scalar.text.clone(), true));
        }
        raw.index.insert(id.clone(), raw.list.len());
        raw.list.push(RawEntry {
            id: id.clone(),
            name_span: span,
            kind: Some((kind.to_owned(), span)),
            meta: map(meta, span),
            data,
            base: PathBuf::new(),
        });
    }
    let path = old.project.clone();
    let options = LoadOptions { path, skip_unknown_kinds: true, ..options.clone() };
    let settings = old.settings.clone();
    let mut application =
        assemble::application(&options, &sources, &mut problems, settings, &raw, compiler);
    application.project.clone_from(&old.project);
    application.hosts.retain(|host| !hosts.contains(&host.id));
    application.entries.retain(|entry| !hosts.contains(&entry.id));
    let diagnostics = problems.finish(&sources);
    let found = diagnostics.iter().filter(|problem| problem.level.is_error(Mode::Run));
    let mut found: Vec<EntryProblem> = found
        .map(|problem| {
            let place = places.get(&problem.place.file).cloned();
            let (id, code) = place.unwrap_or_else(|| (problem.place.file.clone(), false));
            let line = problem.place.position.filter(|_| code).map(|position| position.line);
            let hint = problem.hint.as_ref().map(|hint| format!(", {hint}"));
            let message = format!("{}{}", problem.message, hint.unwrap_or_default());
            EntryProblem { id, message, line }
        })
        .collect();
    found.sort_by(|a, b| a.id.cmp(&b.id));
    if found.is_empty() { Ok(application) } else { Err(found) }
}

/// A list of one table as a map.
fn map(values: &Values, span: Span) -> Node {
    match values.first() {
        Value::Table(_) => node(values, values.first(), "", span),
        _ => Node { span, data: Data::Map(Vec::new()) },
    }
}

fn node(values: &Values, value: &Value, key: &str, span: Span) -> Node {
    let scalar = |text: Arc<str>, style| Data::Scalar(Scalar { text, style });
    let data = match value {
        Value::Table(index) => {
            let table = values.tables.get(*index as usize);
            let (array, hash) = table.map_or((&[][..], &[][..]), |t| (&t.array, &t.hash));
            if !array.is_empty() || (hash.is_empty() && LISTS.contains(&key)) {
                Data::List(array.iter().map(|item| node(values, item, "", span)).collect())
            } else {
                Data::Map(hash.iter().map(|(key, value)| field(values, key, value, span)).collect())
            }
        }
        Value::String(bytes) => scalar(String::from_utf8_lossy(bytes).into(), Style::Quoted),
        Value::Boolean(value) => scalar(value.to_string().into(), Style::Plain),
        Value::Number(value) => scalar(value.to_string().into(), Style::Plain),
        _ => scalar("null".into(), Style::Plain),
    };
    Node { span, data }
}

fn field(values: &Values, key: &Value, value: &Value, span: Span) -> Field {
    let key: Arc<str> = match key {
        Value::String(bytes) => String::from_utf8_lossy(bytes).into(),
        Value::Number(number) => number.to_string().into(),
        _ => "".into(),
    };
    let value = node(values, value, &key, span);
    Field { key, key_span: span, value }
}
