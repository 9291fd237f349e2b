//! What a simulation checks while it runs.
//!
//! | | must hold |
//! |---|---|
//! | I1 | every monitor of a process that lives gets exactly one EXIT when the other ends |
//! | I2 | every failure reaches every linked process that lives |
//! | I3 | messages between two processes arrive in their order, once, and all of them |
//! | I4 | nothing that has ended is sent to |
//! | I5 | a process whose end is decided does not run |
//! | I6 | a process that is ready runs after a bounded number of steps of others |
//! | I7 | no child outlives its supervisor |
//! | I8 | every CANCEL arrives; nobody waits for what is there |
//! | I9 | a shard without processes holds little memory |
//! | I10 | a shutdown ends in its time (judged in `run`) |
//! | timers | one that was stopped does not fire |
//! | names | a name has one living owner |
//! | intensity | no supervisor of an entry restarts more often than it says |
//! | ends | a process ends once; a panic of the runtime never ends one |
//! | end | nothing outlives the shutdown |
//!
//! | file | holds |
//! |---|---|
//! | `bonds` | monitors, links, cancels |
//! | `messages` | messages |
//! | `view` | what a check of the user sees |

mod bonds;
mod messages;
mod view;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use luavisor::supervision::Intensity;
use luavisor::{
    Application, CONTROL, ChildChange, Exit, Observer, Occurrence, Pid, Runtime, ServiceChange,
    TimerChange, TimerId,
};

use super::tape::Tape;
use crate::sync::lock;
use bonds::Bonds;
use messages::Messages;
use view::Each;
pub use view::View;

/// Steps of others in its shard that a ready process may have to wait for: so many, and
/// so many for each process there.
const PATIENCE: u64 = 1000;
const PATIENCE_EACH: u64 = 64;

/// Bytes that the VM of a shard may hold without processes, beyond those of a new one:
/// memory comes in pieces.
const LEFTOVER: usize = 512 << 10;

/// Nanoseconds after its time at which a timer has certainly not fired.
const LATE: u64 = 1_000_000_000;

/// Entries of ended processes that are known for a while.
const KNOWN: usize = 50_000;

/// The names of processes in what is reported.
pub struct Names {
    runtime: Runtime,
    entries: Mutex<BTreeMap<Pid, Arc<str>>>,
}

impl Names {
    fn of(&self, pid: Pid) -> String {
        if pid == Pid::NONE {
            return "the runtime".to_owned();
        }
        match lock(&self.entries).get(&pid) {
            Some(entry) => format!("{} ({entry})", self.pid(pid)),
            None => self.pid(pid),
        }
    }

    fn pid(&self, pid: Pid) -> String {
        self.runtime.pid_text(pid)
    }

    /// A process was born. Those that ended long ago are forgotten.
    fn add(&self, pid: Pid, entry: &Arc<str>, living: &BTreeMap<Pid, Arc<str>>) {
        let mut entries = lock(&self.entries);
        entries.insert(pid, entry.clone());
        if entries.len() > 2 * living.len() + KNOWN {
            entries.retain(|pid, _| living.contains_key(pid));
        }
    }

    /// Whether it is one of those of which the runtime itself is made.
    fn is_own(&self, pid: Pid) -> bool {
        pid.host == CONTROL && self.runtime.intensity(pid).is_none()
    }
}

/// What is known of the run.
#[derive(Default)]
struct State {
    living: BTreeMap<Pid, Arc<str>>,
    /// by process of a child: that of its supervisor, and its name
    children: BTreeMap<Pid, (Pid, Arc<str>)>,
    bonds: Bonds,
    messages: Messages,
    /// timers that were stopped and whose time has not come
    stopped: BTreeSet<(Pid, TimerId)>,
    /// owners of names
    names: BTreeMap<Arc<str>, Pid>,
    /// when each supervisor restarted a child, as far as it counts
    restarted: BTreeMap<Pid, VecDeque<u64>>,
    /// restarts of services, and of children as `SUPERVISOR/CHILD`
    restarted_ids: Each<u64>,
    /// services and children that have used up their restarts
    gave_up: BTreeSet<String>,
    problem: Option<String>,
    /// targets that were born since somebody asked, if they are wanted
    newborn: Option<Vec<(Pid, Arc<str>)>>,
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

/// Listens to a simulation.
#[derive(Clone)]
pub struct Watch {
    state: Arc<Mutex<State>>,
    names: Arc<Names>,
    tape: Arc<Tape>,
}

impl Watch {
    pub fn new(runtime: &Runtime, tape: Arc<Tape>) -> Watch {
        let names = Names { runtime: runtime.clone(), entries: Mutex::default() };
        Watch { state: Arc::default(), names: Arc::new(names), tape }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.state)
    }

