//! A host: a scheduler with workers, limits and a life of its own.
//!
//! ```text
//! NotStarted ──start──▶ Running ──stop──▶ Stopping ──last process ends──▶ Stopped
//!                          ▲                                                │
//!                          └───────────────────── start ────────────────────┘
//! ```
//!
//! A stopping host refuses spawns, sends CANCEL from the empty pid with the
//! given deadline to every process, and is stopped when the last one is gone.
//! A process that was admitted just before the stop gets its CANCEL when it
//! arrives in its shard, so none is missed.
//!
//! A host whose entry is deleted or replaced is *retired*: nobody finds it by its name
//! any more, it stops like any other one, and its threads end when it is empty.

pub mod placement;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use luavisor_core::{Error, HostId, Kind, Pid, pid};
use luavisor_vm::kernel::CancelRequest;
use luavisor_vm::{Program, Slot, VmConfig};

use crate::clock::Clock;
use crate::executor::{Executor, RunQueue};
use crate::growing::Growing;
use crate::native::Notice;
use crate::observe::Occurrence;
use crate::shard::Shard;
use crate::shard::kernel::ShardKernel;
use crate::shard::places::{GENERATIONS, Memory};
use crate::shard::signal::{Cancel, Signal};
use crate::sync::lock;
use crate::world::World;
use placement::Near;

/// The `limits:` of a host entry; the defaults are those of SPEC 1.4.
#[derive(Clone, Debug)]
pub struct Limits {
    /// heap of one process in bytes
    pub memory: Option<u64>,
    /// unread user messages of one process
    pub mailbox: u32,
    /// their total size in bytes
    pub mailbox_bytes: usize,
    /// size of one send, argument list or result in bytes
    pub message_bytes: usize,
    /// heap shared by the processes of one shard in bytes
    pub shard_memory: usize,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            memory: None,
            mailbox: 1_000_000,
            mailbox_bytes: 64 << 20,
            message_bytes: 64 << 20,
            shard_memory: 2 << 30,
        }
    }
}

/// What a host entry says.
#[derive(Clone, Debug)]
pub struct HostConfig {
    /// entry id
    pub name: Arc<str>,
    /// worker threads
    pub workers: usize,
    /// longest time in nanoseconds that a process runs before another gets the thread
    pub slice: u64,
    /// live processes; 0: no limit
    pub max_processes: usize,
    /// limits of its processes
    pub limits: Limits,
    /// longest stretch in nanoseconds without a preemptible point
    pub unpreemptible: u64,
    /// a terminal host: the arguments of its program
    pub terminal: Option<Vec<String>>,
    /// processes per shard
    pub shard_capacity: usize,
    /// steps per turn
    pub turn_steps: u32,
}

impl HostConfig {
    /// The defaults: as many workers as the machine has processors, slices of 5 ms.
    pub fn new(name: impl Into<Arc<str>>) -> HostConfig {
        HostConfig {
            name: name.into(),
            workers: std::thread::available_parallelism().map_or(1, usize::from),
            slice: 5_000_000,
            max_processes: 0,
            limits: Limits::default(),
            unpreemptible: 1_000_000_000,
            terminal: None,
            shard_capacity: 4096,
            turn_steps: 256,
        }
    }
}

/// Where a host is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum HostState {
    /// added, not started
    NotStarted,
    /// accepts processes
    Running,
    /// waits for its processes to end
    Stopping,
    /// empty and closed; may be started again
    Stopped,
}

impl HostState {
    fn of(number: u8) -> HostState {
        match number {
            0 => HostState::NotStarted,
            1 => HostState::Running,
            2 => HostState::Stopping,
            _ => HostState::Stopped,
        }
    }
}

/// See the module.
pub(crate) struct Host {
    pub id: HostId,
    pub name: Arc<str>,
    pub config: HostConfig,
    queue: Arc<dyn RunQueue>,
    state: AtomicU8,
    retired: AtomicBool,
    /// how many hosts had this name before
    successor: u64,
    /// what `max_processes` counts: an ended process leaves it before anybody hears of its end
    counted: AtomicUsize,
    shards: Growing<Arc<Shard>>,
    opening: Mutex<()>,
    /// turns the search for a shard
    pub(crate) cursor: AtomicUsize,
    stop: Mutex<Option<Stop>>,
}

