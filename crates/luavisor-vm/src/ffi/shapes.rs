//! Tables of fixed shape, made by functions of `shapes.luau`.
//!
//! They run on a thread of their own, the maker, outside of any process: they
//! allocate, and do nothing else. The interrupt leaves them alone.

use std::ffi::c_int;
use std::sync::OnceLock;

use super::compile;
use super::context::Cx;
use super::lua::*;
use super::shelf::{Place, storage};
use crate::compile::Calls;

/// Where the functions lie.
#[derive(Debug)]
pub struct Shapes {
    pub maker: Lua,
    pub exit: Place,
    pub link_down: Place,
    pub selected: Place,
}

impl Shapes {
    /// No shapes yet.
    pub fn new(lua: Lua) -> Shapes {
        let none = Place::default();
        Shapes { maker: storage(lua), exit: none, link_down: none, selected: none }
    }
}

/// Makes a table and pushes it on `lua`. `push` pushes the arguments of its shape
/// on the maker and says how many. It counts for the process with this memory category.
pub fn make(cx: Cx, lua: Lua, shape: Place, category: u8, push: impl FnOnce(Lua) -> c_int) {
    let maker = cx.vm().shapes.maker;
    if category != 0 {
        maker.set_category(category);
    }
    cx.push_shared(maker, shape);
    let count = push(maker);
    maker.call(count, 1);
    maker.move_to(lua, 1);
    if category != 0 {
        maker.set_category(0);
    }
}

/// Loads the functions.
pub fn install(cx: Cx, lua: Lua) {
    static BYTECODE: OnceLock<Box<[u8]>> = OnceLock::new();
    let bytecode = BYTECODE.get_or_init(|| {
        compile::compile(include_bytes!("shapes.luau"), Calls::Inlined).unwrap_or_default()
    });
    if !lua.load(c"=[shapes]", bytecode) {
        // Part of the program, and loaded by every test.
        debug_assert!(false, "{}", String::from_utf8_lossy(lua.bytes(-1)));
        return;
    }
    if cx.vm().config.native_code {
        lua.compile_native(-1);
    }
    lua.call(0, 3);
    let vm = cx.vm();
    vm.shapes.selected = vm.shelf.put(lua);
    vm.shapes.link_down = vm.shelf.put(lua);
    vm.shapes.exit = vm.shelf.put(lua);
}
