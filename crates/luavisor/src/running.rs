//! The handle of a running system.
//!
//! Shutdown, in order:
//! 1. services are stopped, dependants first, each with its `stop_timeout`;
//! 2. hosts are stopped: what still runs there is cancelled;
//! 3. what is left when the shutdown timeout passes is terminated;
//! 4. outputs are written out, as far as the rest of that timeout allows, and all
//!    threads end.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use luavisor_core::{Error, Pid};
use luavisor_runtime::MetricsServer;
use luavisor_runtime::services::{ServiceState, Services, Shutdown};
use luavisor_runtime::{Runtime, Snapshot};
use luavisor_vm::kernel::{CancelRequest, SpawnRequest};

use crate::Application;
use crate::adaptor;
use crate::app::App;
use crate::events::{Broadcast, Events};
use crate::futures::Tokio;
use crate::mailbox::Mailbox;
use crate::process::{End, Process};
use crate::registry::Entries;
use crate::values::IntoValues;
use crate::watch;

/// What outputs get at least, so that a shutdown which used up its time still
/// prints why.
const GRACE: Duration = Duration::from_secs(1);

/// A running system; clones are the same one.
///
/// Dropping the last clone leaves it running: [`Luavisor::shutdown`] ends it.
#[derive(Clone)]
pub struct Luavisor {
    shared: Arc<Shared>,
}

struct Shared {
    runtime: Runtime,
    services: Services,
    shutdown_timeout: u64,
    /// when the shutdown began, on the runtime's clock
    shutdown_began: OnceLock<u64>,
    tokio: Tokio,
    broadcast: OnceLock<Arc<Broadcast>>,
    entries: Arc<Entries>,
    metrics: Option<MetricsServer>,
}

/// What [`Luavisor::reload`] did.
#[derive(Clone, Debug)]
pub struct Reloaded {
    /// the version of the entries in force
    pub version: u64,
    /// `entry.create`, `entry.update` or `entry.delete`, and the entry
    pub changes: Vec<(&'static str, Arc<str>)>,
    /// services that are new or were started again
    pub services: Vec<Arc<str>>,
    /// whether the settings differ from those of the start, which stay in force
    pub settings: bool,
}

impl Luavisor {
    pub(crate) fn new(
        runtime: Runtime,
        services: Services,
        shutdown_timeout: u64,
        tokio: Tokio,
        entries: Arc<Entries>,
        metrics: Option<MetricsServer>,
    ) -> Luavisor {
        let broadcast = OnceLock::new();
        let shutdown_began = OnceLock::new();
        let shared = Shared {
            runtime,
            services,
            shutdown_timeout,
            shutdown_began,
            tokio,
            broadcast,
            entries,
            metrics,
        };
        Luavisor { shared: Arc::new(shared) }
    }

    /// Puts an application that was loaded anew into the place of the one that runs. What
    /// is spawned and called from now on is the new code; services that changed, or whose
    /// code or policies did, are started again, unless only the code did and their process
    /// is upgradable: that one gets OUTDATED.
    ///
    /// # Errors
    /// Invalid: an entry changed that cannot change while the application runs. Then
    /// nothing has.
    pub fn reload(&self, application: Application) -> Result<Reloaded, Error> {
        let Shared { runtime, services, entries, .. } = &*self.shared;
        let upgradable = |id: &str| {
            let pid = services.state(id).and_then(|service| service.pid);
            pid.is_some_and(|pid| runtime.upgradable(pid))
        };
        let mut reloaded =
            Reloaded { version: 0, changes: Vec::new(), services: Vec::new(), settings: false };
        reloaded.version = runtime.change(|| {
            reloaded.settings = entries.settings() != application.settings;
            let changed = entries.replace(application, upgradable)?;
            let changes = changed.changes.iter();
            reloaded.changes = changes.map(|change| (change.name(), change.id().clone())).collect();
            let hosts = changed.hosts.iter().map(|(_, service)| service);
            let services = hosts.chain(&changed.services);
            reloaded.services = services.map(|service| service.id.clone()).collect();
            Ok(changed)
        })?;
        Ok(reloaded)
    }

    /// The application in a directory; short for [`App::from_directory`].
    pub fn from_directory(path: impl Into<PathBuf>) -> App {
        App::from_directory(path)
    }

    /// Where metrics are shown, under `/metrics`, if they are.
    pub fn metrics_address(&self) -> Option<std::net::SocketAddr> {
        self.shared.metrics.as_ref().map(MetricsServer::address)
    }

    /// Waits until each required service that starts at boot runs, or is known
    /// not to. Blocks this thread.
    pub fn wait_until_booted(&self) {
        self.shared.services.wait_until_booted();
    }

    /// Starts a process of the entry `id` on `host`.
    ///
    /// # Errors
    /// As `process.spawn` in Lua: no such entry or host, a host that is not
    /// running or full.
    pub fn spawn(
        &self,
        id: &str,
        host: &str,
        arguments: impl IntoValues,
    ) -> Result<Process, Error> {
        let (report, end) = End::channel();
        let pid = self.spawn_then(id, host, arguments, report)?;
        Ok(Process::new(pid, end))
    }

    /// Starts a process and calls `on_exit` at its end, on a worker of the
    /// runtime: it must be quick.
    ///
    /// # Errors
    /// As [`Luavisor::spawn`].
    pub fn spawn_then(
        &self,
        id: &str,
        host: &str,
        arguments: impl IntoValues,
        on_exit: impl FnOnce(Arc<luavisor_core::Exit>) + Send + 'static,
    ) -> Result<Pid, Error> {
        let request = SpawnRequest::new(id, host, arguments.into_values(), Arc::default());
        watch::spawn(&self.shared.runtime, watch::lua(request), Box::new(on_exit))
    }

