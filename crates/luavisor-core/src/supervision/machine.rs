//! One supervisor: from a state and an event to a new state and actions.
//!
//! **Start.** Children start top to bottom; each waits until the one before is up:
//! spawned, or ready if its rule says so.
//!
//! **Restart.** With one_for_one the child waits for its delay and starts; nobody
//! else is concerned. With the other strategies the affected children that live are
//! stopped, bottom to top, then the delay passes, then they all start, top to bottom.
//! Another child that must restart meanwhile widens the set; the longer delay
//! counts, from when all are stopped. A child that ends by itself while its turn to be
//! stopped has not come widens nothing and is not counted: its restart is decided.
//!
//! **Stop.** Bottom to top, the children of one `count` and the dynamic ones in
//! parallel. Whoever has children asks for their end and waits for it: a child is
//! let go only after its end was seen.
//!
//! | event | actions |
//! |---|---|
//! | Begin | Launch the first child |
//! | Started, Ready | Launch what waited for it; Up when all have been started |
//! | Ended | Launch or SetAlarm; Stop what is affected; Finish when the last one ended |
//! | Alarm | Launch what waited; Terminate a child that is not ready in time |
//! | StopAsked | Stop the last children |
//! | StartAsked, StopChild, RestartChild | as named, and an Answer, at once or later |
//!
//! Departures from OTP, by SPEC 13.2: a restart waits for a delay that grows; a
//! failed start is retried within the budget, the first one included; groups stop
//! in parallel; dynamic children are a group of any supervisor.

mod requests;
mod stopping;

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::protocol::{Action, Answer, Caller, Change, ChildId, ChildView, Event, State, Timer};
use super::rules::{
    AutoShutdown, Budget, ChildEnd, ChildRule, DynamicRule, Restart, Rules, Shutdown, Strategy,
    Verdict, affected, verdict,
};
use crate::error::{Error, Kind};
use crate::exit::{Exit, Reason};
use crate::value::Values;

/// What follows the end of a child that was asked to stop.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// Its strategy or the end of the supervisor decides.
    Wait,
    /// It stays stopped, or is removed if it is dynamic.
    Stay,
    /// It starts at once.
    Start,
}

/// One child.
#[derive(Clone, Debug)]
struct Child {
    name: Arc<str>,
    /// the rule in the specification; `None`: the dynamic one
    rule: Option<usize>,
    state: State,
    then: Then,
    /// it was not ready in time and is being ended
    overdue: bool,
    up_since: Option<u64>,
    lives: u64,
    restarts: u64,
    /// restarts without a run of the period between them
    consecutive: u32,
    /// wait until it is up
    starters: Vec<Caller>,
    /// wait until it has ended
    stoppers: Vec<Caller>,
}

/// Affected children that are stopped to be started together.
#[derive(Clone, Debug)]
struct Recovery {
    /// the first of them
    from: ChildId,
    delay: Duration,
    /// none of them lives: the delay passes
    delayed: bool,
}

/// One supervisor; see the module.
pub struct Machine {
    rules: Rules,
    specs: Vec<ChildRule>,
    dynamic: Option<DynamicRule>,
    children: BTreeMap<ChildId, Child>,
    by_name: HashMap<Arc<str>, ChildId>,
    /// children that have a process
    alive: BTreeSet<ChildId>,
    /// what starts in order, beside the one that is starting
    todo: BTreeSet<ChildId>,
    /// the one that the others wait for
    current: Option<ChildId>,
    recovery: Option<Recovery>,
    /// the group that was asked last to stop, while the supervisor ends or recovers
    asked: Option<usize>,
    /// the exit with which the supervisor ends when nobody lives
    ending: Option<Exit>,
    finished: bool,
    up: bool,
    budget: Budget,
    /// places of the specification: dynamic ids begin here
    places: ChildId,
    next: ChildId,
    dynamic_names: u64,
    /// how many dynamic children there are
    dynamic_count: u32,
    actions: Vec<Action>,
}

impl Machine {
    /// A supervisor that has not begun.
    pub fn new(rules: Rules, specs: Vec<ChildRule>, dynamic: Option<DynamicRule>) -> Machine {
        let mut machine = Machine {
            rules,
            dynamic,
            children: BTreeMap::new(),
            by_name: HashMap::new(),
            alive: BTreeSet::new(),
            todo: BTreeSet::new(),
            current: None,
            recovery: None,
            asked: None,
            ending: None,
            finished: false,
            up: false,
            budget: Budget::default(),
            places: 0,
            next: 0,
            dynamic_names: 0,
            dynamic_count: 0,
            actions: Vec::new(),
            specs: Vec::new(),
        };
        for (number, spec) in specs.iter().enumerate() {
            match spec.count {
                None => machine.add(spec.name.clone(), Some(number)),
                Some(count) => (1..=count)
                    .map(|index| machine.add(format!("{}.{index}", spec.name).into(), Some(number)))
                    .last()
                    .unwrap_or_default(),
            };
        }
        machine.places = machine.next;
        machine.specs = specs;
        machine
    }

