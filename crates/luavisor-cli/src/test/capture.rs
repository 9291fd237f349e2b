//! What processes print and log, by test.
//!
//! A process belongs to the test that started it, directly or through others: processes,
//! calls of functions and their children. What a supervisor or a service starts belongs
//! to no test, whoever asked for it. Each test keeps the first [`KEPT`] bytes.
//!
//! Writes arrive on the thread of the process that prints, before its end is told: when a
//! test has ended, all that it printed is here.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use luavisor::{Level, LogRecord, LogSink, Observer, Occurrence, Output, OutputSink, Pid};

use crate::log::Log;
use crate::print;
use crate::sync::lock;

/// Bytes that are kept of each test, and of all that belongs to none.
const KEPT: usize = 256 << 10;

/// See the module.
pub struct Capture {
    state: Mutex<State>,
    passing: Passing,
}

/// Where pieces go at once.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Passing {
    /// nowhere: they are kept
    Kept,
    /// to the output that they are for
    Through,
    /// to standard error: standard output is for JSON
    ToStderr,
}

struct State {
    /// tests whose process is about to start, by entry
    expected: HashMap<Arc<str>, usize>,
    /// the test of each process, until the test has ended
    owners: HashMap<Pid, Owned>,
    texts: Vec<Text>,
    others: Text,
}

struct Owned {
    test: usize,
    lives: bool,
}

#[derive(Clone, Default)]
struct Text {
    kept: Vec<u8>,
    lost: usize,
}

impl Text {
    fn add(&mut self, piece: &[u8]) {
        let room = KEPT - self.kept.len().min(KEPT);
        let taken = piece.len().min(room);
        self.kept.extend_from_slice(&piece[..taken]);
        self.lost += piece.len() - taken;
    }

    fn text(&self) -> String {
        let mut text = String::from_utf8_lossy(&self.kept).into_owned();
        if self.lost > 0 {
            text.push_str(&format!("\n… and {} bytes more\n", self.lost));
        }
        text
    }
}

impl Capture {
    /// For so many tests. `through`: nothing is kept back.
    pub fn new(tests: usize, through: bool, json: bool) -> Capture {
        let passing = match (through, json) {
            (false, _) => Passing::Kept,
            (true, false) => Passing::Through,
            (true, true) => Passing::ToStderr,
        };
        let state = State {
            expected: HashMap::new(),
            owners: HashMap::new(),
            texts: vec![Text::default(); tests],
            others: Text::default(),
        };
        Capture { state: Mutex::new(state), passing }
    }

    /// The next process of this entry that no other test starts is the test itself.
    pub fn expect(&self, test: usize, entry: Arc<str>) {
        lock(&self.state).expected.insert(entry, test);
    }

    /// Processes of a test that live.
    pub fn living(&self, test: usize) -> Vec<Pid> {
        let state = lock(&self.state);
        let owned = state.owners.iter().filter(|(_, owned)| owned.lives && owned.test == test);
        owned.map(|(pid, _)| *pid).collect()
    }

    /// Ends a test: what it printed. Whatever of it still runs belongs to none from now on.
    pub fn finish(&self, test: usize) -> String {
        let mut state = lock(&self.state);
        state.expected.retain(|_, expected| *expected != test);
        state.owners.retain(|_, owned| owned.test != test);
        std::mem::take(&mut state.texts[test]).text()
    }

    /// What was printed by processes that belong to no test.
    pub fn others(&self) -> String {
        lock(&self.state).others.text()
    }

    /// Whether it was the line of a test.
    fn log(&self, from: Pid, line: &str) -> bool {
        if self.passing != Passing::Kept {
            return false;
        }
        let mut state = lock(&self.state);
        let Some(test) = state.owners.get(&from).map(|owned| owned.test) else { return false };
        state.texts[test].add(line.as_bytes());
        true
    }
}

impl OutputSink for Capture {
    fn write(&self, output: Output, from: Pid, piece: &[u8]) {
        let passing = match self.passing {
            // From this command, such as the answer to a signal.
            Passing::Kept if from == Pid::NONE => Passing::Through,
            passing => passing,
        };
        match (passing, output) {
            (Passing::Kept, _) => {
                let mut state = lock(&self.state);
                let test = state.owners.get(&from).map(|owned| owned.test);
                match test {
                    Some(test) => state.texts[test].add(piece),
                    None => state.others.add(piece),
                }
            }
            (Passing::Through, Output::Stdout) => print::out_bytes(piece),
            _ => print::error_bytes(piece),
        }
    }
}

/// Sees which process starts which.
#[derive(Clone)]
pub struct Descent(pub Arc<Capture>);

impl Observer for Descent {
    fn observe(&self, occurrence: &Occurrence) {
        match occurrence {
            Occurrence::Spawned { pid, parent, entry } => {
                let mut state = lock(&self.0.state);
                let inherited = state.owners.get(parent).map(|owned| owned.test);
                let test = inherited.or_else(|| state.expected.remove(entry));
                if let Some(test) = test {
                    state.owners.insert(*pid, Owned { test, lives: true });
                }
            }
            Occurrence::Exited { pid, .. } => {
                // Kept: a child may be told later than the end of its parent.
                if let Some(owned) = lock(&self.0.state).owners.get_mut(pid) {
                    owned.lives = false;
                }
            }
            _ => {}
        }
    }
}

/// Log lines of tests go to what they print, others to the log.
pub struct TestLog {
    log: Arc<Log>,
    capture: Arc<Capture>,
    level: Level,
}

impl TestLog {
    /// `level`: the lowest that tests keep.
    pub fn new(log: Arc<Log>, capture: Arc<Capture>, level: Level) -> TestLog {
        TestLog { log, capture, level }
    }
}

impl LogSink for TestLog {
    fn level(&self) -> Level {
        self.level.min(self.log.level())
    }

    fn log(&self, from: Pid, from_text: &str, record: LogRecord) {
        let kept = from != Pid::NONE
            && record.level >= self.level
            && self.capture.log(from, &self.log.line(&record));
        if !kept {
            self.log.log(from, from_text, record);
        }
    }
}
