//! Monitors (SPEC 4.1, 4.5).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use luavisor_core::{Kind, Reason};
use luavisor_runtime::NativeOptions;
use support::{Got, World};

fn worlds() -> [World; 2] {
    [World::new(), World::scattered(3)]
}

#[test]
fn a_monitor_yields_one_exit_however_often_it_is_repeated() {
    for world in worlds() {
        let a = world.probe();
        let options = NativeOptions { monitor: true, ..NativeOptions::new("test:child") };
        let child = world.child(&a, options);
        let target = child.pid;
        for _ in 0..2 {
            a.act(move |context| context.monitor(target)).unwrap();
        }
        child.finish();
        assert_eq!(a.got(), [Got::Exit(target, Reason::Normal, None)]);
    }
}

#[test]
fn nothing_comes_after_unmonitor() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        let target = b.pid;
        a.act(move |context| context.monitor(target)).unwrap();
        a.act(move |context| context.unmonitor(target));
        b.finish();
        assert_eq!(a.got(), []);
    }
}

#[test]
fn a_dead_pid_cannot_be_monitored() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        let dead = b.pid;
        b.finish();
        let error = a.act(move |context| context.monitor(dead)).unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::NOT_FOUND, "process not found"));
        assert_eq!(a.got(), []);
    }
}

#[test]
fn messages_come_before_the_exit_of_their_sender() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        let (watcher, target) = (a.pid, b.pid);
        a.act(move |context| context.monitor(target)).unwrap();
        b.post(move |context| {
            for n in 0..3 {
                context.send(watcher, *b"n", luavisor_core::Values::one(n)).unwrap();
            }
            luavisor_runtime::Flow::Finish(luavisor_core::Exit::normal(Default::default()))
        });
        let got = a.got();
        assert_eq!(got.len(), 4);
        assert_eq!(got[3], Got::Exit(target, Reason::Normal, None));
        for (n, got) in got[..3].iter().enumerate() {
            let payload = luavisor_core::Values::one(n as f64);
            assert_eq!(*got, Got::Message(target, "n".into(), payload));
        }
    }
}

#[test]
fn a_panic_is_the_failure_of_its_process() {
    let world = World::new();
    let [a, b] = [(); 2].map(|()| world.probe());
    let target = b.pid;
    a.act(move |context| context.monitor(target)).unwrap();
    let hook = std::panic::take_hook();
    std::panic::set_hook(Box::new(|_| {}));
    b.post(|_| panic!("oh no"));
    let got = a.got();
    std::panic::set_hook(hook);
    assert_eq!(got, [Got::Exit(target, Reason::Error, Some("panic: oh no".into()))]);
}
