//! What happened in a run: a number that stands for all of it, and the events.

use std::collections::VecDeque;
use std::fmt::{self, Write as _};
use std::sync::{Arc, Mutex};

use luavisor::{Observer, Occurrence, Runtime};
use serde_json::{Value, json};

use crate::events::Sink;
use crate::log::Moment;
use crate::print;
use crate::sync::lock;

/// The tape of one run.
pub struct Tape {
    hash: Mutex<Fnv>,
    keep: Keep,
    /// the last events
    events: Mutex<VecDeque<Value>>,
}

/// What becomes of events.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Keep {
    /// Nobody wants them.
    Nothing,
    /// The last ones are kept.
    Last,
    /// The last ones are kept, and each is printed as it comes.
    Printed,
}

/// The event that something is wrong.
pub const FAILED: &str = "failed";

/// Events that are kept.
const LAST: usize = 50_000;

/// FNV-1a with 64 bits (Fowler, Noll, Vo): the same number with every compiler.
struct Fnv(u64);

impl fmt::Write for Fnv {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        }
        Ok(())
    }
}

impl Tape {
    pub fn new(keep: Keep) -> Tape {
        let hash = Mutex::new(Fnv(0xcbf2_9ce4_8422_2325));
        Tape { hash, keep, events: Mutex::default() }
    }

    /// Whether the events are wanted.
    pub fn keeps(&self) -> bool {
        self.keep != Keep::Nothing
    }

    /// Something is wrong at this moment: an event of its own, for those who want them.
    pub fn failed(&self, runtime: &Runtime, what: &str) {
        let time = Moment::of(&*runtime.clock()).text();
        self.take(json!({ "time": time, "event": FAILED, "text": what }));
    }

    /// The number, and the last events if they were wanted.
    pub fn end(&self) -> (u64, Vec<Value>) {
        let events = std::mem::take(&mut *lock(&self.events));
        (lock(&self.hash).0, events.into())
    }

    /// What tells it of everything that happens: messages, steps and timers too.
    pub fn listener(self: &Arc<Tape>, runtime: &Runtime) -> Listener {
        Listener { tape: self.clone(), runtime: runtime.clone() }
    }
}

impl Sink for Tape {
    fn take(&self, event: Value) {
        match self.keep {
            Keep::Nothing => return,
            Keep::Last => {}
            Keep::Printed => print::out(&line(&event)),
        }
        let mut events = lock(&self.events);
        if events.len() == LAST {
            events.pop_front();
        }
        events.push_back(event);
    }
}

/// See [`Tape::listener`].
pub struct Listener {
    tape: Arc<Tape>,
    runtime: Runtime,
}

impl Observer for Listener {
    fn observe(&self, occurrence: &Occurrence) {
        let now = self.runtime.clock().monotonic();
        // Writing to a number cannot fail.
        let _ = writeln!(lock(&self.tape.hash), "{now} {occurrence:?}");
    }
}

/// An event for people.
pub fn line(event: &Value) -> String {
    let mut text = String::new();
    let Value::Object(fields) = event else { return text };
    for (name, value) in fields {
        let _ = match (name.as_str(), value) {
            (_, Value::Null) => Ok(()),
            // The day does not matter.
            ("time", Value::String(time)) => {
                write!(text, "{}", time.split('T').nth(1).unwrap_or(time).trim_end_matches('Z'))
            }
            ("event", Value::String(event)) => write!(text, " {event}"),
            ("text", Value::String(value)) => write!(text, " {:?}", value.trim_end_matches('\n')),
            (name, Value::String(value)) => write!(text, " {name}={value}"),
            (name, value) => write!(text, " {name}={value}"),
        };
    }
    text.push('\n');
    text
}
