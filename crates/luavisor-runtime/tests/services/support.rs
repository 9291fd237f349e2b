//! A runtime on virtual time whose host is a service like the others, and a
//! record of everything that services, logs and exits say.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use luavisor_core::lifecycle::State;
use luavisor_core::restart::RestartRule;
use luavisor_core::{HostId, Pid, Values};
use luavisor_runtime::{
    CONTROL, Captured, Clock, Flow, HostConfig, Input, LogSink, NativeContext, NativeProcess,
    Observer, Occurrence, Order, ProgramTable, Runtime, RuntimeBuilder, ServiceChange, ServiceSpec,
    Services, Simulation, Target,
};
use luavisor_vm::kernel::{Level, LogRecord, SpawnRequest};
use luavisor_vm::{Chunk, Program, Unit, compile};

pub const MS: u64 = 1_000_000;
pub const SECOND: u64 = 1000 * MS;
pub const HOST: &str = "app:host";
/// The number of that host: the first after the control host.
pub const HOST_ID: HostId = HostId(2);

/// What happened, in order.
#[derive(Default)]
pub struct Record {
    clock: Mutex<Option<Arc<dyn Clock>>>,
    /// `100 web running`: milliseconds, service, what
    services: Mutex<Vec<String>>,
    /// `100 web cancelled: cancel deadline exceeded after 1s`
    exits: Mutex<Vec<String>>,
    /// pids of the control host
    control: Mutex<Vec<Pid>>,
    /// `ERROR service failed service="web"`
    log: Mutex<Vec<String>>,
}

impl Record {
    pub fn clear(&self) {
        self.services.lock().unwrap().clear();
        self.exits.lock().unwrap().clear();
        self.log.lock().unwrap().clear();
        self.control.lock().unwrap().clear();
    }

    fn at(&self) -> u64 {
        self.clock.lock().unwrap().as_ref().map_or(0, |clock| clock.monotonic() / MS)
    }
}

impl Observer for Record {
    fn observe(&self, occurrence: &Occurrence) {
        let at = self.at();
        match occurrence {
            Occurrence::Service { id, change, .. } => {
                let what = match change {
                    ServiceChange::Restart { delay, attempt, cause, .. } => {
                        let cause = cause.error.as_ref().map_or("-", |error| &error.message);
                        format!("restart {attempt} in {delay:?}: {cause}")
                    }
                    ServiceChange::GaveUp { attempts, .. } => format!("gave up after {attempts}"),
                    ServiceChange::Waiting { on } => format!("waits for {on}"),
                    other => other.state().to_string(),
                };
                self.services.lock().unwrap().push(format!("{at} {id} {what}"));
            }
            Occurrence::Exited { entry, exit, .. } if !entry.starts_with("service.") => {
                let text = exit.error.as_ref().map(|error| format!(": {}", error.message));
                let (reason, text) = (exit.reason.as_str(), text.unwrap_or_default());
                self.exits.lock().unwrap().push(format!("{at} {entry} {reason}{text}"));
            }
            Occurrence::Spawned { pid, .. } if pid.host == CONTROL => {
                self.control.lock().unwrap().push(*pid);
            }
            _ => {}
        }
    }
}

impl LogSink for Record {
    fn level(&self) -> Level {
        Level::Debug
    }

    fn log(&self, _: Pid, _: &str, record: LogRecord) {
        let fields: Vec<String> =
            record.fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let level = format!("{:?}", record.level).to_uppercase();
        let line = format!("{level} {} {}", record.message, fields.join(" "));
        self.log.lock().unwrap().push(line.trim_end().to_owned());
    }
}

/// See the module.
pub struct World {
    pub runtime: Runtime,
    pub simulation: Simulation,
    pub output: Captured,
    pub record: Arc<Record>,
    pub services: Services,
}

pub fn program(name: &str, source: &str) -> Arc<Program> {
    let bytecode = compile(source.as_bytes()).unwrap_or_else(|error| panic!("{name}:{error}"));
    let chunk = Chunk { name: name.into(), bytecode };
    Arc::new(Program {
        id: name.into(),
        method: String::new(),
        unit: Arc::new(Unit { chunk: Arc::new(chunk), modules: None, imports: BTreeMap::new() }),
        memory: None,
        mailbox: None,
    })
}

/// Lua programs whose id has no namespace yet, as `web` for `app:web`.
pub fn world(sources: &[(&str, &str)], specs: Vec<ServiceSpec>) -> World {
    let table = Arc::new(ProgramTable::default());
    for (name, source) in sources {
        table.insert(program(&format!("app:{name}"), source));
    }
    let record = Arc::new(Record::default());
    let builder = RuntimeBuilder::new(table).log(record.clone());
    let (runtime, simulation, output) = builder.manual(Order::Fair, 1_000);
    *record.clock.lock().unwrap() = Some(runtime.clock());
    runtime.observe(record.clone());
    let services = boot(&runtime, specs);
    World { runtime, simulation, output, record, services }
}

