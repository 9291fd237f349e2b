//! The rules of services (SPEC 10): from a state and an event to a new state and
//! actions. No clock, no randomness, no process is touched here.
//!
//! **Start.** A service starts when it is meant to and each of its dependencies
//! is *met*: Running, or ended normally after it had been Running (its work is
//! done). A restart waits for its dependencies in the same way.
//!
//! **Stop.** A service that is asked to stop does so when none of its dependants
//! is alive; all of them were asked too. While the runtime shuts down it waits
//! for everything on higher levels besides: hosts stop last, whoever spawned
//! processes on them.
//!
//! **End.** What follows the end of a life is decided by
//! [`luavisor_core::restart`]. A service has at most one life: only the event
//! [`Event::Ended`] makes room for another launch.
//!
//! | event | actions |
//! |---|---|
//! | Boot, StartAsked | Launch what is meant to run and can |
//! | Launched, Ready | Launch what waited for it |
//! | Ended | SetAlarm for a restart, or Exit; Launch or Stop what waited for it |
//! | Alarm | Starting: Terminate; in backoff: Launch |
//! | StopAsked, ShutdownAsked | Stop what can stop; pending restarts are dropped |
//! | Put | new ones: Launch if they can; known ones that run: Stop them and what needs them, then Launch |
//! | Amend | none |
//! | Removed | as StopAsked; it never starts again |

#[cfg(test)]
mod histories;
mod reform;
mod service;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use luavisor_core::lifecycle::{State, Step};
use luavisor_core::restart::{Decision, End, OnExhausted};
use luavisor_core::{Error, Exit, Kind, Reason};
use luavisor_vm::calendar;

use super::change::ServiceChange;
use super::graph::Graph;
use super::spec::{ServiceSpec, Target};
use service::{Plan, Service};

/// Something that happened.
#[derive(Clone, Debug)]
pub(super) enum Event {
    /// All services are registered.
    Boot,
    /// Somebody wants the service and what it depends on.
    StartAsked(usize),
    /// Somebody wants it stopped, and what depends on it.
    StopAsked(usize),
    /// Everything is to stop.
    ShutdownAsked,
    /// The process was spawned, or the host started.
    Launched(usize),
    /// Its process called `process.ready()`.
    Ready(usize),
    /// Its life is over, or could not begin. `uniform`, from 0 to 1, chooses the jitter.
    Ended { service: usize, exit: Arc<Exit>, uniform: f64 },
    /// The time of its last [`Action::SetAlarm`] is up.
    Alarm(usize),
    /// These are like this from now on, or they are new and have the next numbers.
    Put(Vec<(usize, ServiceSpec)>),
    /// Their next lives are like this; they need the same services.
    Amend(Vec<(usize, ServiceSpec)>),
    /// It is to be no more.
    Removed(usize),
}

/// Something to do, in order.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Action {
    /// Spawn its process or start its host; answer with `Launched` or `Ended`.
    Launch(usize),
    /// Ask its process or host to end; `Ended` will follow.
    Stop(usize),
    /// End its process; `Ended` will follow.
    Terminate(usize),
    /// Send `Alarm` after this time, instead of what was set before.
    SetAlarm(usize, Duration),
    /// No `Alarm` any more.
    ClearAlarm(usize),
    /// Tell those who listen.
    Tell(usize, ServiceChange),
    /// Ask the runtime to end with this code.
    Exit(i32),
    /// Boot is over.
    Booted,
    /// Shutting down, and no service is alive.
    Empty,
}

/// How far the runtime is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    Registered,
    Booting,
    Booted,
    ShuttingDown,
    Empty,
}

/// All services of a runtime.
pub(super) struct Machine {
    specs: Arc<[ServiceSpec]>,
    graph: Graph,
    services: Vec<Service>,
    /// by level: how many services are alive
    alive: Vec<usize>,
    phase: Phase,
    /// what stops only to start again
    again: BTreeSet<usize>,
    actions: Vec<Action>,
}

