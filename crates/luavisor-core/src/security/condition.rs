//! A condition of a policy: a field, an operator, and what the field is compared with.

use regex::{Regex, RegexBuilder};

use super::Question;
use super::operand::{Operand, Work};
use crate::value::{Value, Values};

/// Largest compiled regular expression, in bytes.
const LARGEST: usize = 1 << 20;

/// A part of the question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Field {
    /// `actor.id`
    ActorId,
    /// `actor.meta.<path>`
    ActorMeta(Vec<Box<str>>),
    /// `action`
    Action,
    /// `resource`
    Resource,
    /// `meta.<path>`
    Meta(Vec<Box<str>>),
}

impl Field {
    /// As it is written; `None` if there is no such field.
    pub fn parse(text: &str) -> Option<Field> {
        let path = |path: &str| {
            let parts: Vec<Box<str>> = path.split('.').map(Into::into).collect();
            parts.iter().all(|part| !part.is_empty()).then_some(parts)
        };
        match text {
            "actor.id" => Some(Field::ActorId),
            "action" => Some(Field::Action),
            "resource" => Some(Field::Resource),
            _ => match (text.strip_prefix("actor.meta."), text.strip_prefix("meta.")) {
                (Some(rest), _) => path(rest).map(Field::ActorMeta),
                (None, Some(rest)) => path(rest).map(Field::Meta),
                (None, None) => None,
            },
        }
    }

    fn of<'a>(&self, question: Question<'a>) -> Option<Operand<'a>> {
        match self {
            Field::ActorId => Some(Operand::Text(question.actor.id.as_bytes())),
            Field::ActorMeta(path) => at(&question.actor.meta, path),
            Field::Action => Some(Operand::Text(question.action.as_bytes())),
            Field::Resource => Some(Operand::Text(question.resource.as_bytes())),
            Field::Meta(path) => at(question.meta, path),
        }
    }
}

fn at<'a>(values: &'a Values, path: &[Box<str>]) -> Option<Operand<'a>> {
    let mut value: &Value = values.first();
    for key in path {
        value = values.field(value, key)?;
    }
    Operand::of(values, value)
}

/// How a field is compared.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Operator {
    Eq,
    Ne,
    Lt,
    Gt,
    Lte,
    Gte,
    In,
    Nin,
    Exists,
    Nexists,
    Contains,
    Ncontains,
    Matches,
    Nmatches,
}

impl Operator {
    /// All of them, as they are written.
    pub const ALL: &[(&str, Operator)] = &[
        ("eq", Operator::Eq),
        ("ne", Operator::Ne),
        ("lt", Operator::Lt),
        ("gt", Operator::Gt),
        ("lte", Operator::Lte),
        ("gte", Operator::Gte),
        ("in", Operator::In),
        ("nin", Operator::Nin),
        ("exists", Operator::Exists),
        ("nexists", Operator::Nexists),
        ("contains", Operator::Contains),
        ("ncontains", Operator::Ncontains),
        ("matches", Operator::Matches),
        ("nmatches", Operator::Nmatches),
    ];
}

/// A regular expression. Matching takes time in proportion to the text.
#[derive(Clone, Debug)]
pub struct Pattern(Regex);

impl Pattern {
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        let regex = RegexBuilder::new(text).size_limit(LARGEST).build();
        regex.map(Pattern).map_err(|error| error.to_string())
    }
}

impl PartialEq for Pattern {
    fn eq(&self, other: &Pattern) -> bool {
        self.0.as_str() == other.0.as_str()
    }
}

/// The other side of a condition.
#[derive(Clone, Debug, PartialEq)]
pub enum Against {
    /// nothing: `exists` and `nexists`
    Nothing,
    /// one value
    Value(Values),
    /// another field
    Field(Field),
    /// `matches` and `nmatches`
    Pattern(Pattern),
}

/// See the module.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// the left side
    pub field: Field,
    /// how it is compared
    pub operator: Operator,
    /// the right side
    pub against: Against,
}

impl Condition {
    /// Whether it holds. It does not if a side is missing, but for `nexists`, nor if
    /// comparing the sides takes too much work.
    pub fn holds(&self, question: Question<'_>) -> bool {
        let found = self.field.of(question);
        match self.operator {
            Operator::Exists => return found.is_some(),
            Operator::Nexists => return found.is_none(),
            _ => {}
        }
        let Some(found) = found else { return false };
        let other = match &self.against {
            Against::Value(values) => Operand::of(values, values.first()),
            Against::Field(field) => field.of(question),
            Against::Pattern(pattern) => {
                let text = match found {
                    Operand::Text(text) => String::from_utf8_lossy(text),
                    _ => return self.operator == Operator::Nmatches,
                };
                return pattern.0.is_match(&text) == (self.operator == Operator::Matches);
            }
            Against::Nothing => None,
        };
        let Some(other) = other else { return false };
        let ordered = |holds: fn(&f64, &f64) -> bool| match (found.number(), other.number()) {
            (Some(a), Some(b)) => holds(&a, &b),
            _ => false,
        };
        let mut work = Work::new();
        let holds = match self.operator {
            Operator::Eq => found.equals(other, &mut work),
            Operator::Ne => !found.equals(other, &mut work),
            Operator::Lt => ordered(f64::lt),
            Operator::Gt => ordered(f64::gt),
            Operator::Lte => ordered(f64::le),
            Operator::Gte => ordered(f64::ge),
            Operator::In => found.is_in(other, &mut work),
            Operator::Nin => !found.is_in(other, &mut work),
            Operator::Contains => found.contains(other, &mut work),
            Operator::Ncontains => !found.contains(other, &mut work),
            Operator::Exists | Operator::Nexists | Operator::Matches | Operator::Nmatches => false,
        };
        holds && work.is_left()
    }
}
