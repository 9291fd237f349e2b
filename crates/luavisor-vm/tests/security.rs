//! `security`, and the guards of other modules (MODULES 6).

#![allow(clippy::unwrap_used)]

mod support;

use std::sync::Arc;

use luavisor_core::security::{
    Actor, Against, Condition, Effect, Field, Names, Operator, Policies, Policy, Scope,
};
use luavisor_core::{Value, Values};
use support::{Bench, passes, pid};

/// A policy about these actions with these resources.
fn policy(id: &str, actions: &[&str], resources: &[&str], effect: Effect) -> Arc<Policy> {
    let names = |texts: &[&str]| texts.iter().map(|text| Names::parse(text)).collect();
    let (actions, resources) = (names(actions), names(resources));
    Arc::new(Policy {
        id: id.into(),
        actions,
        resources,
        effect,
        conditions: Vec::new(),
        expression: None,
    })
}

/// `app:read` allows reading, `app:secret` denies what is secret, `app:own` allows
/// everything with what one owns. The first two are the group `app:default`.
fn policies() -> Policies {
    let mut policies = Policies::default();
    let group = || [Arc::from("app:default")];
    policies.add(policy("app:read", &["read"], &["*"], Effect::Allow), group());
    policies.add(policy("app:secret", &["*"], &["secret:*"], Effect::Deny), group());
    let own = Condition {
        field: Field::parse("meta.owner").unwrap(),
        operator: Operator::Eq,
        against: Against::Field(Field::ActorId),
    };
    let all = vec![Names::All];
    let own = Policy {
        id: "app:own".into(),
        actions: all.clone(),
        resources: all,
        effect: Effect::Allow,
        conditions: vec![own],
        expression: None,
    };
    policies.add(Arc::new(own), []);
    policies
}

fn bench() -> Bench {
    let mut bench = Bench::new();
    bench.kernel.policies = Arc::new(policies());
    bench
}

/// A process of `user:1` who may only do this.
fn allowed(actions: &[&str], resources: &[&str]) -> Bench {
    let mut bench = bench();
    let scope = Scope::of([policy("app:test", actions, resources, Effect::Allow)]);
    bench.context.scope = Some(Arc::new(scope));
    let actor = Actor::new("user:1", Values::none()).unwrap();
    bench.context.actor = Some(Arc::new(actor));
    bench.kernel.spawn_as = Some(pid());
    bench
}

#[test]
fn without_a_context_nothing_is_known_and_guards_allow() {
    bench().passes(
        r#"
        local security = require("security")
        eq(security.actor(), nil) eq(security.scope(), nil)
        eq(security.can("read", "doc:1"), false)
        eq(require("env").get_all().X, nil)
        eq(security.named_scope("app:default"):contains("app:read"), true)
        "#,
    );
}

#[test]
fn actors() {
    passes(
        r#"
        local security = require("security")
        local actor = security.new_actor("user:1", { role = "admin", tags = { "a" } })
        eq(actor:id(), "user:1") eq(type(actor), "userdata")
        eq(tostring(actor), "security.Actor{user:1}")
        local meta = actor:meta()
        eq(meta.role, "admin") eq(meta.tags[1], "a")
        meta.role = "changed"
        eq(actor:meta().role, "admin")
        eq(next(security.new_actor("x"):meta()), nil)
        fails("bad argument #1 to 'new_actor' (string expected", security.new_actor)
        fails("bad argument #2 to 'new_actor' (table expected, got number)", security.new_actor, "x", 1)
        fails("meta.f: a function cannot be sent", security.new_actor, "x", { f = print })
        fails("the meta of an actor holds plain data only", security.new_actor, "x", { actor })
        fails("Actor expected", actor.id, {})
        local round = {} round.self = round
        eq(security.new_actor("x", round):meta().self.self ~= nil, true)
        "#,
    );
}

