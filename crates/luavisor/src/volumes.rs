//! From the entries of volumes to what the runtime opens.

use luavisor_config::Lifecycle;
use luavisor_runtime::services::ServiceSpec;
use luavisor_runtime::volumes::{VolumeSpec, Volumes};

use crate::Application;
use crate::boot::spec;

/// The volumes of an application, closed, and the services that open them.
pub(crate) fn of(application: &Application) -> (Volumes, Vec<ServiceSpec>) {
    let mut volumes = Volumes::default();
    for volume in &application.volumes {
        let (directory, create, mode) = (volume.directory.clone(), volume.create, volume.mode);
        volumes.add(volume.id.shared(), VolumeSpec { directory, create, mode });
    }
    let services = application.volumes.iter().filter_map(|volume| {
        let target = volumes.target(volume.id.as_str())?;
        // It says itself when it is open.
        let lifecycle = Lifecycle { ready: true, ..volume.lifecycle.clone() };
        Some(spec(volume.id.shared(), target, &volume.dependencies, &lifecycle))
    });
    let services = services.collect();
    (volumes, services)
}
