//! What a supervisor hears, does and tells.

use std::sync::Arc;
use std::time::Duration;

use super::rules::{Restart, Shutdown, Strategy};
use crate::error::Error;
use crate::exit::Exit;

/// A child within its supervisor; never used twice. Those of the specification
/// count from 0 in the order of start, dynamic ones follow.
pub type ChildId = u64;

/// Who waits for an [`Action::Answer`]: the caller's affair.
pub type Caller = u64;

/// Why a child is asked to stop; the reason of its CANCEL.
pub mod reasons {
    /// A strategy restarts it with a sibling.
    pub const RESTARTING: &str = "supervisor restarting";
    /// The supervisor ends.
    pub const STOPPING: &str = "supervisor stopping";
    /// Somebody asked for it by name.
    pub const ASKED: &str = "stop requested";
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The supervisor begins.
    Begin,
    /// A child's process was made.
    Started(ChildId),
    /// It said that it is ready.
    Ready(ChildId),
    /// Its life is over, or could not begin. `uniform`, from 0 to 1, chooses the jitter.
    Ended {
        /// the child
        child: ChildId,
        /// how
        exit: Arc<Exit>,
        /// from 0 to 1
        uniform: f64,
    },
    /// A time that [`Action::SetAlarm`] set is up.
    Alarm(Timer),
    /// The supervisor is asked to end.
    StopAsked,
    /// Somebody wants a dynamic child, with this name or any.
    StartAsked {
        /// waits for the answer
        caller: Caller,
        /// its name
        name: Option<Arc<str>>,
    },
    /// Somebody wants a child stopped.
    StopChild {
        /// waits for the answer
        caller: Caller,
        /// the child
        name: Arc<str>,
    },
    /// Somebody wants a child started anew.
    RestartChild {
        /// waits for the answer
        caller: Caller,
        /// the child
        name: Arc<str>,
    },
}

/// What an alarm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The start timeout or the restart delay of one child.
    Child(ChildId),
    /// The delay before affected children start together.
    Group,
}

/// Something to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A dynamic child was added for this caller, whose arguments are its own.
    Added(ChildId, Caller),
    /// Make its process; answer with `Started` or `Ended`.
    Launch(ChildId),
    /// Ask its process to end; `Ended` will follow.
    Stop(ChildId, Shutdown, &'static str),
    /// End its process; `Ended` will follow.
    Terminate(ChildId),
    /// Send `Alarm` after this time, instead of what was set before.
    SetAlarm(Timer, Duration),
    /// No `Alarm` any more.
    ClearAlarm(Timer),
    /// The child is no more; nothing will refer to it.
    Removed(ChildId),
    /// Answer a caller.
    Answer(Caller, Result<Answer, Error>),
    /// Tell those who listen what happened to a child, in which of its lives.
    Tell {
        /// the child, which may be removed already
        child: ChildId,
        /// its name
        name: Arc<str>,
        /// its present or last life
        life: u64,
        /// what
        change: Change,
    },
    /// All children have been started.
    Up,
    /// End, with no child alive.
    Finish(Exit),
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// This child is up.
    Child(ChildId),
}

/// What happened to a child, for those who listen.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A life begins.
    Starting {
        /// which one, from 1
        life: u64,
    },
    /// It is up.
    Up,
    /// It was asked to stop.
    Stopping {
        /// why
        reason: &'static str,
    },
    /// It has ended after it was asked to.
    Stopped {
        /// how
        exit: Arc<Exit>,
    },
    /// It ended by itself and is not started again.
    Exited {
        /// how
        exit: Arc<Exit>,
    },
    /// It ended by itself and is started again.
    Restart {
        /// how the last life ended
        cause: Arc<Exit>,
        /// it had not been up
        failed_start: bool,
        /// how long the start waits
        delay: Duration,
        /// consecutive restarts of this child, this one included
        attempt: u32,
        /// restarts that are left in the period
        left: u32,
        /// what decided that; a dynamic child is always alone
        strategy: Strategy,
        /// the others that start with it, top to bottom; they are stopped before if they live
        with: Vec<Arc<str>>,
        /// temporary ones that are stopped and forgotten
        forgotten: Vec<Arc<str>>,
    },
    /// It ended by itself and the budget is used up: the supervisor ends.
    GaveUp {
        /// how the last life ended
        cause: Arc<Exit>,
    },
}

/// Where a child is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn to start.
    Waiting,
    /// It waits for its delay.
    Delayed,
    /// Its process was asked for and is not up.
    Starting,
    /// It is up.
    Running,
    /// It was asked to end.
    Stopping,
    /// It ended normally and is not started again by itself.
    Exited,
    /// Somebody stopped it by name.
    Stopped,
}

impl State {
    /// The text that Lua sees.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Delayed => "restarting",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Exited => "exited",
            State::Stopped => "stopped",
        }
    }

    /// Whether it has a process, or one is being made.
    pub fn alive(self) -> bool {
        matches!(self, State::Starting | State::Running | State::Stopping)
    }
}

/// What can be seen of a child.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildView {
    /// the child
    pub id: ChildId,
    /// its name
    pub name: Arc<str>,
    /// where it is
    pub state: State,
    /// its present or last life, from 1; 0: none yet
    pub life: u64,
    /// restarts that its own ends caused
    pub restarts: u64,
    /// its restart type
    pub restart: Restart,
    /// its rule in the specification; `None`: it is dynamic
    pub rule: Option<usize>,
}
