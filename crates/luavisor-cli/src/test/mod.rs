//! `luavisor test`: the entries with `meta.type: test`, each in a process of its own.
//!
//! 1. Load; all problems go to stderr. With an error nothing starts.
//! 2. Select the tests and order them into suites.
//! 3. Start the application as `run` does, and a host for the tests beside it.
//! 4. Run the suites, several at the same time, each test by test.
//! 5. Report what failed, then shut down: a service may take its time to stop.
//!
//! | file | holds |
//! |---|---|
//! | `select` | which tests, in which order |
//! | `runner` | threads that run suites, timeouts, the early end |
//! | `simulate` | the same on virtual time, for each test anew |
//! | `capture` | what processes print and log, by test |
//! | `verdict` | whether an exit passes; tracebacks |
//! | `report` | the report for people, JSON lines, JUnit |

mod capture;
mod report;
mod runner;
mod select;
mod simulate;
mod verdict;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::Context;
use luavisor::config::{Mode, load};
use luavisor::{App, Application, TracingCompiler};

use crate::arguments::{Files, Output};
use crate::log::Log;
use crate::signals::Signals;
use crate::{CANNOT_START, print};
use capture::{Capture, Descent, TestLog};
use report::{Counts, Report, json, junit};
use runner::{News, Runner};
use simulate::{Seeds, Stage};
use verdict::Places;

/// The exit code when not all tests passed.
const FAILED: u8 = 1;
/// Where functions, and processes that name no host, are run.
const HOST: &str = "luavisor:tests";
/// What a test may take when nobody says.
const TIMEOUT: Duration = Duration::from_secs(30);

/// `luavisor test`.
pub struct Test {
    pub files: Files,
    pub output: Output,
    pub options: Options,
}

/// The flags.
#[derive(Clone, Debug, clap::Args)]
pub struct Options {
    /// Print the tests; run none
    #[arg(long)]
    pub list: bool,
    /// What a test may take if its meta.timeout does not say; 30s by default
    #[arg(long, value_name = "DURATION")]
    pub timeout: Option<String>,
    /// Suites that run at the same time; by default one for each processor
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    pub jobs: Option<u32>,
    /// Start no more tests when one has failed
    #[arg(long)]
    pub fail_fast: bool,
    /// Show what is printed at once, instead of with the failures
    #[arg(long)]
    pub no_capture: bool,
    /// Print a line of JSON for each test
    #[arg(long)]
    pub json: bool,
    /// Write the results to this file in the format of JUnit
    #[arg(long, value_name = "FILE")]
    pub junit: Option<PathBuf>,
    /// Run each test in a simulation of its own, on virtual time
    #[arg(long, conflicts_with = "jobs")]
    pub sim: bool,
    /// The first seed of the simulations; 1 by default
    #[arg(long, value_name = "N", requires = "sim")]
    pub seed: Option<u64>,
    /// How many seeds to try for each test; 1 by default
    #[arg(long, value_name = "N", requires = "sim", value_parser = clap::value_parser!(u64).range(1..))]
    pub seeds: Option<u64>,
    /// Project directory or .yaml file, and parts of ids or suites
    #[arg(value_name = "DIR|FILE] [FILTER")]
    pub words: Vec<String>,
}

impl Options {
    /// The project, and the filters.
    fn path(&self) -> (&Path, &[String]) {
        match self.words.split_first() {
            Some((first, filters)) if Path::new(first).exists() => (Path::new(first), filters),
            _ => (Path::new("."), &self.words),
        }
    }

    fn timeout(&self) -> anyhow::Result<Duration> {
        let Some(text) = &self.timeout else { return Ok(TIMEOUT) };
        let parsed: Option<luavisor::Duration> = text.parse().ok();
        let nanos = parsed.and_then(|time| u64::try_from(time.0).ok()).filter(|nanos| *nanos > 0);
        let nanos =
            nanos.with_context(|| format!("expected a duration such as 10s, found \"{text}\""))?;
        Ok(Duration::from_nanos(nanos))
    }

    fn jobs(&self) -> usize {
        let processors = || std::thread::available_parallelism().map_or(1, usize::from);
        self.jobs.map_or_else(processors, |jobs| jobs as usize)
    }
}

/// Runs the tests of an application and returns the exit code.
pub fn test(test: Test) -> anyhow::Result<u8> {
    let Test { files, output, options } = test;
    let timeout = options.timeout()?;
    let (path, filters) = options.path();
    let loaded = load(&files.options(path), &TracingCompiler);
    print::error(&loaded.diagnostics.render(Mode::Run));
    if loaded.diagnostics.has_errors(Mode::Run) {
        return Ok(CANNOT_START);
    }
    let application = loaded.application;
    let plan = select::plan(&application, filters, timeout)?;
    if options.list {
        let list = if options.json { json::list(&plan) } else { report::list(&plan) };
        print::out(&list);
        return Ok(0);
    }
    // Before anything runs: a path that is wrong must not cost a run.
    let junit_file = match &options.junit {
        Some(path) => {
            let file = std::fs::File::create(path);
            Some(file.with_context(|| format!("cannot write {}", path.display()))?)
        }
        None => None,
    };

    let places = Places::of(&application);
    let log = Arc::new(Log::new(&application.settings, &output, true));
    let capture = Arc::new(Capture::new(plan.tests.len(), options.no_capture, options.json));
    let level = Log::level_of(&application.settings, &output);
    let test_log = Arc::new(TestLog::new(log.clone(), capture.clone(), level));
    let (sink, descent) = (capture.clone(), Descent(capture.clone()));
    let prepared = |application: Application| {
        let app = App::from_application(application).host(HOST, 0).log(test_log.clone());
        let descent = descent.clone();
        app.output_sink(sink.clone()).observer(move |_| descent)
    };
    let mut report = Report::new(&plan, options.json);
    let tell = |news: News| {
        report.show(&news);
        if let (News::Finished(at, outcome), true) = (&news, options.json) {
            print::out(&json::line(&plan.tests[*at], outcome));
        }
    };

    let (outcomes, asked, running) = if options.sim {
        let seeds = Seeds { first: options.seed.unwrap_or(1), count: options.seeds.unwrap_or(1) };
        let app = || prepared(application.clone());
        let stage = Stage { app: &app, plan: &plan, capture: &capture, places: &places };
        (simulate::run(&stage, seeds, options.fail_fast, tell)?, None, None)
    } else {
        let signals = Signals::listen(output.silent)?;
        let luavisor = prepared(application).tokio(signals.tokio()).start()?;
        signals.act_on(&luavisor);
        luavisor.wait_until_booted();
        let runner = Runner::new(&luavisor, &plan, &capture, options.fail_fast);
        let (outcomes, asked) = runner.run(options.jobs(), &places, tell)?;
        (outcomes, asked.filter(|_| !signals.decided()), Some(luavisor))
    };
    let counts = Counts::of(&outcomes);
    report.finish(&outcomes, &counts, &capture.others(), asked);
    if let Some(mut file) = junit_file {
        let text = junit::document(&plan, &outcomes);
        file.write_all(text.as_bytes()).context("cannot write the file of --junit")?;
    }
    if let Some(luavisor) = running {
        luavisor.shutdown();
    }
    log.flush();
    Ok(if counts.all_passed() { 0 } else { FAILED })
}
