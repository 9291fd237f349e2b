//! Running a process: from its first instruction to its exit.
//!
//! [`run`] resumes one task after another until the process blocks, ends or has
//! to give way. Each task is a stack of threads (see `coroutine`): when the
//! innermost yields, its [`Op`] says what to do; when it returns or raises, the
//! one below goes on with the results or the error.

use std::ffi::c_int;
use std::sync::Arc;

use luavisor_core::value::Object;
use luavisor_core::{Error, Exit, Kind, Reason, Value, Values};

use super::context::{Cx, Dead, Op};
use super::coroutine::State;
use super::lua::*;
use super::memory::{self, Failing, Lines};
use super::process::*;
use super::{channel, copy, error, interrupt, units};
use crate::vm::{Preemption, Step};

/// How a task's turn ended.
enum Turn {
    /// it waits
    Blocked,
    /// it was preempted and goes first when the process runs again
    Preempted,
    /// it gave way to the other tasks
    GaveWay,
    /// it ended; the process goes on
    Ended,
    /// the process ended
    Finished(Box<Exit>),
    /// the process was killed
    Killed,
}

/// Runs a process until it blocks, ends or gives way.
pub fn run(cx: Cx, process: &mut Process) -> Step {
    let vm = cx.vm();
    vm.dying = false;
    vm.unpreemptible = false;
    if let Preemption::Counted(budget) = vm.config.preemption {
        vm.budget = i64::from(budget);
        interrupt::arm(vm.lua);
    }
    vm.heap_account.exhausted = false;
    draw_lines(cx, process);
    vm.heap_account.counted = vm.heap_account.gross;
    let step = match start(cx, process) {
        Ok(()) => tasks(cx, process),
        Err(error) => Step::Finished(Exit::failure(Reason::Error, error)),
    };
    bury_dead(cx);
    // Nothing fails for want of memory until a process runs again.
    vm.heap_account.draw(Lines::NONE);
    count(cx, process);
    if vm.config.preemption == Preemption::Armed {
        interrupt::disarm(vm.lua);
    }
    match &step {
        Step::Blocked => process.queued = false,
        Step::Ready => process.queued = true,
        _ => {}
    }
    step
}

fn tasks(cx: Cx, process: &mut Process) -> Step {
    loop {
        let Some(id) = process.runnable.pop_front() else {
            return match deadlock(process) {
                Some(exit) => Step::Finished(exit),
                None => Step::Blocked,
            };
        };
        cx.vm().current_task = id;
        let turn = turn(cx, process, id);
        if cx.vm().unpreemptible {
            let message = "ran 1s where it cannot be preempted";
            let error = Error::new(Kind::LIMIT_EXCEEDED, message);
            return Step::Finished(Exit::failure(Reason::Error, error));
        }
        if cx.vm().heap_account.exhausted {
            return Step::Finished(Exit::memory_limit());
        }
        match turn {
            Turn::Killed => return Step::Killed,
            Turn::Finished(exit) => return Step::Finished(*exit),
            Turn::Preempted => process.runnable.push_front(id),
            Turn::GaveWay => process.runnable.push_back(id),
            Turn::Blocked | Turn::Ended => {}
        }
        let full = process.memory.is_some() && held(cx, process) > process.memory_line;
        if (full || cx.vm().heap_account.wants_attention())
            && let Some(exit) = relieve(cx, process)
        {
            return Step::Finished(exit);
        }
        let over = match cx.vm().config.preemption {
            Preemption::Armed => interrupt::is_armed(cx.vm().lua),
            Preemption::Counted(_) => {
                cx.vm().budget -= 1;
                cx.vm().budget <= 0
            }
        };
        if (over || matches!(turn, Turn::Preempted)) && !process.runnable.is_empty() {
            return Step::Ready;
        }
    }
}

/// The failure of a process whose tasks all wait for each other (SPEC 6.5).
fn deadlock(process: &Process) -> Option<Exit> {
    let stuck = process.external == 0
        && process.tasks.iter().flatten().all(|task| matches!(task.wait, Wait::Channels(_)));
    stuck.then(|| {
        let threads = process.live_tasks();
        let message = format!(
            "deadlock: all coroutines blocked with no pending operations (threads={threads})"
        );
        Exit::failure(Reason::Error, Error::internal(message))
    })
}

