//! Texts that diagnostics point into.
//!
//! Every text that was read is kept until the load is over, so that a problem
//! found late can still show its line. Lines are indexed once per text.

use std::sync::Arc;

/// Number of a text within one load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct FileId(u32);

/// A stretch of bytes of one text. Both ends lie on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Span {
    pub file: FileId,
    pub start: u32,
    pub end: u32,
}

impl Span {
    /// From the start of `self` to the end of `other`.
    pub fn to(self, other: Span) -> Span {
        Span { end: other.end.max(self.end), ..self }
    }
}

/// Line and column in characters, both from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    /// line, from 1
    pub line: u32,
    /// column in characters, from 1
    pub column: u32,
}

/// One text with its name.
#[derive(Debug)]
pub(crate) struct SourceText {
    pub name: Arc<str>,
    pub text: Arc<str>,
    line_starts: Vec<u32>,
}

impl SourceText {
    /// The text of line `index`, from 0, without its line break.
    pub fn line(&self, index: usize) -> &str {
        let start = self.line_start(index);
        let end = self.line_starts.get(index + 1).map_or(self.text.len(), |end| *end as usize);
        self.text[start..end].trim_end_matches(['\n', '\r'])
    }

    /// Where line `index`, from 0, starts; the end of the text if there is no such line.
    pub fn line_start(&self, index: usize) -> usize {
        self.line_starts.get(index).map_or(self.text.len(), |start| *start as usize)
    }

    /// The line, from 0, that holds the byte at `offset`.
    pub fn line_index(&self, offset: u32) -> usize {
        self.line_starts.partition_point(|start| *start <= offset).saturating_sub(1)
    }

    /// Line and column of the byte at `offset`.
    pub fn position(&self, offset: u32) -> Position {
        let index = self.line_index(offset);
        let before = self.text.get(self.line_start(index)..offset as usize).unwrap_or("");
        Position { line: index as u32 + 1, column: before.chars().count() as u32 + 1 }
    }
}

/// All texts of one load.
#[derive(Debug, Default)]
pub(crate) struct Sources {
    texts: Vec<SourceText>,
}

impl Sources {
    /// Keeps a text. Its length must fit `u32`; what does not is cut off.
    pub fn add(&mut self, name: impl Into<Arc<str>>, text: impl Into<Arc<str>>) -> FileId {
        let mut text: Arc<str> = text.into();
        if text.len() > u32::MAX as usize {
            text = text.get(..u32::MAX as usize / 2).unwrap_or("").into();
        }
        let breaks = text.bytes().enumerate().filter(|(_, byte)| *byte == b'\n');
        let line_starts = std::iter::once(0).chain(breaks.map(|(at, _)| at as u32 + 1)).collect();
        self.texts.push(SourceText { name: name.into(), text, line_starts });
        FileId(self.texts.len() as u32 - 1)
    }

    /// The text behind a number. Numbers come from [`Sources::add`] only.
    pub fn get(&self, file: FileId) -> &SourceText {
        &self.texts[file.0 as usize]
    }

    /// The whole first line, for problems of a text as a whole.
    pub fn start(&self, file: FileId) -> Span {
        Span { file, start: 0, end: self.get(file).line(0).len() as u32 }
    }

    /// Line `line` and column `column` of a text, both from 1: the word that
    /// starts there, or without a column the line without its indentation.
    pub fn word(&self, file: FileId, line: u32, column: Option<u32>) -> Span {
        let source = self.get(file);
        let index = line.saturating_sub(1) as usize;
        let (start, text) = (source.line_start(index), source.line(index));
        let (skip, length) = match column {
            Some(column) => {
                let chars = text.char_indices().map(|(at, _)| at);
                let skip = chars.chain([text.len()]).nth(column.saturating_sub(1) as usize);
                let skip = skip.unwrap_or(text.len());
                let rest = &text[skip..];
                let word = rest.find(|c: char| !c.is_alphanumeric() && c != '_');
                let first = rest.chars().next().map_or(0, char::len_utf8);
                (skip, word.unwrap_or(rest.len()).max(first))
            }
            None => {
                let skip = text.len() - text.trim_start().len();
                (skip, text.trim().len())
            }
        };
        let start = (start + skip) as u32;
        Span { file, start, end: start + length as u32 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_and_lines_from_one() {
        let mut sources = Sources::default();
        let file = sources.add("f", "äb\r\nc\n");
        let at = |offset| {
            let position = sources.get(file).position(offset);
            (position.line, position.column)
        };
        assert_eq!([at(0), at(2), at(5), at(7)], [(1, 1), (1, 2), (2, 1), (3, 1)]);
        assert_eq!(sources.get(file).line(0), "äb");
    }

    #[test]
    fn a_word_starts_at_its_column_and_stays_in_its_line() {
        let mut sources = Sources::default();
        let file = sources.add("f", "  local x = = 1\nend");
        let text = |line, column| {
            let span = sources.word(file, line, column);
            &sources.get(file).text[span.start as usize..span.end as usize]
        };
        assert_eq!(text(1, Some(3)), "local");
        assert_eq!(text(1, Some(13)), "=");
        assert_eq!(text(1, None), "local x = = 1");
        assert_eq!(text(2, Some(99)), "");
        assert_eq!(text(99, Some(1)), "");
    }
}
