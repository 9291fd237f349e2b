//! What happens to services, for those who listen.

use std::sync::Arc;
use std::time::Duration;

use luavisor_core::Exit;
use luavisor_core::lifecycle::State;

/// One thing that happened to a service. Told in the order in which it happens,
/// by [`Occurrence::Service`](crate::Occurrence::Service).
#[derive(Clone, Debug, PartialEq)]
pub enum ServiceChange {
    /// A start begins.
    Starting {
        /// which start it is, restarts included, from 1
        life: u64,
    },
    /// It is up.
    Running,
    /// It was asked to stop and is about to.
    Stopping,
    /// It has ended after it was asked to, or was not to be started any more.
    Stopped {
        /// how its process ended, if it had one
        exit: Option<Arc<Exit>>,
    },
    /// It ended by itself for good.
    Exited {
        /// how
        exit: Arc<Exit>,
    },
    /// It failed and is started again after a delay.
    Restart {
        /// how long it waits
        delay: Duration,
        /// which consecutive restart it will be, from 1
        attempt: u32,
        /// how the last life ended
        cause: Arc<Exit>,
        /// whether that life had been up
        was_up: bool,
    },
    /// It failed and all attempts are used up.
    GaveUp {
        /// consecutive restarts that did not help
        attempts: u32,
        /// how the last life ended
        cause: Arc<Exit>,
    },
    /// Boot is over and it still waits for a service that is not up.
    Waiting {
        /// id of the service that it needs
        on: Arc<str>,
    },
}

impl ServiceChange {
    /// The state of the service after it.
    pub fn state(&self) -> State {
        match self {
            ServiceChange::Starting { .. } => State::Starting,
            ServiceChange::Running => State::Running,
            ServiceChange::Stopping => State::Stopping,
            ServiceChange::Stopped { .. } => State::Stopped,
            ServiceChange::Exited { .. } => State::Exited,
            ServiceChange::Restart { .. } | ServiceChange::GaveUp { .. } => State::Failed,
            ServiceChange::Waiting { .. } => State::Unknown,
        }
    }
}
