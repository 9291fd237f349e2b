//! `errors`: making, wrapping and looking at error objects (SPEC 8).

use std::collections::HashMap;
use std::sync::Arc;

use luavisor_core::error::Frame;
use luavisor_core::{Error, Kind, Table, Value, Values};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::{Raise, by_program};

/// Deepest nesting of details; what is deeper is left out.
const DEPTH: usize = 128;

/// `errors.new(message)` or `errors.new{message=, kind=, retryable=, details=}`
fn new(call: &mut Call) -> Outcome {
    let mut error = if call.is_string(1) {
        Error::new(Kind::UNKNOWN, call.string(1)?)
    } else if call.is_table(1) {
        described(call)?
    } else {
        return Err(call.wrong(1, "string or table"));
    };
    error.frames = call.frames().into();
    call.push_error(by_program(error));
    call.results(1)
}

/// The error that the table at 1 describes. Fields of a wrong type are ignored.
fn described(call: &mut Call) -> Result<Error, Raise> {
    call.push_field(1, c"message");
    let top = call.count();
    if !call.is_string(top) {
        return Err(call.raise("bad argument #1 to 'new' (field 'message' must be a string)"));
    }
    let mut error = Error::new(Kind::UNKNOWN, call.string(top)?);
    call.push_field(1, c"kind");
    if call.is_string(top + 1) {
        error.kind = Kind(call.string(top + 1)?.into());
    }
    call.push_field(1, c"retryable");
    if call.is_boolean(top + 2) {
        error.retryable = Some(call.boolean(top + 2));
    }
    call.push_field(1, c"details");
    if call.is_table(top + 3) {
        let mut details = Details::default();
        details.keep(call, top + 3, 0);
        if !details.tables[0].hash.is_empty() {
            let tables = details.tables;
            error = error.details(Values { tables, ..Values::one(Value::Table(0)) });
        }
    }
    call.pop(4);
    Ok(error)
}

/// What details keep of a table: string keys with strings, numbers, booleans and tables.
#[derive(Default)]
struct Details {
    tables: Vec<Table>,
    /// number of each table that was met, by address
    seen: HashMap<usize, u32>,
}

impl Details {
    /// Copies the table at `index`; returns its number.
    fn keep(&mut self, call: &mut Call, index: i32, depth: usize) -> u32 {
        let number = self.tables.len() as u32;
        self.tables.push(Table::default());
        self.seen.insert(call.address(index), number);
        let mut kept = Table::default();
        let mut at = 0;
        while let Some(next) = call.next_entry(index, at) {
            at = next;
            let top = call.count();
            if let (Some(key), Some(value)) = (text(call, top - 1), self.value(call, top, depth)) {
                kept.hash.push((key, value));
            }
            call.pop(2);
        }
        self.tables[number as usize] = kept;
        number
    }

    fn value(&mut self, call: &mut Call, index: i32, depth: usize) -> Option<Value> {
        if call.is_number(index) {
            call.number(index).ok().map(Value::Number)
        } else if call.is_boolean(index) {
            Some(Value::Boolean(call.boolean(index)))
        } else if call.is_table(index) {
            let known = self.seen.get(&call.address(index)).copied();
            match known {
                Some(number) => Some(Value::Table(number)),
                None if depth < DEPTH => Some(Value::Table(self.keep(call, index, depth + 1))),
                None => None,
            }
        } else {
            text(call, index)
        }
    }
}

fn text(call: &Call, index: i32) -> Option<Value> {
    if !call.is_string(index) {
        return None;
    }
    call.bytes(index).ok().map(|bytes| Value::String(bytes.into()))
}

/// `errors.wrap(err_or_string, context)`
fn wrap(call: &mut Call) -> Outcome {
    let mut error = match call.error_object(1) {
        Some(error) => Error::clone(&error),
        None if call.is_string(1) => {
            let mut error = by_program(Error::new(Kind::UNKNOWN, call.string(1)?));
            error.frames = call.frames().into();
            error
        }
        None => return Err(call.wrong(1, "error or string")),
    };
    error.context.push(call.string(2)?.into());
    call.push_error(error);
    call.results(1)
}

/// `errors.is(value, kind)`
fn is(call: &mut Call) -> Outcome {
    let kind = call.string(2)?;
    let matches = call.error_object(1).is_some_and(|error| error.kind.as_str() == kind);
    call.push_boolean(matches);
    call.results(1)
}

