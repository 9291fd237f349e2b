//! `metrics`: counters, gauges and histograms (MODULES 22).

use luavisor_core::metrics::{Change, Labels};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;

/// The labels at `index`: strings by strings, whatever else the table holds.
fn labels(call: &mut Call, index: i32) -> Result<Labels, Raise> {
    let mut labels = Labels::new();
    if call.is_nil(index) {
        return Ok(labels);
    }
    if !call.is_table(index) {
        return Err(call.wrong(index, "table"));
    }
    let mut at = 0;
    while let Some(next) = call.next_entry(index, at) {
        at = next;
        let (value, key) = (call.count(), call.count() - 1);
        if call.is_string(key) && call.is_string(value) {
            labels.insert(call.str(key).into_owned(), call.str(value).into_owned());
        }
        call.pop(2);
    }
    Ok(labels)
}

/// Changes the metric of the name at 1; its labels are at `index`.
fn change(call: &mut Call, index: i32, change: Change) -> Outcome {
    let name = call.string(1)?;
    let labels = labels(call, index)?;
    match call.kernel().change_metric(&name, labels, change) {
        Ok(()) => call.yes(),
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn counter_inc(call: &mut Call) -> Outcome {
    change(call, 2, Change::Count(1.0))
}

fn counter_add(call: &mut Call) -> Outcome {
    let value = call.number(2)?;
    change(call, 3, Change::Count(value))
}

fn gauge_set(call: &mut Call) -> Outcome {
    let value = call.number(2)?;
    change(call, 3, Change::Set(value))
}

fn gauge_inc(call: &mut Call) -> Outcome {
    change(call, 2, Change::Add(1.0))
}

fn gauge_dec(call: &mut Call) -> Outcome {
    change(call, 2, Change::Add(-1.0))
}

fn histogram(call: &mut Call) -> Outcome {
    let value = call.number(2)?;
    change(call, 3, Change::Observe(value))
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
