//! What each signal does to the process it is for.
//!
//! A signal for a process that is gone does nothing, except that a monitor or a
//! link that came too late is answered with reason "noproc".

use std::sync::Arc;
use std::sync::atomic::Ordering;

use luavisor_core::cancel::{Deadline, Enforcement, forced_end, tightens};
use luavisor_core::relations::{Failure, link_failure};
use luavisor_core::{Event, Exit, Pid};
use luavisor_vm::kernel::{Kernel, Room};
use luavisor_vm::{Slot, TimerId};

use super::effects::Effect;
use super::kernel::ShardKernel;
use super::process::Body;
use super::signal::{Cancel, Signal};
use super::timers::{Alarm, REST};
use crate::native::Input;
use crate::observe::{BondChange, MessageStage, TimerChange};
use crate::planted::Bug;
use crate::random::Rng;

impl ShardKernel {
    /// Applies one signal. May queue others; never recurses.
    pub fn apply(&mut self, signal: Signal) {
        match signal {
            Signal::Spawn(newborn) => self.settle_in(*newborn),
            Signal::Message { to, from, topic, payload, room } => {
                // Room reserved at a process that ended meanwhile went with it.
                let Some(process) = self.processes.get(to) else { return };
                let (slot, lua) = (to.slot(), matches!(process.body, Body::Lua));
                self.tell_message(from, to, room, MessageStage::Arrived);
                if lua {
                    self.effects.push_back(Effect::Message { slot, from, topic, payload, room });
                } else {
                    self.push_input(slot, Input::Message { from, topic, payload }, room);
                }
            }
            Signal::Monitor { to, watcher } => match self.processes.get(to) {
                Some(process) => process.relations().watched_by(watcher),
                None => {
                    let (at, exit) = (self.unix(), Arc::new(Exit::no_process()));
                    self.deliver(watcher, Signal::Exited { to: watcher, from: to, at, exit });
                }
            },
            Signal::Unmonitor { to, watcher } => {
                if let Some(process) = self.processes.get(to) {
                    process.relations().unwatched_by(watcher);
                }
            }
            Signal::Link { to, peer, id } => match self.processes.get(to) {
                Some(process) => process.relations().linked_by(peer, id),
                None => {
                    let (at, exit) = (self.unix(), Arc::new(Exit::no_process()));
                    self.deliver(peer, Signal::LinkFailed { to: peer, from: to, at, exit });
                }
            },
            Signal::Unlink { to, peer, known } => {
                if let Some(process) = self.processes.get(to) {
                    process.relations().unlinked_by(peer, known);
                }
            }
            Signal::Exited { to, from, at, exit } => {
                if self.world.planted(Bug::LostExit) && self.rng.below(4) == 0 {
                    return;
                }
                if self.world.planted(Bug::DoubleExit) && self.rng.below(4) == 0 {
                    self.tell_bond(to, from, BondChange::HeardExit);
                }
                let Some(process) = self.processes.get(to) else { return };
                if process.relations().exit_arrived(from) {
                    self.push_event(to.slot(), Event::Exit { from, at, exit });
                }
            }
            Signal::LinkFailed { to, from, at, exit } => {
                if self.world.planted(Bug::LostLinkFailure) && self.rng.below(4) == 0 {
                    return;
                }
                let Some(process) = self.processes.get(to) else { return };
                let trap = process.trap_links;
                match process.relations().failure_arrived(from, trap) {
                    Failure::Ignored => {}
                    Failure::Event => {
                        self.push_event(to.slot(), Event::LinkDown { from, at, exit });
                    }
                    Failure::Ends => {
                        self.tell_bond(to, from, BondChange::HeardLink);
                        self.claim_and_kill(to.slot(), |kernel| kernel.link_exit(from, &exit));
                    }
                }
            }
            Signal::LinkDissolved { to, from } => {
                if let Some(process) = self.processes.get(to) {
                    process.relations().dissolved(from);
                }
            }
            Signal::Cancel(cancel) => self.apply_cancel(*cancel),
            Signal::Kill { to, exit } => {
                if self.processes.get(to).is_some() {
                    self.kill(to.slot(), exit);
                }
            }
            Signal::Complete { to, token, result } => {
                let Some(process) = self.processes.get(to) else { return };
                match process.body {
                    Body::Lua => {
                        let slot = to.slot();
                        self.effects.push_back(Effect::Complete { slot, token, result });
                    }
                    _ => self.push_input(
                        to.slot(),
                        Input::Completed(token, *result),
                        Room::default(),
                    ),
                }
            }
            Signal::Bell { to, token } => {
                if self.runs_lua(to) {
                    self.effects.push_back(Effect::Bell { slot: to.slot(), token });
                }
            }
            Signal::CallEnded { to, token, exit } => self.call_ended(to, token, &exit),
            Signal::SeatGiven { waiter, pool } => self.seat_given(waiter, pool),
            Signal::Request { to, from, token, request } => match self.processes.get(to) {
                Some(_) => {
                    let request = Input::Request(from, token, request);
                    self.push_input(to.slot(), request, Room::default());
                }
                None => self.refuse_request(from, token),
            },
            Signal::Notice { to, notice } => {
                if self.processes.get(to).is_some() {
                    self.push_input(to.slot(), Input::Notice(notice), Room::default());
                }
            }
            Signal::StopHost(cancel) => {
                self.stopping = true;
                for slot in self.occupied() {
                    let to = self.processes.pid(slot);
                    self.cancel_for_stop(to, (*cancel).clone());
                }
            }
            Signal::EndAll(exit) => {
                for slot in self.occupied() {
                    self.claim_and_kill(slot, |_| exit.clone());
                }
            }
            Signal::Outdated { to, ids } => {
                if self.processes.get(to).is_some_and(|process| process.upgradable) {
                    let (slot, at) = (to.slot(), self.unix());
                    self.effects.push_back(Effect::Outdated { slot, at, ids });
                }
            }
            Signal::LetGo { to } if self.processes.get(to).is_some() => self.let_go(to.slot()),
            Signal::LetGo { .. } => {}
            Signal::Rest => {
                self.stopping = false;
                self.effects.push_back(Effect::DropVm);
            }
            Signal::Inspect(inspection) => self.effects.push_back(Effect::Inspect(inspection)),
        }
    }

