//! Flat coroutines and tasks.
//!
//! Luau's own `coroutine.resume` runs the coroutine inside a native call, where
//! neither a preemption nor a blocking call could leave it. Ours yield an
//! [`Op`] to the step loop, which switches threads itself: a task is a stack of
//! threads, and whatever the innermost does, the whole stack waits or runs.

use std::ffi::c_int;

use super::context::{Cx, Op};
use super::error::Raise;
use super::lua::*;
use super::process::{Process, Task};
use super::shelf::Hold;

/// What `coroutine.status` knows, kept in the thread's data.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(usize)]
pub enum State {
    Suspended = 1,
    Running = 2,
    Normal = 3,
    Dead = 4,
    /// a managed task: never resumed by the program
    Task = 5,
}

impl State {
    pub fn of(thread: Lua) -> State {
        match thread.thread_data() {
            1 => State::Suspended,
            2 => State::Running,
            3 => State::Normal,
            5 => State::Task,
            _ => State::Dead,
        }
    }

    pub fn set(self, thread: Lua) {
        thread.set_thread_data(self as usize);
    }
}

/// Most coroutines that may have resumed each other in one task.
const NESTING: usize = 10_000;

fn function_argument(lua: Lua, name: &str) -> Result<(), Raise> {
    if lua.is_function(1) { Ok(()) } else { Err(Raise::argument(lua, 1, name, "function")) }
}

/// Makes a coroutine of the function at 1 and pushes it.
fn make(cx: Cx, lua: Lua) -> Lua {
    let thread = lua.new_thread();
    State::Suspended.set(thread);
    adopt(cx, thread);
    lua.copy(1);
    lua.move_to(thread, 1);
    thread
}

/// A new thread counts for its process.
pub fn adopt(cx: Cx, thread: Lua) {
    let category = cx.process().category;
    if category != 0 {
        thread.set_category(category);
    }
}

fn create(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    function_argument(lua, "create")?;
    make(cx, lua);
    Ok(1)
}

fn wrap(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    function_argument(lua, "wrap")?;
    make(cx, lua);
    lua.push_function(wrapped_native, c"wrap", 1);
    Ok(1)
}

/// Hands the arguments to a coroutine and asks the step loop to switch to it.
fn switch(
    cx: Cx,
    lua: Lua,
    thread: Lua,
    arguments: c_int,
    protected: bool,
) -> Result<c_int, Raise> {
    if !lua.is_yieldable() {
        return Err(luavisor_core::Error::invalid("cannot block inside a metamethod").into());
    }
    let depth = cx.process().task(cx.vm().current_task).map_or(0, |task| task.fibers.len());
    if depth > NESTING || !thread.try_reserve(arguments + 1) {
        return Err(Raise::text("too many nested coroutines"));
    }
    // It may be older than the category of its process.
    adopt(cx, thread);
    lua.move_to(thread, arguments);
    State::Normal.set_unless_task(lua);
    State::Running.set(thread);
    cx.vm().op = Op::CoroutineResume { thread, protected };
    Ok(lua.do_yield(lua.top()))
}

impl State {
    fn set_unless_task(self, thread: Lua) {
        if State::of(thread) != State::Task {
            self.set(thread);
        }
    }
}

fn not_resumable(state: State) -> &'static str {
    match state {
        State::Dead => "cannot resume dead coroutine",
        State::Running => "cannot resume running coroutine",
        _ => "cannot resume non-suspended coroutine",
    }
}

fn resume(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(1) != LUA_TTHREAD {
        return Err(Raise::argument(lua, 1, "resume", "thread"));
    }
    let thread = lua.thread(1);
    let state = State::of(thread);
    if state != State::Suspended {
        lua.push_boolean(false);
        lua.push_str(not_resumable(state));
        return Ok(2);
    }
    switch(cx, lua, thread, lua.top() - 1, true)
}

fn wrapped(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    let thread = lua.thread(upvalue(1));
    let state = State::of(thread);
    if state != State::Suspended {
        return Err(Raise::text(not_resumable(state)));
    }
    switch(cx, lua, thread, lua.top(), false)
}

fn yield_(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    if !lua.is_yieldable() {
        return Err(luavisor_core::Error::invalid("cannot block inside a metamethod").into());
    }
    if State::of(lua) == State::Task {
        cx.not_at_top_level("coroutine.yield")?;
        cx.vm().op = Op::GiveWay;
        return Ok(lua.do_yield(0));
    }
    cx.vm().op = Op::CoroutineYield;
    Ok(lua.do_yield(lua.top()))
}

fn spawn(cx: Cx, lua: Lua) -> Result<c_int, Raise> {
    function_argument(lua, "spawn")?;
    cx.not_at_top_level("coroutine.spawn")?;
    let arguments = lua.top() - 1;
    let thread = lua.new_thread();
    State::Task.set(thread);
    adopt(cx, thread);
    let process = cx.process();
    lua.copy(-1);
    let anchor = cx.hold(lua);
    lua.insert(1);
    lua.move_to(thread, arguments + 1);
    add(process, thread, anchor, arguments);
    Ok(1)
}

/// Adds a ready task.
pub fn add(process: &mut Process, thread: Lua, anchor: Hold, arguments: c_int) {
    process.tasks.add(Task::new(thread, Some(anchor), arguments));
}

fn status(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(1) != LUA_TTHREAD {
        return Err(Raise::argument(lua, 1, "status", "thread"));
    }
    let thread = lua.thread(1);
    let text = match State::of(thread) {
        State::Suspended => "suspended",
        State::Running => "running",
        State::Normal => "normal",
        State::Dead => "dead",
        State::Task if thread == lua => "running",
        State::Task if thread.status() != 0 || thread.top() > 0 => "suspended",
        State::Task => "dead",
    };
    lua.push_str(text);
    Ok(1)
}

fn running(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    lua.push_self();
    Ok(1)
}

fn isyieldable(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    lua.push_boolean(lua.is_yieldable());
    Ok(1)
}

fn close(_: Cx, lua: Lua) -> Result<c_int, Raise> {
    if lua.kind(1) != LUA_TTHREAD {
        return Err(Raise::argument(lua, 1, "close", "thread"));
    }
    let thread = lua.thread(1);
    match State::of(thread) {
        State::Suspended => {
            State::Dead.set(thread);
            thread.reset_thread();
            lua.push_boolean(true);
            Ok(1)
        }
        State::Dead => {
            lua.push_boolean(true);
            Ok(1)
        }
        _ => Err(Raise::text("cannot close a running coroutine")),
    }
}

natives! {
    create_native = create;
    wrap_native = wrap;
    wrapped_native = wrapped;
    resume_native = resume;
    yield_native = yield_;
    spawn_native = spawn;
    status_native = status;
    running_native = running;
    isyieldable_native = isyieldable;
    close_native = close;
}

/// Sets up the coroutine library.
pub fn install(lua: Lua) {
    super::objects::library(
        lua,
        c"coroutine",
        &[
            (c"create", create_native),
            (c"wrap", wrap_native),
            (c"resume", resume_native),
            (c"yield", yield_native),
            (c"spawn", spawn_native),
            (c"status", status_native),
            (c"running", running_native),
            (c"isyieldable", isyieldable_native),
            (c"close", close_native),
        ],
    );
}
