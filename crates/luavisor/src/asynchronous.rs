//! Processes written in asynchronous Rust.
//!
//! ```text
//!   shard                                    tokio
//!  ┌──────────────────┐  messages, events   ┌────────┐
//!  │ adaptor: a       │ ──────────────────▶ │ future │
//!  │ NativeProcess    │ ◀────────────────── │        │
//!  └──────────────────┘  requests, the end  └────────┘
//! ```
//!
//! The adaptor is a process like any other; the future is its body. What the
//! process itself must do (link, monitor, send in its own name) is a closure
//! that the future hands to the adaptor, which runs it on the shard. The
//! adaptor's end, however it comes, drops the future at its next await.

use std::collections::VecDeque;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::task::Poll;

use luavisor_core::{Error, Event, Exit, HostId, Kind, Pid, Reason, Values};
use luavisor_runtime::{
    Flow, HostConfig, Input, NativeContext, NativeOptions, NativeProcess, Runtime,
};
use luavisor_vm::Token;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot};
use tokio::task::AbortHandle;

use crate::values::IntoValues;

/// The host of native processes, made with the first one.
const HOST: &str = "native:processes";
/// The future is done.
const DONE: Token = Token(0);
/// A request waits.
const REQUEST: Token = Token(1);

/// What arrives in a [`Mailbox`].
#[derive(Debug)]
pub enum Mail {
    /// A message.
    Message {
        /// the sender, or the empty pid
        from: Pid,
        /// its topic
        topic: String,
        /// the values sent
        payload: Values,
    },
    /// EXIT, LINK_DOWN or CANCEL.
    Event(Event),
}

/// What the body of a native process holds: its inbox and its own identity.
///
/// ```
/// use luavisor::{App, Mail};
///
/// let luavisor = App::new().start()?;
/// let echo = luavisor.spawn_async("echo", |mut mailbox| async move {
///     while let Some(mail) = mailbox.receive().await {
///         match mail {
///             Mail::Message { topic, payload, .. } if topic == "finish" => return Ok(payload),
///             Mail::Message { from, topic, payload } => mailbox.send(from, topic, payload).await?,
///             Mail::Event(_) => break,
///         }
///     }
///     Ok(().into_values())
/// })?;
/// # use luavisor::IntoValues;
/// luavisor.send(echo.pid(), "finish", "bye")?;
/// assert_eq!(echo.wait().value.str(0), Some("bye"));
/// luavisor.shutdown();
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct Mailbox {
    pid: Pid,
    runtime: RuntimeHandle,
    requests: Arc<Requests>,
    mail: mpsc::UnboundedReceiver<Mail>,
}

impl Mailbox {
    /// The own pid.
    pub fn pid(&self) -> Pid {
        self.pid
    }

    /// The next message or event; `None` when the process has ended.
    pub async fn receive(&mut self) -> Option<Mail> {
        self.mail.recv().await
    }

    /// Sends a message.
    ///
    /// # Errors
    /// As `process.send`.
    pub async fn send(
        &self,
        to: Pid,
        topic: impl Into<String>,
        payload: impl IntoValues,
    ) -> Result<(), Error> {
        let (topic, payload) = (topic.into(), payload.into_values());
        self.perform(move |context| context.send(to, topic.as_bytes(), payload)).await?
    }

    /// Asks for an EXIT event when that process ends.
    ///
    /// # Errors
    /// NotFound `process not found`.
    pub async fn monitor(&self, pid: Pid) -> Result<(), Error> {
        self.perform(move |context| context.monitor(pid)).await?
    }

    /// Shares the fate of that process.
    ///
    /// # Errors
    /// NotFound `process not found`.
    pub async fn link(&self, pid: Pid) -> Result<(), Error> {
        self.perform(move |context| context.link(pid)).await?
    }

    /// Whether the failure of a linked process becomes an event instead of the
    /// own end.
    ///
    /// # Errors
    /// NotFound if this process has ended.
    pub async fn trap_links(&self, trap: bool) -> Result<(), Error> {
        self.perform(move |context| context.trap_links(trap)).await
    }

    /// Runs a closure as this process, on its worker: it must be quick. This is
    /// the way to everything a process can do, such as spawning.
    ///
    /// # Errors
    /// NotFound if this process has ended.
    pub async fn perform<T: Send + 'static>(
        &self,
        request: impl FnOnce(&mut NativeContext<'_>) -> T + Send + 'static,
    ) -> Result<T, Error> {
        let (sender, receiver) = oneshot::channel();
        self.requests.push(Box::new(move |context| {
            let _ = sender.send(request(context));
        }));
        self.runtime.0.complete(self.pid, REQUEST, Ok(Values::none()));
        receiver.await.map_err(|_| Error::process_not_found())
    }
}

/// The runtime, which says nothing about itself.
struct RuntimeHandle(Runtime);

impl std::fmt::Debug for RuntimeHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Runtime")
    }
}

type Request = Box<dyn FnOnce(&mut NativeContext<'_>) + Send>;

/// Requests on their way to the adaptor. As long as the future's own await list.
#[derive(Default)]
struct Requests(Mutex<VecDeque<Request>>);

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    fn push(&self, request: Request) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(request);
    }

    fn next(&self) -> Option<Request> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}

type Body = Pin<Box<dyn Future<Output = Result<Values, Error>> + Send>>;

