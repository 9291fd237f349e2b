//! Zstandard (RFC 8878) with dictionaries.

use std::io::Read;

use luavisor_core::{Error, Values};

use super::super::refusal::invalid;
use super::{bytes, number};
use crate::ffi::call::{Call, Function, Outcome};

/// What a dictionary begins with; its id follows in four bytes, little-endian.
const MAGIC: [u8; 4] = [0x37, 0xa4, 0x30, 0xec];
/// Sizes of a dictionary.
const SMALLEST: i64 = 256;
const LARGEST: i64 = 1 << 20;
const USUAL: i64 = 112_640 + 2048;

pub fn encode(data: &[u8], level: i32, dict: &[u8]) -> std::io::Result<Vec<u8>> {
    let mut compressor = match dict.is_empty() {
        true => zstd::bulk::Compressor::new(level)?,
        false => zstd::bulk::Compressor::with_dictionary(level, dict)?,
    };
    compressor.compress(data)
}

pub fn decoder<'a>(data: &'a [u8], dict: &[u8]) -> std::io::Result<Box<dyn Read + 'a>> {
    Ok(match dict.is_empty() {
        true => Box::new(zstd::stream::read::Decoder::with_buffer(data)?),
        false => Box::new(zstd::stream::read::Decoder::with_dictionary(data, dict)?),
    })
}

/// `zstd.train_dict(samples, options?)`
fn train(call: &mut Call) -> Outcome {
    if !call.is_table(1) {
        return invalid(call, "samples must be a table");
    }
    let mut samples: Vec<Vec<u8>> = Vec::new();
    for n in 1..=call.length(1) {
        call.push_element(1, n as i32);
        let at = call.count();
        let sample = call.is_string(at).then(|| call.raw_bytes(at).to_vec());
        call.pop(1);
        match sample.filter(|sample| !sample.is_empty()) {
            Some(sample) => samples.push(sample),
            None => return invalid(call, "samples must be non-empty strings"),
        }
    }
    if samples.is_empty() {
        return invalid(call, "samples must not be empty");
    }
    if samples.iter().all(|sample| sample.len() < 8) {
        return invalid(call, "a sample of at least 8 bytes is needed");
    }
    let size = number(call, 2, c"size")?.unwrap_or(USUAL);
    if !(SMALLEST..=LARGEST).contains(&size) {
        return invalid(call, "size must be between 256 and 1048576");
    }
    let id = number(call, 2, c"id")?.unwrap_or(0);
    let Ok(mut id) = u32::try_from(id) else {
        return invalid(call, "id must be between 0 and 4294967295");
    };
    while id == 0 {
        id = call.kernel().random() as u32;
    }
    call.compute(usize::MAX, move || train_with(&samples, size as usize, id))
}

/// A corpus that is too small for a size is tried with smaller ones.
fn train_with(samples: &[Vec<u8>], size: usize, id: u32) -> Result<Values, Error> {
    let mut size = size;
    loop {
        match zstd::dict::from_samples(samples, size) {
            Ok(mut dict) if dict.len() > 8 => {
                dict[4..8].copy_from_slice(&id.to_le_bytes());
                return Ok(bytes(dict));
            }
            _ if size / 2 >= SMALLEST as usize => size /= 2,
            failed => {
                let cause = failed.err().map_or_else(String::new, |error| error.to_string());
                let text = format!("zstd dict training failed: {cause}");
                return Err(Error::internal(text).retryable(false));
            }
        }
    }
}

/// `zstd.inspect_dict(bytes)`
fn inspect(call: &mut Call) -> Outcome {
    let dict = call.bytes(1)?;
    let id = match dict.get(..8) {
        Some([magic @ .., a, b, c, d]) if magic == MAGIC => u32::from_le_bytes([*a, *b, *c, *d]),
        _ => return invalid(call, "invalid dictionary"),
    };
    call.push_table(0, 2);
    call.push_number(id.into());
    call.set_field(c"id");
    call.push_number(dict.len() as f64);
    call.set_field(c"content_size");
    call.results(1)
}

/// What `compress.zstd` has besides.
pub static FUNCTIONS: &[Function] = &[
    Function { name: c"train_dict", run: train },
    Function { name: c"inspect_dict", run: inspect },
];
