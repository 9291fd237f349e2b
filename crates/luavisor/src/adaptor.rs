//! Processes written in asynchronous Rust: the process around the future.
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

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::task::Poll;

use luavisor_core::{Error, Exit, HostId, Kind, Reason, Values};
use luavisor_runtime::{
    Flow, HostConfig, Input, NativeContext, NativeOptions, NativeProcess, Runtime,
};
use luavisor_vm::Token;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::AbortHandle;

use crate::mailbox::{Mail, Mailbox, REQUEST, Requests};
use crate::tree::Body;
use crate::values::IntoValues;
use crate::watch;

/// The host of native processes, made with the first one.
pub(crate) const HOST: &str = "native:processes";
/// The future is done.
const DONE: Token = Token(0);

/// How one is started.
pub(crate) fn start<B, R, V>(
    runtime: &Runtime,
    tokio: Handle,
    name: &str,
    body: B,
) -> Result<watch::Start, Error>
where
    B: FnOnce(Mailbox) -> R + Send + 'static,
    R: Future<Output = Result<V, Error>> + Send + 'static,
    V: IntoValues,
{
    let body = move |mailbox| {
        let future = body(mailbox);
        Box::pin(async move { future.await.map(IntoValues::into_values) }) as Body
    };
    let mut options = NativeOptions::new(name);
    options.name = Some(name.to_owned());
    Ok(watch::native(host(runtime)?, process(tokio, body), options))
}

/// The process around a future.
pub(crate) fn process(
    tokio: Handle,
    body: impl FnOnce(Mailbox) -> Body + Send + 'static,
) -> Box<dyn NativeProcess> {
    // Unbounded on purpose: a shard must not wait, and what an embedder's own
    // process leaves unread is the embedder's memory.
    let (sender, receiver) = mpsc::unbounded_channel();
    Box::new(Adaptor {
        tokio,
        body: Some(Box::new(body)),
        sender,
        receiver: Some(receiver),
        requests: Arc::default(),
        running: None,
    })
}

pub(crate) fn host(runtime: &Runtime) -> Result<HostId, Error> {
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
        let mailbox = Mailbox::new(pid, runtime.clone(), requests, mail);
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
            Input::Timer(_) | Input::Notice(_) | Input::Request(..) => return Flow::Continue,
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
