//! Native processes: state machines in Rust that are processes like any other.
//!
//! They have pids; they can be linked, monitored, cancelled, terminated and
//! registered; they get messages and events. Everything that happens to one
//! arrives as an [`Input`], one at a time, in order; it acts through its
//! [`NativeContext`] and never blocks. A panic becomes its failure.

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Exit, HostId, Pid, Values};
use luavisor_vm::kernel::{
    CallRequest, CancelRequest, Kernel, LogRecord, SpawnRequest, SupervisorRequest,
};
use luavisor_vm::{Slot, TimerId, Token};

use crate::runtime::Runtime;
use crate::shard::kernel::ShardKernel;

/// Something that happens to a native process.
#[derive(Debug)]
pub enum Input {
    /// It begins: always the first input.
    Start,
    /// A message.
    Message {
        /// the sender, or the empty pid
        from: Pid,
        /// its topic
        topic: Bytes,
        /// the values sent
        payload: Values,
    },
    /// EXIT, LINK_DOWN, CANCEL or OUTDATED.
    Event(Event),
    /// A timer of [`NativeContext::set_timer`] fired.
    Timer(Token),
    /// A pending operation ended.
    Completed(Token, Result<Values, Error>),
    /// News for those who control services and hosts.
    Notice(Notice),
    /// For supervisors: a request whose answer completes this operation of the asker.
    Request(Pid, Token, Box<SupervisorRequest>),
}

/// What native processes hear beside system events.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Notice {
    /// The process, spawned with this one as [`SpawnOrder::control`], called `process.ready()`.
    Ready(Pid),
    /// A host whose stop this process asked for is empty and closed.
    HostStopped(HostId),
    /// For supervisors: children that run code of these entries are to run the newer code.
    Outdated(Arc<BTreeSet<Arc<str>>>),
}

/// Whether a native process goes on.
#[derive(Debug)]
pub enum Flow {
    /// It waits for the next input.
    Continue,
    /// It ends.
    Finish(Exit),
}

/// A process written in Rust.
pub trait NativeProcess: Send {
    /// Handles one input. Must not block.
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow;
}

/// How to make a native process.
#[derive(Clone, Debug)]
pub struct NativeOptions {
    /// stands where the entry id of a Lua process would
    pub entry: Arc<str>,
    /// claimed before the process begins
    pub name: Option<String>,
    /// its maker monitors it
    pub monitor: bool,
    /// its maker is linked to it
    pub link: bool,
    /// gets [`Notice::Ready`]
    pub control: Option<Pid>,
    /// its supervisor, and its name there
    pub supervisor: Option<(Pid, String)>,
    /// which life of a service or child it is, from 1; 0: of neither
    pub life: u64,
    /// On the control host: the error that Lua senders get. By default
    /// `process not found`, as SPEC 2.2 wants it for control pids; then Lua code
    /// can neither monitor, link, cancel nor terminate it either.
    pub refusal: Option<Error>,
}

impl NativeOptions {
    /// No name, no relations.
    pub fn new(entry: impl Into<Arc<str>>) -> NativeOptions {
        let entry = entry.into();
        NativeOptions {
            entry,
            name: None,
            monitor: false,
            link: false,
            control: None,
            supervisor: None,
            life: 0,
            refusal: None,
        }
    }
}

/// A spawn request with what services and supervisors add to it.
#[derive(Clone, Debug)]
pub struct SpawnOrder {
    /// what everybody can ask for
    pub request: SpawnRequest,
    /// gets [`Notice::Ready`]
    pub control: Option<Pid>,
    /// what `process.supervisor()` returns in the child
    pub supervisor: Option<(Pid, String)>,
    /// which life of a service or child it is, from 1; 0: of neither
    pub life: u64,
}

impl From<SpawnRequest> for SpawnOrder {
    fn from(request: SpawnRequest) -> SpawnOrder {
        SpawnOrder { request, control: None, supervisor: None, life: 0 }
    }
}

/// What a native process can reach while it handles an input.
pub struct NativeContext<'a> {
    pub(crate) kernel: &'a mut ShardKernel,
    pub(crate) slot: Slot,
}

