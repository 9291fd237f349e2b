//! `process.with_context` and `process.with_options`: how a process is started,
//! told step by step (SPEC 12.3).
//!
//! A builder is immutable: each step makes another one. Wrong use raises.

use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Values};

use super::inherit::{Guards, Overlay};
use super::process::{Relations, execute, start, target};
use super::time::duration_argument;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::kernel::SpawnRequest;

static GUARDS: Guards = Guards { context: "process.context", security: "process.security" };

/// Content of a builder object.
#[derive(Clone)]
struct Builder {
    overlay: Overlay,
    /// nanoseconds, and the text to report
    timeout: Option<(u64, Arc<str>)>,
    name: Option<String>,
    messages: Vec<(Bytes, Values)>,
}

impl Builder {
    fn new() -> Builder {
        let overlay = Overlay::new(&GUARDS);
        Builder { overlay, timeout: None, name: None, messages: Vec::new() }
    }
}

fn this(call: &Call) -> Result<Builder, Raise> {
    let builder = call.object::<Builder>(1, tags::BUILDER);
    builder.cloned().ok_or_else(|| call.wrong(1, "process builder"))
}

fn push(call: &mut Call, builder: Builder) -> Outcome {
    call.push_data(tags::BUILDER, builder);
    call.results(1)
}

/// Replaces the options. Only `timeout` has an effect.
fn read_options(call: &mut Call, index: i32, builder: &mut Builder) -> Result<(), Raise> {
    if !call.is_table(index) {
        return Err(call.wrong(index, "table"));
    }
    call.push_field(index, c"timeout");
    let timeout = call.count();
    builder.timeout = None;
    if !call.is_nil(timeout) {
        let duration = match duration_argument(call, timeout) {
            Ok(duration) => duration?,
            Err(_) => return Err(Error::invalid("timeout must be a duration").into()),
        };
        let nanoseconds = u64::try_from(duration.0)
            .map_err(|_| Error::invalid("timeout must not be negative"))?;
        builder.timeout = Some((nanoseconds, duration.to_string().into()));
    }
    call.pop(1);
    Ok(())
}

/// `process.with_context{…}`
fn new_with_context(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.with_context")?;
    let mut builder = Builder::new();
    builder.overlay.read_context(call, 1)?;
    push(call, builder)
}

/// `process.with_options{…}`
fn new_with_options(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.with_options")?;
    let mut builder = Builder::new();
    read_options(call, 1, &mut builder)?;
    push(call, builder)
}

fn with_context(call: &mut Call) -> Outcome {
    let mut builder = this(call)?;
    builder.overlay.read_context(call, 2)?;
    push(call, builder)
}

fn with_options(call: &mut Call) -> Outcome {
    let mut builder = this(call)?;
    read_options(call, 2, &mut builder)?;
    push(call, builder)
}

fn with_actor(call: &mut Call) -> Outcome {
    let mut builder = this(call)?;
    builder.overlay.read_actor(call, 2)?;
    push(call, builder)
}

fn with_scope(call: &mut Call) -> Outcome {
    let mut builder = this(call)?;
    builder.overlay.read_scope(call, 2)?;
    push(call, builder)
}

fn with_name(call: &mut Call) -> Outcome {
    let mut builder = this(call)?;
    let name = call.string(2)?;
    if name.is_empty() {
        return Err(call.raise("name cannot be empty"));
    }
    call.guard("process.registry.register", &name)?;
    builder.name = Some(name);
    push(call, builder)
}

/// `builder:with_message(topic, ...)`
fn with_message(call: &mut Call) -> Outcome {
    let mut builder = this(call)?;
    let topic = call.bytes(2)?;
    if topic.first() == Some(&b'@') {
        return Err(Error::invalid("cannot send to @ topics").into());
    }
    let payload = call.values(3, "payload", usize::MAX)?;
    builder.messages.push((topic.into(), payload));
    push(call, builder)
}

/// The request of the builder for the (id, host, …) behind it.
fn request(call: &Call, action: &str) -> Result<(Result<SpawnRequest, Error>, Builder), Raise> {
    let builder = this(call)?;
    let request = target(call, 2, action)?.map(|mut request| {
        request.context = builder.overlay.over(&request.context);
        request.name = builder.name.clone();
        request.messages = builder.messages.clone();
        request
    });
    Ok((request, builder))
}

fn spawn_with(call: &mut Call, name: &str, relations: Relations) -> Outcome {
    call.not_at_top_level(name)?;
    match request(call, "process.spawn")?.0 {
        Ok(mut request) => {
            request.monitor = relations.monitor;
            request.link = relations.link;
            start(call, request)
        }
        Err(error) => call.fail(error),
    }
}

fn spawn(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn", Relations { monitor: false, link: false })
}

fn spawn_monitored(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn_monitored", Relations { monitor: true, link: false })
}

fn spawn_linked(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn_linked", Relations { monitor: false, link: true })
}

fn spawn_linked_monitored(call: &mut Call) -> Outcome {
    spawn_with(call, "process.spawn_linked_monitored", Relations { monitor: true, link: true })
}

fn exec(call: &mut Call) -> Outcome {
    call.may_block("process.exec")?;
    let (request, builder) = request(call, "process.exec")?;
    match request {
        Ok(request) => execute(call, request, builder.timeout),
        Err(error) => call.fail(error),
    }
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"with_context", run: new_with_context },
    Function { name: c"with_options", run: new_with_options },
];

static METHODS: &[Function] = &[
    Function { name: c"with_context", run: with_context },
    Function { name: c"with_options", run: with_options },
    Function { name: c"with_actor", run: with_actor },
    Function { name: c"with_scope", run: with_scope },
    Function { name: c"with_name", run: with_name },
    Function { name: c"with_message", run: with_message },
    Function { name: c"spawn", run: spawn },
    Function { name: c"spawn_monitored", run: spawn_monitored },
    Function { name: c"spawn_linked", run: spawn_linked },
    Function { name: c"spawn_linked_monitored", run: spawn_linked_monitored },
    Function { name: c"exec", run: exec },
];

/// Adds the functions to `process`.
pub fn install(setup: &mut Setup) {
    setup.class::<Builder>(tags::BUILDER, "process.Builder", METHODS);
    setup.library(c"process", FUNCTIONS, |_| {});
}
