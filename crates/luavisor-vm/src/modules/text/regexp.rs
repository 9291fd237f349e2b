//! `text.regexp`: regular expressions that take linear time.
//!
//! Long subjects are searched away from the workers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use luavisor_core::{Error, Kind, Value, Values};
use regex::bytes::{Captures, Regex, RegexBuilder};

use super::output::{Output, text};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Bytes that one compiled expression may take.
const LARGEST: usize = 256 << 10;
/// Expressions of a whole program that live at once: collected garbage frees them, but
/// the collector does not know how large they are.
const MOST: usize = 20_000;

static LIVING: AtomicUsize = AtomicUsize::new(0);

/// One that counts.
struct Regexp(Arc<Regex>);

impl Drop for Regexp {
    fn drop(&mut self) {
        LIVING.fetch_sub(1, Ordering::Relaxed);
    }
}

fn regexp(call: &Call) -> Result<Arc<Regex>, Raise> {
    let regexp = call.object::<Regexp>(1, tags::REGEXP);
    regexp.map(|regexp| regexp.0.clone()).ok_or_else(|| call.wrong(1, "Regexp"))
}

/// `text.regexp.compile(pattern)`
fn compile(call: &mut Call) -> Outcome {
    let pattern = call.string(1)?;
    if LIVING.load(Ordering::Relaxed) >= MOST {
        call.collect();
    }
    if LIVING.load(Ordering::Relaxed) >= MOST {
        let error = Error::new(Kind::LIMIT_EXCEEDED, "too many regular expressions");
        return call.fail(error.retryable(true));
    }
    let built = RegexBuilder::new(&pattern).size_limit(LARGEST).dfa_size_limit(LARGEST).build();
    match built {
        Ok(regex) => {
            LIVING.fetch_add(1, Ordering::Relaxed);
            call.push_data(tags::REGEXP, Regexp(Arc::new(regex)));
            call.results(1)
        }
        Err(error) => {
            let error = Error::invalid(format!("regex compile error: {error}"));
            call.fail(error.retryable(false))
        }
    }
}

/// Searches the string at 2.
fn search(
    call: &mut Call,
    search: impl FnOnce(&Regex, &[u8]) -> Values + Send + 'static,
) -> Outcome {
    let (regex, subject) = (regexp(call)?, call.bytes(2)?);
    call.compute(subject.len(), move || Ok(search(&regex, &subject)))
}

fn match_string(call: &mut Call) -> Outcome {
    search(call, |regex, subject| Values::one(regex.is_match(subject)))
}

fn find_string(call: &mut Call) -> Outcome {
    search(call, |regex, subject| {
        Values::one(regex.find(subject).map_or(Value::Nil, |found| text(found.as_bytes())))
    })
}

fn find_all_string(call: &mut Call) -> Outcome {
    search(call, |regex, subject| {
        Output::list(regex.find_iter(subject).map(|found| text(found.as_bytes())))
    })
}

/// `{ whole, group1, … }`
fn groups(output: &mut Output, captures: &Captures<'_>) -> Value {
    let table = output.table();
    for group in captures.iter() {
        output.push(table, group.map_or_else(|| text(b""), |group| text(group.as_bytes())));
    }
    Value::Table(table)
}

fn find_string_submatch(call: &mut Call) -> Outcome {
    search(call, |regex, subject| {
        let mut output = Output::default();
        let found = regex.captures(subject).map(|captures| groups(&mut output, &captures));
        output.give([found.unwrap_or(Value::Nil)])
    })
}

fn find_all_string_submatch(call: &mut Call) -> Outcome {
    search(call, |regex, subject| {
        let mut output = Output::default();
        let all = output.table();
        for captures in regex.captures_iter(subject) {
            let found = groups(&mut output, &captures);
            output.push(all, found);
        }
        output.give([Value::Table(all)])
    })
}

/// `{ first, last }`, from 1, both inclusive.
fn place(output: &mut Output, found: regex::bytes::Match<'_>) -> Value {
    let table = output.table();
    output.push(table, Value::Number(found.start() as f64 + 1.0));
    output.push(table, Value::Number(found.end() as f64));
    Value::Table(table)
}

fn find_string_index(call: &mut Call) -> Outcome {
    search(call, |regex, subject| {
        let mut output = Output::default();
        let found = regex.find(subject).map(|found| place(&mut output, found));
        output.give([found.unwrap_or(Value::Nil)])
    })
}

fn find_all_string_index(call: &mut Call) -> Outcome {
    search(call, |regex, subject| {
        let mut output = Output::default();
        let all = output.table();
        for found in regex.find_iter(subject) {
            let found = place(&mut output, found);
            output.push(all, found);
        }
        let any = regex.is_match(subject);
        output.give([if any { Value::Table(all) } else { Value::Nil }])
    })
}

fn replace_all_string(call: &mut Call) -> Outcome {
    let replacement = call.bytes(3)?;
    search(call, move |regex, subject| {
        Values::one(text(&regex.replace_all(subject, &replacement[..])))
    })
}

fn split(call: &mut Call) -> Outcome {
    let most = if call.is_nil(3) { -1 } else { call.integer(3)? };
    search(call, move |regex, subject| match usize::try_from(most) {
        Ok(0) => Output::list([]),
        Ok(most) => Output::list(regex.splitn(subject, most).map(text)),
        Err(_) => Output::list(regex.split(subject).map(text)),
    })
}

fn num_subexp(call: &mut Call) -> Outcome {
    let count = regexp(call)?.captures_len() - 1;
    call.push_number(count as f64);
    call.results(1)
}

fn subexp_names(call: &mut Call) -> Outcome {
    let regex = regexp(call)?;
    call.push_table(regex.captures_len(), 0);
    for (place, name) in (1..).zip(regex.capture_names()) {
        call.push_str(name.unwrap_or_default());
        call.set_element(place);
    }
    call.results(1)
}

fn string(call: &mut Call) -> Outcome {
    let regex = regexp(call)?;
    call.push_str(regex.as_str());
    call.results(1)
}

fn to_string(call: &mut Call) -> Outcome {
    let regex = regexp(call)?;
    call.push_str(&format!("text.Regexp{{{}}}", regex.as_str()));
    call.results(1)
}

/// The functions of the table.
pub static FUNCTIONS: &[Function] = &[Function { name: c"compile", run: compile }];

static METHODS: &[Function] = &[
    Function { name: c"match_string", run: match_string },
    Function { name: c"find_string", run: find_string },
    Function { name: c"find_all_string", run: find_all_string },
    Function { name: c"find_string_submatch", run: find_string_submatch },
    Function { name: c"find_all_string_submatch", run: find_all_string_submatch },
    Function { name: c"find_string_index", run: find_string_index },
    Function { name: c"find_all_string_index", run: find_all_string_index },
    Function { name: c"replace_all_string", run: replace_all_string },
    Function { name: c"split", run: split },
    Function { name: c"num_subexp", run: num_subexp },
    Function { name: c"subexp_names", run: subexp_names },
    Function { name: c"string", run: string },
    Function { name: c"__tostring", run: to_string },
];

/// Makes the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Regexp>(tags::REGEXP, "text.Regexp", METHODS);
}
