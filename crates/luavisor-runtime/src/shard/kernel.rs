//! The state of a shard apart from the VM, and how signals find their way.
//!
//! Two rules keep it simple:
//! - Signals within the shard go through [`ShardKernel::local`] and are applied
//!   by a loop ([`ShardKernel::settle`]), never by recursion: a chain of a
//!   million links dies without a deep stack.
//! - Nothing here calls into the VM. What must happen there is queued as an
//!   [`Effect`] and done as soon as no process runs.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use luavisor_core::{Event, Exit, Pid};
use luavisor_vm::kernel::Room;
use luavisor_vm::{Slot, TimerId};

use super::Shard;
use super::effects::Effect;
use super::process::{Body, ProcessTable, Run};
use super::recent::Recent;
use super::signal::Signal;
use super::timers::Timers;
use crate::host::Host;
use crate::native::Input;
use crate::observe::{BondChange, MessageStage, Occurrence, TimerChange};
use crate::planted::Bug;
use crate::random::{FastRng, Rng};
use crate::ready::Ready;
use crate::tuning;
use crate::world::World;

/// See the module.
pub(crate) struct ShardKernel {
    pub world: Arc<World>,
    pub host: Arc<Host>,
    pub shard: Arc<Shard>,
    pub processes: ProcessTable,
    pub ready: Ready<Slot>,
    pub timers: Timers,
    /// signals within the shard that are not applied yet
    pub local: VecDeque<Signal>,
    /// what must be done to the VM
    pub effects: VecDeque<Effect>,
    /// the process whose step is under way
    pub running: Option<Slot>,
    pub rng: FastRng,
    /// the last link failure and what it ends its peers with: a star of a
    /// million links makes that exit once
    pub last_failure: Option<(Pid, Arc<Exit>)>,
    /// unix time, read at most once per turn
    pub unix: Option<f64>,
    /// what processes of the shard spawned last
    pub recent: Recent,
    /// counts link calls
    pub next_link: u64,
    /// when the executor will wake the shard for its timers
    pub alarm: Option<u64>,
    /// its time may have come: then the run queue does not have it any more
    pub rung: bool,
    /// the CANCEL of a stopping host has come: whoever arrives from now on gets it alone
    pub stopping: bool,
    /// what its VM follows
    pub gc_percent: i32,
    /// an alarm asks whether to give its memory back
    pub resting: bool,
    /// since when it has been empty after it was large
    pub empty_since: Option<u64>,
    /// in a simulation: steps so far, and at which of them ready processes became so
    pub steps: u64,
    pub queued: BTreeMap<Slot, u64>,
    /// in a simulation: most living processes since none was ready
    pub crowd: usize,
}

impl ShardKernel {
    pub fn new(world: Arc<World>, host: Arc<Host>, shard: Arc<Shard>, rng: FastRng) -> ShardKernel {
        ShardKernel {
            processes: ProcessTable::new(shard.host, shard.number),
            world,
            host,
            shard,
            ready: Ready::default(),
            timers: Timers::default(),
            local: VecDeque::new(),
            effects: VecDeque::new(),
            running: None,
            rng,
            last_failure: None,
            unix: None,
            recent: Recent::default(),
            next_link: 0,
            alarm: None,
            rung: false,
            stopping: false,
            gc_percent: tuning::GC_PERCENT,
            resting: false,
            empty_since: None,
            steps: 0,
            queued: BTreeMap::new(),
            crowd: 0,
        }
    }

    /// Whether the process belongs to this shard.
    pub fn is_local(&self, pid: Pid) -> bool {
        pid.host == self.shard.host && pid.shard() == self.shard.number
    }

    /// Whether a Lua process with this pid lives here.
    pub fn runs_lua(&mut self, pid: Pid) -> bool {
        self.processes.get(pid).is_some_and(|process| matches!(process.body, Body::Lua))
    }

    /// Sends a signal on its way. Signals within the shard wait for [`ShardKernel::settle`].
    pub fn deliver(&mut self, to: Pid, signal: Signal) {
        if self.is_local(to) {
            self.local.push_back(signal);
        } else if let Some(shard) = self.world.shard(to) {
            shard.post(signal);
        }
    }

    /// Applies signals within the shard until none is left.
    pub fn settle(&mut self) {
        while let Some(signal) = self.local.pop_front() {
            self.apply(signal);
        }
    }

    /// Unix time, the same during a turn.
    pub fn unix(&mut self) -> f64 {
        *self.unix.get_or_insert_with(|| self.world.clock.unix())
    }

