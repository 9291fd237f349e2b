//! A read-only view of tables where they lie.
//!
//! Luau's API pushes every key and value on a stack to look at it, which made
//! half the price of a message with a small table. This view reads the table
//! itself. It never writes, and it is used only while nothing allocates, so
//! that the collector cannot run meanwhile.
//!
//! The layouts mirror `lobject.h` of the Luau that `mlua-sys` brings. [`known`]
//! compares them once with tables that were made through the API; should they
//! differ one day, copying goes through the API again.

use std::ffi::{c_int, c_void};
use std::sync::OnceLock;

use super::lua::*;

/// A value in a table.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Slot {
    value: Raw,
    extra: c_int,
    kind: c_int,
}

#[repr(C)]
#[derive(Clone, Copy)]
union Raw {
    number: f64,
    boolean: c_int,
    vector: [f32; 2],
    object: *const c_void,
}

#[repr(C)]
#[derive(Clone, Copy)]
struct Key {
    value: Raw,
    extra: c_int,
    /// the type in the lowest 4 bits, the next node of the chain in the others
    kind_and_next: u32,
}

/// An entry of a table's hash part.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Node {
    pub value: Slot,
    key: Key,
}

#[repr(C)]
struct Header {
    kind: u8,
    marked: u8,
    category: u8,
}

/// A table.
#[repr(C)]
pub struct Table {
    header: Header,
    absent_metamethods: u8,
    readonly: u8,
    safe_env: u8,
    log2_nodes: u8,
    node_mask: u8,
    array_length: c_int,
    last_free: c_int,
    metatable: *const Table,
    array: *const Slot,
    nodes: *const Node,
    gray: *const c_void,
}

#[repr(C)]
struct Text {
    header: Header,
    atom: i16,
    next: *const Text,
    hash: u32,
    length: u32,
    data: [u8; 0],
}

#[repr(C)]
struct Userdata {
    header: Header,
    tag: u8,
    length: c_int,
    metatable: *const Table,
    data: [u64; 0],
}

// SAFETY of every block below: the table, string or userdata is alive, because a
// stack holds what leads to it, and has the layout that `known` has checked.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Table {
    /// The table at `index`, if there is one and the layouts are known.
    pub fn at<'a>(lua: Lua, index: c_int) -> Option<&'a Table> {
        if !known() || !lua.is_table(index) {
            return None;
        }
        unsafe { lua.address(index).cast::<Table>().as_ref() }
    }

    pub fn array(&self) -> &[Slot] {
        match self.array.is_null() {
            true => &[],
            false => unsafe { std::slice::from_raw_parts(self.array, self.array_length as usize) },
        }
    }

    /// The hash part; entries whose value is nil are free.
    pub fn nodes(&self) -> &[Node] {
        unsafe { std::slice::from_raw_parts(self.nodes, 1 << self.log2_nodes) }
    }

    /// Whether it has `length` places for keys from 1 on, and no other keys.
    pub fn is_list(&self, length: usize) -> bool {
        let unused = |node: &Node| node.value.kind() == LUA_TNIL;
        self.array_length as usize == length && self.nodes().iter().all(unused)
    }

    fn metatable(&self) -> Option<&Table> {
        unsafe { self.metatable.as_ref() }
    }

    /// Whether the collector may take entries out of it.
    pub fn is_weak(&self) -> bool {
        let Some(metatable) = self.metatable() else { return false };
        metatable.nodes().iter().any(|node| {
            let key = node.key();
            node.value.kind() != LUA_TNIL && key.kind() == LUA_TSTRING && key.bytes() == b"__mode"
        })
    }
}

#[allow(clippy::undocumented_unsafe_blocks)]
impl Slot {
    /// The type, as `lua_type` numbers them.
    pub fn kind(&self) -> c_int {
        self.kind
    }

    /// Of a number.
    pub fn number(&self) -> f64 {
        unsafe { self.value.number }
    }

    /// Of a boolean.
    pub fn boolean(&self) -> bool {
        unsafe { self.value.boolean != 0 }
    }

    /// Of a vector.
    pub fn vector(&self) -> [f32; 3] {
        let [x, y] = unsafe { self.value.vector };
        [x, y, f32::from_bits(self.extra as u32)]
    }

    /// Of a string.
    pub fn bytes(&self) -> &[u8] {
        unsafe {
            let text = self.value.object.cast::<Text>();
            let data = (&raw const (*text).data).cast::<u8>();
            std::slice::from_raw_parts(data, (*text).length as usize)
        }
    }

    /// Of a string, for as long as the value that it was reached from is held.
    pub fn text<'a>(&self) -> &'a [u8] {
        let bytes = self.bytes();
        unsafe { std::slice::from_raw_parts(bytes.as_ptr(), bytes.len()) }
    }

