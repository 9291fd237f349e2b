//! Instants: `time.now`, `unix`, `date`, `parse`, and the class Time.

use std::cmp::Ordering;

use luavisor_core::value::{Instant, Zone};

use super::{duration, location};
use crate::calendar::{Civil, Duration, instant, layout};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Pushes a Time.
pub fn push(call: &mut Call, instant: Instant) -> Outcome {
    call.push_data(tags::TIME, instant);
    call.results(1)
}

fn object<'a>(call: &Call, index: i32) -> Option<&'a Instant> {
    call.object::<Instant>(index, tags::TIME).map(|instant| &*instant)
}

fn argument<'a>(call: &Call, index: i32) -> Result<&'a Instant, Raise> {
    object(call, index).ok_or_else(|| call.wrong(index, "Time"))
}

/// The sum of the Time at `time` and the Duration at `duration`, if they are that.
pub fn sum(call: &Call, time: i32, duration: i32) -> Option<Instant> {
    let instant = object(call, time)?;
    duration::object(call, duration).map(|duration| instant::add(instant, duration))
}

fn now(call: &mut Call) -> Outcome {
    let (seconds, nanos) = call.kernel().wall();
    push(call, Instant { seconds, nanos, zone: Zone::Local })
}

/// `time.unix(seconds, nanoseconds)`: a fraction of a second counts too.
fn of_unix(call: &mut Call) -> Outcome {
    let seconds = call.number(1)?;
    let nanos = if call.is_nil(2) { 0 } else { call.integer(2)? };
    if !seconds.is_finite() {
        return Err(call.wrong(1, "finite number"));
    }
    let fraction = ((seconds - seconds.floor()) * 1e9).round() as i64;
    let nanos = nanos.saturating_add(fraction);
    push(call, instant::unix(seconds.floor() as i64, nanos, Zone::Local))
}

/// `time.date(year, month, day, hour, minute, second, nanosecond[, location])`
fn of_date(call: &mut Call) -> Outcome {
    let civil = Civil {
        year: call.integer(1)?,
        month: call.integer(2)?,
        day: call.integer(3)?,
        hour: call.integer(4)?,
        minute: call.integer(5)?,
        second: call.integer(6)?,
        nanosecond: call.integer(7)?,
    };
    let zone = location::optional(call, 8)?;
    push(call, instant::from_civil(&civil, zone))
}

/// `time.parse(layout, text[, location])`
fn parse(call: &mut Call) -> Outcome {
    let (layout, text) = (call.string(1)?, call.string(2)?);
    let zone = location::optional(call, 3)?;
    match layout::parse(&layout, &text, &zone) {
        Ok(instant) => push(call, instant),
        Err(error) => call.fail(error),
    }
}

/// `t:add(d)`, `t:round(d)`, `t:truncate(d)`
fn with_duration(call: &mut Call, change: fn(&Instant, Duration) -> Instant) -> Outcome {
    let this = argument(call, 1)?;
    match duration::argument(call, 2)? {
        Ok(duration) => push(call, change(this, duration)),
        Err(error) => call.fail(error),
    }
}

fn add(call: &mut Call) -> Outcome {
    with_duration(call, instant::add)
}

fn round(call: &mut Call) -> Outcome {
    with_duration(call, instant::round)
}

fn truncate(call: &mut Call) -> Outcome {
    with_duration(call, instant::truncate)
}

fn sub(call: &mut Call) -> Outcome {
    let difference = instant::sub(argument(call, 1)?, argument(call, 2)?);
    duration::push(call, difference)
}

fn add_date(call: &mut Call) -> Outcome {
    let this = argument(call, 1)?;
    let (years, months, days) = (call.integer(2)?, call.integer(3)?, call.integer(4)?);
    push(call, instant::add_date(this, years, months, days))
}

fn compare(call: &mut Call, fits: fn(Ordering) -> bool) -> Outcome {
    let order = instant::compare(argument(call, 1)?, argument(call, 2)?);
    call.push_boolean(fits(order));
    call.results(1)
}

fn before(call: &mut Call) -> Outcome {
    compare(call, Ordering::is_lt)
}

fn after(call: &mut Call) -> Outcome {
    compare(call, Ordering::is_gt)
}

fn equal(call: &mut Call) -> Outcome {
    compare(call, Ordering::is_eq)
}

fn not_after(call: &mut Call) -> Outcome {
    compare(call, Ordering::is_le)
}

fn push_text(call: &mut Call, layout: &str) -> Outcome {
    let text = layout::format(argument(call, 1)?, layout);
    call.push_str(&text);
    call.results(1)
}

fn format(call: &mut Call) -> Outcome {
    let layout = call.string(2)?;
    push_text(call, &layout)
}

fn format_rfc3339(call: &mut Call) -> Outcome {
    push_text(call, layout::RFC3339)
}

fn text(call: &mut Call) -> Outcome {
    push_text(call, layout::RFC3339NANO)
}

