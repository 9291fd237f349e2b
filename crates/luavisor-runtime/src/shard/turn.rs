//! One turn of a shard.
//!
//! 1. drain the signal queue;
//! 2. fire due timers;
//! 3. run ready processes, each for at most one slice, until the run queue is
//!    empty, the turn's steps are used up, or the watchdog's pulse changed: then
//!    other shards have waited for a slice. *Hungry* processes, which have used up
//!    slices since they last waited, run when the others have run, and give way
//!    to whatever comes; when others wait, one of them runs briefly now and then;
//! 4. publish load and the next timer.
//!
//! The clock is read once per turn, and only if there are timers.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use luavisor_core::{Error, Exit, Reason};
use luavisor_vm::{Slot, Step, Vm};

use super::process::{Body, Run};
use super::signal::Signal;
use super::timers::{Alarm, REST};
use super::{Interior, Shard};
use crate::native::{Flow, Input, NativeContext};
use crate::observe::MessageStage;
use crate::planted::{self, Bug};
use crate::random::Rng;
use crate::sync::lock;

/// Safepoints of a brief slice: 10 to 20 µs of a tight loop.
const BRIEF: u32 = 2000;

/// A buffer for more signals than these is given back after a burst.
const KEPT_SIGNALS: usize = 4096;

/// Heap, in bytes, that is worth a new VM later, which takes a millisecond.
const LARGE_HEAP: usize = 1 << 20;

/// Nanoseconds of virtual time that a simulated step takes, and one that is preempted.
const STEP_COST: u64 = 1_000;
const SLICE_COST: u64 = 100_000;

/// Steps of a simulated turn, at most.
const SIMULATED_STEPS: u64 = 3;

/// Inputs that a native process handles in one step.
const INPUTS_PER_STEP: usize = 64;

/// What is ready to run after a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Left {
    Nothing,
    /// nothing but hungry processes
    Hungry,
    Fresh,
}

impl Shard {
    /// Runs one turn.
    pub fn turn(self: &Arc<Shard>) -> Left {
        let mut interior = lock(&self.interior);
        let Some(interior) = &mut *interior else { return Left::Nothing };
        let mut signals = std::mem::take(&mut interior.signals);
        let mut late = false;
        {
            let mut queue = lock(&self.signals);
            if interior.kernel.world.simulated() && !queue.is_empty() {
                // Some are still under way while processes run.
                let come = interior.kernel.rng.below(queue.len() as u64) as usize + 1;
                signals.extend(queue.drain(..come));
                late = !queue.is_empty();
                planted::damage(&mut interior.kernel, &mut signals);
            } else {
                std::mem::swap(&mut signals, &mut *queue);
            }
        }
        let left = interior.turn(&mut signals);
        let left = if late { Left::Fresh } else { left };
        if signals.capacity() <= KEPT_SIGNALS {
            interior.signals = signals;
        }
        left
    }
}

impl Interior {
    fn turn(&mut self, signals: &mut Vec<Signal>) -> Left {
        self.kernel.unix = None;
        self.follow_gc_percent();
        let pulse = self.kernel.shard.queue.pulse();
        for signal in signals.drain(..) {
            self.receive(signal);
        }
        self.fire_timers();
        let mut steps = self.kernel.host.config.turn_steps;
        if self.kernel.world.simulated() {
            // Others may come between any two steps.
            steps = steps.min(1 + self.kernel.rng.below(SIMULATED_STEPS) as u32);
        }
        let mut first = true;
        loop {
            if self.kernel.ready.next_is_hungry() {
                if !self.hungry_step(pulse, first) {
                    break;
                }
            } else {
                self.shuffle();
                let Some(slot) = self.kernel.ready.pop_fresh() else { break };
                self.step(slot, pulse, false);
            }
            first = false;
            steps -= 1;
            if steps == 0 || self.kernel.shard.queue.pulse() != pulse {
                break;
            }
        }
        self.kernel.shard.current.leave();
        self.publish();
        match &self.kernel.ready {
            ready if ready.is_empty() => Left::Nothing,
            ready if ready.has_fresh() => Left::Fresh,
            _ => Left::Hungry,
        }
    }

    /// In a simulation any process may be next.
    fn shuffle(&mut self) {
        let kernel = &mut self.kernel;
        let waiting = kernel.ready.fresh_len() as u64;
        if waiting > 1 && kernel.world.simulated() {
            let index = match kernel.world.planted(Bug::Starving) {
                true => waiting - 1,
                false => kernel.rng.below(waiting),
            };
            kernel.ready.prefer(index as usize);
        }
    }

