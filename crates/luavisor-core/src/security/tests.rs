use std::sync::Arc;

use super::*;
use crate::value::Table;

fn policy(id: &str, actions: &[&str], resources: &[&str], effect: Effect) -> Policy {
    let names = |texts: &[&str]| texts.iter().map(|text| Names::parse(text)).collect();
    let (actions, resources) = (names(actions), names(resources));
    Policy { id: id.into(), actions, resources, effect, conditions: Vec::new(), expression: None }
}

/// A table with these fields.
fn table<const N: usize>(fields: [(&str, Value); N]) -> Values {
    let hash = fields.into_iter().map(|(key, value)| (key.into(), value)).collect();
    let mut values = Values::one(Value::Table(0));
    values.tables.push(Table { array: Vec::new(), hash });
    values
}

/// A list with these elements.
fn list<const N: usize>(elements: [Value; N]) -> Values {
    let mut values = Values::one(Value::Table(0));
    values.tables.push(Table { array: elements.into(), hash: Vec::new() });
    values
}

#[test]
fn names_are_all_a_family_a_prefix_or_one() {
    for (pattern, name, expected) in [
        ("*", "anything", true),
        ("*", "", true),
        ("doc.*", "doc", true),
        ("doc.*", "doc.read", true),
        ("doc.*", "doc.read.all", true),
        ("doc.*", "docs", false),
        ("doc.*", "do", false),
        ("doc*", "docs", true),
        ("document:*", "document:1", true),
        ("document:*", "document", false),
        ("read", "read", true),
        ("read", "reader", false),
        ("a*b", "a*b", true),
        ("a*b", "axb", false),
    ] {
        assert_eq!(Names::parse(pattern).hold(name), expected, "{pattern} {name}");
    }
}

#[test]
fn a_deny_wins_over_any_allow_and_nothing_allows_nothing() {
    use Effect::{Allow, Deny};
    for (effects, expected) in [
        (&[][..], Verdict::Undefined),
        (&[Some(Allow)], Verdict::Allow),
        (&[Some(Deny)], Verdict::Deny),
        (&[Some(Allow), Some(Deny)], Verdict::Deny),
        (&[Some(Deny), Some(Allow)], Verdict::Deny),
        (&[None], Verdict::Undefined),
        (&[None, Some(Allow)], Verdict::Allow),
        (&[None, Some(Deny)], Verdict::Deny),
    ] {
        // `None` is a policy about something else.
        let scope = Scope::of(effects.iter().enumerate().map(|(at, effect)| {
            let action = if effect.is_some() { "read" } else { "write" };
            Arc::new(policy(&format!("app:{at}"), &[action], &["*"], effect.unwrap_or(Allow)))
        }));
        let actor = Actor::new("user:1", Values::none()).unwrap();
        let meta = Values::none();
        let question = Question { actor: &actor, action: "read", resource: "doc:1", meta: &meta };
        assert_eq!(scope.evaluate(question), expected, "{effects:?}");
    }
}

#[test]
fn a_policy_is_about_its_actions_with_its_resources() {
    let policy = policy("app:p", &["read", "doc.*"], &["document:*", "note"], Effect::Allow);
    let actor = Actor::new("user:1", Values::none()).unwrap();
    for (action, resource, expected) in [
        ("read", "document:1", Verdict::Allow),
        ("doc.write", "note", Verdict::Allow),
        ("write", "document:1", Verdict::Undefined),
        ("read", "other", Verdict::Undefined),
    ] {
        let meta = Values::none();
        let question = Question { actor: &actor, action, resource, meta: &meta };
        assert_eq!(policy.evaluate(question), expected, "{action} {resource}");
    }
}

