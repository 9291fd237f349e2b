//! `luavisor sim`: an application on virtual time, under faults, for many seeds.
//!
//! Seeds are shared out to processes of this program, one for each processor: so the
//! addresses that a program can see are the same in every run.
//!
//! | file | holds |
//! |---|---|
//! | `many` | all seeds, in several processes |
//! | `run` | one seed |
//! | `faults` | what goes wrong |
//! | `watch` | what must hold |
//! | `judge` | the checks of the user |
//! | `shrink` | the search for the shortest list of faults |

mod faults;
mod judge;
mod many;
mod run;
mod shrink;
mod watch;

use std::fmt::Write as _;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context, bail};
use luavisor::config::{Mode, load};
use luavisor::{Application, Bug, LuauCompiler};
use serde_json::{Value, json};

use crate::arguments::Files;
use crate::{CANNOT_START, print};
use faults::{Fault, Rates};
use many::many;
use run::{Outcome, Plan, Script, run};
use shrink::shrink;

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
    #[arg(long, default_value_t = 100, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
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
    /// A fault at a time, such as "30s kill app:worker"; may be repeated
    #[arg(long = "fault", value_name = "TIME FAULT ENTRY")]
    pub schedule: Vec<String>,
    /// So many processes of an entry must live when it has settled; may be repeated
    #[arg(long, value_name = "NS:ENTRY=N")]
    pub live: Vec<String>,
    /// Start this process first
    #[arg(short = 'x', long = "exec", value_name = "ID")]
    pub exec: Option<String>,
    /// Terminal host of that process
    #[arg(long, value_name = "NS:NAME", requires = "exec")]
    pub host: Option<String>,
    /// Print every event
    #[arg(long, requires = "seed")]
    pub trace: bool,
    /// Processes that work at the same time
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub jobs: Option<u64>,
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
        let rates = Rates::parse(self.faults.as_ref().unwrap_or(&faults))?;
        let scheduled = if self.schedule.is_empty() { &settings.schedule } else { &self.schedule };
        let schedule: anyhow::Result<Vec<Fault>> =
            scheduled.iter().map(|text| Fault::parse(text)).collect();
        let mut schedule = schedule?;
        schedule.sort_by_key(|fault| fault.at);
        let named = rates.entries().chain(schedule.iter().map(|fault| fault.entry.as_str()));
        let named = named.chain(live.iter().map(|(entry, _)| entry.as_str()));
        for entry in named {
            let processes = application.processes.iter().map(|process| process.id.as_str());
            let supervisors = application.supervisors.iter().map(|each| each.id.as_str());
            if !processes.chain(supervisors).any(|known| known == entry) {
                bail!("no process or supervisor \"{entry}\"");
            }
        }
        if application.hosts.is_empty() && !application.checks.is_empty() {
            bail!("checks need a process.host to run on");
        }
        Ok(Plan {
            time: time(&self.time, settings.time, 10)?,
            settle: time(&self.settle, settings.settle, 2)?,
            rates,
            schedule,
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

/// One line of JSON per seed; the first failure ends it.
fn work(application: &Application, plan: &Plan, from: u64, count: u64) -> anyhow::Result<u8> {
    for seed in (0..count).map(|number| from.wrapping_add(number)) {
        let Outcome { failure, hash, passed, .. } =
            run(application, plan, seed, &Script::Drawn, false)?;
        let (failed, hash) = (failure.is_some(), format!("{hash:016x}"));
        let line = json!({ "seed": seed, "hash": hash, "passed": passed, "failure": failure });
        print::out(&format!("{line}\n"));
        if failed {
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
    let shortest = shrink(application, plan, seed, failure, outcome.faults.clone(), SHRINK)?;
    // What is shown belongs together: the shortest run, if there is one.
    let (failure, faults, events, enough) = match shortest {
        Some(faults) => {
            let shortest = run(application, plan, seed, &Script::Given(&faults), true)?;
            let failure = shortest.failure.unwrap_or_else(|| failure.to_owned());
            (failure, faults, shortest.events, true)
        }
        None => (failure.to_owned(), outcome.faults, outcome.events, false),
    };
    let mut text = format!("seed {seed} fails: {failure}\n");
    // Writing to a string cannot fail.
    let _ = match enough {
        true => writeln!(text, "{} of {all} faults are enough:", faults.len()),
        false => writeln!(text, "it takes the whole run; its {all} faults:"),
    };
    for fault in &faults {
        let _ = writeln!(text, "  {fault}");
    }
    let _ = writeln!(text, "the last events:");
    for event in &events[events.len().saturating_sub(SHOWN)..] {
        let _ = write!(text, "  {}", line(event));
    }
    let _ = writeln!(
        text,
        "replay it with all its faults: luavisor sim --seed {seed} --trace, with the same flags"
    );
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
