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
mod compiler;
mod diagnostic;
mod id;
mod lifecycle;
mod options;
mod render;
mod settings;
mod source;
mod suggest;
pub mod vocabulary;

pub use application::{
    Application, Command, Entry, FunctionDefinition, HostDefinition, HostLimits, Pool, PoolKind,
    ProcessDefinition, ProcessLimits, ServiceDefinition, Unit,
};
pub use compiler::{ChunkCompiler, CompileError, NoCompiler};
pub use diagnostic::{Diagnostic, Diagnostics, Level, Mode, Place};
pub use id::EntryId;
pub use lifecycle::{Lifecycle, Security, Startup};
pub use options::LoadOptions;
pub use settings::{LogEncoding, LogLevel, LoggerSettings, Settings};
pub use source::Position;

/// The outcome of a load.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// everything that is in order; complete if there are no errors
    pub application: Application<T>,
    /// all problems
    pub diagnostics: Diagnostics,
}
