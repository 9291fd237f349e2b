//! From the entries of volumes to what the runtime opens.

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_config::Lifecycle;
use luavisor_runtime::services::ServiceSpec;
use luavisor_runtime::volumes::{VolumeSpec, Volumes};

use crate::Application;
use crate::boot::spec;

/// The volumes of an application: those that are declared as before are taken over, the
/// others are closed. `kept` gets the ids of the former.
pub(crate) fn of(
    application: &Application,
    (before, old): (&Application, &Volumes),
    kept: &mut BTreeSet<Arc<str>>,
) -> Volumes {
    let mut volumes = Volumes::default();
    for volume in &application.volumes {
        let id = volume.id.shared();
        if before.volumes.contains(volume) {
            volumes.take_over(old, &id);
            kept.insert(id);
        } else {
            let (directory, create, mode) = (volume.directory.clone(), volume.create, volume.mode);
            volumes.add(id, VolumeSpec { directory, create, mode });
        }
    }
    volumes
}

/// The services that open the volumes of an application.
pub(crate) fn services(application: &Application, volumes: &Volumes) -> Vec<ServiceSpec> {
    let services = application.volumes.iter().filter_map(|volume| {
        let target = volumes.target(volume.id.as_str())?;
        // It says itself when it is open.
        let lifecycle = Lifecycle { ready: true, ..volume.lifecycle.clone() };
        Some(spec(volume.id.shared(), target, &volume.dependencies, &lifecycle))
    });
    services.collect()
}
