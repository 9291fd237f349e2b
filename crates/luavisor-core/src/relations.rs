//! Links and monitors of one process: the rules of who hears of whose end.
//!
//! Each process keeps its own half of every relation; the other half belongs to
//! the peer and is changed by a signal only. A function here takes one event
//! and says which signal must follow, if any.
//!
//! Monitors. `monitors` holds whom the process watches from the moment
//! `monitor` returned true until the EXIT arrives or `unmonitor` is called. An
//! arriving EXIT counts only if the entry is there, which gives at most one EXIT
//! per monitor, and none after `unmonitor`, whatever was under way.
//!
//! Links. A link is symmetric, but two processes may link and unlink each other
//! at the same time. Each `link` call that made something new has a [`LinkId`];
//! a half-link holds at most one id of each side, and `unlink` removes at the
//! peer only the ids that the caller knew. So a link request that crosses an
//! unlink survives on both sides or on none (Erlang solves the same race with
//! acknowledged unlink ids; ours needs no answer).

use crate::exit::{Exit, Origin, Reason};
use crate::pid::Pid;
use crate::pid_map::PidMap;
use crate::value::{Table, Value, Values};
use crate::{Error, Kind};
use std::sync::Arc;

/// Names one successful `link` call; unique among those of its caller.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LinkId(pub u64);

/// The link calls that one half of a link stands for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkIds {
    /// made by the process that holds this half
    pub mine: Option<LinkId>,
    /// made by the peer
    pub theirs: Option<LinkId>,
}

/// What a failure of a linked peer does to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Failure {
    /// There is no link any more.
    Ignored,
    /// It becomes a LINK_DOWN event.
    Event,
    /// It ends the process.
    Ends,
}

/// The relations of one process.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Relations {
    links: PidMap<LinkIds>,
    monitors: PidMap<()>,
    watchers: PidMap<()>,
}

impl Relations {
    /// `monitor(target)`. True: the target must be told.
    pub fn monitor(&mut self, target: Pid) -> bool {
        self.monitors.insert(target, ()).is_none()
    }

    /// `unmonitor(target)`. True: the target must be told.
    pub fn unmonitor(&mut self, target: Pid) -> bool {
        self.monitors.remove(target).is_some()
    }

    /// A monitor request arrived.
    pub fn watched_by(&mut self, watcher: Pid) {
        self.watchers.insert(watcher, ());
    }

    /// A monitor was taken back, or its owner ended.
    pub fn unwatched_by(&mut self, watcher: Pid) {
        self.watchers.remove(watcher);
    }

    /// EXIT of `from` arrived. True: it is delivered, and the monitor is used up.
    pub fn exit_arrived(&mut self, from: Pid) -> bool {
        self.monitors.remove(from).is_some()
    }

    /// `link(peer)`. True: the peer must be told with `id`.
    pub fn link(&mut self, peer: Pid, id: LinkId) -> bool {
        if self.links.contains(peer) {
            return false;
        }
        self.links.insert(peer, LinkIds { mine: Some(id), theirs: None });
        true
    }

    /// A link request arrived.
    pub fn linked_by(&mut self, peer: Pid, id: LinkId) {
        match self.links.get_mut(peer) {
            Some(ids) => ids.theirs = Some(id),
            None => drop(self.links.insert(peer, LinkIds { mine: None, theirs: Some(id) })),
        }
    }

    /// `unlink(peer)`. Some: the peer must be told with these ids.
    pub fn unlink(&mut self, peer: Pid) -> Option<LinkIds> {
        self.links.remove(peer)
    }

    /// The peer unlinked, knowing these ids (named from the peer's side).
    pub fn unlinked_by(&mut self, peer: Pid, known: LinkIds) {
        let Some(ids) = self.links.get_mut(peer) else { return };
        if ids.mine == known.theirs {
            ids.mine = None;
        }
        if ids.theirs == known.mine {
            ids.theirs = None;
        }
        if *ids == LinkIds::default() {
            self.links.remove(peer);
        }
    }

    /// A linked peer ended normally: the link dissolves silently.
    pub fn dissolved(&mut self, peer: Pid) {
        self.links.remove(peer);
    }

    /// A linked peer failed. The link is used up.
    pub fn failure_arrived(&mut self, from: Pid, trap_links: bool) -> Failure {
        match (self.links.remove(from), trap_links) {
            (None, _) => Failure::Ignored,
            (Some(_), true) => Failure::Event,
            (Some(_), false) => Failure::Ends,
        }
    }

    /// Who gets EXIT when the process ends, in the order of pids.
    pub fn each_watcher(&self, act: impl FnMut(Pid)) {
        self.watchers.each(act);
    }

    /// Who is told of the end through a link, in the order of pids.
    pub fn each_link(&self, act: impl FnMut(Pid)) {
        self.links.each(act);
    }

    /// Whose watcher the process is, in the order of pids; told so that they forget it.
    pub fn each_monitor(&self, act: impl FnMut(Pid)) {
        self.monitors.each(act);
    }

