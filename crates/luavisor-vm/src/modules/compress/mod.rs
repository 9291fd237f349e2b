//! `compress`: five formats (MODULES 17).
//!
//! What is decoded is counted while it is: a bomb ends at the limit. More than a little
//! is worked on away from the workers.

mod zstandard;

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::{DeflateDecoder, MultiGzDecoder, ZlibDecoder};
use flate2::write::{DeflateEncoder, GzEncoder, ZlibEncoder};
use luavisor_core::{Error, Value, Values};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;

/// Bytes that are decoded by default, and at most.
const USUAL: u64 = 128 << 20;
const MOST: u64 = 1 << 30;

/// A format.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Format {
    Gzip,
    Deflate,
    Zlib,
    Brotli,
    Zstd,
}

impl Format {
    fn name(self) -> &'static str {
        match self {
            Format::Gzip => "gzip",
            Format::Deflate => "deflate",
            Format::Zlib => "zlib",
            Format::Brotli => "brotli",
            Format::Zstd => "zstd",
        }
    }

    /// The levels that there are, and the usual one.
    fn levels(self) -> (i64, i64, i64) {
        match self {
            Format::Gzip | Format::Deflate | Format::Zlib => (1, 9, 6),
            Format::Brotli => (0, 11, 6),
            Format::Zstd => (1, 22, 3),
        }
    }

    fn encode(self, data: &[u8], level: i64, dict: &[u8]) -> std::io::Result<Vec<u8>> {
        let rate = Compression::new(level as u32);
        match self {
            Format::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), rate);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Format::Deflate => {
                let mut encoder = DeflateEncoder::new(Vec::new(), rate);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Format::Zlib => {
                let mut encoder = ZlibEncoder::new(Vec::new(), rate);
                encoder.write_all(data)?;
                encoder.finish()
            }
            Format::Brotli => {
                let mut encoded = Vec::new();
                let quality = level as u32;
                let mut encoder = brotli::CompressorWriter::new(&mut encoded, 4096, quality, 22);
                encoder.write_all(data)?;
                encoder.flush()?;
                drop(encoder);
                Ok(encoded)
            }
            Format::Zstd => zstandard::encode(data, level as i32, dict),
        }
    }

    /// `None`: it is longer than the limit.
    fn decode(self, data: &[u8], limit: u64, dict: &[u8]) -> std::io::Result<Option<Vec<u8>>> {
        match self {
            Format::Gzip => bounded(MultiGzDecoder::new(data), limit),
            Format::Deflate => bounded(DeflateDecoder::new(data), limit),
            Format::Zlib => bounded(ZlibDecoder::new(data), limit),
            Format::Brotli => bounded(brotli::Decompressor::new(data, 4096), limit),
            Format::Zstd => bounded(zstandard::decoder(data, dict)?, limit),
        }
    }
}

/// Reads all, if it is not longer than the limit.
fn bounded(reader: impl Read, limit: u64) -> std::io::Result<Option<Vec<u8>>> {
    let mut decoded = Vec::new();
    reader.take(limit + 1).read_to_end(&mut decoded)?;
    Ok((decoded.len() as u64 <= limit).then_some(decoded))
}

pub(super) fn bytes(bytes: Vec<u8>) -> Values {
    Values::one(Value::String(bytes.into()))
}

/// A whole number among the options at `index`.
pub(super) fn number(
    call: &mut Call,
    index: i32,
    name: &'static std::ffi::CStr,
) -> Result<Option<i64>, Raise> {
    if call.is_nil(index) {
        return Ok(None);
    }
    if !call.is_table(index) {
        return Err(call.wrong(index, "table"));
    }
    call.push_field(index, name);
    let at = call.count();
    let value = if call.is_nil(at) { None } else { Some(call.integer(at)?) };
    call.pop(1);
    Ok(value)
}

