//! One seed: an application for some virtual time, under faults.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use luavisor::{App, Application, Bug, Simulated, Table, Values};
use serde_json::{Value, json};

use super::faults::{Fault, Rates};
use super::watch::Watch;
use crate::events::{Recorder, Sink};
use crate::log::Moment;
use crate::sync::lock;

/// Real time that the search for the shortest list may take, beside its last run.
const SHRINK_TIME: Duration = Duration::from_secs(30);
/// Virtual time that a check may take.
const CHECK_TIME: u64 = 10 * SECOND;
/// Nanoseconds.
const SECOND: u64 = 1_000_000_000;

/// What is simulated, for every seed alike.
#[derive(Clone, Debug)]
pub struct Plan {
    /// nanoseconds under faults
    pub time: u64,
    /// nanoseconds without faults after them
    pub settle: u64,
    /// which faults
    pub rates: Rates,
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
    let watch = lock(&watched).take();
    let Some(watch) = watch else { anyhow::bail!("nobody watches") };
    let mut rng = fastrand::Rng::with_seed(seed ^ 0x5EED_FA17);
    let mut hit = Vec::new();
    let mut failure = None;
    if let Some((process, host)) = &plan.program {
        simulated.settle();
        simulated.spawn(process, host, ())?;
    }
    let mut given = match script {
        Script::Given(faults) => faults.iter().cloned().peekable(),
        Script::Drawn => [].iter().cloned().peekable(),
    };
    while failure.is_none() && simulated.now() < plan.time && asked(&simulated).is_none() {
        let now = simulated.now();
        let mut faults = Vec::new();
        match script {
            Script::Drawn if plan.rates.is_empty() => {}
            Script::Drawn => {
                for (_, entry) in watch.targets() {
                    faults.extend(plan.rates.draw(&mut rng, now, &entry));
                }
                faults.sort_by_key(|fault| fault.at);
            }
            Script::Given(_) => {
                while let Some(fault) = given.next_if(|fault| fault.at < now + SECOND) {
                    faults.push(fault);
                }
            }
        }
        for fault in faults {
            simulated.run_for(fault.at.saturating_sub(simulated.now()));
            (0..fault.turns).for_each(|_| {
                simulated.step();
            });
            let mut targets = watch.targets();
            targets.retain(|(_, entry)| **entry == *fault.entry);
            if let Some((pid, _)) = targets.get(fault.which % targets.len().max(1)) {
                let time = Moment::of(&*simulated.runtime().clock()).text();
                tape.take(json!({
                    "time": time,
                    "event": format!("fault.{}", fault.kind.name()),
                    "pid": simulated.runtime().pid_text(*pid),
                    "entry": &fault.entry,
                }));
                fault.hit(&simulated, *pid);
                hit.push(fault);
            }
        }
        simulated.run_for((now + SECOND).saturating_sub(simulated.now()));
        failure = watch.broken();
        if simulated.settle() {
            failure = watch.problem();
            let minute = now / (60 * SECOND) != simulated.now() / (60 * SECOND);
            if failure.is_none() && minute {
                failure = judge(application, &simulated, &watch, false);
            }
        }
    }
    simulated.runtime().refuse_start(false);
    if failure.is_none() && asked(&simulated).is_none() {
        simulated.run_for(plan.settle);
        let quiet = simulated.settle();
        failure = if quiet { watch.problem() } else { watch.broken() };
        for (entry, wanted) in &plan.live {
            let found = watch.count(entry);
            if failure.is_none() && found != *wanted {
                failure = Some(format!("{found} processes of {entry} live, {wanted} are wanted"));
            }
        }
    }
    if failure.is_none() && asked(&simulated).is_none() {
        failure = judge(application, &simulated, &watch, true);
    }
    let passed = simulated.now();
    if failure.is_none() {
        failure = match simulated.shutdown() {
            None => Some("I10: the shutdown does not end".to_owned()),
            Some(_) => watch.leftovers(),
        };
    }
    let hash = lock(&tape.hash).finish();
    let events = tape.events.as_ref().map(|events| std::mem::take(&mut *lock(events)));
    Ok(Outcome { failure, faults: hit, hash, passed, events: events.unwrap_or_default() })
}

