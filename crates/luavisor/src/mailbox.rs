//! What the future of a native process holds: its inbox and its own identity.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use luavisor_core::{Error, Event, Pid, Values};
use luavisor_runtime::{NativeContext, Runtime};
use luavisor_vm::Token;
use tokio::sync::{mpsc, oneshot};

use crate::values::IntoValues;

/// Tells the adaptor that a request waits.
pub(crate) const REQUEST: Token = Token(1);

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
    pub(crate) fn new(
        pid: Pid,
        runtime: Runtime,
        requests: Arc<Requests>,
        mail: mpsc::UnboundedReceiver<Mail>,
    ) -> Mailbox {
        Mailbox { pid, runtime: RuntimeHandle(runtime), requests, mail }
    }

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
pub(crate) struct Requests(Mutex<VecDeque<Request>>);

impl std::fmt::Debug for Requests {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Requests")
    }
}

impl Requests {
    fn push(&self, request: Request) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(request);
    }

    pub fn next(&self) -> Option<Request> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }
}
