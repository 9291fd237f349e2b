//! Whether a value conforms to a type, and if not, where and why (MODULES 32.3).
//!
//! Tables are looked at without metamethods. A value that leads back to itself is
//! checked once for each type and table. What would take too many steps raises
//! LimitExceeded; what is nested too deeply does not conform.

use std::collections::HashSet;

use luavisor_core::{Error, Kind, Table, Value, Values};
use luavisor_dialect::types::{Check, Literal, Node, View, number_text};

use crate::ffi::call::Call;
use crate::ffi::error::Raise;

/// Deepest nesting of tables, as in messages.
const TABLES: usize = 128;
/// Deepest nesting of types on the way, which a type without end would exceed.
const TYPES: usize = 1000;
/// Most steps of one check; the limit of all library calls.
const STEPS: usize = 10_000_000;
/// Bytes of a string that a message shows.
const SHOWN: usize = 100;

/// Checks the value at `index`; an error is for `nil, err`.
pub fn check(call: &mut Call, view: View<'_>, index: i32) -> Result<Option<Error>, Raise> {
    // Nothing was passed: nil.
    if call.count() < index {
        call.push_nil();
    }
    let mut checker = Checker {
        call,
        steps: 0,
        quiet: 0,
        open: HashSet::new(),
        order: Vec::new(),
        failed: HashSet::new(),
    };
    match checker.check(view, view, index, Depth::default()) {
        Ok(()) => Ok(None),
        Err(Stop::Raise(raise)) => Err(raise),
        Err(Stop::Mismatch(mismatch)) => Ok(Some(mismatch.error())),
    }
}

/// A step of the path to the failing part.
enum Step {
    Field(Vec<u8>),
    Element(f64),
    Key(Vec<u8>),
}

/// What does not conform.
#[derive(Default)]
struct Mismatch {
    /// the last step first
    path: Vec<Step>,
    reason: String,
    expected: String,
    got: String,
}

impl Mismatch {
    fn error(self) -> Error {
        let (mut message, mut path) = (String::new(), String::new());
        for step in self.path.iter().rev() {
            match step {
                Step::Field(name) => {
                    let name = String::from_utf8_lossy(name);
                    message.push_str(&format!("field '{name}': "));
                    path.push_str(if path.is_empty() { "" } else { "." });
                    path.push_str(&name);
                }
                Step::Element(number) => {
                    let step = format!("[{}]", number_text(*number));
                    path.push_str(&step);
                    message.push_str(&format!("{step}: "));
                }
                Step::Key(key) => {
                    let step = format!("['{}']", String::from_utf8_lossy(key));
                    path.push_str(&step);
                    message.push_str(&format!("{step}: "));
                }
            }
        }
        message.push_str(&self.reason);
        let entry = |name: &str, value: String| {
            (Value::String(name.as_bytes().into()), Value::String(value.into_bytes().into()))
        };
        let details = Table {
            hash: vec![
                entry("path", path),
                entry("expected", self.expected),
                entry("got", self.got),
            ],
            ..Table::default()
        };
        let details = Values { tables: vec![details], ..Values::one(Value::Table(0)) };
        Error::invalid(message).retryable(false).details(details)
    }
}

/// How deep a check is.
#[derive(Clone, Copy, Default)]
struct Depth {
    tables: usize,
    types: usize,
}

impl Depth {
    /// The same value, the next type.
    fn next(self) -> Depth {
        Depth { types: self.types + 1, ..self }
    }

    /// Into a table.
    fn inside(self) -> Depth {
        Depth { tables: self.tables + 1, types: self.types + 1 }
    }
}

enum Stop {
    Mismatch(Box<Mismatch>),
    Raise(Raise),
}

type Checked = Result<(), Stop>;
/// A type and a table.
type Pair = ((usize, u32), usize);

