//! `text.splitter`: texts in pieces of a size that fits.
//!
//! *Recursive*: a text is split at the first separator that occurs in it, parts that are
//! still too long at the next ones; then neighbours are joined again up to the size.
//! *Markdown*: first into sections by heading.

use std::sync::Arc;

use luavisor_core::{Error, Value, Values};

use super::output::{Output, text};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Sizes are counted in characters.
#[derive(Clone, Debug)]
struct Splitter {
    size: usize,
    overlap: usize,
    separators: Vec<String>,
    keep_separator: bool,
    markdown: Option<Markdown>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Markdown {
    /// a fenced block is never cut
    code_blocks: bool,
    /// each piece begins with its headings
    heading_hierarchy: bool,
    /// rows of a table stay together as far as they fit
    join_table_rows: bool,
    /// the references that a piece uses follow it
    reference_links: bool,
}

fn splitter(call: &Call) -> Result<Arc<Splitter>, Raise> {
    let splitter = call.object::<Arc<Splitter>>(1, tags::SPLITTER);
    splitter.cloned().ok_or_else(|| call.wrong(1, "Splitter"))
}

/// Makes a splitter from the options at 1.
fn make(call: &mut Call, markdown: bool) -> Outcome {
    let given = !call.is_nil(1);
    if given && !call.is_table(1) {
        return Err(call.wrong(1, "table"));
    }
    let mut size = [512_i64, 100];
    for (name, value) in [c"chunk_size", c"chunk_overlap"].into_iter().zip(&mut size) {
        if given {
            call.push_field(1, name);
            if !call.is_nil(call.count()) {
                *value = call.integer(call.count())?;
            }
            call.pop(1);
        }
    }
    let mut flag = |name| {
        given && {
            call.push_field(1, name);
            let set = call.boolean(call.count());
            call.pop(1);
            set
        }
    };
    let keep_separator = flag(c"keep_separator");
    let markdown = markdown.then(|| Markdown {
        code_blocks: flag(c"code_blocks"),
        heading_hierarchy: flag(c"heading_hierarchy"),
        join_table_rows: flag(c"join_table_rows"),
        reference_links: flag(c"reference_links"),
    });
    let mut separators: Vec<String> = ["\n\n", "\n", " ", ""].map(Into::into).into();
    if given {
        call.push_field(1, c"separators");
        let list = call.count();
        if call.is_table(list) {
            separators.clear();
            for n in 1..=call.length(list) {
                call.push_element(list, n as i32);
                separators.push(call.string(call.count())?);
                call.pop(1);
            }
        }
        call.pop(1);
    }
    let [size, overlap] = size.map(|value| usize::try_from(value).ok());
    let wrong = match (size, overlap) {
        (None | Some(0), _) => Some("chunk_size must be positive"),
        (_, None) => Some("chunk_overlap must not be negative"),
        (Some(size), Some(overlap)) if overlap >= size => {
            Some("chunk_overlap must be smaller than chunk_size")
        }
        _ => None,
    };
    let (Some(size), Some(overlap), None) = (size, overlap, wrong) else {
        return call.fail(Error::invalid(wrong.unwrap_or_default()).retryable(false));
    };
    let splitter = Splitter { size, overlap, separators, keep_separator, markdown };
    call.push_data(tags::SPLITTER, Arc::new(splitter));
    call.results(1)
}

fn recursive(call: &mut Call) -> Outcome {
    make(call, false)
}

fn markdown(call: &mut Call) -> Outcome {
    make(call, true)
}

/// `splitter:split_text(s)`
fn split_text(call: &mut Call) -> Outcome {
    let (splitter, subject) = (splitter(call)?, call.string(2)?);
    call.compute(subject.len(), move || {
        let pieces = splitter.split(&subject);
        Ok(Output::list(pieces.iter().map(|piece| text(piece.as_bytes()))))
    })
}

/// `splitter:split_batch({ { content, metadata }, … })`
fn split_batch(call: &mut Call) -> Outcome {
    let splitter = splitter(call)?;
    if !call.is_table(2) {
        return Err(call.wrong(2, "table"));
    }
    let mut batch: Vec<(String, Values)> = Vec::new();
    for n in 1..=call.length(2) {
        call.push_element(2, n as i32);
        let item = call.count();
        if !call.is_table(item) {
            return Err(Raise::text(format!("documents[{n}]: table expected")));
        }
        call.push_field(item, c"content");
        let content = call.count();
        if !call.is_string(content) {
            return Err(Raise::text(format!("documents[{n}].content: string expected")));
        }
        let content = call.str(content).into_owned();
        call.pop(1);
        let metadata = call.field(item, c"metadata").map_err(|error| error.retryable(false))?;
        call.pop(1);
        batch.push((content, metadata));
    }
    call.push_table(0, 0);
    let mut place = 0;
    for (content, metadata) in batch {
        for piece in splitter.split(&content) {
            call.push_table(0, 2);
            call.push_str(&piece);
            call.set_field(c"content");
            match metadata.first() {
                Value::Nil => call.push_table(0, 0),
                _ => drop(call.push_values(&metadata)),
            }
            call.set_field(c"metadata");
            place += 1;
            call.set_element(place);
        }
    }
    call.results(1)
}

fn length(text: &str) -> usize {
    text.chars().count()
}

impl Splitter {
    fn split(&self, text: &str) -> Vec<String> {
        match self.markdown {
            None => self.join(&self.parts(text, &self.separators)),
            Some(markdown) => self.sections(text, markdown),
        }
    }