    /// The processes that faults may hit, with their entries: all but those of which
    /// the runtime itself is made.
    pub fn targets(&self) -> Vec<(Pid, Arc<str>)> {
        let state = self.state();
        let hit = |pid: &Pid| !self.names.is_own(*pid) && !state.awaited.contains_key(pid);
        let living = state.living.iter().filter(|(pid, _)| hit(pid));
        living.map(|(pid, entry)| (*pid, entry.clone())).collect()
    }

    /// Whether a target was born since [`Watch::newborn`] was called.
    pub fn any_newborn(&self) -> bool {
        let targets = |newborn: &Vec<_>| newborn.iter().any(|(pid, _)| !self.names.is_own(*pid));
        self.state().newborn.as_ref().is_some_and(targets)
    }

    /// The targets that were born since the last call.
    pub fn newborn(&self) -> Vec<(Pid, Arc<str>)> {
        let newborn = self.state().newborn.as_mut().map(std::mem::take).unwrap_or_default();
        newborn.into_iter().filter(|(pid, _)| !self.names.is_own(*pid)).collect()
    }

    /// From now on births are remembered for [`Watch::newborn`], or not.
    pub fn follow_births(&self, follow: bool) {
        self.state().newborn = follow.then(Vec::new);
    }

    /// From now on the end of this process is remembered; it is no target of faults.
    pub fn wait_for(&self, pid: Pid) {
        let mut state = self.state();
        state.awaited.insert(pid, None);
        if let Some(newborn) = &mut state.newborn {
            newborn.retain(|(born, _)| *born != pid);
        }
    }

    /// How an awaited process ended, if it has; forgets it then.
    pub fn ended(&self, pid: Pid) -> Option<Arc<Exit>> {
        let mut state = self.state();
        let exit = state.awaited.get(&pid).cloned().flatten()?;
        state.awaited.remove(&pid);
        Some(exit)
    }

    /// What a check of the user sees.
    pub fn view(&self, application: &Application) -> View {
        View::of(application, &self.state(), &self.names)
    }

    /// Restarts so far, and who has used them up.
    pub fn restarts(&self) -> (u64, Vec<String>) {
        let state = self.state();
        (state.restarted_ids.values().sum(), state.gave_up.iter().cloned().collect())
    }

    /// How many processes of an entry live.
    pub fn count(&self, entry: &str) -> usize {
        self.state().living.values().filter(|known| ***known == *entry).count()
    }

    /// How many children of the supervisors of an entry live.
    pub fn children(&self, supervisor: &str) -> usize {
        let state = self.state();
        let living = &state.living;
        let counts = |child: &Pid, parent: &Pid| {
            living.contains_key(child) && living.get(parent).is_some_and(|of| **of == *supervisor)
        };
        state.children.iter().filter(|(child, (parent, _))| counts(child, parent)).count()
    }

    /// What is wrong whatever is under way.
    pub fn broken(&self) -> Option<String> {
        self.state().problem.clone()
    }

    /// What is wrong when nothing is under way.
    pub fn problem(&self) -> Option<String> {
        let runtime = &self.names.runtime;
        let names = &self.names;
        let mut state = self.state();
        let state = &mut *state;
        let living = &state.living;
        let lives = |pid: Pid| living.contains_key(&pid);
        let orphan = || {
            let (child, (parent, _)) =
                state.children.iter().find(|(child, (of, _))| lives(**child) && !lives(*of))?;
            let (child, parent) = (names.of(*child), names.of(*parent));
            Some(format!("I7: child {child} outlives its supervisor {parent}"))
        };
        let stale_name = || {
            let (name, owner) = runtime.stale_name()?;
            Some(format!("the name {name} outlives its owner {}", names.of(owner)))
        };
        let overlooked = || {
            let (pid, what) = runtime.overlooked()?;
            Some(format!("I8: {} waits for {what} that is there", names.of(pid)))
        };
        let problem = state.problem.take().or_else(orphan);
        let problem = problem.or_else(|| state.bonds.missing(names, lives));
        let problem = problem.or_else(|| state.messages.missing(names));
        let problem = problem.or_else(|| state.messages.vanished(names, runtime.mailboxes()));
        state.problem = problem.or_else(stale_name).or_else(overlooked);
        state.bonds.tidy(lives);
        state.messages.tidy();
        state.children.retain(|child, _| lives(*child));
        state.problem.clone()
    }

    /// What is wrong after the shutdown.
    pub fn leftovers(&self) -> Option<String> {
        let targets = self.targets();
        let (pid, entry) = targets.first()?;
        let pid = self.names.of(*pid);
        Some(format!("{} processes outlive the shutdown, one is {pid} of {entry}", targets.len()))
    }
}

impl Observer for Watch {
    fn observe(&self, occurrence: &Occurrence) {
        let mut state = self.state();
        if let Some(problem) = self.look(&mut state, occurrence)
            && state.problem.is_none()
        {
            self.tape.failed(&self.names.runtime, &problem);
            state.problem = Some(problem);
        }
    }
}

