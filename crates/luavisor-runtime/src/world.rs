//! What all hosts of one runtime share, and what can be done from any thread.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU32, Ordering};
use std::sync::{Arc, Condvar, Mutex, OnceLock, RwLock};

use luavisor_core::bus::BusEvent;
use luavisor_core::value::Bytes;
use luavisor_core::{Error, Exit, HostId, Kind, Pid, Reason, Values};
use luavisor_vm::kernel::{CancelRequest, Level, Room, SpawnRequest};
use luavisor_vm::native::{AsyncFunction, Caller, NativeModule};
use luavisor_vm::{Birth, Plane, Preemption, Program, Spot, Token};

use crate::blocking::Blocking;
use crate::bus::Bus;
use crate::catalog::Catalog;
use crate::clock::Clock;
use crate::crash::Storms;
use crate::executor::Executor;
use crate::faults::Faults;
use crate::growing::Growing;
use crate::host::placement::Near;
use crate::host::{Host, HostConfig};
use crate::input::TerminalInput;
use crate::log::{self, Field, LogSink};
use crate::metrics::Series;
use crate::names::{Claim, Names};
use crate::native::{NativeOptions, NativeProcess, SpawnOrder};
use crate::observe::{BondChange, MessageStage, Observers, Occurrence};
use crate::output::Outputs;
use crate::planted::Bug;
use crate::random::FastRng;
use crate::raw::RawMode;
use crate::registry::Upgradable;
use crate::resources::Resources;
use crate::services::Board;
use crate::shard::Shard;
use crate::shard::places::Memory;
use crate::shard::signal::{Cancel, NewBody, Newborn, Signal};
use crate::supervisor::Supervisors;
use crate::sync::{lock, read, write};
use crate::tuning::Tuning;

/// The built-in host of system actors, whose pids read `{node:control|0x…}`.
pub const CONTROL: HostId = HostId(1);

/// See the module.
pub(crate) struct World {
    pub clock: Arc<dyn Clock>,
    pub rng: Mutex<FastRng>,
    pub catalog: Arc<dyn Catalog>,
    pub log: Arc<dyn LogSink>,
    pub names: Names,
    pub bus: Bus,
    pub blocking: Blocking,
    pub series: Series,
    pub observers: Observers,
    pub supervisors: Supervisors,
    pub storms: Storms,
    pub outputs: Outputs,
    pub input: TerminalInput,
    pub raw: RawMode,
    /// in force; see [`World::resources`]
    resources: RwLock<Arc<Resources>>,
    /// held while entries change and that is carried out
    pub changing: Mutex<()>,
    /// guarded calls need a security context
    pub strict: bool,
    pub tuning: Tuning,
    pub executor: Executor,
    pub modules: Arc<[NativeModule]>,
    pub native_code: bool,
    pub preemption: Preemption,
    /// of a simulation: where the memory of its VMs lies
    plane: Option<Arc<Plane>>,
    bug: Option<Bug>,
    /// what a simulation injected
    faults: Faults,
    /// who wants to hear of newer code
    pub upgradable: Upgradable,
    /// messages of a simulation so far
    stamps: AtomicU32,
    /// shards of it that have had a VM
    vms: AtomicU32,
    pub tokio: Option<tokio::runtime::Handle>,
    /// forced ends have reason "shutdown" from now on
    pub shutting_down: AtomicBool,
    /// set by [`crate::Services::boot`]
    pub services: OnceLock<Arc<Board>>,
    pub(crate) hosts: Growing<Arc<Host>>,
    /// those that were not retired
    pub(crate) by_name: RwLock<HashMap<Arc<str>, Arc<Host>>>,
    refusals: RwLock<HashMap<Pid, Error>>,
    /// the requested exit code, or `NO_CODE`
    exit_code: AtomicI64,
    /// changed when a host stops or an exit is requested
    changes: Mutex<()>,
    changed: Condvar,
}

const NO_CODE: i64 = i64::MIN;

