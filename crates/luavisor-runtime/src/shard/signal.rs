//! Signals: everything that one process, or the world outside, does to another.
//!
//! A signal to a process of another shard goes through that shard's queue; one
//! to a process of the same shard through the shard's own work list. Both are
//! first-in first-out, and a pair of processes always uses the same one, so
//! signals between one pair keep their order.

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_core::relations::{LinkId, LinkIds};
use luavisor_core::value::Bytes;
use luavisor_core::{Error, Exit, Pid, Values};
use luavisor_vm::kernel::{Room, SupervisorRequest};
use luavisor_vm::{Birth, Token};

use super::pending::Errand;
use crate::catalog::{SeatPool, Waiter};
use crate::native::{NativeProcess, Notice};
use crate::snapshot::Inspection;

/// One signal.
pub(crate) enum Signal {
    /// A process begins. Its slot is taken and its life has begun.
    Spawn(Box<Newborn>),
    /// A user message; its mailbox room is reserved.
    Message { to: Pid, from: Pid, topic: Bytes, payload: Values, room: Room },
    /// `watcher` wants the EXIT of `to`.
    Monitor { to: Pid, watcher: Pid },
    /// It does not any more.
    Unmonitor { to: Pid, watcher: Pid },
    /// `peer` linked itself to `to`.
    Link { to: Pid, peer: Pid, id: LinkId },
    /// `peer` unlinked itself from `to`; `known` is named from the peer's side.
    Unlink { to: Pid, peer: Pid, known: LinkIds },
    /// A watched process ended.
    Exited { to: Pid, from: Pid, at: f64, exit: Arc<Exit> },
    /// A linked process failed.
    LinkFailed { to: Pid, from: Pid, at: f64, exit: Arc<Exit> },
    /// A linked process ended normally.
    LinkDissolved { to: Pid, from: Pid },
    /// CANCEL.
    Cancel(Box<Cancel>),
    /// The end of `to` was claimed and is now to be carried out.
    Kill { to: Pid, exit: Arc<Exit> },
    /// A pending operation of `to` ended.
    Complete { to: Pid, token: Token, result: Box<Result<Values, Error>> },
    /// The process that a call waits for ended.
    CallEnded { to: Pid, token: Token, exit: Arc<Exit> },
    /// A call that waited for a seat has one now.
    SeatGiven { waiter: Waiter, pool: Arc<SeatPool> },
    /// Events came for a subscription.
    Bell { to: Pid, token: Token },
    /// A request to a supervisor; the answer completes `token` of `from`.
    Request { to: Pid, from: Pid, token: Token, request: Box<SupervisorRequest> },
    /// Something for a native process only.
    Notice { to: Pid, notice: Notice },
    /// Every process of the shard gets this CANCEL: the host stops.
    StopHost(Box<Cancel>),
    /// Every process of the shard is ended with this exit.
    EndAll(Arc<Exit>),
    /// These entries have newer code.
    Outdated { to: Pid, ids: Arc<BTreeSet<Arc<str>>> },
    /// In a simulation: the process is no longer held.
    LetGo { to: Pid },
    /// The host is empty: give the VM's memory back.
    Rest,
    /// Somebody wants to know what the shard holds.
    Inspect(Arc<Inspection>),
}

/// A cancel under way.
#[derive(Clone)]
pub(crate) struct Cancel {
    pub to: Pid,
    pub from: Pid,
    /// unix seconds of the request
    pub at: f64,
    pub reason: Arc<str>,
    /// monotonic nanoseconds and unix seconds of the forced end, and the timeout as text
    pub deadline: Option<(u64, f64, Arc<str>)>,
}

/// A process that is about to begin in its shard.
pub(crate) struct Newborn {
    pub pid: Pid,
    pub parent: Pid,
    pub body: NewBody,
    /// gets its EXIT
    pub watcher: Option<Pid>,
    /// is linked to it
    pub link: Option<(Pid, LinkId)>,
    /// arrive first, from the empty pid
    pub messages: Vec<(Bytes, Values)>,
    /// whom its end answers
    pub errand: Option<Errand>,
    /// is told of `process.ready()`
    pub control: Option<Pid>,
    /// what `process.supervisor()` returns
    pub supervisor: Option<(Pid, String)>,
    /// which life of a service or child it is; 0: of neither
    pub life: u64,
}

/// What the new process runs.
pub(crate) enum NewBody {
    Lua(Box<Birth>),
    Native { entry: Arc<str>, actor: Box<dyn NativeProcess> },
}
