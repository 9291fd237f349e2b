//! JSON (MODULES 12): our own writer, and the parser of `serde_json`, whose events
//! go straight into a [`Sink`].

use std::fmt;

use luavisor_core::Error;
use serde_json::Deserializer;
use serde_json::de::SliceRead;

use super::shape::{Unclear, key_text};
use super::walk::{self, Writer};
use super::{BYTES, DEPTH, Fault, Sink, number, too_long};
use crate::ffi::view::View;

/// The JSON text of a value.
pub fn write(value: View<'_>) -> Result<Vec<u8>, Fault> {
    let mut writer = Json { out: Vec::with_capacity(1024) };
    walk::write(&mut writer, value)?;
    Ok(writer.out)
}

/// An error as an object: what it lacks is left out.
pub fn write_error(error: &Error) -> Result<Vec<u8>, Fault> {
    let mut writer = Json { out: Vec::new() };
    writer.out.extend_from_slice(b"{\"message\":");
    writer.text(error.message.as_bytes());
    if !error.kind.as_str().is_empty() {
        writer.out.extend_from_slice(b",\"kind\":");
        writer.text(error.kind.as_str().as_bytes());
    }
    if let Some(retryable) = error.retryable {
        writer.out.extend_from_slice(b",\"retryable\":");
        writer.boolean(retryable);
    }
    if let Some(details) = &error.details {
        writer.out.extend_from_slice(b",\"details\":");
        walk::write(&mut writer, View::of(details, details.first()))?;
    }
    writer.out.push(b'}');
    Ok(writer.out)
}

struct Json {
    out: Vec<u8>,
}

impl Json {
    fn separate(&mut self, at: usize) {
        if at > 0 {
            self.out.push(b',');
        }
    }
}

impl Writer for Json {
    const NAME: &'static str = "JSON";
    const UNCLEAR: Unclear = Unclear::Refused;

    fn size(&self) -> usize {
        self.out.len()
    }
    fn nil(&mut self) {
        self.out.extend_from_slice(b"null");
    }
    fn boolean(&mut self, value: bool) {
        self.out.extend_from_slice(if value { b"true".as_slice() } else { b"false" });
    }
    fn number(&mut self, value: f64) {
        match value.is_finite() {
            true => number::write(&mut self.out, value),
            false => self.nil(),
        }
    }
    fn text(&mut self, value: &[u8]) {
        write_text(&mut self.out, value);
    }
    fn bytes(&mut self, _: &[u8]) {
        self.nil();
    }
    fn open_list(&mut self, _: usize) {
        self.out.push(b'[');
    }
    fn element(&mut self, at: usize) {
        self.separate(at);
    }
    fn close_list(&mut self, _: usize) {
        self.out.push(b']');
    }
    fn open_map(&mut self, _: usize) {
        self.out.push(b'{');
    }
    fn key(&mut self, at: usize, key: View<'_>) {
        self.separate(at);
        self.text(&key_text(key));
        self.out.push(b':');
    }
    fn close_map(&mut self, _: usize) {
        self.out.push(b'}');
    }
}

/// Writes a string with its quotes.
pub fn write_text(out: &mut Vec<u8>, value: &[u8]) {
    out.push(b'"');
    if value.iter().all(|byte| PLAIN[usize::from(*byte)]) {
        out.extend_from_slice(value);
    } else {
        escape(out, String::from_utf8_lossy(value).as_bytes());
    }
    out.push(b'"');
}

/// What a byte becomes within a string: 0 is itself, `u` is `\u00XX`.
static ESCAPES: [u8; 256] = {
    let mut escapes = [0; 256];
    let mut control = 0;
    while control < 0x20 {
        escapes[control] = b'u';
        control += 1;
    }
    escapes[0x08] = b'b';
    escapes[0x09] = b't';
    escapes[0x0a] = b'n';
    escapes[0x0c] = b'f';
    escapes[0x0d] = b'r';
    escapes[b'"' as usize] = b'"';
    escapes[b'\\' as usize] = b'\\';
    escapes
};

