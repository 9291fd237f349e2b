//! The contract between the Lua layer and the scheduler around it.
//!
//! While Lua code of a process runs, [`Kernel`] is everything it can reach
//! outside its VM: the scheduler implements it once per shard, tests implement
//! it with a few lines. All calls happen on the thread that called
//! [`Vm::run`](crate::Vm::run) and none of them blocks: what takes time gets a
//! [`Token`] and is answered later by [`Vm::complete`](crate::Vm::complete).
//!
//! Who owns what:
//! - the VM: threads, tasks, channels, mailbox and unread events of a Lua process;
//! - the kernel: pids, names, links, monitors, `trap_links`, cancel deadlines,
//!   timers, placement, and the order of everything.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::bus::BusEvent;
use luavisor_core::pattern::Pattern;
use luavisor_core::registry::{Change, Entry, History};
use luavisor_core::security::Policies;
use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Pid, Values};

use crate::bus::Subscription;
use crate::files::Volume;
use crate::program::{Context, Program};
use crate::store::{Store, TokenStore};
use crate::template::TemplateSet;

/// A process's place within its shard; the index of every per-process table.
pub type Slot = u16;

/// Names one pending operation of one process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Token(pub u64);

/// A running timer of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TimerId {
    /// when it fires, in nanoseconds of [`Kernel::monotonic`]
    pub at: u64,
    /// makes timers of the same instant different; rises in order of creation
    pub sequence: u64,
}

/// What a message takes of its mailbox and, in a simulation, which message it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Room {
    /// reserved bytes; a larger message reserves as many as fit here
    pub bytes: u32,
    /// number of the message; 0 outside of simulations
    pub stamp: u32,
}

impl Room {
    /// The room for a message of so many bytes.
    pub fn of(bytes: usize) -> Room {
        Room { bytes: u32::try_from(bytes).unwrap_or(u32::MAX), stamp: 0 }
    }
}

/// What `process.spawn*`, the builder and `process.exec` ask for.
#[derive(Clone, Debug)]
pub struct SpawnRequest {
    /// entry id as given, not yet checked
    pub id: Arc<str>,
    /// host id as given, not yet checked
    pub host: Arc<str>,
    /// arguments of `main`
    pub arguments: Values,
    /// monitor the new process
    pub monitor: bool,
    /// link to the new process
    pub link: bool,
    /// claim this name; if it is taken its owner stands in for the new process (SPEC 12.3)
    pub name: Option<String>,
    /// messages that arrive first, from the empty pid
    pub messages: Vec<(Bytes, Values)>,
    /// context values, actor and scope of the new process
    pub context: Arc<Context>,
}

impl SpawnRequest {
    /// A process without relations, name and first messages.
    pub fn new(
        id: impl Into<Arc<str>>,
        host: impl Into<Arc<str>>,
        arguments: Values,
        context: Arc<Context>,
    ) -> SpawnRequest {
        SpawnRequest {
            id: id.into(),
            host: host.into(),
            arguments,
            monitor: false,
            link: false,
            name: None,
            messages: Vec::new(),
            context,
        }
    }
}

/// What `funcs` asks for.
#[derive(Clone, Debug)]
pub struct CallRequest {
    /// id of a function, or of a process with a default host
    pub id: Arc<str>,
    /// arguments of the method
    pub arguments: Values,
    /// context values, actor and scope of the call
    pub context: Arc<Context>,
    /// nanoseconds after which it is ended, with the text to report
    pub timeout: Option<(u64, Arc<str>)>,
    /// the calling task waits for the answer, so that the call may have its place
    pub waits: bool,
    /// where a function runs; by default on the host of its caller
    pub host: Option<Arc<str>>,
}

/// What the `supervisor` module asks of a supervisor (SPEC 13.3), with what the
/// answer holds.
#[derive(Clone, Debug, PartialEq)]
pub enum SupervisorRequest {
    /// an array of tables
    Children,
    /// one table
    Counts,
    /// the pid of this child, or nil
    Which(Arc<str>),
    /// starts a dynamic child with these arguments: name and pid
    Start(Option<Arc<str>>, Values),
    /// stops this child: true
    Stop(Arc<str>),
    /// starts this child anew: its pid
    Restart(Arc<str>),
}

/// A cancel request, parsed.
#[derive(Clone, Debug, PartialEq)]
pub struct CancelRequest {
    /// nanoseconds until the forced end, with the text to report; `None`: never forced
    pub timeout: Option<(u64, Arc<str>)>,
    /// empty when none was given
    pub reason: Arc<str>,
}

