//! The log seam: where log lines of processes and of the runtime go.

use luavisor_core::Pid;
use luavisor_vm::kernel::{Level, LogRecord};

/// Takes log lines. Called on workers: it must not block for long.
pub trait LogSink: Send + Sync {
    /// The lowest level that is written; lines below it are never built.
    fn level(&self) -> Level;
    /// Writes one line. `from` is the empty pid for lines of the runtime itself.
    fn log(&self, from: Pid, from_text: &str, record: LogRecord);
}

/// Drops everything.
#[derive(Debug, Default)]
pub struct NoLog;

impl LogSink for NoLog {
    fn level(&self) -> Level {
        Level::Error
    }

    fn log(&self, _: Pid, _: &str, _: LogRecord) {}
}
