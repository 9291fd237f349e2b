//! The event stream: what happens in the runtime, for those who listen.
//!
//! Observers are called on the thread where it happens, in the order in which
//! that thread does things, and must be quick. When nobody listens an event
//! costs one relaxed load and is never built.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, RwLock};

pub use luavisor_core::supervision::Change as ChildChange;
use luavisor_core::{Exit, HostId, Pid};

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
    /// In a simulation only: what happened to a monitor or a link.
    Bond {
        /// the process whose monitor or link it is
        of: Pid,
        /// the other one
        with: Pid,
        /// what
        change: BondChange,
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

/// What happens to monitors and links.
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
