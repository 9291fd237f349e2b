//! `process`: spawning, watching, cancelling, names (SPEC 1 to 5, 12.1 to 12.4).
//!
//! `process.send` is a hot native and lives in `ffi::message`; subscriptions are
//! in [`super::subscriptions`], the spawn builder in [`super::builder`].

use std::sync::Arc;

use luavisor_core::{Error, Event, Pid, Value};

use crate::calendar::duration::Duration;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::ffi::process::Upgrade;
use crate::kernel::{CancelRequest, SpawnRequest};

/// Which relations a spawn makes.
#[derive(Clone, Copy)]
pub struct Relations {
    pub monitor: bool,
    pub link: bool,
}

/// Checks id and host as SPEC 1.1 words them.
pub fn check_target(id: &str, host: &str) -> Result<(), Error> {
    if id.is_empty() {
        return Err(Error::invalid("process ID required"));
    }
    let colon = id.bytes().position(|byte| byte == b':');
    if !colon.is_some_and(|colon| colon > 0 && colon + 1 < id.len()) {
        return Err(Error::invalid("invalid process ID format (namespace:name required)"));
    }
    if host.is_empty() {
        return Err(Error::invalid("host ID required"));
    }
    Ok(())
}

/// Id and host at two argument positions, and a copy of the arguments behind them.
/// `action` is what the process wants to do with the id.
pub fn target(call: &Call, first: i32, action: &str) -> Result<Result<SpawnRequest, Error>, Raise> {
    let id = call.name(first)?;
    let host = call.name(first + 1)?;
    let checked = check_target(&id, &host)
        .and_then(|()| call.guard(action, &id))
        .and_then(|()| call.guard("process.host", &host));
    if let Err(error) = checked {
        return Ok(Err(error));
    }
    let arguments = match call.values(first + 2, "payload", usize::MAX) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(Err(error)),
    };
    let context = call.process().context.clone();
    Ok(Ok(SpawnRequest::new(id, host, arguments, context)))
}

fn spawn_with(call: &mut Call, name: &str, relations: Relations) -> Outcome {
    call.not_at_top_level(name)?;
    let mut request = match target(call, 1, "process.spawn")? {
        Ok(request) => request,
        Err(error) => return call.fail(error),
    };
    request.monitor = relations.monitor;
    request.link = relations.link;
    start(call, request)
}

