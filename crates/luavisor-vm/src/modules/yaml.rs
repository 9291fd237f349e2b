//! `yaml`: values as YAML text and back (MODULES 13).

use super::refusal::{failed, invalid};
use crate::codec::yaml;
use crate::ffi::call::{Call, Function, Outcome, Setup};

/// `yaml.encode(table)`
fn encode(call: &mut Call) -> Outcome {
    if !call.is_table(1) {
        return invalid(call, "table expected");
    }
    match call.look(1, yaml::write)? {
        Ok(text) => {
            call.push_bytes(&text);
            call.results(1)
        }
        Err(cause) => failed(call, "encode", &cause),
    }
}

/// `yaml.decode(text)`
fn decode(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "string expected");
    }
    let text = call.bytes(1)?;
    if text.is_empty() {
        return invalid(call, "empty string is not valid YAML");
    }
    match call.build(|builder| yaml::read(&text, builder)) {
        Ok(()) => call.results(1),
        Err(cause) => failed(call, "decode", &cause),
    }
}

static FUNCTIONS: &[Function] =
    &[Function { name: c"encode", run: encode }, Function { name: c"decode", run: decode }];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("yaml", FUNCTIONS, |_| {});
}
