//! Copying within a VM: a tree of tables never leaves Lua.
//!
//! Two passes. The first only looks: it lists the tables, counts their size and
//! finds out whether everything in them may be copied. The second clones each
//! listed table and puts the clone in its place in the clone of its parent.

use std::collections::HashMap;
use std::ffi::c_int;

use smallvec::SmallVec;

use super::super::layout::{Slot, Table};
use super::super::lua::*;
use super::super::objects;

/// Most tables that are copied this way; their copies stay on the stack meanwhile.
const TABLES: usize = 2000;
/// Deepest nesting that is copied this way.
const DEPTH: u8 = 100;
/// Up to so many tables a list is searched faster than a hash table.
const FEW: usize = 16;

/// Pushes a copy of the table at `index` and returns its size as
/// [`Values::size`](luavisor_core::Values::size) counts it; pushes nothing if
/// there is something unusual in it.
pub fn clone(lua: Lua, index: c_int) -> Option<usize> {
    let mut tree = Tree { tables: SmallVec::new(), links: SmallVec::new(), found: None, size: 16 };
    if !tree.survey(Table::at(lua, index)?) || !lua.try_reserve(tree.tables.len() as c_int + 4) {
        return None;
    }
    tree.push(lua, index);
    Some(tree.size)
}

/// Where a table lies in its parent.
#[derive(Clone, Copy)]
enum Place {
    /// in the array part, counted from 1
    Array(c_int),
    /// in the hash part: the position after which iteration finds it
    Hash(c_int),
}

/// A table that another one holds.
#[derive(Clone, Copy)]
struct Link {
    parent: u32,
    child: u32,
    place: Place,
}

struct Tree {
    /// each once, parents before their children, with its depth
    tables: SmallVec<[(*const Table, u8); FEW]>,
    links: SmallVec<[Link; FEW]>,
    /// the same by address, once there are many
    found: Option<HashMap<*const Table, u32>>,
    size: usize,
}

impl Tree {
    /// Lists everything below `root`. False: it is not copied this way.
    fn survey(&mut self, root: &Table) -> bool {
        self.tables.push((root, 0));
        let mut at = 0;
        while at < self.tables.len() {
            let (table, depth) = self.tables[at];
            // SAFETY: the stack holds the root, the root holds the others, and nothing
            // allocates until the survey is over.
            if !self.look_into(unsafe { &*table }, at as u32, depth) {
                return false;
            }
            at += 1;
        }
        true
    }

    fn look_into(&mut self, table: &Table, number: u32, depth: u8) -> bool {
        if table.is_weak() {
            // Cloning allocates, and the collector could take out what was listed.
            return false;
        }
        let array = table.array();
        for (at, value) in array.iter().enumerate() {
            if value.kind() != LUA_TNIL {
                self.size += 32;
                if !self.value(value, number, depth, Place::Array(at as c_int + 1)) {
                    return false;
                }
            }
        }
        for (at, node) in table.nodes().iter().enumerate() {
            if node.value.kind() == LUA_TNIL {
                continue;
            }
            self.size += 32;
            let key = node.key();
            match key.kind() {
                LUA_TNUMBER | LUA_TBOOLEAN => {}
                LUA_TSTRING => self.size += key.bytes().len(),
                _ => return false,
            }
            let place = Place::Hash((array.len() + at) as c_int);
            if !self.value(&node.value, number, depth, place) {
                return false;
            }
        }
        true
    }

    fn value(&mut self, value: &Slot, parent: u32, depth: u8, place: Place) -> bool {
        match value.kind() {
            LUA_TNUMBER | LUA_TBOOLEAN | LUA_TVECTOR => true,
            LUA_TSTRING => {
                self.size += value.bytes().len();
                true
            }
            LUA_TUSERDATA => objects::is_shareable_tag(value.tag()),
            LUA_TTABLE => {
                let child = match self.find(value.table()) {
                    Some(known) => known,
                    None if self.tables.len() == TABLES || depth == DEPTH => return false,
                    None => self.add(value.table(), depth + 1),
                };
                self.links.push(Link { parent, child, place });
                true
            }
            _ => false,
        }
    }

    fn find(&self, table: *const Table) -> Option<u32> {
        match &self.found {
            Some(found) => found.get(&table).copied(),
            None => self.tables.iter().position(|(known, _)| *known == table).map(|at| at as u32),
        }
    }

    fn add(&mut self, table: *const Table, depth: u8) -> u32 {
        let number = self.tables.len() as u32;
        self.tables.push((table, depth));
        if let Some(found) = &mut self.found {
            found.insert(table, number);
        } else if self.tables.len() > FEW {
            let numbered = self.tables.iter().zip(0..);
            self.found = Some(numbered.map(|((table, _), number)| (*table, number)).collect());
        }
        number
    }

    /// Pushes the copy of the root.
    fn push(&self, lua: Lua, index: c_int) {
        // The copy of table n lies n above that of the root.
        let root = lua.top() + 1;
        let mut made = 1;
        clone_bare(lua, index);
        for Link { parent, child, place } in &self.links {
            let parent = root + *parent as c_int;
            match place {
                // The clone of the parent still holds the original in this place.
                Place::Array(position) => {
                    lua.raw_geti(parent, *position);
                }
                Place::Hash(position) => {
                    lua.raw_iter(parent, *position);
                }
            }
            if *child == made {
                clone_bare(lua, -1);
                made += 1;
            } else {
                lua.copy(root + *child as c_int);
            }
            lua.remove(-2);
            match place {
                Place::Array(position) => {
                    lua.copy(-1);
                    lua.raw_seti(parent, *position);
                }
                Place::Hash(_) => {
                    lua.insert(-2);
                    lua.copy(-2);
                    lua.raw_set(parent);
                }
            }
            // A copy that is new stays: others may need it.
            lua.set_top(root + made as c_int - 1);
        }
        lua.set_top(root);
    }
}

/// Pushes a clone of a table, without its metatable.
fn clone_bare(lua: Lua, index: c_int) {
    lua.clone_table(index);
    if !lua.metatable_address(-1).is_null() {
        lua.push_nil();
        lua.set_metatable(-2);
    }
}