/// `errors.call_stack(err)`: nil for other values, and for errors without frames.
fn call_stack(call: &mut Call) -> Outcome {
    let frames = call.error_object(1).map(|error| error.frames.clone()).unwrap_or_default();
    if frames.is_empty() {
        call.push_nil();
        return call.results(1);
    }
    call.push_table(0, 2);
    // An error object may come from another process; it does not keep the thread.
    call.push_str("");
    call.set_field(c"thread");
    call.push_table(frames.len(), 0);
    for (level, frame) in (1..).zip(frames.iter()) {
        call.push_table(0, 5);
        call.push_number(f64::from(level));
        call.set_field(c"level");
        call.push_str(&frame.source);
        call.set_field(c"source");
        call.push_number(frame.line.into());
        call.set_field(c"line");
        call.push_str(&frame.name);
        call.set_field(c"name");
        call.push_str(if is_native(frame) { "C" } else { "Lua" });
        call.set_field(c"type");
        call.set_element(level);
    }
    call.set_field(c"frames");
    call.results(1)
}

fn is_native(frame: &Frame) -> bool {
    frame.source == "[C]"
}

/// The error object of a method call.
fn this(call: &Call) -> Result<Arc<Error>, Raise> {
    call.error_object(1).ok_or_else(|| call.wrong(1, "error"))
}

fn kind(call: &mut Call) -> Outcome {
    let error = this(call)?;
    call.push_str(error.kind.as_str());
    call.results(1)
}

fn message(call: &mut Call) -> Outcome {
    let error = this(call)?;
    call.push_str(&error.message);
    call.results(1)
}

fn retryable(call: &mut Call) -> Outcome {
    match this(call)?.retryable {
        Some(retryable) => call.push_boolean(retryable),
        None => call.push_nil(),
    }
    call.results(1)
}

/// A fresh table; nil when there are no details, or no entries in them.
fn details(call: &mut Call) -> Outcome {
    let error = this(call)?;
    match &error.details {
        Some(details) if details.tables.first().is_some_and(has_entries) => {
            call.push_values(details);
        }
        _ => call.push_nil(),
    }
    call.results(1)
}

fn has_entries(table: &Table) -> bool {
    !table.array.is_empty() || !table.hash.is_empty()
}

fn stack(call: &mut Call) -> Outcome {
    let error = this(call)?;
    call.push_str(&stack_text(&error));
    call.results(1)
}

/// The message, the contexts from the innermost to the outermost, the frames.
fn stack_text(error: &Error) -> String {
    let mut text = error.message.to_string();
    for context in &error.context {
        text.push_str(&format!("\n  context: {context}"));
    }
    for frame in error.frames.iter() {
        text.push_str("\n  at ");
        text.push_str(&frame.source);
        if frame.line > 0 {
            text.push_str(&format!(":{}", frame.line));
        }
        if !frame.name.is_empty() {
            text.push_str(&format!(" in {}", frame.name));
        }
    }
    text
}

/// Methods of error objects.
pub static METHODS: &[Function] = &[
    Function { name: c"kind", run: kind },
    Function { name: c"message", run: message },
    Function { name: c"retryable", run: retryable },
    Function { name: c"details", run: details },
    Function { name: c"stack", run: stack },
];

static FUNCTIONS: &[Function] = &[
    Function { name: c"new", run: new },
    Function { name: c"wrap", run: wrap },
    Function { name: c"is", run: is },
    Function { name: c"call_stack", run: call_stack },
];

/// Installs the global library.
pub fn install(setup: &mut Setup) {
    setup.library(c"errors", FUNCTIONS, |table| {
        for (name, kind) in [
            (c"NOT_FOUND", Kind::NOT_FOUND),
            (c"ALREADY_EXISTS", Kind::ALREADY_EXISTS),
            (c"INVALID", Kind::INVALID),
            (c"PERMISSION_DENIED", Kind::PERMISSION_DENIED),
            (c"UNAVAILABLE", Kind::UNAVAILABLE),
            (c"INTERNAL", Kind::INTERNAL),
            (c"CANCELED", Kind::CANCELED),
            (c"CONFLICT", Kind::CONFLICT),
            (c"TIMEOUT", Kind::TIMEOUT),
            (c"RATE_LIMITED", Kind::RATE_LIMITED),
            (c"UNKNOWN", Kind::UNKNOWN),
        ] {
            table.text(name, kind.as_str());
        }
    });
}
