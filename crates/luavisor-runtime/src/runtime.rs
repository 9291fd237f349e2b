//! The runtime: the handle through which everything outside it acts.
//!
//! Shutdown, in order, as the service layer drives it:
//! 1. [`Runtime::begin_shutdown`]: forced ends have reason "shutdown" from now on;
//! 2. services are stopped, then hosts ([`Runtime::stop_host`]);
//! 3. when the time is up: [`Runtime::terminate_all`];
//! 4. [`Runtime::close`]: outputs are written out, workers end.

use std::io::{self, Write};
use std::net::ToSocketAddrs;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use luavisor_core::bus::BusEvent;
use luavisor_core::value::Bytes;
use luavisor_core::{Error, Exit, HostId, Kind, Pid, Reason, Values};
use luavisor_vm::kernel::{CancelRequest, Output};
use luavisor_vm::native::NativeModule;
use luavisor_vm::{Plane, Preemption, Token};

use crate::catalog::{Catalog, Changed};
use crate::clock::{Clock, SystemClock, VirtualClock};
use crate::executor::Executor;
use crate::executor::manual::{ManualQueue, Order, Simulation};
use crate::host::{HostConfig, HostState};
use crate::input::TerminalInput;
use crate::log::{LogSink, NoLog};
use crate::metrics::MetricsServer;
use crate::native::{NativeOptions, NativeProcess, SpawnOrder};
use crate::observe::Observer;
use crate::output::{Captured, OutputSink, Outputs};
use crate::planted::Bug;
use crate::random::FastRng;
use crate::raw::RawMode;
use crate::resources::Resources;
use crate::snapshot::{self, Snapshot};
use crate::world::{World, WorldParts};

/// A running runtime; clones are the same one.
#[derive(Clone)]
pub struct Runtime {
    pub(crate) world: Arc<World>,
}

/// How to make a runtime.
pub struct RuntimeBuilder {
    catalog: Arc<dyn Catalog>,
    log: Arc<dyn LogSink>,
    modules: Vec<NativeModule>,
    native_code: bool,
    tokio: Option<tokio::runtime::Handle>,
    stdout: Box<dyn Write + Send>,
    stderr: Box<dyn Write + Send>,
    sink: Option<Arc<dyn OutputSink>>,
    resources: Resources,
    strict: bool,
    seed: Option<u64>,
    plane: Option<Arc<Plane>>,
    bug: Option<Bug>,
}

/// The longest slice of a simulated process.
const SAFEPOINTS: u32 = 1000;

impl RuntimeBuilder {
    /// A runtime for the programs of this catalog.
    pub fn new(catalog: Arc<dyn Catalog>) -> RuntimeBuilder {
        RuntimeBuilder {
            catalog,
            log: Arc::new(NoLog),
            modules: Vec::new(),
            native_code: true,
            tokio: None,
            stdout: Box::new(io::stdout()),
            stderr: Box::new(io::stderr()),
            sink: None,
            resources: Resources::default(),
            strict: false,
            seed: None,
            plane: None,
            bug: None,
        }
    }

    /// Where log lines go.
    pub fn log(mut self, log: Arc<dyn LogSink>) -> RuntimeBuilder {
        self.log = log;
        self
    }

    /// Adds a native module of the embedder.
    pub fn module(mut self, module: NativeModule) -> RuntimeBuilder {
        self.modules.push(module);
        self
    }

    /// Whether hot Lua code is compiled to machine code.
    pub fn native_code(mut self, native_code: bool) -> RuntimeBuilder {
        self.native_code = native_code;
        self
    }

    /// Runs asynchronous native functions.
    pub fn tokio(mut self, handle: tokio::runtime::Handle) -> RuntimeBuilder {
        self.tokio = Some(handle);
        self
    }

    /// Where `print` and errors go, instead of the process's own outputs.
    pub fn outputs(
        mut self,
        stdout: Box<dyn Write + Send>,
        stderr: Box<dyn Write + Send>,
    ) -> RuntimeBuilder {
        self.stdout = stdout;
        self.stderr = stderr;
        self
    }

