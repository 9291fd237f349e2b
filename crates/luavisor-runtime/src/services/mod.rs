//! Services: what the runtime keeps running.
//!
//! [`Services::boot`] starts what the application wants in the order of its
//! dependencies and restarts what fails. [`Services::shutdown`] stops it all,
//! dependants first. Both only begin their work; nothing here blocks, but the
//! functions named `wait_…`.
//!
//! | module | holds |
//! |---|---|
//! | [`machine`] | the rules: pure |
//! | [`graph`] | who depends on whom |
//! | [`controller`] | the native process that carries the rules out |
//! | [`control`] | the pid that a service's CANCEL comes from |
//! | [`board`] | what the outside sees and asks |
//! | [`change`], [`report`] | events and log lines |

mod board;
mod change;
mod control;
mod controller;
mod graph;
mod machine;
mod report;
mod spec;

use std::sync::Arc;

use luavisor_core::lifecycle::State;
use luavisor_core::{Error, Kind, Pid};
use luavisor_vm::kernel::{Level, ServiceInfo};

use crate::log::{self, Field};
use crate::native::NativeOptions;
use crate::runtime::Runtime;
use crate::world::CONTROL;
pub(crate) use board::Board;
use board::Request;
pub use change::ServiceChange;
use controller::Controller;
use graph::Graph;
use machine::Machine;
pub use spec::{DEFAULT_TIMEOUT, ServiceSpec, Target};

/// The services of one runtime; clones are the same ones.
#[derive(Clone)]
pub struct Services {
    runtime: Runtime,
    board: Arc<Board>,
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

impl ServiceState {
    /// The same for programs.
    pub(crate) fn info(&self) -> ServiceInfo {
        let status = match self.lifecycle {
            State::Unknown => "unknown",
            State::Starting => "starting",
            State::Running => "running",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::Failed => "failed",
            State::Exited => "exited",
        };
        ServiceInfo {
            id: self.id.clone(),
            status,
            wanted: self.wanted,
            restarts: self.restarts,
            changed_at: self.changed_at,
            started_at: self.started_at,
            details: self.last_error.as_ref().map(|error| error.message.clone()),
        }
    }
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
        let world = &runtime.world;
        let graph = Graph::new(&specs)?;
        let board = Arc::new(Board::new(&specs, world.clock.wall()));
        if world.services.set(board.clone()).is_err() {
            return Err(Error::new(Kind::ALREADY_EXISTS, "the runtime has its services already"));
        }
        for spec in specs.iter().filter(|spec| !matches!(spec.target, Target::Host(_))) {
            let id = ("service", Field::Text(&spec.id));
            log::write(&*world.log, Level::Info, "service registered", [id]);
        }
        let specs: Arc<[ServiceSpec]> = specs.into();
        let machine = Machine::new(specs.clone(), graph);
        let controller = Box::new(Controller::new(specs, machine, board.clone()));
        let options = NativeOptions::new("service.controller");
        let controller = runtime.spawn_native(CONTROL, controller, options)?;
        board.set_controller(controller);
        Ok(Services { runtime: runtime.clone(), board })
    }

    /// Blocks until each required service with `auto_start` runs, has ended or
    /// failed, or waits for one that has; or until somebody asks for the end. For
    /// the threads executor only.
    pub fn wait_until_booted(&self) {
        let ending = || self.runtime.requested_exit().is_some();
        self.runtime.world.wait_until(|| self.board.booted() || ending());
    }

    /// Whether [`Services::wait_until_booted`] would return at once.
    pub fn booted(&self) -> bool {
        self.board.booted()
    }

    /// How a service is doing; `None` if there is none of this id.
    pub fn state(&self, id: &str) -> Option<ServiceState> {
        self.board.state(self.board.number(id).ok()?)
    }

    /// How all services are doing, by id.
    pub fn states(&self) -> Vec<ServiceState> {
        self.board.states()
    }

    /// Starts a service and what it depends on. One that waits for its next
    /// restart starts at once, one that has ended starts anew. NotFound if there
    /// is none of this id.
    pub fn start(&self, id: &str) -> Result<(), Error> {
        self.ask(Request::Start(self.board.number(id)?));
        Ok(())
    }

    /// Stops a service and before it what depends on it; cancels pending
    /// restarts. NotFound if there is none of this id.
    pub fn stop(&self, id: &str) -> Result<(), Error> {
        self.ask(Request::Stop(self.board.number(id)?));
        Ok(())
    }

    /// Begins to stop everything; what is left after `timeout` nanoseconds is
    /// terminated. The first code decided stays; a second call changes nothing.
    pub fn shutdown(&self, timeout: u64, code: i32) {
        self.runtime.request_exit(code);
        self.ask(Request::Shutdown(timeout));
    }

    /// How the shutdown went, once it is done.
    pub fn finished(&self) -> Option<Shutdown> {
        self.board.finished()
    }

    /// Blocks until the shutdown is done; somebody must begin it. Afterwards
    /// [`Runtime::close`] is due. For the threads executor only.
    pub fn wait_for_shutdown(&self) -> Shutdown {
        let mut finished = None;
        self.runtime.world.wait_until(|| {
            finished = self.finished();
            finished.is_some()
        });
        finished.unwrap_or(Shutdown { code: 1, in_time: false })
    }

    fn ask(&self, request: Request) {
        self.board.ask(request);
        self.runtime.world.wake_controller();
    }
}
