//! Goes through a value and tells a [`Writer`] what it meets.
//!
//! It ends for every value: tables within themselves and more than [`DEPTH`] levels
//! are faults, and so is more than [`BYTES`] of output or of places looked into.
//! Objects are shown as text, a payload as its data.

use luavisor_core::value::Payload;
use smallvec::SmallVec;

use super::format::encoded;
use super::shape::{Entry, Shape, Unclear, shape, sort_by_text};
use super::{BYTES, DEPTH, Fault, ValuesSink, too_long};
use crate::calendar::{Duration, layout};
use crate::ffi::view::{TableView, View};

/// Writes one format.
pub trait Writer {
    /// Its name in faults.
    const NAME: &'static str;
    /// What becomes of tables that are neither list nor map.
    const UNCLEAR: Unclear;

    /// How many bytes were written.
    fn size(&self) -> usize;
    fn nil(&mut self);
    fn boolean(&mut self, value: bool);
    fn number(&mut self, value: f64);
    fn text(&mut self, value: &[u8]);
    /// The content of a buffer.
    fn bytes(&mut self, value: &[u8]);
    fn open_list(&mut self, length: usize);
    /// Element `at`, counted from 0, follows.
    fn element(&mut self, at: usize);
    fn close_list(&mut self, length: usize);
    fn open_map(&mut self, length: usize);
    /// Key of entry `at`, counted from 0; its value follows.
    fn key(&mut self, at: usize, key: View<'_>);
    fn close_map(&mut self, length: usize);
}

/// Writes a value.
pub fn write<W: Writer>(writer: &mut W, value: View<'_>) -> Result<(), Fault> {
    let mut walk = Walk { writer, path: SmallVec::new(), entries: Vec::new(), looked: 0 };
    walk.value(value)
}

struct Walk<'w, 'a, W> {
    writer: &'w mut W,
    /// the tables around the current value
    path: SmallVec<[usize; 16]>,
    /// the entries of the tables around the current value
    entries: Vec<Entry<'a>>,
    /// places of tables that were looked into
    looked: usize,
}

impl<'a, W: Writer> Walk<'_, 'a, W> {
    fn value(&mut self, value: View<'a>) -> Result<(), Fault> {
        match value {
            View::Nil | View::Other => self.writer.nil(),
            View::Boolean(value) => self.writer.boolean(value),
            View::Number(value) => self.writer.number(value),
            // Looked at before: escapes make six of one byte.
            View::Text(bytes) | View::Buffer(bytes) if bytes.len() > BYTES => {
                return Err(too_long());
            }
            View::Text(bytes) => self.writer.text(bytes),
            View::Buffer(bytes) => self.writer.bytes(bytes),
            View::Table(table) => return self.table(table),
            View::Error(error) => self.writer.text(error.message.as_bytes()),
            View::Time(time) => {
                self.writer.text(layout::format(time, layout::RFC3339NANO).as_bytes());
            }
            View::Duration(nanoseconds) => {
                self.writer.text(Duration(nanoseconds).to_string().as_bytes());
            }
            View::Payload(payload) => return self.payload(payload),
        }
        self.bounded()
    }

    fn bounded(&self) -> Result<(), Fault> {
        match self.writer.size() > BYTES || self.looked > BYTES {
            true => Err(too_long()),
            false => Ok(()),
        }
    }

    /// Goes into something that holds other values.
    fn enter(&mut self, address: usize) -> Result<(), Fault> {
        if self.path.contains(&address) {
            return Err(format!("cannot encode recursively nested tables to {}", W::NAME).into());
        }
        if self.path.len() == DEPTH {
            return Err(format!("exceeded maximum nesting depth for {} encoding", W::NAME).into());
        }
        self.path.push(address);
        Ok(())
    }

    fn table(&mut self, table: TableView<'a>) -> Result<(), Fault> {
        self.enter(table.address())?;
        // Before the look: each of many references to one large table costs as much.
        self.looked += table.places();
        self.bounded()?;
        let first = self.entries.len();
        match shape(table, W::UNCLEAR, &mut self.entries)? {
            Shape::Plain(list) => self.list(list.len(), |_, at| list.get(at))?,
            Shape::List => {
                let length = self.entries.len() - first;
                self.list(length, |walk, at| walk.entries[first + at].1)?;
            }
            Shape::Map => {
                sort_by_text(&mut self.entries[first..]);
                let length = self.entries.len() - first;
                self.writer.open_map(length);
                for at in 0..length {
                    let (key, value) = self.entries[first + at];
                    self.writer.key(at, key);
                    self.value(value)?;
                }
                self.writer.close_map(length);
            }
        }
        self.entries.truncate(first);
        self.path.pop();
        Ok(())
    }

    fn list(
        &mut self,
        length: usize,
        element: impl Fn(&Self, usize) -> View<'a>,
    ) -> Result<(), Fault> {
        self.writer.open_list(length);
        for at in 0..length {
            self.writer.element(at);
            let element = element(self, at);
            self.value(element)?;
        }
        self.writer.close_list(length);
        Ok(())
    }

    fn payload(&mut self, payload: &'a Payload) -> Result<(), Fault> {
        self.enter(std::ptr::from_ref(payload) as usize)?;
        match encoded(payload)? {
            None => self.value(View::of(&payload.data, payload.data.first()))?,
            Some(encoded) => {
                self.looked += encoded.size();
                self.bounded()?;
                let mut sink = ValuesSink::default();
                encoded.read(&mut sink)?;
                let values = sink.finish();
                let mut walk = Walk {
                    writer: &mut *self.writer,
                    path: self.path.clone(),
                    entries: Vec::new(),
                    looked: self.looked,
                };
                walk.value(View::of(&values, values.first()))?;
                self.looked = walk.looked;
            }
        }
        self.path.pop();
        Ok(())
    }
}
