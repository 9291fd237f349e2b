//! One Luau VM with the processes of one shard.

use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Exit, HostId, Pid, Values};

use crate::ffi::arena::Spot;
use crate::ffi::interrupt::Arm;
use crate::ffi::vm::Raw;
use crate::kernel::{Kernel, Room, Slot, Token};
use crate::native::NativeModule;
use crate::program::{Context, Program};
use crate::slots::Slots;

/// How running processes are preempted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Preemption {
    /// An [`Interrupter`] arms the VM from outside when a slice is overrun.
    Armed,
    /// After this many safepoints; deterministic, for tests and simulation.
    Counted(u32),
}

/// How to make a VM.
#[derive(Clone, Debug)]
pub struct VmConfig {
    /// the host of its processes
    pub host: HostId,
    /// the host's entry id, which stands in the text of its pids
    pub host_name: Arc<str>,
    /// the shard's number within the host
    pub shard: u16,
    /// the shared table of the shard
    pub slots: Arc<Slots>,
    /// compile hot code to machine code
    pub native_code: bool,
    /// when to preempt
    pub preemption: Preemption,
    /// soft limit of the VM's heap in bytes (`limits.shard_memory`)
    pub memory: usize,
    /// modules of the embedder
    pub modules: Arc<[NativeModule]>,
    /// refuse guarded calls without a security context (`security.strict_mode`)
    pub strict: bool,
    /// of a simulated VM: where its memory lies; its slices end at random
    pub spot: Option<Spot>,
}

/// How to make a process.
#[derive(Clone, Debug)]
pub struct Birth {
    /// its pid; the slot is `pid.slot()`
    pub pid: Pid,
    /// what it runs
    pub program: Arc<Program>,
    /// arguments of the method
    pub arguments: Values,
    /// what it inherits
    pub context: Arc<Context>,
    /// heap limit in bytes, if it has one of its own
    pub memory: Option<u64>,
    /// largest result it may return, in bytes
    pub result_limit: usize,
}

/// What a turn of a process came to.
#[derive(Debug)]
pub enum Step {
    /// It used up its slice or gave way: run it again later.
    Ready,
    /// It waits; an event, message, timer or completion will wake it.
    Blocked,
    /// It ended by itself: `main` returned or failed, or it deadlocked.
    Finished(Arc<Exit>),
    /// It was killed while it ran (terminated itself, or a claimed kill stopped
    /// it): it must not be resumed, and the kill's signal decides the exit.
    Killed,
}

/// Arms the preemption of a VM from any thread.
#[derive(Clone, Debug)]
pub struct Interrupter(Arm);

impl Interrupter {
    /// Makes the running process give way at its next safepoint.
    pub fn interrupt(&self) {
        self.0.arm();
    }
}

/// What is left of a process that has ended.
#[derive(Clone, Debug, Default)]
pub struct Remains {
    /// bytes that it held, if it had an account of its own: a limit, or much memory
    pub memory: Option<usize>,
    /// messages that it had not read
    pub unread: usize,
    /// topics of those that came last, oldest first
    pub topics: Vec<Bytes>,
}

/// A Luau VM. `Send`, not `Sync`: whoever holds it runs it.
#[derive(Debug)]
pub struct Vm {
    raw: Raw,
}

impl Vm {
    /// Makes a VM without processes.
    pub fn new(config: VmConfig) -> Vm {
        Vm { raw: Raw::new(config) }
    }

    /// Makes a process in the slot of its pid; the first [`Vm::run`] starts it.
    /// It counts as ready: it must be in the kernel's run queue.
    pub fn create(&mut self, birth: Box<Birth>) {
        self.raw.create(birth);
    }

    /// Runs a process until it blocks, ends, or has to give way.
    pub fn run(&mut self, slot: Slot, kernel: &mut dyn Kernel) -> Step {
        self.run_briefly(slot, 0, kernel)
    }

    /// The same, but it gives way after so many safepoints (0: when it is interrupted).
    pub fn run_briefly(&mut self, slot: Slot, safepoints: u32, kernel: &mut dyn Kernel) -> Step {
        self.raw.run(slot, safepoints, kernel)
    }

