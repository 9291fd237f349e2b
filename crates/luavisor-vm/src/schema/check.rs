//! Whether a value is what a schema describes, and what is wrong if not.

use std::collections::HashSet;
use std::fmt::Write;

use super::document::Document;
use super::node::{Bound, Check, Counted, Node, NodeId, Schema, Types};
use super::problem::{Failure, Step, digits, shortened, shown};
use super::{DEPTH, LISTED, STEPS};

impl Schema {
    /// Checks a value. `of_lua`: an empty list may as well be an empty object.
    ///
    /// # Errors
    /// [`Failure`]
    pub fn check(&self, value: &Document, of_lua: bool) -> Result<(), Failure> {
        let mut run = Run {
            schema: self,
            of_lua,
            left: STEPS,
            depth: 0,
            place: Vec::new(),
            problems: String::new(),
            found: 0,
            quiet: 0,
        };
        if run.node(0, value)? {
            return Ok(());
        }
        if run.found > LISTED {
            let _ = write!(run.problems, "; and {} more", run.found - LISTED);
        }
        Err(Failure::Problems(run.problems))
    }
}

struct Run<'s, 'd> {
    schema: &'s Schema,
    of_lua: bool,
    /// work that may still be done
    left: usize,
    depth: usize,
    /// where the value is that is looked at
    place: Vec<Step<'d>>,
    problems: String,
    found: usize,
    /// within what may fail without being a problem: the first failure is enough
    quiet: usize,
}

impl<'s, 'd> Run<'s, 'd> {
    fn work(&mut self, steps: usize) -> Result<(), Failure> {
        self.left = self.left.checked_sub(steps).ok_or(Failure::Exhausted)?;
        Ok(())
    }

    /// Notes a problem of the value that is looked at; it does not pass.
    fn problem(&mut self, reason: impl FnOnce() -> String) -> bool {
        if self.quiet > 0 {
            return false;
        }
        self.found += 1;
        if self.found > LISTED {
            return false;
        }
        if !self.problems.is_empty() {
            self.problems.push_str("; ");
        }
        for step in &self.place {
            // Writing to memory does not fail.
            let _ = match step {
                Step::Key(key) => write!(self.problems, "/{}", shortened(key)),
                Step::Index(at) => write!(self.problems, "/{at}"),
            };
        }
        if !self.place.is_empty() {
            self.problems.push_str(": ");
        }
        self.problems.push_str(&reason());
        false
    }

    /// Whether the value passes, without noting why not.
    fn quietly(&mut self, node: NodeId, value: &'d Document) -> Result<bool, Failure> {
        self.quiet += 1;
        let passes = self.node(node, value);
        self.quiet -= 1;
        passes
    }

    /// Whether a part of the value passes.
    fn part(&mut self, node: NodeId, step: Step<'d>, value: &'d Document) -> Result<bool, Failure> {
        self.place.push(step);
        let passes = self.node(node, value);
        self.place.pop();
        passes
    }

    fn node(&mut self, node: NodeId, value: &'d Document) -> Result<bool, Failure> {
        self.work(1)?;
        let schema = self.schema;
        let checks = match schema.nodes.get(node) {
            Some(Node::Checks(checks)) => checks,
            Some(Node::Always(false)) => return Ok(self.problem(|| "is not allowed".to_owned())),
            Some(Node::Always(true)) | None => return Ok(true),
        };
        if self.depth >= DEPTH {
            return Err(Failure::TooDeep);
        }
        self.depth += 1;
        let mut passes = true;
        for check in checks {
            self.work(1)?;
            passes &= self.holds(check, value)?;
            if !passes && self.quiet > 0 {
                break;
            }
        }
        self.depth -= 1;
        Ok(passes)
    }

