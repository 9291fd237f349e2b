//! Loading code into the VM and `require`.
//!
//! A chunk is loaded once per VM; each process that runs it gets a clone of its
//! closure with the process's own globals. Only main closures are cloned: they
//! have no upvalues, so nothing is shared through them.

use std::ffi::{CString, c_char, c_int};
use std::sync::Arc;

use luavisor_core::Error;
use luavisor_core::vocabulary::LATER_MODULES;

use super::context::{Cx, LoadedChunk, Op};
use super::coroutine::{self, State};
use super::error::Raise;
use super::lua::*;
use super::process::LoadedUnit;
use super::shelf::Place;
use crate::native::Member;
use crate::program::{Chunk, Unit};

/// Modules that are globals and may also be required, listed or not.
const GLOBAL_MODULES: [&str; 13] = [
    "payload",
    "process",
    "channel",
    "errors",
    "os",
    "string",
    "table",
    "math",
    "coroutine",
    "utf8",
    "bit32",
    "buffer",
    "print",
];

/// Chunks that a VM keeps without a look at whether they are used.
pub const CHUNKS: usize = 64;

/// Makes sure that a chunk is loaded; returns the place of its closure and its source address.
pub fn load(cx: Cx, chunk: &Arc<Chunk>) -> Result<(Place, *const c_char), Error> {
    let key = Arc::as_ptr(chunk);
    if let Some(loaded) = cx.vm().chunks.get(&key) {
        return Ok((loaded.place, loaded.source));
    }
    let lua = cx.vm().lua;
    let top = lua.top();
    lua.reserve(4);
    let name = CString::new(format!("={}", chunk.name)).unwrap_or_default();
    if !lua.load(&name, &chunk.bytecode) {
        let message = String::from_utf8_lossy(lua.bytes(-1)).into_owned();
        lua.set_top(top);
        return Err(Error::internal(message));
    }
    if cx.vm().config.native_code {
        lua.compile_native(-1);
    }
    let source = lua.function_source();
    forget_unused(cx);
    let place = match cx.vm().free_places.pop() {
        Some(place) => {
            cx.vm().shelf.put_at(lua, place);
            place
        }
        None => cx.vm().shelf.put(lua),
    };
    lua.set_top(top);
    cx.vm().chunks.insert(key, LoadedChunk { place, source, chunk: chunk.clone() });
    Ok((place, source))
}

/// Lets chunks go that no program has any more, when there are twice as many as after the last
/// time: code that was replaced at run time.
fn forget_unused(cx: Cx) {
    let vm = cx.vm();
    if vm.chunks.len() < vm.chunks_line {
        return;
    }
    vm.chunks.retain(|_, loaded| {
        let used = Arc::strong_count(&loaded.chunk) > 1;
        if !used {
            vm.shelf.clear(loaded.place);
            vm.free_places.push(loaded.place);
        }
        used
    });
    vm.chunks_line = (vm.chunks.len() * 2).max(CHUNKS);
}

/// Pushes a clone of a chunk's closure on a thread; its globals are the thread's.
pub fn push_clone(cx: Cx, lua: Lua, place: Place) {
    cx.push_shared(lua, place);
    lua.clone_function(-1);
    lua.remove(-2);
}

/// Pushes a thread that is ready to run a chunk of the running process.
pub fn instance(cx: Cx, lua: Lua, chunk: &Arc<Chunk>) -> Lua {
    let thread = lua.new_thread();
    State::Task.set(thread);
    coroutine::adopt(cx, thread);
    match load(cx, chunk) {
        Ok((place, _)) => push_clone(cx, thread, place),
        Err(error) => super::error::push(thread, &Arc::new(error)),
    }
    thread
}

/// `require(name)`
fn require(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(1) != LUA_TSTRING {
        return Err(Raise::argument(lua, 1, "require", "string"));
    }
    let name = String::from_utf8_lossy(lua.bytes(1)).into_owned();
    let process = cx.process();
    let source = lua.caller_source();
    let units = &process.units;
    let caller = units.iter().find(|loaded| loaded.source == source).or(units.first());
    let caller = caller.map(|loaded| loaded.unit.clone());
    let caller = caller.unwrap_or_else(|| process.program.unit.clone());
    if let Some(unit) = caller.imports.get(&name) {
        return require_unit(cx, lua, unit.clone(), &name);
    }
    let declared = match &caller.modules {
        None => true,
        Some(modules) => modules.contains(&name),
    };
    if declared || GLOBAL_MODULES.contains(&name.as_str()) {
        cx.push_shared(lua, cx.vm().places.modules);
        lua.copy(1);
        if lua.raw_get(-2) != LUA_TNIL {
            return Ok(1);
        }
        if declared && LATER_MODULES.contains(&name.as_str()) {
            return Err(Raise::text(format!("module '{name}' is not supported yet")));
        }
    }
    Err(Raise::text(format!("module '{name}' not found")))
}

