//! The objects that receivers see: a message, and the payload that it shows.
//!
//! Both hold plain data; a scalar payload is part of it. Any other payload lies in
//! a *container*, a table that serves as the metatable of exactly this message and
//! its payload objects. So it lives as long as they do and is garbage in the same
//! collection: when Rust held payloads until the destructor of their message ran,
//! each survived one collection more, and the heap of two processes that exchange
//! large tables grew without bound.

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use luavisor_core::Pid;
use luavisor_core::value::Payload;

use super::call::Function;
use super::context::Cx;
use super::error::Raise;
use super::layout::Table;
use super::lua::*;
use super::process::*;
use super::shelf::Place;
use super::view::View;
use super::{call, copy, objects};

/// Tag of messages.
pub const TAG: c_int = 1;
/// Tag of the payload that a message shows.
pub const PAYLOAD_TAG: c_int = 5;

/// Positions in a container.
const VALUE: c_int = 1;
const TOPIC: c_int = 2;

/// In the place of an atom: the text of the topic is in the container.
const NO_ATOM: i16 = -1;

/// What [`install`] puts on the shelf.
#[derive(Debug, Default)]
pub struct Places {
    /// cloned for each container
    template: Place,
    /// turns a payload object into text
    part_text: Place,
}

/// Content of a message object.
#[derive(Debug)]
struct Message {
    from: Pid,
    topic: i16,
    load: Shown,
}

/// Content of the payload object of a message.
#[derive(Debug)]
struct Part {
    load: Shown,
}

#[derive(Clone, Copy, Debug)]
enum Shown {
    None,
    Nil,
    Boolean(bool),
    Number(f64),
    /// the value in the container
    Value,
    /// the value in the container, which is a payload object already
    Payload,
    /// several: the array in the container, with their number as `n`
    List,
}

/// A payload that comes to its receiver.
#[derive(Debug)]
pub enum Arriving {
    /// as it lay in the mailbox
    Queued(Load),
    /// its copy is on top of this stack
    Value(Lua),
    /// the same for an array of several
    List(Lua),
}

/// A message left the mailbox.
pub fn return_room(cx: Cx, process: &Process, cargo: &Cargo) {
    cx.vm().config.slots.release(process.slot(), cargo.room.bytes);
    cx.taken(process, cargo.from, cargo.room.stamp);
}

/// Takes a message out of the mailbox and pushes it, as an object or as a plain value.
pub fn push_queued(
    cx: Cx,
    lua: Lua,
    process: &Process,
    messages: bool,
    topic: Topic,
    cargo: Cargo,
) {
    return_room(cx, process, &cargo);
    // On the VM's main thread it would count for nobody.
    let accounted = process.category != 0 && lua == cx.vm().lua;
    if accounted {
        lua.set_category(process.category);
    }
    push_as(cx, lua, messages, topic, cargo.from, Arriving::Queued(cargo.load));
    if accounted {
        lua.set_category(0);
    }
}

/// Pushes a message as an object, or as a plain value.
pub fn push_as(cx: Cx, lua: Lua, messages: bool, topic: Topic, from: Pid, load: Arriving) {
    let load = bring_in(cx, lua, load);
    if messages {
        return push(cx, lua, topic, from, load);
    }
    if !push_scalar(lua, load) && matches!(load, Shown::List) {
        // The receiver's array has no count field.
        lua.push_nil();
        lua.raw_set_field(-2, c"n");
    }
}

/// Pushes what lies in the object itself; false if the rest is in its container.
fn push_scalar(lua: Lua, load: Shown) -> bool {
    match load {
        Shown::None | Shown::Nil => lua.push_nil(),
        Shown::Boolean(value) => lua.push_boolean(value),
        Shown::Number(value) => lua.push_number(value),
        Shown::Value | Shown::Payload | Shown::List => return false,
    }
    true
}

