//! Raising from natives, and error objects.

use std::ffi::c_int;
use std::sync::Arc;

use luavisor_core::{Error, Kind, Maker};

use super::context::Cx;
use super::lua::*;
use super::objects;

/// Tag of error objects; their content is `Arc<Error>`.
pub const TAG: c_int = 3;

/// A Lua error on its way out of a native.
#[derive(Debug)]
pub enum Raise {
    /// text, with the position of the caller in front
    Text(String),
    /// text, with the position of the running function in front
    Here(String),
    /// text as it is
    Plain(String),
    /// an error object
    Error(Box<Error>),
}

impl Raise {
    pub fn text(text: impl Into<String>) -> Raise {
        Raise::Text(text.into())
    }

    /// `bad argument #N to 'f' (T expected, got U)`
    pub fn argument(lua: Lua, index: c_int, function: &str, expected: &str) -> Raise {
        let got = if index > lua.top() { "no value" } else { lua.type_name(index) };
        Raise::Text(format!(
            "bad argument #{index} to '{function}' ({expected} expected, got {got})"
        ))
    }

    pub fn no_method(name: &[u8], class: &str) -> Raise {
        Raise::Text(format!("'{}' is not a method of {class}", String::from_utf8_lossy(name)))
    }
}

impl From<Error> for Raise {
    fn from(error: Error) -> Raise {
        Raise::Error(Box::new(error))
    }
}

/// Ends a native: its results, or the error.
pub fn finish(lua: Lua, result: Result<c_int, Raise>) -> c_int {
    match result {
        Ok(count) => count,
        Err(error) => {
            raise(lua, error);
            lua.raise()
        }
    }
}

/// Pushes what `error` raises.
pub fn raise(lua: Lua, error: Raise) {
    lua.reserve(4);
    let level = if matches!(error, Raise::Here(_)) { 0 } else { 1 };
    match error {
        Raise::Text(text) | Raise::Here(text) => {
            lua.push_where(level);
            let position = String::from_utf8_lossy(lua.bytes(-1)).into_owned();
            lua.pop(1);
            lua.push_str(&(position + &text));
        }
        Raise::Plain(text) => lua.push_str(&text),
        Raise::Error(error) => push(lua, &Arc::new(*error)),
    }
}

/// Pushes an error object.
pub fn push(lua: Lua, error: &Arc<Error>) {
    lua.new_userdata(TAG, error.clone());
}

/// Pushes `nil, err`.
pub fn fail(lua: Lua, error: Error) -> c_int {
    lua.reserve(2);
    lua.push_nil();
    push(lua, &Arc::new(error));
    2
}

/// The error object at `index`.
pub fn at<'a>(lua: Lua, index: c_int) -> Option<&'a Arc<Error>> {
    lua.userdata::<Arc<Error>>(index, TAG).map(|error| &*error)
}

/// What a raised value that nothing caught means for its process (SPEC 1.3).
pub fn from_raised(cx: Cx, lua: Lua) -> Error {
    let index = lua.top();
    if let Some(error) = at(lua, index) {
        return (**error).clone();
    }
    let mut error = match lua.kind(index) {
        LUA_TSTRING => Error::internal(String::from_utf8_lossy(lua.bytes(index))),
        LUA_TTABLE => {
            lua.reserve(2);
            lua.raw_get_field(index, c"message");
            let message = if lua.kind(-1) == LUA_TSTRING {
                String::from_utf8_lossy(lua.bytes(-1)).into_owned()
            } else {
                format!("table: {:p}", lua.address(index))
            };
            lua.pop(1);
            let error = Error::internal(message);
            match super::copy::take(cx, lua, index, 1, "details", usize::MAX) {
                Ok(details) => error.details(details),
                Err(_) => error,
            }
        }
        LUA_TNIL => Error::internal("nil"),
        LUA_TBOOLEAN => Error::internal(lua.boolean(index).to_string()),
        LUA_TNUMBER => Error::internal(lua.number(index).to_string()),
        _ => Error::internal(lua.type_name(index)),
    };
    error.frames = frames(lua).into();
    error
}

/// The Lua call stack of a thread, innermost first.
pub fn frames(lua: Lua) -> Vec<luavisor_core::error::Frame> {
    let mut frames = Vec::new();
    let mut level = 0;
    while let Some(frame) = lua.frame(level)
        && frames.len() < 32
    {
        level += 1;
        let source = if frame.native { "[C]".to_owned() } else { frame.source };
        frames.push(luavisor_core::error::Frame { source, line: frame.line, name: frame.name });
    }
    frames
}

/// The error of a text that the program returned: kind Internal, exactly this message.
pub fn from_text(text: &[u8]) -> Error {
    Error::internal(String::from_utf8_lossy(text))
}

/// A returned error object: an empty kind becomes Internal.
pub fn from_returned(error: &Error) -> Error {
    let mut error = error.clone();
    if error.kind == Kind::UNKNOWN {
        error.kind = Kind::INTERNAL;
    }
    error
}

natives! {
    to_string_native = to_string;
    concat_native = concat;
}

fn to_string(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    let error = at(lua, 1).ok_or_else(|| Raise::argument(lua, 1, "tostring", "error"))?;
    lua.push_str(&error.message);
    Ok(1)
}

/// `..` with strings, numbers and errors joins messages.
fn concat(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    let mut text = Vec::new();
    for index in 1..=2 {
        match (at(lua, index), lua.kind(index)) {
            (Some(error), _) => text.extend_from_slice(error.message.as_bytes()),
            (None, LUA_TSTRING | LUA_TNUMBER) => {
                lua.copy(index);
                text.extend_from_slice(lua.bytes(-1));
                lua.pop(1);
            }
            _ => {
                let kind = lua.type_name(index);
                return Err(Raise::text(format!("attempt to concatenate a {kind} value")));
            }
        }
    }
    lua.push_bytes(&text);
    Ok(1)
}

/// Makes the class of error objects. Its methods come from `modules::errors`.
pub fn install(lua: Lua, methods: &'static [super::call::Function]) {
    objects::data_class::<Arc<Error>>(
        lua,
        TAG,
        "error",
        methods,
        &[(c"__tostring", to_string_native), (c"__concat", concat_native)],
    );
}

/// An error made by the program.
pub fn by_program(mut error: Error) -> Error {
    error.maker = Maker::Program;
    error
}