#[test]
fn operators() {
    let actor_meta = table([("role", "admin".into()), ("level", 5.into())]);
    let actor = Actor::new("user:1", actor_meta).unwrap();
    let mut meta = table([
        ("owner", "user:1".into()),
        ("size", "10".into()),
        ("public", true.into()),
        ("tags", Value::Table(1)),
        ("deep", Value::Table(2)),
        ("hole", Value::Nil),
    ]);
    meta.tables.push(Table { array: vec!["red".into(), 7.into()], hash: Vec::new() });
    meta.tables.push(Table { array: Vec::new(), hash: vec![("x".into(), "y".into())] });
    let question = Question { actor: &actor, action: "read", resource: "doc:1", meta: &meta };

    let one = |value: Value| Against::Value(Values::one(value));
    let field = |text: &str| Against::Field(Field::parse(text).unwrap());
    let like = |text: &str| Against::Pattern(Pattern::parse(text).unwrap());
    let any_of = || Against::Value(list(["red".into(), "user:1".into(), 10.into()]));
    for (left, operator, against, expected) in [
        ("meta.owner", "eq", field("actor.id"), true),
        ("meta.owner", "eq", one("user:2".into()), false),
        ("meta.owner", "ne", one("user:2".into()), true),
        ("meta.owner", "ne", field("meta.nothing"), false),
        ("meta.missing", "ne", one("x".into()), false),
        ("meta.missing", "eq", field("meta.missing"), false),
        ("meta.size", "eq", one(10.into()), true),
        ("meta.size", "eq", one("10.0".into()), false),
        ("meta.public", "eq", one(true.into()), true),
        ("meta.public", "eq", one("true".into()), false),
        ("meta.tags", "eq", Against::Value(list(["red".into(), 7.into()])), true),
        ("meta.tags", "eq", Against::Value(list(["red".into(), 8.into()])), false),
        ("meta.deep", "eq", Against::Value(table([("x", "y".into())])), true),
        ("meta.deep.x", "eq", one("y".into()), true),
        ("meta.deep.x.z", "exists", Against::Nothing, false),
        ("actor.meta.level", "gt", one(4.into()), true),
        ("actor.meta.level", "gt", one(5.into()), false),
        ("actor.meta.level", "gte", one(5.into()), true),
        ("actor.meta.level", "lt", one("6".into()), true),
        ("actor.meta.level", "lte", one("4.9".into()), false),
        ("actor.meta.role", "gt", one(4.into()), false),
        ("actor.meta.role", "lt", one(4.into()), false),
        ("meta.owner", "in", any_of(), true),
        ("meta.size", "in", any_of(), true),
        ("action", "in", any_of(), false),
        ("action", "in", one("read".into()), true),
        ("action", "nin", any_of(), true),
        ("meta.owner", "nin", any_of(), false),
        ("meta.missing", "nin", any_of(), false),
        ("actor.meta.role", "exists", Against::Nothing, true),
        ("actor.meta.rule", "exists", Against::Nothing, false),
        ("actor.meta.rule", "nexists", Against::Nothing, true),
        ("meta.hole", "nexists", Against::Nothing, true),
        ("resource", "contains", one("oc:".into()), true),
        ("resource", "contains", one("".into()), true),
        ("resource", "ncontains", one("oc:".into()), false),
        ("meta.tags", "contains", one("red".into()), true),
        ("meta.tags", "contains", one("blue".into()), false),
        ("meta.tags", "ncontains", one("blue".into()), true),
        ("resource", "matches", like("^doc:[0-9]+$"), true),
        ("resource", "nmatches", like("^doc:[0-9]+$"), false),
        ("action", "nmatches", like("^doc"), true),
        ("meta.public", "matches", like("true"), false),
        ("meta.missing", "nmatches", like("x"), false),
    ] {
        let (_, operator) = *Operator::ALL.iter().find(|(name, _)| *name == operator).unwrap();
        let condition = Condition { field: Field::parse(left).unwrap(), operator, against };
        assert_eq!(condition.holds(question), expected, "{condition:?}");
    }
}

