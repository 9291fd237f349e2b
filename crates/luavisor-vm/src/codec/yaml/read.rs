//! Reads YAML on the events of `saphyr-parser`.
//!
//! Aliases share what they name until the tree is complete; then it is written
//! out, up to [`VALUES`] values. A height is kept for each part, because aliases can
//! nest deeper than any text.

use std::collections::{HashMap, HashSet};
use std::rc::Rc;

use saphyr_parser::{Event, Parser, ScalarStyle, Tag};

use super::scalar::{Plain, plain};
use crate::codec::{self, DEPTH, Fault, Sink};

/// Most values that a text may stand for, with its aliases and merge keys.
const VALUES: usize = 1_000_000;

/// Longest text in bytes: the parser takes longer than that of JSON.
const BYTES: usize = 8 << 20;

/// Reads the first document.
pub fn read(text: &[u8], sink: &mut impl Sink) -> Result<(), Fault> {
    if text.len() > BYTES {
        return Err(format!("more than {BYTES} bytes").into());
    }
    let text = std::str::from_utf8(text)
        .map_err(|error| format!("invalid UTF-8 at byte {}", error.valid_up_to()))?;
    let mut composer = Composer::default();
    for event in Parser::new_from_str(text) {
        let (event, span) = event.map_err(|error| {
            let (line, column) = (error.marker().line(), error.marker().col() + 1);
            format!("{} at line {line} column {column}", error.info())
        })?;
        if matches!(event, Event::DocumentEnd) {
            break;
        }
        composer.event(event).map_err(|fault| {
            let (line, column) = (span.start.line(), span.start.col() + 1);
            format!("{fault} at line {line} column {column}")
        })?;
    }
    match composer.root {
        None => sink.nil(),
        Some(root) => Emitter { values: VALUES, bytes: codec::BYTES }.emit(&root, sink)?,
    }
    Ok(())
}

/// A value, and the tables that it is high.
#[derive(Clone, Debug)]
struct Node {
    data: Rc<Data>,
    height: usize,
}

#[derive(Debug)]
enum Data {
    Nil,
    Boolean(bool),
    Number(f64),
    Text(String),
    List(Vec<Node>),
    Map(Vec<(Key, Node)>),
}

#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Key {
    Integer(i64),
    Text(Rc<str>),
    /// `<<` without quotes
    Merge,
}

/// A list or map whose end has not been seen.
struct Open {
    anchor: usize,
    content: Content,
    height: usize,
}

enum Content {
    List(Vec<Node>),
    Map(Vec<(Key, Node)>, Option<Key>),
}

#[derive(Default)]
struct Composer {
    open: Vec<Open>,
    anchors: HashMap<usize, Node>,
    /// entries that merge keys added
    merged: usize,
    root: Option<Node>,
}

