//! Source to bytecode: the one place in the load path where text becomes code.
//!
//! 1. The typed dialect is translated to Luau (`luavisor-dialect`); a source that
//!    does not use it stays as it is.
//! 2. Luau's compiler makes bytecode, which does not name the chunk yet.
//!
//! Errors speak of the text as it was written.

use crate::ffi::compile as luau;

/// Why a chunk does not compile.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompileError {
    /// line, from 1
    pub line: u32,
    /// column in characters, from 1, if it is known
    pub column: Option<u32>,
    /// what is wrong
    pub message: String,
}

impl std::fmt::Display for CompileError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.line, self.message)
    }
}

impl std::error::Error for CompileError {}

/// What becomes of calls of short local functions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Calls {
    /// They may be inlined: fast, but then tracebacks lack their callers.
    Inlined,
    /// Each has a frame of its own.
    Kept,
}

/// Compiles a source for speed.
///
/// # Errors
/// The first syntax error.
pub fn compile(source: &[u8]) -> Result<Box<[u8]>, CompileError> {
    compile_with(source, Calls::Inlined)
}

/// Compiles a source.
///
/// # Errors
/// The first syntax error.
pub fn compile_with(source: &[u8], calls: Calls) -> Result<Box<[u8]>, CompileError> {
    let translated = luavisor_dialect::translate(source).map_err(|error| CompileError {
        line: error.line,
        column: Some(error.column),
        message: error.message,
    })?;
    let bytecode = luau::compile(&translated.text, calls).map_err(|error| {
        let original = |column| translated.original_column(error.line, column);
        let column = column(source, error.line, &error.message);
        CompileError { message: with_columns(&error.message, original), column, ..error }
    })?;
    match translated.unread {
        None => Ok(bytecode),
        Some(line) => {
            let message = "this nests too deeply for types to be values in the same text";
            Err(CompileError { line, column: None, message: message.to_owned() })
        }
    }
}

/// Luau names columns only in words, as in `(to close '(' at column 5)`.
fn with_columns(message: &str, original: impl Fn(u32) -> u32) -> String {
    const WORDS: &str = "at column ";
    let Some((before, rest)) = message.split_once(WORDS) else { return message.to_owned() };
    let end = rest.find(|c: char| !c.is_ascii_digit()).unwrap_or(rest.len());
    match rest[..end].parse() {
        Ok(column) => format!("{before}{WORDS}{}{}", original(column), &rest[end..]),
        Err(_) => message.to_owned(),
    }
}

/// Where on its line an error is, in characters. Luau tells only the line and the token
/// that it met: if the line has that token once, that is the place. In doubt there is none.
fn column(source: &[u8], line: u32, message: &str) -> Option<u32> {
    let line = source.split(|byte| *byte == b'\n').nth(line.checked_sub(1)? as usize)?;
    let line = std::str::from_utf8(line).ok()?;
    let at = if message.starts_with("Malformed string") {
        unfinished_string(line)?
    } else {
        let named = message.rsplit_once("got '").or_else(|| message.split_once("Unexpected '"));
        only_place(line, named?.1.split_once('\'')?.0)?
    };
    u32::try_from(line[..at].chars().count() + 1).ok()
}

/// Where a line has a token, if it has it once.
fn only_place(line: &str, token: &str) -> Option<usize> {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    let whole = |at: &usize| {
        let (before, after) = (&line[..*at], &line[at + token.len()..]);
        !token.starts_with(is_word) || (!before.ends_with(is_word) && !after.starts_with(is_word))
    };
    let mut places = line.match_indices(token).map(|(at, _)| at).filter(whole);
    let place = places.next().filter(|_| !token.is_empty())?;
    places.next().is_none().then_some(place)
}

/// Where the string begins that does not end on its line.
fn unfinished_string(line: &str) -> Option<usize> {
    // A text of several lines may end here, and have had any quotes.
    if line.contains("]]") || line.contains("]=") {
        return None;
    }
    let mut open = None;
    let mut bytes = line.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (open, byte) {
            (None, b'"' | b'\'') => open = Some((at, byte)),
            (Some((_, quote)), _) if byte == quote => open = None,
            (Some(_), b'\\') => drop(bytes.next()),
            _ => {}
        }
    }
    open.map(|(at, _)| at)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_error_has_a_column_where_its_token_stands_once() {
        for (source, place) in [
            ("local a = 1\nlocal a = \"é\" then", Some(15)),
            ("return { x = 1, local y }", Some(17)),
            ("local endless = 1 end", Some(19)),
            ("x = = 1", None),
            ("x = a != b", Some(7)),
            ("if x then", None),
            ("local a = 'it\\'s' .. \"open", Some(22)),
            ("local a = [[don't]] .. \"open", None),
        ] {
            let error = compile(source.as_bytes()).unwrap_err();
            assert_eq!(error.column, place, "{source}: {error}");
        }
    }
}
