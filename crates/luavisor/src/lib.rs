//! Luavisor as a library: supervised, isolated Lua processes inside a Rust program.
//!
//! An [`App`] says what to run: the YAML and Lua files of a directory, or entries
//! made in code, with [`Module`]s and other things of the embedder. [`App::start`]
//! makes it a running [`Luavisor`]:
//!
//! ```
//! use luavisor::App;
//!
//! let luavisor = App::new()
//!     .host("app:processes", 2)
//!     .process("app:greeter", r#"
//!         return function(name)
//!             return "hello, " .. name
//!         end
//!     "#)
//!     .start()?;
//!
//! let exit = luavisor.spawn("app:greeter", "app:processes", "world")?.wait();
//! assert_eq!(exit.value.str(0), Some("hello, world"));
//! luavisor.shutdown();
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | to | see |
//! |---|---|
//! | start processes, talk to them, wait for their end | [`Luavisor`], [`Process`], [`End`] |
//! | call Rust from Lua | [`Module`] |
//! | write a process in asynchronous Rust | [`Luavisor::spawn_async`], [`Mailbox`] |
//! | keep processes running, in Lua or Rust | [`Supervisor`], [`Child`] |
//! | try it under a seed on virtual time | [`App::simulate`], [`Simulated`] |
//! | watch what happens | [`Luavisor::events`] |
//! | pass values | [`IntoValues`], [`Values`] |
//!
//! A failure of a Lua process is never an error of this library: it is the
//! [`Exit`] of that process. Nothing here needs tokio to be running; what is
//! asynchronous uses the tokio runtime it is called on, else one of its own.

mod adaptor;
mod app;
mod boot;
mod compile;
mod difference;
mod environment;
mod error;
mod events;
mod futures;
mod hosts;
mod mailbox;
mod module;
mod process;
mod programs;
mod registry;
mod resources;
mod running;
mod security;
mod simulated;
mod stores;
mod supervisors;
mod templates;
mod tree;
mod values;
mod volumes;
mod watch;

pub use app::App;
pub use compile::{LuauCompiler, TracingCompiler};
pub use error::StartError;
pub use events::{Events, Lifecycle};
pub use mailbox::{Mail, Mailbox};
pub use module::Module;
pub use process::{End, Process};
pub use running::{Luavisor, Reloaded};
pub use simulated::Simulated;
pub use tree::{Child, Dynamic, Supervisor};
pub use values::IntoValues;

pub use luavisor_config as config;
pub use luavisor_core::lifecycle;
pub use luavisor_core::restart::Backoff;
pub use luavisor_core::supervision::{self, Change as ChildChange};
pub use luavisor_core::value::{Bytes, Table};
pub use luavisor_core::{Error, Event, Exit, Kind, Pid, Reason, Value, Values};
#[doc(hidden)]
pub use luavisor_runtime::Bug;
pub use luavisor_runtime::services::{ServiceChange, ServiceState, Shutdown};
pub use luavisor_runtime::{
    BondChange, CONTROL, Clock, CrashReport, HostId, HostState, LogSink, MessageStage,
    NativeContext, Observer, Occurrence, OutputSink, Runtime, Snapshot, SystemClock, TimerChange,
    Unmet,
};
pub use luavisor_vm::calendar::Duration;
pub use luavisor_vm::kernel::{CancelRequest, Level, LogRecord, Output};
pub use luavisor_vm::native::Caller;
pub use luavisor_vm::{Chunk, TimerId};

/// An application with compiled code.
pub type Application = luavisor_config::Application<Chunk>;
