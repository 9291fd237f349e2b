//! Stopping children: for a strategy that restarts them, and for good.

use std::sync::Arc;
use std::time::Duration;

use super::{Machine, Recovery, Then};
use crate::error::{Error, Kind};
use crate::exit::Exit;
use crate::supervision::protocol::{Action, Change, ChildId, State, Timer, reasons};
use crate::supervision::rules::{Restart, Shutdown, affected};

impl Machine {
    pub(super) fn recover(&mut self, id: ChildId, delay: Duration) {
        let from = affected(self.rules.strategy, id as usize, self.places as usize).start as u64;
        if self.recovery.as_ref().is_some_and(|recovery| recovery.delayed) {
            self.actions.push(Action::ClearAlarm(Timer::Group));
        }
        self.asked = None;
        let earlier = self.recovery.take();
        let known = earlier.as_ref().map_or(ChildId::MAX, |recovery| recovery.from);
        for (id, child) in self.children.range_mut(from.min(known)..known) {
            match child.state {
                // Whom somebody stopped before starts again with the others, as in OTP.
                State::Stopped => child.then = Then::Wait,
                State::Delayed => {
                    child.state = State::Waiting;
                    self.actions.push(Action::ClearAlarm(Timer::Child(*id)));
                }
                _ => {}
            }
        }
        self.recovery = Some(Recovery {
            from: earlier.as_ref().map_or(from, |recovery| recovery.from.min(from)),
            delay: earlier.map_or(delay, |recovery| recovery.delay.max(delay)),
            delayed: false,
        });
        // Those before it that have not started yet do so afterwards.
        self.todo.split_off(&from);
        self.current = self.current.filter(|current| *current < from);
        self.clear_next();
    }

    /// Stops the next group of affected children; when none lives, the delay passes.
    pub(super) fn clear_next(&mut self) {
        if self.ending.is_some() {
            return self.stop_next();
        }
        let Some(recovery) = &self.recovery else { return };
        if recovery.delayed {
            return;
        }
        let (from, delay) = (recovery.from, recovery.delay);
        if self.stop_highest(from, reasons::RESTARTING) {
            return;
        }
        if let Some(recovery) = &mut self.recovery {
            recovery.delayed = true;
        }
        match delay.is_zero() {
            true => self.start_affected(),
            false => self.actions.push(Action::SetAlarm(Timer::Group, delay)),
        }
    }

    /// Asks the last living children from `from` on to stop; false if none lives.
    fn stop_highest(&mut self, from: ChildId, reason: &'static str) -> bool {
        let Some(last) = self.alive.range(from..).next_back().copied() else { return false };
        let group = self.group(last);
        // Nobody who is to stop starts meanwhile: all of them were asked.
        if self.asked == Some(group) {
            return true;
        }
        self.asked = Some(group);
        // From the last one on: a group is an unbroken row of ids.
        let group: Vec<ChildId> = self
            .alive
            .range(from..)
            .rev()
            .take_while(|id| self.group(**id) == group)
            .copied()
            .collect();
        for id in group {
            self.stop(id, Then::Wait, reason);
        }
        true
    }

    pub(super) fn start_affected(&mut self) {
        let Some(recovery) = self.recovery.take() else { return };
        for (id, child) in self.children.range_mut(recovery.from..) {
            // Whom somebody stopped meanwhile stays so.
            if child.state.alive() || child.then == Then::Stay && child.state == State::Stopped {
                continue;
            }
            child.state = State::Waiting;
            self.todo.insert(*id);
        }
        self.advance();
    }

    // --- stop ---

    /// Asks a child to stop. One that was asked already is not asked again.
    pub(super) fn stop(&mut self, id: ChildId, then: Then, reason: &'static str) {
        let shutdown = self.shutdown_of(id);
        let gated = self.gated(id);
        let Some(child) = self.children.get_mut(&id) else { return };
        let starting = child.state == State::Starting;
        if !matches!(child.state, State::Starting | State::Running) {
            if then != Then::Wait {
                child.then = then;
            }
            return;
        }
        (child.state, child.then) = (State::Stopping, then);
        let overdue = child.overdue;
        if starting && gated {
            self.actions.push(Action::ClearAlarm(Timer::Child(id)));
        }
        self.tell(id, Change::Stopping { reason });
        if overdue {
            // It is being ended already.
            return;
        }
        self.actions.push(match shutdown {
            Shutdown::Kill => Action::Terminate(id),
            shutdown => Action::Stop(id, shutdown, reason),
        });
    }

    /// A child that was asked to stop has ended.
    pub(super) fn stopped(&mut self, id: ChildId, exit: Arc<Exit>) {
        self.tell(id, Change::Stopped { exit });
        let Some(child) = self.children.get_mut(&id) else { return };
        let (then, dynamic) = (child.then, child.rule.is_none());
        let temporary = self.restart_of(&self.children[&id]) == Restart::Temporary;
        let Some(child) = self.children.get_mut(&id) else { return };
        if self.ending.is_some() {
            child.state = State::Stopped;
            return self.stop_next();
        }
        match then {
            Then::Start => {
                child.state = State::Waiting;
                match self.recovery.as_ref().is_some_and(|recovery| id >= recovery.from) {
                    true => child.then = Then::Wait,
                    false => self.launch(id),
                }
            }
            Then::Stay if dynamic => {
                self.remove(id);
                self.pass_on(id);
            }
            Then::Stay => {
                child.state = State::Stopped;
                self.pass_on(id);
            }
            Then::Wait if temporary => self.remove(id),
            Then::Wait => child.state = State::Waiting,
        }
        self.clear_next();
    }

    /// The supervisor ends: the first cause decides how.
    pub(super) fn end(&mut self, exit: Exit) {
        if self.ending.is_some() {
            return;
        }
        self.ending = Some(exit);
        self.asked = None;
        self.todo.clear();
        self.current = None;
        if self.recovery.take().is_some_and(|recovery| recovery.delayed) {
            self.actions.push(Action::ClearAlarm(Timer::Group));
        }
        let stopping = Error::new(Kind::UNAVAILABLE, "supervisor is stopping");
        for (id, child) in &mut self.children {
            if child.state == State::Delayed {
                child.state = State::Stopped;
                self.actions.push(Action::ClearAlarm(Timer::Child(*id)));
            }
            for caller in std::mem::take(&mut child.starters) {
                self.actions.push(Action::Answer(caller, Err(stopping.clone())));
            }
        }
        self.stop_next();
    }

    pub(super) fn stop_next(&mut self) {
        if self.stop_highest(0, reasons::STOPPING) || self.finished {
            return;
        }
        self.finished = true;
        if let Some(exit) = self.ending.clone() {
            self.actions.push(Action::Finish(exit));
        }
    }
}