    /// Who takes what is written, with its writer, instead of the two outputs.
    pub fn output_sink(mut self, sink: Arc<dyn OutputSink>) -> RuntimeBuilder {
        self.sink = Some(sink);
        self
    }

    /// What programs find by id besides code.
    pub fn resources(mut self, resources: Resources) -> RuntimeBuilder {
        self.resources = resources;
        self
    }

    /// Refuses guarded calls without a security context.
    pub fn strict_mode(mut self, strict: bool) -> RuntimeBuilder {
        self.strict = strict;
        self
    }

    /// The seed of all randomness.
    pub fn seed(mut self, seed: u64) -> RuntimeBuilder {
        self.seed = Some(seed);
        self
    }

    /// A runtime on worker threads and the machine's clock.
    pub fn build(self) -> Runtime {
        let rng = self.seed.map_or_else(FastRng::from_entropy, FastRng::seeded);
        let world = World::new(WorldParts {
            clock: Arc::new(SystemClock::new()),
            rng,
            catalog: self.catalog,
            log: self.log,
            outputs: match self.sink {
                Some(sink) => Outputs::Sink(sink),
                None => Outputs::streams(self.stdout, self.stderr),
            },
            input: TerminalInput::threaded(Box::new(io::BufReader::new(io::stdin()))),
            raw: RawMode::of(io::stdin()),
            resources: self.resources,
            strict: self.strict,
            executor: Executor::Threads,
            modules: self.modules.into(),
            native_code: self.native_code,
            preemption: Preemption::Armed,
            plane: None,
            bug: None,
            tokio: self.tokio,
        });
        Runtime { world }
    }

    /// Plants a bug, for simulation to find.
    #[doc(hidden)]
    pub fn plant(mut self, bug: Option<Bug>) -> RuntimeBuilder {
        self.bug = bug;
        self
    }

    /// A runtime for simulation: everything that could happen in one order or another
    /// happens in an order that `seed` decides. The same seed, program and application
    /// give the same run: the order of shards, processes and preemptions, random
    /// numbers, and the addresses that `tostring` and the order of tables show.
    ///
    /// # Errors
    /// LimitExceeded: 64 simulations run in this process. Unavailable: the system does
    /// not give it 4 GiB of address space, which need not be memory.
    pub fn simulated(mut self, seed: u64) -> Result<(Runtime, Simulation, Captured), Error> {
        // Tried before anything depends on it.
        let plane = Plane::take();
        if plane.as_ref().is_some_and(|plane| !plane.works()) {
            let text = "cannot reserve the addresses that a simulation needs";
            return Err(Error::new(Kind::UNAVAILABLE, text));
        }
        let many = || Error::new(Kind::LIMIT_EXCEEDED, "too many simulations at once");
        self.plane = Some(plane.ok_or_else(many)?);
        self.seed.get_or_insert(seed);
        Ok(self.native_code(false).manual(Order::Seeded(seed), SAFEPOINTS))
    }

    /// A runtime that is driven by hand, on virtual time. Lua processes are
    /// preempted after `safepoints`; terminal input is empty.
    pub fn manual(self, order: Order, safepoints: u32) -> (Runtime, Simulation, Captured) {
        let seed = match order {
            Order::Fair => 0,
            Order::Seeded(seed) => seed,
        };
        let clock = Arc::new(VirtualClock::new(1_767_225_600));
        let queue = ManualQueue::new(order, clock.clone());
        let captured = Captured::default();
        let world = World::new(WorldParts {
            clock: clock as Arc<dyn Clock>,
            rng: FastRng::seeded(self.seed.unwrap_or(seed)),
            catalog: self.catalog,
            log: self.log,
            outputs: match self.sink {
                Some(sink) => Outputs::Sink(sink),
                None => Outputs::Captured(captured.clone()),
            },
            input: TerminalInput::direct(Box::new(io::empty())),
            raw: RawMode::default(),
            resources: self.resources,
            strict: self.strict,
            executor: Executor::Manual(queue.clone()),
            modules: self.modules.into(),
            native_code: self.native_code,
            preemption: Preemption::Counted(safepoints),
            bug: self.bug.filter(|_| self.plane.is_some()),
            plane: self.plane,
            tokio: self.tokio,
        });
        (Runtime { world }, Simulation { queue }, captured)
    }
}