/// Which of the two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// standard output
    Stdout,
    /// standard error
    Stderr,
}

/// Severity of a log line.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[allow(missing_docs)]
pub enum Level {
    Debug,
    Info,
    Warn,
    Error,
}

/// One log line of a process.
#[derive(Clone, Debug)]
pub struct LogRecord {
    /// how severe
    pub level: Level,
    /// name of the logger, dotted
    pub logger: Arc<str>,
    /// the text
    pub message: String,
    /// fields in order, as JSON text per field
    pub fields: Vec<(String, String)>,
}

/// What a write to an output came to.
#[derive(Debug)]
pub enum Written {
    /// Accepted.
    Done,
    /// The output is slow: the task waits until the token completes.
    Wait,
    /// An earlier write failed, Internal `write stdout: <cause>`; this one was not tried.
    Failed(Error),
}

/// What setting an environment variable came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stored {
    /// It is set.
    Done,
    /// A file is being written: the token completes when it is.
    Wait,
}

/// How much heap VMs use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapUse {
    /// bytes in use
    pub used: u64,
    /// bytes ever asked for
    pub asked: u64,
}

/// What the machine shows of itself; the same everywhere in a simulation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Machine {
    /// the process id of the runtime
    pub pid: u32,
    /// the name of the machine
    pub hostname: String,
    /// logical processors
    pub cpus: usize,
    /// bytes of the runtime in memory, if that can be told
    pub resident: Option<u64>,
}

/// A number that programs may set for the whole runtime.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Setting {
    /// bytes, -1 for none; kept without effect, as hosts and processes have limits of
    /// their own
    MemoryLimit,
    /// how much garbage may come before it is collected, in percent of what lives
    GcPercent,
    /// threads that may run Lua; kept without effect
    MaxProcs,
}

/// How a service is doing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceInfo {
    /// the service
    pub id: Arc<str>,
    /// a state of SPEC 10.1 in lower case
    pub status: &'static str,
    /// whether it is meant to run
    pub wanted: bool,
    /// consecutive restarts
    pub restarts: u32,
    /// unix nanoseconds of the last change
    pub changed_at: u64,
    /// unix nanoseconds of the last start
    pub started_at: Option<u64>,
    /// what ended its last life, if that was a failure
    pub details: Option<Arc<str>>,
}

/// What is done off the workers. It must not wait for a process.
pub type Work = Box<dyn FnOnce() -> Result<Values, Error> + Send>;

/// What a program measures.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Measure {
    /// a counter rises by this
    Count(f64),
    /// a gauge is this now
    Set(f64),
    /// a gauge changes by this
    Change(f64),
    /// a histogram gets this value
    Observe(f64),
}

/// A request for terminal input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Read {
    /// up to this many bytes
    Bytes(usize),
    /// one line
    Line,
}

/// What Lua code can reach outside its VM. `from` is always the running process.
pub trait Kernel {
    /// Nanoseconds on a clock that never goes back.
    fn monotonic(&self) -> u64;
    /// Unix time: whole seconds and nanoseconds.
    fn wall(&self) -> (i64, u32);
    /// 64 random bits.
    fn random(&mut self) -> u64;

    /// Makes a process of this shard ready to run (called by the VM when it wakes one).
    fn wake(&mut self, slot: Slot);

    /// The text form of a pid.
    fn pid_text(&self, pid: Pid) -> String;
    /// A destination as text: a pid, else a registered name. NotFound with the
    /// texts of SPEC 2.2 when it is neither, or names no known host. Does not
    /// check that the process lives.
    fn resolve(&self, destination: &[u8]) -> Result<Pid, Error>;

    /// Queues a message at a process that is not a Lua process of this shard.
    fn send(&mut self, from: Slot, to: Pid, topic: Bytes, payload: Values) -> Result<(), Error>;
    /// In a simulation: a message to a Lua process of this shard was sent, and is in its
    /// mailbox. Returns its stamp.
    fn posted(&mut self, from: Slot, to: Pid, topic: &[u8], payload: Values) -> u32 {
        let _ = (from, to, topic, payload);
        0
    }
    /// In a simulation: this message left the mailbox.
    fn taken(&mut self, slot: Slot, from: Pid, stamp: u32) {
        let _ = (slot, from, stamp);
    }
    /// The largest payload, in bytes, that `to` takes (`limits.message_bytes` of its host).
    fn message_limit(&self, to: Pid) -> usize;

