//! Whether a table is a list or a map: Lua has one type for both (MODULES 12).
//!
//! | entries | shape |
//! |---|---|
//! | none | list |
//! | keys 1 to n | list |
//! | positive integers with a gap | refused, or a map |
//! | strings and positive integers | refused, or a map |
//! | others | map |
//!
//! Entries whose key is a table, a function or an object do not count.

use std::borrow::Cow;

use super::Fault;
use crate::ffi::view::{List, TableView, View};

/// A key and its value.
pub type Entry<'a> = (View<'a>, View<'a>);

/// What a table is.
pub enum Shape<'a> {
    /// these elements
    Plain(List<'a>),
    /// the values of the entries that were added
    List,
    /// the entries that were added
    Map,
}

/// What to do with tables that are neither list nor map by the rule of JSON.
#[derive(Clone, Copy, PartialEq)]
pub enum Unclear {
    Refused,
    Map,
}

/// The shape of a table. Adds its entries, unless it is a plain list; those of
/// other lists come in order.
pub fn shape<'a>(
    table: TableView<'a>,
    unclear: Unclear,
    entries: &mut Vec<Entry<'a>>,
) -> Result<Shape<'a>, Fault> {
    if let Some(list) = table.plain_list() {
        return Ok(Shape::Plain(list));
    }
    let first = entries.len();
    let (mut positions, mut texts, mut largest) = (0_u32, 0_u32, 0.0);
    table.each(|key, value| {
        match key {
            View::Text(_) => texts += 1,
            View::Number(number) if number >= 1.0 && number.fract() == 0.0 => {
                positions += 1;
                largest = f64::max(largest, number);
            }
            View::Number(_) | View::Boolean(_) => {}
            _ => return,
        }
        entries.push((key, value));
    });
    let only_positions = entries.len() - first == positions as usize;
    if only_positions && largest == f64::from(positions) {
        sort_by_position(&mut entries[first..]);
        return Ok(Shape::List);
    }
    if unclear == Unclear::Refused {
        if only_positions {
            return Err("cannot encode sparse array: non-contiguous numeric keys found".into());
        }
        if positions > 0 && texts > 0 {
            let fault = "cannot encode mixed-key table: table has both numeric and \
                         non-numeric keys";
            return Err(fault.into());
        }
    }
    Ok(Shape::Map)
}

/// Sorts the entries of a list by their keys.
fn sort_by_position(entries: &mut [Entry<'_>]) {
    let position = |entry: &Entry<'_>| match entry.0 {
        View::Number(number) => number,
        _ => 0.0,
    };
    entries.sort_unstable_by(|a, b| position(a).total_cmp(&position(b)));
}

/// Sorts the entries of a map by the text of their keys, bytewise.
pub fn sort_by_text(entries: &mut [Entry<'_>]) {
    entries.sort_by(|(a, _), (b, _)| match (a, b) {
        (View::Text(a), View::Text(b)) => a.cmp(b),
        _ => key_text(*a).cmp(&key_text(*b)),
    });
}

/// A key as text.
pub fn key_text(key: View<'_>) -> Cow<'_, [u8]> {
    match key {
        View::Text(bytes) => bytes.into(),
        View::Boolean(value) => value.to_string().into_bytes().into(),
        // As `tostring` writes them.
        View::Number(number) if !number.is_finite() => {
            format!("{number}").to_lowercase().into_bytes().into()
        }
        View::Number(number) => {
            let mut text = Vec::new();
            super::number::write(&mut text, number);
            text.into()
        }
        _ => Cow::Borrowed(b""),
    }
}
