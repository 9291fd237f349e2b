//! `store`: values by key that outlive a process (MODULES 19).

use std::cell::Cell;
use std::sync::Arc;

use luavisor_core::store::{Condition, Item, Store};
use luavisor_core::value::{Bytes, Table};
use luavisor_core::{Error, Kind, Value, Values};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// Bytes of one value, at most.
const LARGEST: usize = 64 << 20;

/// What a process holds of a store.
struct Handle {
    id: Arc<str>,
    released: Cell<bool>,
}

fn handle<'a>(call: &Call) -> Result<&'a mut Handle, Raise> {
    call.object(1, tags::STORE).ok_or_else(|| call.wrong(1, "Store"))
}

fn refuse(call: &mut Call, error: Error) -> Outcome {
    call.fail(error.retryable(false))
}

/// `store.get(id)`
fn get_store(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if id.is_empty() {
        return invalid(call, "store id is required");
    }
    if let Err(error) = call.guard("store.get", &id) {
        return refuse(call, error);
    }
    if !call.kernel().with_store(&id, &mut |_, _| {}) {
        return match call.kernel().has_entry(&id) {
            true => invalid(call, "resource is not a store"),
            false => refuse(call, Error::not_found(format!("store not found: {id}"))),
        };
    }
    call.push_data(tags::STORE, Handle { id: id.into(), released: Cell::new(false) });
    call.results(1)
}

/// Whether the process may do this with the key or prefix, which policies see as `meta`.
fn guard(call: &Call, action: &str, id: &str, attribute: &str, value: &[u8]) -> Result<(), Error> {
    let process = call.process();
    if !process.guarded {
        return Ok(());
    }
    let meta = Values {
        items: [Value::Table(0)].into_iter().collect(),
        tables: vec![Table {
            array: Vec::new(),
            hash: vec![(attribute.into(), Value::String(value.into()))],
        }],
    };
    match process.context.allows(action, id, &meta) {
        true => Ok(()),
        false => Err(Error::not_allowed(id)),
    }
}

/// The store and the key of a call, once it is allowed.
fn place(call: &mut Call, action: &str) -> Result<Result<(Arc<str>, Bytes), Error>, Raise> {
    let handle = handle(call)?;
    let key = call.bytes(2)?;
    if handle.released.get() {
        return Ok(Err(Error::invalid("store is released")));
    }
    if key.is_empty() {
        return Ok(Err(Error::invalid("key is required")));
    }
    let id = handle.id.clone();
    Ok(guard(call, action, &id, "key", &key).map(|()| (id, key.into())))
}

/// Does something with a store.
fn with<T>(
    call: &Call,
    id: &str,
    act: impl FnOnce(&mut Store, u64) -> Result<T, Error>,
) -> Result<T, Error> {
    let (mut act, mut result) = (Some(act), None);
    call.kernel().with_store(id, &mut |store, now| {
        result = act.take().map(|act| act(store, now));
    });
    let gone = || Err(Error::new(Kind::UNAVAILABLE, format!("{id} is not running")));
    result.unwrap_or_else(gone)
}

fn no_key() -> Error {
    Error::not_found("key not found").retryable(false)
}

