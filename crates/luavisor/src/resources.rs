//! From the entries of variables, policies, stores and directories to what the runtime
//! holds.
//!
//! When entries change while the application runs, everything is made again, but what is
//! declared as before is taken over with what it holds: values that were set, open files
//! and databases, what a store has in memory.

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_config::EntryId;
use luavisor_core::Error;
use luavisor_runtime::Resources;
use luavisor_runtime::services::ServiceSpec;

use crate::{Application, environment, stores, volumes};

/// The resources of an application and the services that hold them open.
pub(crate) struct Made {
    pub resources: Resources,
    pub services: Vec<ServiceSpec>,
    /// those of the services whose resource was taken over
    pub kept: BTreeSet<Arc<str>>,
}

/// Makes the resources of an application, after those of another one. `of_machine`:
/// storages of kind `env.storage.os` hold the environment of this process, otherwise
/// nothing.
pub(crate) fn of(
    application: &Application,
    of_machine: bool,
    (before, old): (&Application, &Resources),
) -> Result<Made, Error> {
    let same = application.storages.iter().filter(|storage| before.storages.contains(storage));
    let environment = environment::of(application, of_machine)
        .after(&old.environment, same.map(|storage| storage.id.as_str()));
    let mut kept = BTreeSet::new();
    let stores = stores::of(application, (before, &old.stores), &mut kept)?;
    let volumes = volumes::of(application, (before, &old.volumes), &mut kept);
    let mut services = stores::services(application, &stores);
    services.extend(volumes::services(application, &volumes));
    let resources = Resources {
        environment: Arc::new(environment),
        policies: Arc::new(application.policies.clone()),
        stores: Arc::new(stores),
        volumes: Arc::new(volumes),
    };
    Ok(Made { resources, services, kept })
}

/// Lets definitions that come from the same entries as before be as they were: they were
/// read when the application was loaded, from files and from text that entries do not
/// keep. `same` says of an id whether its entry has not changed.
pub(crate) fn keep(application: &mut Application, old: &Application, same: impl Fn(&str) -> bool) {
    keep_each(&mut application.storages, &old.storages, |storage| &storage.id, &same);
    keep_each(&mut application.variables, &old.variables, |variable| &variable.id, &same);
    keep_each(&mut application.volumes, &old.volumes, |volume| &volume.id, &same);
}

fn keep_each<T: Clone>(
    new: &mut [T],
    old: &[T],
    id: impl Fn(&T) -> &EntryId,
    same: impl Fn(&str) -> bool,
) {
    for definition in new {
        let known = old.iter().find(|known| id(known) == id(definition));
        if let Some(known) = known.filter(|known| same(id(known).as_str())) {
            definition.clone_from(known);
        }
    }
}
