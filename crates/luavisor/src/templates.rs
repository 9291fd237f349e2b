//! Template sets of the application (MODULES 21).

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_config::{TemplateFault, TemplateOptions};
use luavisor_vm::{TemplateError, TemplateSet};

use crate::Application;

/// Sets by the ids of their entries.
pub(crate) type TemplateSets = BTreeMap<Arc<str>, Arc<TemplateSet>>;

/// What is wrong with a template, if anything.
pub(crate) fn check(set: &TemplateOptions, name: &str, source: &str) -> Result<(), TemplateFault> {
    luavisor_vm::check_template(&options(set), name, source).map_err(|error| {
        let TemplateError { line, column, message } = error;
        TemplateFault { line, column, message }
    })
}

/// The sets of an application. Those that are the same as before stay.
pub(crate) fn sets(application: &Application, old: (&Application, &TemplateSets)) -> TemplateSets {
    let (old, known) = old;
    let sets = application.template_sets.iter().filter_map(|set| {
        let id = set.id.shared();
        let same = old.template_sets.iter().any(|other| other == set);
        let kept = known.get(&id).filter(|_| same).cloned();
        // They were read when the application was loaded.
        let made = || TemplateSet::new(options(&set.options), set.templates.clone()).ok();
        let set = kept.or_else(|| made().map(Arc::new))?;
        Some((id, set))
    });
    sets.collect()
}

fn options(set: &TemplateOptions) -> luavisor_vm::TemplateOptions {
    let TemplateOptions { development, delimiters, escape, globals } = set.clone();
    luavisor_vm::TemplateOptions { development, delimiters, escape, globals }
}