/// The parts that the builder chooses.
pub(crate) struct WorldParts {
    pub clock: Arc<dyn Clock>,
    pub rng: FastRng,
    pub catalog: Arc<dyn Catalog>,
    pub log: Arc<dyn LogSink>,
    pub outputs: Outputs,
    pub input: TerminalInput,
    pub raw: RawMode,
    pub resources: Resources,
    pub strict: bool,
    pub executor: Executor,
    pub modules: Arc<[NativeModule]>,
    pub native_code: bool,
    pub preemption: Preemption,
    pub plane: Option<Arc<Plane>>,
    pub bug: Option<Bug>,
    pub tokio: Option<tokio::runtime::Handle>,
}

impl World {
    pub fn new(parts: WorldParts) -> Arc<World> {
        let world = Arc::new(World {
            clock: parts.clock,
            rng: Mutex::new(parts.rng),
            catalog: parts.catalog,
            log: parts.log,
            names: Names::default(),
            bus: Bus::default(),
            blocking: Blocking::default(),
            series: Series::default(),
            observers: Observers::default(),
            supervisors: Supervisors::default(),
            storms: Storms::default(),
            outputs: parts.outputs,
            input: parts.input,
            raw: parts.raw,
            resources: RwLock::new(Arc::new(parts.resources)),
            changing: Mutex::new(()),
            strict: parts.strict,
            tuning: Tuning::default(),
            executor: parts.executor,
            modules: parts.modules,
            native_code: parts.native_code,
            preemption: parts.preemption,
            plane: parts.plane,
            bug: parts.bug,
            faults: Faults::default(),
            upgradable: Upgradable::default(),
            stamps: AtomicU32::new(0),
            vms: AtomicU32::new(0),
            tokio: parts.tokio,
            shutting_down: AtomicBool::new(false),
            services: OnceLock::new(),
            hosts: Growing::new(),
            by_name: RwLock::default(),
            refusals: RwLock::default(),
            exit_code: AtomicI64::new(NO_CODE),
            changes: Mutex::new(()),
            changed: Condvar::new(),
        });
        let control = HostConfig { workers: 1, ..HostConfig::new("node:control") };
        if let Ok(host) = world.add_host(control) {
            host.start(&world);
        }
        world.outputs.attach(&world);
        world.input.attach(&world);
        world
    }

    /// What programs find by id besides code, as it is now.
    pub fn resources(&self) -> Arc<Resources> {
        read(&self.resources).clone()
    }

    /// Puts others in force.
    pub fn set_resources(&self, resources: Resources) {
        *write(&self.resources) = Arc::new(resources);
    }

    /// Whether it is driven by hand: then it does nothing outside of itself.
    pub fn driven(&self) -> bool {
        matches!(self.executor, Executor::Manual(_))
    }

    /// Whether the order of everything is drawn from a seed.
    pub fn simulated(&self) -> bool {
        self.plane.is_some()
    }

    /// What a simulation injected.
    pub fn faults(&self) -> Option<&Faults> {
        self.simulated().then_some(&self.faults)
    }

    /// The bug that was planted, if one was.
    pub fn bug(&self) -> Option<Bug> {
        self.bug
    }

    /// Whether this bug was planted.
    pub fn planted(&self, bug: Bug) -> bool {
        self.bug == Some(bug)
    }

    /// Where the memory of a shard's VM lies, in a simulation.
    pub fn spot(&self, shard: &Shard) -> Option<Spot> {
        let plane = self.plane.clone()?;
        // The same for all VMs that a shard has one after the other.
        let vm = *shard.spot.get_or_init(|| self.vms.fetch_add(1, Ordering::Relaxed));
        Some(Spot { plane, vm })
    }

    /// What Lua gets for sending to a control pid.
    pub fn control_refusal(&self, to: Pid) -> Error {
        let refusal = read(&self.refusals).get(&to).cloned();
        refusal.unwrap_or_else(Error::process_not_found)
    }

    /// Whether Lua code has nothing to do with this process of the control host.
    pub fn is_hidden(&self, pid: Pid) -> bool {
        pid.host == CONTROL && !read(&self.refusals).contains_key(&pid)
    }

    pub fn forget_refusal(&self, pid: Pid) {
        if pid.host == CONTROL {
            write(&self.refusals).remove(&pid);
        }
    }