/// Makes the main thread at the first run.
fn start(cx: Cx, process: &mut Process) -> Result<(), Error> {
    if process.stage != Stage::New {
        return Ok(());
    }
    let unit = process.program.unit.clone();
    let (reference, source) = units::load(cx, &unit.chunk)?;
    let (thread, index) = take_thread(cx);
    process.thread_index = index;
    process.main = thread;
    if process.category != 0 {
        thread.set_category(process.category);
    }
    State::Task.set(thread);
    push_environment(cx, thread);
    thread.replace(GLOBALS);
    units::push_clone(thread, reference);
    process.units.push(LoadedUnit { source, unit, value: 0 });
    process.tasks = Vec::with_capacity(1);
    process.tasks.push(Some(Task::new(thread, 0, 0)));
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
    lua.reserve(2);
    lua.new_table(0, 0);
    lua.push_ref(cx.vm().refs.env_metatable);
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
    lua.push_ref(vm.refs.threads);
    let thread = lua.new_thread();
    lua.raw_seti(-2, index as c_int);
    lua.pop(1);
    (thread, index)
}

/// Runs a task until it blocks, gives way or ends.
fn turn(cx: Cx, process: &mut Process, id: TaskId) -> Turn {
    let main = cx.vm().lua;
    let Some(task) = process.task(id) else { return Turn::Ended };
    let mut arguments = std::mem::take(&mut task.arguments);
    let mut raise = std::mem::take(&mut task.raise);
    loop {
        let Some(task) = process.task(id) else { return Turn::Ended };
        let thread = task.innermost();
        cx.vm().op = Op::Preempted;
        let failing = Failing::set(cx, true);
        let resumed = if std::mem::take(&mut raise) {
            thread.resume_error(main)
        } else {
            thread.resume(main, arguments)
        };
        drop(failing);
        if cx.vm().dying || cx.vm().config.slots.kill_claimed(process.slot()) {
            cx.vm().dying = true;
            return Turn::Killed;
        }
        let Some(task) = process.task(id) else { return Turn::Ended };
        match resumed {
            Resumed::Yielded => match std::mem::take(&mut cx.vm().op) {
                Op::Preempted => return Turn::Preempted,
                Op::Block => return Turn::Blocked,
                Op::GiveWay => return Turn::GaveWay,
                Op::Die => return Turn::Killed,
                Op::CoroutineYield => {
                    let count = thread.top();
                    State::Suspended.set(thread);
                    arguments = back(task, thread, count);
                }
                Op::CoroutineResume { thread, protected } => {
                    // A fresh coroutine has its function below the arguments.
                    arguments = thread.top() - c_int::from(thread.status() == 0);
                    let purpose = Purpose::Coroutine { protected };
                    task.fibers.push(Fiber { lua: thread, purpose });
                }
                Op::Require { unit, thread } => {
                    arguments = 0;
                    task.fibers.push(Fiber { lua: thread, purpose: Purpose::Library(unit) });
                    process.loading += 1;
                }
                Op::Upgrade { upgrade, thread } => {
                    arguments = 0;
                    task.fibers.push(Fiber { lua: thread, purpose: Purpose::Upgrade(upgrade) });
                    process.loading += 1;
                }
            },
            Resumed::Returned => match returned(cx, process, id, thread) {
                Ok(count) => arguments = count,
                Err(turn) => return turn,
            },
            Resumed::Raised => match raised(cx, process, id, thread) {
                Ok(Some(count)) => arguments = count,
                Ok(None) => raise = true,
                Err(turn) => return turn,
            },
        }
    }
}

/// Pops the innermost coroutine and hands its top `count` values to the one below.
fn back(task: &mut Task, thread: Lua, count: c_int) -> c_int {
    let purpose = task.fibers.pop().map(|fiber| fiber.purpose);
    let parent = task.innermost();
    if State::of(parent) == State::Normal {
        State::Running.set(parent);
    }
    parent.reserve(count + 2);
    let protected = matches!(purpose, Some(Purpose::Coroutine { protected: true }));
    if protected {
        parent.push_boolean(true);
    }
    thread.move_to(parent, count);
    count + c_int::from(protected)
}

