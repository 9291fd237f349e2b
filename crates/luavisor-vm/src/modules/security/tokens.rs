//! Token stores: a token stands for an actor and a scope, until it expires or is revoked.
//!
//! The store of values keeps the id and meta of the actor and the ids of the policies. Those
//! are looked up again when a token is validated, so that a change of them counts.

use std::cell::Cell;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use luavisor_core::security::{Actor, Scope, TokenStore};
use luavisor_core::value::Table;
use luavisor_core::{Error, Kind, Object, Value, Values};
use sha2::Sha256;
use subtle::ConstantTimeEq;

use super::super::refusal::invalid;
use crate::calendar::Duration;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::store::{Condition, StoreRequest, StoreWrite};

/// What keys of tokens begin with in their store.
const PREFIX: &str = "token:";

struct Handle {
    store: TokenStore,
    closed: Cell<bool>,
}

/// Gives what `security.token_store` does, once it is allowed and found.
pub fn give(call: &mut Call, store: TokenStore) -> Outcome {
    call.push_data(tags::TOKENS, Handle { store, closed: Cell::new(false) });
    call.results(1)
}

/// The store, unless it is closed or the process may not do this.
fn open(call: &mut Call, action: &str) -> Result<Result<TokenStore, Error>, Raise> {
    let handle = call.object::<Handle>(1, tags::TOKENS);
    let handle = handle.ok_or_else(|| call.wrong(1, "TokenStore"))?;
    if handle.closed.get() {
        return Ok(Err(Error::invalid("token store is closed")));
    }
    let store = handle.store.clone();
    Ok(call.guard(action, &store.id).map(|()| store))
}

fn refuse(call: &mut Call, error: Error) -> Outcome {
    call.fail(error.retryable(false))
}

/// Asks the store behind, which is one in memory.
fn ask(call: &Call, id: &str, request: StoreRequest) -> Result<Values, Error> {
    call.kernel().store(id)?.run(request, now(call))
}

/// Unix seconds.
fn now(call: &Call) -> f64 {
    let (seconds, nanoseconds) = call.kernel().wall();
    seconds as f64 + f64::from(nanoseconds) / 1e9
}

