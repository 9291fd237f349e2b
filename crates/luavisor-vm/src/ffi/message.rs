//! Messages: sending, delivery, and the objects that receivers see.
//!
//! A message to a process of the same VM is copied inside Lua and goes straight
//! to a waiting receiver, else into the mailbox with its tables in the hold. One
//! for elsewhere leaves as owned values through the kernel.

use std::ffi::c_int;
use std::sync::Arc;

use luavisor_core::mailbox::Route;
use luavisor_core::value::{Bytes, Payload};
use luavisor_core::{Error, Kind, Pid, Value};

use super::context::{Cx, Dead};
use super::error::Raise;
use super::lua::*;
use super::process::*;
use super::shelf::Hold;
use super::{atoms, channel, copy, error, objects};

/// Tag of messages.
pub const TAG: c_int = 1;
/// Tag of the payload that a message shows.
pub const PAYLOAD_TAG: c_int = 5;

/// Content of a message object.
#[derive(Debug)]
pub struct Message {
    topic: Topic,
    from: Pid,
    load: Shown,
}

/// Content of the payload object of a message.
#[derive(Debug)]
pub struct Part {
    load: Shown,
}

/// A payload in an object; held values are let go when the object is collected.
#[derive(Debug)]
enum Shown {
    None,
    Nil,
    Boolean(bool),
    Number(f64),
    Held(Hold),
    List(Hold),
}

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
    if let Some(waiter) = channel::receiver(process, id) {
        let Some(thread) = process.task(waiter.task).map(|task| task.innermost()) else { return };
        if waiter.case != 0 {
            thread.reserve(8);
        }
        push_as(cx, thread, process, messages, topic, cargo);
        channel::given(cx, process, waiter);
        return;
    }
    let room = process.channel(id).is_some_and(|c| c.has_room());
    process.mailbox.push(topic, cargo);
    if room {
        channel::pump(cx, process, id);
    }
}

/// Pushes a mailbox message as an object, or as a plain value.
pub fn push_as(
    cx: Cx,
    lua: Lua,
    process: &mut Process,
    messages: bool,
    topic: Topic,
    cargo: Cargo,
) {
    if messages {
        return push(cx, lua, process, topic, cargo);
    }
    let shown = arrive(cx, lua, process, cargo);
    push_shown(cx, lua, &shown);
    if let Shown::Held(hold) | Shown::List(hold) = shown {
        cx.release(hold);
    }
}

/// Pushes a mailbox message as a Message object.
pub fn push(cx: Cx, lua: Lua, process: &mut Process, topic: Topic, cargo: Cargo) {
    let from = cargo.from;
    let load = arrive(cx, lua, process, cargo);
    lua.new_userdata(TAG, Message { topic, from, load });
}

/// The message leaves the mailbox: gives back its room and brings its payload into the VM.
fn arrive(cx: Cx, lua: Lua, process: &mut Process, cargo: Cargo) -> Shown {
    if let Some(bytes) = cargo.room {
        cx.vm().config.slots.release(process.slot(), bytes);
    }
    // On the VM's main thread it would count for nobody.
    let accounted = process.category != 0 && lua == cx.vm().lua;
    if accounted {
        lua.set_category(process.category);
    }
    let shown = bring_in(cx, lua, cargo.load);
    if accounted {
        lua.set_category(0);
    }
    shown
}

fn bring_in(cx: Cx, lua: Lua, load: Load) -> Shown {
    match load {
        Load::None => Shown::None,
        Load::Nil => Shown::Nil,
        Load::Boolean(value) => Shown::Boolean(value),
        Load::Number(value) => Shown::Number(value),
        Load::Held(hold) => Shown::Held(hold),
        Load::List(hold) => Shown::List(hold),
        Load::Remote(values) => match (values.items.len(), values.first()) {
            (0, _) => Shown::None,
            (1, Value::Nil) => Shown::Nil,
            (1, Value::Boolean(value)) => Shown::Boolean(*value),
            (1, Value::Number(value)) => Shown::Number(*value),
            (1, _) => {
                copy::push_first(cx, lua, &values);
                Shown::Held(cx.hold(lua))
            }
            (count, _) => {
                copy::push_all(cx, lua, &values);
                pack(lua, count as c_int);
                Shown::List(cx.hold(lua))
            }
        },
    }
}

