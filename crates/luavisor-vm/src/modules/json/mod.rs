//! `json`: values as JSON text and back (MODULES 12).

mod schemas;

use super::refusal::{failed, invalid};
use crate::codec;
use crate::ffi::call::{Call, Function, Outcome, Setup};

pub use schemas::KnownSchemas;

/// `json.encode(value)`
fn encode(call: &mut Call) -> Outcome {
    match call.look(1, codec::json::write)? {
        Ok(text) => {
            call.push_bytes(&text);
            call.results(1)
        }
        Err(cause) => failed(call, "encode", &cause),
    }
}

/// `json.decode(text)`
fn decode(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "string expected");
    }
    let text = call.bytes(1)?;
    if text.is_empty() {
        return invalid(call, "empty string is not valid JSON");
    }
    match call.build(|builder| codec::json::read(&text, builder)) {
        Ok(()) => call.results(1),
        Err(cause) => failed(call, "decode", &cause),
    }
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"encode", run: encode },
    Function { name: c"decode", run: decode },
    Function { name: c"validate", run: schemas::validate },
    Function { name: c"validate_string", run: schemas::validate_string },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("json", FUNCTIONS, |_| {});
}