    fn holds(&mut self, check: &'s Check, value: &'d Document) -> Result<bool, Failure> {
        match check {
            Check::Types(types) => Ok(self.types(*types, value)),
            Check::Enum(values) => self.is_one_of(values, value),
            Check::Const(expected) => self.is_one_of(std::slice::from_ref(expected), value),
            Check::Bound(bound, limit) => Ok(self.bound(*bound, *limit, value)),
            Check::AtLeast(counted, limit) => self.counted(*counted, *limit, true, value),
            Check::AtMost(counted, limit) => self.counted(*counted, *limit, false, value),
            Check::Pattern(pattern) => {
                let Some(text) = value.text() else { return Ok(true) };
                let (found, work) = pattern.finds(text);
                self.work(work)?;
                let reason = || format!("does not match {}", shortened(pattern.text()));
                Ok(found || self.problem(reason))
            }
            Check::Format(format) => {
                let Some(text) = value.text() else { return Ok(true) };
                self.work(text.len() / 16)?;
                let reason = || format!("is no {}", format.name());
                Ok(format.fits(text) || self.problem(reason))
            }
            Check::Items { first, rest } => self.items(first, *rest, value),
            Check::Contains { node, least, most } => self.contains(*node, *least, *most, value),
            Check::Unique => self.unique(value),
            Check::Properties { named, patterns, rest } => {
                let Some(map) = self.map(value) else { return Ok(true) };
                let mut passes = true;
                for (key, part) in map {
                    self.work(1 + patterns.len())?;
                    let mut known = false;
                    if let Ok(at) = named.binary_search_by(|(name, _)| name.cmp(key)) {
                        known = true;
                        passes &= self.part(named[at].1, Step::Key(key), part)?;
                    }
                    for (pattern, node) in patterns {
                        let (found, work) = pattern.finds(key);
                        self.work(work)?;
                        if found {
                            known = true;
                            passes &= self.part(*node, Step::Key(key), part)?;
                        }
                    }
                    if let Some(node) = rest.filter(|_| !known) {
                        passes &= self.part(node, Step::Key(key), part)?;
                    }
                    if !passes && self.quiet > 0 {
                        return Ok(false);
                    }
                }
                Ok(passes)
            }
            Check::Names(node) => self.names(*node, value),
            Check::Required(names) => self.required(names, value),
            Check::Needs(name, names) => match value.get(name) {
                Some(_) => self.required(names, value),
                None => Ok(true),
            },
            Check::Implies(name, node) => match value.get(name) {
                Some(_) => self.node(*node, value),
                None => Ok(true),
            },
            Check::Reference(node) => self.node(*node, value),
            Check::All(nodes) => {
                let mut passes = true;
                for node in nodes {
                    passes &= self.node(*node, value)?;
                    if !passes && self.quiet > 0 {
                        break;
                    }
                }
                Ok(passes)
            }
            Check::Any(nodes) => {
                for node in nodes {
                    if self.quietly(*node, value)? {
                        return Ok(true);
                    }
                }
                Ok(self.problem(|| "matches no schema of anyOf".to_owned()))
            }
            Check::One(nodes) => {
                let mut matches = 0;
                for node in nodes {
                    matches += usize::from(self.quietly(*node, value)?);
                }
                Ok(match matches {
                    1 => true,
                    0 => self.problem(|| "matches no schema of oneOf".to_owned()),
                    _ => self.problem(|| format!("matches {matches} schemas of oneOf, not one")),
                })
            }
            Check::Not(node) => match self.quietly(*node, value)? {
                false => Ok(true),
                true => Ok(self.problem(|| "matches the schema of not".to_owned())),
            },
            Check::If { test, then, otherwise } => {
                let branch = if self.quietly(*test, value)? { then } else { otherwise };
                match branch {
                    Some(node) => self.node(*node, value),
                    None => Ok(true),
                }
            }
        }
    }

