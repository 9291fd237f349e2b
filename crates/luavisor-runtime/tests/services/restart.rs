//! What happens at an end (SPEC 10.2) and when a service is started again (10.3).

use luavisor_core::lifecycle::State;
use luavisor_core::restart::{OnExhausted, Policy};
use luavisor_runtime::ServiceSpec;
use std::time::Duration;

use super::support::*;

const WAIT: &str = "return function() process.events():receive() end";

/// Each row of SPEC 10.2 as a program, and what follows under `on_failure`,
/// `permanent` and `never`.
#[test]
fn every_row_of_the_table_of_ends() {
    use State::{Exited, Failed};
    let restart = (Failed, false);
    let exited = (Exited, false);
    let exited_with_error = (Exited, true);
    let normal = [exited, restart, exited];
    let failure = [restart, restart, exited_with_error];
    let last = [exited_with_error, restart, exited_with_error];
    for (source, expected) in [
        ("return function() end", normal),
        ("return function() return false end", normal),
        ("return function() return 'text' end", normal),
        ("return function() return nil, 'no' end", failure),
        ("return function() error('boom') end", failure),
        ("error('while loading')", failure),
        ("return {}", failure),
        ("return function() channel.new():receive() end", failure),
        ("return function() process.terminate(process.pid()) end", failure),
        (
            "return function() process.cancel(process.pid(), '0s') process.inbox():receive() end",
            failure,
        ),
        (
            "return function()
                process.spawn_linked('app:failing', 'app:host')
                process.inbox():receive()
            end",
            failure,
        ),
        ("return function() return nil, errors.new{message='no', retryable=true} end", failure),
        ("return function() return nil, errors.new{message='no'} end", failure),
        ("return function() return nil, errors.new{message='no', retryable=false} end", last),
        ("return function() error(errors.new{message='no', retryable=false}) end", last),
        // An error of the runtime, whatever its flag.
        (
            "return function()
                local _, err = process.spawn('', '')
                return nil, err
            end",
            failure,
        ),
        // The final error of another process is not the service's own.
        (
            "return function()
                process.spawn_linked('app:final', 'app:host')
                process.inbox():receive()
            end",
            failure,
        ),
    ] {
        let policies = [Policy::OnFailure, Policy::Permanent, Policy::Never];
        for (policy, (state, logged)) in policies.into_iter().zip(expected) {
            let spec = with_rule(service("a", &[]), |rule| rule.policy = policy);
            let failing = "return function() error('x') end";
            let last = "return function() error(errors.new{message='no', retryable=false}) end";
            let programs = [("a", source), ("failing", failing), ("final", last)];
            let world = world(&programs, vec![spec]);
            world.run(500);
            assert_eq!(world.state("a"), state, "{policy:?}: {source}");
            let errors = world.errors();
            assert_eq!(!errors.is_empty(), logged, "{policy:?}: {source}: {errors:?}");
            world.run(1000);
            let lives = world.services.state("a").unwrap().lives;
            assert_eq!(lives, if state == Failed { 2 } else { 1 }, "{policy:?}: {source}");
        }
    }
}

#[test]
fn a_failed_spawn_is_a_failure() {
    for (policy, state) in [
        (Policy::OnFailure, State::Failed),
        (Policy::Permanent, State::Failed),
        (Policy::Never, State::Exited),
    ] {
        let spec = with_rule(service("missing", &[]), |rule| rule.policy = policy);
        let world = world(&[], vec![spec]);
        world.run(0);
        assert_eq!(world.state("missing"), state, "{policy:?}");
        let error = world.services.state("missing").unwrap().last_error.unwrap();
        assert_eq!(&*error.message, "factory not found");
        assert_eq!(world.errors().len(), 1);
    }
}

#[test]
fn scenario_38_four_starts_with_doubling_gaps_then_the_runtime_exits() {
    let spec = with_rule(service("a", &[]), |rule| {
        rule.initial_delay = Duration::from_millis(100);
        rule.max_attempts = 3;
        rule.on_exhausted = OnExhausted::Shutdown;
    });
    let world = world(&[("a", "return function() return nil, 'no' end")], vec![spec]);
    world.simulation.run();
    assert_eq!(
        world.told(),
        [
            "0 a starting",
            "0 a running",
            "0 a restart 1 in 100ms: no",
            "100 a starting",
            "100 a running",
            "100 a restart 2 in 200ms: no",
            "300 a starting",
            "300 a running",
            "300 a restart 3 in 400ms: no",
            "700 a starting",
            "700 a running",
            "700 a gave up after 3",
        ]
    );
    assert_eq!(world.runtime.requested_exit(), Some(1));
    assert_eq!(
        world.errors(),
        ["ERROR service failed, restarts used up service=\"a\" error=\"no\" restarts=3"]
    );
    // As whoever waits for the exit does it.
    world.services.shutdown(SECOND, 0);
    world.simulation.run();
    assert_eq!(world.services.finished().unwrap().exit_code(), 1);
}

