//! What to run and how: the builder.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use luavisor_config::{
    self as config, ChunkCompiler, EntryId, HostDefinition, HostLimits, Lifecycle, LoadOptions,
    Mode, ProcessDefinition, ProcessLimits, ServiceDefinition,
};
use luavisor_core::Values;
use luavisor_runtime::{Bug, LogSink, Observer, OutputSink, Runtime};
use luavisor_vm::kernel::Level;
use tokio::runtime::Handle;

use crate::Application;
use crate::boot;
use crate::compile::LuauCompiler;
use crate::error::StartError;
use crate::module::Module;
use crate::running::Luavisor;
use crate::simulated::Simulated;
use crate::tree::Supervisor;
use crate::values::IntoValues;

/// An application that is not started yet.
///
/// ```
/// use luavisor::{App, Value};
///
/// let luavisor = App::new()
///     .host("app:processes", 1)
///     .process("app:adder", "return function(a, b) return a + b end")
///     .start()?;
/// let exit = luavisor.spawn("app:adder", "app:processes", (20, 22))?.wait();
/// assert_eq!(exit.value.first(), &Value::Number(42.0));
/// luavisor.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct App {
    source: Source,
    problems: Vec<StartError>,
    pub(crate) application: Application,
    pub(crate) modules: Vec<Module>,
    pub(crate) log: Option<Arc<dyn LogSink>>,
    pub(crate) outputs: Option<(Box<dyn Write + Send>, Box<dyn Write + Send>)>,
    pub(crate) sink: Option<Arc<dyn OutputSink>>,
    pub(crate) tokio: Option<Handle>,
    pub(crate) metrics: Option<String>,
    pub(crate) seed: Option<u64>,
    pub(crate) native_code: bool,
    pub(crate) observers: Vec<MakeObserver>,
    pub(crate) bug: Option<Bug>,
    pub(crate) trees: Vec<(Supervisor, Lifecycle)>,
    pub(crate) arguments: BTreeMap<String, Vec<String>>,
}

/// Makes an observer of a runtime.
type MakeObserver = Box<dyn FnOnce(&Runtime) -> Arc<dyn Observer>>;

/// Where the entries come from.
enum Source {
    /// They are there: made in code, or loaded by the caller.
    Ready,
    /// They are read by `start`, when all modules are known.
    Files(LoadOptions),
}

impl Default for App {
    fn default() -> App {
        App::new()
    }
}

impl App {
    /// An application without entries.
    pub fn new() -> App {
        App {
            source: Source::Ready,
            problems: Vec::new(),
            application: Application::default(),
            modules: Vec::new(),
            log: None,
            outputs: None,
            sink: None,
            tokio: None,
            metrics: None,
            seed: None,
            native_code: true,
            observers: Vec::new(),
            bug: None,
            trees: Vec::new(),
            arguments: BTreeMap::new(),
        }
    }

    /// The project in a directory, or a single `.yaml` or `.lua` file. It is read
    /// by [`App::start`].
    pub fn from_directory(path: impl Into<PathBuf>) -> App {
        App::from_options(LoadOptions::from_env(path))
    }

    /// The same with overrides and other options.
    pub fn from_options(options: LoadOptions) -> App {
        App { source: Source::Files(options), ..App::new() }
    }

    /// An application that was loaded with a [`LuauCompiler`].
    pub fn from_application(application: Application) -> App {
        App { application, ..App::new() }
    }

    /// Adds a host that starts at boot; 0 workers means one per processor.
    pub fn host(mut self, id: &str, workers: u32) -> App {
        if let Some(id) = self.id(id) {
            let workers = (workers > 0).then_some(workers);
            self.application.hosts.push(host(id.clone(), workers));
            self.application.start_levels.push(vec![id]);
        }
        self
    }