/// The innermost thread returned. `Ok`: the one below goes on with that many values.
fn returned(cx: Cx, process: &mut Process, id: TaskId, thread: Lua) -> Result<c_int, Turn> {
    let stage = process.stage;
    let Some(task) = process.task(id) else { return Err(Turn::Ended) };
    let count = thread.top();
    match task.fibers.last().map(|fiber| &fiber.purpose) {
        Some(Purpose::Coroutine { .. }) => {
            State::Dead.set(thread);
            Ok(back(task, thread, count))
        }
        Some(Purpose::Library(unit)) => {
            let unit = unit.clone();
            task.fibers.pop();
            let parent = task.innermost();
            process.loading -= 1;
            thread.set_top(1);
            if thread.is_nil(1) {
                thread.set_top(0);
                thread.push_boolean(true);
            }
            parent.reserve(2);
            thread.copy_to(parent, 1);
            let value = cx.hold(thread, process);
            if let Some(loaded) = process.units.iter_mut().find(|l| Arc::ptr_eq(&l.unit, &unit)) {
                loaded.value = value;
            }
            Ok(1)
        }
        Some(Purpose::Upgrade(_)) => upgraded(cx, process, id, thread),
        _ if id != 0 => {
            end_task(cx, process, id);
            Err(Turn::Ended)
        }
        _ if stage == Stage::Loading => {
            process.stage = Stage::Running;
            process.loading = 0;
            select_method(thread, &process.program.method)
                .map_err(|error| Turn::Finished(Box::new(Exit::failure(Reason::Error, error))))?;
            let arguments = process.arguments.take().unwrap_or_default();
            Ok(copy::push_all(cx, thread, &arguments))
        }
        _ => Err(Turn::Finished(Box::new(result(cx, process, thread, count)))),
    }
}

/// Leaves only the method's function on a thread whose chunk returned (SPEC 1.1).
fn select_method(thread: Lua, method: &str) -> Result<(), Error> {
    let method = if method.is_empty() { "main" } else { method };
    thread.set_top(1);
    if thread.is_table(1) {
        thread.push_str(method);
        thread.raw_get(1);
        thread.remove(1);
    }
    if thread.is_function(1) {
        return Ok(());
    }
    Err(Error::not_found(format!("method \"{method}\" not found in module")))
}

/// The exit record of what `main` returned (SPEC 1.3).
fn result(cx: Cx, process: &Process, thread: Lua, count: c_int) -> Exit {
    if count >= 2 {
        if let Some(error) = error::at(thread, 2) {
            return Exit::failure(Reason::Error, error::from_returned(error));
        }
        if thread.kind(2) == LUA_TSTRING {
            return Exit::failure(Reason::Error, error::from_text(thread.bytes(2)));
        }
    }
    if count == 0 {
        return Exit::normal(Values::none());
    }
    match copy::take(cx, thread, 1, 1, "result", process.result_limit) {
        Ok(values) if matches!(values.first(), Value::Nil) => Exit::normal(Values::none()),
        Ok(values) => Exit::normal(values),
        Err(error) => Exit::failure(Reason::Error, error),
    }
}

/// The innermost thread raised. `Ok(Some)`: the one below goes on with values, `Ok(None)`: with the error.
fn raised(cx: Cx, process: &mut Process, id: TaskId, thread: Lua) -> Result<Option<c_int>, Turn> {
    let Some(task) = process.task(id) else { return Err(Turn::Ended) };
    match task.fibers.pop().map(|fiber| fiber.purpose) {
        Some(Purpose::Coroutine { protected }) => {
            State::Dead.set(thread);
            let parent = task.innermost();
            if State::of(parent) == State::Normal {
                State::Running.set(parent);
            }
            parent.reserve(3);
            if protected {
                parent.push_boolean(false);
            }
            thread.move_to(parent, 1);
            Ok(protected.then_some(2))
        }
        Some(Purpose::Library(unit)) => {
            let parent = task.innermost();
            parent.reserve(2);
            thread.move_to(parent, 1);
            process.loading -= 1;
            process.units.retain(|loaded| !Arc::ptr_eq(&loaded.unit, &unit));
            Ok(None)
        }
        Some(Purpose::Upgrade(_)) => {
            let error = error::from_raised(cx, thread);
            let parent = task.innermost();
            process.loading -= 1;
            Ok(Some(super::message::fail(parent, error)))
        }
        _ => {
            let error = error::from_raised(cx, thread);
            Err(Turn::Finished(Box::new(Exit::failure(Reason::Error, error))))
        }
    }
}

/// A task other than main returned.
fn end_task(cx: Cx, process: &mut Process, id: TaskId) {
    let anchor = process.task(id).map_or(0, |task| task.anchor);
    process.remove_task(id);
    cx.release(cx.vm().lua, process, anchor);
}