    /// Of a table.
    pub fn table<'a>(&self) -> &'a Table {
        unsafe { &*self.value.object.cast::<Table>() }
    }

    /// Of a userdata.
    pub fn tag(&self) -> c_int {
        unsafe { c_int::from((*self.value.object.cast::<Userdata>()).tag) }
    }

    /// What a userdata holds.
    pub fn content(&self) -> *const c_void {
        unsafe { (&raw const (*self.value.object.cast::<Userdata>()).data).cast() }
    }

    /// Of a userdata.
    pub fn metatable<'a>(&self) -> Option<&'a Table> {
        unsafe { (*self.value.object.cast::<Userdata>()).metatable.as_ref() }
    }
}

impl Node {
    /// Its key as a value.
    pub fn key(&self) -> Slot {
        let kind = (self.key.kind_and_next & 15) as c_int;
        Slot { value: self.key.value, extra: self.key.extra, kind }
    }
}

/// Whether the layouts are those of this Luau.
///
/// They are compared in a state of their own: in the VM that happens to ask first,
/// addresses would be others than in those that come later, and a simulation would
/// not be the same twice in one process.
pub fn known() -> bool {
    static KNOWN: OnceLock<bool> = OnceLock::new();
    *KNOWN.get_or_init(|| {
        // SAFETY: the state is fresh, used here alone and closed; `probe` keeps within
        // the room that it reserves.
        unsafe {
            let state = mlua_sys::luaL_newstate();
            if state.is_null() {
                return false;
            }
            let lua = Lua(state);
            lua.reserve(2);
            lua.new_table(0, 0);
            lua.set_tag_metatable(super::objects::tags::DURATION);
            let fits = probe(lua);
            mlua_sys::lua_close(state);
            fits
        }
    })
}

/// Makes a table with everything in it and reads it.
fn probe(lua: Lua) -> bool {
    const LIST: c_int = 4;
    let sizes = size_of::<Slot>() == 16 && size_of::<Node>() == 32 && size_of::<Table>() == 48;
    if !sizes {
        return false;
    }
    lua.reserve(12);
    lua.new_table(LIST as usize, 0);
    let root = lua.top();
    lua.push_number(2.5);
    lua.push_boolean(true);
    lua.push_str("some text");
    lua.push_vector([1.0, 2.0, 3.0]);
    for place in (1..=LIST).rev() {
        lua.raw_seti(root, place);
    }
    lua.new_table(0, 1);
    let inner = lua.address(-1);
    lua.raw_set_field(root, c"inner");
    lua.new_userdata(super::objects::tags::DURATION, 7_i64);
    let (content, metatable) = (lua.address(-1), lua.metatable_address(-1));
    lua.raw_set_field(root, c"userdata");
    lua.push_number(-1.0);
    lua.push_boolean(false);
    lua.raw_set(root);
    // SAFETY: if the layout of the head differs, the checks of sizes above or of
    // the list below fail before anything is followed.
    let table = unsafe { &*lua.address(root).cast::<Table>() };
    let head = table.header.kind == LUA_TTABLE as u8
        && table.array_length == LIST
        && table.log2_nodes == 2
        && table.metatable.is_null()
        && !table.array.is_null();
    if !head {
        return false;
    }
    let list = table.array();
    let listed = list[0].kind() == LUA_TNUMBER
        && list[0].number() == 2.5
        && list[1].kind() == LUA_TBOOLEAN
        && list[1].boolean()
        && list[2].kind() == LUA_TSTRING
        && list[2].bytes() == b"some text"
        && list[3].kind() == LUA_TVECTOR
        && list[3].vector() == [1.0, 2.0, 3.0];
    let mut found = 0;
    for node in table.nodes().iter().filter(|_| listed) {
        let (key, value) = (node.key(), node.value);
        let fits = match (value.kind(), key.kind()) {
            (LUA_TNIL, _) => continue,
            (LUA_TTABLE, LUA_TSTRING) => {
                key.bytes() == b"inner" && std::ptr::from_ref(value.table()).cast() == inner
            }
            (LUA_TUSERDATA, LUA_TSTRING) => {
                let own = value.metatable().map_or(std::ptr::null(), std::ptr::from_ref);
                key.bytes() == b"userdata"
                    && value.tag() == super::objects::tags::DURATION
                    && value.content() == content
                    && own.cast() == metatable
            }
            (LUA_TBOOLEAN, LUA_TNUMBER) => key.number() == -1.0 && !value.boolean(),
            _ => false,
        };
        found += usize::from(fits);
    }
    let strong = !table.is_weak();
    lua.new_table(0, 1);
    lua.push_str("v");
    lua.raw_set_field(-2, c"__mode");
    lua.set_metatable(root);
    found == 3 && strong && table.is_weak()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without it everything works, and copying tables takes twice as long.
    #[test]
    fn the_layouts_are_those_of_this_luau() {
        assert!(known());
    }
}
