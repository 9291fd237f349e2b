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

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::rules::{
    AutoShutdown, Budget, ChildEnd, ChildRule, DynamicRule, Restart, Rules, Shutdown, Strategy,
    Verdict, affected, verdict,
};
use crate::error::{Error, Kind};
use crate::exit::{Exit, Reason};
use crate::value::Values;

/// A child within its supervisor; never used twice. Those of the specification
/// count from 0 in the order of start, dynamic ones follow.
pub type ChildId = u64;

/// Who waits for an [`Action::Answer`]: the caller's affair.
pub type Caller = u64;

/// Why a child is asked to stop; the reason of its CANCEL.
pub mod reasons {
    /// A strategy restarts it with a sibling.
    pub const RESTARTING: &str = "supervisor restarting";
    /// The supervisor ends.
    pub const STOPPING: &str = "supervisor stopping";
    /// Somebody asked for it by name.
    pub const ASKED: &str = "stop requested";
}

/// Something that happened.
#[derive(Clone, Debug)]
pub enum Event {
    /// The supervisor begins.
    Begin,
    /// A child's process was made.
    Started(ChildId),
    /// It said that it is ready.
    Ready(ChildId),
    /// Its life is over, or could not begin. `uniform`, from 0 to 1, chooses the jitter.
    Ended {
        /// the child
        child: ChildId,
        /// how
        exit: Arc<Exit>,
        /// from 0 to 1
        uniform: f64,
    },
    /// A time that [`Action::SetAlarm`] set is up.
    Alarm(Timer),
    /// The supervisor is asked to end.
    StopAsked,
    /// Somebody wants a dynamic child, with this name or any.
    StartAsked {
        /// waits for the answer
        caller: Caller,
        /// its name
        name: Option<Arc<str>>,
    },
    /// Somebody wants a child stopped.
    StopChild {
        /// waits for the answer
        caller: Caller,
        /// the child
        name: Arc<str>,
    },
    /// Somebody wants a child started anew.
    RestartChild {
        /// waits for the answer
        caller: Caller,
        /// the child
        name: Arc<str>,
    },
}

/// What an alarm is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Timer {
    /// The start timeout or the restart delay of one child.
    Child(ChildId),
    /// The delay before affected children start together.
    Group,
}

/// Something to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// A dynamic child was added for this caller, whose arguments are its own.
    Added(ChildId, Caller),
    /// Make its process; answer with `Started` or `Ended`.
    Launch(ChildId),
    /// Ask its process to end; `Ended` will follow.
    Stop(ChildId, Shutdown, &'static str),
    /// End its process; `Ended` will follow.
    Terminate(ChildId),
    /// Send `Alarm` after this time, instead of what was set before.
    SetAlarm(Timer, Duration),
    /// No `Alarm` any more.
    ClearAlarm(Timer),
    /// The child is no more; nothing will refer to it.
    Removed(ChildId),
    /// Answer a caller.
    Answer(Caller, Result<Answer, Error>),
    /// Tell those who listen what happened to a child, in which of its lives.
    Tell {
        /// the child, which may be removed already
        child: ChildId,
        /// its name
        name: Arc<str>,
        /// its present or last life
        life: u64,
        /// what
        change: Change,
    },
    /// All children have been started.
    Up,
    /// End, with no child alive.
    Finish(Exit),
}

/// What a caller is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answer {
    /// It is done.
    Done,
    /// This child is up.
    Child(ChildId),
}

/// What happened to a child, for those who listen.
#[derive(Clone, Debug, PartialEq)]
pub enum Change {
    /// A life begins.
    Starting {
        /// which one, from 1
        life: u64,
    },
    /// It is up.
    Up,
    /// It was asked to stop.
    Stopping {
        /// why
        reason: &'static str,
    },
    /// It has ended after it was asked to.
    Stopped {
        /// how
        exit: Arc<Exit>,
    },
    /// It ended by itself and is not started again.
    Exited {
        /// how
        exit: Arc<Exit>,
    },
    /// It ended by itself and is started again.
    Restart {
        /// how the last life ended
        cause: Arc<Exit>,
        /// it had not been up
        failed_start: bool,
        /// how long the start waits
        delay: Duration,
        /// consecutive restarts of this child, this one included
        attempt: u32,
        /// restarts that are left in the period
        left: u32,
        /// what decided that; a dynamic child is always alone
        strategy: Strategy,
        /// the others that start with it, top to bottom; they are stopped before if they live
        with: Vec<Arc<str>>,
        /// temporary ones that are stopped and forgotten
        forgotten: Vec<Arc<str>>,
    },
    /// It ended by itself and the budget is used up: the supervisor ends.
    GaveUp {
        /// how the last life ended
        cause: Arc<Exit>,
    },
}