    fn add(&mut self, name: Arc<str>, rule: Option<usize>) -> ChildId {
        let id = self.next;
        self.next += 1;
        self.by_name.insert(name.clone(), id);
        let child = Child {
            name,
            rule,
            state: State::Waiting,
            then: Then::Wait,
            overdue: false,
            up_since: None,
            lives: 0,
            restarts: 0,
            consecutive: 0,
            starters: Vec::new(),
            stoppers: Vec::new(),
        };
        self.children.insert(id, child);
        id
    }

    /// The children in the order of start.
    pub fn children(&self) -> impl Iterator<Item = ChildView> {
        self.children.iter().map(|(id, child)| self.view_of(*id, child))
    }

    /// One child.
    pub fn child(&self, id: ChildId) -> Option<ChildView> {
        self.children.get(&id).map(|child| self.view_of(id, child))
    }

    /// The child of this name.
    pub fn named(&self, name: &str) -> Option<ChildId> {
        self.by_name.get(name).copied()
    }

    /// Whether it ends.
    pub fn ending(&self) -> bool {
        self.ending.is_some()
    }

    fn view_of(&self, id: ChildId, child: &Child) -> ChildView {
        ChildView {
            id,
            name: child.name.clone(),
            state: child.state,
            life: child.lives,
            restarts: child.restarts,
            restart: self.restart_of(child),
            rule: child.rule,
        }
    }

