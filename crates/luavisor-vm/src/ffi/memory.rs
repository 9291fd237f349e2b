//! The heap of one VM, counted and bounded.
//!
//! Luau allocates through [`allocate`]. The account knows three lines:
//!
//! - past the *soft* line (`limits.shard_memory`, or what a process with a limit
//!   of its own has left) it arms the interrupt, and the step loop collects and
//!   decides;
//! - past the *hard* line an allocation fails, and the running process ends. It
//!   fails **only while Lua code or a library function of Luau runs**. Natives of
//!   ours, deliveries and the step loop push on other threads than the running
//!   one and outside of any protected call: an error raised there would have
//!   nobody to catch it. What they allocate is bounded by the limits of messages;
//! - no single block may be larger than [`BLOCK`], in the same places.

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;
use std::ptr;

use super::arena::Arena;
use super::context::Cx;
use super::process::Process;

/// Luau needs the alignment of its largest scalar.
const ALIGN: usize = 16;

/// Largest block, in bytes: the functions that make strings allow 256 MiB and
/// grow their buffers by half.
const BLOCK: usize = 512 << 20;

/// Counts one VM's heap.
#[derive(Debug)]
pub struct Account {
    /// bytes in use, those that Rust keeps for processes included
    pub used: usize,
    /// bytes ever asked for
    pub gross: usize,
    /// of which counted for some process
    pub counted: usize,
    /// what makes the step loop look
    pub alarm: bool,
    /// an allocation of the running process failed: it must end
    pub exhausted: bool,
    /// whether an allocation may fail now
    pub may_fail: bool,
    /// where a simulated VM's memory lies
    pub arena: Option<Arena>,
    /// the main thread; null while the VM is being made
    pub lua: *mut mlua_sys::lua_State,
    lines: Lines,
}

/// When the step loop must look, and when allocation fails.
#[derive(Clone, Copy, Debug)]
pub struct Lines {
    /// `used` beyond which the step loop must look
    pub soft: usize,
    /// `used` beyond which allocation fails
    pub hard: usize,
    /// `gross` beyond which the step loop must look
    pub gross: usize,
    /// the category of a process with a limit of its own, 0 for none
    pub category: u8,
    /// bytes of the category beyond which allocation fails
    pub category_hard: usize,
}

impl Lines {
    /// No lines.
    pub const NONE: Lines = Lines {
        soft: usize::MAX,
        hard: usize::MAX,
        gross: usize::MAX,
        category: 0,
        category_hard: usize::MAX,
    };
}

impl Account {
    /// An account without lines.
    pub fn new() -> Account {
        Account {
            used: 0,
            gross: 0,
            counted: 0,
            alarm: false,
            exhausted: false,
            may_fail: false,
            arena: None,
            lua: ptr::null_mut(),
            lines: Lines::NONE,
        }
    }

    /// Draws the lines anew.
    pub fn draw(&mut self, lines: Lines) {
        self.lines = lines;
        self.alarm = false;
    }

    /// Whether a line was passed since the lines were drawn.
    pub fn wants_attention(&self) -> bool {
        self.alarm
    }

    fn grow(&mut self, bytes: usize) {
        self.used += bytes;
        self.gross += bytes;
        let over = self.used > self.lines.soft || self.gross > self.lines.gross;
        if over && !self.alarm && !self.lua.is_null() {
            self.alarm = true;
            super::interrupt::arm(super::lua::Lua(self.lua));
        }
    }

    /// Whether `bytes` more are refused.
    fn refuses(&mut self, bytes: usize) -> bool {
        if !self.may_fail || self.lua.is_null() {
            return false;
        }
        let Lines { hard, category, category_hard, .. } = self.lines;
        let lua = super::lua::Lua(self.lua);
        let spent = self.used.saturating_add(bytes) > hard
            || category != 0 && lua.category_heap(category).saturating_add(bytes) > category_hard;
        if spent {
            self.exhausted = true;
            self.alarm = true;
            super::interrupt::arm(lua);
        }
        spent || bytes > BLOCK
    }
}

/// Memory outside Luau's heap that a process makes it keep: it counts like the heap.
pub fn charge(cx: Cx, process: &mut Process, bytes: usize) {
    process.charged += bytes;
    cx.vm().heap_account.grow(bytes);
}

/// Takes back what [`charge`] counted.
pub fn refund(cx: Cx, process: &mut Process, bytes: usize) {
    let bytes = bytes.min(process.charged);
    process.charged -= bytes;
    cx.vm().heap_account.used -= bytes;
}