/// Pushes what does not fit into the object.
fn bring_in(cx: Cx, lua: Lua, load: Arriving) -> Shown {
    match load {
        Arriving::Value(from) => {
            from.move_to(lua, 1);
            shown_value(lua)
        }
        Arriving::List(from) => {
            from.move_to(lua, 1);
            Shown::List
        }
        Arriving::Queued(load) => match load {
            Load::None => Shown::None,
            Load::Nil => Shown::Nil,
            Load::Boolean(value) => Shown::Boolean(value),
            Load::Number(value) => Shown::Number(value),
            Load::Held(hold) => {
                cx.push_held(lua, &hold);
                cx.release(hold);
                shown_value(lua)
            }
            Load::List(hold) => {
                cx.push_held(lua, &hold);
                cx.release(hold);
                Shown::List
            }
            Load::Remote(values) => match copy::push_all(cx, lua, &values) {
                1 => shown_value(lua),
                count => {
                    pack(lua, count);
                    Shown::List
                }
            },
        },
    }
}

/// How a message shows the value on top, which is no scalar.
fn shown_value(lua: Lua) -> Shown {
    match lua.userdata_tag(-1) {
        objects::tags::PAYLOAD => Shown::Payload,
        _ => Shown::Value,
    }
}

/// Replaces the top `count` values by an array of them.
pub fn pack(lua: Lua, count: c_int) {
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

/// Pushes a message object; what [`bring_in`] pushed goes into its container.
fn push(cx: Cx, lua: Lua, topic: Topic, from: Pid, load: Shown) {
    let scalar = !matches!(load, Shown::Value | Shown::Payload | Shown::List);
    let topic = match topic {
        Topic::Atom(topic) if scalar => {
            return lua.new_userdata(TAG, Message { from, topic, load });
        }
        Topic::Atom(topic) => {
            contain(cx, lua);
            topic
        }
        Topic::Text(text) => {
            if scalar {
                lua.push_nil();
            }
            contain(cx, lua);
            lua.push_bytes(&text);
            lua.raw_seti(-2, TOPIC);
            NO_ATOM
        }
    };
    lua.new_contained(TAG, Message { from, topic, load });
}

/// Replaces the value on top by a container with it.
fn contain(cx: Cx, lua: Lua) {
    cx.push_shared(lua, cx.vm().places.messages.template);
    lua.clone_table(-1);
    lua.replace(-2);
    lua.insert(-2);
    lua.raw_seti(-2, VALUE);
}

fn message(lua: Lua, method: &'static str) -> Result<&'static Message, Raise> {
    match lua.userdata::<Message>(1, TAG) {
        Some(message) => Ok(message),
        None => Err(Raise::argument(lua, 1, method, "message")),
    }
}

/// Pushes something of the container of the object at `index`.
fn push_contained(lua: Lua, index: c_int, position: c_int) {
    lua.push_metatable(index);
    lua.raw_geti(-1, position);
    lua.replace(-2);
}

fn topic(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    match message(lua, "topic")?.topic {
        NO_ATOM => push_contained(lua, 1, TOPIC),
        atom => cx.vm().topics.push(lua, atom as usize),
    }
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
    match message(lua, "payload")?.load {
        Shown::None => lua.push_nil(),
        Shown::Payload => push_contained(lua, 1, VALUE),
        Shown::Value => {
            lua.push_metatable(1);
            lua.new_contained(PAYLOAD_TAG, Part { load: Shown::Value });
        }
        Shown::List => {
            push_contained(lua, 1, VALUE);
            push_parts(cx, lua);
        }
        load => lua.new_userdata(PAYLOAD_TAG, Part { load }),
    }
    Ok(1)
}

/// Pushes an array of a payload object for each value of the array on top.
fn push_parts(cx: Cx, lua: Lua) {
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
}

/// Replaces the value on top by a payload object that shows it.
fn push_part(cx: Cx, lua: Lua) {
    let load = match lua.kind(-1) {
        LUA_TUSERDATA if lua.userdata_tag(-1) == objects::tags::PAYLOAD => return,
        LUA_TNIL => Shown::Nil,
        LUA_TBOOLEAN => Shown::Boolean(lua.boolean(-1)),
        LUA_TNUMBER => Shown::Number(lua.number(-1)),
        _ => {
            contain(cx, lua);
            return lua.new_contained(PAYLOAD_TAG, Part { load: Shown::Value });
        }
    };
    lua.pop(1);
    lua.new_userdata(PAYLOAD_TAG, Part { load });
}

/// Pushes what the payload object at `index` shows; false if there is none.
fn push_data(lua: Lua, index: c_int) -> bool {
    let Some(part) = lua.userdata::<Part>(index, PAYLOAD_TAG) else { return false };
    if !push_scalar(lua, part.load) {
        push_contained(lua, index, VALUE);
    }
    true
}

fn data(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    match push_data(lua, 1) {
        true => Ok(1),
        false => Err(Raise::argument(lua, 1, "data", "payload")),
    }
}

/// What the payload object of a message shows, for whoever only looks.
///
/// # Safety
/// `content` and `metatable` are those of a live payload object.
pub unsafe fn look<'a>(content: *const c_void, metatable: Option<&'a Table>) -> View<'a> {
    // SAFETY: as above; the tag stands for `Part`.
    match unsafe { &(*content.cast::<Part>()).load } {
        Shown::Boolean(value) => View::Boolean(*value),
        Shown::Number(value) => View::Number(*value),
        Shown::None | Shown::Nil => View::Nil,
        Shown::Value | Shown::Payload | Shown::List => {
            metatable.map_or(View::Nil, |container| View::element(container, VALUE))
        }
    }
}

