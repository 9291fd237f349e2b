//! The functions of the language.

use std::cmp::Ordering;
use std::ops::RangeInclusive;

use super::Value;
use super::eval::{Evaluated, Run};
use super::parse::Node;

/// A function.
#[derive(Debug)]
pub struct Function {
    name: &'static str,
    /// how many arguments it takes
    pub arguments: RangeInclusive<usize>,
    /// whether its second argument is asked of each element
    pub predicate: bool,
    pub run: fn(&mut Run<'_>, &[Node]) -> Evaluated,
}

/// The function of this name.
pub fn find(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|function| function.name == name)
}

macro_rules! functions {
    ($($name:literal $arguments:expr, $predicate:expr, $run:expr;)*) => {
        static FUNCTIONS: &[Function] = &[$(Function {
            name: $name,
            arguments: $arguments,
            predicate: $predicate,
            run: $run,
        }),*];
    };
}

functions! {
    "all" 2..=2, true, |run, nodes| each(run, nodes, "all", Value::Bool(true), |yes, _| (!yes).then_some(Value::Bool(false)));
    "any" 2..=2, true, |run, nodes| each(run, nodes, "any", Value::Bool(false), |yes, _| yes.then_some(Value::Bool(true)));
    "none" 2..=2, true, |run, nodes| each(run, nodes, "none", Value::Bool(true), |yes, _| yes.then_some(Value::Bool(false)));
    "find" 2..=2, true, |run, nodes| each(run, nodes, "find", Value::Nil, |yes, element| yes.then(|| element.clone()));
    "one" 2..=2, true, |run, nodes| Ok(Value::Bool(kept(run, nodes, "one")?.len() == 1));
    "count" 1..=2, true, count;
    "filter" 2..=2, true, |run, nodes| Ok(Value::array(kept(run, nodes, "filter")?));
    "map" 2..=2, true, map;
    "len" 1..=1, false, len;
    "abs" 1..=1, false, |run, nodes| number(run, nodes, "abs", |value| match value {
        Value::Int(value) => Value::Int(value.wrapping_abs()),
        value => Value::Float(value.number().unwrap_or_default().abs()),
    });
    "ceil" 1..=1, false, |run, nodes| number(run, nodes, "ceil", |value| rounded(value, f64::ceil));
    "floor" 1..=1, false, |run, nodes| number(run, nodes, "floor", |value| rounded(value, f64::floor));
    "round" 1..=1, false, |run, nodes| number(run, nodes, "round", |value| rounded(value, f64::round));
    "max" 1..=64, false, |run, nodes| extreme(run, nodes, "max", Ordering::Greater);
    "min" 1..=64, false, |run, nodes| extreme(run, nodes, "min", Ordering::Less);
    "sum" 1..=1, false, |run, nodes| sum(run, nodes, "sum");
    "mean" 1..=64, false, mean;
    "int" 1..=1, false, int;
    "float" 1..=1, false, float;
    "string" 1..=1, false, |run, nodes| {
        let value = run.node(&nodes[0])?;
        let text = show(&value);
        run.spend(text.len() / 8)?;
        Ok(Value::text(text))
    };
    "upper" 1..=1, false, |run, nodes| text(run, nodes, "upper", |text| Value::text(text.to_uppercase()));
    "lower" 1..=1, false, |run, nodes| text(run, nodes, "lower", |text| Value::text(text.to_lowercase()));
    "trim" 1..=2, false, trim;
    "split" 2..=2, false, split;
    "join" 1..=2, false, join;
    "replace" 3..=3, false, replace;
    "hasPrefix" 2..=2, false, |run, nodes| texts(run, nodes, "hasPrefix", |a, b| Value::Bool(a.starts_with(b)));
    "hasSuffix" 2..=2, false, |run, nodes| texts(run, nodes, "hasSuffix", |a, b| Value::Bool(a.ends_with(b)));
    "keys" 1..=1, false, |run, nodes| parts(run, nodes, "keys", |(key, _)| Value::Text(key.clone()));
    "values" 1..=1, false, |run, nodes| parts(run, nodes, "values", |(_, value)| value.clone());
    "first" 1..=1, false, |run, nodes| Ok(array(run, &nodes[0], "first")?.first().cloned().unwrap_or(Value::Nil));
    "last" 1..=1, false, |run, nodes| Ok(array(run, &nodes[0], "last")?.last().cloned().unwrap_or(Value::Nil));
    "take" 2..=2, false, take;
    "sort" 1..=2, false, sort;
    "reverse" 1..=1, false, |run, nodes| {
        let mut values = array(run, &nodes[0], "reverse")?;
        values.reverse();
        Ok(Value::array(values))
    };
    "now" 0..=0, false, |run, _| Ok(Value::Float(run.now));
}

fn unfit<T>(function: &str, found: &Value) -> Result<T, String> {
    Err(format!("{function}: {} is not fit", found.sort()))
}