    /// The end of any process. It is `process not found` if there is none.
    ///
    /// # Errors
    /// Unavailable after the shutdown.
    pub fn end_of(&self, pid: Pid) -> Result<End, Error> {
        let (report, end) = End::channel();
        watch::watch(&self.shared.runtime, pid, Box::new(report))?;
        Ok(end)
    }

    /// Sends a message; the receiver sees no sender.
    ///
    /// # Errors
    /// As `process.send`: no such process, its mailbox is full.
    pub fn send(&self, to: Pid, topic: &str, payload: impl IntoValues) -> Result<(), Error> {
        self.shared.runtime.send(to, topic.as_bytes(), payload.into_values())
    }

    /// Asks a process to end. Without a timeout it is never forced.
    ///
    /// # Errors
    /// NotFound `process not found`.
    pub fn cancel(
        &self,
        pid: Pid,
        timeout: Option<std::time::Duration>,
        reason: &str,
    ) -> Result<(), Error> {
        let timeout = timeout
            .map(|timeout| (crate::hosts::nanoseconds(timeout), Arc::from(format!("{timeout:?}"))));
        self.shared.runtime.cancel(pid, CancelRequest { timeout, reason: reason.into() })
    }

    /// Ends a process at once; none of its code runs afterwards.
    ///
    /// # Errors
    /// NotFound `process not found`.
    pub fn terminate(&self, pid: Pid) -> Result<(), Error> {
        self.shared.runtime.terminate(pid)
    }

    /// The process that a pid in text form or a registered name means.
    ///
    /// # Errors
    /// NotFound.
    pub fn resolve(&self, destination: &str) -> Result<Pid, Error> {
        self.shared.runtime.resolve(destination)
    }

    /// Starts a process written in asynchronous Rust; see [`Mailbox`].
    ///
    /// # Errors
    /// AlreadyExists when another process has that name.
    pub fn spawn_async<B, R, V>(&self, name: &str, body: B) -> Result<Process, Error>
    where
        B: FnOnce(Mailbox) -> R + Send + 'static,
        R: Future<Output = Result<V, Error>> + Send + 'static,
        V: IntoValues,
    {
        let tokio = self.shared.tokio.handle();
        let tokio = tokio.map_err(|error| Error::internal(error.to_string()))?;
        let runtime = &self.shared.runtime;
        let start = adaptor::start(runtime, tokio, name, body)?;
        let (report, end) = End::channel();
        let pid = watch::spawn(runtime, start, Box::new(report))?;
        Ok(Process::new(pid, end))
    }

    /// Subscribes to what happens from now on.
    pub fn events(&self) -> Events {
        let broadcast = self.shared.broadcast.get_or_init(|| {
            let broadcast = Arc::new(Broadcast::new());
            self.shared.runtime.observe(broadcast.clone());
            broadcast
        });
        broadcast.subscribe()
    }

    /// How all hosts and services are doing, by id.
    pub fn services(&self) -> Vec<ServiceState> {
        self.shared.services.states()
    }

    /// Starts a service and what it depends on.
    ///
    /// # Errors
    /// NotFound.
    pub fn start_service(&self, id: &str) -> Result<(), Error> {
        self.shared.services.start(id)
    }

    /// Stops a service and, before it, what depends on it.
    ///
    /// # Errors
    /// NotFound.
    pub fn stop_service(&self, id: &str) -> Result<(), Error> {
        self.shared.services.stop(id)
    }

    /// What the runtime holds now.
    pub fn snapshot(&self) -> Snapshot {
        self.shared.runtime.snapshot()
    }

    /// Everything else that can be done with the runtime.
    pub fn runtime(&self) -> &Runtime {
        &self.shared.runtime
    }

    /// Asks the system to end with a code, as `system.exit` does; the first code
    /// stays. It ends when whoever waits in [`Luavisor::run`] shuts it down.
    pub fn request_exit(&self, code: i32) {
        self.shared.runtime.request_exit(code);
    }

    /// Blocks until somebody asks for the end, and shuts down.
    pub fn run(&self) -> Shutdown {
        self.shared.runtime.wait_for_exit();
        self.shutdown()
    }

    /// Begins the shutdown without waiting for it.
    pub fn begin_shutdown(&self) {
        let runtime = &self.shared.runtime;
        let code = runtime.requested_exit().unwrap_or(0);
        self.shared.shutdown_began.get_or_init(|| runtime.clock().monotonic());
        self.shared.services.shutdown(self.shared.shutdown_timeout, code);
    }

    /// Stops everything and waits for it, blocking this thread. Calling it again
    /// changes nothing.
    pub fn shutdown(&self) -> Shutdown {
        self.begin_shutdown();
        let outcome = self.shared.services.wait_for_shutdown();
        let written = self.shared.runtime.close_within(self.patience().max(GRACE));
        Shutdown { in_time: outcome.in_time && written, ..outcome }
    }

    /// What is left of the shutdown timeout.
    fn patience(&self) -> Duration {
        let now = self.shared.runtime.clock().monotonic();
        let began = self.shared.shutdown_began.get().copied().unwrap_or(now);
        let passed = now.saturating_sub(began);
        Duration::from_nanos(self.shared.shutdown_timeout.saturating_sub(passed))
    }

    /// Stops everything and waits for it without blocking a thread of the
    /// calling tokio runtime.
    pub async fn stop(&self) -> Shutdown {
        let this = self.clone();
        let stopped = tokio::task::spawn_blocking(move || this.shutdown()).await;
        stopped.unwrap_or(Shutdown { code: 1, in_time: false })
    }
}
