//! `luavisor sim`: an application on virtual time, under faults, for many seeds.
//!
//! Seeds are shared out to processes of this program, one for each processor: so the
//! addresses that a program can see are the same in every run.
//!
//! | file | holds |
//! |---|---|
//! | `run` | one seed; the search for the shortest list of faults |
//! | `faults` | what goes wrong |
//! | `watch` | what must hold |

mod faults;
mod run;
mod watch;

use std::fmt::Write as _;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use luavisor::config::{Mode, load};
use luavisor::{Application, Bug, LuauCompiler};
use serde_json::Value;

use crate::arguments::Files;
use crate::{CANNOT_START, print};
use faults::Rates;
use run::{Outcome, Plan, Script, run, shrink};

/// The exit code when a seed fails.
const FOUND: u8 = 1;
/// Runs that the search for the shortest list of faults may take.
const SHRINK: usize = 200;
/// Events that are shown before a failure.
const SHOWN: usize = 30;

/// `luavisor sim`.
pub struct Sim {
    pub files: Files,
    pub folder: PathBuf,
    pub options: Options,
}

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// How many seeds to try
    #[arg(long, default_value_t = 100, value_name = "N")]
    pub seeds: u64,
    /// The first seed
    #[arg(long, default_value_t = 1, value_name = "N")]
    pub from: u64,
    /// Only this seed
    #[arg(long, value_name = "N", conflicts_with_all = ["seeds", "from"])]
    pub seed: Option<u64>,
    /// Virtual time under faults; 10m by default
    #[arg(long, value_name = "DURATION")]
    pub time: Option<String>,
    /// Virtual time without faults after it; 2m by default
    #[arg(long, value_name = "DURATION")]
    pub settle: Option<String>,
    /// Probabilities per process and virtual second, such as kill=0.01,fail=0.001
    #[arg(long, value_name = "KIND=P,…")]
    pub faults: Option<String>,
    /// So many processes of an entry must live when it has settled; may be repeated
    #[arg(long, value_name = "NS:ENTRY=N")]
    pub live: Vec<String>,
    /// Start this process first
    #[arg(short = 'x', long = "exec", value_name = "ID")]
    pub exec: Option<String>,
    /// Terminal host of that process
    #[arg(long, value_name = "NS:NAME")]
    pub host: Option<String>,
    /// Print every event
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// Processes that work at the same time
    #[arg(long, value_name = "N")]
    pub jobs: Option<usize>,
    /// A bug of the runtime, for tests
    #[arg(long, hide = true)]
    pub plant: Option<String>,
    /// Prints a line for each seed and searches no further
    #[arg(long, hide = true)]
    pub worker: bool,
}

impl Options {
    fn bug(&self) -> anyhow::Result<Option<Bug>> {
        let Some(name) = &self.plant else { return Ok(None) };
        let found = Bug::ALL.iter().find(|(known, _)| known == name);
        found.map(|(_, bug)| Some(*bug)).with_context(|| format!("no bug \"{name}\""))
    }

    fn plan(&self, application: &Application) -> anyhow::Result<Plan> {
        let settings = &application.settings.simulation;
        let time =
            |text: &Option<String>, set: Option<Duration>, usual: u64| -> anyhow::Result<u64> {
                let Some(text) = text else {
                    let set = set.map(|time| u64::try_from(time.as_nanos()).unwrap_or(u64::MAX));
                    return Ok(set.unwrap_or(usual * 60_000_000_000));
                };
                let parsed: luavisor::Duration = text
                    .parse()
                    .ok()
                    .context(format!("expected a duration such as 10m or 1h, found \"{text}\""))?;
                Ok(u64::try_from(parsed.0).unwrap_or_default())
            };
        let faults = settings.faults.iter().map(|(kind, rate)| format!("{kind}={rate}"));
        let faults = faults.collect::<Vec<_>>().join(",");
        let mut live: Vec<(String, usize)> = Vec::new();
        if self.live.is_empty() {
            live.extend(
                settings.live.iter().map(|(entry, count)| (entry.clone(), *count as usize)),
            );
        }
        for text in &self.live {
            let parsed = text
                .rsplit_once('=')
                .and_then(|(entry, count)| Some((entry.to_owned(), count.parse().ok()?)));
            live.push(parsed.with_context(|| format!("expected ENTRY=N, found \"{text}\""))?);
        }
        let mut program = None;
        if let Some(name) = &self.exec {
            let id = application.process(name)?;
            let host = application.terminal_host(self.host.as_deref())?;
            program = Some((id.to_string(), host.to_string()));
        }
        Ok(Plan {
            time: time(&self.time, settings.time, 10)?,
            settle: time(&self.settle, settings.settle, 2)?,
            rates: Rates::parse(self.faults.as_ref().unwrap_or(&faults))?,
            live,
            bug: self.bug()?,
            program,
        })
    }
}

