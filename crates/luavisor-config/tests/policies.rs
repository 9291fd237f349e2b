//! `security.policy` entries and the `security` of lifecycles (MODULES 6.1).
#![allow(clippy::unwrap_used)]

mod support;

use luavisor_config::Mode;
use luavisor_core::Values;
use luavisor_core::security::{Actor, Question, Scope, Verdict};
use support::{ERROR, Project};

fn verdict(scope: &Scope, action: &str, resource: &str) -> Verdict {
    let actor = Actor::new("bot", Values::none()).unwrap();
    scope.evaluate(Question { actor: &actor, action, resource, meta: &Values::none() })
}

#[test]
fn policies_are_members_of_groups() {
    let project = Project::with(
        "- name: read\n  kind: security.policy\n  groups: [default, other:all]\n\
         \x20 policy: { actions: [read, doc.*], resources: 'doc:*', effect: allow }\n\
         - name: own\n  kind: security.policy\n  groups: [default]\n\
         \x20 policy:\n    actions: '*'\n    resources: ['*']\n    effect: deny\n    conditions:\n\
         \x20   - { field: resource, operator: matches, value: '^doc:x' }\n\
         \x20   - { field: actor.id, operator: in, value: [bot, 7, null] }\n\
         \x20   - { field: meta.owner, operator: nexists }\n\
         \x20   - { field: actor.id, operator: eq, value_from: actor.id }\n",
    );
    assert_eq!(project.report(Mode::Check), "");
    let app = project.app();
    let ids: Vec<&str> = app.policies.ids().collect();
    assert_eq!(ids, ["app:own", "app:read"]);
    let groups: Vec<&str> = app.policies.group_ids().collect();
    assert_eq!(groups, ["app:default", "other:all"]);
    let default = app.policies.group("app:default").unwrap();
    assert_eq!(verdict(default, "doc.write", "doc:1"), Verdict::Allow);
    assert_eq!(verdict(default, "write", "doc:1"), Verdict::Undefined);
    assert_eq!(verdict(default, "read", "doc:x1"), Verdict::Deny);
    assert_eq!(app.policies.group("other:all").unwrap().policies().len(), 1);
}

#[test]
fn a_lifecycle_names_actor_groups_and_policies() {
    let project = Project::with(
        "- name: p\n  kind: security.policy\n  groups: [g]\n\
         \x20 policy: { actions: '*', resources: '*', effect: allow }\n\
         - name: a\n  kind: process.lua\n  source: x\n  lifecycle:\n\
         \x20   security: { actor: { id: bot, meta: { n: 1 } }, groups: [g], policies: [app:p] }\n",
    );
    assert_eq!(project.report(Mode::Check), "");
    let app = project.app();
    let security = app.services[0].lifecycle.security.as_ref().unwrap();
    assert_eq!(security.actor.as_deref(), Some("bot"));
    assert_eq!(security.groups[0].as_str(), "app:g");
    assert_eq!(security.policies[0].as_str(), "app:p");
}

