//! `text.diff`: what differs between two texts, and patches.

use std::fmt::Write as _;
use std::panic::{AssertUnwindSafe, catch_unwind};

use diff_match_patch_rs::{Compat, DiffMatchPatch, Ops, PatchInput};
use luavisor_core::{Error, Value, Values};

use super::output::{Output, text};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Texts of this length are compared away from the workers: their time is no line, but a
/// square.
const SHORT: usize = 2 << 10;

/// How to compare. `patch_margin` has no effect.
#[derive(Clone, Copy)]
struct Differ {
    /// milliseconds; 0: any time
    timeout: u32,
    edit_cost: usize,
    match_threshold: f32,
    match_distance: usize,
    delete_threshold: f32,
}

impl Differ {
    fn engine(self) -> DiffMatchPatch {
        let mut engine = DiffMatchPatch::new();
        engine.set_timeout((self.timeout > 0).then_some(self.timeout));
        engine.set_edit_cost(self.edit_cost);
        engine.set_match_threshold(self.match_threshold);
        engine.set_match_distance(self.match_distance);
        engine.set_delete_threshold(self.delete_threshold);
        engine
    }
}

fn differ(call: &Call) -> Result<Differ, Raise> {
    call.object::<Differ>(1, tags::DIFFER).copied().ok_or_else(|| call.wrong(1, "Differ"))
}

/// `text.diff.new(options?)`
fn new(call: &mut Call) -> Outcome {
    let mut number = |name, usual: f64| -> Result<f64, Raise> {
        if call.is_nil(1) {
            return Ok(usual);
        }
        if !call.is_table(1) {
            return Err(call.wrong(1, "table"));
        }
        call.push_field(1, name);
        let at = call.count();
        let value = if call.is_nil(at) { Ok(usual) } else { call.number(at) };
        call.pop(1);
        value
    };
    let differ = Differ {
        timeout: (number(c"diff_timeout", 1.0)?.clamp(0.0, 60.0) * 1000.0) as u32,
        edit_cost: number(c"diff_edit_cost", 4.0)?.clamp(0.0, 1e6) as usize,
        match_threshold: number(c"match_threshold", 0.5)?.clamp(0.0, 1.0) as f32,
        match_distance: number(c"match_distance", 1000.0)?.clamp(0.0, 1e9) as usize,
        delete_threshold: number(c"patch_delete_threshold", 0.5)?.clamp(0.0, 1.0) as f32,
    };
    // A simulation is the same on a slow machine.
    let timeout = if call.simulated() { 0 } else { differ.timeout };
    call.push_data(tags::DIFFER, Differ { timeout, ..differ });
    call.results(1)
}

/// Runs the engine; what it cannot do is an error.
fn engine<T>(
    what: &str,
    differ: Differ,
    run: impl FnOnce(&DiffMatchPatch) -> Result<T, diff_match_patch_rs::Error>,
) -> Result<T, Error> {
    let failed = |cause: String| Error::internal(format!("{what}: {cause}")).retryable(false);
    let engine = differ.engine();
    match catch_unwind(AssertUnwindSafe(|| run(&engine))) {
        Ok(result) => result.map_err(|error| failed(format!("{error:?}"))),
        Err(_) => Err(failed("the texts cannot be compared".to_owned())),
    }
}

/// Work for texts of this length.
fn effort(length: usize) -> usize {
    if length > SHORT { usize::MAX } else { length }
}

/// `differ:compare(a, b)`
fn compare(call: &mut Call) -> Outcome {
    let (differ, a, b) = (differ(call)?, call.string(2)?, call.string(3)?);
    call.compute(effort(a.len() + b.len()), move || {
        let mut output = Output::default();
        let all = output.table();
        let mut add = |operation: &str, part: &str| {
            let item = output.table();
            output.set(item, "operation", text(operation.as_bytes()));
            output.set(item, "text", text(part.as_bytes()));
            output.push(all, Value::Table(item));
        };
        if a == b {
            if !a.is_empty() {
                add("equal", &a);
            }
            return Ok(output.give([Value::Table(all)]));
        }
        let diffs = engine("compare", differ, |engine| engine.diff_main::<Compat>(&a, &b))?;
        for diff in &diffs {
            let operation = match diff.op() {
                Ops::Delete => "delete",
                Ops::Insert => "insert",
                Ops::Equal => "equal",
            };
            add(operation, &diff.data().iter().collect::<String>());
        }
        Ok(output.give([Value::Table(all)]))
    })
}

/// The differences at 2: operation and text of each.
fn diffs(call: &mut Call) -> Result<Vec<(String, String)>, Raise> {
    differ(call)?;
    if !call.is_table(2) {
        return Err(call.wrong(2, "table"));
    }
    let mut diffs = Vec::new();
    for n in 1..=call.length(2) {
        let Ok(n) = i32::try_from(n) else { break };
        call.push_element(2, n);
        let item = call.count();
        let mut part = |name| {
            if !call.is_table(item) {
                return None;
            }
            call.push_field(item, name);
            let at = call.count();
            let text = call.is_string(at).then(|| call.str(at).into_owned());
            call.pop(1);
            text
        };
        let parts = part(c"operation").zip(part(c"text"));
        call.pop(1);
        let wrong = || Raise::text(format!("diffs[{n}]: {{ operation, text }} expected"));
        diffs.push(parts.ok_or_else(wrong)?);
    }
    Ok(diffs)
}