    /// Checks a message and reserves its room; returns the shard to post to and its size.
    pub fn reserve(&self, to: Pid, payload: &Values) -> Result<(&Arc<Shard>, Room), Error> {
        let host = self.host(to.host).ok_or_else(|| Error::not_found("host not found"))?;
        let shard = host.shard(to.shard()).filter(|shard| shard.alive(to));
        let shard = shard.ok_or_else(Error::process_not_found)?;
        let bytes = payload.size();
        host.check_size("payload", bytes)?;
        let room = Room::of(bytes);
        if !shard.slots.reserve(to.slot(), room.bytes) {
            return Err(Error::new(Kind::LIMIT_EXCEEDED, "mailbox full"));
        }
        Ok((shard, room))
    }

    /// In a simulation: numbers a message that was accepted, and tells of it.
    pub fn stamped(&self, from: Pid, to: Pid, room: Room, topic: &Bytes, payload: &Values) -> Room {
        if !self.simulated() {
            return room;
        }
        let stamp = self.stamps.fetch_add(1, Ordering::Relaxed) + 1;
        self.observers.tell(|| {
            let stage = MessageStage::Sent { topic: topic.clone(), payload: payload.clone() };
            Occurrence::Message { from, to, stamp, stage }
        });
        Room { stamp, ..room }
    }

    /// Sends a message from outside any process.
    pub fn send(&self, to: Pid, topic: Bytes, payload: Values) -> Result<(), Error> {
        let (shard, room) = self.reserve(to, &payload)?;
        let room = self.stamped(Pid::NONE, to, room, &topic, &payload);
        shard.post(Signal::Message { to, from: Pid::NONE, topic, payload, room });
        Ok(())
    }

    /// The checks of a spawn that need no host state (SPEC 1.1, in its order).
    pub fn prepare(&self, request: &SpawnRequest) -> Result<(Arc<Program>, Arc<Host>), Error> {
        if request.id.is_empty() {
            return Err(Error::invalid("process ID required"));
        }
        let well_formed = request
            .id
            .split_once(':')
            .is_some_and(|(namespace, name)| !namespace.is_empty() && !name.is_empty());
        if !well_formed {
            let text = "invalid process ID format (namespace:name required)";
            return Err(Error::invalid(text));
        }
        if request.host.is_empty() {
            return Err(Error::invalid("host ID required"));
        }
        let program = self.catalog.program(&request.id)?;
        let host = self.host_named(&request.host);
        let host = match host.filter(|host| host.id != CONTROL) {
            Some(host) => host,
            None if self.catalog.has_entry(&request.host) => {
                return Err(Error::invalid("host does not implement process.Host"));
            }
            None => return Err(Error::not_found("host not found")),
        };
        host.check_size("payload", request.arguments.size())?;
        Ok((program, host))
    }

    /// Claims the name of a process that is being born.
    pub fn claim_at_birth(&self, name: &str, pid: Pid) -> Result<(), Claim> {
        match self.names.claim(name, pid, pid) {
            Claim::Made | Claim::Kept => {
                self.tell_name(name, Some(pid));
                if let Some(shard) = self.shard(pid) {
                    shard.mark_named(pid);
                }
                Ok(())
            }
            taken => Err(taken),
        }
    }

    /// `process.registry.register`.
    pub fn register(&self, name: &str, pid: Pid, registrant: Pid) -> Result<(), Error> {
        let shard = self.shard(pid).filter(|shard| shard.alive(pid));
        let shard = shard.ok_or_else(Error::process_not_found)?;
        match self.names.claim(name, pid, registrant) {
            Claim::Taken(_) if self.planted(Bug::NameTakenTwice) => {
                self.tell_name(name, Some(pid));
                Ok(())
            }
            Claim::Kept => Ok(()),
            Claim::Taken(_) => Err(Error::new(Kind::ALREADY_EXISTS, "name already registered")),
            Claim::Made if shard.mark_named(pid) => {
                self.tell_name(name, Some(pid));
                Ok(())
            }
            Claim::Made => {
                self.names.release(pid);
                Err(Error::process_not_found())
            }
        }
    }

    /// Tells of a name, in a simulation.
    pub fn tell_name(&self, name: &str, owner: Option<Pid>) {
        if self.simulated() {
            self.observers.tell(|| Occurrence::Name { name: name.into(), owner });
        }
    }

