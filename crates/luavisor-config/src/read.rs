//! Typed reading of YAML values.
//!
//! Every function returns the value or reports what was expected and what was
//! found, and returns `None`: the caller goes on with a default, so that one bad
//! value does not hide the next.

use std::time::Duration;

use luavisor_core::{Table, Value, Values};

use crate::diagnostic::{Problem, Problems};
use crate::suggest;
use crate::units;
use crate::yaml::{Data, Field, Meaning, Node};

/// Reports `expected …, found …`.
pub(crate) fn expected<T>(problems: &mut Problems, node: &Node, what: &str) -> Option<T> {
    problems.error(node.span, format!("expected {what}, found {}", node.describe()));
    None
}

/// A string that is not blank.
pub(crate) fn text<'a>(problems: &mut Problems, node: &'a Node) -> Option<&'a str> {
    match node.as_text() {
        Some(text) if !text.trim().is_empty() => Some(text),
        Some(_) => expected(problems, node, "a string that is not blank"),
        None => expected(problems, node, "a string"),
    }
}

/// `true` or `false`.
pub(crate) fn boolean(problems: &mut Problems, node: &Node) -> Option<bool> {
    match node.meaning() {
        Some(Meaning::Bool(value)) => Some(value),
        _ => expected(problems, node, "true or false"),
    }
}

/// A whole number from 0.
pub(crate) fn count(problems: &mut Problems, node: &Node) -> Option<u32> {
    match node.meaning() {
        Some(Meaning::Integer(value)) if u32::try_from(value).is_ok() => u32::try_from(value).ok(),
        _ => expected(problems, node, "a whole number from 0"),
    }
}

/// A number within bounds.
pub(crate) fn number(problems: &mut Problems, node: &Node, least: f64, most: f64) -> Option<f64> {
    let value = match node.meaning() {
        Some(Meaning::Integer(value)) => value as f64,
        Some(Meaning::Float(value)) => value,
        _ => return expected(problems, node, "a number"),
    };
    if value >= least && value <= most && value.is_finite() {
        return Some(value);
    }
    let bounds = if most.is_finite() {
        format!("a number from {least} to {most}")
    } else {
        format!("a number of at least {least}")
    };
    expected(problems, node, &bounds)
}

/// A duration with unit.
pub(crate) fn duration(problems: &mut Problems, node: &Node) -> Option<Duration> {
    let what = "a duration such as 500ms, 10s or 1h30m";
    match node.meaning() {
        Some(Meaning::Text(text)) => {
            units::duration(text).or_else(|| expected(problems, node, what))
        }
        Some(Meaning::Integer(value)) if value >= 0 => {
            let message = format!("expected {what}, found the bare number {value}");
            let hint = format!("did you mean \"{value}s\"?");
            problems.push(Problem::error(node.span, message).hint(hint));
            None
        }
        _ => expected(problems, node, what),
    }
}

/// A size in bytes, at least 1.
pub(crate) fn size(problems: &mut Problems, node: &Node) -> Option<u64> {
    let bytes = match node.meaning() {
        Some(Meaning::Integer(value)) => u64::try_from(value).ok(),
        Some(Meaning::Text(text)) => units::size(text),
        _ => None,
    };
    bytes.or_else(|| expected(problems, node, "a number of bytes or a size such as 64MiB or 10MB"))
}

/// One of several words.
pub(crate) fn choice<T: Copy>(
    problems: &mut Problems,
    node: &Node,
    choices: &[(&str, T)],
) -> Option<T> {
    let word = node.as_text().unwrap_or("");
    if let Some((_, value)) = choices.iter().find(|(name, _)| *name == word) {
        return Some(*value);
    }
    let names: Vec<&str> = choices.iter().map(|(name, _)| *name).collect();
    let (last, first) = names.split_last()?;
    let list =
        if first.is_empty() { (*last).into() } else { format!("{} or {last}", first.join(", ")) };
    let message = format!("expected {list}, found {}", node.describe());
    let hint = suggest::hint(word, names.iter().copied());
    problems.push(Problem::error(node.span, message).hint(hint));
    None
}

/// The fields of a map.
pub(crate) fn map<'a>(problems: &mut Problems, node: &'a Node) -> Option<&'a [Field]> {
    node.fields().or_else(|| expected(problems, node, "a map"))
}

/// The elements of a list.
pub(crate) fn list<'a>(problems: &mut Problems, node: &'a Node) -> Option<&'a [Node]> {
    node.list().or_else(|| expected(problems, node, "a list"))
}

/// A list of strings that are not blank; what is no string is left out.
pub(crate) fn texts<'a>(problems: &mut Problems, node: &'a Node) -> Vec<(&'a Node, &'a str)> {
    let nodes = list(problems, node).unwrap_or_default();
    nodes.iter().filter_map(|node| Some((node, text(problems, node)?))).collect()
}

/// The elements of a list as Lua values.
pub(crate) fn arguments(problems: &mut Problems, node: &Node) -> Values {
    let mut values = Values::none();
    for node in list(problems, node).unwrap_or_default() {
        let value = value(&mut values.tables, node);
        values.items.push(value);
    }
    values
}

/// Any value as a Lua value.
pub(crate) fn any(node: &Node) -> Values {
    let mut values = Values::none();
    let value = value(&mut values.tables, node);
    values.items.push(value);
    values
}

/// Fields as one Lua table.
pub(crate) fn table(fields: &[Field]) -> Values {
    let mut values = Values::none();
    let value = table_of(&mut values.tables, fields);
    values.items.push(value);
    values
}

fn value(tables: &mut Vec<Table>, node: &Node) -> Value {
    match &node.data {
        Data::Scalar(scalar) => match scalar.meaning() {
            Meaning::Null => Value::Nil,
            Meaning::Bool(value) => Value::Boolean(value),
            Meaning::Integer(value) => Value::Number(value as f64),
            Meaning::Float(value) => Value::Number(value),
            Meaning::Text(text) => Value::from(text),
        },
        Data::List(nodes) => {
            let at = reserve(tables);
            let array = nodes.iter().map(|node| value(tables, node)).collect();
            tables[at] = Table { array, hash: Vec::new() };
            Value::Table(at as u32)
        }
        Data::Map(fields) => table_of(tables, fields),
    }
}

fn table_of(tables: &mut Vec<Table>, fields: &[Field]) -> Value {
    let at = reserve(tables);
    let hash = fields
        .iter()
        .map(|field| (Value::from(&*field.key), value(tables, &field.value)))
        .filter(|(_, value)| *value != Value::Nil)
        .collect();
    tables[at] = Table { array: Vec::new(), hash };
    Value::Table(at as u32)
}

fn reserve(tables: &mut Vec<Table>) -> usize {
    tables.push(Table::default());
    tables.len() - 1
}