/// `differ:summarize(diffs)`
fn summarize(call: &mut Call) -> Outcome {
    let diffs = diffs(call)?;
    let count = |wanted: &str| -> usize {
        let such = diffs.iter().filter(|(operation, _)| operation == wanted);
        such.map(|(_, text)| text.chars().count()).sum()
    };
    call.push_table(0, 3);
    for (name, operation) in
        [(c"insertions", "insert"), (c"deletions", "delete"), (c"equals", "equal")]
    {
        call.push_number(count(operation) as f64);
        call.set_field(name);
    }
    call.results(1)
}

/// `differ:pretty_text(diffs)`
fn pretty_text(call: &mut Call) -> Outcome {
    let mut pretty = String::new();
    for (operation, text) in diffs(call)? {
        // Writing to a string cannot fail.
        let _ = match operation.as_str() {
            "insert" => write!(pretty, "\x1b[32m{text}\x1b[0m"),
            "delete" => write!(pretty, "\x1b[31m{text}\x1b[0m"),
            _ => write!(pretty, "{text}"),
        };
    }
    call.push_str(&pretty);
    call.results(1)
}

/// `differ:pretty_html(diffs)`
fn pretty_html(call: &mut Call) -> Outcome {
    let mut pretty = String::new();
    for (operation, text) in diffs(call)? {
        let tag = match operation.as_str() {
            "insert" => "ins",
            "delete" => "del",
            _ => "span",
        };
        let _ = write!(pretty, "<{tag}>");
        for letter in text.chars() {
            match letter {
                '&' => pretty.push_str("&amp;"),
                '<' => pretty.push_str("&lt;"),
                '>' => pretty.push_str("&gt;"),
                '"' => pretty.push_str("&quot;"),
                '\'' => pretty.push_str("&#39;"),
                letter => pretty.push(letter),
            }
        }
        let _ = write!(pretty, "</{tag}>");
    }
    call.push_str(&pretty);
    call.results(1)
}

/// `differ:patch_make(a, b)`
fn patch_make(call: &mut Call) -> Outcome {
    let (differ, a, b) = (differ(call)?, call.string(2)?, call.string(3)?);
    call.compute(effort(a.len() + b.len()), move || {
        let patches = engine("patch_make", differ, |engine| {
            let patches = engine.patch_make::<Compat>(PatchInput::new_text_text(&a, &b))?;
            Ok(patches.iter().map(ToString::to_string).collect::<Vec<_>>())
        })?;
        let mut output = Output::default();
        let all = output.table();
        for patch in patches {
            let item = output.table();
            output.set(item, "text", text(patch.as_bytes()));
            output.push(all, Value::Table(item));
        }
        Ok(output.give([Value::Table(all)]))
    })
}

/// `differ:patch_apply(patches, s)`
fn patch_apply(call: &mut Call) -> Outcome {
    let differ = differ(call)?;
    if !call.is_table(2) {
        return Err(call.wrong(2, "table"));
    }
    let mut patches = String::new();
    for n in 1..=call.length(2) {
        let Ok(n) = i32::try_from(n) else { break };
        call.push_element(2, n);
        let item = call.count();
        if call.is_table(item) {
            call.push_field(item, c"text");
            let at = call.count();
            if call.is_string(at) {
                patches.push_str(&call.str(at));
            }
            call.pop(1);
        }
        call.pop(1);
    }
    let subject = call.string(3)?;
    call.compute(effort(subject.len() + patches.len()), move || {
        let patches =
            engine("patch_apply", differ, |engine| engine.patch_from_text::<Compat>(&patches))?;
        // Texts that are too different for the engine are left as they are.
        let applied =
            engine("patch_apply", differ, |engine| engine.patch_apply(&patches, &subject));
        let (patched, all) = match applied {
            Ok((patched, applied)) => (patched, applied.iter().all(|applied| *applied)),
            Err(_) => (subject, false),
        };
        Ok(Values::list([text(patched.as_bytes()), Value::Boolean(all)]))
    })
}

fn to_string(call: &mut Call) -> Outcome {
    differ(call)?;
    call.push_str("text.Differ{}");
    call.results(1)
}

/// The functions of the table.
pub static FUNCTIONS: &[Function] = &[Function { name: c"new", run: new }];

static METHODS: &[Function] = &[
    Function { name: c"compare", run: compare },
    Function { name: c"summarize", run: summarize },
    Function { name: c"pretty_text", run: pretty_text },
    Function { name: c"pretty_html", run: pretty_html },
    Function { name: c"patch_make", run: patch_make },
    Function { name: c"patch_apply", run: patch_apply },
    Function { name: c"__tostring", run: to_string },
];

/// Makes the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Differ>(tags::DIFFER, "text.Differ", METHODS);
}
