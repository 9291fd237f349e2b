//! Channels of one process: send, receive, close, select.
//!
//! A channel object is tagged userdata that holds an index; its state is in the
//! process. The inbox and events objects are singletons of the VM: the process
//! that uses one is the one that runs. Values go straight to a waiting receiver,
//! whose stack they are pushed on; a blocked sender keeps its value on its own
//! stack. Waiters are served in order.

mod methods;

use std::ffi::c_int;

use luavisor_core::value::{Instant, Zone};
use luavisor_core::{Object, Pid};

use super::context::{Cx, Op};
use super::lua::*;
use super::process::*;
use super::{bus, event, memory, message, objects, shapes};
pub use methods::install;

/// Content of a channel's userdata.
#[derive(Debug)]
pub struct ChannelRef {
    pub id: ChannelId,
    /// owner; `Pid::NONE` for the singletons
    pub owner: Pid,
}

pub const TAG: c_int = 2;

/// In a second.
const NANOSECONDS: i128 = 1_000_000_000;

/// Makes a channel and pushes its object.
pub fn create(cx: Cx, lua: Lua, source: Source, capacity: u32) -> ChannelId {
    let process = cx.process();
    let id = process.channels.add(Channel::new(source, capacity));
    memory::charge(cx, process, Channel::BASE);
    let owner = process.pid;
    lua.reserve(1);
    lua.new_userdata(TAG, ChannelRef { id, owner });
    id
}

/// Pushes the object of a channel that another object owns. It is made when it is
/// asked for and forgotten when nobody holds it: a new one is as good then.
pub fn push_view(cx: Cx, lua: Lua, id: ChannelId) {
    let process = cx.process();
    let owner = process.pid;
    lua.reserve(4);
    cx.push_shared(lua, cx.vm().places.channel_views);
    let key = (u64::from(owner.slot()) << 32 | u64::from(id)) as f64;
    lua.push_number(key);
    lua.raw_get(-2);
    // An object of a process that lived here before may not be collected yet.
    if lua.userdata::<ChannelRef>(-1, TAG).is_none_or(|found| found.owner != owner) {
        lua.pop(1);
        lua.new_userdata(TAG, ChannelRef { id, owner });
        if let Some(channel) = process.channel(id) {
            channel.views += 1;
        }
        lua.push_number(key);
        lua.copy(-2);
        lua.raw_set(-4);
    }
    lua.remove(-2);
}

/// The channel that the object at `index` stands for in the running process.
pub fn id_at(lua: Lua, index: c_int) -> Option<ChannelId> {
    lua.userdata::<ChannelRef>(index, TAG).map(|reference| reference.id)
}

/// Keeps the channel object on top of the stack alive; does not pop it.
pub fn anchor(cx: Cx, lua: Lua, id: ChannelId) {
    lua.reserve(1);
    lua.copy(-1);
    let hold = cx.hold(lua);
    if let Some(channel) = cx.process().channel(id) {
        channel.anchor = Some(hold);
    }
}

/// What a receive came to.
#[derive(PartialEq, Debug)]
pub enum Received {
    /// a value was pushed
    Value,
    /// closed and drained
    Closed,
    Nothing,
}

/// Takes the next value of a channel and pushes it on `lua`.
pub fn take(cx: Cx, lua: Lua, process: &mut Process, id: ChannelId) -> Received {
    ripen(cx, process, id);
    let Some(channel) = process.channel(id) else { return Received::Closed };
    if let Some(held) = channel.pop() {
        memory::refund(cx, process, Channel::VALUE);
        push_value(cx, lua, held);
        refill(cx, lua, process, id);
        return Received::Value;
    }
    if let Some(sender) = channel.next_sender() {
        take_from_sender(cx, lua, process, sender);
        return Received::Value;
    }
    match &channel.source {
        Source::Bus(subscription) => {
            if let Some(event) = subscription.take() {
                bus::push(cx, lua, &event);
                return Received::Value;
            }
        }
        Source::Inbox => {
            if let Some((topic, cargo)) = process.mailbox.pop_inbox() {
                message::push_queued(cx, lua, process, true, topic, cargo);
                return Received::Value;
            }
        }
        Source::Events => {
            if let Some(event) = process.events.pop_front() {
                event::push(cx, lua, &event, process.category);
                return Received::Value;
            }
        }
        &Source::Topic { subscription, messages } => {
            if let Some((topic, cargo)) = process.mailbox.pop(subscription) {
                message::push_queued(cx, lua, process, messages, topic, cargo);
                return Received::Value;
            }
        }
        _ => {}
    }
    match process.channel(id) {
        Some(channel) if !channel.closed => Received::Nothing,
        _ => Received::Closed,
    }
}

