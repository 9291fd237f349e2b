//! `funcs`: calls, futures, executors, pools, and the ends of callers and callees
//! (MODULES 1 and 2).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use std::sync::Arc;

use lua_support::{World, program, world_of, world_with};
use luavisor_runtime::{Callable, HostConfig, ProgramTable};
use luavisor_vm::kernel::CancelRequest;

/// Functions that the tests call.
const FUNCTIONS: &[(&str, &str)] = &[
    ("app:echo", "-- function app:echo\nreturn function(...) return ... end"),
    ("app:fail", "-- function app:fail\nreturn function(text) return nil, text end"),
    (
        "app:refuse",
        "-- function app:refuse
        return function()
            return nil, errors.new({ message = 'gone', kind = errors.NOT_FOUND, retryable = true,
                details = { key = 'x' } })
        end",
    ),
    ("app:give", "-- function app:give\nreturn function() return print end"),
    ("app:raise", "-- function app:raise\nreturn function() error('broken') end"),
    ("app:loop", "-- function app:loop\nreturn function() while true do end end"),
    (
        "app:sleep",
        "-- function app:sleep
        local time = require('time')
        return function(delay, value) time.sleep(delay) return value end",
    ),
    (
        "app:global",
        "-- function app:global
        local kept = 0
        return function() kept += 1 count = (count or 0) + 1 return kept + count end",
    ),
    (
        "app:narrow",
        "-- function app:narrow, 2 at once
        local time = require('time')
        return function(name)
            process.send('log', 'begin', name)
            time.sleep('10ms')
            return name
        end",
    ),
    (
        "app:context",
        "-- function app:context
        local ctx = require('ctx')
        return function() return ctx.all() end",
    ),
    (
        "app:cooperative",
        "-- function app:cooperative
        return function()
            local event = process.events():receive()
            process.send('log', 'cancel', event.kind)
            return 'stopped'
        end",
    ),
    (
        "app:again",
        "-- function app:again
        local funcs = require('funcs')
        return function(n)
            if n == 0 then return 0 end
            local below, err = funcs.call('app:again', n - 1)
            return below and below + 1, err
        end",
    ),
];

/// Begins every main.
const PRELUDE: &str = "local funcs, time, ctx = require('funcs'), require('time'), require('ctx') \
    local function refused(kind, message, value, err) \
        assert(value == nil, 'a value: ' .. tostring(value)) \
        local got = err:kind() .. ': ' .. err:message() \
        if got ~= kind .. ': ' .. message then error('got ' .. got, 2) end return err end ";

fn with(sources: &[(&str, &str)], body: &str, config: HostConfig) -> World {
    let main = format!("{PRELUDE} return function(...) {body}\nreturn 'ok' end");
    let sources = [FUNCTIONS, sources, &[("app:main", main.as_str())]].concat();
    world_with(&sources, config)
}

/// Runs a body of main in one shard, and with every process in a shard of its own.
#[track_caller]
fn passes(body: &str) {
    for shard_capacity in [4096, 1] {
        let config = HostConfig { shard_capacity, ..HostConfig::new("app:processes") };
        with(&[], body, config).main_is_ok();
    }
}

#[test]
fn a_call_returns_the_first_result_as_a_copy() {
    passes(
        "assert(funcs.call('app:echo', 5, 6) == 5)
        assert(select('#', funcs.call('app:echo', 5, 6)) == 1)
        assert(funcs.call('app:echo') == nil)
        assert(funcs.call('app:echo', false) == false)
        local table = { list = { 1, 2 } }
        table.self = table
        local copy = funcs.call('app:echo', table)
        assert(copy ~= table and copy.self == copy and copy.list[2] == 2)",
    );
}

#[test]
fn failures_keep_kind_retryable_and_details() {
    passes(
        "refused('Internal', 'no', funcs.call('app:fail', 'no'))
        local err = refused('NotFound', 'gone', funcs.call('app:refuse'))
        assert(err:retryable() == true and err:details().key == 'x')
        refused('Internal', 'app:raise:2: broken', funcs.call('app:raise'))",
    );
}

