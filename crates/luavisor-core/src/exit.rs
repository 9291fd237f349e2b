//! How a process ended.

use std::sync::Arc;

use crate::error::{Error, Kind};
use crate::pid::Pid;
use crate::value::Values;

/// Why a process ended; the `reason` of EXIT and LINK_DOWN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Reason {
    /// `main` returned.
    Normal,
    /// It failed by itself: raised, returned an error, passed a limit, deadlocked.
    Error,
    /// `process.terminate`.
    Terminated,
    /// A cancel deadline passed.
    Cancelled,
    /// A linked process failed.
    Linked,
    /// Ended by force while the runtime shut down.
    Shutdown,
    /// It was gone before the monitor or link arrived.
    NoProcess,
}

impl Reason {
    /// The text that Lua sees.
    pub fn as_str(self) -> &'static str {
        match self {
            Reason::Normal => "normal",
            Reason::Error => "error",
            Reason::Terminated => "terminated",
            Reason::Cancelled => "cancelled",
            Reason::Linked => "linked",
            Reason::Shutdown => "shutdown",
            Reason::NoProcess => "noproc",
        }
    }
}

/// Where a cascade of link failures began. The text of a link failure names
/// only the direct peer, so it does not grow with the length of the chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// the first process that failed
    pub pid: Pid,
    /// the text form of its pid
    pub pid_text: Arc<str>,
    /// its error message
    pub cause: Arc<str>,
}

/// The exit record: result and reason.
#[derive(Clone, Debug, PartialEq)]
pub struct Exit {
    /// at most one value; nil on failure
    pub value: Values,
    /// set exactly on failure
    pub error: Option<Arc<Error>>,
    /// why
    pub reason: Reason,
    /// set when the process was ended by a link: the first failure of the cascade
    pub origin: Option<Arc<Origin>>,
}

impl Exit {
    /// A normal end with at most one value.
    pub fn normal(value: Values) -> Exit {
        Exit { value, error: None, reason: Reason::Normal, origin: None }
    }

    /// A failure.
    pub fn failure(reason: Reason, error: Error) -> Exit {
        Exit { value: Values::none(), error: Some(Arc::new(error)), reason, origin: None }
    }

    /// `process terminated`, by [`Reason::Terminated`] or [`Reason::Shutdown`].
    pub fn terminated(reason: Reason) -> Exit {
        Exit::failure(reason, Error::internal("process terminated"))
    }

    /// The cancel deadline passed; `after` is the timeout as it was written, such as `100ms`.
    pub fn deadline(reason: Reason, after: &str) -> Exit {
        let message = format!("cancel deadline exceeded after {after}");
        Exit::failure(reason, Error::new(Kind::TIMEOUT, message))
    }

    /// A failure passed the memory limit.
    pub fn memory_limit() -> Exit {
        Exit::failure(Reason::Error, Error::new(Kind::LIMIT_EXCEEDED, "memory limit exceeded"))
    }

    /// What a monitor or link finds when the process is long gone.
    pub fn no_process() -> Exit {
        Exit::failure(Reason::NoProcess, Error::process_not_found())
    }

    /// Whether it counts as a failure: exactly when the error is set.
    pub fn failed(&self) -> bool {
        self.error.is_some()
    }
}
