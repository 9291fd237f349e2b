//! Cancel deadlines: which one counts and how it ends a process.
//!
//! A process has at most one deadline. The earliest wins, a later request never
//! extends it, and the text of the forced end names the timeout of the winner.

use std::sync::Arc;

use crate::exit::{Exit, Reason};

/// When a cancelled process is ended by force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Deadline {
    /// in nanoseconds of the monotonic clock
    pub at: u64,
    /// the timeout as it was written, such as `100ms`
    pub after: Arc<str>,
}

/// Why the deadline of a process is being enforced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Enforcement {
    /// by a cancel, a service stop or a host stop
    Cancel,
    /// while the runtime shuts down
    Shutdown,
}

/// Whether `new` takes the place of `current`.
pub fn tightens(current: Option<&Deadline>, new: &Deadline) -> bool {
    current.is_none_or(|current| new.at < current.at)
}

/// How a process ends when its deadline passes.
pub fn forced_end(deadline: &Deadline, enforcement: Enforcement) -> Exit {
    let reason = match enforcement {
        Enforcement::Cancel => Reason::Cancelled,
        Enforcement::Shutdown => Reason::Shutdown,
    };
    Exit::deadline(reason, &deadline.after)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_earliest_deadline_wins() {
        let deadline = |at: u64, after: &str| Deadline { at, after: after.into() };
        for (current, new, expected) in [
            (None, deadline(5, "5ns"), true),
            (Some(deadline(5, "5ns")), deadline(4, "4ns"), true),
            (Some(deadline(5, "5ns")), deadline(5, "again"), false),
            (Some(deadline(5, "5ns")), deadline(9, "9ns"), false),
        ] {
            assert_eq!(tightens(current.as_ref(), &new), expected, "{current:?} {new:?}");
        }
    }

    #[test]
    fn the_forced_end_names_the_timeout() {
        let deadline = Deadline { at: 0, after: "100ms".into() };
        for (enforcement, reason) in
            [(Enforcement::Cancel, Reason::Cancelled), (Enforcement::Shutdown, Reason::Shutdown)]
        {
            let exit = forced_end(&deadline, enforcement);
            assert_eq!(exit.reason, reason);
            assert_eq!(&*exit.error.unwrap().message, "cancel deadline exceeded after 100ms");
        }
    }
}
