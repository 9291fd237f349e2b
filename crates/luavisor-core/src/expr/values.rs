//! Values of an expression from and to those of Lua.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use super::Value;
use crate::value::{self, Table, Values};

/// Tables within tables that are taken over.
const DEEPEST: usize = 100;

/// The first value of a list. Sequences are arrays, other tables maps; whole numbers are
/// whole. What is no plain data is nil, and so is a table within itself.
pub fn from(values: &Values) -> Value {
    let mut reader = Reader { values, known: vec![None; values.tables.len()] };
    reader.value(values.first(), 0)
}

/// Each table is taken over once, however often it occurs.
struct Reader<'a> {
    values: &'a Values,
    known: Vec<Option<Value>>,
}

impl Reader<'_> {
    fn value(&mut self, item: &value::Value, depth: usize) -> Value {
        match item {
            value::Value::Boolean(value) => Value::Bool(*value),
            value::Value::Number(value) => {
                let whole = value.fract() == 0.0 && value.abs() < 9e15;
                if whole { Value::Int(*value as i64) } else { Value::Float(*value) }
            }
            value::Value::String(bytes) => Value::text(&*String::from_utf8_lossy(bytes)),
            value::Value::Table(index) if depth < DEEPEST => self.table(*index as usize, depth),
            _ => Value::Nil,
        }
    }

    fn table(&mut self, index: usize, depth: usize) -> Value {
        let values = self.values;
        let Some(table) = values.tables.get(index) else { return Value::Nil };
        if let Some(known) = &self.known[index] {
            return known.clone();
        }
        // Within itself it is nothing.
        self.known[index] = Some(Value::Nil);
        let array: Vec<Value> =
            table.array.iter().map(|item| self.value(item, depth + 1)).collect();
        let read = match table.hash.is_empty() {
            true => Value::array(array),
            false => {
                let places = (1..).map(|place: usize| Arc::from(place.to_string()));
                let mut map: BTreeMap<Arc<str>, Value> = places.zip(array).collect();
                for (key, item) in &table.hash {
                    let key = match key {
                        value::Value::String(bytes) => String::from_utf8_lossy(bytes).into_owned(),
                        value::Value::Number(number) => number.to_string(),
                        _ => continue,
                    };
                    let item = self.value(item, depth + 1);
                    map.insert(key.into(), item);
                }
                Value::Map(Arc::new(map))
            }
        };
        self.known[index] = Some(read.clone());
        read
    }
}

/// A value as a list of one. What occurs several times is one table.
pub fn to(value: &Value) -> Values {
    let mut writer = Writer::default();
    let item = writer.value(value);
    Values { items: [item].into_iter().collect(), tables: writer.tables }
}

#[derive(Default)]
struct Writer {
    tables: Vec<Table>,
    /// tables by the address of what they were made of
    known: HashMap<usize, u32>,
}

impl Writer {
    fn value(&mut self, value: &Value) -> value::Value {
        match value {
            Value::Nil => value::Value::Nil,
            Value::Bool(value) => value::Value::Boolean(*value),
            Value::Int(value) => value::Value::Number(*value as f64),
            Value::Float(value) => value::Value::Number(*value),
            Value::Text(text) => value::Value::String(text.as_bytes().into()),
            Value::Array(items) => {
                let (at, new) = self.place(Arc::as_ptr(items) as usize);
                if new {
                    let array = items.iter().map(|item| self.value(item)).collect();
                    self.tables[at as usize].array = array;
                }
                value::Value::Table(at)
            }
            Value::Map(map) => {
                let (at, new) = self.place(Arc::as_ptr(map) as usize);
                if new {
                    let mut hash = Vec::new();
                    for (key, value) in map.iter() {
                        let value = self.value(value);
                        if value != value::Value::Nil {
                            hash.push((value::Value::from(&**key), value));
                        }
                    }
                    self.tables[at as usize].hash = hash;
                }
                value::Value::Table(at)
            }
        }
    }

    fn place(&mut self, address: usize) -> (u32, bool) {
        if let Some(known) = self.known.get(&address) {
            return (*known, false);
        }
        let at = self.tables.len() as u32;
        self.tables.push(Table::default());
        self.known.insert(address, at);
        (at, true)
    }
}
