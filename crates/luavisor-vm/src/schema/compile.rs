//! From a schema as it is written to lists of checks.
//!
//! Each place of the schema that is used becomes one node, however many references
//! lead to it, and nodes are made from a queue: no schema is too deep or too circular.

use std::collections::HashMap;
use std::sync::Arc;

use super::document::Document;
use super::format::Format;
use super::node::{Bound, Check, Counted, Node, NodeId, Schema, Types};
use super::pattern::Pattern;

/// Different regular expressions of one schema, since compiling them takes time.
const PATTERNS: usize = 200;
/// What they compile to together, in units of 8 KiB, for the same reason.
const WEIGHT: usize = 512;
/// Values in all `enum` and `const` of a schema.
const VALUES: usize = 100_000;

/// Reads a schema.
///
/// # Errors
/// What is wrong with it.
pub fn compile(root: &Document) -> Result<Schema, String> {
    let mut compiler = Compiler {
        root,
        old: root.get("$schema").and_then(Document::text).is_some_and(|draft| {
            ["draft-03", "draft-04", "draft-06", "draft-07"].iter().any(|old| draft.contains(old))
        }),
        places: HashMap::new(),
        queue: Vec::new(),
        patterns: HashMap::new(),
        weight: 0,
        ids: HashMap::new(),
        anchors: HashMap::new(),
        values: 0,
    };
    compiler.collect(root);
    compiler.node(root);
    let mut nodes: Vec<Node> = Vec::new();
    // Nodes get their numbers in the order of the queue.
    while let Some(place) = compiler.queue.get(nodes.len()).copied() {
        nodes.push(compiler.read(place)?);
    }
    Ok(Schema { nodes, weight: compiler.weight })
}

struct Compiler<'d> {
    root: &'d Document,
    /// drafts before 2019, in which nothing counts beside a reference
    old: bool,
    /// nodes by the address of what they are made of
    places: HashMap<*const Document, NodeId>,
    queue: Vec<&'d Document>,
    patterns: HashMap<&'d str, Arc<Pattern>>,
    weight: usize,
    ids: HashMap<&'d str, &'d Document>,
    anchors: HashMap<&'d str, &'d Document>,
    /// values in `enum` and `const` so far
    values: usize,
}

/// The fault of a keyword with something else than `expected`.
fn misfit(keyword: &str, expected: &str) -> String {
    format!("{keyword} has to be {expected}")
}

impl<'d> Compiler<'d> {
    /// Finds what has an id or an anchor.
    fn collect(&mut self, place: &'d Document) {
        match place {
            Document::List(list) => list.iter().for_each(|part| self.collect(part)),
            Document::Map(map) => {
                for key in ["$id", "id"] {
                    let id = place.get(key).and_then(Document::text);
                    match id.map(|id| (id, id.strip_prefix('#'))) {
                        Some((_, Some(anchor))) => drop(self.anchors.insert(anchor, place)),
                        Some((id, None)) => drop(self.ids.insert(id.trim_end_matches('#'), place)),
                        None => {}
                    }
                }
                if let Some(anchor) = place.get("$anchor").and_then(Document::text) {
                    self.anchors.insert(anchor, place);
                }
                map.iter().for_each(|(_, part)| self.collect(part));
            }
            _ => {}
        }
    }

    /// The node of a place.
    fn node(&mut self, place: &'d Document) -> NodeId {
        let next = self.queue.len();
        let node = *self.places.entry(std::ptr::from_ref(place)).or_insert(next);
        if node == next {
            self.queue.push(place);
        }
        node
    }

    fn nodes(&mut self, keyword: &str, place: &'d Document) -> Result<Vec<NodeId>, String> {
        let list = place.list().filter(|list| !list.is_empty());
        let list = list.ok_or_else(|| misfit(keyword, "a list of schemas"))?;
        Ok(list.iter().map(|part| self.node(part)).collect())
    }

    fn named(
        &mut self,
        keyword: &str,
        place: &'d Document,
    ) -> Result<Vec<(Box<str>, NodeId)>, String> {
        let map = place.map().ok_or_else(|| misfit(keyword, "an object of schemas"))?;
        Ok(map.iter().map(|(name, part)| (name.clone(), self.node(part))).collect())
    }

    fn pattern(&mut self, keyword: &str, text: &'d str) -> Result<Arc<Pattern>, String> {
        if let Some(pattern) = self.patterns.get(text) {
            return Ok(pattern.clone());
        }
        if self.patterns.len() >= PATTERNS {
            return Err(format!("more than {PATTERNS} regular expressions"));
        }
        let pattern = Pattern::parse(text).map_err(|cause| format!("{keyword}: {cause}"))?;
        self.weight += pattern.weight();
        if self.weight > WEIGHT {
            return Err("the regular expressions are too large".to_owned());
        }
        let pattern = Arc::new(pattern);
        self.patterns.insert(text, pattern.clone());
        Ok(pattern)
    }

