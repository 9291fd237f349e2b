//! `registry`: the entries of the application, to read (MODULES 5).
//!
//! Entries are fresh tables; what a security context does not allow is left out of lists.

use std::sync::Arc;

use luavisor_core::registry::{Entry, Filter};
use luavisor_core::{Error, Kind};

use crate::ffi::call::{Call, Function, Outcome, Setup};

/// The guard of an entry.
const GET: &str = "registry.get";

/// `registry.parse_id(text)`
fn parse_id(call: &mut Call) -> Outcome {
    let text = call.string(1)?;
    let (namespace, name) = text.split_once(':').unwrap_or(("", &text));
    call.push_table(0, 2);
    call.push_str(namespace);
    call.set_field(c"ns");
    call.push_str(name);
    call.set_field(c"name");
    call.results(1)
}

/// `registry.get(id)`
fn get(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    let entries = call.kernel().entries();
    let Ok(found) = entries.binary_search_by(|entry| (*entry.id).cmp(&id)) else {
        return call.fail(Error::not_found(format!("entry not found: {id}")).retryable(false));
    };
    if !call.allowed(GET, &id) {
        let text = format!("not allowed to access entry: {id}");
        return call.fail(Error::new(Kind::PERMISSION_DENIED, text).retryable(false));
    }
    push_entry(call, &entries[found]);
    call.results(1)
}

/// `registry.find(criteria)`
fn find(call: &mut Call) -> Outcome {
    if !call.is_table(1) {
        let text = "filter criteria table required";
        return call.fail(Error::invalid(text).retryable(false));
    }
    let filter = call.value_at(1, "filter").and_then(|criteria| Filter::parse(&criteria));
    let filter = match filter {
        Ok(filter) => filter,
        Err(error) => return call.fail(error.retryable(false)),
    };
    let entries = call.kernel().entries();
    call.push_table(0, 0);
    let mut count = 0;
    for entry in entries.iter().filter(|entry| filter.matches(entry)) {
        if call.allowed(GET, &entry.id) {
            push_entry(call, entry);
            count += 1;
            call.set_element(count);
        }
    }
    call.results(1)
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
    setup.module("registry", FUNCTIONS, |_| {});
}
