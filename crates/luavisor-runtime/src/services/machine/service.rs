//! What is known of one service.

use std::sync::Arc;

use luavisor_core::Error;
use luavisor_core::lifecycle::State;
use luavisor_core::restart::Restarts;

/// What is to become of a service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in super::super) enum Plan {
    /// Nothing: it stays as it is.
    Keep,
    /// It starts as soon as its dependencies are met.
    Start,
    /// The same, after its alarm.
    StartAfterDelay,
    /// It stops as soon as nobody needs it.
    Stop,
}

/// What is known of one service.
#[derive(Clone, Debug)]
pub(in super::super) struct Service {
    pub state: State,
    pub plan: Plan,
    /// since when it is Running
    pub up_since: Option<u64>,
    /// it took too long to start and was terminated
    pub overdue: bool,
    /// it ended normally after it had been Running
    pub served: bool,
    pub restarts: Restarts,
    /// starts so far
    pub lives: u64,
    pub last_error: Option<Arc<Error>>,
}

impl Service {
    /// One that was never started.
    pub fn new() -> Service {
        Service {
            state: State::Unknown,
            plan: Plan::Keep,
            up_since: None,
            overdue: false,
            served: false,
            restarts: Restarts::default(),
            lives: 0,
            last_error: None,
        }
    }

    /// Whether it is meant to run.
    pub fn wanted(&self) -> bool {
        match self.plan {
            Plan::Start | Plan::StartAfterDelay => true,
            Plan::Stop => false,
            Plan::Keep => matches!(self.state, State::Starting | State::Running),
        }
    }

    /// Whether dependants may start.
    pub fn met(&self) -> bool {
        match self.state {
            State::Running => self.plan != Plan::Stop,
            // If it is to do its work again, that must be done first.
            State::Exited => self.served && self.plan == Plan::Keep,
            _ => false,
        }
    }
}
