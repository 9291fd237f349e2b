//! What `funcs` and `events` ask of the kernel.

#![allow(clippy::unwrap_used)]

mod support;

use luavisor_core::{Value, Values};
use luavisor_vm::Step;
use support::{Bench, passes};

#[test]
fn an_executor_says_how_to_call() {
    let mut bench = Bench::new();
    bench.context.values.insert("a".to_owned(), Values::one("inherited"));
    bench.passes(
        "local funcs, time = require('funcs'), require('time')
        local exec = funcs.new():with_context({ b = 2 })
        eq(funcs.call('app:f', 1, nil, 3), 1)
        for _, timeout in { 1500, '1.5s', time.parse_duration('1.5s') } do
            eq(exec:with_options({ timeout = timeout }):call('app:f'), nil)
        end
        exec:with_options({ timeout = 0 }):with_context({ a = 1 }):async('app:f')",
    );
    let called = &bench.kernel.called;
    assert_eq!((called[0].arguments.items.len(), called[0].waits), (3, true));
    assert_eq!((called[0].timeout.clone(), called[0].context.values.len()), (None, 1));
    for call in &called[1..4] {
        assert_eq!(call.timeout, Some((1_500_000_000, "1.5s".into())));
        assert_eq!(call.context.values["a"], Values::one("inherited"));
        assert_eq!(call.context.values["b"], Values::one(2));
    }
    let last = &called[4];
    assert_eq!((last.timeout.clone(), last.waits), (Some((0, "0s".into())), false));
    assert_eq!(last.context.values["a"], Values::one(1));
}

#[test]
fn an_answer_that_comes_in_the_middle_of_a_task_waits_for_its_end() {
    let mut bench = Bench::preempting(50);
    bench.start(
        "local future = require('funcs').async('app:f', 'x')
        for i = 1, 5000 do assert(not future:is_complete(), i) end
        coroutine.spawn(function() assert(future:is_complete()) end)
        eq(future:channel():receive():data(), 'x')
        assert(future:is_complete())",
    );
    // Slices are short: the answer arrives during the loop.
    assert!(matches!(bench.vm.run(0, &mut bench.kernel), Step::Ready));
    let (token, answer) = bench.kernel.completions.pop_front().unwrap();
    assert!(!bench.vm.complete(0, token, answer, &mut bench.kernel));
    let exit = bench.finish().unwrap();
    assert!(exit.error.is_none(), "{:?}", exit.error);
}

#[test]
fn a_future_is_cancelled_once() {
    let mut bench = Bench::new();
    bench.passes(
        "local future = require('funcs').async('app:never')
        future:cancel()
        future:cancel()
        local done = require('funcs').async('app:f')
        done:channel():receive()
        done:cancel()",
    );
    assert_eq!(bench.kernel.cancelled_calls.len(), 1);
}

#[test]
fn answers_of_forgotten_futures_are_dropped() {
    let mut bench = Bench::new();
    bench.start(
        "local funcs, time = require('funcs'), require('time')
        for i = 1, 100 do funcs.async('app:f', string.rep('x', 1000)) end
        local future = funcs.async('app:f', 'kept')
        time.sleep('1s')
        eq(future:result():data(), 'kept')",
    );
    bench.vm.run(0, &mut bench.kernel);
    bench.vm.collect(&mut bench.kernel);
    let exit = bench.finish().unwrap();
    assert!(exit.error.is_none(), "{:?}", exit.error);
}

#[test]
fn an_event_is_a_copy() {
    let mut bench = Bench::new();
    bench.passes(
        "local events = require('events')
        eq(events.send('s', 'k', 'p', { 1 }), true)
        eq(events.send('s', 'k', 'p'), true)",
    );
    let [with, without] = &bench.kernel.published[..] else { panic!() };
    assert!(matches!(with.data.as_ref().unwrap().first(), Value::Table(0)));
    assert_eq!((&*without.system, &*without.kind, &*without.path), ("s", "k", "p"));
    assert!(without.data.is_none());
}

#[test]
fn neither_may_be_used_where_nothing_may_wait() {
    passes(
        "local funcs = require('funcs')
        local proxy = setmetatable({}, { __index = function() return funcs.call('app:f') end })
        fails('cannot block inside a metamethod', function() return proxy.x end)
        -- It does not wait, so it may.
        proxy = setmetatable({}, { __index = function() return funcs.async('app:f') end })
        eq(proxy.x:channel():receive():data(), nil)",
    );
}