#[test]
fn what_cannot_be_called_is_refused() {
    passes(
        "local function raises(want, ...)
            local ok, err = pcall(...)
            assert(not ok and string.find(tostring(err), want, 1, true), tostring(err))
        end
        for _, f in { funcs.call, funcs.async } do
            refused('Invalid', 'function ID required', f(''))
            refused('Invalid', 'namespace required in function ID', f('echo'))
            refused('Invalid', 'namespace required in function ID', f(':echo'))
            refused('Invalid', 'name required in function ID', f('app:'))
            local err = refused('Invalid', 'payload.f: a function cannot be sent', f('app:echo', { f = print }))
            assert(err:retryable() == false)
            raises('string expected, got no value', f)
            raises('string expected, got table', f, {})
        end
        local err = refused('NotFound', 'no handler registered for target', funcs.call('app:none'))
        assert(err:details().target == 'app:none' and err:retryable() == false)
        local future = funcs.async('app:none')
        local failure, ok = future:channel():receive()
        assert(ok and failure:kind() == 'NotFound')
        -- A process without a default host is none, and a function none to spawn.
        refused('NotFound', 'no handler registered for target', funcs.call('app:main'))
        refused('NotFound', 'factory not found', process.spawn('app:echo', 'app:processes'))
        refused('Invalid', 'result: a function cannot be sent', funcs.call('app:give'))",
    );
}

#[test]
fn an_undeclared_module_is_named() {
    let table = ProgramTable::default();
    let mut function = Arc::into_inner(program("app:f", "require('json') return print")).unwrap();
    let unit = Arc::get_mut(&mut function.unit).unwrap();
    unit.modules = Some(Vec::new());
    let function = luavisor_runtime::Function::new(Arc::new(function), Some(1));
    table.insert_callable("app:f".into(), Callable::Function(Arc::new(function)));
    let main = "local funcs = require('funcs') return function()
        local value, err = funcs.call('app:f')
        assert(value == nil and string.find(err:message(), 'json', 1, true))
        return 'ok' end";
    table.insert(program("app:main", main));
    world_of(table, HostConfig::new("app:processes")).main_is_ok();
}

#[test]
fn every_call_has_a_fresh_environment() {
    passes("for _ = 1, 3 do assert(funcs.call('app:global') == 2) end assert(count == nil)");
}

#[test]
fn calls_of_several_tasks_run_at_the_same_time() {
    passes(
        "local start, futures = time.now(), {}
        for i = 1, 5 do futures[i] = funcs.async('app:sleep', '100ms', i) end
        for i = 1, 5 do assert(futures[i]:response():receive():data() == i) end
        local done = channel.new(5)
        for i = 1, 5 do
            coroutine.spawn(function() done:send(funcs.call('app:sleep', '100ms', i)) end)
        end
        for _ = 1, 5 do assert(done:receive()) end
        local took = time.now():sub(start):milliseconds()
        assert(took >= 200 and took < 250, took)",
    );
}

#[test]
fn nested_calls_end_in_a_full_pool_and_go_deep_without_one() {
    passes("assert(funcs.call('app:again', 200) == 200)");
    let narrow = "-- function app:self, 3 at once
        local funcs = require('funcs')
        return function(n) return funcs.call('app:self', n + 1) end";
    let body = "local exec = funcs.new():with_options({ timeout = 50 })
        refused('Timeout', 'call timed out after 50ms', exec:call('app:self', 1))
        -- All its seats are free again.
        refused('Timeout', 'call timed out after 50ms', exec:call('app:self', 1))";
    with(&[("app:self", narrow)], body, HostConfig::new("app:processes")).main_is_ok();
}

#[test]
fn a_future_is_complete_only_after_the_task_may_have_switched() {
    passes(
        "local future = funcs.async('app:echo', { x = 1 })
        -- Longer than a slice.
        for _ = 1, 20000 do assert(not future:is_complete()) end
        local none, no_error = future:result()
        assert(none == nil and no_error == nil)
        assert(select('#', future:result()) == 2)
        local err, failed = future:error()
        assert(err == nil and failed == false)
        while not future:is_complete() do coroutine.yield() end
        local payload, nothing = future:result()
        assert(payload:data().x == 1 and nothing == nil and payload:get_format() == 'lua/any')
        local received, ok = future:channel():receive()
        assert(ok and received:data().x == 1)
        local closed, more = future:channel():receive()
        assert(closed == nil and more == false)
        assert(future:result():data().x == 1 and not future:is_canceled())
        assert(future:cancel() == true and future:is_complete() and not future:is_canceled())",
    );
}

#[test]
fn a_failed_future_gives_its_error() {
    passes(
        "local future = funcs.async('app:refuse')
        local err, ok = future:response():receive()
        assert(ok and err:kind() == 'NotFound' and err:details().key == 'x')
        assert(future:is_complete())
        refused('NotFound', 'gone', future:result())
        local same, failed = future:error()
        assert(failed == true and same:message() == 'gone')",
    );
}

