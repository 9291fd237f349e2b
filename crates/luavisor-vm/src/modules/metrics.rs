//! `metrics`: counters, gauges and histograms (MODULES 22).

use std::collections::BTreeMap;

use luavisor_core::Error;

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::kernel::Measure;

/// The strings of the table at `index` that have strings as keys.
fn labels(call: &mut Call, index: i32) -> BTreeMap<String, String> {
    let mut labels = BTreeMap::new();
    if !call.is_table(index) {
        return labels;
    }
    let mut at = 0;
    while let Some(next) = call.next_entry(index, at) {
        at = next;
        if call.is_string(-2) && call.is_string(-1) {
            labels.insert(call.str(-2).into_owned(), call.str(-1).into_owned());
        }
        call.pop(2);
    }
    labels
}

fn measure(call: &mut Call, measure: Measure, labels_at: i32) -> Outcome {
    let name = call.string(1)?;
    let invalid = |text: &'static str| Error::invalid(text).retryable(false);
    if name.is_empty() {
        return call.fail(invalid("metric name is required"));
    }
    if matches!(measure, Measure::Count(by) if by.is_nan() || by < 0.0) {
        return call.fail(invalid("counter cannot decrease"));
    }
    let labels = labels(call, labels_at);
    let result = call.kernel().measure(&name, &labels, measure);
    call.done(result)
}

fn told(call: &mut Call, of: fn(f64) -> Measure) -> Outcome {
    let value = call.number(2)?;
    measure(call, of(value), 3)
}

/// `metrics.counter_inc(name, labels?)`
fn counter_inc(call: &mut Call) -> Outcome {
    measure(call, Measure::Count(1.0), 2)
}

/// `metrics.counter_add(name, value, labels?)`
fn counter_add(call: &mut Call) -> Outcome {
    told(call, Measure::Count)
}

/// `metrics.gauge_set(name, value, labels?)`
fn gauge_set(call: &mut Call) -> Outcome {
    told(call, Measure::Set)
}

/// `metrics.gauge_inc(name, labels?)`
fn gauge_inc(call: &mut Call) -> Outcome {
    measure(call, Measure::Change(1.0), 2)
}

/// `metrics.gauge_dec(name, labels?)`
fn gauge_dec(call: &mut Call) -> Outcome {
    measure(call, Measure::Change(-1.0), 2)
}

/// `metrics.histogram(name, value, labels?)`
fn histogram(call: &mut Call) -> Outcome {
    told(call, Measure::Observe)
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"counter_inc", run: counter_inc },
    Function { name: c"counter_add", run: counter_add },
    Function { name: c"gauge_set", run: gauge_set },
    Function { name: c"gauge_inc", run: gauge_inc },
    Function { name: c"gauge_dec", run: gauge_dec },
    Function { name: c"histogram", run: histogram },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("metrics", FUNCTIONS, |_| {});
}
