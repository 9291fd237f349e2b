//! A runtime on virtual time with native processes that do as they are told.
//!
//! An actor is steered from the test through [`Probe::act`], a closure that runs
//! inside it, and records everything it gets.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(dead_code)]

use std::sync::{Arc, Mutex};

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Exit, HostId, Pid, Reason, Values};
use luavisor_runtime::{
    Captured, Flow, HostConfig, Input, NativeContext, NativeOptions, NativeProcess, Notice, Order,
    ProgramTable, Runtime, RuntimeBuilder, Simulation,
};
use luavisor_vm::Token;
use luavisor_vm::kernel::{CancelRequest, SpawnRequest};

/// What an actor got, in short.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    Message(Pid, String, Values),
    Exit(Pid, Reason, Option<String>),
    LinkDown(Pid, Reason, Option<String>),
    Cancel(Pid, String, Option<f64>),
    Timer(u64),
    Completed(u64, Result<Values, Error>),
    Notice(Notice),
}

pub type Act = Box<dyn FnOnce(&mut NativeContext<'_>) -> Flow + Send>;

/// What an actor notes down of its own calls, among what it gets.
#[derive(Clone, Copy, Debug)]
pub enum Note {
    Monitored(Pid),
    Unmonitored(Pid),
    Linked(Pid),
}

#[derive(Default)]
struct Shared {
    acts: Vec<Act>,
    got: Vec<Got>,
    history: Vec<Result<Note, Got>>,
}

struct Actor(Arc<Mutex<Shared>>);

impl NativeProcess for Actor {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        let text = |exit: &Exit| exit.error.as_ref().map(|error| error.message.to_string());
        let got = match input {
            Input::Start => return Flow::Continue,
            Input::Message { topic, .. } if &*topic == b"act" => {
                let act = self.0.lock().unwrap().acts.remove(0);
                return act(context);
            }
            Input::Message { from, topic, payload } => {
                Got::Message(from, String::from_utf8_lossy(&topic).into_owned(), payload)
            }
            Input::Event(Event::Exit { from, exit, .. }) => {
                Got::Exit(from, exit.reason, text(&exit))
            }
            Input::Event(Event::LinkDown { from, exit, .. }) => {
                Got::LinkDown(from, exit.reason, text(&exit))
            }
            Input::Event(Event::Cancel { from, reason, deadline, .. }) => {
                Got::Cancel(from, reason.to_string(), deadline)
            }
            Input::Event(Event::Outdated { .. }) => return Flow::Continue,
            Input::Timer(token) => Got::Timer(token.0),
            Input::Completed(token, result) => Got::Completed(token.0, result),
            Input::Notice(notice) => Got::Notice(notice),
            Input::Request(..) => return Flow::Continue,
        };
        let mut shared = self.0.lock().unwrap();
        shared.history.push(Err(got.clone()));
        shared.got.push(got);
        Flow::Continue
    }
}

/// A process of a test.
#[derive(Clone)]
pub struct Probe {
    pub pid: Pid,
    shared: Arc<Mutex<Shared>>,
    runtime: Runtime,
    simulation: Simulation,
}

impl Probe {
    /// Does something inside the process and waits until everything has settled.
    pub fn act<R: Send + 'static>(
        &self,
        act: impl FnOnce(&mut NativeContext<'_>) -> R + Send + 'static,
    ) -> R {
        let result = Arc::new(Mutex::new(None));
        let slot = result.clone();
        self.post(move |context| {
            *slot.lock().unwrap() = Some(act(context));
            Flow::Continue
        });
        self.simulation.settle();
        let result = result.lock().unwrap().take();
        result.expect("the process is dead")
    }

