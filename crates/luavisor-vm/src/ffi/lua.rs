//! A thin, typed view of one Luau thread's stack.
//!
//! [`Lua`] wraps a `lua_State` pointer so that the rest of this module reads
//! like Rust. Its methods are safe to *call* under one contract that every user
//! inside `ffi` keeps: the pointer is a live thread of the VM that is being run
//! on this OS thread, and indices are positions that the caller put there. Every
//! push makes room for itself; one that would make a stack larger than a million
//! values raises, so whoever pushes outside of a protected call on a stack that a
//! program may have filled calls [`Lua::reserve`] first, which has no such limit.
//!
//! Many calls may raise a Lua error (running out of memory is one); it unwinds
//! through Rust frames as a foreign exception and runs their destructors.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;

use mlua_sys as sys;

/// A native function as Luau calls it.
pub type CFunction = unsafe extern "C-unwind" fn(*mut sys::lua_State) -> c_int;

/// Type of a Lua value, as `lua_type` numbers them.
pub use sys::{
    LUA_TBOOLEAN, LUA_TBUFFER, LUA_TFUNCTION, LUA_TNIL, LUA_TNUMBER, LUA_TSTRING, LUA_TTABLE,
    LUA_TTHREAD, LUA_TUSERDATA, LUA_TVECTOR,
};

/// Index of the thread's global table.
pub const GLOBALS: c_int = sys::LUA_GLOBALSINDEX;

/// Index of upvalue `i` (from 1) of the running native function.
pub const fn upvalue(i: c_int) -> c_int {
    sys::lua_upvalueindex(i)
}

/// One thread of a VM. See the module's contract.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lua(pub *mut sys::lua_State);

/// What a resume came to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Resumed {
    /// the function returned
    Returned,
    /// it yielded
    Yielded,
    /// it raised; the error is on top of the stack
    Raised,
}

// SAFETY of every block below: the contract in the module's header.
#[allow(clippy::undocumented_unsafe_blocks)]
impl Lua {
    pub fn top(self) -> c_int {
        unsafe { sys::lua_gettop(self.0) }
    }
    pub fn set_top(self, top: c_int) {
        unsafe { sys::lua_settop(self.0, top) }
    }
    pub fn pop(self, n: c_int) {
        unsafe { sys::lua_settop(self.0, -n - 1) }
    }
    /// Makes room for `n` more values.
    pub fn reserve(self, n: c_int) {
        unsafe { sys::lua_rawcheckstack(self.0, n) }
    }
    /// Makes room for `n` more values; false if the stack would grow too large.
    pub fn try_reserve(self, n: c_int) -> bool {
        unsafe { sys::lua_checkstack(self.0, n) != 0 }
    }
    pub fn absolute(self, index: c_int) -> c_int {
        unsafe { sys::lua_absindex(self.0, index) }
    }
    pub fn copy(self, index: c_int) {
        unsafe { sys::lua_pushvalue(self.0, index) }
    }
    pub fn remove(self, index: c_int) {
        unsafe { sys::lua_remove(self.0, index) }
    }
    pub fn insert(self, index: c_int) {
        unsafe { sys::lua_insert(self.0, index) }
    }
    pub fn replace(self, index: c_int) {
        unsafe { sys::lua_replace(self.0, index) }
    }
    /// Moves the top `n` values to another thread of the same VM.
    pub fn move_to(self, to: Lua, n: c_int) {
        unsafe { sys::lua_xmove(self.0, to.0, n) }
    }
    /// Pushes a copy of a value of this thread on another of the same VM.
    pub fn copy_to(self, to: Lua, index: c_int) {
        unsafe { sys::lua_xpush(self.0, to.0, index) }
    }

