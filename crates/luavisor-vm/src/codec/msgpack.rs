//! MessagePack (MODULES 3): lists are arrays, all other tables maps; whole numbers are
//! integers; strings are `str` if they are UTF-8, else `bin`, and buffers `bin`.
//!
//! Extension types are refused. What the text says about lengths is not believed:
//! nothing is reserved before it was read.

use rmp::{Marker, encode};

use super::shape::Unclear;
use super::walk::{self, Writer};
use super::{BYTES, DEPTH, Fault, Sink, too_long};
use crate::ffi::view::View;

/// The MessagePack bytes of a value.
pub fn write(value: View<'_>) -> Result<Vec<u8>, Fault> {
    let mut writer = MsgPack { out: Vec::new() };
    walk::write(&mut writer, value)?;
    Ok(writer.out)
}

struct MsgPack {
    out: Vec<u8>,
}

// Writing to memory does not fail, so the results say nothing. Lengths fit into 32
// bits, because the walk ends before.
impl Writer for MsgPack {
    const NAME: &'static str = "MessagePack";
    const UNCLEAR: Unclear = Unclear::Map;

    fn size(&self) -> usize {
        self.out.len()
    }
    fn nil(&mut self) {
        let _ = encode::write_nil(&mut self.out);
    }
    fn boolean(&mut self, value: bool) {
        let _ = encode::write_bool(&mut self.out, value);
    }
    fn number(&mut self, value: f64) {
        const WHOLE: f64 = (1_u64 << 63) as f64;
        match value.fract() == 0.0 && value.abs() < WHOLE {
            true => drop(encode::write_sint(&mut self.out, value as i64)),
            false => drop(encode::write_f64(&mut self.out, value)),
        }
    }
    fn text(&mut self, value: &[u8]) {
        match std::str::from_utf8(value) {
            Ok(text) => drop(encode::write_str(&mut self.out, text)),
            Err(_) => self.bytes(value),
        }
    }
    fn bytes(&mut self, value: &[u8]) {
        let _ = encode::write_bin(&mut self.out, value);
    }
    fn open_list(&mut self, length: usize) {
        let _ = encode::write_array_len(&mut self.out, length as u32);
    }
    fn element(&mut self, _: usize) {}
    fn close_list(&mut self, _: usize) {}
    fn open_map(&mut self, length: usize) {
        let _ = encode::write_map_len(&mut self.out, length as u32);
    }
    fn key(&mut self, _: usize, key: View<'_>) {
        match key {
            View::Text(bytes) => self.text(bytes),
            View::Number(number) => self.number(number),
            View::Boolean(value) => self.boolean(value),
            // There are no others (see `shape`).
            _ => self.nil(),
        }
    }
    fn close_map(&mut self, _: usize) {}
}