impl Composer {
    fn event(&mut self, event: Event<'_>) -> Result<(), Fault> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let meaning = match style {
                    ScalarStyle::Plain if !is_string(tag.as_deref()) => plain(&text),
                    _ => Plain::Text,
                };
                if let Some(Open { content: Content::Map(_, key @ None), .. }) =
                    self.open.last_mut()
                {
                    if anchor != 0 {
                        let data = Rc::new(Data::Text(text.to_string()));
                        self.anchors.insert(anchor, Node { data, height: 0 });
                    }
                    *key = Some(match meaning {
                        Plain::Number(n) if n.fract() == 0.0 && n.abs() < 1e15 => {
                            Key::Integer(n as i64)
                        }
                        _ if &*text == "<<" && style == ScalarStyle::Plain => Key::Merge,
                        _ => Key::Text(Rc::from(&*text)),
                    });
                    return Ok(());
                }
                let data = match meaning {
                    Plain::Nil => Data::Nil,
                    Plain::Boolean(value) => Data::Boolean(value),
                    Plain::Number(value) => Data::Number(value),
                    Plain::Text => Data::Text(text.into_owned()),
                };
                self.complete(Node { data: Rc::new(data), height: 0 }, anchor)
            }
            Event::SequenceStart(anchor, _) => self.begin(anchor, Content::List(Vec::new())),
            Event::MappingStart(anchor, _) => self.begin(anchor, Content::Map(Vec::new(), None)),
            Event::SequenceEnd | Event::MappingEnd => self.end(),
            Event::Alias(anchor) => {
                let node = self.anchors.get(&anchor).cloned();
                self.complete(node.ok_or("an alias stands in its own anchor")?, 0)
            }
            _ => Ok(()),
        }
    }

    fn begin(&mut self, anchor: usize, content: Content) -> Result<(), Fault> {
        if let Some(Open { content: Content::Map(_, None), .. }) = self.open.last() {
            return Err("a key must be a scalar".into());
        }
        if self.open.len() == DEPTH {
            return Err(too_deep());
        }
        self.open.push(Open { anchor, content, height: 1 });
        Ok(())
    }

    fn end(&mut self) -> Result<(), Fault> {
        let Some(Open { anchor, content, height }) = self.open.pop() else { return Ok(()) };
        let data = match content {
            Content::List(nodes) => Data::List(nodes),
            Content::Map(entries, _) => Data::Map(self.merge(entries)?),
        };
        self.complete(Node { data: Rc::new(data), height }, anchor)
    }

    /// Puts a finished value where it belongs.
    fn complete(&mut self, node: Node, anchor: usize) -> Result<(), Fault> {
        if anchor != 0 {
            self.anchors.insert(anchor, node.clone());
        }
        let Some(parent) = self.open.last_mut() else {
            self.root.get_or_insert(node);
            return Ok(());
        };
        parent.height = parent.height.max(node.height + 1);
        if parent.height > DEPTH {
            return Err(too_deep());
        }
        match &mut parent.content {
            Content::List(nodes) => nodes.push(node),
            Content::Map(entries, key) => match (key.take(), &*node.data) {
                (Some(key), _) => entries.push((key, node)),
                (None, Data::Text(text)) => *key = Some(Key::Text(text.as_str().into())),
                (None, _) => return Err("a key must be a scalar".into()),
            },
        }
        Ok(())
    }

    /// Replaces `<<` by the entries of the maps that it names; own entries win over
    /// them, earlier maps over later ones.
    fn merge(&mut self, entries: Vec<(Key, Node)>) -> Result<Vec<(Key, Node)>, Fault> {
        if entries.iter().all(|(key, _)| *key != Key::Merge) {
            return Ok(entries);
        }
        let (merges, mut own): (Vec<_>, Vec<_>) =
            entries.into_iter().partition(|(key, _)| *key == Key::Merge);
        let mut known: HashSet<Key> = own.iter().map(|(key, _)| key.clone()).collect();
        let mut add = |map: &Node| {
            let Data::Map(entries) = &*map.data else {
                return Err(Fault::from("a merge key needs a map or a list of maps"));
            };
            self.merged += entries.len() + 1;
            if self.merged > VALUES {
                return Err(too_many());
            }
            for (key, value) in entries {
                if known.insert(key.clone()) {
                    own.push((key.clone(), value.clone()));
                }
            }
            Ok(())
        };
        for (_, value) in &merges {
            match &*value.data {
                Data::List(maps) => maps.iter().try_for_each(&mut add)?,
                _ => add(value)?,
            }
        }
        Ok(own)
    }
}

fn is_string(tag: Option<&Tag>) -> bool {
    tag.is_some_and(|tag| tag.suffix == "str")
}

fn too_deep() -> Fault {
    format!("nesting deeper than {DEPTH} levels").into()
}

fn too_many() -> Fault {
    format!("more than {VALUES} values").into()
}

/// Passes a tree on.
struct Emitter {
    /// how many may follow
    values: usize,
    /// how long the texts that follow may be: aliases repeat them
    bytes: usize,
}

impl Emitter {
    fn emit(&mut self, node: &Node, sink: &mut impl Sink) -> Result<(), Fault> {
        self.values = self.values.checked_sub(1).ok_or_else(too_many)?;
        match &*node.data {
            Data::Nil => sink.nil(),
            Data::Boolean(value) => sink.boolean(*value),
            Data::Number(value) => sink.number(*value),
            Data::Text(text) => self.text(text, sink)?,
            Data::List(nodes) => {
                let mut open = sink.open_list();
                for node in nodes {
                    self.emit(node, sink)?;
                    sink.element(&mut open);
                }
                sink.close(open);
            }
            Data::Map(entries) => {
                let mut open = sink.open_map();
                for (key, value) in entries {
                    match key {
                        Key::Integer(number) => sink.number(*number as f64),
                        Key::Text(text) => self.text(text, sink)?,
                        Key::Merge => sink.text(b"<<"),
                    }
                    self.emit(value, sink)?;
                    sink.entry(&mut open);
                }
                sink.close(open);
            }
        }
        Ok(())
    }

    fn text(&mut self, text: &str, sink: &mut impl Sink) -> Result<(), Fault> {
        self.bytes = self.bytes.checked_sub(text.len()).ok_or_else(codec::too_long)?;
        sink.text(text.as_bytes());
        Ok(())
    }
}
