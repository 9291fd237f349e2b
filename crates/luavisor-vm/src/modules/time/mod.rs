//! `time`: instants, durations, locations, sleeping and timers (SPEC 7, MODULES 25).
//!
//! The arithmetic is in [`crate::calendar`]; here is only what Lua sees of it.
//! Timers run on the kernel's monotonic clock, [`instant`] on its wall clock.

mod duration;
mod instant;
mod location;
mod timers;

use luavisor_core::Object;
use luavisor_core::value::Zone;

use crate::calendar::duration::CONSTANTS as UNITS;
use crate::calendar::layout::CONSTANTS as LAYOUTS;
use crate::ffi::call::{Setup, TableSetup};

pub use duration::argument as duration_argument;

const MONTHS: [&str; 12] = [
    "JANUARY",
    "FEBRUARY",
    "MARCH",
    "APRIL",
    "MAY",
    "JUNE",
    "JULY",
    "AUGUST",
    "SEPTEMBER",
    "OCTOBER",
    "NOVEMBER",
    "DECEMBER",
];

const WEEKDAYS: [&str; 7] =
    ["SUNDAY", "MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY"];

/// Installs the module and its classes.
pub fn install(setup: &mut Setup) {
    duration::install(setup);
    instant::install(setup);
    location::install(setup);
    timers::install(setup);
    setup.module("time", &[], |table| {
        for functions in
            [duration::FUNCTIONS, instant::FUNCTIONS, location::FUNCTIONS, timers::FUNCTIONS]
        {
            table.functions(functions);
        }
        constants(table);
    });
}

fn constants(table: &mut TableSetup) {
    table.object(c"utc", &Object::Location(Zone::Utc));
    table.object(c"localtz", &Object::Location(Zone::Local));
    for (name, nanoseconds) in UNITS {
        table.named_number(name, nanoseconds as f64);
    }
    for (name, layout) in LAYOUTS {
        table.named_text(name, layout);
    }
    for (month, name) in (1..).zip(MONTHS) {
        table.named_number(name, f64::from(month));
    }
    for (weekday, name) in (0..).zip(WEEKDAYS) {
        table.named_number(name, f64::from(weekday));
    }
}
