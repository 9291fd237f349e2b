//! `process.send`, and how a message gets to a process of this VM.
//!
//! A message to a process of the same VM is copied inside Lua and goes straight
//! to a waiting receiver, else into the mailbox, which holds its copy. One for
//! elsewhere leaves as owned values through the kernel.

use std::ffi::c_int;

use luavisor_core::mailbox::Route;
use luavisor_core::{Error, Kind, Pid, Values};

use super::context::Cx;
use super::error::{Raise, fail};
use super::lua::*;
use super::message::{self, Arriving, pack};
use super::process::*;
use super::{atoms, channel, copy};
use crate::kernel::Room;

/// The channel that a message of this topic goes to, and whether as a Message.
fn destination(process: &mut Process, topic: &Topic) -> (ChannelId, bool) {
    match process.mailbox.route(topic) {
        Route::Inbox => (process.inbox_again().unwrap_or(INBOX), true),
        Route::Subscription(subscription) => {
            let id = process.subscription_channel(subscription);
            let messages = process
                .channel(id)
                .is_some_and(|c| matches!(c.source, Source::Topic { messages: true, .. }));
            (id, messages)
        }
    }
}

/// Queues a message at a process of this VM, or hands it over.
pub fn deliver(cx: Cx, process: &mut Process, topic: Topic, cargo: Cargo) {
    let (id, messages) = destination(process, &topic);
    match channel::receiver(process, id) {
        Some(waiter) => {
            message::return_room(cx, process, &cargo);
            let Cargo { from, load, .. } = cargo;
            hand_over(cx, process, waiter, messages, topic, from, Arriving::Queued(load));
        }
        None => queue(cx, process, id, topic, cargo),
    }
}

fn queue(cx: Cx, process: &mut Process, id: ChannelId, topic: Topic, cargo: Cargo) {
    let room = process.channel(id).is_some_and(|c| c.has_room());
    process.mailbox.push(topic, cargo);
    if room {
        channel::pump(cx, process, id);
    }
}

/// Resumes a waiting task with the message.
fn hand_over(
    cx: Cx,
    process: &mut Process,
    waiter: Waiter,
    messages: bool,
    topic: Topic,
    from: Pid,
    load: Arriving,
) {
    let Some(thread) = process.task(waiter.task).map(|task| task.innermost()) else { return };
    if waiter.case != 0 {
        thread.reserve(8);
    }
    message::push_as(cx, thread, messages, topic, from, load);
    channel::given(cx, process, waiter);
}

/// `process.send(destination, topic, ...)`
fn send(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let count = lua.top();
    if count < 2 {
        return Ok(fail(lua, Error::invalid("send requires destination and topic arguments")));
    }
    if lua.kind(1) != LUA_TSTRING {
        return Err(Raise::argument(lua, 1, "send", "string"));
    }
    if lua.kind(2) != LUA_TSTRING {
        return Err(Raise::argument(lua, 2, "send", "string"));
    }
    let process = cx.process();
    if process.loading > 0 {
        cx.not_at_top_level("process.send")?;
    }
    if lua.bytes(2).first() == Some(&b'@') {
        return Ok(fail(lua, Error::invalid("cannot send to @ topics")));
    }
    let (address, text, atom) = lua.atom(1);
    let hinted = atoms::slot(atom)
        .and_then(|slot| cx.at(slot))
        .filter(|target| cx.names(address, target.pid));
    let known = match &hinted {
        Some(target) => Some(target.pid),
        None => cx.vm().strangers.named_by(address),
    };
    let pid = match known.map_or_else(|| cx.kernel().resolve(text), Ok) {
        Ok(pid) => pid,
        Err(error) => return Ok(fail(lua, error)),
    };
    if process.guarded && pid != process.pid {
        let to = String::from_utf8_lossy(text);
        if !process.context.allows("process.send", &to, &Values::none()) {
            return Ok(fail(lua, Error::not_allowed(&to)));
        }
    }
    let target = match hinted {
        Some(target) => Some(target),
        None => {
            let target = cx.find(pid);
            // Keeps the text, so that the next send knows it; not that of a process
            // of this VM that does not exist.
            if known.is_none() && (target.is_some() || !cx.is_local(pid)) {
                lua.reserve(1);
                cx.push_pid(lua, pid);
                lua.pop(1);
            }
            target
        }
    };
    let sent = match target {
        Some(target) => send_local(cx, lua, target, process.pid, count),
        None => send_away(cx, lua, pid, count),
    };
    match sent {
        Ok(()) => {
            lua.push_boolean(true);
            Ok(1)
        }
        Err(error) => Ok(fail(lua, error)),
    }
}

