//! The beginning and the end of a process in its VM.
//!
//! The first run makes its thread and globals; an upgrade replaces its code; the
//! end drops it without running any of its code. What its garbage leaves behind
//! in Rust is buried here too.

use std::ffi::c_int;

use luavisor_core::Error;

use super::context::{Cx, Dead};
use super::coroutine::State;
use super::lua::*;
use super::memory;
use super::process::*;
use super::step::{Turn, select_method};
use super::{copy, units};

/// Makes the main thread at the first run.
pub fn start(cx: Cx, process: &mut Process) -> Result<(), Error> {
    if process.stage != Stage::New {
        return Ok(());
    }
    let unit = process.program.unit.clone();
    let (place, source) = units::load(cx, &unit.chunk)?;
    let (thread, index) = take_thread(cx);
    process.thread_index = index;
    process.main = thread;
    if process.category != 0 {
        thread.set_category(process.category);
    }
    State::Task.set(thread);
    push_environment(cx, thread);
    thread.replace(GLOBALS);
    units::push_clone(cx, thread, place);
    process.units.push(LoadedUnit { source, unit, value: None });
    process.tasks = Vec::with_capacity(1);
    process.tasks.push(Some(Task::new(thread, None, 0)));
    process.runnable.push_back(0);
    process.stage = Stage::Loading;
    process.loading = 1;
    if process.random == 0 {
        process.random = cx.kernel().random() | 1;
    }
    Ok(())
}

/// Pushes a fresh global table over the read-only base globals.
fn push_environment(cx: Cx, lua: Lua) {
    lua.new_table(0, 0);
    cx.push_shared(lua, cx.vm().places.env_metatable);
    lua.set_metatable(-2);
    lua.set_safe_env(-1, true);
}

/// A thread without history, and its place in the VM's thread table.
fn take_thread(cx: Cx) -> (Lua, u32) {
    let vm = cx.vm();
    if let Some(pooled) = vm.pool.pop() {
        return pooled;
    }
    let index = vm.free_thread_indices.pop().unwrap_or_else(|| {
        vm.next_thread_index += 1;
        vm.next_thread_index
    });
    let lua = vm.lua;
    cx.push_shared(lua, vm.places.threads);
    let thread = lua.new_thread();
    lua.raw_seti(-2, index as c_int);
    lua.pop(1);
    (thread, index)
}

/// The new chunk of an upgrade ran: replaces the code, or reports why not.
pub fn upgraded(cx: Cx, process: &mut Process, id: TaskId, thread: Lua) -> Result<c_int, Turn> {
    let Some(task) = process.task(id) else { return Err(Turn::Ended) };
    let Some(Fiber { purpose: Purpose::Upgrade(upgrade), .. }) = task.fibers.pop() else {
        return Err(Turn::Ended);
    };
    let parent = task.innermost();
    process.loading -= 1;
    if let Err(error) = select_method(thread, &upgrade.program.method) {
        return Ok(super::message::fail(parent, error));
    }
    // The old code ends here: tasks, subscriptions and timers go, messages stay.
    let lua = cx.vm().lua;
    cx.push_shared(lua, cx.vm().places.threads);
    thread.push_self();
    thread.move_to(lua, 1);
    lua.raw_seti(-2, process.thread_index as c_int);
    lua.pop(1);
    for channel in 0..process.channels.len() as ChannelId {
        drop_channel(cx, process, channel);
    }
    clear_sleeps(cx, process);
    process.inbox_again = None;
    process.events_again = None;
    process.external = 0;
    process.main = thread;
    process.program = upgrade.program;
    process.runnable.clear();
    process.task_free.clear();
    let old: Vec<_> = process.tasks.drain(..).collect();
    let ticket = old.iter().flatten().map(|task| task.ticket).max().unwrap_or(0).wrapping_add(1);
    let mut main = Task::new(thread, None, 0);
    main.ticket = ticket;
    process.tasks.push(Some(main));
    if let Ok((_, source)) = units::load(cx, &process.program.unit.chunk) {
        let unit = process.program.unit.clone();
        process.units.retain(|loaded| loaded.value.is_some());
        process.units.insert(0, LoadedUnit { source, unit, value: None });
    }
    for task in old.into_iter().flatten() {
        cx.release(task.anchor);
    }
    // Whichever task called, the new code runs in main.
    let count = copy::push_all(cx, thread, &upgrade.arguments);
    if let Some(main) = process.task(0) {
        main.arguments = count;
    }
    process.runnable.push_back(0);
    Err(Turn::Ended)
}

