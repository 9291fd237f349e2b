//! Copying values out of, into and within a VM.
//!
//! Three ways, one meaning (SPEC 2.4): [`take`] makes an owned [`Values`],
//! [`push_all`] makes Lua values from one, [`local`] copies within the VM
//! without leaving it. Metatables are never copied, live objects are refused
//! with the path that leads to them.

use std::collections::HashMap;
use std::ffi::{c_int, c_void};

use luavisor_core::{Error, Object, Table, Value, Values};

mod within;

use super::context::Cx;
use super::lua::*;
use super::{channel, message, objects};

/// Deepest nesting of tables.
const DEPTH: usize = 128;

/// Most bytes that are copied out of a VM at once, where no smaller limit is given:
/// a table may name one long string a million times.
const LARGEST: usize = 256 << 20;

/// Copies `count` values from `first` on. Refusals name the path under `root`
/// (`root#2` for the second value and so on).
pub fn take(
    _cx: Cx,
    lua: Lua,
    first: c_int,
    count: c_int,
    root: &str,
    limit: usize,
) -> Result<Values, Error> {
    // Without the traversal: 1 % of a round trip between two shards.
    if count == 1 && limit >= 16 {
        match lua.kind(first) {
            LUA_TBOOLEAN => return Ok(Values::one(Value::Boolean(lua.boolean(first)))),
            LUA_TNUMBER => return Ok(Values::one(Value::Number(lua.number(first)))),
            _ => {}
        }
    }
    let mut taker = Taker::new(lua, root, limit);
    for position in 0..count {
        taker.position = position;
        let value = taker.value(first + position)?;
        taker.values.items.push(value);
    }
    let values = taker.values;
    Ok(values)
}

/// Copies one value as [`View`](super::view::View) would show it: what may not be
/// copied is nil, and deeper tables than anybody looks at are empty.
pub fn take_visible(lua: Lua, index: c_int) -> Result<Values, Error> {
    let mut taker = Taker { only_visible: true, ..Taker::new(lua, "value", LARGEST) };
    let value = taker.value(index)?;
    taker.values.items.push(value);
    Ok(taker.values)
}

fn too_large(root: &str, size: usize, limit: usize) -> Error {
    Error::invalid(format!("{root}: {size} bytes exceed the limit of {limit} bytes"))
}

/// A step of the path to a refused value.
enum Segment {
    Text(Vec<u8>),
    Number(f64),
    Other(&'static str),
}

struct Taker<'a> {
    lua: Lua,
    values: Values,
    seen: HashMap<*const c_void, u32>,
    path: Vec<Segment>,
    root: &'a str,
    position: c_int,
    /// bytes taken so far, as [`Values::size`] counts them
    size: usize,
    limit: usize,
    /// what may not be copied is left out instead of refused
    only_visible: bool,
}

