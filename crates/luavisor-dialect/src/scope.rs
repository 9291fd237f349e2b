//! Which local or type a name stands for.
//!
//! Locals hold from their statement to the end of their block. Aliases hold, as
//! types, in their whole block; as values, from their statement on like locals.

use std::collections::HashMap;

use crate::syntax::SyntaxId;

pub type ScopeId = u32;
pub type BindingId = u32;
pub type AliasId = u32;

/// What a name stands for as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Meaning {
    /// a local, with its annotation
    Local(Option<SyntaxId>),
    Alias(AliasId),
}

#[derive(Debug)]
pub struct Binding<'a> {
    pub name: &'a [u8],
    pub meaning: Meaning,
    /// what the name stood for before
    hidden: Option<BindingId>,
    /// what hid it for a while
    hidden_by: Vec<BindingId>,
    /// place in the text where it begins and, once known, where it ends
    pub start: u32,
    pub end: u32,
}

#[derive(Debug)]
struct Scope {
    parent: Option<ScopeId>,
    /// first of its bindings that is open
    first: usize,
}

/// All blocks and names of a text.
#[derive(Debug, Default)]
pub struct Scopes<'a> {
    scopes: Vec<Scope>,
    current: Option<ScopeId>,
    names: HashMap<&'a [u8], BindingId>,
    pub bindings: Vec<Binding<'a>>,
    open: Vec<BindingId>,
    aliases: HashMap<(ScopeId, &'a [u8]), AliasId>,
}

impl<'a> Scopes<'a> {
    pub fn enter(&mut self) {
        self.scopes.push(Scope { parent: self.current, first: self.open.len() });
        self.current = Some(self.scopes.len() as ScopeId - 1);
    }

    /// Ends the current block at this place of the text.
    pub fn leave(&mut self, at: u32) {
        let Some(scope) = self.current.and_then(|id| self.scopes.get(id as usize)) else { return };
        self.current = scope.parent;
        for id in self.open.drain(scope.first..).rev() {
            let Some(binding) = self.bindings.get_mut(id as usize) else { continue };
            binding.end = at;
            match binding.hidden {
                Some(hidden) => self.names.insert(binding.name, hidden),
                None => self.names.remove(binding.name),
            };
        }
    }

    /// The block that is being read.
    pub fn current(&self) -> ScopeId {
        self.current.unwrap_or(0)
    }

    pub fn declare(&mut self, name: &'a [u8], meaning: Meaning, start: u32) -> BindingId {
        let id = self.bindings.len() as BindingId;
        let hidden = self.names.insert(name, id);
        if let Some(hidden) = hidden.and_then(|id| self.bindings.get_mut(id as usize)) {
            hidden.hidden_by.push(id);
        }
        let hidden_by = Vec::new();
        self.bindings.push(Binding { name, meaning, hidden, hidden_by, start, end: u32::MAX });
        self.open.push(id);
        id
    }

    /// What the name stands for as a value here.
    pub fn value(&self, name: &[u8]) -> Option<(BindingId, Meaning)> {
        let id = *self.names.get(name)?;
        Some((id, self.binding(id)?.meaning))
    }

    pub fn binding(&self, id: BindingId) -> Option<&Binding<'a>> {
        self.bindings.get(id as usize)
    }

    /// Whether the name of a binding stands for it at this place. All is read by now.
    pub fn is_visible(&self, id: BindingId, at: u32) -> bool {
        let holds = |binding: &Binding<'_>| binding.start <= at && at < binding.end;
        self.binding(id).is_some_and(|binding| {
            let mut hiders = binding.hidden_by.iter().filter_map(|id| self.binding(*id));
            holds(binding) && !hiders.any(holds)
        })
    }

    pub fn add_alias(&mut self, name: &'a [u8], id: AliasId) {
        self.aliases.insert((self.current(), name), id);
    }

    /// The alias that a name means as a type in a block.
    pub fn alias(&self, name: &[u8], scope: ScopeId) -> Option<AliasId> {
        let mut scope = Some(scope);
        while let Some(id) = scope {
            if let Some(alias) = self.aliases.get(&(id, name)) {
                return Some(*alias);
            }
            scope = self.scopes.get(id as usize)?.parent;
        }
        None
    }
}
