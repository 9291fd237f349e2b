//! What modules are installed with: libraries, modules, classes, constants.

use std::ffi::{CStr, c_int};

use luavisor_core::Object;

use super::call::{Function, push_function};
use super::context::Cx;
use super::lua::*;
use super::objects;

/// What modules are installed with.
pub struct Setup {
    lua: Lua,
    cx: Cx,
}

/// A table under construction.
pub struct TableSetup {
    lua: Lua,
}

impl Setup {
    pub(super) fn new(cx: Cx, lua: Lua) -> Setup {
        Setup { lua, cx }
    }

    /// A global library: a table of functions under this name. Adds to it if it exists.
    pub fn library(
        &mut self,
        name: &'static CStr,
        functions: &'static [Function],
        more: impl FnOnce(&mut TableSetup),
    ) {
        self.lua.reserve(6);
        if self.lua.raw_get_field(GLOBALS, name) == LUA_TNIL {
            self.lua.pop(1);
            self.lua.new_table(0, functions.len());
            self.lua.copy(-1);
            self.lua.raw_set_field(GLOBALS, name);
        }
        self.fill(functions, more);
        self.lua.pop(1);
    }

    /// A module that `require(name)` returns.
    pub fn module(
        &mut self,
        name: &'static str,
        functions: &'static [Function],
        more: impl FnOnce(&mut TableSetup),
    ) {
        self.lua.reserve(6);
        self.cx.push_shared(self.lua, self.cx.vm().places.modules);
        self.lua.push_str(name);
        self.lua.new_table(0, functions.len());
        self.fill(functions, more);
        self.lua.raw_set(-3);
        self.lua.pop(1);
    }

    /// A module that is an object of class `tag`, which holds a `T`.
    pub(crate) fn object_module<T>(&mut self, name: &'static str, tag: c_int, value: T) {
        self.lua.reserve(3);
        self.cx.push_shared(self.lua, self.cx.vm().places.modules);
        self.lua.push_str(name);
        self.lua.new_userdata(tag, value);
        self.lua.raw_set(-3);
        self.lua.pop(1);
    }

    /// A global that is an object of class `tag`, which holds a `T`.
    pub(crate) fn object_global<T>(&mut self, name: &'static CStr, tag: c_int, value: T) {
        self.lua.reserve(2);
        self.lua.new_userdata(tag, value);
        self.lua.raw_set_field(GLOBALS, name);
    }

    fn fill(&mut self, functions: &'static [Function], more: impl FnOnce(&mut TableSetup)) {
        for function in functions {
            push_function(self.lua, function);
            self.lua.raw_set_field(-2, function.name);
        }
        more(&mut TableSetup { lua: self.lua });
    }

    /// A global function.
    pub fn global(&mut self, function: &'static Function) {
        push_function(self.lua, function);
        self.lua.raw_set_field(GLOBALS, function.name);
    }

    /// Makes the global table `library` callable.
    pub fn callable(&mut self, library: &'static CStr, function: &'static Function) {
        self.lua.reserve(4);
        self.lua.raw_get_field(GLOBALS, library);
        self.lua.new_table(0, 2);
        push_function(self.lua, function);
        self.lua.raw_set_field(-2, c"__call");
        self.lua.push_str("locked");
        self.lua.raw_set_field(-2, c"__metatable");
        self.lua.set_readonly(-1, true);
        self.lua.set_metatable(-2);
        self.lua.pop(1);
    }

    /// A class of objects that hold a `T`. Names starting with `__` are metamethods.
    pub(crate) fn class<T>(
        &mut self,
        tag: c_int,
        name: &'static str,
        methods: &'static [Function],
    ) {
        objects::data_class::<T>(self.lua, tag, name, methods, &[]);
    }

    /// A class of objects that own a channel.
    pub(crate) fn owner_class<T: objects::Owner>(
        &mut self,
        tag: c_int,
        name: &'static str,
        methods: &'static [Function],
    ) {
        objects::owner_class::<T>(self.lua, tag, name, methods);
    }
}

impl TableSetup {
    pub fn functions(&mut self, functions: &'static [Function]) {
        for function in functions {
            push_function(self.lua, function);
            self.lua.raw_set_field(-2, function.name);
        }
    }
    pub fn named_number(&mut self, name: &str, value: f64) {
        self.lua.push_str(name);
        self.lua.push_number(value);
        self.lua.raw_set(-3);
    }
    pub fn named_text(&mut self, name: &str, value: &str) {
        self.lua.push_str(name);
        self.lua.push_str(value);
        self.lua.raw_set(-3);
    }
    pub fn number(&mut self, name: &CStr, value: f64) {
        self.lua.push_number(value);
        self.lua.raw_set_field(-2, name);
    }
    pub fn text(&mut self, name: &CStr, value: &str) {
        self.lua.push_str(value);
        self.lua.raw_set_field(-2, name);
    }
    pub fn object(&mut self, name: &CStr, value: &Object) {
        self.lua.reserve(2);
        objects::push(self.lua, value);
        self.lua.raw_set_field(-2, name);
    }
    /// A read-only table within the table.
    pub fn table(
        &mut self,
        name: &CStr,
        functions: &'static [Function],
        more: impl FnOnce(&mut TableSetup),
    ) {
        self.lua.reserve(6);
        self.lua.new_table(0, 4);
        for function in functions {
            push_function(self.lua, function);
            self.lua.raw_set_field(-2, function.name);
        }
        more(self);
        self.lua.set_readonly(-1, true);
        self.lua.raw_set_field(-2, name);
    }
}
