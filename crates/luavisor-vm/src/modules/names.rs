//! `process.registry`: names of processes (SPEC 12.4).

use luavisor_core::{Error, Kind};

use crate::ffi::call::{Call, Function, Outcome};
use crate::ffi::error::Raise;

/// `process.registry.register(name[, pid[, scope]])` (SPEC 12.4)
fn register(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.registry.register")?;
    let name = call.string(1)?;
    if name.is_empty() {
        return call.fail(Error::invalid("name required"));
    }
    if let Some(error) = foreign_scope(call, 3)? {
        return call.fail(error);
    }
    if let Err(error) = call.guard("process.registry.register", &name) {
        return call.fail(error);
    }
    let pid = if call.is_nil(2) {
        call.process().pid
    } else {
        let text = call.string(2)?;
        if luavisor_core::pid::parse(&text).is_none() {
            return call.fail(Error::invalid(format!("invalid PID: {text}")));
        }
        match call.kernel().resolve(text.as_bytes()) {
            Ok(pid) => pid,
            Err(_) => return call.fail(Error::process_not_found()),
        }
    };
    let slot = call.slot();
    let result = call.kernel().register(slot, &name, pid);
    call.done(result)
}

/// Scopes other than LOCAL have no registry here.
fn foreign_scope(call: &Call, index: i32) -> Result<Option<Error>, Raise> {
    if call.is_nil(index) {
        return Ok(None);
    }
    let name = match call.integer(index)? {
        0 => return Ok(None),
        1 => "eventual",
        2 => "consistent",
        3 => "strong",
        _ => return Ok(Some(Error::invalid("unknown registry scope"))),
    };
    let kind = Kind::UNAVAILABLE;
    Ok(Some(Error::new(kind, format!("{name} registry not available"))))
}

fn lookup(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.registry.lookup")?;
    let name = call.string(1)?;
    match call.kernel().lookup(&name) {
        Ok(pid) => {
            call.push_pid(pid);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn unregister(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.registry.unregister")?;
    let name = call.string(1)?;
    if let Err(error) = call.guard("process.registry.unregister", &name) {
        return call.fail_false(error);
    }
    let slot = call.slot();
    match call.kernel().unregister(slot, &name) {
        Ok(found) => {
            call.push_boolean(found);
            call.results(1)
        }
        Err(error) => call.fail_false(error),
    }
}

/// The functions of the table.
pub static FUNCTIONS: &[Function] = &[
    Function { name: c"register", run: register },
    Function { name: c"lookup", run: lookup },
    Function { name: c"unregister", run: unregister },
];
