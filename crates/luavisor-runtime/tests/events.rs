//! The event bus: who gets what, in which order, and what a slow reader loses
//! (MODULES 4).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use std::sync::{Arc, Mutex};

use lua_support::{program, world, world_with};
use luavisor_core::restart::Policy;
use luavisor_core::{Pid, Values};
use luavisor_runtime::{
    HostConfig, LogSink, Order, ProgramTable, RuntimeBuilder, ServiceSpec, Services, Target,
};
use luavisor_vm::kernel::{Level, LogRecord, SpawnRequest};

const PRELUDE: &str = "local events, time = require('events'), require('time') \
    local function refused(message, value, err) \
        assert(value == nil, 'a value: ' .. tostring(value)) \
        local got = err:kind() .. ': ' .. err:message() \
        if got ~= 'Invalid: ' .. message then error('got ' .. got, 2) end \
        assert(err:retryable() == false) end ";

/// A process that sends `count` numbered events and returns.
const SENDER: &str = "local events = require('events') return function(name, count)
    for i = 1, count do assert(events.send('load.' .. name, 'number', name, i)) end
end";

#[track_caller]
fn passes(body: &str) {
    for shard_capacity in [4096, 1] {
        let config = HostConfig { shard_capacity, ..HostConfig::new("app:processes") };
        let main = format!("{PRELUDE} return function(...) {body}\nreturn 'ok' end");
        world_with(&[("app:main", &main), ("app:sender", SENDER)], config).main_is_ok();
    }
}

#[test]
fn an_event_reaches_all_who_want_it() {
    passes(
        "local all = events.subscribe('**')
        local orders = events.subscribe('shop.*', 'order.(made|paid)')
        local other = events.subscribe('shop')
        assert(events.send('shop.north', 'order.made', 'order:1', { price = { 3 } }) == true)
        assert(events.send('shop.north', 'order.lost', 'order:2'))
        local event, ok = orders:channel():receive()
        assert(ok and event.system == 'shop.north' and event.kind == 'order.made')
        assert(event.path == 'order:1' and event.data.price[1] == 3)
        event.data.price[1] = 4
        local same = all:channel():receive()
        assert(same.data.price[1] == 3, 'each reader has its own copy')
        local bare = all:channel():receive()
        assert(bare.path == 'order:2' and bare.data == nil)
        local select = channel.select({
            orders:channel():case_receive(), other:channel():case_receive(), default = true })
        assert(select.default)
        events.send('shop', 'k', 'p', false)
        assert(other:channel():receive().data == false)",
    );
}

#[test]
fn events_of_one_sender_keep_their_order() {
    passes(
        "local sub = events.subscribe('load.*')
        for _, name in { 'a', 'b', 'c' } do
            process.spawn('app:sender', 'app:processes', name, 20)
        end
        local last = { a = 0, b = 0, c = 0 }
        for _ = 1, 60 do
            local event = sub:channel():receive()
            last[event.path] += 1
            assert(event.data == last[event.path])
        end
        assert(last.a == 20 and last.b == 20 and last.c == 20)",
    );
}

#[test]
fn a_waiting_task_is_woken_and_others_go_on() {
    passes(
        "local sub = events.subscribe('tick')
        local got = channel.new(2)
        for _ = 1, 2 do
            coroutine.spawn(function() got:send(sub:channel():receive().data) end)
        end
        coroutine.yield()
        events.send('tick', 'k', 'p', 1)
        time.sleep('1ms')
        events.send('tick', 'k', 'p', 2)
        assert(got:receive() + got:receive() == 3)
        local result = channel.select({
            sub:channel():case_receive(), time.after('5ms'):case_receive() })
        assert(result.channel ~= sub:channel())",
    );
}

