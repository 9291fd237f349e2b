//! Tables of results, made away from Lua.

use luavisor_core::value::Table;
use luavisor_core::{Value, Values};

/// Collects tables; the first one is the result.
#[derive(Default)]
pub struct Output {
    tables: Vec<Table>,
}

impl Output {
    /// An empty table.
    pub fn table(&mut self) -> u32 {
        self.tables.push(Table::default());
        self.tables.len() as u32 - 1
    }

    /// Adds to the array of a table.
    pub fn push(&mut self, table: u32, value: Value) {
        self.tables[table as usize].array.push(value);
    }

    /// Sets a field of a table.
    pub fn set(&mut self, table: u32, name: &str, value: Value) {
        self.tables[table as usize].hash.push((name.into(), value));
    }

    /// One value, or all of them.
    pub fn give(self, values: impl IntoIterator<Item = Value>) -> Values {
        Values { items: values.into_iter().collect(), tables: self.tables }
    }

    /// An array of values.
    pub fn list(values: impl IntoIterator<Item = Value>) -> Values {
        let table = Table { array: values.into_iter().collect(), hash: Vec::new() };
        Values { items: [Value::Table(0)].into_iter().collect(), tables: vec![table] }
    }
}

/// A string.
pub fn text(bytes: &[u8]) -> Value {
    Value::String(bytes.into())
}