/// Starts one.
pub(crate) fn spawn<B, R, V>(
    runtime: &Runtime,
    tokio: Handle,
    name: &str,
    body: B,
) -> Result<Pid, Error>
where
    B: FnOnce(Mailbox) -> R + Send + 'static,
    R: Future<Output = Result<V, Error>> + Send + 'static,
    V: IntoValues,
{
    let body = move |mailbox| {
        let future = body(mailbox);
        Box::pin(async move { future.await.map(IntoValues::into_values) }) as Body
    };
    // Unbounded on purpose: a shard must not wait, and what an embedder's own
    // process leaves unread is the embedder's memory.
    let (sender, receiver) = mpsc::unbounded_channel();
    let adaptor = Adaptor {
        tokio,
        body: Some(Box::new(body)),
        sender,
        receiver: Some(receiver),
        requests: Arc::default(),
        running: None,
    };
    let mut options = NativeOptions::new(name);
    options.name = Some(name.to_owned());
    runtime.spawn_native(host(runtime)?, Box::new(adaptor), options)
}

fn host(runtime: &Runtime) -> Result<HostId, Error> {
    if let Some(host) = runtime.host(HOST) {
        return Ok(host);
    }
    match runtime.add_host(HostConfig { workers: 1, ..HostConfig::new(HOST) }) {
        Ok(host) => runtime.start_host(host).map(|()| host),
        // Somebody else was faster.
        Err(error) if error.kind == Kind::ALREADY_EXISTS => runtime.host(HOST).ok_or(error),
        Err(error) => Err(error),
    }
}

struct Adaptor {
    tokio: Handle,
    body: Option<Box<dyn FnOnce(Mailbox) -> Body + Send>>,
    sender: mpsc::UnboundedSender<Mail>,
    receiver: Option<mpsc::UnboundedReceiver<Mail>>,
    requests: Arc<Requests>,
    running: Option<AbortHandle>,
}

impl Drop for Adaptor {
    fn drop(&mut self) {
        if let Some(running) = &self.running {
            running.abort();
        }
    }
}

impl Adaptor {
    fn start(&mut self, context: &NativeContext<'_>) {
        let (Some(body), Some(mail)) = (self.body.take(), self.receiver.take()) else { return };
        let (pid, runtime) = (context.pid(), context.runtime());
        let requests = self.requests.clone();
        let mailbox = Mailbox { pid, runtime: RuntimeHandle(runtime.clone()), requests, mail };
        let task = self.tokio.spawn(async move {
            let result = match catch_unwind(AssertUnwindSafe(|| body(mailbox))) {
                Ok(future) => guarded(future).await,
                Err(panic) => Err(panicked(&*panic)),
            };
            runtime.complete(pid, DONE, result);
        });
        self.running = Some(task.abort_handle());
    }
}

/// The future, with a panic as an error.
async fn guarded(mut future: Body) -> Result<Values, Error> {
    std::future::poll_fn(move |context| {
        match catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(polled) => polled,
            Err(panic) => Poll::Ready(Err(panicked(&*panic))),
        }
    })
    .await
}

fn panicked(panic: &(dyn std::any::Any + Send)) -> Error {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    Error::internal(format!("panic: {}", text.as_deref().unwrap_or("unknown")))
}

impl NativeProcess for Adaptor {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        let mail = match input {
            Input::Start => {
                self.start(context);
                return Flow::Continue;
            }
            Input::Completed(REQUEST, _) => {
                if let Some(request) = self.requests.next() {
                    request(context);
                }
                return Flow::Continue;
            }
            Input::Completed(_, result) => {
                return Flow::Finish(match result {
                    Ok(values) => Exit::normal(first(values)),
                    Err(error) => Exit::failure(Reason::Error, error),
                });
            }
            Input::Message { from, topic, payload } => {
                let topic = String::from_utf8_lossy(&topic).into_owned();
                Mail::Message { from, topic, payload }
            }
            Input::Event(event) => Mail::Event(event),
            Input::Timer(_) | Input::Notice(_) => return Flow::Continue,
        };
        // A future that dropped its mailbox wants none.
        let _ = self.sender.send(mail);
        Flow::Continue
    }
}

/// An exit has one value.
fn first(mut values: Values) -> Values {
    values.items.truncate(1);
    values
}

/// Where futures run.
pub(crate) struct Tokio {
    given: Option<Handle>,
    own: OnceLock<tokio::runtime::Runtime>,
}

impl Tokio {
    pub fn new(given: Option<Handle>) -> Tokio {
        Tokio { given, own: OnceLock::new() }
    }

    pub fn given(&self) -> Option<Handle> {
        self.given.clone()
    }

    /// The given one, else one of our own, made now.
    pub fn handle(&self) -> std::io::Result<Handle> {
        if let Some(handle) = self.given() {
            return Ok(handle);
        }
        if let Some(own) = self.own.get() {
            return Ok(own.handle().clone());
        }
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let made = builder.worker_threads(1).thread_name("tokio").enable_all().build()?;
        Ok(self.own.get_or_init(|| made).handle().clone())
    }
}

impl Drop for Tokio {
    fn drop(&mut self) {
        // Dropping a runtime blocks, which asynchronous code must not do.
        if let Some(own) = self.own.take() {
            own.shutdown_background();
        }
    }
}
