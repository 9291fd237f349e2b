//! What `with_context`, `with_actor` and `with_scope` lay over the inherited context,
//! for process builders and for executors of `funcs`.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::Values;
use luavisor_core::security::{Actor, Scope};

use crate::ffi::call::Call;
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::program::Context;

/// The guards of an overlay.
#[derive(Debug)]
pub struct Guards {
    /// the action of `with_context`, on `context`
    pub context: &'static str,
    /// the action of `with_actor` and `with_scope`, on `security`
    pub security: &'static str,
}

/// What is laid over the context of the caller.
#[derive(Clone, Debug)]
pub struct Overlay {
    guards: &'static Guards,
    values: BTreeMap<String, Values>,
    actor: Option<Arc<Actor>>,
    scope: Option<Arc<Scope>>,
}

impl Overlay {
    /// Nothing yet.
    pub fn new(guards: &'static Guards) -> Overlay {
        Overlay { guards, values: BTreeMap::new(), actor: None, scope: None }
    }

    /// Adds the entries of the table at `index`; keys that are no strings are skipped.
    pub fn read_context(&mut self, call: &mut Call, index: i32) -> Result<(), Raise> {
        if !call.is_table(index) {
            return Err(call.wrong(index, "table"));
        }
        call.guard(self.guards.context, "context")?;
        let mut at = 0;
        while let Some(next) = call.next_entry(index, at) {
            at = next;
            let value = call.count();
            if call.is_string(value - 1) {
                let key = call.string(value - 1)?;
                let copy = call.value_at(value, &place(&key))?;
                self.values.insert(key, copy);
            }
            call.pop(2);
        }
        Ok(())
    }

    /// Sets the actor to the one at `index`.
    pub fn read_actor(&mut self, call: &Call, index: i32) -> Result<(), Raise> {
        let actor = call.object::<Arc<Actor>>(index, tags::ACTOR).cloned();
        let actor = actor.ok_or_else(|| misfit(call, index, "actor", "Actor"))?;
        call.guard(self.guards.security, "security")?;
        self.actor = Some(actor);
        Ok(())
    }

    /// Sets the scope to the one at `index`.
    pub fn read_scope(&mut self, call: &Call, index: i32) -> Result<(), Raise> {
        let scope = call.object::<Arc<Scope>>(index, tags::SCOPE).cloned();
        let scope = scope.ok_or_else(|| misfit(call, index, "scope", "Scope"))?;
        call.guard(self.guards.security, "security")?;
        self.scope = Some(scope);
        Ok(())
    }

    /// The context of what the caller starts.
    pub fn over(&self, context: &Arc<Context>) -> Arc<Context> {
        if self.values.is_empty() && self.actor.is_none() && self.scope.is_none() {
            return context.clone();
        }
        let mut context = Context::clone(context);
        context.values.extend(self.values.clone());
        context.actor = self.actor.clone().or(context.actor);
        context.scope = self.scope.clone().or(context.scope);
        Arc::new(context)
    }
}

/// A key of the context as errors write it.
fn place(key: &str) -> String {
    let head = key.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    if head && key.chars().all(|c| c.is_ascii_alphanumeric() || c == '_') {
        format!("context.{key}")
    } else {
        format!("context[\"{key}\"]")
    }
}

/// The error for something else than an actor or a scope.
fn misfit(call: &Call, index: i32, name: &str, expected: &str) -> Raise {
    if call.is_nil(index) {
        return call.raise(format!("{name} cannot be nil"));
    }
    call.wrong(index, expected)
}
