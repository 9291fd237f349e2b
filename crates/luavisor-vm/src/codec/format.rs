//! The formats of payloads, and what becomes of one in another (MODULES 3).
//!
//! Everything goes through the Lua value: a text is read, or the value is written.

use std::borrow::Cow;

use luavisor_core::value::{Object, Payload};
use luavisor_core::{Value, Values};

use super::{Fault, Sink, ValuesSink, json, msgpack, yaml};
use crate::calendar::{Duration, layout};
use crate::ffi::view::View;

/// What a format label means.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Format {
    Lua,
    Json,
    Yaml,
    String,
    Bytes,
    MsgPack,
    /// the same as `Lua` but for its label
    Golang,
    Error,
}

impl Format {
    const ALL: [Format; 8] = [
        Format::Lua,
        Format::Json,
        Format::Yaml,
        Format::String,
        Format::Bytes,
        Format::MsgPack,
        Format::Golang,
        Format::Error,
    ];

    /// The label of payloads in this format.
    pub fn label(self) -> &'static str {
        match self {
            Format::Lua => "lua/any",
            Format::Json => "json/plain",
            Format::Yaml => "yaml/plain",
            Format::String => "text/plain",
            Format::Bytes => "application/octet-stream",
            Format::MsgPack => "application/msgpack",
            Format::Golang => "golang/any",
            Format::Error => "golang/error",
        }
    }

    /// The format with this label.
    pub fn of(label: &str) -> Result<Format, Fault> {
        let format = Format::ALL.into_iter().find(|format| format.label() == label);
        format.ok_or_else(|| format!("unknown format {label}").into())
    }
}

/// The text in a payload whose format must be parsed, and how to parse it.
pub fn encoded(payload: &Payload) -> Result<Option<Encoded<'_>>, Fault> {
    let format = Format::of(&payload.format)?;
    if !matches!(format, Format::Json | Format::Yaml | Format::MsgPack) {
        return Ok(None);
    }
    match payload.data.first() {
        Value::String(text) | Value::Buffer(text) => Ok(Some(Encoded { format, text })),
        _ => Err("the data is not a string".into()),
    }
}

/// A text to parse.
pub struct Encoded<'a> {
    format: Format,
    text: &'a [u8],
}

impl Encoded<'_> {
    /// Its length in bytes.
    pub fn size(&self) -> usize {
        self.text.len()
    }

    /// Parses the text.
    pub fn read(&self, sink: &mut impl Sink) -> Result<(), Fault> {
        match self.format {
            Format::Yaml => yaml::read(self.text, sink),
            Format::MsgPack => msgpack::read(self.text, sink),
            _ => json::read(self.text, sink),
        }
    }
}

/// The value that a payload holds, as Lua sees it.
pub fn value(payload: &Payload) -> Result<Cow<'_, Values>, Fault> {
    match encoded(payload)? {
        None => Ok(Cow::Borrowed(&payload.data)),
        Some(encoded) => {
            let mut sink = ValuesSink::default();
            encoded.read(&mut sink)?;
            Ok(Cow::Owned(sink.finish()))
        }
    }
}

/// The payload in another format; `tostring` writes a number as Lua does.
pub fn transcoded(
    payload: &Payload,
    to: Format,
    tostring: impl FnOnce(f64) -> Vec<u8>,
) -> Result<Payload, Fault> {
    let from = Format::of(&payload.format)?;
    if from == to {
        return Ok(payload.clone());
    }
    let data = value(payload)?;
    let view = View::of(&data, data.first());
    let text = match to {
        Format::Json => match (from, view) {
            (Format::Error, View::Error(error)) => json::write_error(error)?,
            _ => json::write(view)?,
        },
        Format::Yaml => yaml::write(view)?,
        Format::MsgPack => msgpack::write(view)?,
        Format::String | Format::Bytes => plain(view, tostring)?,
        Format::Error if !matches!(data.first(), Value::Object(Object::Error(_))) => {
            return Err("the data is not an error".into());
        }
        Format::Lua | Format::Golang | Format::Error => {
            return Ok(Payload { format: to.label().into(), data: data.into_owned() });
        }
    };
    let data = Values::one(Value::String(text.into()));
    Ok(Payload { format: to.label().into(), data })
}

/// A string as it is, a number and a boolean as `tostring` writes them, a table as JSON.
fn plain(value: View<'_>, tostring: impl FnOnce(f64) -> Vec<u8>) -> Result<Vec<u8>, Fault> {
    Ok(match value {
        View::Nil => Vec::new(),
        View::Boolean(value) => value.to_string().into_bytes(),
        View::Number(value) => tostring(value),
        View::Text(bytes) | View::Buffer(bytes) => bytes.to_vec(),
        View::Table(_) => json::write(value)?,
        View::Error(error) => error.message.as_bytes().to_vec(),
        View::Time(time) => layout::format(time, layout::RFC3339NANO).into_bytes(),
        View::Duration(nanoseconds) => Duration(nanoseconds).to_string().into_bytes(),
        View::Payload(_) | View::Other => return Err("the data has no text".into()),
    })
}
