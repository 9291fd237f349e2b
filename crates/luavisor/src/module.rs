//! Lua modules written in Rust.

use std::collections::BTreeMap;
use std::future::Future;
use std::sync::Arc;

use luavisor_core::{Error, Values};
use luavisor_vm::native::{Caller, Member, NativeModule};

use crate::values::IntoValues;

/// A module that Lua code gets by `require(name)`.
///
/// A function gets the arguments as owned [`Values`] and returns values, or an
/// error that Lua sees as `nil, err`. It can neither keep a Lua value alive nor
/// break a VM; a panic is the calling process's failure.
///
/// ```
/// use luavisor::{Error, Module, Value};
///
/// let geo = Module::new("geo")
///     .constant("earth_radius", 6371.0)
///     .function("double", |_caller, arguments| match arguments.first() {
///         Value::Number(number) => Ok(number * 2.0),
///         _ => Err(Error::invalid("number expected")),
///     })
///     .async_function("lookup", |_caller, arguments| async move {
///         // Blocks the calling task only; any tokio I/O can stand here.
///         tokio::task::yield_now().await;
///         Ok(arguments)
///     });
/// assert_eq!(geo.name(), "geo");
/// ```
#[derive(Clone, Debug)]
pub struct Module {
    name: String,
    members: BTreeMap<String, Member>,
}

impl Module {
    /// An empty module.
    pub fn new(name: impl Into<String>) -> Module {
        Module { name: name.into(), members: BTreeMap::new() }
    }

    /// The name to write under `modules:`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Adds a constant.
    pub fn constant(self, name: impl Into<String>, value: impl IntoValues) -> Module {
        self.member(name, Member::Constant(value.into_values()))
    }

    /// Adds a function that returns at once: it runs on the worker and holds up
    /// the other processes of its shard.
    pub fn function<F, V>(self, name: impl Into<String>, function: F) -> Module
    where
        F: Fn(&Caller, Values) -> Result<V, Error> + Send + Sync + 'static,
        V: IntoValues,
    {
        let function = move |caller: &Caller, arguments| {
            function(caller, arguments).map(IntoValues::into_values)
        };
        self.member(name, Member::Sync(Arc::new(function)))
    }

    /// Adds a function that may block its thread, which is no worker: the calling task
    /// waits meanwhile. In a simulation it runs at once.
    pub fn blocking_function<F, V>(self, name: impl Into<String>, function: F) -> Module
    where
        F: Fn(&Caller, Values) -> Result<V, Error> + Send + Sync + 'static,
        V: IntoValues,
    {
        let function = move |caller: &Caller, arguments| {
            function(caller, arguments).map(IntoValues::into_values)
        };
        self.member(name, Member::Blocking(Arc::new(function)))
    }

    /// Adds a function that takes time: its future runs on tokio while the
    /// calling task waits.
    pub fn async_function<F, R, V>(self, name: impl Into<String>, function: F) -> Module
    where
        F: Fn(Caller, Values) -> R + Send + Sync + 'static,
        R: Future<Output = Result<V, Error>> + Send + 'static,
        V: IntoValues,
    {
        let function = move |caller: Caller, arguments: Values| {
            let future = function(caller, arguments);
            Box::pin(async move { future.await.map(IntoValues::into_values) }) as _
        };
        self.member(name, Member::Async(Arc::new(function)))
    }

    fn member(mut self, name: impl Into<String>, member: Member) -> Module {
        self.members.insert(name.into(), member);
        self
    }

    pub(crate) fn needs_tokio(&self) -> bool {
        self.members.values().any(|member| matches!(member, Member::Async(_)))
    }
}

impl From<Module> for NativeModule {
    fn from(module: Module) -> NativeModule {
        NativeModule { name: module.name, members: module.members }
    }
}