/// Asks the checks of the user. `end`: all of them, else those that are always asked.
fn judge(
    application: &Application,
    simulated: &Simulated,
    watch: &Watch,
    end: bool,
) -> Option<String> {
    let host = application.hosts.first()?.id.to_string();
    for check in application.checks.iter().filter(|check| end || check.always) {
        let id = check.process.id.as_str();
        // A fault that waits for the next start is not meant for this one.
        simulated.runtime().refuse_start(false);
        let (counts, restarts) = watch.view();
        let pid = match simulated.spawn(id, &host, view(simulated, &counts, restarts, end)) {
            Ok(pid) => pid,
            // Its host may be about to restart.
            Err(_) if !end => continue,
            Err(error) => return Some(format!("check {id} cannot be started: {error}")),
        };
        watch.wait_for(pid);
        let mut exit = None;
        let end = simulated.now() + CHECK_TIME;
        while exit.is_none() && simulated.now() < end {
            simulated.run_for(CHECK_TIME / 1000);
            exit = watch.ended(pid);
        }
        let verdict = match exit.as_deref() {
            None => Some("it does not answer within 10 s".to_owned()),
            Some(exit) => match (&exit.error, exit.value.first()) {
                (Some(error), _) => Some(error.message.to_string()),
                (None, luavisor::Value::Boolean(false)) => Some("it says false".to_owned()),
                _ => None,
            },
        };
        if let Some(verdict) = verdict {
            return Some(format!("check {id}: {verdict}"));
        }
    }
    None
}

/// The argument of a check: `{ now, restarts, final, processes = { entry = count } }`.
fn view(
    simulated: &Simulated,
    counts: &BTreeMap<Arc<str>, u64>,
    restarts: u64,
    end: bool,
) -> Values {
    let number = |number: u64| luavisor::Value::Number(number as f64);
    let text = |text: &str| luavisor::Value::from(text);
    let processes = counts.iter().map(|(entry, count)| (text(entry), number(*count)));
    let now = luavisor::Value::Number(simulated.now() as f64 / SECOND as f64);
    let hash = vec![
        (text("now"), now),
        (text("restarts"), number(restarts)),
        (text("final"), luavisor::Value::Boolean(end)),
        (text("processes"), luavisor::Value::Table(1)),
    ];
    let tables = vec![
        Table { array: Vec::new(), hash },
        Table { array: Vec::new(), hash: processes.collect() },
    ];
    Values { items: [luavisor::Value::Table(0)].into_iter().collect(), tables }
}

/// The code with which the application wants to end.
fn asked(simulated: &Simulated) -> Option<i32> {
    simulated.runtime().requested_exit()
}

/// The shortest list of faults with which the seed still fails in this way that can be
/// found in so many runs: first parts of the list are left out, then single faults.
/// `None`: the list alone does not make it fail so.
#[allow(clippy::disallowed_methods)] // the search is bounded in real time
pub fn shrink(
    application: &Application,
    plan: &Plan,
    seed: u64,
    failure: &str,
    faults: Vec<Fault>,
    runs: usize,
) -> anyhow::Result<Option<Vec<Fault>>> {
    let mut faults = faults;
    let mut left = runs;
    let start = Instant::now();
    let fails = |faults: &[Fault]| -> anyhow::Result<bool> {
        let script = Script::Given(faults);
        let found = run(application, plan, seed, &script, false)?.failure;
        Ok(found.is_some_and(|found| kind(&found) == kind(failure)))
    };
    // Without the draws for others the seed may take another way.
    if !fails(&faults)? {
        return Ok(None);
    }
    let mut part = faults.len().div_ceil(2);
    while part > 0 && left > 0 && start.elapsed() < SHRINK_TIME {
        let mut first = 0;
        let mut shorter = false;
        while first < faults.len() && left > 0 && start.elapsed() < SHRINK_TIME {
            let end = (first + part).min(faults.len());
            let mut rest = faults.clone();
            rest.drain(first..end);
            left -= 1;
            if fails(&rest)? {
                (faults, shorter) = (rest, true);
            } else {
                first = end;
            }
        }
        if !shorter || part > 1 {
            part /= 2;
        }
    }
    Ok(Some(faults))
}

/// What sort of failure it is: its text without numbers and pids.
fn kind(failure: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in failure.chars() {
        inside = (inside || letter == '{') && letter != '}';
        if !inside && !letter.is_ascii_digit() {
            text.push(letter);
        }
    }
    text
}
