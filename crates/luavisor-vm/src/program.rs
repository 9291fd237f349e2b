//! Code that processes are made from, and what they inherit.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::Values;
use luavisor_core::security::{Actor, Question, Scope, Verdict};

/// A compiled chunk, shared by all VMs of the runtime.
#[derive(Clone, Debug)]
pub struct Chunk {
    /// entry id of the code; stands in error positions
    pub name: Arc<str>,
    /// Luau bytecode
    pub bytecode: Box<[u8]>,
}

/// Code that `require(alias)` can load, or that a process runs.
#[derive(Debug)]
pub struct Unit {
    /// the code
    pub chunk: Arc<Chunk>,
    /// names of the modules that it may require; `None`: all
    pub modules: Option<Vec<String>>,
    /// libraries that it may require, by alias
    pub imports: BTreeMap<String, Arc<Unit>>,
}

/// What a process is made from: an entry that can be spawned.
#[derive(Debug)]
pub struct Program {
    /// the entry's id
    pub id: Arc<str>,
    /// field of the chunk's table that holds the function; empty means `main`
    pub method: String,
    /// the code
    pub unit: Arc<Unit>,
    /// `limits.memory` of the entry, in bytes
    pub memory: Option<u64>,
    /// `limits.mailbox` of the entry, in messages
    pub mailbox: Option<u32>,
}

impl Program {
    /// The same with reference counts of its own. Every process counts as a user of
    /// its program; when workers share the counts, two of them spawn hardly more
    /// than one: 1.0 instead of 1.5 million processes per second.
    pub fn apart(&self) -> Program {
        let Unit { chunk, modules, imports } = &*self.unit;
        let unit =
            Unit { chunk: chunk.clone(), modules: modules.clone(), imports: imports.clone() };
        Program { id: (&*self.id).into(), method: self.method.clone(), unit: unit.into(), ..*self }
    }
}

/// What a process inherits: context values, actor and scope.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// values by key, each a list of one
    pub values: BTreeMap<String, Values>,
    /// who acts
    pub actor: Option<Arc<Actor>>,
    /// what the actor may do
    pub scope: Option<Arc<Scope>>,
}

impl Context {
    /// Whether nothing is inherited.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty() && self.actor.is_none() && self.scope.is_none()
    }

    /// Whether it is a security context: an actor and a scope.
    pub fn is_secured(&self) -> bool {
        self.actor.is_some() && self.scope.is_some()
    }

    /// Whether the actor may, as the scope says. False without a security context.
    pub fn allows(&self, action: &str, resource: &str, meta: &Values) -> bool {
        let (Some(actor), Some(scope)) = (&self.actor, &self.scope) else { return false };
        scope.evaluate(Question { actor, action, resource, meta }) == Verdict::Allow
    }
}
