//! Stores and the databases that some of them lie in (MODULES 19).
//!
//! Each is a service: what it holds is open from its start to its end. Whoever asks one
//! that is not open gets Unavailable `<id> is not running`.
//!
//! | module | holds |
//! |---|---|
//! | `memory` | `store.memory`: a sorted map |
//! | `sql` | `store.sql`: rows of a table |
//! | `database` | `db.sql.sqlite`: one connection, used by one request at a time |
//! | `keeper` | the process of such a service |

mod database;
mod entries;
pub(crate) mod keeper;
mod memory;
mod sql;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use luavisor_core::{Error, Kind};
use luavisor_vm::store::{Store, TokenStore};

use crate::services::Target;
use crate::world::CONTROL;

use database::Database;
use keeper::{Keeper, Resource};
use memory::Memory;
pub use sql::Columns;
use sql::Sql;

/// How to make a store.
#[derive(Clone, Debug)]
pub enum StoreSpec {
    /// in memory, for as long as its service runs
    Memory {
        /// keys at most
        max_size: usize,
        /// nanoseconds between two looks for what has expired; 0: none
        cleanup: u64,
    },
    /// in a table of a database
    Sql {
        /// the entry of the database
        database: Arc<str>,
        /// where in it
        columns: Columns,
        /// makes the table if it is missing
        create: bool,
        /// nanoseconds between two looks for what has expired; 0: none
        cleanup: u64,
    },
}

/// The stores and databases of an application.
#[derive(Default)]
pub struct Stores {
    stores: HashMap<Arc<str>, Arc<dyn Store>>,
    resources: HashMap<Arc<str>, Arc<dyn Resource>>,
    databases: HashMap<Arc<str>, Arc<Database>>,
    tokens: HashMap<Arc<str>, Arc<TokenStore>>,
}

impl Stores {
    /// Adds a database of SQLite; without a file it is in memory.
    pub fn add_database(&mut self, id: Arc<str>, file: Option<PathBuf>) {
        let database = Arc::new(Database::new(id.clone(), file));
        self.resources.insert(id.clone(), database.clone());
        self.databases.insert(id, database);
    }

    /// Adds a store. NotFound: there is no database of this id.
    pub fn add(&mut self, id: Arc<str>, spec: StoreSpec) -> Result<(), Error> {
        let (store, resource): (Arc<dyn Store>, Arc<dyn Resource>) = match spec {
            StoreSpec::Memory { max_size, cleanup } => {
                let store = Arc::new(Memory::new(id.clone(), max_size, cleanup));
                (store.clone(), store)
            }
            StoreSpec::Sql { database, columns, create, cleanup } => {
                let missing = || Error::not_found(format!("there is no database {database}"));
                let database = self.databases.get(&database).ok_or_else(missing)?.clone();
                let store = Arc::new(Sql::new(id.clone(), database, columns, create, cleanup));
                (store.clone(), store)
            }
        };
        self.stores.insert(id.clone(), store);
        self.resources.insert(id, resource);
        Ok(())
    }

    /// Adds a token store.
    pub fn add_tokens(&mut self, tokens: TokenStore) {
        self.tokens.insert(tokens.id.clone(), Arc::new(tokens));
    }

    /// The token store of this id.
    pub(crate) fn token_store(&self, id: &str, exists: bool) -> Result<Arc<TokenStore>, Error> {
        let missing = || match exists {
            true => Error::invalid("resource is not a token store"),
            false => Error::not_found(format!("token store not found: {id}")),
        };
        self.tokens.get(id).cloned().ok_or_else(missing)
    }

    /// Takes a database or store from others, with what it holds. The database of a store
    /// has to be the same too.
    pub fn take_over(&mut self, old: &Stores, id: &str) {
        if let Some((id, database)) = old.databases.get_key_value(id) {
            self.databases.insert(id.clone(), database.clone());
        }
        if let Some((id, store)) = old.stores.get_key_value(id) {
            self.stores.insert(id.clone(), store.clone());
        }
        if let Some((id, resource)) = old.resources.get_key_value(id) {
            self.resources.insert(id.clone(), resource.clone());
        }
    }

    /// What runs as the service of a store or database. It says when it is ready.
    pub fn target(&self, id: &str) -> Option<Target> {
        let resource = self.resources.get(id)?.clone();
        let make = move || Box::new(Keeper::new(resource.clone())) as _;
        Some(Target::Native { host: CONTROL, make: Arc::new(make) })
    }

    /// The store of this id, which runs.
    pub(crate) fn get(&self, id: &str, exists: bool) -> Result<Arc<dyn Store>, Error> {
        let Some(store) = self.stores.get(id) else {
            return Err(match exists {
                true => Error::invalid("resource is not a store"),
                false => Error::not_found(format!("store not found: {id}")),
            });
        };
        match self.resources.get(id).is_some_and(|resource| resource.is_open()) {
            true => Ok(store.clone()),
            false => Err(not_running(id)),
        }
    }
}

fn not_running(id: &str) -> Error {
    Error::new(Kind::UNAVAILABLE, format!("{id} is not running")).retryable(false)
}

fn key_not_found() -> Error {
    Error::not_found("key not found").retryable(false)
}

fn unsupported() -> Error {
    Error::invalid("operation not supported by this store").retryable(false)
}