    /// Runs a process that has used up slices: for a whole one only if nobody else
    /// wants to run. False: the turn should end for the sake of other shards.
    fn hungry_step(&mut self, pulse: u64, first: bool) -> bool {
        let shard = self.kernel.shard.clone();
        // Whoever comes from here on interrupts the step.
        shard.yielding.store(true, Ordering::SeqCst);
        let others_wait = shard.queue.begin_yielding(&shard) || shard.wake.is_notified();
        let runs = first || !others_wait;
        if runs && let Some(slot) = self.kernel.ready.pop_hungry() {
            let brief = others_wait || self.kernel.ready.has_fresh();
            self.step(slot, pulse, brief);
        }
        let others_wait = shard.queue.end_yielding(&shard) || shard.wake.is_notified();
        shard.yielding.store(false, Ordering::SeqCst);
        runs && !others_wait
    }

    /// Applies a signal from the queue.
    fn receive(&mut self, signal: Signal) {
        match signal {
            // The most frequent one goes straight into the VM: the detour through the
            // effects took 5 % of a round trip between two shards.
            Signal::Message { to, from, topic, payload, room } if self.kernel.runs_lua(to) => {
                let slot = to.slot();
                self.kernel.tell_message(from, to, room, MessageStage::Arrived);
                self.touch(slot, |vm, kernel| vm.message(slot, from, topic, payload, room, kernel));
            }
            signal => {
                self.kernel.apply(signal);
                self.kernel.settle();
            }
        }
        self.flush();
    }

    fn fire_timers(&mut self) {
        let alarm = self.kernel.alarm;
        if self.kernel.timers.len() == 0 {
            // Perhaps: the clock is not worth asking.
            self.kernel.rung = alarm.is_some();
            return;
        }
        let now = self.kernel.world.clock.monotonic();
        self.kernel.rung = alarm.is_some_and(|at| at <= now);
        while let Some((id, slot, alarm)) = self.kernel.timers.due(now) {
            self.kernel.alarm(id, slot, alarm);
            self.kernel.settle();
            // At once: a process that ends now may have timers in the VM.
            self.flush();
        }
    }

    /// A shard that stays empty after it was large gives its memory back.
    fn rest_if_empty(&mut self) {
        let kernel = &mut self.kernel;
        let large = |vm: &Vm| vm.heap() > LARGE_HEAP;
        if kernel.processes.live() > 0 || !self.vm.as_ref().is_some_and(large) {
            return;
        }
        let now = kernel.world.clock.monotonic();
        let since = *kernel.empty_since.get_or_insert(now);
        if !std::mem::replace(&mut kernel.resting, true) {
            kernel.timers.set(since.saturating_add(REST), 0, Alarm::Rest);
        }
    }

    /// What programs set holds for all VMs.
    fn follow_gc_percent(&mut self) {
        let wanted = self.kernel.world.tuning.gc_percent();
        if let Some(vm) = self.vm.as_mut().filter(|_| self.kernel.gc_percent != wanted) {
            self.kernel.gc_percent = wanted;
            vm.set_gc_percent(wanted);
        }
    }

    fn publish(&mut self) {
        self.rest_if_empty();
        let kernel = &mut self.kernel;
        kernel.shard.load.store(kernel.ready.len() as u32, Ordering::Relaxed);
        let (heap, asked) = self.vm.as_ref().map_or((0, 0), |vm| (vm.heap(), vm.asked()));
        kernel.shard.heap.store(heap as u64, Ordering::Relaxed);
        kernel.shard.asked.store(asked as u64, Ordering::Relaxed);
        let next = kernel.timers.next();
        // One that has rung is gone: a timer for the same instant needs it again.
        if next != kernel.alarm || std::mem::take(&mut kernel.rung) {
            let now = kernel.world.clock.monotonic();
            kernel.alarm = kernel.shard.queue.set_alarm(&kernel.shard, kernel.alarm, next, now);
        }
    }

    /// Gives the process in `slot` one slice, or a brief one.
    fn step(&mut self, slot: Slot, pulse: u64, brief: bool) {
        let kernel = &mut self.kernel;
        let Some(process) = kernel.processes.at(slot) else { return };
        // Left over from an earlier life of the slot, or already run.
        if process.run != Run::Queued {
            return;
        }
        let killed = kernel.shard.slots.kill_claimed(slot);
        if killed && !kernel.world.planted(Bug::KilledRuns) {
            // Somebody decided its end; the kill signal is under way.
            process.run = Run::Doomed;
            return;
        }
        if kernel.world.simulated() && !self.begin_simulated_step(slot, killed) {
            return;
        }
        let kernel = &mut self.kernel;
        let Some(process) = kernel.processes.at(slot) else { return };
        process.run = Run::Running;
        process.turns = process.turns.saturating_add(1);
        let generation = process.generation;
        let lua = matches!(process.body, Body::Lua);
        kernel.running = Some(slot);
        kernel.shard.current.enter(slot, generation);
        let step = match (&mut self.vm, lua) {
            (Some(vm), true) if brief => vm.run_briefly(slot, BRIEF, kernel),
            (Some(vm), true) => vm.run(slot, kernel),
            (None, true) => Step::Finished(Arc::new(Exit::failure(
                Reason::Error,
                Error::internal("the virtual machine of the process is lost"),
            ))),
            (_, false) => self.step_native(slot),
        };
        if self.kernel.world.simulated() {
            self.end_simulated_step(slot);
        }
        self.after_step(slot, generation, step, pulse);
        self.kernel.settle();
        self.flush();
    }

