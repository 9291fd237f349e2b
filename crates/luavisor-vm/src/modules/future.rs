//! Futures: what `funcs.async` returns (MODULES 1.1).
//!
//! A Future owns a channel, whose object is made when it is asked for. What
//! became of the call is kept by the process (`ffi/futures.rs`) as long as a
//! Future or its channel is held. Dropping both does not end the call.

use luavisor_core::value::Object;
use luavisor_core::{Error, Kind, Pid};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::futures::{self, Answer};
use crate::ffi::objects::{Owner, tags};
use crate::ffi::process::ChannelId;
use crate::kernel::CallRequest;

/// Content of a Future.
struct Future {
    owner: Pid,
    channel: ChannelId,
}

impl Owner for Future {
    fn channel(&self) -> (Pid, ChannelId) {
        (self.owner, self.channel)
    }
}

/// Starts a call and pushes its Future, or `nil, err`.
pub fn start(call: &mut Call, request: CallRequest) -> Outcome {
    let owner = call.process().pid;
    let (channel, token) = call.begin_future(request.arguments.size());
    call.push_data(tags::FUTURE, Future { owner, channel });
    let slot = call.slot();
    match call.kernel().call_function(slot, request, token) {
        Ok(()) => call.results(1),
        Err(error) => {
            call.cancel_future(channel);
            call.fail(error)
        }
    }
}

fn this(call: &Call) -> Result<ChannelId, Raise> {
    let future = call.object::<Future>(1, tags::FUTURE);
    future.map(|future| future.channel).ok_or_else(|| call.wrong(1, "Future"))
}

/// What became of the call.
fn answer(call: &Call) -> Result<Answer, Raise> {
    let channel = this(call)?;
    Ok(futures::answer(call.process(), channel))
}

/// `channel()` and `response()`
fn channel(call: &mut Call) -> Outcome {
    let channel = this(call)?;
    call.push_channel_view(channel);
    call.results(1)
}

fn is_complete(call: &mut Call) -> Outcome {
    let complete = matches!(answer(call)?, Answer::Value(_) | Answer::Failure(_));
    call.push_boolean(complete);
    call.results(1)
}

fn is_canceled(call: &mut Call) -> Outcome {
    let canceled = matches!(answer(call)?, Answer::Canceled);
    call.push_boolean(canceled);
    call.results(1)
}

/// A Payload, or an error, and nil where the other would be.
fn result(call: &mut Call) -> Outcome {
    let error = match answer(call)? {
        Answer::None => None,
        Answer::Value(payload) => {
            call.push_object(&Object::Payload(payload));
            call.push_nil();
            return call.results(2);
        }
        Answer::Failure(error) => Some(Object::Error(error)),
        Answer::Canceled => {
            let error = Error::new(Kind::CANCELED, "canceled").retryable(false);
            Some(Object::Error(error.into()))
        }
    };
    call.push_nil();
    match error {
        Some(error) => call.push_object(&error),
        None => call.push_nil(),
    }
    call.results(2)
}

/// `err, true` of a call that failed, else `nil, false`.
fn error(call: &mut Call) -> Outcome {
    match answer(call)? {
        Answer::Failure(error) => {
            call.push_object(&Object::Error(error));
            call.push_boolean(true);
        }
        _ => {
            call.push_nil();
            call.push_boolean(false);
        }
    }
    call.results(2)
}

fn cancel(call: &mut Call) -> Outcome {
    let channel = this(call)?;
    if let Some(token) = call.cancel_future(channel) {
        let slot = call.slot();
        call.kernel().cancel_call(slot, token);
    }
    call.yes()
}

fn text(call: &mut Call) -> Outcome {
    this(call)?;
    call.push_str("funcs.Future{}");
    call.results(1)
}

static METHODS: &[Function] = &[
    Function { name: c"channel", run: channel },
    Function { name: c"response", run: channel },
    Function { name: c"is_complete", run: is_complete },
    Function { name: c"is_canceled", run: is_canceled },
    Function { name: c"result", run: result },
    Function { name: c"error", run: error },
    Function { name: c"cancel", run: cancel },
    Function { name: c"__tostring", run: text },
];

/// Installs the class.
pub fn install(setup: &mut Setup) {
    setup.owner_class::<Future>(tags::FUTURE, "funcs.Future", METHODS);
}