/// The dictionary among the options at 2; an error text if it is none.
fn dictionary(call: &mut Call, format: Format) -> Result<Vec<u8>, &'static str> {
    if format != Format::Zstd || !call.is_table(2) {
        return Ok(Vec::new());
    }
    call.push_field(2, c"dict");
    let at = call.count();
    let dict = match (call.is_nil(at), call.is_string(at)) {
        (true, _) => Ok(Vec::new()),
        (_, true) if !call.raw_bytes(at).is_empty() => Ok(call.raw_bytes(at).to_vec()),
        _ => Err("dict must be a non-empty string"),
    };
    call.pop(1);
    dict
}

/// The input at 1; an error text if it is none.
fn input(call: &Call) -> Result<Vec<u8>, &'static str> {
    match call.is_string(1) {
        false => Err("input must be a string"),
        true if call.raw_bytes(1).is_empty() => Err("input is empty"),
        true => Ok(call.raw_bytes(1).to_vec()),
    }
}

fn encode(call: &mut Call, format: Format) -> Outcome {
    let data = match input(call) {
        Ok(data) => data,
        Err(text) => return invalid(call, text),
    };
    let (least, most, usual) = format.levels();
    let level = number(call, 2, c"level")?.unwrap_or(usual);
    if !(least..=most).contains(&level) {
        let error = Error::invalid(format!("level must be between {least} and {most}"));
        return call.fail(error.retryable(false));
    }
    let dict = match dictionary(call, format) {
        Ok(dict) => dict,
        Err(text) => return invalid(call, text),
    };
    // High levels take long.
    let effort = data.len().saturating_mul(1 + level as usize / 4);
    call.compute(effort, move || {
        let encoded = format.encode(&data, level, &dict);
        let failed = |error| {
            Error::internal(format!("{} encode failed: {error}", format.name())).retryable(false)
        };
        encoded.map(bytes).map_err(failed)
    })
}

fn decode(call: &mut Call, format: Format) -> Outcome {
    let data = match input(call) {
        Ok(data) => data,
        Err(text) => return invalid(call, text),
    };
    let limit = number(call, 2, c"max_size")?.and_then(|limit| u64::try_from(limit).ok());
    let limit = limit.filter(|limit| (1..=MOST).contains(limit)).unwrap_or(USUAL);
    let dict = match dictionary(call, format) {
        Ok(dict) => dict,
        Err(text) => return invalid(call, text),
    };
    // A little may become much.
    let effort = data.len().saturating_mul(64);
    call.compute(effort, move || match format.decode(&data, limit, &dict) {
        Ok(Some(decoded)) => Ok(bytes(decoded)),
        Ok(None) => Err(Error::internal("decompressed size exceeds limit").retryable(false)),
        Err(error) => {
            let text = format!("{} decode failed: {error}", format.name());
            let error = match format {
                Format::Zstd => Error::internal(text),
                _ => Error::invalid(text),
            };
            Err(error.retryable(false))
        }
    })
}

macro_rules! formats {
    ($($format:ident $encode:ident $decode:ident $table:ident)*) => {
        $(
            fn $encode(call: &mut Call) -> Outcome {
                encode(call, Format::$format)
            }
            fn $decode(call: &mut Call) -> Outcome {
                decode(call, Format::$format)
            }
            static $table: &[Function] = &[
                Function { name: c"encode", run: $encode },
                Function { name: c"decode", run: $decode },
            ];
        )*
    };
}

formats! {
    Gzip encode_gzip decode_gzip GZIP
    Deflate encode_deflate decode_deflate DEFLATE
    Zlib encode_zlib decode_zlib ZLIB
    Brotli encode_brotli decode_brotli BROTLI
    Zstd encode_zstd decode_zstd ZSTD
}

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("compress", &[], |module| {
        module.table(c"gzip", GZIP, |_| {});
        module.table(c"deflate", DEFLATE, |_| {});
        module.table(c"zlib", ZLIB, |_| {});
        module.table(c"brotli", BROTLI, |_| {});
        module.table(c"zstd", ZSTD, |table| table.functions(zstandard::FUNCTIONS));
    });
}
