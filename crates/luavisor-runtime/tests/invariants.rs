//! Random histories of several processes against a small model of SPEC 4 and 5.
//!
//! - [`settled`]: everything settles after each operation, so the outcome is
//!   determined and compared with the model exactly (I1, I2, I4).
//! - [`racing`]: operations are under way at the same time, shards take turns at
//!   random; what every observer saw is checked for what must hold in any case
//!   (I1, I3, I4).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use luavisor_core::{Exit, Pid, Reason, Values};
use luavisor_runtime::Flow;
use proptest::prelude::*;
use support::{Act, Got, MS, Note, Probe, World, cancel};

const PROCESSES: usize = 5;

#[derive(Clone, Copy, Debug)]
enum Operation {
    Link(usize, usize),
    Unlink(usize, usize),
    Monitor(usize, usize),
    Unmonitor(usize, usize),
    Trap(usize, bool),
    Finish(usize),
    Fail(usize),
    Terminate(usize, usize),
    Cancel(usize, usize, u64),
    Send(usize, usize),
    Wait(u64),
}

fn operation() -> impl Strategy<Value = Operation> {
    use Operation::*;
    let process = || 0..PROCESSES;
    prop_oneof![
        6 => (process(), process()).prop_map(|(a, b)| Link(a, b)),
        2 => (process(), process()).prop_map(|(a, b)| Unlink(a, b)),
        6 => (process(), process()).prop_map(|(a, b)| Monitor(a, b)),
        2 => (process(), process()).prop_map(|(a, b)| Unmonitor(a, b)),
        4 => (process(), any::<bool>()).prop_map(|(a, trap)| Trap(a, trap)),
        1 => process().prop_map(Finish),
        1 => process().prop_map(Fail),
        1 => (process(), process()).prop_map(|(a, b)| Terminate(a, b)),
        1 => (process(), process(), 0..3u64).prop_map(|(a, b, time)| Cancel(a, b, time)),
        2 => (process(), process()).prop_map(|(a, b)| Send(a, b)),
        1 => (0..3u64).prop_map(Wait),
    ]
}

