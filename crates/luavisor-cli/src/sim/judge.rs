//! The checks of the user.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor::{Application, Error, Kind, Pid, Simulated, Table, Value, Values};

use super::watch::{View, Watch};

/// Virtual time that a check may take, in nanoseconds.
const CHECK_TIME: u64 = 10_000_000_000;

/// What came of asking.
pub enum Judgement {
    /// Nobody could be asked now.
    Later,
    /// This many were asked, and the last one found this.
    Said {
        /// how many
        asked: u64,
        /// what is wrong
        failure: Option<String>,
    },
}

/// Asks the checks of the user: those that are always asked, or at the `end` all of them.
/// That comes with the exit code that the application asked for.
pub fn judge(
    application: &Application,
    simulated: &Simulated,
    watch: &Watch,
    end: Option<Option<i32>>,
) -> Judgement {
    simulated.runtime().suspend_faults(true);
    let judgement = ask(application, simulated, watch, end);
    simulated.runtime().suspend_faults(false);
    judgement
}

fn ask(
    application: &Application,
    simulated: &Simulated,
    watch: &Watch,
    end: Option<Option<i32>>,
) -> Judgement {
    let checks = application.checks.iter().filter(|check| end.is_some() || check.always);
    let mut asked = 0;
    for check in checks {
        let id = check.process.id.as_str();
        let failed =
            |asked, text| Judgement::Said { asked, failure: Some(format!("check {id}: {text}")) };
        let view = argument(simulated, &watch.view(), end);
        let pid = match start(application, simulated, id, view) {
            Ok(pid) => pid,
            // Its host may be about to restart.
            Err(_) if end.is_none() => return Judgement::Later,
            Err(error) => return failed(asked, format!("it cannot be started: {error}")),
        };
        asked += 1;
        watch.wait_for(pid);
        let mut exit = None;
        let deadline = simulated.now() + CHECK_TIME;
        simulated.run_to(deadline, || {
            exit = watch.ended(pid);
            exit.is_some()
        });
        let verdict = match exit.as_deref() {
            None => Some("it does not answer within 10 s".to_owned()),
            Some(exit) => match (&exit.error, exit.value.first()) {
                (Some(error), _) => Some(error.message.to_string()),
                (None, Value::Boolean(false)) => Some("it says false".to_owned()),
                _ => None,
            },
        };
        if let Some(verdict) = verdict {
            return failed(asked, verdict);
        }
    }
    Judgement::Said { asked, failure: None }
}

/// Starts a check on the first host that runs.
fn start(
    application: &Application,
    simulated: &Simulated,
    id: &str,
    view: Values,
) -> Result<Pid, Error> {
    let hosts = application.hosts.iter().map(|host| host.id.as_str());
    let mut refused = Error::new(Kind::UNAVAILABLE, "no process.host runs");
    for host in hosts {
        match simulated.spawn(id, host, view.clone()) {
            Ok(pid) => return Ok(pid),
            Err(error) if error.kind == Kind::UNAVAILABLE => refused = error,
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}

/// The argument of a check:
/// `{ now, restarts, final, exit, processes = { entry = count }, unread = { entry = count },
/// children = { supervisor = count }, names = { name = entry } }`.
fn argument(simulated: &Simulated, view: &View, end: Option<Option<i32>>) -> Values {
    let text = |text: &Arc<str>| Value::from(&**text);
    let number = |number: u64| Value::Number(number as f64);
    let counts = |counts: &BTreeMap<Arc<str>, u64>| {
        counts.iter().map(|(entry, count)| (text(entry), number(*count))).collect()
    };
    let names = view.names.iter().map(|(name, entry)| (text(name), text(entry))).collect();
    let exit = end.flatten().map_or(Value::Nil, |code| Value::Number(code.into()));
    let whole = vec![
        ("now".into(), Value::Number(simulated.now() as f64 / 1e9)),
        ("restarts".into(), number(view.restarts)),
        ("final".into(), Value::Boolean(end.is_some())),
        ("exit".into(), exit),
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