    /// Makes a Lua process for somebody outside.
    pub fn spawn(self: &Arc<World>, order: SpawnOrder) -> Result<Pid, Error> {
        let SpawnOrder { request, control, supervisor, life } = order;
        let (program, host) = self.prepare(&request)?;
        let pid = host.admit(self, &program.id, None, program.mailbox, host.memory_of(&program))?;
        if let Some(name) = &request.name
            && let Err(taken) = self.claim_at_birth(name, pid)
        {
            host.withdraw(self, pid);
            let Claim::Taken(owner) = taken else { return Err(Error::process_not_found()) };
            for (topic, payload) in request.messages {
                self.send(owner, topic, payload)?;
            }
            return Ok(owner);
        }
        let birth = Birth {
            pid,
            memory: program.memory.or(host.config.limits.memory),
            result_limit: host.config.limits.message_bytes,
            program,
            arguments: request.arguments,
            context: request.context,
        };
        self.begin(Newborn {
            pid,
            parent: Pid::NONE,
            body: NewBody::Lua(Box::new(birth)),
            watcher: None,
            link: None,
            messages: request.messages,
            errand: None,
            control,
            supervisor,
            life,
        });
        Ok(pid)
    }

    /// Makes a native process for somebody outside.
    pub fn spawn_native(
        self: &Arc<World>,
        host: HostId,
        actor: Box<dyn NativeProcess>,
        options: NativeOptions,
    ) -> Result<Pid, Error> {
        let host = self.host(host).ok_or_else(|| Error::not_found("host not found"))?;
        let pid = self.admit_native(host, None, &options)?;
        let newborn = Newborn::native(pid, Pid::NONE, options.entry.clone(), actor);
        let NativeOptions { control, supervisor, life, .. } = options;
        self.begin(Newborn { control, supervisor, life, ..newborn });
        Ok(pid)
    }

    fn begin(&self, newborn: Newborn) {
        let pid = newborn.pid;
        self.tell_spawned(pid, newborn.parent, || match &newborn.body {
            NewBody::Lua(birth) => birth.program.id.clone(),
            NewBody::Native { entry, .. } => entry.clone(),
        });
        self.count_arriving(pid);
        if let Some(shard) = self.shard(pid) {
            shard.post(Signal::Spawn(Box::new(newborn)));
        }
    }

    /// Pid, name and refusal of a native process.
    pub fn admit_native(
        self: &Arc<World>,
        host: &Arc<Host>,
        near: Option<Near>,
        options: &NativeOptions,
    ) -> Result<Pid, Error> {
        let pid = host.admit(self, &options.entry, near, None, Memory::Shared)?;
        if let Some(name) = &options.name
            && self.claim_at_birth(name, pid).is_err()
        {
            host.withdraw(self, pid);
            return Err(Error::new(Kind::ALREADY_EXISTS, "name already registered"));
        }
        if let Some(refusal) = &options.refusal {
            write(&self.refusals).insert(pid, refusal.clone());
        }
        Ok(pid)
    }

    /// The supervisor of this entry id or pid.
    pub fn find_supervisor(&self, text: &[u8]) -> Result<Pid, Error> {
        let known = std::str::from_utf8(text).ok().and_then(|id| self.supervisors.of(id));
        let found = known.or_else(|| self.resolve(text).ok());
        let found = found.filter(|pid| self.supervisors.contains(*pid));
        found.ok_or_else(|| Error::not_found("supervisor not found"))
    }

    pub fn tell_spawned(&self, pid: Pid, parent: Pid, entry: impl FnOnce() -> Arc<str>) {
        self.observers.tell(|| Occurrence::Spawned { pid, parent, entry: entry() });
    }

