//! A runtime on virtual time with Lua programs, for tests that read like a story.

#![allow(dead_code)]

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use luavisor_core::security::{Effect, Names, Policies, Policy};
use luavisor_core::{Exit, Pid, Values};
use luavisor_runtime::environment::{Environment, StorageSpec, VariableSpec};
use luavisor_runtime::{
    Callable, Captured, Function, HostConfig, Observer, Occurrence, Order, ProgramTable, Resources,
    Runtime, RuntimeBuilder, Simulation,
};
use luavisor_vm::kernel::SpawnRequest;
use luavisor_vm::{Chunk, Program, Unit, compile};

/// Remembers how processes ended.
#[derive(Default)]
pub struct Exits(Mutex<Vec<(Pid, Arc<Exit>)>>);

impl Observer for Exits {
    fn observe(&self, occurrence: &Occurrence) {
        if let Occurrence::Exited { pid, exit, .. } = occurrence {
            self.0.lock().unwrap().push((*pid, exit.clone()));
        }
    }
}

/// A runtime with one started host, `app:processes`.
pub struct World {
    pub runtime: Runtime,
    pub simulation: Simulation,
    pub output: Captured,
    exits: Arc<Exits>,
}

/// A program whose chunk selects `main` and may require every module.
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

/// The programs on a host with the given configuration.
///
/// A source whose first line is `-- function app:name` is that of a function, and one
/// that begins with `-- function app:name, 2 at once` has so many seats.
pub fn world_with(sources: &[(&str, &str)], config: HostConfig) -> World {
    let table = ProgramTable::default();
    for (name, source) in sources {
        let line = source.lines().next().unwrap_or("");
        let program = program(name, source);
        match line.strip_prefix("-- function ") {
            Some(words) => {
                let seats = words.split_once(", ").and_then(|(_, seats)| seats.split_once(' '));
                let seats = seats.map(|(seats, _)| seats.parse().unwrap());
                let function = Arc::new(Function::new(program, seats));
                table.insert_callable((*name).into(), Callable::Function(function));
            }
            None => table.insert(program),
        }
    }
    world_of(table, config)
}

/// The entries of a table on a host with the given configuration.
pub fn world_of(table: ProgramTable, config: HostConfig) -> World {
    let table = Arc::new(table);
    let builder = RuntimeBuilder::new(table).resources(Resources {
        environment: Arc::new(environment()),
        policies: Arc::new(policies()),
        ..Resources::default()
    });
    let (runtime, simulation, output) = builder.manual(Order::Fair, 1_000);
    let host = runtime.add_host(config).unwrap();
    runtime.start_host(host).unwrap();
    let exits = Arc::new(Exits::default());
    runtime.observe(exits.clone());
    World { runtime, simulation, output, exits }
}

/// One variable, `app:greeting`.
fn environment() -> Environment {
    let storage = StorageSpec::Values { values: BTreeMap::new(), writable: true };
    let variable = VariableSpec {
        id: "app:greeting".into(),
        name: Some("GREETING".into()),
        storage: "app:memory".into(),
        default: Some("good morning".to_owned()),
        read_only: false,
    };
    Environment::new([("app:memory".into(), storage)], [variable])
}

/// The policy `app:read`, in the group `app:readers`: reading documents, and nothing else.
fn policies() -> Policies {
    let names = |text| vec![Names::parse(text)];
    let read = Policy {
        id: "app:read".into(),
        actions: names("read"),
        resources: names("doc:*"),
        effect: Effect::Allow,
        conditions: Vec::new(),
        expression: None,
    };
    let mut policies = Policies::default();
    policies.add(Arc::new(read), ["app:readers".into()]);
    policies
}

/// The programs on an ordinary host.
pub fn world(sources: &[(&str, &str)]) -> World {
    world_with(sources, HostConfig::new("app:processes"))
}

impl World {
    /// Starts a program without arguments.
    pub fn spawn(&self, id: &str) -> Pid {
        let request = SpawnRequest::new(id, "app:processes", Values::none(), Arc::default());
        self.runtime.spawn(request).unwrap()
    }

    /// How a process ended, if it did.
    pub fn exit(&self, pid: Pid) -> Option<Arc<Exit>> {
        let exits = self.exits.0.lock().unwrap();
        exits.iter().find(|(p, _)| *p == pid).map(|(_, exit)| exit.clone())
    }

    /// Runs `app:main` until nothing is left to do; it must return `"ok"`.
    #[track_caller]
    pub fn main_is_ok(&self) {
        let pid = self.spawn("app:main");
        self.simulation.run();
        let exit =
            self.exit(pid).unwrap_or_else(|| panic!("main is stuck: {}", self.output.stdout()));
        let error = exit.error.as_ref().map(|error| error.message.to_string());
        assert_eq!(error, None, "{}", self.output.stdout());
        assert_eq!(exit.value, Values::one("ok"), "{}", self.output.stdout());
    }
}
