//! `env`: the environment variables that the application declares (MODULES 7).

use luavisor_core::{Error, Kind};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::kernel::Stored;

/// The namespace of the process's entry: short keys are names of entries in it.
fn namespace(call: &Call) -> String {
    let id = &call.process().program.id;
    id.split_once(':').map_or(String::new(), |(namespace, _)| namespace.to_owned())
}

fn refused(action: &str, key: &str) -> Error {
    let text = format!("not allowed to {action} environment variable: {key}");
    Error::new(Kind::PERMISSION_DENIED, text).retryable(false)
}

/// `env.get(key)`
fn get(call: &mut Call) -> Outcome {
    let key = call.string(1)?;
    if !call.allowed("env.get", &key) {
        return call.fail(refused("access", &key));
    }
    match call.kernel().variable(&namespace(call), &key) {
        Ok(value) => {
            call.push_str(&value);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// `env.set(key, value)`; waits while a file is written.
fn set(call: &mut Call) -> Outcome {
    let (key, value) = (call.string(1)?, call.string(2)?);
    if !call.allowed("env.set", &key) {
        return call.fail(refused("set", &key));
    }
    let (slot, token, namespace) = (call.slot(), call.token(), namespace(call));
    match call.kernel().set_variable(slot, (&namespace, &key), &value, token) {
        Ok(Stored::Done) => call.yes(),
        Ok(Stored::Wait) if call.may_block("env.set").is_err() => {
            // Where nothing may wait, the file is written all the same.
            call.forget_token();
            call.yes()
        }
        Ok(Stored::Wait) => call.wait_for_true(),
        Err(error) => call.fail(error),
    }
}

/// `env.get_all()`
fn get_all(call: &mut Call) -> Outcome {
    let variables = call.kernel().variables();
    call.push_table(0, variables.len());
    for (name, value) in &variables {
        if call.allowed("env.get", name) {
            call.push_str(name);
            call.push_str(value);
            call.set_entry();
        }
    }
    call.results(1)
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"get", run: get },
    Function { name: c"set", run: set },
    Function { name: c"get_all", run: get_all },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("env", FUNCTIONS, |_| {});
}
