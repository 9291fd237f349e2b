//! Links (SPEC 4.1, 4.3, 4.4).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use luavisor_core::{Kind, Reason};
use luavisor_runtime::{HostConfig, Order};
use support::{Got, Probe, World};

fn link(a: &Probe, b: &Probe) {
    let peer = b.pid;
    a.act(move |context| context.link(peer)).unwrap();
}

fn worlds() -> [World; 2] {
    [World::new(), World::scattered(7)]
}

#[test]
fn a_failure_ends_the_chain_and_names_peer_and_cause() {
    for world in worlds() {
        let [a, b, c, watcher] = [(); 4].map(|()| world.probe());
        link(&a, &b);
        link(&b, &c);
        let target = c.pid;
        watcher.act(move |context| context.monitor(target)).unwrap();
        let (b_text, c_pid) = (b.text(), c.pid);
        a.fail("boom");
        assert!(!b.alive() && !c.alive());
        let text = format!("linked process failed: {b_text}: boom");
        assert_eq!(watcher.got(), [Got::Exit(c_pid, Reason::Linked, Some(text))]);
    }
}

#[test]
fn a_normal_end_dissolves_the_link_silently() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        link(&a, &b);
        b.act(|context| context.trap_links(true));
        a.finish();
        assert!(b.alive());
        assert_eq!(b.got(), []);
    }
}

#[test]
fn a_trapping_peer_gets_one_event_and_stops_the_cascade() {
    for world in worlds() {
        let [a, b, c] = [(); 3].map(|()| world.probe());
        link(&a, &b);
        link(&b, &a);
        link(&b, &c);
        b.act(|context| context.trap_links(true));
        let from = a.pid;
        a.fail("boom");
        assert_eq!(b.got(), [Got::LinkDown(from, Reason::Error, Some("boom".into()))]);
        b.finish();
        assert!(c.alive());
    }
}

#[test]
fn exit_comes_before_link_down() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        link(&b, &a);
        let peer = a.pid;
        b.act(move |context| {
            context.trap_links(true);
            context.monitor(peer)
        })
        .unwrap();
        a.fail("boom");
        let boom = Some("boom".to_owned());
        assert_eq!(
            b.got(),
            [
                Got::Exit(peer, Reason::Error, boom.clone()),
                Got::LinkDown(peer, Reason::Error, boom)
            ]
        );
    }
}

#[test]
fn unlink_removes_both_directions() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        link(&a, &b);
        let peer = a.pid;
        b.act(move |context| context.unlink(peer));
        a.fail("boom");
        assert!(b.alive());
    }
}

#[test]
fn a_dead_pid_cannot_be_linked_and_the_own_one_is_no_effect() {
    for world in worlds() {
        let [a, b] = [(); 2].map(|()| world.probe());
        let dead = a.pid;
        a.finish();
        let error = b.act(move |context| context.link(dead)).unwrap_err();
        assert_eq!((error.kind, &*error.message), (Kind::NOT_FOUND, "process not found"));
        b.act(|context| context.link(context.pid())).unwrap();
        b.fail("boom");
    }
}

#[test]
fn a_link_that_arrives_too_late_counts_as_a_failure() {
    let world = World::scattered(1);
    let [a, b] = [(); 2].map(|()| world.probe());
    b.act(|context| context.trap_links(true));
    // Both are queued before either runs; whichever order the seed picks, b
    // either learns of the failure or is refused.
    let peer = a.pid;
    a.post(|_| {
        luavisor_runtime::Flow::Finish(luavisor_core::Exit::failure(
            Reason::Error,
            luavisor_core::Error::internal("boom"),
        ))
    });
    let linked = b.act(move |context| context.link(peer));
    let got = b.got();
    match linked {
        Ok(()) => assert!(matches!(&got[..], [Got::LinkDown(from, _, _)] if *from == peer)),
        Err(_) => assert_eq!(got, []),
    }
}

#[test]
fn a_long_chain_and_a_large_star_die_without_a_deep_stack() {
    let config = HostConfig { workers: 1, ..HostConfig::new("app:host") };
    let world = World::with(config, Order::Fair);
    let probes: Vec<Probe> = (0..20_000).map(|_| world.probe()).collect();
    let (chain, star) = probes.split_at(10_000);
    for pair in chain.windows(2) {
        link(&pair[0], &pair[1]);
    }
    for leaf in &star[1..] {
        link(&star[0], leaf);
    }
    chain[0].fail("boom");
    star[0].fail("boom");
    assert!(probes.iter().all(|probe| !probe.alive()));
}
