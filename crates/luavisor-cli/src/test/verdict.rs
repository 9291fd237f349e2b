//! Whether a test passed.
//!
//! | the process | verdict |
//! |---|---|
//! | returned anything but false | passed |
//! | returned false | failed: `returned false` |
//! | raised, returned `nil, err`, passed a limit, deadlocked | failed: its error, with traceback |
//! | was terminated, by a link or anybody | failed: its error |
//! | ran longer than its timeout | failed: `timed out after 30s` |

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use luavisor::config::Unit;
use luavisor::{Application, Chunk, Error, Exit, Value};

/// How a test ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Outcome {
    pub status: Status,
    pub took: Duration,
    /// what it printed
    pub output: String,
}

/// The four ways.
#[derive(Clone, Debug, PartialEq)]
pub enum Status {
    Passed,
    Failed(Failure),
    /// with the reason, which may be empty
    Skipped(String),
    /// it was not started, or the run ended before it did
    Unfinished,
}

/// Why it failed.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Failure {
    pub message: String,
    pub kind: String,
    /// innermost first
    pub trace: Vec<Step>,
    /// that of the simulation
    pub seed: Option<u64>,
}

/// One line of a traceback.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// a file, or the id of an entry whose code stands in its YAML
    pub place: String,
    pub line: u32,
    /// the function, if it has a name
    pub name: String,
}

impl Failure {
    /// A failure without a traceback.
    pub fn new(message: impl Into<String>) -> Failure {
        Failure { message: message.into(), ..Failure::default() }
    }

    /// It took longer than this.
    pub fn timeout(after: Duration) -> Failure {
        let message = format!("timed out after {after:?}");
        Failure { kind: "Timeout".to_owned(), ..Failure::new(message) }
    }
}

/// Where the code of entries was read.
pub struct Places(HashMap<Arc<str>, Arc<str>>);

impl Places {
    /// The Lua files of all entries.
    pub fn of(application: &Application) -> Places {
        let mut places = Places(HashMap::new());
        application.processes.iter().for_each(|process| places.add(&process.unit));
        application.functions.iter().for_each(|function| places.add(&function.unit));
        application.libraries.iter().for_each(|library| places.add(library));
        places
    }

    fn add(&mut self, unit: &Unit<Chunk>) {
        // Lines of code within YAML are counted from its own beginning.
        if unit.source_name.ends_with(".lua") {
            self.0.insert(unit.id.shared(), unit.source_name.clone());
        }
    }

    fn failure(&self, error: &Error) -> Failure {
        let known = error.frames.iter().filter(|frame| frame.line > 0);
        let steps = known.map(|frame| Step {
            place: self.0.get(&*frame.source).map_or(&*frame.source, |file| file).to_owned(),
            line: frame.line,
            name: frame.name.clone(),
        });
        let mut message = String::new();
        for context in error.context.iter().rev() {
            message.push_str(context);
            message.push_str(": ");
        }
        // The traceback begins there. Built-in functions have no lines.
        let place = error.frames.iter().find(|frame| frame.line > 0);
        let place = place.map(|frame| format!("{}:{}: ", frame.source, frame.line));
        let own = place.and_then(|place| error.message.strip_prefix(&*place));
        message.push_str(own.unwrap_or(&error.message));
        let kind = error.kind.as_str().to_owned();
        Failure { message, kind, trace: steps.collect(), seed: None }
    }
}

/// The table above.
pub fn of(exit: &Exit, places: &Places) -> Status {
    match (&exit.error, exit.value.first()) {
        (Some(error), _) => Status::Failed(places.failure(error)),
        (None, Value::Boolean(false)) => Status::Failed(Failure::new("returned false")),
        (None, _) => Status::Passed,
    }
}
