//! Lua code of entries: source, modules, imports.
//!
//! Every entry with code is compiled once, whether or not something uses it.
//! Libraries are then built from the leaves up, so that each is one shared unit
//! whatever the number of its importers.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use luavisor_core::startplan;

use crate::application::Unit;
use crate::compiler::{ChunkCompiler, CompileError};
use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::files;
use crate::id::EntryId;
use crate::options::LoadOptions;
use crate::read;
use crate::source::{Sources, Span};
use crate::suggest;
use crate::vocabulary::{GLOBALS, LATER_MODULES};
use crate::yaml::{Data, Node, Style};

/// Longest chain of imports. Units hold each other, so a chain without end would
/// overflow the stack of whoever walks or drops it.
const DEPTH: usize = 200;

/// Units of entries with code, by place in the list of entries. What failed is
/// absent and reported.
pub(super) type Units<T> = HashMap<usize, Arc<Unit<T>>>;

/// A compiled entry before its imports are there.
struct Part<T> {
    source_name: Arc<str>,
    chunk: Arc<T>,
    modules: Vec<String>,
}

/// Compiles all code and resolves all imports.
pub(super) fn units<C: ChunkCompiler>(
    options: &LoadOptions,
    sources: &Sources,
    problems: &mut Problems,
    entries: &RawEntries,
    compiler: &C,
) -> Units<C::Chunk> {
    let coded = |entry: &RawEntry| {
        matches!(entry.kind_name(), "process.lua" | "library.lua" | "function.lua" | "sim.check")
    };
    let mut parts = HashMap::new();
    let mut imports: HashMap<usize, BTreeMap<String, usize>> = HashMap::new();
    let mut edges = vec![Vec::new(); entries.list.len()];
    let mut places = HashMap::new();
    let allowed = Allowed::new(options);
    for (at, entry) in entries.list.iter().enumerate().filter(|(_, entry)| coded(entry)) {
        let modules = allowed.modules(problems, entry);
        if let Some((source_name, chunk)) = compile(sources, problems, entry, compiler) {
            parts.insert(at, Part { source_name, chunk, modules });
        }
        let mut resolved = BTreeMap::new();
        for (alias, target, span) in entry_imports(problems, entries, entry) {
            edges[at].push(target);
            places.entry((at, target)).or_insert(span);
            resolved.insert(alias, target);
        }
        imports.insert(at, resolved);
    }
    let levels = acyclic(problems, entries, &mut edges, &places, "import cycle");
    let mut units: Units<C::Chunk> = HashMap::new();
    if let Some(at) = levels.get(DEPTH).and_then(|level| level.first()) {
        let message = format!("imports nested too deeply, expected at most {DEPTH} levels");
        problems.error(entries.list[*at].name_span, message);
    }
    for at in levels.into_iter().take(DEPTH).flatten() {
        let Some(part) = parts.remove(&at) else { continue };
        let wanted = imports.remove(&at).unwrap_or_default();
        let count = wanted.len();
        let found: BTreeMap<String, Arc<Unit<C::Chunk>>> = wanted
            .into_iter()
            .filter_map(|(alias, target)| Some((alias, units.get(&target)?.clone())))
            .collect();
        // An import that failed is reported; a unit without it would mislead.
        if found.len() == count {
            let unit = Unit {
                id: entries.list[at].id.clone(),
                source_name: part.source_name,
                chunk: part.chunk,
                modules: Some(part.modules),
                imports: found,
            };
            units.insert(at, Arc::new(unit));
        }
    }
    units
}

/// Levels of a graph of entries. Each cycle is reported once and then cut, so
/// that all of them are found.
pub(super) fn acyclic(
    problems: &mut Problems,
    entries: &RawEntries,
    edges: &mut [Vec<usize>],
    places: &HashMap<(usize, usize), Span>,
    what: &str,
) -> Vec<Vec<usize>> {
    loop {
        let startplan::Cycle(cycle) = match startplan::levels(edges) {
            Ok(levels) => return levels,
            Err(cycle) => cycle,
        };
        let (Some(first), Some(last)) = (cycle.first(), cycle.last()) else { return Vec::new() };
        let id = |at: &usize| entries.list[*at].id.as_str();
        let chain: Vec<&str> = cycle.iter().chain([first]).map(id).collect();
        let place = |from: usize, to: usize| {
            places.get(&(from, to)).copied().unwrap_or(entries.list[from].name_span)
        };
        let next = cycle.get(1).unwrap_or(first);
        let message = format!("{what}: {}", chain.join(" -> "));
        let mut problem = Problem::error(place(*first, *next), message);
        for pair in cycle.windows(2).skip(1).map(|pair| (pair[0], pair[1])) {
            problem = problem.note(place(pair.0, pair.1), format!("{} is named here", id(&pair.1)));
        }
        if cycle.len() > 1 {
            problem = problem.note(place(*last, *first), format!("{} is named here", id(first)));
        }
        problems.push(problem);
        edges[*last].retain(|to| to != first);
    }
}

