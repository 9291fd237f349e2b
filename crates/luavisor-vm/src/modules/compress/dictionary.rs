//! Dictionaries of zstd, made from samples.

use std::ops::RangeInclusive;

use luavisor_core::{Error, Value, Values};

use super::{MAGIC, Zstd, format::Format};
use crate::ffi::call::{Call, Outcome};
use crate::ffi::zdict;
use crate::modules::refusal::invalid;

/// Bytes of a dictionary.
const SIZES: RangeInclusive<f64> = 256.0..=1_048_576.0;
const DEFAULT_SIZE: f64 = 114_688.0;

/// What makes a sample worth having.
const SHORTEST: usize = 8;

/// `zstd.train_dict(samples[, options])`
pub fn train(call: &mut Call) -> Outcome {
    if !call.is_table(1) {
        return invalid(call, "samples must be a table");
    }
    let samples = match samples(call) {
        Ok(samples) => samples,
        Err(text) => return invalid(call, text),
    };
    let levels = Zstd::LEVELS;
    let levels = f64::from(*levels.start())..=f64::from(*levels.end());
    let options = [
        (c"size", SIZES, DEFAULT_SIZE, "size must be between 256 and 1048576"),
        (c"id", 0.0..=f64::from(u32::MAX), 0.0, "id must be between 0 and 4294967295"),
        (c"level", levels, f64::from(Zstd::DEFAULT), "level must be between 1 and 22"),
    ];
    let mut numbers = [0.0; 3];
    for (number, (name, range, default, text)) in numbers.iter_mut().zip(options) {
        match super::whole(call, name, range, default) {
            Some(value) => *number = value,
            None => return invalid(call, text),
        }
    }
    let (size, mut id) = (numbers[0] as usize, numbers[1] as u32);
    while id == 0 {
        id = call.kernel().random() as u32;
    }
    call.elsewhere(move || match make(&samples, size, id) {
        Ok(dictionary) => Ok(Values::one(Value::String(dictionary.into()))),
        Err(cause) => {
            let text = format!("zstd dict training failed: {cause}");
            Err(Error::internal(text).retryable(false))
        }
    })
}

fn samples(call: &mut Call) -> Result<Vec<Vec<u8>>, &'static str> {
    let count = call.length(1);
    if count == 0 {
        return Err("samples must not be empty");
    }
    let mut samples = Vec::with_capacity(count);
    for n in 1..=count {
        call.push_element(1, n as i32);
        let sample = call.is_string(-1).then(|| call.raw_bytes(-1).to_vec());
        call.pop(1);
        let sample = sample.filter(|sample| !sample.is_empty());
        samples.push(sample.ok_or("samples must be non-empty strings")?);
    }
    match samples.iter().any(|sample| sample.len() >= SHORTEST) {
        true => Ok(samples),
        false => Err("at least one sample must have 8 bytes or more"),
    }
}

/// The trainer wants many more bytes than the dictionary will have; with fewer a smaller
/// dictionary is tried.
fn make(samples: &[Vec<u8>], size: usize, id: u32) -> Result<Vec<u8>, String> {
    let mut size = size;
    loop {
        match zstd::dict::from_samples(samples, size) {
            Ok(mut dictionary) if dictionary.len() >= 8 => {
                dictionary[4..8].copy_from_slice(&id.to_le_bytes());
                return Ok(dictionary);
            }
            Ok(_) => return Err("the samples have too little in common".to_owned()),
            Err(cause) if size == *SIZES.start() as usize => return Err(cause.to_string()),
            Err(_) => size = (size / 2).max(*SIZES.start() as usize),
        }
    }
}

/// `zstd.inspect_dict(bytes)`
pub fn inspect(call: &mut Call) -> Outcome {
    if !call.is_string(1) {
        return invalid(call, "invalid dictionary");
    }
    let bytes = call.bytes(1)?;
    let id = match bytes.split_first_chunk::<4>() {
        Some((&MAGIC, rest)) => rest.first_chunk().map(|id| u32::from_le_bytes(*id)),
        _ => None,
    };
    let (Some(id), Some(header)) = (id, zdict::header_size(&bytes)) else {
        return invalid(call, "invalid dictionary");
    };
    call.push_table(0, 2);
    call.push_number(f64::from(id));
    call.set_field(c"id");
    call.push_number((bytes.len() - header) as f64);
    call.set_field(c"content_size");
    call.results(1)
}
