//! The globals that every process sees, and nothing else.
//!
//! Built once per VM: Luau's libraries without what could reach out of the
//! sandbox, our own in place of those that would block, starve or share state,
//! then everything frozen. A process has its own global table over these.

use std::ffi::{CStr, c_int};
use std::sync::OnceLock;

use luavisor_core::{Error, Kind};
use mlua_sys as sys;

use super::call::{Setup, push_function};
use super::context::Cx;
use super::error::Raise;
use super::lua::*;
use super::{channel, compile, coroutine, error, message, objects, send, shapes, units};
use crate::compile::Calls;

/// Largest string that one call may make.
const BYTES: f64 = 256.0 * 1024.0 * 1024.0;
/// Most elements that one call may make or walk.
const ELEMENTS: f64 = 1e7;

/// Globals of Luau that processes do not get.
const REMOVED: [&CStr; 12] = [
    c"getfenv",
    c"setfenv",
    c"newproxy",
    c"gcinfo",
    c"collectgarbage",
    c"loadstring",
    c"load",
    c"dofile",
    c"debug",
    c"os",
    c"_G",
    c"integer",
];

/// Fills the globals of a new VM.
pub fn install(cx: Cx, lua: Lua) {
    // SAFETY: the VM was just made; nothing else uses it.
    unsafe { sys::luaL_openlibs(lua.0) };
    lua.set_top(0);
    for name in REMOVED {
        lua.push_nil();
        lua.raw_set_field(GLOBALS, name);
    }
    tables(cx, lua);
    lua.push_function(assert_native, c"assert", 0);
    lua.raw_set_field(GLOBALS, c"assert");
    wrap_strings(lua);
    wrap_tables(lua);
    random(lua);
    error::install(lua, crate::modules::errors::METHODS);
    channel::install(cx, lua);
    coroutine::install(lua);
    units::install(lua);
    crate::modules::install(&mut Setup::new(cx, lua));
    message::install(cx, lua, crate::modules::payload::PART_METHODS);
    lua.push_str("process");
    lua.raw_get(GLOBALS);
    send::push(lua);
    lua.raw_set_field(-2, c"send");
    lua.set_top(0);
    prelude(lua);
    string_methods(lua);
    shapes::install(cx, lua);
    global_modules(cx, lua);
    units::install_native_modules(cx, lua);
    environment(cx, lua);
    // SAFETY: as above; freezes the libraries and the globals.
    unsafe { sys::luaL_sandbox(lua.0, 1) };
    freeze_modules(cx, lua);
    lua.set_top(0);
}

/// Tables, templates and keys that natives find by reference.
fn tables(cx: Cx, lua: Lua) {
    let shelf = cx.vm().shelf;
    let make = |array: usize| {
        lua.new_table(array, 0);
        shelf.put(lua)
    };
    let key = |text: &str| {
        lua.push_str(text);
        shelf.put(lua)
    };
    let places = &mut cx.vm().places;
    cx.vm().seats.threads = make(0);
    places.modules = make(0);
    for reason in super::event::REASONS {
        places.reasons[super::event::reason_index(reason)] = key(reason.as_str());
    }
    for (name, atom) in super::atoms::METHODS {
        super::atoms::pin(cx, lua, *atom, name.as_bytes());
    }
    lua.copy(GLOBALS);
    cx.vm().places.base = shelf.put(lua);
}

/// The metatables that put a process's globals over the base.
fn environment(cx: Cx, lua: Lua) {
    lua.new_table(0, 3);
    lua.copy(GLOBALS);
    lua.raw_set_field(-2, c"__index");
    lua.push_function(set_global_native, c"__newindex", 0);
    lua.raw_set_field(-2, c"__newindex");
    lua.push_str("locked");
    lua.raw_set_field(-2, c"__metatable");
    lua.set_readonly(-1, true);
    cx.vm().places.env_metatable = cx.vm().shelf.put(lua);
    // Only names that are nowhere else get here; `_G` is the process's own table.
    lua.copy(GLOBALS);
    lua.new_table(0, 2);
    lua.push_function(missing_global_native, c"__index", 0);
    lua.raw_set_field(-2, c"__index");
    lua.push_str("locked");
    lua.raw_set_field(-2, c"__metatable");
    lua.set_readonly(-1, true);
    lua.set_metatable(-2);
    lua.pop(1);
}

