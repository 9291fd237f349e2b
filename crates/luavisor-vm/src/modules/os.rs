//! `os`: the clock and the calendar of the host, nothing else (MODULES 10).

use std::ffi::CStr;

use luavisor_core::value::{Instant, Zone};

use crate::calendar::instant::unix;
use crate::calendar::os_date::{self, Date, Fields, Reading};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;

fn now(call: &Call) -> Instant {
    let (seconds, nanos) = call.kernel().wall();
    Instant { seconds, nanos, zone: Zone::Local }
}

/// `os.time([table])`
fn time(call: &mut Call) -> Outcome {
    let now = now(call);
    let seconds = if call.is_nil(1) {
        now.seconds
    } else if call.is_table(1) {
        let reading = Reading {
            year: field(call, c"year")?,
            month: field(call, c"month")?,
            day: field(call, c"day")?,
            hour: field(call, c"hour")?,
            min: field(call, c"min")?,
            sec: field(call, c"sec")?,
        };
        os_date::time(&reading, &now)
    } else {
        return Err(call.wrong(1, "table"));
    };
    call.push_number(seconds as f64);
    call.results(1)
}

/// A whole number in the table at 1, or nothing.
fn field(call: &mut Call, name: &CStr) -> Result<Option<i64>, Raise> {
    call.push_field(1, name);
    let index = call.count();
    let value = if call.is_nil(index) { Ok(None) } else { call.integer(index).map(Some) };
    call.pop(1);
    value.map_err(|_| {
        let name = name.to_string_lossy();
        call.raise(format!("bad argument #1 to 'time' (field '{name}' must be an integer)"))
    })
}

/// `os.date([format[, seconds]])`
fn date(call: &mut Call) -> Outcome {
    let format = call.optional_string(1)?.unwrap_or_else(|| "%c".to_owned());
    let at = if call.is_nil(2) {
        now(call)
    } else {
        unix(call.number(2)?.floor() as i64, 0, Zone::Local)
    };
    match os_date::date(&format, &at) {
        Date::Text(text) => call.push_str(&text),
        Date::Table(fields) => push_fields(call, &fields),
    }
    call.results(1)
}

fn push_fields(call: &mut Call, fields: &Fields) {
    call.push_table(0, 9);
    for (name, value) in [
        (c"year", fields.year),
        (c"month", fields.month),
        (c"day", fields.day),
        (c"hour", fields.hour),
        (c"min", fields.min),
        (c"sec", fields.sec),
        (c"wday", fields.wday),
        (c"yday", fields.yday),
    ] {
        call.push_number(value as f64);
        call.set_field(name);
    }
    call.push_boolean(fields.isdst);
    call.set_field(c"isdst");
}

/// Seconds since the runtime started, not CPU time.
fn clock(call: &mut Call) -> Outcome {
    let nanoseconds = call.kernel().monotonic();
    call.push_number(nanoseconds as f64 / 1e9);
    call.results(1)
}

fn difftime(call: &mut Call) -> Outcome {
    let difference = call.number(1)? - call.number(2)?;
    call.push_number(difference);
    call.results(1)
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"time", run: time },
    Function { name: c"date", run: date },
    Function { name: c"clock", run: clock },
    Function { name: c"difftime", run: difftime },
];

/// Installs the global library.
pub fn install(setup: &mut Setup) {
    setup.library(c"os", FUNCTIONS, |table| table.text(c"platform", "luavisor"));
}