impl Runtime {
    /// Adds a host, not started. AlreadyExists if there is one of this name.
    pub fn add_host(&self, config: HostConfig) -> Result<HostId, Error> {
        self.world.add_host(config).map(|host| host.id)
    }

    /// Lets a host accept processes.
    pub fn start_host(&self, host: HostId) -> Result<(), Error> {
        let host = self.world.host(host).ok_or_else(|| Error::not_found("host not found"))?;
        host.start(&self.world);
        Ok(())
    }

    /// Stops a host: CANCEL from the empty pid with this reason and deadline to
    /// every process. `asker` gets [`crate::Notice::HostStopped`] when it is empty.
    pub fn stop_host(
        &self,
        host: HostId,
        request: CancelRequest,
        asker: Option<Pid>,
    ) -> Result<(), Error> {
        let host = self.world.host(host).ok_or_else(|| Error::not_found("host not found"))?;
        host.stop(&self.world, request, asker);
        Ok(())
    }

    /// The host of this entry id.
    pub fn host(&self, name: &str) -> Option<HostId> {
        self.world.host_named(name).map(|host| host.id)
    }

    /// The entry id of a host.
    pub fn host_name(&self, host: HostId) -> Option<Arc<str>> {
        self.world.host(host).map(|host| host.name.clone())
    }

    /// Where a host is in its life, and how many processes live on it.
    pub fn host_state(&self, host: HostId) -> Option<(HostState, usize)> {
        self.world.host(host).map(|host| (host.state(), host.live()))
    }

    /// Starts a Lua process. `monitor` and `link` of the request have no effect:
    /// there is no caller.
    pub fn spawn(&self, order: impl Into<SpawnOrder>) -> Result<Pid, Error> {
        self.world.spawn(order.into())
    }

    /// Starts a native process on a host; see [`crate::CONTROL`].
    pub fn spawn_native(
        &self,
        host: HostId,
        actor: Box<dyn NativeProcess>,
        options: NativeOptions,
    ) -> Result<Pid, Error> {
        self.world.spawn_native(host, actor, options)
    }

    /// The supervisor that lives under this entry id.
    pub fn supervisor(&self, id: &str) -> Option<Pid> {
        self.world.supervisors.of(id)
    }

    /// Sends a message from the empty pid.
    pub fn send(&self, to: Pid, topic: impl Into<Bytes>, payload: Values) -> Result<(), Error> {
        self.world.send(to, topic.into(), payload)
    }

    /// Cancels a process.
    pub fn cancel(&self, to: Pid, request: CancelRequest) -> Result<(), Error> {
        self.world.cancel(Pid::NONE, to, request)
    }

    /// Terminates a process.
    pub fn terminate(&self, to: Pid) -> Result<(), Error> {
        self.world.end_process(to, Exit::terminated(Reason::Terminated))
    }

    /// Makes a change of entries and carries it out: services start, stop and change, and
    /// those who asked for it hear OUTDATED. Such changes happen one after the other.
    /// Returns the version in force.
    ///
    /// # Errors
    /// Those of `make`.
    pub fn change(&self, make: impl FnOnce() -> Result<Changed, Error>) -> Result<u64, Error> {
        self.world.change(make)
    }

    /// Whether a process wants to hear of newer code.
    pub fn upgradable(&self, pid: Pid) -> bool {
        self.world.upgradable.contains(pid)
    }

    /// Ends a process with this exit, unless another cause came first.
    pub fn end(&self, to: Pid, exit: Exit) -> Result<(), Error> {
        self.world.end_process(to, exit)
    }

    /// Ends a pending operation of a process. A native one gets
    /// [`crate::Input::Completed`], in the order of the calls.
    pub fn complete(&self, to: Pid, token: Token, result: Result<Values, Error>) {
        self.world.complete(to, token, result);
    }

    /// Whether a process lives.
    pub fn alive(&self, pid: Pid) -> bool {
        self.world.alive(pid)
    }