    /// Takes one event at monotonic time `now`.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Action> {
        match event {
            Event::Begin => {
                self.todo = (0..self.places).collect();
                self.advance();
            }
            Event::Started(id) => {
                if self.state(id) == Some(State::Starting) && !self.gated(id) {
                    self.up(id, now);
                }
            }
            Event::Ready(id) => {
                let overdue = self.children.get(&id).is_none_or(|child| child.overdue);
                if self.state(id) == Some(State::Starting) && self.gated(id) && !overdue {
                    self.up(id, now);
                }
            }
            Event::Ended { child, exit, uniform } => self.ended(child, exit, uniform, now),
            Event::Alarm(timer) => self.alarm(timer),
            Event::StopAsked => self.end(Exit::normal(Values::none())),
            Event::StartAsked { caller, name } => self.start_asked(caller, name),
            Event::StopChild { caller, name } => self.stop_child(caller, &name),
            Event::RestartChild { caller, name } => self.restart_child(caller, &name),
        }
        std::mem::take(&mut self.actions)
    }

    // --- what the rules say of a child ---

    fn state(&self, id: ChildId) -> Option<State> {
        self.children.get(&id).map(|child| child.state)
    }

    fn spec(&self, id: ChildId) -> Option<&ChildRule> {
        self.specs.get(self.children.get(&id)?.rule?)
    }

    /// Whether it is up only when it says so.
    fn gated(&self, id: ChildId) -> bool {
        self.spec(id).is_some_and(|spec| spec.ready)
    }

    fn restart_of(&self, child: &Child) -> Restart {
        match child.rule {
            Some(rule) => self.specs[rule].restart,
            None => self.dynamic.as_ref().map_or(Restart::Temporary, |dynamic| dynamic.restart),
        }
    }

    fn shutdown_of(&self, id: ChildId) -> Shutdown {
        let dynamic = self.dynamic.as_ref().map(|dynamic| dynamic.shutdown);
        self.spec(id).map(|spec| spec.shutdown).or(dynamic).unwrap_or(Shutdown::Kill)
    }

    /// Children with the same number stop in parallel; higher ones stop first.
    fn group(&self, id: ChildId) -> usize {
        self.children.get(&id).and_then(|child| child.rule).unwrap_or(self.specs.len())
    }

    // --- start ---

    /// Starts what is next in order, until somebody must be waited for.
    fn advance(&mut self) {
        if self.ending.is_some() || self.recovery.is_some() {
            return;
        }
        while self.current.is_none() {
            let Some(id) = self.todo.pop_first() else { break };
            self.current = Some(id);
            self.launch(id);
        }
        if self.current.is_none() && !std::mem::replace(&mut self.up, true) {
            self.actions.push(Action::Up);
        }
    }

    fn launch(&mut self, id: ChildId) {
        let timeout = self.spec(id).filter(|spec| spec.ready).and_then(|spec| spec.start_timeout);
        let Some(child) = self.children.get_mut(&id) else { return };
        (child.state, child.then, child.overdue) = (State::Starting, Then::Wait, false);
        child.lives += 1;
        let life = child.lives;
        self.alive.insert(id);
        if let Some(timeout) = timeout {
            self.actions.push(Action::SetAlarm(Timer::Child(id), timeout));
        }
        self.actions.push(Action::Launch(id));
        // Afterwards, so that it is known with its process.
        self.tell(id, Change::Starting { life });
    }

    fn up(&mut self, id: ChildId, now: u64) {
        if self.gated(id) {
            self.actions.push(Action::ClearAlarm(Timer::Child(id)));
        }
        let Some(child) = self.children.get_mut(&id) else { return };
        child.state = State::Running;
        child.up_since = Some(now);
        let starters = std::mem::take(&mut child.starters);
        self.tell(id, Change::Up);
        for caller in starters {
            self.actions.push(Action::Answer(caller, Ok(Answer::Child(id))));
        }
        self.pass_on(id);
    }

    /// The children after this one need not wait for it any more.
    fn pass_on(&mut self, id: ChildId) {
        if self.current == Some(id) {
            self.current = None;
            self.advance();
        }
    }

    fn alarm(&mut self, timer: Timer) {
        match timer {
            Timer::Child(id) => match self.state(id) {
                Some(State::Starting) => {
                    if let Some(child) = self.children.get_mut(&id) {
                        child.overdue = true;
                    }
                    self.actions.push(Action::Terminate(id));
                }
                Some(State::Delayed) if self.ending.is_none() => self.launch(id),
                _ => {}
            },
            Timer::Group => {
                if self.ending.is_none() && self.recovery.as_ref().is_some_and(|r| r.delayed) {
                    self.start_affected();
                }
            }
        }
    }

    // --- end of a child ---

    fn ended(&mut self, id: ChildId, exit: Arc<Exit>, uniform: f64, now: u64) {
        let gated = self.gated(id);
        let Some(child) = self.children.get_mut(&id).filter(|child| child.state.alive()) else {
            return;
        };
        self.alive.remove(&id);
        let up_since = child.up_since.take();
        let ran = up_since.map_or(0, |since| now.saturating_sub(since));
        if up_since.is_some() && Duration::from_nanos(ran) >= self.rules.intensity.period {
            child.consecutive = 0;
        }
        if gated && up_since.is_none() && child.state == State::Starting {
            self.actions.push(Action::ClearAlarm(Timer::Child(id)));
        }
        for caller in std::mem::take(&mut child.stoppers) {
            self.actions.push(Action::Answer(caller, Ok(Answer::Done)));
        }
        if child.state == State::Stopping {
            return self.stopped(id, exit);
        }
        let end = match (up_since, exit.failed()) {
            (None, _) => ChildEnd::FailedStart,
            (Some(_), true) => ChildEnd::Failure,
            (Some(_), false) => ChildEnd::Normal,
        };
        let exit = match child.overdue {
            true => not_ready_in_time(self.specs.get(child.rule.unwrap_or(usize::MAX))),
            false => exit,
        };
        let dynamic = child.rule.is_none();
        if self.ending.is_some() {
            child.state = State::Exited;
            self.tell(id, Change::Exited { exit });
            return self.stop_next();
        }
        if dynamic && end == ChildEnd::FailedStart && child.lives == 1 {
            return self.refuse_dynamic(id, exit);
        }
        match verdict(self.restart_of(&self.children[&id]), end) {
            Verdict::Restart => self.failed(id, exit, end, uniform, now),
            Verdict::Forgotten => self.over(id, exit, true),
            // A dynamic child has no place to keep.
            Verdict::Kept => self.over(id, exit, dynamic),
        }
    }

    /// The first start that somebody asked for failed: no supervision began.
    fn refuse_dynamic(&mut self, id: ChildId, exit: Arc<Exit>) {
        let Some(child) = self.children.get_mut(&id) else { return };
        let error = exit.error.as_ref().map_or_else(
            || Error::new(Kind::UNAVAILABLE, "the child ended before it was ready"),
            |error| Error::clone(error),
        );
        for caller in std::mem::take(&mut child.starters) {
            self.actions.push(Action::Answer(caller, Err(error.clone())));
        }
        self.tell(id, Change::Exited { exit });
        self.remove(id);
        self.pass_on(id);
        self.clear_next();
    }

    /// It ended by itself for good; `forgotten`: it loses its place.
    fn over(&mut self, id: ChildId, exit: Arc<Exit>, forgotten: bool) {
        let significant = self.spec(id).is_some_and(|spec| spec.significant);
        self.tell(id, Change::Exited { exit });
        if forgotten {
            self.remove(id);
        } else if let Some(child) = self.children.get_mut(&id) {
            child.state = State::Exited;
        }
        self.auto_shutdown(significant);
        self.pass_on(id);
        self.clear_next();
    }

    fn remove(&mut self, id: ChildId) {
        if let Some(child) = self.children.remove(&id) {
            self.dynamic_count -= u32::from(child.rule.is_none());
            self.by_name.remove(&child.name);
            let text = Error::new(Kind::UNAVAILABLE, "the child is gone");
            for caller in child.starters {
                self.actions.push(Action::Answer(caller, Err(text.clone())));
            }
        }
        self.todo.remove(&id);
        self.actions.push(Action::Removed(id));
    }

    fn auto_shutdown(&mut self, significant: bool) {
        let active = |child: &Child| {
            let spec = child.rule.and_then(|rule| self.specs.get(rule));
            let over = matches!(child.state, State::Exited | State::Stopped);
            spec.is_some_and(|spec| spec.significant) && !over
        };
        let over = match self.rules.auto_shutdown {
            AutoShutdown::Never => false,
            AutoShutdown::AnySignificant => significant,
            AutoShutdown::AllSignificant => significant && !self.children.values().any(active),
        };
        if over {
            self.end(Exit::normal(Values::none()));
        }
    }

    /// It ended by itself and must start again.
    fn failed(&mut self, id: ChildId, cause: Arc<Exit>, end: ChildEnd, uniform: f64, now: u64) {
        let in_recovery = self.recovery.as_ref().is_some_and(|recovery| id >= recovery.from);
        let Some(child) = self.children.get_mut(&id) else { return };
        if in_recovery {
            // Its turn to be stopped had not come; it starts with the others.
            child.state = State::Waiting;
            self.tell(id, Change::Exited { exit: cause });
            return self.clear_next();
        }
        let Some(left) = self.budget.spend(self.rules.intensity, now) else {
            child.state = State::Exited;
            let returned = match end {
                ChildEnd::FailedStart => "returned before it was ready",
                _ => "returned",
            };
            let text = cause.error.as_ref().map_or(returned, |error| &error.message);
            let text = format!("restart intensity reached: child {}: {text}", child.name);
            self.tell(id, Change::GaveUp { cause });
            return self.end(Exit::failure(Reason::Error, Error::new(Kind::LIMIT_EXCEEDED, text)));
        };
        child.consecutive = child.consecutive.saturating_add(1);
        child.restarts += 1;
        let attempt = child.consecutive;
        let alone = child.rule.is_none() || self.rules.strategy == Strategy::OneForOne;
        child.state = if alone { State::Delayed } else { State::Waiting };
        let delay = self.rules.backoff.delay(attempt, uniform);
        let failed_start = end == ChildEnd::FailedStart;
        let (with, forgotten) = if alone { Default::default() } else { self.siblings(id) };
        let strategy = if alone { Strategy::OneForOne } else { self.rules.strategy };
        let change = Change::Restart {
            cause,
            failed_start,
            delay,
            attempt,
            left,
            strategy,
            with,
            forgotten,
        };
        self.tell(id, change);
        match alone {
            false => self.recover(id, delay),
            true if delay.is_zero() => self.launch(id),
            true => self.actions.push(Action::SetAlarm(Timer::Child(id), delay)),
        }
    }

    /// Who starts with this child, and who is stopped and forgotten.
    fn siblings(&self, id: ChildId) -> (Vec<Arc<str>>, Vec<Arc<str>>) {
        let from = affected(self.rules.strategy, id as usize, self.places as usize).start as u64;
        let (mut with, mut forgotten) = (Vec::new(), Vec::new());
        for (_, child) in self.children.range(from..).filter(|(other, _)| **other != id) {
            let temporary = self.restart_of(child) == Restart::Temporary;
            match child.state.alive() && temporary {
                true => forgotten.push(child.name.clone()),
                false => with.push(child.name.clone()),
            }
        }
        (with, forgotten)
    }

    fn tell(&mut self, id: ChildId, change: Change) {
        let Some(child) = self.children.get(&id) else { return };
        let (name, life) = (child.name.clone(), child.lives);
        self.actions.push(Action::Tell { child: id, name, life, change });
    }
}

fn not_ready_in_time(rule: Option<&ChildRule>) -> Arc<Exit> {
    let timeout = rule.and_then(|rule| rule.start_timeout).unwrap_or_default();
    let text = format!("not ready after {timeout:?}");
    Arc::new(Exit::failure(Reason::Terminated, Error::new(Kind::TIMEOUT, text)))
}