    /// Parts that fit, in order; joined they are the text, but for separators.
    fn parts(&self, text: &str, separators: &[String]) -> Vec<(String, String)> {
        if length(text) <= self.size {
            return vec![(text.to_owned(), String::new())];
        }
        let place = separators.iter().position(|each| each.is_empty() || text.contains(&**each));
        let Some(place) = place else {
            return self.letters(text);
        };
        let (separator, rest) = (&separators[place], &separators[place + 1..]);
        if separator.is_empty() {
            return self.letters(text);
        }
        let mut parts = Vec::new();
        let mut pieces = text.split(&**separator).peekable();
        while let Some(piece) = pieces.next() {
            let last = pieces.peek().is_none();
            let mut below = self.parts(piece, rest);
            if let Some(end) = below.last_mut().filter(|_| !last) {
                end.1.clone_from(separator);
            }
            parts.extend(below);
        }
        parts
    }

    /// Parts of the full size.
    fn letters(&self, text: &str) -> Vec<(String, String)> {
        let letters: Vec<char> = text.chars().collect();
        let step = (self.size - self.overlap).max(1);
        let mut parts = Vec::new();
        for chunk in letters.chunks(step) {
            parts.push((chunk.iter().collect(), String::new()));
        }
        parts
    }

    /// Joins neighbours up to the size; a piece begins with what the one before ended
    /// with, at most the overlap.
    fn join(&self, parts: &[(String, String)]) -> Vec<String> {
        let mut pieces = Vec::new();
        let mut first = 0;
        // Ends of the present piece: with the separators within, not after it.
        let shown = |from: usize, to: usize| -> String {
            let mut piece = String::new();
            for (place, (part, separator)) in parts[from..to].iter().enumerate() {
                piece.push_str(part);
                if from + place + 1 < to || self.keep_separator {
                    piece.push_str(separator);
                }
            }
            piece
        };
        let sizes: Vec<usize> = parts.iter().map(|(part, _)| length(part)).collect();
        let gaps: Vec<usize> = parts.iter().map(|(_, gap)| length(gap)).collect();
        let mut size = 0;
        let mut last = 0;
        while last < parts.len() {
            let gap = if last > first { gaps[last - 1] } else { 0 };
            if last > first && size + gap + sizes[last] > self.size {
                pieces.push(shown(first, last));
                // What is repeated is short enough, and leaves room for the next part.
                while first < last
                    && (size > self.overlap || size + gaps[last - 1] + sizes[last] > self.size)
                {
                    size -= sizes[first] + if first + 1 < last { gaps[first] } else { 0 };
                    first += 1;
                }
                continue;
            }
            size += gap + sizes[last];
            last += 1;
        }
        if first < parts.len() {
            pieces.push(shown(first, parts.len()));
        }
        let trimmed = pieces.into_iter().map(|piece| piece.trim().to_owned());
        trimmed.filter(|piece| !piece.is_empty()).collect()
    }