    /// A copy of a value of `enum` or `const`.
    fn value(&mut self, value: &Document) -> Result<Document, String> {
        self.values += value.count();
        match self.values > VALUES {
            true => Err(format!("more than {VALUES} values in enum and const")),
            false => Ok(value.clone()),
        }
    }

    /// What a reference leads to.
    fn target(&self, reference: &str) -> Result<&'d Document, String> {
        let (base, fragment) = reference.split_once('#').unwrap_or((reference, ""));
        let lost = || format!("$ref \"{reference}\" leads to nothing in this schema");
        let base = match base {
            "" => self.root,
            id => *self.ids.get(id).ok_or_else(lost)?,
        };
        if fragment.is_empty() {
            return Ok(base);
        }
        let Some(pointer) = fragment.strip_prefix('/') else {
            return self.anchors.get(fragment).copied().ok_or_else(lost);
        };
        pointer.split('/').try_fold(base, |place, part| {
            let part = unescaped(part);
            let found = match place {
                Document::List(list) => part.parse::<usize>().ok().and_then(|at| list.get(at)),
                place => place.get(&part),
            };
            found.ok_or_else(lost)
        })
    }

    fn read(&mut self, place: &'d Document) -> Result<Node, String> {
        if let Document::Boolean(always) = place {
            return Ok(Node::Always(*always));
        }
        let Some(map) = place.map() else {
            return Err(format!("a schema has to be an object or a boolean, not {}", place.kind()));
        };
        let mut checks = Vec::new();
        if let Some(reference) = place.get("$ref") {
            let reference = reference.text().ok_or_else(|| misfit("$ref", "a string"))?;
            let target = self.target(reference)?;
            checks.push(Check::Reference(self.node(target)));
            if self.old {
                return Ok(Node::Checks(checks));
            }
        }
        for (keyword, value) in map {
            let check = self.keyword(place, keyword, value)?;
            checks.extend(check);
        }
        self.properties(place, &mut checks)?;
        self.items(place, &mut checks)?;
        self.dependencies(place, &mut checks)?;
        Ok(Node::Checks(checks))
    }

    /// What a keyword that stands for itself requires.
    fn keyword(
        &mut self,
        place: &'d Document,
        keyword: &str,
        value: &'d Document,
    ) -> Result<Option<Check>, String> {
        Ok(Some(match keyword {
            "type" => Check::Types(types(value)?),
            "enum" => {
                let list = value.list().ok_or_else(|| misfit(keyword, "a list"))?;
                let values: Result<_, _> = list.iter().map(|value| self.value(value)).collect();
                Check::Enum(values?)
            }
            "const" => Check::Const(self.value(value)?),
            "minimum" | "maximum" => {
                let (exclusive, bounds) = match keyword {
                    "minimum" => ("exclusiveMinimum", [Bound::Minimum, Bound::ExclusiveMinimum]),
                    _ => ("exclusiveMaximum", [Bound::Maximum, Bound::ExclusiveMaximum]),
                };
                // Draft 4 says by a boolean beside it whether the bound is exclusive.
                let exclusive = place.get(exclusive) == Some(&Document::Boolean(true));
                Check::Bound(bounds[usize::from(exclusive)], number(keyword, value)?)
            }
            "exclusiveMinimum" | "exclusiveMaximum" => match (keyword, value) {
                (_, Document::Boolean(_)) => return Ok(None),
                ("exclusiveMinimum", _) => {
                    Check::Bound(Bound::ExclusiveMinimum, number(keyword, value)?)
                }
                _ => Check::Bound(Bound::ExclusiveMaximum, number(keyword, value)?),
            },
            "multipleOf" => match number(keyword, value)? {
                factor if factor > 0.0 => Check::Bound(Bound::MultipleOf, factor),
                _ => return Err(misfit(keyword, "a number above 0")),
            },
            "minLength" => Check::AtLeast(Counted::Characters, count(keyword, value)?),
            "maxLength" => Check::AtMost(Counted::Characters, count(keyword, value)?),
            "minItems" => Check::AtLeast(Counted::Elements, count(keyword, value)?),
            "maxItems" => Check::AtMost(Counted::Elements, count(keyword, value)?),
            "minProperties" => Check::AtLeast(Counted::Properties, count(keyword, value)?),
            "maxProperties" => Check::AtMost(Counted::Properties, count(keyword, value)?),
            "pattern" => {
                let text = value.text().ok_or_else(|| misfit(keyword, "a string"))?;
                Check::Pattern(self.pattern(keyword, text)?)
            }
            "format" => {
                let name = value.text().ok_or_else(|| misfit(keyword, "a string"))?;
                return Ok(Format::parse(name).map(Check::Format));
            }
            "uniqueItems" => match value {
                Document::Boolean(true) => Check::Unique,
                Document::Boolean(false) => return Ok(None),
                _ => return Err(misfit(keyword, "a boolean")),
            },
            "contains" => {
                let bound = |key| place.get(key).map(|value| count(key, value)).transpose();
                let least = bound("minContains")?.unwrap_or(1);
                Check::Contains { node: self.node(value), least, most: bound("maxContains")? }
            }
            "propertyNames" => Check::Names(self.node(value)),
            // Draft 3 says it with a boolean in the property.
            "required" => Check::Required(names(keyword, value)?),
            "allOf" => Check::All(self.nodes(keyword, value)?),
            "anyOf" => Check::Any(self.nodes(keyword, value)?),
            "oneOf" => Check::One(self.nodes(keyword, value)?),
            "not" => Check::Not(self.node(value)),
            "if" => {
                let mut branch = |key| place.get(key).map(|place| self.node(place));
                let (then, otherwise) = (branch("then"), branch("else"));
                Check::If { test: self.node(value), then, otherwise }
            }
            "unevaluatedProperties" | "unevaluatedItems" | "$dynamicRef" | "$recursiveRef" => {
                return Err(format!("{keyword} is not supported"));
            }
            _ => return Ok(None),
        }))
    }

    fn properties(&mut self, place: &'d Document, checks: &mut Vec<Check>) -> Result<(), String> {
        let named = match place.get("properties") {
            Some(value) => self.named("properties", value)?,
            None => Vec::new(),
        };
        let mut patterns = Vec::new();
        if let Some(value) = place.get("patternProperties") {
            let map = value.map().ok_or_else(|| misfit("patternProperties", "an object"))?;
            for (text, part) in map {
                let pattern = self.pattern("patternProperties", text)?;
                patterns.push((pattern, self.node(part)));
            }
        }
        let rest = place.get("additionalProperties").map(|part| self.node(part));
        if !named.is_empty() || !patterns.is_empty() || rest.is_some() {
            checks.push(Check::Properties { named, patterns, rest });
        }
        Ok(())
    }

    /// `prefixItems` with `items`, or, as older drafts have it, `items` with `additionalItems`.
    fn items(&mut self, place: &'d Document, checks: &mut Vec<Check>) -> Result<(), String> {
        let items = place.get("items");
        let (first, rest) = match (place.get("prefixItems"), items) {
            (Some(first), rest) => (Some(("prefixItems", first)), rest),
            (None, Some(first @ Document::List(list))) if !list.is_empty() => {
                (Some(("items", first)), place.get("additionalItems"))
            }
            (None, rest) => (None, rest),
        };
        let first = match first {
            Some((keyword, value)) => self.nodes(keyword, value)?,
            None => Vec::new(),
        };
        let rest = rest.map(|part| self.node(part));
        if !first.is_empty() || rest.is_some() {
            checks.push(Check::Items { first, rest });
        }
        Ok(())
    }

    /// `dependencies` of older drafts, `dependentRequired` and `dependentSchemas`.
    fn dependencies(&mut self, place: &'d Document, checks: &mut Vec<Check>) -> Result<(), String> {
        for keyword in ["dependencies", "dependentRequired", "dependentSchemas"] {
            let Some(value) = place.get(keyword) else { continue };
            let map = value.map().ok_or_else(|| misfit(keyword, "an object"))?;
            for (name, part) in map {
                let listed = match keyword {
                    "dependencies" => part.list().is_some_and(|list| !list.is_empty()),
                    "dependentRequired" => true,
                    _ => false,
                };
                checks.push(match listed {
                    true => Check::Needs(name.clone(), names(keyword, part)?),
                    false => Check::Implies(name.clone(), self.node(part)),
                });
            }
        }
        Ok(())
    }
}

