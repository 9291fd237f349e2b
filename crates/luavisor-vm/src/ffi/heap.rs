//! Who may hold how much of the VM's heap, and what happens beyond it.
//!
//! `memory` counts and raises the alarm; this file draws the lines before a
//! process runs and decides afterwards who must end.

use std::sync::Arc;

use luavisor_core::Exit;

use super::context::{Cx, Resident};
use super::life::collect;
use super::memory::Lines;
use super::process::Process;

/// A process that has asked for this share of the shard's memory gets a category of its own.
const LARGE_SHARE: usize = 64;

/// Bytes that may be added to a small heap of a simulation before it is collected.
const SIMULATED_ROOM: usize = 1 << 20;

/// Bytes of a process with a category of its own: its heap, and what Rust keeps for it.
pub fn held(cx: Cx, process: &Process) -> usize {
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
pub fn count(cx: Cx, process: &mut Process) {
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
        let threads = process.tasks.iter().flat_map(|task| task.threads());
        threads.for_each(|thread| thread.set_category(category));
    }
}

/// Draws the lines for a process that is about to run on.
pub fn draw_lines(cx: Cx, process: &Process) {
    let vm = cx.vm();
    let account = &mut vm.heap_account;
    let lines = match process.memory {
        Some(limit) => {
            let limit = limit.get() as usize;
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

/// Bytes in use at which the whole heap is collected next.
pub fn next_line(cx: Cx) -> usize {
    let (used, shard) = (cx.vm().heap_account.used, cx.vm().config.memory);
    let full = shard.max(used.saturating_add(shard / 16));
    match cx.simulated() {
        // Nothing else collects there.
        true => full.min(used.saturating_mul(2).saturating_add(SIMULATED_ROOM)),
        false => full,
    }
}

/// A line was passed: collects, and ends who holds too much all the same.
pub fn relieve(cx: Cx, process: &mut Process) -> Option<Arc<Exit>> {
    let vm = cx.vm();
    if let Some(limit) = process.memory {
        if held(cx, process) > process.memory_line {
            collect(cx);
            let (limit, held) = (limit.get() as usize, held(cx, process));
            if held > limit {
                return Some(Arc::new(Exit::memory_limit()));
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
    collect(cx);
    if vm.heap_account.used > vm.config.memory
        && let Some(heaviest) = heaviest(cx)
    {
        if heaviest == process.slot() {
            return Some(Arc::new(Exit::memory_limit()));
        }
        cx.kernel().end_for_memory(heaviest);
    }
    // After a collection that left little room, the next is worth its price only later.
    vm.memory_line = next_line(cx);
    draw_lines(cx, process);
    None
}

/// The process without a limit of its own that holds most.
fn heaviest(cx: Cx) -> Option<crate::kernel::Slot> {
    let living = cx.vm().residents.iter().filter_map(|resident| match resident {
        Resident::Living(process) => Some(process),
        _ => None,
    });
    let weights = living.map(|process| (weight(cx, process), process.slot()));
    // Of equals the one that came first: nothing speaks for either.
    weights.rev().max_by_key(|(weight, _)| *weight).map(|(_, slot)| slot)
}
