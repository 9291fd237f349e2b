//! `security`: who acts and what is allowed (MODULES 6).
//!
//! The rules are in [`luavisor_core::security`]; guarded calls of all modules ask
//! [`Call::guard`]. Here programs ask by themselves, and make actors and scopes. The
//! methods of those are in [`objects`], tokens for them in [`tokens`].

mod objects;
mod tokens;

use std::sync::Arc;

use luavisor_core::security::{Actor, Policy, Scope};
use luavisor_core::{Error, Kind, Object, Values};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// The action of making scopes, on `custom`, `with` and `without`.
const MAKE_SCOPE: &str = "security.scope.create";

/// Gives an object that there may be none of.
fn give(call: &mut Call, object: Option<Object>) -> Outcome {
    match object {
        Some(object) => call.push_object(&object),
        None => call.push_nil(),
    }
    call.results(1)
}

/// The optional table at `index`, copied.
fn meta(call: &Call, index: i32) -> Result<Values, Raise> {
    if call.is_nil(index) {
        return Ok(Values::none());
    }
    if !call.is_table(index) {
        return Err(call.wrong(index, "table"));
    }
    Ok(call.value_at(index, "meta").map_err(|error| error.retryable(false))?)
}

/// Raises unless the process may.
fn guard(call: &Call, action: &str, resource: &str) -> Result<(), Raise> {
    Ok(call.guard(action, resource).map_err(|error| error.retryable(false))?)
}

fn refused(call: &mut Call, text: &'static str) -> Outcome {
    call.fail(Error::new(Kind::PERMISSION_DENIED, text).retryable(false))
}

fn not_found(call: &mut Call, text: String) -> Outcome {
    call.fail(Error::not_found(text).retryable(false))
}

/// `security.actor()`
fn actor(call: &mut Call) -> Outcome {
    let actor = call.process().context.actor.clone();
    give(call, actor.map(Object::Actor))
}

/// `security.scope()`
fn scope(call: &mut Call) -> Outcome {
    let scope = call.process().context.scope.clone();
    give(call, scope.map(Object::Scope))
}

/// `security.can(action, resource[, meta])`
fn can(call: &mut Call) -> Outcome {
    let (action, resource) = (call.string(1)?, call.string(2)?);
    let meta = meta(call, 3)?;
    let allowed = call.process().context.allows(&action, &resource, &meta);
    call.push_boolean(allowed);
    call.results(1)
}

/// `security.new_actor(id[, meta])`
fn new_actor(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    let meta = meta(call, 2)?;
    guard(call, "security.actor.create", &id)?;
    match Actor::new(id, meta) {
        Some(actor) => give(call, Some(Object::Actor(Arc::new(actor)))),
        None => Err(Error::invalid("the meta of an actor holds plain data only").into()),
    }
}

/// `security.new_scope([policies])`
fn new_scope(call: &mut Call) -> Outcome {
    let mut policies: Vec<Arc<Policy>> = Vec::new();
    if !call.is_nil(1) {
        if !call.is_table(1) {
            return Err(call.wrong(1, "table"));
        }
        for n in 1..=call.length(1) {
            let Ok(n) = i32::try_from(n) else { break };
            call.push_element(1, n);
            let policy = call.object::<Arc<Policy>>(call.count(), tags::POLICY).cloned();
            let wrong = || Raise::text(format!("policies[{n}]: Policy expected"));
            policies.push(policy.ok_or_else(wrong)?);
            call.pop(1);
        }
    }
    guard(call, MAKE_SCOPE, "custom")?;
    give(call, Some(Object::Scope(Arc::new(Scope::of(policies)))))
}

/// `security.policy(id)`
fn policy(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if !call.allowed("security.policy.get", &id) {
        return refused(call, "permission denied: access policy");
    }
    let policies = call.kernel().policies();
    match policies.policy(&id) {
        Some(policy) => give(call, Some(Object::Policy(policy.clone()))),
        None => not_found(call, format!("policy not found: {id}")),
    }
}

/// `security.named_scope(group)`
fn named_scope(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if let Err(error) = call.guard("security.policy_group.get", &id) {
        return call.fail(error.retryable(false));
    }
    let policies = call.kernel().policies();
    match policies.group(&id) {
        Some(scope) => give(call, Some(Object::Scope(Arc::new(scope.clone())))),
        None => not_found(call, format!("policy group not found: {id}")),
    }
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"actor", run: actor },
    Function { name: c"scope", run: scope },
    Function { name: c"can", run: can },
    Function { name: c"new_actor", run: new_actor },
    Function { name: c"new_scope", run: new_scope },
    Function { name: c"policy", run: policy },
    Function { name: c"named_scope", run: named_scope },
    Function { name: c"token_store", run: tokens::token_store },
];

/// Installs the module and its classes.
pub fn install(setup: &mut Setup) {
    objects::install(setup);
    tokens::install(setup);
    setup.module("security", FUNCTIONS, |_| {});
}
