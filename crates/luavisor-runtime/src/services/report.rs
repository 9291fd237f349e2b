//! What the services say in logs and in the event stream.

use luavisor_core::bus::BusEvent;
use luavisor_core::{Exit, Object, Pid, Table, Value, Values};
use luavisor_vm::calendar;
use luavisor_vm::kernel::Level;

use super::change::ServiceChange;
use super::spec::{ServiceSpec, Target};
use crate::log::{self, Field};
use crate::observe::Occurrence;
use crate::world::World;

/// Tells observers and the log of a change.
pub(super) fn change(world: &World, spec: &ServiceSpec, pid: Option<Pid>, change: ServiceChange) {
    let entry = |level, message, fields: Vec<(&str, Field<'_>)>| {
        let id = ("service", Field::Text(&spec.id));
        log::write(&*world.log, level, message, [id].into_iter().chain(fields));
    };
    let of_host = |message| {
        log::write(&*world.log, Level::Info, message, [("host", Field::Text(&spec.id))]);
    };
    match &change {
        ServiceChange::Starting { life } => match spec.target {
            Target::Host(_) => {}
            _ => entry(Level::Info, "starting service", vec![("life", Field::Number(*life))]),
        },
        ServiceChange::Running => match spec.target {
            Target::Host(_) => of_host("host started"),
            _ => {
                let pid = pid.map(|pid| world.pid_text(pid)).unwrap_or_default();
                entry(Level::Info, "service started", vec![("pid", Field::Text(&pid))]);
            }
        },
        ServiceChange::Stopping => match spec.target {
            Target::Host(_) => of_host("stopping host"),
            _ => entry(Level::Info, "stopping service", vec![]),
        },
        ServiceChange::Stopped { .. } => match spec.target {
            Target::Host(_) => of_host("host stopped"),
            _ => entry(Level::Info, "service stopped", vec![]),
        },
        ServiceChange::Exited { exit } => match exit.failed() {
            false => entry(Level::Info, "service exited", vec![]),
            true => entry(Level::Error, "service failed", vec![("error", error(exit))]),
        },
        ServiceChange::Restart { delay, attempt, cause, was_up } => {
            let delay = calendar::Duration::from(*delay).to_string();
            let fields = vec![
                ("error", error(cause)),
                ("delay", Field::Text(&delay)),
                ("attempt", Field::Number((*attempt).into())),
            ];
            // Only the first failed start of a row: the others say nothing new.
            let first_failed_start = spec.required && !was_up && *attempt == 1;
            match cause.failed() {
                false => entry(Level::Info, "service ended, will restart", fields),
                true if first_failed_start => {
                    entry(Level::Error, "required service failed, will restart", fields);
                }
                true => entry(Level::Warn, "service failed, will restart", fields),
            }
        }
        ServiceChange::GaveUp { attempts, cause } => {
            let attempts = Field::Number((*attempts).into());
            let fields = vec![("error", error(cause)), ("restarts", attempts)];
            entry(Level::Error, "service failed, restarts used up", fields);
        }
        ServiceChange::Waiting { on } => {
            let text = "required service not started, its dependency is not running";
            entry(Level::Error, text, vec![("dependency", Field::Text(on))]);
        }
    }
    publish(world, spec, &change);
    world.observers.tell(|| Occurrence::Service { id: spec.id.clone(), pid, change });
}

/// The event of the bus: system `supervisor`, kind `service.<state>`, data `{state, error}`.
fn publish(world: &World, spec: &ServiceSpec, change: &ServiceChange) {
    let exit = match change {
        // It says nothing of the state.
        ServiceChange::Waiting { .. } => return,
        ServiceChange::Stopped { exit } => exit.as_ref(),
        ServiceChange::Exited { exit } => Some(exit),
        ServiceChange::Restart { cause, .. } | ServiceChange::GaveUp { cause, .. } => Some(cause),
        ServiceChange::Starting { .. } | ServiceChange::Running | ServiceChange::Stopping => None,
    };
    let state = format!("{:?}", change.state()).to_lowercase();
    let mut fields: Vec<(Value, Value)> = vec![("state".into(), state.as_str().into())];
    if let Some(error) = exit.and_then(|exit| exit.error.clone()) {
        fields.push(("error".into(), Value::Object(Object::Error(error))));
    }
    let data = Values {
        items: [Value::Table(0)].into_iter().collect(),
        tables: vec![Table { array: Vec::new(), hash: fields }],
    };
    world.announce(BusEvent {
        system: "supervisor".into(),
        kind: format!("service.{state}").into(),
        path: spec.id.clone(),
        data: Some(data),
    });
}

fn error(exit: &Exit) -> Field<'_> {
    Field::Text(exit.error.as_ref().map_or("", |error| &error.message))
}
