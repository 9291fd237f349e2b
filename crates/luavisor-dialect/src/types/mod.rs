//! Types as values: what one is made of.
//!
//! A [`Description`] is a small graph of [`Node`]s; aliases may lead back, so that
//! recursive types are finite. It is made by the translation, crosses into the
//! running program as text ([`Description::encode`], [`Description::decode`]) and
//! becomes a [`Type`] when the types that come from elsewhere are filled in.
//!
//! Everything here is immutable and free of Lua; values are checked by the VM.

mod encode;
mod pattern;
mod relate;
mod show;

use std::sync::Arc;

pub(crate) use encode::write_node;
pub use encode::{Malformed, lua_text};
pub use pattern::Pattern;
pub use show::number as number_text;

/// Most nodes of one description.
pub const NODES: usize = 4000;
/// Most types from elsewhere that one description can name.
pub const IMPORTS: usize = 64;

/// A node by its place in the description.
pub type NodeId = u32;

/// One step of a type.
#[derive(Clone, Debug)]
pub enum Node {
    /// everything
    Any,
    /// everything, of which nothing is known
    Unknown,
    /// nothing
    Never,
    /// nil
    Nil,
    /// true and false
    Boolean,
    /// any number
    Number,
    /// a whole number
    Integer,
    /// any string
    String,
    /// what `type(v)` names so: `table`, `thread`, `buffer`, `vector`, `userdata`
    Named(&'static str),
    /// one value
    Literal(Literal),
    /// `{T}`
    Array(NodeId),
    /// `{[K]: V}`
    Map(NodeId, NodeId),
    /// a table with fields; there may be others
    Record {
        /// in written order
        fields: Vec<Field>,
        /// what the other fields are, if it says so
        index: Option<(NodeId, NodeId)>,
    },
    /// `(A, ...R) -> (B, ...M)`
    Function {
        /// its parameters
        params: Vec<NodeId>,
        /// further parameters
        rest: Option<NodeId>,
        /// its results
        returns: Vec<NodeId>,
        /// further results
        more: Option<NodeId>,
    },
    /// `T?`
    Optional(NodeId),
    /// `A | B`
    Union(Vec<NodeId>),
    /// `A & B`
    Intersection(Vec<NodeId>),
    /// a type with validators
    Checked(NodeId, Vec<Check>),
    /// a named type
    Alias {
        /// its name
        name: Box<str>,
        /// of a generic alias
        arguments: Vec<NodeId>,
        /// what it names
        target: NodeId,
        /// whether a cycle of types goes through here
        recursive: bool,
    },
    /// a type from elsewhere, by its place in [`Description::imports`]
    Import(u32),
}

/// The names that [`Node::Named`] can have.
pub const NAMED: [&str; 5] = ["table", "thread", "buffer", "vector", "userdata"];

/// A value as a type.
#[derive(Clone, Debug, PartialEq)]
pub enum Literal {
    /// `true`, `false`
    Boolean(bool),
    /// `3`
    Number(f64),
    /// `"text"`
    String(Box<[u8]>),
}

/// A field of a record.
#[derive(Clone, Debug)]
pub struct Field {
    /// its name
    pub name: Box<[u8]>,
    /// whether it is written `name?: T`; its type is `T?` then
    pub optional: bool,
    /// its type
    pub node: NodeId,
}

/// A validator.
#[derive(Clone, Debug)]
pub enum Check {
    /// `@min` of a number
    Min(f64),
    /// `@max` of a number
    Max(f64),
    /// `@min_len` of a string or array
    MinLength(f64),
    /// `@max_len` of a string or array
    MaxLength(f64),
    /// `@pattern` of a string
    Pattern(Pattern),
}

/// A type from elsewhere: the argument of the constructor that holds it, and the
/// field of that argument if it is a library's table.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Import {
    /// from 0
    pub argument: u32,
    /// field of the argument
    pub field: Option<Box<str>>,
}

/// A graph of nodes; 0 is the root.
#[derive(Debug, Default)]
pub struct Description {
    pub(crate) nodes: Vec<Node>,
    pub(crate) imports: Vec<Import>,
}

impl Description {
    /// What it needs from elsewhere, in the order that [`Type::new`] wants.
    pub fn imports(&self) -> &[Import] {
        &self.imports
    }

    /// How many patterns it has.
    pub fn patterns(&self) -> usize {
        let checks = self.nodes.iter().filter_map(|node| match node {
            Node::Checked(_, checks) => Some(checks),
            _ => None,
        });
        checks.flatten().filter(|check| matches!(check, Check::Pattern(_))).count()
    }

    fn node(&self, id: NodeId) -> &Node {
        self.nodes.get(id as usize).unwrap_or(&Node::Any)
    }