#[test]
fn one_condition_that_does_not_hold_silences_a_policy() {
    let actor = Actor::new("user:1", Values::none()).unwrap();
    let meta = Values::none();
    let question = Question { actor: &actor, action: "read", resource: "doc:1", meta: &meta };
    let is = |field: &str, text: &str| Condition {
        field: Field::parse(field).unwrap(),
        operator: Operator::Eq,
        against: Against::Value(Values::one(text)),
    };
    let mut policy = policy("app:p", &["*"], &["*"], Effect::Deny);
    policy.conditions = vec![is("actor.id", "user:1"), is("action", "read")];
    assert_eq!(policy.evaluate(question), Verdict::Deny);
    policy.conditions.push(is("resource", "doc:2"));
    assert_eq!(policy.evaluate(question), Verdict::Undefined);
}

#[test]
fn fields_that_do_not_exist_are_refused() {
    for text in ["", "actor", "actor.name", "actor.meta", "actor.meta.", "meta.", "meta.a..b"] {
        assert_eq!(Field::parse(text), None, "{text}");
    }
}

#[test]
fn tables_that_contain_themselves_are_compared_in_bounded_time() {
    let mut cyclic = Values::one(Value::Table(0));
    let array = vec![Value::Table(0), Value::Table(0), Value::Table(0)];
    cyclic.tables.push(Table { array, hash: vec![("x".into(), Value::Table(0))] });
    let actor = Actor::new("a", cyclic.clone()).unwrap();
    let mut meta = table([("x", Value::Table(1)), ("long", "a".repeat(1 << 20).into())]);
    meta.tables.extend(cyclic.tables.iter().cloned());
    meta.tables[1].array.fill(Value::Table(1));
    let question = Question { actor: &actor, action: "", resource: "", meta: &meta };
    let compared = |field: &str, operator, against| {
        Condition { field: Field::parse(field).unwrap(), operator, against }.holds(question)
    };
    // Neither equal nor unequal, nor found nor missing.
    let itself = || Against::Field(Field::parse("actor.meta.x").unwrap());
    for operator in [Operator::Eq, Operator::In, Operator::Contains] {
        assert!(!compared("meta.x", operator, itself()), "{operator:?}");
    }
    let text = Value::from("a".repeat((1 << 20) - 1) + "b");
    let texts = list([0; 1000].map(|_| text.clone()));
    assert!(!compared("meta.long", Operator::In, Against::Value(texts.clone())));
    assert!(!compared("meta.long", Operator::Nin, Against::Value(texts)));
    // What a search in bytes would be slow with.
    let part = Against::Value(Values::one("a".repeat(1 << 19) + "b"));
    assert!(!compared("meta.long", Operator::Contains, part));
    assert!(!compared("meta.long", Operator::Lt, Against::Value(Values::one(1))));
}

#[test]
fn a_scope_holds_each_id_once() {
    let allow = Arc::new(policy("app:p", &["a"], &["*"], Effect::Allow));
    let deny = Arc::new(policy("app:p", &["a"], &["*"], Effect::Deny));
    let other = Arc::new(policy("app:q", &["b"], &["*"], Effect::Allow));
    let scope = Scope::of([allow.clone(), other, deny.clone()]);
    assert_eq!(scope.policies().len(), 2);
    assert_eq!(scope.policies()[0], deny);
    assert!(!scope.clone().without("app:p").contains("app:p"));
    assert!(scope.contains("app:q"));
}

#[test]
fn groups_are_scopes_by_name() {
    let mut policies = Policies::default();
    let first = Arc::new(policy("app:p", &["a"], &["*"], Effect::Allow));
    policies.add(first.clone(), ["app:default".into(), "other:all".into()]);
    policies.add(Arc::new(policy("app:q", &["b"], &["*"], Effect::Allow)), ["app:default".into()]);
    assert_eq!(policies.group("app:default").unwrap().policies().len(), 2);
    assert_eq!(policies.group("other:all").unwrap().policies(), [first]);
    assert!(policies.group("app:none").is_none());
    assert!(policies.policy("app:q").is_some());
}

#[test]
fn an_actor_is_plain_data() {
    let object = Value::from(crate::Error::invalid("x"));
    assert!(Actor::new("a", table([("x", object)])).is_none());
}
