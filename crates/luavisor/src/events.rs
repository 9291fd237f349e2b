//! The event stream as a channel.

use luavisor_runtime::{CONTROL, Observer, Occurrence};
use tokio::sync::broadcast::{self, error::RecvError};

/// How many events wait for the slowest subscriber before it misses some.
const BACKLOG: usize = 4096;

/// What happens in the runtime, one event after the other.
///
/// Subscribing costs every start and end of a process a little; workers never
/// wait for a subscriber. One that lags more than 4096 events behind is told
/// how many it missed, by [`Lifecycle::Missed`].
#[derive(Debug)]
pub struct Events {
    receiver: broadcast::Receiver<Occurrence>,
}

/// One event.
#[derive(Clone, Debug)]
pub enum Lifecycle {
    /// Something happened.
    Occurred(Occurrence),
    /// The subscriber was too slow: so many events are lost.
    Missed(u64),
}

impl Events {
    /// The next event; `None` when the runtime is gone.
    pub async fn next(&mut self) -> Option<Lifecycle> {
        event(self.receiver.recv().await)
    }

    /// The next event, blocking this thread. Not for asynchronous code.
    pub fn wait(&mut self) -> Option<Lifecycle> {
        event(self.receiver.blocking_recv())
    }
}

fn event(received: Result<Occurrence, RecvError>) -> Option<Lifecycle> {
    match received {
        Ok(occurrence) => Some(Lifecycle::Occurred(occurrence)),
        Err(RecvError::Lagged(missed)) => Some(Lifecycle::Missed(missed)),
        Err(RecvError::Closed) => None,
    }
}

/// The observer behind all subscriptions of one runtime.
pub(crate) struct Broadcast {
    sender: broadcast::Sender<Occurrence>,
}

impl Broadcast {
    pub fn new() -> Broadcast {
        Broadcast { sender: broadcast::Sender::new(BACKLOG) }
    }

    pub fn subscribe(&self) -> Events {
        Events { receiver: self.sender.subscribe() }
    }
}

impl Observer for Broadcast {
    fn observe(&self, occurrence: &Occurrence) {
        // What the runtime itself is made of is nobody's business.
        if let Occurrence::Spawned { pid, .. } | Occurrence::Exited { pid, .. } = occurrence
            && pid.host == CONTROL
        {
            return;
        }
        // Without receivers nobody wants it.
        let _ = self.sender.send(occurrence.clone());
    }
}
