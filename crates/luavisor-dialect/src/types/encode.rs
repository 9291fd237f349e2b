//! Descriptions as text, for the constructor in the translated program.
//!
//! Every node is a letter and its parts: numbers end with a blank, texts have
//! their length in front. A program can call the constructor itself, with
//! anything; so reading checks everything and trusts nothing.

use super::{
    Check, Description, Field, IMPORTS, Import, Literal, NAMED, NODES, Node, NodeId, Pattern,
};

/// A text that is no description.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not the description of a type")]
pub struct Malformed;

/// Writes one node; equal nodes have equal texts.
pub(crate) fn write_node(out: &mut Vec<u8>, node: &Node) {
    match node {
        Node::Any => out.push(b'a'),
        Node::Unknown => out.push(b'k'),
        Node::Never => out.push(b'v'),
        Node::Nil => out.push(b'0'),
        Node::Boolean => out.push(b'b'),
        Node::Number => out.push(b'n'),
        Node::Integer => out.push(b'i'),
        Node::String => out.push(b's'),
        Node::Named(name) => {
            out.push(b'd');
            text(out, name.as_bytes());
        }
        Node::Literal(Literal::Boolean(value)) => out.push(if *value { b't' } else { b'f' }),
        Node::Literal(Literal::Number(value)) => {
            out.push(b'N');
            number(out, *value);
        }
        Node::Literal(Literal::String(value)) => {
            out.push(b'S');
            text(out, value);
        }
        Node::Array(element) => {
            out.push(b'A');
            count(out, *element);
        }
        Node::Map(key, value) => {
            out.push(b'M');
            count(out, *key);
            count(out, *value);
        }
        Node::Record { fields, index } => {
            out.push(b'R');
            count(out, fields.len() as u32);
            for field in fields {
                out.push(if field.optional { b'?' } else { b'.' });
                text(out, &field.name);
                count(out, field.node);
            }
            maybe(out, index.map(|(key, _)| key));
            maybe(out, index.map(|(_, value)| value));
        }
        Node::Function { params, rest, returns, more } => {
            out.push(b'F');
            list(out, params);
            maybe(out, *rest);
            list(out, returns);
            maybe(out, *more);
        }
        Node::Optional(inner) => {
            out.push(b'O');
            count(out, *inner);
        }
        Node::Union(nodes) => {
            out.push(b'U');
            list(out, nodes);
        }
        Node::Intersection(nodes) => {
            out.push(b'I');
            list(out, nodes);
        }
        Node::Checked(base, checks) => {
            out.push(b'C');
            count(out, *base);
            count(out, checks.len() as u32);
            checks.iter().for_each(|check| write_check(out, check));
        }
        Node::Alias { name, arguments, target, recursive: _ } => {
            out.push(b'=');
            text(out, name.as_bytes());
            list(out, arguments);
            count(out, *target);
        }
        Node::Import(slot) => {
            out.push(b'@');
            count(out, *slot);
        }
    }
}

fn write_check(out: &mut Vec<u8>, check: &Check) {
    let (letter, bound) = match check {
        Check::Min(bound) => (b'<', bound),
        Check::Max(bound) => (b'>', bound),
        Check::MinLength(bound) => (b'l', bound),
        Check::MaxLength(bound) => (b'g', bound),
        Check::Pattern(pattern) => {
            out.push(b'p');
            return text(out, pattern.text().as_bytes());
        }
    };
    out.push(letter);
    number(out, *bound);
}

fn count(out: &mut Vec<u8>, value: u32) {
    out.extend_from_slice(format!("{value} ").as_bytes());
}

fn number(out: &mut Vec<u8>, value: f64) {
    out.extend_from_slice(format!("{value} ").as_bytes());
}

fn text(out: &mut Vec<u8>, value: &[u8]) {
    count(out, value.len() as u32);
    out.extend_from_slice(value);
}

fn list(out: &mut Vec<u8>, nodes: &[NodeId]) {
    count(out, nodes.len() as u32);
    nodes.iter().for_each(|node| count(out, *node));
}

fn maybe(out: &mut Vec<u8>, node: Option<NodeId>) {
    match node {
        Some(node) => count(out, node),
        None => out.extend_from_slice(b"- "),
    }
}

