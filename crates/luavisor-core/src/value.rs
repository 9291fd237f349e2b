//! Owned values: what crosses from one process to another.
//!
//! [`Values`] is a list of Lua values that belongs to no VM: spawn arguments, a
//! message between shards, a result kept for several watchers. Tables live in
//! one arena per list and refer to each other by number, so cycles and shared
//! sub-tables survive, nothing is copied twice, and neither copying nor dropping
//! recurses.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Error;
use crate::security::{Actor, Policy, Scope};

/// Immutable bytes, shared by reference count.
pub type Bytes = Arc<[u8]>;

/// One Lua value. Tables are numbers into the arena of the [`Values`] they belong to.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// `nil`
    #[default]
    Nil,
    /// `true` or `false`
    Boolean(bool),
    /// a number
    Number(f64),
    /// a Luau vector
    Vector([f32; 3]),
    /// a string, binary-safe
    String(Bytes),
    /// a Luau buffer
    Buffer(Bytes),
    /// a table: an index into [`Values::tables`]
    Table(u32),
    /// an immutable object of a module
    Object(Object),
}

/// Immutable userdata that may cross process boundaries.
#[derive(Clone, Debug, PartialEq)]
pub enum Object {
    /// an error object
    Error(Arc<Error>),
    /// an instant with a zone
    Time(Instant),
    /// a span of time in nanoseconds
    Duration(i64),
    /// a time zone
    Location(Zone),
    /// a value with a format label
    Payload(Arc<Payload>),
    /// who acts
    Actor(Arc<Actor>),
    /// what an actor may do
    Scope(Arc<Scope>),
    /// a part of that
    Policy(Arc<Policy>),
}

/// An instant of the calendar: exact to the nanosecond, shown in `zone`.
#[derive(Clone, Debug, PartialEq)]
pub struct Instant {
    /// whole seconds since 1970-01-01T00:00:00Z
    pub seconds: i64,
    /// 0 ..= 999_999_999
    pub nanos: u32,
    /// where it is shown
    pub zone: Zone,
}

/// A time zone by name or by fixed offset.
#[derive(Clone, Debug, PartialEq)]
pub enum Zone {
    /// Coordinated universal time
    Utc,
    /// The zone of the machine
    Local,
    /// A zone of the IANA database
    Named(Arc<str>),
    /// A constant offset east of UTC, in seconds
    Fixed(Arc<str>, i32),
}

/// A value with a format label, as `payload.new` makes it.
#[derive(Clone, Debug, PartialEq)]
pub struct Payload {
    /// for example `lua/any`
    pub format: Arc<str>,
    /// one value
    pub data: Values,
}

/// The entries of one table, in the order of iteration.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// values at keys 1, 2, 3 …
    pub array: Vec<Value>,
    /// all other entries
    pub hash: Vec<(Value, Value)>,
}

/// A list of values with the tables they refer to.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Values {
    /// the values themselves; trailing and inner `nil`s are kept
    pub items: SmallVec<[Value; 1]>,
    /// the arena that `Value::Table` points into
    pub tables: Vec<Table>,
}

/// Why a list is no tree.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NoTree {
    /// a table contains itself
    Cycle,
    /// it would have more tables than wanted
    Large,
}

impl Values {
    /// The same list with a table of its own at each place where one stands: what walks
    /// through it ends, after as many tables as there are, `most` at most.
    ///
    /// # Errors
    /// [`NoTree`]
    pub fn tree(&self, most: usize) -> Result<Values, NoTree> {
        let mut tree = Values::default();
        let mut open = vec![false; self.tables.len()];
        for item in &self.items {
            let item = self.branch(item, &mut tree, &mut open, most)?;
            tree.items.push(item);
        }
        Ok(tree)
    }

    /// Lists that came from Lua are 128 tables deep at most, and this goes no deeper.
    fn branch(
        &self,
        value: &Value,
        tree: &mut Values,
        open: &mut [bool],
        most: usize,
    ) -> Result<Value, NoTree> {
        let Value::Table(index) = value else { return Ok(value.clone()) };
        let at = *index as usize;
        let (Some(table), Some(is_open)) = (self.tables.get(at), open.get_mut(at)) else {
            return Ok(Value::Nil);
        };
        if std::mem::replace(is_open, true) {
            return Err(NoTree::Cycle);
        }
        if tree.tables.len() == most {
            return Err(NoTree::Large);
        }
        let new = tree.tables.len();
        tree.tables.push(Table::default());
        let mut copy = Table::default();
        for item in &table.array {
            copy.array.push(self.branch(item, tree, open, most)?);
        }
        for (key, item) in &table.hash {
            let key = self.branch(key, tree, open, most)?;
            copy.hash.push((key, self.branch(item, tree, open, most)?));
        }
        open[at] = false;
        tree.tables[new] = copy;
        Ok(Value::Table(new as u32))
    }