/// Adds the host as the first service and boots.
pub fn boot(runtime: &Runtime, specs: Vec<ServiceSpec>) -> Services {
    let host = HostConfig { workers: 1, ..HostConfig::new(HOST) };
    let host = runtime.add_host(host).unwrap();
    assert_eq!(host, HOST_ID);
    let host = ServiceSpec { auto_start: true, ..ServiceSpec::new(HOST, Target::Host(host)) };
    Services::boot(runtime, [host].into_iter().chain(specs).collect()).unwrap()
}

/// A service at boot that runs the program `app:<id>` and needs the host and `needs`.
pub fn service(id: &str, needs: &[&str]) -> ServiceSpec {
    let target = Target::Process {
        id: format!("app:{id}").into(),
        host: HOST.into(),
        input: Values::none(),
        context: Arc::default(),
    };
    with_target(id, needs, target)
}

/// A service that is written in Rust.
pub fn native<P: NativeProcess + 'static>(
    id: &str,
    needs: &[&str],
    make: impl Fn() -> P + Send + Sync + 'static,
) -> ServiceSpec {
    let make = Arc::new(move || Box::new(make()) as Box<dyn NativeProcess>);
    with_target(id, needs, Target::Native { host: HOST_ID, make })
}

fn with_target(id: &str, needs: &[&str], target: Target) -> ServiceSpec {
    ServiceSpec {
        dependencies: [HOST].iter().chain(needs).map(|need| Arc::from(*need)).collect(),
        auto_start: true,
        rule: RestartRule { jitter: 0.0, ..RestartRule::default() },
        ..ServiceSpec::new(id, target)
    }
}

/// The same service with other restart settings.
pub fn with_rule(mut spec: ServiceSpec, change: impl FnOnce(&mut RestartRule)) -> ServiceSpec {
    change(&mut spec.rule);
    spec
}

/// A process in Rust that answers each input with a closure.
pub struct Acting<F>(pub F);

impl<F> NativeProcess for Acting<F>
where
    F: FnMut(&mut NativeContext<'_>, Input) -> Flow + Send,
{
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        (self.0)(context, input)
    }
}

impl World {
    /// Runs for so many milliseconds.
    pub fn run(&self, milliseconds: u64) {
        self.simulation.run_for(milliseconds * MS);
    }

    /// Starts `app:<id>`, which is no service, with texts as arguments.
    pub fn spawn(&self, id: &str, arguments: &[String]) -> Pid {
        let request = SpawnRequest::new(
            format!("app:{id}"),
            HOST,
            Values::list(arguments.iter().map(String::as_str)),
            Arc::default(),
        );
        self.runtime.spawn(request).unwrap()
    }

    /// The pids of the controller and of all control pids, as text.
    pub fn control_pids(&self) -> Vec<String> {
        let pids = self.record.control.lock().unwrap();
        pids.iter().map(|pid| self.runtime.pid_text(*pid)).collect()
    }

    pub fn state(&self, id: &str) -> State {
        self.services.state(id).unwrap().lifecycle
    }

    pub fn pid(&self, id: &str) -> Pid {
        self.services.state(id).unwrap().pid.expect("no process")
    }

    /// What happened to services since the last look; hosts are left out.
    pub fn told(&self) -> Vec<String> {
        let mut told = self.record.services.lock().unwrap();
        told.extract_if(.., |line| !line.contains(HOST)).collect()
    }

    /// The same of hosts only.
    pub fn told_of_hosts(&self) -> Vec<String> {
        let told = self.record.services.lock().unwrap();
        told.iter().filter(|line| line.contains(HOST)).cloned().collect()
    }

    /// The ends of processes since the last look.
    pub fn exits(&self) -> Vec<String> {
        std::mem::take(&mut *self.record.exits.lock().unwrap())
    }

    pub fn log(&self) -> Vec<String> {
        self.record.log.lock().unwrap().clone()
    }

    /// Log lines of level ERROR.
    pub fn errors(&self) -> Vec<String> {
        self.log().into_iter().filter(|line| line.starts_with("ERROR")).collect()
    }

    pub fn printed(&self) -> Vec<String> {
        self.output.stdout().lines().map(str::to_owned).collect()
    }
}

/// The runtime refers to itself through its shards.
impl Drop for World {
    fn drop(&mut self) {
        self.runtime.close();
    }
}