    /// Whether `link(peer)` is in force on this side.
    pub fn is_linked(&self, peer: Pid) -> bool {
        self.links.contains(peer)
    }
}

/// How a process without `trap_links` ends when `from` (whose pid reads
/// `from_text`) failed with `exit`.
///
/// `details.origin` and the quoted cause are those of the first failure of the
/// cascade, so the text does not grow with the length of the chain.
pub fn link_failure(from: Pid, from_text: &str, exit: &Exit) -> Exit {
    let cause = || exit.error.as_ref().map_or_else(|| Arc::from(""), |error| error.message.clone());
    let origin = match &exit.origin {
        Some(origin) => origin.clone(),
        None => Arc::new(Origin { pid: from, pid_text: from_text.into(), cause: cause() }),
    };
    let details = Values {
        items: [Value::Table(0)].into_iter().collect(),
        tables: vec![Table {
            array: Vec::new(),
            hash: vec![
                ("pid".into(), from_text.into()),
                ("cause".into(), (&*origin.cause).into()),
                ("origin".into(), (&*origin.pid_text).into()),
            ],
        }],
    };
    let message = format!("linked process failed: {from_text}: {}", origin.cause);
    let error = Error::new(Kind::LINK_DOWN, message).details(details);
    Exit { origin: Some(origin), ..Exit::failure(Reason::Linked, error) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pid::HostId;

    fn pid(n: u64) -> Pid {
        Pid { host: HostId(1), place: n as u32, generation: n }
    }

    #[test]
    fn a_monitor_is_used_up_by_one_exit() {
        let mut a = Relations::default();
        assert!(a.monitor(pid(2)) && !a.monitor(pid(2)));
        assert!(a.exit_arrived(pid(2)) && !a.exit_arrived(pid(2)));
        assert!(a.monitor(pid(2)) && a.unmonitor(pid(2)) && !a.exit_arrived(pid(2)));
    }

    #[test]
    fn what_a_failure_does() {
        for (linked, trap, expected) in [
            (false, false, Failure::Ignored),
            (false, true, Failure::Ignored),
            (true, false, Failure::Ends),
            (true, true, Failure::Event),
        ] {
            let mut a = Relations::default();
            if linked {
                a.link(pid(2), LinkId(1));
            }
            assert_eq!(a.failure_arrived(pid(2), trap), expected);
            assert_eq!(a.failure_arrived(pid(2), trap), Failure::Ignored);
        }
    }

    /// Every interleaving of A and B linking and unlinking each other leaves both
    /// halves or none.
    #[test]
    fn crossing_links_and_unlinks_stay_symmetric() {
        #[derive(Clone, Copy)]
        enum Signal {
            Link(LinkId),
            Unlink(LinkIds),
        }
        // Each side performs its calls in order; signals travel first-in first-out.
        fn explore(sides: [Relations; 2], calls: [&[bool]; 2], wires: [Vec<Signal>; 2], id: u64) {
            let mut ends = true;
            for side in 0..2 {
                let peer = pid(1 - side as u64 + 10);
                if let Some((link, rest)) = calls[side].split_first() {
                    ends = false;
                    let (mut sides, mut calls, mut wires) = (sides.clone(), calls, wires.clone());
                    calls[side] = rest;
                    if *link {
                        if sides[side].link(peer, LinkId(id)) {
                            wires[side].push(Signal::Link(LinkId(id)));
                        }
                    } else if let Some(ids) = sides[side].unlink(peer) {
                        wires[side].push(Signal::Unlink(ids));
                    }
                    explore(sides, calls, wires, id + 1);
                }
                if !wires[1 - side].is_empty() {
                    ends = false;
                    let (mut sides, mut wires) = (sides.clone(), wires.clone());
                    match wires[1 - side].remove(0) {
                        Signal::Link(id) => sides[side].linked_by(peer, id),
                        Signal::Unlink(ids) => sides[side].unlinked_by(peer, ids),
                    }
                    explore(sides, calls, wires, id);
                }
            }
            if ends {
                assert!(!sides[0].is_linked(pid(10)));
                assert_eq!(sides[0].is_linked(pid(11)), sides[1].is_linked(pid(10)));
            }
        }
        for a in [&[true][..], &[true, false], &[true, false, true], &[false, true]] {
            for b in [&[true][..], &[false], &[true, false], &[false, true]] {
                explore(Default::default(), [a, b], Default::default(), 0);
            }
        }
    }

    #[test]
    fn the_text_of_a_cascade_does_not_grow() {
        let a = Exit::failure(Reason::Error, Error::internal("boom"));
        let b = link_failure(pid(1), "{A}", &a);
        let c = link_failure(pid(2), "{B}", &b);
        let error = c.error.unwrap();
        assert_eq!(&*error.message, "linked process failed: {B}: boom");
        assert_eq!(error.kind, Kind::LINK_DOWN);
        let details = error.details.clone().unwrap();
        for (key, text) in [("pid", "{B}"), ("cause", "boom"), ("origin", "{A}")] {
            assert_eq!(details.field(details.first(), key), Some(&text.into()), "{key}");
        }
    }
}