/// Spawns and returns the pid, or `nil, err`.
pub fn start(call: &mut Call, request: SpawnRequest) -> Outcome {
    let slot = call.slot();
    match call.kernel().spawn(slot, request) {
        Ok(pid) => {
            call.push_pid(pid);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn spawn(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn", Relations { monitor: false, link: false })
}

fn spawn_monitored(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn_monitored", Relations { monitor: true, link: false })
}

fn spawn_linked(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn_linked", Relations { monitor: false, link: true })
}

fn spawn_linked_monitored(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn_linked_monitored", Relations { monitor: true, link: true })
}

/// `process.exec(id, host, ...)`: waits for the end of the new process.
fn exec(call: &mut Call) -> Outcome {
    call.may_block("process.exec")?;
    match target(call, 1, "process.exec")? {
        Ok(request) => execute(call, request, None),
        Err(error) => call.fail(error),
    }
}

/// Runs a process to its end and returns its value, or `nil, err`.
pub fn execute(
    call: &mut Call,
    request: SpawnRequest,
    timeout: Option<(u64, Arc<str>)>,
) -> Outcome {
    let (slot, token) = (call.slot(), call.token());
    match call.kernel().exec(slot, request, timeout, token) {
        Ok(()) => call.wait(None),
        Err(error) => call.fail(error),
    }
}

/// The process that argument 1 names, by pid or by registered name.
fn destination(call: &mut Call, missing: &str) -> Result<Result<Pid, Error>, Raise> {
    if call.count() == 0 || call.is_nil(1) {
        return Ok(Err(Error::invalid(missing)));
    }
    let text = call.bytes(1)?;
    let found = call.kernel().resolve(&text);
    // A pid that names no host of ours is as dead as any other.
    let is_pid = std::str::from_utf8(&text).is_ok_and(|t| luavisor_core::pid::parse(t).is_some());
    Ok(found.map_err(|error| if is_pid { Error::process_not_found() } else { error }))
}

/// The same, if the process may do `action` to it. It may do anything to itself.
fn guarded_destination(
    call: &mut Call,
    action: &str,
    missing: &str,
) -> Result<Result<Pid, Error>, Raise> {
    let found = destination(call, missing)?;
    if !call.process().guarded {
        return Ok(found);
    }
    Ok(match found {
        Ok(pid) if pid != call.process().pid => call.guard(action, &call.string(1)?).map(|()| pid),
        found => found,
    })
}

/// The same for calls that succeed for dead processes: `None` stands for one.
fn maybe_dead(call: &mut Call, missing: &str) -> Result<Result<Option<Pid>, Error>, Raise> {
    let found = destination(call, missing)?;
    let is_pid = call.count() > 0
        && call.is_string(1)
        && luavisor_core::pid::parse(&call.string(1)?).is_some();
    Ok(match found {
        Ok(pid) => Ok(Some(pid)),
        Err(_) if is_pid => Ok(None),
        Err(error) => Err(error),
    })
}

macro_rules! on_destination {
    ($($function:ident $title:literal $missing:literal $method:ident;)*) => {$(
        fn $function(call: &mut Call) -> Outcome {
            call.not_at_top_level($title)?;
            let pid = match guarded_destination(call, $title, $missing)? {
                Ok(pid) => pid,
                Err(error) => return call.fail(error),
            };
            let slot = call.slot();
            let result = call.kernel().$method(slot, pid);
            call.done(result)
        }
    )*};
}

on_destination! {
    monitor "process.monitor" "monitor requires a destination argument" monitor;
    link "process.link" "link requires a destination argument" link;
}

/// `unmonitor` also removes an unread EXIT, `unlink` an unread LINK_DOWN, of that peer.
fn unmonitor(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.unmonitor")?;
    let pid = match maybe_dead(call, "unmonitor requires a destination argument")? {
        Ok(Some(pid)) => pid,
        Ok(None) => return call.yes(),
        Err(error) => return call.fail(error),
    };
    let slot = call.slot();
    let result = call.kernel().unmonitor(slot, pid);
    let events = &mut call.process().events;
    events.retain(|event| !matches!(event, Event::Exit { from, .. } if *from == pid));
    call.done(result)
}

fn unlink(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.unlink")?;
    let pid = match maybe_dead(call, "unlink requires a destination argument")? {
        Ok(Some(pid)) => pid,
        Ok(None) => return call.yes(),
        Err(error) => return call.fail(error),
    };
    let slot = call.slot();
    let result = call.kernel().unlink(slot, pid);
    let events = &mut call.process().events;
    events.retain(|event| !matches!(event, Event::LinkDown { from, .. } if *from == pid));
    call.done(result)
}

/// `process.cancel(destination[, timeout][, reason])` (SPEC 5.1)
fn cancel(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.cancel")?;
    let missing = "cancel requires at least destination argument";
    let pid = match guarded_destination(call, "process.cancel", missing)? {
        Ok(pid) => pid,
        Err(error) => return call.fail(error),
    };
    let request = match cancel_request(call) {
        Ok(request) => request,
        Err(error) => return call.fail(error),
    };
    let slot = call.slot();
    let (timeout, reason) = (request.timeout.as_ref().map(|t| t.0), request.reason.clone());
    let result = call.kernel().cancel(slot, pid, request);
    if result.is_ok() && pid == call.process().pid {
        let (seconds, nanos) = call.kernel().wall();
        let at = seconds as f64 + f64::from(nanos) * 1e-9;
        let deadline = timeout.map(|timeout| at + timeout as f64 * 1e-9);
        call.queue_own_cancel(Event::Cancel { from: pid, at, reason, deadline });
    }
    call.done(result)
}

fn cancel_request(call: &Call) -> Result<CancelRequest, Error> {
    let text = |index: i32| match call.is_nil(index) {
        true => Ok(None),
        false if call.is_string(index) => {
            Ok(call.string(index).ok().map(|text| Arc::<str>::from(text.as_str())))
        }
        false => Err(Error::invalid("cancel reason must be a string")),
    };
    let nothing: Arc<str> = "".into();
    if call.is_nil(2) {
        return Ok(CancelRequest { timeout: None, reason: text(3)?.unwrap_or(nothing) });
    }
    if call.is_string(2) {
        let given = text(2)?.unwrap_or(nothing.clone());
        return match given.parse::<Duration>() {
            Ok(duration) => {
                let timeout = Some(timeout(duration)?);
                Ok(CancelRequest { timeout, reason: text(3)?.unwrap_or(nothing) })
            }
            Err(_) if !call.is_nil(3) => Err(Error::invalid(format!("invalid duration: {given}"))),
            Err(_) => Ok(CancelRequest { timeout: None, reason: given }),
        };
    }
    let duration = if call.is_number(2) {
        let nanoseconds = call.number(2).unwrap_or(0.0);
        Duration::from_nanoseconds(nanoseconds)
            .map_err(|_| Error::invalid("cancel timeout must be a duration"))?
    } else if let Some(nanoseconds) = call.object::<i64>(2, tags::DURATION) {
        Duration(*nanoseconds)
    } else {
        return Err(Error::invalid("cancel timeout must be a duration"));
    };
    Ok(CancelRequest { timeout: Some(timeout(duration)?), reason: text(3)?.unwrap_or(nothing) })
}

/// Nanoseconds and the text that `cancel deadline exceeded after …` shows.
fn timeout(duration: Duration) -> Result<(u64, Arc<str>), Error> {
    match u64::try_from(duration.0) {
        Ok(nanoseconds) => Ok((nanoseconds, duration.to_string().into())),
        Err(_) => Err(Error::invalid("cancel timeout must not be negative")),
    }
}

/// `process.terminate(destination)`; terminating oneself does not return.
fn terminate(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.terminate")?;
    let missing = "terminate requires a destination argument";
    let pid = match guarded_destination(call, "process.terminate", missing)? {
        Ok(pid) => pid,
        Err(error) => return call.fail(error),
    };
    let slot = call.slot();
    let own = call.process().pid;
    match call.kernel().terminate(slot, pid) {
        Ok(()) if pid == own => call.die(),
        result => call.done(result),
    }
}

fn pid(call: &mut Call) -> Outcome {
    let pid = call.process().pid;
    call.push_pid(pid);
    call.results(1)
}

fn id(call: &mut Call) -> Outcome {
    let id = call.process().program.id.clone();
    call.push_str(&id);
    call.results(1)
}

fn ready(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.ready")?;
    let slot = call.slot();
    call.kernel().ready(slot);
    call.yes()
}

fn supervisor(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.supervisor")?;
    match call.kernel().supervisor(call.slot()) {
        Some((pid, name)) => {
            call.push_pid(pid);
            call.push_str(&name);
            call.results(2)
        }
        None => {
            call.push_nil();
            call.results(1)
        }
    }
}

/// `process.set_options{trap_links=, upgradable=}` (SPEC 4.4)
fn set_options(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.set_options")?;
    if !call.is_table(1) {
        return call.fail_false(Error::invalid("options must be a table"));
    }
    let options = match call.value_at(1, "options") {
        Ok(options) => options,
        Err(error) => return call.fail_false(error),
    };
    let table = options.tables.first().cloned().unwrap_or_default();
    let mut problem = None;
    if !table.array.is_empty() {
        problem = Some(Error::invalid("option 1 is not supported"));
    }
    let (mut trap, mut upgradable) = (None, None);
    for (key, value) in &table.hash {
        let name = match key {
            Value::String(bytes) => String::from_utf8_lossy(bytes).into_owned(),
            Value::Number(number) => number.to_string(),
            _ => "?".to_owned(),
        };
        let target = match name.as_str() {
            "trap_links" => &mut trap,
            "upgradable" => &mut upgradable,
            _ => {
                problem = Some(Error::invalid(format!("option {name} is not supported")));
                continue;
            }
        };
        match value {
            Value::Boolean(value) => *target = Some(*value),
            _ => problem = Some(Error::invalid(format!("{name} must be a boolean"))),
        }
    }
    let slot = call.slot();
    if let Some(upgradable) = upgradable {
        call.process().upgradable = upgradable;
        call.kernel().set_upgradable(slot, upgradable);
    }
    if let Some(trap) = trap {
        let was = std::mem::replace(&mut call.process().trap_links, trap);
        let unread = (was && !trap)
            .then(|| {
                let events = &call.process().events;
                events.iter().find(|event| matches!(event, Event::LinkDown { .. })).cloned()
            })
            .flatten();
        call.kernel().set_trap_links(slot, trap, unread.as_ref());
        if unread.is_some() {
            return call.die();
        }
    }
    match problem {
        Some(error) => call.fail_false(error),
        None => call.yes(),
    }
}

fn get_options(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.get_options")?;
    let (trap, upgradable) = (call.process().trap_links, call.process().upgradable);
    call.push_table(0, 2);
    call.push_boolean(trap);
    call.set_field(c"trap_links");
    call.push_boolean(upgradable);
    call.set_field(c"upgradable");
    call.results(1)
}

/// `process.upgrade([id], ...)` (SPEC 12.2)
fn upgrade(call: &mut Call) -> Outcome {
    call.may_block("process.upgrade")?;
    let id = call.optional_string(1)?.filter(|id| !id.is_empty());
    let id = id.unwrap_or_else(|| call.process().program.id.to_string());
    let copied = call.guard("process.upgrade", &id);
    let copied = copied.and_then(|()| call.values(2, "payload", usize::MAX));
    let arguments = match copied {
        Ok(arguments) => arguments,
        Err(error) => return call.fail(error),
    };
    match call.kernel().program(&id) {
        Ok(program) => call.upgrade(Upgrade { program, arguments }),
        Err(error) => call.fail(error),
    }
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"spawn", run: spawn },
    Function { name: c"spawn_monitored", run: spawn_monitored },
    Function { name: c"spawn_linked", run: spawn_linked },
    Function { name: c"spawn_linked_monitored", run: spawn_linked_monitored },
    Function { name: c"exec", run: exec },
    Function { name: c"monitor", run: monitor },
    Function { name: c"unmonitor", run: unmonitor },
    Function { name: c"link", run: link },
    Function { name: c"unlink", run: unlink },
    Function { name: c"cancel", run: cancel },
    Function { name: c"terminate", run: terminate },
    Function { name: c"pid", run: pid },
    Function { name: c"id", run: id },
    Function { name: c"ready", run: ready },
    Function { name: c"supervisor", run: supervisor },
    Function { name: c"set_options", run: set_options },
    Function { name: c"get_options", run: get_options },
    Function { name: c"upgrade", run: upgrade },
];

/// Installs the global library.
pub fn install(setup: &mut Setup) {
    setup.library(c"process", FUNCTIONS, |table| {
        table.table(c"event", &[], |event| {
            event.text(c"EXIT", "pid.exit");
            event.text(c"LINK_DOWN", "pid.link.down");
            event.text(c"CANCEL", "pid.cancel");
            event.text(c"OUTDATED", "pid.outdated");
        });
        table.table(c"registry", super::names::FUNCTIONS, |scopes| {
            for (scope, name) in
                [c"LOCAL", c"EVENTUAL", c"CONSISTENT", c"STRONG"].iter().enumerate()
            {
                scopes.number(name, scope as f64);
            }
        });
    });
    super::subscriptions::install(setup);
}