    /// Marks one alias of every cycle as recursive. Iterative: types can be deep.
    pub(crate) fn mark_cycles(&mut self) {
        #[derive(Clone, Copy, PartialEq)]
        enum Mark {
            New,
            Open,
            Done,
        }
        let mut marks = vec![Mark::New; self.nodes.len()];
        let mut work = vec![(0 as NodeId, false)];
        while let Some((id, leaving)) = work.pop() {
            let Some(mark) = marks.get_mut(id as usize) else { continue };
            if leaving {
                *mark = Mark::Done;
                continue;
            }
            match *mark {
                Mark::New => {
                    *mark = Mark::Open;
                    work.push((id, true));
                    self.node(id).each(|child| work.push((child, false)));
                }
                // Only aliases lead back, and only to aliases.
                Mark::Open => {
                    if let Some(Node::Alias { recursive, .. }) = self.nodes.get_mut(id as usize) {
                        *recursive = true;
                    }
                }
                Mark::Done => {}
            }
        }
    }
}

impl Node {
    /// Calls `f` with all nodes that this one is made of.
    fn each(&self, mut f: impl FnMut(NodeId)) {
        match self {
            Node::Array(node) | Node::Optional(node) | Node::Checked(node, _) => f(*node),
            Node::Alias { target, .. } => f(*target),
            Node::Map(key, value) => {
                f(*key);
                f(*value);
            }
            Node::Record { fields, index } => {
                fields.iter().for_each(|field| f(field.node));
                if let Some((key, value)) = index {
                    f(*key);
                    f(*value);
                }
            }
            Node::Function { params, rest, returns, more } => {
                params.iter().chain(rest).chain(returns).chain(more).for_each(|node| f(*node));
            }
            Node::Union(nodes) | Node::Intersection(nodes) => nodes.iter().for_each(|n| f(*n)),
            _ => {}
        }
    }
}

/// A description whose imports are known.
#[derive(Debug)]
struct Graph {
    description: Arc<Description>,
    imports: Box<[Type]>,
}

/// A type: one node of a graph. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Type {
    graph: Arc<Graph>,
    node: NodeId,
}

/// A type, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    graph: &'a Arc<Graph>,
    node: NodeId,
}

impl Type {
    /// The root of a description. `imports` are in the order of
    /// [`Description::imports`]; what is missing is `any`.
    pub fn new(description: Arc<Description>, imports: Vec<Type>) -> Type {
        Type { graph: Arc::new(Graph { description, imports: imports.into() }), node: 0 }
    }

    /// A type of one node, which names no others.
    pub fn simple(node: Node) -> Type {
        let nodes = vec![node];
        Type::new(Arc::new(Description { nodes, imports: Vec::new() }), Vec::new())
    }

    /// A look at the type.
    pub fn view(&self) -> View<'_> {
        View { graph: &self.graph, node: self.node }.here()
    }
}

impl<'a> View<'a> {
    /// The type to keep.
    pub fn to_type(self) -> Type {
        Type { graph: self.graph.clone(), node: self.node }
    }

    /// What the type is; never [`Node::Import`], except for one without a type.
    pub fn node(self) -> &'a Node {
        self.graph.description.node(self.node)
    }

    /// A node that this one is made of.
    pub fn at(self, node: NodeId) -> View<'a> {
        View { graph: self.graph, node }.here()
    }

    /// Follows imports. They were finished before the description that names them,
    /// so this ends.
    fn here(mut self) -> View<'a> {
        while let Node::Import(slot) = self.node()
            && let Some(other) = self.graph.imports.get(*slot as usize)
        {
            self = View { graph: &other.graph, node: other.node };
        }
        self
    }

    /// The type behind aliases and validators.
    pub fn plain(mut self) -> View<'a> {
        // An alias of itself has no structure; the bound ends that.
        for _ in 0..NODES {
            match self.node() {
                Node::Alias { target, .. } => self = self.at(*target),
                Node::Checked(base, _) => self = self.at(*base),
                _ => break,
            }
        }
        self
    }

    /// Identity of the type: the same for the same node of the same graph.
    pub fn identity(self) -> (usize, NodeId) {
        (Arc::as_ptr(self.graph) as usize, self.node)
    }

    /// The word for what it is.
    pub fn kind(self) -> &'static str {
        match self.plain().node() {
            Node::Any | Node::Import(_) | Node::Alias { .. } | Node::Checked(..) => "any",
            Node::Unknown => "unknown",
            Node::Never => "never",
            Node::Nil => "nil",
            Node::Boolean => "boolean",
            Node::Number => "number",
            Node::Integer => "integer",
            Node::String => "string",
            Node::Named(name) => name,
            Node::Literal(_) => "literal",
            Node::Array(_) => "array",
            Node::Map(..) => "map",
            Node::Record { .. } => "record",
            Node::Function { .. } => "function",
            Node::Optional(_) => "optional",
            Node::Union(_) => "union",
            Node::Intersection(_) => "intersection",
        }
    }

    /// The fields of a record, or of all records of an intersection, in written order.
    pub fn fields(self) -> Vec<(&'a Field, View<'a>)> {
        let mut found = Vec::new();
        let mut work = vec![self];
        let mut steps = 0;
        while let Some(view) = work.pop()
            && steps < NODES
            && found.len() < NODES
        {
            steps += 1;
            let view = view.plain();
            match view.node() {
                Node::Record { fields, .. } => {
                    found.extend(fields.iter().map(|field| (field, view.at(field.node))));
                }
                Node::Intersection(nodes) => {
                    work.extend(nodes.iter().rev().map(|node| view.at(*node)));
                }
                _ => {}
            }
        }
        found
    }
}