/// Replaces the top `count` values by an array of them.
fn pack(lua: Lua, count: c_int) {
    lua.reserve(2);
    let first = lua.top() - count + 1;
    lua.new_table(count as usize, 1);
    for position in 0..count {
        lua.copy(first + position);
        lua.raw_seti(-2, position + 1);
    }
    lua.push_number(count as f64);
    lua.raw_set_field(-2, c"n");
    lua.replace(first);
    lua.set_top(first);
}

fn push_shown(cx: Cx, lua: Lua, shown: &Shown) {
    match shown {
        Shown::None | Shown::Nil => lua.push_nil(),
        Shown::Boolean(value) => lua.push_boolean(*value),
        Shown::Number(value) => lua.push_number(*value),
        Shown::Held(hold) => cx.push_held(lua, hold),
        Shown::List(hold) => {
            // The receiver's array has no count field.
            cx.push_held(lua, hold);
            lua.push_nil();
            lua.raw_set_field(-2, c"n");
        }
    }
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
    let pid = match &hinted {
        Some(target) => target.pid,
        None => match cx.kernel().resolve(text) {
            Ok(pid) => pid,
            Err(error) => return Ok(fail(lua, error)),
        },
    };
    let target = match hinted {
        Some(target) => Some(target),
        None => cx.find(pid).inspect(|_| {
            // Pins the text, so that the next send finds the process by its atom.
            cx.push_pid(lua, pid);
            lua.pop(1);
        }),
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
    // A message that somebody waits for is never unread: no room to reserve and
    // give back, which took 7 % of a round trip.
    let (channel, _) = destination(target, &topic);
    let awaited = target.channel(channel).is_some_and(|channel| !channel.receivers.is_empty());
    let fits = match awaited {
        true => slots.admits(target.slot(), bytes),
        false => slots.reserve(target.slot(), bytes),
    };
    if !fits {
        return Err(Error::new(Kind::LIMIT_EXCEEDED, "mailbox full"));
    }
    let load = match copied {
        Copied::Scalar(load) => load,
        Copied::Value => Load::Held(cx.hold(lua)),
        Copied::List => Load::List(cx.hold(lua)),
    };
    deliver(cx, target, topic, Cargo { from, room: (!awaited).then_some(bytes), load });
    Ok(())
}

/// A payload on its way into a mailbox.
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
    let topic: Bytes = lua.bytes(2).into();
    cx.kernel().send(cx.process().slot(), pid, topic, values)
}

/// Pushes `nil, err`.
pub fn fail(lua: Lua, error: Error) -> c_int {
    lua.reserve(2);
    lua.push_nil();
    error::push(lua, &Arc::new(error));
    2
}