/// Why a process is to be made.
#[derive(Clone, Copy, PartialEq)]
enum Admission {
    Spawn,
    Call,
}

/// A stop under way.
struct Stop {
    cancel: Cancel,
    /// are told when it is done
    askers: Vec<Pid>,
}

impl Host {
    pub fn new(
        id: HostId,
        mut config: HostConfig,
        executor: &Executor,
        clock: &Arc<dyn Clock>,
        successor: u64,
    ) -> Arc<Host> {
        config.workers = config.workers.max(1);
        config.turn_steps = config.turn_steps.max(1);
        config.shard_capacity = config.shard_capacity.clamp(1, 1 << 16);
        Arc::new(Host {
            id,
            name: config.name.clone(),
            queue: executor.run_queue(&config, clock),
            config,
            state: AtomicU8::new(HostState::NotStarted as u8),
            retired: AtomicBool::new(false),
            successor,
            counted: AtomicUsize::new(0),
            shards: Growing::new(),
            opening: Mutex::new(()),
            cursor: AtomicUsize::new(0),
            stop: Mutex::new(None),
        })
    }

    /// Tells the run queue whose it is.
    pub fn attach(self: &Arc<Host>) {
        let host: Weak<Host> = Arc::downgrade(self);
        self.queue.attach(host);
    }

    pub fn state(&self) -> HostState {
        HostState::of(self.state.load(Ordering::SeqCst))
    }

    /// It is no host of the application any more.
    pub fn retire(&self) {
        self.retired.store(true, Ordering::Release);
    }

    pub fn retired(&self) -> bool {
        self.retired.load(Ordering::Acquire)
    }

    /// Whether it is over for good.
    pub fn over(&self) -> bool {
        self.retired() && matches!(self.state(), HostState::NotStarted | HostState::Stopped)
    }

    fn change_state(&self, from: HostState, to: HostState) -> bool {
        let (from, to) = (from as u8, to as u8);
        self.state.compare_exchange(from, to, Ordering::SeqCst, Ordering::SeqCst).is_ok()
    }

    /// The pid of this text, if it is one of this host.
    pub fn pid_of(&self, text: &[u8]) -> Option<Pid> {
        let parsed = pid::parse(std::str::from_utf8(text).ok()?)?;
        let own = parsed.node.is_none() && *parsed.host == *self.name;
        self.own_pid(parsed.uniq.filter(|_| own)?)
    }

    /// The pid of this number, unless a host that had the same name earlier or later gave it.
    pub fn own_pid(&self, uniq: u128) -> Option<Pid> {
        let pid = Pid::from_uniq(self.id, uniq)?;
        (pid.generation >> GENERATIONS == self.successor).then_some(pid)
    }

    /// How many processes live on the host: while it runs, about so many.
    pub fn live(&self) -> usize {
        self.shards().map(|shard| shard.living.load(Ordering::SeqCst)).sum()
    }

    pub fn shard(&self, number: u16) -> Option<&Arc<Shard>> {
        self.shards.get(number as usize)
    }

    pub fn shards(&self) -> impl Iterator<Item = &Arc<Shard>> {
        self.shards.iter()
    }

    /// Accepts processes from now on.
    pub fn start(&self, world: &World) -> bool {
        let started = self.change_state(HostState::NotStarted, HostState::Running)
            || self.change_state(HostState::Stopped, HostState::Running);
        if started {
            self.queue.start();
            world.observers.tell(|| Occurrence::HostStarted(self.id));
        }
        started
    }

