//! Where parsers put what they read.

use std::collections::HashSet;

use luavisor_core::value::Bytes;
use luavisor_core::{Table, Value, Values};

/// Takes values bottom-up: first the parts, then what they are parts of.
pub trait Sink {
    /// A list or map whose end has not been seen.
    type Open;

    /// Takes nil.
    fn nil(&mut self);
    /// Takes a boolean.
    fn boolean(&mut self, value: bool);
    /// Takes a number.
    fn number(&mut self, value: f64);
    /// Takes a string.
    fn text(&mut self, value: &[u8]);
    /// Begins a list.
    fn open_list(&mut self) -> Self::Open;
    /// Begins a map.
    fn open_map(&mut self) -> Self::Open;
    /// The value that was taken last is the next element of the list. Nil leaves a hole.
    fn element(&mut self, open: &mut Self::Open);
    /// The two values that were taken last are an entry of the map. The last of
    /// equal keys wins; nil leaves the key out.
    fn entry(&mut self, open: &mut Self::Open);
    /// The list or map is complete, and the value that was taken last.
    fn close(&mut self, open: Self::Open);
}

/// Makes an owned value.
#[derive(Debug, Default)]
pub struct ValuesSink {
    tables: Vec<Table>,
    /// values that are not part of a table yet
    waiting: Vec<Value>,
}

/// A table whose end has not been seen.
#[derive(Debug, Default)]
pub struct OpenTable {
    table: Table,
    /// elements so far, holes included
    length: usize,
}

impl ValuesSink {
    /// The value that was taken.
    pub fn finish(mut self) -> Values {
        let value = self.waiting.pop().unwrap_or_default();
        Values { items: [value].into_iter().collect(), tables: self.tables }
    }

    fn taken(&mut self) -> Value {
        self.waiting.pop().unwrap_or_default()
    }
}

impl Sink for ValuesSink {
    type Open = OpenTable;

    fn nil(&mut self) {
        self.waiting.push(Value::Nil);
    }
    fn boolean(&mut self, value: bool) {
        self.waiting.push(Value::Boolean(value));
    }
    fn number(&mut self, value: f64) {
        self.waiting.push(Value::Number(value));
    }
    fn text(&mut self, value: &[u8]) {
        self.waiting.push(Value::String(value.into()));
    }
    fn open_list(&mut self) -> OpenTable {
        OpenTable::default()
    }
    fn open_map(&mut self) -> OpenTable {
        OpenTable::default()
    }
    fn element(&mut self, open: &mut OpenTable) {
        let value = self.taken();
        open.length += 1;
        let OpenTable { table, length } = open;
        if value == Value::Nil {
        } else if table.array.len() + 1 == *length {
            table.array.push(value);
        } else {
            table.hash.push((Value::Number(*length as f64), value));
        }
    }
    fn entry(&mut self, open: &mut OpenTable) {
        let value = self.taken();
        let key = self.taken();
        open.table.hash.push((key, value));
    }
    fn close(&mut self, mut open: OpenTable) {
        drop_repeated(&mut open.table.hash);
        self.waiting.push(Value::Table(self.tables.len() as u32));
        self.tables.push(open.table);
    }
}

/// Of entries with equal keys only the last one stays, and no nil.
fn drop_repeated(entries: &mut Vec<(Value, Value)>) {
    let mut seen = HashSet::with_capacity(entries.len());
    let stays: Vec<bool> = entries
        .iter()
        .rev()
        .map(|(key, value)| seen.insert(identity(key)) && *value != Value::Nil)
        .collect();
    let mut stays = stays.into_iter().rev();
    entries.retain(|_| stays.next().unwrap_or(true));
}

/// What makes a key differ from others; parsers make no other keys.
fn identity(key: &Value) -> (u8, u64, Option<Bytes>) {
    match key {
        Value::String(bytes) => (0, 0, Some(bytes.clone())),
        // Adding zero makes -0 and 0 one key, as they are in Lua.
        Value::Number(number) => (1, (number + 0.0).to_bits(), None),
        Value::Boolean(value) => (2, u64::from(*value), None),
        _ => (3, 0, None),
    }
}