#[test]
fn a_closed_subscription_gets_nothing_more() {
    passes(
        "local sub = events.subscribe('a')
        local channel = sub:channel()
        assert(channel == sub:channel() and tostring(sub) == 'events.Subscription{}')
        events.send('a', 'k', 'p', 1)
        assert(sub:close() == true and sub:close() == true)
        events.send('a', 'k', 'p', 2)
        assert(channel:receive().data == 1, 'what had come stays')
        local value, ok = channel:receive()
        assert(value == nil and ok == false)
        -- Closing the channel is the same.
        local other = events.subscribe('a')
        coroutine.spawn(function() other:channel():close() end)
        value, ok = other:channel():receive()
        assert(value == nil and ok == false and other:close())",
    );
}

#[test]
fn wrong_use_is_refused() {
    passes(
        "local function raises(want, f, ...)
            local ok, err = pcall(f, ...)
            assert(not ok and string.find(tostring(err), want, 1, true), tostring(err))
        end
        refused('system is required', events.send('', 'k', 'p'))
        refused('kind is required', events.send('s', '', 'p'))
        refused('path is required', events.send('s', 'k', ''))
        refused('data.f: a function cannot be sent', events.send('s', 'k', 'p', { f = print }))
        refused('system pattern is required', events.subscribe(''))
        refused('invalid pattern: a.(b', events.subscribe('a.(b'))
        refused('invalid pattern: (', events.subscribe('a', '('))
        local long = string.rep('x', 1025)
        refused('system exceeds 1024 bytes', events.send(long, 'k', 'p'))
        refused('kind exceeds 1024 bytes', events.send('s', long, 'p'))
        assert(events.send('s', 'k', long))
        refused('pattern exceeds 1024 bytes', events.subscribe(long))
        refused('pattern exceeds 1024 bytes', events.subscribe('s', long))
        raises('string expected, got no value', events.send, 's', 'k')
        raises('string expected, got table', events.subscribe, {})
        raises('string expected, got boolean', events.subscribe, 's', true)
        raises('Subscription expected', events.subscribe('s').close, {})
        local cycle = {}
        cycle.self = cycle
        local sub = events.subscribe('s', '')
        events.send('s', 'k', 'p', cycle)
        local data = sub:channel():receive().data
        assert(data.self == data)",
    );
    let top = world(&[("app:main", "require('events').subscribe('x') return print")]);
    let pid = top.spawn("app:main");
    top.simulation.run();
    let error = top.exit(pid).unwrap().error.clone().unwrap();
    assert!(error.message.contains("events.subscribe cannot be called at chunk top level"));
}

#[test]
fn data_has_the_size_limit_of_messages() {
    let limits = luavisor_runtime::Limits { message_bytes: 1000, ..Default::default() };
    let config = HostConfig { limits, ..HostConfig::new("app:processes") };
    let main = format!(
        "{PRELUDE} return function()
            refused('data: 1017 bytes exceed the limit of 1000 bytes',
                events.send('s', 'k', 'p', string.rep('x', 1000)))
            return 'ok' end"
    );
    world_with(&[("app:main", &main)], config).main_is_ok();
}

#[test]
fn the_upgraded_code_is_not_subscribed() {
    let main = "local events = require('events') return function()
        events.subscribe('a')
        process.upgrade('app:next')
    end";
    let next = "local events = require('events') return function()
        local sub = events.subscribe('a')
        events.send('a', 'k', 'p', 1)
        assert(sub:channel():receive().data == 1)
        sub:close()
        channel.new():receive()
    end";
    let world = world(&[("app:main", main), ("app:next", next)]);
    let pid = world.spawn("app:main");
    world.simulation.run();
    // Nothing is left that could wake it.
    let error = world.exit(pid).unwrap().error.clone().unwrap();
    assert!(error.message.starts_with("deadlock:"), "{error}");
}

/// Keeps log lines.
#[derive(Default)]
struct Lines(Mutex<Vec<String>>);

impl LogSink for Lines {
    fn level(&self) -> Level {
        Level::Warn
    }

    fn log(&self, _: Pid, _: &str, record: LogRecord) {
        let fields: Vec<String> =
            record.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.0.lock().unwrap().push(format!("{} {}", record.message, fields.join(" ")));
    }
}