impl Watch {
    /// Takes note of an occurrence; says what is wrong with it, if anything.
    fn look(&self, state: &mut State, occurrence: &Occurrence) -> Option<String> {
        let names = &*self.names;
        match occurrence {
            Occurrence::Spawned { pid, entry, .. } => {
                state.living.insert(*pid, entry.clone());
                names.add(*pid, entry, &state.living);
                if let Some(newborn) = &mut state.newborn {
                    newborn.push((*pid, entry.clone()));
                }
            }
            Occurrence::Exited { pid, exit, .. } => return self.ends(state, *pid, exit),
            Occurrence::Service { id, change: ServiceChange::Restart { .. }, .. } => {
                *state.restarted_ids.entry(id.clone()).or_default() += 1;
            }
            Occurrence::Service { id, change: ServiceChange::GaveUp { .. }, .. } => {
                state.gave_up.insert(id.to_string());
            }
            Occurrence::Child { supervisor, child, change: ChildChange::GaveUp { .. }, .. } => {
                state.gave_up.insert(format!("{supervisor}/{child}"));
            }
            Occurrence::Child {
                supervisor,
                pid,
                child,
                change: ChildChange::Restart { .. },
                ..
            } => {
                let id = format!("{supervisor}/{child}");
                *state.restarted_ids.entry(id.into()).or_default() += 1;
                let intensity = names.runtime.intensity(*pid)?;
                let now = names.runtime.clock().monotonic();
                let many = state.restarted(*pid, intensity, now)?;
                return Some(format!(
                    "intensity: {supervisor} restarted {many} times within {:?}, {} are allowed",
                    intensity.period, intensity.restarts
                ));
            }
            Occurrence::Child { pid, child, child_pid, .. } => {
                if let Some(process) = child_pid.filter(|pid| state.living.contains_key(pid)) {
                    state.children.insert(process, (*pid, child.clone()));
                }
            }
            Occurrence::Bond { of, with, change } => {
                return state.bonds.change(names, *of, *with, *change);
            }
            Occurrence::Message { from, to, stamp, stage } => {
                let State { messages, living, .. } = state;
                let lives = |pid| living.contains_key(&pid);
                return messages.move_on(names, (*from, *to, *stamp), stage, lives);
            }
            Occurrence::Timer { pid, timer, change: TimerChange::Stopped } => {
                state.stopped.insert((*pid, *timer));
            }
            Occurrence::Timer { pid, timer, change: TimerChange::Fired } => {
                if state.stopped.contains(&(*pid, *timer)) {
                    let pid = names.of(*pid);
                    return Some(format!("timers: one of {pid} fired after it was stopped"));
                }
                // What should have fired long before has not.
                state.stopped.retain(|(_, stopped)| stopped.at.saturating_add(LATE) >= timer.at);
            }
            Occurrence::Step { pid, killed: true, .. } => {
                let pid = names.of(*pid);
                return Some(format!("I5: {pid} ran although its end was decided"));
            }
            Occurrence::Step { pid, waited, among, .. } => {
                let limit = PATIENCE + PATIENCE_EACH * *among as u64;
                if *waited > limit {
                    let pid = names.of(*pid);
                    return Some(format!("I6: {pid} waited for {waited} steps of {among} others"));
                }
            }
            Occurrence::Name { name, owner: Some(owner) } => {
                let before = state.names.insert(name.clone(), *owner);
                let other = before.filter(|before| before != owner)?;
                if state.living.contains_key(&other) {
                    let (owner, other) = (names.of(*owner), names.of(other));
                    return Some(format!("names: {name} belongs to {owner} and to {other}"));
                }
            }
            Occurrence::Emptied { host, shard, bytes } if *bytes > LEFTOVER => {
                let host = names.runtime.host_name(*host).unwrap_or_default();
                return Some(format!(
                    "I9: shard {shard} of {host} holds {bytes} bytes more than a new one, \
                     without processes"
                ));
            }
            Occurrence::Name { name, owner: None } => {
                state.names.remove(name);
            }
            _ => {}
        }
        None
    }

    fn ends(&self, state: &mut State, pid: Pid, exit: &Arc<Exit>) -> Option<String> {
        let known = state.living.remove(&pid).is_some();
        state.restarted.remove(&pid);
        state.messages.forget(pid);
        if let Some(awaited) = state.awaited.get_mut(&pid) {
            *awaited = Some(exit.clone());
        }
        if exit.failed() {
            state.bonds.failed(pid);
        }
        let message = exit.error.as_ref().map_or("", |error| &error.message);
        if !known {
            return Some(format!("{} ended twice", self.names.of(pid)));
        }
        let panicked = message.starts_with("panic: ");
        panicked.then(|| format!("{} was ended by a {message}", self.names.of(pid)))
    }
}