#[test]
fn what_is_wrong_with_policies() {
    let project = Project::with(
        "- { name: none, kind: security.policy }\n\
         - { name: empty, kind: security.policy, policy: {} }\n\
         - { name: odd, kind: security.policy, groups: 'a:b:c', policy: { actions: [], resources: 5, effect: allow } }\n\
         - name: more\n  kind: security.policy\n  groups: [a:b:c, good]\n\
         \x20 policy:\n    actions: x\n    resources: y\n    effect: refuse\n    condtions: []\n    conditions:\n\
         \x20   - { field: actor.name, operator: eq, value: 1 }\n\
         \x20   - { field: action, operator: equals, value: 1 }\n\
         \x20   - { field: action, operator: matches, value: '(' }\n\
         \x20   - { field: action, operator: matches, value_from: action }\n\
         \x20   - { field: action, operator: eq }\n\
         \x20   - { field: action, operator: eq, value: null }\n\
         \x20   - { operator: eq, value: 1 }\n\
         \x20   - { field: action, value: 1 }\n\
         \x20   - 5\n\
         - name: a\n  kind: process.lua\n  source: x\n  lifecycle:\n\
         \x20   security: { groups: [goood], policies: [nane, a] }\n",
    );
    let report = project.report(Mode::Check);
    let lines: Vec<&str> = report
        .lines()
        .filter(|line| line.starts_with("src/") || line.contains("did you mean"))
        .collect();
    assert_eq!(
        lines,
        [
            "src/app.yaml:6:11: error: policy is required",
            "src/app.yaml:7:11: error: policy.actions is required",
            "src/app.yaml:7:11: error: policy.resources is required",
            "src/app.yaml:7:11: error: policy.effect is required",
            "src/app.yaml:8:47: error: expected a list, found \"a:b:c\"",
            "src/app.yaml:8:75: error: expected at least one name, found a list",
            "src/app.yaml:8:90: error: expected a string, found 5",
            "src/app.yaml:11:12: error: expected the name of a group, found \"a:b:c\"",
            "src/app.yaml:15:13: error: expected allow or deny, found \"refuse\"",
            "src/app.yaml:16:5: error: unknown key \"condtions\" in policy",
            "     |     ^^^^^^^^^ did you mean \"conditions\"?",
            "src/app.yaml:18:16: error: expected actor.id, actor.meta.<path>, action, resource or meta.<path>, found \"actor.name\"",
            "src/app.yaml:19:34: error: expected eq, ne, lt, gt, lte, gte, in, nin, exists, nexists, contains, ncontains, matches or nmatches, found \"equals\"",
            "src/app.yaml:20:50: error: bad regular expression: unclosed group",
            "src/app.yaml:21:7: error: the operator needs a value, a regular expression",
            "src/app.yaml:22:7: error: the operator needs a value or value_from",
            "src/app.yaml:23:7: error: the operator needs a value or value_from",
            "src/app.yaml:24:7: error: a condition needs a field",
            "src/app.yaml:25:7: error: a condition needs an operator",
            "src/app.yaml:26:7: error: expected a map, found 5",
            "src/app.yaml:31:15: error: policies have no effect without an actor, expected actor.id",
            "src/app.yaml:31:26: error: unknown policy group \"app:goood\"",
            "     |                          ^^^^^ did you mean \"app:good\"?",
            "src/app.yaml:31:45: error: unknown policy \"app:nane\"",
            "     |                                             ^^^^ did you mean \"app:none\"?",
            "src/app.yaml:31:51: error: \"app:a\" is a process.lua, expected a security.policy or a security.policy.expr",
        ]
    );
    assert_eq!(project.passes(), ERROR);
}

#[test]
fn a_policy_may_have_an_expression() {
    let project = Project::with(
        "- name: yes\n  kind: security.policy.expr\n  groups: [g]\n\
         \x20 policy: { actions: '*', resources: '*', effect: allow, expression: 'action == \"a\" and resource in [\"b\", \"c\"]' }\n\
         - name: no\n  kind: security.policy.expr\n  groups: [h]\n\
         \x20 policy: { actions: '*', resources: '*', effect: deny, expression: '(actor.meta.team ?? \"none\") == \"none\"' }\n\
         - name: fails\n  kind: security.policy.expr\n  groups: [i]\n\
         \x20 policy: { actions: '*', resources: '*', effect: allow, expression: '1 / nil > 0' }\n\
         - name: long\n  kind: security.policy.expr\n  groups: [j]\n\
         \x20 policy: { actions: '*', resources: '*', effect: allow, expression: 'len(1..100000) > 0' }\n",
    );
    assert_eq!(project.report(Mode::Check), "");
    let app = project.load().application;
    let group = |id, action, resource| verdict(app.policies.group(id).unwrap(), action, resource);
    assert_eq!(group("app:g", "a", "c"), Verdict::Allow);
    assert_eq!(group("app:g", "a", "d"), Verdict::Undefined);
    assert_eq!(group("app:h", "a", "b"), Verdict::Deny);
    assert_eq!(group("app:i", "a", "b"), Verdict::Undefined);
    assert_eq!(group("app:j", "a", "b"), Verdict::Undefined);
    let wrong = Project::with(
        "- name: a\n  kind: security.policy.expr\n\
         \x20 policy: { actions: '*', resources: '*', effect: allow, expression: 'action ==' }\n\
         - name: b\n  kind: security.policy.expr\n\
         \x20 policy: { actions: '*', resources: '*', effect: allow }\n",
    );
    let report = wrong.report(Mode::Run);
    assert!(report.contains("error: bad expression: unexpected end (1:10)"), "{report}");
    assert!(report.contains("error: policy.expression is required"), "{report}");
}
