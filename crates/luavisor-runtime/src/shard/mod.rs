//! A shard: the unit of ownership and of scheduling.
//!
//! [`Shard`] is the face that all threads see: slots, signal queue, wake-up
//! byte. Behind its lock is the [`Interior`]: processes, run queue, timers and
//! the VM, touched only by the worker that runs the shard's turn.
//!
//! One turn ([`turn`]): drain signals → fire due timers → run ready processes →
//! publish → sleep or queue again. Processes never leave their shard.
//!
//! | module | holds |
//! |---|---|
//! | [`wake`] | the wake-up protocol |
//! | [`places`] | free slots and generations |
//! | [`signal`] | what one process does to another |
//! | [`process`] | what is known of each process |
//! | [`timers`] | the timer queue |
//! | [`kernel`] | the state behind all that, and delivery |
//! | [`apply`] | what each signal does |
//! | [`ending`] | the end of a process, step by step |
//! | [`spawn`], [`recent`] | its beginning |
//! | [`pending`] | calls that wait for the end of another process |
//! | [`calls`] | what Lua code can reach: the `Kernel` of the VM |
//! | [`effects`] | what must be done to the VM when no process runs |
//! | [`turn`] | the loop |

pub(crate) mod apply;
pub(crate) mod calls;
pub(crate) mod effects;
pub(crate) mod ending;
pub(crate) mod kernel;
pub(crate) mod pending;
pub(crate) mod places;
pub(crate) mod process;
pub(crate) mod recent;
pub(crate) mod signal;
pub(crate) mod spawn;
pub(crate) mod timers;
pub(crate) mod turn;
pub(crate) mod wake;

use std::sync::atomic::{self, AtomicBool, AtomicU32, AtomicU64, AtomicUsize, Ordering, fence};
use std::sync::{Arc, Mutex, OnceLock};

use luavisor_core::{HostId, Pid};
use luavisor_vm::{Interrupter, Slot, Slots, Vm};

use crate::executor::RunQueue;
use crate::sync::lock;
use kernel::ShardKernel;
use places::Places;
use signal::Signal;
use wake::WakeState;

/// The shared face of a shard.
pub(crate) struct Shard {
    pub host: HostId,
    pub number: u16,
    /// liveness and mailbox meters, readable by all
    pub slots: Arc<Slots>,
    pub places: Places,
    pub wake: WakeState,
    /// runnable processes at the end of the last turn
    pub load: AtomicU32,
    /// bytes of its Lua heap at the end of the last turn
    pub heap: AtomicU64,
    /// bytes that its VM had asked for by then
    pub asked: AtomicU64,
    /// processes that were admitted and have not ended
    pub living: AtomicUsize,
    /// processes spawned from elsewhere that have not arrived
    pub arriving: AtomicU32,
    /// which step is running
    pub current: CurrentStep,
    /// it belongs to a process that has used up slices, and gives way to whatever comes
    pub yielding: AtomicBool,
    pub queue: Arc<dyn RunQueue>,
    pub signals: Mutex<Vec<Signal>>,
    /// slots whose process may own names
    named: Box<[AtomicBool]>,
    interrupter: Mutex<Option<Interrupter>>,
    /// in a simulation: which part of its memory is the shard's
    pub spot: OnceLock<u32>,
    pub interior: Mutex<Option<Interior>>,
}

/// What only the worker of the current turn touches.
pub(crate) struct Interior {
    /// made when the first Lua process comes
    pub vm: Option<Vm>,
    pub kernel: ShardKernel,
    /// empty: changes places with the queue of the shard at the start of a turn
    pub signals: Vec<Signal>,
}

impl Shard {
    pub fn new(
        host: HostId,
        number: u16,
        capacity: usize,
        queue: Arc<dyn RunQueue>,
        successor: u64,
    ) -> Shard {
        Shard {
            host,
            number,
            slots: Arc::new(Slots::new(capacity)),
            places: Places::new(capacity, successor),
            wake: WakeState::default(),
            load: AtomicU32::new(0),
            heap: AtomicU64::new(0),
            asked: AtomicU64::new(0),
            living: AtomicUsize::new(0),
            arriving: AtomicU32::new(0),
            current: CurrentStep::default(),
            yielding: AtomicBool::new(false),
            queue,
            signals: Mutex::default(),
            named: (0..capacity).map(|_| AtomicBool::new(false)).collect(),
            interrupter: Mutex::new(None),
            spot: OnceLock::new(),
            interior: Mutex::new(None),
        }
    }

