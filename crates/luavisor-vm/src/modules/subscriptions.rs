//! `process.inbox`, `events`, `listen`, `unlisten` and the globals `subscribe`,
//! `unsubscribe` (SPEC 3.1).
//!
//! Repeated calls return the same channel object until it is closed: the inbox
//! and events objects are singletons of the VM at first, and ordinary anchored
//! channels after the singleton was closed once.

use luavisor_core::{Error, Kind};

use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::process::{ChannelId, EVENTS, INBOX, Source};

fn inbox(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.inbox")?;
    if let Some(again) = call.process().inbox_again() {
        call.push_anchored(again);
        return call.results(1);
    }
    if let Some(id) = singleton(call, INBOX, Source::Inbox) {
        call.process().rare().inbox_again = Some(id);
    }
    call.results(1)
}

fn events(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.events")?;
    if let Some(again) = call.process().events_again() {
        call.push_anchored(again);
        return call.results(1);
    }
    if let Some(id) = singleton(call, EVENTS, Source::Events) {
        call.process().rare().events_again = Some(id);
    }
    call.results(1)
}

/// Pushes the singleton, opening it; or, once it was closed, a new channel, which it returns.
fn singleton(call: &mut Call, id: ChannelId, source: Source) -> Option<ChannelId> {
    let process = call.process();
    match process.channel(id).map(|channel| channel.closed) {
        Some(false) => {
            call.push_singleton(id);
            None
        }
        None => {
            process.channels.open(id, source);
            process.external += 1;
            call.push_singleton(id);
            None
        }
        Some(true) => {
            process.external += 1;
            let again = call.push_channel(source, 0);
            call.anchor_channel(again);
            Some(again)
        }
    }
}

/// `process.listen(topic[, {message=true}])`
fn listen(call: &mut Call) -> Outcome {
    call.not_at_top_level("process.listen")?;
    let topic = call.bytes(1)?;
    if let Some(error) = bad_topic(&topic, "cannot listen to @ topics") {
        return call.fail(error);
    }
    let messages = call.is_table(2) && {
        let value = call.field(2, c"message").unwrap_or_default();
        matches!(value.first(), luavisor_core::Value::Boolean(true))
    };
    let topic = call.topic(1);
    let process = call.process();
    if let Some(subscription) = process.mailbox.subscription(&topic) {
        let id = process.subscription_channel(subscription);
        if let Some(channel) = process.channel(id)
            && messages
            && channel.capacity == 0
        {
            channel.source = Source::Topic { subscription, messages };
        }
        call.push_anchored(id);
        return call.results(1);
    }
    let subscription = process.mailbox.subscribe(topic);
    process.external += 1;
    let id = call.push_channel(Source::Topic { subscription, messages }, 0);
    call.anchor_channel(id);
    call.process().set_subscription_channel(subscription, id);
    call.results(1)
}

fn bad_topic(topic: &[u8], at: &'static str) -> Option<Error> {
    match topic.first() {
        None => Some(Error::invalid("topic cannot be empty")),
        Some(b'@') => Some(Error::invalid(at)),
        _ => None,
    }
}

/// `process.unlisten(channel)`
fn unlisten(call: &mut Call) -> Outcome {
    detach(call, "process.unlisten")
}

fn detach(call: &mut Call, name: &str) -> Outcome {
    call.not_at_top_level(name)?;
    let Some(id) = call.channel(1) else { return Err(call.wrong(1, "channel")) };
    let live = call.process().channel(id).is_some_and(|channel| {
        !channel.closed
            && matches!(channel.source, Source::Topic { .. } | Source::Inbox | Source::Events)
    });
    if !live {
        return call.fail_false(Error::not_found("channel not found"));
    }
    call.close_channel(id);
    call.yes()
}

/// `subscribe(topic, channel)`: attaches an own channel to a topic.
fn subscribe(call: &mut Call) -> Outcome {
    call.not_at_top_level("subscribe")?;
    let topic_text = call.bytes(1)?;
    let Some(id) = call.channel(2) else { return Err(call.wrong(2, "channel")) };
    if let Some(error) = bad_topic(&topic_text, "cannot subscribe to @ topics") {
        return call.fail(error);
    }
    let topic = call.topic(1);
    let process = call.process();
    if process.mailbox.subscription(&topic).is_some() {
        let topic = String::from_utf8_lossy(&topic_text);
        let message = format!("topic \"{topic}\" already subscribed");
        return call.fail(Error::new(Kind::ALREADY_EXISTS, message));
    }
    let local = process
        .channel(id)
        .is_some_and(|channel| !channel.closed && channel.source == Source::Local);
    if !local {
        return call.fail(Error::invalid("channel is closed or already subscribed"));
    }
    let subscription = process.mailbox.subscribe(topic);
    process.external += 1;
    process.set_subscription_channel(subscription, id);
    if let Some(channel) = process.channel(id) {
        channel.source = Source::Topic { subscription, messages: false };
    }
    call.push_argument(2);
    call.anchor_channel(id);
    for _ in 0..call.process().channel(id).map_or(0, |channel| channel.capacity.max(1)) {
        call.pump_channel(id);
        if !call.process().mailbox.ready(subscription) {
            break;
        }
    }
    call.yes()
}

/// `unsubscribe(channel)`: detaches and closes it, like `process.unlisten`.
fn unsubscribe(call: &mut Call) -> Outcome {
    detach(call, "unsubscribe")
}

static FUNCTIONS: &[Function] = &[
    Function { name: c"inbox", run: inbox },
    Function { name: c"events", run: events },
    Function { name: c"listen", run: listen },
    Function { name: c"unlisten", run: unlisten },
];

static GLOBALS: [Function; 2] = [
    Function { name: c"subscribe", run: subscribe },
    Function { name: c"unsubscribe", run: unsubscribe },
];

/// Installs the functions.
pub fn install(setup: &mut Setup) {
    setup.library(c"process", FUNCTIONS, |_| {});
    for function in &GLOBALS {
        setup.global(function);
    }
}
