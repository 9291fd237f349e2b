//! `compress`: bytes made smaller, in five formats (MODULES 17).
//!
//! Small inputs are worked on at once. What may take long, by its input, its level or
//! what comes out, is done off the worker, while the calling task waits.

mod dictionary;
mod format;

use std::ffi::CStr;
use std::ops::RangeInclusive;

use format::{Brotli, Deflate, Failure, Format, Gzip, Zlib, Zstd};
use luavisor_core::{Error, Value, Values};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};

/// The first bytes of a dictionary.
const MAGIC: [u8; 4] = 0xEC30_A437_u32.to_le_bytes();

/// Bytes of input up to which the worker does it at once, and the highest level at
/// which it does.
const SMALL: usize = 16 << 10;
const QUICK: i32 = 9;
/// Bytes of output up to which the worker decodes at once.
const BRIEF: usize = 64 << 10;

/// Bytes that decoding yields at most, unless the caller asks for more or less.
const MOST: f64 = 134_217_728.0;
/// Who asks for more than this gets the default.
const TOP: f64 = 1_073_741_824.0;

/// `compress.format.encode(data[, options])`
fn encode<F: Format>(call: &mut Call) -> Outcome {
    let data = match input(call)? {
        Ok(data) => data,
        Err(text) => return invalid(call, text),
    };
    let levels = F::LEVELS;
    let range = f64::from(*levels.start())..=f64::from(*levels.end());
    let Some(level) = whole(call, c"level", range, f64::from(F::DEFAULT)) else {
        let text = format!("level must be between {} and {}", levels.start(), levels.end());
        return call.fail(Error::invalid(text).retryable(false));
    };
    let dictionary = match dictionary::<F>(call) {
        Ok(dictionary) => dictionary,
        Err(text) => return invalid(call, text),
    };
    let level = level as i32;
    let quick = data.len() <= SMALL && level <= QUICK;
    let work = move || match F::encode(&data, level, &dictionary) {
        Ok(encoded) => Ok(Values::one(Value::String(encoded.into()))),
        Err(cause) => {
            let text = format!("{} encode failed: {cause}", F::NAME);
            Err(Error::internal(text).retryable(false))
        }
    };
    if quick { call.answer(work()) } else { call.elsewhere(work) }
}

/// `compress.format.decode(data[, options])`
fn decode<F: Format>(call: &mut Call) -> Outcome {
    let data = match input(call)? {
        Ok(data) => data,
        Err(text) => return invalid(call, text),
    };
    let dictionary = match dictionary::<F>(call) {
        Ok(dictionary) => dictionary,
        Err(text) => return invalid(call, text),
    };
    let limit = whole(call, c"max_size", 1.0..=TOP, MOST).unwrap_or(MOST) as usize;
    if data.len() <= SMALL {
        // A little that becomes much is begun again elsewhere.
        let brief = limit.min(BRIEF);
        match F::decode(&data, &dictionary, brief) {
            Err(Failure::TooLarge) if brief < limit => {}
            done => return call.answer(decoded::<F>(done)),
        }
    }
    call.elsewhere(move || decoded::<F>(F::decode(&data, &dictionary, limit)))
}

fn decoded<F: Format>(result: Result<Vec<u8>, Failure>) -> Result<Values, Error> {
    let error = match result {
        Ok(bytes) => return Ok(Values::one(Value::String(bytes.into()))),
        Err(Failure::TooLarge) => Error::internal("decompressed size exceeds limit"),
        Err(Failure::Broken(cause)) => {
            let text = format!("{} decode failed: {cause}", F::NAME);
            if F::NAME == Zstd::NAME { Error::internal(text) } else { Error::invalid(text) }
        }
    };
    Err(error.retryable(false))
}

/// The bytes to work on. Options that are no table raise.
fn input(call: &mut Call) -> Result<Result<Vec<u8>, &'static str>, crate::ffi::error::Raise> {
    if !call.is_string(1) {
        return Ok(Err("input must be a string"));
    }
    if !call.is_nil(2) && !call.is_table(2) {
        return Err(call.wrong(2, "table"));
    }
    let data = call.bytes(1)?;
    Ok(if data.is_empty() { Err("input is empty") } else { Ok(data) })
}

/// The option `name`, a whole number in this range; `None`: it is something else.
fn whole(call: &mut Call, name: &CStr, range: RangeInclusive<f64>, default: f64) -> Option<f64> {
    if !call.is_table(2) {
        return Some(default);
    }
    call.push_field(2, name);
    let number = if call.is_nil(-1) { Some(default) } else { call.number(-1).ok() };
    call.pop(1);
    number.filter(|number| number.fract() == 0.0 && range.contains(number))
}

/// The option `dict`, of formats that have dictionaries; empty: none.
fn dictionary<F: Format>(call: &mut Call) -> Result<Vec<u8>, &'static str> {
    if !F::DICTIONARY || !call.is_table(2) {
        return Ok(Vec::new());
    }
    call.push_field(2, c"dict");
    let given = !call.is_nil(-1);
    let bytes = if call.is_string(-1) { call.raw_bytes(-1).to_vec() } else { Vec::new() };
    call.pop(1);
    match given && bytes.is_empty() {
        true => Err("dict must be a non-empty string"),
        false => Ok(bytes),
    }
}

macro_rules! functions {
    ($($name:ident: $format:ty $(, $more:expr)*;)*) => {$(
        static $name: &[Function] = &[
            Function { name: c"encode", run: encode::<$format> },
            Function { name: c"decode", run: decode::<$format> },
            $($more,)*
        ];
    )*};
}

functions! {
    GZIP: Gzip;
    DEFLATE: Deflate;
    ZLIB: Zlib;
    BROTLI: Brotli;
    ZSTD: Zstd,
        Function { name: c"train_dict", run: dictionary::train },
        Function { name: c"inspect_dict", run: dictionary::inspect };
}

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("compress", &[], |module| {
        module.table(c"gzip", GZIP, |_| {});
        module.table(c"deflate", DEFLATE, |_| {});
        module.table(c"zlib", ZLIB, |_| {});
        module.table(c"brotli", BROTLI, |_| {});
        module.table(c"zstd", ZSTD, |_| {});
    });
}