#[test]
fn policies_and_groups() {
    bench().passes(
        r#"
        local security = require("security")
        local me = security.new_actor("user:1")
        local read = security.policy("app:read")
        eq(read:id(), "app:read") eq(tostring(read), "security.Policy{app:read}")
        eq(read:evaluate(me, "read", "doc:1"), "allow")
        eq(read:evaluate(me, "write", "doc:1"), "undefined")
        eq(security.policy("app:secret"):evaluate(me, "read", "secret:1"), "deny")
        local own = security.policy("app:own")
        eq(own:evaluate(me, "x", "y", { owner = "user:1" }), "allow")
        eq(own:evaluate(me, "x", "y", { owner = "user:2" }), "undefined")
        eq(own:evaluate(me, "x", "y"), "undefined")
        local err = refused("NotFound", "policy not found: app:none", security.policy("app:none"))
        eq(err:retryable(), false)
        refused("NotFound", "policy group not found: app:none", security.named_scope("app:none"))
        local group = security.named_scope("app:default")
        eq(#group:policies(), 2) eq(group:policies()[1]:id(), "app:read")
        eq(group:evaluate(me, "read", "doc:1"), "allow")
        eq(group:evaluate(me, "read", "secret:1"), "deny")
        eq(group:evaluate(me, "write", "doc:1"), "undefined")
        fails("Actor expected, got nil", group.evaluate, group, nil, "read", "doc:1")
        fails("bad argument #3 to 'evaluate' (string expected, got no value)", group.evaluate, group, me)
        fails("table expected, got string", group.evaluate, group, me, "a", "b", "c")
        refused("Invalid", "token store id is required", security.token_store(""))
        refused("NotFound", "token store not found: app:none", security.token_store("app:none"))
        refused("Invalid", "resource is not a token store", security.token_store("app:main"))
        "#,
    );
}

#[test]
fn scopes_are_immutable() {
    bench().passes(
        r#"
        local security = require("security")
        local me = security.new_actor("user:1")
        local empty = security.new_scope()
        eq(#empty:policies(), 0) eq(empty:evaluate(me, "read", "x"), "undefined")
        local read, secret = security.policy("app:read"), security.policy("app:secret")
        local scope = empty:with(read)
        eq(#empty:policies(), 0) eq(#scope:policies(), 1)
        eq(#scope:with(read):policies(), 1)
        eq(scope:contains("app:read"), true) eq(scope:contains(read), true)
        eq(scope:contains({ ns = "app", name = "read" }), true) eq(scope:contains(secret), false)
        for _, id in { "app:read", read, { ns = "app", name = "read" } } do
            eq(#scope:without(id):policies(), 0)
        end
        eq(#scope:without("app:none"):policies(), 1)
        eq(#security.new_scope({ read, secret }):policies(), 2)
        fails("policies[2]: Policy expected", security.new_scope, { read, 5 })
        fails("table expected, got string", security.new_scope, "app:read")
        fails("Policy expected, got string", scope.with, scope, "app:read")
        fails("policy id expected", scope.contains, scope, { ns = "app" })
        fails("string expected, got number", scope.contains, scope, 5)
        "#,
    );
}

#[test]
fn can_asks_the_scope_of_the_process() {
    let mut bench = allowed(&["read", "doc.*"], &["document:*"]);
    bench.passes(
        r#"
        local security = require("security")
        eq(security.actor():id(), "user:1")
        eq(#security.scope():policies(), 1)
        eq(security.can("read", "document:1"), true)
        eq(security.can("doc.write", "document:1", { any = 1 }), true)
        eq(security.can("write", "document:1"), false)
        eq(security.can("read", "other"), false)
        fails("string expected", security.can, "read")
        fails("table expected, got number", security.can, "read", "document:1", 5)
        "#,
    );
}

#[test]
fn objects_may_be_sent() {
    let mut bench = bench();
    let exit = bench.run(
        r#"local security = require("security")
        return { security.new_actor("a"), security.policy("app:read"), security.named_scope("app:default") }"#,
    );
    assert!(exit.error.is_none(), "{:?}", exit.error);
    assert!(matches!(exit.value.tables[0].array[0], Value::Object(_)));
    bench.arguments = exit.value;
    bench.passes(
        r#"
        local objects = ...
        eq(objects[1]:id(), "a") eq(objects[2]:id(), "app:read")
        eq(objects[3]:evaluate(objects[1], "read", "x"), "allow")
        "#,
    );
}

/// What is refused to somebody who may do something else only.
const GUARDED: &str = r#"
    local security, funcs, env = require("security"), require("funcs"), require("env")
    local events, system = require("events"), require("system")
    local function denied(text, ...) return refused("PermissionDenied", text, ...) end
    local other = "{app:test|0x00001}"
    denied("not allowed: app:x", process.spawn("app:x", "app:host"))
    denied("not allowed: app:x", process.spawn_linked_monitored("app:x", "app:host"))
    denied("not allowed: app:x", process.exec("app:x", "app:host"))
    eq(denied("not allowed: app:x", process.spawn("app:x", "app:host")):retryable(), nil)
    denied("not allowed: " .. other, process.send(other, "hi"))
    denied("not allowed: " .. other, process.cancel(other))
    denied("not allowed: " .. other, process.terminate(other))
    denied("not allowed: " .. other, process.monitor(other))
    denied("not allowed: " .. other, process.link(other))
    denied("not allowed: app:y", process.upgrade("app:y"))
    denied("not allowed: name", process.registry.register("name"))
    denied("not allowed: name", process.registry.unregister("name"))
    fails("not allowed: context", process.with_context, {})
    eq(fails("not allowed: context", funcs.new().with_context, funcs.new(), {}):kind(), "PermissionDenied")
    denied("not allowed: app:f", funcs.call("app:f"))
    denied("not allowed: app:f", funcs.async("app:f"))
    denied("not allowed: app:f", funcs.new():call("app:f"))
    denied("not allowed: sys", events.send("sys", "kind", "path"))
    eq(denied("not allowed: sys", events.subscribe("sys")):retryable(), false)
    denied("not allowed to access environment variable: X", env.get("X"))
    denied("not allowed to set environment variable: X", env.set("X", "1"))
    eq(env.get_all().X, nil)
    denied("not allowed: memory", system.memory.stats())
    denied("not allowed: gc", system.gc.collect())
    denied("not allowed: system", system.exit())
    denied("not allowed: app:s", require("supervisor").stop("app:s", "a"))
    denied("permission denied: access policy", security.policy("app:read"))
    denied("not allowed: app:default", security.named_scope("app:default"))
    denied("not allowed: app:t", security.token_store("app:t"))
    eq(fails("not allowed: root", security.new_actor, "root"):kind(), "PermissionDenied")
    fails("not allowed: custom", security.new_scope)
"#;

#[test]
fn guards_refuse_what_the_scope_does_not_allow() {
    let mut bench = allowed(&["something.else"], &["*"]);
    bench.kernel.variables.insert("X".into(), "1".into());
    let body = format!(
        r#"{GUARDED}
        local scope = security.scope()
        fails("not allowed: with", scope.with, scope, scope:policies()[1])
        fails("not allowed: without", scope.without, scope, "x")
        local builder, executor = process.with_options({{}}), funcs.new()
        fails("not allowed: security", builder.with_actor, builder, security.actor())
        fails("not allowed: security", executor.with_scope, executor, scope)
        eq(process.send(process.pid(), "hi"), true)
        refused("NotFound", "process not found", process.cancel(process.pid()))"#
    );
    bench.passes(&body);
    assert!(bench.kernel.spawned.is_empty() && bench.kernel.called.is_empty());
}

#[test]
fn strict_mode_refuses_guarded_calls_without_a_context() {
    Bench::strict().passes(GUARDED);
    // An actor alone is no security context.
    let mut bench = Bench::strict();
    bench.context.actor = Some(Arc::new(Actor::new("user:1", Values::none()).unwrap()));
    bench.passes(GUARDED);
}

#[test]
fn an_actor_without_a_scope_is_no_security_context() {
    let mut bench = bench();
    bench.context.actor = Some(Arc::new(Actor::new("user:1", Values::none()).unwrap()));
    bench.passes(
        r#"
        local security = require("security")
        eq(security.can("read", "doc:1"), false)
        refused("NotFound", "factory not found", process.spawn("app:x", "app:host"))
        "#,
    );
}

#[test]
fn a_spawn_needs_the_code_and_the_host() {
    let body = r#"refused("PermissionDenied", "not allowed: app:host", process.spawn("app:x", "app:host"))"#;
    allowed(&["process.spawn"], &["app:x"]).passes(body);
    let mut bench = allowed(&["process.*"], &["app:x", "app:host"]);
    bench.passes(r#"eq(process.spawn("app:x", "app:host"), process.pid())"#);
    let context = &bench.kernel.spawned[0].context;
    assert_eq!(&*context.actor.as_ref().unwrap().id, "user:1");
}

#[test]
fn builders_and_executors_carry_actor_and_scope() {
    let mut bench = bench();
    bench.kernel.spawn_as = Some(pid());
    bench.passes(
        r#"
        local security, funcs = require("security"), require("funcs")
        local actor = security.new_actor("user:2")
        local scope = security.named_scope("app:default")
        local plain = process.with_context({ a = 1 })
        local builder = plain:with_actor(actor):with_scope(scope)
        builder:spawn("app:x", "app:host")
        plain:spawn("app:x", "app:host")
        builder:exec("app:x", "app:host")
        funcs.new():with_actor(actor):call("app:f")
        funcs.new():with_scope(scope):async("app:f")
        "#,
    );
    let kernel = &bench.kernel;
    let who = |context: &luavisor_vm::Context| {
        let actor = context.actor.as_ref().map(|actor| actor.id.to_string());
        (actor, context.scope.as_ref().map(|scope| scope.policies().len()))
    };
    assert_eq!(who(&kernel.spawned[0].context), (Some("user:2".into()), Some(2)));
    assert_eq!(who(&kernel.spawned[1].context), (None, None));
    assert_eq!(who(&kernel.executed[0].0.context), (Some("user:2".into()), Some(2)));
    assert_eq!(who(&kernel.called[0].context), (Some("user:2".into()), None));
    assert_eq!(who(&kernel.called[1].context), (None, Some(2)));
}
