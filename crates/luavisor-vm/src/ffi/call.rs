//! What a module's function sees of a call: its arguments, results and process.
//!
//! Modules outside `ffi` are written against [`Call`]; it is safe. A function
//! returns `Ok(call.value(..))`, `call.fail(error)` for `nil, err`, or raises
//! with `Err(..)`. One that must wait starts an operation and returns
//! [`Call::wait`].

use std::borrow::Cow;
use std::ffi::{CStr, c_int};
use std::sync::Arc;

use luavisor_core::{Error, Event, Object, Pid, Values};

use super::build::Builder;
use super::context::{Cx, Op};
use super::error::{self, Raise, finish};
use super::lua::*;
use super::process::{Process, Release};
pub use super::setup::{Setup, TableSetup};
use super::view::View;
use super::{copy, objects};
use crate::kernel::Kernel;

/// How many results a function left on the stack, or that it waits.
#[derive(Debug)]
pub struct Return(pub(super) c_int);

/// What a module function returns.
pub type Outcome = Result<Return, Raise>;

/// A function of a module, as Lua names it.
pub struct Function {
    pub name: &'static CStr,
    pub run: fn(&mut Call) -> Outcome,
}

/// Pushes a Lua function that calls `function`.
pub fn push_function(lua: Lua, function: &'static Function) {
    lua.reserve(2);
    lua.push_pointer(std::ptr::from_ref(function).cast_mut().cast());
    lua.push_function(trampoline, function.name, 1);
}

unsafe extern "C-unwind" fn trampoline(state: *mut mlua_sys::lua_State) -> c_int {
    let lua = Lua(state);
    // SAFETY: `push_function` put the address of a static there.
    let function = unsafe { &*lua.pointer(upvalue(1)).cast::<Function>() };
    let cx = Cx::of(lua);
    let mut call = Call { lua, cx, name: function.name };
    let unfailing = super::memory::Failing::set(cx, false);
    let result = (function.run)(&mut call).map(|count| count.0);
    drop(unfailing);
    finish(lua, result)
}

/// One call of a module's function.
pub struct Call {
    pub(super) lua: Lua,
    pub(super) cx: Cx,
    /// the function's name, for messages
    pub(super) name: &'static CStr,
}

