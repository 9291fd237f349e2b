//! Reading text files, once each, and resolving `file://` values.
//!
//! A `file://` value never leaves the source root, neither by `..` nor through a
//! symbolic link.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use crate::diagnostic::{Problem, Problems};
use crate::source::{FileId, Position, Sources, Span};
use crate::suggest;
use crate::yaml::{Data, Node, Scalar, Style};

/// The largest file that is read.
const LARGEST: u64 = 1 << 30;

/// How a path is shown: as it was given, without a leading `./`.
pub(crate) fn name(path: &Path) -> Arc<str> {
    let path = path.strip_prefix(".").unwrap_or(path);
    path.to_string_lossy().into()
}

/// Reads a whole file as text; the error is a message without the file's name.
pub(crate) fn read(path: &Path) -> Result<String, String> {
    let size = std::fs::metadata(path).map_err(|error| explain(&error))?;
    if !size.is_file() {
        return Err("not a file".into());
    }
    if size.len() > LARGEST {
        return Err("larger than 1 GiB".into());
    }
    let bytes = std::fs::read(path).map_err(|error| explain(&error))?;
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("not UTF-8 text (line {line})")
    })?;
    // A byte order mark is no part of the text.
    Ok(text.strip_prefix('\u{feff}').map(Into::into).unwrap_or(text))
}

/// Adds a file to the sources; reports it as a whole if it cannot be read.
pub(crate) fn open(sources: &mut Sources, problems: &mut Problems, path: &Path) -> Option<FileId> {
    match read(path) {
        Ok(text) => Some(sources.add(name(path), text)),
        Err(message) => {
            problems.push(Problem::file(name(path), format!("cannot be read: {message}")));
            None
        }
    }
}

fn explain(error: &std::io::Error) -> String {
    match error.kind() {
        std::io::ErrorKind::NotFound => "no such file".into(),
        std::io::ErrorKind::PermissionDenied => "permission denied".into(),
        _ => error.to_string(),
    }
}

/// Replaces `file://` values by the content of the files.
pub(crate) struct Embedder {
    root: PathBuf,
    /// the root without symbolic links
    real_root: PathBuf,
    read: HashMap<PathBuf, Result<FileId, String>>,
}

impl Embedder {
    /// For values that may name files below `root`.
    pub fn new(root: &Path) -> Embedder {
        let real_root = root.canonicalize().unwrap_or_else(|_| root.to_owned());
        Embedder { root: root.to_owned(), real_root, read: HashMap::new() }
    }

    /// Resolves all `file://` strings at any depth of `node`, relative to the
    /// directory `base`. One that fails is reported and becomes null, so that
    /// its absence is not reported again.
    pub fn resolve(
        &mut self,
        sources: &mut Sources,
        problems: &mut Problems,
        base: &Path,
        node: &mut Node,
    ) {
        match &mut node.data {
            Data::List(nodes) => {
                for node in nodes {
                    self.resolve(sources, problems, base, node);
                }
            }
            Data::Map(fields) => {
                for field in fields {
                    self.resolve(sources, problems, base, &mut field.value);
                }
            }
            Data::Scalar(scalar) => {
                let Some(target) = scalar.text.strip_prefix("file://") else { return };
                match self.file(sources, base, target, node.span) {
                    Ok(file) => {
                        let text = sources.get(file).text.clone();
                        *scalar = Scalar { text, style: Style::File(file) };
                    }
                    Err(problem) => {
                        problems.push(problem);
                        *scalar = Scalar { text: "".into(), style: Style::Missing };
                    }
                }
            }
        }
    }

    fn file(
        &mut self,
        sources: &mut Sources,
        base: &Path,
        target: &str,
        span: Span,
    ) -> Result<FileId, Problem> {
        let (start, relative) = match target.strip_prefix('/') {
            Some(absolute) => (self.root.as_path(), absolute),
            None => (base, target),
        };
        if relative.trim().is_empty() || relative.ends_with('/') {
            return Err(Problem::error(span, "expected a file after file://"));
        }
        let path = normal(&start.join(relative.trim_start_matches('/')));
        let outside = || {
            let root = name(&self.root);
            Problem::error(span, format!("file://{target} leaves the source root {root}"))
        };
        if !path.starts_with(normal(&self.root)) {
            return Err(outside());
        }
        if let Ok(real) = path.canonicalize()
            && !real.starts_with(&self.real_root)
        {
            return Err(outside());
        }
        let found = self.read.entry(path.clone()).or_insert_with(|| {
            let text = read(&path)?;
            Ok(sources.add(name(&path), text))
        });
        found.clone().map_err(|message| {
            let message = format!("file {} cannot be read: {message}", name(&path));
            Problem::error(span, message).hint(similar(&path))
        })
    }
}

/// The path without `.` and with `..` resolved in the text.
fn normal(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => match normal.components().next_back() {
                Some(Component::Normal(_)) => {
                    normal.pop();
                }
                Some(Component::RootDir | Component::Prefix(_)) => {}
                _ => normal.push(component),
            },
            component => normal.push(component),
        }
    }
    normal
}

/// The nearest other file in the directory of one that cannot be read.
fn similar(path: &Path) -> Option<String> {
    let wanted = path.file_name()?.to_string_lossy();
    let entries = std::fs::read_dir(path.parent()?).ok()?;
    // A link counts as a file: where it leads is not worth a look.
    let files =
        entries.flatten().filter(|entry| !entry.file_type().is_ok_and(|kind| kind.is_dir()));
    let mut names: Vec<String> =
        files.map(|entry| entry.file_name().to_string_lossy().into()).collect();
    names.retain(|name| *name != wanted);
    names.sort();
    suggest::hint(&wanted, names.iter().map(String::as_str))
}

/// The place of a line of Lua code that stands in `node`.
pub(crate) fn code_place(
    sources: &Sources,
    node: &Node,
    line: u32,
    column: Option<u32>,
) -> (Span, bool) {
    let Data::Scalar(scalar) = &node.data else { return (node.span, false) };
    match scalar.style {
        Style::File(file) => (sources.word(file, line, column), true),
        Style::Literal => {
            let Position { line: first, column: indent } =
                sources.get(node.span.file).position(node.span.start);
            // Blank lines before the first word belong to the text, not to the place.
            let blank = scalar.text.bytes().take_while(|byte| *byte == b'\n').count() as u32;
            let line = (first + line).saturating_sub(blank + 1);
            (sources.word(node.span.file, line, column.map(|column| column + indent - 1)), true)
        }
        _ => (node.span, false),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parents_are_resolved_in_the_text() {
        for (path, expected) in [
            ("a/./b", "a/b"),
            ("a/../b", "b"),
            ("../a", "../a"),
            ("/../a", "/a"),
            ("a/../..", ".."),
        ] {
            assert_eq!(normal(Path::new(path)), Path::new(expected), "{path}");
        }
    }
}
