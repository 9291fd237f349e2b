//! Entries as Lua code sees them, how they are found (MODULES 5.2), and how they change.
//!
//! A [`Filter`] is read once from a table of criteria and then asked of each entry; all
//! criteria must hold. Regular expressions take linear time and bounded memory.

mod changes;

use std::sync::Arc;

pub use changes::{Change, Entries, History, Version, apply, delta};
use regex::{Regex, RegexBuilder};

use crate::error::Error;
use crate::value::{Table, Value, Values};

/// Bytes that a compiled regular expression may take.
const LARGEST: usize = 1 << 20;
/// Tables within tables that are compared.
const DEEPEST: usize = 200;

/// One entry of the application.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `namespace:name`
    pub id: Arc<str>,
    /// its kind
    pub kind: Arc<str>,
    /// `meta`, one table
    pub meta: Values,
    /// the configuration, one table
    pub data: Values,
}

impl Entry {
    /// Namespace and name.
    pub fn parts(&self) -> (&str, &str) {
        self.id.split_once(':').unwrap_or(("", &self.id))
    }

    /// Whether another one is the same in all parts.
    pub fn same(&self, other: &Entry) -> bool {
        (&self.id, &self.kind) == (&other.id, &other.kind)
            && same(&self.meta, &other.meta)
            && same(&self.data, &other.data)
    }

    fn root(&self, field: Root) -> &str {
        match field {
            Root::Id => &self.id,
            Root::Kind => &self.kind,
            Root::Namespace => self.parts().0,
            Root::Name => self.parts().1,
        }
    }

    /// A value of `meta`: the key as it is written, else as a path.
    fn meta(&self, key: &str) -> Option<&Value> {
        let root = self.meta.first();
        self.meta
            .field(root, key)
            .or_else(|| key.split('.').try_fold(root, |value, part| self.meta.field(value, part)))
    }
}

/// Whether two lists hold the same values; the order of keys does not matter.
fn same(a: &Values, b: &Values) -> bool {
    a.items.len() == b.items.len()
        && a.items.iter().zip(&b.items).all(|(x, y)| same_value((a, x), (b, y), 0))
}

/// Data of entries is a tree, as deep as a file may be.
fn same_value((a, x): (&Values, &Value), (b, y): (&Values, &Value), depth: usize) -> bool {
    let (Value::Table(left), Value::Table(right)) = (x, y) else { return x == y };
    let (Some(left), Some(right)) = (table(a, *left), table(b, *right)) else { return false };
    let pairs = left.array.iter().zip(&right.array);
    depth < DEEPEST
        && left.array.len() == right.array.len()
        && left.hash.len() == right.hash.len()
        && { pairs }.all(|(x, y)| same_value((a, x), (b, y), depth + 1))
        && left.hash.iter().all(|(key, x)| {
            let found = right.hash.iter().find(|(other, _)| other == key);
            found.is_some_and(|(_, y)| same_value((a, x), (b, y), depth + 1))
        })
}

/// A field that every entry has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Root {
    Id,
    Kind,
    Namespace,
    Name,
}

impl Root {
    fn parse(key: &str) -> Option<Root> {
        match key {
            "id" => Some(Root::Id),
            "kind" => Some(Root::Kind),
            "ns" => Some(Root::Namespace),
            "name" => Some(Root::Name),
            _ => None,
        }
    }
}

/// What must hold of an entry.
#[derive(Debug)]
pub struct Filter(Vec<Criterion>);

#[derive(Debug)]
enum Criterion {
    /// the field is this text, which may hold a star
    Root(Root, String),
    /// the key of `meta` holds this
    Meta(String, Test),
    /// what no entry can meet: a value of another sort than the key wants
    Never,
}

#[derive(Debug)]
enum Test {
    Equals(Value),
    /// an array that holds all of these
    HoldsAll(Vec<Value>),
    Matches(Regex),
    Contains(Vec<u8>),
    StartsWith(Vec<u8>),
    EndsWith(Vec<u8>),
}

impl Filter {
    /// Reads criteria from a list whose first value is a table.
    ///
    /// # Errors
    /// Invalid: no table, or a bad regular expression.
    pub fn parse(values: &Values) -> Result<Filter, Error> {
        let Value::Table(table) = values.first() else {
            return Err(Error::invalid("filter criteria table required"));
        };
        let mut criteria = Vec::new();
        for (key, value) in entries(values, *table) {
            let Some(key) = text(key) else {
                criteria.push(Criterion::Never);
                continue;
            };
            let root = Root::parse(key.strip_prefix('.').unwrap_or(&key));
            if let Some(root) = root {
                criteria
                    .push(text(value).map_or(Criterion::Never, |text| Criterion::Root(root, text)));
            } else if let (true, Value::Table(meta)) = (key == "meta", value) {
                for (key, value) in entries(values, *meta) {
                    let key = text(key).unwrap_or_default();
                    criteria.push(equals(values, key, value));
                }
            } else {
                criteria.push(Criterion::of(values, &key, value)?);
            }
        }
        Ok(Filter(criteria))
    }