    /// The entries of an object.
    fn map(&self, value: &'d Document) -> Option<&'d [(Box<str>, Document)]> {
        match value {
            Document::List(_) if !self.of_lua => None,
            value => value.map(),
        }
    }

    fn types(&mut self, types: Types, value: &Document) -> bool {
        let is = match value {
            Document::Number(number) if number.fract() == 0.0 => {
                types.has("integer") || types.has("number")
            }
            Document::List(list) if list.is_empty() && self.of_lua => {
                types.has("array") || types.has("object")
            }
            value => types.has(value.kind()),
        };
        is || self.problem(|| {
            let names: Vec<&str> =
                Types::NAMES.into_iter().filter(|name| types.has(name)).collect();
            format!("expected {}, got {}", names.join(" or "), value.kind())
        })
    }

    fn is_one_of(&mut self, values: &[Document], value: &Document) -> Result<bool, Failure> {
        for expected in values {
            if self.same(expected, value)? {
                return Ok(true);
            }
        }
        Ok(self.problem(|| match values {
            [] => "is not allowed".to_owned(),
            [one] => format!("expected {}", shown(one)),
            [few @ .., last] if few.len() < 8 => {
                let few: Vec<String> = few.iter().map(shown).collect();
                format!("expected {} or {}", few.join(", "), shown(last))
            }
            many => format!("is none of the {} values of enum", many.len()),
        }))
    }

    fn same(&mut self, a: &Document, b: &Document) -> Result<bool, Failure> {
        self.work(1)?;
        let empty = |value: &Document| value.map().is_some_and(<[_]>::is_empty);
        match (a, b) {
            (Document::List(a), Document::List(b)) if a.len() == b.len() => {
                for (a, b) in a.iter().zip(b) {
                    if !self.same(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Document::Map(a), Document::Map(b)) if a.len() == b.len() => {
                for ((name, a), (other, b)) in a.iter().zip(b) {
                    if name != other || !self.same(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Document::Text(a), Document::Text(b)) => {
                self.work(a.len().min(b.len()) / 64)?;
                Ok(a == b)
            }
            (Document::List(_), Document::List(_)) | (Document::Map(_), Document::Map(_)) => {
                Ok(false)
            }
            (a, b) => Ok(a == b || (self.of_lua && empty(a) && empty(b))),
        }
    }

    fn bound(&mut self, bound: Bound, limit: f64, value: &Document) -> bool {
        let Document::Number(number) = *value else { return true };
        let (holds, words) = match bound {
            Bound::Minimum => (number >= limit, "is below the minimum"),
            Bound::ExclusiveMinimum => (number > limit, "is not above"),
            Bound::Maximum => (number <= limit, "is above the maximum"),
            Bound::ExclusiveMaximum => (number < limit, "is not below"),
            Bound::MultipleOf => (is_multiple(number, limit), "is no multiple of"),
        };
        holds || self.problem(|| format!("{} {words} {}", digits(number), digits(limit)))
    }

    fn counted(
        &mut self,
        counted: Counted,
        limit: usize,
        least: bool,
        value: &'d Document,
    ) -> Result<bool, Failure> {
        let (number, what) = match counted {
            Counted::Characters => {
                let Some(text) = value.text() else { return Ok(true) };
                self.work(text.len() / 64)?;
                (text.chars().count(), "characters")
            }
            Counted::Elements => {
                let Some(list) = value.list() else { return Ok(true) };
                (list.len(), "elements")
            }
            Counted::Properties => {
                let Some(map) = self.map(value) else { return Ok(true) };
                (map.len(), "properties")
            }
        };
        let (holds, word) = match least {
            true => (number >= limit, "least"),
            false => (number <= limit, "most"),
        };
        let reason = || format!("has {number} {what}, expected at {word} {limit}");
        Ok(holds || self.problem(reason))
    }

    fn items(
        &mut self,
        first: &[NodeId],
        rest: Option<NodeId>,
        value: &'d Document,
    ) -> Result<bool, Failure> {
        let Some(list) = value.list() else { return Ok(true) };
        let mut passes = true;
        for (at, part) in list.iter().enumerate() {
            let Some(node) = first.get(at).copied().or(rest) else { break };
            passes &= self.part(node, Step::Index(at), part)?;
            if !passes && self.quiet > 0 {
                break;
            }
        }
        Ok(passes)
    }

    fn contains(
        &mut self,
        node: NodeId,
        least: usize,
        most: Option<usize>,
        value: &'d Document,
    ) -> Result<bool, Failure> {
        let Some(list) = value.list() else { return Ok(true) };
        let mut matches = 0;
        for part in list {
            matches += usize::from(self.quietly(node, part)?);
        }
        if matches < least {
            let reason = || format!("{matches} elements match contains, expected at least {least}");
            return Ok(self.problem(reason));
        }
        match most.filter(|most| matches > *most) {
            Some(most) => Ok(self
                .problem(|| format!("{matches} elements match contains, expected at most {most}"))),
            None => Ok(true),
        }
    }

    fn unique(&mut self, value: &Document) -> Result<bool, Failure> {
        let Some(list) = value.list() else { return Ok(true) };
        let mut seen = HashSet::with_capacity(list.len());
        for (at, part) in list.iter().enumerate() {
            let mut key = Vec::new();
            part.write_key(&mut key);
            self.work(1 + key.len() / 16)?;
            if !seen.insert(key) {
                return Ok(self.problem(|| format!("element {at} repeats an earlier one")));
            }
        }
        Ok(true)
    }

    fn names(&mut self, node: NodeId, value: &'d Document) -> Result<bool, Failure> {
        let Some(map) = self.map(value) else { return Ok(true) };
        for (key, _) in map {
            let name = Document::Text(key.clone());
            self.work(1 + key.len() / 64)?;
            let mut run = Run {
                schema: self.schema,
                of_lua: self.of_lua,
                left: self.left,
                depth: self.depth,
                place: Vec::new(),
                problems: String::new(),
                found: 0,
                quiet: 1,
            };
            let passes = run.node(node, &name);
            self.left = run.left;
            if !passes? {
                let reason = || format!("the name {} does not match", shortened(key));
                return Ok(self.problem(reason));
            }
        }
        Ok(true)
    }

    fn required(&mut self, names: &[Box<str>], value: &'d Document) -> Result<bool, Failure> {
        if self.map(value).is_none() {
            return Ok(true);
        }
        self.work(names.len())?;
        let mut passes = true;
        for name in names {
            if value.get(name).is_none() {
                passes = self.problem(|| format!("{} is missing", shortened(name)));
            }
        }
        Ok(passes)
    }
}

/// From here on a double has no digits left that could tell.
const DIGITS: f64 = (1_u64 << 52) as f64;

/// With the tolerance that decimal fractions need: 0.3 is a multiple of 0.1.
fn is_multiple(number: f64, factor: f64) -> bool {
    if (number / factor).abs() >= DIGITS {
        return true;
    }
    let rest = (number % factor).abs();
    rest <= factor * 1e-9 || factor - rest <= factor * 1e-9
}