    /// Starts a process; never runs it before this returns.
    fn spawn(&mut self, from: Slot, request: SpawnRequest) -> Result<Pid, Error>;
    /// Starts a process whose end completes `token` with its value or error.
    fn exec(
        &mut self,
        from: Slot,
        request: SpawnRequest,
        timeout: Option<(u64, Arc<str>)>,
        token: Token,
    ) -> Result<(), Error>;

    /// Calls a function: its value or error completes `token`. Fails at once only for
    /// arguments that are too large and a host that does not exist.
    fn call_function(
        &mut self,
        from: Slot,
        request: CallRequest,
        token: Token,
    ) -> Result<(), Error>;
    /// Gives up the call behind `token`, which is never completed: the function gets a
    /// CANCEL and is ended after 5 s. No effect once the call has returned.
    fn cancel_call(&mut self, from: Slot, token: Token);

    /// `events.send`. Fails only for data that is too large.
    fn publish(&mut self, from: Slot, event: BusEvent) -> Result<(), Error>;
    /// `events.subscribe`: from now on events that match are put into the subscription,
    /// and [`Vm::bell`](crate::Vm::bell) tells with `token` that some came.
    fn subscribe(
        &mut self,
        from: Slot,
        system: Pattern,
        kind: Option<Pattern>,
        token: Token,
    ) -> Arc<Subscription>;
    /// Nothing is put into it any more.
    fn unsubscribe(&mut self, from: Slot, subscription: &Subscription);

    /// SPEC 4.1. The VM removes unread events after `unmonitor` and `unlink`.
    fn monitor(&mut self, from: Slot, pid: Pid) -> Result<(), Error>;
    /// Never fails for dead or unknown processes.
    fn unmonitor(&mut self, from: Slot, pid: Pid) -> Result<(), Error>;
    /// SPEC 4.1.
    fn link(&mut self, from: Slot, pid: Pid) -> Result<(), Error>;
    /// Removes both directions.
    fn unlink(&mut self, from: Slot, pid: Pid) -> Result<(), Error>;
    /// Sets `trap_links`. When it is switched off while a LINK_DOWN is unread,
    /// the VM passes that event: the process is ended by it.
    fn set_trap_links(&mut self, from: Slot, trap: bool, unread: Option<&Event>);
    /// Whether the process wants OUTDATED events.
    fn set_upgradable(&mut self, from: Slot, upgradable: bool);

    /// SPEC 5.1.
    fn cancel(&mut self, from: Slot, pid: Pid, request: CancelRequest) -> Result<(), Error>;
    /// SPEC 5.2. After `Ok` for the own pid the VM never resumes the process.
    fn terminate(&mut self, from: Slot, pid: Pid) -> Result<(), Error>;
    /// Ends the process in `slot`, which does not run, because it holds most of the
    /// shard's memory.
    fn end_for_memory(&mut self, slot: Slot) {
        let _ = slot;
    }
    /// `process.ready()`.
    fn ready(&mut self, from: Slot);
    /// A function of the `supervisor` module; the answer completes `token`.
    fn ask_supervisor(
        &mut self,
        from: Slot,
        supervisor: &[u8],
        request: SupervisorRequest,
        token: Token,
    ) -> Result<(), Error>;
    /// `process.supervisor()`: the supervisor's pid and the child's name.
    fn supervisor(&self, from: Slot) -> Option<(Pid, String)>;

    /// SPEC 12.4.
    fn register(&mut self, from: Slot, name: &str, pid: Pid) -> Result<(), Error>;
    /// NotFound `name not registered`.
    fn lookup(&self, name: &str) -> Result<Pid, Error>;
    /// `Ok(false)` for an unknown name, PermissionDenied for a foreign one.
    fn unregister(&mut self, from: Slot, name: &str) -> Result<bool, Error>;

    /// Starts a timer; it fires through [`Vm::timer`](crate::Vm::timer).
    fn set_timer(&mut self, slot: Slot, at: u64, token: Token) -> TimerId;
    /// Forgets a timer; no effect if it has fired.
    fn clear_timer(&mut self, slot: Slot, timer: TimerId);

    /// The newest code of an entry that can make a process, for `process.upgrade`.
    fn program(&self, id: &str) -> Result<Arc<Program>, Error>;

