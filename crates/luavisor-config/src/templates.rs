//! Templates of the application.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::template::TemplateOptions;

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
