//! `system` (MODULES 9), against a kernel that shows made-up facts.

mod support;

use support::{Bench, passes};

#[test]
fn the_machine_and_the_runtime() {
    passes(
        r#"
        local system = require("system")
        eq(system.process.pid(), 4711) eq(system.process.hostname(), "kettle") eq(system.runtime.cpu_count(), 8)
        -- three processes, and the tasks of this one
        local before = system.runtime.goroutines()
        eq(before, 4)
        coroutine.spawn(function() eq(system.runtime.goroutines(), 5) end)
        eq(system.runtime.max_procs(), 2) eq(system.runtime.max_procs(16), 2) eq(system.runtime.max_procs(), 16)
        local err = refused("Invalid", "n must be > 0", system.runtime.max_procs(0)) eq(err:retryable(), false)
        local found = {}
        for _, module in system.modules() do
            eq(type(module.description), "string") assert(#module.class > 0) found[module.name] = true
        end
        for _, name in {"system", "json", "process", "time"} do assert(found[name], name) end
        "#,
    );
}

#[test]
fn memory_and_the_collector() {
    passes(
        r#"
        local memory, gc = require("system").memory, require("system").gc
        local stats = memory.stats()
        for _, name in {"alloc", "total_alloc", "sys", "heap_alloc", "heap_sys", "heap_idle", "heap_in_use", "heap_released",
            "heap_objects", "stack_in_use", "stack_sys", "mspan_in_use", "mspan_sys", "num_gc", "next_gc"} do
            eq(type(stats[name]), "number")
        end
        eq(stats.sys, 5 * 2^20) assert(stats.alloc > 2^20 and stats.total_alloc > stats.alloc and stats.next_gc > stats.alloc)
        assert(memory.allocated() > 2^20) assert(memory.heap_objects() > 1)
        eq(memory.get_limit(), 9223372036854775807) eq(memory.set_limit(5e9), 9223372036854775807) eq(memory.get_limit(), 5e9)
        eq(memory.set_limit(-1), 5e9) eq(memory.get_limit(), 9223372036854775807)
        refused("Invalid", "limit must be >= -1", memory.set_limit(-2))
        eq(gc.get_percent(), 100) eq(gc.set_percent(50), 100) eq(gc.get_percent(), 50)
        local garbage = table.create(0)
        for i = 1, 20000 do garbage[i] = {} end
        garbage = nil
        local before = memory.allocated()
        eq(gc.collect(), true)
        assert(memory.allocated() < before - 20000 * 48, "the garbage is gone")
        "#,
    );
}

#[test]
fn services() {
    passes(
        r#"
        local supervisor = require("system").supervisor
        local a = supervisor.state("app:a")
        eq(a.id, "app:a") eq(a.status, "failed") eq(a.desired, "running") eq(a.retry_count, 2)
        eq(a.last_update, 7e9) eq(a.started_at, 5e9) eq(a.details, "boom")
        local all = supervisor.states()
        eq(#all, 2) eq(all[2].status, "running") eq(all[2].details, nil)
        refused("Invalid", "service ID is required", supervisor.state(""))
        refused("NotFound", "service not found: app:c", supervisor.state("app:c"))
        "#,
    );
}

#[test]
fn exit_asks_for_the_shutdown() {
    let mut bench = Bench::new();
    bench.passes("eq(require('system').exit(), true)");
    assert_eq!(bench.kernel.exit_code, Some(0));
    bench.passes("eq(require('system').exit(3), true) fails('integer expected', require('system').exit, 1.5)");
    assert_eq!(bench.kernel.exit_code, Some(3));
}
