//! The validated application: what the runtime starts and the tools print.
//!
//! All names are resolved: a process holds its libraries, a service knows its
//! host. `T` is what the [`ChunkCompiler`](crate::ChunkCompiler) makes of a Lua
//! source; this crate only passes it on. Everything is in load order (files in
//! lexical order, entries from top to bottom) unless said otherwise.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use luavisor_core::Values;
use luavisor_core::security::Policies;
use luavisor_core::supervision::{ChildRule, DynamicRule, Rules};

use crate::id::EntryId;
use crate::lifecycle::Lifecycle;
use crate::resources::{
    DatabaseDefinition, StorageDefinition, StoreDefinition, TokenStoreDefinition,
    VariableDefinition, VolumeDefinition,
};
use crate::settings::Settings;
use crate::templates::TemplateSetDefinition;

/// Everything that a project declares.
#[derive(Clone, Debug)]
pub struct Application<T> {
    /// the config file with `--set` applied
    pub settings: Settings,
    /// the project directory, which paths of entries are relative to
    pub project: PathBuf,
    /// the source folder
    pub sources: PathBuf,
    /// `process.host` entries
    pub hosts: Vec<HostDefinition>,
    /// `terminal.host` entries
    pub terminal_hosts: Vec<HostDefinition>,
    /// `process.lua` entries
    pub processes: Vec<Arc<ProcessDefinition<T>>>,
    /// `library.lua` entries
    pub libraries: Vec<Arc<Unit<T>>>,
    /// `function.lua` entries
    pub functions: Vec<Arc<FunctionDefinition<T>>>,
    /// `process.service` entries and `process.lua` entries with `lifecycle`
    pub services: Vec<ServiceDefinition>,
    /// `process.supervisor` entries
    pub supervisors: Vec<SupervisorDefinition>,
    /// `sim.check` entries
    pub checks: Vec<CheckDefinition<T>>,
    /// processes and functions with `meta.type: test`
    pub tests: Vec<TestDefinition<T>>,
    /// `env.storage.*` entries
    pub storages: Vec<StorageDefinition>,
    /// `env.variable` entries
    pub variables: Vec<VariableDefinition>,
    /// `store.*` entries
    pub stores: Vec<StoreDefinition>,
    /// `security.token_store` entries
    pub token_stores: Vec<TokenStoreDefinition>,
    /// `db.sql.sqlite` entries
    pub databases: Vec<DatabaseDefinition>,
    /// `fs.directory` entries
    pub volumes: Vec<VolumeDefinition>,
    /// `template.set` entries with their templates
    pub template_sets: Vec<TemplateSetDefinition>,
    /// `security.policy` entries
    pub policies: Policies,
    /// processes with `meta.command`, sorted by command name
    pub commands: Vec<Command>,
    /// all entries, sorted by id
    pub entries: Vec<Entry>,
    /// what starts at boot: hosts and services with `auto_start` and everything
    /// they depend on. A level starts when the one before is up; stopping walks
    /// the levels backwards.
    pub start_levels: Vec<Vec<EntryId>>,
    /// the process of a single `.lua` file
    pub script: Option<EntryId>,
    /// files without a namespace, which were ignored; worth a debug log
    pub ignored_files: Vec<String>,
}

/// One scheduler for processes, or one terminal.
#[derive(Clone, Debug, PartialEq)]
pub struct HostDefinition {
    /// the entry
    pub id: EntryId,
    /// worker threads; `None` means one per CPU. A terminal host has one.
    pub workers: Option<u32>,
    /// time that a process may use before another one runs
    pub slice: Duration,
    /// live processes; `None` means no limit
    pub max_processes: Option<u32>,
    /// longest stretch without a preemptible point
    pub unpreemptible: Duration,
    /// limits of its processes
    pub limits: HostLimits,
    /// keeps logs back while a terminal process runs
    pub hide_logs: bool,
    /// start and stop of the host itself
    pub lifecycle: Lifecycle,
    /// entries that must be up before
    pub dependencies: Vec<EntryId>,
}

