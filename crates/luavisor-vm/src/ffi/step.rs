//! Running a process: from its first instruction to its exit.
//!
//! [`run`] resumes one task after another until the process blocks, ends or has
//! to give way. Each task is a stack of threads (see `coroutine`): when the
//! innermost yields, its [`Op`] says what to do; when it returns or raises, the
//! one below goes on with the results or the error.

use std::ffi::c_int;
use std::sync::Arc;

use luavisor_core::value::Object;
use luavisor_core::{Error, Exit, Kind, Reason, Values};

use super::call::Call;
use super::context::{Cx, Op};
use super::coroutine::State;
use super::lua::*;
use super::memory::{Failing, Lines};
use super::process::*;
use super::tasks::Answer;
use super::{channel, copy, error, futures, heap, interrupt, life};
use crate::vm::{Preemption, Step};

/// How a task's turn ended.
pub enum Turn {
    /// it waits
    Blocked,
    /// it was preempted and goes first when the process runs again
    Preempted,
    /// it gave way to the other tasks
    GaveWay,
    /// it ended; the process goes on
    Ended,
    /// the process ended
    Finished(Arc<Exit>),
    /// the process was killed
    Killed,
}

/// Runs a process until it blocks, ends or gives way.
pub fn run(cx: Cx, process: &mut Process) -> Step {
    let vm = cx.vm();
    vm.dying = false;
    vm.unpreemptible = false;
    if let Preemption::Counted(budget) = vm.config.preemption {
        let all = u64::from(budget.max(1));
        // In a simulation somewhere, so that seeds try all places.
        let budget = if vm.config.spot.is_some() { 1 + cx.kernel().random() % all } else { all };
        vm.budget = budget as i64;
        interrupt::arm(vm.lua);
    }
    vm.heap_account.exhausted = false;
    heap::draw_lines(cx, process);
    vm.heap_account.counted = vm.heap_account.gross;
    let mut step = match life::start(cx, process) {
        Ok(()) => tasks(cx, process),
        Err(error) => failed(error),
    };
    if life::bury_dead(cx)
        && matches!(step, Step::Blocked)
        && let Some(exit) = deadlock(cx, process)
    {
        // The last source was just collected.
        step = Step::Finished(exit);
    }
    // Nothing fails for want of memory until a process runs again.
    vm.heap_account.draw(Lines::NONE);
    heap::count(cx, process);
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

/// The process failed by itself.
fn failed(error: Error) -> Step {
    Step::Finished(failure(error))
}

fn failure(error: Error) -> Arc<Exit> {
    Arc::new(Exit::failure(Reason::Error, error))
}

fn tasks(cx: Cx, process: &mut Process) -> Step {
    loop {
        let Some(id) = process.tasks.next_ready() else {
            return match deadlock(cx, process) {
                Some(exit) => Step::Finished(exit),
                None => Step::Blocked,
            };
        };
        cx.vm().current_task = id;
        let was_preempted = std::mem::replace(&mut process.preempted, false);
        let turn = turn(cx, process, id);
        if was_preempted && !matches!(turn, Turn::Preempted) {
            futures::catch_up(cx, process);
        }
        if cx.vm().unpreemptible {
            let message = "ran 1s where it cannot be preempted";
            return failed(Error::new(Kind::LIMIT_EXCEEDED, message));
        }
        if cx.vm().heap_account.exhausted {
            return Step::Finished(Arc::new(Exit::memory_limit()));
        }
        match turn {
            Turn::Killed => return Step::Killed,
            Turn::Finished(exit) => return Step::Finished(exit),
            Turn::Preempted => {
                process.preempted = true;
                process.tasks.make_ready_first(id);
            }
            Turn::GaveWay => process.tasks.make_ready(id),
            Turn::Blocked | Turn::Ended => {}
        }
        let full = process.memory.is_some() && heap::held(cx, process) > process.memory_line;
        if (full || cx.vm().heap_account.wants_attention())
            && let Some(exit) = heap::relieve(cx, process)
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
        // One that gives way while a call is under way waits for its answer.
        let polls = matches!(turn, Turn::GaveWay)
            && process.rare_mut().is_some_and(|rare| rare.futures.any_open());
        if (over || polls || matches!(turn, Turn::Preempted)) && !process.tasks.none_ready() {
            return Step::Ready;
        }
    }
}

/// The failure of a process whose tasks all wait for each other (SPEC 6.5).
fn deadlock(cx: Cx, process: &mut Process) -> Option<Arc<Exit>> {
    let waits = process.external == process.dormant
        && process.tasks.iter().all(|task| matches!(task.wait, Wait::Channels(_)));
    if waits && process.dormant > 0 {
        channel::start_timers(cx, process);
        return None;
    }
    waits.then(|| {
        let threads = process.tasks.iter().count();
        let message = format!(
            "deadlock: all coroutines blocked with no pending operations (threads={threads})"
        );
        failure(Error::internal(message))
    })
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
            let value = cx.hold(thread);
            if let Some(loaded) = process.units.iter_mut().find(|l| Arc::ptr_eq(&l.unit, &unit)) {
                loaded.value = Some(value);
            }
            Ok(1)
        }
        Some(Purpose::Upgrade(_)) => life::upgraded(cx, process, id, thread),
        _ if id != 0 => {
            end_task(cx, process, id);
            Err(Turn::Ended)
        }
        _ if stage == Stage::Loading => {
            process.stage = Stage::Running;
            process.loading = 0;
            select_method(thread, &process.program.method)
                .map_err(|error| Turn::Finished(failure(error)))?;
            Ok(match process.arguments.take() {
                Some(arguments) => copy::push_all(cx, thread, &arguments),
                None => 0,
            })
        }
        _ => Err(Turn::Finished(result(cx, process, thread, count))),
    }
}

