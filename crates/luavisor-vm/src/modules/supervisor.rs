//! The `supervisor` module: children of supervisors, looked at and started by
//! name (SPEC 13.3). Every function asks the supervisor and waits for its answer;
//! the calling task only.

use std::sync::Arc;

use luavisor_core::Values;

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::kernel::SupervisorRequest;

/// Asks the supervisor at 1 for a change, if the process may.
fn change(call: &mut Call, name: &str, request: SupervisorRequest) -> Outcome {
    let supervisor = call.string(1)?;
    match call.guard("supervisor.control", &supervisor) {
        Ok(()) => ask(call, name, request),
        Err(error) => call.fail(error),
    }
}

/// Asks the supervisor at 1.
fn ask(call: &mut Call, name: &str, request: SupervisorRequest) -> Outcome {
    call.may_block(&format!("supervisor.{name}"))?;
    let supervisor = call.bytes(1)?;
    let (slot, token) = (call.slot(), call.token());
    match call.kernel().ask_supervisor(slot, &supervisor, request, token) {
        Ok(()) => call.wait(None),
        Err(error) => call.fail(error),
    }
}

/// The name of a child at 2.
fn child(call: &Call) -> Result<Arc<str>, Raise> {
    Ok(call.string(2)?.into())
}

fn children(call: &mut Call) -> Outcome {
    ask(call, "children", SupervisorRequest::Children)
}

fn counts(call: &mut Call) -> Outcome {
    ask(call, "counts", SupervisorRequest::Counts)
}

fn which(call: &mut Call) -> Outcome {
    let child = child(call)?;
    ask(call, "which", SupervisorRequest::Which(child))
}

/// `supervisor.start(sup, name_or_nil, ...)`
fn start(call: &mut Call) -> Outcome {
    let name = call.optional_string(2)?.map(Arc::from);
    let arguments = match call.count() {
        0..=2 => Values::none(),
        _ => match call.values(3, "argument", usize::MAX) {
            Ok(arguments) => arguments,
            Err(error) => return call.fail(error),
        },
    };
    change(call, "start", SupervisorRequest::Start(name, arguments))
}

fn stop(call: &mut Call) -> Outcome {
    let child = child(call)?;
    change(call, "stop", SupervisorRequest::Stop(child))
}

fn restart(call: &mut Call) -> Outcome {
    let child = child(call)?;
    change(call, "restart", SupervisorRequest::Restart(child))
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"children", run: children },
    Function { name: c"counts", run: counts },
    Function { name: c"which", run: which },
    Function { name: c"start", run: start },
    Function { name: c"stop", run: stop },
    Function { name: c"restart", run: restart },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("supervisor", FUNCTIONS, |_| {});
}