#[test]
fn futures_are_cases_of_select() {
    passes(
        "local slow = funcs.async('app:sleep', '50ms', 'slow')
        local fast = funcs.async('app:sleep', '10ms', 'fast')
        assert(slow:channel() == slow:channel() and slow:channel() == slow:response())
        local cases = { slow:channel():case_receive(), fast:channel():case_receive() }
        local result = channel.select(cases)
        assert(result.channel == fast:channel() and result.value:data() == 'fast' and result.ok)
        assert(fast:is_complete() and not slow:is_complete())
        result = channel.select({ slow:channel():case_receive(), time.after('10ms'):case_receive() })
        assert(result.channel ~= slow:channel())
        assert(slow:channel():receive():data() == 'slow')",
    );
}

#[test]
fn a_cancelled_call_is_asked_and_then_ended() {
    passes(
        "process.registry.register('log')
        local inbox = process.inbox()
        local future = funcs.async('app:cooperative')
        time.sleep('1ms')
        local waiting = channel.new()
        coroutine.spawn(function()
            local value, ok = future:channel():receive()
            waiting:send(value == nil and ok == false)
        end)
        time.sleep('1ms')
        assert(future:cancel() == true and future:is_canceled() and not future:is_complete())
        assert(future:cancel() == true)
        assert(waiting:receive(), 'its channel is closed without a value')
        refused('Canceled', 'canceled', future:result())
        assert(inbox:receive():payload():data() == process.event.CANCEL)
        time.sleep('1ms')
        assert(not future:is_complete(), 'what it returns now is lost')
        -- One that does not listen is ended after 5 s.
        local stubborn = funcs.async('app:sleep', '1h')
        time.sleep('1ms')
        stubborn:cancel()",
    );
    let world = with(
        &[],
        "process.registry.register('main')
        local future = funcs.async('app:sleep', '1h')
        time.sleep('1ms')
        future:cancel()
        process.inbox():receive()",
        HostConfig::new("app:processes"),
    );
    world.spawn("app:main");
    world.simulation.run_for(4_000_000_000);
    assert_eq!(live(&world), 2);
    world.simulation.run_for(2_000_000_000);
    assert_eq!(live(&world), 1);
}

fn live(world: &World) -> usize {
    let host = world.runtime.host("app:processes").unwrap();
    world.runtime.host_state(host).unwrap().1
}

#[test]
fn a_timeout_ends_the_callee() {
    for shard_capacity in [4096, 1] {
        let config = HostConfig { shard_capacity, ..HostConfig::new("app:processes") };
        let body = "for timeout, text in { ['20ms'] = '20ms', ['1.5s'] = '1.5s' } do
                local exec = funcs.new():with_options({ timeout = timeout })
                local err = refused('Timeout', 'call timed out after ' .. text, exec:call('app:sleep', '1h'))
                assert(err:retryable() == false)
            end
            local exec = funcs.new():with_options({ timeout = 30 })
            refused('Timeout', 'call timed out after 30ms', exec:call('app:sleep', '1h'))
            local future = exec:async('app:sleep', '1h')
            assert(future:channel():receive():kind() == 'Timeout')
            exec = exec:with_options({ timeout = time.parse_duration('40ms') })
            refused('Timeout', 'call timed out after 40ms', exec:call('app:sleep', '1h'))
            assert(exec:call('app:sleep', '39ms', 1) == 1)
            assert(exec:with_options({}):call('app:sleep', '41ms', 2) == 2)
            -- Keys that are not known are kept for later.
            assert(exec:with_options({ retries = 3 }):call('app:echo', 3) == 3)
            process.inbox():receive()";
        let world = with(&[], body, config);
        let main = world.spawn("app:main");
        world.simulation.run_for(10_000_000_000);
        assert!(world.exit(main).is_none(), "{:?}", world.exit(main));
        assert_eq!((live(&world), world.simulation.next_alarm()), (1, None));
    }
}

#[test]
fn calls_under_way_die_with_their_caller() {
    let caller = "local funcs = require('funcs') return function()
        for _ = 1, 5 do funcs.async('app:sleep', '1h') end
        for i = 1, 5 do funcs.async('app:narrow', i) end
        funcs.async('app:again', 3)
        funcs.call('app:sleep', '1h')
    end";
    for shard_capacity in [4096, 1] {
        let config = HostConfig { shard_capacity, ..HostConfig::new("app:processes") };
        let body = "process.registry.register('log')
            local pid = process.spawn_monitored('app:caller', 'app:processes')
            time.sleep('2ms')
            process.terminate(pid)
            process.events():receive()
            time.sleep('1ms')
            -- The seats of its calls, those that waited included, are free.
            local exec = funcs.new():with_options({ timeout = 20 })
            assert(exec:call('app:narrow', 1) == 1)
            process.inbox():receive()
            process.listen('never'):receive()";
        let world = with(&[("app:caller", caller)], body, config);
        world.spawn("app:main");
        world.simulation.run_for(1_000_000_000);
        assert_eq!(live(&world), 1);
    }
}

