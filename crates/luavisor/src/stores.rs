//! From the entries of stores and databases to what the runtime opens.

use luavisor_config::{EntryId, Lifecycle, StoreKind};
use luavisor_runtime::services::{ServiceSpec, Target};
use luavisor_runtime::store::{Columns, StoreSpec, Stores};

use luavisor_vm::store::TokenStore;

use crate::Application;
use crate::boot::spec;
use crate::error::StartError;
use crate::hosts::nanoseconds;

/// The stores of an application, closed, and the services that open them.
pub(crate) fn of(application: &Application) -> Result<(Stores, Vec<ServiceSpec>), StartError> {
    let mut stores = Stores::default();
    for database in &application.databases {
        stores.add_database(database.id.shared(), database.file.clone());
    }
    for store in &application.stores {
        stores.add(store.id.shared(), kind(&store.kind))?;
    }
    for tokens in &application.token_stores {
        stores.add_tokens(TokenStore {
            id: tokens.id.shared(),
            store: tokens.store.shared(),
            length: tokens.length as usize,
            expiration: tokens.expiration,
            key: tokens.key.clone(),
        });
    }
    let databases = application.databases.iter();
    let databases = databases.map(|it| (&it.id, &it.dependencies, &it.lifecycle));
    let entries = application.stores.iter().map(|it| (&it.id, &it.dependencies, &it.lifecycle));
    let service = |(id, needs, lifecycle): (&EntryId, &Vec<EntryId>, &Lifecycle)| {
        let target: Target = stores.target(id.as_str())?;
        // It says itself when it is open.
        let lifecycle = Lifecycle { ready: true, ..lifecycle.clone() };
        Some(spec(id.shared(), target, needs, &lifecycle))
    };
    let services = databases.chain(entries).filter_map(service).collect();
    Ok((stores, services))
}

fn kind(kind: &StoreKind) -> StoreSpec {
    match kind {
        StoreKind::Memory { max_size, cleanup } => {
            StoreSpec::Memory { max_size: *max_size as usize, cleanup: nanoseconds(*cleanup) }
        }
        StoreKind::Sql { database, table, key, value, expires, create, cleanup } => {
            let [table, key, value, expires] = [table, key, value, expires].map(String::clone);
            StoreSpec::Sql {
                database: database.shared(),
                columns: Columns { table, key, value, expires },
                create: *create,
                cleanup: nanoseconds(*cleanup),
            }
        }
    }
}
