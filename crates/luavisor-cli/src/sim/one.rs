//! One seed alone, and what is said of it.

use std::cell::RefCell;
use std::fmt::Write as _;
use std::time::Duration;

use luavisor::Application;
use serde_json::Value;

use super::FOUND;
use super::many::far;
use super::run::{Outcome, Plan, Script, run};
use super::screen::Screen;
use super::shrink::shrink;
use crate::print;

/// Runs that the search for the shortest list of faults may take.
const SHRINK: usize = 200;
/// Events that are shown before a failure.
const SHOWN: usize = 30;

/// Simulates one seed; 1 if it fails.
pub fn one(application: &Application, plan: &Plan, seed: u64, trace: bool) -> anyhow::Result<u8> {
    let screen = RefCell::new(Screen::new());
    let progress =
        |at: u64| screen.borrow_mut().show(|| format!("seed {seed} is at {}", far(at, plan)));
    let outcome = run(application, plan, seed, &Script::Drawn, true, &progress)?;
    screen.borrow().clear();
    if trace {
        outcome.events.iter().for_each(|event| print::out(&line(event)));
    }
    if let Some(failure) = outcome.failure.clone() {
        return found(application, plan, seed, &failure, outcome);
    }
    let passed = Duration::from_nanos(outcome.passed);
    let Outcome { faults, missed, asked, exit, hash, .. } = outcome;
    let mut text = format!("seed {seed}: {passed:.0?} with {} faults", faults.len());
    // Writing to a string cannot fail.
    let _ = match missed {
        0 => Ok(()),
        _ => write!(text, " ({missed} found no target)"),
    };
    if !application.checks.is_empty() {
        let _ = write!(text, ", checks asked {asked} times");
    }
    if let Some(code) = exit {
        let _ = write!(text, ", ended by itself with exit code {code}");
    }
    print::out(&format!("{text}, nothing found (run {hash:016x})\n"));
    Ok(0)
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
    let screen = RefCell::new(Screen::new());
    let progress = |_: u64| screen.borrow_mut().show(|| "looking for the fewest faults".to_owned());
    let given = outcome.faults.clone();
    let shortest = shrink(application, plan, seed, failure, given, SHRINK, &progress)?;
    // What is shown belongs together: the shortest run, if there is one.
    let (failure, faults, events, enough) = match shortest {
        Some(faults) => {
            let shortest = run(application, plan, seed, &Script::Given(&faults), true, &progress)?;
            let failure = shortest.failure.unwrap_or_else(|| failure.to_owned());
            (failure, faults, shortest.events, true)
        }
        None => (failure.to_owned(), outcome.faults, outcome.events, false),
    };
    screen.borrow().clear();
    let mut text = format!("seed {seed} fails: {failure}\n");
    let _ = match (enough, faults.len()) {
        (true, 0) => writeln!(text, "it does so without any fault"),
        (true, few) => writeln!(text, "{few} of {all} faults are enough:"),
        (false, _) => writeln!(text, "it takes the whole run; its {all} faults:"),
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
    if enough && !faults.is_empty() {
        let given = faults.iter().map(|fault| format!(" --fault \"{fault}\"")).collect::<String>();
        let _ = writeln!(text, "with these only: --seed {seed} --trace --faults \"\"{given}");
    }
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
            ("text", Value::String(value)) => write!(text, " {:?}", value.trim_end_matches('\n')),
            (name, Value::String(value)) => write!(text, " {name}={value}"),
            (name, value) => write!(text, " {name}={value}"),
        };
    }
    text.push('\n');
    text
}