impl Machine {
    pub fn new(specs: Arc<[ServiceSpec]>, graph: Graph) -> Machine {
        Machine {
            services: vec![Service::new(); specs.len()],
            alive: vec![0; graph.levels.len()],
            specs,
            graph,
            phase: Phase::Registered,
            again: BTreeSet::new(),
            actions: Vec::new(),
        }
    }

    pub fn service(&self, service: usize) -> &Service {
        &self.services[service]
    }

    /// Takes one event at monotonic time `now`.
    pub fn handle(&mut self, event: Event, now: u64) -> Vec<Action> {
        match event {
            Event::Boot => self.boot(),
            Event::StartAsked(service) => self.start_asked(service),
            Event::StopAsked(service) => self.stop_asked(service),
            Event::ShutdownAsked => self.shutdown_asked(),
            Event::Launched(service) if self.waits_for_ready(service) => {}
            Event::Launched(service) => self.up(service, now),
            Event::Ready(service) => {
                if self.waits_for_ready(service) && !self.services[service].overdue {
                    self.actions.push(Action::ClearAlarm(service));
                    self.up(service, now);
                }
            }
            Event::Ended { service, exit, uniform } => self.ended(service, exit, uniform, now),
            Event::Alarm(service) => self.alarm(service),
            Event::Put(specs) => self.put(specs),
            Event::Amend(specs) => self.amend(specs),
            Event::Removed(service) => self.removed(service),
        }
        self.check_boot();
        std::mem::take(&mut self.actions)
    }

    // --- start ---

    fn boot(&mut self) {
        self.phase = Phase::Booting;
        for service in 0..self.specs.len() {
            if self.specs[service].auto_start {
                self.start_asked(service);
            }
        }
    }

    fn start_asked(&mut self, service: usize) {
        if self.phase >= Phase::ShuttingDown {
            return;
        }
        let mut wanted = self.graph.with_dependencies(service);
        wanted.sort_unstable();
        for &each in &wanted {
            self.want(each, each == service);
        }
        wanted.into_iter().for_each(|each| self.start_if_possible(each));
    }

    /// Plans a start; `itself` means that it is not only wanted as a dependency.
    fn want(&mut self, service: usize, itself: bool) {
        let now = &mut self.services[service];
        match (now.state, now.plan) {
            // The stop that it was asked for has not begun.
            (State::Starting | State::Running, _) => return now.plan = Plan::Keep,
            (_, Plan::Start) => return,
            (State::Failed, Plan::StartAfterDelay) if !itself => return,
            (State::Exited, _) if !itself && now.served => return,
            _ => {}
        }
        if now.plan == Plan::StartAfterDelay {
            self.actions.push(Action::ClearAlarm(service));
        }
        now.plan = Plan::Start;
        now.restarts.reset();
    }

    fn start_if_possible(&mut self, service: usize) {
        let met = |need: &usize| {
            let need = &self.services[*need];
            need.met() && need.plan != Plan::Stop
        };
        let possible = self.services[service].plan == Plan::Start
            && !self.services[service].state.alive()
            && self.graph.dependencies[service].iter().all(met);
        if !possible || !self.step(service, Step::Start) {
            return;
        }
        let now = &mut self.services[service];
        (now.plan, now.overdue, now.served, now.up_since) = (Plan::Keep, false, false, None);
        now.lives += 1;
        let life = now.lives;
        self.tell(service, ServiceChange::Starting { life });
        if self.waits_for_ready(service) {
            let timeout = Duration::from_nanos(self.specs[service].start_timeout);
            self.actions.push(Action::SetAlarm(service, timeout));
        }
        self.actions.push(Action::Launch(service));
    }

    /// Whether it is Starting until its process says that it is up.
    fn waits_for_ready(&self, service: usize) -> bool {
        let spec = &self.specs[service];
        let says_so = spec.ready && !matches!(spec.target, Target::Host(_));
        says_so && self.services[service].state == State::Starting
    }

    fn up(&mut self, service: usize, now: u64) {
        if !self.step(service, Step::Up) {
            return;
        }
        self.services[service].up_since = Some(now);
        self.tell(service, ServiceChange::Running);
        self.start_dependants(service);
    }

