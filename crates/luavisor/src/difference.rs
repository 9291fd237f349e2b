//! What leads from one application to the next, while it runs: services, hosts, policies.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;

use luavisor_config::{HostDefinition, Lifecycle, SupervisorDefinition};
use luavisor_runtime::services::{ServiceSpec, Target};
use luavisor_runtime::{CONTROL, Changed, HostConfig};

use crate::boot::{self, spec};
use crate::resources::Made;
use crate::{Application, hosts, security, supervisors};

/// The difference, without that of code. `made`: the resources of the new one. `workers`:
/// those of a host that does not say how many it has.
pub(crate) fn of(
    old: &Application,
    new: &Application,
    made: Made,
    workers: Option<usize>,
) -> Changed {
    let mut changed = Changed::default();
    let Made { resources, services, kept } = made;
    changed.services.extend(services.into_iter().filter(|service| !kept.contains(&service.id)));
    processes(old, new, &mut changed);
    trees(old, new, &mut changed);
    let other = new.hosts.iter().filter(|host| !old.hosts.contains(host));
    changed.hosts.extend(other.map(|host| self::host(host, workers)));
    let hosts = |application: &Application| -> BTreeSet<Arc<str>> {
        application.hosts.iter().map(|host| host.id.shared()).collect()
    };
    changed.retired.extend(hosts(old).difference(&hosts(new)).cloned());
    changed.ended.extend(service_ids(old).difference(&service_ids(new)).cloned());
    changed.resources = Some(resources);
    changed
}

/// A host and its service.
fn host(definition: &HostDefinition, workers: Option<usize>) -> (HostConfig, ServiceSpec) {
    // Which host it will be is known when it is made.
    let target = Target::Host(CONTROL);
    let service =
        spec(definition.id.shared(), target, &definition.dependencies, &definition.lifecycle);
    (hosts::config(definition, None, workers), service)
}

/// Services that run a process.
fn processes(old: &Application, new: &Application, changed: &mut Changed) {
    for service in &new.services {
        if !old.services.contains(service) {
            changed.services.push(boot::service(&new.policies, service));
        } else if rights_differ(old, new, &service.lifecycle) {
            changed.amended.push(boot::service(&new.policies, service));
        }
    }
}

/// Services that run a supervisor.
fn trees(old: &Application, new: &Application, changed: &mut Changed) {
    let lifecycles: HashMap<&str, &Lifecycle> = { new.supervisors.iter() }
        .filter_map(|each| Some((each.id.as_str(), each.lifecycle.as_ref()?)))
        .collect();
    for service in supervisors::services(new) {
        let lifecycle = lifecycles.get(&*service.id);
        if tree(new, &service.id) != tree(old, &service.id) {
            changed.services.push(service);
        } else if lifecycle.is_some_and(|lifecycle| rights_differ(old, new, lifecycle)) {
            changed.amended.push(service);
        }
    }
}

/// Whether the policies that a service starts with are other ones.
fn rights_differ(old: &Application, new: &Application, lifecycle: &Lifecycle) -> bool {
    let scope = |application: &Application| {
        security::context(&application.policies, lifecycle).scope.clone()
    };
    lifecycle.security.is_some() && scope(old) != scope(new)
}

/// The ids of everything that is a service.
fn service_ids(application: &Application) -> BTreeSet<Arc<str>> {
    let roots = application.supervisors.iter().filter(|each| each.lifecycle.is_some());
    let ids = roots.map(|supervisor| &supervisor.id);
    let ids = ids.chain(application.services.iter().map(|service| &service.id));
    let ids = ids.chain(application.hosts.iter().map(|host| &host.id));
    let ids = ids.chain(application.stores.iter().map(|store| &store.id));
    let ids = ids.chain(application.databases.iter().map(|database| &database.id));
    let ids = ids.chain(application.volumes.iter().map(|volume| &volume.id));
    ids.map(|id| id.shared()).collect()
}

/// A supervisor and all supervisors below it.
fn tree<'a>(application: &'a Application, root: &str) -> Vec<&'a SupervisorDefinition> {
    let by_id: HashMap<&str, &SupervisorDefinition> =
        application.supervisors.iter().map(|each| (each.id.as_str(), each)).collect();
    let mut found: Vec<&SupervisorDefinition> = by_id.get(root).copied().into_iter().collect();
    let mut next = 0;
    while let Some(supervisor) = found.get(next).copied() {
        next += 1;
        let children = supervisor.children.iter().map(|child| &child.target);
        let below = children.chain(supervisor.dynamic.iter().map(|dynamic| &dynamic.target));
        for child in below.filter_map(|id| by_id.get(id.as_str())) {
            if !found.iter().any(|known| known.id == child.id) {
                found.push(child);
            }
        }
    }
    found
}