fn signature(store: &TokenStore, random: &str) -> String {
    // HMAC takes keys of every length (RFC 2104).
    let Ok(mut mac) = <Hmac<Sha256> as KeyInit>::new_from_slice(store.key.as_bytes()) else {
        return String::new();
    };
    mac.update(random.as_bytes());
    mac.finalize().into_bytes().iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The key of a token in the store; none if its signature is wrong.
fn key(store: &TokenStore, token: &str) -> Option<Arc<[u8]>> {
    let random = match (store.key.is_empty(), token.split_once('.')) {
        (true, None) => token,
        (false, Some((random, signed))) => {
            let right = signature(store, random);
            bool::from(right.as_bytes().ct_eq(signed.as_bytes())).then_some(random)?
        }
        _ => return None,
    };
    Some(format!("{PREFIX}{random}").into_bytes().into())
}

/// Nanoseconds from milliseconds or a text such as `1h`; 0: as the store says.
fn expiration(call: &mut Call, store: &TokenStore) -> Result<Option<u64>, Raise> {
    if call.is_nil(4) {
        return Ok(Some(store.expiration));
    }
    if !call.is_table(4) {
        return Err(call.wrong(4, "table"));
    }
    call.push_field(4, c"expiration");
    let at = call.count();
    let given = if call.is_nil(at) {
        Some(0)
    } else if call.is_number(at) {
        let milliseconds = call.number(at)?;
        (milliseconds >= 0.0).then_some((milliseconds * 1e6) as u64)
    } else if call.is_string(at) {
        let duration = call.str(at).parse::<Duration>().ok();
        duration.and_then(|duration| u64::try_from(duration.0).ok())
    } else {
        None
    };
    call.pop(1);
    Ok(given.map(|given| if given == 0 { store.expiration } else { given }))
}

/// `ts:create(actor, scope, { expiration?, meta? })`
fn create(call: &mut Call) -> Outcome {
    let store = match open(call, "security.token.create")? {
        Ok(store) => store,
        Err(error) => return refuse(call, error),
    };
    let actor = call.object::<Arc<Actor>>(2, tags::ACTOR).cloned();
    let actor = actor.ok_or_else(|| call.wrong(2, "Actor"))?;
    let scope = call.object::<Arc<Scope>>(3, tags::SCOPE).cloned();
    let scope = scope.ok_or_else(|| call.wrong(3, "Scope"))?;
    let Some(ttl) = expiration(call, &store)? else {
        return invalid(call, "invalid expiration format");
    };
    let more = match call.is_table(4) {
        true => call.field(4, c"meta").map_err(|error| error.retryable(false))?,
        false => Values::none(),
    };
    let random = match call.random_bytes(store.length) {
        Ok(random) => URL_SAFE_NO_PAD.encode(random),
        Err(error) => return call.fail(error),
    };
    let token = match store.key.is_empty() {
        true => random.clone(),
        false => format!("{random}.{}", signature(&store, &random)),
    };
    // Two lists after each other: the tables of the second move up.
    let ids = scope.policies().iter().map(|policy| Value::from(&*policy.id)).collect();
    let mut tables = vec![Table::default(), Table { array: ids, hash: Vec::new() }];
    let mut add = |values: &Values| {
        let base = tables.len() as u32;
        let shift = |value: &Value| match value {
            Value::Table(index) => Value::Table(index + base),
            value => value.clone(),
        };
        tables.extend(values.tables.iter().map(|table| Table {
            array: table.array.iter().map(shift).collect(),
            hash: table.hash.iter().map(|(key, value)| (shift(key), shift(value))).collect(),
        }));
        shift(values.first())
    };
    let (meta, more) = (add(&actor.meta), add(&more));
    let fields = [("policies", Value::Table(1)), ("meta", meta), ("token", more)];
    let mut hash: Vec<(Value, Value)> = vec![("actor".into(), Value::from(&*actor.id))];
    hash.extend(
        fields
            .into_iter()
            .filter(|(_, value)| *value != Value::Nil)
            .map(|(name, value)| (name.into(), value)),
    );
    tables[0].hash = hash;
    let value = Values { items: [Value::Table(0)].into_iter().collect(), tables };
    let place = format!("{PREFIX}{random}").into_bytes().into();
    let expires = Some(now(call) + ttl as f64 / 1e9);
    let write = StoreWrite { key: place, value, expires, condition: Condition::Absent };
    match ask(call, &store.store, StoreRequest::Put(write)) {
        Ok(_) => {
            call.push_str(&token);
            call.results(1)
        }
        Err(error) => call.fail(error),
    }
}

/// A part of a stored list as a list of its own.
fn part(values: &Values, name: &str) -> Values {
    match values.field(values.first(), name) {
        Some(value) => {
            Values { items: [value.clone()].into_iter().collect(), tables: values.tables.clone() }
        }
        None => Values::none(),
    }
}

/// `ts:validate(token)`
fn validate(call: &mut Call) -> Outcome {
    let store = match open(call, "security.token.validate")? {
        Ok(store) => store,
        Err(error) => return unknown(call, error),
    };
    let token = call.string(2)?;
    let found = match key(&store, &token) {
        Some(key) => match ask(call, &store.store, StoreRequest::Get(key)) {
            Ok(found) => Ok(Some(found)),
            Err(error) if error.kind == Kind::NOT_FOUND => Ok(None),
            Err(error) => Err(error),
        },
        None => Ok(None),
    };
    let found = match found {
        Ok(found) => found,
        Err(error) => return unknown(call, error),
    };
    let actor = found.as_ref().and_then(|found| {
        let Value::String(id) = found.field(found.first(), "actor")? else { return None };
        Actor::new(&*String::from_utf8_lossy(id), part(found, "meta"))
    });
    let (Some(found), Some(actor)) = (&found, actor) else {
        let error = Error::new(Kind::PERMISSION_DENIED, "invalid or expired token");
        return unknown(call, error);
    };
    let policies = call.kernel().policies();
    let ids = match found.field(found.first(), "policies") {
        Some(Value::Table(index)) => found.tables.get(*index as usize).map(|table| &table.array),
        _ => None,
    };
    let known = ids.into_iter().flatten().filter_map(|id| match id {
        Value::String(id) => policies.policy(&String::from_utf8_lossy(id)).cloned(),
        _ => None,
    });
    let scope = Scope::of(known);
    call.push_object(&Object::Actor(Arc::new(actor)));
    call.push_object(&Object::Scope(Arc::new(scope)));
    call.results(2)
}

/// `nil, nil, err`
fn unknown(call: &mut Call, error: Error) -> Outcome {
    call.push_nil();
    call.push_nil();
    call.push_error(error.retryable(false));
    call.results(3)
}

/// `ts:revoke(token)`
fn revoke(call: &mut Call) -> Outcome {
    let store = match open(call, "security.token.revoke")? {
        Ok(store) => store,
        Err(error) => return refuse(call, error),
    };
    let token = call.string(2)?;
    let deleted = match key(&store, &token) {
        Some(key) => ask(call, &store.store, StoreRequest::Delete(key))
            .map(|deleted| *deleted.first() == Value::Boolean(true)),
        None => Ok(false),
    };
    match deleted {
        Ok(true) => call.yes(),
        Ok(false) => refuse(call, Error::not_found("token not found")),
        Err(error) => refuse(call, error),
    }
}

/// `ts:close()`
fn close(call: &mut Call) -> Outcome {
    let handle = call.object::<Handle>(1, tags::TOKENS);
    handle.ok_or_else(|| call.wrong(1, "TokenStore"))?.closed.set(true);
    call.yes()
}

fn to_string(call: &mut Call) -> Outcome {
    call.push_str("security.TokenStore{}");
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"create", run: create },
    Function { name: c"validate", run: validate },
    Function { name: c"revoke", run: revoke },
    Function { name: c"close", run: close },
    Function { name: c"__tostring", run: to_string },
];

/// Makes the class.
pub fn install(setup: &mut Setup) {
    setup.class::<Handle>(tags::TOKENS, "security.TokenStore", METHODS);
}
