//! Replacements in a text, and where the columns went.
//!
//! Lines never change: what replaces a piece has as many line ends as the piece.

use std::borrow::Cow;

/// A replacement of the bytes `start..end`.
#[derive(Debug)]
struct Edit {
    start: u32,
    end: u32,
    /// what stands there instead; blanks fill up to the old length
    text: Cow<'static, str>,
}

/// Replacements, in any order. Of two that overlap, the one that begins first stays.
#[derive(Debug, Default)]
pub struct Edits {
    list: Vec<Edit>,
}

impl Edits {
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// A point to come [`Edits::back_to`].
    pub fn mark(&self) -> usize {
        self.list.len()
    }

    /// Forgets all replacements since the mark.
    pub fn back_to(&mut self, mark: usize) {
        self.list.truncate(mark);
    }

    /// Blanks the bytes out.
    pub fn blank(&mut self, start: u32, end: u32) {
        self.replace(start, end, "");
    }

    /// Puts `text` in place of the bytes. What it is shorter is filled with
    /// blanks, and line ends stay.
    pub fn replace(&mut self, start: u32, end: u32, text: impl Into<Cow<'static, str>>) {
        self.list.push(Edit { start, end, text: text.into() });
    }

    /// Puts `text` before the byte at `start`.
    pub fn insert(&mut self, start: u32, text: impl Into<Cow<'static, str>>) {
        self.replace(start, start, text);
    }

    /// The text with all replacements made.
    pub fn apply(mut self, source: &[u8]) -> (Vec<u8>, Columns) {
        // Stable: of several at one place, the first stands first.
        self.list.sort_by_key(|edit| edit.start);
        let mut output = Output { text: Vec::with_capacity(source.len() + 256), ..Output::new() };
        let mut at = 0;
        for edit in &self.list {
            let (start, end) = (edit.start as usize, edit.end as usize);
            let Some(kept) = source.get(at..start) else { continue };
            let Some(old) = source.get(start..end) else { continue };
            output.copy(kept);
            output.put(edit.text.as_bytes(), old);
            at = end;
        }
        output.copy(source.get(at..).unwrap_or_default());
        (output.text, output.columns)
    }
}

/// From columns of the new text to those of the old one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Columns {
    /// line, column from which on, how much further right than before
    shifts: Vec<(u32, u32, u32)>,
}

impl Columns {
    /// The column in the old text; both count from 1, as lines do.
    pub fn original(&self, line: u32, column: u32) -> u32 {
        let end = self.shifts.partition_point(|(l, c, _)| (*l, *c) <= (line, column));
        match end.checked_sub(1).and_then(|at| self.shifts.get(at)) {
            Some((l, _, shift)) if *l == line => column.saturating_sub(*shift).max(1),
            _ => column,
        }
    }
}

struct Output {
    text: Vec<u8>,
    columns: Columns,
    line: u32,
    line_start: usize,
    /// how far the current line has moved to the right
    shift: u32,
}

impl Output {
    fn new() -> Output {
        let columns = Columns::default();
        Output { text: Vec::new(), columns, line: 1, line_start: 0, shift: 0 }
    }

    fn copy(&mut self, bytes: &[u8]) {
        if let Some(last) = bytes.iter().rposition(|byte| *byte == b'\n') {
            self.line += bytes.iter().filter(|byte| **byte == b'\n').count() as u32;
            self.line_start = self.text.len() + last + 1;
            self.shift = 0;
        }
        self.text.extend_from_slice(bytes);
    }

    fn put(&mut self, text: &[u8], old: &[u8]) {
        self.text.extend_from_slice(text);
        // The new text stands for the first line of the old one.
        let first = old.iter().position(|byte| *byte == b'\n').unwrap_or(old.len());
        let blanks = first.saturating_sub(text.len());
        self.text.resize(self.text.len() + blanks, b' ');
        let longer = text.len().saturating_sub(first) as u32;
        if longer > 0 {
            self.shift += longer;
            let column = (self.text.len() - self.line_start + 1) as u32;
            self.columns.shifts.push((self.line, column, self.shift));
        }
        let rest: Vec<u8> = old[first..]
            .iter()
            .map(|byte| if matches!(byte, b'\n' | b'\r' | b'\t') { *byte } else { b' ' })
            .collect();
        self.copy(&rest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_and_columns_stay() {
        let mut edits = Edits::default();
        edits.replace(6, 9, "long");
        edits.blank(1, 4);
        edits.blank(2, 3);
        edits.insert(12, "++");
        let (text, columns) = edits.apply(b"abc\nd\n123 x y");
        assert_eq!(String::from_utf8_lossy(&text), "a  \nd\nlong x ++y");
        assert_eq!(columns.original(3, 6), 5);
        assert_eq!(columns.original(3, 10), 7);
        assert_eq!(columns.original(1, 3), 3);
        assert_eq!(columns.original(4, 9), 9);
    }
}
