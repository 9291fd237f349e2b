//! Templates of the application.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::Values;

use crate::id::EntryId;

/// Templates that know each other.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateSetDefinition {
    /// the entry
    pub id: EntryId,
    /// what holds for all of them
    pub options: TemplateOptions,
    /// sources by name
    pub templates: BTreeMap<String, Arc<str>>,
}

/// What a `template.set` says about its templates.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateOptions {
    /// they are read again for each render
    pub development: bool,
    /// left and right of an expression
    pub delimiters: (String, String),
    /// whether results are escaped for HTML; `None`: those of names that end in `.html`
    pub escape: Option<bool>,
    /// variables of all templates: one table
    pub globals: Values,
}
