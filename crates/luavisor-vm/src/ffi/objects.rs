//! Classes of userdata and libraries of functions.
//!
//! Every class has a tag; the tag says which Rust type the userdata holds. A
//! method is reachable as `object:method()` and as the field `object.method`.
//! Metatables are locked and read-only, so a process can change none of what it
//! shares with others.

use std::ffi::{CStr, c_int, c_void};
use std::sync::Arc;

use luavisor_core::security::{Actor, Policy, Scope};
use luavisor_core::value::{Instant, Payload, Zone};
use luavisor_core::{Error, Object, Pid};

use super::call::{self, Function};
use super::context::{DeadChannel, VmContext};
use super::error;
use super::lua::*;
use super::process::ChannelId;

/// Tags of the classes whose objects may cross process boundaries.
pub mod tags {
    use std::ffi::c_int;
    pub const TIME: c_int = 10;
    pub const DURATION: c_int = 11;
    pub const LOCATION: c_int = 12;
    pub const PAYLOAD: c_int = 13;
    pub const TIMER: c_int = 14;
    pub const TICKER: c_int = 15;
    pub const BUILDER: c_int = 16;
    pub const LOGGER: c_int = 17;
    pub const TYPE: c_int = 18;
    pub const LISTING: c_int = 19;
    pub const EXECUTOR: c_int = 20;
    pub const FUTURE: c_int = 21;
    pub const SUBSCRIPTION: c_int = 22;
    pub const SNAPSHOT: c_int = 23;
    pub const CHANGES: c_int = 24;
    pub const VERSION: c_int = 25;
    pub const HISTORY: c_int = 26;
    pub const REGEXP: c_int = 27;
    pub const DIFFER: c_int = 28;
    pub const SPLITTER: c_int = 29;
    pub const ACTOR: c_int = 30;
    pub const SCOPE: c_int = 31;
    pub const POLICY: c_int = 32;
    pub const STORE: c_int = 33;
    pub const TOKEN_STORE: c_int = 34;
    pub const PROGRAM: c_int = 35;
    pub const VOLUME: c_int = 36;
    pub const DIRECTORY_ENTRIES: c_int = 37;
    pub const FILE: c_int = 38;
    pub const SCANNER: c_int = 39;
    pub const TEMPLATE_SET: c_int = 40;
}

