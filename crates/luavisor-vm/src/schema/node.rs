//! A schema that was read: lists of checks that refer to each other by number.

use std::sync::Arc;

use super::document::Document;
use super::format::Format;
use super::pattern::Pattern;

/// The number of a node.
pub(super) type NodeId = usize;

/// A schema that can be checked against.
#[derive(Debug)]
pub struct Schema {
    pub(super) nodes: Vec<Node>,
    /// of its regular expressions, see [`Pattern::weight`]
    pub(super) weight: usize,
}

impl Schema {
    /// Bytes that it takes, roughly, beside its text.
    pub fn size(&self) -> usize {
        self.nodes.len() * 256 + self.weight * (8 << 10)
    }
}

/// One schema within a schema. The root is the first.
#[derive(Debug)]
pub(super) enum Node {
    /// `true` and `false`
    Always(bool),
    Checks(Vec<Check>),
}

/// The types of JSON, as a set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Types(u8);

impl Types {
    pub const NAMES: [&'static str; 7] =
        ["null", "boolean", "number", "integer", "string", "array", "object"];

    pub fn has(self, name: &str) -> bool {
        let at = Types::NAMES.iter().position(|known| *known == name);
        at.is_some_and(|at| self.0 & (1 << at) != 0)
    }

    pub fn add(&mut self, name: &str) -> bool {
        let at = Types::NAMES.iter().position(|known| *known == name);
        self.0 |= at.map_or(0, |at| 1 << at);
        at.is_some()
    }
}

/// Which bound of a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Bound {
    Minimum,
    ExclusiveMinimum,
    Maximum,
    ExclusiveMaximum,
    MultipleOf,
}

/// What is counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Counted {
    Characters,
    Elements,
    Properties,
}

/// One requirement. Those about other types than the value's hold.
#[derive(Debug)]
pub(super) enum Check {
    Types(Types),
    Enum(Vec<Document>),
    Const(Document),
    Bound(Bound, f64),
    AtLeast(Counted, usize),
    AtMost(Counted, usize),
    Pattern(Arc<Pattern>),
    Format(Format),
    Items {
        first: Vec<NodeId>,
        rest: Option<NodeId>,
    },
    Contains {
        node: NodeId,
        least: usize,
        most: Option<usize>,
    },
    Unique,
    Properties {
        /// sorted
        named: Vec<(Box<str>, NodeId)>,
        patterns: Vec<(Arc<Pattern>, NodeId)>,
        rest: Option<NodeId>,
    },
    Names(NodeId),
    Required(Vec<Box<str>>),
    /// if there is this property, then these too
    Needs(Box<str>, Vec<Box<str>>),
    /// if there is this property, then this holds
    Implies(Box<str>, NodeId),
    Reference(NodeId),
    All(Vec<NodeId>),
    Any(Vec<NodeId>),
    One(Vec<NodeId>),
    Not(NodeId),
    If {
        test: NodeId,
        then: Option<NodeId>,
        otherwise: Option<NodeId>,
    },
}
