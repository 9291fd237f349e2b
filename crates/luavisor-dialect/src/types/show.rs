//! Types as text, for people.

use std::fmt::{self, Write};

use super::{Check, Literal, Node, View};

/// Deepest nesting that is written out.
const DEPTH: usize = 20;
/// Longest text, in bytes; what is longer ends with an ellipsis.
const LENGTH: usize = 1000;

impl View<'_> {
    /// The alias's name, or the type's text.
    pub fn name(self) -> String {
        let mut text = Text { out: String::new(), validators: true };
        text.show(self, 0, false);
        text.finish()
    }

    /// What a value should have been, for messages. The name of an alias stands
    /// for records and their kin; other aliases are shown as what they are.
    pub fn expected(self) -> String {
        let mut text = Text { out: String::new(), validators: false };
        let plain = self.plain();
        match plain.node() {
            Node::Record { .. } | Node::Intersection(_) => text.show(self, 0, false),
            Node::Function { .. } => text.out.push_str("function"),
            _ => text.show(plain, 0, false),
        }
        text.finish()
    }
}

/// A number as Lua prints it.
pub fn number(value: f64) -> String {
    if value.abs() >= 1e17 && value.is_finite() {
        let text = format!("{value:e}");
        return if text.contains("e-") { text } else { text.replace('e', "e+") };
    }
    if value.is_nan() {
        return "nan".to_owned();
    }
    value.to_string()
}

impl fmt::Display for Literal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Literal::Boolean(value) => write!(f, "{value}"),
            Literal::Number(value) => f.write_str(&number(*value)),
            Literal::String(value) => write!(f, "\"{}\"", String::from_utf8_lossy(value)),
        }
    }
}

struct Text {
    out: String,
    validators: bool,
}

impl Text {
    fn finish(mut self) -> String {
        if self.out.len() > LENGTH {
            let end = (0..=LENGTH).rev().find(|at| self.out.is_char_boundary(*at)).unwrap_or(0);
            self.out.truncate(end);
            self.out.push('…');
        }
        self.out
    }

    /// `part`: whether it needs parentheses where something follows or precedes it.
    fn show(&mut self, view: View<'_>, depth: usize, part: bool) {
        if depth > DEPTH || self.out.len() > LENGTH {
            return self.out.push('…');
        }
        let deeper = depth + 1;
        match view.node() {
            Node::Any | Node::Import(_) => self.out.push_str("any"),
            Node::Literal(value) => _ = write!(self.out, "{value}"),
            Node::Array(element) => {
                self.out.push('{');
                self.show(view.at(*element), deeper, false);
                self.out.push('}');
            }
            Node::Map(key, value) => {
                self.out.push('{');
                self.index(view, (*key, *value), deeper);
                self.out.push('}');
            }
            Node::Record { fields, index } => {
                self.out.push('{');
                for (at, field) in fields.iter().enumerate() {
                    self.out.push_str(if at == 0 { "" } else { ", " });
                    self.out.push_str(&String::from_utf8_lossy(&field.name));
                    self.out.push_str(if field.optional { "?: " } else { ": " });
                    let ty = view.at(field.node);
                    match ty.node() {
                        Node::Optional(inner) if field.optional => {
                            self.show(ty.at(*inner), deeper, false);
                        }
                        _ => self.show(ty, deeper, false),
                    }
                }
                if let Some(index) = index {
                    self.out.push_str(if fields.is_empty() { "" } else { ", " });
                    self.index(view, *index, deeper);
                }
                self.out.push('}');
            }
            Node::Function { params, rest, returns, more } => {
                self.out.push_str(if part { "(" } else { "" });
                self.pack(view, (params, *rest), deeper);
                self.out.push_str(" -> ");
                match (&returns[..], more) {
                    ([one], None) => self.show(view.at(*one), deeper, true),
                    _ => self.pack(view, (returns, *more), deeper),
                }
                self.out.push_str(if part { ")" } else { "" });
            }
            Node::Optional(inner) => {
                self.show(view.at(*inner), deeper, true);
                self.out.push('?');
            }
            Node::Union(nodes) => self.list(view, nodes, " | ", deeper, part),
            Node::Intersection(nodes) => self.list(view, nodes, " & ", deeper, part),
            Node::Checked(base, checks) => {
                self.show(view.at(*base), deeper, part);
                for check in checks.iter().filter(|_| self.validators) {
                    self.out.push(' ');
                    _ = write!(self.out, "{check}");
                }
            }
            Node::Alias { name, arguments, .. } => {
                self.out.push_str(name);
                for (at, argument) in arguments.iter().enumerate() {
                    self.out.push_str(if at == 0 { "<" } else { ", " });
                    self.show(view.at(*argument), deeper, false);
                }
                self.out.push_str(if arguments.is_empty() { "" } else { ">" });
            }
            _ => self.out.push_str(view.kind()),
        }
    }

    fn index(&mut self, view: View<'_>, (key, value): (u32, u32), depth: usize) {
        self.out.push('[');
        self.show(view.at(key), depth, false);
        self.out.push_str("]: ");
        self.show(view.at(value), depth, false);
    }

    fn pack(&mut self, view: View<'_>, (nodes, rest): (&[u32], Option<u32>), depth: usize) {
        self.out.push('(');
        for (at, node) in nodes.iter().enumerate() {
            self.out.push_str(if at == 0 { "" } else { ", " });
            self.show(view.at(*node), depth, false);
        }
        if let Some(rest) = rest {
            self.out.push_str(if nodes.is_empty() { "..." } else { ", ..." });
            self.show(view.at(rest), depth, true);
        }
        self.out.push(')');
    }

    fn list(&mut self, view: View<'_>, nodes: &[u32], between: &str, depth: usize, part: bool) {
        self.out.push_str(if part { "(" } else { "" });
        for (at, node) in nodes.iter().enumerate() {
            self.out.push_str(if at == 0 { "" } else { between });
            self.show(view.at(*node), depth, true);
        }
        self.out.push_str(if part { ")" } else { "" });
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Min(bound) => write!(f, "@min({})", number(*bound)),
            Check::Max(bound) => write!(f, "@max({})", number(*bound)),
            Check::MinLength(bound) => write!(f, "@min_len({})", number(*bound)),
            Check::MaxLength(bound) => write!(f, "@max_len({})", number(*bound)),
            Check::Pattern(pattern) => write!(f, "@pattern(\"{}\")", pattern.text()),
        }
    }
}
