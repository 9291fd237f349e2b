//! `process.upgrade` as far as one process can see it (SPEC 12.2).

mod support;

use luavisor_vm::Step;
use support::{Bench, chunk, program};

#[test]
fn channels_of_the_old_code_do_not_bury_those_of_the_new() {
    let mut bench = Bench::new();
    let new = r#"
        local time = require("time")
        local mine = {}
        for n = 1, 20 do mine[n] = channel.new(1) mine[n]:send(n) end
        time.sleep(1)
        for n = 1, 20 do eq(mine[n]:receive(), n) end
        eq(..., "argument")
    "#;
    bench.kernel.programs.insert("app:new".into(), program("app:new", &chunk(new)));
    bench.start(
        r#"
        local time = require("time")
        local old = {}
        for n = 1, 10 do old[n] = channel.new(1) old[n]:send({}) end
        local timer, listened = time.timer("1h"), process.listen("x")
        process.upgrade("app:new", "argument")
        "#,
    );
    assert!(matches!(bench.vm.run(0, &mut bench.kernel), Step::Blocked));
    assert_eq!(bench.kernel.timers.len(), 1, "the timer of the old code is gone");
    bench.vm.collect(&mut bench.kernel);
    let exit = bench.finish();
    assert_eq!(exit.and_then(|exit| exit.error), None);
}

#[test]
fn a_failed_upgrade_leaves_the_old_code_running() {
    let mut bench = Bench::new();
    bench.kernel.programs.insert("app:bad".into(), program("app:bad", "error('no')"));
    bench.kernel.programs.insert("app:none".into(), program("app:none", "return {}"));
    bench.passes(
        r#"
        refused("NotFound", "factory not found", process.upgrade("app:gone"))
        refused("Internal", "app:bad:1: no", process.upgrade("app:bad"))
        refused("NotFound", 'method "main" not found in module', process.upgrade("app:none"))
        refused("Invalid", "payload: a function cannot be sent", process.upgrade("app:bad", print))
        eq(process.id(), "app:main")
        "#,
    );
}

#[test]
fn any_task_may_upgrade_and_all_end() {
    let mut bench = Bench::new();
    let new = chunk(r#"eq(..., 7) print("new") coroutine.yield() print("still")"#);
    bench.kernel.programs.insert("app:new".into(), program("app:new", &new));
    bench.passes(
        r#"
        coroutine.spawn(function() process.upgrade("app:new", 7) end)
        coroutine.spawn(function() coroutine.yield() coroutine.yield() print("old") end)
        channel.new():receive()
        "#,
    );
    assert_eq!(bench.kernel.stdout, "new\nstill\n");
}