fn send_local(
    cx: Cx,
    lua: Lua,
    target: &mut Process,
    from: Pid,
    count: c_int,
) -> Result<(), Error> {
    let slots = &cx.vm().config.slots;
    if !slots.alive(target.slot(), target.pid.generation) {
        return Err(Error::process_not_found());
    }
    let mut bytes = 16;
    // The copy counts for the receiver.
    let from_category = cx.process().category;
    let accounted = target.category != from_category;
    if accounted {
        lua.set_category(target.category);
    }
    let copied = copy_load(cx, lua, target.pid, count, &mut bytes);
    if accounted {
        lua.set_category(from_category);
    }
    let copied = copied?;
    bytes += lua.bytes(2).len();
    let topic = cx.topic(lua, 2);
    let (id, messages) = destination(target, &topic);
    // A message that somebody waits for is never unread: no room to reserve and
    // give back, which took 7 % of a round trip.
    let mut room = Room::of(bytes);
    let fits = match target.channel(id).is_some_and(|channel| !channel.receivers.is_empty()) {
        true => slots.admits(target.slot(), room.bytes),
        false => slots.reserve(target.slot(), room.bytes),
    };
    if !fits {
        return Err(Error::new(Kind::LIMIT_EXCEEDED, "mailbox full"));
    }
    if cx.simulated() {
        // It was copied, so it can be read.
        let payload = copy::take(cx, lua, 3, count - 2, "payload", usize::MAX).unwrap_or_default();
        room.stamp = cx.kernel().posted(cx.process().slot(), target.pid, lua.bytes(2), payload);
    }
    if let Some(waiter) = channel::receiver(target, id) {
        cx.taken(target, from, room.stamp);
        let load = match copied {
            Copied::Scalar(load) => Arriving::Queued(load),
            Copied::Value => Arriving::Value(lua),
            Copied::List => Arriving::List(lua),
        };
        hand_over(cx, target, waiter, messages, topic, from, load);
        return Ok(());
    }
    let load = match copied {
        Copied::Scalar(load) => load,
        Copied::Value => Load::Held(cx.hold(lua)),
        Copied::List => Load::List(cx.hold(lua)),
    };
    queue(cx, target, id, topic, Cargo { from, room, load });
    Ok(())
}

/// A payload on its way.
enum Copied {
    Scalar(Load),
    /// its copy was pushed
    Value,
    /// an array of copies was pushed
    List,
}

/// Pushes a copy of the payload, unless it is a scalar.
fn copy_load(
    cx: Cx,
    lua: Lua,
    target: Pid,
    count: c_int,
    bytes: &mut usize,
) -> Result<Copied, Error> {
    Ok(match count {
        2 => Copied::Scalar(Load::None),
        3 => match lua.kind(3) {
            LUA_TNIL => Copied::Scalar(Load::Nil),
            LUA_TBOOLEAN => Copied::Scalar(Load::Boolean(lua.boolean(3))),
            LUA_TNUMBER => Copied::Scalar(Load::Number(lua.number(3))),
            _ => {
                let limit = cx.kernel().message_limit(target);
                *bytes = copy::local(cx, lua, 3, "payload", limit)?;
                Copied::Value
            }
        },
        _ => {
            let limit = cx.kernel().message_limit(target);
            let values = copy::take(cx, lua, 3, count - 2, "payload", limit)?;
            *bytes = values.size();
            copy::push_all(cx, lua, &values);
            pack(lua, count - 2);
            Copied::List
        }
    })
}

fn send_away(cx: Cx, lua: Lua, pid: Pid, count: c_int) -> Result<(), Error> {
    let limit = cx.kernel().message_limit(pid);
    let values = copy::take(cx, lua, 3, count - 2, "payload", limit)?;
    let topic = cx.shared_topic(lua, 2);
    cx.kernel().send(cx.process().slot(), pid, topic, values)
}

natives! {
    send_native = send;
}

/// Pushes `process.send`.
pub fn push(lua: Lua) {
    lua.push_function(send_native, c"send", 0);
}