impl Description {
    /// The description as text.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.nodes.len() * 6 + 8);
        count(&mut out, self.imports.len() as u32);
        for import in &self.imports {
            count(&mut out, import.argument);
            text(&mut out, import.field.as_deref().unwrap_or_default().as_bytes());
        }
        count(&mut out, self.nodes.len() as u32);
        self.nodes.iter().for_each(|node| write_node(&mut out, node));
        out
    }

    /// Reads what [`Description::encode`] wrote.
    ///
    /// # Errors
    /// The text is something else.
    pub fn decode(encoded: &[u8]) -> Result<Description, Malformed> {
        let mut reader = Reader { rest: encoded, nodes: NODES as u32 };
        let imports = reader.count(IMPORTS)?;
        let mut description = Description::default();
        for _ in 0..imports {
            let argument = reader.count(IMPORTS)?;
            let field = reader.string()?;
            let field = (!field.is_empty()).then(|| field.into());
            description.imports.push(Import { argument, field });
        }
        reader.nodes = reader.count(NODES)?;
        for _ in 0..reader.nodes {
            let node = reader.node(imports)?;
            description.nodes.push(node);
        }
        if !reader.rest.is_empty() || description.nodes.is_empty() {
            return Err(Malformed);
        }
        description.mark_cycles();
        Ok(description)
    }
}

struct Reader<'a> {
    rest: &'a [u8],
    /// how many there will be
    nodes: u32,
}

impl<'a> Reader<'a> {
    fn byte(&mut self) -> Result<u8, Malformed> {
        let (first, rest) = self.rest.split_first().ok_or(Malformed)?;
        self.rest = rest;
        Ok(*first)
    }

    fn word(&mut self) -> Result<&'a str, Malformed> {
        let end = self.rest.iter().position(|byte| *byte == b' ').ok_or(Malformed)?;
        let word = std::str::from_utf8(&self.rest[..end]).map_err(|_| Malformed)?;
        self.rest = &self.rest[end + 1..];
        Ok(word)
    }

    fn count(&mut self, limit: usize) -> Result<u32, Malformed> {
        let count: u32 = self.word()?.parse().map_err(|_| Malformed)?;
        if count as usize <= limit { Ok(count) } else { Err(Malformed) }
    }

    fn number(&mut self) -> Result<f64, Malformed> {
        self.word()?.parse().map_err(|_| Malformed)
    }

    fn bytes(&mut self) -> Result<&'a [u8], Malformed> {
        let length = self.count(self.rest.len())? as usize;
        let bytes = self.rest.get(..length).ok_or(Malformed)?;
        self.rest = &self.rest[length..];
        Ok(bytes)
    }

    fn string(&mut self) -> Result<&'a str, Malformed> {
        std::str::from_utf8(self.bytes()?).map_err(|_| Malformed)
    }

    fn id(&mut self) -> Result<NodeId, Malformed> {
        let id = self.count(NODES)?;
        if id < self.nodes { Ok(id) } else { Err(Malformed) }
    }

    fn maybe(&mut self) -> Result<Option<NodeId>, Malformed> {
        if let Some(rest) = self.rest.strip_prefix(b"- ") {
            self.rest = rest;
            return Ok(None);
        }
        self.id().map(Some)
    }

    fn list(&mut self) -> Result<Vec<NodeId>, Malformed> {
        // Each takes two bytes, so that a short text cannot ask for much memory.
        let count = self.count(self.rest.len() / 2)?;
        (0..count).map(|_| self.id()).collect()
    }

    fn node(&mut self, imports: u32) -> Result<Node, Malformed> {
        Ok(match self.byte()? {
            b'a' => Node::Any,
            b'k' => Node::Unknown,
            b'v' => Node::Never,
            b'0' => Node::Nil,
            b'b' => Node::Boolean,
            b'n' => Node::Number,
            b'i' => Node::Integer,
            b's' => Node::String,
            b'd' => {
                let name = self.string()?;
                Node::Named(NAMED.into_iter().find(|known| *known == name).ok_or(Malformed)?)
            }
            b't' => Node::Literal(Literal::Boolean(true)),
            b'f' => Node::Literal(Literal::Boolean(false)),
            b'N' => Node::Literal(Literal::Number(self.number()?)),
            b'S' => Node::Literal(Literal::String(self.bytes()?.into())),
            b'A' => Node::Array(self.id()?),
            b'M' => Node::Map(self.id()?, self.id()?),
            b'R' => self.record()?,
            b'F' => {
                let (params, rest) = (self.list()?, self.maybe()?);
                let (returns, more) = (self.list()?, self.maybe()?);
                Node::Function { params, rest, returns, more }
            }
            b'O' => Node::Optional(self.id()?),
            b'U' => Node::Union(self.list()?),
            b'I' => Node::Intersection(self.list()?),
            b'C' => {
                let base = self.id()?;
                let count = self.count(self.rest.len())?;
                let checks: Result<_, _> = (0..count).map(|_| self.check()).collect();
                Node::Checked(base, checks?)
            }
            b'=' => {
                let name = self.string()?.into();
                let arguments = self.list()?;
                Node::Alias { name, arguments, target: self.id()?, recursive: false }
            }
            b'@' => {
                let slot = self.count(IMPORTS)?;
                if slot >= imports {
                    return Err(Malformed);
                }
                Node::Import(slot)
            }
            _ => return Err(Malformed),
        })
    }

    fn record(&mut self) -> Result<Node, Malformed> {
        let count = self.count(NODES)?;
        let mut fields = Vec::new();
        for _ in 0..count {
            let optional = match self.byte()? {
                b'?' => true,
                b'.' => false,
                _ => return Err(Malformed),
            };
            fields.push(Field { name: self.bytes()?.into(), optional, node: self.id()? });
        }
        let index = match (self.maybe()?, self.maybe()?) {
            (Some(key), Some(value)) => Some((key, value)),
            (None, None) => None,
            _ => return Err(Malformed),
        };
        Ok(Node::Record { fields, index })
    }

    fn check(&mut self) -> Result<Check, Malformed> {
        Ok(match self.byte()? {
            b'<' => Check::Min(self.number()?),
            b'>' => Check::Max(self.number()?),
            b'l' => Check::MinLength(self.number()?),
            b'g' => Check::MaxLength(self.number()?),
            b'p' => Check::Pattern(Pattern::new(self.string()?).map_err(|_| Malformed)?),
            _ => return Err(Malformed),
        })
    }
}

