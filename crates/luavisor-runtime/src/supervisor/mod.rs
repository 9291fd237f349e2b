//! Supervisors: native processes on the control host that keep children running
//! (SPEC 13).
//!
//! The rules are pure and in [`luavisor_core::supervision`]; here is what carries
//! them out. A supervisor that is a child of another one is a process like any
//! other, so trees nest without further rules.
//!
//! **No orphans.** The shard of a supervisor knows its children from the moment at
//! which they are spawned until their EXIT has arrived, and terminates those it
//! knows when the supervisor ends, whatever ended it. So there is no instant at
//! which a kill could part them, during a shutdown neither.
//!
//! | module | holds |
//! |---|---|
//! | `actor` | the process: events in, actions out |
//! | `requests` | what Lua code asks of it |
//! | `report` | what it says to the log and the event stream |

mod actor;
mod report;
mod requests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, RwLock};

use luavisor_core::supervision::{ChildRule, DynamicRule, Intensity, Restart, Rules};
use luavisor_core::{Error, HostId, Kind, Pid, Values};
use luavisor_vm::Context;

use crate::native::{NativeContext, NativeOptions, NativeProcess};
use crate::planted::Bug;
use crate::sync::{read, write};
use crate::world::CONTROL;
use actor::Supervisor;

/// What the application says about one supervisor.
#[derive(Clone, Debug)]
pub struct SupervisorSpec {
    /// its entry id
    pub id: Arc<str>,
    /// what holds for all children
    pub rules: Rules,
    /// started from first to last
    pub children: Vec<ChildSpec>,
    /// children that are started at run time
    pub dynamic: Option<DynamicSpec>,
}

/// One child, or a group of alike children.
#[derive(Clone, Debug)]
pub struct ChildSpec {
    /// how it is supervised
    pub rule: ChildRule,
    /// what it runs
    pub target: ChildTarget,
}

/// Children that are started at run time.
#[derive(Clone, Debug)]
pub struct DynamicSpec {
    /// how they are supervised
    pub rule: DynamicRule,
    /// what they run; their arguments come with the request
    pub target: ChildTarget,
}

/// What a child runs.
#[derive(Clone)]
pub enum ChildTarget {
    /// A Lua process.
    Process {
        /// entry id of its code
        id: Arc<str>,
        /// entry id of its host
        host: Arc<str>,
        /// arguments of `main`, after the index of a child with a `count`
        input: Values,
        /// what it inherits
        context: Arc<Context>,
    },
    /// Another supervisor. Its rule should say that it is ready when it says so.
    Supervisor(Arc<SupervisorSpec>),
    /// A process written in Rust, made anew for each life.
    Native {
        /// entry id of its host
        host: Arc<str>,
        /// what stands for its entry id
        entry: Arc<str>,
        /// makes it
        make: Arc<dyn Fn() -> Box<dyn NativeProcess> + Send + Sync>,
    },
}

impl fmt::Debug for ChildTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ChildTarget::Process { id, host, .. } => write!(f, "Process({id} on {host})"),
            ChildTarget::Supervisor(spec) => write!(f, "Supervisor({})", spec.id),
            ChildTarget::Native { host, entry, .. } => write!(f, "Native({entry} on {host})"),
        }
    }
}

/// The text that Lua sees of a restart type.
pub(crate) fn restart_text(restart: Restart) -> &'static str {
    match restart {
        Restart::Permanent => "permanent",
        Restart::Transient => "transient",
        Restart::Temporary => "temporary",
    }
}

/// Starts a supervisor. It is on the control host, so that no load of an
/// application keeps it from its work.
pub(crate) fn start(
    context: &mut NativeContext<'_>,
    spec: &Arc<SupervisorSpec>,
    options: NativeOptions,
) -> Result<Pid, Error> {
    let refusal = Some(Error::invalid("a supervisor takes no messages"));
    let options = NativeOptions { refusal, ..options };
    let mut rules = spec.rules;
    if context.runtime().world.planted(Bug::BudgetIgnored) {
        rules.intensity.restarts = u32::MAX;
    }
    let actor = Box::new(Supervisor::new(spec.clone(), rules));
    let pid = context.spawn_native(CONTROL, actor, options)?;
    context.runtime().world.supervisors.add(&spec.id, pid, spec.rules.intensity);
    Ok(pid)
}

/// Which supervisors live.
#[derive(Debug, Default)]
pub(crate) struct Supervisors(RwLock<Living>);

#[derive(Debug, Default)]
struct Living {
    ids: HashMap<Pid, (Arc<str>, Intensity)>,
    /// the newest of each id
    pids: HashMap<Arc<str>, Pid>,
}

impl Supervisors {
    fn add(&self, id: &Arc<str>, pid: Pid, intensity: Intensity) {
        let mut living = write(&self.0);
        living.ids.insert(pid, (id.clone(), intensity));
        living.pids.insert(id.clone(), pid);
    }

    /// The process has ended; it need not have been a supervisor.
    pub fn forget(&self, pid: Pid) {
        if pid.host != CONTROL {
            return;
        }
        let mut living = write(&self.0);
        if let Some((id, _)) = living.ids.remove(&pid)
            && living.pids.get(&id) == Some(&pid)
        {
            // An entry may be a child in several places; the newest of the others stands for it.
            let others = living.ids.iter().filter(|(_, (other, _))| *other == id);
            match others.map(|(pid, _)| *pid).max_by_key(|pid| (pid.generation, *pid)) {
                Some(other) => living.pids.insert(id, other),
                None => living.pids.remove(&id),
            };
        }
    }

    /// All that live.
    pub fn all(&self) -> Vec<Pid> {
        read(&self.0).ids.keys().copied().collect()
    }

    /// The one that lives under this entry id.
    pub fn of(&self, id: &str) -> Option<Pid> {
        read(&self.0).pids.get(id).copied()
    }

    /// How often this one may restart children.
    pub fn intensity(&self, pid: Pid) -> Option<Intensity> {
        read(&self.0).ids.get(&pid).map(|(_, intensity)| *intensity)
    }

    /// Whether this is one.
    pub fn contains(&self, pid: Pid) -> bool {
        read(&self.0).ids.contains_key(&pid)
    }
}

/// The host of this entry id.
fn host_named(context: &NativeContext<'_>, host: &str) -> Result<HostId, Error> {
    let found = context.runtime().host(host);
    found.ok_or_else(|| Error::new(Kind::NOT_FOUND, "host not found"))
}