#[test]
fn an_endless_loop_ends_with_its_caller_and_stops_nobody() {
    let caller = "local funcs = require('funcs') return function()
        process.send('log', 'calls', process.pid())
        funcs.call('app:loop')
    end";
    for shard_capacity in [4096, 1] {
        let config = HostConfig { shard_capacity, ..HostConfig::new("app:processes") };
        let body = "process.registry.register('log')
            process.spawn_monitored('app:caller', 'app:processes')
            local pid = process.inbox():receive():payload():data()
            for i = 1, 20 do assert(funcs.call('app:echo', i) == i) end
            process.terminate(pid)
            process.events():receive()";
        let world = with(&[("app:caller", caller)], body, config);
        world.main_is_ok();
        assert_eq!(live(&world), 0);
    }
}

#[test]
fn a_pool_serves_who_came_first() {
    passes(
        "process.registry.register('log')
        local begun, futures = process.listen('begin'), {}
        for i = 1, 6 do futures[i] = funcs.async('app:narrow', i) end
        local start = time.now()
        assert(futures[4]:cancel(), 'one that waits')
        local order = {}
        for i = 1, 5 do order[i] = begun:receive() end
        for i, want in { 1, 2, 3, 5, 6 } do
            assert(futures[want]:channel():receive():data() == want)
        end
        -- Two at once; which of two that begin together says so first is open.
        table.sort(order)
        assert(table.concat(order, ' ') == '1 2 3 5 6', table.concat(order, ' '))
        local took = time.now():sub(start):milliseconds()
        assert(took >= 30 and took < 45, took)",
    );
}

#[test]
fn the_context_is_inherited_in_every_combination() {
    let inner = "local ctx = require('ctx') return { main = function() return ctx.all() end }";
    let by = |how: &str| {
        format!(
            "-- function app:by\nlocal funcs = require('funcs') return function() return {how} end"
        )
    };
    let call = by("funcs.call('app:context')");
    let future = by("funcs.async('app:context'):channel():receive():data()");
    let exec = by("process.exec('app:inner', 'app:processes')");
    let spawn = by("process.exec('app:spawner', 'app:processes')");
    let spawner = "return function()
        process.spawn_monitored('app:inner', 'app:processes')
        return process.events():receive().result.value
    end";
    let sources = [
        ("app:inner", inner),
        ("app:spawner", spawner),
        ("app:by_call", &call),
        ("app:by_future", &future),
        ("app:by_exec", &exec),
        ("app:by_spawn", &spawn),
    ];
    let body = "local base = funcs.new():with_context({ a = 1, b = 1, [3] = 'skipped' })
        local exec = base:with_context({ b = { 2 } })
        for _, id in { 'call', 'future', 'exec', 'spawn' } do
            local seen = exec:call('app:by_' .. id)
            assert(seen.a == 1 and seen.b[1] == 2 and seen[3] == nil, id)
            seen = exec:async('app:by_' .. id):channel():receive():data()
            assert(seen.a == 1 and seen.b[1] == 2, id)
        end
        assert(base:call('app:context').b == 1, 'executors are immutable')
        assert(next(funcs.call('app:context')) == nil)
        local seen = process.with_context({ a = 'x' }):exec('app:both', 'app:processes')
        assert(seen.a == 'x' and seen.b == 'y')";
    let both = "local funcs = require('funcs') return function()
        return funcs.new():with_context({ b = 'y' }):call('app:by_call')
    end";
    let sources = [&sources[..], &[("app:both", both)]].concat();
    with(&sources, body, HostConfig::new("app:processes")).main_is_ok();
}

#[test]
fn a_process_with_a_default_host_is_spawned_for_each_call() {
    let table = ProgramTable::default();
    let mut main = String::from(PRELUDE);
    main += "return function()
        local pid, value = table.unpack(funcs.call('app:worker', 7))
        assert(string.find(pid, '{app:others|', 1, true) == 1 and value == 7)
        assert(funcs.async('app:worker', 8):channel():receive():data()[2] == 8)
        refused('Internal', 'no', funcs.call('app:worker'))
        local exec = funcs.new():with_options({ timeout = 10 })
        refused('Timeout', 'call timed out after 10ms', exec:call('app:worker', 'wait'))
        refused('NotFound', 'host not found', funcs.call('app:homeless'))
        return 'ok' end";
    table.insert(program("app:main", &main));
    let worker = "return function(n)
        if n == 'wait' then process.inbox():receive() end
        if not n then return nil, 'no' end
        return { process.pid(), n }
    end";
    table.insert(program("app:worker", worker));
    table.insert(program("app:homeless", worker));
    for (id, host) in [("app:worker", "app:others"), ("app:homeless", "app:nowhere")] {
        table.insert_callable(id.into(), Callable::Process { host: host.into() });
    }
    let world = world_of(table, HostConfig::new("app:processes"));
    let others = world.runtime.add_host(HostConfig::new("app:others")).unwrap();
    world.runtime.start_host(others).unwrap();
    world.main_is_ok();
    assert_eq!(world.runtime.host_state(others).unwrap().1, 0);
}

