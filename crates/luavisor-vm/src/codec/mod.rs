//! Values as text and back: JSON, YAML, MessagePack.
//!
//! Writers read a [`View`](crate::ffi::view::View), which shows Lua values as well
//! as owned ones. Parsers write into a [`Sink`]: the stack of a Lua call, or an
//! owned [`Values`](luavisor_core::Values). What both accept is bounded by the
//! limits below, so that no input exhausts the stack, memory or a worker's time.
//!
//! Faults are texts: the cause that the caller's error names.

pub mod format;
pub mod jinja;
pub mod json;
mod msgpack;
pub mod number;
mod shape;
mod sink;
mod walk;
pub mod yaml;

pub use sink::{Sink, ValuesSink};

/// Deepest nesting of tables.
pub const DEPTH: usize = 128;

/// Most bytes that are read or written at once, and most places of tables that are
/// looked into: a table may be part of another one many times, and is written each
/// time. At 4.7 µs for one KB, 32 MiB of JSON take some 150 ms to read, in which
/// nothing else runs on the worker.
pub const BYTES: usize = 32 << 20;

/// Why a value cannot be written or a text cannot be read.
pub type Fault = std::borrow::Cow<'static, str>;

/// The fault of a text that is too long.
pub fn too_long() -> Fault {
    format!("more than {BYTES} bytes").into()
}
