//! Threads with globals of their own, for one process after the other.
//!
//! Making a thread and a global table takes a third of the time of a short life.
//! So a seat is used again, and as it is if its process left it as it found it:
//! it returned, it wrote no global and asked for little memory. Nothing of its
//! process can be seen from such a seat: the stack is empty, and the global table
//! has no entry, a metatable that nobody could change, and no one else who knows
//! it. From any other, stack and globals are taken away first.

use std::ffi::c_int;

use super::context::Cx;
use super::coroutine::State;
use super::lua::*;
use super::process::Process;
use super::shelf::Place;

/// Seats that are kept: each takes 1.4 KB.
const POOL: usize = 256;
/// A process that asked for so many bytes at most cannot have left a large stack,
/// nor a large table that it emptied again.
const LITTLE: usize = 32 << 10;

/// A thread whose globals are its own.
#[derive(Debug)]
pub struct Seat {
    pub lua: Lua,
    /// where the VM's table of threads keeps it
    index: u32,
}

/// The seats of a VM that are not taken.
#[derive(Debug, Default)]
pub struct Seats {
    /// the table that keeps all threads
    pub threads: Place,
    free: Vec<Free>,
    free_indices: Vec<u32>,
    last_index: u32,
}

#[derive(Debug)]
struct Free {
    seat: Seat,
    /// it has globals, which are empty
    ready: bool,
}

/// A seat with an empty stack and fresh globals.
pub fn take(cx: Cx) -> Seat {
    let seats = &mut cx.vm().seats;
    let (seat, ready) = match seats.free.pop() {
        Some(Free { seat, ready }) => (seat, ready),
        None => {
            let index = seats.free_indices.pop().unwrap_or_else(|| {
                seats.last_index += 1;
                seats.last_index
            });
            let lua = cx.vm().lua;
            cx.push_shared(lua, cx.vm().seats.threads);
            let thread = lua.new_thread();
            lua.raw_seti(-2, index as c_int);
            lua.pop(1);
            State::Task.set(thread);
            (Seat { lua: thread, index }, false)
        }
    };
    if !ready {
        push_globals(cx, seat.lua);
        seat.lua.replace(GLOBALS);
    }
    seat
}

/// Pushes a fresh global table over the read-only base globals.
fn push_globals(cx: Cx, lua: Lua) {
    lua.new_table(0, 0);
    cx.push_shared(lua, cx.vm().places.env_metatable);
    lua.set_metatable(-2);
    lua.set_safe_env(-1, true);
}

/// Another thread of the process takes the place of its main thread.
pub fn exchange(cx: Cx, process: &mut Process, thread: Lua) {
    let Some(seat) = &mut process.seat else { return };
    let lua = cx.vm().lua;
    cx.push_shared(lua, cx.vm().seats.threads);
    thread.push_self();
    thread.move_to(lua, 1);
    lua.raw_seti(-2, seat.index as c_int);
    lua.pop(1);
    seat.lua = thread;
}

/// The process has ended.
pub fn give_back(cx: Cx, process: &mut Process) {
    let Some(seat) = process.seat.take() else { return };
    let vm = cx.vm();
    if vm.seats.free.len() == POOL || process.broken || process.category != 0 {
        return forget(cx, seat);
    }
    let lua = seat.lua;
    let little = process.gross <= LITTLE;
    if lua.status() == 0 && little {
        lua.set_top(0);
    } else {
        lua.reset_thread();
    }
    let ready = little && !process.wrote_globals && lua.raw_iter(GLOBALS, 0).is_none();
    if !ready {
        lua.set_top(0);
        cx.push_shared(lua, vm.places.base);
        lua.replace(GLOBALS);
    }
    vm.seats.free.push(Free { seat, ready });
}

/// Nobody sits there any more.
fn forget(cx: Cx, seat: Seat) {
    let vm = cx.vm();
    cx.push_shared(vm.lua, vm.seats.threads);
    vm.lua.push_nil();
    vm.lua.raw_seti(-2, seat.index as c_int);
    vm.lua.pop(1);
    vm.seats.free_indices.push(seat.index);
}

/// Lets the seats go that are not taken.
pub fn clear(cx: Cx) {
    for free in std::mem::take(&mut cx.vm().seats.free) {
        forget(cx, free.seat);
    }
}