/// The `limits` of a host, in bytes where not said otherwise.
#[derive(Clone, Debug, PartialEq)]
pub struct HostLimits {
    /// Lua heap of one process; `None` means no limit
    pub memory: Option<u64>,
    /// unread messages of one process
    pub mailbox: u32,
    /// total size of unread messages of one process
    pub mailbox_bytes: u64,
    /// heap shared by the unlimited processes of one shard
    pub shard_memory: u64,
    /// size of one send, argument list or result
    pub message_bytes: u64,
}

impl Default for HostLimits {
    fn default() -> HostLimits {
        HostLimits {
            memory: None,
            mailbox: 1_000_000,
            mailbox_bytes: 64 << 20,
            shard_memory: 2 << 30,
            message_bytes: 64 << 20,
        }
    }
}

/// The `limits` of a `process.lua` entry; `None` leaves it to the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ProcessLimits {
    /// Lua heap in bytes
    pub memory: Option<u64>,
    /// unread messages
    pub mailbox: Option<u32>,
}

/// Compiled code with what it may require.
#[derive(Clone, Debug)]
pub struct Unit<T> {
    /// the entry that holds the code; stands in error positions
    pub id: EntryId,
    /// where the code was read: a Lua file, or the YAML file that holds it inline
    pub source_name: Arc<str>,
    /// the compiled code
    pub chunk: Arc<T>,
    /// names under `modules:`; `None` means all modules are allowed
    pub modules: Option<Vec<String>>,
    /// libraries by alias
    pub imports: BTreeMap<String, Arc<Unit<T>>>,
}

/// A `process.lua` entry.
#[derive(Clone, Debug)]
pub struct ProcessDefinition<T> {
    /// the entry
    pub id: EntryId,
    /// its code
    pub unit: Arc<Unit<T>>,
    /// field of the chunk's table that holds the function; `main` by default
    pub method: String,
    /// limits of its own
    pub limits: ProcessLimits,
    /// `meta`, one table
    pub meta: Values,
    /// `host`, or for a service the only process host; `None` when it was not
    /// given and is not needed
    pub host: Option<EntryId>,
    /// arguments when it runs as a service
    pub input: Values,
    /// set when the entry is a service of its own
    pub lifecycle: Option<Lifecycle>,
    /// `meta.default_host` or `options.default_host`: callable through funcs
    pub default_host: Option<EntryId>,
}

/// A `function.lua` entry.
#[derive(Clone, Debug)]
pub struct FunctionDefinition<T> {
    /// the entry
    pub id: EntryId,
    /// its code
    pub unit: Arc<Unit<T>>,
    /// field of the chunk's table that holds the function
    pub method: String,
    /// `meta`, one table
    pub meta: Values,
    /// concurrency of calls
    pub pool: Pool,
}

/// The `pool` of a function.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pool {
    /// which pool, the choice of the runtime's rule included
    pub kind: PoolKind,
    /// concurrent calls of a static pool when `workers` is 0
    pub size: u32,
    /// concurrent calls of a static pool
    pub workers: u32,
    /// calls that a static pool queues
    pub buffer: u32,
    /// concurrent calls of lazy and adaptive pools
    pub max_size: u32,
    /// prepare the code at load
    pub warm_start: bool,
}

/// The `pool.type` of a function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PoolKind {
    /// no limit, no queue
    Inline,
    /// nothing is kept while idle
    Lazy,
    /// a fixed number of slots
    Static,
    /// grows on demand
    Adaptive,
}

/// Something that keeps a process running.
#[derive(Clone, Debug, PartialEq)]
pub struct ServiceDefinition {
    /// the service's entry
    pub id: EntryId,
    /// the process that it runs; the same id for a `process.lua` with `lifecycle`
    pub process: EntryId,
    /// where it runs
    pub host: EntryId,
    /// arguments of the process
    pub input: Values,
    /// start, stop and restart
    pub lifecycle: Lifecycle,
    /// hosts and services that must be Running before, implicit ones included
    pub dependencies: Vec<EntryId>,
}