    /// Whether all criteria hold.
    pub fn matches(&self, entry: &Entry) -> bool {
        self.0.iter().all(|criterion| match criterion {
            Criterion::Root(root, pattern) => matches_star(pattern, entry.root(*root)),
            Criterion::Meta(key, test) => {
                entry.meta(key).is_some_and(|value| test.holds(&entry.meta, value))
            }
            Criterion::Never => false,
        })
    }
}

impl Criterion {
    fn of(values: &Values, key: &str, value: &Value) -> Result<Criterion, Error> {
        let mut letters = key.chars();
        let (sign, rest) = match letters.next() {
            Some(sign @ ('~' | '*' | '^' | '$')) => (Some(sign), letters.as_str()),
            _ => (None, key),
        };
        let name = rest.strip_prefix("meta.").unwrap_or(rest).to_owned();
        let Some(sign) = sign else { return Ok(equals(values, name, value)) };
        let Value::String(bytes) = value else { return Ok(Criterion::Never) };
        let bytes = bytes.to_vec();
        let test = match sign {
            '~' => {
                let pattern = String::from_utf8_lossy(&bytes);
                let regex = RegexBuilder::new(&pattern).size_limit(LARGEST).build();
                Test::Matches(regex.map_err(|error| {
                    Error::invalid(format!("invalid regular expression in {key}: {error}"))
                })?)
            }
            '*' => Test::Contains(bytes),
            '^' => Test::StartsWith(bytes),
            _ => Test::EndsWith(bytes),
        };
        Ok(Criterion::Meta(name, test))
    }
}

fn equals(values: &Values, key: String, value: &Value) -> Criterion {
    let test = match value {
        Value::Table(table) => Test::HoldsAll(array(values, *table).to_vec()),
        value => Test::Equals(value.clone()),
    };
    Criterion::Meta(key, test)
}

impl Test {
    /// Whether it holds of a value of `meta`.
    fn holds(&self, meta: &Values, value: &Value) -> bool {
        let bytes = |value: &Value| match value {
            Value::String(bytes) => Some(bytes.clone()),
            _ => None,
        };
        let text = bytes(value);
        match self {
            Test::Equals(wanted) => wanted == value,
            Test::HoldsAll(wanted) => match value {
                Value::Table(table) => {
                    let held = array(meta, *table);
                    wanted.iter().all(|wanted| held.contains(wanted))
                }
                _ => false,
            },
            Test::Matches(regex) => text
                .and_then(|text| std::str::from_utf8(&text).ok().map(|text| regex.is_match(text)))
                .unwrap_or(false),
            Test::Contains(part) => match value {
                Value::Table(table) => {
                    let held = array(meta, *table).iter().filter_map(bytes);
                    held.into_iter().any(|text| contains(&text, part))
                }
                _ => text.is_some_and(|text| contains(&text, part)),
            },
            Test::StartsWith(part) => text.is_some_and(|text| text.starts_with(part)),
            Test::EndsWith(part) => text.is_some_and(|text| text.ends_with(part)),
        }
    }
}

fn contains(text: &[u8], part: &[u8]) -> bool {
    part.is_empty() || text.windows(part.len()).any(|window| window == part)
}

/// Whether a text matches a pattern with at most one star at either end.
fn matches_star(pattern: &str, text: &str) -> bool {
    match (pattern.strip_prefix('*'), pattern.strip_suffix('*')) {
        _ if pattern == "*" => true,
        (Some(_), Some(_)) => text.contains(&pattern[1..pattern.len() - 1]),
        (Some(end), None) => text.ends_with(end),
        (None, Some(start)) => text.starts_with(start),
        (None, None) => match pattern.split_once('*') {
            Some((start, end)) => {
                text.len() >= start.len() + end.len()
                    && text.starts_with(start)
                    && text.ends_with(end)
            }
            None => pattern == text,
        },
    }
}

fn table(values: &Values, index: u32) -> Option<&Table> {
    values.tables.get(index as usize)
}

fn array(values: &Values, index: u32) -> &[Value] {
    table(values, index).map_or(&[], |table| &table.array)
}

