//! Tests on virtual time: each in a simulation of its own, with services of its own, for
//! one seed or many.
//!
//! What a seed decides is the order of everything that could happen in one order or
//! another. So a failure that depends on it is found by many seeds, and replayed by its
//! seed. Sleeping takes no time; a timeout is one of virtual time.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor::{App, Exit, Observer, Occurrence, Pid};

use super::capture::Capture;
use super::runner::News;
use super::select::{Case, Plan};
use super::verdict::{self, Failure, Outcome, Places, Status};
use crate::sync::lock;

/// Virtual time that services have to start: as long as one of them has by default.
const BOOT: u64 = 10_000_000_000;

/// Which seeds.
#[derive(Clone, Copy)]
pub struct Seeds {
    pub first: u64,
    pub count: u64,
}

/// What all tests have in common.
pub struct Stage<'a> {
    /// the application, anew for each simulation
    pub app: &'a dyn Fn() -> App,
    pub plan: &'a Plan,
    pub capture: &'a Capture,
    pub places: &'a Places,
}

/// Runs all tests, one after the other; a test ends with the first seed that fails.
pub fn run(
    stage: &Stage<'_>,
    seeds: Seeds,
    fail_fast: bool,
    mut tell: impl FnMut(News),
) -> anyhow::Result<Vec<Outcome>> {
    let mut outcomes: Vec<Outcome> = Vec::new();
    let mut enough = false;
    for (at, case) in stage.plan.tests.iter().enumerate() {
        let mut outcome =
            Outcome { status: Status::Passed, took: Duration::ZERO, output: String::new() };
        if let Some(reason) = &case.skip {
            outcome.status = Status::Skipped(reason.clone());
        } else if enough {
            outcome.status = Status::Unfinished;
        } else {
            tell(News::Started(at));
            for seed in (0..seeds.count).map(|n| seeds.first.wrapping_add(n)) {
                let (mut status, took) = simulate(stage, at, case, seed)?;
                outcome.output = stage.capture.finish(at);
                outcome.took += took;
                if let Status::Failed(failure) = &mut status {
                    failure.seed = Some(seed);
                    enough = fail_fast;
                    outcome.status = status;
                    break;
                }
            }
        }
        tell(News::Finished(at, outcome.clone()));
        outcomes.push(outcome);
    }
    Ok(outcomes)
}

/// One test under one seed: how it ended, and the virtual time that it took.
fn simulate(
    stage: &Stage<'_>,
    at: usize,
    case: &Case,
    seed: u64,
) -> anyhow::Result<(Status, Duration)> {
    let end = Arc::new(Mutex::new(Awaited::default()));
    let watched = End(end.clone());
    let simulated = (stage.app)().observer(move |_| watched).simulate(seed)?;
    let ending = || simulated.runtime().requested_exit();
    simulated.run_until(BOOT, || simulated.services().booted() || ending().is_some());

    let start = simulated.now();
    stage.capture.expect(at, case.id.clone());
    match simulated.spawn(&case.id, &case.host, ()) {
        // It does not run before the next turn.
        Ok(pid) => lock(&end).pid = Some(pid),
        Err(error) => {
            let failure = Failure::new(format!("cannot start: {error}"));
            return Ok((Status::Failed(failure), Duration::ZERO));
        }
    }
    let timeout = u64::try_from(case.timeout.as_nanos()).unwrap_or(u64::MAX);
    simulated.run_until(timeout, || lock(&end).exit.is_some() || ending().is_some());
    let took = Duration::from_nanos(simulated.now().saturating_sub(start));
    let exit = lock(&end).exit.take();
    let status = match (exit, ending()) {
        (Some(exit), _) => verdict::of(&exit, stage.places),
        (None, Some(code)) => {
            let text = format!("the application asked to end, with code {code}");
            Status::Failed(Failure::new(text))
        }
        (None, None) => Status::Failed(Failure::timeout(case.timeout)),
    };
    Ok((status, took))
}

/// The process whose end is waited for, and its end.
#[derive(Default)]
struct Awaited {
    pid: Option<Pid>,
    exit: Option<Arc<Exit>>,
}

/// Sees the end of the test.
struct End(Arc<Mutex<Awaited>>);

impl Observer for End {
    fn observe(&self, occurrence: &Occurrence) {
        if let Occurrence::Exited { pid, exit, .. } = occurrence {
            let mut awaited = lock(&self.0);
            if awaited.pid == Some(*pid) {
                awaited.exit = Some(exit.clone());
            }
        }
    }
}
