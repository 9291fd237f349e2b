//! `luavisor sim`: an application on virtual time, under faults, for many seeds.
//!
//! Seeds are shared out to processes of this program, one for each processor: so the
//! addresses that a program can see are the same in every run.
//!
//! | file | holds |
//! |---|---|
//! | `many` | all seeds, in several processes |
//! | `one` | one seed alone, and what is said of it |
//! | `run` | what happens in one seed |
//! | `faults`, `inject` | what goes wrong, and how |
//! | `watch` | what must hold |
//! | `judge` | the checks of the user |
//! | `tape` | what happened |
//! | `shrink` | the search for the shortest list of faults |
//! | `screen` | how far it is |
//! | `names` | whether there is what flags name |

mod faults;
mod inject;
mod judge;
mod many;
mod names;
mod one;
mod run;
mod screen;
mod shrink;
mod tape;
mod watch;

use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use luavisor::config::{Mode, load};
use luavisor::{Application, Bug, LuauCompiler};

use crate::arguments::{Files, Output};
use crate::log::Log;
use crate::{CANNOT_START, print};
use faults::{Fault, Rates};
use many::{many, work};
use one::one;
use run::Plan;

/// The exit code when a seed fails.
const FOUND: u8 = 1;

/// `luavisor sim`.
pub struct Sim {
    pub files: Files,
    pub output: Output,
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
    /// Those of --live and --children must all live again within so much of it; else at its end
    #[arg(long, value_name = "DURATION")]
    pub within: Option<String>,
    /// Probabilities per virtual second and process, such as kill=0.01,fail@app:worker=0.001
    #[arg(long, value_name = "KIND=P,…")]
    pub faults: Option<String>,
    /// A fault at a time, such as "30s kill app:worker", or "30s kill" for anybody; may be repeated
    #[arg(long = "fault", value_name = "TIME FAULT TARGET")]
    pub schedule: Vec<String>,
    /// So many processes of an entry must live when it has settled; may be repeated
    #[arg(long, value_name = "NS:ENTRY=N")]
    pub live: Vec<String>,
    /// So many children of a supervisor must live then; may be repeated
    #[arg(long, value_name = "NS:SUPERVISOR=N")]
    pub children: Vec<String>,
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
    /// Ends when its standard input does: whoever started it has ended
    #[arg(long, hide = true)]
    pub tied: bool,
}

impl Options {
    fn bug(&self) -> anyhow::Result<Option<Bug>> {
        let Some(name) = &self.plant else { return Ok(None) };
        let found = Bug::ALL.iter().find(|(known, _)| known == name);
        found.map(|(_, bug)| Some(*bug)).with_context(|| format!("no bug \"{name}\""))
    }

    /// The last seed of many.
    fn last(&self) -> anyhow::Result<u64> {
        let last = self.from.checked_add(self.seeds - 1);
        last.with_context(|| format!("seeds end at {}, so there are not so many", u64::MAX))
    }

    fn plan(&self, application: &Application, output: &Output) -> anyhow::Result<Plan> {
        let settings = &application.settings.simulation;
        let mut program = None;
        if let Some(name) = &self.exec {
            let id = application.process(name)?;
            let host = application.terminal_host(self.host.as_deref())?;
            program = Some((id.to_string(), host.to_string()));
        }
        let faults = settings.faults.iter().map(|(kind, rate)| format!("{kind}={rate}"));
        let faults = faults.collect::<Vec<_>>().join(",");
        let rates = Rates::parse(self.faults.as_ref().unwrap_or(&faults))?;
        let scheduled = if self.schedule.is_empty() { &settings.schedule } else { &self.schedule };
        let schedule: anyhow::Result<Vec<Fault>> =
            scheduled.iter().map(|text| Fault::parse(text)).collect();
        let mut schedule = schedule?;
        schedule.sort_by_key(|fault| fault.at);
        let time = duration(self.time.as_deref(), settings.time, Duration::from_secs(600))?;
        if self.schedule.is_empty() && self.time.is_some() {
            // A shorter run than usual has the first part of what always comes.
            schedule.retain(|fault| fault.at < time);
        }
        let within = (self.within.is_some() || settings.within.is_some())
            .then(|| duration(self.within.as_deref(), settings.within, Duration::ZERO));
        let plan = Plan {
            time,
            settle: duration(self.settle.as_deref(), settings.settle, Duration::from_secs(120))?,
            within: within.transpose()?,
            rates,
            schedule,
            live: counts(&self.live, &settings.live)?,
            children: counts(&self.children, &settings.children)?,
            bug: self.bug()?,
            level: Log::level_of(&application.settings, output),
            program,
        };
        names::check(application, &plan)?;
        Ok(plan)
    }
}

/// Nanoseconds: of the flag, else of the config file, else as usual.
fn duration(flag: Option<&str>, set: Option<Duration>, usual: Duration) -> anyhow::Result<u64> {
    let Some(text) = flag else {
        return Ok(u64::try_from(set.unwrap_or(usual).as_nanos()).unwrap_or(u64::MAX));
    };
    let parsed = text.parse::<luavisor::Duration>().ok();
    let parsed = parsed.and_then(|duration| u64::try_from(duration.0).ok());
    parsed.with_context(|| format!("expected a duration such as 10m or 1h, found \"{text}\""))
}

/// `ENTRY=N,…` of flags, else what the config file says.
fn counts(flags: &[String], set: &[(String, u32)]) -> anyhow::Result<Vec<(String, usize)>> {
    if flags.is_empty() {
        return Ok(set.iter().map(|(entry, count)| (entry.clone(), *count as usize)).collect());
    }
    let all = flags.iter().flat_map(|flag| flag.split(','));
    let parsed = all.map(|text| {
        let parts = text.trim().rsplit_once('=');
        let parsed = parts.and_then(|(entry, count)| Some((entry.to_owned(), count.parse().ok()?)));
        parsed.with_context(|| format!("expected ENTRY=N, found \"{text}\""))
    });
    parsed.collect()
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
    let plan = sim.options.plan(&application, &sim.output)?;
    if plan.program.is_none() {
        application.something_to_run()?;
    }
    if sim.options.worker {
        return work(&application, &plan, &sim.options);
    }
    match sim.options.seed {
        Some(seed) => one(&application, &plan, seed, sim.options.trace),
        None => many(sim, &application, &plan),
    }
}