impl NativeContext<'_> {
    /// The own pid.
    pub fn pid(&self) -> Pid {
        self.kernel.processes.pid(self.slot)
    }

    /// Nanoseconds on a clock that never goes back.
    pub fn monotonic(&self) -> u64 {
        self.kernel.monotonic()
    }

    /// Unix time in seconds with fraction.
    pub fn unix(&self) -> f64 {
        self.kernel.world.clock.unix()
    }

    /// 64 random bits.
    pub fn random(&mut self) -> u64 {
        self.kernel.random()
    }

    /// A random number from 0, included, to 1, excluded.
    pub(crate) fn uniform(&mut self) -> f64 {
        // 53 bits: as many as a float keeps.
        (self.random() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// The runtime. Calls through it reach other shards only after this input.
    pub fn runtime(&self) -> Runtime {
        Runtime { world: self.kernel.world.clone() }
    }

    /// The text form of a pid.
    pub fn pid_text(&self, pid: Pid) -> String {
        self.kernel.pid_text(pid)
    }

    /// A pid or a registered name as text.
    pub fn resolve(&self, destination: &str) -> Result<Pid, Error> {
        self.kernel.resolve(destination.as_bytes())
    }

    /// Sends a message.
    pub fn send(&mut self, to: Pid, topic: impl Into<Bytes>, payload: Values) -> Result<(), Error> {
        let from = self.pid();
        self.kernel.post_message(from, to, topic.into(), payload)?;
        self.kernel.settle();
        Ok(())
    }

    /// Starts a Lua process.
    pub fn spawn(&mut self, order: impl Into<SpawnOrder>) -> Result<Pid, Error> {
        let pid = self.kernel.spawn_order(self.slot, order.into(), None);
        self.kernel.settle();
        pid
    }

    /// Starts a native process on a host.
    pub fn spawn_native(
        &mut self,
        host: HostId,
        actor: Box<dyn NativeProcess>,
        options: NativeOptions,
    ) -> Result<Pid, Error> {
        let pid = self.kernel.spawn_native(self.slot, host, actor, options);
        self.kernel.settle();
        pid
    }

    /// Starts a process whose end arrives as [`Input::Completed`].
    pub fn exec(
        &mut self,
        request: SpawnRequest,
        timeout: Option<(u64, Arc<str>)>,
        token: Token,
    ) -> Result<(), Error> {
        self.kernel.exec(self.slot, request, timeout, token)
    }

    /// Calls a function; its value or error arrives as [`Input::Completed`]. On the control
    /// host, which runs no functions, the request must name another host.
    pub fn call(&mut self, request: CallRequest, token: Token) -> Result<(), Error> {
        self.kernel.call_function(self.slot, request, token)
    }

    /// Gives a call up: it does not complete any more, and is ended after 5 s.
    pub fn cancel_call(&mut self, token: Token) {
        self.kernel.cancel_call(self.slot, token);
    }

    /// `process.monitor`.
    pub fn monitor(&mut self, pid: Pid) -> Result<(), Error> {
        self.kernel.monitor(self.slot, pid)
    }

    /// `process.unmonitor`.
    pub fn unmonitor(&mut self, pid: Pid) {
        self.kernel.remove_monitor(self.slot, pid);
    }

    /// `process.link`.
    pub fn link(&mut self, pid: Pid) -> Result<(), Error> {
        self.kernel.link(self.slot, pid)
    }

    /// `process.unlink`.
    pub fn unlink(&mut self, pid: Pid) {
        self.kernel.remove_link(self.slot, pid);
    }

    /// Whether link failures become events or end this process. Switched off
    /// while a LINK_DOWN is unread, that failure ends it.
    pub fn trap_links(&mut self, trap: bool) {
        let unread = self.kernel.unread_link_down(self.slot);
        self.kernel.set_trap_links(self.slot, trap, unread.as_ref());
    }

    /// `process.cancel`.
    pub fn cancel(&mut self, pid: Pid, request: CancelRequest) -> Result<(), Error> {
        self.kernel.cancel(self.slot, pid, request)
    }

    /// `process.terminate`.
    pub fn terminate(&mut self, pid: Pid) -> Result<(), Error> {
        self.kernel.terminate(self.slot, pid)
    }

    /// From now on a process that this one has just spawned ends with it, however
    /// this one ends. To be undone by [`NativeContext::release`] when its EXIT came.
    pub(crate) fn adopt(&mut self, child: Pid) {
        if let Some(process) = self.kernel.processes.at(self.slot) {
            process.bonds().children.insert(child);
        }
    }

    /// The child has ended.
    pub(crate) fn release(&mut self, child: Pid) {
        if let Some(process) = self.kernel.processes.at(self.slot) {
            process.bonds().children.remove(&child);
        }
    }

    /// `process.ready`.
    pub fn ready(&mut self) {
        self.kernel.ready(self.slot);
    }

    /// A timer that fires after `delay` nanoseconds as [`Input::Timer`].
    pub fn set_timer(&mut self, delay: u64, token: Token) -> TimerId {
        let at = self.kernel.monotonic().saturating_add(delay);
        self.kernel.set_timer(self.slot, at, token)
    }

    /// Forgets a timer.
    pub fn clear_timer(&mut self, timer: TimerId) {
        self.kernel.clear_timer(self.slot, timer);
    }

    /// Registers a name.
    pub fn register(&mut self, name: &str, pid: Pid) -> Result<(), Error> {
        self.kernel.register(self.slot, name, pid)
    }

    /// The owner of a name.
    pub fn lookup(&self, name: &str) -> Result<Pid, Error> {
        self.kernel.lookup(name)
    }

    /// Gives a name up.
    pub fn unregister(&mut self, name: &str) -> Result<bool, Error> {
        self.kernel.unregister(self.slot, name)
    }

    /// Does work that may block on another thread; its end arrives as [`Input::Completed`].
    pub fn run_blocking(
        &mut self,
        token: Token,
        work: impl FnOnce() -> Result<Values, Error> + Send + 'static,
    ) {
        self.kernel.run_blocking(self.slot, Box::new(work), token);
    }

    /// Writes a log line.
    pub fn log(&mut self, record: LogRecord) {
        self.kernel.log(self.slot, record);
    }
}
