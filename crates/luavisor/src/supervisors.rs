//! From supervisor entries to supervisors of the runtime.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use luavisor_config::{EntryId, Lifecycle, SupervisorDefinition};
use luavisor_core::Values;
use luavisor_core::supervision::{AutoShutdown, Restart};
use luavisor_runtime::services::{ServiceSpec, Target};
use luavisor_runtime::{ChildSpec, ChildTarget, DynamicSpec, Runtime, SupervisorSpec};
use luavisor_vm::Context;
use tokio::runtime::Handle;

use crate::boot::spec;
use crate::error::StartError;
use crate::futures::Tokio;
use crate::security;
use crate::tree::{Dynamic, Run, Supervisor};
use crate::{Application, adaptor};

/// The supervisors that are services, each with its whole tree.
pub(crate) fn services(application: &Application) -> Vec<ServiceSpec> {
    let definitions = &application.supervisors;
    let by_id = definitions.iter().map(|each| (&each.id, each)).collect();
    let mut services = Vec::new();
    for definition in definitions {
        let Some(lifecycle) = &definition.lifecycle else { continue };
        let context = security::context(&application.policies, lifecycle);
        let mut trees = Trees { by_id: &by_id, context, made: HashMap::new() };
        let target = Target::Supervisor(trees.tree(definition, definition.host.as_ref()));
        let (id, needs) = (definition.id.shared(), &definition.dependencies);
        services.push(spec(id, target, needs, lifecycle));
    }
    services
}

/// Definitions by id. They were checked: none is its own descendant.
struct Trees<'a> {
    by_id: &'a HashMap<&'a EntryId, &'a SupervisorDefinition>,
    /// what all children inherit
    context: Arc<Context>,
    /// by id and host: a tree that occurs often is made once
    made: HashMap<(&'a EntryId, Option<&'a EntryId>), Arc<SupervisorSpec>>,
}

impl<'a> Trees<'a> {
    fn tree(
        &mut self,
        definition: &'a SupervisorDefinition,
        inherited: Option<&'a EntryId>,
    ) -> Arc<SupervisorSpec> {
        let host = definition.host.as_ref().or(inherited);
        if let Some(made) = self.made.get(&(&definition.id, host)) {
            return made.clone();
        }
        let children = definition.children.iter().map(|child| ChildSpec {
            rule: child.rule.clone(),
            target: self.target(&child.target, child.host.as_ref().or(host), &child.input),
        });
        let children = children.collect();
        let dynamic = definition.dynamic.as_ref().map(|dynamic| DynamicSpec {
            rule: dynamic.rule.clone(),
            target: self.target(&dynamic.target, host, &Values::none()),
        });
        let (id, rules) = (definition.id.shared(), definition.rules);
        let made = Arc::new(SupervisorSpec { id, rules, children, dynamic });
        self.made.insert((&definition.id, host), made.clone());
        made
    }

    fn target(
        &mut self,
        id: &'a EntryId,
        host: Option<&'a EntryId>,
        input: &Values,
    ) -> ChildTarget {
        match self.by_id.get(id) {
            Some(definition) => ChildTarget::Supervisor(self.tree(definition, host)),
            None => ChildTarget::Process {
                id: id.shared(),
                host: host.map_or_else(|| "".into(), EntryId::shared),
                input: input.clone(),
                context: self.context.clone(),
            },
        }
    }
}

/// The service of a supervisor that was made in code, once it is checked. `known`:
/// the ids of all processes.
pub(crate) fn made(
    runtime: &Runtime,
    tokio: &Tokio,
    known: &HashSet<Arc<str>>,
    supervisor: Supervisor,
    lifecycle: &Lifecycle,
) -> Result<ServiceSpec, StartError> {
    let mut builder = Builder { runtime, tokio, known, hosts: Vec::new() };
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
    known: &'a HashSet<Arc<str>>,
    hosts: Vec<Arc<str>>,
}

impl Builder<'_> {
    fn tree(&mut self, supervisor: Supervisor) -> Result<Arc<SupervisorSpec>, StartError> {
        let id: Arc<str> = supervisor.id.into();
        let rules = supervisor.rules;
        let wrong = |message: String| StartError::Entry { id: id.to_string(), message };
        let mut names = HashSet::new();
        for child in &supervisor.children {
            let rule = &child.rule;
            let count = rule.count.unwrap_or(1);
            for index in 1..=count {
                let name = match rule.count {
                    None => rule.name.to_string(),
                    Some(_) => format!("{}.{index}", rule.name),
                };
                if let Some(name) = names.replace(name) {
                    return Err(wrong(format!("duplicate child \"{name}\"")));
                }
            }
            let without = rules.auto_shutdown == AutoShutdown::Never;
            if rule.significant && (rule.restart == Restart::Permanent || without) {
                let name = &rule.name;
                return Err(wrong(format!(
                    "child \"{name}\" is significant: it must not be permanent, and needs auto_shutdown"
                )));
            }
        }
        let host: Arc<str> = supervisor.host.into();
        let mut children = Vec::new();
        for child in supervisor.children {
            let target = self.target(&id, &host, &child.rule.name, child.run)?;
            children.push(ChildSpec { rule: child.rule, target });
        }
        let mut dynamic = None;
        if let Some(Dynamic { rule, run }) = supervisor.dynamic.map(|dynamic| *dynamic) {
            let target = self.target(&id, &host, &rule.name, run)?;
            dynamic = Some(DynamicSpec { rule, target });
        }
        Ok(Arc::new(SupervisorSpec { id, rules, children, dynamic }))
    }

    fn target(
        &mut self,
        supervisor: &Arc<str>,
        host: &Arc<str>,
        name: &Arc<str>,
        run: Run,
    ) -> Result<ChildTarget, StartError> {
        Ok(match run {
            Run::Lua { process, .. } if !self.known.contains(&*process) => {
                let message = format!("unknown process \"{process}\"");
                return Err(StartError::Entry { id: supervisor.to_string(), message });
            }
            Run::Lua { process, input } => {
                self.hosts.push(host.clone());
                let (id, host) = (process.into(), host.clone());
                ChildTarget::Process { id, host, input, context: Arc::default() }
            }
            Run::Native(make) => {
                adaptor::host(self.runtime)?;
                let tokio: Handle = self.tokio.handle()?;
                let make = Arc::new(move || {
                    let make = make.clone();
                    adaptor::process(tokio.clone(), move |mailbox| make(mailbox))
                });
                ChildTarget::Native { host: adaptor::HOST.into(), entry: name.clone(), make }
            }
            Run::Supervisor(below) => ChildTarget::Supervisor(self.tree(below)?),
        })
    }
}