impl Call {
    /// Number of arguments.
    pub fn count(&self) -> i32 {
        self.lua.top()
    }
    pub fn is_nil(&self, index: i32) -> bool {
        self.lua.is_none_or_nil(index)
    }
    pub fn is_string(&self, index: i32) -> bool {
        self.lua.kind(index) == LUA_TSTRING
    }
    pub fn is_number(&self, index: i32) -> bool {
        self.lua.kind(index) == LUA_TNUMBER
    }
    pub fn is_boolean(&self, index: i32) -> bool {
        self.lua.kind(index) == LUA_TBOOLEAN
    }
    pub fn is_table(&self, index: i32) -> bool {
        self.lua.is_table(index)
    }
    pub fn is_function(&self, index: i32) -> bool {
        self.lua.is_function(index)
    }
    /// Name of the method that a `__namecall` stands for.
    pub fn method(&self) -> &[u8] {
        self.lua.namecall().1
    }
    pub fn type_name(&self, index: i32) -> &'static str {
        if index > self.lua.top() { "no value" } else { self.lua.type_name(index) }
    }
    /// The error for an argument of the wrong type.
    pub fn wrong(&self, index: i32, expected: &str) -> Raise {
        Raise::argument(self.lua, index, self.name.to_str().unwrap_or("?"), expected)
    }
    /// A raise with the caller's position and this text.
    pub fn raise(&self, text: impl Into<String>) -> Raise {
        Raise::text(text)
    }

    /// A string argument's bytes; an error object counts as its message.
    pub fn bytes(&self, index: i32) -> Result<Vec<u8>, Raise> {
        if self.lua.kind(index) == LUA_TSTRING {
            return Ok(self.lua.bytes(index).to_vec());
        }
        match self.error_object(index) {
            Some(error) => Ok(error.message.as_bytes().to_vec()),
            None => Err(self.wrong(index, "string")),
        }
    }
    /// A string argument as text; bytes that are not UTF-8 are replaced.
    pub fn string(&self, index: i32) -> Result<String, Raise> {
        Ok(match String::from_utf8(self.bytes(index)?) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        })
    }
    /// The bytes at `index`, which is a string, in place.
    pub fn raw_bytes(&self, index: i32) -> &[u8] {
        self.lua.bytes(index)
    }
    /// The text at `index`, which is a string, in place.
    pub fn str(&self, index: i32) -> Cow<'_, str> {
        String::from_utf8_lossy(self.lua.bytes(index))
    }
    /// A string, or `None` for nil.
    pub fn optional_string(&self, index: i32) -> Result<Option<String>, Raise> {
        if self.is_nil(index) { Ok(None) } else { self.string(index).map(Some) }
    }
    /// A string that names something, or nil for the empty one. Names that come
    /// again are kept by the VM, so that no text is made.
    pub fn name(&self, index: i32) -> Result<Arc<str>, Raise> {
        match self.lua.kind(index) {
            LUA_TSTRING => Ok(self.cx.text(self.lua, index)),
            _ => Ok(self.optional_string(index)?.unwrap_or_default().into()),
        }
    }
    pub fn number(&self, index: i32) -> Result<f64, Raise> {
        if self.is_number(index) {
            Ok(self.lua.number(index))
        } else {
            Err(self.wrong(index, "number"))
        }
    }
    /// A whole number.
    pub fn integer(&self, index: i32) -> Result<i64, Raise> {
        let number = self.number(index).map_err(|_| self.wrong(index, "integer"))?;
        if number.fract() != 0.0 || !number.is_finite() {
            return Err(self.wrong(index, "integer"));
        }
        Ok(number as i64)
    }
    pub fn boolean(&self, index: i32) -> bool {
        self.lua.boolean(index)
    }
    /// A copy of what the payload object of a message at `index` shows.
    pub fn message_payload(&self, index: i32) -> Option<Arc<luavisor_core::value::Payload>> {
        super::message::payload_of(self.lua, index)
    }
    pub fn is_message_payload(&self, index: i32) -> bool {
        self.lua.userdata_tag(index) == super::message::PAYLOAD_TAG
    }
    pub fn error_object(&self, index: i32) -> Option<Arc<Error>> {
        error::at(self.lua, index).cloned()
    }
    /// The content of an object of class `tag`. `T` is the type that the tag stands for.
    pub(crate) fn object<'a, T>(&self, index: i32, tag: c_int) -> Option<&'a mut T> {
        self.lua.userdata(index, tag)
    }
    /// Copies the arguments from `first` on; refusals name the path under `root`.
    pub fn values(&self, first: i32, root: &str, limit: usize) -> Result<Values, Error> {
        let count = (self.lua.top() - first + 1).max(0);
        copy::take(self.cx, self.lua, first, count, root, limit)
    }
    /// Copies one argument.
    pub fn value_at(&self, index: i32, root: &str) -> Result<Values, Error> {
        copy::take(self.cx, self.lua, index, 1, root, usize::MAX)
    }
    /// Copies the field `name` of the table at `index`, without metamethods.
    pub fn field(&self, index: i32, name: &CStr) -> Result<Values, Error> {
        self.lua.reserve(2);
        self.lua.raw_get_field(index, name);
        let values = copy::take(self.cx, self.lua, self.lua.top(), 1, "value", usize::MAX);
        self.lua.pop(1);
        values
    }
    /// Pushes the field `name` of the table at `index`, without metamethods.
    pub fn push_field(&mut self, index: i32, name: &CStr) {
        self.lua.reserve(1);
        self.lua.raw_get_field(index, name);
    }
    /// Pushes the entry with the key `name` of the table at `index`, without metamethods.
    pub fn push_entry(&mut self, index: i32, name: &[u8]) {
        self.lua.reserve(2);
        self.lua.push_bytes(name);
        self.lua.raw_get(index);
    }
    /// Pushes element `n` of the table at `index`, without metamethods.
    pub fn push_element(&mut self, index: i32, n: i32) {
        self.lua.reserve(1);
        self.lua.raw_geti(index, n);
    }
    /// Goes through the table at `index` without metamethods: pushes a key and
    /// its value and returns the position to go on from; 0 is the first.
    pub fn next_entry(&mut self, index: i32, at: i32) -> Option<i32> {
        self.lua.reserve(2);
        self.lua.raw_iter(index, at)
    }
    /// Length of the array part of the table at `index`, without metamethods.
    pub fn length(&self, index: i32) -> usize {
        self.lua.length(index)
    }
    /// Identity of the table at `index`.
    pub fn address(&self, index: i32) -> usize {
        self.lua.address(index) as usize
    }
    /// Lets `look` see the value at `index` where it lies. Whatever the value is, it
    /// cannot change meanwhile, because `look` has no way to Lua.
    pub fn look<R>(&mut self, index: i32, look: impl FnOnce(View<'_>) -> R) -> Result<R, Error> {
        match View::at(self.lua, index) {
            Some(view) => Ok(look(view)),
            None => {
                let values = copy::take_visible(self.lua, index)?;
                Ok(look(View::of(&values, values.first())))
            }
        }
    }
    /// Pushes the one value that `build` makes, or nothing if it fails.
    pub fn build<E>(&mut self, build: impl FnOnce(&mut Builder) -> Result<(), E>) -> Result<(), E> {
        let top = self.lua.top();
        let result = build(&mut Builder::new(self.cx, self.lua));
        if result.is_err() {
            self.lua.set_top(top);
        }
        result
    }
    /// Removes the top `n` values.
    pub fn pop(&mut self, n: i32) {
        self.lua.pop(n);
    }
    /// `tostring` of an argument, with metamethods.
    pub fn text(&self, index: i32) -> Vec<u8> {
        self.lua.reserve(2);
        let _failing = super::memory::Failing::set(self.cx, true);
        let text = self.lua.to_text(index).to_vec();
        self.lua.pop(1);
        text
    }

    pub fn push_nil(&mut self) {
        self.lua.reserve(1);
        self.lua.push_nil();
    }
    pub fn push_boolean(&mut self, value: bool) {
        self.lua.reserve(1);
        self.lua.push_boolean(value);
    }
    pub fn push_number(&mut self, value: f64) {
        self.lua.reserve(1);
        self.lua.push_number(value);
    }
    pub fn push_bytes(&mut self, value: &[u8]) {
        self.lua.reserve(1);
        self.lua.push_bytes(value);
    }
    pub fn push_str(&mut self, value: &str) {
        self.push_bytes(value.as_bytes());
    }
    pub fn push_error(&mut self, error: Error) {
        self.lua.reserve(1);
        error::push(self.lua, &Arc::new(error));
    }
    pub fn push_function(&mut self, function: &'static Function) {
        push_function(self.lua, function);
    }
    /// Pushes a global as it was before any program could overwrite it.
    pub fn push_builtin(&mut self, name: &CStr) {
        self.lua.reserve(2);
        self.cx.push_shared(self.lua, self.cx.vm().places.base);
        self.lua.raw_get_field(-1, name);
        self.lua.remove(-2);
    }
    pub fn push_object(&mut self, object: &Object) {
        objects::push(self.lua, object);
    }
    /// Pushes an argument again.
    pub fn push_argument(&mut self, index: i32) {
        self.lua.reserve(1);
        self.lua.copy(index);
    }
    /// Pushes an object of class `tag`, whose content is a `T`.
    pub(crate) fn push_data<T>(&mut self, tag: c_int, value: T) {
        self.lua.reserve(1);
        self.lua.new_userdata(tag, value);
    }
    /// Pushes copies of all values of a list; returns how many.
    pub fn push_values(&mut self, values: &Values) -> i32 {
        copy::push_all(self.cx, self.lua, values)
    }
    pub fn push_pid(&mut self, pid: Pid) {
        self.cx.push_pid(self.lua, pid);
    }
    /// Pushes an empty table with room.
    pub fn push_table(&mut self, array: usize, hash: usize) {
        self.lua.reserve(3);
        self.lua.new_table(array, hash);
    }
    /// Pops a value and makes it a field of the table below it.
    pub fn set_field(&mut self, name: &CStr) {
        self.lua.raw_set_field(-2, name);
    }
    /// Pops a key and a value and makes them an entry of the table below them.
    pub fn set_entry(&mut self) {
        self.lua.raw_set(-3);
    }
    /// Pops a value and makes it element `n` of the table below it.
    pub fn set_element(&mut self, n: i32) {
        self.lua.raw_seti(-2, n);
    }

    /// The top `n` values are the results.
    pub fn results(&mut self, n: i32) -> Outcome {
        Ok(Return(n))
    }
    /// No results.
    pub fn nothing(&mut self) -> Outcome {
        Ok(Return(0))
    }
    pub fn yes(&mut self) -> Outcome {
        self.push_boolean(true);
        Ok(Return(1))
    }
    /// `nil, err`
    pub fn fail(&mut self, error: Error) -> Outcome {
        self.push_nil();
        self.push_error(error);
        Ok(Return(2))
    }
    /// `false, err`
    pub fn fail_false(&mut self, error: Error) -> Outcome {
        self.push_boolean(false);
        self.push_error(error);
        Ok(Return(2))
    }
    /// `true`, or `nil, err`
    pub fn done(&mut self, result: Result<(), Error>) -> Outcome {
        match result {
            Ok(()) => self.yes(),
            Err(error) => self.fail(error),
        }
    }

    /// Raises unless the task may block here and now; `function` is named in the error.
    pub fn may_block(&self, function: &str) -> Result<(), Raise> {
        self.cx.may_block(self.lua, function)
    }
    /// Raises while a chunk runs at its top level.
    pub fn not_at_top_level(&self, function: &str) -> Result<(), Raise> {
        self.cx.not_at_top_level(function)
    }
    /// Counts memory outside of Lua's heap for the running process, until it ends.
    pub(crate) fn charge(&mut self, bytes: usize) {
        super::memory::charge(self.cx, self.process(), bytes);
    }
    /// The types that this VM has read.
    pub(crate) fn known_types(&self) -> &mut crate::modules::types::KnownTypes {
        &mut self.cx.vm().types
    }
    /// The schemas that this VM has read.
    pub(crate) fn known_schemas(&self) -> &mut crate::modules::json::KnownSchemas {
        &mut self.cx.vm().schemas
    }
    /// The heap of this VM.
    pub fn heap(&self) -> crate::kernel::HeapUse {
        let account = &self.cx.vm().heap_account;
        crate::kernel::HeapUse { used: account.used as u64, asked: account.gross as u64 }
    }
    /// Collects all garbage of this VM. Slow on a large one.
    pub fn collect(&mut self) {
        super::life::collect_once(self.cx);
    }
    /// Whether the VM is part of a simulation.
    pub fn simulated(&self) -> bool {
        self.cx.simulated()
    }
    /// Tasks of the process.
    pub fn tasks(&self) -> usize {
        self.process().tasks.iter().count()
    }
    /// Names of the embedder's modules.
    pub fn native_modules(&self) -> Vec<String> {
        self.cx.vm().config.modules.iter().map(|module| module.name.clone()).collect()
    }
    /// Whether the process may do `action` to `resource`: every guarded call of every
    /// module asks here.
    pub fn allowed(&self, action: &str, resource: &str) -> bool {
        self.allowed_with(action, resource, Values::none)
    }
    /// The same with attributes, which conditions know as `meta`.
    pub fn allowed_with(
        &self,
        action: &str,
        resource: &str,
        attributes: impl FnOnce() -> Values,
    ) -> bool {
        let process = self.process();
        !process.guarded || process.context.allows(action, resource, &attributes())
    }
    /// PermissionDenied `not allowed: <resource>`, unless the process may.
    pub fn guard(&self, action: &str, resource: &str) -> Result<(), Error> {
        match self.allowed(action, resource) {
            true => Ok(()),
            false => Err(Error::not_allowed(resource)),
        }
    }
    /// Random bytes: from the operating system, in a simulation from the seed.
    pub(crate) fn random_bytes(&self, count: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; count];
        if self.simulated() {
            for chunk in bytes.chunks_mut(8) {
                let random = self.kernel().random().to_le_bytes();
                chunk.copy_from_slice(&random[..chunk.len()]);
            }
        } else if getrandom::fill(&mut bytes).is_err() {
            return Err(Error::internal("no random numbers").retryable(false));
        }
        Ok(bytes)
    }
    /// The scheduler around the VM.
    pub fn kernel(&self) -> &mut dyn Kernel {
        self.cx.kernel()
    }
    pub(crate) fn process(&self) -> &mut Process {
        self.cx.process()
    }
    pub fn slot(&self) -> crate::kernel::Slot {
        self.process().slot()
    }
    /// On a thread that runs no call: for the results of an operation.
    pub(super) fn on(cx: Cx, lua: Lua) -> Call {
        Call { lua, cx, name: c"" }
    }
    /// The process holds this, and lets go of it at its end, whatever ends it. False: it
    /// holds `most` already.
    pub(crate) fn release_at_end(&mut self, held: Arc<dyn Release>, most: usize) -> bool {
        self.process().rare().held.add(&held, most)
    }
    /// Queues the CANCEL that the running process sent itself, at once.
    pub(crate) fn queue_own_cancel(&mut self, event: Event) {
        let process = self.process();
        process.rare().own_cancels += 1;
        super::vm::queue_event(self.cx, process, event);
    }
    /// Ends the running process without running any more of its code; a kill was claimed.
    pub fn die(&mut self) -> Outcome {
        super::interrupt::die(self.cx, self.lua).map(Return)
    }
    /// Replaces the running code; returns only if that fails.
    pub(crate) fn upgrade(&mut self, upgrade: super::process::Upgrade) -> Outcome {
        let thread = super::units::instance(self.cx, self.lua, &upgrade.program.unit.chunk);
        self.cx.vm().op = Op::Upgrade { upgrade: Box::new(upgrade), thread };
        Ok(Return(self.lua.do_yield(self.lua.top())))
    }

    /// The topic of the string at `index`.
    pub(crate) fn topic(&self, index: i32) -> super::process::Topic {
        self.cx.topic(self.lua, index)
    }
    /// Position of the calling code: `<entry id>:<line>`.
    pub fn location(&self) -> Option<String> {
        let mut level = 1;
        while let Some(frame) = self.lua.frame(level) {
            if !frame.native {
                return Some(format!("{}:{}", frame.source, frame.line));
            }
            level += 1;
        }
        None
    }
    /// The Lua call stack of the caller.
    pub fn frames(&self) -> Vec<luavisor_core::error::Frame> {
        let mut frames = error::frames(self.lua);
        if !frames.is_empty() {
            frames.remove(0);
        }
        frames
    }
}
