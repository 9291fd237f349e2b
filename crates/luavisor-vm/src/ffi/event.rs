//! Event tables: what `process.events()` yields.

use luavisor_core::{Event, Exit, Reason, Value};

use super::context::Cx;
use super::lua::Lua;
use super::{copy, error};

/// Pushes the table of an event (SPEC 4.2).
pub fn push(cx: Cx, lua: Lua, event: &Event) {
    lua.reserve(8);
    let places = &cx.vm().places;
    match event {
        Event::Exit { from, at, exit } | Event::LinkDown { from, at, exit } => {
            let link = matches!(event, Event::LinkDown { .. });
            cx.push_shared(lua, if link { places.link_event } else { places.exit_event });
            lua.clone_table(-1);
            lua.remove(-2);
            cx.push_shared(lua, places.key_from);
            cx.push_pid(lua, *from);
            lua.raw_set(-3);
            cx.push_shared(lua, places.key_at);
            lua.push_number(*at);
            lua.raw_set(-3);
            cx.push_shared(lua, places.key_result);
            push_result(cx, lua, exit);
            lua.raw_set(-3);
            cx.push_shared(lua, places.key_reason);
            cx.push_shared(lua, places.reasons[reason_index(exit.reason)]);
            lua.raw_set(-3);
        }
        Event::Cancel { from, at, reason, deadline } => {
            lua.new_table(0, 5);
            lua.push_str(event.kind());
            lua.raw_set_field(-2, c"kind");
            cx.push_pid(lua, *from);
            lua.raw_set_field(-2, c"from");
            lua.push_number(*at);
            lua.raw_set_field(-2, c"at");
            lua.push_str(reason);
            lua.raw_set_field(-2, c"reason");
            if let Some(deadline) = deadline {
                lua.push_number(*deadline);
                lua.raw_set_field(-2, c"deadline");
            }
        }
        Event::Outdated { at, id } => {
            lua.new_table(0, 4);
            lua.push_str(event.kind());
            lua.raw_set_field(-2, c"kind");
            lua.push_str("{|}");
            lua.raw_set_field(-2, c"from");
            lua.push_number(*at);
            lua.raw_set_field(-2, c"at");
            lua.push_str(id);
            lua.raw_set_field(-2, c"id");
        }
    }
}

/// Pushes `{value, error}`.
fn push_result(cx: Cx, lua: Lua, exit: &Exit) {
    let places = &cx.vm().places;
    let empty = exit.error.is_none() && matches!(exit.value.first(), Value::Nil);
    lua.new_table(0, usize::from(!empty));
    if let Some(error) = &exit.error {
        cx.push_shared(lua, places.key_error);
        error::push(lua, error);
        lua.raw_set(-3);
    } else if copy::push_first(cx, lua, &exit.value) {
        cx.push_shared(lua, places.key_value);
        lua.insert(-2);
        lua.raw_set(-3);
    }
}

/// Position of a reason in [`Places::reasons`](super::context::Places::reasons).
pub fn reason_index(reason: Reason) -> usize {
    match reason {
        Reason::Normal => 0,
        Reason::Error => 1,
        Reason::Terminated => 2,
        Reason::Cancelled => 3,
        Reason::Linked => 4,
        Reason::Shutdown => 5,
        Reason::NoProcess => 6,
    }
}

/// All reasons, in the order of [`reason_index`].
pub const REASONS: [Reason; 7] = [
    Reason::Normal,
    Reason::Error,
    Reason::Terminated,
    Reason::Cancelled,
    Reason::Linked,
    Reason::Shutdown,
    Reason::NoProcess,
];