#[test]
fn functions_run_while_their_host_stops() {
    let body = "local event = process.events():receive()
        assert(funcs.call('app:echo', event.reason) == 'scheduler shutdown')
        refused('Unavailable', 'host is shutting down', process.spawn('app:main', 'app:processes'))";
    let world = with(&[], body, HostConfig::new("app:processes"));
    let main = world.spawn("app:main");
    world.simulation.settle();
    let host = world.runtime.host("app:processes").unwrap();
    let cancel = CancelRequest { timeout: None, reason: "scheduler shutdown".into() };
    world.runtime.stop_host(host, cancel, None).unwrap();
    world.simulation.run();
    let exit = world.exit(main).unwrap();
    assert!(exit.error.is_none(), "{:?}", exit.error);
}

#[test]
fn a_full_host_refuses_calls() {
    let config = HostConfig { max_processes: 1, ..HostConfig::new("app:processes") };
    let body = "refused('LimitExceeded', 'too many processes on host app:processes (limit 1)',
            funcs.call('app:narrow'))
        local future = funcs.async('app:narrow')
        assert(future:channel():receive():kind() == 'LimitExceeded')";
    with(&[], body, config).main_is_ok();
}

#[test]
fn the_upgraded_code_gets_no_answer_of_the_old_one() {
    let sources = [(
        "app:next",
        "local funcs, time = require('funcs'), require('time') return function()
            local future = funcs.async('app:sleep', '30ms', 'new')
            time.sleep('20ms')
            assert(not future:is_complete())
            assert(future:channel():receive():data() == 'new')
            return 'ok'
        end",
    )];
    let body = "funcs.async('app:sleep', '10ms', 'old') process.upgrade('app:next')";
    with(&sources, body, HostConfig::new("app:processes")).main_is_ok();
}

#[test]
fn a_call_in_flight_keeps_its_process_from_deadlock() {
    passes(
        "local future = funcs.async('app:sleep', '10ms', 1)
        local other = channel.new()
        coroutine.spawn(function() other:send(future:channel():receive():data()) end)
        assert(other:receive() == 1)",
    );
    let body = "funcs.async('app:sleep', '10ms', 1):channel():receive() channel.new():receive()";
    let world = with(&[], body, HostConfig::new("app:processes"));
    let main = world.spawn("app:main");
    world.simulation.run();
    let error = world.exit(main).unwrap().error.clone().unwrap();
    assert!(error.message.starts_with("deadlock:"), "{error}");
}

#[test]
fn executors_and_futures_refuse_wrong_use() {
    passes(
        "local function raises(want, f, ...)
            local ok, err = pcall(f, ...)
            assert(not ok and string.find(tostring(err), want, 1, true), tostring(err))
        end
        local exec = funcs.new()
        raises('table expected, got no value', exec.with_context, exec)
        raises('table expected, got number', exec.with_options, exec, 5)
        raises('actor cannot be nil', exec.with_actor, exec)
        raises('Actor expected, got table', exec.with_actor, exec, {})
        raises('scope cannot be nil', exec.with_scope, exec, nil)
        raises('Scope expected, got string', exec.with_scope, exec, 'all')
        raises('timeout must be a duration', exec.with_options, exec, { timeout = {} })
        raises('timeout must not be negative', exec.with_options, exec, { timeout = -1 })
        raises('invalid duration', exec.with_options, exec, { timeout = 'soon' })
        raises('context.f: a function cannot be sent', exec.with_context, exec, { f = print })
        raises('Executor expected', exec.call, {}, 'app:echo')
        local future = funcs.async('app:echo')
        raises('Future expected', future.result, exec)
        raises('Future expected', future.cancel)
        refused('Invalid', 'payload: a userdata cannot be sent', funcs.call('app:echo', future))
        assert(tostring(future) == 'funcs.Future{}' and tostring(exec) == 'funcs.Executor{}')
        assert(type(future) == 'userdata')",
    );
}
