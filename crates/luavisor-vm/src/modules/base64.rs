//! `base64`: the standard alphabet with padding (MODULES 15).

use base64::engine::general_purpose::STANDARD;
use base64::{DecodeError, Engine};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};

/// `base64.encode(bytes)`
fn encode(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "string expected");
    }
    let text = STANDARD.encode(call.bytes(1)?);
    call.push_str(&text);
    call.results(1)
}

/// `base64.decode(text)`; line ends in the text are skipped.
fn decode(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "string expected");
    }
    let text = call.bytes(1)?;
    let is_line_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let digits: Vec<u8> = text.iter().copied().filter(|byte| !is_line_end(byte)).collect();
    match STANDARD.decode(&digits) {
        Ok(bytes) => {
            call.push_bytes(&bytes);
            call.results(1)
        }
        Err(error) => {
            // The place is told in the text as it was given.
            let place = place(&error, digits.len());
            let mut kept = (0..text.len()).filter(|at| !is_line_end(&text[*at]));
            let place = kept.nth(place).unwrap_or(text.len());
            invalid(call, format!("decode failed: illegal base64 data at input byte {place}"))
        }
    }
}

/// Which digit is at fault: the number of digits if the end came too early.
fn place(error: &DecodeError, length: usize) -> usize {
    match error {
        DecodeError::InvalidByte(place, _) => *place,
        DecodeError::InvalidLastSymbol { offset, .. } => *offset,
        DecodeError::InvalidLength(_) | DecodeError::InvalidPadding => length,
    }
}

static FUNCTIONS: &[Function] =
    &[Function { name: c"encode", run: encode }, Function { name: c"decode", run: decode }];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("base64", FUNCTIONS, |_| {});
}
