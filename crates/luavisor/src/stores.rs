//! From the entries of stores and databases to what the runtime opens.

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_config::{EntryId, Lifecycle, StoreKind};
use luavisor_core::Error;
use luavisor_runtime::services::{ServiceSpec, Target};
use luavisor_runtime::store::{Columns, StoreSpec, Stores};

use luavisor_vm::store::TokenStore;

use crate::Application;
use crate::boot::spec;
use crate::hosts::nanoseconds;

/// The stores of an application: those that are declared as before are taken over, the
/// others are closed. `kept` gets the ids of the former.
pub(crate) fn of(
    application: &Application,
    (before, old): (&Application, &Stores),
    kept: &mut BTreeSet<Arc<str>>,
) -> Result<Stores, Error> {
    let mut stores = Stores::default();
    for database in &application.databases {
        let id = database.id.shared();
        if before.databases.contains(database) {
            stores.take_over(old, &id);
            kept.insert(id);
        } else {
            stores.add_database(id, database.file.clone());
        }
    }
    for store in &application.stores {
        let id = store.id.shared();
        let below = match &store.kind {
            StoreKind::Memory { .. } => true,
            StoreKind::Sql { database, .. } => kept.contains(database.as_str()),
        };
        if below && before.stores.contains(store) {
            stores.take_over(old, &id);
            kept.insert(id);
        } else {
            stores.add(id, kind(&store.kind))?;
        }
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
    Ok(stores)
}

/// The services that open the stores and databases of an application.
pub(crate) fn services(application: &Application, stores: &Stores) -> Vec<ServiceSpec> {
    let databases = application.databases.iter();
    let databases = databases.map(|it| (&it.id, &it.dependencies, &it.lifecycle));
    let entries = application.stores.iter().map(|it| (&it.id, &it.dependencies, &it.lifecycle));
    let service = |(id, needs, lifecycle): (&EntryId, &Vec<EntryId>, &Lifecycle)| {
        let target: Target = stores.target(id.as_str())?;
        // It says itself when it is open.
        let lifecycle = Lifecycle { ready: true, ..lifecycle.clone() };
        Some(spec(id.shared(), target, needs, &lifecycle))
    };
    databases.chain(entries).filter_map(service).collect()
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
