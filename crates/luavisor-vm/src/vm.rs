//! One Luau VM with the processes of one shard.

use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Exit, HostId, Pid, Values};

use crate::kernel::{Kernel, Slot, Token};
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
    Finished(Exit),
    /// It was killed while it ran (terminated itself, or a claimed kill stopped
    /// it): it must not be resumed, and the kill's signal decides the exit.
    Killed,
}

/// Arms the preemption of a VM from any thread.
#[derive(Clone, Debug)]
pub struct Interrupter {}

impl Interrupter {
    /// Makes the running process give way at its next safepoint.
    pub fn interrupt(&self) {}
}

/// A Luau VM. `Send`, not `Sync`: whoever holds it runs it.
#[derive(Debug)]
pub struct Vm {}

#[allow(unused_variables, clippy::todo, missing_docs)]
impl Vm {
    /// Makes a VM without processes.
    pub fn new(config: VmConfig) -> Vm {
        todo!()
    }
    /// Makes a process in the slot of its pid; the first [`Vm::run`] starts it.
    pub fn create(&mut self, birth: Birth) {
        todo!()
    }
    /// Runs a process until it blocks, ends, or has to give way.
    pub fn run(&mut self, slot: Slot, kernel: &mut dyn Kernel) -> Step {
        todo!()
    }
    /// Queues a message whose mailbox room is reserved (see [`Slots::reserve`]);
    /// `bytes` is given back when it is read. Returns whether the process became ready.
    pub fn message(
        &mut self,
        slot: Slot,
        from: Pid,
        topic: Bytes,
        payload: Values,
        bytes: usize,
    ) -> bool {
        todo!()
    }
    /// Queues a system event (a CANCEL replaces an unread one of the same canceller's reason).
    /// Returns whether the process became ready.
    pub fn event(&mut self, slot: Slot, event: Event) -> bool {
        todo!()
    }
    /// A timer of [`Kernel::set_timer`] fired. Returns whether the process became ready.
    pub fn timer(&mut self, slot: Slot, token: Token, kernel: &mut dyn Kernel) -> bool {
        todo!()
    }
    /// A pending operation ended. Returns whether the process became ready.
    pub fn complete(&mut self, slot: Slot, token: Token, result: Result<Values, Error>) -> bool {
        todo!()
    }
    /// Drops a process without running any of its code. Its timers are cleared
    /// through the kernel; its reserved mailbox room is not given back.
    pub fn destroy(&mut self, slot: Slot, kernel: &mut dyn Kernel) {
        todo!()
    }
    /// A handle that arms preemption from other threads.
    pub fn interrupter(&self) -> Interrupter {
        Interrupter {}
    }
    /// Bytes of the VM's heap.
    pub fn heap(&self) -> usize {
        todo!()
    }
}
