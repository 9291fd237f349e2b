//! From a project directory to a validated application.
//!
//! The way of a load:
//!
//! 1. find and read the YAML files and the config file;
//! 2. resolve `file://` values, apply overrides and `disable`;
//! 3. check kinds, keys and values, resolve names, compile Lua sources through a
//!    [`ChunkCompiler`];
//! 4. plan the start.
//!
//! A load does not stop at the first problem: all of them are in
//! [`Diagnostics`], sorted by file and line. Nothing is started here and no Lua
//! runs. The same files always give the same result.

mod application;
mod assemble;
mod compiler;
mod diagnostic;
mod entries;
mod files;
mod id;
mod kinds;
mod lifecycle;
mod load;
mod lookup;
mod options;
mod overrides;
mod project;
mod read;
mod rebuild;
mod render;
mod resources;
mod schema;
mod script;
mod settings;
mod skeleton;
mod source;
mod suggest;
mod templates;
mod units;
pub mod vocabulary;
mod yaml;

pub use application::{
    Application, CheckDefinition, ChildDefinition, Command, DynamicDefinition, Entry,
    FunctionDefinition, HostDefinition, HostLimits, Pool, PoolKind, ProcessDefinition,
    ProcessLimits, ServiceDefinition, SupervisorDefinition, TestDefinition, Unit,
};
pub use compiler::{ChunkCompiler, CompileError, NoCompiler};
pub use diagnostic::{Diagnostic, Diagnostics, Level, Mode, Place};
pub use id::EntryId;
pub use lifecycle::{Lifecycle, Security, Startup};
pub use load::{Loaded, load};
pub use lookup::LookupError;
pub use luavisor_core::restart::{OnExhausted, Policy};
pub use options::LoadOptions;
pub use rebuild::{EntryProblem, rebuild};
pub use resources::{
    DatabaseDefinition, StorageDefinition, StorageKind, StoreDefinition, StoreKind,
    TokenStoreDefinition, VariableDefinition, VolumeDefinition,
};
pub use settings::{LogEncoding, LogLevel, LoggerSettings, Settings};
pub use skeleton::{SkeletonError, create};
pub use source::Position;
pub use suggest::hint;
pub use templates::TemplateSetDefinition;