struct Checker<'c> {
    call: &'c mut Call,
    steps: usize,
    /// above zero, nobody reads why something does not conform
    quiet: usize,
    /// what is being checked or conforms, if all that is being checked does
    open: HashSet<Pair>,
    /// the same in order, to take back what a failed alternative assumed
    order: Vec<Pair>,
    /// what does not conform
    failed: HashSet<Pair>,
}

impl Checker<'_> {
    /// `shown` is how messages name the type: the alias that led here.
    fn check(&mut self, view: View<'_>, shown: View<'_>, index: i32, depth: Depth) -> Checked {
        self.steps += 1;
        if self.steps > STEPS {
            let message = format!("a check of more than {STEPS} steps");
            return Err(Stop::Raise(Error::new(Kind::LIMIT_EXCEEDED, message).into()));
        }
        if depth.tables > TABLES || depth.types > TYPES {
            return Err(self.mismatch(|_| {
                let reason = format!("nesting deeper than {TABLES} levels");
                (reason.clone(), reason, String::new())
            }));
        }
        let call = &*self.call;
        let fits = match view.node() {
            Node::Any | Node::Unknown | Node::Import(_) => true,
            Node::Never => false,
            Node::Nil => call.is_nil(index),
            Node::Boolean => call.is_boolean(index),
            Node::Number => call.is_number(index),
            Node::Integer => number(call, index).is_some_and(|number| number.fract() == 0.0),
            Node::String => call.is_string(index),
            Node::Named(name) => call.type_name(index) == *name,
            Node::Literal(literal) => self.is_literal(literal, index),
            Node::Function { .. } => call.is_function(index),
            Node::Array(element) if call.is_table(index) => {
                return self.array(view.at(*element), index, depth);
            }
            Node::Map(key, value) if call.is_table(index) => {
                let pair = (view.at(*key), view.at(*value));
                return self.entries(pair, |_| false, index, depth);
            }
            Node::Record { .. } if call.is_table(index) => return self.record(view, index, depth),
            Node::Array(_) | Node::Map(..) | Node::Record { .. } => false,
            Node::Optional(_) if call.is_nil(index) => true,
            Node::Optional(inner) => {
                let inner = view.at(*inner);
                return self.check(inner, inner, index, depth.next());
            }
            Node::Union(nodes) => self.union(view, nodes, index, depth)?,
            Node::Intersection(nodes) => {
                for node in nodes {
                    let member = view.at(*node);
                    self.check(member, member, index, depth.next())?;
                }
                true
            }
            Node::Checked(base, checks) => {
                self.check(view.at(*base), shown, index, depth.next())?;
                for check in checks {
                    self.validate(check, index)?;
                }
                true
            }
            Node::Alias { target, recursive, .. } => {
                let target = view.at(*target);
                if !recursive || !call.is_table(index) {
                    return self.check(target, shown, index, depth.next());
                }
                return self.once(view, target, shown, index, depth);
            }
        };
        if fits {
            return Ok(());
        }
        Err(self.mismatch(|call| {
            let expected = shown.expected();
            let got = got(call, view, index);
            (format!("expected {expected}, got {got}"), expected, got)
        }))
    }

    /// Makes a mismatch of its reason, what was expected and what was there.
    fn mismatch(&self, what: impl FnOnce(&Call) -> (String, String, String)) -> Stop {
        if self.quiet > 0 {
            return Stop::Mismatch(Box::default());
        }
        let (reason, expected, got) = what(self.call);
        Stop::Mismatch(Box::new(Mismatch { path: Vec::new(), reason, expected, got }))
    }

    /// The mismatch lies behind this step.
    fn behind(&self, stop: Stop, step: impl FnOnce() -> Step) -> Stop {
        match stop {
            Stop::Mismatch(mut mismatch) if self.quiet == 0 => {
                mismatch.path.push(step());
                Stop::Mismatch(mismatch)
            }
            other => other,
        }
    }

    fn is_literal(&self, literal: &Literal, index: i32) -> bool {
        let call = &*self.call;
        match literal {
            Literal::Boolean(value) => call.is_boolean(index) && call.boolean(index) == *value,
            Literal::Number(value) => number(call, index) == Some(*value),
            Literal::String(value) => call.is_string(index) && call.raw_bytes(index) == &**value,
        }
    }

    /// A recursive type: each table is looked at once.
    fn once(
        &mut self,
        alias: View<'_>,
        target: View<'_>,
        shown: View<'_>,
        index: i32,
        depth: Depth,
    ) -> Checked {
        let pair = (alias.identity(), self.call.address(index));
        if self.failed.contains(&pair) && self.quiet > 0 {
            return Err(Stop::Mismatch(Box::default()));
        }
        if !self.open.insert(pair) {
            return Ok(());
        }
        self.order.push(pair);
        let result = self.check(target, shown, index, depth.next());
        if matches!(result, Err(Stop::Mismatch(_))) {
            self.failed.insert(pair);
        }
        result
    }

    /// Whether one member of a union fits.
    fn union(
        &mut self,
        view: View<'_>,
        nodes: &[u32],
        index: i32,
        depth: Depth,
    ) -> Result<bool, Stop> {
        for node in nodes {
            let member = view.at(*node);
            if self.try_check(member, index, depth)? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Checks without a message; a failure leaves no assumptions behind.
    fn try_check(&mut self, view: View<'_>, index: i32, depth: Depth) -> Result<bool, Stop> {
        let (assumed, top) = (self.order.len(), self.call.count());
        self.quiet += 1;
        let result = self.check(view, view, index, depth.next());
        self.quiet -= 1;
        match result {
            Ok(()) => Ok(true),
            Err(Stop::Mismatch(_)) => {
                for pair in self.order.drain(assumed..) {
                    self.open.remove(&pair);
                }
                self.call.pop(self.call.count() - top);
                Ok(false)
            }
            Err(raise) => Err(raise),
        }
    }

    fn array(&mut self, element: View<'_>, index: i32, depth: Depth) -> Checked {
        for number in 1..=self.call.length(index) {
            self.call.push_element(index, number as i32);
            let top = self.call.count();
            self.check(element, element, top, depth.inside())
                .map_err(|stop| self.behind(stop, || Step::Element(number as f64)))?;
            self.call.pop(1);
        }
        Ok(())
    }

    /// All entries of a table, except those with a key that is `known`.
    fn entries(
        &mut self,
        (key, value): (View<'_>, View<'_>),
        known: impl Fn(&[u8]) -> bool,
        index: i32,
        depth: Depth,
    ) -> Checked {
        let mut at = 0;
        while let Some(next) = self.call.next_entry(index, at) {
            at = next;
            let top = self.call.count();
            let is_known = self.call.is_string(top - 1) && known(self.call.raw_bytes(top - 1));
            if !is_known {
                if !self.try_check(key, top - 1, depth.inside())? {
                    let stop = self.mismatch(|call| {
                        let (expected, got) = (key.expected(), got(call, key, top - 1));
                        (format!("expected {expected} as key, got {got}"), expected, got)
                    });
                    return Err(self.behind(stop, || step(self.call, top - 1)));
                }
                self.check(value, value, top, depth.inside())
                    .map_err(|stop| self.behind(stop, || step(self.call, top - 1)))?;
            }
            self.call.pop(2);
        }
        Ok(())
    }

    fn record(&mut self, view: View<'_>, index: i32, depth: Depth) -> Checked {
        let Node::Record { fields, index: rest } = view.node() else { return Ok(()) };
        for field in fields {
            self.call.push_entry(index, &field.name);
            let top = self.call.count();
            let inner = view.at(field.node);
            if self.call.is_nil(top) {
                if !field.optional && !self.try_check(inner, top, depth.inside())? {
                    let stop = self.mismatch(|_| {
                        let expected = inner.expected();
                        let reason = format!("missing required field, expected {expected}");
                        (reason, expected, "nil".to_owned())
                    });
                    return Err(self.behind(stop, || Step::Field(field.name.to_vec())));
                }
            } else {
                self.check(inner, inner, top, depth.inside())
                    .map_err(|stop| self.behind(stop, || Step::Field(field.name.to_vec())))?;
            }
            self.call.pop(1);
        }
        match rest {
            None => Ok(()),
            Some((key, value)) => {
                let known = |name: &[u8]| fields.iter().any(|field| *field.name == *name);
                self.entries((view.at(*key), view.at(*value)), known, index, depth)
            }
        }
    }

    /// Validators look at what they are about and let everything else pass.
    fn validate(&mut self, check: &Check, index: i32) -> Checked {
        let call = &*self.call;
        let number = number(call, index);
        let length = (call.is_string(index) || call.is_table(index)).then(|| call.length(index));
        let length = length.map(|length| length as f64);
        let (value, what, side, bound) = match check {
            Check::Min(bound) => (number, "value", "below minimum", *bound),
            Check::Max(bound) => (number, "value", "above maximum", *bound),
            Check::MinLength(bound) => (length, "length", "below minimum length", *bound),
            Check::MaxLength(bound) => (length, "length", "above maximum length", *bound),
            Check::Pattern(pattern) => {
                if !call.is_string(index) || pattern.matches(call.raw_bytes(index)) {
                    return Ok(());
                }
                return Err(self.mismatch(|call| {
                    let reason = format!("value does not match pattern {}", pattern.text());
                    (reason, check.to_string(), shown_text(call.raw_bytes(index)))
                }));
            }
        };
        let Some(value) = value else { return Ok(()) };
        let fits = match check {
            Check::Min(_) | Check::MinLength(_) => value >= bound,
            _ => value <= bound,
        };
        if fits {
            return Ok(());
        }
        Err(self.mismatch(|_| {
            let (value, bound) = (number_text(value), number_text(bound));
            (format!("{what} {value} is {side} {bound}"), check.to_string(), value)
        }))
    }
}

/// The step to the entry whose key is at `index`.
fn step(call: &Call, index: i32) -> Step {
    match number(call, index) {
        Some(number) => Step::Element(number),
        None if call.is_string(index) => Step::Key(call.raw_bytes(index).to_vec()),
        None if call.is_boolean(index) => Step::Key(call.boolean(index).to_string().into()),
        None => Step::Key(call.type_name(index).into()),
    }
}

/// What was there instead: a value among literals of its type, else its type.
fn got(call: &Call, expected: View<'_>, index: i32) -> String {
    let is_like = |literal: &Literal| match literal {
        Literal::Boolean(_) => call.is_boolean(index),
        Literal::Number(_) => call.is_number(index),
        Literal::String(_) => call.is_string(index),
    };
    let expected = expected.plain();
    let literals = match expected.node() {
        Node::Literal(literal) => is_like(literal),
        Node::Union(nodes) => nodes.iter().any(|node| {
            matches!(expected.at(*node).plain().node(), Node::Literal(literal) if is_like(literal))
        }),
        _ => false,
    };
    match number(call, index) {
        _ if !literals => call.type_name(index).to_owned(),
        Some(number) => number_text(number),
        None if call.is_string(index) => shown_text(call.raw_bytes(index)),
        None => call.boolean(index).to_string(),
    }
}

/// The number at `index`.
fn number(call: &Call, index: i32) -> Option<f64> {
    if call.is_number(index) { call.number(index).ok() } else { None }
}

fn shown_text(bytes: &[u8]) -> String {
    let text = String::from_utf8_lossy(&bytes[..bytes.len().min(SHOWN)]);
    let more = if bytes.len() > SHOWN { "…" } else { "" };
    format!("\"{text}{more}\"")
}
