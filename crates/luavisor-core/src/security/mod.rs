//! Who may do what (MODULES 6): actors, policies, scopes and their evaluation.
//!
//! An [`Actor`] is who acts; a [`Scope`] is a set of [`Policy`]s. Both together are a
//! *security context*, which processes inherit. [`Scope::evaluate`] is the whole rule:
//!
//! | policies of the scope | verdict |
//! |---|---|
//! | at least one denies | deny |
//! | none denies, at least one allows | allow |
//! | none says anything, or there is none | undefined, which allows nothing |
//!
//! Evaluation has no side effects and takes time in proportion to the policies.

mod condition;
mod names;
mod operand;
mod policies;
mod policy;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use crate::value::{Value, Values};

pub use condition::{Against, Condition, Field, Operator, Pattern};
pub use names::Names;
pub use policies::Policies;
pub use policy::{Effect, Expression, Policy};

/// Who acts.
#[derive(Clone, Debug, PartialEq)]
pub struct Actor {
    /// what tells it from others
    pub id: Arc<str>,
    /// what conditions see as `actor.meta`: one table, or nothing
    pub meta: Values,
}

impl Actor {
    /// An actor. `None` if its meta holds objects: it has to be plain data, and no
    /// chain of actors within actors.
    pub fn new(id: impl Into<Arc<str>>, meta: Values) -> Option<Actor> {
        let object = |value: &Value| matches!(value, Value::Object(_));
        let holds = meta.tables.iter().any(|table| {
            table.array.iter().any(object)
                || table.hash.iter().any(|(key, value)| object(key) || object(value))
        });
        (!holds).then(|| Actor { id: id.into(), meta })
    }
}

/// What is to be judged.
#[derive(Clone, Copy, Debug)]
pub struct Question<'a> {
    /// who asks
    pub actor: &'a Actor,
    /// what is to be done, such as `env.get`
    pub action: &'a str,
    /// with what, such as the name of a variable
    pub resource: &'a str,
    /// what conditions see as `meta`: one table, or nothing
    pub meta: &'a Values,
}

/// What a policy or a scope says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Yes.
    Allow,
    /// No, whatever others say.
    Deny,
    /// Nothing.
    Undefined,
}

impl Verdict {
    /// As Lua sees it.
    pub fn as_str(self) -> &'static str {
        match self {
            Verdict::Allow => "allow",
            Verdict::Deny => "deny",
            Verdict::Undefined => "undefined",
        }
    }
}

/// A set of policies, each id once. It holds them as they were when it was made.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    policies: Vec<Arc<Policy>>,
}

impl Scope {
    /// The scope of these policies; of several with one id the last.
    pub fn of(policies: impl IntoIterator<Item = Arc<Policy>>) -> Scope {
        policies.into_iter().fold(Scope::default(), Scope::with)
    }

    /// This one and `policy`, in the place of the one with its id, if there is one.
    #[must_use]
    pub fn with(mut self, policy: Arc<Policy>) -> Scope {
        match self.policies.iter_mut().find(|held| held.id == policy.id) {
            Some(held) => *held = policy,
            None => self.policies.push(policy),
        }
        self
    }

    /// This one without the policy of that id.
    #[must_use]
    pub fn without(mut self, id: &str) -> Scope {
        self.policies.retain(|policy| *policy.id != *id);
        self
    }

    /// Whether a policy of that id is in it.
    pub fn contains(&self, id: &str) -> bool {
        self.policies.iter().any(|policy| *policy.id == *id)
    }

    /// Its policies, in the order in which they were added.
    pub fn policies(&self) -> &[Arc<Policy>] {
        &self.policies
    }

    /// See the module.
    pub fn evaluate(&self, question: Question<'_>) -> Verdict {
        let mut verdict = Verdict::Undefined;
        for policy in &self.policies {
            match policy.evaluate(question) {
                Verdict::Deny => return Verdict::Deny,
                Verdict::Allow => verdict = Verdict::Allow,
                Verdict::Undefined => {}
            }
        }
        verdict
    }
}
