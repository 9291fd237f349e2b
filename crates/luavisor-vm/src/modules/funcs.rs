//! `funcs`: calls of functions by id (MODULES 1).
//!
//! A call runs as a process of its own, so it can neither change nor keep
//! anything of its caller, and it ends with its caller. [`super::future`] is what
//! `async` returns.

use std::sync::Arc;

use luavisor_core::Error;

use super::future;
use super::inherit::{Guards, Overlay};
use super::time::duration_argument;
use crate::calendar::Duration;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;
use crate::kernel::CallRequest;

/// In a millisecond.
const NANOSECONDS: f64 = 1e6;

static GUARDS: Guards = Guards { context: "funcs.context", security: "funcs.security" };

/// Content of an executor object. Immutable: each `with_…` makes another one.
#[derive(Clone)]
struct Executor {
    overlay: Overlay,
    /// nanoseconds, and the text to report
    timeout: Option<(u64, Arc<str>)>,
}

/// Checks the parts of an id.
fn check_id(id: &str) -> Result<(), Error> {
    let text = match id.split_once(':') {
        _ if id.is_empty() => "function ID required",
        None | Some(("", _)) => "namespace required in function ID",
        Some((_, "")) => "name required in function ID",
        Some(_) => return Ok(()),
    };
    Err(Error::invalid(text))
}

/// The call that the arguments from `first` on ask for.
fn request(
    call: &Call,
    first: i32,
    executor: Option<&Executor>,
) -> Result<Result<CallRequest, Error>, Raise> {
    if call.is_nil(first) {
        return Err(call.wrong(first, "string"));
    }
    let id = call.name(first)?;
    let checked = check_id(&id).and_then(|()| call.guard("funcs.call", &id));
    let copied = checked.and_then(|()| call.values(first + 1, "payload", usize::MAX));
    let arguments = match copied {
        Ok(arguments) => arguments,
        Err(error) => return Ok(Err(error.retryable(false))),
    };
    let inherited = &call.process().context;
    let (context, timeout) = match executor {
        Some(executor) => (executor.overlay.over(inherited), executor.timeout.clone()),
        None => (inherited.clone(), None),
    };
    Ok(Ok(CallRequest { id, arguments, context, timeout, waits: false, host: None }))
}

/// Calls a function and waits for its answer.
fn call_and_wait(call: &mut Call, first: i32, executor: Option<&Executor>) -> Outcome {
    call.may_block("funcs.call")?;
    let request = match request(call, first, executor)? {
        Ok(request) => CallRequest { waits: true, ..request },
        Err(error) => return call.fail(error),
    };
    let (slot, token) = (call.slot(), call.token());
    match call.kernel().call_function(slot, request, token) {
        Ok(()) => call.wait(None),
        Err(error) => call.fail(error),
    }
}

/// Calls a function and returns a Future.
fn call_async(call: &mut Call, first: i32, executor: Option<&Executor>) -> Outcome {
    call.not_at_top_level("funcs.async")?;
    match request(call, first, executor)? {
        Ok(request) => future::start(call, request),
        Err(error) => call.fail(error),
    }
}

fn this<'a>(call: &Call) -> Result<&'a Executor, Raise> {
    let executor = call.object::<Executor>(1, tags::EXECUTOR);
    executor.map(|executor| &*executor).ok_or_else(|| call.wrong(1, "Executor"))
}

fn push(call: &mut Call, executor: Executor) -> Outcome {
    call.push_data(tags::EXECUTOR, executor);
    call.results(1)
}

/// `options.timeout`: a number of milliseconds, text or a Duration.
fn read_timeout(call: &Call, index: i32) -> Result<Option<(u64, Arc<str>)>, Raise> {
    if call.is_nil(index) {
        return Ok(None);
    }
    let duration = if call.is_number(index) {
        Duration::from_nanoseconds(call.number(index)? * NANOSECONDS)?
    } else {
        match duration_argument(call, index) {
            Ok(duration) => duration?,
            Err(_) => return Err(Error::invalid("timeout must be a duration").into()),
        }
    };
    let nanoseconds =
        u64::try_from(duration.0).map_err(|_| Error::invalid("timeout must not be negative"))?;
    Ok(Some((nanoseconds, duration.to_string().into())))
}

fn call(call: &mut Call) -> Outcome {
    call_and_wait(call, 1, None)
}

fn asynchronous(call: &mut Call) -> Outcome {
    call_async(call, 1, None)
}

fn new(call: &mut Call) -> Outcome {
    push(call, Executor { overlay: Overlay::new(&GUARDS), timeout: None })
}

fn with_context(call: &mut Call) -> Outcome {
    let mut executor = this(call)?.clone();
    executor.overlay.read_context(call, 2)?;
    push(call, executor)
}

fn with_actor(call: &mut Call) -> Outcome {
    let mut executor = this(call)?.clone();
    executor.overlay.read_actor(call, 2)?;
    push(call, executor)
}

fn with_scope(call: &mut Call) -> Outcome {
    let mut executor = this(call)?.clone();
    executor.overlay.read_scope(call, 2)?;
    push(call, executor)
}

/// Replaces the options. Only `timeout` has an effect.
fn with_options(call: &mut Call) -> Outcome {
    let mut executor = this(call)?.clone();
    if !call.is_table(2) {
        return Err(call.wrong(2, "table"));
    }
    call.push_field(2, c"timeout");
    executor.timeout = read_timeout(call, call.count())?;
    push(call, executor)
}

fn executor_call(call: &mut Call) -> Outcome {
    let executor = this(call)?.clone();
    call_and_wait(call, 2, Some(&executor))
}

fn executor_async(call: &mut Call) -> Outcome {
    let executor = this(call)?.clone();
    call_async(call, 2, Some(&executor))
}

fn text(call: &mut Call) -> Outcome {
    this(call)?;
    call.push_str("funcs.Executor{}");
    call.results(1)
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"call", run: call },
    Function { name: c"async", run: asynchronous },
    Function { name: c"new", run: new },
];

static METHODS: &[Function] = &[
    Function { name: c"with_context", run: with_context },
    Function { name: c"with_actor", run: with_actor },
    Function { name: c"with_scope", run: with_scope },
    Function { name: c"with_options", run: with_options },
    Function { name: c"call", run: executor_call },
    Function { name: c"async", run: executor_async },
    Function { name: c"__tostring", run: text },
];

/// Installs the module and the class of executors.
pub fn install(setup: &mut Setup) {
    setup.class::<Executor>(tags::EXECUTOR, "funcs.Executor", METHODS);
    setup.module("funcs", FUNCTIONS, |_| {});
}
