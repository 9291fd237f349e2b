//! The checks of the user.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor::{Application, Simulated, Table, Value, Values};

use super::watch::{View, Watch};

/// Virtual time that a check may take, in nanoseconds.
const CHECK_TIME: u64 = 10_000_000_000;

/// Asks the checks of the user. `end`: all of them, else those that are always asked.
pub fn judge(
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
        let view = argument(simulated, &watch.view(), end);
        let pid = match simulated.spawn(id, &host, view) {
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
                (None, Value::Boolean(false)) => Some("it says false".to_owned()),
                _ => None,
            },
        };
        if let Some(verdict) = verdict {
            return Some(format!("check {id}: {verdict}"));
        }
    }
    None
}

/// The argument of a check:
/// `{ now, restarts, final, processes = { entry = count }, unread = { entry = count },
/// children = { supervisor = count }, names = { name = entry } }`.
fn argument(simulated: &Simulated, view: &View, end: bool) -> Values {
    let text = |text: &Arc<str>| Value::from(&**text);
    let number = |number: u64| Value::Number(number as f64);
    let counts = |counts: &BTreeMap<Arc<str>, u64>| {
        counts.iter().map(|(entry, count)| (text(entry), number(*count))).collect()
    };
    let names = view.names.iter().map(|(name, entry)| (text(name), text(entry))).collect();
    let whole = vec![
        ("now".into(), Value::Number(simulated.now() as f64 / 1e9)),
        ("restarts".into(), number(view.restarts)),
        ("final".into(), Value::Boolean(end)),
        ("processes".into(), Value::Table(1)),
        ("unread".into(), Value::Table(2)),
        ("children".into(), Value::Table(3)),
        ("names".into(), Value::Table(4)),
    ];
    let (processes, unread) = (counts(&view.processes), counts(&view.unread));
    let hashes = [whole, processes, unread, counts(&view.children), names];
    let tables = hashes.map(|hash| Table { array: Vec::new(), hash });
    Values { items: [Value::Table(0)].into_iter().collect(), tables: tables.into() }
}