/// Simulates; 1 if a seed fails.
pub fn sim(sim: &Sim) -> anyhow::Result<u8> {
    let loaded = load(&sim.files.options(&sim.folder), &LuauCompiler);
    if !sim.options.worker {
        print::error(&loaded.diagnostics.render(Mode::Run));
    }
    if loaded.diagnostics.has_errors(Mode::Run) {
        return Ok(CANNOT_START);
    }
    let application = loaded.application;
    let plan = sim.options.plan(&application)?;
    if plan.program.is_none() {
        application.something_to_run()?;
    }
    if sim.options.worker {
        return work(&application, &plan, sim.options.from, sim.options.seeds);
    }
    match sim.options.seed {
        Some(seed) => one(&application, &plan, seed, sim.options.trace),
        None => many(sim, &application, &plan),
    }
}

/// One line per seed: `seed hash passed`, and the failure.
fn work(application: &Application, plan: &Plan, from: u64, count: u64) -> anyhow::Result<u8> {
    for seed in from..from.saturating_add(count) {
        let Outcome { failure, hash, passed, .. } =
            run(application, plan, seed, &Script::Drawn, false)?;
        let failure = failure.unwrap_or_default();
        print::out(&format!("{seed} {hash:016x} {passed} {failure}\n"));
        if !failure.is_empty() {
            return Ok(FOUND);
        }
    }
    Ok(0)
}

fn one(application: &Application, plan: &Plan, seed: u64, trace: bool) -> anyhow::Result<u8> {
    let outcome = run(application, plan, seed, &Script::Drawn, true)?;
    if trace {
        outcome.events.iter().for_each(|event| print::out(&line(event)));
    }
    match outcome.failure.clone() {
        None => {
            let passed = Duration::from_nanos(outcome.passed);
            let (faults, hash) = (outcome.faults.len(), outcome.hash);
            print::out(&format!(
                "seed {seed}: {passed:.0?} with {faults} faults, nothing found (run {hash:016x})\n"
            ));
            Ok(0)
        }
        Some(failure) => found(application, plan, seed, &failure, outcome),
    }
}

/// Reports a seed that fails.
fn found(
    application: &Application,
    plan: &Plan,
    seed: u64,
    failure: &str,
    outcome: Outcome,
) -> anyhow::Result<u8> {
    let all = outcome.faults.len();
    let faults = shrink(application, plan, seed, outcome.faults, SHRINK)?;
    let shortest = run(application, plan, seed, &Script::Given(&faults), true)?;
    // What is shown belongs together: the shortest run, if that fails too.
    let (failure, events) = match &shortest.failure {
        Some(failure) => (failure.clone(), shortest.events),
        None => (failure.to_owned(), outcome.events),
    };
    let mut text = format!("seed {seed} fails: {failure}\n");
    // Writing to a string cannot fail.
    let _ = writeln!(text, "{} of {all} faults are enough:", faults.len());
    for fault in &faults {
        let _ = writeln!(text, "  {fault}");
    }
    let _ = writeln!(text, "the last events:");
    for event in &events[events.len().saturating_sub(SHOWN)..] {
        let _ = write!(text, "  {}", line(event));
    }
    let _ = writeln!(text, "replay it: luavisor sim --seed {seed} --trace, with the same flags");
    print::out(&text);
    Ok(FOUND)
}

