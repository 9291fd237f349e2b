//! `ctx`: the values that a process inherits (MODULES 2). Read-only.

use luavisor_core::Error;

use crate::ffi::call::{Call, Function, Outcome, Setup};

fn get(call: &mut Call) -> Outcome {
    let key = call.string(1)?;
    if key.is_empty() {
        return call.fail(Error::invalid("empty key").retryable(false));
    }
    let context = call.process().context.clone();
    match context.values.get(&key) {
        Some(value) => {
            call.push_values(value);
            call.results(1)
        }
        None => call.fail(Error::not_found(format!("key not found: {key}")).retryable(false)),
    }
}

/// A fresh table of all values.
fn all(call: &mut Call) -> Outcome {
    let context = call.process().context.clone();
    call.push_table(0, context.values.len());
    for (key, value) in &context.values {
        call.push_str(key);
        call.push_values(value);
        call.set_entry();
    }
    call.results(1)
}

static FUNCTIONS: &[Function] =
    &[Function { name: c"get", run: get }, Function { name: c"all", run: all }];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("ctx", FUNCTIONS, |_| {});
}
