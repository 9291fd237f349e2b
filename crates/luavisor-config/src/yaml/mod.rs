//! YAML as a tree in which every key and value knows its place.
//!
//! Scalars keep their text; whether `0600` is a number or a string is decided
//! where it is read. JSON is read by the same parser.

mod parse;
mod readable;

use std::sync::Arc;

use crate::source::{FileId, Span};

pub(crate) use parse::parse;

/// A value with its place.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    pub span: Span,
    pub data: Data,
}

#[derive(Clone, Debug)]
pub(crate) enum Data {
    Scalar(Scalar),
    List(Vec<Node>),
    Map(Vec<Field>),
}

/// A key with its value.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub key: Arc<str>,
    pub key_span: Span,
    pub value: Node,
}

/// A text that may mean something else.
#[derive(Clone, Debug)]
pub(crate) struct Scalar {
    pub text: Arc<str>,
    pub style: Style,
}

/// How a scalar was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Style {
    /// Without quotes: numbers, booleans and null are recognised.
    Plain,
    /// Always a string.
    Quoted,
    /// A `|` block: always a string, line by line as in the file.
    Literal,
    /// The content of a file that a `file://` value named.
    File(FileId),
    /// A `file://` value that could not be resolved: null, and already reported.
    Missing,
}

/// What a scalar means by the core schema of YAML 1.2.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Meaning<'a> {
    Null,
    Bool(bool),
    Integer(i64),
    Float(f64),
    Text(&'a str),
}

impl Scalar {
    /// What the text means.
    pub fn meaning(&self) -> Meaning<'_> {
        let text = self.text.as_ref();
        if self.style == Style::Missing {
            return Meaning::Null;
        }
        if self.style != Style::Plain {
            return Meaning::Text(text);
        }
        match text {
            "" | "~" | "null" | "Null" | "NULL" => Meaning::Null,
            "true" | "True" | "TRUE" => Meaning::Bool(true),
            "false" | "False" | "FALSE" => Meaning::Bool(false),
            _ => number(text).unwrap_or(Meaning::Text(text)),
        }
    }
}

fn number(text: &str) -> Option<Meaning<'static>> {
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    if digits(unsigned) {
        return Some(text.parse().map_or_else(
            |_| Meaning::Float(text.parse().unwrap_or(f64::INFINITY)),
            Meaning::Integer,
        ));
    }
    if let Some(hex) = text.strip_prefix("0x") {
        return i64::from_str_radix(hex, 16).ok().map(Meaning::Integer);
    }
    if let Some(octal) = text.strip_prefix("0o") {
        return i64::from_str_radix(octal, 8).ok().map(Meaning::Integer);
    }
    let infinity = if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY };
    match unsigned {
        ".inf" | ".Inf" | ".INF" => return Some(Meaning::Float(infinity)),
        ".nan" | ".NaN" | ".NAN" => return Some(Meaning::Float(f64::NAN)),
        _ => {}
    }
    // Rust also takes words such as `infinity` and `nan`, YAML does not.
    let numeric = |b: u8| b.is_ascii_digit() || matches!(b, b'.' | b'e' | b'E' | b'+' | b'-');
    let plausible = unsigned.bytes().all(numeric) && unsigned.bytes().any(|b| b.is_ascii_digit());
    let float = plausible.then(|| text.parse().ok()).flatten();
    float.map(Meaning::Float)
}

impl Node {
    /// An empty map.
    pub fn map(span: Span) -> Node {
        Node { span, data: Data::Map(Vec::new()) }
    }

    /// The fields, if it is a map.
    pub fn fields(&self) -> Option<&[Field]> {
        match &self.data {
            Data::Map(fields) => Some(fields),
            _ => None,
        }
    }

    /// The elements, if it is a list.
    pub fn list(&self) -> Option<&[Node]> {
        match &self.data {
            Data::List(nodes) => Some(nodes),
            _ => None,
        }
    }

    /// The string, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        match self.meaning() {
            Some(Meaning::Text(text)) => Some(text),
            _ => None,
        }
    }

    /// What it means, if it is a scalar.
    pub fn meaning(&self) -> Option<Meaning<'_>> {
        match &self.data {
            Data::Scalar(scalar) => Some(scalar.meaning()),
            _ => None,
        }
    }

    /// Whether nothing is written here.
    pub fn is_null(&self) -> bool {
        self.meaning() == Some(Meaning::Null)
    }

    /// Whether it is a `file://` value that could not be resolved.
    pub fn is_missing(&self) -> bool {
        matches!(&self.data, Data::Scalar(scalar) if scalar.style == Style::Missing)
    }

    /// The field of a map, unless it is null.
    pub fn field(&self, key: &str) -> Option<&Field> {
        self.fields()?.iter().find(|field| &*field.key == key && !field.value.is_null())
    }

    /// The value of a map's field, unless it is null.
    pub fn get(&self, key: &str) -> Option<&Node> {
        self.field(key).map(|field| &field.value)
    }

    /// What is written here, for `expected …, found …`.
    pub fn describe(&self) -> String {
        match self.meaning() {
            None if self.list().is_some() => "a list".into(),
            None => "a map".into(),
            Some(Meaning::Null) => "nothing".into(),
            Some(Meaning::Bool(value)) => value.to_string(),
            Some(Meaning::Integer(value)) => value.to_string(),
            Some(Meaning::Float(value)) => value.to_string(),
            Some(Meaning::Text(text)) => {
                let first: String = text.lines().next().unwrap_or("").chars().take(40).collect();
                let rest = if first.len() < text.len() { "…" } else { "" };
                format!("\"{first}{rest}\"")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars_follow_the_core_schema() {
        for (text, meaning) in [
            ("", Meaning::Null),
            ("~", Meaning::Null),
            ("true", Meaning::Bool(true)),
            ("yes", Meaning::Text("yes")),
            ("0600", Meaning::Integer(600)),
            ("-12", Meaning::Integer(-12)),
            ("0x1F", Meaning::Integer(31)),
            ("0o17", Meaning::Integer(15)),
            ("1.5", Meaning::Float(1.5)),
            ("1e3", Meaning::Float(1000.0)),
            ("-.inf", Meaning::Float(f64::NEG_INFINITY)),
            ("99999999999999999999", Meaning::Float(1e20)),
            ("10s", Meaning::Text("10s")),
            ("infinity", Meaning::Text("infinity")),
            ("-", Meaning::Text("-")),
            ("1.2.3", Meaning::Text("1.2.3")),
        ] {
            let scalar = Scalar { text: text.into(), style: Style::Plain };
            assert_eq!(scalar.meaning(), meaning, "{text}");
            let quoted = Scalar { style: Style::Quoted, ..scalar };
            assert_eq!(quoted.meaning(), Meaning::Text(text));
        }
    }
}