    /// Markdown: section by section.
    fn sections(&self, text: &str, markdown: Markdown) -> Vec<String> {
        let references: Vec<&str> = text.lines().filter(|line| is_reference(line)).collect();
        let mut pieces = Vec::new();
        for Section { headings, body } in sections(text) {
            let title = match markdown.heading_hierarchy {
                true => headings.join("\n"),
                false => String::new(),
            };
            let body = match (markdown.heading_hierarchy, headings.last()) {
                (false, Some(heading)) => format!("{heading}\n{body}"),
                _ => body,
            };
            let room = self.size.saturating_sub(length(&title) + 1).max(self.size / 4 + 1);
            let inner =
                Splitter { size: room, overlap: self.overlap.min(room - 1), ..self.clone() };
            let parts = inner.blocks(&body, markdown);
            let mut found = inner.join(&parts);
            if found.is_empty() && markdown.heading_hierarchy && !title.is_empty() {
                found.push(String::new());
            }
            for piece in found {
                let mut whole = match title.is_empty() {
                    true => piece,
                    false => format!("{title}\n{piece}").trim_end().to_owned(),
                };
                if markdown.reference_links {
                    for reference in &references {
                        let label = reference.split("]:").next().unwrap_or_default();
                        if whole.contains(&format!("{label}]")) && !whole.contains(reference) {
                            whole.push('\n');
                            whole.push_str(reference);
                        }
                    }
                }
                pieces.push(whole);
            }
        }
        pieces
    }

    /// The parts of a section; what must not be cut is one part, however long.
    fn blocks(&self, body: &str, markdown: Markdown) -> Vec<(String, String)> {
        let mut parts = Vec::new();
        let mut plain = String::new();
        let mut whole: Option<String> = None;
        let flush = |plain: &mut String, parts: &mut Vec<(String, String)>| {
            if !plain.trim().is_empty() {
                let mut found = self.parts(plain.trim_end_matches('\n'), &self.separators);
                if let Some(end) = found.last_mut() {
                    end.1 = "\n".to_owned();
                }
                parts.extend(found);
            }
            plain.clear();
        };
        for line in body.lines() {
            let fence =
                line.trim_start().starts_with("```") || line.trim_start().starts_with("~~~");
            match &mut whole {
                Some(block) => {
                    block.push_str(line);
                    block.push('\n');
                    if fence {
                        let block = whole.take().unwrap_or_default();
                        parts.push((block.trim_end().to_owned(), "\n".to_owned()));
                    }
                }
                None if fence && markdown.code_blocks => {
                    flush(&mut plain, &mut parts);
                    whole = Some(format!("{line}\n"));
                }
                None if markdown.join_table_rows && line.trim_start().starts_with('|') => {
                    flush(&mut plain, &mut parts);
                    parts.push((line.to_owned(), "\n".to_owned()));
                }
                None => {
                    plain.push_str(line);
                    plain.push('\n');
                }
            }
        }
        // A fence that nobody closed.
        plain.push_str(&whole.unwrap_or_default());
        flush(&mut plain, &mut parts);
        parts
    }
}

/// A part of a document with the headings above it.
struct Section {
    headings: Vec<String>,
    body: String,
}

fn sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = vec![Section { headings: Vec::new(), body: String::new() }];
    let mut path: Vec<(usize, String)> = Vec::new();
    let mut fenced = false;
    for line in text.lines() {
        let trimmed = line.trim_start();
        fenced ^= trimmed.starts_with("```") || trimmed.starts_with("~~~");
        let level = line.bytes().take_while(|byte| *byte == b'#').count();
        let heading = (1..=6).contains(&level) && line[level..].starts_with(' ') && !fenced;
        if heading {
            path.retain(|(above, _)| *above < level);
            path.push((level, line.trim_end().to_owned()));
            let headings = path.iter().map(|(_, heading)| heading.clone()).collect();
            sections.push(Section { headings, body: String::new() });
        } else if let Some(section) = sections.last_mut() {
            section.body.push_str(line);
            section.body.push('\n');
        }
    }
    sections.retain(|section| !section.headings.is_empty() || !section.body.trim().is_empty());
    sections
}