/// Forgets a channel of the old code without waking anybody; unread messages go back.
fn drop_channel(cx: Cx, process: &mut Process, id: ChannelId) {
    let Some(channel) = process.channels.get_mut(id as usize).and_then(Option::take) else {
        return;
    };
    match channel.source {
        Source::Topic { subscription, .. } => process.mailbox.unsubscribe(subscription),
        Source::Timer(timer) | Source::Ticker { timer, .. } if cx.has_kernel() => {
            cx.kernel().clear_timer(process.slot(), timer);
        }
        _ => {}
    }
    // The empty channel that stays in its place keeps its base charge.
    memory::refund(cx, process, channel.weight() - Channel::BASE);
    if id > EVENTS {
        // The place stays taken until the objects of the old channel are collected:
        // that must not bury a channel of the new code.
        let mut closed = Channel::new(Source::Local, 0);
        closed.closed = true;
        closed.views = channel.views;
        process.channels[id as usize] = Some(Box::new(closed));
    }
    channel.into_holds().for_each(|hold| cx.release(hold));
}

fn clear_sleeps(cx: Cx, process: &mut Process) {
    for task in process.tasks.iter().flatten() {
        if let Wait::Operation(Some(timer)) = task.wait {
            cx.kernel().clear_timer(process.pid.slot(), timer);
        }
    }
}

/// Drops a process without running any of its code.
pub fn destroy(cx: Cx, mut process: Box<Process>) {
    if cx.has_kernel() {
        clear_sleeps(cx, &mut process);
        for channel in process.channels.iter().flatten() {
            if let Source::Timer(timer) | Source::Ticker { timer, .. } = channel.source {
                cx.kernel().clear_timer(process.pid.slot(), timer);
            }
        }
    }
    let vm = cx.vm();
    let lua = vm.lua;
    if process.thread_index != 0 {
        let panicked = process.main.0.is_null();
        if vm.pool.len() < POOL && !panicked && process.category == 0 {
            process.main.reset_thread();
            cx.push_shared(process.main, vm.places.base);
            process.main.replace(GLOBALS);
            vm.pool.push((process.main, process.thread_index));
        } else {
            cx.push_shared(lua, vm.places.threads);
            lua.push_nil();
            lua.raw_seti(-2, process.thread_index as c_int);
            lua.pop(1);
            vm.free_thread_indices.push(process.thread_index);
        }
    }
    if process.category != 0 {
        vm.categories.give_back(process.category, process.memory.is_none());
    }
    vm.heap_account.used -= process.charged;
    process.into_holds().for_each(|hold| cx.release(hold));
}

/// Reset threads keep 1.4 KB each, so only so many are kept.
const POOL: usize = 256;

/// Collects all garbage. What only garbage objects held is garbage after a first
/// pass, and goes with a second one.
pub fn collect(cx: Cx) {
    cx.vm().lua.full_collection();
    if bury_dead(cx) {
        cx.vm().lua.full_collection();
        bury_dead(cx);
    }
}

/// Forgets channels and held values whose objects were collected. True: there were some.
pub fn bury_dead(cx: Cx) -> bool {
    let some = !cx.vm().dead.is_empty();
    while let Some(dead) = cx.vm().dead.pop() {
        match dead {
            Dead::Channel { pid, id } => {
                let Some(process) = cx.find(pid) else { continue };
                if let Some(channel) = process.channel(id)
                    && channel.views > 1
                {
                    channel.views -= 1;
                    continue;
                }
                let Some(channel) = process.remove_channel(id) else { continue };
                if let Source::Timer(timer) | Source::Ticker { timer, .. } = channel.source {
                    process.external -= 1;
                    super::step::wake_if_stuck(cx, process);
                    cx.kernel().clear_timer(process.slot(), timer);
                }
                memory::refund(cx, process, channel.weight());
                channel.into_holds().for_each(|hold| cx.release(hold));
            }
            Dead::Hold(hold) => cx.release(hold),
        }
    }
    some
}
