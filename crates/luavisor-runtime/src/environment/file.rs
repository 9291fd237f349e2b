//! `.env` files: `KEY=VALUE` lines, comments, quotes, `export` (MODULES 7).
//!
//! A change rewrites one line, or adds one, and leaves everything else as it is. It
//! goes to a new file that takes the place of the old one, so that a crash leaves one
//! of the two.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::PathBuf;
use std::sync::Mutex;

use luavisor_core::Error;

use crate::sync::lock;

/// The file of a storage.
#[derive(Debug)]
pub struct File {
    path: PathBuf,
    file_mode: u32,
    dir_mode: u32,
    /// as it is on disk; only the writing thread takes it
    text: Mutex<String>,
}

impl File {
    pub fn new(path: PathBuf, text: String, file_mode: u32, dir_mode: u32) -> File {
        File { path, file_mode, dir_mode, text: Mutex::new(text) }
    }

    /// Writes a value to disk.
    pub fn set(&self, name: &str, value: &str) -> Result<(), Error> {
        let mut text = lock(&self.text);
        let changed = with(&text, name, value);
        self.replace(&changed).map_err(|error| {
            let text = format!("write {}: {error}", self.path.display());
            Error::internal(text).retryable(false)
        })?;
        *text = changed;
        Ok(())
    }

    fn replace(&self, text: &str) -> io::Result<()> {
        let directory = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        if let Some(directory) = directory {
            DirBuilder::new().recursive(true).mode(self.dir_mode).create(directory)?;
        }
        let mut name = self.path.file_name().unwrap_or_default().to_owned();
        name.push(".new");
        let new = self.path.with_file_name(name);
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).mode(self.file_mode);
        let mut file = options.open(&new)?;
        // A file that exists keeps the permissions that it has.
        if let Ok(metadata) = fs::metadata(&self.path) {
            file.set_permissions(metadata.permissions())?;
        }
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        fs::rename(&new, &self.path)
    }
}

/// All values of a text; the last of equal names wins.
pub fn values(text: &str) -> BTreeMap<String, String> {
    entries(text).map(|entry| (entry.name.to_owned(), entry.value)).collect()
}

/// A value and the bytes of its line, the line end left out.
struct Entry<'a> {
    name: &'a str,
    value: String,
    start: usize,
    end: usize,
}

fn entries(text: &str) -> impl DoubleEndedIterator<Item = Entry<'_>> {
    let lines = text.split_inclusive('\n').scan(0, |start, line| {
        let at = *start;
        *start += line.len();
        Some((at, line.strip_suffix('\n').unwrap_or(line)))
    });
    let entries = lines.filter_map(|(start, line)| {
        let (name, from) = name(line)?;
        Some(Entry { name, value: value(&line[from..]), start, end: start + line.len() })
    });
    // Few lines: what is set last is asked for from the end.
    entries.collect::<Vec<_>>().into_iter()
}

/// The name before `=` and where the value begins; `None` for comments and what is no entry.
fn name(line: &str) -> Option<(&str, usize)> {
    let (name, _) = line.split_once('=')?;
    let from = name.len() + 1;
    let name = name.trim();
    let name = name.strip_prefix("export ").unwrap_or(name).trim();
    let fits = !name.is_empty() && !name.starts_with('#') && !name.contains(char::is_whitespace);
    fits.then_some((name, from))
}

/// The value behind `=`. A quote that is not closed on its line is part of the value.
fn value(line: &str) -> String {
    let body = line.trim();
    let quoted = match body.chars().next() {
        Some('\'') => body[1..].split_once('\'').map(|(value, _)| value.to_owned()),
        Some('"') => double_quoted(body),
        _ => None,
    };
    quoted.unwrap_or_else(|| {
        // A comment behind a value is set off by a blank.
        let comments = [" #", "\t#"].iter().filter_map(|mark| line.find(mark));
        line[..comments.min().unwrap_or(line.len())].trim().to_owned()
    })
}

fn double_quoted(text: &str) -> Option<String> {
    let mut value = String::new();
    let mut chars = text.chars().skip(1);
    while let Some(c) = chars.next() {
        match c {
            '"' => return Some(value),
            '\\' => match chars.next()? {
                'n' => value.push('\n'),
                'r' => value.push('\r'),
                't' => value.push('\t'),
                other @ ('"' | '\\' | '$') => value.push(other),
                other => value.extend(['\\', other]),
            },
            c => value.push(c),
        }
    }
    None
}

/// The text with another value: in the last line that sets it, or in a new one.
fn with(text: &str, name: &str, value: &str) -> String {
    let line = format!("{name}={}", quoted(value));
    if let Some(entry) = entries(text).rfind(|entry| entry.name == name) {
        let old = &text[entry.start..entry.end];
        let export = if old.trim_start().starts_with("export ") { "export " } else { "" };
        return [&text[..entry.start], export, &line, &text[entry.end..]].concat();
    }
    let gap = if text.is_empty() || text.ends_with('\n') { "" } else { "\n" };
    [text, gap, &line, "\n"].concat()
}

/// A value as it reads back.
fn quoted(value: &str) -> String {
    let plain = |c: char| c.is_alphanumeric() || "_-./:@+,%".contains(c);
    if value.chars().all(plain) {
        return value.to_owned();
    }
    let mut quoted = String::from("\"");
    for c in value.chars() {
        match c {
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '"' | '\\' | '$' => quoted.extend(['\\', c]),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_values() {
        let text = "# comment\nA=1\n  export B = two words # note\nC='a # \\n'\nD=\"x\\ny\\\"\"\n\
                    E=\nno entry\nF=\"two lines\" # end\nG=x#y\nA=2\nH='open\n#I=1\n";
        let expected = [
            ("A", "2"),
            ("B", "two words"),
            ("C", "a # \\n"),
            ("D", "x\ny\""),
            ("E", ""),
            ("F", "two lines"),
            ("G", "x#y"),
            ("H", "'open"),
        ];
        let values = values(text);
        let found: Vec<(&str, &str)> =
            values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn a_change_leaves_the_rest_as_it_is() {
        let text = "# head\nA=1 # one\nexport B='x y'\n\nC=3";
        assert_eq!(with(text, "A", "5"), "# head\nA=5\nexport B='x y'\n\nC=3");
        assert_eq!(with(text, "B", "a b"), "# head\nA=1 # one\nexport B=\"a b\"\n\nC=3");
        assert_eq!(with(text, "D", ""), "# head\nA=1 # one\nexport B='x y'\n\nC=3\nD=\n");
        assert_eq!(with("", "A", "$x"), "A=\"\\$x\"\n");
    }

    /// Texts and values from a fixed seed: a value that is set reads back, others stay.
    #[test]
    fn values_read_back() {
        let mut random = fastrand::Rng::with_seed(3);
        let parts =
            ["A", "B", "=", "\n", "\"", "'", "#", " ", "\\", "x", "export ", "é", "$", "\r"];
        let mut piece = |most: usize| -> String {
            (0..random.usize(..most)).map(|_| parts[random.usize(..parts.len())]).collect()
        };
        for _ in 0..20_000 {
            let (text, value) = (piece(20), piece(8));
            let before = values(&text);
            let after = values(&with(&text, "A", &value));
            assert_eq!(after.get("A"), Some(&value), "{text:?} with {value:?}");
            for (name, old) in before.iter().filter(|(name, _)| *name != "A") {
                assert_eq!(after.get(name), Some(old), "{text:?} with {value:?}");
            }
        }
    }
}
