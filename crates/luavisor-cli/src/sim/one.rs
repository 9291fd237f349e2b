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
use super::tape::{FAILED, Keep, line};
use crate::print;

/// Runs that the search for the shortest list of faults may take.
const SHRINK: usize = 200;
/// Events that are shown before a failure.
const SHOWN: usize = 30;
/// Older events of them that tie the processes of the failure together.
const TIES: usize = 5;

/// Simulates one seed; 1 if it fails.
pub fn one(application: &Application, plan: &Plan, seed: u64, trace: bool) -> anyhow::Result<u8> {
    let screen = RefCell::new(Screen::new());
    let progress =
        |at: u64| screen.borrow_mut().show(|| format!("seed {seed} is at {}", far(at, plan)));
    let keep = if trace { Keep::Printed } else { Keep::Last };
    let outcome = run(application, plan, seed, &Script::Drawn, keep, &progress)?;
    screen.borrow().clear();
    if let Some(failure) = outcome.failure.clone() {
        return found(application, plan, seed, &failure, outcome);
    }
    let passed = Duration::from_nanos(outcome.passed);
    let Outcome { faults, missed, asked, exit, hash, unmet, restarts, .. } = outcome;
    let mut text = format!("seed {seed}: {passed:.0?} with {} faults", faults.len());
    let never = unmet.fails + unmet.starts;
    let (restarts, gave_up) = restarts;
    let mut parts = Vec::new();
    parts.extend((missed > 0).then(|| format!(" ({missed} found no target)")));
    parts.extend((never > 0).then(|| format!(" ({never} never came)")));
    parts.extend((restarts > 0).then(|| format!(", {restarts} restarts")));
    parts.extend(gave_up.iter().map(|id| format!(", {id} gave up")));
    let checks = !application.checks.is_empty();
    parts.extend(checks.then(|| format!(", checks asked {asked} times")));
    parts.extend(exit.map(|code| format!(", ended by itself with exit code {code}")));
    text += &parts.concat();
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
            let shortest =
                run(application, plan, seed, &Script::Given(&faults), Keep::Last, &progress)?;
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
    for event in last(&events, &failure) {
        let _ = write!(text, "  {}", line(event));
    }
    let _ = writeln!(
        text,
        "replay it with all its faults: luavisor sim --seed {seed} --trace, with the same flags"
    );
    if enough && !faults.is_empty() {
        let given = faults.iter().map(|fault| format!(" --fault \"{fault}\"")).collect::<String>();
        let [time, settle] = [plan.time, plan.settle].map(Duration::from_nanos);
        let _ = writeln!(
            text,
            "with these only: --seed {seed} --time {time:?} --settle {settle:?} --trace \
             --faults \"\"{given}"
        );
    }
    print::out(&text);
    Ok(FOUND)
}

/// The last events: of messages, links and the like only those of the processes that the
/// failure names. What ties these together comes first, however long ago it was.
fn last<'e>(events: &'e [Value], failure: &str) -> Vec<&'e Value> {
    let named = failure.split('{').skip(1).filter_map(|rest| Some(rest.split_once('}')?.0));
    let named: Vec<String> = named.map(|pid| format!("{{{pid}}}")).collect();
    let is_named =
        |value: &Value| value.as_str().is_some_and(|text| named.iter().any(|pid| pid == text));
    let details = ["message.", "bond.", "timer.", "name."];
    let told = |event: &Value| {
        !details.iter().any(|detail| name(event).starts_with(detail))
            || event.as_object().is_some_and(|fields| fields.values().any(is_named))
    };
    let ties = |event: &Value| match name(event) {
        bond if bond.starts_with("bond.") => is_named(&event["pid"]) && is_named(&event["other"]),
        owner => owner == "name.registered" && is_named(&event["pid"]),
    };
    // What came after the failure does not matter, but for the event that showed it.
    let failed = events.iter().position(|event| event["event"] == FAILED);
    let mut end = failed.map_or(events.len(), |place| (place + 2).min(events.len()));
    let mut last = Vec::new();
    while last.len() < SHOWN && end > 0 {
        end -= 1;
        last.extend(Some(&events[end]).filter(|event| told(event)));
    }
    last.extend(events[..end].iter().rev().filter(|event| ties(event)).take(TIES));
    last.reverse();
    last
}

fn name(event: &Value) -> &str {
    event["event"].as_str().unwrap_or_default()
}
