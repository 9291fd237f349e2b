//! Everything that touches Luau: the only module with `unsafe` code.
//!
//! | file | holds |
//! |---|---|
//! | [`lua`] | a typed view of a thread's stack |
//! | [`shelf`], [`shapes`] | Lua values that the VM keeps; tables that it makes |
//! | [`context`] | the state of a VM and how natives reach it |
//! | [`process`], [`tasks`], [`channels`] | the state of one process |
//! | [`seats`] | threads for one process after the other |
//! | [`strangers`] | pid texts of processes elsewhere |
//! | [`step`], [`life`] | running a process: tasks, coroutines; its beginning and end |
//! | [`interrupt`], [`memory`], [`heap`] | preemption, kill, heap limits |
//! | [`sandbox`], [`units`] | the globals of a process, `require` |
//! | [`channel`], [`select`], [`send`], [`message`], [`event`], [`coroutine`] | the hot natives |
//! | [`copy`], [`layout`], [`error`], [`objects`] | values that cross boundaries |
//! | [`view`], [`build`] | values that are written as text, and read from it |
//! | [`call`], [`waiting`], [`setup`] | the safe view that modules are written against |
//! | [`bare`] | what a VM holds when nothing is left to hold |
#![allow(unsafe_code)]
#![allow(missing_docs)]

/// Defines C functions that run a `fn(Cx, Lua) -> Result<c_int, Raise>`.
macro_rules! natives {
    ($($name:ident = $function:path;)*) => {$(
        unsafe extern "C-unwind" fn $name(state: *mut mlua_sys::lua_State) -> std::ffi::c_int {
            let lua = $crate::ffi::lua::Lua(state);
            let cx = $crate::ffi::context::Cx::of(lua);
            let unfailing = $crate::ffi::memory::Failing::set(cx, false);
            let result = $function(cx, lua);
            drop(unfailing);
            $crate::ffi::error::finish(lua, result)
        }
    )*};
}

pub mod arena;
pub mod atoms;
pub mod bare;
pub mod build;
pub mod bus;
pub mod call;
pub mod channel;
pub mod channels;
pub mod compile;
pub mod context;
pub mod copy;
pub mod coroutine;
pub mod error;
pub mod event;
pub mod futures;
pub mod heap;
pub mod interrupt;
pub mod layout;
pub mod life;
pub mod lua;
pub mod memory;
pub mod message;
pub mod objects;
pub mod process;
pub mod sandbox;
pub mod seats;
pub mod select;
pub mod send;
pub mod setup;
pub mod shapes;
pub mod shelf;
pub mod step;
pub mod strangers;
pub mod tasks;
pub mod units;
pub mod view;
pub mod vm;
pub mod waiting;
pub mod zdict;
