//! The formats of `compress`: bytes to bytes, without Lua.
//!
//! Decoding counts what comes out and stops at the limit, however little went in.

use std::io::{self, Read, Write};
use std::ops::RangeInclusive;

/// Why bytes could not be decoded.
#[derive(Debug)]
pub enum Failure {
    /// more than the limit would have come out
    TooLarge,
    /// they are not of this format
    Broken(String),
}

/// One format.
pub trait Format: 'static {
    /// as in `compress.name`
    const NAME: &'static str;
    /// what may be asked for
    const LEVELS: RangeInclusive<i32>;
    /// what is meant without a level
    const DEFAULT: i32;
    /// whether it knows dictionaries
    const DICTIONARY: bool = false;

    /// Compresses; an empty dictionary is none.
    fn encode(data: &[u8], level: i32, dictionary: &[u8]) -> io::Result<Vec<u8>>;
    /// A reader of what `data` holds.
    fn reader<'a>(data: &'a [u8], dictionary: &[u8]) -> io::Result<Box<dyn Read + 'a>>;

    /// Decompresses, at most `limit` bytes.
    fn decode(data: &[u8], dictionary: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
        let broken = |cause: io::Error| Failure::Broken(cause.to_string());
        let reader = Self::reader(data, dictionary).map_err(broken)?;
        let mut decoded = Vec::new();
        // One byte more tells whether there is more.
        reader.take(limit as u64 + 1).read_to_end(&mut decoded).map_err(broken)?;
        if decoded.len() > limit { Err(Failure::TooLarge) } else { Ok(decoded) }
    }
}

/// RFC 1952; members one after the other are one text.
pub struct Gzip;
/// RFC 1951, without any frame.
pub struct Deflate;
/// RFC 1950.
pub struct Zlib;
/// RFC 7932.
pub struct Brotli;
/// RFC 8878.
pub struct Zstd;

fn flate(level: i32) -> flate2::Compression {
    flate2::Compression::new(level.unsigned_abs())
}

impl Format for Gzip {
    const NAME: &'static str = "gzip";
    const LEVELS: RangeInclusive<i32> = 1..=9;
    const DEFAULT: i32 = 6;

    fn encode(data: &[u8], level: i32, _: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate(level));
        encoder.write_all(data)?;
        encoder.finish()
    }
    fn reader<'a>(data: &'a [u8], _: &[u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(flate2::bufread::MultiGzDecoder::new(data)))
    }
}

impl Format for Deflate {
    const NAME: &'static str = "deflate";
    const LEVELS: RangeInclusive<i32> = 1..=9;
    const DEFAULT: i32 = 6;

    fn encode(data: &[u8], level: i32, _: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = flate2::write::DeflateEncoder::new(Vec::new(), flate(level));
        encoder.write_all(data)?;
        encoder.finish()
    }
    fn reader<'a>(data: &'a [u8], _: &[u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(flate2::bufread::DeflateDecoder::new(data)))
    }
}

impl Format for Zlib {
    const NAME: &'static str = "zlib";
    const LEVELS: RangeInclusive<i32> = 1..=9;
    const DEFAULT: i32 = 6;

    fn encode(data: &[u8], level: i32, _: &[u8]) -> io::Result<Vec<u8>> {
        let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate(level));
        encoder.write_all(data)?;
        encoder.finish()
    }
    fn reader<'a>(data: &'a [u8], _: &[u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(flate2::bufread::ZlibDecoder::new(data)))
    }
}

impl Format for Brotli {
    const NAME: &'static str = "brotli";
    const LEVELS: RangeInclusive<i32> = 0..=11;
    const DEFAULT: i32 = 6;

    fn encode(data: &[u8], level: i32, _: &[u8]) -> io::Result<Vec<u8>> {
        let parameters = brotli::enc::BrotliEncoderParams { quality: level, ..Default::default() };
        let mut encoded = Vec::new();
        brotli::BrotliCompress(&mut &*data, &mut encoded, &parameters)?;
        Ok(encoded)
    }
    fn reader<'a>(data: &'a [u8], _: &[u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(brotli::Decompressor::new(data, 4096)))
    }
}

impl Format for Zstd {
    const NAME: &'static str = "zstd";
    const LEVELS: RangeInclusive<i32> = 1..=22;
    const DEFAULT: i32 = 3;
    const DICTIONARY: bool = true;

    fn encode(data: &[u8], level: i32, dictionary: &[u8]) -> io::Result<Vec<u8>> {
        zstd::bulk::Compressor::with_dictionary(level, dictionary)?.compress(data)
    }
    fn reader<'a>(data: &'a [u8], dictionary: &[u8]) -> io::Result<Box<dyn Read + 'a>> {
        Ok(Box::new(zstd::stream::read::Decoder::with_dictionary(data, dictionary)?))
    }
}
