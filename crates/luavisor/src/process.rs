//! A process that was started from outside.

use std::sync::Arc;

use luavisor_core::{Exit, Pid};
use tokio::sync::oneshot;

/// A started process and, later, its end. Dropping the handle leaves the
/// process alone.
#[derive(Debug)]
pub struct Process {
    pid: Pid,
    end: End,
}

impl Process {
    pub(crate) fn new(pid: Pid, end: End) -> Process {
        Process { pid, end }
    }

    /// Its pid, good for [`send`](crate::Luavisor::send) and the like.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// Waits for its end without blocking a thread.
    pub async fn exit(self) -> Arc<Exit> {
        self.end.exit().await
    }

    /// Waits for its end, blocking this thread. Not for asynchronous code.
    pub fn wait(self) -> Arc<Exit> {
        self.end.wait()
    }
}

/// The end of a process, some time.
#[derive(Debug)]
pub struct End {
    receiver: oneshot::Receiver<Arc<Exit>>,
}

impl End {
    pub(crate) fn channel() -> (impl FnOnce(Arc<Exit>) + Send + 'static, End) {
        let (sender, receiver) = oneshot::channel();
        let report = move |exit| {
            // Nobody has to wait for an end.
            let _ = sender.send(exit);
        };
        (report, End { receiver })
    }

    /// Waits without blocking a thread. If the runtime is closed before, the end
    /// is `process not found`.
    pub async fn exit(self) -> Arc<Exit> {
        self.receiver.await.unwrap_or_else(|_| Arc::new(Exit::no_process()))
    }

    /// Waits, blocking this thread. Not for asynchronous code.
    pub fn wait(self) -> Arc<Exit> {
        self.receiver.blocking_recv().unwrap_or_else(|_| Arc::new(Exit::no_process()))
    }
}
