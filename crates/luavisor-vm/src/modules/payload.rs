//! `payload`: values with a format label (SPEC 2.3, MODULES 3).
//!
//! Two classes show payloads: what `payload.new` makes or a message brought as
//! such holds an owned [`Payload`]; the payload object of a message refers to the
//! value that the message brought, and its `data` is a native of
//! [`crate::ffi::message`]. Both have the same methods.

use std::sync::Arc;

use luavisor_core::value::{Object, Payload};

use super::refusal::failed;
use crate::codec::format::{self, Format};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

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
    let read = match format::encoded(&payload) {
        Ok(None) => {
            call.push_values(&payload.data);
            Ok(())
        }
        Ok(Some(encoded)) => call.build(|builder| encoded.read(builder)),
        Err(cause) => Err(cause),
    };
    match read {
        Ok(()) => call.results(1),
        Err(cause) => failed(call, action, &cause),
    }
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
    let transcoded = Format::of(&label)
        .and_then(|to| format::transcoded(&payload, to, |number| number_text(call, number)));
    match transcoded {
        Ok(payload) => push(call, payload),
        Err(cause) => failed(call, "transcode", &cause),
    }
}

/// A number as `tostring` writes it.
fn number_text(call: &mut Call, number: f64) -> Vec<u8> {
    call.push_number(number);
    let text = call.text(call.count());
    call.pop(1);
    text
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
