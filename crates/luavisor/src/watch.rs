//! How those outside learn about the end of a process.
//!
//! A monitor belongs to a process, so a small native one on the control host
//! holds it. It starts the process itself when there is one to start: then the
//! monitor stands before the first instruction and no end, however early, is
//! missed. Rejected: an observer, which would cost every process of the runtime.

use std::sync::Arc;
use std::sync::mpsc::Sender;

use luavisor_core::{Error, Event, Exit, HostId, Pid, Values};
use luavisor_runtime::{
    CONTROL, Flow, Input, NativeContext, NativeOptions, NativeProcess, Runtime,
};
use luavisor_vm::kernel::SpawnRequest;

/// What is called once with the exit.
pub(crate) type OnExit = Box<dyn FnOnce(Arc<Exit>) + Send>;

/// Starts a process, as `start` says, with a monitor on it.
pub(crate) type Start = Box<dyn FnOnce(&mut NativeContext<'_>) -> Result<Pid, Error> + Send>;

/// Starts a process and calls `on_exit` at its end. Blocks until it is started,
/// and so must not be called on a worker of the control host.
pub(crate) fn spawn(runtime: &Runtime, start: Start, on_exit: OnExit) -> Result<Pid, Error> {
    let (reply, started) = std::sync::mpsc::channel();
    begin(runtime, Watcher { task: Some(Task::Spawn(start, reply)), on_exit: Some(on_exit) })?;
    started.recv().unwrap_or_else(|_| Err(Error::internal("the runtime has ended")))
}

/// How a Lua process is started.
pub(crate) fn lua(mut request: SpawnRequest) -> Start {
    request.monitor = true;
    Box::new(move |context| context.spawn(request))
}

/// How a native process is started.
pub(crate) fn native(
    host: HostId,
    actor: Box<dyn NativeProcess>,
    mut options: NativeOptions,
) -> Start {
    options.monitor = true;
    Box::new(move |context| context.spawn_native(host, actor, options))
}

/// Calls `on_exit` at the end of a process; at once, with `process not found`,
/// if it is not alive.
pub(crate) fn watch(runtime: &Runtime, pid: Pid, on_exit: OnExit) -> Result<(), Error> {
    begin(runtime, Watcher { task: Some(Task::Monitor(pid)), on_exit: Some(on_exit) })
}

fn begin(runtime: &Runtime, watcher: Watcher) -> Result<(), Error> {
    let options = NativeOptions::new("luavisor:watcher");
    runtime.spawn_native(CONTROL, Box::new(watcher), options).map(drop)
}

enum Task {
    Spawn(Start, Sender<Result<Pid, Error>>),
    Monitor(Pid),
}

struct Watcher {
    task: Option<Task>,
    on_exit: Option<OnExit>,
}

impl Watcher {
    fn start(&mut self, context: &mut NativeContext<'_>) -> Flow {
        match self.task.take() {
            Some(Task::Spawn(start, reply)) => {
                let started = start(context);
                let failed = started.is_err();
                // Nobody waits any more if the caller's thread is gone.
                let _ = reply.send(started);
                if failed { finish() } else { Flow::Continue }
            }
            Some(Task::Monitor(pid)) => match context.monitor(pid) {
                Ok(()) => Flow::Continue,
                Err(_) => self.report(Arc::new(Exit::no_process())),
            },
            None => Flow::Continue,
        }
    }

    fn report(&mut self, exit: Arc<Exit>) -> Flow {
        if let Some(on_exit) = self.on_exit.take() {
            on_exit(exit);
        }
        finish()
    }
}

fn finish() -> Flow {
    Flow::Finish(Exit::normal(Values::none()))
}

impl NativeProcess for Watcher {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Start => self.start(context),
            Input::Event(Event::Exit { exit, .. }) => self.report(exit),
            _ => Flow::Continue,
        }
    }
}
