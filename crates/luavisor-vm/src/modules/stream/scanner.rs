//! Scanner objects: what is read, piece by piece (MODULES 23).
//!
//! The splitting itself is [`Splitter`], which knows nothing of Lua and files. A piece that
//! has been read already is given at once; for more the task waits.

use std::ops::Range;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use luavisor_core::{Error, Values};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Bytes that are read at once, and of the longest piece.
const CHUNK: usize = 64 << 10;

/// Where a scanner reads from. Blocks.
pub trait Source: Send + Sync {
    /// At most so many bytes; none at the end.
    fn read(&self, most: usize) -> Result<Vec<u8>, Error>;
}

/// What pieces are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Split {
    Lines,
    Words,
    Bytes,
    Runes,
}

/// What has been read and not given.
struct Splitter {
    split: Split,
    buffer: Vec<u8>,
    /// what was given lies before it
    at: usize,
    ended: bool,
}

/// What there is to give.
#[derive(Debug, PartialEq, Eq)]
enum Next {
    Piece(Vec<u8>),
    /// more must be read
    More,
    End,
    TooLong,
}

impl Splitter {
    fn new(split: Split) -> Splitter {
        Splitter { split, buffer: Vec::new(), at: 0, ended: false }
    }

    /// Takes what was read; nothing is the end.
    fn fill(&mut self, bytes: &[u8]) {
        self.buffer.drain(..self.at);
        self.at = 0;
        self.ended |= bytes.is_empty();
        self.buffer.extend_from_slice(bytes);
    }

    fn next(&mut self) -> Next {
        let rest = &self.buffer[self.at..];
        let found = match self.split {
            Split::Lines => line(rest, self.ended),
            Split::Words => word(rest, self.ended),
            Split::Bytes => (!rest.is_empty()).then_some((0..1, 1)),
            Split::Runes => return self.rune(),
        };
        match found {
            Some((piece, _)) if piece.len() > CHUNK => Next::TooLong,
            Some((piece, length)) => {
                let piece = rest[piece].to_vec();
                self.at += length;
                Next::Piece(piece)
            }
            None if self.ended => Next::End,
            None if rest.len() > CHUNK && !rest.trim_ascii_start().is_empty() => Next::TooLong,
            None => Next::More,
        }
    }

    /// One character; a byte that begins none is U+FFFD.
    fn rune(&mut self) -> Next {
        let rest = &self.buffer[self.at..];
        let Some(first) = rest.first() else {
            return if self.ended { Next::End } else { Next::More };
        };
        let length = match first {
            0..=0x7f => 1,
            0xc2..=0xdf => 2,
            0xe0..=0xef => 3,
            0xf0..=0xf4 => 4,
            _ => 1,
        };
        if rest.len() < length && !self.ended {
            return Next::More;
        }
        let whole = rest.get(..length).filter(|bytes| std::str::from_utf8(bytes).is_ok());
        let piece = whole.unwrap_or("\u{fffd}".as_bytes()).to_vec();
        self.at += whole.map_or(1, <[u8]>::len);
        Next::Piece(piece)
    }
}

/// The first line, without its end, and the bytes that it takes.
fn line(rest: &[u8], ended: bool) -> Option<(Range<usize>, usize)> {
    let (end, length) = match rest.iter().position(|byte| *byte == b'\n') {
        Some(end) => (end, end + 1),
        None if ended && !rest.is_empty() => (rest.len(), rest.len()),
        None => return None,
    };
    let end = if rest[..end].ends_with(b"\r") { end - 1 } else { end };
    Some((0..end, length))
}

/// The first word, and the bytes up to its end.
fn word(rest: &[u8], ended: bool) -> Option<(Range<usize>, usize)> {
    let start = rest.iter().position(|byte| !byte.is_ascii_whitespace())?;
    let end = rest[start..].iter().position(u8::is_ascii_whitespace);
    match end {
        Some(length) => Some((start..start + length, start + length)),
        None if ended => Some((start..rest.len(), rest.len())),
        None => None,
    }
}

/// Content of a Scanner object.
struct Scanner {
    source: Arc<dyn Source>,
    /// held while more is read
    state: Mutex<State>,
    /// held for a moment only
    shown: Mutex<Shown>,
}

struct State {
    splitter: Splitter,
    done: bool,
}

/// What the last `scan` came to.
#[derive(Default)]
struct Shown {
    piece: Vec<u8>,
    error: Option<String>,
}

impl Scanner {
    fn show(&self, piece: Vec<u8>, error: Option<String>) {
        *self.shown() = Shown { piece, error };
    }

    fn shown(&self) -> MutexGuard<'_, Shown> {
        self.shown.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The next piece, if it needs no reading: whether there is one.
    fn step(&self, state: &mut State) -> Option<bool> {
        if state.done {
            return Some(false);
        }
        let error = match state.splitter.next() {
            Next::More => return None,
            Next::Piece(piece) => {
                self.show(piece, None);
                return Some(true);
            }
            Next::TooLong => Some("token too long".to_owned()),
            Next::End => None,
        };
        state.done = true;
        self.show(Vec::new(), error);
        Some(false)
    }