/// Bytes of ASCII that need no escape: most texts have no others.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 0x80 {
        plain[byte] = ESCAPES[byte] == 0;
        byte += 1;
    }
    plain
};

/// Writes the content of a string with the escapes that JSON requires, and no others.
fn escape(out: &mut Vec<u8>, text: &[u8]) {
    let mut written = 0;
    for (at, byte) in text.iter().enumerate() {
        let escape = ESCAPES[usize::from(*byte)];
        if escape == 0 {
            continue;
        }
        out.extend_from_slice(&text[written..at]);
        written = at + 1;
        out.extend_from_slice(&[b'\\', escape]);
        if escape == b'u' {
            const DIGITS: &[u8; 16] = b"0123456789abcdef";
            let (high, low) = (usize::from(byte >> 4), usize::from(byte & 15));
            out.extend_from_slice(&[b'0', b'0', DIGITS[high], DIGITS[low]]);
        }
    }
    out.extend_from_slice(&text[written..]);
}

/// Reads one JSON value; nothing but white space may follow it.
pub fn read(text: &[u8], sink: &mut impl Sink) -> Result<(), Fault> {
    if text.len() > BYTES {
        return Err(too_long());
    }
    let mut parser = Deserializer::new(SliceRead::new(text));
    // Ours counts to DEPTH, that of the parser stops one level earlier.
    parser.disable_recursion_limit();
    let value = serde::de::DeserializeSeed::deserialize(Reader { sink, depth: 0 }, &mut parser);
    value.and_then(|()| parser.end()).map_err(|error| error.to_string().into())
}

/// Reads a value that lies `depth` tables deep.
struct Reader<'s, S> {
    sink: &'s mut S,
    depth: usize,
}

impl<S> Reader<'_, S> {
    fn part(&mut self) -> Reader<'_, S> {
        Reader { sink: self.sink, depth: self.depth + 1 }
    }

    fn enter<E: serde::de::Error>(&self) -> Result<(), E> {
        match self.depth < DEPTH {
            true => Ok(()),
            false => Err(E::custom(format!("nesting deeper than {DEPTH} levels"))),
        }
    }
}

impl<'de, S: Sink> serde::de::DeserializeSeed<'de> for Reader<'_, S> {
    type Value = ();

    fn deserialize<D: serde::Deserializer<'de>>(self, parser: D) -> Result<(), D::Error> {
        parser.deserialize_any(self)
    }
}

impl<'de, S: Sink> serde::de::Visitor<'de> for Reader<'_, S> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        self.sink.nil();
        Ok(())
    }
    fn visit_bool<E>(self, value: bool) -> Result<(), E> {
        self.sink.boolean(value);
        Ok(())
    }
    fn visit_i64<E>(self, value: i64) -> Result<(), E> {
        self.sink.number(value as f64);
        Ok(())
    }
    fn visit_u64<E>(self, value: u64) -> Result<(), E> {
        self.sink.number(value as f64);
        Ok(())
    }
    fn visit_f64<E>(self, value: f64) -> Result<(), E> {
        self.sink.number(value);
        Ok(())
    }
    fn visit_str<E>(self, value: &str) -> Result<(), E> {
        self.sink.text(value.as_bytes());
        Ok(())
    }

    fn visit_seq<A: serde::de::SeqAccess<'de>>(mut self, mut parts: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut open = self.sink.open_list();
        while parts.next_element_seed(self.part())?.is_some() {
            self.sink.element(&mut open);
        }
        self.sink.close(open);
        Ok(())
    }

    fn visit_map<A: serde::de::MapAccess<'de>>(mut self, mut parts: A) -> Result<(), A::Error> {
        self.enter()?;
        let mut open = self.sink.open_map();
        while parts.next_key_seed(self.part())?.is_some() {
            parts.next_value_seed(self.part())?;
            self.sink.entry(&mut open);
        }
        self.sink.close(open);
        Ok(())
    }
}
