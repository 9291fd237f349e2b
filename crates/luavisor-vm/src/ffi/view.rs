//! A read-only view of a Lua value where it lies, for what writes values as text.
//!
//! Tables are read through their [layout](super::layout), so nothing is pushed,
//! copied or allocated in Lua, and the collector cannot run: whoever holds a
//! [`View`] has the [`Call`](super::call::Call) borrowed. The same view shows
//! owned [`Values`], so that writers exist once.
//!
//! Metatables are not looked at. Userdata of other classes than those that may
//! cross process boundaries, functions and threads are [`View::Other`].

use std::ffi::{c_int, c_void};
use std::sync::Arc;

use luavisor_core::value::{Instant, Payload};
use luavisor_core::{Error, Object, Value, Values};

use super::layout::{self, Node, Slot, Table};
use super::lua::*;
use super::objects::tags;
use super::{error, message};

/// A value that is looked at.
#[derive(Clone, Copy)]
pub enum View<'a> {
    Nil,
    Boolean(bool),
    Number(f64),
    Text(&'a [u8]),
    Buffer(&'a [u8]),
    Table(TableView<'a>),
    Error(&'a Error),
    Time(&'a Instant),
    /// nanoseconds
    Duration(i64),
    Payload(&'a Payload),
    /// Functions, threads, vectors, time zones, objects bound to their process.
    Other,
}

/// A table that is looked at.
#[derive(Clone, Copy)]
pub enum TableView<'a> {
    Lua(&'a Table),
    Owned(&'a Values, &'a luavisor_core::Table),
}

impl<'a> View<'a> {
    /// What lies at `index`; `None` if the layouts are not known. The caller sees
    /// to it that nothing runs or allocates in the VM while the view is held.
    pub(super) fn at(lua: Lua, index: c_int) -> Option<View<'a>> {
        if !layout::known() {
            return None;
        }
        Some(match lua.kind(index) {
            kind if kind <= LUA_TNIL => View::Nil,
            LUA_TBOOLEAN => View::Boolean(lua.boolean(index)),
            LUA_TNUMBER => View::Number(lua.number(index)),
            LUA_TSTRING => View::Text(lua.bytes(index)),
            LUA_TBUFFER => View::Buffer(lua.buffer(index)),
            LUA_TTABLE => View::Table(TableView::Lua(Table::at(lua, index)?)),
            LUA_TUSERDATA => {
                let metatable = lua.metatable_address(index).cast::<Table>();
                // SAFETY: the metatable of a live userdata is null or a live table.
                let metatable = unsafe { metatable.as_ref() };
                View::of_userdata(lua.userdata_tag(index), lua.address(index), metatable)
            }
            _ => View::Other,
        })
    }

    #[inline]
    fn of_slot(slot: &'a Slot) -> View<'a> {
        match slot.kind() {
            LUA_TNIL => View::Nil,
            LUA_TBOOLEAN => View::Boolean(slot.boolean()),
            LUA_TNUMBER => View::Number(slot.number()),
            LUA_TSTRING => View::Text(slot.text()),
            LUA_TTABLE => View::Table(TableView::Lua(slot.table())),
            LUA_TUSERDATA => View::of_userdata(slot.tag(), slot.content(), slot.metatable()),
            _ => View::Other,
        }
    }

    fn of_userdata(tag: c_int, content: *const c_void, metatable: Option<&'a Table>) -> View<'a> {
        // SAFETY: each tag stands for the type of what its userdata hold.
        unsafe {
            match tag {
                error::TAG => View::Error(&*content.cast::<Arc<Error>>()),
                tags::TIME => View::Time(&*content.cast::<Instant>()),
                tags::DURATION => View::Duration(*content.cast::<i64>()),
                tags::PAYLOAD => View::Payload(&*content.cast::<Arc<Payload>>()),
                message::PAYLOAD_TAG => message::look(content, metatable),
                _ => View::Other,
            }
        }
    }

    /// A value of an owned list.
    pub fn of(values: &'a Values, value: &'a Value) -> View<'a> {
        match value {
            Value::Nil => View::Nil,
            Value::Boolean(value) => View::Boolean(*value),
            Value::Number(value) => View::Number(*value),
            Value::String(bytes) => View::Text(bytes),
            Value::Buffer(bytes) => View::Buffer(bytes),
            Value::Table(number) => match values.tables.get(*number as usize) {
                Some(table) => View::Table(TableView::Owned(values, table)),
                None => View::Nil,
            },
            Value::Object(Object::Error(error)) => View::Error(error),
            Value::Object(Object::Time(time)) => View::Time(time),
            Value::Object(Object::Duration(nanoseconds)) => View::Duration(*nanoseconds),
            Value::Object(Object::Payload(payload)) => View::Payload(payload),
            Value::Object(Object::Location(_)) | Value::Vector(_) => View::Other,
            Value::Object(Object::Actor(_) | Object::Scope(_) | Object::Policy(_)) => View::Other,
        }
    }

    /// The value with key `n` in the array or hash part of a table of Lua.
    pub(super) fn element(table: &'a Table, n: c_int) -> View<'a> {
        let place = usize::try_from(n - 1).ok();
        if let Some(slot) = place.and_then(|place| table.array().get(place)) {
            return View::of_slot(slot);
        }
        let is = |node: &&Node| {
            let key = node.key();
            key.kind() == LUA_TNUMBER && key.number() == f64::from(n)
        };
        table.nodes().iter().find(is).map_or(View::Nil, |node| View::of_slot(&node.value))
    }
}

impl<'a> TableView<'a> {
    /// Tells this table from others while it is looked at.
    pub fn address(self) -> usize {
        match self {
            TableView::Lua(table) => std::ptr::from_ref(table) as usize,
            TableView::Owned(_, table) => std::ptr::from_ref(table) as usize,
        }
    }

    /// At least the number of its entries; going through them takes so many steps.
    pub fn places(self) -> usize {
        match self {
            TableView::Lua(table) => table.array().len() + table.nodes().len(),
            TableView::Owned(_, table) => table.array.len() + table.hash.len(),
        }
    }

    /// Passes the entries to `see` in the order of iteration: first keys 1, 2, 3, …
    #[inline]
    pub fn each(self, mut see: impl FnMut(View<'a>, View<'a>)) {
        match self {
            TableView::Lua(table) => {
                for (at, value) in table.array().iter().enumerate() {
                    if value.kind() != LUA_TNIL {
                        see(View::Number((at + 1) as f64), View::of_slot(value));
                    }
                }
                for node in table.nodes() {
                    if node.value.kind() != LUA_TNIL {
                        see(key(node), View::of_slot(&node.value));
                    }
                }
            }
            TableView::Owned(values, table) => {
                for (at, value) in table.array.iter().enumerate() {
                    see(View::Number((at + 1) as f64), View::of(values, value));
                }
                for (key, value) in &table.hash {
                    see(View::of(values, key), View::of(values, value));
                }
            }
        }
    }

    /// The elements of a table that has keys 1 to n in its array part and no others.
    pub fn plain_list(self) -> Option<List<'a>> {
        let length = match self {
            TableView::Lua(table) => {
                let array = table.array();
                let filled = array.iter().take_while(|value| value.kind() != LUA_TNIL).count();
                let rest = array[filled..].iter().all(|value| value.kind() == LUA_TNIL);
                let free = |node: &Node| node.value.kind() == LUA_TNIL;
                (filled > 0 && rest && table.nodes().iter().all(free)).then_some(filled)
            }
            TableView::Owned(_, table) => table.hash.is_empty().then_some(table.array.len()),
        };
        length.map(|length| List { table: self, length })
    }
}

/// Elements where they lie.
#[derive(Clone, Copy)]
pub struct List<'a> {
    table: TableView<'a>,
    length: usize,
}

impl<'a> List<'a> {
    pub fn len(self) -> usize {
        self.length
    }

    /// The element at `at`, counted from 0.
    #[inline]
    pub fn get(self, at: usize) -> View<'a> {
        match self.table {
            TableView::Lua(table) => table.array().get(at).map_or(View::Nil, View::of_slot),
            TableView::Owned(values, table) => {
                table.array.get(at).map_or(View::Nil, |value| View::of(values, value))
            }
        }
    }
}

fn key(node: &Node) -> View<'_> {
    let key = node.key();
    match key.kind() {
        LUA_TBOOLEAN => View::Boolean(key.boolean()),
        LUA_TNUMBER => View::Number(key.number()),
        LUA_TSTRING => View::Text(key.text()),
        _ => View::Other,
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use luavisor_core::HostId;

    use super::*;
    use crate::codec::json;
    use crate::ffi::copy;
    use crate::ffi::vm::Raw;
    use crate::{Preemption, Slots, VmConfig};

    /// What is shown should the layouts not be known one day.
    #[test]
    fn a_visible_copy_shows_the_same() {
        let vm = Raw::new(VmConfig {
            host: HostId(2),
            host_name: "app:processes".into(),
            shard: 0,
            slots: Arc::new(Slots::new(1)),
            native_code: false,
            preemption: Preemption::Armed,
            memory: usize::MAX,
            modules: [].into(),
            strict: false,
            spot: None,
        });
        let lua = vm.cx().vm().lua;
        let top = lua.top();
        lua.reserve(20);
        lua.new_table(3, 3);
        lua.push_number(1.5);
        lua.raw_seti(-2, 1);
        lua.new_userdata(tags::DURATION, 90_000_000_000_i64);
        lua.raw_seti(-2, 2);
        lua.new_table(0, 4);
        lua.push_boolean(true);
        lua.raw_set_field(-2, c"yes");
        // What may not be copied, as a value and as a key.
        lua.push_self();
        lua.raw_set_field(-2, c"thread");
        lua.push_self();
        lua.push_number(1.0);
        lua.raw_set(-3);
        lua.raw_seti(-2, 3);
        let shown = json::write(View::at(lua, lua.top()).unwrap()).unwrap();
        let copy = copy::take_visible(lua, lua.top()).unwrap();
        let copied = json::write(View::of(&copy, copy.first())).unwrap();
        lua.set_top(top);
        let text = r#"[1.5,"1m30s",{"thread":null,"yes":true}]"#;
        assert_eq!(String::from_utf8(shown).unwrap(), text);
        assert_eq!(String::from_utf8(copied).unwrap(), text);
    }
}
