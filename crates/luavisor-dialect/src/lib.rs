//! The typed dialect of Lua, translated to Luau.
//!
//! The dialect adds to Luau's grammar what existing programs use: more ways to
//! write types, validators, `as`, a postfix `!`, `goto` to the end of a loop, and
//! types as values. [`translate`] is all of it: text to text, pure, linear in time
//! and bounded in depth, whatever the text. Lines never move; where something
//! becomes longer, [`Translated::original_column`] leads back.
//!
//! A text that uses nothing of this comes back as it is, byte for byte.
//!
//! ```
//! use luavisor_dialect::translate;
//!
//! let plain = translate(b"local x: number = 1").unwrap();
//! assert_eq!(&*plain.text, b"local x: number = 1");
//! let typed = translate(b"local x: number[] = y as T").unwrap();
//! assert_eq!(&*typed.text, b"local x           = y ::_ ");
//! ```
//!
//! What a type is as a value is in [`types`].

mod edit;
mod emit;
mod lexer;
mod literal;
mod parse;
mod scope;
mod syntax;
pub mod types;

use std::borrow::Cow;

/// Largest text that is read; places are counted in 32 bits.
const LARGEST: usize = 256 << 20;

/// A text that Luau can read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Translated<'a> {
    /// the text; borrowed if nothing had to be changed
    pub text: Cow<'a, [u8]>,
    /// line, from 1, of something that is not understood, for which types that are
    /// used as values have none. Luau's compiler will reject the text; if it does not,
    /// the text cannot be run as it is meant
    pub unread: Option<u32>,
    columns: edit::Columns,
}

impl Translated<'_> {
    /// Where something at this line and column of the translated text stood before.
    /// Lines and columns count from 1; lines are the same.
    pub fn original_column(&self, line: u32, column: u32) -> u32 {
        self.columns.original(line, column)
    }
}

/// What is wrong in the dialect's own terms.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{line}:{column}: {message}")]
pub struct DialectError {
    /// line in the text, from 1
    pub line: u32,
    /// column in characters, from 1
    pub column: u32,
    /// what is wrong, without a position
    pub message: String,
}

impl DialectError {
    fn at(source: &[u8], place: u32, message: impl Into<String>) -> DialectError {
        let before = source.get(..place as usize).unwrap_or(source);
        let start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
        let column = String::from_utf8_lossy(&before[start..]).chars().count() + 1;
        DialectError { line: line as u32, column: column as u32, message: message.into() }
    }
}

/// Translates a text to Luau.
///
/// What is wrong in Luau's own grammar stays in the text: Luau's compiler says so,
/// with the right line.
///
/// # Errors
/// The first thing that is wrong in what the dialect adds.
pub fn translate(source: &[u8]) -> Result<Translated<'_>, DialectError> {
    if source.len() > LARGEST {
        let columns = edit::Columns::default();
        return Ok(Translated { text: Cow::Borrowed(source), unread: None, columns });
    }
    let mut found = parse::parse(source)?;
    emit::values(source, &mut found)?;
    let is_used = |alias: &syntax::Alias| alias.used && alias.binding.is_some();
    let has_values = found.syntaxes.aliases.iter().any(is_used);
    let unread = found.unread.filter(|_| has_values || !found.syntaxes.instances.is_empty());
    if found.edits.is_empty() {
        let columns = edit::Columns::default();
        return Ok(Translated { text: Cow::Borrowed(source), unread, columns });
    }
    let (text, columns) = found.edits.apply(source);
    Ok(Translated { text: Cow::Owned(text), unread, columns })
}