/// Where a child is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// It waits for its turn to start.
    Waiting,
    /// It waits for its delay.
    Delayed,
    /// Its process was asked for and is not up.
    Starting,
    /// It is up.
    Running,
    /// It was asked to end.
    Stopping,
    /// It ended normally and is not started again by itself.
    Exited,
    /// Somebody stopped it by name.
    Stopped,
}

impl State {
    /// The text that Lua sees.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Waiting => "waiting",
            State::Delayed => "restarting",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Exited => "exited",
            State::Stopped => "stopped",
        }
    }

    /// Whether it has a process, or one is being made.
    pub fn alive(self) -> bool {
        matches!(self, State::Starting | State::Running | State::Stopping)
    }
}

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

/// What can be seen of a child.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildView {
    /// the child
    pub id: ChildId,
    /// its name
    pub name: Arc<str>,
    /// where it is
    pub state: State,
    /// its present or last life, from 1; 0: none yet
    pub life: u64,
    /// restarts that its own ends caused
    pub restarts: u64,
    /// its restart type
    pub restart: Restart,
    /// its rule in the specification; `None`: it is dynamic
    pub rule: Option<usize>,
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
            Verdict::Kept if dynamic => self.gone(id, exit),
            Verdict::Forgotten => self.gone(id, exit),
            Verdict::Kept => {
                if let Some(child) = self.children.get_mut(&id) {
                    child.state = State::Exited;
                }
                self.tell(id, Change::Exited { exit });
                self.without(id);
            }
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

    /// It ended by itself and is forgotten.
    fn gone(&mut self, id: ChildId, exit: Arc<Exit>) {
        self.tell(id, Change::Exited { exit });
        let significant = self.spec(id).is_some_and(|spec| spec.significant);
        self.remove(id);
        self.auto_shutdown(significant);
        self.pass_on(id);
        self.clear_next();
    }

    /// It ended by itself and keeps its place.
    fn without(&mut self, id: ChildId) {
        let significant = self.spec(id).is_some_and(|spec| spec.significant);
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

    // --- the other strategies ---

    fn recover(&mut self, id: ChildId, delay: Duration) {
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
    fn clear_next(&mut self) {
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

    fn start_affected(&mut self) {
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
    fn stop(&mut self, id: ChildId, then: Then, reason: &'static str) {
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
    fn stopped(&mut self, id: ChildId, exit: Arc<Exit>) {
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
    fn end(&mut self, exit: Exit) {
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

    fn stop_next(&mut self) {
        if self.stop_highest(0, reasons::STOPPING) || self.finished {
            return;
        }
        self.finished = true;
        if let Some(exit) = self.ending.clone() {
            self.actions.push(Action::Finish(exit));
        }
    }

    fn tell(&mut self, id: ChildId, change: Change) {
        let Some(child) = self.children.get(&id) else { return };
        let (name, life) = (child.name.clone(), child.lives);
        self.actions.push(Action::Tell { child: id, name, life, change });
    }

    // --- by name ---

    fn answer(&mut self, caller: Caller, answer: Result<Answer, Error>) {
        self.actions.push(Action::Answer(caller, answer));
    }

    fn start_asked(&mut self, caller: Caller, name: Option<Arc<str>>) {
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

    fn stop_child(&mut self, caller: Caller, name: &str) {
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

    fn restart_child(&mut self, caller: Caller, name: &str) {
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

fn not_ready_in_time(rule: Option<&ChildRule>) -> Arc<Exit> {
    let timeout = rule.and_then(|rule| rule.start_timeout).unwrap_or_default();
    let text = format!("not ready after {timeout:?}");
    Arc::new(Exit::failure(Reason::Terminated, Error::new(Kind::TIMEOUT, text)))
}
