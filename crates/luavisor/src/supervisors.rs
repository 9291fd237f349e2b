//! From supervisor entries to supervisors of the runtime.

use std::collections::HashMap;
use std::sync::Arc;

use luavisor_config::{EntryId, SupervisorDefinition};
use luavisor_runtime::services::{ServiceSpec, Target};
use luavisor_runtime::{ChildSpec, ChildTarget, DynamicSpec, SupervisorSpec};

use crate::Application;
use crate::boot::spec;

/// The supervisors that are services, each with its whole tree.
pub(crate) fn services(application: &Application) -> Vec<ServiceSpec> {
    let definitions = &application.supervisors;
    let trees = Trees(definitions.iter().map(|each| (&each.id, each)).collect());
    let service = |definition: &SupervisorDefinition| {
        let lifecycle = definition.lifecycle.as_ref()?;
        let target = Target::Supervisor(trees.tree(definition, definition.host.as_ref()));
        Some(spec(&definition.id, target, &definition.dependencies, lifecycle))
    };
    definitions.iter().filter_map(service).collect()
}

/// Definitions by id. They were checked: none is its own descendant.
struct Trees<'a>(HashMap<&'a EntryId, &'a SupervisorDefinition>);

impl Trees<'_> {
    fn tree(
        &self,
        definition: &SupervisorDefinition,
        inherited: Option<&EntryId>,
    ) -> Arc<SupervisorSpec> {
        let host = definition.host.as_ref().or(inherited);
        let children = definition.children.iter().map(|child| ChildSpec {
            rule: child.rule.clone(),
            target: self.target(&child.target, child.host.as_ref().or(host), &child.input),
        });
        let dynamic = definition.dynamic.as_ref().map(|dynamic| DynamicSpec {
            rule: dynamic.rule.clone(),
            target: self.target(&dynamic.target, host, &luavisor_core::Values::none()),
        });
        Arc::new(SupervisorSpec {
            id: definition.id.shared(),
            rules: definition.rules,
            children: children.collect(),
            dynamic,
        })
    }

    fn target(
        &self,
        id: &EntryId,
        host: Option<&EntryId>,
        input: &luavisor_core::Values,
    ) -> ChildTarget {
        match self.0.get(id) {
            Some(definition) => ChildTarget::Supervisor(self.tree(definition, host)),
            None => ChildTarget::Process {
                id: id.shared(),
                host: host.map_or_else(|| "".into(), EntryId::shared),
                input: input.clone(),
                context: Arc::default(),
            },
        }
    }
}
