//! Actors, policies and scopes as Lua sees them. They are immutable and may be sent.

use std::sync::Arc;

use luavisor_core::Object;
use luavisor_core::security::{Actor, Policy, Question, Scope, Verdict};

use super::{MAKE_SCOPE, give, guard, meta};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

pub(super) fn actor_at(call: &Call, index: i32) -> Result<Arc<Actor>, Raise> {
    let actor = call.object::<Arc<Actor>>(index, tags::ACTOR);
    actor.cloned().ok_or_else(|| call.wrong(index, "Actor"))
}

fn policy_at(call: &Call, index: i32) -> Result<Arc<Policy>, Raise> {
    let policy = call.object::<Arc<Policy>>(index, tags::POLICY);
    policy.cloned().ok_or_else(|| call.wrong(index, "Policy"))
}

pub(super) fn scope_at(call: &Call, index: i32) -> Result<Arc<Scope>, Raise> {
    let scope = call.object::<Arc<Scope>>(index, tags::SCOPE);
    scope.cloned().ok_or_else(|| call.wrong(index, "Scope"))
}

/// The id that a string, a policy or `{ns, name}` stands for.
fn id_at(call: &mut Call, index: i32) -> Result<String, Raise> {
    if let Some(policy) = call.object::<Arc<Policy>>(index, tags::POLICY) {
        return Ok(policy.id.to_string());
    }
    if !call.is_table(index) {
        return call.string(index);
    }
    let mut part = |name| {
        call.push_field(index, name);
        let at = call.count();
        let text = call.is_string(at).then(|| call.str(at).into_owned());
        call.pop(1);
        text
    };
    match (part(c"ns"), part(c"name")) {
        (Some(ns), Some(name)) => Ok(format!("{ns}:{name}")),
        _ => Err(call.wrong(index, "policy id")),
    }
}

/// What the policy or scope says about the arguments (actor, action, resource, meta).
fn verdict(call: &mut Call, judge: impl FnOnce(Question<'_>) -> Verdict) -> Outcome {
    let actor = actor_at(call, 2)?;
    let (action, resource) = (call.string(3)?, call.string(4)?);
    let meta = meta(call, 5)?;
    let question = Question { actor: &actor, action: &action, resource: &resource, meta: &meta };
    call.push_str(judge(question).as_str());
    call.results(1)
}

fn text(call: &mut Call, class: &str, id: &str) -> Outcome {
    call.push_str(&format!("security.{class}{{{id}}}"));
    call.results(1)
}

fn actor_id(call: &mut Call) -> Outcome {
    let actor = actor_at(call, 1)?;
    call.push_str(&actor.id);
    call.results(1)
}

fn actor_meta(call: &mut Call) -> Outcome {
    let actor = actor_at(call, 1)?;
    if actor.meta.items.is_empty() {
        call.push_table(0, 0);
        return call.results(1);
    }
    let count = call.push_values(&actor.meta);
    call.results(count)
}

fn actor_text(call: &mut Call) -> Outcome {
    let actor = actor_at(call, 1)?;
    text(call, "Actor", &actor.id)
}

fn policy_id(call: &mut Call) -> Outcome {
    let policy = policy_at(call, 1)?;
    call.push_str(&policy.id);
    call.results(1)
}

fn policy_evaluate(call: &mut Call) -> Outcome {
    let policy = policy_at(call, 1)?;
    verdict(call, |question| policy.evaluate(question))
}

fn policy_text(call: &mut Call) -> Outcome {
    let policy = policy_at(call, 1)?;
    text(call, "Policy", &policy.id)
}

fn scope_with(call: &mut Call) -> Outcome {
    let (scope, policy) = (scope_at(call, 1)?, policy_at(call, 2)?);
    guard(call, MAKE_SCOPE, "with")?;
    let scope = Scope::clone(&scope).with(policy);
    give(call, Some(Object::Scope(Arc::new(scope))))
}

fn scope_without(call: &mut Call) -> Outcome {
    let (scope, id) = (scope_at(call, 1)?, id_at(call, 2)?);
    guard(call, MAKE_SCOPE, "without")?;
    let scope = Scope::clone(&scope).without(&id);
    give(call, Some(Object::Scope(Arc::new(scope))))
}

fn scope_contains(call: &mut Call) -> Outcome {
    let (scope, id) = (scope_at(call, 1)?, id_at(call, 2)?);
    call.push_boolean(scope.contains(&id));
    call.results(1)
}

fn scope_policies(call: &mut Call) -> Outcome {
    let scope = scope_at(call, 1)?;
    call.push_table(scope.policies().len(), 0);
    for (position, policy) in (1..).zip(scope.policies()) {
        call.push_object(&Object::Policy(policy.clone()));
        call.set_element(position);
    }
    call.results(1)
}

fn scope_evaluate(call: &mut Call) -> Outcome {
    let scope = scope_at(call, 1)?;
    verdict(call, |question| scope.evaluate(question))
}

fn scope_text(call: &mut Call) -> Outcome {
    scope_at(call, 1)?;
    text(call, "Scope", "")
}

static ACTOR: &[Function] = &[
    Function { name: c"id", run: actor_id },
    Function { name: c"meta", run: actor_meta },
    Function { name: c"__tostring", run: actor_text },
];

static POLICY: &[Function] = &[
    Function { name: c"id", run: policy_id },
    Function { name: c"evaluate", run: policy_evaluate },
    Function { name: c"__tostring", run: policy_text },
];

static SCOPE: &[Function] = &[
    Function { name: c"with", run: scope_with },
    Function { name: c"without", run: scope_without },
    Function { name: c"contains", run: scope_contains },
    Function { name: c"policies", run: scope_policies },
    Function { name: c"evaluate", run: scope_evaluate },
    Function { name: c"__tostring", run: scope_text },
];

/// Makes the classes.
pub fn install(setup: &mut Setup) {
    setup.class::<Arc<Actor>>(tags::ACTOR, "security.Actor", ACTOR);
    setup.class::<Arc<Policy>>(tags::POLICY, "security.Policy", POLICY);
    setup.class::<Arc<Scope>>(tags::SCOPE, "security.Scope", SCOPE);
}