    /// In a simulation: raises an error in the process that runs next, after so many
    /// safepoints.
    pub fn fail_after(&mut self, safepoints: u32) {
        self.raw.fail_after(Some(safepoints));
    }

    /// The safepoints that are left until that error; none comes any more.
    pub fn failing(&mut self) -> Option<u32> {
        self.raw.fail_after(None)
    }

    /// Queues a message whose mailbox room is reserved (see [`Slots::reserve`]) and
    /// given back when it is read. Returns whether the process became ready.
    pub fn message(
        &mut self,
        slot: Slot,
        from: Pid,
        topic: Bytes,
        payload: Values,
        room: Room,
        kernel: &mut dyn Kernel,
    ) -> bool {
        self.raw.message(slot, from, topic, payload, room, kernel)
    }

    /// Queues a system event (a CANCEL only updates an unread one of the same canceller).
    /// Returns whether the process became ready.
    pub fn event(&mut self, slot: Slot, event: Event, kernel: &mut dyn Kernel) -> bool {
        self.raw.event(slot, event, kernel)
    }

    /// The entry whose code a process runs.
    pub fn program(&self, slot: Slot) -> Option<Arc<str>> {
        self.raw.program(slot)
    }

    /// A timer of [`Kernel::set_timer`] fired. Returns whether the process became ready.
    pub fn timer(&mut self, slot: Slot, token: Token, kernel: &mut dyn Kernel) -> bool {
        self.raw.timer(slot, token, kernel)
    }

    /// A pending operation ended. Returns whether the process became ready.
    pub fn complete(
        &mut self,
        slot: Slot,
        token: Token,
        result: Result<Values, Error>,
        kernel: &mut dyn Kernel,
    ) -> bool {
        self.raw.complete(slot, token, result, kernel)
    }

    /// Messages in the mailbox of a process.
    pub fn unread(&self, slot: Slot) -> Option<usize> {
        self.raw.unread(slot)
    }

    /// What a task of the process waits for although it is there, if there is such a
    /// thing between two steps: then a wake-up was lost. For simulations: slow.
    pub fn overlooked(&self, slot: Slot) -> Option<&'static str> {
        self.raw.overlooked(slot)
    }

    /// Events came for the subscription of [`Kernel::subscribe`] with this token.
    /// Returns whether the process became ready.
    pub fn bell(&mut self, slot: Slot, token: Token, kernel: &mut dyn Kernel) -> bool {
        self.raw.bell(slot, token, kernel)
    }

    /// What is left of a process that has ended, before it is destroyed.
    pub fn remains(&self, slot: Slot) -> Option<Remains> {
        self.raw.remains(slot)
    }

    /// Drops a process without running any of its code. Its timers are cleared
    /// through the kernel; its reserved mailbox room is not given back.
    pub fn destroy(&mut self, slot: Slot, kernel: &mut dyn Kernel) {
        self.raw.destroy(slot, kernel);
    }

    /// A handle that arms preemption from other threads.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter(self.raw.arm.clone())
    }

    /// How much garbage may come before it is collected, in percent of what lives.
    pub fn set_gc_percent(&mut self, percent: i32) {
        self.raw.set_heap_goal(percent.clamp(0, 10_000) + 100);
    }

    /// Bytes that Lua ever asked for.
    pub fn asked(&self) -> usize {
        self.raw.asked()
    }

    /// Bytes of the VM's heap.
    pub fn heap(&self) -> usize {
        self.raw.heap()
    }

    /// Lets everything go that is kept for processes to come, and says how many bytes the
    /// heap still holds beyond those of a new VM: what leaked. For a VM that has no process
    /// and gets none any more.
    pub fn bare(&mut self, kernel: &mut dyn Kernel) -> usize {
        self.raw.bare(kernel)
    }

    /// Collects all garbage. Slow on a large VM: not for the hot path.
    pub fn collect(&mut self, kernel: &mut dyn Kernel) {
        self.raw.collect(kernel);
    }
}