    /// Begins the stop. `asker` gets a notice when it is done, at once if it is already.
    pub fn stop(&self, world: &World, request: CancelRequest, asker: Option<Pid>) {
        let cancel = world.make_cancel(Pid::NONE, Pid::NONE, request);
        {
            let mut stop = lock(&self.stop);
            match &mut *stop {
                Some(stop) => stop.askers.extend(asker),
                None => {
                    let askers = asker.into_iter().collect();
                    *stop = Some(Stop { cancel: cancel.clone(), askers });
                }
            }
        }
        if self.change_state(HostState::Running, HostState::Stopping) {
            for shard in self.shards() {
                shard.post(Signal::StopHost(Box::new(cancel.clone())));
            }
        }
        let _ = self.change_state(HostState::NotStarted, HostState::Stopped);
        self.finish_if_empty(world);
        if self.state() == HostState::Stopped {
            self.announce_stop(world);
        }
    }

    /// The CANCEL for a process that arrives while the host stops.
    pub fn stopping_cancel(&self) -> Option<Cancel> {
        if self.state.load(Ordering::Relaxed) != HostState::Stopping as u8 {
            return None;
        }
        lock(&self.stop).as_ref().map(|stop| stop.cancel.clone())
    }

    /// Takes one of the `max_processes`.
    fn count(&self) -> Result<(), Error> {
        let limit = self.config.max_processes;
        if limit == 0 {
            return Ok(());
        }
        let room = |counted: usize| (counted < limit).then_some(counted + 1);
        let taken = self.counted.fetch_update(Ordering::SeqCst, Ordering::SeqCst, room);
        taken.map(|_| ()).map_err(|_| {
            let text = format!("too many processes on host {} (limit {limit})", self.name);
            Error::new(Kind::LIMIT_EXCEEDED, text)
        })
    }

    /// Gives it back: before anybody hears of the end, who may then start the next one.
    pub fn uncount(&self) {
        if self.config.max_processes == 0 {
            return;
        }
        self.counted.fetch_sub(1, Ordering::SeqCst);
    }

    /// A process of this shard ended.
    pub fn leave(&self, world: &World, shard: &Shard) {
        if shard.living.fetch_sub(1, Ordering::SeqCst) == 1 {
            self.finish_if_empty(world);
        }
    }

    fn finish_if_empty(&self, world: &World) {
        let empty = self.state() == HostState::Stopping && self.live() == 0;
        if empty && self.change_state(HostState::Stopping, HostState::Stopped) {
            self.shards().for_each(|shard| shard.post(Signal::Rest));
            world.observers.tell(|| Occurrence::HostStopped(self.id));
            self.announce_stop(world);
        }
    }

    fn announce_stop(&self, world: &World) {
        let stop = lock(&self.stop).take();
        for asker in stop.into_iter().flat_map(|stop| stop.askers) {
            if let Some(shard) = world.shard(asker) {
                let notice = Notice::HostStopped(self.id);
                shard.post(Signal::Notice { to: asker, notice });
            }
        }
        world.announce_change();
    }

    fn check_open(&self, admission: Admission) -> Result<(), Error> {
        let text = match self.state() {
            HostState::Running => return Ok(()),
            HostState::Stopping if admission == Admission::Call => return Ok(()),
            HostState::Stopping => "host is shutting down",
            HostState::NotStarted | HostState::Stopped => "host is not running",
        };
        Err(Error::new(Kind::UNAVAILABLE, text))
    }

    /// Makes a pid for a new process: from now on it is alive and can be sent to.
    pub fn admit(
        self: &Arc<Host>,
        world: &Arc<World>,
        entry: &str,
        near: Option<Near>,
        mailbox: Option<u32>,
        memory: Memory,
    ) -> Result<Pid, Error> {
        self.admit_as(Admission::Spawn, world, entry, near, mailbox, memory)
    }

    /// The same for a call by a process of this host, which may go on while the host stops.
    pub fn admit_callee(
        self: &Arc<Host>,
        world: &Arc<World>,
        entry: &str,
        near: Option<Near>,
        memory: Memory,
    ) -> Result<Pid, Error> {
        self.admit_as(Admission::Call, world, entry, near, None, memory)
    }