/// What its timer would have done to a timeout that has passed: one Time, then
/// closed. A task that waits already gets it from the timer.
fn ripen(cx: Cx, process: &mut Process, id: ChannelId) {
    let Some(channel) = process.channel(id) else { return };
    let Source::After { at, timer } = channel.source else { return };
    if !channel.receivers.is_empty() || cx.kernel().monotonic() < at {
        return;
    }
    let source = std::mem::replace(&mut channel.source, Source::Local);
    process.lose_source(&source);
    if let Some(timer) = timer {
        cx.kernel().clear_timer(process.slot(), timer);
    }
    let time = Object::Time(time_of(cx, at));
    offer(cx, process, id, time);
    close(cx, process, id);
}

/// The time of day at a time of the kernel's clock that has passed.
fn time_of(cx: Cx, at: u64) -> Instant {
    let late = cx.kernel().monotonic().saturating_sub(at);
    let (seconds, nanos) = cx.kernel().wall();
    let unix = i128::from(seconds) * NANOSECONDS + i128::from(nanos) - i128::from(late);
    Instant {
        seconds: unix.div_euclid(NANOSECONDS) as i64,
        nanos: unix.rem_euclid(NANOSECONDS) as u32,
        zone: Zone::Local,
    }
}

/// Pushes a value that a channel kept and lets go of it.
fn push_value(cx: Cx, lua: Lua, held: Held) {
    match held {
        Held::Nil => lua.push_nil(),
        Held::Boolean(value) => lua.push_boolean(value),
        Held::Number(value) => lua.push_number(value),
        Held::Ref(hold) => {
            cx.push_held(lua, &hold);
            cx.release(hold);
        }
        Held::Object(object) => objects::push(lua, &object),
        Held::Event(event) => bus::push(cx, lua, &event),
    }
}

/// Keeps the value on top of the stack; pops it.
fn keep(cx: Cx, lua: Lua) -> Held {
    let held = match lua.kind(-1) {
        LUA_TNIL => Held::Nil,
        LUA_TBOOLEAN => Held::Boolean(lua.boolean(-1)),
        LUA_TNUMBER => Held::Number(lua.number(-1)),
        _ => return Held::Ref(cx.hold(lua)),
    };
    lua.pop(1);
    held
}

/// Moves the value of a blocked sender to `lua` and lets the sender go on.
fn take_from_sender(cx: Cx, lua: Lua, process: &mut Process, sender: Waiter) {
    let Some(thread) = process.task(sender.task).map(|task| task.innermost()) else { return };
    // A plain send blocks with channel and value at 1 and 2, a select with the value after its channel.
    let at = if sender.case == 0 { 2 } else { sender.case + 1 };
    thread.copy_to(lua, at);
    thread.reserve(4);
    if sender.case == 0 {
        thread.push_boolean(true);
    } else {
        thread.copy(at);
        push_result(cx, thread, process, sender.case, true);
    }
    cx.wake_task(process, sender.task, 1);
}

/// After a value left the buffer: moves the next one in.
fn refill(cx: Cx, lua: Lua, process: &mut Process, id: ChannelId) {
    let Some(channel) = process.channel(id) else { return };
    if let Some(sender) = channel.next_sender() {
        take_from_sender(cx, lua, process, sender);
        let held = keep(cx, lua);
        if let Some(channel) = process.channel(id) {
            channel.keep(held);
            memory::charge(cx, process, Channel::VALUE);
        }
    } else if let Source::Topic { subscription, messages } = channel.source
        && let Some((topic, cargo)) = process.mailbox.pop(subscription)
    {
        message::push_queued(cx, lua, process, messages, topic, cargo);
        let held = keep(cx, lua);
        if let Some(channel) = process.channel(id) {
            channel.keep(held);
            memory::charge(cx, process, Channel::VALUE);
        }
    }
}

