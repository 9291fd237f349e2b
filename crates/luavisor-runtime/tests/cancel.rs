//! Cancel and terminate (SPEC 5).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use luavisor_core::{Kind, Pid, Reason};
use luavisor_runtime::Flow;
use support::{Got, MS, World, cancel};

fn worlds() -> [World; 2] {
    [World::new(), World::scattered(5)]
}

fn watched(world: &World) -> [support::Probe; 2] {
    let [a, b] = [(); 2].map(|()| world.probe());
    let target = b.pid;
    a.act(move |context| context.monitor(target)).unwrap();
    [a, b]
}

#[test]
fn the_deadline_ends_the_process_and_names_the_timeout() {
    for world in worlds() {
        let [a, b] = watched(&world);
        let target = b.pid;
        let request = cancel(Some((100 * MS, "100ms")), "");
        a.act(move |context| context.cancel(target, request)).unwrap();
        world.simulation.run_for(99 * MS);
        assert!(b.alive());
        assert!(matches!(&b.got()[..], [Got::Cancel(from, _, Some(_))] if *from == a.pid));
        world.simulation.run_for(MS);
        let text = "cancel deadline exceeded after 100ms".to_owned();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Cancelled, Some(text))]);
        assert_eq!(world.simulation.next_alarm(), None);
    }
}

#[test]
fn the_earliest_deadline_wins() {
    for world in worlds() {
        let [a, b] = watched(&world);
        let target = b.pid;
        for (time, text) in [(5000 * MS, "5s"), (100 * MS, "100ms"), (7000 * MS, "7s")] {
            let request = cancel(Some((time, text)), "");
            a.act(move |context| context.cancel(target, request)).unwrap();
        }
        world.simulation.run_for(100 * MS);
        let text = "cancel deadline exceeded after 100ms".to_owned();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Cancelled, Some(text))]);
    }
}

#[test]
fn a_passed_deadline_ends_it_at_once_and_no_deadline_never() {
    for world in worlds() {
        let [a, b] = watched(&world);
        let target = b.pid;
        a.act(move |context| context.cancel(target, cancel(None, "maintenance"))).unwrap();
        world.simulation.run_for(1_000_000 * MS);
        assert_eq!(b.got(), [Got::Cancel(a.pid, "maintenance".into(), None)]);
        a.act(move |context| context.cancel(target, cancel(Some((0, "0s")), ""))).unwrap();
        let text = "cancel deadline exceeded after 0s".to_owned();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Cancelled, Some(text))]);
    }
}

#[test]
fn a_process_that_ends_in_time_keeps_its_own_result() {
    for world in worlds() {
        let [a, b] = watched(&world);
        let target = b.pid;
        a.act(move |context| context.cancel(target, cancel(Some((MS, "1ms")), ""))).unwrap();
        b.finish();
        world.simulation.run();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Normal, None)]);
    }
}

#[test]
fn a_forced_end_during_shutdown_has_its_own_reason() {
    let world = World::new();
    let [a, b] = watched(&world);
    let target = b.pid;
    a.act(move |context| context.cancel(target, cancel(Some((MS, "1ms")), ""))).unwrap();
    world.runtime.begin_shutdown();
    world.simulation.run();
    assert!(matches!(&a.got()[..], [Got::Exit(_, Reason::Shutdown, Some(_))]));
}

#[test]
fn terminate_is_a_failure_and_the_dead_are_not_found() {
    for world in worlds() {
        let [a, b] = watched(&world);
        let target = b.pid;
        let error = a.act(move |context| {
            context.terminate(target).unwrap();
            // Local and not running: dead at once. Elsewhere: dying, so a second
            // call is accepted and changes nothing.
            context.terminate(target).err()
        });
        assert!(error.is_none_or(|error| error.kind == Kind::NOT_FOUND));
        let text = "process terminated".to_owned();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Terminated, Some(text))]);
        let error = a.act(move |context| context.terminate(target)).unwrap_err();
        assert_eq!(&*error.message, "process not found");
        for pid in [target, Pid { generation: 999, ..target }] {
            let error = a.act(move |context| context.cancel(pid, cancel(None, ""))).unwrap_err();
            assert_eq!(error.kind, Kind::NOT_FOUND);
        }
    }
}

#[test]
fn a_local_target_of_terminate_is_dead_for_the_next_send() {
    let world = World::new();
    let [a, b] = [(); 2].map(|()| world.probe());
    let target = b.pid;
    let error = a.act(move |context| {
        context.terminate(target).unwrap();
        context.send(target, *b"x", Default::default()).unwrap_err()
    });
    assert_eq!((error.kind, &*error.message), (Kind::NOT_FOUND, "process not found"));
}

#[test]
fn who_terminates_itself_ends_terminated_even_if_it_returns() {
    for world in worlds() {
        let [a, b] = watched(&world);
        let target = b.pid;
        b.post(|context| {
            context.terminate(context.pid()).unwrap();
            Flow::Finish(luavisor_core::Exit::normal(Default::default()))
        });
        let text = "process terminated".to_owned();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Terminated, Some(text))]);
    }
}