/// Leaves only the method's function on a thread whose chunk returned (SPEC 1.1).
pub fn select_method(thread: Lua, method: &str) -> Result<(), Error> {
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
fn result(cx: Cx, process: &Process, thread: Lua, count: c_int) -> Arc<Exit> {
    if count >= 2 {
        if let Some(error) = error::at(thread, 2) {
            return failure(error::from_returned(error));
        }
        if thread.kind(2) == LUA_TSTRING {
            return failure(error::from_text(thread.bytes(2)));
        }
    }
    if count == 0 || thread.is_nil(1) {
        return cx.vm().nothing.clone();
    }
    match copy::take(cx, thread, 1, 1, "result", process.result_limit) {
        Ok(values) => Arc::new(Exit::normal(values)),
        Err(error) => failure(error),
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
            Ok(Some(super::error::fail(parent, error)))
        }
        _ => {
            let error = error::from_raised(cx, thread);
            Err(Turn::Finished(failure(error)))
        }
    }
}

/// A task other than main returned.
fn end_task(cx: Cx, process: &mut Process, id: TaskId) {
    if let Some(task) = process.tasks.remove(id) {
        cx.release(task.anchor);
    }
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
                Source::Timer(_) | Source::After { .. } => {
                    channel.source = Source::Local;
                    process.external -= 1;
                    channel::offer(cx, process, id, now);
                    channel::close(cx, process, id);
                    wake_if_stuck(cx, process);
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
        // Its timeout is the kernel's affair.
        Meaning::Call { .. } => {}
    }
}

/// A source outside the process is gone: if nothing else can wake it, it runs
/// once more, to fail as deadlocked.
pub fn wake_if_stuck(cx: Cx, process: &mut Process) {
    if process.tasks.none_ready()
        && process.stage == Stage::Running
        && deadlock(cx, process).is_some()
    {
        cx.wake(process);
    }
}

fn meaning_token(id: ChannelId) -> crate::kernel::Token {
    Meaning::Channel(id).token()
}

/// An operation of the kernel ended.
pub fn complete(cx: Cx, process: &mut Process, meaning: Meaning, result: Result<Values, Error>) {
    let (id, ticket) = match meaning {
        Meaning::Task { id, ticket } => (id, ticket),
        Meaning::Call { channel, number } => {
            return futures::answered(cx, process, channel, number, result);
        }
        Meaning::Channel(_) => return,
    };
    let waiting = process
        .task(id)
        .is_some_and(|task| task.ticket == ticket && matches!(task.wait, Wait::Operation(_)));
    if !waiting {
        return;
    }
    let answer = process.task(id).map(|task| std::mem::take(&mut task.answer)).unwrap_or_default();
    match result {
        Ok(values) if matches!(answer, Answer::True) && values.items.is_empty() => {
            cx.answer(process, id, &Values::one(true));
        }
        Ok(values) => {
            let Some(thread) = process.task(id).map(|task| task.innermost()) else { return };
            let count = match answer {
                Answer::As(push) => push(thread, &values),
                Answer::Push(push) => {
                    let before = thread.top();
                    push(&mut Call::on(cx, thread));
                    thread.top() - before
                }
                _ => return cx.answer(process, id, &values),
            };
            cx.wake_task(process, id, count);
        }
        Err(error) => {
            let Some(thread) = process.task(id).map(|task| task.innermost()) else { return };
            let count = match answer {
                Answer::Or(push) => push(thread, error),
                _ => super::error::fail(thread, error),
            };
            cx.wake_task(process, id, count);
        }
    }
}
