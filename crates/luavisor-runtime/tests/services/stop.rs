//! Stopping single services and hosts while the runtime goes on.

use luavisor_core::lifecycle::State;
use luavisor_runtime::{HostState, ServiceSpec};

use super::support::*;

const WAIT: &str = "return function() process.events():receive() end";
const STUBBORN: &str = "return function() process.inbox():receive() end";

#[test]
fn a_stop_is_a_cancel_from_the_control_pid_of_this_life() {
    let source = "return function()
        local e = process.events():receive()
        local ok, err = process.send(e.from, 'hello')
        print(e.kind, e.reason, string.sub(e.from, 1, 16), e.deadline - e.at, ok, err:message())
        return 'bye'
    end";
    let spec = ServiceSpec { stop_timeout: 2 * SECOND, ..service("a", &[]) };
    let world = world(&[("a", source)], vec![spec]);
    world.run(0);
    world.services.stop("a").unwrap();
    world.run(0);
    assert_eq!(
        world.printed(),
        ["pid.cancel\tservice stopping\t{node:control|0x\t2\tnil\tprocess not found"]
    );
    assert_eq!(world.told(), ["0 a starting", "0 a running", "0 a stopping", "0 a stopped"]);
    assert_eq!(world.exits(), ["0 app:a normal"]);
    // It stays stopped, and can be started anew.
    world.run(60_000);
    assert_eq!(world.state("a"), State::Stopped);
    world.services.start("a").unwrap();
    world.run(0);
    assert_eq!(world.state("a"), State::Running);
}

#[test]
fn a_service_that_ignores_the_cancel_is_ended_at_its_deadline() {
    let spec = ServiceSpec { stop_timeout: 200 * MS, ..service("a", &[]) };
    let world = world(&[("a", STUBBORN)], vec![spec]);
    world.run(0);
    world.services.stop("a").unwrap();
    world.run(1000);
    let expected = ["200 app:a cancelled: cancel deadline exceeded after 200ms"];
    assert_eq!(world.exits(), expected);
    assert_eq!(world.state("a"), State::Stopped);
}

#[test]
fn a_busy_service_is_stopped_too() {
    // It lets no virtual time pass, so its deadline is at once.
    let busy = "return function() while true do pcall(function() end) end end";
    let spec = ServiceSpec { stop_timeout: 0, ..service("a", &[]) };
    let world = world(&[("a", busy)], vec![spec]);
    (0..10).for_each(|_| assert!(world.simulation.step()));
    world.services.stop("a").unwrap();
    world.simulation.run();
    assert_eq!(world.exits(), ["0 app:a cancelled: cancel deadline exceeded after 0s"]);
    assert_eq!(world.state("a"), State::Stopped);
}

#[test]
fn dependants_stop_first_and_a_level_in_parallel() {
    let slow = "return function()
        process.events():receive()
        require('time').sleep('100ms')
    end";
    let specs = vec![
        service("db", &[]),
        service("one", &["db"]),
        service("two", &["db"]),
        service("apart", &[]),
    ];
    let programs = [("db", slow), ("one", slow), ("two", slow), ("apart", slow)];
    let world = world(&programs, specs);
    world.run(0);
    world.told();
    world.services.stop("db").unwrap();
    world.run(1000);
    assert_eq!(
        world.told(),
        [
            "0 one stopping",
            "0 two stopping",
            "100 one stopped",
            "100 two stopped",
            "100 db stopping",
            "200 db stopped",
        ]
    );
    assert_eq!(world.state("apart"), State::Running);
}

#[test]
fn a_stop_cancels_a_pending_restart() {
    let world = world(&[("a", "return function() error('x', 0) end")], vec![service("a", &[])]);
    world.run(500);
    assert_eq!(world.state("a"), State::Failed);
    world.services.stop("a").unwrap();
    world.run(60_000);
    assert_eq!(world.state("a"), State::Stopped);
    assert_eq!(world.services.state("a").unwrap().lives, 1);
    assert_eq!(world.simulation.next_alarm(), None);
}

#[test]
fn a_stop_during_the_start_ends_it() {
    let spec = ServiceSpec { ready: true, stop_timeout: 100 * MS, ..service("a", &[]) };
    let world = world(&[("a", STUBBORN)], vec![spec]);
    world.run(50);
    world.services.stop("a").unwrap();
    world.run(60_000);
    assert_eq!(world.told(), ["0 a starting", "50 a stopping", "150 a stopped"]);
    assert_eq!(world.simulation.next_alarm(), None);
}

#[test]
fn a_start_during_the_stop_waits_for_the_end_of_the_old_life() {
    let slow = "return function()
        local events = process.events()
        events:receive()
        require('time').sleep('100ms')
    end";
    let world = world(&[("a", slow)], vec![service("a", &[])]);
    world.run(0);
    world.services.stop("a").unwrap();
    world.run(50);
    world.services.start("a").unwrap();
    world.run(1000);
    assert_eq!(
        world.told(),
        [
            "0 a starting",
            "0 a running",
            "0 a stopping",
            "100 a stopped",
            "100 a starting",
            "100 a running",
        ]
    );
}

#[test]
fn a_stopped_host_cancels_what_services_left_there() {
    let visitor = "return function()
        local e = process.events():receive()
        print(e.reason, e.from, e.deadline - e.at)
        local pid, err = process.spawn('app:visitor', 'app:host')
        print(pid, err:kind(), err:message())
        process.inbox():receive()
    end";
    let maker = "return function()
        process.spawn('app:visitor', 'app:host')
        process.events():receive()
    end";
    let world = world(&[("visitor", visitor), ("maker", maker)], vec![service("maker", &[])]);
    world.run(0);
    world.services.stop(HOST).unwrap();
    world.run(60_000);
    assert_eq!(
        world.printed(),
        ["scheduler shutdown\t{|}\t10", "nil\tUnavailable\thost is shutting down",]
    );
    assert_eq!(
        world.exits(),
        ["0 app:maker normal", "10000 app:visitor cancelled: cancel deadline exceeded after 10s",]
    );
    let host = world.runtime.host(HOST).unwrap();
    assert_eq!(world.runtime.host_state(host), Some((HostState::Stopped, 0)));
    // With a service on it, it comes back.
    world.services.start("maker").unwrap();
    world.run(0);
    assert_eq!(world.runtime.host_state(host), Some((HostState::Running, 2)));
}

#[test]
fn lua_code_cannot_reach_control_pids() {
    let attacker = "return function(...)
        local calls = { process.terminate, process.monitor, process.link, process.cancel }
        for _, pid in { ... } do
            for _, call in calls do
                local ok, err = call(pid)
                assert(ok == nil and err:message() == 'process not found')
            end
            assert(not process.registry.register('mine', pid))
        end
        return 'bye'
    end";
    let world = world(&[("a", WAIT), ("attacker", attacker)], vec![service("a", &[])]);
    world.run(0);
    let pids = world.control_pids();
    assert_eq!(pids.len(), 2, "the controller and the control pid of one life");
    world.spawn("attacker", &pids);
    world.run(0);
    assert_eq!(world.exits(), ["0 app:attacker normal"]);
    world.services.stop("a").unwrap();
    world.run(0);
    assert_eq!(world.state("a"), State::Stopped);
}

#[test]
fn a_stop_of_what_never_ran_is_done_at_once() {
    let spec = ServiceSpec { auto_start: false, ..service("a", &[]) };
    let world = world(&[("a", WAIT)], vec![spec]);
    world.services.stop("a").unwrap();
    world.run(0);
    assert_eq!(world.state("a"), State::Stopped);
    assert!(!world.services.state("a").unwrap().wanted);
}
