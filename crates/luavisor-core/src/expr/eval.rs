//! The value of an expression.

use std::collections::BTreeMap;
use std::sync::Arc;

use regex::RegexBuilder;

use super::parse::{Binary, Kind, Node, Program, Unary};
use super::{Value, functions};

/// Bytes that a compiled regular expression may take.
const LARGEST: usize = 1 << 18;

pub type Evaluated = Result<Value, String>;

/// One evaluation.
pub struct Run<'a> {
    variables: &'a Value,
    /// those of `let`, innermost last
    lets: Vec<(Arc<str>, Value)>,
    /// what `#` is, innermost last
    elements: Vec<Value>,
    /// that are left
    steps: u64,
    spent: bool,
    pub now: f64,
}

pub fn run(program: &Program, variables: &Value, now: f64, steps: u64) -> Option<Evaluated> {
    let (lets, elements) = (Vec::new(), Vec::new());
    let mut run = Run { variables, lets, elements, steps, spent: false, now };
    let result = run.node(&program.0);
    if run.spent { None } else { Some(result) }
}

fn wrong<T>(text: impl Into<String>) -> Result<T, String> {
    Err(text.into())
}

impl Run<'_> {
    /// Counts steps: also for what is made of values.
    pub fn spend(&mut self, steps: usize) -> Result<(), String> {
        match self.steps.checked_sub(steps as u64) {
            Some(left) => {
                self.steps = left;
                Ok(())
            }
            None => {
                self.spent = true;
                wrong("too many steps")
            }
        }
    }

    pub fn node(&mut self, node: &Node) -> Evaluated {
        self.spend(1)?;
        match &node.kind {
            Kind::Value(value) => Ok(value.clone()),
            Kind::Name(name) => Ok(self.variable(name)),
            Kind::Element => match self.elements.last() {
                Some(element) => Ok(element.clone()),
                None => wrong("# stands in a predicate only"),
            },
            Kind::Array(nodes) => {
                let values: Result<Vec<Value>, String> =
                    nodes.iter().map(|node| self.node(node)).collect();
                Ok(Value::array(values?))
            }
            Kind::Map(pairs) => {
                let mut map = BTreeMap::new();
                for (key, value) in pairs {
                    let key = match self.node(key)? {
                        Value::Text(key) => key,
                        other => return wrong(format!("a key is no {}", other.sort())),
                    };
                    map.insert(key, self.node(value)?);
                }
                Ok(Value::Map(Arc::new(map)))
            }
            Kind::Unary(operator, operand) => {
                let operand = self.node(operand)?;
                unary(*operator, operand)
            }
            Kind::Binary(operator, left, right) => self.binary(*operator, left, right),
            Kind::If(condition, yes, no) => match self.node(condition)? {
                Value::Bool(true) => self.node(yes),
                Value::Bool(false) => self.node(no),
                other => wrong(format!("expected bool, found {}", other.sort())),
            },
            Kind::Member(of, key, optional) => {
                let of = self.node(of)?;
                if *optional && of == Value::Nil {
                    return Ok(Value::Nil);
                }
                let key = self.node(key)?;
                member(&of, &key)
            }
            Kind::Slice(of, first, last) => {
                let of = self.node(of)?;
                let first = first.as_ref().map(|node| self.node(node)).transpose()?;
                let last = last.as_ref().map(|node| self.node(node)).transpose()?;
                self.slice(&of, first, last)
            }
            Kind::Call(function, arguments) => (function.run)(self, arguments),
            Kind::Let(name, value, body) => {
                let value = self.node(value)?;
                self.lets.push((name.clone(), value));
                let result = self.node(body);
                self.lets.pop();
                result
            }
        }
    }

    fn variable(&self, name: &str) -> Value {
        if let Some((_, value)) = self.lets.iter().rev().find(|(known, _)| **known == *name) {
            return value.clone();
        }
        match self.variables {
            Value::Map(map) => map.get(name).cloned().unwrap_or(Value::Nil),
            _ => Value::Nil,
        }
    }

    /// A predicate of an element.
    pub fn with_element(&mut self, element: Value, node: &Node) -> Evaluated {
        self.elements.push(element);
        let result = self.node(node);
        self.elements.pop();
        result
    }

    fn binary(&mut self, operator: Binary, left: &Node, right: &Node) -> Evaluated {
        let left = self.node(left)?;
        match (operator, &left) {
            (Binary::Or, Value::Bool(true)) | (Binary::And, Value::Bool(false)) => return Ok(left),
            (Binary::Coalesce, value) if *value != Value::Nil => return Ok(left),
            _ => {}
        }
        let right = self.node(right)?;
        let unfit = || {
            wrong(format!(
                "invalid operation: {} {} {}",
                left.sort(),
                operator.sign(),
                right.sort()
            ))
        };
        match (operator, &left, &right) {
            (Binary::Or | Binary::And, Value::Bool(_), Value::Bool(_)) => Ok(right),
            (Binary::Coalesce, _, _) => Ok(right),
            (Binary::Equal, _, _) => Ok(Value::Bool(self.equal(&left, &right)?)),
            (Binary::Unequal, _, _) => Ok(Value::Bool(!self.equal(&left, &right)?)),
            (Binary::In, _, _) => match self.contains(&right, &left)? {
                Some(found) => Ok(Value::Bool(found)),
                None => unfit(),
            },
            (Binary::NotIn, _, _) => match self.contains(&right, &left)? {
                Some(found) => Ok(Value::Bool(!found)),
                None => unfit(),
            },
            (Binary::Range, Value::Int(first), Value::Int(last)) => {
                let count = last.saturating_sub(*first).saturating_add(1).max(0);
                self.spend(usize::try_from(count).unwrap_or(usize::MAX))?;
                Ok(Value::array((*first..=*last).map(Value::Int).collect()))
            }
            (Binary::Add, Value::Text(a), Value::Text(b)) => {
                self.spend((a.len() + b.len()) / 8)?;
                Ok(Value::text(format!("{a}{b}")))
            }
            (_, Value::Text(a), Value::Text(b)) => {
                self.spend((a.len() + b.len()) / 64)?;
                texts(operator, a, b).unwrap_or_else(unfit)
            }
            (_, Value::Int(a), Value::Int(b)) => whole(operator, *a, *b).unwrap_or_else(unfit),
            _ => match left.number().zip(right.number()) {
                Some((a, b)) => numbers(operator, a, b).map_or_else(unfit, Ok),
                None => unfit(),
            },
        }
    }

    /// Whole numbers and others are equal by value. Each comparison is a step: what is small
    /// to write may be large to compare.
    fn equal(&mut self, a: &Value, b: &Value) -> Result<bool, String> {
        self.spend(1)?;
        match (a, b) {
            (Value::Array(a), Value::Array(b)) if a.len() == b.len() => {
                for (a, b) in a.iter().zip(b.iter()) {
                    if !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Map(a), Value::Map(b)) if a.len() == b.len() => {
                for ((x, a), (y, b)) in a.iter().zip(b.iter()) {
                    if x != y || !self.equal(a, b)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            (Value::Array(_) | Value::Map(_), _) | (_, Value::Array(_) | Value::Map(_)) => {
                Ok(false)
            }
            (Value::Text(a), Value::Text(b)) => {
                self.spend(a.len().min(b.len()) / 64)?;
                Ok(a == b)
            }
            _ => Ok(match a.number().zip(b.number()) {
                Some((a, b)) => a == b,
                None => a == b,
            }),
        }
    }

    /// Whether a value is in an array, or a key of a map; `None`: it cannot be.
    fn contains(&mut self, all: &Value, one: &Value) -> Result<Option<bool>, String> {
        match (all, one) {
            (Value::Array(values), _) => {
                for value in values.iter() {
                    if self.equal(value, one)? {
                        return Ok(Some(true));
                    }
                }
                Ok(Some(false))
            }
            (Value::Map(map), Value::Text(key)) => Ok(Some(map.contains_key(key))),
            (Value::Map(_) | Value::Nil, _) => Ok(Some(false)),
            _ => Ok(None),
        }
    }

    fn slice(&mut self, of: &Value, first: Option<Value>, last: Option<Value>) -> Evaluated {
        let length = match of {
            Value::Array(values) => values.len(),
            Value::Text(text) => text.chars().count(),
            other => return wrong(format!("cannot slice {}", other.sort())),
        };
        self.spend(length / 8)?;
        let end = |value: Option<Value>, usual: usize| match value {
            None => Ok(usual),
            Some(Value::Int(at)) if at < 0 => {
                Ok(length.saturating_sub(usize::try_from(at.unsigned_abs()).unwrap_or(usize::MAX)))
            }
            Some(Value::Int(at)) => Ok(usize::try_from(at).unwrap_or(usize::MAX).min(length)),
            Some(other) => wrong(format!("an index is no {}", other.sort())),
        };
        let (first, last) = (end(first, 0)?, end(last, length)?);
        let count = last.saturating_sub(first);
        Ok(match of {
            Value::Array(values) => Value::array(values[first.min(length)..][..count].to_vec()),
            Value::Text(text) => {
                Value::text(text.chars().skip(first).take(count).collect::<String>())
            }
            _ => Value::Nil,
        })
    }
}

fn unary(operator: Unary, operand: Value) -> Evaluated {
    match (operator, operand) {
        (Unary::Not, Value::Bool(value)) => Ok(Value::Bool(!value)),
        (Unary::Minus, Value::Int(value)) => Ok(Value::Int(value.wrapping_neg())),
        (Unary::Minus, Value::Float(value)) => Ok(Value::Float(-value)),
        (Unary::Plus, value @ (Value::Int(_) | Value::Float(_))) => Ok(value),
        (_, other) => wrong(format!("invalid operation: {operator:?} {}", other.sort())),
    }
}

fn texts(operator: Binary, a: &str, b: &str) -> Option<Evaluated> {
    let value = match operator {
        Binary::Less => a < b,
        Binary::LessEqual => a <= b,
        Binary::Greater => a > b,
        Binary::GreaterEqual => a >= b,
        Binary::Contains => a.contains(b),
        Binary::StartsWith => a.starts_with(b),
        Binary::EndsWith => a.ends_with(b),
        Binary::Matches => {
            let regex = RegexBuilder::new(b).size_limit(LARGEST).dfa_size_limit(LARGEST).build();
            return Some(match regex {
                Ok(regex) => Ok(Value::Bool(regex.is_match(a))),
                Err(error) => wrong(format!("wrong regular expression: {error}")),
            });
        }
        _ => return None,
    };
    Some(Ok(Value::Bool(value)))
}

fn whole(operator: Binary, a: i64, b: i64) -> Option<Evaluated> {
    Some(Ok(match operator {
        Binary::Add => Value::Int(a.wrapping_add(b)),
        Binary::Subtract => Value::Int(a.wrapping_sub(b)),
        Binary::Multiply => Value::Int(a.wrapping_mul(b)),
        Binary::Remainder if b == 0 => return Some(wrong("division by zero")),
        Binary::Remainder => Value::Int(a.wrapping_rem(b)),
        _ => return numbers(operator, a as f64, b as f64).map(Ok),
    }))
}

fn numbers(operator: Binary, a: f64, b: f64) -> Option<Value> {
    Some(match operator {
        Binary::Less => Value::Bool(a < b),
        Binary::LessEqual => Value::Bool(a <= b),
        Binary::Greater => Value::Bool(a > b),
        Binary::GreaterEqual => Value::Bool(a >= b),
        Binary::Add => Value::Float(a + b),
        Binary::Subtract => Value::Float(a - b),
        Binary::Multiply => Value::Float(a * b),
        Binary::Divide => Value::Float(a / b),
        Binary::Power => Value::Float(a.powf(b)),
        _ => return None,
    })
}

/// A member of a map, or an element of an array, from its end if the index is negative.
fn member(of: &Value, key: &Value) -> Evaluated {
    match (of, key) {
        (Value::Map(map), Value::Text(key)) => Ok(map.get(key).cloned().unwrap_or(Value::Nil)),
        (Value::Map(map), Value::Int(key)) => {
            Ok(map.get(key.to_string().as_str()).cloned().unwrap_or(Value::Nil))
        }
        (Value::Array(values), Value::Int(index)) => {
            let at = if *index < 0 { *index + values.len() as i64 } else { *index };
            let found = usize::try_from(at).ok().and_then(|at| values.get(at));
            found
                .cloned()
                .ok_or_else(|| format!("index {index} out of range (length {})", values.len()))
        }
        // An empty table may have been meant as a map.
        (Value::Array(values), Value::Text(_)) if values.is_empty() => Ok(Value::Nil),
        (_, Value::Text(key)) => wrong(format!("cannot fetch {key} from {}", of.sort())),
        _ => wrong(format!("cannot fetch {} from {}", functions::show(key), of.sort())),
    }
}
