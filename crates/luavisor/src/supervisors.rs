//! From supervisor entries to supervisors of the runtime.

use std::collections::HashMap;
use std::sync::Arc;

use luavisor_config::{EntryId, Lifecycle, SupervisorDefinition};
use luavisor_core::Values;
use luavisor_runtime::services::{ServiceSpec, Target};
use luavisor_runtime::{ChildSpec, ChildTarget, DynamicSpec, Runtime, SupervisorSpec};
use tokio::runtime::Handle;

use crate::boot::spec;
use crate::error::StartError;
use crate::futures::Tokio;
use crate::tree::{Run, Supervisor};
use crate::{Application, adaptor};

/// The supervisors that are services, each with its whole tree.
pub(crate) fn services(application: &Application) -> Vec<ServiceSpec> {
    let definitions = &application.supervisors;
    let trees = Trees(definitions.iter().map(|each| (&each.id, each)).collect());
    let service = |definition: &SupervisorDefinition| {
        let lifecycle = definition.lifecycle.as_ref()?;
        let target = Target::Supervisor(trees.tree(definition, definition.host.as_ref()));
        Some(spec(definition.id.shared(), target, &definition.dependencies, lifecycle))
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
            target: self.target(&dynamic.target, host, &Values::none()),
        });
        Arc::new(SupervisorSpec {
            id: definition.id.shared(),
            rules: definition.rules,
            children: children.collect(),
            dynamic,
        })
    }

    fn target(&self, id: &EntryId, host: Option<&EntryId>, input: &Values) -> ChildTarget {
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

/// The service of a supervisor that was made in code.
pub(crate) fn made(
    runtime: &Runtime,
    tokio: &Tokio,
    supervisor: Supervisor,
    lifecycle: &Lifecycle,
) -> Result<ServiceSpec, StartError> {
    let mut builder = Builder { runtime, tokio, hosts: Vec::new() };
    let id: Arc<str> = supervisor.id.as_str().into();
    let target = Target::Supervisor(builder.tree(supervisor)?);
    let mut service = spec(id, target, &lifecycle.requires, lifecycle);
    builder.hosts.sort();
    builder.hosts.dedup();
    service.dependencies.extend(builder.hosts);
    Ok(service)
}

/// Makes a tree and notes the hosts that it needs.
struct Builder<'a> {
    runtime: &'a Runtime,
    tokio: &'a Tokio,
    hosts: Vec<Arc<str>>,
}

impl Builder<'_> {
    fn tree(&mut self, supervisor: Supervisor) -> Result<Arc<SupervisorSpec>, StartError> {
        let host: Arc<str> = supervisor.host.into();
        let mut children = Vec::new();
        for child in supervisor.children {
            let target = match child.run {
                Run::Lua { process, input } => self.lua(&host, process, input),
                Run::Native(make) => {
                    adaptor::host(self.runtime)?;
                    let tokio: Handle = self.tokio.handle()?;
                    let make = Arc::new(move || {
                        let make = make.clone();
                        adaptor::process(tokio.clone(), move |mailbox| make(mailbox))
                    });
                    let entry = child.rule.name.clone();
                    ChildTarget::Native { host: adaptor::HOST.into(), entry, make }
                }
                Run::Supervisor(below) => ChildTarget::Supervisor(self.tree(below)?),
            };
            children.push(ChildSpec { rule: child.rule, target });
        }
        let dynamic = supervisor.dynamic.map(|(rule, process)| {
            let target = self.lua(&host, process, Values::none());
            DynamicSpec { rule, target }
        });
        let (id, rules) = (supervisor.id.into(), supervisor.rules);
        Ok(Arc::new(SupervisorSpec { id, rules, children, dynamic }))
    }

    fn lua(&mut self, host: &Arc<str>, process: String, input: Values) -> ChildTarget {
        self.hosts.push(host.clone());
        let (id, host) = (process.into(), host.clone());
        ChildTarget::Process { id, host, input, context: Arc::default() }
    }
}