/// First assignment of a global. Overwriting a builtin switches off the
/// resolution of imports at load time, so that all chunks see the new value.
fn set_global(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    lua.set_top(3);
    cx.push_shared(lua, cx.vm().places.base);
    lua.copy(2);
    if lua.raw_get(-2) != LUA_TNIL {
        lua.set_safe_env(1, false);
    }
    cx.process().wrote_globals = true;
    lua.set_top(3);
    lua.raw_set(1);
    Ok(0)
}

/// `_G` is the process's own table. While a chunk is loaded, on the VM's main
/// thread, it is nothing: Luau would resolve it once for all processes.
fn missing_global(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(2) == LUA_TSTRING && lua.bytes(2) == b"_G" && lua != cx.vm().lua {
        lua.thread_globals();
    } else {
        lua.push_nil();
    }
    Ok(1)
}

/// Every function of `string` also takes an error object for a string.
fn wrap_strings(lua: Lua) {
    lua.push_str("string");
    lua.raw_get(GLOBALS);
    let library = lua.top();
    for name in [
        c"byte", c"find", c"format", c"gmatch", c"gsub", c"len", c"lower", c"match", c"rep",
        c"reverse", c"split", c"sub", c"upper",
    ] {
        lua.raw_get_field(library, name);
        lua.push_str(name.to_str().unwrap_or(""));
        lua.push_function(string_function_native, name, 2);
        lua.raw_set_field(library, name);
    }
    lua.set_top(0);
}

/// What `("text"):name()` finds: the library, and the constructor of types.
///
/// The constructor is reached through a literal because no program can change
/// what methods strings have, while it could shadow or overwrite any name. It is
/// no function of the library, so that nobody meets it there.
fn string_methods(lua: Lua) {
    lua.push_str("");
    lua.push_metatable(-1);
    lua.push_str("string");
    lua.raw_get(GLOBALS);
    lua.clone_table(-1);
    push_function(lua, &crate::modules::types::CONSTRUCTOR);
    lua.raw_set_field(-2, crate::modules::types::CONSTRUCTOR.name);
    lua.set_readonly(-1, true);
    lua.raw_set_field(2, c"__index");
    lua.set_top(0);
}

fn string_function(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    for index in 1..=lua.top() {
        if let Some(error) = error::at(lua, index) {
            let message = error.message.clone();
            lua.push_str(&message);
            lua.replace(index);
        }
    }
    match lua.bytes(upvalue(2)) {
        b"rep" => {
            let unit = lua.bytes(1).len() + lua.bytes(3).len();
            check(unit as f64 * lua.number(2), BYTES, "bytes")?;
        }
        b"split" => check(lua.bytes(1).len() as f64, ELEMENTS, "elements")?,
        b"format" => {
            let strings = (1..=lua.top()).filter(|index| lua.kind(*index) == LUA_TSTRING);
            check(strings.map(|index| lua.length(index) as f64).sum(), BYTES, "bytes")?;
        }
        _ => {}
    }
    original(cx, lua)
}

/// Calls the native that ours stands before.
fn original(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let _failing = super::memory::Failing::set(cx, true);
    match lua.native_function(upvalue(1)) {
        // SAFETY: a library function of this VM, called with its own arguments.
        Some(function) => Ok(unsafe { function(lua.0) }),
        None => Ok(0),
    }
}

fn check(size: f64, limit: f64, unit: &str) -> Result<(), Raise> {
    if size > limit {
        let message = format!("{size} {unit} in one call exceed the limit of {limit}");
        return Err(Error::new(Kind::LIMIT_EXCEEDED, message).into());
    }
    Ok(())
}

/// Functions that walk a whole table refuse tables that would take too long.
fn wrap_tables(lua: Lua) {
    lua.push_str("table");
    lua.raw_get(GLOBALS);
    let library = lua.top();
    for name in [
        c"clear", c"clone", c"concat", c"find", c"insert", c"maxn", c"move", c"remove", c"sort",
        c"unpack",
    ] {
        if lua.raw_get_field(library, name) == LUA_TNIL {
            lua.pop(1);
            continue;
        }
        let function = if name == c"concat" { concat_native } else { table_function_native };
        lua.push_function(function, name, 1);
        lua.raw_set_field(library, name);
    }
    for name in [c"foreach", c"foreachi", c"getn"] {
        lua.push_nil();
        lua.raw_set_field(library, name);
    }
    lua.push_function(create_table_native, c"create", 0);
    lua.raw_set_field(library, c"create");
    lua.set_top(0);
    lua.push_str("buffer");
    lua.raw_get(GLOBALS);
    lua.raw_get_field(-1, c"create");
    lua.push_function(create_buffer_native, c"create", 1);
    lua.raw_set_field(-2, c"create");
    lua.set_top(0);
}

