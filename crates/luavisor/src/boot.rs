//! From an application to a running system.
//!
//! Boot, in order:
//! 1. the catalog is made: compiled units of entries become programs;
//! 2. the runtime is made: outputs, clock, control host;
//! 3. hosts are added, none of them started;
//! 4. hosts and services are registered with the service layer, which starts
//!    those with `auto_start` and what they need, by dependency.
//!
//! Nothing here waits; [`Luavisor::wait_until_booted`] does.

use std::collections::HashSet;
use std::sync::Arc;

use luavisor_config::{EntryId, HostDefinition, Lifecycle, ServiceDefinition, Startup};
use luavisor_core::security::Policies;
use luavisor_core::{Error, Kind, Pid};
use luavisor_runtime::services::{ServiceSpec, Services, Target};
use luavisor_runtime::{LogSink, NoLog, Resources, Runtime, RuntimeBuilder};
use luavisor_vm::kernel::{Level, LogRecord};
use tokio::runtime::Handle;

use crate::Application;
use crate::app::App;
use crate::error::StartError;
use crate::futures::Tokio;
use crate::hosts::{self, nanoseconds};
use crate::registry::Entries;
use crate::resources;
use crate::running::Luavisor;
use crate::security;
use crate::simulated::Simulated;
use crate::supervisors;

/// See the module.
pub(crate) fn start(app: App) -> Result<Luavisor, StartError> {
    let address = app.metrics.clone().or_else(|| app.application.settings.metrics.clone());
    let build = |builder: RuntimeBuilder| {
        let runtime = builder.build();
        // Before the first process, so that all are counted.
        let server = address.as_ref().map(|address| runtime.serve_metrics(address));
        let server = server.transpose().map_err(|cause| {
            runtime.close();
            Error::new(
                Kind::UNAVAILABLE,
                format!("cannot serve metrics at {}: {cause}", address.clone().unwrap_or_default()),
            )
        });
        server.map(|server| (runtime, server))
    };
    let (booted, metrics) = boot(app, None, build)?;
    let Booted { runtime, services, timeout, tokio, entries } = booted;
    Ok(Luavisor::new(runtime, services, timeout, tokio, entries, metrics))
}

/// The same in a simulation.
pub(crate) fn simulate(app: App, seed: u64) -> Result<Simulated, StartError> {
    let build = |builder: RuntimeBuilder| {
        let (runtime, simulation, output) = builder.simulated(seed)?;
        Ok((runtime, (simulation, output)))
    };
    let (booted, (simulation, output)) = boot(app, Some(SIMULATED_WORKERS), build)?;
    let Booted { runtime, services, timeout, .. } = booted;
    let turns = Default::default();
    Ok(Simulated { runtime, services, simulation, output, timeout, turns })
}

/// Workers of a host that does not say, in a simulation: the same on every machine.
const SIMULATED_WORKERS: usize = 2;

/// What there is after the boot.
struct Booted {
    runtime: Runtime,
    services: Services,
    /// nanoseconds that a shutdown may take
    timeout: u64,
    tokio: Tokio,
    entries: Arc<Entries>,
}

