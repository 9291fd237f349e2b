//! Values as conditions compare them.

use crate::value::{Table, Value, Values};

/// Parts of tables that one comparison looks at: tables may contain themselves, and one
/// table may be part of another many times.
const PARTS: usize = 10_000;

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
                let number = std::str::from_utf8(text).ok()?.trim().parse::<f64>().ok()?;
                number.is_finite().then_some(number)
            }
            Operand::Boolean(_) | Operand::Table(..) => None,
        }
    }

    /// Equal by value; numbers are equal to numeric texts.
    pub fn equals(self, other: Operand<'_>) -> bool {
        self.equals_within(other, &mut PARTS.clone(), 0)
    }

    fn equals_within(self, other: Operand<'_>, left: &mut usize, depth: usize) -> bool {
        match (self, other) {
            (Operand::Boolean(a), Operand::Boolean(b)) => a == b,
            (Operand::Text(a), Operand::Text(b)) => a == b,
            (Operand::Number(_), _) | (_, Operand::Number(_)) => {
                matches!((self.number(), other.number()), (Some(a), Some(b)) if a == b)
            }
            (Operand::Table(values, a), Operand::Table(others, b)) => {
                if a.array.len() != b.array.len() || a.hash.len() != b.hash.len() || depth > 32 {
                    return false;
                }
                let mut same = |a: &Value, b: &Value| {
                    *left = left.saturating_sub(1);
                    match (Operand::of(values, a), Operand::of(others, b)) {
                        _ if *left == 0 => false,
                        (Some(a), Some(b)) => a.equals_within(b, left, depth + 1),
                        (None, None) => *a == Value::Nil && *b == Value::Nil,
                        _ => false,
                    }
                };
                a.array.iter().zip(&b.array).all(|(a, b)| same(a, b))
                    && a.hash.iter().all(|(key, value)| {
                        b.hash.iter().any(|(other, there)| same(key, other) && same(value, there))
                    })
            }
            _ => false,
        }
    }

    /// Whether it is an element of `list`; anything else than a table is a list of one.
    pub fn is_in(self, list: Operand<'_>) -> bool {
        match list {
            Operand::Table(values, table) => table
                .array
                .iter()
                .filter_map(|value| Operand::of(values, value))
                .any(|value| self.equals(value)),
            single => self.equals(single),
        }
    }

    /// Whether it is a text with this part, or a list with this element.
    pub fn contains(self, part: Operand<'_>) -> bool {
        match (self, part) {
            (Operand::Text(text), Operand::Text(part)) => {
                part.is_empty() || text.windows(part.len()).any(|window| window == part)
            }
            (Operand::Table(..), part) => part.is_in(self),
            _ => false,
        }
    }
}
