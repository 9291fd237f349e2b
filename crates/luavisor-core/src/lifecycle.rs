//! The states of a service and the steps between them.
//!
//! ```text
//! Unknown ──Start──▶ Starting ──Up──▶ Running ──Stop──▶ Stopping ──Ended──▶ Stopped
//!                       │  ▲             │
//!                     Down │           Down        (Exit: Exited, final until started anew)
//!                       ▼  │ Start       ▼
//!                       Failed ◀─────────┘
//! ```
//!
//! [`State::next`] is the only way from one state to another. It returns `None`
//! for a step that is impossible in a state, which is a fault of the caller:
//! the state is then unchanged.

use std::fmt;

/// Where a service is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum State {
    /// Never started.
    #[default]
    Unknown,
    /// A start is under way.
    Starting,
    /// Up; dependants may start.
    Running,
    /// Asked to stop, not yet ended.
    Stopping,
    /// Ended because it was asked to.
    Stopped,
    /// Down; a restart is pending, or the attempts are used up.
    Failed,
    /// Ended by itself and not to be restarted.
    Exited,
}

/// What moves a service from one state to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Step {
    /// A start attempt begins, the first one or a restart.
    Start,
    /// It is up: spawned, or `process.ready()` was called.
    Up,
    /// It ended and may be retried, or the attempts are used up.
    Down,
    /// It ended by itself and is not restarted.
    Exit,
    /// Somebody asks it to stop. Cancels a pending restart.
    Stop,
    /// It ended after it was asked to stop.
    Ended,
}

impl State {
    /// The state after `step`, or `None` if that step is impossible here.
    pub fn next(self, step: Step) -> Option<State> {
        use State::{Exited, Failed, Running, Starting, Stopped, Stopping, Unknown};
        Some(match (step, self) {
            (Step::Start, Unknown | Stopped | Failed | Exited) => Starting,
            (Step::Up, Starting) => Running,
            (Step::Down, Starting | Running) => Failed,
            (Step::Exit, Starting | Running) => Exited,
            (Step::Stop, Starting | Running | Stopping) => Stopping,
            // Nothing is alive, so a stop is done at once; what ended by itself stays so.
            (Step::Stop, Unknown | Failed | Stopped) => Stopped,
            (Step::Stop, Exited) => Exited,
            (Step::Ended, Stopping) => Stopped,
            _ => return None,
        })
    }

    /// Whether a process of it may be alive.
    pub fn alive(self) -> bool {
        matches!(self, State::Starting | State::Running | State::Stopping)
    }

    /// The text in logs and events.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Unknown => "unknown",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Exited => "exited",
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::State::{Exited, Failed, Running, Starting, Stopped, Stopping, Unknown};
    use super::*;

    #[test]
    fn the_transition_table() {
        let states = [Unknown, Starting, Running, Stopping, Stopped, Failed, Exited];
        let rows: [(Step, [Option<State>; 7]); 6] = [
            (
                Step::Start,
                [Some(Starting), None, None, None, Some(Starting), Some(Starting), Some(Starting)],
            ),
            (Step::Up, [None, Some(Running), None, None, None, None, None]),
            (Step::Down, [None, Some(Failed), Some(Failed), None, None, None, None]),
            (Step::Exit, [None, Some(Exited), Some(Exited), None, None, None, None]),
            (
                Step::Stop,
                [
                    Some(Stopped),
                    Some(Stopping),
                    Some(Stopping),
                    Some(Stopping),
                    Some(Stopped),
                    Some(Stopped),
                    Some(Exited),
                ],
            ),
            (Step::Ended, [None, None, None, Some(Stopped), None, None, None]),
        ];
        for (step, expected) in rows {
            for (state, expected) in states.into_iter().zip(expected) {
                assert_eq!(state.next(step), expected, "{step:?} in {state}");
            }
        }
    }
}
