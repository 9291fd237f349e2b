//! `channel.select` and the cases that it chooses from.
//!
//! A case is a read-only table with a metatable that nobody else can set. The
//! first ready case in written order is taken; a select that must wait leaves
//! its channels on the stack, where the waker finds them.

use std::ffi::c_int;

use luavisor_core::Error;
use smallvec::SmallVec;

use super::channel::{
    Received, Sent, await_room, await_value, block, id_at, push_result, put, take,
};
use super::context::Cx;
use super::error::Raise;
use super::layout::Table;
use super::lua::*;
use super::process::*;

/// Positions in a case table.
const CASE_CHANNEL: c_int = 1;
const CASE_VALUE: c_int = 2;
const CASE_IS_SEND: c_int = 3;

/// Makes a case of the channel at 1 (and the value at 2).
pub fn push_case(cx: Cx, lua: Lua, is_send: bool) {
    lua.new_table(if is_send { 3 } else { 1 }, 0);
    lua.copy(1);
    lua.raw_seti(-2, CASE_CHANNEL);
    if is_send {
        lua.copy(2);
        lua.raw_seti(-2, CASE_VALUE);
        lua.push_boolean(true);
        lua.raw_seti(-2, CASE_IS_SEND);
    }
    cx.push_shared(lua, cx.vm().places.case_metatable);
    lua.set_metatable(-2);
    lua.set_readonly(-1, true);
}

/// One case of a running select.
struct Case {
    channel: ChannelId,
    is_send: bool,
    /// stack position of the channel; a send's value is the next one
    position: c_int,
}

/// `channel.select(cases[, default])`
pub fn select(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if !lua.is_table(1) {
        return Err(Raise::argument(lua, 1, "select", "table"));
    }
    let mut default = lua.boolean(2);
    lua.set_top(1);
    let cases = read_cases(cx, lua, &mut default)?;
    if cases.is_empty() && !default {
        return Err(Raise::from(Error::invalid("select needs at least one case or default")));
    }
    cx.may_block(lua, "channel.select")?;
    let process = cx.process();
    for case in &cases {
        let ready = if case.is_send {
            match put(cx, lua, process, case.channel, case.position + 1) {
                Sent::Done => {
                    lua.copy(case.position + 1);
                    Some(true)
                }
                Sent::Closed => return Err(Raise::text("send on closed channel")),
                Sent::MustWait => None,
            }
        } else {
            match take(cx, lua, process, case.channel) {
                Received::Value => Some(true),
                Received::Closed => {
                    lua.push_nil();
                    Some(false)
                }
                Received::Nothing => None,
            }
        };
        if let Some(ok) = ready {
            push_result(cx, lua, process, case.position, ok);
            return Ok(1);
        }
    }
    if default {
        lua.new_table(0, 2);
        lua.push_boolean(true);
        lua.raw_set_field(-2, c"default");
        lua.push_boolean(true);
        lua.raw_set_field(-2, c"ok");
        return Ok(1);
    }
    let mut channels: SmallVec<[ChannelId; 8]> = SmallVec::new();
    for case in &cases {
        if !case.is_send {
            await_value(cx, process, case.channel, case.position);
        } else {
            await_room(cx, process, case.channel, case.position);
        }
        channels.push(case.channel);
    }
    channels.sort_unstable();
    channels.dedup();
    Ok(block(cx, lua, &channels))
}

/// Reads the cases in rising order of their keys and leaves channel (and value) of each on the stack.
fn read_cases(cx: Cx, lua: Lua, default: &mut bool) -> Result<SmallVec<[Case; 4]>, Raise> {
    let mut cases = SmallVec::new();
    let mut listed = 0;
    // The common shape: keys 1..n without holes.
    loop {
        if !lua.try_reserve(6) {
            return Err(Raise::text("too many cases in select"));
        }
        if lua.raw_geti(1, listed + 1) == LUA_TNIL {
            lua.pop(1);
            break;
        }
        listed += 1;
        read_case(cx, lua, listed as f64, &mut cases)?;
    }
    if Table::at(lua, 1).is_some_and(|table| table.is_list(listed as usize)) {
        return Ok(cases);
    }
    let mut late: Vec<f64> = Vec::new();
    let mut at = 0;
    while let Some(next) = lua.raw_iter(1, at) {
        at = next;
        match lua.kind(-2) {
            LUA_TNUMBER => {
                let key = lua.number(-2);
                if key.fract() != 0.0 || key < 1.0 {
                    return Err(invalid_key(lua));
                }
                if key > listed as f64 {
                    late.push(key);
                }
            }
            LUA_TSTRING if lua.bytes(-2) == b"default" => *default = lua.boolean(-1),
            _ => return Err(invalid_key(lua)),
        }
        lua.pop(2);
    }
    late.sort_by(f64::total_cmp);
    for key in late {
        if !lua.try_reserve(6) {
            return Err(Raise::text("too many cases in select"));
        }
        lua.push_number(key);
        lua.raw_get(1);
        read_case(cx, lua, key, &mut cases)?;
    }
    Ok(cases)
}

fn invalid_key(lua: Lua) -> Raise {
    let key = match lua.kind(-2) {
        LUA_TSTRING => format!("\"{}\"", String::from_utf8_lossy(lua.bytes(-2))),
        LUA_TNUMBER => format!("{}", lua.number(-2)),
        _ => lua.type_name(-2).to_owned(),
    };
    let message =
        format!("invalid case in select at key {key}: positive integer or \"default\" expected");
    Raise::from(Error::invalid(message))
}

/// Replaces the case on top of the stack by its channel and value.
fn read_case(cx: Cx, lua: Lua, key: f64, cases: &mut SmallVec<[Case; 4]>) -> Result<(), Raise> {
    let top = lua.top();
    if !lua.is_table(top) || lua.metatable_address(top) != cx.vm().case_metatable {
        let found = lua.type_name(top);
        let message =
            format!("invalid case in select at index {key}: channel case expected, got {found}");
        return Err(Raise::from(Error::invalid(message)));
    }
    lua.raw_geti(top, CASE_CHANNEL);
    let channel = id_at(lua, -1).unwrap_or(ChannelId::MAX);
    lua.raw_geti(top, CASE_IS_SEND);
    let is_send = lua.boolean(-1);
    lua.pop(1);
    if is_send {
        lua.raw_geti(top, CASE_VALUE);
    }
    lua.remove(top);
    cases.push(Case { channel, is_send, position: top });
    Ok(())
}
