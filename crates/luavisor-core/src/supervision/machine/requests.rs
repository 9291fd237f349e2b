//! What somebody asks of a supervisor by the name of a child (SPEC 13.3).

use std::sync::Arc;

use super::{Machine, Then};
use crate::error::{Error, Kind};
use crate::supervision::protocol::{Action, Answer, Caller, ChildId, State, Timer, reasons};

impl Machine {
    fn answer(&mut self, caller: Caller, answer: Result<Answer, Error>) {
        self.actions.push(Action::Answer(caller, answer));
    }

    pub(super) fn start_asked(&mut self, caller: Caller, name: Option<Arc<str>>) {
        if self.ending.is_some() {
            return self.refuse_stopping(caller);
        }
        let Some(rule) = &self.dynamic else {
            let text = "the supervisor has no dynamic children";
            return self.answer(caller, Err(Error::invalid(text)));
        };
        if self.dynamic_count >= rule.max_children {
            let error = Error::new(Kind::LIMIT_EXCEEDED, "max_children reached");
            return self.answer(caller, Err(error));
        }
        let name = name.unwrap_or_else(|| {
            loop {
                self.dynamic_names += 1;
                let name = format!("{}.{}", rule.name, self.dynamic_names);
                if !self.by_name.contains_key(&*name) {
                    break name.into();
                }
            }
        });
        if self.by_name.contains_key(&name) {
            let error = Error::new(Kind::ALREADY_EXISTS, "child already exists");
            return self.answer(caller, Err(error));
        }
        let id = self.add(name, None);
        self.dynamic_count += 1;
        if let Some(child) = self.children.get_mut(&id) {
            child.starters.push(caller);
        }
        self.actions.push(Action::Added(id, caller));
        if self.recovery.is_some() {
            return;
        }
        // Behind the children that are still to start, else at once.
        if self.current.is_some() || !self.todo.is_empty() {
            self.todo.insert(id);
        } else {
            self.launch(id);
        }
    }

    pub(super) fn stop_child(&mut self, caller: Caller, name: &str) {
        let Some(id) = self.find(caller, name) else { return };
        let Some(child) = self.children.get_mut(&id) else { return };
        for starter in std::mem::take(&mut child.starters) {
            let error = Error::new(Kind::CANCELED, "the child was stopped");
            self.actions.push(Action::Answer(starter, Err(error)));
        }
        if child.state.alive() {
            child.stoppers.push(caller);
            return self.stop(id, Then::Stay, reasons::ASKED);
        }
        if child.state == State::Delayed {
            self.actions.push(Action::ClearAlarm(Timer::Child(id)));
        }
        (child.state, child.then) = (State::Stopped, Then::Stay);
        let dynamic = child.rule.is_none();
        self.todo.remove(&id);
        if dynamic {
            self.remove(id);
        }
        self.answer(caller, Ok(Answer::Done));
        self.pass_on(id);
    }

    pub(super) fn restart_child(&mut self, caller: Caller, name: &str) {
        let Some(id) = self.find(caller, name) else { return };
        let waits = self.recovery.as_ref().is_some_and(|recovery| id >= recovery.from)
            || self.todo.contains(&id);
        let Some(child) = self.children.get_mut(&id) else { return };
        child.starters.push(caller);
        match child.state {
            State::Starting | State::Running | State::Stopping => {
                self.stop(id, Then::Start, reasons::ASKED);
            }
            _ if waits => child.then = Then::Wait,
            State::Delayed => {
                self.actions.push(Action::ClearAlarm(Timer::Child(id)));
                self.launch(id);
            }
            State::Waiting | State::Exited | State::Stopped => self.launch(id),
        }
    }

    /// The child of this name, or the caller is told.
    fn find(&mut self, caller: Caller, name: &str) -> Option<ChildId> {
        if self.ending.is_some() {
            self.refuse_stopping(caller);
            return None;
        }
        let found = self.named(name);
        if found.is_none() {
            self.answer(caller, Err(Error::not_found("no such child")));
        }
        found
    }

    fn refuse_stopping(&mut self, caller: Caller) {
        self.answer(caller, Err(Error::new(Kind::UNAVAILABLE, "supervisor is stopping")));
    }
}