    /// In a simulation: tells of a step. False: the process is held, and will be ready
    /// again later.
    fn begin_simulated_step(&mut self, slot: Slot, killed: bool) -> bool {
        let kernel = &mut self.kernel;
        let pid = kernel.processes.pid(slot);
        let now = kernel.world.clock.monotonic();
        if let Some(faults) = kernel.world.faults() {
            if let Some(until) = faults.held(pid, now) {
                kernel.timers.set(until, slot, Alarm::Held);
                return false;
            }
            if let (Some(vm), Some(safepoints)) = (&mut self.vm, faults.failing(pid)) {
                vm.fail_after(safepoints);
            }
        }
        kernel.tell_step(pid, killed);
        true
    }

    /// In a simulation: an error that the process has not come to is for its next step.
    fn end_simulated_step(&mut self, slot: Slot) {
        let left = self.vm.as_mut().and_then(Vm::failing);
        if let (Some(safepoints), Some(faults)) = (left, self.kernel.world.faults()) {
            faults.fail(self.kernel.processes.pid(slot), safepoints);
        }
    }

    /// Decides what becomes of a process whose step is over.
    fn after_step(&mut self, slot: Slot, generation: u64, step: Step, pulse: u64) {
        let kernel = &mut self.kernel;
        kernel.running = None;
        if kernel.world.simulated() {
            // Computing takes time, or an endless loop would keep it from passing.
            let spent = if matches!(step, Step::Ready) { SLICE_COST } else { STEP_COST };
            kernel.world.clock.spend(spent);
        }
        let Some(process) = kernel.processes.at(slot) else { return };
        if let Some(exit) = process.kill.take() {
            return kernel.end(slot, exit);
        }
        match step {
            Step::Finished(exit) if kernel.shard.slots.claim_return(slot, generation) => {
                kernel.end(slot, exit);
            }
            Step::Finished(_) | Step::Killed => process.run = Run::Doomed,
            Step::Ready => {
                process.hungry |= kernel.shard.queue.pulse() != pulse;
                let hungry = process.hungry;
                kernel.queue(slot, hungry);
            }
            Step::Blocked if process.run == Run::RunningWoken => kernel.queue(slot, false),
            Step::Blocked => {
                process.run = Run::Idle;
                process.hungry = false;
            }
        }
    }

    fn step_native(&mut self, slot: Slot) -> Step {
        let kernel = &mut self.kernel;
        let body = |kernel: &mut super::kernel::ShardKernel| match kernel.processes.at(slot) {
            Some(process) if process.kill.is_none() => match &mut process.body {
                Body::Native(body) => body.inputs.pop_front(),
                _ => None,
            },
            _ => None,
        };
        let Some(mut actor) =
            kernel.processes.at(slot).and_then(|process| match &mut process.body {
                Body::Native(body) => body.actor.take(),
                _ => None,
            })
        else {
            return Step::Blocked;
        };
        let mut step = Step::Blocked;
        for handled in 0.. {
            if handled == INPUTS_PER_STEP {
                step = Step::Ready;
                break;
            }
            let Some((input, room)) = body(kernel) else { break };
            if let Input::Message { from, .. } = &input {
                kernel.shard.slots.release(slot, room.bytes);
                let to = kernel.processes.pid(slot);
                kernel.tell_message(*from, to, room, MessageStage::Taken);
            }
            let mut context = NativeContext { kernel, slot };
            let handle = AssertUnwindSafe(|| actor.handle(&mut context, input));
            match catch_unwind(handle) {
                Ok(Flow::Continue) => {}
                Ok(Flow::Finish(exit)) => step = Step::Finished(Arc::new(exit)),
                Err(panic) => step = Step::Finished(Arc::new(panicked(&*panic))),
            }
            if matches!(step, Step::Finished(_)) || kernel.shard.slots.kill_claimed(slot) {
                break;
            }
        }
        if let Some(process) = kernel.processes.at(slot)
            && let Body::Native(body) = &mut process.body
        {
            if !body.inputs.is_empty() && matches!(step, Step::Blocked) {
                step = Step::Ready;
            }
            body.actor = Some(actor);
        }
        step
    }
}

/// A planted bug: the first two messages in a row from one process to another change
/// places.
fn panicked(panic: &(dyn std::any::Any + Send)) -> Exit {
    let text = panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "unknown".to_owned());
    Exit::failure(Reason::Error, Error::internal(format!("panic: {text}")))
}