#[test]
fn a_slow_reader_loses_the_oldest_and_the_log_counts_them() {
    let reader = "local events, time = require('events'), require('time') return function()
        local sub = events.subscribe('load.*')
        process.send('main', 'ready')
        time.sleep('10s')
        local first = sub:channel():receive().data
        for i = first + 1, first + 63 do assert(sub:channel():receive().data == i) end
        process.send('main', 'first', first)
        process.inbox():receive()
    end";
    let main = "local events, time = require('events'), require('time') return function()
        process.registry.register('main')
        local ready, first = process.listen('ready'), process.listen('first')
        local pid = process.spawn('app:reader', 'app:processes')
        ready:receive()
        local sent = 0
        for _ = 1, 4 do
            for _ = 1, 50 do
                sent += 1
                events.send('load.x', 'k', 'p', sent)
            end
            time.sleep('400ms')
        end
        print(first:receive())
        process.terminate(pid)
    end";
    let table = Arc::new(ProgramTable::default());
    for (id, source) in [("app:reader", reader), ("app:main", main)] {
        table.insert(program(id, source));
    }
    let lines = Arc::new(Lines::default());
    let builder = RuntimeBuilder::new(table).log(lines.clone());
    let (runtime, simulation, output) = builder.manual(Order::Fair, 100_000);
    let host = runtime.add_host(HostConfig::new("app:processes")).unwrap();
    runtime.start_host(host).unwrap();
    let main = SpawnRequest::new("app:main", "app:processes", Values::none(), Arc::default());
    runtime.spawn(main).unwrap();
    simulation.run();
    assert_eq!(output.stdout(), "137\ttrue\n");
    // 136 are lost: the first at 0.4 s, the last at 1.2 s; the rest is told at the end.
    let lines = lines.0.lock().unwrap();
    let counts: Vec<&str> = lines.iter().map(|line| line.rsplit('=').next().unwrap()).collect();
    assert!(lines[0].starts_with("subscriber too slow, events dropped pid=\"{app:processes|"));
    assert_eq!(counts, ["1", "135"], "{lines:?}");
}

#[test]
fn the_runtime_tells_of_services() {
    let worker = "local time = require('time') return function()
        time.sleep('1s')
        return nil, 'broken'
    end";
    let watcher = "local events = require('events') return function()
        local sub = events.subscribe('supervisor', 'service.*')
        process.send('main', 'ready')
        while true do
            local event = sub:channel():receive()
            local error = event.data.error
            print(event.kind, event.path, event.data.state, error and error:message())
        end
    end";
    let world = world(&[("app:worker", worker), ("app:watcher", watcher)]);
    world.spawn("app:watcher");
    world.simulation.settle();
    let target = Target::Process {
        id: "app:worker".into(),
        host: "app:processes".into(),
        input: Values::none(),
        context: Default::default(),
    };
    let mut spec = ServiceSpec { auto_start: true, ..ServiceSpec::new("app:service", target) };
    spec.rule.policy = Policy::Never;
    Services::boot(&world.runtime, vec![spec]).unwrap();
    world.simulation.run_for(5_000_000_000);
    assert_eq!(
        world.output.stdout(),
        "service.starting\tapp:service\tstarting\tnil\n\
         service.running\tapp:service\trunning\tnil\n\
         service.exited\tapp:service\texited\tbroken\n"
    );
}

#[test]
fn embedders_send_events_in_order() {
    let main = "local events = require('events') return function()
        local sub = events.subscribe('registry')
        for _ = 1, 2 do
            local event = sub:channel():receive()
            print(event.kind, event.path, event.data)
        end
        return 'ok'
    end";
    let world = world(&[("app:main", main)]);
    let pid = world.spawn("app:main");
    world.simulation.settle();
    world.runtime.publish("registry", "entry.create", "app:a", None);
    world.runtime.publish("registry", "version.applied", "7", Some(Values::one(7)));
    world.simulation.run();
    assert_eq!(world.exit(pid).unwrap().value, Values::one("ok"));
    assert_eq!(world.output.stdout(), "entry.create\tapp:a\tnil\nversion.applied\t7\t7\n");
}
