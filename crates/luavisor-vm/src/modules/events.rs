//! `events`: the application-wide bus (MODULES 4). Unrelated to `process.events()`.

use luavisor_core::Pid;
use luavisor_core::bus::BusEvent;
use luavisor_core::pattern::Pattern;

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::{Owner, tags};
use crate::ffi::process::ChannelId;

/// Bytes of a pattern, a system or a kind: each event meets many patterns, and its
/// sender waits for that.
const LONGEST: usize = 1024;

/// Content of a subscription object.
struct Subscription {
    owner: Pid,
    channel: ChannelId,
}

impl Owner for Subscription {
    fn channel(&self) -> (Pid, ChannelId) {
        (self.owner, self.channel)
    }
}

/// `events.send(system, kind, path[, data])`
fn send(call: &mut Call) -> Outcome {
    call.not_at_top_level("events.send")?;
    let names = [call.string(1)?, call.string(2)?, call.string(3)?];
    for (name, text) in ["system", "kind", "path"].into_iter().zip(&names) {
        if text.is_empty() {
            return invalid(call, format!("{name} is required"));
        }
        if name != "path" && text.len() > LONGEST {
            return invalid(call, format!("{name} exceeds {LONGEST} bytes"));
        }
    }
    if let Err(error) = call.guard("events.send", &names[0]) {
        return call.fail(error.retryable(false));
    }
    let data = match call.is_nil(4) {
        true => None,
        false => match call.value_at(4, "data") {
            Ok(data) => Some(data),
            Err(error) => return call.fail(error.retryable(false)),
        },
    };
    let [system, kind, path] = names.map(Into::into);
    let slot = call.slot();
    let sent = call.kernel().publish(slot, BusEvent { system, kind, path, data });
    call.done(sent.map_err(|error| error.retryable(false)))
}

/// `events.subscribe(system[, kind])`, both patterns.
fn subscribe(call: &mut Call) -> Outcome {
    call.not_at_top_level("events.subscribe")?;
    let system = call.string(1)?;
    if system.is_empty() {
        return invalid(call, "system pattern is required".to_owned());
    }
    if let Err(error) = call.guard("events.subscribe", &system) {
        return call.fail(error.retryable(false));
    }
    let kind = call.optional_string(2)?.filter(|kind| !kind.is_empty());
    if system.len().max(kind.as_ref().map_or(0, String::len)) > LONGEST {
        return invalid(call, format!("pattern exceeds {LONGEST} bytes"));
    }
    let Ok(system) = Pattern::parse(&system) else {
        return invalid(call, format!("invalid pattern: {system}"));
    };
    let kind = match kind.as_deref().map(Pattern::parse).transpose() {
        Ok(kind) => kind,
        Err(_) => {
            let kind = kind.unwrap_or_default();
            return invalid(call, format!("invalid pattern: {kind}"));
        }
    };
    let owner = call.process().pid;
    let channel = call.subscribe_to_bus(system, kind);
    call.push_data(tags::SUBSCRIPTION, Subscription { owner, channel });
    call.results(1)
}

fn this(call: &Call) -> Result<ChannelId, Raise> {
    let subscription = call.object::<Subscription>(1, tags::SUBSCRIPTION);
    let channel = subscription.map(|subscription| subscription.channel);
    channel.ok_or_else(|| call.wrong(1, "Subscription"))
}

fn channel(call: &mut Call) -> Outcome {
    let channel = this(call)?;
    call.push_channel_view(channel);
    call.results(1)
}

fn close(call: &mut Call) -> Outcome {
    let channel = this(call)?;
    call.close_channel(channel);
    call.yes()
}

fn text(call: &mut Call) -> Outcome {
    this(call)?;
    call.push_str("events.Subscription{}");
    call.results(1)
}

static FUNCTIONS: &[Function] =
    &[Function { name: c"send", run: send }, Function { name: c"subscribe", run: subscribe }];

static METHODS: &[Function] = &[
    Function { name: c"channel", run: channel },
    Function { name: c"close", run: close },
    Function { name: c"__tostring", run: text },
];

/// Installs the module and its class.
pub fn install(setup: &mut Setup) {
    setup.owner_class::<Subscription>(tags::SUBSCRIPTION, "events.Subscription", METHODS);
    setup.module("events", FUNCTIONS, |_| {});
}