/// Makes a class with raw natives.
pub fn class(
    lua: Lua,
    tag: c_int,
    name: &'static str,
    namecall: CFunction,
    methods: &[(&'static CStr, CFunction)],
    metamethods: &[(&'static CStr, CFunction)],
) {
    lua.reserve(6);
    lua.new_table(0, 4);
    lua.new_table(0, methods.len());
    add_natives(lua, methods);
    lua.set_readonly(-1, true);
    lua.raw_set_field(-2, c"__index");
    lua.push_function(namecall, c"__namecall", 0);
    lua.raw_set_field(-2, c"__namecall");
    add_natives(lua, metamethods);
    seal(lua, tag, name);
}

/// Makes raw natives fields of the table on top.
pub fn add_natives<'a>(
    lua: Lua,
    natives: impl IntoIterator<Item = &'a (&'static CStr, CFunction)>,
) {
    for (name, function) in natives {
        lua.push_function(*function, name, 0);
        lua.raw_set_field(-2, name);
    }
}

/// Makes a class of cold objects that hold a `T`. Names starting with `__` are metamethods.
pub fn data_class<T>(
    lua: Lua,
    tag: c_int,
    name: &'static str,
    methods: &'static [Function],
    natives: &[(&'static CStr, CFunction)],
) {
    lua.reserve(6);
    lua.new_table(0, 4);
    lua.new_table(0, methods.len());
    add_natives(lua, natives.iter().filter(|(name, _)| !is_metamethod(name)));
    for function in methods.iter().filter(|f| !is_metamethod(f.name)) {
        call::push_function(lua, function);
        lua.raw_set_field(-2, function.name);
    }
    lua.set_readonly(-1, true);
    lua.raw_set_field(-2, c"__index");
    for function in methods.iter().filter(|f| is_metamethod(f.name)) {
        call::push_function(lua, function);
        lua.raw_set_field(-2, function.name);
    }
    add_natives(lua, natives.iter().filter(|(name, _)| is_metamethod(name)));
    seal(lua, tag, name);
    lua.set_tag_destructor(tag, destructor::<T>);
}

fn is_metamethod(name: &CStr) -> bool {
    name.to_bytes().starts_with(b"__")
}

/// Content of an object that owns a channel.
pub trait Owner {
    /// the process, and its channel
    fn channel(&self) -> (Pid, ChannelId);
}

/// Makes a class of cold objects that own a channel; it ends with its last object.
pub fn owner_class<T: Owner>(
    lua: Lua,
    tag: c_int,
    name: &'static str,
    methods: &'static [Function],
) {
    data_class::<T>(lua, tag, name, methods, &[]);
    lua.set_tag_destructor(tag, owner_destructor::<T>);
}

unsafe extern "C" fn owner_destructor<T: Owner>(lua: *mut mlua_sys::lua_State, data: *mut c_void) {
    // SAFETY: the tag stands for `T`; the context outlives the VM, and only its
    // list of the dead is touched.
    unsafe {
        let (pid, id) = (*data.cast::<T>()).channel();
        data.cast::<T>().drop_in_place();
        let vm = (*mlua_sys::lua_callbacks(lua)).userdata.cast::<VmContext>();
        (*vm).dead.push(DeadChannel { pid, id });
    }
}

/// Names, locks and freezes the metatable on top and gives it to the tag.
fn seal(lua: Lua, tag: c_int, name: &str) {
    lua.push_str(name);
    lua.raw_set_field(-2, c"__type");
    lua.push_str("locked");
    lua.raw_set_field(-2, c"__metatable");
    lua.set_readonly(-1, true);
    lua.make_ref(-1);
    lua.set_tag_metatable(tag);
}

unsafe extern "C" fn destructor<T>(_: *mut mlua_sys::lua_State, data: *mut c_void) {
    // SAFETY: the tag that this destructor belongs to stands for `T`.
    unsafe { data.cast::<T>().drop_in_place() }
}

/// Makes a global library of raw natives.
pub fn library(lua: Lua, name: &'static CStr, functions: &[(&'static CStr, CFunction)]) {
    lua.reserve(4);
    lua.new_table(0, functions.len());
    add_natives(lua, functions);
    lua.raw_set_field(GLOBALS, name);
}

/// Pushes an object that came from outside the VM.
pub fn push(lua: Lua, object: &Object) {
    lua.reserve(1);
    match object {
        Object::Error(error) => error::push(lua, error),
        Object::Time(time) => lua.new_userdata(tags::TIME, time.clone()),
        Object::Duration(nanos) => lua.new_userdata(tags::DURATION, *nanos),
        Object::Location(zone) => lua.new_userdata(tags::LOCATION, zone.clone()),
        Object::Payload(payload) => lua.new_userdata(tags::PAYLOAD, payload.clone()),
        Object::Actor(actor) => lua.new_userdata(tags::ACTOR, actor.clone()),
        Object::Scope(scope) => lua.new_userdata(tags::SCOPE, scope.clone()),
        Object::Policy(policy) => lua.new_userdata(tags::POLICY, policy.clone()),
    }
}

/// The object at `index`, if it is of a class that may cross process boundaries.
pub fn at(lua: Lua, index: c_int) -> Option<Object> {
    Some(match lua.userdata_tag(index) {
        error::TAG => Object::Error(lua.userdata::<Arc<Error>>(index, error::TAG)?.clone()),
        tags::TIME => Object::Time(lua.userdata::<Instant>(index, tags::TIME)?.clone()),
        tags::DURATION => Object::Duration(*lua.userdata::<i64>(index, tags::DURATION)?),
        tags::LOCATION => Object::Location(lua.userdata::<Zone>(index, tags::LOCATION)?.clone()),
        tags::PAYLOAD => {
            Object::Payload(lua.userdata::<Arc<Payload>>(index, tags::PAYLOAD)?.clone())
        }
        tags::ACTOR => Object::Actor(lua.userdata::<Arc<Actor>>(index, tags::ACTOR)?.clone()),
        tags::SCOPE => Object::Scope(lua.userdata::<Arc<Scope>>(index, tags::SCOPE)?.clone()),
        tags::POLICY => Object::Policy(lua.userdata::<Arc<Policy>>(index, tags::POLICY)?.clone()),
        super::message::PAYLOAD_TAG => Object::Payload(super::message::payload_of(lua, index)?),
        _ => return None,
    })
}

/// Whether the userdata at `index` may be shared between processes of one VM as it is.
pub fn is_shareable(lua: Lua, index: c_int) -> bool {
    is_shareable_tag(lua.userdata_tag(index))
}

/// The same by the tag.
pub fn is_shareable_tag(tag: c_int) -> bool {
    matches!(tag, error::TAG | tags::TIME..=tags::PAYLOAD | tags::ACTOR..=tags::POLICY)
}