/// A `process.supervisor` entry. Supervisors form trees: none is its own descendant.
#[derive(Clone, Debug, PartialEq)]
pub struct SupervisorDefinition {
    /// the entry
    pub id: EntryId,
    /// where its children run; `None`: where those of its parent do
    pub host: Option<EntryId>,
    /// strategy, budget, delays
    pub rules: Rules,
    /// in the order of start
    pub children: Vec<ChildDefinition>,
    /// children that are started at run time
    pub dynamic: Option<DynamicDefinition>,
    /// set when it is a service of its own; a child of another supervisor is none
    pub lifecycle: Option<Lifecycle>,
    /// hosts and services that must be Running before, implicit ones included
    pub dependencies: Vec<EntryId>,
}

/// One of the `children` of a supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildDefinition {
    /// name, count, restart type, shutdown
    pub rule: ChildRule,
    /// the `process.lua` or `process.supervisor` that it runs
    pub target: EntryId,
    /// which of the two
    pub supervisor: bool,
    /// its own host
    pub host: Option<EntryId>,
    /// arguments of the process
    pub input: Values,
}

/// The `dynamic` of a supervisor.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicDefinition {
    /// restart type, shutdown, how many
    pub rule: DynamicRule,
    /// the `process.lua` or `process.supervisor` that they run
    pub target: EntryId,
    /// which of the two
    pub supervisor: bool,
}

/// A `sim.check` entry: a function that judges a simulation.
#[derive(Clone, Debug)]
pub struct CheckDefinition<T> {
    /// its code, as a process
    pub process: Arc<ProcessDefinition<T>>,
    /// called in each virtual minute, not only at the end
    pub always: bool,
}

/// An entry with `meta.type: test`: what `luavisor test` runs.
#[derive(Clone, Debug)]
pub struct TestDefinition<T> {
    /// its code, as a process
    pub process: Arc<ProcessDefinition<T>>,
    /// `meta.suite`, or the namespace
    pub suite: String,
    /// `meta.order`, or 0
    pub order: f64,
    /// `meta.timeout`
    pub timeout: Option<Duration>,
    /// the reason of `meta.skip`, if it is to be skipped
    pub skip: Option<String>,
    /// the file that the entry stands in
    pub file: Arc<str>,
    /// the line of its name, from 1
    pub line: u32,
}

/// A process that can be run by a command name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Command {
    /// what the user types
    pub name: String,
    /// one line of help
    pub short: String,
    /// whether it is the application's main command
    pub main: bool,
    /// the process
    pub process: EntryId,
}

/// One entry of the registry, as it was read.
#[derive(Clone, Debug)]
pub struct Entry {
    /// `namespace:name`
    pub id: EntryId,
    /// its kind
    pub kind: String,
    /// the file that it stands in
    pub file: Arc<str>,
    /// the line of its name, from 1
    pub line: u32,
    /// `meta` with the file's defaults, one table
    pub meta: Values,
    /// the configuration with `file://` contents, one table
    pub data: Values,
}

impl<T> Default for Application<T> {
    /// An application without entries.
    fn default() -> Application<T> {
        Application {
            settings: Settings::default(),
            project: PathBuf::new(),
            sources: PathBuf::new(),
            hosts: Vec::new(),
            terminal_hosts: Vec::new(),
            processes: Vec::new(),
            libraries: Vec::new(),
            functions: Vec::new(),
            services: Vec::new(),
            supervisors: Vec::new(),
            checks: Vec::new(),
            tests: Vec::new(),
            storages: Vec::new(),
            variables: Vec::new(),
            stores: Vec::new(),
            token_stores: Vec::new(),
            databases: Vec::new(),
            volumes: Vec::new(),
            template_sets: Vec::new(),
            policies: Policies::default(),
            commands: Vec::new(),
            entries: Vec::new(),
            start_levels: Vec::new(),
            script: None,
            ignored_files: Vec::new(),
        }
    }
}