/// Builds a runtime and boots its services.
fn boot<T>(
    app: App,
    workers: Option<usize>,
    build: impl FnOnce(RuntimeBuilder) -> Result<(Runtime, T), Error>,
) -> Result<(Booted, T), StartError> {
    let log = app.log.clone().unwrap_or_else(|| Arc::new(NoLog));
    say(Some(&*log), Level::Info, "initializing runtime", &[]);
    let modules = luavisor_config::vocabulary::MODULES.iter().map(|name| (*name).to_owned());
    let modules = modules.chain(app.modules.iter().map(|module| module.name().to_owned()));
    // A simulation is the same on every machine.
    let nothing = (&Application::default(), &Resources::default());
    let made = resources::of(&app.application, workers.is_none(), nothing)?;
    let resources = made.resources.clone();
    let entries = Entries::of(&app.application, modules.collect(), resources, workers);
    let entries = Arc::new(entries);
    let tokio = Tokio::new(app.tokio.clone().or_else(|| Handle::try_current().ok()));

    let mut builder = RuntimeBuilder::new(entries.clone())
        .log(log.clone())
        .native_code(app.native_code)
        .plant(app.bug);
    if app.modules.iter().any(|module| module.needs_tokio()) {
        builder = builder.tokio(tokio.handle()?);
    } else if let Some(handle) = tokio.given() {
        builder = builder.tokio(handle);
    }
    builder = builder.strict_mode(app.application.settings.strict_mode);
    builder = builder.resources(made.resources);
    for module in app.modules {
        builder = builder.module(module.into());
    }
    if let Some((stdout, stderr)) = app.outputs {
        builder = builder.outputs(stdout, stderr);
    }
    if let Some(sink) = app.sink {
        builder = builder.output_sink(sink);
    }
    if let Some(seed) = app.seed {
        builder = builder.seed(seed);
    }
    let (runtime, with) = build(builder)?;
    for make in app.observers {
        runtime.observe(make(&runtime));
    }
    let modules = luavisor_config::vocabulary::MODULES.len();
    say(Some(&*log), Level::Info, "components loaded successfully", &[("modules", modules)]);
    say(Some(&*log), Level::Info, "loaded entries", &[("count", app.application.entries.len())]);

    let mut specs = Vec::new();
    for definition in &app.application.hosts {
        specs.push(add_host(&runtime, definition, None, workers)?);
    }
    for definition in &app.application.terminal_hosts {
        let arguments = app.arguments.get(definition.id.as_str()).cloned();
        let arguments = Some(arguments.unwrap_or_default());
        specs.push(add_host(&runtime, definition, arguments, workers)?);
    }
    specs.extend(made.services);
    specs.extend(supervisors::services(&app.application));
    let processes = app.application.processes.iter().map(|process| process.id.shared());
    let known: HashSet<Arc<str>> = processes.collect();
    for (supervisor, lifecycle) in app.trees {
        specs.push(supervisors::made(&runtime, &tokio, &known, supervisor, &lifecycle)?);
    }
    for service in &app.application.services {
        specs.push(self::service(&app.application.policies, service));
    }
    let services = Services::boot(&runtime, specs)?;
    let timeout = nanoseconds(app.application.settings.shutdown_timeout);
    Ok((Booted { runtime, services, timeout, tokio, entries }, with))
}

fn add_host(
    runtime: &Runtime,
    definition: &HostDefinition,
    terminal: Option<Vec<String>>,
    workers: Option<usize>,
) -> Result<ServiceSpec, StartError> {
    let host = runtime.add_host(hosts::config(definition, terminal, workers))?;
    let (id, needs) = (definition.id.shared(), &definition.dependencies);
    Ok(spec(id, Target::Host(host), needs, &definition.lifecycle))
}

/// A service that runs a Lua process.
pub(crate) fn service(policies: &Policies, service: &ServiceDefinition) -> ServiceSpec {
    let target = Target::Process {
        id: service.process.shared(),
        host: service.host.shared(),
        input: service.input.clone(),
        context: security::context(policies, &service.lifecycle),
    };
    spec(service.id.shared(), target, &service.dependencies, &service.lifecycle)
}

pub(crate) fn spec(
    id: Arc<str>,
    target: Target,
    needs: &[EntryId],
    lifecycle: &Lifecycle,
) -> ServiceSpec {
    ServiceSpec {
        id,
        target,
        dependencies: needs.iter().map(EntryId::shared).collect(),
        auto_start: lifecycle.auto_start,
        required: lifecycle.startup == Startup::Required,
        ready: lifecycle.ready,
        start_timeout: nanoseconds(lifecycle.start_timeout),
        stop_timeout: nanoseconds(lifecycle.stop_timeout),
        rule: lifecycle.restart.clone(),
    }
}

/// A log line of the boot.
pub(crate) fn say(
    log: Option<&dyn LogSink>,
    level: Level,
    message: &str,
    fields: &[(&str, usize)],
) {
    let Some(log) = log.filter(|log| log.level() <= level) else { return };
    let fields = fields.iter().map(|(name, number)| ((*name).to_owned(), number.to_string()));
    let record = LogRecord {
        level,
        logger: "runtime".into(),
        message: message.to_owned(),
        fields: fields.collect(),
    };
    log.log(Pid::NONE, "{|}", record);
}