/// The elements of an array, which are counted.
fn array(run: &mut Run<'_>, node: &Node, function: &str) -> Result<Vec<Value>, String> {
    match run.node(node)? {
        Value::Array(values) => {
            run.spend(values.len())?;
            Ok(values.to_vec())
        }
        other => unfit(function, &other),
    }
}

fn holds(run: &mut Run<'_>, element: &Value, predicate: &Node) -> Result<bool, String> {
    match run.with_element(element.clone(), predicate)? {
        Value::Bool(value) => Ok(value),
        other => Err(format!("a predicate gives bool, not {}", other.sort())),
    }
}

/// Asks element by element, until `decide` has an answer.
fn each(
    run: &mut Run<'_>,
    nodes: &[Node],
    function: &str,
    otherwise: Value,
    decide: fn(bool, &Value) -> Option<Value>,
) -> Evaluated {
    for element in array(run, &nodes[0], function)? {
        let yes = holds(run, &element, &nodes[1])?;
        if let Some(answer) = decide(yes, &element) {
            return Ok(answer);
        }
    }
    Ok(otherwise)
}

fn kept(run: &mut Run<'_>, nodes: &[Node], function: &str) -> Result<Vec<Value>, String> {
    let mut kept = Vec::new();
    for element in array(run, &nodes[0], function)? {
        if holds(run, &element, &nodes[1])? {
            kept.push(element);
        }
    }
    Ok(kept)
}

fn count(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let count = match nodes.len() {
        1 => array(run, &nodes[0], "count")?
            .iter()
            .filter(|each| **each == Value::Bool(true))
            .count(),
        _ => kept(run, nodes, "count")?.len(),
    };
    Ok(Value::Int(count as i64))
}

fn map(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let elements = array(run, &nodes[0], "map")?;
    let mapped: Result<Vec<Value>, String> =
        elements.into_iter().map(|element| run.with_element(element, &nodes[1])).collect();
    Ok(Value::array(mapped?))
}

fn len(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let length = match run.node(&nodes[0])? {
        Value::Text(text) => {
            run.spend(text.len() / 64)?;
            text.chars().count()
        }
        Value::Array(values) => values.len(),
        Value::Map(map) => map.len(),
        other => return unfit("len", &other),
    };
    Ok(Value::Int(length as i64))
}

fn number(run: &mut Run<'_>, nodes: &[Node], name: &str, make: fn(Value) -> Value) -> Evaluated {
    match run.node(&nodes[0])? {
        value @ (Value::Int(_) | Value::Float(_)) => Ok(make(value)),
        other => unfit(name, &other),
    }
}

fn rounded(value: Value, round: fn(f64) -> f64) -> Value {
    match value {
        Value::Float(value) => Value::Float(round(value)),
        value => value,
    }
}

/// All numbers of the arguments, arrays among them.
fn all(run: &mut Run<'_>, nodes: &[Node], name: &str) -> Result<Vec<Value>, String> {
    let mut numbers = Vec::new();
    for node in nodes {
        match run.node(node)? {
            Value::Array(values) => {
                run.spend(values.len())?;
                numbers.extend(values.iter().cloned());
            }
            value => numbers.push(value),
        }
    }
    match numbers.iter().find(|value| value.number().is_none()) {
        Some(other) => unfit(name, other),
        None => Ok(numbers),
    }
}

fn extreme(run: &mut Run<'_>, nodes: &[Node], name: &str, wanted: Ordering) -> Evaluated {
    let numbers = all(run, nodes, name)?;
    let better = |a: &Value, b: &Value| {
        let order = a.number().partial_cmp(&b.number());
        order == Some(wanted)
    };
    let best =
        numbers.into_iter().reduce(|best, each| if better(&each, &best) { each } else { best });
    best.ok_or_else(|| format!("{name}: no numbers"))
}

fn sum(run: &mut Run<'_>, nodes: &[Node], name: &str) -> Evaluated {
    let numbers = all(run, nodes, name)?;
    let whole: Option<i64> = numbers.iter().try_fold(0_i64, |sum, value| match value {
        Value::Int(value) => Some(sum.wrapping_add(*value)),
        _ => None,
    });
    let total = || numbers.iter().filter_map(Value::number).sum::<f64>();
    Ok(whole.map_or_else(|| Value::Float(total()), Value::Int))
}

fn mean(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let numbers = all(run, nodes, "mean")?;
    let total: f64 = numbers.iter().filter_map(Value::number).sum();
    Ok(Value::Float(if numbers.is_empty() { 0.0 } else { total / numbers.len() as f64 }))
}

fn int(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    match run.node(&nodes[0])? {
        Value::Int(value) => Ok(Value::Int(value)),
        Value::Float(value) => Ok(Value::Int(value as i64)),
        Value::Text(text) => match text.trim().parse() {
            Ok(value) => Ok(Value::Int(value)),
            Err(_) => Err("int: not a whole number".to_owned()),
        },
        other => unfit("int", &other),
    }
}

