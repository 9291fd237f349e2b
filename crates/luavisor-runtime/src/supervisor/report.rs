//! What a supervisor says in logs and in the event stream.

use std::sync::Arc;

use luavisor_core::supervision::Change;
use luavisor_core::{Exit, Pid};
use luavisor_vm::calendar;
use luavisor_vm::kernel::Level;

use crate::log::{self, Field};
use crate::observe::Occurrence;
use crate::world::World;

/// Whom a change is about.
pub(super) struct Told<'a> {
    pub supervisor: &'a Arc<str>,
    pub pid: Pid,
    pub child: &'a Arc<str>,
    pub child_pid: Option<Pid>,
    pub life: u64,
}

impl Told<'_> {
    /// Tells observers and the log of a change.
    pub fn report(self, world: &World, change: Change) {
        self.write(world, &change);
        world.observers.tell(|| Occurrence::Child {
            supervisor: self.supervisor.clone(),
            pid: self.pid,
            child: self.child.clone(),
            child_pid: self.child_pid,
            life: self.life,
            change,
        });
    }

    fn write(&self, world: &World, change: &Change) {
        let entry = |level, message, fields: Vec<(&str, Field<'_>)>| {
            let names =
                [("supervisor", Field::Text(self.supervisor)), ("child", Field::Text(self.child))];
            log::write(&*world.log, level, message, names.into_iter().chain(fields));
        };
        match change {
            Change::Starting { life } => {
                entry(Level::Debug, "starting child", vec![("life", Field::Number(*life))]);
            }
            Change::Up => {
                let pid = self.child_pid.map(|pid| world.pid_text(pid)).unwrap_or_default();
                entry(Level::Debug, "child started", vec![("pid", Field::Text(&pid))]);
            }
            Change::Stopping { reason } => {
                entry(Level::Debug, "stopping child", vec![("reason", Field::Text(reason))]);
            }
            Change::Stopped { .. } => entry(Level::Debug, "child stopped", vec![]),
            Change::Exited { exit } => match exit.failed() {
                false => entry(Level::Debug, "child exited", vec![]),
                true => entry(Level::Warn, "child failed", vec![("error", error(exit))]),
            },
            Change::Restart {
                cause, failed_start, delay, attempt, left, strategy, with, ..
            } => {
                let delay = calendar::Duration::from(*delay).to_string();
                let with = some_of(with);
                let mut fields = vec![
                    ("error", error(cause)),
                    ("delay", Field::Text(&delay)),
                    ("attempt", Field::Number((*attempt).into())),
                    ("left", Field::Number((*left).into())),
                ];
                if !with.is_empty() {
                    fields.push(("strategy", Field::Text(strategy.as_str())));
                    fields.push(("with", Field::Text(&with)));
                }
                let message = match (failed_start, cause.failed()) {
                    (true, _) => "child could not start, will restart",
                    (false, true) => "child failed, will restart",
                    (false, false) => "child ended, will restart",
                };
                let level = if cause.failed() { Level::Warn } else { Level::Info };
                entry(level, message, fields);
            }
            Change::GaveUp { cause } => {
                let message = "restart intensity reached, supervisor ends";
                entry(Level::Error, message, vec![("error", error(cause))]);
            }
        }
    }
}

fn error(exit: &Exit) -> Field<'_> {
    Field::Text(exit.error.as_ref().map_or("", |error| &error.message))
}

/// The first of some names, and how many more there are.
fn some_of(names: &[Arc<str>]) -> String {
    const SHOWN: usize = 8;
    let shown: Vec<&str> = names.iter().take(SHOWN).map(|name| &**name).collect();
    match names.len().saturating_sub(SHOWN) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}