fn table_function(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.is_table(1) {
        check(lua.length(1) as f64, ELEMENTS, "elements")?;
    }
    for index in 2..=4 {
        if lua.kind(index) == LUA_TNUMBER && lua.top() >= 4 {
            // table.move and table.concat take ranges.
            let span = (lua.number(3) - lua.number(2)).abs();
            if lua.kind(2) == LUA_TNUMBER && lua.kind(3) == LUA_TNUMBER {
                check(span, ELEMENTS, "elements")?;
            }
        }
    }
    original(cx, lua)
}

/// `table.concat`, once the size of its result is known to be bearable.
fn concat(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.is_table(1) {
        let count = lua.length(1);
        check(count as f64, ELEMENTS, "elements")?;
        let mut bytes = lua.bytes(2).len() as f64 * count as f64;
        for position in 1..=count {
            lua.raw_geti(1, position as c_int);
            if lua.kind(-1) == LUA_TSTRING {
                bytes += lua.length(-1) as f64;
            }
            lua.pop(1);
        }
        check(bytes, BYTES, "bytes")?;
    }
    original(cx, lua)
}

/// `table.create(n[, m])` reserves room and returns an empty table.
fn create_table(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    let size = |index| match lua.kind(index) {
        LUA_TNUMBER => Ok(lua.number(index)),
        kind if kind <= LUA_TNIL && index == 2 => Ok(0.0),
        _ => Err(Raise::argument(lua, index, "create", "number")),
    };
    let (array, hash) = (size(1)?, size(2)?);
    if !(array >= 0.0 && hash >= 0.0) {
        return Err(Raise::text("bad argument #1 to 'create' (size out of range)"));
    }
    check(array + hash, ELEMENTS, "elements")?;
    lua.new_table(array as usize, hash as usize);
    Ok(1)
}

fn create_buffer(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(1) == LUA_TNUMBER {
        check(lua.number(1), BYTES, "bytes")?;
    }
    original(cx, lua)
}

/// Each process has a random state of its own.
fn random(lua: Lua) {
    lua.push_str("math");
    lua.raw_get(GLOBALS);
    let natives = [
        (c"random", random_native as CFunction),
        (c"randomseed", seed_native),
        (c"type", math_type_native),
        (c"tointeger", to_integer_native),
    ];
    objects::add_natives(lua, &natives);
    lua.set_top(0);
}