    fn admit_as(
        self: &Arc<Host>,
        admission: Admission,
        world: &Arc<World>,
        entry: &str,
        near: Option<Near>,
        mailbox: Option<u32>,
        memory: Memory,
    ) -> Result<Pid, Error> {
        self.check_open(admission)?;
        if world.faults().is_some_and(|faults| faults.refuses_start(entry)) {
            return Err(Error::new(Kind::UNAVAILABLE, "injected fault"));
        }
        self.count()?;
        let placed = placement::place(self, world, near, memory);
        let (shard, slot, generation) = placed.inspect_err(|_| self.uncount())?;
        // Counted before the check, so that a stop that sees no process misses none.
        // By shard: one counter for all workers would go back and forth between them.
        shard.living.fetch_add(1, Ordering::SeqCst);
        if let Err(stopping) = self.check_open(admission) {
            shard.places.give_back(slot);
            self.uncount();
            self.leave(world, &shard);
            return Err(stopping);
        }
        let limits = &self.config.limits;
        let mailbox = mailbox.unwrap_or(limits.mailbox);
        shard.slots.begin(slot, generation, mailbox, limits.mailbox_bytes);
        Ok(shard.pid(slot, generation))
    }

    /// Whether processes of this program have a memory limit of their own here.
    pub fn memory_of(&self, program: &Program) -> Memory {
        match program.memory.or(self.config.limits.memory) {
            Some(_) => Memory::Limited,
            None => Memory::Shared,
        }
    }

    /// Takes back what [`Host::admit`] made.
    pub fn withdraw(&self, world: &World, pid: Pid) {
        let Some(shard) = self.shard(pid.shard()) else { return };
        shard.end_life(pid.slot());
        shard.places.give_back(pid.slot());
        self.uncount();
        self.leave(world, shard);
    }

    /// Opens another shard and takes its first slot.
    pub fn open_shard(
        self: &Arc<Host>,
        world: &Arc<World>,
        seen: usize,
        memory: Memory,
    ) -> Option<(Arc<Shard>, Slot, u64)> {
        let _opening = lock(&self.opening);
        if self.shards.len() > usize::from(u16::MAX) {
            return None;
        }
        // Somebody else may have opened one meanwhile.
        for number in seen..self.shards.len() {
            let shard = self.shards.get(number)?;
            if let Some((slot, generation)) = shard.places.take(memory) {
                return Some((shard.clone(), slot, generation));
            }
        }
        let rng = lock(&world.rng).fork();
        let shard = self.shards.push(|number| {
            let capacity = self.config.shard_capacity;
            let queue = self.queue.clone();
            let shard = Shard::new(self.id, number as u16, capacity, queue, self.successor);
            let shard = Arc::new(shard);
            let kernel = ShardKernel::new(world.clone(), self.clone(), shard.clone(), rng);
            shard.furnish(kernel);
            shard
        })?;
        let (slot, generation) = shard.places.take(memory)?;
        Some((shard.clone(), slot, generation))
    }

    /// How many shards are open.
    pub fn shard_count(&self) -> usize {
        self.shards.len()
    }

    /// `Invalid` when something is larger than this host takes; `root` starts the text.
    pub fn check_size(&self, root: &str, bytes: usize) -> Result<(), Error> {
        let limit = self.config.limits.message_bytes;
        match bytes > limit {
            true => Err(Error::invalid(format!(
                "{root}: {bytes} bytes exceed the limit of {limit} bytes"
            ))),
            false => Ok(()),
        }
    }

    pub fn vm_config(&self, world: &World, shard: &Shard) -> VmConfig {
        VmConfig {
            host: self.id,
            host_name: self.name.clone(),
            shard: shard.number,
            slots: shard.slots.clone(),
            native_code: world.native_code,
            preemption: world.preemption,
            memory: self.config.limits.shard_memory,
            modules: world.modules.clone(),
            strict: world.strict,
            spot: world.spot(shard),
        }
    }

    /// Ends the workers and breaks the circles of references.
    pub fn close(&self) {
        self.queue.close();
        self.shards().for_each(|shard| shard.clear());
    }
}
