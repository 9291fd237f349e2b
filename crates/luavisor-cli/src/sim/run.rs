//! One seed: an application for some virtual time, under faults.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use luavisor::{App, Application, Bug, Level, LogRecord, LogSink, Pid, Simulated, Unmet};
use serde_json::{Value, json};

use super::faults::{Fault, Kind, Rates, SECOND, Target};
use super::inject::{Hit, Injector, running_hosts};
use super::judge::{Judgement, judge};
use super::tape::{Keep, Tape};
use super::watch::Watch;
use crate::events::{Recorder, Sink};
use crate::log::Moment;
use crate::sync::lock;

/// Time that the shutdown may take beyond what is given to it: for the force itself.
const GRACE: u64 = SECOND;
/// Virtual time after which it is looked who lives again.
const PAUSE: u64 = SECOND / 10;
/// Turns within which a fault comes after its time: it meets what is under way.
const TURNS: u32 = 8;
/// The same after the birth of a process.
const BIRTH: u32 = 2;

/// What is simulated, for every seed alike.
#[derive(Clone, Debug)]
pub struct Plan {
    /// nanoseconds under faults
    pub time: u64,
    /// nanoseconds without faults after them
    pub settle: u64,
    /// nanoseconds of those until which all who must live do
    pub within: Option<u64>,
    /// which faults come at random
    pub rates: Rates,
    /// which come for sure, in the order of their times
    pub schedule: Vec<Fault>,
    /// processes that must live at the end: entry, how many
    pub live: Vec<(String, usize)>,
    /// children that must live at the end: supervisor, how many
    pub children: Vec<(String, usize)>,
    /// a bug of ours, for tests
    pub bug: Option<Bug>,
    /// the lowest level of log lines that are made
    pub level: Level,
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
    /// faults at a time that found nobody
    pub missed: u64,
    /// how often checks of the user were asked
    pub asked: u64,
    /// the exit code that the application asked for
    pub exit: Option<i32>,
    /// faults that waited for their moment, which never came
    pub unmet: Unmet,
    /// restarts of services and children, and who has used them up
    pub restarts: (u64, Vec<String>),
    /// of all that happened
    pub hash: u64,
    /// virtual time that passed, in nanoseconds
    pub passed: u64,
    /// the last events, if they were wanted
    pub events: Vec<Value>,
}

impl Outcome {
    /// How many faults of each kind hit.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut counts = BTreeMap::new();
        for fault in &self.faults {
            *counts.entry(fault.kind.name()).or_default() += 1;
        }
        counts
    }
}

/// Told of the virtual time that has passed, now and then.
pub type Progress<'a> = &'a dyn Fn(u64);

/// Simulates one seed.
pub fn run(
    application: &Application,
    plan: &Plan,
    seed: u64,
    script: &Script<'_>,
    keep: Keep,
    progress: Progress<'_>,
) -> anyhow::Result<Outcome> {
    let tape = Arc::new(Tape::new(keep));
    let mut course = Course::new(application, plan, seed, tape.clone(), progress)?;
    let mut failure = course.faults(script);
    course.watch.follow_births(false);
    let unmet = course.injector.end(&course.simulated);
    failure = failure.or_else(|| course.settle());
    let (passed, exit) = (course.simulated.now(), course.exit());
    let restarts = course.watch.restarts();
    failure = failure.or_else(|| course.shutdown());
    let Course { hit: faults, missed, asked, .. } = course;
    let (hash, events) = tape.end();
    Ok(Outcome { failure, faults, missed, asked, exit, unmet, restarts, hash, passed, events })
}

/// Lets log lines be made as in a run; the event stream tells of them.
struct Told(Level);

impl LogSink for Told {
    fn level(&self) -> Level {
        self.0
    }

    fn log(&self, _: Pid, _: &str, _: LogRecord) {}
}

/// One seed on its way.
struct Course<'a> {
    application: &'a Application,
    plan: &'a Plan,
    tape: Arc<Tape>,
    simulated: Simulated,
    watch: Watch,
    injector: Injector,
    rng: fastrand::Rng,
    /// the faults that hit
    hit: Vec<Fault>,
    /// time and turns of the last fault
    last: (u64, u32),
    missed: u64,
    asked: u64,
    /// checks that are always asked wait for their moment
    due: bool,
    progress: Progress<'a>,
}

