//! What Lua code calls: the methods of channels and the `channel` library.

use std::ffi::c_int;

use luavisor_core::Pid;

use super::{
    ChannelRef, Received, Sent, TAG, await_room, await_value, block, close, create, id_at, put,
    take,
};
use crate::ffi::context::{Cx, DeadChannel};
use crate::ffi::error::Raise;
use crate::ffi::lua::*;
use crate::ffi::process::*;
use crate::ffi::{atoms, objects, select};

fn receive(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let id = checked(lua, "receive")?;
    cx.may_block(lua, "channel.receive")?;
    lua.set_top(1);
    let process = cx.process();
    match take(cx, lua, process, id) {
        Received::Value => {
            lua.push_boolean(true);
            Ok(2)
        }
        Received::Closed => {
            lua.push_nil();
            lua.push_boolean(false);
            Ok(2)
        }
        Received::Nothing => {
            await_value(cx, process, id, 0);
            Ok(block(cx, lua, &[id]))
        }
    }
}

fn send(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let id = checked(lua, "send")?;
    cx.may_block(lua, "channel.send")?;
    lua.set_top(2);
    let process = cx.process();
    match put(cx, lua, process, id, 2) {
        Sent::Done => {
            lua.push_boolean(true);
            Ok(1)
        }
        Sent::Closed => Err(Raise::text("send on closed channel")),
        Sent::MustWait => {
            await_room(cx, process, id, 0);
            Ok(block(cx, lua, &[id]))
        }
    }
}

fn close_method(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let id = checked(lua, "close")?;
    close(cx, cx.process(), id);
    Ok(0)
}

fn case_receive(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let id = checked(lua, "case_receive")?;
    let reference = lua.userdata::<ChannelRef>(1, TAG);
    if id < 2 && reference.is_some_and(|reference| reference.owner == Pid::NONE) {
        cx.push_shared(lua, cx.vm().places.singleton_cases[id as usize]);
        return Ok(1);
    }
    select::push_case(cx, lua, false);
    Ok(1)
}

fn case_send(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    checked(lua, "case_send")?;
    lua.set_top(2);
    select::push_case(cx, lua, true);
    Ok(1)
}

/// The channel at 1, or the bad-argument error.
fn checked(lua: Lua, name: &'static str) -> Result<ChannelId, Raise> {
    id_at(lua, 1).ok_or_else(|| Raise::argument(lua, 1, name, "channel"))
}

/// `channel.new([n])`
fn new(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let capacity = match lua.kind(1) {
        kind if kind <= LUA_TNIL => 0.0,
        LUA_TNUMBER => lua.number(1),
        _ => return Err(Raise::argument(lua, 1, "new", "integer")),
    };
    if capacity.fract() != 0.0 || capacity.is_nan() {
        return Err(Raise::argument(lua, 1, "new", "integer"));
    }
    create(cx, lua, Source::Local, capacity.clamp(0.0, u32::MAX as f64) as u32);
    Ok(1)
}

natives! {
    receive_native = receive;
    send_native = send;
    close_native = close_method;
    case_receive_native = case_receive;
    case_send_native = case_send;
    new_native = new;
    select_native = select::select;
    namecall_native = namecall;
}

fn namecall(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let (atom, name) = lua.namecall();
    match atom {
        atoms::RECEIVE => receive(cx, lua),
        atoms::SEND => send(cx, lua),
        atoms::CASE_RECEIVE => case_receive(cx, lua),
        atoms::CASE_SEND => case_send(cx, lua),
        atoms::CLOSE => close_method(cx, lua),
        _ => Err(Raise::no_method(name, "channel")),
    }
}

unsafe extern "C" fn destructor(lua: *mut mlua_sys::lua_State, data: *mut std::ffi::c_void) {
    // SAFETY: the tag says what the userdata is; the context outlives the VM.
    unsafe {
        let reference = &*data.cast::<ChannelRef>();
        if reference.owner != Pid::NONE {
            let dead = DeadChannel { pid: reference.owner, id: reference.id };
            let vm =
                (*mlua_sys::lua_callbacks(lua)).userdata.cast::<crate::ffi::context::VmContext>();
            (*vm).dead.push(dead);
        }
    }
}

/// Sets up the channel library; leaves nothing on the stack.
pub fn install(cx: Cx, lua: Lua) {
    objects::class(
        lua,
        TAG,
        "channel",
        namecall_native,
        &[
            (c"receive", receive_native),
            (c"send", send_native),
            (c"close", close_native),
            (c"case_receive", case_receive_native),
            (c"case_send", case_send_native),
        ],
        &[],
    );
    lua.set_tag_destructor(TAG, destructor);
    lua.new_table(0, 1);
    lua.push_str("locked");
    lua.raw_set_field(-2, c"__metatable");
    lua.set_readonly(-1, true);
    cx.vm().case_metatable = lua.address(-1);
    cx.vm().places.case_metatable = cx.vm().shelf.put(lua);
    lua.new_table(0, 0);
    lua.new_table(0, 1);
    lua.push_str("v");
    lua.raw_set_field(-2, c"__mode");
    lua.set_metatable(-2);
    cx.vm().places.channel_views = cx.vm().shelf.put(lua);
    for id in [INBOX, EVENTS] {
        lua.set_top(0);
        lua.new_userdata(TAG, ChannelRef { id, owner: Pid::NONE });
        lua.copy(-1);
        cx.vm().places.singletons[id as usize] = cx.vm().shelf.put(lua);
        select::push_case(cx, lua, false);
        cx.vm().places.singleton_cases[id as usize] = cx.vm().shelf.put(lua);
        lua.set_top(0);
    }
    objects::library(lua, c"channel", &[(c"new", new_native), (c"select", select_native)]);
}
