//! The end of the whole runtime (SPEC 10.5).

use luavisor_core::lifecycle::State;
use luavisor_runtime::{HostConfig, HostState, ServiceSpec, Shutdown};

use super::support::*;

const WAIT: &str = "return function() process.events():receive() end";

#[test]
fn scenario_36_everything_runs_on_while_it_stops() {
    let logger = "return function()
        process.registry.register('logger')
        local inbox, events = process.inbox(), process.events()
        while true do
            local r = channel.select{ inbox:case_receive(), events:case_receive() }
            if r.channel == events then print('logger ends') return end
            print('logged ' .. r.value:payload():data())
        end
    end";
    let worker = "return function()
        process.events():receive()
        require('time').sleep('300ms')
        process.send('logger', 'line', 'goodbye')
        print('worker ends')
    end";
    let specs = vec![service("logger", &[]), service("worker", &["logger"])];
    let world = world(&[("logger", logger), ("worker", worker)], specs);
    world.run(1000);
    world.services.shutdown(30 * SECOND, 0);
    world.run(30_000);
    assert_eq!(world.printed(), ["worker ends", "logged goodbye", "logger ends"]);
    assert_eq!(world.exits(), ["1300 app:worker normal", "1300 app:logger normal"]);
    let finished = world.services.finished().unwrap();
    assert_eq!(finished, Shutdown { code: 0, in_time: true });
    assert_eq!(finished.exit_code(), 0);
    assert_eq!(world.runtime.requested_exit(), Some(0));
    // Nothing is left to do: no timer of the shutdown either.
    assert!(world.simulation.next_alarm().is_none());
}

#[test]
fn scenario_37_forced_ends_have_reason_shutdown() {
    let watcher = "return function()
        local pid = process.registry.lookup('stubborn')
        process.monitor(pid)
        local events, exits = process.events(), 0
        while true do
            local e = events:receive()
            if e.kind == process.event.EXIT then
                print(e.reason, e.result.error:kind(), e.result.error:message())
                return
            end
        end
    end";
    let stubborn = "return function()
        process.registry.register('stubborn')
        process.ready()
        while true do process.events():receive() end
    end";
    // The watcher stops on a lower level, so it sees the end.
    let specs = vec![
        ServiceSpec {
            ready: true,
            stop_timeout: 200 * MS,
            ..service("stubborn", &["watcher.host"])
        },
        service("watcher.host", &[]),
    ];
    let programs = [("stubborn", stubborn), ("watcher.host", WAIT), ("watcher", watcher)];
    let world = world(&programs, specs);
    world.run(0);
    world.spawn("watcher", &[]);
    world.run(0);
    world.services.shutdown(30 * SECOND, 0);
    world.run(199);
    assert_eq!(world.state("stubborn"), State::Stopping);
    world.run(1);
    assert_eq!(world.printed(), ["shutdown\tTimeout\tcancel deadline exceeded after 200ms"]);
    assert_eq!(
        world.exits(),
        [
            "200 app:stubborn shutdown: cancel deadline exceeded after 200ms",
            "200 app:watcher normal",
            "200 app:watcher.host normal",
        ]
    );
    let expected = Shutdown { code: 0, in_time: true };
    assert_eq!(world.services.finished(), Some(expected));
}

#[test]
fn what_is_left_when_the_time_is_up_is_terminated() {
    let stubborn = "return function() while true do process.events():receive() end end";
    let specs = vec![service("low", &[]), service("high", &["low"])];
    let world = world(&[("low", stubborn), ("high", stubborn)], specs);
    world.run(0);
    world.services.shutdown(SECOND, 0);
    // Only the first call counts.
    world.services.shutdown(SECOND / 2, 7);
    world.run(999);
    assert_eq!((world.state("low"), world.state("high")), (State::Running, State::Stopping));
    world.run(1);
    assert_eq!(
        world.exits(),
        ["1000 app:low shutdown: process terminated", "1000 app:high shutdown: process terminated"]
    );
    let finished = world.services.finished().unwrap();
    assert_eq!(finished, Shutdown { code: 0, in_time: false });
    assert_eq!(finished.exit_code(), 1);
    assert_eq!((world.state("low"), world.state(HOST)), (State::Stopped, State::Stopped));
    assert!(world.log().contains(&"INFO shutdown complete in_time=false".to_owned()));
}

#[test]
fn restarts_do_not_happen_any_more() {
    let fails = "return function() process.events():receive() error('x', 0) end";
    let specs = vec![service("low", &[]), service("high", &["low"]), service("backoff", &["low"])];
    let programs = [("low", fails), ("high", fails), ("backoff", "error('x', 0)")];
    let world = world(&programs, specs);
    world.run(500);
    world.told();
    world.services.shutdown(SECOND, 3);
    world.services.start("backoff").unwrap();
    world.run(60_000);
    assert_eq!(
        world.told(),
        [
            "500 backoff stopped",
            "500 high stopping",
            "500 high stopped",
            "500 low stopping",
            "500 low stopped",
        ]
    );
    assert_eq!(world.services.finished(), Some(Shutdown { code: 3, in_time: true }));
}

#[test]
fn hosts_that_are_no_services_stop_last() {
    let world = world(
        &[
            ("guest", WAIT),
            (
                "a",
                "return function()
        process.spawn('app:guest', 'app:guests')
        process.events():receive()
        require('time').sleep('100ms')
    end",
            ),
        ],
        vec![service("a", &[])],
    );
    let guests = world.runtime.add_host(HostConfig::new("app:guests")).unwrap();
    world.runtime.start_host(guests).unwrap();
    world.run(0);
    assert_eq!(world.runtime.host_state(guests), Some((HostState::Running, 1)));
    world.services.shutdown(SECOND, 0);
    world.run(1000);
    assert_eq!(world.exits(), ["100 app:a normal", "100 app:guest normal"]);
    assert_eq!(world.runtime.host_state(guests), Some((HostState::Stopped, 0)));
    assert!(world.services.finished().unwrap().in_time);
}

#[test]
fn a_shutdown_during_the_boot_stops_what_was_started() {
    let specs =
        vec![ServiceSpec { ready: true, ..service("slow", &[]) }, service("late", &["slow"])];
    let world = world(&[("slow", WAIT), ("late", WAIT)], specs);
    world.services.shutdown(SECOND, 0);
    world.run(1000);
    assert!(world.services.booted());
    assert!(world.services.finished().unwrap().in_time);
    assert_eq!((world.state("slow"), world.state("late")), (State::Stopped, State::Stopped));
    assert!(!world.told().iter().any(|line| line.contains("late starting")));
}

#[test]
fn a_runtime_without_services_shuts_down_too() {
    let world = world(&[], vec![]);
    world.run(0);
    world.services.shutdown(SECOND, 5);
    world.run(0);
    assert_eq!(world.services.finished(), Some(Shutdown { code: 5, in_time: true }));
}
