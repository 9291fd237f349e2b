//! How types compare: the same structure, and subtypes.
//!
//! Both are decided as for recursive types in general (Amadio and Cardelli 1993): a
//! pair that is being compared counts as related when it comes again. Comparisons
//! that take too many steps answer no.

use std::collections::HashSet;

use super::{Check, Field, Literal, Node, NodeId, View};

/// Most steps of one comparison.
const STEPS: usize = 100_000;
/// Deepest recursion of one comparison.
const DEPTH: usize = 200;

impl View<'_> {
    /// Whether both have the same structure. The names of aliases do not count,
    /// nor does the order of a union or of fields.
    pub fn is_same(self, other: View<'_>) -> bool {
        Relation::new(true).holds(self, other, 0)
    }

    /// Whether every value of this type is one of `other`.
    pub fn is_subtype(self, other: View<'_>) -> bool {
        Relation::new(false).holds(self, other, 0)
    }
}

struct Relation {
    /// the same, instead of: a subtype
    same: bool,
    assumed: HashSet<((usize, NodeId), (usize, NodeId))>,
    steps: usize,
}

/// An alias stands for what it names.
fn real(mut view: View<'_>) -> View<'_> {
    for _ in 0..super::NODES {
        match view.node() {
            Node::Alias { target, .. } => view = view.at(*target),
            _ => break,
        }
    }
    view
}

impl Relation {
    fn new(same: bool) -> Relation {
        Relation { same, assumed: HashSet::new(), steps: 0 }
    }

    fn holds(&mut self, a: View<'_>, b: View<'_>, depth: usize) -> bool {
        let (a, b) = (real(a), real(b));
        if a.identity() == b.identity() {
            return true;
        }
        self.steps += 1;
        if self.steps > STEPS || depth > DEPTH {
            return false;
        }
        let pair = (a.identity(), b.identity());
        if !self.assumed.insert(pair) {
            return true;
        }
        let holds = if self.same { self.same(a, b, depth) } else { self.subtype(a, b, depth) };
        if !holds {
            self.assumed.remove(&pair);
        }
        holds
    }

    fn same(&mut self, a: View<'_>, b: View<'_>, depth: usize) -> bool {
        let deeper = depth + 1;
        match (a.node(), b.node()) {
            (Node::Literal(x), Node::Literal(y)) => x == y,
            (Node::Named(x), Node::Named(y)) => x == y,
            (Node::Array(x), Node::Array(y)) | (Node::Optional(x), Node::Optional(y)) => {
                self.holds(a.at(*x), b.at(*y), deeper)
            }
            (Node::Map(k, v), Node::Map(l, w)) => {
                self.holds(a.at(*k), b.at(*l), deeper) && self.holds(a.at(*v), b.at(*w), deeper)
            }
            (Node::Record { fields: x, index: i }, Node::Record { fields: y, index: j }) => {
                self.steps += x.len() * y.len() / 16;
                let index = match (i, j) {
                    (None, None) => true,
                    (Some((k, v)), Some((l, w))) => {
                        self.holds(a.at(*k), b.at(*l), deeper)
                            && self.holds(a.at(*v), b.at(*w), deeper)
                    }
                    _ => false,
                };
                index
                    && x.len() == y.len()
                    && x.iter().all(|field| {
                        find(y, &field.name).is_some_and(|other| {
                            self.holds(a.at(field.node), b.at(other.node), deeper)
                        })
                    })
            }
            (
                Node::Function { params: p, rest: r, returns: s, more: m },
                Node::Function { params: q, rest: t, returns: u, more: n },
            ) => {
                let all = |x: &[NodeId], y: &Option<NodeId>| -> Vec<NodeId> {
                    x.iter().chain(y).copied().collect()
                };
                let ends = r.is_some() == t.is_some() && m.is_some() == n.is_some();
                ends && self.each(a, &all(p, r), b, &all(q, t), depth)
                    && self.each(a, &all(s, m), b, &all(u, n), depth)
            }
            (Node::Union(x), Node::Union(y)) | (Node::Intersection(x), Node::Intersection(y)) => {
                x.len() == y.len()
                    && x.iter().all(|x| y.iter().any(|y| self.holds(a.at(*x), b.at(*y), deeper)))
                    && y.iter().all(|y| x.iter().any(|x| self.holds(a.at(*x), b.at(*y), deeper)))
            }
            (Node::Checked(x, c), Node::Checked(y, d)) => {
                let texts = |checks: &[Check]| -> Vec<String> {
                    let mut texts: Vec<String> = checks.iter().map(Check::to_string).collect();
                    texts.sort();
                    texts
                };
                texts(c) == texts(d) && self.holds(a.at(*x), b.at(*y), deeper)
            }
            (x, y) => is_simple(x) && is_simple(y) && a.kind() == b.kind(),
        }
    }

    fn each(&mut self, a: View<'_>, x: &[NodeId], b: View<'_>, y: &[NodeId], depth: usize) -> bool {
        x.len() == y.len()
            && x.iter().zip(y).all(|(x, y)| self.holds(a.at(*x), b.at(*y), depth + 1))
    }

    fn subtype(&mut self, a: View<'_>, b: View<'_>, depth: usize) -> bool {
        let deeper = depth + 1;
        match (a.node(), b.node()) {
            (_, Node::Any | Node::Unknown | Node::Import(_)) | (Node::Never, _) => return true,
            // What is left of the left side is taken apart first.
            (Node::Union(nodes), _) => {
                return nodes.iter().all(|node| self.holds(a.at(*node), b, deeper));
            }
            (Node::Optional(x), Node::Optional(y)) => {
                let inner = a.at(*x);
                return self.holds(inner, b.at(*y), deeper) || self.holds(inner, b, deeper);
            }
            (Node::Optional(x), Node::Union(nodes)) => {
                let nil = nodes.iter().any(|node| self.takes_nil(b.at(*node)));
                return nil && self.holds(a.at(*x), b, deeper);
            }
            (_, Node::Intersection(nodes)) => {
                return nodes.iter().all(|node| self.holds(a, b.at(*node), deeper));
            }
            (_, Node::Union(nodes))
                if nodes.iter().any(|node| self.holds(a, b.at(*node), deeper)) =>
            {
                return true;
            }
            (Node::Nil, Node::Optional(_)) => return true,
            (_, Node::Optional(inner)) if self.holds(a, b.at(*inner), deeper) => return true,
            (Node::Checked(x, given), Node::Checked(y, wanted))
                if wanted.iter().all(|wanted| given.iter().any(|given| implies(given, wanted)))
                    && self.holds(a.at(*x), b.at(*y), deeper) =>
            {
                return true;
            }
            _ => {}
        }
        match (a.node(), b.node()) {
            (Node::Intersection(nodes), _) => {
                nodes.iter().any(|node| self.holds(a.at(*node), b, deeper))
            }
            (Node::Checked(x, _), _) => self.holds(a.at(*x), b, deeper),
            (Node::Integer, Node::Number) => true,
            (Node::Literal(x), Node::Literal(y)) => x == y,
            (Node::Literal(Literal::Boolean(_)), Node::Boolean) => true,
            (Node::Literal(Literal::Number(_)), Node::Number) => true,
            (Node::Literal(Literal::Number(x)), Node::Integer) => x.fract() == 0.0,
            (Node::Literal(Literal::String(_)), Node::String) => true,
            (Node::Array(_) | Node::Map(..) | Node::Record { .. }, Node::Named("table")) => true,
            (Node::Array(x), Node::Array(y)) => self.holds(a.at(*x), b.at(*y), deeper),
            (Node::Map(k, v), Node::Map(l, w)) => {
                self.holds(a.at(*k), b.at(*l), deeper) && self.holds(a.at(*v), b.at(*w), deeper)
            }
            (Node::Array(_) | Node::Map(..), Node::Record { fields, index: None }) => {
                fields.iter().all(|field| field.optional)
            }
            (Node::Record { fields: x, index: i }, Node::Record { fields: y, index: j }) => {
                self.steps += x.len() * y.len() / 16;
                let index = match (i, j) {
                    (_, None) => true,
                    (Some((k, v)), Some((l, w))) => {
                        self.holds(a.at(*k), b.at(*l), deeper)
                            && self.holds(a.at(*v), b.at(*w), deeper)
                    }
                    (None, Some(_)) => false,
                };
                index
                    && y.iter().all(|wanted| match find(x, &wanted.name) {
                        Some(field) => {
                            let there = wanted.optional
                                || !field.optional
                                || self.takes_nil(b.at(wanted.node));
                            there && self.holds(a.at(field.node), b.at(wanted.node), deeper)
                        }
                        None => wanted.optional || self.takes_nil(b.at(wanted.node)),
                    })
            }
            (
                Node::Function { params: p, rest: r, returns: s, more: m },
                Node::Function { params: q, rest: t, returns: u, more: n },
            ) => {
                // It may take fewer parameters than it is given, and return more.
                let takes = p.iter().enumerate().all(|(at, x)| match q.get(at).or(t.as_ref()) {
                    Some(y) => self.holds(b.at(*y), a.at(*x), deeper),
                    None => self.takes_nil(a.at(*x)),
                });
                let rest = match (r, t) {
                    (Some(x), Some(y)) => self.holds(b.at(*y), a.at(*x), deeper),
                    _ => true,
                };
                let gives = u.iter().enumerate().all(|(at, y)| match s.get(at).or(m.as_ref()) {
                    Some(x) => self.holds(a.at(*x), b.at(*y), deeper),
                    None => self.takes_nil(b.at(*y)),
                });
                let more = match (m, n) {
                    (Some(x), Some(y)) => self.holds(a.at(*x), b.at(*y), deeper),
                    _ => true,
                };
                takes && rest && gives && more
            }
            (x, y) => is_simple(x) && is_simple(y) && a.kind() == b.kind(),
        }
    }

    /// Whether nil is a value of the type, as far as one sees at once.
    fn takes_nil(&self, view: View<'_>) -> bool {
        let plain = view.plain();
        match plain.node() {
            Node::Nil | Node::Optional(_) | Node::Any | Node::Unknown => true,
            Node::Union(nodes) => nodes.iter().any(|node| {
                matches!(plain.at(*node).plain().node(), Node::Nil | Node::Optional(_))
            }),
            _ => false,
        }
    }
}

/// Whether the node is told by its kind alone.
fn is_simple(node: &Node) -> bool {
    use Node::*;
    matches!(node, Any | Unknown | Never | Nil | Boolean | Number | Integer | String | Named(_))
}

fn find<'a>(fields: &'a [Field], name: &[u8]) -> Option<&'a Field> {
    fields.iter().find(|field| *field.name == *name)
}

/// Whether what passes `given` passes `wanted`.
fn implies(given: &Check, wanted: &Check) -> bool {
    match (given, wanted) {
        (Check::Min(x), Check::Min(y)) | (Check::MinLength(x), Check::MinLength(y)) => x >= y,
        (Check::Max(x), Check::Max(y)) | (Check::MaxLength(x), Check::MaxLength(y)) => x <= y,
        (Check::Pattern(x), Check::Pattern(y)) => x.text() == y.text(),
        _ => false,
    }
}