/// The new chunk of an upgrade ran: replaces the code, or reports why not.
fn upgraded(cx: Cx, process: &mut Process, id: TaskId, thread: Lua) -> Result<c_int, Turn> {
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
    lua.reserve(4);
    lua.push_ref(cx.vm().refs.threads);
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
    let mut main = Task::new(thread, 0, 0);
    main.ticket = ticket;
    process.tasks.push(Some(main));
    if let Ok((_, source)) = units::load(cx, &process.program.unit.chunk) {
        let unit = process.program.unit.clone();
        process.units.retain(|loaded| loaded.value != 0);
        process.units.insert(0, LoadedUnit { source, unit, value: 0 });
    }
    for task in old.iter().flatten() {
        cx.release(lua, process, task.anchor);
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
    for held in channel.buffer {
        if let Held::Ref(index) = held {
            cx.release(cx.vm().lua, process, index);
        }
    }
    cx.release(cx.vm().lua, process, channel.anchor);
    if id > EVENTS {
        // The place stays taken until the objects of the old channel are collected:
        // that must not bury a channel of the new code.
        let mut closed = Channel::new(Source::Local, 0);
        closed.closed = true;
        closed.views = channel.views;
        process.channels[id as usize] = Some(Box::new(closed));
    }
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
    let slot = process.slot() as c_int + 1;
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
    lua.reserve(4);
    if process.hold_next > 0 {
        lua.push_ref(vm.refs.holds);
        lua.push_nil();
        lua.raw_seti(-2, slot);
        lua.pop(1);
    }
    if process.thread_index != 0 {
        let panicked = process.main.0.is_null();
        if vm.pool.len() < POOL && !panicked && process.category == 0 {
            process.main.reset_thread();
            process.main.push_nil();
            process.main.set_top(0);
            lua.push_ref(vm.refs.base);
            lua.move_to(process.main, 1);
            process.main.replace(GLOBALS);
            vm.pool.push((process.main, process.thread_index));
        } else {
            lua.push_ref(vm.refs.threads);
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
}

/// Reset threads keep 1.4 KB each, so only so many are kept.
const POOL: usize = 256;

/// Forgets channels and held values whose objects were collected.
pub fn bury_dead(cx: Cx) {
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
                    cx.kernel().clear_timer(process.slot(), timer);
                }
                memory::refund(cx, process, channel.weight());
                for held in channel.buffer {
                    if let Held::Ref(index) = held {
                        cx.release(cx.vm().lua, process, index);
                    }
                }
            }
            Dead::Held { pid, index } => {
                let Some(process) = cx.find(pid) else { continue };
                if !process.unshare_held(index) {
                    cx.release(cx.vm().lua, process, index);
                }
            }
        }
    }
}

/// A process that has asked for this share of the shard's memory gets a category of its own.
const LARGE_SHARE: usize = 64;

/// Bytes of a process with a category of its own: its heap, and what Rust keeps for it.
fn held(cx: Cx, process: &Process) -> usize {
    cx.vm().lua.category_heap(process.category) + process.charged
}

/// At most how many bytes any process holds.
fn weight(cx: Cx, process: &Process) -> usize {
    let shared = cx.vm().lua.category_heap(0).min(process.gross);
    match process.category {
        0 => shared + process.charged,
        _ if process.memory.is_some() => 0,
        _ => shared + held(cx, process),
    }
}

/// Counts what the running process asked for. One that turned out to be large
/// gets a category, which tells what it holds from now on.
fn count(cx: Cx, process: &mut Process) {
    let vm = cx.vm();
    let asked = vm.heap_account.gross - vm.heap_account.counted;
    vm.heap_account.counted = vm.heap_account.gross;
    if process.category != 0 {
        return;
    }
    process.gross += asked;
    if process.gross <= vm.config.memory / LARGE_SHARE {
        return;
    }
    let lua = vm.lua;
    let category = vm.categories.take_for_large(|category| lua.category_heap(category));
    process.category = category;
    if category != 0 {
        let fibers = process.tasks.iter().flatten().flat_map(|task| &task.fibers);
        fibers.for_each(|fiber| fiber.lua.set_category(category));
    }
}