/// What one process must have seen, without regard to order.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Seen {
    Exit(usize, &'static str),
    LinkDown(usize, &'static str),
    Cancel(usize),
    Message(usize),
}

/// SPEC 4 and 5 once more, written for reading: sets of pairs and a loop.
#[derive(Default)]
struct Model {
    dead: BTreeSet<usize>,
    links: BTreeSet<(usize, usize)>,
    monitors: BTreeSet<(usize, usize)>,
    trapping: BTreeSet<usize>,
    deadlines: BTreeMap<usize, u64>,
    now: u64,
    cancels: u64,
    seen: BTreeMap<usize, Vec<Seen>>,
}

impl Model {
    fn see(&mut self, process: usize, seen: Seen) {
        if !self.dead.contains(&process) {
            self.seen.entry(process).or_default().push(seen);
        }
    }

    fn end(&mut self, process: usize, reason: &'static str) {
        let mut ending = vec![(process, reason)];
        while let Some((process, reason)) = ending.pop() {
            if !self.dead.insert(process) {
                continue;
            }
            self.deadlines.remove(&process);
            for other in 0..PROCESSES {
                if self.monitors.remove(&(other, process)) {
                    self.see(other, Seen::Exit(process, reason));
                }
                self.monitors.remove(&(process, other));
            }
            for other in 0..PROCESSES {
                if self.links.remove(&pair(process, other)) && reason != "normal" {
                    match self.trapping.contains(&other) {
                        true => self.see(other, Seen::LinkDown(process, reason)),
                        false => ending.push((other, "linked")),
                    }
                }
            }
        }
    }

    /// Whether the call succeeds; `None`: the caller is dead.
    fn apply(&mut self, operation: Operation) -> Option<bool> {
        use Operation::*;
        let caller = match operation {
            Link(a, _) | Unlink(a, _) | Monitor(a, _) | Unmonitor(a, _) => a,
            Trap(a, _) | Finish(a) | Fail(a) | Terminate(a, _) | Cancel(a, _, _) => a,
            Send(a, _) => a,
            Wait(time) => {
                self.now += time * MS;
                while let Some((&process, _)) =
                    self.deadlines.iter().filter(|d| *d.1 <= self.now).min_by_key(|d| d.1)
                {
                    self.end(process, "cancelled");
                }
                return Some(true);
            }
        };
        if self.dead.contains(&caller) {
            return None;
        }
        let alive = |process| !self.dead.contains(&process);
        let succeeds = match operation {
            Link(_, b) | Monitor(_, b) | Terminate(_, b) | Cancel(_, b, _) | Send(_, b) => alive(b),
            _ => true,
        };
        if !succeeds {
            return Some(false);
        }
        match operation {
            Link(a, b) if a != b => drop(self.links.insert(pair(a, b))),
            Unlink(a, b) => drop(self.links.remove(&pair(a, b))),
            Monitor(a, b) if a != b => drop(self.monitors.insert((a, b))),
            Unmonitor(a, b) => drop(self.monitors.remove(&(a, b))),
            Trap(a, true) => drop(self.trapping.insert(a)),
            Trap(a, false) => drop(self.trapping.remove(&a)),
            Finish(a) => self.end(a, "normal"),
            Fail(a) => self.end(a, "error"),
            Terminate(_, b) => self.end(b, "terminated"),
            Cancel(a, b, time) => {
                self.see(b, Seen::Cancel(a));
                // Each a little later than the one before, so that none coincide.
                self.cancels += 1;
                let deadline = self.now + time * MS + self.cancels;
                let earliest = self.deadlines.entry(b).or_insert(deadline);
                *earliest = deadline.min(*earliest);
            }
            Send(a, b) => self.see(b, Seen::Message(a)),
            _ => {}
        }
        Some(true)
    }
}

fn pair(a: usize, b: usize) -> (usize, usize) {
    (a.min(b), a.max(b))
}

fn perform(world: &World, probes: &[Probe], operation: Operation, cancels: u64) -> bool {
    use Operation::*;
    let pid = |process: usize| probes[process].pid;
    match operation {
        Link(a, b) => {
            let b = pid(b);
            probes[a].act(move |context| context.link(b)).is_ok()
        }
        Unlink(a, b) => {
            let b = pid(b);
            probes[a].act(move |context| context.unlink(b));
            true
        }
        Monitor(a, b) => {
            let b = pid(b);
            probes[a].act(move |context| context.monitor(b)).is_ok()
        }
        Unmonitor(a, b) => {
            let b = pid(b);
            probes[a].act(move |context| context.unmonitor(b));
            true
        }
        Trap(a, trap) => {
            probes[a].act(move |context| context.trap_links(trap));
            true
        }
        Finish(a) => {
            probes[a].finish();
            true
        }
        Fail(a) => {
            probes[a].fail("failed");
            true
        }
        Terminate(a, b) => {
            let b = pid(b);
            probes[a].act(move |context| context.terminate(b)).is_ok()
        }
        Cancel(a, b, time) => {
            let b = pid(b);
            let request = cancel(Some((time * MS + cancels, "some time")), "");
            probes[a].act(move |context| context.cancel(b, request)).is_ok()
        }
        Send(a, b) => {
            let b = pid(b);
            probes[a].act(move |context| context.send(b, *b"m", Values::none())).is_ok()
        }
        Wait(time) => {
            world.simulation.run_for(time * MS);
            true
        }
    }
}

fn settled(world: World, operations: &[Operation]) {
    let probes: Vec<Probe> = (0..PROCESSES).map(|_| world.probe()).collect();
    let index = |pid: Pid| probes.iter().position(|probe| probe.pid == pid).unwrap();
    let mut model = Model::default();
    for operation in operations {
        let expected = model.apply(*operation);
        if let Some(expected) = expected {
            let happened = perform(&world, &probes, *operation, model.cancels);
            assert_eq!(happened, expected, "result of {operation:?}");
        }
        for (process, probe) in probes.iter().enumerate() {
            let alive = !model.dead.contains(&process);
            assert_eq!(probe.alive(), alive, "life of {process} after {operation:?}");
            let got = probe.got();
            if !alive {
                continue;
            }
            let mut exits = BTreeSet::new();
            let mut seen: Vec<Seen> = got
                .into_iter()
                .map(|got| match got {
                    Got::Exit(from, reason, _) => {
                        exits.insert(from);
                        Seen::Exit(index(from), reason.as_str())
                    }
                    Got::LinkDown(from, reason, _) => {
                        assert!(
                            exits.contains(&from) || !model_watches(&model, process, index(from)),
                            "LINK_DOWN before EXIT"
                        );
                        Seen::LinkDown(index(from), reason.as_str())
                    }
                    Got::Cancel(from, ..) => Seen::Cancel(index(from)),
                    Got::Message(from, ..) => Seen::Message(index(from)),
                    other => panic!("unexpected {other:?}"),
                })
                .collect();
            let mut expected = model.seen.remove(&process).unwrap_or_default();
            seen.sort();
            expected.sort();
            assert_eq!(seen, expected, "what {process} saw of {operation:?}");
        }
        model.seen.clear();
    }
}

/// Whether the model still waits for an EXIT: then none may be overtaken.
fn model_watches(model: &Model, watcher: usize, target: usize) -> bool {
    model.monitors.contains(&(watcher, target))
}

fn racing(seed: u64, operations: &[Operation]) {
    use Operation::*;
    let world = World::scattered(seed);
    let probes: Vec<Probe> = (0..PROCESSES).map(|_| world.probe()).collect();
    // Everybody traps, so that survivors can tell what they saw.
    probes.iter().for_each(|probe| probe.act(|context| context.trap_links(true)));
    let mut counts = BTreeMap::new();
    for operation in operations {
        let pid = |process: usize| probes[process].pid;
        let try_post = |process: usize, act: Act| {
            if probes[process].alive() {
                probes[process].post(act);
            }
        };
        match *operation {
            Monitor(a, b) if a != b => {
                let (b, probe) = (pid(b), probes[a].clone());
                try_post(
                    a,
                    Box::new(move |context| {
                        if context.monitor(b).is_ok() {
                            probe.note(Note::Monitored(b));
                        }
                        Flow::Continue
                    }),
                );
            }
            Unmonitor(a, b) if a != b => {
                let (b, probe) = (pid(b), probes[a].clone());
                try_post(
                    a,
                    Box::new(move |context| {
                        context.unmonitor(b);
                        probe.note(Note::Unmonitored(b));
                        Flow::Continue
                    }),
                );
            }
            Link(a, b) if a != b => {
                let (b, probe) = (pid(b), probes[a].clone());
                try_post(
                    a,
                    Box::new(move |context| {
                        if context.link(b).is_ok() {
                            probe.note(Note::Linked(b));
                        }
                        Flow::Continue
                    }),
                );
            }
            Send(a, b) => {
                let count = counts.entry((a, b)).or_insert(0.0);
                *count += 1.0;
                let (b, payload) = (pid(b), Values::one(*count));
                try_post(
                    a,
                    Box::new(move |context| {
                        let _ = context.send(b, *b"m", payload);
                        Flow::Continue
                    }),
                );
            }
            Finish(a) | Fail(a) => {
                let failure = Exit::failure(Reason::Error, luavisor_core::Error::internal("x"));
                try_post(a, Box::new(move |_| Flow::Finish(failure)));
            }
            Terminate(a, b) => {
                let b = pid(b);
                try_post(
                    a,
                    Box::new(move |context| {
                        let _ = context.terminate(b);
                        Flow::Continue
                    }),
                );
            }
            Wait(steps) => (0..steps).for_each(|_| {
                world.simulation.step();
            }),
            _ => {}
        }
    }
    world.simulation.run();
    for probe in &probes {
        check(probe, &probes);
    }
    // I4: nobody who is dead can be sent to.
    for probe in probes.iter().filter(|probe| !probe.alive()) {
        world.runtime.send(probe.pid, *b"m", Values::none()).unwrap_err();
    }
}

fn check(probe: &Probe, probes: &[Probe]) {
    let mut monitored = BTreeSet::new();
    let mut linked = BTreeSet::new();
    let mut last = BTreeMap::new();
    for entry in probe.history() {
        match entry {
            Ok(Note::Monitored(target)) => drop(monitored.insert(target)),
            Ok(Note::Unmonitored(target)) => drop(monitored.remove(&target)),
            Ok(Note::Linked(target)) => drop(linked.insert(target)),
            Err(Got::Exit(from, ..)) => {
                assert!(monitored.remove(&from), "an EXIT without a monitor (I1)");
            }
            // The peer may have made the link.
            Err(Got::LinkDown(from, ..)) => drop(linked.remove(&from)),
            Err(Got::Message(from, _, payload)) => {
                let number = match payload.first() {
                    luavisor_core::Value::Number(number) => *number,
                    other => panic!("{other:?}"),
                };
                let before = last.insert(from, number).unwrap_or(0.0);
                assert!(number > before, "order of messages (I3)");
            }
            Err(_) => {}
        }
    }
    if probe.alive() {
        for other in probes.iter().filter(|other| !other.alive()) {
            assert!(!monitored.contains(&other.pid), "a monitor without its EXIT (I1)");
            assert!(!linked.contains(&other.pid), "a failure that a link did not tell (I2)");
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn one_shard_follows_the_model(operations in prop::collection::vec(operation(), 1..60)) {
        settled(World::new(), &operations);
    }

    #[test]
    fn many_shards_follow_the_model(
        seed: u64,
        operations in prop::collection::vec(operation(), 1..60),
    ) {
        settled(World::scattered(seed), &operations);
    }

    #[test]
    fn races_break_no_promise(
        seed: u64,
        operations in prop::collection::vec(operation(), 1..120),
    ) {
        racing(seed, &operations);
    }
}