fn compile<C: ChunkCompiler>(
    sources: &Sources,
    problems: &mut Problems,
    entry: &RawEntry,
    compiler: &C,
) -> Option<(Arc<str>, Arc<C::Chunk>)> {
    let (node, text) = source(problems, entry, "Lua code")?;
    let Data::Scalar(scalar) = &node.data else { return None };
    let file = match scalar.style {
        Style::File(file) => file,
        _ => node.span.file,
    };
    match compiler.compile(entry.id.as_str(), text) {
        Ok(chunk) => Some((sources.get(file).name.clone(), chunk)),
        Err(CompileError { line, column, message }) => {
            let problem = problem(sources, node, (line, column), message);
            problems.push(problem.hint(forgotten_prefix(text)));
            None
        }
    }
}

/// The `source` of an entry.
pub(super) fn source<'a>(
    problems: &mut Problems,
    entry: &'a RawEntry,
    what: &str,
) -> Option<(&'a Node, &'a str)> {
    let field = entry.data.fields()?.iter().find(|field| &*field.key == "source");
    let Some(node) = field.map(|field| &field.value).filter(|node| !node.is_null()) else {
        // An unreadable file is reported where it is named.
        if !field.is_some_and(|field| field.value.is_missing()) {
            problems.error(entry.name_span, "source is required");
        }
        return None;
    };
    match node.as_text() {
        Some(text) => Some((node, text)),
        None => read::expected(problems, node, &format!("a file:// value or {what}")),
    }
}

/// What is wrong at a line of a source.
pub(super) fn problem(
    sources: &Sources,
    node: &Node,
    (line, column): (u32, Option<u32>),
    message: String,
) -> Problem {
    let (span, exact) = files::code_place(sources, node, line, column);
    Problem::error(
        span,
        if exact { message } else { format!("line {line} of this code: {message}") },
    )
}

/// `source: pool.lua` is taken for code; what is meant is a file.
fn forgotten_prefix(text: &str) -> Option<String> {
    let path = text.trim();
    let name = path.ends_with(".lua") && !path.contains(char::is_whitespace);
    name.then(|| format!("did you mean \"file://{path}\"?"))
}

/// Module names that may be listed.
struct Allowed<'a> {
    present: &'a [String],
}

impl<'a> Allowed<'a> {
    fn new(options: &'a LoadOptions) -> Allowed<'a> {
        Allowed { present: &options.modules }
    }

    /// The modules that an entry lists; unknown ones are reported and left out.
    fn modules(&self, problems: &mut Problems, entry: &RawEntry) -> Vec<String> {
        let Some(node) = entry.data.get("modules") else { return Vec::new() };
        let mut modules: Vec<String> = Vec::new();
        for (node, name) in read::texts(problems, node) {
            if self.module(problems, node, name) && !modules.iter().any(|known| known == name) {
                modules.push(name.to_owned());
            }
        }
        modules
    }

    fn module(&self, problems: &mut Problems, node: &Node, name: &str) -> bool {
        if name.contains(':') {
            problems.error(node.span, "module cannot have a namespace, libraries go to imports");
            return false;
        }
        if GLOBALS.contains(&name) || self.present.iter().any(|known| known == name) {
            return true;
        }
        if LATER_MODULES.contains(&name) {
            let message = format!("module \"{name}\" is not supported yet");
            problems.push(Problem::new(Level::Strict, node.span, message));
            return true;
        }
        let known = self.present.iter().map(String::as_str);
        let known = known.chain(GLOBALS.iter().copied()).chain(LATER_MODULES.iter().copied());
        let hint = suggest::hint(name, known);
        problems.push(Problem::error(node.span, format!("unknown module \"{name}\"")).hint(hint));
        false
    }
}

/// Alias, place in the list of entries and place in the text of every import.
fn entry_imports(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
) -> Vec<(String, usize, Span)> {
    let Some(node) = entry.data.get("imports") else { return Vec::new() };
    let mut found = Vec::new();
    for field in read::map(problems, node).unwrap_or_default() {
        if field.key.trim().is_empty() {
            problems.error(field.key_span, "expected an alias that is not blank");
        }
        let node = &field.value;
        let target = entries.target(problems, entry, node, &["library.lua"], "library");
        if let Some(at) = target.and_then(|target| entries.index.get(&target.id)) {
            found.push((field.key.to_string(), *at, node.span));
        }
    }
    found
}

/// The id that `node` names, if it is one, without any check.
pub(super) fn named(entry: &RawEntry, node: &Node) -> Option<EntryId> {
    EntryId::resolve(entry.id.namespace(), node.as_text()?)
}
