//! System events: what `process.events()` delivers.
//!
//! Events are never refused, never dropped while the process lives, and count
//! for no mailbox limit.

use std::sync::Arc;

use crate::exit::Exit;
use crate::pid::Pid;

/// One system event on its way to, or waiting in, a process.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// A monitored process ended.
    Exit {
        /// who ended
        from: Pid,
        /// when: unix seconds with fraction
        at: f64,
        /// how
        exit: Arc<Exit>,
    },
    /// A linked process failed and the receiver traps links.
    LinkDown {
        /// who failed
        from: Pid,
        /// when: unix seconds with fraction
        at: f64,
        /// how
        exit: Arc<Exit>,
    },
    /// Somebody asks the process to end.
    Cancel {
        /// who asks
        from: Pid,
        /// when: unix seconds with fraction
        at: f64,
        /// the text given, or empty
        reason: Arc<str>,
        /// unix seconds with fraction of the forced end
        deadline: Option<f64>,
    },
    /// The code of the process's entry changed.
    Outdated {
        /// when: unix seconds with fraction
        at: f64,
        /// the entry
        id: Arc<str>,
    },
}

impl Event {
    /// The `kind` field that Lua sees.
    pub fn kind(&self) -> &'static str {
        match self {
            Event::Exit { .. } => "pid.exit",
            Event::LinkDown { .. } => "pid.link.down",
            Event::Cancel { .. } => "pid.cancel",
            Event::Outdated { .. } => "pid.outdated",
        }
    }

    /// Who it is about.
    pub fn from(&self) -> Pid {
        match self {
            Event::Exit { from, .. }
            | Event::LinkDown { from, .. }
            | Event::Cancel { from, .. } => *from,
            Event::Outdated { .. } => Pid::NONE,
        }
    }
}
