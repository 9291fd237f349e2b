//! What an application declares besides code and services: variables, stores,
//! databases, directories.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::id::EntryId;
use crate::lifecycle::Lifecycle;

/// A place that values of environment variables come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StorageDefinition {
    /// the entry
    pub id: EntryId,
    /// what sort of place
    pub kind: StorageKind,
}

/// The kinds of storages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageKind {
    /// starts empty
    Memory,
    /// the environment of the runtime at its start, read-only
    Os,
    /// a `.env` file
    File {
        /// where it is
        path: PathBuf,
        /// its content at load; empty if it is missing and may be
        text: String,
        /// permissions of the file when it is made
        file_mode: u32,
        /// permissions of directories that are made for it
        dir_mode: u32,
    },
    /// values in the entry, read-only
    Static(BTreeMap<String, String>),
    /// the first of several storages that has the name
    Router(Vec<EntryId>),
}

/// An `env.variable` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VariableDefinition {
    /// the entry
    pub id: EntryId,
    /// the name that programs and the storage use; without it the variable is
    /// private, and the storage knows it by its entry's name
    pub variable: Option<String>,
    /// where its value is
    pub storage: EntryId,
    /// its value when the storage has none
    pub default: Option<String>,
    /// whether programs may not set it
    pub read_only: bool,
}

/// A `store.*` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct StoreDefinition {
    /// the entry
    pub id: EntryId,
    /// what sort of store
    pub kind: StoreKind,
    /// when it is open
    pub lifecycle: Lifecycle,
    /// services that must be up before it
    pub dependencies: Vec<EntryId>,
}

/// The kinds of stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreKind {
    /// in memory
    Memory {
        /// keys at most
        max_size: u32,
        /// time between two looks for what has expired; zero: none
        cleanup: Duration,
    },
    /// in a table of a database
    Sql {
        /// the database's entry
        database: EntryId,
        /// name of the table
        table: String,
        /// column of keys
        key: String,
        /// column of values
        value: String,
        /// column of times
        expires: String,
        /// whether a missing table is made
        create: bool,
        /// time between two looks for what has expired; zero: none
        cleanup: Duration,
    },
}

/// A `security.token_store` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStoreDefinition {
    /// the entry
    pub id: EntryId,
    /// the store that keeps the tokens
    pub store: EntryId,
    /// random bytes of a token
    pub length: u32,
    /// how long a token is good for that does not say
    pub expiration: Duration,
    /// what signs tokens; empty: nothing
    pub key: String,
}

/// A `db.sql.sqlite` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct DatabaseDefinition {
    /// the entry
    pub id: EntryId,
    /// its file; `None`: in memory
    pub file: Option<PathBuf>,
    /// when it is open
    pub lifecycle: Lifecycle,
    /// services that must be up before it
    pub dependencies: Vec<EntryId>,
}

/// An `fs.directory` entry.
#[derive(Clone, Debug, PartialEq)]
pub struct VolumeDefinition {
    /// the entry
    pub id: EntryId,
    /// where it is
    pub directory: PathBuf,
    /// whether a missing directory is made
    pub create: bool,
    /// permission bits at most
    pub mode: u32,
    /// when it is open
    pub lifecycle: Lifecycle,
    /// services that must be up before it
    pub dependencies: Vec<EntryId>,
}
