//! Template sets of the application (MODULES 21).

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_vm::TemplateSet;

use crate::Application;

/// Sets by the ids of their entries.
pub(crate) type TemplateSets = BTreeMap<Arc<str>, Arc<TemplateSet>>;

/// The sets of an application. Those that are the same as before stay.
pub(crate) fn sets(application: &Application, old: (&Application, &TemplateSets)) -> TemplateSets {
    let (old, known) = old;
    let sets = application.template_sets.iter().filter_map(|set| {
        let id = set.id.shared();
        let same = old.template_sets.iter().any(|other| other == set);
        let kept = known.get(&id).filter(|_| same).cloned();
        // They were read when the application was loaded.
        let made = || TemplateSet::new(set.options.clone(), set.templates.clone()).ok();
        let set = kept.or_else(|| made().map(Arc::new))?;
        Some((id, set))
    });
    sets.collect()
}
