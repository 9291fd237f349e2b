//! Values as conditions compare them.

use crate::value::{Table, Value, Values};

/// Work of one condition. Tables may contain themselves, one table or text may be part of
/// another many times, and nothing else runs on the worker meanwhile.
const WORK: usize = 1_000_000;
/// Longest text that is read as a number, in bytes.
const DIGITS: usize = 400;
/// Bytes of text that are compared as one piece of work.
const PIECE: usize = 64;

/// The work that a comparison may still do. One that needs more comes to no result.
#[derive(Debug)]
pub(super) struct Work(usize);

impl Work {
    pub fn new() -> Work {
        Work(WORK)
    }

    /// Whether it was enough.
    pub fn is_left(&self) -> bool {
        self.0 > 0
    }

    fn take(&mut self, bytes: usize) -> bool {
        self.0 = self.0.saturating_sub(1 + bytes / PIECE);
        self.is_left()
    }
}

/// One side of a condition.
#[derive(Clone, Copy, Debug)]
pub(super) enum Operand<'a> {
    Boolean(bool),
    Number(f64),
    Text(&'a [u8]),
    Table(&'a Values, &'a Table),
}

impl<'a> Operand<'a> {
    /// A value of a list; `None` for nil and for what cannot be compared.
    pub fn of(values: &'a Values, value: &'a Value) -> Option<Operand<'a>> {
        Some(match value {
            Value::Boolean(value) => Operand::Boolean(*value),
            Value::Number(value) => Operand::Number(*value),
            Value::String(bytes) => Operand::Text(bytes),
            Value::Table(at) => Operand::Table(values, values.tables.get(*at as usize)?),
            Value::Nil | Value::Vector(_) | Value::Buffer(_) | Value::Object(_) => return None,
        })
    }

    /// A number, or the number that a text is.
    pub fn number(self) -> Option<f64> {
        match self {
            Operand::Number(number) => Some(number),
            Operand::Text(text) => {
                if text.len() > DIGITS {
                    return None;
                }
                let number = std::str::from_utf8(text).ok()?.trim().parse::<f64>().ok()?;
                number.is_finite().then_some(number)
            }
            Operand::Boolean(_) | Operand::Table(..) => None,
        }
    }

    /// Equal by value; numbers are equal to numeric texts.
    pub fn equals(self, other: Operand<'_>, work: &mut Work) -> bool {
        self.equals_within(other, work, 0)
    }

    fn equals_within(self, other: Operand<'_>, work: &mut Work, depth: usize) -> bool {
        match (self, other) {
            _ if !work.take(0) || depth > 32 => false,
            (Operand::Boolean(a), Operand::Boolean(b)) => a == b,
            (Operand::Text(a), Operand::Text(b)) => {
                a.len() == b.len() && work.take(a.len()) && a == b
            }
            (Operand::Number(_), _) | (_, Operand::Number(_)) => {
                matches!((self.number(), other.number()), (Some(a), Some(b)) if a == b)
            }
            (Operand::Table(values, a), Operand::Table(others, b)) => {
                if a.array.len() != b.array.len() || a.hash.len() != b.hash.len() {
                    return false;
                }
                let mut same =
                    |a: &Value, b: &Value| match (Operand::of(values, a), Operand::of(others, b)) {
                        (Some(a), Some(b)) => a.equals_within(b, work, depth + 1),
                        (None, None) => *a == Value::Nil && *b == Value::Nil,
                        _ => false,
                    };
                a.array.iter().zip(&b.array).all(|(a, b)| same(a, b))
                    && a.hash.iter().all(|(key, value)| {
                        let mut entries = b.hash.iter();
                        entries.any(|(other, there)| same(key, other) && same(value, there))
                    })
            }
            _ => false,
        }
    }

    /// Whether it is an element of `list`; anything else than a table is a list of one.
    pub fn is_in(self, list: Operand<'_>, work: &mut Work) -> bool {
        match list {
            Operand::Table(values, table) => {
                let mut elements = table.array.iter().filter_map(|v| Operand::of(values, v));
                elements.any(|value| self.equals(value, work))
            }
            single => self.equals(single, work),
        }
    }

    /// Whether it is a text with this part, or a list with this element.
    pub fn contains(self, part: Operand<'_>, work: &mut Work) -> bool {
        match (self, part) {
            // Of text, since the search in text takes time in proportion to it.
            (Operand::Text(text), Operand::Text(part)) => {
                String::from_utf8_lossy(text).contains(&*String::from_utf8_lossy(part))
            }
            (Operand::Table(..), part) => part.is_in(self, work),
            _ => false,
        }
    }
}