fn get(call: &mut Call) -> Outcome {
    let (id, key) = match place(call, "store.key.get")? {
        Ok(place) => place,
        Err(error) => return refuse(call, error),
    };
    let value = |store: &mut Store, now| {
        store.get(&key, now).map(|item| item.value.clone()).ok_or_else(no_key)
    };
    match with(call, &id, value) {
        Ok(value) => {
            call.push_values(&value);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// Seconds to live, as nanoseconds.
fn ttl(seconds: f64) -> Option<u64> {
    (seconds > 0.0).then_some((seconds * 1e9) as u64)
}

/// The value at 3, or why it cannot be stored.
fn value(call: &Call) -> Result<Values, Error> {
    if call.is_nil(3) {
        return Err(Error::invalid("value is required"));
    }
    let value = call.value_at(3, "value")?;
    match value.size() > LARGEST {
        true => Err(Error::new(Kind::LIMIT_EXCEEDED, "value larger than 64MB")),
        false => Ok(value),
    }
}

fn set(call: &mut Call) -> Outcome {
    let (id, key) = match place(call, "store.key.set")? {
        Ok(place) => place,
        Err(error) => return refuse(call, error),
    };
    let seconds = if call.is_nil(4) { 0.0 } else { call.number(4)? };
    let value = match value(call) {
        Ok(value) => value,
        Err(error) => return refuse(call, error),
    };
    let put = |store: &mut Store, now| store.put(key, value, ttl(seconds), Condition::None, now);
    match with(call, &id, put) {
        Ok(_) => call.yes(),
        Err(error) => call.fail(error),
    }
}

fn has(call: &mut Call) -> Outcome {
    let (id, key) = match place(call, "store.key.has")? {
        Ok(place) => place,
        Err(error) => return refuse(call, error),
    };
    match with(call, &id, |store, now| Ok(store.get(&key, now).is_some())) {
        Ok(has) => {
            call.push_boolean(has);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn delete(call: &mut Call) -> Outcome {
    let (id, key) = match place(call, "store.key.delete")? {
        Ok(place) => place,
        Err(error) => return refuse(call, error),
    };
    match with(call, &id, |store, now| Ok(store.delete(&key, now))) {
        Ok(there) => {
            call.push_boolean(there);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// Pushes `{ key, value, version }`.
fn push_item(call: &mut Call, key: &[u8], item: &Item) {
    call.push_table(0, 3);
    call.push_bytes(key);
    call.set_field(c"key");
    call.push_values(&item.value);
    call.set_field(c"value");
    call.push_number(item.version as f64);
    call.set_field(c"version");
}

fn entry(call: &mut Call) -> Outcome {
    let (id, key) = match place(call, "store.key.get")? {
        Ok(place) => place,
        Err(error) => return refuse(call, error),
    };
    let find = |store: &mut Store, now| store.get(&key, now).cloned().ok_or_else(no_key);
    match with(call, &id, find) {
        Ok(item) => {
            push_item(call, &key, &item);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// The condition and the time to live of the options at 4.
fn options(call: &mut Call) -> Result<Result<(Option<u64>, Condition), &'static str>, Raise> {
    if call.is_nil(4) {
        return Ok(Ok((None, Condition::None)));
    }
    if !call.is_table(4) {
        return Err(call.wrong(4, "table"));
    }
    call.push_field(4, c"ttl");
    let at = call.count();
    let seconds = if call.is_nil(at) { 0.0 } else { call.number(at)? };
    call.pop(1);
    call.push_field(4, c"only_if_absent");
    let absent = call.boolean(call.count());
    call.pop(1);
    call.push_field(4, c"if_version");
    let at = call.count();
    let version = if call.is_nil(at) { None } else { Some(call.integer(at)?) };
    call.pop(1);
    Ok(match (absent, version) {
        (true, Some(_)) => Err("only_if_absent and if_version are mutually exclusive"),
        (true, None) => Ok((ttl(seconds), Condition::Absent)),
        (false, None) => Ok((ttl(seconds), Condition::None)),
        // There is no negative one.
        (false, Some(version)) => {
            Ok((ttl(seconds), Condition::Version(u64::try_from(version).unwrap_or(0))))
        }
    })
}

fn put(call: &mut Call) -> Outcome {
    let (id, key) = match place(call, "store.key.set")? {
        Ok(place) => place,
        Err(error) => return refuse(call, error),
    };
    let (ttl, condition) = match options(call)? {
        Ok(options) => options,
        Err(text) => return invalid(call, text),
    };
    let value = match value(call) {
        Ok(value) => value,
        Err(error) => return refuse(call, error),
    };
    let stored = key.clone();
    match with(call, &id, |store, now| store.put(stored, value, ttl, condition, now)) {
        Ok(item) => {
            push_item(call, &key, &item);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

fn list(call: &mut Call) -> Outcome {
    let handle = handle(call)?;
    if handle.released.get() {
        return invalid(call, "store is released");
    }
    let id = handle.id.clone();
    let (mut prefix, mut after, mut limit) = (Vec::new(), None, 100);
    if !call.is_nil(2) {
        if !call.is_table(2) {
            return Err(call.wrong(2, "table"));
        }
        for (name, place) in [(c"prefix", 0), (c"after", 1), (c"limit", 2)] {
            call.push_field(2, name);
            let at = call.count();
            match place {
                _ if call.is_nil(at) => {}
                0 => prefix = call.bytes(at)?,
                1 => after = Some(call.bytes(at)?),
                _ => limit = call.integer(at)?,
            }
            call.pop(1);
        }
    }
    let Some(limit) = usize::try_from(limit).ok().filter(|limit| (1..=1000).contains(limit)) else {
        return invalid(call, "limit must be between 1 and 1000");
    };
    if let Err(error) = guard(call, "store.key.list", &id, "prefix", &prefix) {
        return refuse(call, error);
    }
    let page = with(call, &id, |store, now| Ok(store.list(&prefix, after.as_deref(), limit, now)));
    let page = match page {
        Ok(page) => page,
        Err(error) => return call.fail(error),
    };
    call.push_table(0, 3);
    call.push_table(page.items.len(), 0);
    for (place, (key, item)) in (1..).zip(&page.items) {
        push_item(call, key, item);
        call.set_element(place);
    }
    call.set_field(c"items");
    if let Some((key, _)) = page.items.last() {
        call.push_bytes(key);
        call.set_field(c"cursor");
    }
    call.push_boolean(page.more);
    call.set_field(c"has_more");
    call.results(1)
}

fn info(call: &mut Call) -> Outcome {
    let handle = handle(call)?;
    if handle.released.get() {
        return invalid(call, "store is released");
    }
    let id = handle.id.clone();
    if let Err(error) = call.guard("store.info", &id) {
        return refuse(call, error);
    }
    call.push_table(0, 8);
    for (name, text) in [(c"id", &*id), (c"backend", "memory"), (c"consistency", "local")] {
        call.push_str(text);
        call.set_field(name);
    }
    for (name, flag) in [
        (c"durable", false),
        (c"list", true),
        (c"versioned", true),
        (c"conditional_put", true),
        (c"ttl", true),
    ] {
        call.push_boolean(flag);
        call.set_field(name);
    }
    call.results(1)
}

fn release(call: &mut Call) -> Outcome {
    handle(call)?.released.set(true);
    call.yes()
}

fn to_string(call: &mut Call) -> Outcome {
    let text = match handle(call)?.released.get() {
        true => "store.Store{released}",
        false => "store.Store{}",
    };
    call.push_str(text);
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"get", run: get },
    Function { name: c"set", run: set },
    Function { name: c"has", run: has },
    Function { name: c"delete", run: delete },
    Function { name: c"entry", run: entry },
    Function { name: c"put", run: put },
    Function { name: c"list", run: list },
    Function { name: c"info", run: info },
    Function { name: c"release", run: release },
    Function { name: c"__tostring", run: to_string },
];

static FUNCTIONS: &[Function] = &[Function { name: c"get", run: get_store }];

/// Installs the module and its class.
pub fn install(setup: &mut Setup) {
    setup.class::<Handle>(tags::STORE, "store.Store", METHODS);
    setup.module("store", FUNCTIONS, |module| {
        module.table(c"backend", &[], |table| {
            table.text(c"MEMORY", "memory");
            table.text(c"SQL", "sql");
            table.text(c"KV_RAFT", "kv.raft");
            table.text(c"KV_CRDT", "kv.crdt");
            table.text(c"UNKNOWN", "unknown");
        });
        module.table(c"consistency", &[], |table| {
            table.text(c"LINEARIZABLE", "linearizable");
            table.text(c"EVENTUAL", "eventual");
            table.text(c"LOCAL", "local");
            table.text(c"UNKNOWN", "unknown");
        });
    });
}
