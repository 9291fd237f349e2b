//! `registry`: the entries of the application (MODULES 5). Here is what reads them;
//! `versions` holds snapshots, versions and changes.
//!
//! Entries are fresh tables; what a security context does not allow is left out of lists.

mod versions;

use std::sync::Arc;

use luavisor_core::Error;
use luavisor_core::registry::{Entries, Entry, Filter};

use super::refusal::inaccessible;
use crate::ffi::call::{Call, Function, Outcome, Setup};

/// The guard of an entry.
const GET: &str = "registry.get";

/// `registry.parse_id(text)`
fn parse_id(call: &mut Call) -> Outcome {
    let text = call.bytes(1)?;
    let colon = text.iter().position(|byte| *byte == b':');
    let (namespace, name) = match colon {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (&[][..], &text[..]),
    };
    call.push_table(0, 2);
    call.push_bytes(namespace);
    call.set_field(c"ns");
    call.push_bytes(name);
    call.set_field(c"name");
    call.results(1)
}

/// `registry.get(id)`
fn get(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    let entries = call.kernel().entries();
    give(call, &entries, &id)
}

/// Gives one entry.
fn give(call: &mut Call, entries: &Entries, id: &str) -> Outcome {
    let Ok(found) = entries.binary_search_by(|entry| (*entry.id).cmp(id)) else {
        return not_found(call, format!("entry not found: {id}"));
    };
    if !call.allowed(GET, id) {
        return inaccessible(call, "entry", id);
    }
    push_entry(call, &entries[found]);
    call.results(1)
}

fn not_found(call: &mut Call, text: String) -> Outcome {
    call.fail(Error::not_found(text).retryable(false))
}

/// `registry.find(criteria)`
fn find(call: &mut Call) -> Outcome {
    let filter = match filter_at(call, 1) {
        Ok(filter) => filter,
        Err(error) => return call.fail(error.retryable(false)),
    };
    let entries = call.kernel().entries();
    push_found(call, entries.iter().filter(|entry| filter.matches(entry)));
    call.results(1)
}

fn filter_at(call: &Call, index: i32) -> Result<Filter, Error> {
    if !call.is_table(index) {
        return Err(Error::invalid("filter criteria table required"));
    }
    call.value_at(index, "filter").and_then(|criteria| Filter::parse(&criteria))
}

/// Pushes an array of those that the process may see.
fn push_found<'a>(call: &mut Call, entries: impl Iterator<Item = &'a Arc<Entry>>) {
    call.push_table(0, 0);
    let mut count = 0;
    for entry in entries {
        if call.allowed(GET, &entry.id) {
            push_entry(call, entry);
            count += 1;
            call.set_element(count);
        }
    }
}

/// Pushes `{ id, kind, meta, data }`.
fn push_entry(call: &mut Call, entry: &Arc<Entry>) {
    call.push_table(0, 4);
    call.push_str(&entry.id);
    call.set_field(c"id");
    call.push_str(&entry.kind);
    call.set_field(c"kind");
    call.push_values(&entry.meta);
    call.set_field(c"meta");
    call.push_values(&entry.data);
    call.set_field(c"data");
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"parse_id", run: parse_id },
    Function { name: c"get", run: get },
    Function { name: c"find", run: find },
];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    versions::install(setup);
    setup.module("registry", FUNCTIONS, |module| module.functions(versions::FUNCTIONS));
}