    fn start_dependants(&mut self, service: usize) {
        for index in 0..self.graph.dependants[service].len() {
            self.start_if_possible(self.graph.dependants[service][index]);
        }
    }

    fn alarm(&mut self, service: usize) {
        let now = &mut self.services[service];
        match (now.state, now.plan) {
            (State::Starting, _) => {
                now.overdue = true;
                self.actions.push(Action::Terminate(service));
            }
            (State::Failed, Plan::StartAfterDelay) => {
                now.plan = Plan::Start;
                self.start_if_possible(service);
            }
            _ => {}
        }
    }

    // --- end ---

    fn ended(&mut self, service: usize, exit: Arc<Exit>, uniform: f64, time: u64) {
        if !self.services[service].state.alive() {
            return;
        }
        if self.waits_for_ready(service) {
            self.actions.push(Action::ClearAlarm(service));
        }
        let spec = &self.specs[service];
        let now = &mut self.services[service];
        let asked = now.plan == Plan::Stop || now.state == State::Stopping;
        let exit = if now.overdue && !asked { not_ready_in_time(spec) } else { exit };
        let was_up = now.up_since.is_some();
        let ran = now.up_since.map_or(0, |since| time.saturating_sub(since));
        let end = End::of(&exit, asked);
        now.last_error = exit.error.clone().filter(|_| !asked);
        let restarts = now.restarts.consecutive();
        match now.restarts.decide(&spec.rule, end, Duration::from_nanos(ran), uniform) {
            Decision::Stopped => {
                if now.plan == Plan::Stop {
                    now.plan = Plan::Keep;
                }
                if self.again.remove(&service) {
                    self.services[service].plan = Plan::Start;
                }
                self.step(service, Step::Stop);
                self.step(service, Step::Ended);
                self.tell(service, ServiceChange::Stopped { exit: Some(exit) });
                // Somebody may have wanted it again meanwhile.
                self.start_if_possible(service);
            }
            Decision::Exited { error } => {
                now.served = was_up && !error;
                self.step(service, Step::Exit);
                self.tell(service, ServiceChange::Exited { exit });
                self.start_dependants(service);
            }
            Decision::Restart { delay, attempt } => {
                now.plan = Plan::StartAfterDelay;
                self.step(service, Step::Down);
                let change = ServiceChange::Restart { delay, attempt, cause: exit, was_up };
                self.tell(service, change);
                self.actions.push(Action::SetAlarm(service, delay));
            }
            Decision::Exhausted(then) => {
                self.step(service, Step::Down);
                self.tell(service, ServiceChange::GaveUp { attempts: restarts, cause: exit });
                if then == OnExhausted::Shutdown {
                    self.actions.push(Action::Exit(1));
                }
            }
        }
        self.stop_dependencies(service);
    }

    // --- stop ---

    fn stop_asked(&mut self, service: usize) {
        if self.phase >= Phase::ShuttingDown {
            return;
        }
        let unwanted = self.graph.with_dependants(service);
        for &each in &unwanted {
            self.unwant(each, each == service);
        }
        unwanted.into_iter().for_each(|each| self.stop_if_possible(each));
    }

    fn shutdown_asked(&mut self) {
        if self.phase >= Phase::ShuttingDown {
            return;
        }
        if self.phase < Phase::Booted {
            self.actions.push(Action::Booted);
        }
        self.phase = Phase::ShuttingDown;
        for service in 0..self.services.len() {
            self.unwant(service, false);
        }
        self.stop_highest_level();
    }

    /// Drops the plan to start and plans a stop. A service that is not alive is
    /// Stopped at once if it was to start, or if the stop is meant for `itself`.
    fn unwant(&mut self, service: usize, itself: bool) {
        let now = &mut self.services[service];
        let waited = match std::mem::replace(&mut now.plan, Plan::Keep) {
            Plan::Keep | Plan::Stop => false,
            Plan::Start => true,
            Plan::StartAfterDelay => {
                self.actions.push(Action::ClearAlarm(service));
                true
            }
        };
        match now.state {
            State::Starting | State::Running => now.plan = Plan::Stop,
            State::Stopping | State::Stopped | State::Exited => {}
            State::Unknown | State::Failed if itself || waited => {
                self.step(service, Step::Stop);
                self.tell(service, ServiceChange::Stopped { exit: None });
            }
            State::Unknown | State::Failed => {}
        }
    }