    pub fn count_arriving(&self, pid: Pid) {
        if let Some(shard) = self.shard(pid) {
            shard.arriving.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A cancel whose deadline counts from now.
    pub fn make_cancel(&self, from: Pid, to: Pid, request: CancelRequest) -> Cancel {
        let at = self.clock.unix();
        let deadline = request.timeout.map(|(delay, after)| {
            let instant = self.clock.monotonic().saturating_add(delay);
            (instant, at + delay as f64 * 1e-9, after)
        });
        Cancel { to, from, at, reason: request.reason, deadline }
    }

    /// Cancels a process from outside.
    pub fn cancel(&self, from: Pid, to: Pid, request: CancelRequest) -> Result<(), Error> {
        let shard = self.shard(to).filter(|shard| shard.alive(to));
        let shard = shard.ok_or_else(Error::process_not_found)?;
        if self.simulated() {
            let change = BondChange::Cancelled;
            self.observers.tell(|| Occurrence::Bond { of: to, with: from, change });
        }
        shard.post(Signal::Cancel(Box::new(self.make_cancel(from, to, request))));
        Ok(())
    }

    /// Ends a process from outside with this exit, unless another cause came first.
    pub fn end_process(&self, to: Pid, exit: Exit) -> Result<(), Error> {
        let shard = self.shard(to).ok_or_else(Error::process_not_found)?;
        let claimed = shard.slots.claim_kill(to.slot(), to.generation);
        if claimed.ok_or_else(Error::process_not_found)? {
            shard.post(Signal::Kill { to, exit: Arc::new(exit) });
            shard.interrupt_process(to.slot());
        }
        Ok(())
    }

    /// A pending operation ended.
    pub fn complete(&self, to: Pid, token: Token, result: Result<Values, Error>) {
        if let Some(shard) = self.shard(to) {
            shard.post(Signal::Complete { to, token, result: Box::new(result) });
        }
    }

    /// Calls an embedder's asynchronous function on the I/O runtime.
    pub fn call_async(
        self: &Arc<World>,
        caller: Caller,
        function: AsyncFunction,
        arguments: Values,
        token: Token,
    ) {
        let pid = caller.pid;
        let Some(tokio) = &self.tokio else {
            let text = "asynchronous native functions need a tokio runtime";
            return self.complete(pid, token, Err(Error::new(Kind::UNAVAILABLE, text)));
        };
        let world = Arc::downgrade(self);
        tokio.spawn(async move {
            let result = function(caller, arguments).await;
            if let Some(world) = world.upgrade() {
                world.complete(pid, token, result);
            }
        });
    }

    /// Puts an event into the buffers of those who subscribed, and tells the log who lost
    /// some. The bells are to be rung by the caller.
    pub fn fill_buffers(&self, event: BusEvent) -> Vec<(Pid, Token)> {
        let published = self.bus.publish(event, || self.clock.monotonic());
        for (pid, count) in published.dropped {
            self.tell_dropped(pid, count);
        }
        published.bells
    }

    /// The log line for events that a subscriber was too slow to read.
    pub fn tell_dropped(&self, pid: Pid, count: u64) {
        let pid = self.pid_text(pid);
        let fields = [("pid", Field::Text(&pid)), ("count", Field::Number(count))];
        log::write(&*self.log, Level::Warn, "subscriber too slow, events dropped", fields);
    }

    /// Sends an event of the runtime itself.
    pub fn announce(&self, event: BusEvent) {
        for (to, token) in self.fill_buffers(event) {
            if let Some(shard) = self.shard(to) {
                shard.post(Signal::Bell { to, token });
            }
        }
    }

    /// The first code decides.
    pub fn request_exit(&self, code: i32) {
        let code_word = i64::from(code);
        let decided =
            self.exit_code.compare_exchange(NO_CODE, code_word, Ordering::SeqCst, Ordering::SeqCst);
        if decided.is_ok() {
            self.observers.tell(|| Occurrence::ExitRequested(code));
            self.announce_change();
        }
    }

    pub fn requested_exit(&self) -> Option<i32> {
        let code = self.exit_code.load(Ordering::SeqCst);
        (code != NO_CODE).then_some(code as i32)
    }

    /// Wakes those who wait in [`World::wait_until`].
    pub fn announce_change(&self) {
        drop(lock(&self.changes));
        self.changed.notify_all();
    }

    /// Blocks the calling thread until `done`, which only changes with an announcement.
    pub fn wait_until(&self, mut done: impl FnMut() -> bool) {
        let mut guard = lock(&self.changes);
        while !done() {
            guard = self.changed.wait(guard).unwrap_or_else(std::sync::PoisonError::into_inner);
        }
    }

    /// Ends every process of every host but the control host.
    pub fn end_all(&self) {
        let exit = Arc::new(Exit::terminated(Reason::Shutdown));
        for host in self.hosts().filter(|host| host.id != CONTROL) {
            for shard in host.shards() {
                shard.post(Signal::EndAll(exit.clone()));
                shard.interrupt();
            }
        }
    }
}