    fn scan(&self) -> bool {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if let Some(found) = self.step(&mut state) {
                return found;
            }
            match self.source.read(CHUNK) {
                Ok(bytes) => state.splitter.fill(&bytes),
                Err(error) => {
                    state.done = true;
                    self.show(Vec::new(), Some(error.message.to_string()));
                    return false;
                }
            }
        }
    }
}

/// Pushes a scanner of this source; the way of splitting is at `index`.
pub fn push(call: &mut Call, source: Arc<dyn Source>, index: i32) -> Outcome {
    let split = match call.optional_string(index)?.as_deref() {
        None | Some("lines") => Split::Lines,
        Some("words") => Split::Words,
        Some("bytes") => Split::Bytes,
        Some("runes") => Split::Runes,
        Some(_) => {
            let text = "invalid split type: must be 'lines', 'words', 'bytes', or 'runes'";
            return call.fail(Error::invalid(text).retryable(false));
        }
    };
    let state = Mutex::new(State { splitter: Splitter::new(split), done: false });
    let scanner = Arc::new(Scanner { source, state, shown: Mutex::default() });
    call.push_data(tags::SCANNER, scanner);
    call.results(1)
}

fn this(call: &Call) -> Result<Arc<Scanner>, Raise> {
    let scanner = call.object::<Arc<Scanner>>(1, tags::SCANNER);
    scanner.map(|scanner| scanner.clone()).ok_or_else(|| call.wrong(1, "Scanner"))
}

/// `scanner:scan()`
fn scan(call: &mut Call) -> Outcome {
    let scanner = this(call)?;
    // What another task reads for is not waited for here.
    let ready = scanner.state.try_lock().ok().and_then(|mut state| scanner.step(&mut state));
    match ready {
        Some(found) => {
            call.push_boolean(found);
            call.results(1)
        }
        None => call.elsewhere(move || Ok(Values::one(scanner.scan()))),
    }
}

/// `scanner:text()`
fn text(call: &mut Call) -> Outcome {
    let scanner = this(call)?;
    let piece = scanner.shown().piece.clone();
    call.push_bytes(&piece);
    call.results(1)
}

/// `scanner:err()`
fn failure(call: &mut Call) -> Outcome {
    let scanner = this(call)?;
    let error = scanner.shown().error.clone();
    match error {
        Some(error) => call.push_str(&error),
        None => call.push_nil(),
    }
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"scan", run: scan },
    Function { name: c"text", run: text },
    Function { name: c"err", run: failure },
];

/// Installs the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Arc<Scanner>>(tags::SCANNER, "stream.Scanner", METHODS);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All pieces of a text that comes in parts of so many bytes.
    fn pieces(split: Split, text: &[u8], part: usize) -> Vec<String> {
        let mut splitter = Splitter::new(split);
        let mut parts = text.chunks(part);
        let mut found = Vec::new();
        loop {
            match splitter.next() {
                Next::Piece(piece) => found.push(String::from_utf8(piece).unwrap()),
                Next::More => splitter.fill(parts.next().unwrap_or_default()),
                Next::End => return found,
                Next::TooLong => panic!("too long"),
            }
        }
    }

    #[test]
    fn texts_are_split_whatever_parts_they_come_in() {
        for part in 1..20 {
            let text = "tea\r\n\nmilk \u{fc} \n  and\tsugar".as_bytes();
            assert_eq!(pieces(Split::Lines, text, part), ["tea", "", "milk ü ", "  and\tsugar"]);
            assert_eq!(pieces(Split::Words, text, part), ["tea", "milk", "ü", "and", "sugar"]);
            assert_eq!(pieces(Split::Bytes, b"abc", part), ["a", "b", "c"]);
            let bad = b"a\xff\xe2\x82\xacz\xe2\x82";
            assert_eq!(
                pieces(Split::Runes, bad, part),
                ["a", "\u{fffd}", "\u{20ac}", "z", "\u{fffd}", "\u{fffd}"]
            );
        }
        assert!(pieces(Split::Lines, b"", 1).is_empty());
        assert!(pieces(Split::Words, b"  \n ", 1).is_empty());
    }

    #[test]
    fn a_piece_has_a_longest_length() {
        for split in [Split::Lines, Split::Words] {
            let mut splitter = Splitter::new(split);
            splitter.fill(&vec![b'x'; CHUNK]);
            splitter.fill(b"\n");
            assert_eq!(splitter.next(), Next::Piece(vec![b'x'; CHUNK]));
            let mut splitter = Splitter::new(split);
            splitter.fill(&vec![b'x'; CHUNK]);
            assert_eq!(splitter.next(), Next::More);
            splitter.fill(b"xx");
            assert_eq!(splitter.next(), Next::TooLong);
        }
    }
}
