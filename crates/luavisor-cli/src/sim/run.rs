//! One seed: an application for some virtual time, under faults.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use luavisor::{App, Application, Bug, Simulated};
use serde_json::{Value, json};

use super::faults::{Fault, Kind, Rates};
use super::judge::judge;
use super::watch::Watch;
use crate::events::{Recorder, Sink};
use crate::log::Moment;
use crate::sync::lock;

/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;
/// How long what a fault stops stays so.
const STOPPED: u64 = 10 * SECOND;
/// Time that the shutdown may take beyond what is given to it: for the force itself.
const GRACE: u64 = SECOND;

/// What is simulated, for every seed alike.
#[derive(Clone, Debug)]
pub struct Plan {
    /// nanoseconds under faults
    pub time: u64,
    /// nanoseconds without faults after them
    pub settle: u64,
    /// which faults come at random
    pub rates: Rates,
    /// which come for sure, in the order of their times
    pub schedule: Vec<Fault>,
    /// processes that must live at the end: entry, how many
    pub live: Vec<(String, usize)>,
    /// a bug of ours, for tests
    pub bug: Option<Bug>,
    /// process and host that are started first
    pub program: Option<(String, String)>,
}

/// Where the faults come from.
#[derive(Clone, Debug)]
pub enum Script<'a> {
    /// from the seed
    Drawn,
    /// from this list
    Given(&'a [Fault]),
}

/// What came of it.
#[derive(Debug)]
pub struct Outcome {
    /// what was wrong
    pub failure: Option<String>,
    /// the faults that hit
    pub faults: Vec<Fault>,
    /// of all events
    pub hash: u64,
    /// virtual time that passed, in nanoseconds
    pub passed: u64,
    /// the events, if they were wanted
    pub events: Vec<Value>,
}

/// Hashes events, and keeps them if they are wanted.
#[derive(Default)]
struct Tape {
    hash: Mutex<DefaultHasher>,
    events: Option<Mutex<Vec<Value>>>,
}

impl Sink for Tape {
    fn take(&self, event: Value) {
        let mut hash = lock(&self.hash);
        event.to_string().hash(&mut *hash);
        if let Some(events) = &self.events {
            lock(events).push(event);
        }
    }
}

/// Simulates one seed.
pub fn run(
    application: &Application,
    plan: &Plan,
    seed: u64,
    script: &Script<'_>,
    trace: bool,
) -> anyhow::Result<Outcome> {
    let tape = Arc::new(Tape { events: trace.then(Mutex::default), ..Tape::default() });
    let mut course = Course::new(application, plan, seed, tape.clone())?;
    let mut failure = course.faults(script);
    course.simulated.runtime().refuse_start(false);
    if failure.is_none() && !course.over() {
        failure = course.settle();
    }
    let passed = course.simulated.now();
    if failure.is_none() {
        failure = course.shutdown();
    }
    let hash = lock(&tape.hash).finish();
    let events = tape.events.as_ref().map(|events| std::mem::take(&mut *lock(events)));
    Ok(Outcome { failure, faults: course.hit, hash, passed, events: events.unwrap_or_default() })
}

/// One seed on its way.
struct Course<'a> {
    application: &'a Application,
    plan: &'a Plan,
    tape: Arc<Tape>,
    simulated: Simulated,
    watch: Watch,
    rng: fastrand::Rng,
    /// the faults that hit
    hit: Vec<Fault>,
    /// services that were stopped, and when they start again
    stopped: Vec<(u64, Vec<Arc<str>>)>,
}

