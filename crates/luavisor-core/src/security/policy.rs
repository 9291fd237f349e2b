//! A policy: about which actions and resources it speaks, and what it says.

use std::sync::Arc;

use super::{Condition, Names, Question, Verdict};
use crate::expr::{self, Program, Value};

/// Steps of an expression: a guarded call waits for it.
const EXPRESSION_STEPS: u64 = 10_000;

/// What a policy says when it applies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// it allows
    Allow,
    /// it denies
    Deny,
}

/// What else has to hold, as an expression of [`crate::expr`] over `actor`, `action`,
/// `resource` and `meta`.
#[derive(Clone, Debug)]
pub struct Expression {
    source: Arc<str>,
    program: Arc<Program>,
}

impl PartialEq for Expression {
    fn eq(&self, other: &Expression) -> bool {
        self.source == other.source
    }
}

impl Expression {
    /// Reads one.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(source: &str) -> Result<Expression, String> {
        let program = Arc::new(expr::compile(source)?);
        Ok(Expression { source: source.into(), program })
    }

    /// Whether it is true; it is not if it cannot be evaluated, or not soon.
    fn holds(&self, question: Question<'_>) -> bool {
        let map = |pairs: Vec<(&str, Value)>| {
            let pairs = pairs.into_iter().map(|(key, value)| (Arc::from(key), value));
            Value::Map(Arc::new(pairs.collect()))
        };
        let meta = |meta| match expr::values::from(meta) {
            Value::Nil => map(Vec::new()),
            meta => meta,
        };
        let actor =
            vec![("id", Value::text(&*question.actor.id)), ("meta", meta(&question.actor.meta))];
        let variables = map(vec![
            ("actor", map(actor)),
            ("action", Value::text(question.action)),
            ("resource", Value::text(question.resource)),
            ("meta", meta(question.meta)),
        ]);
        let result = expr::run_within(&self.program, &variables, 0.0, EXPRESSION_STEPS);
        matches!(result, Some(Ok(Value::Bool(true))))
    }
}

/// An entry of kind `security.policy` or `security.policy.expr`.
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
    /// has to be true, otherwise it says nothing
    pub expression: Option<Expression>,
}

impl Policy {
    /// What it says.
    pub fn evaluate(&self, question: Question<'_>) -> Verdict {
        let about = self.actions.iter().any(|names| names.hold(question.action))
            && self.resources.iter().any(|names| names.hold(question.resource));
        if !about || !self.conditions.iter().all(|condition| condition.holds(question)) {
            return Verdict::Undefined;
        }
        if self.expression.as_ref().is_some_and(|expression| !expression.holds(question)) {
            return Verdict::Undefined;
        }
        match self.effect {
            Effect::Allow => Verdict::Allow,
            Effect::Deny => Verdict::Deny,
        }
    }
}