fn require_unit(cx: Cx, lua: Lua, unit: Arc<Unit>, name: &str) -> Result<c_int, Raise> {
    let process = cx.process();
    let known = process.units.iter().find(|loaded| Arc::ptr_eq(&loaded.unit, &unit));
    match known.map(|loaded| &loaded.value) {
        Some(None) => return Err(Raise::text(format!("module '{name}' requires itself"))),
        Some(Some(value)) => {
            cx.push_held(lua, value);
            return Ok(1);
        }
        None => {}
    }
    if !lua.is_yieldable() {
        return Err(Error::invalid("cannot block inside a metamethod").into());
    }
    let (_, source) = load(cx, &unit.chunk).map_err(Raise::from)?;
    process.units.push(LoadedUnit { source, unit: unit.clone(), value: None });
    let thread = instance(cx, lua, &unit.chunk);
    cx.vm().op = Op::Require { unit, thread };
    Ok(lua.do_yield(lua.top()))
}

natives! {
    require_native = require;
    native_member_native = native_member;
}

/// Sets up `require`.
pub fn install(lua: Lua) {
    lua.push_function(require_native, c"require", 0);
    lua.raw_set_field(GLOBALS, c"require");
}

/// A function of an embedder's module: upvalues are module and member index.
fn native_member(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let (module, member) = (lua.number(upvalue(1)) as usize, lua.number(upvalue(2)) as usize);
    let modules = cx.vm().config.modules.clone();
    let Some((name, member)) =
        modules.get(module).and_then(|module| module.members.iter().nth(member))
    else {
        return Ok(0);
    };
    let arguments = match super::copy::take(cx, lua, 1, lua.top(), "argument", usize::MAX) {
        Ok(arguments) => arguments,
        Err(error) => return Ok(super::error::fail(lua, error)),
    };
    match member {
        Member::Sync(function) => match function(&caller(cx), arguments) {
            Ok(values) => Ok(super::copy::push_all(cx, lua, &values)),
            Err(error) => Ok(super::error::fail(lua, error)),
        },
        Member::Blocking(function) => {
            cx.may_block(lua, name)?;
            let (function, caller) = (function.clone(), caller(cx));
            super::waiting::operation(cx, lua, |kernel, slot, token| {
                let work = move || function(&caller, arguments);
                kernel.run_blocking(slot, Box::new(work), token);
            })
        }
        Member::Async(function) => {
            cx.may_block(lua, name)?;
            let function = function.clone();
            super::waiting::operation(cx, lua, |kernel, slot, token| {
                kernel.call_async(slot, function, arguments, token);
            })
        }
        Member::Constant(_) => Ok(0),
    }
}

/// The running process, as an embedder's function sees it.
fn caller(cx: Cx) -> crate::native::Caller {
    let process = cx.process();
    crate::native::Caller {
        pid: process.pid,
        pid_text: cx.kernel().pid_text(process.pid),
        id: process.program.id.clone(),
    }
}

/// Makes the tables of the embedder's modules.
pub fn install_native_modules(cx: Cx, lua: Lua) {
    let modules = cx.vm().config.modules.clone();
    for (module_index, module) in modules.iter().enumerate() {
        cx.push_shared(lua, cx.vm().places.modules);
        lua.push_str(&module.name);
        lua.new_table(0, module.members.len());
        for (index, (name, member)) in module.members.iter().enumerate() {
            lua.push_str(name);
            if let Member::Constant(values) = member {
                if !super::copy::push_first(cx, lua, values) {
                    lua.push_nil();
                }
            } else {
                lua.push_number(module_index as f64);
                lua.push_number(index as f64);
                lua.push_function(native_member_native, c"native", 2);
            }
            lua.raw_set(-3);
        }
        lua.set_readonly(-1, true);
        lua.raw_set(-3);
        lua.pop(1);
    }
}