/// `[label]: target`
fn is_reference(line: &str) -> bool {
    line.starts_with('[') && line.contains("]: ")
}

fn to_string(call: &mut Call) -> Outcome {
    splitter(call)?;
    call.push_str("text.Splitter{}");
    call.results(1)
}

/// The functions of the table.
pub static FUNCTIONS: &[Function] = &[
    Function { name: c"recursive", run: recursive },
    Function { name: c"markdown", run: markdown },
];

static METHODS: &[Function] = &[
    Function { name: c"split_text", run: split_text },
    Function { name: c"split_batch", run: split_batch },
    Function { name: c"__tostring", run: to_string },
];

/// Makes the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Arc<Splitter>>(tags::SPLITTER, "text.Splitter", METHODS);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn splitter(size: usize, overlap: usize, markdown: Option<Markdown>) -> Splitter {
        let separators = ["\n\n", "\n", " ", ""].map(Into::into).into();
        Splitter { size, overlap, separators, keep_separator: false, markdown }
    }

    #[test]
    fn pieces_fit_and_overlap() {
        let text = "one two three\n\nfour five six seven\n\neight";
        let pieces = splitter(12, 0, None).split(text);
        assert_eq!(pieces, ["one two", "three\n\nfour", "five six", "seven\n\neight"]);
        let pieces = splitter(12, 5, None).split("aa bb cc dd ee ff gg");
        assert_eq!(pieces, ["aa bb cc dd", "cc dd ee ff", "ee ff gg"]);
        assert_eq!(splitter(4, 0, None).split("abcdefghij"), ["abcd", "efgh", "ij"]);
        assert!(splitter(4, 0, None).split("").is_empty());
        for size in 1..30 {
            for overlap in 0..size {
                let pieces = splitter(size, overlap, None).split(text);
                assert!(pieces.iter().all(|piece| length(piece) <= size), "{size} {pieces:?}");
                let letters: String = pieces.concat();
                assert!("onetwothreefourfivesixseveneight".chars().all(|c| letters.contains(c)));
            }
        }
    }

    #[test]
    fn sections_of_markdown_keep_their_headings_and_blocks() {
        let text = "# A\nintro\n## B\nsee [x][ref]\n```\nlong code line that is whole\n```\n# C\n\n[ref]: http://x\n";
        let all = Markdown {
            code_blocks: true,
            heading_hierarchy: true,
            join_table_rows: true,
            reference_links: true,
        };
        let pieces = splitter(24, 0, Some(all)).split(text);
        assert_eq!(
            pieces,
            [
                "# A\nintro",
                "# A\n## B\nsee [x][ref]\n[ref]: http://x",
                "# A\n## B\n```\nlong code line that is whole\n```",
                "# C\n[ref]: http://x",
            ]
        );
        let pieces = splitter(100, 0, Some(Markdown::default())).split(text);
        assert_eq!(pieces.len(), 3, "{pieces:?}");
    }
}