    /// Tells of what only simulations watch.
    pub fn tell(&self, occurrence: impl FnOnce() -> Occurrence) {
        if self.world.simulated() {
            self.world.observers.tell(occurrence);
        }
    }

    /// Tells of a monitor, a link or a cancel, in a simulation.
    pub fn tell_bond(&self, of: Pid, with: Pid, change: BondChange) {
        self.tell(|| Occurrence::Bond { of, with, change });
    }

    /// Tells that a system event has reached its process, in a simulation.
    pub fn tell_event(&self, slot: Slot, event: &Event) {
        // One that has ended meanwhile gets nothing.
        if self.processes.peek(slot).is_none() {
            return;
        }
        let of = self.processes.pid(slot);
        match event {
            Event::Exit { from, .. } => self.tell_bond(of, *from, BondChange::HeardExit),
            Event::LinkDown { from, .. } => self.tell_bond(of, *from, BondChange::HeardLink),
            Event::Cancel { from, .. } => self.tell_bond(of, *from, BondChange::HeardCancel),
            _ => {}
        }
    }

    /// Tells how far a message has come, in a simulation.
    pub fn tell_message(&self, from: Pid, to: Pid, room: Room, stage: MessageStage) {
        if room.stamp != 0 {
            self.tell(|| Occurrence::Message { from, to, stamp: room.stamp, stage });
        }
    }

    /// Tells of a timer of a process, in a simulation.
    pub fn tell_timer(&self, slot: Slot, timer: TimerId, change: TimerChange) {
        // Those of one that has ended go with it.
        if self.processes.peek(slot).is_none() {
            return;
        }
        let pid = self.processes.pid(slot);
        self.tell(|| Occurrence::Timer { pid, timer, change });
    }

    /// Makes a process ready to run.
    pub fn make_ready(&mut self, slot: Slot) {
        let Some(process) = self.processes.at(slot) else { return };
        match process.run {
            Run::Idle => self.queue(slot, false),
            Run::Running => process.run = Run::RunningWoken,
            Run::Queued | Run::RunningWoken | Run::Doomed => {}
        }
    }

    /// Puts a process into the run queue.
    pub fn queue(&mut self, slot: Slot, hungry: bool) {
        if let Some(process) = self.processes.at(slot) {
            process.run = Run::Queued;
        }
        if self.world.simulated() {
            if self.world.planted(Bug::LostWake) && !hungry && self.rng.below(50) == 0 {
                self.processes.at(slot).into_iter().for_each(|process| process.run = Run::Idle);
                return;
            }
            let living = self.processes.live();
            self.crowd = if self.ready.is_empty() { living } else { living.max(self.crowd) };
            self.queued.insert(slot, self.steps);
        }
        match hungry {
            true => self.ready.push_hungry(slot),
            false => self.ready.push_fresh(slot),
        }
    }

    /// In a simulation: a process that was held is ready again, if it still waits to run.
    pub fn let_go(&mut self, slot: Slot) {
        if self.processes.at(slot).is_some_and(|process| process.run == Run::Queued) {
            self.queue(slot, false);
        }
    }

    /// In a simulation: tells of a step that begins.
    pub fn tell_step(&mut self, pid: Pid, killed: bool) {
        self.steps += 1;
        let since = self.queued.remove(&pid.slot());
        let waited = since.map_or(0, |since| self.steps - since);
        let among = self.crowd;
        self.tell(|| Occurrence::Step { pid, killed, waited, among });
    }

    /// Hands an input to a native process, with the mailbox room it holds.
    pub fn push_input(&mut self, slot: Slot, input: Input, room: Room) {
        if let Input::Event(event) = &input {
            self.tell_event(slot, event);
        }
        let Some(process) = self.processes.at(slot) else { return };
        if let Body::Native(body) = &mut process.body {
            body.inputs.push_back((input, room));
            self.make_ready(slot);
        }
    }

    /// Ends a process whose kill is claimed: at once, or after its running step.
    pub fn kill(&mut self, slot: Slot, exit: Arc<Exit>) {
        if self.running == Some(slot) {
            if let Some(process) = self.processes.at(slot) {
                process.kill = Some(exit);
            }
            self.shard.interrupt();
        } else {
            self.end(slot, exit);
        }
    }

    /// Claims the end of a process of this shard and carries it out, unless
    /// another cause came first.
    pub fn claim_and_kill(&mut self, slot: Slot, make_exit: impl FnOnce(&mut Self) -> Arc<Exit>) {
        let pid = self.processes.pid(slot);
        if self.shard.slots.claim_kill(slot, pid.generation) == Some(true) {
            let exit = make_exit(self);
            self.kill(slot, exit);
        }
    }
}
