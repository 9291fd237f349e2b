//! `-o`, `--set`, `override:` and `disable:`: changes from outside of the YAML
//! files.
//!
//! A flag is a small text of its own, so that a bad value is shown where it was
//! written: `-o:1:18: error: …`.

use crate::diagnostic::{Problem, Problems};
use crate::id::EntryId;
use crate::read;
use crate::source::{Sources, Span};
use crate::yaml::{Data, Field, Meaning, Node, Scalar, Style};

/// The longest dotted path, as deep as YAML may be nested.
const STEPS: usize = 100;

/// Whether a dotted path has at least `least` steps, none of them blank.
fn is_path(path: &str, least: usize) -> bool {
    (least..=STEPS).contains(&path.split('.').count())
        && path.split('.').all(|step| !step.trim().is_empty())
}

/// A new value for a field of an entry.
#[derive(Debug)]
pub(crate) struct Override {
    pub id: EntryId,
    /// where the entry is named
    pub span: Span,
    /// dotted path of the field
    pub path: String,
    /// where the path stands
    pub path_span: Span,
    pub value: Node,
}

/// An entry or a namespace that is left out.
#[derive(Debug)]
pub(crate) enum Disable {
    Entry(EntryId, Span),
    Namespace(String, Span),
}

/// Parses `-o namespace:name:field=value`.
pub(crate) fn flag(sources: &mut Sources, problems: &mut Problems, text: &str) -> Option<Override> {
    let (key, key_span, value) = assignment(sources, "-o", text)
        .or_else(|| form(sources, problems, "-o", text, "namespace:name:field=value"))?;
    target(problems, key, key_span, value)
}

/// Parses `--set section.path=value` into the dotted path, its place and the value.
pub(crate) fn setting<'a>(
    sources: &mut Sources,
    problems: &mut Problems,
    text: &'a str,
) -> Option<(&'a str, Span, Node)> {
    let parsed = assignment(sources, "--set", text).filter(|(key, ..)| is_path(key, 2));
    parsed.or_else(|| form(sources, problems, "--set", text, "section.path=value"))
}

/// Reads the `override` section: `namespace:name:field: value`.
pub(crate) fn section(problems: &mut Problems, node: &Node) -> Vec<Override> {
    let fields = read::map(problems, node).unwrap_or_default();
    let one = |field: &Field| target(problems, &field.key, field.key_span, field.value.clone());
    fields.iter().filter_map(one).collect()
}

/// Reads the `disable` section: a list of ids and namespaces, or a map with
/// the lists `entries` and `namespaces`.
pub(crate) fn disabled(problems: &mut Problems, node: &Node) -> Vec<Disable> {
    let mut found = Vec::new();
    let mut one = |problems: &mut Problems, node: &Node, text: &str, namespace: bool| {
        if namespace || !text.contains(':') {
            return found.push(Disable::Namespace(text.into(), node.span));
        }
        match EntryId::resolve("", text) {
            Some(id) => found.push(Disable::Entry(id, node.span)),
            None => problems.error(node.span, "expected namespace:name or a namespace"),
        }
    };
    if node.list().is_some() {
        for (node, text) in read::texts(problems, node) {
            one(problems, node, text, false);
        }
        return found;
    }
    for field in read::map(problems, node).unwrap_or_default() {
        if !matches!(&*field.key, "entries" | "namespaces") {
            crate::schema::unknown_key(problems, field, ["entries", "namespaces"], "disable");
            continue;
        }
        for (node, text) in read::texts(problems, &field.value) {
            one(problems, node, text, &*field.key == "namespaces");
        }
    }
    found
}

/// Puts `value` at a dotted path below `node`, making maps on the way. The path
/// stands at `span`, so that a step without a place is shown itself.
pub(crate) fn put(problems: &mut Problems, node: &mut Node, path: &str, span: Span, value: Node) {
    let (key, rest) = match path.split_once('.') {
        Some((key, rest)) => (key, Some(rest)),
        None => (path, None),
    };
    let step = part(span, path, 0, key.len());
    if node.is_null() {
        node.data = Data::Map(Vec::new());
    }
    let Data::Map(fields) = &mut node.data else {
        problems.error(step, format!("\"{key}\" has no place here: it is not in a map"));
        return;
    };
    let at = fields.iter().position(|field| &*field.key == key).unwrap_or_else(|| {
        fields.push(Field { key: key.into(), key_span: step, value: Node::map(step) });
        fields.len() - 1
    });
    match rest {
        Some(rest) => {
            let span = tail(span, path, rest);
            put(problems, &mut fields[at].value, rest, span, value);
        }
        None => fields[at].value = value,
    }
}

/// The place of `rest`, the end of the `text` that stands at `span`.
pub(crate) fn tail(span: Span, text: &str, rest: &str) -> Span {
    part(span, text, text.len() - rest.len(), text.len())
}

/// The place of a part of `text`, which stands at `span`; all of it where it is
/// quoted there.
fn part(span: Span, text: &str, start: usize, end: usize) -> Span {
    if (span.end - span.start) as usize != text.len() {
        return span;
    }
    Span { file: span.file, start: span.start + start as u32, end: span.start + end as u32 }
}

/// Splits `namespace:name:field`.
fn target(problems: &mut Problems, key: &str, span: Span, value: Node) -> Option<Override> {
    let parts = key.rsplit_once(':').filter(|(_, path)| is_path(path, 1));
    let parsed = parts.and_then(|(id, path)| {
        id.contains(':').then(|| EntryId::resolve("", id)).flatten().map(|id| (id, path))
    });
    let Some((id, path)) = parsed else {
        problems.error(span, format!("expected namespace:name:field, found \"{key}\""));
        return None;
    };
    let path_span = tail(span, key, path);
    Some(Override { id, span, path: path.to_owned(), path_span, value })
}

/// Splits `key=value` at the first `=`; the value is a boolean, a number or a string.
fn assignment<'a>(
    sources: &mut Sources,
    name: &str,
    text: &'a str,
) -> Option<(&'a str, Span, Node)> {
    let (key, value) = text.split_once('=').filter(|(key, _)| !key.trim().is_empty())?;
    let file = sources.add(name, text);
    let end = text.len() as u32;
    let key_span = Span { file, start: 0, end: key.len() as u32 };
    let span = Span { file, start: key_span.end + 1, end };
    let mut scalar = Scalar { text: value.into(), style: Style::Plain };
    if matches!(scalar.meaning(), Meaning::Null | Meaning::Text(_)) {
        scalar.style = Style::Quoted;
    }
    Some((key, key_span, Node { span, data: Data::Scalar(scalar) }))
}

fn form<T>(
    sources: &mut Sources,
    problems: &mut Problems,
    name: &str,
    text: &str,
    expected: &str,
) -> Option<T> {
    let file = sources.add(name, text);
    let span = sources.start(file);
    problems.push(Problem::error(span, format!("expected {expected}")));
    None
}
