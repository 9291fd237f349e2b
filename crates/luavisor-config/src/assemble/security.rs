//! `security.policy` and `security.policy.expr` entries, and the `security` of a lifecycle
//! (MODULES 6.1).

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_core::security::{
    Against, Condition, Effect, Expression, Field, Names, Operator, Pattern, Policies, Policy,
};

use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::lifecycle::Security;
use crate::read;
use crate::suggest;
use crate::yaml::{Meaning, Node};

/// The kind of policies.
pub(super) const POLICY: &str = "security.policy";
/// The same with an expression.
pub(super) const EXPRESSION: &str = "security.policy.expr";

/// What a `security` can name.
pub(super) struct Known<'a> {
    pub entries: &'a RawEntries,
    groups: BTreeSet<EntryId>,
}

impl<'a> Known<'a> {
    /// All policy groups of the application.
    pub fn of(entries: &'a RawEntries) -> Known<'a> {
        let policies = entries.list.iter().filter(|entry| is_policy(entry));
        let ids = policies.flat_map(|entry| {
            let nodes = entry.data.get("groups").and_then(Node::list).unwrap_or_default();
            nodes.iter().filter_map(|node| group(entry, node.as_text()?))
        });
        let groups = ids.collect();
        Known { entries, groups }
    }
}

fn is_policy(entry: &RawEntry) -> bool {
    matches!(entry.kind_name(), POLICY | EXPRESSION)
}

/// The group that an entry means: without a colon one of its own namespace.
fn group(entry: &RawEntry, name: &str) -> Option<EntryId> {
    EntryId::resolve(entry.id.namespace(), name)
}

/// The actor and scope of what a service starts.
pub(super) fn of_lifecycle(
    problems: &mut Problems,
    known: &Known<'_>,
    entry: &RawEntry,
    node: &Node,
) -> Option<Security> {
    read::map(problems, node)?;
    let mut security = Security::default();
    if let Some(actor) = node.get("actor").filter(|actor| read::map(problems, actor).is_some()) {
        let id = actor.get("id").and_then(|id| read::text(problems, id));
        security.actor = id.map(Into::into);
        let meta = actor.get("meta").and_then(|meta| read::map(problems, meta));
        security.actor_meta = read::table(meta.unwrap_or_default());
    }
    let texts = |problems: &mut Problems, key: &str| match node.get(key) {
        Some(node) => read::texts(problems, node),
        None => Vec::new(),
    };
    for (node, name) in texts(problems, "groups") {
        let Some(id) = group(entry, name) else {
            let _: Option<()> = read::expected(problems, node, "the name of a group");
            continue;
        };
        if known.groups.contains(&id) {
            security.groups.push(id);
            continue;
        }
        let hint = suggest::hint(id.as_str(), known.groups.iter().map(EntryId::as_str));
        let problem = Problem::error(node.span, format!("unknown policy group \"{id}\""));
        problems.push(problem.hint(hint));
    }
    for (node, _) in texts(problems, "policies") {
        let kinds = &[POLICY, EXPRESSION];
        let policy = known.entries.target(problems, entry, node, kinds, "policy");
        security.policies.extend(policy.map(|policy| policy.id.clone()));
    }
    let named = ["groups", "policies"].iter().any(|key| node.get(key).is_some());
    if named && security.actor.is_none() {
        let message = "policies have no effect without an actor, expected actor.id";
        problems.push(Problem::new(Level::Strict, node.span, message));
    }
    Some(security)
}

/// Reads a policy and adds it.
pub(super) fn read(problems: &mut Problems, entry: &RawEntry, policies: &mut Policies) {
    let mut groups = Vec::new();
    if let Some(node) = entry.data.get("groups") {
        for (node, name) in read::texts(problems, node) {
            match group(entry, name) {
                Some(id) => groups.push(id.shared()),
                None => {
                    let _: Option<()> = read::expected(problems, node, "the name of a group");
                }
            }
        }
    }
    let Some(node) = entry.data.get("policy") else {
        problems.error(entry.name_span, "policy is required");
        return;
    };
    if read::map(problems, node).is_none() {
        return;
    }
    let actions = names(problems, entry, node, "actions");
    let resources = names(problems, entry, node, "resources");
    let effects = [("allow", Effect::Allow), ("deny", Effect::Deny)];
    let effect = match node.get("effect") {
        Some(node) => read::choice(problems, node, &effects),
        None => missing(problems, entry, "effect"),
    };
    let (conditions, expression) = match entry.kind_name() {
        POLICY => (conditions(problems, node), Some(None)),
        _ => (Some(Vec::new()), expression(problems, entry, node).map(Some)),
    };
    let (Some(actions), Some(resources), Some(effect), Some(conditions), Some(expression)) =
        (actions, resources, effect, conditions, expression)
    else {
        return;
    };
    let id = entry.id.shared();
    let policy = Policy { id, actions, resources, effect, conditions, expression };
    policies.add(Arc::new(policy), groups);
}

/// The expression of a policy.
fn expression(problems: &mut Problems, entry: &RawEntry, policy: &Node) -> Option<Expression> {
    let Some(node) = policy.get("expression") else {
        return missing(problems, entry, "expression");
    };
    let text = read::text(problems, node)?;
    match Expression::new(text) {
        Ok(expression) => Some(expression),
        Err(cause) => {
            problems.error(node.span, format!("bad expression: {cause}"));
            None
        }
    }
}

fn missing<T>(problems: &mut Problems, entry: &RawEntry, key: &str) -> Option<T> {
    problems.error(entry.name_span, format!("policy.{key} is required"));
    None
}

/// `actions` or `resources`: a string or a list of them.
fn names(
    problems: &mut Problems,
    entry: &RawEntry,
    policy: &Node,
    key: &str,
) -> Option<Vec<Names>> {
    let Some(node) = policy.get(key) else { return missing(problems, entry, key) };
    let Some(nodes) = node.list() else {
        return read::text(problems, node).map(|text| vec![Names::parse(text)]);
    };
    if nodes.is_empty() {
        return read::expected(problems, node, "at least one name");
    }
    let texts = read::texts(problems, node);
    let whole = texts.len() == nodes.len();
    whole.then(|| texts.into_iter().map(|(_, text)| Names::parse(text)).collect())
}

/// All of them, or `None` if one is wrong: without it the policy would say more.
fn conditions(problems: &mut Problems, policy: &Node) -> Option<Vec<Condition>> {
    let Some(node) = policy.get("conditions") else { return Some(Vec::new()) };
    let nodes = read::list(problems, node)?;
    let read: Vec<Condition> = nodes.iter().filter_map(|node| condition(problems, node)).collect();
    (read.len() == nodes.len()).then_some(read)
}

fn condition(problems: &mut Problems, node: &Node) -> Option<Condition> {
    read::map(problems, node)?;
    let field = match node.get("field") {
        Some(node) => field(problems, node),
        None => {
            problems.error(node.span, "a condition needs a field");
            None
        }
    };
    let operator = match node.get("operator") {
        Some(node) => read::choice(problems, node, Operator::ALL),
        None => {
            problems.error(node.span, "a condition needs an operator");
            None
        }
    }?;
    let against = match (operator, node.get("value"), node.get("value_from")) {
        (Operator::Exists | Operator::Nexists, ..) => Against::Nothing,
        (Operator::Matches | Operator::Nmatches, Some(value), _) => {
            let text = read::text(problems, value)?;
            match Pattern::parse(text) {
                Ok(pattern) => Against::Pattern(pattern),
                Err(error) => {
                    let cause = error.lines().last().unwrap_or_default();
                    let cause = cause.strip_prefix("error: ").unwrap_or(cause);
                    problems.error(value.span, format!("bad regular expression: {cause}"));
                    return None;
                }
            }
        }
        (Operator::Matches | Operator::Nmatches, None, _) => {
            problems.error(node.span, "the operator needs a value, a regular expression");
            return None;
        }
        (_, _, Some(from)) => Against::Field(self::field(problems, from)?),
        (_, Some(value), None) if value.meaning() == Some(Meaning::Null) => {
            return read::expected(problems, value, "a value");
        }
        (_, Some(value), None) => Against::Value(read::any(value)),
        (_, None, None) => {
            problems.error(node.span, "the operator needs a value or value_from");
            return None;
        }
    };
    Some(Condition { field: field?, operator, against })
}

fn field(problems: &mut Problems, node: &Node) -> Option<Field> {
    let text = read::text(problems, node)?;
    let what = "actor.id, actor.meta.<path>, action, resource or meta.<path>";
    Field::parse(text).or_else(|| read::expected(problems, node, what))
}
