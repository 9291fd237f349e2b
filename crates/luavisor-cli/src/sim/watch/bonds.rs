//! Monitors, links and cancels: I1, I2, I8.

use std::collections::{BTreeMap, BTreeSet};

use luavisor::{BondChange, Pid};

use super::Names;

/// What is known of them.
#[derive(Default)]
pub struct Bonds {
    /// monitors that have not heard an EXIT: watcher, other
    monitors: BTreeSet<(Pid, Pid)>,
    /// links in both directions
    links: BTreeSet<(Pid, Pid)>,
    /// links made since all was quiet: the other side may not know of them
    linking: BTreeSet<(Pid, Pid)>,
    /// links that one side made while the other unlinked: both outcomes are right
    disputed: BTreeSet<(Pid, Pid)>,
    /// processes that failed since the last look
    failed: BTreeSet<Pid>,
    /// cancels that have not arrived: of whom, by whom, how many
    cancels: BTreeMap<(Pid, Pid), u32>,
}

impl Bonds {
    /// A process failed.
    pub fn failed(&mut self, pid: Pid) {
        self.failed.insert(pid);
    }

    /// What is wrong with this change, if it is wrong.
    pub fn change(
        &mut self,
        names: &Names,
        of: Pid,
        with: Pid,
        change: BondChange,
    ) -> Option<String> {
        let both = [(of, with), (with, of)];
        match change {
            BondChange::Monitors => drop(self.monitors.insert((of, with))),
            BondChange::Unmonitors => drop(self.monitors.remove(&(of, with))),
            BondChange::HeardExit if !self.monitors.remove(&(of, with)) => {
                let (of, with) = (names.of(of), names.of(with));
                return Some(format!("I1: {of} heard of the end of {with} unasked, or twice"));
            }
            BondChange::HeardExit => {}
            BondChange::Links => {
                self.linking.insert((of, with));
                for direction in both {
                    self.links.insert(direction);
                    self.disputed.remove(&direction);
                }
            }
            BondChange::Unlinks => {
                let disputed = self.linking.contains(&(with, of));
                for direction in both {
                    self.links.remove(&direction);
                    if disputed {
                        self.disputed.insert(direction);
                    }
                }
            }
            BondChange::HeardLink => {
                let disputed = self.disputed.remove(&(of, with));
                if !self.links.remove(&(of, with)) && !disputed {
                    let (of, with) = (names.of(of), names.of(with));
                    let text =
                        format!("I2: {of} heard of the failure of {with} unlinked, or twice");
                    return Some(text);
                }
            }
            BondChange::Cancelled => *self.cancels.entry((of, with)).or_default() += 1,
            BondChange::HeardCancel => match self.cancels.get_mut(&(of, with)) {
                Some(1) => drop(self.cancels.remove(&(of, with))),
                Some(many) => *many -= 1,
                None => {
                    let (of, with) = (names.of(of), names.of(with));
                    return Some(format!("I8: {of} got a CANCEL that {with} never sent, or twice"));
                }
            },
        }
        None
    }

    /// What should have arrived, now that nothing is under way.
    pub fn missing(&self, names: &Names, lives: impl Fn(Pid) -> bool) -> Option<String> {
        let lost = |(of, with): &&(Pid, Pid)| lives(*of) && !lives(*with);
        if let Some((of, with)) = self.monitors.iter().find(lost) {
            let (of, with) = (names.of(*of), names.of(*with));
            return Some(format!("I1: {of} never heard of the end of {with}"));
        }
        let lost = |pair: &&(Pid, Pid)| lost(pair) && self.failed.contains(&pair.1);
        if let Some((of, with)) = self.links.iter().find(lost) {
            let (of, with) = (names.of(*of), names.of(*with));
            return Some(format!("I2: the failure of {with} never reached {of}"));
        }
        let (of, with) = self.cancels.keys().find(|(of, _)| lives(*of))?;
        let (of, with) = (names.of(*of), names.of(*with));
        Some(format!("I8: {of} never got the CANCEL of {with}"))
    }

    /// Forgets what is over. Nothing is under way.
    pub fn tidy(&mut self, lives: impl Fn(Pid) -> bool) {
        self.monitors.retain(|(watcher, _)| lives(*watcher));
        for pairs in [&mut self.links, &mut self.disputed] {
            pairs.retain(|(of, with)| lives(*of) && lives(*with));
        }
        self.cancels.retain(|(of, _), _| lives(*of));
        self.linking.clear();
        self.failed.clear();
    }
}
