//! Lua modules written in Rust by embedders.
//!
//! A native function gets owned [`Values`] and returns owned values, so it can
//! neither keep a Lua value alive nor break a VM. A synchronous function runs on
//! the worker and must be quick; an asynchronous one, and one that may block its
//! thread, block the calling task only.

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use luavisor_core::{Error, Pid, Values};

/// Who calls a native function.
#[derive(Clone, Debug)]
pub struct Caller {
    /// the calling process
    pub pid: Pid,
    /// its pid as Lua writes it
    pub pid_text: String,
    /// entry id of its code
    pub id: Arc<str>,
}

/// A native function: arguments to results, or an error that Lua gets as `nil, err`.
pub type SyncFunction = Arc<dyn Fn(&Caller, Values) -> Result<Values, Error> + Send + Sync>;

/// The future of an asynchronous native function.
pub type ResultFuture = Pin<Box<dyn Future<Output = Result<Values, Error>> + Send>>;

/// An asynchronous native function.
pub type AsyncFunction = Arc<dyn Fn(Caller, Values) -> ResultFuture + Send + Sync>;

/// One member of a native module.
#[derive(Clone)]
pub enum Member {
    /// returns at once
    Sync(SyncFunction),
    /// blocks the calling task until it is done
    Async(AsyncFunction),
    /// blocks the calling task, and a thread that is no worker, until it is done
    Blocking(SyncFunction),
    /// a constant
    Constant(Values),
}

impl fmt::Debug for Member {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Member::Sync(_) => "Sync",
            Member::Async(_) => "Async",
            Member::Blocking(_) => "Blocking",
            Member::Constant(_) => "Constant",
        })
    }
}

/// A module that `require(name)` returns as a read-only table.
#[derive(Clone, Debug)]
pub struct NativeModule {
    /// the name to write under `modules:`
    pub name: String,
    /// its members by name
    pub members: BTreeMap<String, Member>,
}