/// A Lua string literal, on one line, for these bytes.
pub fn lua_text(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + 2);
    text.push('"');
    for byte in bytes {
        match byte {
            b'"' | b'\\' => text.extend(['\\', *byte as char]),
            b' '..=b'~' => text.push(*byte as char),
            _ => text.push_str(&format!("\\x{byte:02x}")),
        }
    }
    text.push('"');
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let nodes = vec![
            Node::Alias { name: "P".into(), arguments: vec![2], target: 1, recursive: false },
            Node::Record {
                fields: vec![
                    Field { name: (*b"x y\0").into(), optional: true, node: 2 },
                    Field { name: (*b"").into(), optional: false, node: 0 },
                ],
                index: Some((2, 0)),
            },
            Node::Checked(
                3,
                vec![Check::Min(-0.5), Check::Pattern(Pattern::new("^a b$").unwrap())],
            ),
            Node::Function { params: vec![0, 1], rest: None, returns: vec![], more: Some(2) },
            Node::Import(0),
            Node::Named("thread"),
            Node::Literal(Literal::Number(1e300)),
            Node::Union(vec![4, 5, 6]),
        ];
        let imports = vec![Import { argument: 0, field: Some("Q".into()) }];
        let encoded = Description { nodes, imports }.encode();
        let decoded = Description::decode(&encoded).unwrap();
        assert_eq!(decoded.encode(), encoded);
        assert!(matches!(decoded.nodes[0], Node::Alias { recursive: true, .. }));
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["", "0 ", "0 0 ", "0 1 ", "0 1 x", "0 1 A1 ", "0 1 aa", "0 1 @0 ", "9999 "] {
            assert_eq!(Description::decode(text.as_bytes()).err(), Some(Malformed), "{text}");
        }
        assert!(Description::decode(b"0 1 C0 1 p1 (").is_err());
        assert!(Description::decode(b"0 1 U4000000000 ").is_err());
    }

    #[test]
    fn literals_hold_any_bytes() {
        assert_eq!(lua_text(b"a\"\\\n\xff"), r#""a\"\\\x0a\xff""#);
    }
}