    /// No values.
    pub fn none() -> Values {
        Values::default()
    }

    /// One value without tables.
    pub fn one(value: impl Into<Value>) -> Values {
        Values { items: SmallVec::from_iter([value.into()]), tables: Vec::new() }
    }

    /// Several values without tables.
    pub fn list<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Values {
        Values { items: values.into_iter().map(Into::into).collect(), tables: Vec::new() }
    }

    /// The first value, or nil.
    pub fn first(&self) -> &Value {
        self.items.first().unwrap_or(&Value::Nil)
    }

    /// The string at `index`, if it is one and is UTF-8.
    pub fn str(&self, index: usize) -> Option<&str> {
        match self.items.get(index)? {
            Value::String(bytes) => std::str::from_utf8(bytes).ok(),
            _ => None,
        }
    }

    /// Looks up a string key in a table value of this list.
    pub fn field(&self, table: &Value, key: &str) -> Option<&Value> {
        let Value::Table(index) = table else { return None };
        let table = self.tables.get(*index as usize)?;
        let entry = table
            .hash
            .iter()
            .find(|(k, _)| matches!(k, Value::String(bytes) if bytes.as_ref() == key.as_bytes()))?;
        Some(&entry.1)
    }

    /// Size as the limits count it: string and buffer bytes plus 16 per value.
    pub fn size(&self) -> usize {
        let of = |value: &Value| match value {
            Value::String(bytes) | Value::Buffer(bytes) => 16 + bytes.len(),
            Value::Object(Object::Payload(payload)) => 16 + payload.data.size(),
            Value::Object(Object::Actor(actor)) => 16 + actor.id.len() + actor.meta.size(),
            Value::Object(Object::Scope(scope)) => 16 + 16 * scope.policies().len(),
            _ => 16,
        };
        let tables = self.tables.iter().map(|table| {
            table.array.iter().map(of).sum::<usize>()
                + table.hash.iter().map(|(k, v)| of(k) + of(v)).sum::<usize>()
        });
        self.items.iter().map(of).sum::<usize>() + tables.sum::<usize>()
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Value {
        Value::String(text.as_bytes().into())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Value {
        Value::String(text.into_bytes().into())
    }
}

impl From<f64> for Value {
    fn from(number: f64) -> Value {
        Value::Number(number)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Value {
        Value::Number(number.into())
    }
}

impl From<bool> for Value {
    fn from(boolean: bool) -> Value {
        Value::Boolean(boolean)
    }
}

impl From<Error> for Value {
    fn from(error: Error) -> Value {
        Value::Object(Object::Error(Arc::new(error)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_a_table_at_each_place() {
        let table = |items: &[u32]| Table {
            array: items.iter().map(|index| Value::Table(*index)).collect(),
            hash: Vec::new(),
        };
        let values = |tables: Vec<Table>| Values { items: [Value::Table(0)].into(), tables };
        let shared = values(vec![table(&[1, 2]), table(&[2]), table(&[])]);
        let tree = shared.tree(4).unwrap();
        assert_eq!(tree.tables, [table(&[1, 3]), table(&[2]), table(&[]), table(&[])]);
        assert_eq!(tree.tree(4).as_ref(), Ok(&tree));
        assert_eq!(shared.tree(3), Err(NoTree::Large));
        assert_eq!(values(vec![table(&[1]), table(&[0])]).tree(100), Err(NoTree::Cycle));
        // Each level doubles.
        let doubling = (0..100).map(|level| table(&[level + 1, level + 1]));
        let doubling = values(doubling.chain([table(&[])]).collect());
        assert_eq!(doubling.tree(1000), Err(NoTree::Large));
    }

    #[test]
    fn size_counts_strings_and_sixteen_per_value() {
        let mut values = Values::list(["abc"]);
        values.items.push(Value::Table(0));
        values
            .tables
            .push(Table { array: vec![Value::Number(1.0)], hash: vec![("k".into(), true.into())] });
        assert_eq!(values.size(), (16 + 3) + 16 + 16 + (16 + 1) + 16);
    }
}