    fn occupied(&self) -> Vec<Slot> {
        self.processes.iter().map(|(slot, _)| slot).collect()
    }

    /// Queues a system event at a process.
    pub fn push_event(&mut self, slot: Slot, event: Event) {
        match self.processes.at(slot).map(|process| &process.body) {
            Some(Body::Lua) => self.effects.push_back(Effect::Event { slot, event }),
            Some(_) => self.push_input(slot, Input::Event(event), Room::default()),
            None => {}
        }
    }

    /// How a process ends because its linked peer `from` failed with `exit`.
    pub fn link_exit(&mut self, from: Pid, exit: &Arc<Exit>) -> Arc<Exit> {
        if let Some((pid, derived)) = &self.last_failure
            && *pid == from
        {
            return derived.clone();
        }
        let derived = Arc::new(link_failure(from, &self.world.pid_text(from), exit));
        // "noproc" of a pid is not the exit that others may get from it.
        if exit.reason != luavisor_core::Reason::NoProcess {
            self.last_failure = Some((from, derived.clone()));
        }
        derived
    }

    /// CANCEL: the event first, then the deadline, if it is the earliest.
    /// The host stops: this process of it gets a CANCEL.
    pub fn cancel_for_stop(&mut self, to: Pid, cancel: Cancel) {
        self.tell_bond(to, cancel.from, BondChange::Cancelled);
        self.apply_cancel(Cancel { to, ..cancel });
    }

    pub fn apply_cancel(&mut self, cancel: Cancel) {
        let Cancel { to, from, at, reason, deadline } = cancel;
        if self.processes.get(to).is_none() {
            return;
        }
        let slot = to.slot();
        let unix = deadline.as_ref().map(|deadline| deadline.1);
        let lost = self.world.planted(Bug::LostCancel) && self.shard.slots.unread(slot) > 0;
        if !lost {
            self.push_event(slot, Event::Cancel { from, at, reason, deadline: unix });
        }
        let Some((at, _, after)) = deadline else { return };
        let deadline = Deadline { at, after };
        let Some(process) = self.processes.at(slot) else { return };
        let bonds = process.bonds();
        if !tightens(bonds.deadline.as_ref().map(|current| &current.0), &deadline) {
            return;
        }
        let passed = at <= self.world.clock.monotonic();
        let id = self.timers.set(at, slot, Alarm::Deadline);
        if let Some((_, old)) = bonds.deadline.replace((deadline, id)) {
            self.timers.clear(old);
        }
        if passed {
            self.timers.clear(id);
            self.deadline_passed(slot);
        }
    }

    /// A timer fired.
    pub fn alarm(&mut self, id: TimerId, slot: Slot, alarm: Alarm) {
        match alarm {
            Alarm::Process(token) => {
                self.tell_timer(slot, id, TimerChange::Fired);
                let Some(process) = self.processes.at(slot) else { return };
                match &mut process.body {
                    Body::Lua => self.effects.push_back(Effect::Timer { slot, token }),
                    Body::Native(body) => {
                        body.timers.remove(&id);
                        self.push_input(slot, Input::Timer(token), Room::default());
                    }
                    Body::Free => {}
                }
            }
            Alarm::Deadline => self.deadline_passed(slot),
            Alarm::Held => self.let_go(slot),
            Alarm::Call(token) => self.call_timed_out(slot, token),
            Alarm::Rest => {
                self.resting = false;
                // If somebody came meanwhile, the end of the last one asks again.
                let now = self.world.clock.monotonic();
                if self.empty_since.is_some_and(|since| now - since >= REST) {
                    self.empty_since = None;
                    self.effects.push_back(Effect::DropVm);
                }
            }
        }
    }

    fn deadline_passed(&mut self, slot: Slot) {
        let Some(process) = self.processes.at(slot) else { return };
        let Some((deadline, _)) = process.bonds().deadline.take() else { return };
        self.claim_and_kill(slot, |kernel| {
            let shutdown = kernel.world.shutting_down.load(Ordering::Relaxed);
            let enforcement = if shutdown { Enforcement::Shutdown } else { Enforcement::Cancel };
            Arc::new(forced_end(&deadline, enforcement))
        });
    }

    /// Sends a CANCEL on its way.
    pub fn send_cancel(&mut self, from: Pid, to: Pid, request: luavisor_vm::kernel::CancelRequest) {
        let cancel = self.world.make_cancel(from, to, request);
        self.tell_bond(to, from, BondChange::Cancelled);
        self.deliver(to, Signal::Cancel(Box::new(cancel)));
    }

    /// The monotonic instant `delay` nanoseconds from now.
    pub fn after(&self, delay: u64) -> u64 {
        self.monotonic().saturating_add(delay)
    }
}
