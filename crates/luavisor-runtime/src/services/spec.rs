//! What the application says about one service.

use std::fmt;
use std::sync::Arc;

use luavisor_core::restart::RestartRule;
use luavisor_core::{HostId, Values};
use luavisor_vm::Context;

use crate::native::NativeProcess;
use crate::supervisor::SupervisorSpec;

/// Ten seconds in nanoseconds: what starting and stopping may take by default.
pub const DEFAULT_TIMEOUT: u64 = 10_000_000_000;

/// One service: what it runs, what it needs, and when it starts and stops.
#[derive(Clone, Debug)]
pub struct ServiceSpec {
    /// its entry id
    pub id: Arc<str>,
    /// what it runs
    pub target: Target,
    /// ids of services that must be up before it, its host included
    pub dependencies: Vec<Arc<str>>,
    /// starts at boot
    pub auto_start: bool,
    /// boot waits for it and reports its failure
    pub required: bool,
    /// up only when its process calls `process.ready()`
    pub ready: bool,
    /// nanoseconds for one start attempt, up to Running
    pub start_timeout: u64,
    /// nanoseconds for a graceful stop
    pub stop_timeout: u64,
    /// when it is started again
    pub rule: RestartRule,
}

impl ServiceSpec {
    /// The defaults of SPEC 9.5: not started at boot, required, up when spawned.
    pub fn new(id: impl Into<Arc<str>>, target: Target) -> ServiceSpec {
        ServiceSpec {
            id: id.into(),
            target,
            dependencies: Vec::new(),
            auto_start: false,
            required: true,
            ready: false,
            start_timeout: DEFAULT_TIMEOUT,
            stop_timeout: DEFAULT_TIMEOUT,
            rule: RestartRule::default(),
        }
    }
}

/// What a service runs.
#[derive(Clone)]
pub enum Target {
    /// The host itself. It was added to the runtime and is not started.
    Host(HostId),
    /// A Lua process.
    Process {
        /// entry id of its code
        id: Arc<str>,
        /// entry id of its host
        host: Arc<str>,
        /// arguments of `main`
        input: Values,
        /// what it inherits
        context: Arc<Context>,
    },
    /// A supervisor, made anew for each life.
    Supervisor(Arc<SupervisorSpec>),
    /// A process written in Rust, made anew for each life.
    Native {
        /// where it runs
        host: HostId,
        /// makes it
        make: Arc<dyn Fn() -> Box<dyn NativeProcess> + Send + Sync>,
    },
}

impl fmt::Debug for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Target::Host(host) => f.debug_tuple("Host").field(host).finish(),
            Target::Process { id, host, .. } => write!(f, "Process({id} on {host})"),
            Target::Supervisor(spec) => write!(f, "Supervisor({})", spec.id),
            Target::Native { host, .. } => f.debug_tuple("Native").field(host).finish(),
        }
    }
}