    /// Gives the shard its inside. Called once, before any signal.
    pub fn furnish(&self, kernel: ShardKernel) {
        *lock(&self.interior) = Some(Interior { vm: None, kernel, signals: Vec::new() });
    }

    /// Empties the shard for good: breaks the circle of references.
    pub fn clear(&self) {
        let interior = lock(&self.interior).take();
        lock(&self.signals).clear();
        drop(interior);
    }

    /// Queues a signal and wakes the shard.
    pub fn post(self: &Arc<Shard>, signal: Signal) {
        lock(&self.signals).push(signal);
        self.notify();
    }

    /// Wakes the shard: a signal or a timer waits for it.
    pub fn notify(self: &Arc<Shard>) {
        if self.wake_up() {
            self.queue.push(self.clone());
        }
    }

    /// The same without the run queue. True: the caller must put the shard there.
    pub fn wake_up(&self) -> bool {
        let idle = self.wake.notify();
        if !idle && self.yielding.load(Ordering::SeqCst) {
            self.interrupt();
        }
        idle
    }

    /// Makes the process in `slot`, if it is the one running, give way at its
    /// next safepoint. Missing a step that has just begun is no harm: the
    /// watchdog arms it after one slice.
    pub fn interrupt_process(&self, slot: Slot) {
        if self.current.running_slot() == Some(slot) {
            self.interrupt();
        }
    }

    /// Makes whatever runs give way at its next safepoint.
    pub fn interrupt(&self) {
        if let Some(interrupter) = &*lock(&self.interrupter) {
            interrupter.interrupt();
        }
    }

    /// The shard has a VM now, which this interrupts.
    pub fn adopt(&self, interrupter: Interrupter) {
        *lock(&self.interrupter) = Some(interrupter);
    }

    pub fn pid(&self, slot: Slot, generation: u64) -> Pid {
        Pid::new(self.host, self.number, slot, generation)
    }

    /// Whether the process lives.
    pub fn alive(&self, pid: Pid) -> bool {
        self.slots.alive(pid.slot(), pid.generation)
    }

    /// Says that the process owns a name, and whether it still lives afterwards.
    ///
    /// Together with [`Shard::end_life`]: one side writes its word before it
    /// reads the other's, so either the ending process sees the mark or the one
    /// who registers sees it dead.
    pub fn mark_named(&self, pid: Pid) -> bool {
        if let Some(named) = self.named.get(pid.slot() as usize) {
            named.store(true, Ordering::Relaxed);
        }
        fence(Ordering::SeqCst);
        self.alive(pid)
    }

    /// The process stops being routable. True: it may own names, release them.
    pub fn end_life(&self, slot: Slot) -> bool {
        self.slots.end(slot);
        fence(Ordering::SeqCst);
        self.named[slot as usize].swap(false, Ordering::Relaxed)
    }
}

/// Which step a shard is running, for the watchdog and for killers: readable by
/// all threads, written twice per step without a clock.
#[derive(Debug, Default)]
pub(crate) struct CurrentStep {
    /// `count << 17 | running << 16 | slot`
    word: AtomicU64,
    generation: AtomicU64,
}

impl CurrentStep {
    const RUNNING: u64 = 1 << 16;

    /// A step of the process in `slot` begins.
    pub fn enter(&self, slot: Slot, generation: u64) {
        let count = (self.word.load(Ordering::Relaxed) >> 17) + 1;
        self.generation.store(generation, Ordering::Release);
        self.word.store(count << 17 | CurrentStep::RUNNING | u64::from(slot), Ordering::Release);
    }

    /// No step is running.
    pub fn leave(&self) {
        let word = self.word.load(Ordering::Relaxed);
        self.word.store(word & !CurrentStep::RUNNING, Ordering::Release);
    }

    /// A number that differs between any two steps; `None` when none is running.
    pub fn running(&self) -> Option<u64> {
        let word = self.word.load(Ordering::Acquire);
        (word & CurrentStep::RUNNING != 0).then_some(word)
    }

    /// The slot of the running process.
    pub fn running_slot(&self) -> Option<Slot> {
        self.running().map(|word| word as Slot)
    }

    /// Slot and generation of the process in step `word`, if it is still running.
    pub fn process(&self, word: u64) -> Option<(Slot, u64)> {
        let generation = self.generation.load(Ordering::Acquire);
        (self.running() == Some(word)).then_some((word as Slot, generation))
    }
}
