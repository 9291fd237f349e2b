//! The Luau layer of Luavisor.
//!
//! Many isolated processes share one Luau VM per shard. See
//! `docs/architecture.md` for the picture and [`kernel`] for the contract with
//! the scheduler.

pub mod bus;
pub mod calendar;
mod codec;
mod compile;
mod ffi;
pub mod files;
pub mod kernel;
mod modules;
pub mod native;
pub mod program;
mod schema;
pub mod slots;
pub mod store;
mod template;
mod vm;

pub use bus::Subscription;
pub use compile::{Calls, CompileError, compile, compile_with};
pub use ffi::arena::{Plane, Spot};
pub use kernel::{Kernel, Slot, TimerId, Token};
pub use program::{Chunk, Context, Program, Unit};
pub use slots::Slots;
pub use template::{TemplateSet, check_template};
pub use vm::{Birth, Interrupter, Preemption, Remains, Step, Vm, VmConfig};