fn message(lua: Lua, method: &'static str) -> Result<&'static mut Message, Raise> {
    lua.userdata::<Message>(1, TAG).ok_or_else(|| Raise::argument(lua, 1, method, "message"))
}

fn topic(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    cx.push_topic(lua, &message(lua, "topic")?.topic);
    Ok(1)
}

fn from(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let from = message(lua, "from")?.from;
    if from == Pid::NONE {
        lua.push_str("");
    } else {
        cx.push_pid(lua, from);
    }
    Ok(1)
}

fn payload(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let load = match &message(lua, "payload")?.load {
        Shown::None => {
            lua.push_nil();
            return Ok(1);
        }
        Shown::Nil => Shown::Nil,
        Shown::Boolean(value) => Shown::Boolean(*value),
        Shown::Number(value) => Shown::Number(*value),
        Shown::Held(hold) => {
            cx.push_held(lua, hold);
            if lua.userdata_tag(-1) == objects::tags::PAYLOAD {
                return Ok(1);
            }
            lua.pop(1);
            Shown::Held(cx.vm().holds.share(hold))
        }
        Shown::List(hold) => {
            cx.push_held(lua, hold);
            let list = lua.top();
            lua.raw_get_field(list, c"n");
            let count = lua.number(-1) as c_int;
            lua.pop(1);
            lua.new_table(count as usize, 0);
            for position in 1..=count {
                lua.raw_geti(list, position);
                push_part(cx, lua);
                lua.raw_seti(-2, position);
            }
            return Ok(1);
        }
    };
    lua.new_userdata(PAYLOAD_TAG, Part { load });
    Ok(1)
}

/// Replaces the value on top by a payload object that holds it.
fn push_part(cx: Cx, lua: Lua) {
    let load = match lua.kind(-1) {
        LUA_TUSERDATA if lua.userdata_tag(-1) == objects::tags::PAYLOAD => return,
        LUA_TNIL => Shown::Nil,
        LUA_TBOOLEAN => Shown::Boolean(lua.boolean(-1)),
        LUA_TNUMBER => Shown::Number(lua.number(-1)),
        _ => {
            let load = Shown::Held(cx.hold(lua));
            lua.new_userdata(PAYLOAD_TAG, Part { load });
            return;
        }
    };
    lua.pop(1);
    lua.new_userdata(PAYLOAD_TAG, Part { load });
}

fn part(lua: Lua, method: &'static str) -> Result<&'static mut Part, Raise> {
    lua.userdata::<Part>(1, PAYLOAD_TAG).ok_or_else(|| Raise::argument(lua, 1, method, "payload"))
}

fn data(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    push_shown(cx, lua, &part(lua, "data")?.load);
    Ok(1)
}

/// The payload object of a message as one that can leave the process.
pub fn payload_of(lua: Lua, index: c_int) -> Option<Arc<Payload>> {
    let part = lua.userdata::<Part>(index, PAYLOAD_TAG)?;
    let cx = Cx::of(lua);
    lua.reserve(3);
    push_shown(cx, lua, &part.load);
    let data = copy::take(cx, lua, lua.top(), 1, "payload", usize::MAX);
    lua.pop(1);
    Some(Arc::new(Payload { format: "lua/any".into(), data: data.ok()? }))
}

fn message_text(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    cx.push_topic(lua, &message(lua, "tostring")?.topic);
    let topic = String::from_utf8_lossy(lua.bytes(-1)).into_owned();
    lua.push_str(&format!("process.Message{{topic={topic}}}"));
    Ok(1)
}

fn message_namecall(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let (atom, name) = lua.namecall();
    match atom {
        atoms::TOPIC => topic(cx, lua),
        atoms::FROM => from(cx, lua),
        atoms::PAYLOAD => payload(cx, lua),
        _ => Err(Raise::no_method(name, "message")),
    }
}

natives! {
    send_native = send;
    topic_native = topic;
    from_native = from;
    payload_native = payload;
    data_native = data;
    message_text_native = message_text;
    message_namecall_native = message_namecall;
}

unsafe extern "C" fn message_destructor(
    lua: *mut mlua_sys::lua_State,
    data: *mut std::ffi::c_void,
) {
    // SAFETY: the tag says what the userdata is; it is collected once.
    unsafe {
        bury(lua, data.cast::<Message>().read().load);
    }
}

unsafe extern "C" fn part_destructor(lua: *mut mlua_sys::lua_State, data: *mut std::ffi::c_void) {
    // SAFETY: the tag says what the userdata is; it is collected once.
    unsafe {
        bury(lua, data.cast::<Part>().read().load);
    }
}

/// Notes that a held value is not needed any more.
unsafe fn bury(lua: *mut mlua_sys::lua_State, load: Shown) {
    if let Shown::Held(hold) | Shown::List(hold) = load {
        // SAFETY: the context outlives the VM; only its list of the dead is touched.
        unsafe {
            let vm = (*mlua_sys::lua_callbacks(lua)).userdata.cast::<super::context::VmContext>();
            (*vm).dead.push(Dead::Hold(hold));
        }
    }
}

/// Sets up messages and `process.send`, which it pushes.
pub fn install(lua: Lua, payload_methods: &'static [super::call::Function]) {
    objects::class(
        lua,
        TAG,
        "message",
        message_namecall_native,
        &[(c"topic", topic_native), (c"from", from_native), (c"payload", payload_native)],
        &[(c"__tostring", message_text_native)],
    );
    lua.set_tag_destructor(TAG, message_destructor);
    let data = [(c"data", data_native as CFunction)];
    objects::data_class::<Part>(lua, PAYLOAD_TAG, "payload", payload_methods, &data);
    lua.set_tag_destructor(PAYLOAD_TAG, part_destructor);
    lua.push_function(send_native, c"send", 0);
}