/// Sets whether allocations may fail until it is dropped, be it by an error that unwinds.
#[derive(Debug)]
pub struct Failing {
    account: *mut Account,
    before: bool,
}

impl Failing {
    pub fn set(cx: Cx, may_fail: bool) -> Failing {
        let account: *mut Account = &mut *cx.vm().heap_account;
        // SAFETY: the account is boxed in the context, which outlives every call into the VM.
        unsafe {
            let before = (*account).may_fail;
            (*account).may_fail = may_fail;
            Failing { account, before }
        }
    }
}

impl Drop for Failing {
    fn drop(&mut self) {
        // SAFETY: as in `set`.
        unsafe { (*self.account).may_fail = self.before };
    }
}

/// Memory categories of Luau: each counts the bytes of one process. Processes
/// with a limit have one from the start; others get one when they have asked for
/// much, so that the largest can be told from the rest.
#[derive(Debug, Default)]
pub struct Categories {
    free: Vec<u8>,
    used: u8,
    large: u8,
}

/// Bytes of garbage with which a category is as good as a fresh one.
const LITTLE_GARBAGE: usize = 16 << 10;

/// Categories that are left to processes with a limit.
const LARGE: u8 = 48;

impl Categories {
    /// A category for a process with a limit, or 0 when all are taken (placement keeps fewer per VM).
    pub fn take(&mut self, heap: impl Fn(u8) -> usize) -> u8 {
        // The one with the least garbage of its last owner, unless a fresh one is better.
        let least = (0..self.free.len()).min_by_key(|at| heap(self.free[*at]));
        match least {
            Some(at) if self.used == u8::MAX || heap(self.free[at]) <= LITTLE_GARBAGE => {
                self.free.swap_remove(at)
            }
            _ if self.used == u8::MAX => 0,
            _ => {
                self.used += 1;
                self.used
            }
        }
    }

    /// A category for a process that turned out to be large, or 0.
    pub fn take_for_large(&mut self, heap: impl Fn(u8) -> usize) -> u8 {
        if self.large == LARGE {
            return 0;
        }
        let category = self.take(heap);
        self.large += u8::from(category != 0);
        category
    }

    /// The process ended; what it left behind counts for the next owner until it is collected.
    pub fn give_back(&mut self, category: u8, large: bool) {
        self.free.push(category);
        self.large -= u8::from(large);
    }
}

/// Luau's allocator; `account` is the VM's [`Account`].
pub unsafe extern "C" fn allocate(
    account: *mut c_void,
    block: *mut c_void,
    old: usize,
    new: usize,
) -> *mut c_void {
    // SAFETY: the account is boxed and outlives the VM; blocks came from here
    // with the size that Luau passes back.
    unsafe {
        let account = account.cast::<Account>();
        if new > old && (*account).refuses(new - old) {
            return ptr::null_mut();
        }
        let result = if let Some(arena) = &mut (*account).arena {
            in_arena(arena, block, old, new)
        } else if new == 0 {
            if !block.is_null() {
                dealloc(block.cast(), Layout::from_size_align_unchecked(old, ALIGN));
            }
            ptr::null_mut()
        } else if block.is_null() {
            alloc(Layout::from_size_align_unchecked(new, ALIGN)).cast()
        } else {
            realloc(block.cast(), Layout::from_size_align_unchecked(old, ALIGN), new)
                .cast::<c_void>()
        };
        if new <= old {
            (*account).used -= old - new;
        } else if !result.is_null() {
            (*account).grow(new - old);
        }
        result
    }
}

/// The same in the memory of a simulated VM.
///
/// # Safety
/// As [`allocate`].
unsafe fn in_arena(arena: &mut Arena, block: *mut c_void, old: usize, new: usize) -> *mut c_void {
    // SAFETY: blocks came from the arena with the size that Luau passes back.
    unsafe {
        if !block.is_null() && new > 0 && Arena::fits(old, new) {
            return block;
        }
        let fresh = if new > 0 { arena.allocate(new) } else { ptr::null_mut() };
        if new > 0 && fresh.is_null() {
            return fresh;
        }
        if !block.is_null() {
            if !fresh.is_null() {
                ptr::copy_nonoverlapping(block.cast::<u8>(), fresh.cast::<u8>(), old.min(new));
            }
            arena.free(block, old);
        }
        fresh
    }
}
