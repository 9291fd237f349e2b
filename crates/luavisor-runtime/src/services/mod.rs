//! Services: what the runtime keeps running.
//!
//! [`Services::boot`] starts what the application wants in the order of its
//! dependencies and restarts what fails. [`Services::shutdown`] stops it all,
//! dependants first. Both only begin their work; nothing here blocks, but the
//! functions named `wait_…`.

mod spec;

use std::sync::Arc;

use luavisor_core::lifecycle::State;
use luavisor_core::{Error, Pid};

use crate::runtime::Runtime;
pub use spec::{DEFAULT_TIMEOUT, ServiceSpec, Target};

/// The services of one runtime; clones are the same ones.
#[derive(Clone)]
pub struct Services {
    runtime: Runtime,
}

/// How one service is doing.
#[derive(Clone, Debug)]
pub struct ServiceState {
    /// the service
    pub id: Arc<str>,
    /// where it is in its life
    pub lifecycle: State,
    /// whether it is meant to run
    pub wanted: bool,
    /// its process, while one lives
    pub pid: Option<Pid>,
    /// consecutive restarts, without a stable run between them
    pub restarts: u32,
    /// starts so far, restarts included
    pub lives: u64,
    /// what ended its last life, if that was a failure
    pub last_error: Option<Arc<Error>>,
    /// unix nanoseconds of the last start
    pub started_at: Option<u64>,
    /// unix nanoseconds of the last change of `lifecycle`
    pub changed_at: u64,
}

/// How the shutdown went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Shutdown {
    /// the first code that was decided
    pub code: i32,
    /// everything ended by itself or by its own deadline within the time given
    pub in_time: bool,
}

impl Shutdown {
    /// The exit code: a shutdown that needed force is no success.
    pub fn exit_code(self) -> i32 {
        if self.in_time || self.code != 0 { self.code } else { 1 }
    }
}

impl Services {
    /// Registers all services and starts those with `auto_start` and what they
    /// depend on. Does not wait for any.
    ///
    /// # Errors
    /// AlreadyExists: the runtime has services, or two have one id. NotFound: a
    /// dependency is no service. Invalid: dependencies form a cycle.
    pub fn boot(runtime: &Runtime, specs: Vec<ServiceSpec>) -> Result<Services, Error> {
        let _ = specs;
        Ok(Services { runtime: runtime.clone() })
    }

    /// Blocks until each required service with `auto_start` runs, has ended or
    /// failed, or waits for one that has. For the threads executor only.
    pub fn wait_until_booted(&self) {}

    /// How a service is doing; `None` if there is none of this id.
    pub fn state(&self, id: &str) -> Option<ServiceState> {
        let _ = id;
        None
    }

    /// How all services are doing, by id.
    pub fn states(&self) -> Vec<ServiceState> {
        Vec::new()
    }

    /// Starts a service and what it depends on. NotFound if there is none of this id.
    pub fn start(&self, id: &str) -> Result<(), Error> {
        let _ = (id, &self.runtime);
        Ok(())
    }

    /// Stops a service and before it what depends on it; cancels pending
    /// restarts. NotFound if there is none of this id.
    pub fn stop(&self, id: &str) -> Result<(), Error> {
        let _ = id;
        Ok(())
    }

    /// Begins to stop everything; what is left after `timeout` nanoseconds is
    /// terminated. The first code decided stays; a second call changes nothing.
    pub fn shutdown(&self, timeout: u64, code: i32) {
        let _ = (timeout, code);
    }

    /// How the shutdown went, once it is done.
    pub fn finished(&self) -> Option<Shutdown> {
        None
    }

    /// Blocks until the shutdown is done; somebody must begin it. Afterwards
    /// [`Runtime::close`] is due. For the threads executor only.
    pub fn wait_for_shutdown(&self) -> Shutdown {
        Shutdown { code: 0, in_time: true }
    }
}
