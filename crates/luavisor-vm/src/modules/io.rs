//! `io`: the terminal of processes on a terminal host (MODULES 11).

use luavisor_core::{Error, Kind};

use super::print;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::kernel::{Output, Read, Written};

/// Bytes that `io.read` asks for when it is not told.
const READ: usize = 1024;

/// Why the call is refused, on other hosts than a terminal's and at top level.
fn refusal(call: &Call, function: &str) -> Result<Option<Error>, Raise> {
    call.not_at_top_level(function)?;
    if call.kernel().has_terminal(call.slot()) {
        return Ok(None);
    }
    Ok(Some(Error::new(Kind::UNAVAILABLE, "no terminal context").retryable(false)))
}

/// True, at once or after a wait; or why an earlier write failed.
fn outcome(call: &mut Call, written: Written) -> Outcome {
    match written {
        Written::Done => call.yes(),
        Written::Wait => call.wait_for_true(),
        Written::Failed(error) => call.fail(error),
    }
}

/// Waits while the output is slow, where it may.
fn write_all(call: &mut Call, function: &str, output: Output, bytes: &[u8]) -> Outcome {
    let written = print::write(call, function, output, bytes);
    outcome(call, written)
}

fn write(call: &mut Call) -> Outcome {
    if let Some(error) = refusal(call, "io.write")? {
        return call.fail(error);
    }
    let bytes: Vec<u8> = (1..=call.count()).flat_map(|index| call.text(index)).collect();
    write_all(call, "io.write", Output::Stdout, &bytes)
}

fn write_line(call: &mut Call, function: &str, output: Output) -> Outcome {
    if let Some(error) = refusal(call, function)? {
        return call.fail(error);
    }
    let line = print::line(call);
    write_all(call, function, output, &line)
}

fn print_line(call: &mut Call) -> Outcome {
    write_line(call, "io.print", Output::Stdout)
}

fn eprint(call: &mut Call) -> Outcome {
    write_line(call, "io.eprint", Output::Stderr)
}

fn start_read(call: &mut Call, function: &str, read: Read) -> Outcome {
    if let Some(error) = refusal(call, function)? {
        return call.fail(error);
    }
    call.may_block(function)?;
    let (slot, token) = (call.slot(), call.token());
    match call.kernel().read(slot, read, token) {
        Ok(()) => call.wait(None),
        Err(error) => call.fail(error),
    }
}

/// `io.read(n = 1024)`
fn read(call: &mut Call) -> Outcome {
    let most = if call.is_nil(1) { 0 } else { call.integer(1)? };
    let most = usize::try_from(most).ok().filter(|most| *most > 0).unwrap_or(READ);
    start_read(call, "io.read", Read::Bytes(most))
}

fn readline(call: &mut Call) -> Outcome {
    start_read(call, "io.readline", Read::Line)
}

/// Waits until the backlog of standard output is written.
fn flush(call: &mut Call) -> Outcome {
    if let Some(error) = refusal(call, "io.flush")? {
        return call.fail(error);
    }
    call.may_block("io.flush")?;
    let (slot, token) = (call.slot(), call.token());
    let written = call.kernel().flush(slot, Output::Stdout, token);
    outcome(call, written)
}

/// `io.raw(on = true)`
fn raw(call: &mut Call) -> Outcome {
    if let Some(error) = refusal(call, "io.raw")? {
        return call.fail(error);
    }
    let on = call.is_nil(1) || call.boolean(1);
    let slot = call.slot();
    let result = call.kernel().set_raw(slot, on);
    call.done(result)
}

fn args(call: &mut Call) -> Outcome {
    let arguments = call.kernel().terminal_arguments(call.slot());
    call.push_table(arguments.len(), 0);
    for (position, argument) in (1..).zip(&arguments) {
        call.push_str(argument);
        call.set_element(position);
    }
    call.results(1)
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"write", run: write },
    Function { name: c"print", run: print_line },
    Function { name: c"eprint", run: eprint },
    Function { name: c"read", run: read },
    Function { name: c"readline", run: readline },
    Function { name: c"flush", run: flush },
    Function { name: c"raw", run: raw },
    Function { name: c"args", run: args },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("io", FUNCTIONS, |_| {});
}