macro_rules! readings {
    ($($name:ident: $read:expr;)*) => {$(
        fn $name(call: &mut Call) -> Outcome {
            let read: fn(&Civil) -> i64 = $read;
            let number = read(&instant::civil(argument(call, 1)?));
            call.push_number(number as f64);
            call.results(1)
        }
    )*};
}

readings! {
    year: |civil| civil.year;
    month: |civil| civil.month;
    day: |civil| civil.day;
    hour: |civil| civil.hour;
    minute: |civil| civil.minute;
    second: |civil| civil.second;
    nanosecond: |civil| civil.nanosecond;
    weekday: Civil::weekday;
    year_day: Civil::year_day;
}

fn push_three(call: &mut Call, read: fn(&Civil) -> [i64; 3]) -> Outcome {
    for number in read(&instant::civil(argument(call, 1)?)) {
        call.push_number(number as f64);
    }
    call.results(3)
}

/// year, month, day
fn date(call: &mut Call) -> Outcome {
    push_three(call, |civil| [civil.year, civil.month, civil.day])
}

/// hour, minute, second
fn clock(call: &mut Call) -> Outcome {
    push_three(call, |civil| [civil.hour, civil.minute, civil.second])
}

fn unix(call: &mut Call) -> Outcome {
    let seconds = argument(call, 1)?.seconds;
    call.push_number(seconds as f64);
    call.results(1)
}

fn unix_nano(call: &mut Call) -> Outcome {
    let nanoseconds = instant::unix_nano(argument(call, 1)?);
    call.push_number(nanoseconds);
    call.results(1)
}

fn is_zero(call: &mut Call) -> Outcome {
    let zero = instant::is_zero(argument(call, 1)?);
    call.push_boolean(zero);
    call.results(1)
}

fn shown_in(call: &mut Call, zone: Zone) -> Outcome {
    let instant = instant::in_location(argument(call, 1)?, zone);
    push(call, instant)
}

fn in_location(call: &mut Call) -> Outcome {
    let zone = location::argument(call, 2)?;
    shown_in(call, zone)
}

fn utc(call: &mut Call) -> Outcome {
    shown_in(call, Zone::Utc)
}

fn in_local(call: &mut Call) -> Outcome {
    shown_in(call, Zone::Local)
}

fn location(call: &mut Call) -> Outcome {
    let zone = argument(call, 1)?.zone.clone();
    location::push(call, zone)
}

/// `t + d`
fn plus(call: &mut Call) -> Outcome {
    match sum(call, 1, 2) {
        Some(sum) => push(call, sum),
        None => {
            argument(call, 1)?;
            Err(call.wrong(2, "Duration"))
        }
    }
}

/// `t - t` is a Duration, `t - d` a Time.
fn minus(call: &mut Call) -> Outcome {
    let this = argument(call, 1)?;
    match duration::object(call, 2) {
        Some(duration) => push(call, instant::add(this, Duration(duration.0.saturating_neg()))),
        None => sub(call),
    }
}

pub static FUNCTIONS: &[Function] = &[
    Function { name: c"now", run: now },
    Function { name: c"unix", run: of_unix },
    Function { name: c"date", run: of_date },
    Function { name: c"parse", run: parse },
];

static METHODS: &[Function] = &[
    Function { name: c"add", run: add },
    Function { name: c"sub", run: sub },
    Function { name: c"add_date", run: add_date },
    Function { name: c"before", run: before },
    Function { name: c"after", run: after },
    Function { name: c"equal", run: equal },
    Function { name: c"format", run: format },
    Function { name: c"format_rfc3339", run: format_rfc3339 },
    Function { name: c"unix", run: unix },
    Function { name: c"unix_nano", run: unix_nano },
    Function { name: c"date", run: date },
    Function { name: c"clock", run: clock },
    Function { name: c"year", run: year },
    Function { name: c"month", run: month },
    Function { name: c"day", run: day },
    Function { name: c"hour", run: hour },
    Function { name: c"minute", run: minute },
    Function { name: c"second", run: second },
    Function { name: c"nanosecond", run: nanosecond },
    Function { name: c"weekday", run: weekday },
    Function { name: c"year_day", run: year_day },
    Function { name: c"is_zero", run: is_zero },
    Function { name: c"in_location", run: in_location },
    Function { name: c"location", run: location },
    Function { name: c"utc", run: utc },
    Function { name: c"in_local", run: in_local },
    Function { name: c"round", run: round },
    Function { name: c"truncate", run: truncate },
    Function { name: c"__tostring", run: text },
    Function { name: c"__eq", run: equal },
    Function { name: c"__lt", run: before },
    Function { name: c"__le", run: not_after },
    Function { name: c"__add", run: plus },
    Function { name: c"__sub", run: minus },
];

pub fn install(setup: &mut Setup) {
    setup.class::<Instant>(tags::TIME, "Time", METHODS);
}
