//! Answers of stores as tables.

use luavisor_core::value::Bytes;
use luavisor_core::{Table, Value, Values};

/// Puts tables together into one value.
#[derive(Default)]
pub(super) struct Answer {
    tables: Vec<Table>,
}

impl Answer {
    /// `{key, value, version}`
    pub fn entry(&mut self, key: &Bytes, value: &Values, version: u64) -> Value {
        let value = self.adopt(value);
        self.table(
            Vec::new(),
            vec![
                ("key".into(), Value::String(key.clone())),
                ("value".into(), value),
                ("version".into(), (version as f64).into()),
            ],
        )
    }

    /// `{items, cursor, has_more}`; the cursor is the last key.
    pub fn page(mut self, items: Vec<Value>, cursor: Option<Bytes>, more: bool) -> Values {
        let items = self.table(items, Vec::new());
        let mut hash = vec![("items".into(), items), ("has_more".into(), more.into())];
        hash.extend(cursor.map(|key| ("cursor".into(), Value::String(key))));
        let page = self.table(Vec::new(), hash);
        self.finish(page)
    }

    /// This value, with the tables so far.
    pub fn finish(self, value: Value) -> Values {
        Values { items: [value].into_iter().collect(), tables: self.tables }
    }

    fn table(&mut self, array: Vec<Value>, hash: Vec<(Value, Value)>) -> Value {
        self.tables.push(Table { array, hash });
        Value::Table(self.tables.len() as u32 - 1)
    }

    /// The first of other values, whose tables get other numbers.
    fn adopt(&mut self, values: &Values) -> Value {
        let base = self.tables.len() as u32;
        let moved = |value: &Value| match value {
            Value::Table(number) => Value::Table(base + number),
            other => other.clone(),
        };
        self.tables.extend(values.tables.iter().map(|table| Table {
            array: table.array.iter().map(moved).collect(),
            hash: table.hash.iter().map(|(key, value)| (moved(key), moved(value))).collect(),
        }));
        moved(values.first())
    }
}

/// One entry by itself.
pub(super) fn single(key: &Bytes, value: &Values, version: u64) -> Values {
    let mut answer = Answer::default();
    let entry = answer.entry(key, value, version);
    answer.finish(entry)
}
