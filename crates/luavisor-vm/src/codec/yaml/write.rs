//! Writes YAML.

use super::scalar::{Plain, plain};
use crate::codec::shape::{Unclear, key_text};
use crate::codec::walk::{self, Writer};
use crate::codec::{Fault, json, number};
use crate::ffi::view::View;

/// The YAML text of a value.
pub fn write(value: View<'_>) -> Result<Vec<u8>, Fault> {
    let mut writer = Yaml { out: Vec::new(), depth: 0, place: Place::Line };
    walk::write(&mut writer, value)?;
    writer.end_line();
    Ok(writer.out)
}

/// Characters of a key that stands on one line with its colon (YAML 1.2.2, 7.4.2).
const LONGEST_KEY: usize = 1024;

/// Where the next value stands.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// at the start of a line
    Line,
    /// behind the dash of an element
    Dash,
    /// behind the colon of a key
    Colon,
}

struct Yaml {
    out: Vec<u8>,
    /// lists and maps around the next value
    depth: usize,
    place: Place,
}

impl Yaml {
    fn end_line(&mut self) {
        if self.out.last() != Some(&b'\n') {
            self.out.push(b'\n');
        }
    }

    /// Before a scalar or an empty list.
    fn behind(&mut self) {
        if self.place == Place::Colon {
            self.out.push(b' ');
        }
    }

    fn indent(&mut self) {
        self.out.resize(self.out.len() + 2 * (self.depth - 1), b' ');
    }

    /// Before an element or a key of the innermost list or map. The first one behind
    /// a dash stands on the same line.
    fn part(&mut self, at: usize) {
        if at == 0 && self.place == Place::Dash {
            return;
        }
        if !self.out.is_empty() {
            self.end_line();
        }
        self.indent();
    }

    fn scalar(&mut self, text: &[u8]) {
        self.behind();
        self.out.extend_from_slice(text);
    }

    fn quoted(&mut self, text: &[u8]) {
        match std::str::from_utf8(text) {
            Ok(text) if is_plain(text) => self.out.extend_from_slice(text.as_bytes()),
            _ => write_quoted(&mut self.out, text),
        }
    }
}

/// Strings of JSON are strings of YAML, but for characters that YAML does not show.
fn write_quoted(out: &mut Vec<u8>, text: &[u8]) {
    let mut quoted = Vec::new();
    json::write_text(&mut quoted, text);
    for c in String::from_utf8_lossy(&quoted).chars() {
        match c {
            '\u{7f}'..='\u{9f}'
            | '\u{2028}'
            | '\u{2029}'
            | '\u{feff}'
            | '\u{fffe}'
            | '\u{ffff}' => {
                out.extend_from_slice(format!("\\u{:04x}", u32::from(c)).as_bytes());
            }
            c => out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
}

/// Whether a text reads as itself without quotes. Words that older YAML takes for
/// booleans are quoted too.
fn is_plain(text: &str) -> bool {
    let inner =
        |c: char| c.is_alphanumeric() || matches!(c, '_' | '-' | '.' | '/' | ' ' | '@' | '+');
    let first = |c: char| c.is_alphabetic() || matches!(c, '_' | '/');
    let words = ["y", "n", "yes", "no", "on", "off"];
    text.starts_with(first)
        && text.chars().all(inner)
        && !text.ends_with(' ')
        && plain(text) == Plain::Text
        && !words.iter().any(|word| text.eq_ignore_ascii_case(word))
}

impl Writer for Yaml {
    const NAME: &'static str = "YAML";
    const UNCLEAR: Unclear = Unclear::Refused;

    fn size(&self) -> usize {
        self.out.len()
    }
    fn nil(&mut self) {
        self.scalar(b"null");
    }
    fn boolean(&mut self, value: bool) {
        self.scalar(if value { b"true".as_slice() } else { b"false" });
    }
    fn number(&mut self, value: f64) {
        self.behind();
        match value {
            value if value.is_nan() => self.out.extend_from_slice(b".nan"),
            f64::INFINITY => self.out.extend_from_slice(b".inf"),
            f64::NEG_INFINITY => self.out.extend_from_slice(b"-.inf"),
            value => number::write(&mut self.out, value),
        }
    }
    fn text(&mut self, value: &[u8]) {
        self.behind();
        self.quoted(value);
    }
    fn bytes(&mut self, _: &[u8]) {
        self.nil();
    }
    fn open_list(&mut self, length: usize) {
        if length == 0 {
            self.scalar(b"[]");
        }
        self.depth += 1;
    }
    fn element(&mut self, at: usize) {
        self.part(at);
        self.out.extend_from_slice(b"- ");
        self.place = Place::Dash;
    }
    fn close_list(&mut self, _: usize) {
        self.depth -= 1;
        self.place = Place::Line;
    }
    fn open_map(&mut self, _: usize) {
        self.depth += 1;
    }
    fn key(&mut self, at: usize, key: View<'_>) {
        self.part(at);
        let start = self.out.len();
        match key {
            // It reads as the same number.
            View::Number(number) if number.fract() == 0.0 => number::write(&mut self.out, number),
            key => self.quoted(&key_text(key)),
        }
        let written = &self.out[start..];
        if written.len() > LONGEST_KEY
            && String::from_utf8_lossy(written).chars().count() > LONGEST_KEY
        {
            self.out.splice(start..start, *b"? ");
            self.end_line();
            self.indent();
        }
        self.out.push(b':');
        self.place = Place::Colon;
    }
    fn close_map(&mut self, _: usize) {
        self.depth -= 1;
        self.place = Place::Line;
    }
}
