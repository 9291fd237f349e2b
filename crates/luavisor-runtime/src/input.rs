//! Terminal input.
//!
//! One reader thread serves the requests of all terminal processes in order; it
//! starts with the first request. Input that stays unread by the thread's
//! buffer is left to whoever inherits the terminal.

use std::io::{BufRead, Read as _};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, OnceLock, Weak};

use luavisor_core::{Error, Pid, Value, Values};
use luavisor_vm::Token;
use luavisor_vm::kernel::Read;

use crate::sync::lock;
use crate::world::World;

type Request = (Read, Pid, Token);

/// Where terminal processes read from.
pub(crate) struct TerminalInput {
    source: Mutex<Option<Box<dyn BufRead + Send>>>,
    requests: Mutex<Option<Sender<Request>>>,
    /// answered at once on the calling thread instead of by a thread
    direct: bool,
    world: OnceLock<Weak<World>>,
}

impl TerminalInput {
    /// Reads in a thread, because the source may block.
    pub fn threaded(source: Box<dyn BufRead + Send>) -> TerminalInput {
        TerminalInput::new(source, false)
    }

    /// Reads on the calling thread, from a source that does not block.
    pub fn direct(source: Box<dyn BufRead + Send>) -> TerminalInput {
        TerminalInput::new(source, true)
    }

    fn new(source: Box<dyn BufRead + Send>, direct: bool) -> TerminalInput {
        TerminalInput {
            source: Mutex::new(Some(source)),
            requests: Mutex::new(None),
            direct,
            world: OnceLock::new(),
        }
    }

    pub fn attach(&self, world: &Arc<World>) {
        let _ = self.world.set(Arc::downgrade(world));
    }

    /// Starts a read whose end completes the token.
    #[allow(clippy::disallowed_methods)]
    pub fn read(&self, read: Read, pid: Pid, token: Token) {
        let Some(world) = self.world.get().and_then(Weak::upgrade) else { return };
        if self.direct {
            let result = match &mut *lock(&self.source) {
                Some(source) => answer(source, read),
                None => Err(end_of_input()),
            };
            return world.complete(pid, token, result);
        }
        let mut requests = lock(&self.requests);
        if requests.is_none()
            && let Some(source) = lock(&self.source).take()
        {
            let (sender, receiver) = channel();
            let builder = std::thread::Builder::new().name("input".to_owned());
            let weak = Arc::downgrade(&world);
            if builder.spawn(move || serve(source, &receiver, &weak)).is_ok() {
                *requests = Some(sender);
            }
        }
        let sent = requests.as_ref().is_some_and(|sender| sender.send((read, pid, token)).is_ok());
        if !sent {
            world.complete(pid, token, Err(end_of_input()));
        }
    }
}

fn serve(mut source: Box<dyn BufRead + Send>, requests: &Receiver<Request>, world: &Weak<World>) {
    while let Ok((read, pid, token)) = requests.recv() {
        let result = answer(&mut source, read);
        let Some(world) = world.upgrade() else { return };
        world.complete(pid, token, result);
    }
}

fn answer(source: &mut Box<dyn BufRead + Send>, read: Read) -> Result<Values, Error> {
    let mut bytes = Vec::new();
    let done = match read {
        Read::Line => source.read_until(b'\n', &mut bytes),
        Read::Bytes(most) => {
            bytes.resize(most, 0);
            source.read(&mut bytes).inspect(|length| bytes.truncate(*length))
        }
    };
    match done {
        Ok(0) if read != Read::Bytes(0) => Err(end_of_input()),
        Ok(_) => {
            if read == Read::Line && bytes.last() == Some(&b'\n') {
                bytes.pop();
                if bytes.last() == Some(&b'\r') {
                    bytes.pop();
                }
            }
            Ok(Values::one(Value::String(bytes.into())))
        }
        Err(error) => Err(Error::internal(error.to_string())),
    }
}

fn end_of_input() -> Error {
    Error::not_found("EOF").retryable(false)
}