impl<'a> Course<'a> {
    fn new(
        application: &'a Application,
        plan: &'a Plan,
        seed: u64,
        tape: Arc<Tape>,
    ) -> anyhow::Result<Course<'a>> {
        let (recorded, watched) = (tape.clone(), Arc::new(Mutex::new(None)));
        let watching = watched.clone();
        let supervisors = application.supervisors.iter();
        let intensities = supervisors
            .map(|supervisor| (supervisor.id.shared(), supervisor.rules.intensity))
            .collect();
        let app = App::from_application(application.clone())
            .plant(plan.bug)
            .observer(move |runtime| Recorder::new(recorded, runtime))
            .observer(move |runtime| {
                let watch = Watch::new(runtime, intensities);
                *lock(&watching) = Some(watch.clone());
                watch
            });
        let simulated = app.simulate(seed)?;
        let watch = lock(&watched).take().context("nobody watches")?;
        if let Some((process, host)) = &plan.program {
            simulated.settle();
            simulated.spawn(process, host, ())?;
        }
        let rng = fastrand::Rng::with_seed(seed ^ 0x5EED_FA17);
        let (hit, stopped) = (Vec::new(), Vec::new());
        Ok(Course { application, plan, tape, simulated, watch, rng, hit, stopped })
    }

    /// Whether the application wants to end.
    fn over(&self) -> bool {
        self.simulated.runtime().requested_exit().is_some()
    }

    /// The time under faults, second by second. Returns what is wrong.
    fn faults(&mut self, script: &Script<'_>) -> Option<String> {
        let mut given = match script {
            Script::Given(faults) => faults.iter().peekable(),
            Script::Drawn => self.plan.schedule.iter().peekable(),
        };
        while self.simulated.now() < self.plan.time && !self.over() {
            let now = self.simulated.now();
            let mut faults = Vec::new();
            while let Some(fault) = given.next_if(|fault| fault.at < now + SECOND) {
                faults.push(fault.clone());
            }
            if matches!(script, Script::Drawn) && !self.plan.rates.is_empty() {
                for (_, entry) in self.watch.targets() {
                    faults.extend(self.plan.rates.draw(&mut self.rng, now, &entry));
                }
            }
            faults.sort_by_key(|fault| fault.at);
            for fault in faults {
                self.start_again(fault.at);
                self.simulated.run_for(fault.at.saturating_sub(self.simulated.now()));
                self.hit(fault);
            }
            self.start_again(now + SECOND);
            self.simulated.run_for((now + SECOND).saturating_sub(self.simulated.now()));
            let mut failure = self.watch.broken();
            if failure.is_none() && self.simulated.settle() {
                failure = self.watch.problem();
                let minute = now / (60 * SECOND) != self.simulated.now() / (60 * SECOND);
                // A check may need an answer of somebody who is held.
                if failure.is_none() && minute && !self.simulated.runtime().holds_any() {
                    failure = judge(self.application, &self.simulated, &self.watch, false);
                }
            }
            if failure.is_some() {
                return failure;
            }
        }
        None
    }

    fn hit(&mut self, fault: Fault) {
        (0..fault.turns).for_each(|_| {
            self.simulated.step();
        });
        let mut targets = self.watch.targets();
        targets.retain(|(_, entry)| **entry == *fault.entry);
        let Some((pid, _)) = targets.get(fault.which % targets.len().max(1)) else { return };
        let runtime = self.simulated.runtime();
        let time = Moment::of(&*runtime.clock()).text();
        self.tape.take(json!({
            "time": time,
            "event": format!("fault.{}", fault.kind.name()),
            "pid": runtime.pid_text(*pid),
            "entry": &fault.entry,
        }));
        match (fault.kind, runtime.host_name(pid.host)) {
            (Kind::Stop, Some(host)) => self.stop(&host),
            _ => fault.hit(&self.simulated, *pid),
        }
        self.hit.push(fault);
    }

    /// Stops a host, and remembers which services run now and end with it.
    fn stop(&mut self, host: &str) {
        let services = self.simulated.services();
        let wanted = services.states().into_iter().filter(|service| service.wanted);
        let wanted = wanted.map(|service| service.id).collect();
        if services.stop(host).is_ok() {
            self.stopped.push((self.simulated.now() + STOPPED, wanted));
        }
    }

    /// Starts what was stopped and is due again before this time.
    fn start_again(&mut self, before: u64) {
        while let Some(at) = self.stopped.iter().position(|(at, _)| *at < before) {
            let (at, services) = self.stopped.remove(at);
            self.simulated.run_for(at.saturating_sub(self.simulated.now()));
            for id in services {
                // It was there a moment ago.
                let _ = self.simulated.services().start(&id);
            }
        }
    }

    /// The time after the faults. Returns what is wrong at its end.
    fn settle(&mut self) -> Option<String> {
        self.start_again(u64::MAX);
        self.simulated.run_for(self.plan.settle);
        let quiet = self.simulated.settle();
        let failure = if quiet { self.watch.problem() } else { self.watch.broken() };
        if failure.is_some() || self.over() {
            return failure;
        }
        for (entry, wanted) in &self.plan.live {
            let found = self.watch.count(entry);
            if found != *wanted {
                return Some(format!("{found} processes of {entry} live, {wanted} are wanted"));
            }
        }
        judge(self.application, &self.simulated, &self.watch, true)
    }

    /// Shuts down. Returns what is wrong.
    fn shutdown(&mut self) -> Option<String> {
        let start = self.simulated.now();
        let finished = self.simulated.shutdown_while(|quiet| {
            let problem = if quiet { self.watch.problem() } else { self.watch.broken() };
            problem.is_none()
        });
        let took = self.simulated.now() - start;
        let given = self.simulated.shutdown_timeout();
        if let Some(problem) = self.watch.broken() {
            return Some(problem);
        }
        if finished.is_none() || took > given.saturating_add(GRACE) {
            let (took, given) = (Duration::from_nanos(took), Duration::from_nanos(given));
            return Some(format!("I10: the shutdown has {given:?} and takes more than {took:?}"));
        }
        self.watch.leftovers()
    }
}