impl<'a> Taker<'a> {
    fn new(lua: Lua, root: &'a str, limit: usize) -> Taker<'a> {
        Taker {
            lua,
            values: Values::none(),
            seen: HashMap::new(),
            path: Vec::new(),
            root,
            position: 0,
            size: 0,
            limit: limit.min(LARGEST),
            only_visible: false,
        }
    }

    fn value(&mut self, index: c_int) -> Result<Value, Error> {
        let lua = self.lua;
        self.size += 16;
        if matches!(lua.kind(index), LUA_TSTRING | LUA_TBUFFER) {
            self.size += lua.length(index);
        }
        if self.size > self.limit {
            return Err(too_large(self.root, self.size, self.limit));
        }
        Ok(match lua.kind(index) {
            kind if kind <= LUA_TNIL => Value::Nil,
            LUA_TBOOLEAN => Value::Boolean(lua.boolean(index)),
            LUA_TNUMBER => Value::Number(lua.number(index)),
            LUA_TSTRING => Value::String(lua.bytes(index).into()),
            LUA_TVECTOR => Value::Vector(lua.vector(index)),
            LUA_TBUFFER => Value::Buffer((&*lua.buffer(index)).into()),
            LUA_TTABLE => self.table(index)?,
            LUA_TUSERDATA => match objects::at(lua, index) {
                Some(object) => {
                    if let Object::Payload(payload) = &object {
                        self.size += payload.data.size();
                    }
                    Value::Object(object)
                }
                None => return self.refuse(describe(lua, index)),
            },
            _ => return self.refuse(describe(lua, index)),
        })
    }

    fn table(&mut self, index: c_int) -> Result<Value, Error> {
        let lua = self.lua;
        let address = lua.address(index);
        if let Some(known) = self.seen.get(&address) {
            return Ok(Value::Table(*known));
        }
        if self.path.len() > DEPTH && self.only_visible {
            return Ok(Value::Nil);
        }
        if self.path.len() >= DEPTH && !self.only_visible {
            let message = format!("{}: nesting deeper than {DEPTH} levels", self.root);
            return Err(Error::invalid(message));
        }
        let number = self.values.tables.len() as u32;
        self.values.tables.push(Table::default());
        self.seen.insert(address, number);
        if !lua.try_reserve(6) {
            return Err(Error::invalid(format!("{}: too deep for the stack", self.root)));
        }
        let index = lua.absolute(index);
        let mut table = Table::default();
        let mut at = 0;
        while let Some(next) = lua.raw_iter(index, at) {
            at = next;
            let top = lua.top();
            self.path.push(match lua.kind(top - 1) {
                LUA_TSTRING => Segment::Text(lua.bytes(top - 1).to_vec()),
                LUA_TNUMBER => Segment::Number(lua.number(top - 1)),
                _ => Segment::Other(""),
            });
            let key = self.key(top - 1)?;
            let value = self.value(top)?;
            self.path.pop();
            match key {
                Value::Nil => {}
                Value::Number(n) if n == (table.array.len() + 1) as f64 => table.array.push(value),
                key => table.hash.push((key, value)),
            }
            lua.set_top(top - 2);
        }
        self.values.tables[number as usize] = table;
        Ok(Value::Table(number))
    }

    fn key(&mut self, index: c_int) -> Result<Value, Error> {
        match self.lua.kind(index) {
            LUA_TFUNCTION | LUA_TTHREAD => {}
            LUA_TUSERDATA if objects::at(self.lua, index).is_none() => {}
            _ => return self.value(index),
        }
        if self.only_visible {
            return Ok(Value::Nil);
        }
        self.path.pop();
        let what = describe(self.lua, index);
        let error = Error::invalid(format!("{}: {what} key cannot be sent", self.place()));
        Err(error)
    }

    fn refuse(&self, what: &str) -> Result<Value, Error> {
        if self.only_visible {
            return Ok(Value::Nil);
        }
        Err(Error::invalid(format!("{}: {what} cannot be sent", self.place())))
    }

    fn place(&self) -> String {
        let mut place = self.root.to_owned();
        if self.position > 0 {
            place.push_str(&format!("#{}", self.position + 1));
        }
        for segment in &self.path {
            match segment {
                Segment::Text(text) if is_identifier(text) => {
                    place.push('.');
                    place.push_str(&String::from_utf8_lossy(text));
                }
                Segment::Text(text) => {
                    place.push_str(&format!("[\"{}\"]", String::from_utf8_lossy(text)));
                }
                Segment::Number(number) => place.push_str(&format!("[{number}]")),
                Segment::Other(text) => place.push_str(&format!("[{text}]")),
            }
        }
        place
    }
}

fn is_identifier(text: &[u8]) -> bool {
    let head = text.first().is_some_and(|b| b.is_ascii_alphabetic() || *b == b'_');
    head && text.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'_')
}

