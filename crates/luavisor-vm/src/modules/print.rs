//! `print` and the casts `string() number() integer() boolean()`.

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::kernel::{Output, Written};

/// Writes its arguments through `tostring`, joined by tabs, as one line to
/// standard output. Waits while the output is slow.
fn print(call: &mut Call) -> Outcome {
    let line = line(call);
    match write(call, "print", Output::Stdout, &line) {
        Written::Wait => call.wait(None),
        // A program that wants to know uses `io`.
        Written::Done | Written::Failed(_) => call.nothing(),
    }
}

/// All arguments through `tostring`, joined by tabs, as one line.
pub fn line(call: &Call) -> Vec<u8> {
    let mut line = Vec::new();
    for index in 1..=call.count() {
        if index > 1 {
            line.push(b'\t');
        }
        line.extend_from_slice(&call.text(index));
    }
    line.push(b'\n');
    line
}

/// Writes in one piece. Says that the task must wait, because the output is slow,
/// only where a task may wait; elsewhere it goes on.
pub fn write(call: &mut Call, function: &str, output: Output, bytes: &[u8]) -> Written {
    let (slot, token) = (call.slot(), call.token());
    let written = call.kernel().write(slot, output, bytes, token);
    if matches!(written, Written::Wait) && call.may_block(function).is_err() {
        call.forget_token();
        return Written::Done;
    }
    written
}

/// `string(x)` is reached as a call of the library table, which is argument 1.
fn string(call: &mut Call) -> Outcome {
    cast(call, 2, "string", Call::is_string)
}

fn number(call: &mut Call) -> Outcome {
    cast(call, 1, "number", Call::is_number)
}

fn integer(call: &mut Call) -> Outcome {
    cast(call, 1, "integer", |call, index| call.integer(index).is_ok())
}

fn boolean(call: &mut Call) -> Outcome {
    cast(call, 1, "boolean", Call::is_boolean)
}

/// Returns the argument unchanged, or raises `<type> expected, got <type>`.
fn cast(call: &mut Call, index: i32, name: &str, fits: fn(&Call, i32) -> bool) -> Outcome {
    if !fits(call, index) {
        let got = if call.is_nil(index) { "nil" } else { call.type_name(index) };
        return Err(call.raise(format!("{name} expected, got {got}")));
    }
    call.push_argument(index);
    call.results(1)
}

static PRINT: Function = Function { name: c"print", run: print };
static STRING: Function = Function { name: c"string", run: string };
static CASTS: [Function; 3] = [
    Function { name: c"number", run: number },
    Function { name: c"integer", run: integer },
    Function { name: c"boolean", run: boolean },
];

/// Installs the globals.
pub fn install(setup: &mut Setup) {
    setup.global(&PRINT);
    for cast in &CASTS {
        setup.global(cast);
    }
    setup.callable(c"string", &STRING);
}
