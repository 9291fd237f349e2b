//! Values for templates (MODULES 21), by the rules of JSON for lists, maps and objects.

use std::collections::BTreeMap;

use minijinja::Value;

use super::Fault;
use super::shape::{Unclear, key_text};
use super::walk::{self, Writer};
use crate::ffi::view::View;

/// A value as templates see it, and about how many bytes it takes.
pub fn value(view: View<'_>) -> Result<(Value, usize), Fault> {
    let mut jinja = Jinja { size: 0, open: Vec::new(), done: Value::from(()) };
    walk::write(&mut jinja, view)?;
    Ok((jinja.done, jinja.size))
}

struct Jinja {
    size: usize,
    /// lists and maps around the current value
    open: Vec<Open>,
    done: Value,
}

enum Open {
    List(Vec<Value>),
    /// entries so far, and the key whose value comes next
    Map(BTreeMap<String, Value>, String),
}

impl Jinja {
    fn put(&mut self, value: Value, bytes: usize) {
        self.size += 16 + bytes;
        match self.open.last_mut() {
            None => self.done = value,
            Some(Open::List(values)) => values.push(value),
            Some(Open::Map(entries, key)) => drop(entries.insert(std::mem::take(key), value)),
        }
    }

    fn close(&mut self) {
        match self.open.pop() {
            Some(Open::List(values)) => self.put(Value::from(values), 0),
            Some(Open::Map(entries, _)) => self.put(Value::from(entries), 0),
            None => {}
        }
    }
}

impl Writer for Jinja {
    const NAME: &'static str = "template data";
    const UNCLEAR: Unclear = Unclear::Map;

    fn size(&self) -> usize {
        self.size
    }
    fn nil(&mut self) {
        self.put(Value::from(()), 0);
    }
    fn boolean(&mut self, value: bool) {
        self.put(Value::from(value), 0);
    }
    fn number(&mut self, value: f64) {
        let whole = value.fract() == 0.0 && value.abs() < 9e15;
        self.put(if whole { Value::from(value as i64) } else { Value::from(value) }, 0);
    }
    fn text(&mut self, value: &[u8]) {
        self.put(Value::from(&*String::from_utf8_lossy(value)), value.len());
    }
    fn bytes(&mut self, value: &[u8]) {
        self.put(Value::from_bytes(value.to_vec()), value.len());
    }
    fn open_list(&mut self, length: usize) {
        self.open.push(Open::List(Vec::with_capacity(length)));
    }
    fn element(&mut self, _: usize) {}
    fn close_list(&mut self, _: usize) {
        self.close();
    }
    fn open_map(&mut self, _: usize) {
        self.open.push(Open::Map(BTreeMap::new(), String::new()));
    }
    fn key(&mut self, _: usize, key: View<'_>) {
        let text = key_text(key);
        self.size += text.len();
        if let Some(Open::Map(_, next)) = self.open.last_mut() {
            *next = String::from_utf8_lossy(&text).into_owned();
        }
    }
    fn close_map(&mut self, _: usize) {
        self.close();
    }
}