/// The words of a refusal.
fn describe(lua: Lua, index: c_int) -> &'static str {
    match lua.kind(index) {
        LUA_TFUNCTION => "a function",
        LUA_TTHREAD => "a coroutine",
        LUA_TUSERDATA => match lua.userdata_tag(index) {
            channel::TAG => "a channel",
            message::TAG => "a message",
            objects::tags::TIMER => "a timer",
            objects::tags::TICKER => "a ticker",
            _ => "a userdata",
        },
        _ => "a userdata",
    }
}

/// Pushes copies of all values; returns how many.
pub fn push_all(cx: Cx, lua: Lua, values: &Values) -> c_int {
    let count = values.items.len() as c_int;
    lua.reserve(count + 8);
    let scratch = push_tables(cx, lua, values);
    for item in &values.items {
        push_value(lua, item, scratch);
    }
    if scratch != 0 {
        lua.remove(scratch);
    }
    count
}

/// Pushes a copy of the first value unless it is nil or missing.
pub fn push_first(cx: Cx, lua: Lua, values: &Values) -> bool {
    if matches!(values.first(), Value::Nil) {
        return false;
    }
    lua.reserve(8);
    let scratch = push_tables(cx, lua, values);
    push_value(lua, values.first(), scratch);
    if scratch != 0 {
        lua.remove(scratch);
    }
    true
}

/// Makes the tables of a list in an array that it pushes; returns its position, 0 if there are none.
fn push_tables(_cx: Cx, lua: Lua, values: &Values) -> c_int {
    if values.tables.is_empty() {
        return 0;
    }
    lua.new_table(values.tables.len(), 0);
    let scratch = lua.top();
    for (number, table) in values.tables.iter().enumerate() {
        lua.new_table(table.array.len(), table.hash.len());
        lua.raw_seti(scratch, number as c_int + 1);
    }
    for (number, table) in values.tables.iter().enumerate() {
        lua.raw_geti(scratch, number as c_int + 1);
        let target = lua.top();
        for (position, value) in table.array.iter().enumerate() {
            push_value(lua, value, scratch);
            lua.raw_seti(target, position as c_int + 1);
        }
        for (key, value) in &table.hash {
            push_value(lua, key, scratch);
            push_value(lua, value, scratch);
            lua.raw_set(target);
        }
        lua.pop(1);
    }
    scratch
}

fn push_value(lua: Lua, value: &Value, scratch: c_int) {
    match value {
        Value::Nil => lua.push_nil(),
        Value::Boolean(value) => lua.push_boolean(*value),
        Value::Number(value) => lua.push_number(*value),
        Value::Vector(value) => lua.push_vector(*value),
        Value::String(bytes) => lua.push_bytes(bytes),
        Value::Buffer(bytes) => lua.push_buffer(bytes),
        Value::Table(number) => {
            lua.raw_geti(scratch, *number as c_int + 1);
        }
        Value::Object(object) => objects::push(lua, object),
    }
}

/// Pushes a copy of the value at `index` for another process of this VM; returns its size.
///
/// The common shapes (scalars, strings, small trees of tables) never leave Lua;
/// the rest goes through [`take`] and [`push_all`].
pub fn local(cx: Cx, lua: Lua, index: c_int, root: &str, limit: usize) -> Result<usize, Error> {
    let unusual = |limit| {
        let values = take(cx, lua, index, 1, root, limit)?;
        push_all(cx, lua, &values);
        Ok(values.size())
    };
    let size = match lua.kind(index) {
        LUA_TTABLE => match within::clone(lua, index) {
            Some(size) => size,
            None => return unusual(limit),
        },
        LUA_TSTRING => {
            lua.copy(index);
            16 + lua.length(index)
        }
        LUA_TNIL | LUA_TBOOLEAN | LUA_TNUMBER | LUA_TVECTOR => {
            lua.copy(index);
            16
        }
        LUA_TUSERDATA if objects::is_shareable(lua, index) => {
            lua.copy(index);
            16
        }
        _ => return unusual(limit),
    };
    if size > limit {
        return Err(too_large(root, size, limit));
    }
    Ok(size)
}
