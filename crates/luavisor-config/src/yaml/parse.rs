//! From text to tree, on the events of `saphyr-parser`.
//!
//! The parser underneath gives a place for every event, which is all that is
//! needed here; deserialising into structs would lose the places of keys. It
//! stops at the first syntax error, so a file has at most one of them.
//!
//! Nesting is limited to [`DEPTH`] and the nodes that aliases may add to
//! [`ALIASED`], so that no input can exhaust stack or memory.

use std::collections::HashMap;
use std::sync::Arc;

use saphyr_parser::{Event, Parser, ScalarStyle, ScanError, Tag};

use super::readable::readable;
use super::{Data, Field, Node, Scalar, Style};
use crate::diagnostic::{Level, Problem, Problems};
use crate::source::{FileId, Sources, Span};

/// Deepest nesting of lists and maps.
const DEPTH: usize = 100;

/// How many nodes all aliases of a file may add.
const ALIASED: usize = 100_000;

/// The outcome of parsing one text.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    /// the first document; `None` if there is none or after a syntax error
    pub root: Option<Node>,
    /// what makes the text unreadable
    pub fatal: Option<Problem>,
    /// other faults, such as duplicate keys
    pub problems: Problems,
}

/// Parses the first document of a text.
pub(crate) fn parse(sources: &Sources, file: FileId) -> Parsed {
    let source = sources.get(file);
    let (text, offsets) = readable(&source.text, source.name.ends_with(".json"));
    let mut builder = Builder { offsets, length: text.len(), ..Builder::new(file, &source.text) };
    for event in Parser::new_from_str(&text) {
        match event {
            Ok((Event::StreamEnd, _)) => break,
            Ok((event, span)) => {
                let span = builder.span(span);
                if let Err(problem) = builder.event(event, span) {
                    builder.parsed.fatal = Some(problem);
                    break;
                }
            }
            Err(error) => {
                builder.parsed.fatal = Some(syntax_error(sources, &builder, &error));
                break;
            }
        }
    }
    let mut parsed = builder.parsed;
    if parsed.fatal.is_some() {
        parsed.root = None;
    }
    parsed
}

fn syntax_error(sources: &Sources, builder: &Builder<'_>, error: &ScanError) -> Problem {
    let source = sources.get(builder.file);
    let line = error.marker().line();
    // Tabs are the most frequent fault and the parser often names another place.
    for index in [line.saturating_sub(1), line] {
        let text = source.line(index);
        let indent = &text[..text.len() - text.trim_start().len()];
        if let Some(tab) = indent.find('\t').filter(|_| !text.trim().is_empty()) {
            let start = (source.line_start(index) + tab) as u32;
            let span = Span { file: builder.file, start, end: start + 1 };
            return Problem::error(span, "a tab cannot indent YAML, expected spaces");
        }
    }
    let start = builder.offset(error.marker().index());
    let info = error.info();
    Problem::error(Span { file: builder.file, start, end: start }, format!("invalid YAML: {info}"))
}

/// A list or map whose end has not been seen.
struct Open {
    span: Span,
    anchor: usize,
    content: Content,
    /// nodes in it, for the limit on aliases
    size: usize,
}

enum Content {
    List(Vec<Node>),
    Map { fields: Vec<Field>, seen: HashMap<Arc<str>, Span>, key: Option<(Arc<str>, Span)> },
}

struct Builder<'a> {
    file: FileId,
    source: &'a str,
    offsets: Option<Vec<u32>>,
    length: usize,
    open: Vec<Open>,
    anchors: HashMap<usize, (Node, usize)>,
    aliased: usize,
    documents: usize,
    parsed: Parsed,
}