    /// The owner of a name.
    pub fn lookup(&self, name: &str) -> Option<Pid> {
        self.world.names.lookup(name)
    }

    /// The names of a process.
    pub fn names(&self, pid: Pid) -> Vec<Arc<str>> {
        self.world.names.of(pid)
    }

    /// A pid or a registered name as text.
    pub fn resolve(&self, destination: &str) -> Result<Pid, Error> {
        self.world.resolve(destination.as_bytes())
    }

    /// The text form of a pid.
    pub fn pid_text(&self, pid: Pid) -> String {
        self.world.pid_text(pid)
    }

    /// Sends an event on the bus that Lua code subscribes to with `events`: what happened
    /// (`kind`) to what (`path`) in which part (`system`). For the changes of a registry,
    /// for example: `registry`, `entry.update`, the id of the entry. Events that one thread
    /// sends keep their order.
    pub fn publish(&self, system: &str, kind: &str, path: &str, data: Option<Values>) {
        let [system, kind, path] = [system, kind, path].map(Into::into);
        self.world.announce(BusEvent { system, kind, path, data });
    }

    /// Shows all metrics under `http://<address>/metrics`, in the text format of
    /// Prometheus, until the value is dropped. What happens to processes is counted
    /// from now on.
    ///
    /// # Errors
    /// The address cannot be listened on, or there is no thread.
    pub fn serve_metrics(&self, address: impl ToSocketAddrs) -> io::Result<MetricsServer> {
        MetricsServer::start(&self.world, address)
    }

    /// Listens to the event stream.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        self.world.observers.add(observer);
    }

    /// The clock of the runtime.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.world.clock.clone()
    }

    /// What the runtime holds now.
    pub fn snapshot(&self) -> Snapshot {
        snapshot::take(&self.world)
    }

    /// Writes a piece to one of the outputs, in order with those of processes.
    pub fn write(&self, output: Output, piece: impl AsRef<[u8]>) {
        self.world.outputs.write(output, piece.as_ref(), Pid::NONE, Token(0));
    }

    /// Asks the runtime to end with `code`, as `system.exit` does. The first code stays.
    pub fn request_exit(&self, code: i32) {
        self.world.request_exit(code);
    }

    /// The code of the first exit request.
    pub fn requested_exit(&self) -> Option<i32> {
        self.world.requested_exit()
    }

    /// Blocks until somebody asks the runtime to end; returns the code.
    pub fn wait_for_exit(&self) -> i32 {
        let mut code = None;
        self.world.wait_until(|| {
            code = self.requested_exit();
            code.is_some()
        });
        code.unwrap_or_default()
    }

    /// Blocks until a host is stopped.
    pub fn wait_for_host(&self, host: HostId) {
        self.world.wait_until(|| {
            self.host_state(host).is_none_or(|(state, _)| state == HostState::Stopped)
        });
    }

    /// From now on forced ends have reason "shutdown".
    pub fn begin_shutdown(&self) {
        self.world.shutting_down.store(true, Ordering::SeqCst);
    }

    /// Whether [`Runtime::begin_shutdown`] was called.
    pub fn shutting_down(&self) -> bool {
        self.world.shutting_down.load(Ordering::SeqCst)
    }

    /// Ends every process that is left, but those of the control host, with
    /// `process terminated`, reason "shutdown".
    pub fn terminate_all(&self) {
        self.world.end_all();
    }

    /// Writes out what is queued and ends all threads. Nothing runs afterwards.
    pub fn close(&self) {
        self.close_within(Duration::MAX);
    }

    /// As [`Runtime::close`], but gives up an output that is not written out in
    /// this time. Whether all was written.
    pub fn close_within(&self, patience: Duration) -> bool {
        let written = self.world.outputs.flush(patience);
        self.world.outputs.close();
        self.world.raw.restore();
        self.world.blocking.close();
        for host in self.world.every_host() {
            host.close();
        }
        // Of what crashed while the last hosts emptied.
        self.world.tell_hidden_crashes();
        self.world.observers.clear();
        written
    }
}
