//! Event tables: what `process.events()` yields.

use luavisor_core::{Event, Pid, Reason};

use super::context::Cx;
use super::lua::Lua;
use super::{copy, error, shapes};

/// Pushes the table of an event (SPEC 4.2). It counts for the process with this
/// memory category.
pub fn push(cx: Cx, lua: Lua, event: &Event, category: u8) {
    let shapes = &cx.vm().shapes;
    match event {
        Event::Exit { from, at, exit } => shapes::make(cx, lua, shapes.exit, category, |maker| {
            push_head(cx, maker, *from, *at, exit.reason);
            if let Some(error) = &exit.error {
                maker.push_nil();
                error::push(maker, error);
                return 5;
            }
            match copy::push_first(cx, maker, &exit.value) {
                true => 4,
                false => 3,
            }
        }),
        Event::LinkDown { from, at, exit } => {
            shapes::make(cx, lua, shapes.link_down, category, |maker| {
                push_head(cx, maker, *from, *at, exit.reason);
                match &exit.error {
                    Some(error) => error::push(maker, error),
                    None => maker.push_nil(),
                }
                4
            });
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

/// Pushes what EXIT and LINK_DOWN begin with.
fn push_head(cx: Cx, lua: Lua, from: Pid, at: f64, reason: Reason) {
    cx.push_pid(lua, from);
    lua.push_number(at);
    cx.push_shared(lua, cx.vm().places.reasons[reason_index(reason)]);
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
