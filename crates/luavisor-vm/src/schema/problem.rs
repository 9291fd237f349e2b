//! What is wrong with a value, and the words for it.

use super::document::Document;
use crate::codec;

/// Why a value does not pass.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// It is not what the schema describes: where and why, as one text.
    Problems(String),
    /// The check takes more work than it may.
    Exhausted,
    /// The schema refers to itself without coming to an end.
    TooDeep,
}

impl std::fmt::Display for Failure {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Failure::Problems(problems) => problems,
            Failure::Exhausted => "this schema needs too much work for this data",
            Failure::TooDeep => "the schema refers to itself too deeply",
        })
    }
}

/// A step from a value to a part of it.
#[derive(Clone, Copy)]
pub(super) enum Step<'d> {
    Key(&'d str),
    Index(usize),
}

/// A number as JSON writes it.
pub(super) fn digits(number: f64) -> String {
    let mut out = Vec::new();
    codec::number::write(&mut out, number);
    String::from_utf8_lossy(&out).into_owned()
}

/// A name, not longer than a message can bear.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A value of a schema in a message.
pub(super) fn shown(value: &Document) -> String {
    match value {
        Document::Null => "null".to_owned(),
        Document::Boolean(value) => value.to_string(),
        Document::Number(number) => digits(*number),
        Document::Text(text) => format!("\"{}\"", shortened(text)),
        Document::List(_) => "a certain array".to_owned(),
        Document::Map(_) => "a certain object".to_owned(),
    }
}