    pub fn kind(self, index: c_int) -> c_int {
        unsafe { sys::lua_type(self.0, index) }
    }
    pub fn is_nil(self, index: c_int) -> bool {
        self.kind(index) == LUA_TNIL
    }
    /// Nothing there, or nil.
    pub fn is_none_or_nil(self, index: c_int) -> bool {
        self.kind(index) <= LUA_TNIL
    }
    pub fn is_function(self, index: c_int) -> bool {
        self.kind(index) == LUA_TFUNCTION
    }
    pub fn is_table(self, index: c_int) -> bool {
        self.kind(index) == LUA_TTABLE
    }
    /// Name of the value's type; "no value" beyond the top.
    pub fn type_name(self, index: c_int) -> &'static str {
        let name = unsafe { CStr::from_ptr(sys::luaL_typename(self.0, index)) };
        name.to_str().unwrap_or("value")
    }
    pub fn number(self, index: c_int) -> f64 {
        unsafe { sys::lua_tonumberx(self.0, index, ptr::null_mut()) }
    }
    /// A number, or a string that reads as one.
    pub fn to_number(self, index: c_int) -> Option<f64> {
        let mut is_number = 0;
        let number = unsafe { sys::lua_tonumberx(self.0, index, &mut is_number) };
        (is_number != 0).then_some(number)
    }
    pub fn boolean(self, index: c_int) -> bool {
        unsafe { sys::lua_toboolean(self.0, index) != 0 }
    }
    pub fn vector(self, index: c_int) -> [f32; 3] {
        unsafe {
            let v = sys::lua_tovector(self.0, index);
            if v.is_null() { [0.0; 3] } else { [*v, *v.add(1), *v.add(2)] }
        }
    }
    /// The bytes of a string value. They live as long as the value does: the
    /// caller keeps it on the stack while it looks at them.
    pub fn bytes<'a>(self, index: c_int) -> &'a [u8] {
        unsafe {
            let mut len = 0;
            let text = sys::lua_tolstring(self.0, index, &mut len);
            if text.is_null() { &[] } else { std::slice::from_raw_parts(text.cast(), len) }
        }
    }
    /// A string's address, bytes and atom.
    pub fn atom<'a>(self, index: c_int) -> (*const c_char, &'a [u8], i16) {
        unsafe {
            let (mut len, mut atom) = (0, -1);
            let text = sys::lua_tolstringatom(self.0, index, &mut len, &mut atom);
            if text.is_null() {
                return (text, &[], -1);
            }
            (text, std::slice::from_raw_parts(text.cast(), len), atom as i16)
        }
    }
    /// The method name of the running `__namecall`, as its atom and text.
    pub fn namecall<'a>(self) -> (i16, &'a [u8]) {
        unsafe {
            let mut atom = -1;
            let text = sys::lua_namecallatom(self.0, &mut atom);
            let text = if text.is_null() { &[] } else { CStr::from_ptr(text).to_bytes() };
            (atom as i16, text)
        }
    }
    pub fn buffer<'a>(self, index: c_int) -> &'a mut [u8] {
        unsafe {
            let mut len = 0;
            let data = sys::lua_tobuffer(self.0, index, &mut len);
            if data.is_null() || len == 0 {
                return &mut [];
            }
            std::slice::from_raw_parts_mut(data.cast(), len)
        }
    }
    /// Identity of a table, function, thread, userdata or string.
    pub fn address(self, index: c_int) -> *const c_void {
        unsafe { sys::lua_topointer(self.0, index) }
    }
    /// Length of a table or string, without metamethods.
    pub fn length(self, index: c_int) -> usize {
        unsafe { sys::lua_objlen_(self.0, index) as usize }
    }
    pub fn thread(self, index: c_int) -> Lua {
        unsafe { Lua(sys::lua_tothread(self.0, index)) }
    }

    pub fn push_nil(self) {
        unsafe { sys::lua_pushnil(self.0) }
    }
    pub fn push_boolean(self, value: bool) {
        unsafe { sys::lua_pushboolean(self.0, value as c_int) }
    }
    pub fn push_number(self, value: f64) {
        unsafe { sys::lua_pushnumber(self.0, value) }
    }
    pub fn push_vector(self, v: [f32; 3]) {
        unsafe { sys::lua_pushvector(self.0, v[0], v[1], v[2]) }
    }
    pub fn push_bytes(self, value: &[u8]) {
        unsafe { sys::lua_pushlstring_(self.0, value.as_ptr().cast(), value.len()) }
    }
    pub fn push_str(self, value: &str) {
        self.push_bytes(value.as_bytes())
    }
    pub fn push_buffer(self, value: &[u8]) {
        unsafe {
            let data: *mut u8 = sys::lua_newbuffer(self.0, value.len()).cast();
            ptr::copy_nonoverlapping(value.as_ptr(), data, value.len());
        }
    }
    /// Pushes a native closure over the top `upvalues` values, which it pops.
    pub fn push_function(self, function: CFunction, name: &'static CStr, upvalues: c_int) {
        unsafe { sys::lua_pushcclosurek(self.0, function, name.as_ptr(), upvalues, None) }
    }
    pub fn push_pointer(self, pointer: *mut c_void) {
        unsafe { sys::lua_pushlightuserdatatagged(self.0, pointer, 0) }
    }
    pub fn pointer(self, index: c_int) -> *mut c_void {
        unsafe { sys::lua_touserdata(self.0, index) }
    }
    /// Pushes the thread's own global table.
    pub fn thread_globals(self) {
        unsafe { sys::lua_pushvalue(self.0, GLOBALS) }
    }
    pub fn push_self(self) {
        unsafe { sys::lua_pushthread(self.0) };
    }

    pub fn new_table(self, array: usize, hash: usize) {
        unsafe { sys::lua_createtable(self.0, array as c_int, hash as c_int) }
    }
    pub fn clone_table(self, index: c_int) {
        unsafe { sys::lua_clonetable(self.0, index) }
    }
    pub fn raw_get(self, table: c_int) -> c_int {
        unsafe { sys::lua_rawget(self.0, table) }
    }
    pub fn raw_set(self, table: c_int) {
        unsafe { sys::lua_rawset(self.0, table) }
    }
    pub fn raw_geti(self, table: c_int, n: c_int) -> c_int {
        unsafe { sys::lua_rawgeti_(self.0, table, n) }
    }
    pub fn raw_seti(self, table: c_int, n: c_int) {
        unsafe { sys::lua_rawseti_(self.0, table, n) }
    }
    pub fn raw_get_field(self, table: c_int, name: &CStr) -> c_int {
        unsafe { sys::lua_rawgetfield(self.0, table, name.as_ptr()) }
    }
    pub fn raw_set_field(self, table: c_int, name: &CStr) {
        unsafe { sys::lua_rawsetfield(self.0, table, name.as_ptr()) }
    }
    /// Iterates a table without metamethods: pushes key and value and returns the next position.
    pub fn raw_iter(self, table: c_int, at: c_int) -> Option<c_int> {
        let next = unsafe { sys::lua_rawiter(self.0, table, at) };
        (next >= 0).then_some(next)
    }
    pub fn set_readonly(self, table: c_int, readonly: bool) {
        unsafe { sys::lua_setreadonly(self.0, table, readonly as c_int) }
    }
    pub fn set_safe_env(self, table: c_int, safe: bool) {
        unsafe { sys::lua_setsafeenv(self.0, table, safe as c_int) }
    }
    pub fn set_metatable(self, index: c_int) {
        unsafe { sys::lua_setmetatable(self.0, index) };
    }
    /// Pushes the metatable of the value at `index`, which has one.
    pub fn push_metatable(self, index: c_int) {
        unsafe { sys::lua_getmetatable(self.0, index) };
    }
    pub fn metatable_address(self, index: c_int) -> *const c_void {
        unsafe { sys::lua_getmetatablepointer(self.0, index) }
    }
    pub fn clone_function(self, index: c_int) {
        unsafe { sys::lua_clonefunction(self.0, index) }
    }
    pub fn native_function(self, index: c_int) -> Option<CFunction> {
        unsafe { sys::lua_tocfunction(self.0, index) }
    }
    /// Keeps the value at `index` alive; the number finds it again.
    pub fn make_ref(self, index: c_int) -> c_int {
        unsafe { sys::lua_ref(self.0, index) }
    }

    /// New tagged userdata with the tag's metatable.
    pub fn new_userdata<T>(self, tag: c_int, value: T) {
        unsafe {
            let data = sys::lua_newuserdatataggedwithmetatable(self.0, size_of::<T>(), tag);
            data.cast::<T>().write(value);
        }
    }
    /// The same with the table on top as its metatable, which it replaces.
    pub fn new_contained<T>(self, tag: c_int, value: T) {
        unsafe {
            let data = sys::lua_newuserdatatagged(self.0, size_of::<T>(), tag);
            data.cast::<T>().write(value);
            sys::lua_insert(self.0, -2);
            sys::lua_setmetatable(self.0, -2);
        }
    }
    /// The userdata's content if it has this tag. `T` is the type that the tag stands for.
    pub fn userdata<'a, T>(self, index: c_int, tag: c_int) -> Option<&'a mut T> {
        unsafe { sys::lua_touserdatatagged(self.0, index, tag).cast::<T>().as_mut() }
    }
    pub fn userdata_tag(self, index: c_int) -> c_int {
        unsafe { sys::lua_userdatatag(self.0, index) }
    }
    /// Pops a table and makes it the metatable of a tag.
    pub fn set_tag_metatable(self, tag: c_int) {
        unsafe { sys::lua_setuserdatametatable(self.0, tag) }
    }
    pub fn set_tag_destructor(self, tag: c_int, destructor: sys::lua_Destructor) {
        unsafe { sys::lua_setuserdatadtor(self.0, tag, Some(destructor)) }
    }

    pub fn new_thread(self) -> Lua {
        unsafe { Lua(sys::lua_newthread(self.0)) }
    }
    pub fn reset_thread(self) {
        unsafe { sys::lua_resetthread(self.0) }
    }
    pub fn thread_data(self) -> usize {
        unsafe { sys::lua_getthreaddata(self.0) as usize }
    }
    pub fn set_thread_data(self, data: usize) {
        unsafe { sys::lua_setthreaddata(self.0, data as *mut c_void) }
    }
    pub fn resume(self, from: Lua, arguments: c_int) -> Resumed {
        match unsafe { sys::lua_resume_(self.0, from.0, arguments) } {
            sys::LUA_OK => Resumed::Returned,
            sys::LUA_YIELD | sys::LUA_BREAK => Resumed::Yielded,
            _ => Resumed::Raised,
        }
    }
    /// Resumes by raising the value on top of the stack.
    pub fn resume_error(self, from: Lua) -> Resumed {
        match unsafe { sys::lua_resumeerror(self.0, from.0) } {
            sys::LUA_OK => Resumed::Returned,
            sys::LUA_YIELD | sys::LUA_BREAK => Resumed::Yielded,
            _ => Resumed::Raised,
        }
    }
    pub fn status(self) -> c_int {
        unsafe { sys::lua_status(self.0) }
    }
    pub fn is_yieldable(self) -> bool {
        unsafe { sys::lua_isyieldable(self.0) != 0 }
    }
    /// Ends a native function by yielding the top `n` values.
    pub fn do_yield(self, n: c_int) -> c_int {
        unsafe { sys::lua_yield(self.0, n) }
    }
    /// Raises the value on top of the stack.
    pub fn raise(self) -> ! {
        unsafe { sys::lua_error(self.0) }
    }
    pub fn call(self, arguments: c_int, results: c_int) {
        unsafe { sys::lua_call(self.0, arguments, results) }
    }
    /// `tostring` of the value, with metamethods; pushes it.
    pub fn to_text<'a>(self, index: c_int) -> &'a [u8] {
        unsafe {
            let mut len = 0;
            let text = sys::luaL_tolstring_(self.0, index, &mut len);
            std::slice::from_raw_parts(text.cast(), len)
        }
    }
    /// Pushes `<entry id>:<line>: ` of the function at `level`, or an empty string.
    pub fn push_where(self, level: c_int) {
        unsafe { sys::luaL_where(self.0, level) }
    }
    /// Loads bytecode as a function of the thread's globals.
    pub fn load(self, name: &CStr, bytecode: &[u8]) -> bool {
        unsafe {
            let data = bytecode.as_ptr().cast();
            sys::luau_load(self.0, name.as_ptr(), data, bytecode.len(), 0) == sys::LUA_OK
        }
    }
    /// Compiles the function at `index` to machine code.
    pub fn compile_native(self, index: c_int) {
        unsafe { sys::luau_codegen_compile(self.0, index) }
    }
    pub fn full_collection(self) {
        unsafe { sys::lua_gc(self.0, sys::LUA_GCCOLLECT, 0) };
    }
    /// Keeps the collector from starting by itself, until the next full collection.
    pub fn stop_collector(self) {
        unsafe { sys::lua_gc(self.0, sys::LUA_GCSTOP, 0) };
    }
    /// The size of the heap that the collector aims at, in percent of what lives.
    pub fn set_heap_goal(self, percent: c_int) {
        unsafe { sys::lua_gc(self.0, sys::LUA_GCSETGOAL, percent) };
    }
    /// Bytes in use by one memory category.
    pub fn category_heap(self, category: u8) -> usize {
        unsafe { sys::lua_totalbytes(self.0, category as c_int) }
    }
    /// Allocations of this thread count in `category` from now on.
    pub fn set_category(self, category: u8) {
        unsafe { sys::lua_setmemcat(self.0, category as c_int) }
    }
    /// Level, source and line of a frame; level 0 is the running function.
    pub fn frame(self, level: c_int) -> Option<Frame> {
        unsafe {
            let mut info: sys::lua_Debug = std::mem::zeroed();
            if sys::lua_getinfo(self.0, level, c"sln".as_ptr(), &mut info) == 0 {
                return None;
            }
            let text = |p: *const c_char| {
                if p.is_null() { "" } else { CStr::from_ptr(p).to_str().unwrap_or("") }
            };
            Some(Frame {
                source: text(info.short_src).to_owned(),
                line: info.currentline.max(0) as u32,
                name: text(info.name).to_owned(),
                native: text(info.what) == "C",
            })
        }
    }
    /// Address of the chunk name of the innermost Lua function, for finding its unit.
    pub fn caller_source(self) -> *const c_char {
        let mut level = 1;
        unsafe {
            let mut info: sys::lua_Debug = std::mem::zeroed();
            while sys::lua_getinfo(self.0, level, c"s".as_ptr(), &mut info) != 0 {
                if *info.what != b'C' as c_char {
                    return info.source;
                }
                level += 1;
            }
        }
        ptr::null()
    }
    /// Address of the chunk name of the Lua function on top of the stack.
    pub fn function_source(self) -> *const c_char {
        unsafe {
            let mut info: sys::lua_Debug = std::mem::zeroed();
            sys::lua_getinfo(self.0, -1, c"s".as_ptr(), &mut info);
            info.source
        }
    }
    pub fn callbacks(self) -> *mut sys::lua_Callbacks {
        unsafe { sys::lua_callbacks(self.0) }
    }
}

/// A stack frame.
#[derive(Debug, Clone)]
pub struct Frame {
    pub source: String,
    pub line: u32,
    pub name: String,
    pub native: bool,
}
