//! Small numbers for strings, cached by Luau in the string itself.
//!
//! Luau asks [`useratom`] once for each string that a native looks up by atom.
//! Three ranges: method names (fixed), topics (given out on demand until they
//! are used up; the VM pins their strings), and pids of this shard (the slot).
//! A pid atom is only a hint: the caller compares the string's address with the
//! process's pinned pid text.

use std::ffi::c_char;
use std::sync::Arc;

use luavisor_core::value::Bytes;
use mlua_sys as sys;

use super::context::Cx;
use super::lua::Lua;
use crate::kernel::Slot;

/// First atom of a pid.
const PIDS: i16 = 20_000;
/// Slots that have an atom; processes in higher ones are found by parsing.
const PID_SLOTS: i16 = 12_000;

/// Longest topic that gets an atom: its string stays for as long as the VM.
const LONGEST: usize = 64;

macro_rules! methods {
    ($($constant:ident = $number:literal $name:literal;)*) => {
        $(pub const $constant: i16 = $number;)*
        /// Method names with fixed atoms.
        pub const METHODS: &[(&str, i16)] = &[$(($name, $number),)*];
    };
}

methods! {
    RECEIVE = 1 "receive";
    SEND = 2 "send";
    CLOSE = 3 "close";
    CASE_RECEIVE = 4 "case_receive";
    CASE_SEND = 5 "case_send";
}

/// Whether the atom may stand for a topic.
pub fn is_topic(atom: i16) -> bool {
    (1..PIDS).contains(&atom)
}

/// The slot that a pid atom hints at.
pub fn slot(atom: i16) -> Option<Slot> {
    (atom >= PIDS).then(|| (atom - PIDS) as Slot)
}

/// Puts the string of a topic atom among the topics, unless it is there.
pub fn pin(cx: Cx, lua: Lua, atom: i16, bytes: &[u8]) {
    if cx.vm().pinned_atoms.get(atom as usize).copied().unwrap_or(false) {
        return;
    }
    lua.push_bytes(bytes);
    cx.vm().topics.set(lua, atom as usize);
    let pinned = &mut cx.vm().pinned_atoms;
    if pinned.len() <= atom as usize {
        pinned.resize(atom as usize + 64, false);
    }
    pinned[atom as usize] = true;
}

/// The atom of a topic that comes from outside the VM, if there is or can be one.
pub fn intern(cx: Cx, bytes: &[u8]) -> Option<i16> {
    let vm = cx.vm();
    if let Some(atom) = vm.atoms.get(bytes) {
        return is_topic(*atom).then_some(*atom);
    }
    if vm.next_atom >= PIDS || bytes.len() > LONGEST || bytes.first() == Some(&b'{') {
        return None;
    }
    let atom = vm.next_atom;
    vm.next_atom += 1;
    vm.atoms.insert(bytes.into(), atom);
    Some(atom)
}

/// Topics that came from other shards lately, by the address of their bytes: a VM
/// sends the same bytes each time, so the text need not be looked at.
#[derive(Debug, Default)]
pub struct Arrived([Option<(Bytes, i16)>; 32]);

/// The atom of a topic that comes from another shard, or the topic if it has none.
pub fn arrived(cx: Cx, topic: Bytes) -> Result<i16, Bytes> {
    let address = topic.as_ptr() as usize;
    let place = (address >> 4 ^ address >> 9) % 32;
    if let Some((known, atom)) = &cx.vm().arrived.0[place]
        && Arc::ptr_eq(known, &topic)
    {
        return Ok(*atom);
    }
    let Some(atom) = intern(cx, &topic) else { return Err(topic) };
    pin(cx, cx.vm().lua, atom, &topic);
    cx.vm().arrived.0[place] = Some((topic, atom));
    Ok(atom)
}

/// Luau's callback.
pub unsafe extern "C-unwind" fn useratom(
    lua: *mut sys::lua_State,
    text: *const c_char,
    len: usize,
) -> i16 {
    let cx = Cx::of(Lua(lua));
    // SAFETY: Luau passes a live string and its length.
    let bytes = unsafe { std::slice::from_raw_parts(text.cast::<u8>(), len) };
    let prefix = &cx.vm().pid_prefix;
    if bytes.first() == Some(&b'{') {
        let digits = bytes.strip_prefix(prefix.as_slice()).and_then(|rest| rest.strip_suffix(b"}"));
        let digits = digits.and_then(|digits| std::str::from_utf8(digits).ok());
        let uniq = digits
            .and_then(|digits| digits.strip_prefix("0x"))
            .and_then(|digits| u128::from_str_radix(digits, 16).ok());
        let Some(uniq) = uniq else { return -1 };
        let (shard, slot) = ((uniq >> 16) as u16, uniq as u16);
        if shard == cx.vm().config.shard && slot < PID_SLOTS as u16 {
            return PIDS + slot as i16;
        }
        return -1;
    }
    intern(cx, bytes).unwrap_or(-1)
}