#[test]
fn used_up_restarts_leave_others_alone_unless_told_otherwise() {
    let spec = with_rule(service("a", &[]), |rule| {
        rule.max_attempts = 1;
        rule.initial_delay = Duration::ZERO;
    });
    let programs = [("a", "return function() error('x', 0) end"), ("b", WAIT)];
    let world = world(&programs, vec![spec, service("b", &["a"])]);
    world.run(60_000);
    assert_eq!((world.state("a"), world.state("b")), (State::Failed, State::Running));
    assert_eq!(world.runtime.requested_exit(), None);
    // Only a start brings it back, with all its attempts.
    world.told();
    world.services.start("a").unwrap();
    world.run(60_000);
    assert_eq!(
        world.told(),
        [
            "60000 a starting",
            "60000 a running",
            "60000 a restart 1 in 0ns: x",
            "60000 a starting",
            "60000 a running",
            "60000 a gave up after 1",
        ]
    );
}

#[test]
fn jitter_comes_from_the_seed_and_stays_in_its_bounds() {
    let delays = || {
        let spec = with_rule(service("a", &[]), |rule| {
            rule.jitter = 0.5;
            rule.backoff_factor = 1.0;
        });
        let world = world(&[("a", "return function() error('x', 0) end")], vec![spec]);
        world.run(50_000);
        let told = world.told();
        told.iter()
            .filter_map(|line| line.strip_suffix(": x")?.split_once(" in "))
            .map(|(_, delay)| delay.to_owned())
            .collect::<Vec<String>>()
    };
    let (first, second) = (delays(), delays());
    assert_eq!(first, second);
    assert!(first.len() > 30 && first[0] != first[1], "{first:?}");
    for delay in first {
        let seconds = match delay.strip_suffix("ms") {
            Some(milliseconds) => milliseconds.parse::<f64>().unwrap() / 1000.0,
            None => delay.strip_suffix('s').unwrap().parse().unwrap(),
        };
        assert!((0.5..=1.5).contains(&seconds), "{delay}");
    }
}

#[test]
fn a_stable_run_starts_the_count_anew() {
    let source = "return function()
        require('time').sleep('4s')
        error('x', 0)
    end";
    // Runs of 4 s are not stable at 5 s, but they are at 4 s.
    for (threshold, delays) in [(5, [1, 2, 4]), (4, [1, 1, 1])] {
        let spec = with_rule(service("a", &[]), |rule| {
            rule.stable_threshold = Duration::from_secs(threshold);
        });
        let world = world(&[("a", source)], vec![spec]);
        world.run(20_000);
        let told = world.told();
        let seen: Vec<&str> = told
            .iter()
            .filter_map(|line| line.strip_suffix("s: x")?.split_once(" in "))
            .map(|(_, delay)| delay)
            .take(3)
            .collect();
        assert_eq!(seen, delays.map(|delay: u32| delay.to_string()), "{told:?}");
    }
}

#[test]
fn a_restarted_service_is_a_new_process_and_the_old_one_has_ended() {
    // The name is free again, and the watcher has seen the end, before the new life.
    let a = "return function()
        local ok, err = process.registry.register('the.one')
        print('born', ok, err)
        local inbox = process.inbox()
        local m = inbox:receive()
        error('told to', 0)
    end";
    let watcher = "return function()
        local events = process.events()
        while true do
            local pid = process.registry.lookup('the.one')
            if pid then
                process.monitor(pid)
                process.send(pid, 'end')
                local e = events:receive()
                if e.kind ~= process.event.EXIT then return end
                local again, err = process.send(e.from, 'x')
                print(e.reason, e.result.error:message(), again, err:message())
            end
            require('time').sleep('600ms')
        end
    end";
    let world = world(
        &[("a", a), ("watcher", watcher)],
        vec![service("a", &[]), service("watcher", &["a"])],
    );
    // Starts at 0, 1000 and 3200 ms; the watcher looks every 600 ms.
    world.run(1100);
    let second = world.pid("a");
    world.run(2200);
    let third = world.pid("a");
    assert!(second != third && !world.runtime.alive(second) && world.runtime.alive(third));
    let (born, watched) = ("born\ttrue\tnil", "error\ttold to\tnil\tprocess not found");
    assert_eq!(world.printed(), [born, watched, born, watched, born]);
}

#[test]
fn ready_counts_anew_for_each_life() {
    let source = "return function()
        process.ready()
        require('time').sleep('10ms')
        error('x', 0)
    end";
    let spec = ServiceSpec { ready: true, ..service("a", &[]) };
    let world = world(&[("a", source)], vec![spec]);
    world.run(1000);
    assert_eq!(world.told(), ["0 a starting", "0 a running", "10 a restart 1 in 1s: x"]);
    world.run(10);
    assert_eq!(world.told(), ["1010 a starting", "1010 a running"]);
}
