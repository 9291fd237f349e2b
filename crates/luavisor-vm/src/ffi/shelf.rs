//! Lua values that the VM keeps for itself.
//!
//! They lie on the stacks of threads that never run, because pushing from there
//! is a plain copy: a third of the price of a look into the registry.
//!
//! - [`Shelf`]: what all processes share (templates, keys, loaded chunks); of these only
//!   chunks are let go, when nobody can run them any more.
//! - [`Holds`]: what Rust keeps for a while, such as queued tables and channel
//!   values. Each [`Hold`] has one owner, who must give it back with
//!   [`Holds::release`].

use std::ffi::c_int;
use std::num::NonZeroU32;

use super::bare;
use super::lua::Lua;

/// Makes a thread that is kept for as long as the VM.
pub fn storage(lua: Lua) -> Lua {
    let thread = lua.new_thread();
    lua.make_ref(-1);
    lua.pop(1);
    thread
}

/// A position on the shelf.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place(c_int);

/// See the module.
#[derive(Clone, Copy, Debug)]
pub struct Shelf(Lua);

impl Shelf {
    pub fn new(lua: Lua) -> Shelf {
        Shelf(storage(lua))
    }

    /// Keeps the value on top of `lua` for good; pops it.
    pub fn put(self, lua: Lua) -> Place {
        lua.move_to(self.0, 1);
        Place(self.0.top())
    }

    /// Keeps the value on top of `lua` instead of another one; pops it.
    pub fn put_at(self, lua: Lua, place: Place) {
        lua.move_to(self.0, 1);
        self.0.replace(place.0);
    }

    /// Lets a value go; its place may be used again.
    pub fn clear(self, place: Place) {
        self.0.push_nil();
        self.0.replace(place.0);
    }

    /// Pushes a kept value on `lua`.
    pub fn push(self, lua: Lua, place: Place) {
        self.0.copy_to(lua, place.0);
    }
}

/// A row of values by number, on a stack that grows.
#[derive(Debug)]
pub struct Row {
    thread: Lua,
}

impl Row {
    pub fn new(lua: Lua) -> Row {
        Row { thread: storage(lua) }
    }

    /// Moves the value on top of `lua` to a place.
    pub fn set(&self, lua: Lua, index: usize) {
        let position = index as c_int + 1;
        if self.thread.top() < position {
            self.thread.set_top(position);
        }
        lua.move_to(self.thread, 1);
        self.thread.replace(position);
    }

    /// Pushes the value at a place on `lua`.
    pub fn push(&self, lua: Lua, index: usize) {
        self.thread.copy_to(lua, index as c_int + 1);
    }

    /// Lets all values go.
    pub fn clear(&self) {
        bare::empty(self.thread);
    }
}

/// Something that Rust keeps of Lua's. Not copied: it has one owner.
#[derive(Debug, PartialEq, Eq)]
pub struct Hold(NonZeroU32);

/// Values per thread: a stack has a largest size, and a small one is marked in one go.
const PAGE: u32 = 512;

/// See the module.
#[derive(Debug)]
pub struct Holds {
    lua: Lua,
    pages: Vec<Lua>,
    /// numbers given out so far
    count: u32,
    free: Vec<NonZeroU32>,
}

impl Holds {
    pub fn new(lua: Lua) -> Holds {
        Holds { lua, pages: Vec::new(), count: 0, free: Vec::new() }
    }

    /// Keeps the value on top of `lua`; pops it.
    pub fn put(&mut self, lua: Lua) -> Hold {
        let number = match self.free.pop() {
            Some(number) => number,
            None => self.fresh(),
        };
        let (page, position) = self.find(number);
        lua.move_to(page, 1);
        page.replace(position);
        Hold(number)
    }

    fn fresh(&mut self) -> NonZeroU32 {
        if self.count == self.pages.len() as u32 * PAGE {
            let page = storage(self.lua);
            page.set_top(PAGE as c_int);
            self.pages.push(page);
        }
        self.count += 1;
        NonZeroU32::MIN.saturating_add(self.count - 1)
    }

    fn find(&self, number: NonZeroU32) -> (Lua, c_int) {
        let index = number.get() - 1;
        (self.pages[(index / PAGE) as usize], (index % PAGE) as c_int + 1)
    }

    /// Pushes a kept value on `lua`.
    pub fn push(&self, lua: Lua, hold: &Hold) {
        let (page, position) = self.find(hold.0);
        page.copy_to(lua, position);
    }

    /// The value is not needed any more.
    pub fn release(&mut self, hold: Hold) {
        let (page, position) = self.find(hold.0);
        page.push_nil();
        page.replace(position);
        self.free.push(hold.0);
    }

    /// Lets the pages go, if everything was given back.
    pub fn clear(&self) {
        if self.free.len() == self.count as usize {
            self.pages.iter().for_each(|page| bare::empty(*page));
        }
    }
}