/// The payload object of a message as one that can leave the process.
pub fn payload_of(lua: Lua, index: c_int) -> Option<Arc<Payload>> {
    if !push_data(lua, index) {
        return None;
    }
    let data = copy::take(Cx::of(lua), lua, lua.top(), 1, "payload", usize::MAX);
    lua.pop(1);
    Some(Arc::new(Payload { format: "lua/any".into(), data: data.ok()? }))
}

fn text(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.userdata_tag(1) == PAYLOAD_TAG {
        cx.push_shared(lua, cx.vm().places.messages.part_text);
        lua.copy(1);
        lua.call(1, 1);
        return Ok(1);
    }
    topic(cx, lua)?;
    let topic = String::from_utf8_lossy(lua.bytes(-1)).into_owned();
    lua.push_str(&format!("process.Message{{topic={topic}}}"));
    Ok(1)
}

natives! {
    topic_native = topic;
    from_native = from;
    payload_native = payload;
    data_native = data;
    text_native = text;
}

/// Sets up messages and their payload objects.
pub fn install(cx: Cx, lua: Lua, part_methods: &'static [Function]) {
    lua.reserve(6);
    lua.new_table(0, 3);
    push_methods(cx, lua, part_methods);
    lua.raw_set_field(-2, c"__index");
    lua.push_function(text_native, c"__tostring", 0);
    lua.raw_set_field(-2, c"__tostring");
    lua.push_str("locked");
    lua.raw_set_field(-2, c"__metatable");
    for tag in [TAG, PAYLOAD_TAG] {
        lua.clone_table(-1);
        lua.set_readonly(-1, true);
        lua.make_ref(-1);
        lua.set_tag_metatable(tag);
    }
    // The fourth and last node; an array part would be one allocation more.
    lua.push_boolean(false);
    lua.raw_seti(-2, VALUE);
    cx.vm().places.messages.template = cx.vm().shelf.put(lua);
}

/// Pushes the methods of both classes, which share their metatables.
fn push_methods(cx: Cx, lua: Lua, part_methods: &'static [Function]) {
    lua.new_table(0, 8);
    let natives = [
        (c"topic", topic_native as CFunction),
        (c"from", from_native),
        (c"payload", payload_native),
        (c"data", data_native),
    ];
    objects::add_natives(lua, &natives);
    for function in part_methods {
        call::push_function(lua, function);
        match function.name == c"__tostring" {
            true => cx.vm().places.messages.part_text = cx.vm().shelf.put(lua),
            false => lua.raw_set_field(-2, function.name),
        }
    }
    lua.set_readonly(-1, true);
}
