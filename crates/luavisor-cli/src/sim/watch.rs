//! What a simulation checks while it runs.
//!
//! | | must hold |
//! |---|---|
//! | I1 | every monitor of a process that lives gets exactly one EXIT when the other ends |
//! | I2 | every failure reaches every linked process that lives |
//! | names | a name has a living owner |
//! | intensity | no supervisor of an entry restarts more often than it says |
//! | I7 | no child outlives its supervisor |
//! | ends | a process ends once; a panic of the runtime never ends one |
//! | end | nothing outlives the shutdown |

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use luavisor::supervision::Intensity;
use luavisor::{
    BondChange, CONTROL, ChildChange, Exit, Observer, Occurrence, Pid, Runtime, ServiceChange,
};

use crate::sync::lock;

/// What is known of the run.
#[derive(Default)]
struct State {
    living: BTreeMap<Pid, Arc<str>>,
    /// process of a child, and of its supervisor
    children: BTreeMap<Pid, Pid>,
    supervisors: BTreeSet<Pid>,
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
    /// when each supervisor restarted a child, as far as it counts
    restarted: BTreeMap<Pid, VecDeque<u64>>,
    /// restarts of services and children
    restarts: u64,
    problem: Option<String>,
    /// how these ended, once they have
    awaited: BTreeMap<Pid, Option<Arc<Exit>>>,
}

impl State {
    /// A supervisor restarts a child; how many of its restarts count now, if too many.
    fn restarted(&mut self, pid: Pid, intensity: Intensity, now: u64) -> Option<usize> {
        let times = self.restarted.entry(pid).or_default();
        times.push_back(now);
        let counts = |time: u64| Duration::from_nanos(now.saturating_sub(time)) <= intensity.period;
        while times.front().is_some_and(|time| !counts(*time)) {
            times.pop_front();
        }
        (times.len() > intensity.restarts as usize).then_some(times.len())
    }
}

/// The restart intensities of supervisors, by entry id.
pub type Intensities = BTreeMap<Arc<str>, Intensity>;

/// Listens to a simulation.
#[derive(Clone)]
pub struct Watch {
    state: Arc<Mutex<State>>,
    runtime: Runtime,
    /// of the supervisors that are entries
    intensities: Arc<Intensities>,
}