/// Turns the value on top into a select result `{channel, value, ok}`.
pub fn push_result(cx: Cx, lua: Lua, process: &Process, case: c_int, ok: bool) {
    let category = process.category;
    shapes::make(cx, lua, cx.vm().shapes.selected, category, |maker| {
        lua.copy_to(maker, case);
        lua.move_to(maker, 1);
        maker.push_boolean(ok);
        3
    });
}

/// Gives a waiting receiver the value that `push` pushes.
pub fn give(cx: Cx, process: &mut Process, receiver: Waiter, ok: bool, push: impl FnOnce(Lua)) {
    let Some(thread) = process.task(receiver.task).map(|task| task.innermost()) else { return };
    thread.reserve(6);
    push(thread);
    finish_giving(cx, process, thread, receiver, ok);
}

/// A receiver got a value, which is on top of its thread: completes it and wakes the task.
pub fn given(cx: Cx, process: &mut Process, receiver: Waiter) {
    let Some(thread) = process.task(receiver.task).map(|task| task.innermost()) else { return };
    finish_giving(cx, process, thread, receiver, true);
}

fn finish_giving(cx: Cx, process: &mut Process, thread: Lua, receiver: Waiter, ok: bool) {
    let count = if receiver.case == 0 {
        thread.push_boolean(ok);
        2
    } else {
        push_result(cx, thread, process, receiver.case, ok);
        1
    };
    cx.wake_task(process, receiver.task, count);
}

/// The next task waiting to receive from a channel.
pub fn receiver(process: &mut Process, id: ChannelId) -> Option<Waiter> {
    let channel = process.channel(id)?;
    (!channel.receivers.is_empty()).then(|| channel.receivers.remove(0))
}

/// Puts a value made outside the process into a channel: to a receiver, or into the buffer if it has room.
pub fn offer(cx: Cx, process: &mut Process, id: ChannelId, object: Object) {
    if let Some(waiter) = receiver(process, id) {
        give(cx, process, waiter, true, |lua| objects::push(lua, &object));
    } else if let Some(channel) = process.channel(id)
        && channel.has_room()
    {
        channel.keep(Held::Object(Box::new(object)));
        memory::charge(cx, process, Channel::VALUE);
    }
}

/// After something arrived in the mailbox or among the events: hands it to a waiting receiver or the buffer.
pub fn pump(cx: Cx, process: &mut Process, id: ChannelId) {
    let Some(channel) = process.channel(id) else { return };
    if channel.receivers.is_empty() {
        if channel.has_room() {
            refill(cx, cx.vm().lua, process, id);
        }
        return;
    }
    while let Some(waiter) = receiver(process, id) {
        let Some(thread) = process.task(waiter.task).map(|task| task.innermost()) else { return };
        if waiter.case != 0 {
            thread.reserve(6);
        }
        if take(cx, thread, process, id) != Received::Value {
            if let Some(channel) = process.channel(id) {
                channel.receivers.insert(0, waiter);
            }
            return;
        }
        finish_giving(cx, process, thread, waiter, true);
    }
}

