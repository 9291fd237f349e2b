//! What a VM without processes holds beyond a new one: next to nothing, unless something
//! leaks.

use super::context::Cx;
use super::lua::Lua;
use super::{life, seats};

/// Passes after which Luau's table of strings has its smallest size: each halves it.
const PASSES: usize = 24;

/// Lets everything go that is kept for processes to come, and says how many bytes the heap
/// still holds beyond those of a new VM. Afterwards the VM is of no use.
pub fn bare(cx: Cx) -> usize {
    let vm = cx.vm();
    for (_, chunk) in std::mem::take(&mut vm.chunks) {
        vm.shelf.clear(chunk.place);
    }
    seats::clear(cx);
    vm.pids.clear();
    vm.topics.clear();
    vm.strangers.clear();
    vm.holds.clear();
    life::collect(cx);
    for _ in 0..PASSES {
        let before = vm.heap_account.used;
        life::collect_once(cx);
        if vm.heap_account.used == before {
            break;
        }
    }
    vm.heap_account.used.saturating_sub(vm.fresh)
}

/// Lets all values of a storage thread go, and the stack that they took.
pub fn empty(thread: Lua) {
    thread.set_top(0);
    thread.reset_thread();
}