impl<'a> Builder<'a> {
    fn new(file: FileId, source: &'a str) -> Builder<'a> {
        Builder {
            file,
            source,
            offsets: None,
            length: 0,
            open: Vec::new(),
            anchors: HashMap::new(),
            aliased: 0,
            documents: 0,
            parsed: Parsed::default(),
        }
    }

    /// The byte that the character at `index` starts at.
    fn offset(&self, index: usize) -> u32 {
        match &self.offsets {
            None => index.min(self.length) as u32,
            Some(offsets) => offsets.get(index).or(offsets.last()).copied().unwrap_or(0),
        }
    }

    fn span(&self, span: saphyr_parser::Span) -> Span {
        let start = self.offset(span.start.index());
        Span { file: self.file, start, end: self.offset(span.end.index()).max(start) }
    }

    /// A quoted scalar without what follows its closing quote: the parser counts
    /// a comment behind it as part of it.
    fn quoted(&self, span: Span) -> Span {
        let text = self.source.get(span.start as usize..span.end as usize).unwrap_or("");
        let mut bytes = text.bytes().enumerate();
        let Some((_, quote @ (b'"' | b'\''))) = bytes.next() else { return span };
        while let Some((at, byte)) = bytes.next() {
            if byte == b'\\' && quote == b'"' {
                bytes.next();
            } else if byte == quote {
                // A quote within single quotes is written twice.
                if quote == b'\'' && text.as_bytes().get(at + 1) == Some(&quote) {
                    bytes.next();
                    continue;
                }
                return Span { end: span.start + at as u32 + 1, ..span };
            }
        }
        span
    }

    fn event(&mut self, event: Event<'_>, span: Span) -> Result<(), Problem> {
        if self.documents > 1 {
            return Ok(());
        }
        match event {
            Event::DocumentStart(_) => {
                self.documents += 1;
                if self.documents == 2 {
                    let text = "a second YAML document; only the first one is read";
                    self.parsed.problems.push(Problem::new(Level::Strict, span, text));
                }
            }
            Event::Scalar(text, style, anchor, tag) => {
                let style = match style {
                    ScalarStyle::Plain if !is_string_tag(tag.as_deref()) => Style::Plain,
                    ScalarStyle::Literal => Style::Literal,
                    _ => Style::Quoted,
                };
                let span = if style == Style::Quoted { self.quoted(span) } else { span };
                let data = Data::Scalar(Scalar { text: text.as_ref().into(), style });
                self.complete(Node { span, data }, anchor, 1);
            }
            Event::SequenceStart(anchor, _) => {
                self.push(span, anchor, Content::List(Vec::new()))?;
            }
            Event::MappingStart(anchor, _) => {
                let content = Content::Map { fields: vec![], seen: HashMap::new(), key: None };
                self.push(span, anchor, content)?;
            }
            Event::SequenceEnd | Event::MappingEnd => self.close(span),
            Event::Alias(anchor) => {
                let Some((node, size)) = self.anchors.get(&anchor).cloned() else {
                    return Err(Problem::error(span, "an alias cannot stand in its own anchor"));
                };
                self.aliased += size;
                if self.aliased > ALIASED {
                    return Err(Problem::error(span, "aliases add too many values to this file"));
                }
                self.complete(node, 0, size);
            }
            Event::Nothing | Event::StreamStart | Event::StreamEnd | Event::DocumentEnd => {}
        }
        Ok(())
    }

    fn push(&mut self, span: Span, anchor: usize, content: Content) -> Result<(), Problem> {
        if self.open.len() == DEPTH {
            let text = format!("nested too deeply, expected at most {DEPTH} levels");
            return Err(Problem::error(span, text));
        }
        self.open.push(Open { span, anchor, content, size: 1 });
        Ok(())
    }

    fn close(&mut self, end: Span) {
        let Some(Open { span, anchor, content, size }) = self.open.pop() else { return };
        let data = match content {
            Content::List(nodes) => Data::List(nodes),
            Content::Map { fields, .. } => Data::Map(merge(fields)),
        };
        self.complete(Node { span: span.to(end), data }, anchor, size);
    }

    /// Puts a finished node where it belongs.
    fn complete(&mut self, node: Node, anchor: usize, size: usize) {
        if anchor != 0 {
            self.anchors.insert(anchor, (node.clone(), size));
        }
        let Some(parent) = self.open.last_mut() else {
            self.parsed.root = Some(node);
            return;
        };
        parent.size += size;
        match &mut parent.content {
            Content::List(nodes) => nodes.push(node),
            Content::Map { fields, seen, key } => match key.take() {
                None => {
                    let text = match node.data {
                        Data::Scalar(scalar) => scalar.text,
                        _ => {
                            let found = node.describe();
                            let text = format!("expected a key, found {found}");
                            self.parsed.problems.error(node.span, text);
                            "?".into()
                        }
                    };
                    if let Some(first) = seen.insert(text.clone(), node.span) {
                        let problem =
                            Problem::error(node.span, format!("duplicate key \"{text}\""))
                                .note(first, "the same key stands here");
                        self.parsed.problems.push(problem);
                    }
                    *key = Some((text, node.span));
                }
                Some((key, key_span)) => {
                    let mut value = node;
                    // What is not there has no place of its own: show the key.
                    if value.span.start == value.span.end && value.is_null() {
                        value.span = key_span;
                    }
                    fields.push(Field { key, key_span, value });
                }
            },
        }
    }
}

fn is_string_tag(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.suffix == "str" && (tag.is_yaml_core_schema() || tag.handle == "!!"))
}

/// Replaces `<<` by the fields of the maps it names; own fields win over them,
/// earlier maps over later ones.
fn merge(mut fields: Vec<Field>) -> Vec<Field> {
    let Some(at) = fields.iter().position(|field| &*field.key == "<<") else { return fields };
    let maps = match fields[at].value.data {
        Data::List(ref nodes) if nodes.iter().all(|node| node.fields().is_some()) => nodes.clone(),
        Data::Map(_) => vec![fields[at].value.clone()],
        _ => return fields,
    };
    fields.remove(at);
    for map in maps {
        for field in map.fields().unwrap_or_default() {
            if !fields.iter().any(|own| own.key == field.key) {
                fields.push(field.clone());
            }
        }
    }
    fields
}
