//! Durations: the argument rule that all of the runtime shares, and the class.

use luavisor_core::Error;

use crate::calendar::Duration;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// A duration argument: nanoseconds, text, or a Duration. The inner error is
/// for `nil, err`: malformed text, or a number beyond all durations.
pub fn argument(call: &Call, index: i32) -> Result<Result<Duration, Error>, Raise> {
    if let Some(duration) = object(call, index) {
        Ok(Ok(duration))
    } else if call.is_number(index) {
        Ok(Duration::from_nanoseconds(call.number(index)?))
    } else if call.is_string(index) {
        Ok(call.str(index).parse())
    } else {
        Err(call.wrong(index, "duration"))
    }
}

/// The Duration object at `index`.
pub fn object(call: &Call, index: i32) -> Option<Duration> {
    call.object::<i64>(index, tags::DURATION).map(|nanoseconds| Duration(*nanoseconds))
}

/// Pushes a Duration.
pub fn push(call: &mut Call, duration: Duration) -> Outcome {
    call.push_data(tags::DURATION, duration.0);
    call.results(1)
}

fn parse(call: &mut Call) -> Outcome {
    match argument(call, 1)? {
        Ok(duration) => push(call, duration),
        Err(error) => call.fail(error),
    }
}

fn this(call: &Call, index: i32) -> Result<Duration, Raise> {
    object(call, index).ok_or_else(|| call.wrong(index, "Duration"))
}

macro_rules! units {
    ($($name:ident: $convert:expr;)*) => {$(
        fn $name(call: &mut Call) -> Outcome {
            let convert: fn(Duration) -> f64 = $convert;
            let number = convert(this(call, 1)?);
            call.push_number(number);
            call.results(1)
        }
    )*};
}

units! {
    nanoseconds: |d| d.nanoseconds() as f64;
    microseconds: |d| d.microseconds() as f64;
    milliseconds: |d| d.milliseconds() as f64;
    seconds: Duration::seconds;
    minutes: Duration::minutes;
    hours: Duration::hours;
}

fn text(call: &mut Call) -> Outcome {
    let text = this(call, 1)?.to_string();
    call.push_str(&text);
    call.results(1)
}

fn equal(call: &mut Call) -> Outcome {
    let equal = this(call, 1)? == this(call, 2)?;
    call.push_boolean(equal);
    call.results(1)
}

fn less(call: &mut Call) -> Outcome {
    let less = this(call, 1)? < this(call, 2)?;
    call.push_boolean(less);
    call.results(1)
}

fn less_or_equal(call: &mut Call) -> Outcome {
    let less = this(call, 1)? <= this(call, 2)?;
    call.push_boolean(less);
    call.results(1)
}

/// `d + d`; an instant on the right makes `d + t`.
fn add(call: &mut Call) -> Outcome {
    if let Some(sum) = super::instant::sum(call, 2, 1) {
        return super::instant::push(call, sum);
    }
    let sum = this(call, 1)?.0.saturating_add(this(call, 2)?.0);
    push(call, Duration(sum))
}

fn subtract(call: &mut Call) -> Outcome {
    let difference = this(call, 1)?.0.saturating_sub(this(call, 2)?.0);
    push(call, Duration(difference))
}

fn negate(call: &mut Call) -> Outcome {
    let negative = this(call, 1)?.0.saturating_neg();
    push(call, Duration(negative))
}

/// `d * number` and `number * d`
fn multiply(call: &mut Call) -> Outcome {
    let (duration, factor) = if call.is_number(1) {
        (this(call, 2)?, call.number(1)?)
    } else {
        (this(call, 1)?, call.number(2)?)
    };
    scaled(call, duration.0 as f64 * factor)
}

/// `d / number` is a Duration, `d / d` a number.
fn divide(call: &mut Call) -> Outcome {
    let duration = this(call, 1)?.0 as f64;
    if let Some(other) = object(call, 2) {
        call.push_number(duration / other.0 as f64);
        return call.results(1);
    }
    let divisor = call.number(2)?;
    scaled(call, duration / divisor)
}

fn scaled(call: &mut Call, nanoseconds: f64) -> Outcome {
    match Duration::from_nanoseconds(nanoseconds) {
        Ok(duration) => push(call, duration),
        Err(error) => Err(error.into()),
    }
}

pub static FUNCTIONS: &[Function] = &[Function { name: c"parse_duration", run: parse }];

static METHODS: &[Function] = &[
    Function { name: c"nanoseconds", run: nanoseconds },
    Function { name: c"microseconds", run: microseconds },
    Function { name: c"milliseconds", run: milliseconds },
    Function { name: c"seconds", run: seconds },
    Function { name: c"minutes", run: minutes },
    Function { name: c"hours", run: hours },
    Function { name: c"__tostring", run: text },
    Function { name: c"__eq", run: equal },
    Function { name: c"__lt", run: less },
    Function { name: c"__le", run: less_or_equal },
    Function { name: c"__add", run: add },
    Function { name: c"__sub", run: subtract },
    Function { name: c"__unm", run: negate },
    Function { name: c"__mul", run: multiply },
    Function { name: c"__div", run: divide },
];

pub fn install(setup: &mut Setup) {
    setup.class::<i64>(tags::DURATION, "Duration", METHODS);
}
