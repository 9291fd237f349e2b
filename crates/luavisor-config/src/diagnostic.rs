//! Problems found in a project: what, where, how bad.
//!
//! A load never stops at the first problem. Each one is collected here with
//! everything needed to show it, so the texts themselves can be forgotten. In
//! the end they stand in the order of file and line.

use std::sync::Arc;

use crate::render;
use crate::source::{Position, Sources, Span};

/// For whom problems are judged: some are warnings for one and errors for the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// `luavisor run`: starts what can be started
    Run,
    /// `luavisor check`: wants a project without blemish
    Check,
}

/// How bad a problem is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// A warning, always.
    Warning,
    /// A warning for [`Mode::Run`], an error for [`Mode::Check`].
    Strict,
    /// An error, always.
    Error,
}

impl Level {
    /// Whether it is an error in `mode`.
    pub fn is_error(self, mode: Mode) -> bool {
        match self {
            Level::Error => true,
            Level::Strict => mode == Mode::Check,
            Level::Warning => false,
        }
    }
}

/// Where a problem is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// file as it was found, or `-o` and `--set` for flags
    pub file: Arc<str>,
    /// line and column, if it is not about the file as a whole
    pub position: Option<Position>,
    /// the line that is shown, without its line break
    pub line: String,
    /// how many characters of the line are marked, at least 1
    pub width: u32,
}

/// One problem.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// how bad
    pub level: Level,
    /// where
    pub place: Place,
    /// what is wrong, and what was expected
    pub message: String,
    /// what to write instead, if that can be guessed
    pub hint: Option<String>,
    /// other places that have to do with it
    pub notes: Vec<(Place, String)>,
}

/// All problems of one load, sorted by file and line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Diagnostics {
    items: Vec<Diagnostic>,
}

impl Diagnostics {
    /// Whether there is an error in `mode`.
    pub fn has_errors(&self, mode: Mode) -> bool {
        self.items.iter().any(|item| item.level.is_error(mode))
    }

    /// Whether there is nothing to report at all.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// The problems in order.
    pub fn iter(&self) -> impl Iterator<Item = &Diagnostic> {
        self.items.iter()
    }

    /// The text for people, judged for `mode`; empty without problems.
    pub fn render(&self, mode: Mode) -> String {
        let mut text = String::new();
        for item in &self.items {
            render::diagnostic(&mut text, item, mode);
        }
        text
    }
}

/// A problem under construction, with spans instead of texts.
#[derive(Debug)]
pub(crate) struct Problem {
    level: Level,
    place: At,
    message: String,
    hint: Option<String>,
    notes: Vec<(Span, String)>,
}

#[derive(Debug)]
enum At {
    Span(Span),
    File(Arc<str>),
}

impl Problem {
    pub fn new(level: Level, span: Span, message: impl Into<String>) -> Problem {
        let place = At::Span(span);
        Problem { level, place, message: message.into(), hint: None, notes: Vec::new() }
    }

    /// An error at a place.
    pub fn error(span: Span, message: impl Into<String>) -> Problem {
        Problem::new(Level::Error, span, message)
    }

    /// An error of a file or directory as a whole.
    pub fn file(name: impl Into<Arc<str>>, message: impl Into<String>) -> Problem {
        let place = At::File(name.into());
        let message = message.into();
        Problem { level: Level::Error, place, message, hint: None, notes: Vec::new() }
    }

    pub fn hint(mut self, hint: impl Into<Option<String>>) -> Problem {
        self.hint = hint.into();
        self
    }

    pub fn note(mut self, span: Span, message: impl Into<String>) -> Problem {
        self.notes.push((span, message.into()));
        self
    }
}

/// Collects problems during a load.
#[derive(Debug, Default)]
pub(crate) struct Problems {
    items: Vec<Problem>,
}

impl Problems {
    pub fn push(&mut self, problem: Problem) {
        self.items.push(problem);
    }

    pub fn error(&mut self, span: Span, message: impl Into<String>) {
        self.push(Problem::error(span, message));
    }

    /// Takes over the problems of another collection.
    pub fn append(&mut self, mut other: Problems) {
        self.items.append(&mut other.items);
    }

    /// Looks up all places and sorts.
    pub fn finish(self, sources: &Sources) -> Diagnostics {
        let resolve = |problem: Problem| Diagnostic {
            level: problem.level,
            place: match problem.place {
                At::Span(span) => place(sources, span),
                At::File(file) => Place { file, position: None, line: String::new(), width: 1 },
            },
            message: problem.message,
            hint: problem.hint,
            notes: problem.notes.into_iter().map(|(at, text)| (place(sources, at), text)).collect(),
        };
        let mut items: Vec<Diagnostic> = self.items.into_iter().map(resolve).collect();
        items.sort_by(|a, b| {
            (&a.place.file, a.place.position).cmp(&(&b.place.file, b.place.position))
        });
        // An anchor that is used twice would show its faults twice.
        items.dedup();
        Diagnostics { items }
    }
}

fn place(sources: &Sources, span: Span) -> Place {
    let source = sources.get(span.file);
    let index = source.line_index(span.start);
    let line = source.line(index);
    let from = (span.start as usize - source.line_start(index)).min(line.len());
    let to = (span.end as usize).saturating_sub(source.line_start(index)).clamp(from, line.len());
    let width = line.get(from..to).map_or(1, |marked| marked.trim_end().chars().count());
    Place {
        file: source.name.clone(),
        position: Some(source.position(span.start)),
        line: line.to_owned(),
        width: width.max(1) as u32,
    }
}
