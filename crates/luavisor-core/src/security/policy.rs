//! A policy: about which actions and resources it speaks, and what it says.

use std::sync::Arc;

use super::{Condition, Names, Question, Verdict};

/// What a policy says when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// it allows
    Allow,
    /// it denies
    Deny,
}

/// An entry of kind `security.policy`.
#[derive(Clone, Debug, PartialEq)]
pub struct Policy {
    /// the entry's id
    pub id: Arc<str>,
    /// actions that it is about
    pub actions: Vec<Names>,
    /// resources that it is about
    pub resources: Vec<Names>,
    /// what it says of them
    pub effect: Effect,
    /// all have to hold, otherwise it says nothing
    pub conditions: Vec<Condition>,
}

impl Policy {
    /// What it says.
    pub fn evaluate(&self, question: Question<'_>) -> Verdict {
        let about = self.actions.iter().any(|names| names.hold(question.action))
            && self.resources.iter().any(|names| names.hold(question.resource));
        if !about || !self.conditions.iter().all(|condition| condition.holds(question)) {
            return Verdict::Undefined;
        }
        match self.effect {
            Effect::Allow => Verdict::Allow,
            Effect::Deny => Verdict::Deny,
        }
    }
}