    /// Adds a host for terminal programs, which starts at boot and gives
    /// `io.args()` these arguments.
    pub fn terminal<A: Into<String>>(
        mut self,
        id: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> App {
        if let Some(id) = self.id(id) {
            self.application.terminal_hosts.push(host(id.clone(), Some(1)));
            self = self.terminal_arguments(id.as_str(), arguments);
            self.application.start_levels.push(vec![id]);
        }
        self
    }

    /// What `io.args()` returns on a terminal host.
    pub fn terminal_arguments<A: Into<String>>(
        mut self,
        host: &str,
        arguments: impl IntoIterator<Item = A>,
    ) -> App {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.arguments.insert(host.to_owned(), arguments);
        self
    }

    /// Adds code that can be spawned. It may require every module and the
    /// libraries added before it, by their names.
    pub fn process(mut self, id: &str, source: &str) -> App {
        if let Some((id, unit)) = self.unit(id, source) {
            self.application.processes.push(Arc::new(ProcessDefinition {
                id,
                unit,
                method: "main".to_owned(),
                limits: ProcessLimits::default(),
                meta: Values::none(),
                host: None,
                input: Values::none(),
                lifecycle: None,
                default_host: None,
            }));
        }
        self
    }

    /// Adds code that processes added later get by `require(name)`, where `name`
    /// is the part of its id after the colon.
    pub fn library(mut self, id: &str, source: &str) -> App {
        if let Some((_, unit)) = self.unit(id, source) {
            self.application.libraries.push(unit);
        }
        self
    }

    /// Adds a service: `process` is started at boot on `host` with these
    /// arguments, and again when it fails.
    pub fn service(self, id: &str, process: &str, host: &str, input: impl IntoValues) -> App {
        let lifecycle = Lifecycle { auto_start: true, ..Lifecycle::default() };
        self.service_with(id, process, host, input, lifecycle)
    }

    /// Adds a service with a lifecycle of its own.
    pub fn service_with(
        mut self,
        id: &str,
        process: &str,
        host: &str,
        input: impl IntoValues,
        lifecycle: Lifecycle,
    ) -> App {
        if let (Some(id), Some(process), Some(host)) =
            (self.id(id), self.id(process), self.id(host))
        {
            let mut dependencies = lifecycle.requires.clone();
            dependencies.push(host.clone());
            let input = input.into_values();
            let service = ServiceDefinition { id, process, host, input, lifecycle, dependencies };
            self.application.services.push(service);
        }
        self
    }

    /// Adds a supervisor with its children, which starts at boot and again when it fails.
    pub fn supervisor(self, supervisor: Supervisor) -> App {
        let lifecycle = Lifecycle {
            auto_start: true,
            stop_timeout: Duration::MAX,
            start_timeout: Duration::MAX,
            ..Lifecycle::default()
        };
        self.supervisor_with(supervisor, lifecycle)
    }

    /// Adds a supervisor with a lifecycle of its own. It is up when its children are.
    pub fn supervisor_with(mut self, supervisor: Supervisor, lifecycle: Lifecycle) -> App {
        if self.id(&supervisor.id).is_some() {
            self.trees.push((supervisor, Lifecycle { ready: true, ..lifecycle }));
        }
        self
    }

    /// Adds a Lua module written in Rust.
    pub fn module(mut self, module: Module) -> App {
        self.modules.push(module);
        self
    }

    /// Where log lines go; by default nowhere.
    pub fn log(mut self, log: Arc<dyn LogSink>) -> App {
        self.log = Some(log);
        self
    }

    /// Where `print` and errors go; by default to the outputs of this program.
    pub fn outputs(
        mut self,
        stdout: impl Write + Send + 'static,
        stderr: impl Write + Send + 'static,
    ) -> App {
        self.outputs = Some((Box::new(stdout), Box::new(stderr)));
        self
    }

    /// Who takes what is written, with its writer, instead of the outputs.
    pub fn output_sink(mut self, sink: Arc<dyn OutputSink>) -> App {
        self.sink = Some(sink);
        self
    }

    /// Where asynchronous functions and native processes run: by default on the
    /// tokio runtime that calls [`App::start`], else on one that is made when it
    /// is needed.
    pub fn tokio(mut self, handle: Handle) -> App {
        self.tokio = Some(handle);
        self
    }

    /// Shows metrics at this address, `localhost:9090` for example, whatever the config
    /// file says; port 0 stands for any. See [`Luavisor::metrics_address`].
    pub fn metrics(mut self, address: impl Into<String>) -> App {
        self.metrics = Some(address.into());
        self
    }

    /// The seed of all randomness.
    pub fn seed(mut self, seed: u64) -> App {
        self.seed = Some(seed);
        self
    }

    /// Whether hot Lua code is compiled to machine code; on by default.
    pub fn native_code(mut self, native_code: bool) -> App {
        self.native_code = native_code;
        self
    }

    /// Adds a listener that misses nothing, not even the boot. See also
    /// [`Luavisor::events`].
    pub fn observer<O: Observer + 'static>(
        mut self,
        make: impl FnOnce(&Runtime) -> O + 'static,
    ) -> App {
        self.observers.push(Box::new(|runtime| Arc::new(make(runtime))));
        self
    }

