//! Makes Lua values from text: parsers push what they read, in the order they read it.
//!
//! The parts of a table wait on the stack until it ends, so that it is made once
//! with the size that it needs; those of large tables are put in place [`PART`]
//! at a time.
//!
//! Allocation may fail while a [`Builder`] lives: a process that decodes more than
//! its memory holds ends like one that makes as many tables by itself. The Lua
//! error of it unwinds through the parser and runs its destructors.

use std::ffi::c_int;

use super::context::Cx;
use super::lua::*;
use super::memory::Failing;
use crate::codec::Sink;

/// Most parts of one table that wait on the stack.
const PART: c_int = 128;

/// Pushes values on the stack of a call.
pub struct Builder {
    lua: Lua,
    _failing: Failing,
}

/// A table whose end has not been seen.
pub struct Open {
    /// where its place on the stack is; its parts lie above
    base: c_int,
    /// parts that lie there
    waiting: c_int,
    /// parts that are in the table
    placed: c_int,
    /// parts of the table that each step adds: keys and values, or elements
    width: c_int,
}

impl Builder {
    pub(super) fn new(cx: Cx, lua: Lua) -> Builder {
        Builder { lua, _failing: Failing::set(cx, true) }
    }

    /// Puts the waiting parts into the table, which is made if it is the first time.
    fn place(&mut self, open: &mut Open, more: bool) {
        let lua = self.lua;
        if open.placed == 0 {
            // One that goes on is made with room for as much again.
            let room = (open.waiting << u32::from(more)) as usize;
            match open.width {
                1 => lua.new_table(room, 0),
                _ => lua.new_table(0, room),
            }
            lua.replace(open.base);
        }
        match open.width {
            1 => {
                for position in (1..=open.waiting).rev() {
                    // An element that is nil would make an entry in the hash part.
                    match lua.is_nil(-1) {
                        true => lua.pop(1),
                        false => lua.raw_seti(open.base, open.placed + position),
                    }
                }
            }
            _ => {
                // In the order of the text: the last of equal keys wins.
                for part in 0..open.waiting {
                    lua.copy(open.base + 1 + 2 * part);
                    lua.copy(open.base + 2 + 2 * part);
                    lua.raw_set(open.base);
                }
                lua.set_top(open.base);
            }
        }
        open.placed += open.waiting;
        open.waiting = 0;
    }

    fn open(&mut self, width: c_int) -> Open {
        self.lua.reserve(PART * width + 8);
        self.lua.push_nil();
        Open { base: self.lua.top(), waiting: 0, placed: 0, width }
    }

    fn add(&mut self, open: &mut Open) {
        open.waiting += 1;
        if open.waiting == PART {
            self.place(open, true);
        }
    }
}

impl Sink for Builder {
    type Open = Open;

    fn nil(&mut self) {
        self.lua.reserve(1);
        self.lua.push_nil();
    }
    fn boolean(&mut self, value: bool) {
        self.lua.reserve(1);
        self.lua.push_boolean(value);
    }
    fn number(&mut self, value: f64) {
        self.lua.reserve(1);
        self.lua.push_number(value);
    }
    fn text(&mut self, value: &[u8]) {
        self.lua.reserve(1);
        self.lua.push_bytes(value);
    }
    fn open_list(&mut self) -> Open {
        self.open(1)
    }
    fn open_map(&mut self) -> Open {
        self.open(2)
    }
    fn element(&mut self, open: &mut Open) {
        self.add(open);
    }
    fn entry(&mut self, open: &mut Open) {
        self.add(open);
    }
    fn close(&mut self, mut open: Open) {
        if open.waiting > 0 || open.placed == 0 {
            self.place(&mut open, false);
        }
    }
}
