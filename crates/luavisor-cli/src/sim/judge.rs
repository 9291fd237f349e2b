//! The checks of the user.

use std::sync::Arc;

use luavisor::{Application, Error, Kind, Pid, Simulated, Table, Value, Values};

use super::watch::{View, Watch};
use crate::values::first;

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
        let view = argument(simulated, &watch.view(application), end);
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
                (Some(error), _) => Some(said(error)),
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

fn has_entries(table: &Table) -> bool {
    !table.array.is_empty() || !table.hash.is_empty()
}

/// An error in words: a raised table has none but what it holds.
fn said(error: &Error) -> String {
    match &error.details {
        Some(details)
            if error.message.starts_with("table: ") && details.tables.iter().any(has_entries) =>
        {
            first(details).to_string()
        }
        _ => error.message.to_string(),
    }
}

/// Starts a check on the first host that takes it.
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
            // It does not run, or is full.
            Err(error) if [Kind::UNAVAILABLE, Kind::LIMIT_EXCEEDED].contains(&error.kind) => {
                refused = error;
            }
            Err(error) => return Err(error),
        }
    }
    Err(refused)
}

/// The argument of a check: see docs/simulation.md.
fn argument(simulated: &Simulated, view: &View, end: Option<Option<i32>>) -> Values {
    let mut tables = Tables(vec![Table::default()]);
    let exit = end.flatten().map_or(Value::Nil, |code| Value::Number(code.into()));
    let processes = view.pids.iter().map(|(entry, pids)| (entry, count(pids.len() as u64)));
    let processes = tables.keyed(processes);
    let pids: Vec<_> = view.pids.iter().map(|(entry, pids)| (entry, tables.list(pids))).collect();
    let children = view.children.iter().map(|(entry, all)| (entry, count(all.len() as u64)));
    let children = tables.keyed(children);
    let named = view.children.iter().map(|(entry, all)| {
        let all = all.iter().map(|(name, pid)| (name, Value::from(pid.as_str())));
        (entry, tables.keyed(all))
    });
    let named: Vec<_> = named.collect();
    let hash = vec![
        ("now".into(), Value::Number(simulated.now() as f64 / 1e9)),
        ("restarts".into(), count(view.restarted.values().sum())),
        ("restarted".into(), tables.keyed(view.restarted.iter().map(|(id, n)| (id, count(*n))))),
        ("final".into(), Value::Boolean(end.is_some())),
        ("exit".into(), exit),
        ("processes".into(), processes),
        ("pids".into(), tables.keyed(pids)),
        ("unread".into(), tables.keyed(view.unread.iter().map(|(id, n)| (id, count(*n))))),
        ("children".into(), children),
        ("child_pids".into(), tables.keyed(named)),
        ("names".into(), tables.keyed(view.names.iter().map(|(id, of)| (id, (&**of).into())))),
    ];
    let Tables(mut tables) = tables;
    tables[0].hash = hash;
    Values { items: [Value::Table(0)].into_iter().collect(), tables }
}

fn count(number: u64) -> Value {
    Value::Number(number as f64)
}

/// The tables of an argument.
struct Tables(Vec<Table>);

impl Tables {
    fn keyed<'k>(&mut self, entries: impl IntoIterator<Item = (&'k Arc<str>, Value)>) -> Value {
        let hash = entries.into_iter().map(|(key, value)| (Value::from(&**key), value)).collect();
        self.add(Table { array: Vec::new(), hash })
    }

    fn list(&mut self, texts: &[String]) -> Value {
        let array = texts.iter().map(|text| Value::from(text.as_str())).collect();
        self.add(Table { array, hash: Vec::new() })
    }

    fn add(&mut self, table: Table) -> Value {
        self.0.push(table);
        Value::Table(self.0.len() as u32 - 1)
    }
}