    fn stop_if_possible(&mut self, service: usize) {
        let alive = |other: &usize| self.services[*other].state.alive();
        let now = &self.services[service];
        let possible = now.plan == Plan::Stop
            && matches!(now.state, State::Starting | State::Running)
            && !self.graph.dependants[service].iter().any(alive)
            && (self.phase != Phase::ShuttingDown
                || self.highest_level() == Some(self.graph.level[service]));
        if !possible {
            return;
        }
        if self.waits_for_ready(service) {
            self.actions.push(Action::ClearAlarm(service));
        }
        if self.step(service, Step::Stop) {
            self.services[service].plan = Plan::Keep;
            self.tell(service, ServiceChange::Stopping);
            self.actions.push(Action::Stop(service));
        }
    }

    /// A life ended: what it depended on may stop now.
    fn stop_dependencies(&mut self, service: usize) {
        if self.phase != Phase::ShuttingDown {
            for index in 0..self.graph.dependencies[service].len() {
                self.stop_if_possible(self.graph.dependencies[service][index]);
            }
        } else if self.alive[self.graph.level[service]] == 0 {
            self.stop_highest_level();
        }
    }

    fn highest_level(&self) -> Option<usize> {
        self.alive.iter().rposition(|alive| *alive > 0)
    }

    fn stop_highest_level(&mut self) {
        let Some(level) = self.highest_level() else {
            self.phase = Phase::Empty;
            return self.actions.push(Action::Empty);
        };
        for index in 0..self.graph.levels[level].len() {
            self.stop_if_possible(self.graph.levels[level][index]);
        }
    }

    // --- the rest ---

    /// Takes a step of the life cycle; false if it is impossible.
    fn step(&mut self, service: usize, step: Step) -> bool {
        let now = &mut self.services[service];
        let Some(next) = now.state.next(step) else { return false };
        let alive = &mut self.alive[self.graph.level[service]];
        match (now.state.alive(), next.alive()) {
            (false, true) => *alive += 1,
            (true, false) => *alive -= 1,
            _ => {}
        }
        now.state = next;
        true
    }

    fn tell(&mut self, service: usize, change: ServiceChange) {
        self.actions.push(Action::Tell(service, change));
    }

    /// Boot is over when no required service can still come up or fail.
    fn check_boot(&mut self) {
        if self.phase != Phase::Booting {
            return;
        }
        let mut settled = vec![false; self.services.len()];
        for &service in self.graph.levels.iter().flatten() {
            let now = &self.services[service];
            let hopeless = |need: &usize| settled[*need] && !self.services[*need].met();
            settled[service] = match (now.state, now.plan) {
                (State::Starting, _) => false,
                (State::Unknown, Plan::Start) => {
                    self.graph.dependencies[service].iter().any(hopeless)
                }
                _ => true,
            };
        }
        let counts = |service: &usize| {
            let spec = &self.specs[*service];
            spec.auto_start && spec.required
        };
        let required: Vec<usize> = (0..self.services.len()).filter(counts).collect();
        if !required.iter().all(|service| settled[*service]) {
            return;
        }
        self.phase = Phase::Booted;
        for service in required {
            if self.services[service].plan == Plan::Start {
                let unmet = |need: &&usize| !self.services[**need].met();
                if let Some(&need) = self.graph.dependencies[service].iter().find(unmet) {
                    let on = self.specs[need].id.clone();
                    self.tell(service, ServiceChange::Waiting { on });
                }
            }
        }
        self.actions.push(Action::Booted);
    }
}

/// How a life ended that did not become ready.
fn not_ready_in_time(spec: &ServiceSpec) -> Arc<Exit> {
    let timeout = i64::try_from(spec.start_timeout).unwrap_or(i64::MAX);
    let text = format!("not ready after {}", calendar::Duration(timeout));
    Arc::new(Exit::failure(Reason::Terminated, Error::new(Kind::TIMEOUT, text)))
}