impl<'a> Course<'a> {
    fn new(
        application: &'a Application,
        plan: &'a Plan,
        seed: u64,
        tape: Arc<Tape>,
        progress: Progress<'a>,
    ) -> anyhow::Result<Course<'a>> {
        let (watched, recorded) = (Arc::new(Mutex::new(None)), tape.clone());
        let (watching, taped, told) = (watched.clone(), tape.clone(), tape.clone());
        let mut app = App::from_application(application.clone())
            .log(Arc::new(Told(plan.level)))
            .plant(plan.bug)
            .observer(move |runtime| taped.listener(runtime))
            .observer(move |runtime| {
                let watch = Watch::new(runtime, told);
                *lock(&watching) = Some(watch.clone());
                watch
            });
        if tape.keeps() {
            app = app.observer(move |runtime| Recorder::new(recorded, runtime));
        }
        let simulated = app.simulate(seed)?;
        let watch = lock(&watched).take().context("nobody watches")?;
        if let Some((process, host)) = &plan.program {
            simulated.settle();
            simulated.spawn(process, host, ())?;
        }
        let rng = fastrand::Rng::with_seed(seed ^ 0x5EED_FA17);
        let injector = Injector::default();
        Ok(Course {
            application,
            plan,
            tape,
            simulated,
            watch,
            injector,
            rng,
            hit: Vec::new(),
            last: (0, 0),
            missed: 0,
            asked: 0,
            due: false,
            progress,
        })
    }

    /// The exit code that the application asks for, if it wants to end.
    fn exit(&self) -> Option<i32> {
        self.simulated.runtime().requested_exit()
    }

    /// The time under faults, second by second. Returns what is wrong.
    fn faults(&mut self, script: &Script<'_>) -> Option<String> {
        let draws = matches!(script, Script::Drawn);
        let mut given: VecDeque<Fault> = match script {
            Script::Given(faults) => faults.to_vec().into(),
            Script::Drawn => self.plan.schedule.clone().into(),
        };
        self.watch.follow_births(draws && self.plan.rates.hit_processes());
        while self.simulated.now() < self.plan.time && self.exit().is_none() {
            let now = self.simulated.now();
            let end = (now + SECOND).min(self.plan.time);
            let mut faults = match draws {
                true => self.draw(now, end),
                false => Vec::new(),
            };
            while given.front().is_some_and(|fault| fault.at < end) {
                faults.extend(given.pop_front());
            }
            faults.sort_by_key(|fault| fault.at);
            self.second(faults.into(), end);
            self.due |= now / (60 * SECOND) != self.simulated.now() / (60 * SECOND);
            self.note();
            let failure = self.watch.broken().or_else(|| self.look());
            if failure.is_some() {
                return failure;
            }
        }
        None
    }

    /// What goes wrong within the second from `now` to `end`.
    fn draw(&mut self, now: u64, end: u64) -> Vec<Fault> {
        let Course { plan, rng, watch, simulated, .. } = self;
        let mut faults = Vec::new();
        if plan.rates.is_empty() {
            return faults;
        }
        watch.newborn();
        if plan.rates.hit_processes() {
            for (pid, entry) in watch.targets() {
                faults.extend(plan.rates.draw(rng, Target::Process(pid, &entry)));
            }
        }
        for host in running_hosts(self.application, simulated) {
            faults.extend(plan.rates.draw(rng, Target::Host(host)));
        }
        faults.extend(plan.rates.draw(rng, Target::Everything));
        let microseconds = (end - now).div_ceil(1000);
        for fault in &mut faults {
            (fault.at, fault.turns) = (now + rng.u64(0..microseconds) * 1000, rng.u32(0..TURNS));
        }
        faults
    }

    /// Runs to the end of a second, with these faults. Whoever is born in it may be hit
    /// at once, or short lives would never be.
    fn second(&mut self, mut faults: VecDeque<Fault>, end: u64) {
        while self.exit().is_none() {
            let now = self.simulated.now();
            self.injector.start_again(&self.simulated, now);
            if faults.front().is_some_and(|fault| fault.at <= now) {
                faults.pop_front().into_iter().for_each(|fault| self.hit(fault));
                continue;
            }
            let newborn = self.watch.newborn();
            if !newborn.is_empty() {
                newborn.into_iter().for_each(|(pid, entry)| self.born(pid, &entry));
                continue;
            }
            if now >= end {
                return;
            }
            let next = faults.front().map_or(end, |fault| fault.at);
            let at = self.injector.next_start().unwrap_or(end).min(next).min(end);
            let Course { simulated, watch, .. } = self;
            let ends = || simulated.runtime().requested_exit().is_some();
            simulated.run_to(at, || watch.any_newborn() || ends());
        }
    }

    /// A process was born: what happens to it at once.
    fn born(&mut self, pid: Pid, entry: &str) {
        for fault in self.plan.rates.draw(&mut self.rng, Target::Process(pid, entry)) {
            let (at, passed) = (self.simulated.now(), self.simulated.turns());
            self.last = (at, passed);
            let turns = passed + self.rng.u32(0..BIRTH);
            self.hit(Fault { at, turns, ..fault });
        }
    }

    fn hit(&mut self, fault: Fault) {
        // Of those of one moment the later ones have some turns behind them.
        let passed = if self.last.0 == fault.at { self.last.1 } else { 0 };
        let _ = (passed..fault.turns).take_while(|_| self.simulated.step()).count();
        self.last = (fault.at, fault.turns.max(passed));
        let drawn = fault.drawn;
        let Course { injector, simulated, watch, rng, .. } = self;
        let hit = injector.aim(self.application, simulated, watch, rng, fault.clone());
        match hit {
            Some(hit) => {
                self.tell(format!("fault.{}", hit.fault.kind.name()), &hit);
                self.injector.hit(&self.simulated, &hit);
                self.hit.push(hit.fault);
            }
            // It has ended meanwhile.
            None if drawn => {}
            None => {
                self.missed += 1;
                self.tell("fault.missed".to_owned(), &Hit { pid: None, fault });
            }
        }
    }

    /// Puts a fault into the event stream.
    fn tell(&self, event: String, Hit { pid, fault }: &Hit) {
        let runtime = self.simulated.runtime();
        let mut fields = json!({
            "time": Moment::of(&*runtime.clock()).text(),
            "event": event,
            "pid": pid.map(|pid| runtime.pid_text(pid)),
            "entry": (!fault.target.is_empty()).then_some(&fault.target),
        });
        let amount = fault.amount.unwrap_or_default();
        match fault.kind {
            Kind::Hold => fields["seconds"] = json!(amount as f64 / SECOND as f64),
            Kind::Clock => fields["seconds"] = json!(amount),
            Kind::Fail => fields["safepoints"] = json!(amount),
            _ => {}
        }
        if pid.is_none() && event == "fault.missed" {
            fields["fault"] = json!(fault.kind.name());
        }
        self.tape.take(fields);
    }

    /// At the end of a second: what is wrong now, if nothing is under way.
    fn look(&mut self) -> Option<String> {
        if !self.simulated.settle() {
            return None;
        }
        let failure = self.watch.problem();
        // A check may need an answer of somebody who is held; then it is asked later.
        if failure.is_some() || !self.due || self.simulated.runtime().holds_any() {
            return failure;
        }
        match judge(self.application, &self.simulated, &self.watch, None) {
            Judgement::Later => None,
            Judgement::Said { asked, failure } => {
                self.due = false;
                self.asked += asked;
                failure
            }
        }
    }

    /// The time after the faults. Returns what is wrong at its end.
    fn settle(&mut self) -> Option<String> {
        let start = self.simulated.now();
        let after = |time: u64| start.saturating_add(time);
        if let Some(within) = self.plan.within {
            self.pass(after(within), |course| course.missing().is_none());
            if let Some(missing) = self.missing() {
                let within = Duration::from_nanos(within);
                return Some(format!("{within:?} after the last fault {missing}"));
            }
        }
        self.pass(after(self.plan.settle), |_| false);
        let quiet = self.simulated.settle();
        let mut failure = if quiet { self.watch.problem() } else { self.watch.broken() };
        failure = failure.or_else(|| self.missing());
        if failure.is_some() {
            return failure;
        }
        let end = Some(self.exit());
        match judge(self.application, &self.simulated, &self.watch, end) {
            Judgement::Later => None,
            Judgement::Said { asked, failure } => {
                self.asked += asked;
                failure
            }
        }
    }

    /// Lets time pass without faults, until `done`, which is asked now and then.
    fn pass(&self, end: u64, done: impl Fn(&Course<'_>) -> bool) {
        while self.simulated.now() < end && self.exit().is_none() && !done(self) {
            let pause = self.simulated.now().saturating_add(PAUSE).min(end);
            self.simulated.run_to(pause, || self.exit().is_some());
            self.note();
        }
    }

    /// Time has passed.
    fn note(&self) {
        (self.progress)(self.simulated.now());
        // It has been told as it came.
        self.simulated.output().clear();
    }

    /// Who should live and does not.
    fn missing(&self) -> Option<String> {
        let Plan { live, children, .. } = self.plan;
        if let Some(code) = self.exit().filter(|_| live.len() + children.len() > 0) {
            let after = Duration::from_nanos(self.simulated.now());
            return Some(format!(
                "the application ended by itself after {after:.0?}, with exit code {code}, \
                 but somebody is to live"
            ));
        }
        let processes = live.iter().map(|(entry, wanted)| {
            (self.watch.count(entry), wanted, format!("processes of {entry}"))
        });
        let children = children.iter().map(|(entry, wanted)| {
            (self.watch.children(entry), wanted, format!("children of {entry}"))
        });
        let (found, wanted, what) =
            processes.chain(children).find(|(found, wanted, _)| found != *wanted)?;
        Some(format!("{found} {what} live, {wanted} are wanted"))
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