fn entries(values: &Values, index: u32) -> impl Iterator<Item = (&Value, &Value)> {
    table(values, index).into_iter().flat_map(|table| table.hash.iter().map(|(k, v)| (k, v)))
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::String(bytes) => Some(String::from_utf8_lossy(bytes).into_owned()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A table value from fields; nested ones are made by `nested`.
    fn fields(fields: &[(&str, Value)], more: Vec<Table>) -> Values {
        let hash = fields.iter().map(|(key, value)| ((*key).into(), value.clone())).collect();
        let mut tables = vec![Table { array: Vec::new(), hash }];
        tables.extend(more);
        Values { items: [Value::Table(0)].into_iter().collect(), tables }
    }

    fn entry() -> Entry {
        let tags = Table { array: vec!["red".into(), "round".into(), 3.into()], hash: Vec::new() };
        let inner = Table { array: Vec::new(), hash: vec![("rule".into(), "nested".into())] };
        let meta = [
            ("type", "test".into()),
            ("level", 3.into()),
            ("on", true.into()),
            ("tags", Value::Table(1)),
            ("graph", Value::Table(2)),
            ("a.b", "dotted".into()),
        ];
        let (meta, data) = (fields(&meta, vec![tags, inner]), fields(&[], Vec::new()));
        Entry { id: "app.sub:apple".into(), kind: "library.lua".into(), meta, data }
    }

    #[track_caller]
    fn found(key: &str, value: Value) -> bool {
        Filter::parse(&fields(&[(key, value)], Vec::new())).unwrap().matches(&entry())
    }

    #[test]
    fn each_key_compares_as_the_table_says() {
        for (key, value, expected) in [
            (".kind", "library.lua", true),
            ("kind", "library.*", true),
            (".kind", "process.*", false),
            ("ns", "app.sub", true),
            (".ns", "app", false),
            ("name", "*ple", true),
            (".name", "*ppl*", true),
            ("name", "a*e", true),
            ("id", "app.sub:apple", true),
            (".id", "*", true),
            ("meta.type", "test", true),
            ("type", "test", true),
            ("type", "tes", false),
            ("level", "3", false),
            ("meta.missing", "x", false),
            ("~meta.type", "^t.st$", true),
            ("~type", "x", false),
            ("*meta.type", "es", true),
            ("*meta.tags", "oun", true),
            ("*meta.tags", "blue", false),
            ("^meta.type", "te", true),
            ("$meta.type", "st", true),
            ("$meta.level", "3", false),
            ("meta.graph.rule", "nested", true),
            ("meta.a.b", "dotted", true),
        ] {
            assert_eq!(found(key, value.into()), expected, "{key} = {value}");
        }
        assert!(found("level", 3.into()) && !found("level", 4.into()));
        assert!(found("on", true.into()) && !found("on", false.into()));
        // A value of the wrong sort matches nothing.
        assert!(!found("kind", 3.into()) && !found("~meta.type", true.into()));
    }

    #[test]
    fn all_criteria_must_hold() {
        let tags = |array: Vec<Value>| Table { array, hash: Vec::new() };
        let holds = |criteria: &[(&str, Value)], more| {
            Filter::parse(&fields(criteria, more)).unwrap().matches(&entry())
        };
        assert!(holds(&[], Vec::new()));
        let both = [("kind", "library.lua".into()), ("type", "other".into())];
        assert!(!holds(&both, Vec::new()));
        let wanted = [("meta.tags", Value::Table(1))];
        assert!(holds(&wanted, vec![tags(vec!["round".into(), 3.into()])]));
        assert!(!holds(&wanted, vec![tags(vec!["round".into(), "blue".into()])]));
        let nested = Table { array: Vec::new(), hash: vec![("type".into(), "test".into())] };
        assert!(holds(&[("meta", Value::Table(1))], vec![nested]));
    }

    #[test]
    fn bad_criteria_are_refused() {
        let error = Filter::parse(&Values::one(3)).unwrap_err();
        assert_eq!(&*error.message, "filter criteria table required");
        let filter = fields(&[("~meta.type", "(".into())], Vec::new());
        let error = Filter::parse(&filter).unwrap_err();
        assert!(error.message.starts_with("invalid regular expression in ~meta.type: "));
        let large = fields(&[("~meta.type", "(a{1000}){1000}".into())], Vec::new());
        assert!(Filter::parse(&large).is_err());
    }

    /// Whatever the criteria are: an answer or an error, soon.
    #[test]
    fn random_criteria_are_answered() {
        let mut rng = fastrand::Rng::with_seed(11);
        let keys = [
            ".kind",
            "kind",
            "ns",
            ".name",
            "id",
            "meta",
            "meta.type",
            "~meta.type",
            "*meta.tags",
            "^meta.type",
            "$meta.level",
            "~",
            "*",
            "^",
            "$",
            "",
            ".",
            "meta.",
            "meta.graph.rule",
            "~x",
        ];
        let texts = [
            "", "*", "**", "*a*", "a*b", "app*", "(", "(a+)+$", "[", "\\", "test", "\u{ff}",
            "(?i)T",
        ];
        let mut answered = 0;
        for _ in 0..20_000 {
            let mut more = Vec::new();
            let mut value = |rng: &mut fastrand::Rng| match rng.u8(0..6) {
                0 => Value::Nil,
                1 => Value::Boolean(rng.bool()),
                2 => Value::Number(rng.f64() * 10.0),
                3 => {
                    // Tables that hold each other, and places that there are not.
                    let inner =
                        (texts[rng.usize(..texts.len())].into(), Value::Table(rng.u32(0..4)));
                    more.push(Table {
                        array: vec![Value::Table(rng.u32(0..4))],
                        hash: vec![inner],
                    });
                    Value::Table(rng.u32(0..4))
                }
                _ => texts[rng.usize(..texts.len())].into(),
            };
            let criteria: Vec<(&str, Value)> = (0..rng.usize(0..4))
                .map(|_| (keys[rng.usize(..keys.len())], value(&mut rng)))
                .collect();
            if let Ok(filter) = Filter::parse(&fields(&criteria, more)) {
                answered += usize::from(filter.matches(&entry()));
            }
        }
        assert!(answered > 1000, "{answered}");
    }
}
