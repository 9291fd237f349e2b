//! From the entries of environment variables to what the runtime holds.

use std::collections::BTreeMap;

use luavisor_config::StorageKind;
use luavisor_runtime::environment::{Environment, StorageSpec, VariableSpec};

use crate::Application;

/// The environment of an application. `of_machine`: storages of kind
/// `env.storage.os` hold the environment of this process, otherwise nothing.
pub(crate) fn of(application: &Application, of_machine: bool) -> Environment {
    let storages = application.storages.iter().map(|storage| {
        let spec = match &storage.kind {
            StorageKind::Memory => values(BTreeMap::new(), true),
            StorageKind::Os if of_machine => values(machine(), false),
            StorageKind::Os => values(BTreeMap::new(), false),
            StorageKind::Static(held) => values(held.clone(), false),
            StorageKind::Router(storages) => {
                StorageSpec::Router(storages.iter().map(|id| id.shared()).collect())
            }
            StorageKind::File { path, text, file_mode, dir_mode } => StorageSpec::File {
                path: path.clone(),
                text: text.clone(),
                file_mode: *file_mode,
                dir_mode: *dir_mode,
            },
        };
        (storage.id.shared(), spec)
    });
    let variables = application.variables.iter().map(|variable| VariableSpec {
        id: variable.id.shared(),
        name: variable.variable.as_deref().map(Into::into),
        storage: variable.storage.shared(),
        default: variable.default.clone(),
        read_only: variable.read_only,
    });
    Environment::new(storages, variables)
}

fn values(values: BTreeMap<String, String>, writable: bool) -> StorageSpec {
    StorageSpec::Values { values, writable }
}

/// What is not UTF-8 is replaced.
fn machine() -> BTreeMap<String, String> {
    let text = |text: std::ffi::OsString| text.to_string_lossy().into_owned();
    std::env::vars_os().map(|(name, value)| (text(name), text(value))).collect()
}