    /// Queues something to do, without running it.
    pub fn post(&self, act: impl FnOnce(&mut NativeContext<'_>) -> Flow + Send + 'static) {
        self.shared.lock().unwrap().acts.push(Box::new(act));
        self.runtime.send(self.pid, Bytes::from(&b"act"[..]), Values::none()).unwrap();
    }

    /// Ends normally.
    pub fn finish(&self) {
        self.post(|_| Flow::Finish(Exit::normal(Values::none())));
        self.simulation.settle();
    }

    /// Fails with this message.
    pub fn fail(&self, message: &'static str) {
        self.post(move |_| Flow::Finish(Exit::failure(Reason::Error, Error::internal(message))));
        self.simulation.settle();
    }

    /// What it got since the last look.
    pub fn got(&self) -> Vec<Got> {
        self.simulation.settle();
        std::mem::take(&mut self.shared.lock().unwrap().got)
    }

    pub fn note(&self, note: Note) {
        self.shared.lock().unwrap().history.push(Ok(note));
    }

    /// Everything it noted and got, in its own order.
    pub fn history(&self) -> Vec<Result<Note, Got>> {
        self.shared.lock().unwrap().history.clone()
    }

    pub fn alive(&self) -> bool {
        self.runtime.alive(self.pid)
    }

    pub fn text(&self) -> String {
        self.runtime.pid_text(self.pid)
    }
}

/// A runtime with one running host `app:host`.
pub struct World {
    pub runtime: Runtime,
    pub simulation: Simulation,
    pub output: Captured,
    pub host: HostId,
    pub closing: Closing,
}

pub struct Closing(Runtime);

impl World {
    pub fn new() -> World {
        World::with(HostConfig { workers: 1, ..HostConfig::new("app:host") }, Order::Fair)
    }

    /// Every process is on a shard of its own, so that everything between them
    /// is a signal under way; shards take turns at random.
    pub fn scattered(seed: u64) -> World {
        let config = HostConfig { shard_capacity: 1, workers: 1, ..HostConfig::new("app:host") };
        World::with(config, Order::Seeded(seed))
    }

    pub fn with(config: HostConfig, order: Order) -> World {
        World::running(&[], config, order)
    }

    /// With Lua programs, as id and source.
    pub fn running(sources: &[(&str, &str)], config: HostConfig, order: Order) -> World {
        let catalog = ProgramTable::default();
        for (id, source) in sources {
            let bytecode = luavisor_vm::compile(source.as_bytes()).unwrap();
            let chunk = Arc::new(luavisor_vm::Chunk { name: (*id).into(), bytecode });
            catalog.insert(Arc::new(luavisor_vm::Program {
                id: (*id).into(),
                method: String::new(),
                unit: Arc::new(luavisor_vm::Unit {
                    chunk,
                    modules: None,
                    imports: Default::default(),
                }),
                memory: None,
                mailbox: None,
            }));
        }
        World::of(catalog, config, order)
    }

    /// With these entries.
    pub fn of(catalog: ProgramTable, config: HostConfig, order: Order) -> World {
        let builder = RuntimeBuilder::new(Arc::new(catalog));
        let (runtime, simulation, output) = builder.manual(order, 1000);
        let host = runtime.add_host(config).unwrap();
        runtime.start_host(host).unwrap();
        World { closing: Closing(runtime.clone()), runtime, simulation, output, host }
    }

    pub fn probe(&self) -> Probe {
        self.try_probe(NativeOptions::new("test:actor")).unwrap()
    }

    pub fn try_probe(&self, options: NativeOptions) -> Result<Probe, Error> {
        let shared = Arc::default();
        let actor = Box::new(Actor(Arc::clone(&shared)));
        let pid = self.runtime.spawn_native(self.host, actor, options)?;
        self.simulation.settle();
        Ok(self.wrap(pid, shared))
    }

    /// A child of `parent`.
    pub fn child(&self, parent: &Probe, options: NativeOptions) -> Probe {
        let shared: Arc<Mutex<Shared>> = Arc::default();
        let actor = Box::new(Actor(Arc::clone(&shared)));
        let host = self.host;
        let pid = parent.act(move |context| context.spawn_native(host, actor, options)).unwrap();
        self.wrap(pid, shared)
    }

    fn wrap(&self, pid: Pid, shared: Arc<Mutex<Shared>>) -> Probe {
        let (runtime, simulation) = (self.runtime.clone(), self.simulation.clone());
        Probe { pid, shared, runtime, simulation }
    }
}

/// Closes the runtime when the test is over.
impl Drop for Closing {
    fn drop(&mut self) {
        self.0.close();
    }
}

pub fn cancel(timeout: Option<(u64, &str)>, reason: &str) -> CancelRequest {
    let timeout = timeout.map(|(nanoseconds, text)| (nanoseconds, text.into()));
    CancelRequest { timeout, reason: reason.into() }
}

pub const MS: u64 = 1_000_000;

pub fn token(n: u64) -> Token {
    Token(n)
}

/// A plain spawn of `id` on `app:host`.
pub fn request(id: &str, arguments: Values) -> SpawnRequest {
    SpawnRequest::new(id, "app:host", arguments, Arc::default())
}