impl Watch {
    pub fn new(runtime: &Runtime, intensities: Intensities) -> Watch {
        let intensities = Arc::new(intensities);
        Watch { state: Arc::default(), runtime: runtime.clone(), intensities }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The processes that faults may hit, with their entries: all but those of which
    /// the runtime itself is made.
    pub fn targets(&self) -> Vec<(Pid, Arc<str>)> {
        let state = self.state();
        let ours = |pid: &Pid| pid.host != CONTROL || state.supervisors.contains(pid);
        let hit = |pid: &Pid| ours(pid) && !state.awaited.contains_key(pid);
        let living = state.living.iter().filter(|(pid, _)| hit(pid));
        living.map(|(pid, entry)| (*pid, entry.clone())).collect()
    }

    /// From now on the end of this process is remembered; it is no target of faults.
    pub fn wait_for(&self, pid: Pid) {
        self.state().awaited.insert(pid, None);
    }

    /// How an awaited process ended, if it has; forgets it then.
    pub fn ended(&self, pid: Pid) -> Option<Arc<Exit>> {
        let mut state = self.state();
        let exit = state.awaited.get(&pid).cloned().flatten()?;
        state.awaited.remove(&pid);
        Some(exit)
    }

    /// What a check of the user sees: `{ processes = { entry = count } }`, and children.
    pub fn view(&self) -> (BTreeMap<Arc<str>, u64>, u64) {
        let state = self.state();
        let mut counts = BTreeMap::new();
        let ours = |pid: &Pid| pid.host != CONTROL || state.supervisors.contains(pid);
        for (_, entry) in state.living.iter().filter(|(pid, _)| ours(pid)) {
            *counts.entry(entry.clone()).or_default() += 1;
        }
        (counts, state.restarts)
    }

    /// How many processes of an entry live.
    pub fn count(&self, entry: &str) -> usize {
        self.state().living.values().filter(|known| ***known == *entry).count()
    }

    /// What is wrong whatever is under way.
    pub fn broken(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// What is wrong when nothing is under way.
    pub fn problem(&self) -> Option<String> {
        let mut state = self.state();
        let state = &mut *state;
        let text = |pid: Pid| self.runtime.pid_text(pid);
        let lives = |pid: &Pid| state.living.contains_key(pid);
        if state.problem.is_none() {
            let orphan =
                state.children.iter().find(|(child, parent)| lives(child) && !lives(parent));
            state.problem = orphan.map(|(child, parent)| {
                format!("I7: child {} outlives its supervisor {}", text(*child), text(*parent))
            });
        }
        if state.problem.is_none() {
            let lost =
                state.monitors.iter().find(|(watcher, other)| lives(watcher) && !lives(other));
            state.problem = lost.map(|(watcher, other)| {
                format!("I1: {} never heard of the end of {}", text(*watcher), text(*other))
            });
        }
        if state.problem.is_none() {
            let lost = state
                .links
                .iter()
                .find(|(of, with)| lives(of) && !lives(with) && state.failed.contains(with));
            state.problem = lost.map(|(of, with)| {
                format!("I2: the failure of {} never reached {}", text(*with), text(*of))
            });
        }
        if state.problem.is_none() {
            state.problem = self
                .runtime
                .stale_name()
                .map(|(name, owner)| format!("the name {name} outlives its owner {}", text(owner)));
        }
        let State { living, monitors, links, disputed, children, failed, .. } = state;
        monitors.retain(|(watcher, _)| living.contains_key(watcher));
        for pairs in [links, disputed] {
            pairs.retain(|(of, with)| living.contains_key(of) && living.contains_key(with));
        }
        state.linking.clear();
        children.retain(|child, _| living.contains_key(child));
        failed.clear();
        state.problem.clone()
    }

    /// What is wrong after the shutdown.
    pub fn leftovers(&self) -> Option<String> {
        let targets = self.targets();
        let (pid, entry) = targets.first()?;
        let pid = self.runtime.pid_text(*pid);
        Some(format!("{} processes outlive the shutdown, one is {pid} of {entry}", targets.len()))
    }
}

impl Observer for Watch {
    fn observe(&self, occurrence: &Occurrence) {
        let mut state = self.state();
        match occurrence {
            Occurrence::Spawned { pid, entry, .. } => {
                state.living.insert(*pid, entry.clone());
            }
            Occurrence::Exited { pid, exit, .. } => {
                let known = state.living.remove(pid).is_some();
                state.supervisors.remove(pid);
                state.restarted.remove(pid);
                if let Some(awaited) = state.awaited.get_mut(pid) {
                    *awaited = Some(exit.clone());
                }
                if exit.failed() {
                    state.failed.insert(*pid);
                }
                let message = exit.error.as_ref().map_or("", |error| &error.message);
                let text = || self.runtime.pid_text(*pid);
                if !known {
                    state.problem = Some(format!("{} ended twice", text()));
                } else if message.starts_with("panic: ") {
                    state.problem = Some(format!("{} was ended by a {message}", text()));
                }
            }
            Occurrence::Service { change: ServiceChange::Restart { .. }, .. } => {
                state.restarts += 1;
            }
            Occurrence::Child { supervisor, pid, change: ChildChange::Restart { .. }, .. } => {
                state.supervisors.insert(*pid);
                state.restarts += 1;
                if let Some(intensity) = self.intensities.get(supervisor) {
                    let now = self.runtime.clock().monotonic();
                    if let Some(many) = state.restarted(*pid, *intensity, now) {
                        let text = format!(
                            "intensity: {supervisor} restarted {many} times within {:?}, {} are allowed",
                            intensity.period, intensity.restarts
                        );
                        state.problem.get_or_insert(text);
                    }
                }
            }
            Occurrence::Child { pid, child_pid: Some(child), .. } => {
                state.supervisors.insert(*pid);
                if state.living.contains_key(child) {
                    state.children.insert(*child, *pid);
                }
            }
            Occurrence::Child { pid, .. } => {
                state.supervisors.insert(*pid);
            }
            Occurrence::Bond { of, with, change } => match change {
                BondChange::Monitors => {
                    state.monitors.insert((*of, *with));
                }
                BondChange::Unmonitors => {
                    state.monitors.remove(&(*of, *with));
                }
                BondChange::HeardExit => {
                    if !state.monitors.remove(&(*of, *with)) {
                        let (of, with) = (self.runtime.pid_text(*of), self.runtime.pid_text(*with));
                        let text = format!("I1: {of} heard of the end of {with} unasked, or twice");
                        state.problem = Some(text);
                    }
                }
                BondChange::Links => {
                    state.linking.insert((*of, *with));
                    for direction in [(*of, *with), (*with, *of)] {
                        state.links.insert(direction);
                        state.disputed.remove(&direction);
                    }
                }
                BondChange::Unlinks => {
                    let disputed = state.linking.contains(&(*with, *of));
                    for direction in [(*of, *with), (*with, *of)] {
                        state.links.remove(&direction);
                        if disputed {
                            state.disputed.insert(direction);
                        }
                    }
                }
                BondChange::HeardLink => {
                    let disputed = state.disputed.remove(&(*of, *with));
                    if !state.links.remove(&(*of, *with)) && !disputed {
                        let (of, with) = (self.runtime.pid_text(*of), self.runtime.pid_text(*with));
                        let text =
                            format!("I2: {of} heard of the failure of {with} unlinked, or twice");
                        state.problem = Some(text);
                    }
                }
            },
            _ => {}
        }
    }
}