/// Draws the lines for a process that is about to run on.
fn draw_lines(cx: Cx, process: &Process) {
    let vm = cx.vm();
    let account = &mut vm.heap_account;
    let lines = match process.memory {
        Some(limit) => {
            let limit = limit as usize;
            let left = process.memory_line.saturating_sub(held(cx, process));
            Lines {
                gross: account.gross.saturating_add(left),
                category: process.category,
                // What is beyond the limit may be garbage; twice the limit is too much of it.
                category_hard: limit.saturating_mul(2).saturating_add(1 << 20),
                ..Lines::NONE
            }
        }
        None => {
            let shard = vm.config.memory;
            let soft = vm.memory_line;
            Lines { soft, hard: soft.saturating_add(shard / 2), ..Lines::NONE }
        }
    };
    account.draw(lines);
}

/// A line was passed: collects, and ends who holds too much all the same.
fn relieve(cx: Cx, process: &mut Process) -> Option<Exit> {
    let vm = cx.vm();
    if let Some(limit) = process.memory {
        if held(cx, process) > process.memory_line {
            vm.lua.full_collection();
            bury_dead(cx);
            let (limit, held) = (limit as usize, held(cx, process));
            if held > limit {
                return Some(Exit::memory_limit());
            }
            // So that a process just below its limit does not collect all the time:
            // it may have some garbage beyond it.
            let room = (limit / 4).max((vm.heap_account.used / 16).min(4 << 20));
            process.memory_line = limit.max(held + room);
        }
        draw_lines(cx, process);
        return None;
    }
    count(cx, process);
    vm.lua.full_collection();
    bury_dead(cx);
    if vm.heap_account.used > vm.config.memory
        && let Some(heaviest) = heaviest(cx)
    {
        if heaviest == process.slot() {
            return Some(Exit::memory_limit());
        }
        cx.kernel().end_for_memory(heaviest);
    }
    // After a collection that left little room, the next is worth its price only later.
    let shard = vm.config.memory;
    vm.memory_line = shard.max(vm.heap_account.used.saturating_add(shard / 16));
    draw_lines(cx, process);
    None
}

/// The process without a limit of its own that holds most.
fn heaviest(cx: Cx) -> Option<crate::kernel::Slot> {
    let processes = cx.vm().processes.iter().flatten();
    let weights = processes.map(|process| (weight(cx, process), process.slot()));
    // Of equals the one that came first: nothing speaks for either.
    weights.rev().max_by_key(|(weight, _)| *weight).map(|(_, slot)| slot)
}

/// A timer fired.
pub fn timer(cx: Cx, process: &mut Process, meaning: Meaning) {
    match meaning {
        Meaning::Task { id, ticket } => {
            if process.task(id).is_some_and(|task| {
                task.ticket == ticket && matches!(task.wait, Wait::Operation(_))
            }) {
                cx.wake_task(process, id, 0);
            }
        }
        Meaning::Channel(id) => {
            let (seconds, nanos) = cx.kernel().wall();
            let zone = luavisor_core::value::Zone::Local;
            let now = Object::Time(luavisor_core::value::Instant { seconds, nanos, zone });
            let Some(channel) = process.channel(id) else { return };
            match channel.source {
                Source::Timer(_) => {
                    channel.source = Source::Local;
                    process.external -= 1;
                    channel::offer(cx, process, id, now);
                    channel::close(cx, cx.vm().lua, process, id);
                }
                Source::Ticker { timer, period } => {
                    let at = timer.at.saturating_add(period).max(cx.kernel().monotonic());
                    let slot = process.slot();
                    let timer = cx.kernel().set_timer(slot, at, meaning_token(id));
                    if let Some(channel) = process.channel(id) {
                        channel.source = Source::Ticker { timer, period };
                    }
                    channel::offer(cx, process, id, now);
                }
                _ => {}
            }
        }
    }
}

fn meaning_token(id: ChannelId) -> crate::kernel::Token {
    Meaning::Channel(id).token()
}

/// An operation of the kernel ended.
pub fn complete(cx: Cx, process: &mut Process, meaning: Meaning, result: Result<Values, Error>) {
    let Meaning::Task { id, ticket } = meaning else { return };
    let waiting = process
        .task(id)
        .is_some_and(|task| task.ticket == ticket && matches!(task.wait, Wait::Operation(_)));
    if !waiting {
        return;
    }
    let answer_true = process.task(id).is_some_and(|task| std::mem::take(&mut task.answer_true));
    match result {
        Ok(values) if answer_true && values.items.is_empty() => {
            cx.answer(process, id, &Values::one(true));
        }
        Ok(values) => cx.answer(process, id, &values),
        Err(error) => {
            let Some(thread) = process.task(id).map(|task| task.innermost()) else { return };
            let count = super::message::fail(thread, error);
            cx.wake_task(process, id, count);
        }
    }
}
