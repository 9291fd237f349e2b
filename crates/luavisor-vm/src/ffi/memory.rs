//! The heap of one VM, counted and bounded.
//!
//! Luau allocates through [`allocate`]. The account knows two lines: past the
//! soft one (`limits.shard_memory`, or the headroom of a process with a limit of
//! its own) it arms the interrupt, and the step loop collects and decides; past
//! the hard one the allocation fails, which Lua sees as "not enough memory".

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::ffi::c_void;
use std::ptr;

/// Luau needs the alignment of its largest scalar.
const ALIGN: usize = 16;

/// Counts one VM's heap.
#[derive(Debug)]
pub struct Account {
    /// bytes in use
    pub used: usize,
    /// beyond it the step loop must look
    pub soft: usize,
    /// beyond it allocation fails
    pub hard: usize,
    /// what makes the step loop look
    pub alarm: bool,
    /// callbacks to arm; null while the VM is being made
    pub lua: *mut mlua_sys::lua_State,
}

impl Account {
    /// An account without lines.
    pub fn new() -> Account {
        Account { used: 0, soft: usize::MAX, hard: usize::MAX, alarm: false, lua: ptr::null_mut() }
    }

    /// Draws the lines anew.
    pub fn limit(&mut self, soft: usize, hard: usize) {
        self.soft = soft;
        self.hard = hard;
        self.alarm = false;
    }

    /// Whether a line was passed since the lines were drawn.
    pub fn wants_attention(&self) -> bool {
        self.alarm
    }
}

/// Memory categories of Luau for processes with a limit of their own.
#[derive(Debug, Default)]
pub struct Categories {
    free: Vec<u8>,
    used: u8,
}

impl Categories {
    /// A category of its own, or 0 when all are taken (placement keeps fewer limited processes per VM).
    pub fn take(&mut self) -> u8 {
        self.free.pop().unwrap_or_else(|| {
            if self.used == u8::MAX {
                return 0;
            }
            self.used += 1;
            self.used
        })
    }

    /// The process ended; what it left behind counts for the next owner until it is collected.
    pub fn give_back(&mut self, category: u8) {
        self.free.insert(0, category);
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
        if new > old {
            let used = (*account).used + (new - old);
            if used > (*account).soft && !(*account).alarm && !(*account).lua.is_null() {
                (*account).alarm = true;
                super::interrupt::arm(super::lua::Lua((*account).lua));
            }
            if used > (*account).hard {
                return ptr::null_mut();
            }
        }
        let result = if new == 0 {
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
        if new == 0 || !result.is_null() {
            (*account).used = (*account).used + new - old;
        }
        result
    }
}