/// Reads one value; nothing may follow it.
pub fn read(bytes: &[u8], sink: &mut impl Sink) -> Result<(), Fault> {
    if bytes.len() > BYTES {
        return Err(too_long());
    }
    let mut reader = Reader { bytes, at: 0 };
    reader.value(sink, 0)?;
    match reader.at == bytes.len() {
        true => Ok(()),
        false => Err(format!("bytes follow the value at byte {}", reader.at).into()),
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, length: usize) -> Result<&'a [u8], Fault> {
        let end = self.at.checked_add(length).filter(|end| *end <= self.bytes.len());
        let Some(end) = end else {
            return Err(format!("the value ends too early at byte {}", self.bytes.len()).into());
        };
        let taken = &self.bytes[self.at..end];
        self.at = end;
        Ok(taken)
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], Fault> {
        let mut fixed = [0; N];
        fixed.copy_from_slice(self.take(N)?);
        Ok(fixed)
    }

    fn length8(&mut self) -> Result<usize, Fault> {
        Ok(usize::from(u8::from_be_bytes(self.fixed()?)))
    }
    fn length16(&mut self) -> Result<usize, Fault> {
        Ok(usize::from(u16::from_be_bytes(self.fixed()?)))
    }
    fn length32(&mut self) -> Result<usize, Fault> {
        Ok(u32::from_be_bytes(self.fixed()?) as usize)
    }

    fn text(&mut self, sink: &mut impl Sink, length: usize) -> Result<(), Fault> {
        sink.text(self.take(length)?);
        Ok(())
    }

    fn value(&mut self, sink: &mut impl Sink, depth: usize) -> Result<(), Fault> {
        let start = self.at;
        let [byte] = self.fixed()?;
        match Marker::from_u8(byte) {
            Marker::Null => sink.nil(),
            Marker::False => sink.boolean(false),
            Marker::True => sink.boolean(true),
            Marker::FixPos(value) => sink.number(f64::from(value)),
            Marker::FixNeg(value) => sink.number(f64::from(value)),
            Marker::U8 => sink.number(f64::from(u8::from_be_bytes(self.fixed()?))),
            Marker::U16 => sink.number(f64::from(u16::from_be_bytes(self.fixed()?))),
            Marker::U32 => sink.number(f64::from(u32::from_be_bytes(self.fixed()?))),
            Marker::U64 => sink.number(u64::from_be_bytes(self.fixed()?) as f64),
            Marker::I8 => sink.number(f64::from(i8::from_be_bytes(self.fixed()?))),
            Marker::I16 => sink.number(f64::from(i16::from_be_bytes(self.fixed()?))),
            Marker::I32 => sink.number(f64::from(i32::from_be_bytes(self.fixed()?))),
            Marker::I64 => sink.number(i64::from_be_bytes(self.fixed()?) as f64),
            Marker::F32 => sink.number(f64::from(f32::from_be_bytes(self.fixed()?))),
            Marker::F64 => sink.number(f64::from_be_bytes(self.fixed()?)),
            Marker::FixStr(length) => return self.text(sink, usize::from(length)),
            Marker::Str8 | Marker::Bin8 => {
                let length = self.length8()?;
                return self.text(sink, length);
            }
            Marker::Str16 | Marker::Bin16 => {
                let length = self.length16()?;
                return self.text(sink, length);
            }
            Marker::Str32 | Marker::Bin32 => {
                let length = self.length32()?;
                return self.text(sink, length);
            }
            Marker::FixArray(length) => return self.list(sink, usize::from(length), depth),
            Marker::Array16 => {
                let length = self.length16()?;
                return self.list(sink, length, depth);
            }
            Marker::Array32 => {
                let length = self.length32()?;
                return self.list(sink, length, depth);
            }
            Marker::FixMap(length) => return self.map(sink, usize::from(length), depth),
            Marker::Map16 => {
                let length = self.length16()?;
                return self.map(sink, length, depth);
            }
            Marker::Map32 => {
                let length = self.length32()?;
                return self.map(sink, length, depth);
            }
            _ => return Err(format!("unsupported type at byte {start}").into()),
        }
        Ok(())
    }

    fn enter(&self, depth: usize) -> Result<(), Fault> {
        match depth < DEPTH {
            true => Ok(()),
            false => Err(format!("nesting deeper than {DEPTH} levels").into()),
        }
    }

    fn list(&mut self, sink: &mut impl Sink, length: usize, depth: usize) -> Result<(), Fault> {
        self.enter(depth)?;
        let mut open = sink.open_list();
        for _ in 0..length {
            self.value(sink, depth + 1)?;
            sink.element(&mut open);
        }
        sink.close(open);
        Ok(())
    }

    fn map(&mut self, sink: &mut impl Sink, length: usize, depth: usize) -> Result<(), Fault> {
        self.enter(depth)?;
        let mut open = sink.open_map();
        for _ in 0..length {
            self.key(sink)?;
            self.value(sink, depth + 1)?;
            sink.entry(&mut open);
        }
        sink.close(open);
        Ok(())
    }

    /// Lua has no keys that are nil or NaN, and tables as keys nobody would find.
    fn key(&mut self, sink: &mut impl Sink) -> Result<(), Fault> {
        let start = self.at;
        let refused = || format!("a key is no string, number or boolean at byte {start}").into();
        let marker = self.bytes.get(start).map(|byte| Marker::from_u8(*byte));
        let nan = match (marker, self.bytes.get(start + 1..)) {
            (Some(Marker::F32), Some([a, b, c, d, ..])) => {
                f32::from_be_bytes([*a, *b, *c, *d]).is_nan()
            }
            (Some(Marker::F64), Some(rest)) => {
                rest.first_chunk().is_some_and(|bytes| f64::from_be_bytes(*bytes).is_nan())
            }
            _ => false,
        };
        match marker {
            _ if nan => Err(refused()),
            Some(
                Marker::Null
                | Marker::FixArray(_)
                | Marker::Array16
                | Marker::Array32
                | Marker::FixMap(_)
                | Marker::Map16
                | Marker::Map32,
            ) => Err(refused()),
            _ => self.value(sink, 0),
        }
    }
}
