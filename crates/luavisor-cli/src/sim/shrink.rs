//! The search for the shortest list of faults with which a seed still fails.

use std::time::{Duration, Instant};

use luavisor::Application;

use super::faults::Fault;
use super::run::{Plan, Progress, Script, run};
use super::tape::Keep;

/// Real time that the search may take, beside its last run.
const TIME: Duration = Duration::from_secs(30);

/// The shortest list of faults with which the seed fails in this way that can be found in
/// so many runs: first parts of the list are left out, then single faults.
/// `None`: the list alone does not make it fail so.
#[allow(clippy::disallowed_methods)] // the search is bounded in real time
pub fn shrink(
    application: &Application,
    plan: &Plan,
    seed: u64,
    failure: &str,
    faults: Vec<Fault>,
    runs: usize,
    progress: Progress<'_>,
) -> anyhow::Result<Option<Vec<Fault>>> {
    let mut faults = faults;
    let mut left = runs;
    let start = Instant::now();
    let fails = |faults: &[Fault]| -> anyhow::Result<bool> {
        let script = Script::Given(faults);
        let found = run(application, plan, seed, &script, Keep::Nothing, progress)?.failure;
        Ok(found.is_some_and(|found| kind(&found) == kind(failure)))
    };
    // Without the draws for others the seed may take another way.
    if !fails(&faults)? {
        return Ok(None);
    }
    let mut part = faults.len().div_ceil(2);
    while part > 0 && left > 0 && start.elapsed() < TIME {
        let mut first = 0;
        let mut shorter = false;
        while first < faults.len() && left > 0 && start.elapsed() < TIME {
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

/// What sort of failure it is: the text without numbers, and without pids and their entries.
fn kind(failure: &str) -> String {
    let mut text = String::new();
    let mut inside = false;
    for letter in failure.chars() {
        inside = (inside || "{(".contains(letter)) && !"})".contains(letter);
        if !inside && !letter.is_ascii_digit() {
            text.push(letter);
        }
    }
    text
}