/// Closes a channel: receivers get `nil, false`, senders raise. Idempotent.
pub fn close(cx: Cx, process: &mut Process, id: ChannelId) {
    if cx.has_kernel() {
        ripen(cx, process, id);
    }
    if process.channel(id).is_some_and(|channel| matches!(channel.source, Source::Bus(_))) {
        // Some may be there whose bell is under way.
        pump(cx, process, id);
    }
    let Some(channel) = process.channel(id) else { return };
    if channel.closed {
        return;
    }
    channel.closed = true;
    let receivers = std::mem::take(&mut channel.receivers);
    let senders = channel.take_senders();
    let anchor = std::mem::take(&mut channel.anchor);
    let source = std::mem::replace(&mut channel.source, Source::Local);
    match source {
        Source::Local => {}
        Source::Topic { subscription, .. } => {
            process.mailbox.unsubscribe(subscription);
            process.external -= 1;
        }
        Source::Inbox => {
            process.external -= 1;
            if process.inbox_again() == Some(id) {
                process.rare().inbox_again = None;
            }
        }
        Source::Events => {
            process.external -= 1;
            if process.events_again() == Some(id) {
                process.rare().events_again = None;
            }
        }
        Source::Future => process.lose_source(&source),
        Source::Bus(ref subscription) => {
            process.lose_source(&source);
            bus::unsubscribe(cx, process, &source);
            bus::keep_rest(cx, process, id, subscription);
        }
        Source::Timer(_) | Source::Ticker { .. } | Source::After { .. } => {
            process.lose_source(&source);
            if let Some(timer) = source.timer().filter(|_| cx.has_kernel()) {
                cx.kernel().clear_timer(process.slot(), timer);
            }
        }
    }
    for waiter in receivers {
        give(cx, process, waiter, false, |lua| lua.push_nil());
    }
    for waiter in senders {
        if let Some(task) = process.task(waiter.task) {
            let thread = task.innermost();
            thread.reserve(2);
            thread.push_str("send on closed channel");
            task.raise = true;
            cx.wake_task(process, waiter.task, 0);
        }
    }
    cx.release(anchor);
    if matches!(source, Source::Topic { .. }) && process.channel(INBOX).is_some() {
        pump(cx, process, INBOX);
        if let Some(again) = process.inbox_again() {
            pump(cx, process, again);
        }
    }
}

/// What a send came to.
pub enum Sent {
    Done,
    Closed,
    MustWait,
}

/// Sends the value at `index` of `lua`.
pub fn put(cx: Cx, lua: Lua, process: &mut Process, id: ChannelId, index: c_int) -> Sent {
    ripen(cx, process, id);
    let Some(channel) = process.channel(id) else { return Sent::Closed };
    if channel.closed {
        return Sent::Closed;
    }
    if let Some(waiter) = receiver(process, id) {
        give(cx, process, waiter, true, |to| lua.copy_to(to, index));
        return Sent::Done;
    }
    let Some(channel) = process.channel(id) else { return Sent::Closed };
    if channel.has_room() {
        lua.copy(index);
        let held = keep(cx, lua);
        if let Some(channel) = process.channel(id) {
            channel.keep(held);
            memory::charge(cx, process, Channel::VALUE);
        }
        return Sent::Done;
    }
    Sent::MustWait
}

/// The running task waits to receive from a channel, at `case` of a select.
pub fn await_value(cx: Cx, process: &mut Process, id: ChannelId, case: c_int) {
    let Some(channel) = process.channel(id) else { return };
    channel.receivers.push(Waiter { task: cx.vm().current_task, case });
    start_timer(cx, process, id);
}

/// The running task waits to send to a channel, at `case` of a select.
pub fn await_room(cx: Cx, process: &mut Process, id: ChannelId, case: c_int) {
    let Some(channel) = process.channel(id) else { return };
    channel.add_sender(Waiter { task: cx.vm().current_task, case });
    // A timeout that has passed is closed, which a sender hears of.
    start_timer(cx, process, id);
}

/// Starts the timer of a timeout.
fn start_timer(cx: Cx, process: &mut Process, id: ChannelId) {
    let slot = process.slot();
    if let Some(Channel { source: Source::After { at, timer }, .. }) = process.channel(id)
        && timer.is_none()
    {
        *timer = Some(cx.kernel().set_timer(slot, *at, Meaning::Channel(id).token()));
        process.dormant -= 1;
    }
}

/// Starts the timers of all timeouts: a process that waits for nothing else is
/// stuck when they have passed, not before.
pub fn start_timers(cx: Cx, process: &mut Process) {
    process.channels.ids().for_each(|id| start_timer(cx, process, id));
}

/// Blocks the running task on channels; the stack keeps what the waker needs.
pub fn block(cx: Cx, lua: Lua, channels: &[ChannelId]) -> c_int {
    let task = cx.vm().current_task;
    if let Some(task) = cx.process().task(task) {
        task.wait = Wait::Channels(ChannelSet::of(channels));
    }
    cx.vm().op = Op::Block;
    lua.do_yield(lua.top())
}
