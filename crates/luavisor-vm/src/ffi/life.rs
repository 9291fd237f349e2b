//! The beginning and the end of a process in its VM.
//!
//! The first run makes its thread and globals; an upgrade replaces its code; the
//! end drops it without running any of its code. What its garbage leaves behind
//! in Rust is buried here too.

use std::ffi::c_int;

use luavisor_core::Error;

use super::context::{Cx, DeadChannel, Resident};
use super::lua::*;
use super::memory;
use super::process::*;
use super::step::{Turn, select_method};
use super::{bus, copy, futures, heap, seats, units};
use crate::kernel::Slot;

/// Makes a process of its birth.
#[cold]
pub fn bear<'a>(cx: Cx, slot: Slot) -> Option<&'a mut Process> {
    let vm = cx.vm();
    let place = vm.residents.get_mut(slot as usize)?;
    let Resident::Unborn(birth) = std::mem::replace(place, Resident::Nobody) else { return None };
    let mut process = Box::new(Process::new(*birth));
    if process.context.is_empty() {
        process.context = vm.no_context.clone();
    }
    process.guarded = vm.config.strict || process.context.is_secured();
    if process.memory.is_some() {
        let lua = vm.lua;
        process.category = vm.categories.take(|category| lua.category_heap(category));
    }
    *place = Resident::Living(process);
    cx.at(slot)
}

/// Makes the main thread at the first run.
pub fn start(cx: Cx, process: &mut Process) -> Result<(), Error> {
    if process.stage != Stage::New {
        return Ok(());
    }
    if process.memory.is_some() && heap::held(cx, process) > process.memory_line / 2 {
        // What the last owner of its category left must not end it.
        collect(cx);
    }
    let unit = process.program.unit.clone();
    let (place, source) = units::load(cx, &unit.chunk)?;
    let seat = seats::take(cx);
    let thread = seat.lua;
    if process.category != 0 {
        thread.set_category(process.category);
    }
    process.seat = Some(seat);
    units::push_clone(cx, thread, place);
    process.units.push(LoadedUnit { source, unit, value: None });
    process.tasks.begin(Task::new(thread, None, 0));
    process.stage = Stage::Loading;
    process.loading = 1;
    if process.random == 0 {
        process.random = cx.kernel().random() | 1;
    }
    Ok(())
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
        return Ok(super::error::fail(parent, error));
    }
    // The old code ends here: tasks, subscriptions and timers go, messages stay.
    seats::exchange(cx, process, thread);
    for channel in process.channels.ids() {
        drop_channel(cx, process, channel);
    }
    clear_sleeps(cx, process);
    process.rare().inbox_again = None;
    process.rare().events_again = None;
    futures::clear(cx, process);
    process.external = 0;
    process.dormant = 0;
    process.program = upgrade.program;
    // Whichever task called, the new code runs in main.
    let count = copy::push_all(cx, thread, &upgrade.arguments);
    let mut main = Task::new(thread, None, count);
    for old in process.tasks.take() {
        main.ticket = main.ticket.max(old.ticket.wrapping_add(1));
        cx.release(old.anchor);
    }
    process.tasks.begin(main);
    if let Ok((_, source)) = units::load(cx, &process.program.unit.chunk) {
        let unit = process.program.unit.clone();
        process.units.retain(|loaded| loaded.value.is_some());
        process.units.insert(0, LoadedUnit { source, unit, value: None });
    }
    Err(Turn::Ended)
}

/// Forgets a channel of the old code without waking anybody; unread messages go back.
fn drop_channel(cx: Cx, process: &mut Process, id: ChannelId) {
    // The number stays taken until the objects of the old channel are collected:
    // that must not bury a channel of the new code.
    let successor = (id > EVENTS).then(|| {
        let mut closed = Channel::new(Source::Local, 0);
        closed.closed = true;
        closed.views = process.channel(id).map_or(1, |channel| channel.views);
        closed
    });
    let Some(channel) = process.channels.vacate(id, successor) else { return };
    match channel.source {
        Source::Topic { subscription, .. } => process.mailbox.unsubscribe(subscription),
        Source::Bus(_) => bus::unsubscribe(cx, process, &channel.source),
        _ => {
            if let Some(timer) = channel.source.timer().filter(|_| cx.has_kernel()) {
                cx.kernel().clear_timer(process.slot(), timer);
            }
        }
    }
    // The empty channel that stays in its place keeps its base charge.
    memory::refund(cx, process, channel.weight() - Channel::BASE);
    channel.into_holds().for_each(|hold| cx.release(hold));
}

fn clear_sleeps(cx: Cx, process: &mut Process) {
    for task in process.tasks.iter() {
        if let Wait::Operation(Some(timer)) = task.wait {
            cx.kernel().clear_timer(process.pid.slot(), timer);
        }
    }
}

/// Drops a process without running any of its code.
pub fn destroy(cx: Cx, mut process: Box<Process>) {
    if cx.has_kernel() {
        clear_sleeps(cx, &mut process);
        // Its timers stand in for something outside.
        let timers = process.external > 0;
        for channel in process.channels.iter().filter(|_| timers) {
            if let Some(timer) = channel.source.timer() {
                cx.kernel().clear_timer(process.pid.slot(), timer);
            }
        }
    }
    seats::give_back(cx, &mut process);
    process.release(&mut cx.vm().holds);
    let vm = cx.vm();
    if process.category != 0 {
        vm.categories.give_back(process.category, process.memory.is_none());
    }
    vm.heap_account.used -= process.charged;
}

/// Collects all garbage. What only garbage objects held is garbage after a first
/// pass, and goes with a second one.
pub fn collect(cx: Cx) {
    collect_once(cx);
    if bury_dead(cx) {
        collect_once(cx);
        bury_dead(cx);
    }
}

/// One pass over the heap. A simulation has no others but these: Luau's collector sets
/// its pace by the machine's clock.
pub fn collect_once(cx: Cx) {
    cx.vm().lua.full_collection();
    if cx.simulated() {
        cx.vm().lua.stop_collector();
    }
}

/// Forgets channels whose objects were collected. True: there were some.
pub fn bury_dead(cx: Cx) -> bool {
    let some = !cx.vm().dead.is_empty();
    while let Some(DeadChannel { pid, id }) = cx.vm().dead.pop() {
        let Some(process) = cx.find(pid) else { continue };
        if let Some(channel) = process.channel(id)
            && channel.views > 1
        {
            channel.views -= 1;
            continue;
        }
        let Some(channel) = process.channels.remove(id) else { continue };
        futures::forget(cx, process, id);
        if channel.source.ends_with_its_objects() {
            process.lose_source(&channel.source);
            bus::unsubscribe(cx, process, &channel.source);
            super::step::wake_if_stuck(cx, process);
            if let Some(timer) = channel.source.timer() {
                cx.kernel().clear_timer(process.slot(), timer);
            }
        }
        memory::refund(cx, process, channel.weight());
        channel.into_holds().for_each(|hold| cx.release(hold));
    }
    some
}