    /// How long a shutdown may take; 30 s by default.
    pub fn shutdown_timeout(mut self, timeout: Duration) -> App {
        self.application.settings.shutdown_timeout = timeout;
        self
    }

    /// Loads what is to be loaded and starts everything that starts at boot.
    /// Does not wait for it: see [`Luavisor::wait_until_booted`].
    ///
    /// # Errors
    /// [`StartError`]
    pub fn start(mut self) -> Result<Luavisor, StartError> {
        self.load()?;
        if self.problems.is_empty() { boot::start(self) } else { Err(self.problems.remove(0)) }
    }

    /// Plants a bug in the simulation.
    #[doc(hidden)]
    pub fn plant(mut self, bug: Option<Bug>) -> App {
        self.bug = bug;
        self
    }

    /// Loads what is to be loaded and boots it on virtual time, with everything that
    /// could happen in one order or another decided by `seed`. `outputs`, `seed` and
    /// `native_code` of this builder have no effect.
    ///
    /// # Errors
    /// [`StartError`]
    pub fn simulate(mut self, seed: u64) -> Result<Simulated, StartError> {
        self.load()?;
        if !self.problems.is_empty() {
            return Err(self.problems.remove(0));
        }
        if let Some(module) = self.modules.iter().find(|module| module.needs_tokio()) {
            let message = "asynchronous functions run in real time and cannot be simulated";
            let (id, message) = (module.name().to_owned(), message.to_owned());
            return Err(StartError::Entry { id, message });
        }
        (self.seed, self.outputs) = (None, None);
        boot::simulate(self, seed)
    }

    fn load(&mut self) -> Result<(), StartError> {
        let Source::Files(mut options) = std::mem::replace(&mut self.source, Source::Ready) else {
            return Ok(());
        };
        options.modules.extend(self.modules.iter().map(|module| module.name().to_owned()));
        let loaded = config::load(&options, &LuauCompiler).into_result(Mode::Run);
        let (mut application, warnings) = loaded.map_err(StartError::Load)?;
        for warning in warnings.iter() {
            let text = format!("{}: {}", warning.place.file, warning.message);
            boot::say(self.log.as_deref(), Level::Warn, &text, &[]);
        }
        let added = std::mem::take(&mut self.application);
        application.hosts.extend(added.hosts);
        application.terminal_hosts.extend(added.terminal_hosts);
        application.processes.extend(added.processes);
        application.libraries.extend(added.libraries);
        application.services.extend(added.services);
        application.supervisors.extend(added.supervisors);
        application.stores.extend(added.stores);
        application.databases.extend(added.databases);
        application.volumes.extend(added.volumes);
        application.token_stores.extend(added.token_stores);
        self.application = application;
        Ok(())
    }

    fn id(&mut self, text: &str) -> Option<EntryId> {
        let id = text.split_once(':').and_then(|(space, name)| EntryId::new(space, name));
        if id.is_none() {
            let message = "expected an id of the form namespace:name".to_owned();
            self.problems.push(StartError::Entry { id: text.to_owned(), message });
        }
        id
    }

    fn unit(
        &mut self,
        id: &str,
        source: &str,
    ) -> Option<(EntryId, Arc<config::Unit<crate::Chunk>>)> {
        let id = self.id(id)?;
        let chunk = match LuauCompiler.compile(id.as_str(), source) {
            Ok(chunk) => chunk,
            Err(error) => {
                let message = error.to_string();
                self.problems.push(StartError::Entry { id: id.to_string(), message });
                return None;
            }
        };
        let libraries = self.application.libraries.iter();
        let imports = libraries.map(|unit| (unit.id.name().to_owned(), unit.clone())).collect();
        let source_name = id.shared();
        let unit = config::Unit { id: id.clone(), source_name, chunk, modules: None, imports };
        Some((id, Arc::new(unit)))
    }
}

fn host(id: EntryId, workers: Option<u32>) -> HostDefinition {
    HostDefinition {
        id,
        workers,
        slice: Duration::from_millis(5),
        max_processes: None,
        unpreemptible: Duration::from_secs(1),
        limits: HostLimits::default(),
        hide_logs: false,
        lifecycle: Lifecycle { auto_start: true, ..Lifecycle::default() },
        dependencies: Vec::new(),
    }
}