/// A part of a JSON pointer in the fragment of a URI.
fn unescaped(part: &str) -> String {
    let mut bytes = Vec::with_capacity(part.len());
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|digits| std::str::from_utf8(digits).ok());
        let escaped = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        match (first, escaped) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &after[2..];
            }
            _ => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).replace("~1", "/").replace("~0", "~")
}

fn number(keyword: &str, value: &Document) -> Result<f64, String> {
    match value {
        Document::Number(number) => Ok(*number),
        _ => Err(misfit(keyword, "a number")),
    }
}

fn count(keyword: &str, value: &Document) -> Result<usize, String> {
    match value {
        // Larger ones become the largest.
        Document::Number(number) if *number >= 0.0 && number.fract() == 0.0 => Ok(*number as usize),
        _ => Err(misfit(keyword, "a whole number from 0")),
    }
}

fn names(keyword: &str, value: &Document) -> Result<Vec<Box<str>>, String> {
    let list = value.list().ok_or_else(|| misfit(keyword, "a list of strings"))?;
    let text = |part: &Document| part.text().map(Into::into);
    let names: Option<Vec<Box<str>>> = list.iter().map(text).collect();
    names.ok_or_else(|| misfit(keyword, "a list of strings"))
}

fn types(value: &Document) -> Result<Types, String> {
    let mut types = Types::default();
    let single = std::slice::from_ref(value);
    for part in value.list().unwrap_or(single) {
        let name = part.text().ok_or_else(|| misfit("type", "a string or a list of strings"))?;
        if !types.add(name) {
            return Err(format!("type \"{name}\" is none of {}", Types::NAMES.join(", ")));
        }
    }
    match types == Types::default() {
        true => Err(misfit("type", "a string or a list of strings")),
        false => Ok(types),
    }
}
