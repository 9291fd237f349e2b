//! Registered names (SPEC 12.4) and destinations (SPEC 2.2).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use luavisor_core::Kind;
use luavisor_runtime::{CONTROL, NativeOptions};
use support::{Probe, World};

fn worlds() -> [World; 2] {
    [World::new(), World::scattered(11)]
}

fn register(by: &Probe, name: &'static str, of: &Probe) -> Result<(), luavisor_core::Error> {
    let pid = of.pid;
    by.act(move |context| context.register(name, pid))
}

#[test]
fn a_name_has_one_owner_and_goes_with_it() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        register(&a, "x", &b).unwrap();
        register(&b, "x", &b).unwrap();
        let error = register(&a, "x", &a).unwrap_err();
        assert_eq!(
            (error.kind, &*error.message),
            (Kind::ALREADY_EXISTS, "name already registered")
        );
        assert_eq!(a.act(|context| context.lookup("x")).unwrap(), b.pid);
        b.finish();
        let error = a.act(|context| context.lookup("x")).unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::NOT_FOUND, "name not registered"));
        let error = register(&a, "y", &b).unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::NOT_FOUND, "process not found"));
        assert_eq!(world.runtime.lookup("y"), None);
    }
}

#[test]
fn owner_and_registrant_may_unregister() {
    for world in worlds() {
        let [a, b, c] = [(); 3].map(|()| world.probe());
        assert!(!a.act(|context| context.unregister("x")).unwrap());
        for allowed in [&a, &b] {
            register(&a, "x", &b).unwrap();
            let error = c.act(|context| context.unregister("x")).unwrap_err();
            assert_eq!(error.kind, Kind::PERMISSION_DENIED);
            assert!(allowed.act(|context| context.unregister("x")).unwrap());
        }
    }
}

#[test]
fn a_name_is_claimed_at_birth() {
    let world = World::new();
    let options = || NativeOptions { name: Some("x".into()), ..NativeOptions::new("test:actor") };
    let a = world.try_probe(options()).unwrap();
    assert_eq!(world.runtime.lookup("x"), Some(a.pid));
    assert_eq!(world.try_probe(options()).err().unwrap().kind, Kind::ALREADY_EXISTS);
    a.finish();
    assert!(world.try_probe(options()).is_ok());
}

#[test]
fn destinations_are_pids_or_names() {
    let world = World::new();
    let a = world.probe();
    register(&a, "x", &a).unwrap();
    let text = a.text();
    assert!(text.starts_with("{app:host|0x"), "{text}");
    assert_eq!(world.runtime.resolve(&text).unwrap(), a.pid);
    assert_eq!(world.runtime.resolve("x").unwrap(), a.pid);
    for (destination, message) in [
        ("nobody", "could not resolve 'nobody' as PID or registered name"),
        ("{no:host|0x00001}", "host not found"),
        ("{node@app:host|0x00001}", "host not found"),
        ("{app:host|rubbish}", "process not found"),
    ] {
        let error = world.runtime.resolve(destination).unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::NOT_FOUND, message), "{destination}");
    }
}

#[test]
fn control_pids_name_their_host() {
    let world = World::new();
    struct Quiet;
    impl luavisor_runtime::NativeProcess for Quiet {
        fn handle(
            &mut self,
            _: &mut luavisor_runtime::NativeContext<'_>,
            _: luavisor_runtime::Input,
        ) -> luavisor_runtime::Flow {
            luavisor_runtime::Flow::Continue
        }
    }
    let options = NativeOptions::new("test:control");
    let pid = world.runtime.spawn_native(CONTROL, Box::new(Quiet), options).unwrap();
    assert!(world.runtime.pid_text(pid).starts_with("{node:control|0x"));
}