    /// Writes to an output as one piece.
    fn write(&mut self, from: Slot, output: Output, bytes: &[u8], token: Token) -> Written;
    /// Waits until what was written before is passed on.
    fn flush(&mut self, from: Slot, output: Output, token: Token) -> Written;
    /// Starts reading from the terminal. The token completes with a string, which
    /// for a line has no line end, or at the end of input with NotFound `EOF`.
    fn read(&mut self, from: Slot, read: Read, token: Token) -> Result<(), Error>;
    /// Counts a wish for raw mode of the terminal up or down. Unavailable `not a tty`.
    fn set_raw(&mut self, from: Slot, on: bool) -> Result<(), Error>;
    /// Command-line arguments of a terminal process; empty elsewhere.
    fn terminal_arguments(&self, from: Slot) -> Vec<String>;
    /// Whether the process runs on a terminal host.
    fn has_terminal(&self, from: Slot) -> bool;

    /// The value of an environment variable of the application, by its name or entry
    /// id, or the name of an entry in `namespace`. The texts of MODULES 7.
    fn variable(&self, namespace: &str, key: &str) -> Result<String, Error>;
    /// Sets one; `place` is its namespace and key.
    fn set_variable(
        &mut self,
        from: Slot,
        place: (&str, &str),
        value: &str,
        token: Token,
    ) -> Result<Stored, Error>;
    /// All values by name.
    fn variables(&self) -> BTreeMap<String, String>;

    /// The store of this id, running or not: NotFound, Invalid, Unavailable.
    fn store(&self, id: &str) -> Result<Arc<dyn Store>, Error>;
    /// The volume of this id, running: NotFound, Unavailable.
    fn volume(&self, id: &str) -> Result<Arc<dyn Volume>, Error>;

    /// The template set of this id, with the templates that it has now: NotFound, Invalid.
    fn template_set(&self, id: &str) -> Result<Arc<TemplateSet>, Error>;

    /// The token store of this id: NotFound, Invalid.
    fn token_store(&self, id: &str) -> Result<Arc<TokenStore>, Error> {
        Err(match self.has_entry(id) {
            true => Error::invalid("resource is not a token store"),
            false => Error::not_found(format!("token store not found: {id}")),
        })
    }

    /// The policies of the application.
    fn policies(&self) -> Arc<Policies>;
    /// All entries of the application, by id.
    fn entries(&self) -> Arc<[Arc<Entry>]>;
    /// The versions of the entries.
    fn history(&self) -> History;
    /// Changes entries, all or none; returns the new version.
    fn change_registry(&mut self, changes: &[Change]) -> Result<u64, Error>;
    /// Puts an older or newer version in force.
    fn go_to_version(&mut self, version: u64) -> Result<(), Error>;
    /// Whether there is an entry of this id, of any kind.
    fn has_entry(&self, id: &str) -> bool;

    /// Takes a measurement: Invalid for another type or name, LimitExceeded.
    fn measure(
        &mut self,
        name: &str,
        labels: &BTreeMap<String, String>,
        measure: Measure,
    ) -> Result<(), Error>;

    /// The lowest level that is written.
    fn log_level(&self) -> Level;
    /// Writes a log line.
    fn log(&mut self, from: Slot, record: LogRecord);

    /// Heap of all VMs: `own` is that of this one, the others' are as of their last
    /// turns. Luau's collector goes by the machine's clock, so a simulation tells
    /// something that does not depend on it.
    fn heaps(&self, own: HeapUse) -> HeapUse;
    /// The machine.
    fn machine(&self) -> Machine;
    /// Live processes of all hosts.
    fn living(&self) -> usize;
    /// A number for the whole runtime.
    fn setting(&self, setting: Setting) -> i64;
    /// Sets it and returns what it was.
    fn set(&mut self, setting: Setting, value: i64) -> i64;
    /// All services, by id.
    fn services(&self) -> Vec<ServiceInfo>;
    /// `system.exit`: begins the shutdown of the runtime.
    fn exit_runtime(&mut self, code: i32);

    /// Calls an asynchronous native function of an embedder's module; its end completes `token`.
    fn call_async(
        &mut self,
        from: Slot,
        function: crate::native::AsyncFunction,
        arguments: Values,
        token: Token,
    );
    /// Does work that would hold the worker up elsewhere; its end completes `token`.
    fn run_blocking(&mut self, from: Slot, work: Work, token: Token);
}
