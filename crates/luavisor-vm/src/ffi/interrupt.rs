//! Preemption and kill at safepoints.
//!
//! Luau calls the interrupt, when one is set, at every loop back-edge, call and
//! return. Ours makes the process give way if it can yield. A process that must
//! not run on is stopped *yield if possible, else raise*, at every safepoint
//! until control is back in the step loop, so that no `pcall` survives it.

use std::ffi::c_int;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use mlua_sys as sys;

use super::context::{Cx, Op};
use super::error::{self, Raise};
use super::lua::Lua;
use crate::vm::Preemption;

/// Safepoints past the end of a counted slice after which a process counts as unpreemptible.
const COUNTED_PATIENCE: i64 = 2_000_000;

type Handler = unsafe extern "C-unwind" fn(*mut sys::lua_State, c_int);

/// Arms a VM's interrupt from any thread.
#[derive(Clone, Debug)]
pub struct Arm {
    /// address of the callbacks; zero after the VM is gone
    callbacks: Arc<Mutex<usize>>,
}

impl Arm {
    pub fn new(lua: Lua) -> Arm {
        Arm { callbacks: Arc::new(Mutex::new(lua.callbacks() as usize)) }
    }

    /// Sets the interrupt; the running process meets it at its next safepoint.
    pub fn arm(&self) {
        let callbacks = self.callbacks.lock().unwrap_or_else(PoisonError::into_inner);
        if *callbacks != 0 {
            set(*callbacks as *mut sys::lua_Callbacks, true);
        }
    }

    /// The VM goes away.
    pub fn disconnect(&self) {
        *self.callbacks.lock().unwrap_or_else(PoisonError::into_inner) = 0;
    }
}

/// Sets or clears the pointer. Luau allows this from other threads (lua.h).
fn set(callbacks: *mut sys::lua_Callbacks, armed: bool) {
    let value = if armed { on_safepoint as Handler as *mut () } else { std::ptr::null_mut() };
    // SAFETY: the callbacks live as long as the VM. `Option<fn>` has the size and
    // null niche of a pointer, so it may be stored as one, atomically.
    unsafe {
        let field = &raw mut (*callbacks).interrupt;
        AtomicPtr::from_ptr(field.cast::<*mut ()>()).store(value, Ordering::Relaxed);
    }
}

pub fn arm(lua: Lua) {
    set(lua.callbacks(), true);
}

pub fn disarm(lua: Lua) {
    set(lua.callbacks(), false);
}

/// Whether the watchdog asked the running process to give way.
pub fn is_armed(lua: Lua) -> bool {
    // SAFETY: as in `set`.
    unsafe {
        let field = &raw mut (*lua.callbacks()).interrupt;
        !AtomicPtr::from_ptr(field.cast::<*mut ()>()).load(Ordering::Relaxed).is_null()
    }
}

/// The running process must not execute another instruction: a kill was claimed.
pub fn die(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    cx.vm().dying = true;
    if lua.is_yieldable() {
        cx.vm().op = Op::Die;
        return Ok(lua.do_yield(0));
    }
    arm(lua);
    Err(Raise::text("killed"))
}

unsafe extern "C-unwind" fn on_safepoint(state: *mut sys::lua_State, gc: c_int) {
    if gc >= 0 {
        return;
    }
    let lua = Lua(state);
    let cx = Cx::of(lua);
    let vm = cx.vm();
    // The maker belongs to no process: it goes on, and the process meets the
    // interrupt when it is back.
    if vm.current.is_null() || lua == vm.shapes.maker {
        return;
    }
    let exhausted = vm.heap_account.exhausted;
    if vm.dying || exhausted || vm.config.slots.kill_claimed(cx.process().slot()) {
        vm.dying = true;
        if lua.is_yieldable() {
            vm.op = Op::Die;
            lua.do_yield(0);
        } else {
            lua.reserve(1);
            lua.push_str("killed");
            lua.raise();
        }
        return;
    }
    if let Preemption::Counted(_) = vm.config.preemption {
        if let Some(safepoints) = vm.fails_after.take() {
            if safepoints <= 1 {
                error::raise(lua, Raise::Here("injected fault".to_owned()));
                lua.raise();
            }
            vm.fails_after = Some(safepoints - 1);
        }
        vm.budget -= 1;
        if vm.budget > 0 && !vm.heap_account.wants_attention() {
            return;
        }
        if lua.is_yieldable() {
            vm.op = Op::Preempted;
            lua.do_yield(0);
        } else if vm.budget < -COUNTED_PATIENCE {
            vm.unpreemptible = true;
            vm.dying = true;
        }
        return;
    }
    if vm.budget > 0 {
        vm.budget -= 1;
        return;
    }
    if lua.is_yieldable() {
        disarm(lua);
        vm.op = Op::Preempted;
        lua.do_yield(0);
    }
}
