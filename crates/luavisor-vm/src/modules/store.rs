//! `store`: values that outlive their process, by key (MODULES 19).
//!
//! What stores hold lies in the runtime; here are the checks. A store in memory answers
//! at once, one on a disk elsewhere while the task waits.

use std::ffi::CStr;
use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Table, Value, Values};

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::store::{Condition, Store, StoreRequest, StoreWrite};

/// Content of a Store object.
struct Handle {
    id: Arc<str>,
    /// `None`: released
    store: Option<Arc<dyn Store>>,
}

/// `store.get(id)`
fn get(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if id.is_empty() {
        return invalid(call, "store id is required");
    }
    if let Err(error) = call.guard("store.get", &id) {
        return call.fail(error.retryable(false));
    }
    match call.kernel().store(&id) {
        Ok(store) => {
            call.push_data(tags::STORE, Handle { id: id.into(), store: Some(store) });
            call.results(1)
        }
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn this<'a>(call: &Call) -> Result<&'a mut Handle, Raise> {
    call.object(1, tags::STORE).ok_or_else(|| call.wrong(1, "Store"))
}

/// A store and a key in it.
type Keyed = (Arc<dyn Store>, Bytes);

/// The store and a key that the process may do `action` with.
fn with_key(call: &mut Call, action: &str) -> Result<Result<Keyed, Error>, Raise> {
    let handle = this(call)?;
    let key = call.bytes(2)?;
    let Some(store) = handle.store.clone() else { return Ok(Err(released())) };
    if key.is_empty() {
        return Ok(Err(Error::invalid("key is required").retryable(false)));
    }
    let allowed = guard(call, action, &handle.id, "key", &key);
    Ok(allowed.map(|()| (store, key.into())))
}

fn released() -> Error {
    Error::invalid("store is released").retryable(false)
}

/// The guards of keys know which key, or prefix, it is about.
fn guard(call: &Call, action: &str, id: &str, name: &str, value: &[u8]) -> Result<(), Error> {
    let attributes = || {
        let entry = (Value::from(name), Value::String(value.into()));
        let tables = vec![Table { array: Vec::new(), hash: vec![entry] }];
        Values { items: [Value::Table(0)].into_iter().collect(), tables }
    };
    match call.allowed_with(action, id, attributes) {
        true => Ok(()),
        false => Err(Error::not_allowed(id).retryable(false)),
    }
}

fn now(call: &Call) -> f64 {
    let (seconds, nanoseconds) = call.kernel().wall();
    seconds as f64 + f64::from(nanoseconds) * 1e-9
}

fn ask(call: &mut Call, store: Arc<dyn Store>, request: StoreRequest) -> Outcome {
    let now = now(call);
    if store.info().blocks {
        call.elsewhere(move || store.run(request, now))
    } else {
        let answer = store.run(request, now);
        call.answer(answer)
    }
}

/// The requests that need a key only.
macro_rules! of_key {
    ($($name:ident: $action:literal => $request:path;)*) => {$(
        fn $name(call: &mut Call) -> Outcome {
            match with_key(call, $action)? {
                Ok((store, key)) => ask(call, store, $request(key)),
                Err(error) => call.fail(error),
            }
        }
    )*};
}

of_key! {
    read: "store.key.get" => StoreRequest::Get;
    has: "store.key.has" => StoreRequest::Has;
    delete: "store.key.delete" => StoreRequest::Delete;
    entry: "store.key.get" => StoreRequest::Entry;
}

/// Unix seconds at which what is written now for so many seconds is gone.
fn expires(call: &Call, ttl: f64) -> Option<f64> {
    (ttl > 0.0 && ttl.is_finite()).then(|| now(call) + ttl)
}

/// The value to write, at 3.
fn value(call: &mut Call) -> Result<Values, Error> {
    if call.is_nil(3) {
        return Err(Error::invalid("value is required").retryable(false));
    }
    call.value_at(3, "value").map_err(|error| error.retryable(false))
}

/// `store:set(key, value[, ttl])`
fn set(call: &mut Call) -> Outcome {
    let ttl = if call.is_nil(4) { 0.0 } else { call.number(4)? };
    let (store, key) = match with_key(call, "store.key.set")? {
        Ok(found) => found,
        Err(error) => return call.fail(error),
    };
    let value = match value(call) {
        Ok(value) => value,
        Err(error) => return call.fail(error),
    };
    let expires = expires(call, ttl);
    let write = StoreWrite { key, value, expires, condition: Condition::None };
    ask(call, store, StoreRequest::Set(write))
}

/// `store:put(key, value[, {ttl, only_if_absent, if_version}])`
fn put(call: &mut Call) -> Outcome {
    if !call.is_nil(4) && !call.is_table(4) {
        return Err(call.wrong(4, "table"));
    }
    let (store, key) = match with_key(call, "store.key.set")? {
        Ok(found) => found,
        Err(error) => return call.fail(error),
    };
    let (ttl, version, absent) = match options(call) {
        Ok(options) => options,
        Err(text) => return invalid(call, text),
    };
    let condition = match (absent, version) {
        (true, Some(_)) => {
            return invalid(call, "only_if_absent and if_version are mutually exclusive");
        }
        (true, None) => Condition::Absent,
        (false, Some(version)) => Condition::Version(version),
        (false, None) => Condition::None,
    };
    if condition != Condition::None && !store.info().conditional_put {
        return invalid(call, "operation not supported by this store");
    }
    let value = match value(call) {
        Ok(value) => value,
        Err(error) => return call.fail(error),
    };
    let expires = expires(call, ttl);
    ask(call, store, StoreRequest::Put(StoreWrite { key, value, expires, condition }))
}

/// `ttl`, `if_version` and `only_if_absent` of the table at 4.
fn options(call: &mut Call) -> Result<(f64, Option<f64>, bool), &'static str> {
    if !call.is_table(4) {
        return Ok((0.0, None, false));
    }
    let ttl = number_field(call, 4, c"ttl").map_err(|()| "ttl must be a number")?;
    let version =
        number_field(call, 4, c"if_version").map_err(|()| "if_version must be a number")?;
    call.push_field(4, c"only_if_absent");
    let absent = call.boolean(-1);
    call.pop(1);
    Ok((ttl.unwrap_or(0.0), version, absent))
}

/// A field that is a number or nil.
fn number_field(call: &mut Call, index: i32, name: &CStr) -> Result<Option<f64>, ()> {
    call.push_field(index, name);
    let number = match call.is_nil(-1) {
        true => Ok(None),
        false => call.number(-1).map(Some).map_err(|_| ()),
    };
    call.pop(1);
    number
}

/// A field that is a string or nil.
fn string_field(call: &mut Call, index: i32, name: &CStr) -> Result<Option<Bytes>, ()> {
    call.push_field(index, name);
    let bytes = match (call.is_nil(-1), call.is_string(-1)) {
        (true, _) => Ok(None),
        (_, true) => Ok(Some(call.raw_bytes(-1).into())),
        _ => Err(()),
    };
    call.pop(1);
    bytes
}

/// Entries that one `list` returns at most.
const PAGE: f64 = 1000.0;

/// `store:list([{prefix, after, limit}])`
fn list(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let (mut prefix, mut after, mut limit) = (None, None, 100.0);
    if !call.is_nil(2) {
        if !call.is_table(2) {
            return Err(call.wrong(2, "table"));
        }
        let Ok(found) = string_field(call, 2, c"prefix") else {
            return invalid(call, "prefix must be a string");
        };
        prefix = found;
        let Ok(found) = string_field(call, 2, c"after") else {
            return invalid(call, "after must be a string");
        };
        after = found;
        let number = number_field(call, 2, c"limit").map(|number| number.unwrap_or(limit));
        match number {
            Ok(number) if number.fract() == 0.0 && (1.0..=PAGE).contains(&number) => limit = number,
            _ => return invalid(call, "limit must be between 1 and 1000"),
        }
    }
    let Some(store) = handle.store.clone() else { return call.fail(released()) };
    let prefix = prefix.unwrap_or_else(|| Bytes::from(&b""[..]));
    if let Err(error) = guard(call, "store.key.list", &handle.id, "prefix", &prefix) {
        return call.fail(error);
    }
    ask(call, store, StoreRequest::List { prefix, after, limit: limit as usize })
}

/// `store:info()`
fn info(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let Some(store) = &handle.store else { return call.fail(released()) };
    if let Err(error) = call.guard("store.info", &handle.id) {
        return call.fail(error.retryable(false));
    }
    let info = store.info();
    call.push_table(0, 8);
    for (name, text) in
        [(c"id", &*handle.id), (c"backend", info.backend), (c"consistency", info.consistency)]
    {
        call.push_str(text);
        call.set_field(name);
    }
    for (name, flag) in [
        (c"durable", info.durable),
        (c"list", info.list),
        (c"versioned", info.versioned),
        (c"conditional_put", info.conditional_put),
        (c"ttl", info.ttl),
    ] {
        call.push_boolean(flag);
        call.set_field(name);
    }
    call.results(1)
}

/// `store:release()`
fn release(call: &mut Call) -> Outcome {
    this(call)?.store = None;
    call.yes()
}

fn text(call: &mut Call) -> Outcome {
    let held = this(call)?.store.is_some();
    call.push_str(if held { "store.Store{}" } else { "store.Store{released}" });
    call.results(1)
}

static FUNCTIONS: &[Function] = &[Function { name: c"get", run: get }];

static METHODS: &[Function] = &[
    Function { name: c"get", run: read },
    Function { name: c"set", run: set },
    Function { name: c"has", run: has },
    Function { name: c"delete", run: delete },
    Function { name: c"entry", run: entry },
    Function { name: c"put", run: put },
    Function { name: c"list", run: list },
    Function { name: c"info", run: info },
    Function { name: c"release", run: release },
    Function { name: c"__tostring", run: text },
];

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
