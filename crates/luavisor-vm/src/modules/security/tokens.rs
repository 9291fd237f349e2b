//! Token stores: a text that stands for an actor and a scope (MODULES 6.2).
//!
//! A token is random bytes as text, and a signature behind a dot if the entry has a key.
//! The store never holds the token itself but its SHA-256, so that nobody who reads the
//! store can act for anybody. Policies are kept by id and looked up again.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use luavisor_core::security::{Actor, Policies, Scope};
use luavisor_core::value::Bytes;
use luavisor_core::{Error, Kind, Object, Value, Values};
use sha2::{Digest, Sha256};

use super::objects::{actor_at, scope_at};
use crate::calendar::Duration;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::store::{Condition, Store, StoreRequest, StoreWrite, TokenStore};

/// Longest token that is looked at.
const LONGEST: usize = 4096;

/// Content of a TokenStore object.
pub(super) struct Handle {
    /// `None`: closed
    store: Option<Arc<TokenStore>>,
}

/// `security.token_store(id)`
pub(super) fn token_store(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if id.is_empty() {
        return call.fail(Error::invalid("token store id is required").retryable(false));
    }
    if let Err(error) = call.guard("security.token_store.get", &id) {
        return call.fail(error.retryable(false));
    }
    match call.kernel().token_store(&id) {
        Ok(store) => {
            call.push_data(tags::TOKEN_STORE, Handle { store: Some(store) });
            call.results(1)
        }
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn this<'a>(call: &Call) -> Result<&'a mut Handle, Raise> {
    call.object(1, tags::TOKEN_STORE).ok_or_else(|| call.wrong(1, "TokenStore"))
}

/// The token store, if the process may do this with it, and where it keeps its tokens.
fn begin(call: &mut Call, action: &str) -> Result<(Arc<TokenStore>, Arc<dyn Store>), Error> {
    let closed = || Error::invalid("token store is closed").retryable(false);
    let tokens = this(call).ok().and_then(|handle| handle.store.clone()).ok_or_else(closed)?;
    call.guard(action, &tokens.id).map_err(|error| error.retryable(false))?;
    let store = call.kernel().store(&tokens.store)?;
    Ok((tokens, store))
}

fn now(call: &Call) -> f64 {
    let (seconds, nanoseconds) = call.kernel().wall();
    seconds as f64 + f64::from(nanoseconds) * 1e-9
}

/// Does something with the store: on its thread if it has one.
fn with_store(
    call: &mut Call,
    store: Arc<dyn Store>,
    work: impl FnOnce(&dyn Store, f64) -> Result<Values, Error> + Send + 'static,
) -> Outcome {
    let now = now(call);
    if store.info().blocks {
        call.elsewhere(move || work(&*store, now))
    } else {
        call.answer(work(&*store, now))
    }
}

/// Under what a store keeps a token.
fn key(token: &str) -> Bytes {
    let digits: String = Sha256::digest(token).iter().map(|byte| format!("{byte:02x}")).collect();
    Bytes::from(format!("token:{digits}").into_bytes())
}

fn signature(key: &str) -> Option<Hmac<Sha256>> {
    // HMAC takes keys of every length (RFC 2104).
    Hmac::new_from_slice(key.as_bytes()).ok()
}

/// A new token. In a simulation the same for the same seed, else not to be guessed.
fn make(call: &Call, tokens: &TokenStore) -> Result<String, Error> {
    let mut token = URL_SAFE_NO_PAD.encode(call.random_bytes(tokens.length)?);
    if !tokens.key.is_empty()
        && let Some(mut mac) = signature(&tokens.key)
    {
        mac.update(token.as_bytes());
        let digits = mac.finalize().into_bytes();
        token.push('.');
        token.extend(digits.iter().map(|byte| format!("{byte:02x}")));
    }
    Ok(token)
}

/// Whether a token is one that this store could have made.
fn genuine(tokens: &TokenStore, token: &str) -> bool {
    if token.is_empty() || token.len() > LONGEST {
        return false;
    }
    if tokens.key.is_empty() {
        return !token.contains('.');
    }
    let Some((body, digits)) = token.rsplit_once('.') else { return false };
    let byte = |at: usize| digits.get(at..at + 2).and_then(|two| u8::from_str_radix(two, 16).ok());
    let bytes: Option<Vec<u8>> = (0..digits.len()).step_by(2).map(byte).collect();
    let (Some(bytes), Some(mut mac)) = (bytes, signature(&tokens.key)) else { return false };
    mac.update(body.as_bytes());
    // In constant time.
    mac.verify_slice(&bytes).is_ok()
}

/// `ts:create(actor, scope[, {expiration, meta}])`
fn create(call: &mut Call) -> Outcome {
    this(call)?;
    let (actor, scope) = (actor_at(call, 2)?, scope_at(call, 3)?);
    if !call.is_nil(4) && !call.is_table(4) {
        return Err(call.wrong(4, "table"));
    }
    let (tokens, store) = match begin(call, "security.token.create") {
        Ok(begun) => begun,
        Err(error) => return call.fail(error),
    };
    let seconds = match expiration(call, &tokens) {
        Some(seconds) => seconds,
        None => return call.fail(Error::invalid("invalid expiration format").retryable(false)),
    };
    let (value, token) =
        match content(call, &actor, &scope).and_then(|value| Ok((value, make(call, &tokens)?))) {
            Ok(made) => made,
            Err(error) => return call.fail(error.retryable(false)),
        };
    let expires = Some(now(call) + seconds);
    let write = StoreWrite { key: key(&token), value, expires, condition: Condition::None };
    with_store(call, store, move |store, now| {
        store.run(StoreRequest::Set(write), now)?;
        Ok(Values::one(token))
    })
}

/// Seconds that the token is good for: a number of milliseconds or a duration as text.
fn expiration(call: &mut Call, tokens: &TokenStore) -> Option<f64> {
    let default = tokens.expiration.as_secs_f64();
    if !call.is_table(4) {
        return Some(default);
    }
    call.push_field(4, c"expiration");
    let (nil, text) = (call.is_nil(-1), call.is_string(-1));
    let seconds = match (nil, text) {
        (true, _) => Some(0.0),
        (_, true) => call.str(-1).parse::<Duration>().ok().map(Duration::seconds),
        _ => call.number(-1).ok().map(|milliseconds| milliseconds / 1000.0),
    };
    call.pop(1);
    let seconds = seconds.filter(|seconds| seconds.is_finite() && *seconds >= 0.0)?;
    Some(if seconds == 0.0 { default } else { seconds })
}

/// What is kept of a token: `{actor, actor_meta, policies, meta}`.
fn content(call: &mut Call, actor: &Actor, scope: &Scope) -> Result<Values, Error> {
    let top = call.count();
    call.push_table(0, 4);
    call.push_str(&actor.id);
    call.set_field(c"actor");
    if !actor.meta.items.is_empty() {
        call.push_values(&actor.meta);
        call.set_field(c"actor_meta");
    }
    call.push_table(scope.policies().len(), 0);
    for (n, policy) in (1..).zip(scope.policies()) {
        call.push_str(&policy.id);
        call.set_element(n);
    }
    call.set_field(c"policies");
    if call.is_table(4) {
        call.push_field(4, c"meta");
        call.set_field(c"meta");
    }
    let value = call.value_at(top + 1, "token");
    call.pop(1);
    value
}

/// `ts:validate(token)`: actor and scope, or `nil, nil, err`.
fn validate(call: &mut Call) -> Outcome {
    this(call)?;
    let token = call.string(2)?;
    let (tokens, store) = match begin(call, "security.token.validate") {
        Ok(begun) => begun,
        Err(error) => return call.answer(Ok(neither(error))),
    };
    let policies = call.kernel().policies();
    with_store(call, store, move |store, now| {
        if !genuine(&tokens, &token) {
            return Ok(neither(invalid_token()));
        }
        let found = store.run(StoreRequest::Get(key(&token)), now);
        Ok(match found {
            Ok(found) => read(&found, &policies).unwrap_or_else(|| neither(invalid_token())),
            Err(error) if error.kind == Kind::NOT_FOUND => neither(invalid_token()),
            Err(error) => neither(error),
        })
    })
}

fn invalid_token() -> Error {
    Error::new(Kind::PERMISSION_DENIED, "invalid or expired token").retryable(false)
}

fn neither(error: Error) -> Values {
    Values::list([Value::Nil, Value::Nil, Value::from(error)])
}

/// Actor and scope. A policy that is gone by now would not allow anything either; but one
/// that denied is missed, so without it the token is good for nothing.
fn read(found: &Values, policies: &Policies) -> Option<Values> {
    let root = found.first();
    let Some(Value::String(id)) = found.field(root, "actor") else { return None };
    let id = std::str::from_utf8(id).ok()?;
    let meta = match found.field(root, "actor_meta") {
        Some(meta) => {
            Values { items: [meta.clone()].into_iter().collect(), tables: found.tables.clone() }
        }
        None => Values::none(),
    };
    let Some(Value::Table(list)) = found.field(root, "policies") else { return None };
    let kept = &found.tables.get(*list as usize)?.array;
    let policy = |value: &Value| match value {
        Value::String(id) => policies.policy(std::str::from_utf8(id).ok()?).cloned(),
        _ => None,
    };
    let scope: Scope = Scope::of(kept.iter().map(policy).collect::<Option<Vec<_>>>()?);
    let actor = Arc::new(Actor::new(id, meta)?);
    Some(Values::list([
        Value::Object(Object::Actor(actor)),
        Value::Object(Object::Scope(Arc::new(scope))),
    ]))
}

/// `ts:revoke(token)`
fn revoke(call: &mut Call) -> Outcome {
    this(call)?;
    let token = call.string(2)?;
    let (tokens, store) = match begin(call, "security.token.revoke") {
        Ok(begun) => begun,
        Err(error) => return call.fail(error),
    };
    with_store(call, store, move |store, now| {
        let not_found = || Error::not_found("token not found").retryable(false);
        if !genuine(&tokens, &token) {
            return Err(not_found());
        }
        let deleted = store.run(StoreRequest::Delete(key(&token)), now)?;
        match deleted.first() {
            Value::Boolean(true) => Ok(deleted),
            _ => Err(not_found()),
        }
    })
}

/// `ts:close()`
fn close(call: &mut Call) -> Outcome {
    this(call)?.store = None;
    call.yes()
}

fn text(call: &mut Call) -> Outcome {
    this(call)?;
    call.push_str("security.TokenStore{}");
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"create", run: create },
    Function { name: c"validate", run: validate },
    Function { name: c"revoke", run: revoke },
    Function { name: c"close", run: close },
    Function { name: c"__tostring", run: text },
];

/// Installs the class.
pub(super) fn install(setup: &mut Setup) {
    setup.class::<Handle>(tags::TOKEN_STORE, "security.TokenStore", METHODS);
}