/// An event for people.
fn line(event: &Value) -> String {
    let mut text = String::new();
    let Value::Object(fields) = event else { return text };
    for (name, value) in fields {
        let _ = match (name.as_str(), value) {
            (_, Value::Null) => Ok(()),
            // The day does not matter.
            ("time", Value::String(time)) => {
                write!(text, "{}", time.split('T').nth(1).unwrap_or(time).trim_end_matches('Z'))
            }
            ("event", Value::String(event)) => write!(text, " {event}"),
            (name, Value::String(value)) => write!(text, " {name}={value}"),
            (name, value) => write!(text, " {name}={value}"),
        };
    }
    text.push('\n');
    text
}

/// All seeds, on all processors.
#[allow(clippy::disallowed_methods)] // the rate is one of real time
fn many(sim: &Sim, application: &Application, plan: &Plan) -> anyhow::Result<u8> {
    let start = Instant::now();
    let count = sim.options.seeds;
    let jobs = sim
        .options
        .jobs
        .unwrap_or_else(|| std::thread::available_parallelism().map_or(1, usize::from));
    let jobs = (jobs.max(1) as u64).min(count.max(1));
    let mut workers = Vec::new();
    for job in 0..jobs {
        let share = count / jobs + u64::from(job < count % jobs);
        let before = job * (count / jobs) + job.min(count % jobs);
        workers.push(worker(sim.options.from + before, share)?);
    }
    let readers: Vec<_> = workers
        .iter_mut()
        .filter_map(|worker| worker.stdout.take())
        .map(|stdout| {
            std::thread::Builder::new().spawn(move || {
                BufReader::new(stdout).lines().map_while(Result::ok).collect::<Vec<String>>()
            })
        })
        .collect();
    let mut failures = Vec::new();
    let (mut done, mut passed) = (0_u64, 0_u64);
    for reader in readers {
        let lines = reader?.join().unwrap_or_default();
        for line in lines {
            let mut parts = line.splitn(4, ' ');
            let seed: u64 = parts.next().and_then(|text| text.parse().ok()).unwrap_or_default();
            let time: u64 = parts.nth(1).and_then(|text| text.parse().ok()).unwrap_or_default();
            (done, passed) = (done + 1, passed + time);
            failures.extend(parts.next().filter(|text| !text.is_empty()).map(|_| seed));
        }
    }
    for mut worker in workers {
        let status = worker.wait()?;
        if !status.success() && status.code() != Some(i32::from(FOUND)) {
            bail!("a simulation ended with {status}: the runtime itself crashed");
        }
    }
    let hours = passed as f64 / 3600e9;
    let took = start.elapsed().as_secs_f64();
    print::out(&format!(
        "{done} seeds, {hours:.1} virtual hours in {took:.1} s: {:.1} virtual hours per second\n",
        hours / took
    ));
    match failures.into_iter().min() {
        None => Ok(0),
        Some(seed) => one(application, plan, seed, false),
    }
}

/// This program again, for a share of the seeds.
fn worker(from: u64, seeds: u64) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe().context("cannot find myself")?);
    let mut skip = false;
    for word in std::env::args_os().skip(1) {
        let text = word.to_string_lossy().into_owned();
        if std::mem::take(&mut skip) {
            continue;
        }
        // Its own share comes below.
        let replaced = ["--seeds", "--from", "--jobs"];
        if replaced.contains(&text.as_str()) {
            skip = true;
            continue;
        }
        if replaced.iter().any(|flag| text.starts_with(&format!("{flag}="))) {
            continue;
        }
        command.arg(word);
    }
    command.arg("--worker").arg(format!("--from={from}")).arg(format!("--seeds={seeds}"));
    command.stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().context("cannot start a worker")
}
