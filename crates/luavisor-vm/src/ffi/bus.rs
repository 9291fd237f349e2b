//! Channels that the event bus feeds.
//!
//! Events wait in the [`Subscription`], which senders fill, until a task takes
//! them; each reader gets copies of its own. A bell wakes who waits.

use std::sync::Arc;

use luavisor_core::bus::BusEvent;
use luavisor_core::pattern::Pattern;

use super::channels::{Channel, ChannelId, Held, Source};
use super::context::Cx;
use super::lua::Lua;
use super::process::Process;
use super::{channel, copy, memory};
use crate::bus::Subscription;
use crate::kernel::Token;

/// Makes a channel that gets all events which match from now on.
pub fn subscribe(
    cx: Cx,
    process: &mut Process,
    system: Pattern,
    kind: Option<Pattern>,
) -> ChannelId {
    let id = process.channels.add(Channel::new(Source::Local, 0));
    memory::charge(cx, process, Channel::BASE);
    let token = Token(u64::from(id));
    let subscription = cx.kernel().subscribe(process.slot(), system, kind, token);
    if let Some(channel) = process.channel(id) {
        channel.source = Source::Bus(subscription);
        process.external += 1;
    }
    id
}

/// The bell of a subscription rang.
pub fn heard(cx: Cx, process: &mut Process, token: Token) {
    let id = token.0 as ChannelId;
    // Perhaps the number is that of another channel by now.
    if let Some(channel) = process.channel(id)
        && let Source::Bus(subscription) = &channel.source
    {
        subscription.hear();
        channel::pump(cx, process, id);
    }
}

/// Nothing comes any more.
pub fn unsubscribe(cx: Cx, process: &Process, source: &Source) {
    if let Source::Bus(subscription) = source
        && cx.has_kernel()
    {
        cx.kernel().unsubscribe(process.slot(), subscription);
    }
}

/// What came before a subscription ended stays readable.
pub fn keep_rest(cx: Cx, process: &mut Process, id: ChannelId, subscription: &Subscription) {
    while let Some(event) = subscription.take() {
        memory::charge(cx, process, Channel::VALUE);
        if let Some(channel) = process.channel(id) {
            channel.keep(Held::Event(event));
        }
    }
}

/// Pushes `{system, kind, path, data}`.
pub fn push(cx: Cx, lua: Lua, event: &Arc<BusEvent>) {
    lua.reserve(12);
    lua.new_table(0, 4);
    for (name, text) in [(c"system", &event.system), (c"kind", &event.kind), (c"path", &event.path)]
    {
        lua.push_str(text);
        lua.raw_set_field(-2, name);
    }
    if let Some(data) = &event.data
        && copy::push_first(cx, lua, data)
    {
        lua.raw_set_field(-2, c"data");
    }
}