fn float(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    match run.node(&nodes[0])? {
        Value::Int(value) => Ok(Value::Float(value as f64)),
        Value::Float(value) => Ok(Value::Float(value)),
        Value::Text(text) => match text.trim().parse() {
            Ok(value) => Ok(Value::Float(value)),
            Err(_) => Err("float: not a number".to_owned()),
        },
        other => unfit("float", &other),
    }
}

/// A value as text; of arrays and maps what they are.
pub fn show(value: &Value) -> String {
    match value {
        Value::Nil => "nil".to_owned(),
        Value::Bool(value) => value.to_string(),
        Value::Int(value) => value.to_string(),
        Value::Float(value) => value.to_string(),
        Value::Text(text) => text.to_string(),
        other => other.sort().to_owned(),
    }
}

fn text_of(run: &mut Run<'_>, node: &Node, name: &str) -> Result<std::sync::Arc<str>, String> {
    match run.node(node)? {
        Value::Text(text) => {
            run.spend(text.len() / 8)?;
            Ok(text)
        }
        other => unfit(name, &other),
    }
}

fn text(run: &mut Run<'_>, nodes: &[Node], name: &str, make: fn(&str) -> Value) -> Evaluated {
    Ok(make(&text_of(run, &nodes[0], name)?))
}

fn texts(
    run: &mut Run<'_>,
    nodes: &[Node],
    name: &str,
    make: fn(&str, &str) -> Value,
) -> Evaluated {
    let (a, b) = (text_of(run, &nodes[0], name)?, text_of(run, &nodes[1], name)?);
    Ok(make(&a, &b))
}

fn trim(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let text = text_of(run, &nodes[0], "trim")?;
    Ok(Value::text(match nodes.get(1) {
        None => text.trim(),
        Some(node) => {
            let letters: Vec<char> = text_of(run, node, "trim")?.chars().collect();
            return Ok(Value::text(text.trim_matches(&letters[..])));
        }
    }))
}

fn split(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let (text, by) = (text_of(run, &nodes[0], "split")?, text_of(run, &nodes[1], "split")?);
    run.spend(text.len())?;
    Ok(Value::array(match by.is_empty() {
        true => text.chars().map(|letter| Value::text(letter.to_string())).collect(),
        false => text.split(&*by).map(Value::text).collect(),
    }))
}

fn join(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let values = array(run, &nodes[0], "join")?;
    let by = match nodes.get(1) {
        Some(node) => text_of(run, node, "join")?,
        None => "".into(),
    };
    let mut joined = String::new();
    for (place, value) in values.iter().enumerate() {
        let Value::Text(part) = value else { return unfit("join", value) };
        run.spend((part.len() + by.len()) / 8)?;
        if place > 0 {
            joined.push_str(&by);
        }
        joined.push_str(part);
    }
    Ok(Value::text(joined))
}

fn replace(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let text = text_of(run, &nodes[0], "replace")?;
    let (old, new) = (text_of(run, &nodes[1], "replace")?, text_of(run, &nodes[2], "replace")?);
    let places = text.matches(&*old).count();
    run.spend(places.saturating_mul(new.len()) / 8 + text.len() / 8)?;
    Ok(Value::text(text.replace(&*old, &new)))
}

fn parts(
    run: &mut Run<'_>,
    nodes: &[Node],
    name: &str,
    part: fn((&std::sync::Arc<str>, &Value)) -> Value,
) -> Evaluated {
    match run.node(&nodes[0])? {
        Value::Map(map) => {
            run.spend(map.len())?;
            Ok(Value::array(map.iter().map(part).collect()))
        }
        Value::Array(values) if values.is_empty() => Ok(Value::Array(values)),
        other => unfit(name, &other),
    }
}

fn take(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let mut values = array(run, &nodes[0], "take")?;
    match run.node(&nodes[1])? {
        Value::Int(count) => {
            values.truncate(usize::try_from(count).unwrap_or(0));
            Ok(Value::array(values))
        }
        other => unfit("take", &other),
    }
}

fn sort(run: &mut Run<'_>, nodes: &[Node]) -> Evaluated {
    let mut values = array(run, &nodes[0], "sort")?;
    run.spend(values.len().saturating_mul(16))?;
    let falling = match nodes.get(1) {
        None => false,
        Some(node) => &*text_of(run, node, "sort")? == "desc",
    };
    let numbers = values.iter().all(|value| value.number().is_some());
    let texts = values.iter().all(|value| matches!(value, Value::Text(_)));
    if !numbers && !texts {
        return Err("sort: neither numbers nor texts only".to_owned());
    }
    values.sort_by(|a, b| {
        let order = match (a, b) {
            (Value::Text(a), Value::Text(b)) => a.cmp(b),
            _ => a.number().partial_cmp(&b.number()).unwrap_or(Ordering::Equal),
        };
        if falling { order.reverse() } else { order }
    });
    Ok(Value::array(values))
}