/// SplitMix64 (Steele, Lea, Flood 2014).
fn next_random(cx: Cx) -> u64 {
    let state = &mut cx.process().random;
    *state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut z = *state;
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn random_number(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let unit = (next_random(cx) >> 11) as f64 / (1u64 << 53) as f64;
    for index in 1..=lua.top().min(2) {
        if lua.kind(index) != LUA_TNUMBER {
            return Err(Raise::argument(lua, index, "random", "number"));
        }
    }
    let (low, high) = match lua.top() {
        0 => {
            lua.push_number(unit);
            return Ok(1);
        }
        1 => (1.0, lua.number(1).floor()),
        2 => (lua.number(1).floor(), lua.number(2).floor()),
        _ => return Err(Raise::text("wrong number of arguments")),
    };
    let span = high - low + 1.0;
    if !(span >= 1.0 && span <= 2f64.powi(53)) {
        let index = lua.top();
        return Err(Raise::text(format!("bad argument #{index} to 'random' (interval is empty)")));
    }
    lua.push_number(low + (unit * span).floor());
    Ok(1)
}

fn seed(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(1) != LUA_TNUMBER {
        return Err(Raise::argument(lua, 1, "randomseed", "number"));
    }
    cx.process().random = lua.number(1).to_bits() ^ 0x5851_f42d_4c95_7f2d;
    Ok(0)
}

/// `assert(value[, message])`: the message may be an error object, which is raised as it is.
fn assert(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.top() == 0 {
        return Err(Raise::argument(lua, 1, "assert", "value"));
    }
    if lua.boolean(1) {
        return Ok(lua.top());
    }
    if lua.top() < 2 {
        return Err(Raise::Plain("assertion failed!".to_owned()));
    }
    match error::at(lua, 2) {
        Some(error) => Err(Raise::from((**error).clone())),
        None => Err(Raise::Plain(String::from_utf8_lossy(lua.to_text(2)).into_owned())),
    }
}

fn math_type(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.top() == 0 {
        return Err(Raise::argument(lua, 1, "type", "value"));
    }
    match lua.kind(1) {
        LUA_TNUMBER if lua.number(1).fract() == 0.0 => lua.push_str("integer"),
        LUA_TNUMBER => lua.push_str("float"),
        _ => lua.push_nil(),
    }
    Ok(1)
}

fn to_integer(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    match lua.kind(1) {
        LUA_TNUMBER | LUA_TSTRING => match lua.to_number(1).filter(|n| n.fract() == 0.0) {
            Some(number) => lua.push_number(number),
            None => lua.push_nil(),
        },
        _ => lua.push_nil(),
    }
    Ok(1)
}

/// Raw length of a table, for the prelude.
fn count(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    check(lua.length(1) as f64, ELEMENTS, "elements")?;
    lua.push_number(lua.length(1) as f64);
    Ok(1)
}

/// A string or an error's message, for the prelude.
fn text(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    match (error::at(lua, 1), lua.kind(1)) {
        (Some(error), _) => lua.push_str(&error.message),
        (None, LUA_TSTRING) => lua.copy(1),
        (None, LUA_TNUMBER) => {
            lua.copy(1);
            lua.bytes(-1);
        }
        _ => return Err(Raise::argument(lua, 1, "gsub", "string")),
    }
    Ok(1)
}

natives! {
    set_global_native = set_global;
    missing_global_native = missing_global;
    string_function_native = string_function;
    table_function_native = table_function;
    concat_native = concat;
    create_table_native = create_table;
    create_buffer_native = create_buffer;
    random_native = random_number;
    seed_native = seed;
    assert_native = assert;
    math_type_native = math_type;
    to_integer_native = to_integer;
    count_native = count;
    text_native = text;
}

/// Replaces library functions that take callbacks by preemptible ones.
fn prelude(lua: Lua) {
    static BYTECODE: OnceLock<Box<[u8]>> = OnceLock::new();
    let bytecode = BYTECODE.get_or_init(|| {
        compile::compile(include_bytes!("prelude.luau"), Calls::Inlined).unwrap_or_default()
    });
    lua.new_table(0, 8);
    for (library, names) in
        [("table", &[c"sort", c"create"][..]), ("string", &[c"gsub", c"find", c"sub", c"byte"][..])]
    {
        lua.push_str(library);
        lua.raw_get(GLOBALS);
        for name in names {
            lua.raw_get_field(-1, name);
            lua.raw_set_field(-3, name);
        }
        lua.pop(1);
    }
    lua.push_function(count_native, c"count", 0);
    lua.raw_set_field(-2, c"count");
    lua.push_function(text_native, c"text", 0);
    lua.raw_set_field(-2, c"text");
    if !lua.load(c"=[prelude]", bytecode) {
        // The prelude is part of the program and compiled by its tests.
        debug_assert!(false, "{}", String::from_utf8_lossy(lua.bytes(-1)));
        return;
    }
    lua.insert(1);
    lua.call(1, 2);
    lua.push_str("string");
    lua.raw_get(GLOBALS);
    lua.insert(-2);
    lua.raw_set_field(-2, c"gsub");
    lua.pop(1);
    lua.push_str("table");
    lua.raw_get(GLOBALS);
    lua.insert(-2);
    lua.raw_set_field(-2, c"sort");
    lua.set_top(0);
}

/// The global libraries may also be required.
fn global_modules(cx: Cx, lua: Lua) {
    cx.push_shared(lua, cx.vm().places.modules);
    for name in [
        c"payload",
        c"process",
        c"channel",
        c"errors",
        c"os",
        c"string",
        c"table",
        c"math",
        c"coroutine",
        c"utf8",
        c"bit32",
        c"buffer",
    ] {
        lua.push_str(name.to_str().unwrap_or(""));
        lua.raw_get(GLOBALS);
        lua.raw_set_field(-2, name);
    }
    lua.set_top(0);
}

/// Module tables that are no globals are frozen here.
fn freeze_modules(cx: Cx, lua: Lua) {
    cx.push_shared(lua, cx.vm().places.modules);
    let modules = lua.top();
    let mut at = 0;
    while let Some(next) = lua.raw_iter(modules, at) {
        at = next;
        if lua.is_table(-1) {
            lua.set_readonly(-1, true);
        }
        lua.pop(2);
    }
    lua.set_top(0);
}
