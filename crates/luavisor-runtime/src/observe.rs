//! The event stream: what happens in the runtime, for those who listen.
//!
//! Observers are called on the thread where it happens, in the order in which
//! that thread does things, and must be quick. When nobody listens an event
//! costs one relaxed load and is never built.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

pub use luavisor_core::supervision::Change as ChildChange;
use luavisor_core::value::Bytes;
use luavisor_core::{Exit, HostId, Pid, Values};
use luavisor_vm::TimerId;
use luavisor_vm::kernel::{LogRecord, Output};

use crate::crash::CrashReport;
use crate::services::ServiceChange;
use crate::sync::{read, write};

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Occurrence {
    /// A process was made.
    Spawned {
        /// the new process
        pid: Pid,
        /// who made it, or the empty pid
        parent: Pid,
        /// entry id of its code
        entry: Arc<str>,
    },
    /// A process ended.
    Exited {
        /// the process
        pid: Pid,
        /// entry id of its code
        entry: Arc<str>,
        /// how
        exit: Arc<Exit>,
    },
    /// A process failed by itself; told before or after its end.
    Crashed(Arc<CrashReport>),
    /// In a simulation only: what happened to a monitor, a link or a cancel.
    Bond {
        /// the process whose monitor or link it is
        of: Pid,
        /// the other one
        with: Pid,
        /// what
        change: BondChange,
    },
    /// In a simulation only: how far a message has come.
    Message {
        /// who sent it, or the empty pid
        from: Pid,
        /// who gets it
        to: Pid,
        /// its number, which rises with each message of the runtime
        stamp: u32,
        /// how far
        stage: MessageStage,
    },
    /// In a simulation only: a process wrote something.
    Written {
        /// who; the empty pid: the runtime's owner
        from: Pid,
        /// where to
        output: Output,
        /// the piece
        piece: Bytes,
    },
    /// In a simulation only: a process logged a line.
    Logged {
        /// who
        from: Pid,
        /// the line
        record: LogRecord,
    },
    /// In a simulation only: what happened to a timer of a process.
    Timer {
        /// whose it is
        pid: Pid,
        /// which one
        timer: TimerId,
        /// what
        change: TimerChange,
    },
    /// In a simulation only: a process begins a step.
    Step {
        /// which one
        pid: Pid,
        /// its end was claimed before: it must not run any more
        killed: bool,
        /// steps of its shard since it became ready
        waited: u64,
        /// most living processes of its shard since none was ready
        among: usize,
    },
    /// In a simulation only: what happened to a registered name.
    Name {
        /// the name
        name: Arc<str>,
        /// who owns it now
        owner: Option<Pid>,
    },
    /// In a simulation only: a shard has no process and lets its VM go.
    Emptied {
        /// its host
        host: HostId,
        /// its number
        shard: u16,
        /// what the VM holds beyond a new one, when all garbage and all that it kept for
        /// others is gone
        bytes: usize,
    },
    /// A host accepts processes.
    HostStarted(HostId),
    /// A host is empty and closed.
    HostStopped(HostId),
    /// Something happened to a service.
    Service {
        /// its id
        id: Arc<str>,
        /// its process, while it has one
        pid: Option<Pid>,
        /// what
        change: ServiceChange,
    },
    /// Something happened to a child of a supervisor.
    Child {
        /// entry id of the supervisor
        supervisor: Arc<str>,
        /// its process
        pid: Pid,
        /// name of the child
        child: Arc<str>,
        /// the child's process, while it has one
        child_pid: Option<Pid>,
        /// which of its lives it is, from 1; 0: none yet
        life: u64,
        /// what
        change: ChildChange,
    },
    /// Somebody asked the runtime to end with this code; later requests change nothing.
    ExitRequested(i32),
}

/// What happens to monitors, links and cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BondChange {
    /// It monitors the other.
    Monitors,
    /// It does not any more.
    Unmonitors,
    /// The EXIT of the other arrived.
    HeardExit,
    /// The two are linked.
    Links,
    /// They are not any more.
    Unlinks,
    /// The failure of the other arrived.
    HeardLink,
    /// It was cancelled by the other.
    Cancelled,
    /// The CANCEL of the other arrived.
    HeardCancel,
}

/// How far a message has come.
#[derive(Clone, Debug, PartialEq)]
pub enum MessageStage {
    /// It was accepted.
    Sent {
        /// its topic
        topic: Bytes,
        /// what it holds
        payload: Values,
    },
    /// It is in the mailbox.
    Arrived,
    /// A task of the receiver has it.
    Taken,
}

/// What happens to a timer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimerChange {
    /// It will not fire any more.
    Stopped,
    /// It fired.
    Fired,
}

/// Listens to the event stream.
pub trait Observer: Send + Sync {
    /// Called for each occurrence.
    fn observe(&self, occurrence: &Occurrence);
}

/// The listeners of one runtime.
#[derive(Default)]
pub(crate) struct Observers {
    any: AtomicBool,
    list: RwLock<Vec<Arc<dyn Observer>>>,
}

impl Observers {
    pub fn add(&self, observer: Arc<dyn Observer>) {
        write(&self.list).push(observer);
        self.any.store(true, Ordering::Release);
    }

    /// Lets all go: they may hold the runtime.
    pub fn clear(&self) {
        self.any.store(false, Ordering::Release);
        write(&self.list).clear();
    }

    /// Whether anybody listens.
    pub fn any(&self) -> bool {
        self.any.load(Ordering::Relaxed)
    }

    /// Tells everybody; `make` runs only if somebody listens.
    pub fn tell(&self, make: impl FnOnce() -> Occurrence) {
        if !self.any.load(Ordering::Relaxed) {
            return;
        }
        let occurrence = make();
        // Cloned so that an observer may add observers.
        let list = read(&self.list).clone();
        for observer in list {
            observer.observe(&occurrence);
        }
    }
}
