//! `payload`: values with a format label (SPEC 2.3, MODULES 3).
//!
//! Two classes show payloads: what `payload.new` makes or a message brought as
//! such holds an owned [`Payload`]; the payload object of a message refers to the
//! value that the message brought, and its `data` is a native of
//! [`crate::ffi::message`]. Both have the same methods.

use std::sync::Arc;

use luavisor_core::value::{Object, Payload};
use luavisor_core::{Error, Value, Values};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// What a format label means.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Format {
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

    fn label(self) -> &'static str {
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

    fn of(label: &str) -> Result<Format, String> {
        let format = Format::ALL.into_iter().find(|format| format.label() == label);
        format.ok_or_else(|| format!("unknown format {label}"))
    }

    fn unsupported(self) -> String {
        format!("format {} is not supported yet", self.label())
    }
}

/// The value that a payload holds, as Lua sees it.
fn value(payload: &Payload) -> Result<&Values, String> {
    match Format::of(&payload.format)? {
        format @ (Format::Json | Format::Yaml | Format::MsgPack) => Err(format.unsupported()),
        _ => Ok(&payload.data),
    }
}

/// The payload in another format; the error is the cause to report.
fn transcoded(call: &mut Call, payload: &Payload, to: Format) -> Result<Payload, String> {
    if Format::of(&payload.format)? == to {
        return Ok(payload.clone());
    }
    let data = value(payload)?;
    let data = match to {
        Format::Lua | Format::Golang => data.clone(),
        Format::String | Format::Bytes => Values::one(Value::String(text(call, data)?.into())),
        Format::Error => match data.first() {
            Value::Object(Object::Error(_)) => data.clone(),
            _ => return Err("the data is not an error".to_owned()),
        },
        Format::Json | Format::Yaml | Format::MsgPack => return Err(to.unsupported()),
    };
    Ok(Payload { format: to.label().into(), data })
}

/// A string as it is, a number and a boolean through `tostring`.
fn text(call: &mut Call, data: &Values) -> Result<Vec<u8>, String> {
    Ok(match data.first() {
        Value::Nil => Vec::new(),
        Value::Boolean(value) => value.to_string().into_bytes(),
        Value::Number(value) => {
            call.push_number(*value);
            let text = call.text(call.count());
            call.pop(1);
            text
        }
        Value::String(bytes) | Value::Buffer(bytes) => bytes.to_vec(),
        Value::Object(Object::Error(error)) => error.message.as_bytes().to_vec(),
        Value::Table(_) => return Err(Format::Json.unsupported()),
        Value::Vector(_) | Value::Object(_) => return Err("the data has no text".to_owned()),
    })
}

/// `payload.new(value)`; a Payload stays what it is.
fn new(call: &mut Call) -> Outcome {
    if object(call).is_some() {
        call.push_argument(1);
        return call.results(1);
    }
    let format = if call.error_object(1).is_some() { Format::Error } else { Format::Lua };
    let data = call.value_at(1, "payload")?;
    push(call, Payload { format: format.label().into(), data })
}

fn push(call: &mut Call, payload: Payload) -> Outcome {
    call.push_object(&Object::Payload(Arc::new(payload)));
    call.results(1)
}

/// The payload at 1, if it is an owned one.
fn object(call: &Call) -> Option<Arc<Payload>> {
    call.object::<Arc<Payload>>(1, tags::PAYLOAD).cloned()
}

/// The payload of a method call, whichever class it has.
fn this(call: &Call) -> Result<Arc<Payload>, Raise> {
    object(call).or_else(|| call.message_payload(1)).ok_or_else(|| call.wrong(1, "payload"))
}

fn read(call: &mut Call, action: &str) -> Outcome {
    let payload = this(call)?;
    match value(&payload) {
        Ok(data) => {
            call.push_values(data);
            call.results(1)
        }
        Err(cause) => failed(call, action, &cause),
    }
}

fn failed(call: &mut Call, action: &str, cause: &str) -> Outcome {
    call.fail(Error::internal(format!("{action} failed: {cause}")).retryable(false))
}

fn data(call: &mut Call) -> Outcome {
    read(call, "transcode")
}

fn unmarshal(call: &mut Call) -> Outcome {
    read(call, "unmarshal")
}

fn transcode(call: &mut Call) -> Outcome {
    let payload = this(call)?;
    let label = call.string(2)?;
    match Format::of(&label).and_then(|format| transcoded(call, &payload, format)) {
        Ok(payload) => push(call, payload),
        Err(cause) => failed(call, "transcode", &cause),
    }
}

/// The label without a look at the data.
fn label(call: &Call) -> Result<Arc<str>, Raise> {
    match object(call) {
        Some(payload) => Ok(payload.format.clone()),
        // A message shows plain values: what was sent as a payload is one again.
        None if call.is_message_payload(1) => Ok(Format::Lua.label().into()),
        None => Err(call.wrong(1, "payload")),
    }
}

fn get_format(call: &mut Call) -> Outcome {
    let label = label(call)?;
    call.push_str(&label);
    call.results(1)
}

fn to_text(call: &mut Call) -> Outcome {
    let label = label(call)?;
    call.push_str(&format!("payload{{format={label}}}"));
    call.results(1)
}

static FUNCTIONS: &[Function] = &[Function { name: c"new", run: new }];

static METHODS: &[Function] = &[
    Function { name: c"data", run: data },
    Function { name: c"get_format", run: get_format },
    Function { name: c"unmarshal", run: unmarshal },
    Function { name: c"transcode", run: transcode },
    Function { name: c"__tostring", run: to_text },
];

/// Methods of the payload object of a message, beside `data`.
pub static PART_METHODS: &[Function] = &[
    Function { name: c"get_format", run: get_format },
    Function { name: c"unmarshal", run: unmarshal },
    Function { name: c"transcode", run: transcode },
    Function { name: c"__tostring", run: to_text },
];

/// Installs the global library.
pub fn install(setup: &mut Setup) {
    setup.class::<Arc<Payload>>(tags::PAYLOAD, "payload", METHODS);
    setup.library(c"payload", FUNCTIONS, |table| {
        table.table(c"format", &[], |formats| {
            for (name, format) in [
                (c"LUA", Format::Lua),
                (c"JSON", Format::Json),
                (c"YAML", Format::Yaml),
                (c"STRING", Format::String),
                (c"BYTES", Format::Bytes),
                (c"MSGPACK", Format::MsgPack),
                (c"GOLANG", Format::Golang),
                (c"ERROR", Format::Error),
            ] {
                formats.text(name, format.label());
            }
        });
    });
}
