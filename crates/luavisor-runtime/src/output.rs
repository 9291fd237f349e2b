//! Standard output and error.
//!
//! A write is one piece: pieces of different processes never mix and keep the
//! order of the calls. A writer thread per output does the writing, so a slow or
//! full output never holds a worker up: beyond [`QUEUE_BYTES`] of backlog a piece
//! is still accepted, but its task waits until the backlog is written. So the
//! queue is bounded by the number of printing tasks. A closed output swallows
//! everything; it is not an error. Any other failure is kept: nothing more is
//! written, and later writes are told the cause.

use std::io::{ErrorKind, Write};
use std::sync::{Arc, Condvar, Mutex, OnceLock, PoisonError, Weak};
use std::time::{Duration, Instant};

use luavisor_core::{Error, Pid, Values};
use luavisor_vm::Token;
use luavisor_vm::kernel::{Output, Written};

use crate::sync::lock;
use crate::world::World;

/// Backlog in bytes beyond which tasks wait.
const QUEUE_BYTES: usize = 1 << 20;

/// Where the two outputs go.
pub(crate) enum Outputs {
    /// To writer threads.
    Streams { stdout: Arc<Stream>, stderr: Arc<Stream> },
    /// Into memory.
    Captured(Captured),
    /// To somebody who wants to know who wrote it.
    Sink(Arc<dyn OutputSink>),
}

/// Takes what is written instead of the two outputs. Called on workers, in the order in
/// which each process writes: it must not block.
pub trait OutputSink: Send + Sync {
    /// Takes one piece. `from` is the empty pid for pieces of the runtime's owner.
    fn write(&self, output: Output, from: Pid, piece: &[u8]);
}

/// What was written, for tests and simulation.
#[derive(Clone, Default)]
pub struct Captured(Arc<Mutex<(Vec<u8>, Vec<u8>)>>);

impl Captured {
    /// What was written to standard output.
    pub fn stdout(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0).0).into_owned()
    }

    /// What was written to standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&lock(&self.0).1).into_owned()
    }

    /// Forgets both.
    pub fn clear(&self) {
        *lock(&self.0) = Default::default();
    }
}

impl Outputs {
    /// Writer threads for two outputs.
    pub fn streams(stdout: Box<dyn Write + Send>, stderr: Box<dyn Write + Send>) -> Outputs {
        let stdout = Stream::start("stdout", stdout);
        Outputs::Streams { stdout, stderr: Stream::start("stderr", stderr) }
    }

    /// Where waiting tasks are completed.
    pub fn attach(&self, world: &Arc<World>) {
        if let Outputs::Streams { stdout, stderr } = self {
            let _ = stdout.world.set(Arc::downgrade(world));
            let _ = stderr.world.set(Arc::downgrade(world));
        }
    }

    /// Completes the token when what was written before is passed on.
    pub fn pass_on(&self, output: Output, pid: Pid, token: Token) -> Written {
        match (self, output) {
            (Outputs::Streams { stdout, .. }, Output::Stdout) => stdout.pass_on(pid, token),
            (Outputs::Streams { stderr, .. }, Output::Stderr) => stderr.pass_on(pid, token),
            (Outputs::Captured(_) | Outputs::Sink(_), _) => Written::Done,
        }
    }

    pub fn write(&self, output: Output, bytes: &[u8], pid: Pid, token: Token) -> Written {
        match self {
            Outputs::Streams { stdout, stderr } => match output {
                Output::Stdout => stdout.write(bytes, pid, token),
                Output::Stderr => stderr.write(bytes, pid, token),
            },
            Outputs::Captured(captured) => {
                let mut buffers = lock(&captured.0);
                let buffer = match output {
                    Output::Stdout => &mut buffers.0,
                    Output::Stderr => &mut buffers.1,
                };
                buffer.extend_from_slice(bytes);
                Written::Done
            }
            Outputs::Sink(sink) => {
                sink.write(output, pid, bytes);
                Written::Done
            }
        }
    }

    /// Waits until everything is written, but no longer than `patience`: whoever
    /// reads an output may have stalled. Whether all of it is written.
    pub fn flush(&self, patience: Duration) -> bool {
        match self {
            Outputs::Streams { stdout, stderr } => {
                let (out, left) = stdout.flush(patience);
                let (err, _) = stderr.flush(left);
                out && err
            }
            Outputs::Captured(_) | Outputs::Sink(_) => true,
        }
    }

    /// Ends the writer threads after what is queued.
    pub fn close(&self) {
        if let Outputs::Streams { stdout, stderr } = self {
            stdout.close();
            stderr.close();
        }
    }
}

#[derive(Default)]
struct Backlog {
    bytes: Vec<u8>,
    /// tasks whose writes found the backlog full
    waiting: Vec<(Pid, Token)>,
    /// tasks that wait for the end of the backlog
    flushing: Vec<(Pid, Token)>,
    /// the first failure
    failure: Option<Error>,
    writing: bool,
    closed: bool,
}

/// One output with its writer thread.
pub(crate) struct Stream {
    name: &'static str,
    backlog: Mutex<Backlog>,
    changed: Condvar,
    world: OnceLock<Weak<World>>,
}

impl Stream {
    #[allow(clippy::disallowed_methods)]
    fn start(name: &'static str, target: Box<dyn Write + Send>) -> Arc<Stream> {
        let stream = Arc::new(Stream {
            name,
            backlog: Mutex::default(),
            changed: Condvar::new(),
            world: OnceLock::new(),
        });
        let writer = stream.clone();
        let builder = std::thread::Builder::new().name("output".to_owned());
        // Without a writer thread the output is as good as closed.
        if builder.spawn(move || writer.run(target)).is_err() {
            stream.close();
        }
        stream
    }

    fn write(&self, bytes: &[u8], pid: Pid, token: Token) -> Written {
        let mut backlog = lock(&self.backlog);
        if backlog.closed {
            return Written::Done;
        }
        if let Some(error) = &backlog.failure {
            return Written::Failed(error.clone());
        }
        let idle = backlog.bytes.is_empty() && !backlog.writing;
        let full = backlog.bytes.len() >= QUEUE_BYTES;
        backlog.bytes.extend_from_slice(bytes);
        if full {
            backlog.waiting.push((pid, token));
        }
        drop(backlog);
        if idle {
            self.changed.notify_all();
        }
        if full { Written::Wait } else { Written::Done }
    }

    fn pass_on(&self, pid: Pid, token: Token) -> Written {
        let mut backlog = lock(&self.backlog);
        if let Some(error) = &backlog.failure {
            return Written::Failed(error.clone());
        }
        if backlog.closed || (backlog.bytes.is_empty() && !backlog.writing) {
            return Written::Done;
        }
        backlog.flushing.push((pid, token));
        Written::Wait
    }

    fn run(&self, mut target: Box<dyn Write + Send>) {
        let mut broken = false;
        let mut piece = Vec::new();
        loop {
            let mut backlog = lock(&self.backlog);
            backlog.writing = false;
            if backlog.bytes.is_empty() && backlog.flushing.is_empty() {
                self.changed.notify_all();
                if backlog.closed {
                    return;
                }
                backlog = self.changed.wait(backlog).unwrap_or_else(PoisonError::into_inner);
            }
            piece.clear();
            std::mem::swap(&mut piece, &mut backlog.bytes);
            let waiting = std::mem::take(&mut backlog.waiting);
            let flushing = std::mem::take(&mut backlog.flushing);
            backlog.writing = true;
            drop(backlog);
            if !piece.is_empty()
                && !broken
                && let Err(error) = target.write_all(&piece).and_then(|()| target.flush())
            {
                broken = true;
                if error.kind() != ErrorKind::BrokenPipe {
                    let error = Error::internal(format!("write {}: {error}", self.name));
                    lock(&self.backlog).failure = Some(error);
                }
            }
            // Who waits for a place has its piece accepted; who flushes asks how it went.
            self.release(waiting, Ok(Values::none()));
            if !flushing.is_empty() {
                let failure = lock(&self.backlog).failure.clone();
                self.release(flushing, failure.map_or(Ok(Values::none()), Err));
            }
        }
    }

    fn release(&self, waiting: Vec<(Pid, Token)>, result: Result<Values, Error>) {
        if waiting.is_empty() {
            return;
        }
        if let Some(world) = self.world.get().and_then(Weak::upgrade) {
            for (pid, token) in waiting {
                world.complete(pid, token, result.clone());
            }
        }
    }

    /// Whether all is written within `patience`, and what is left of it.
    // Real time: the writer thread runs in real time too.
    #[allow(clippy::disallowed_methods)]
    fn flush(&self, patience: Duration) -> (bool, Duration) {
        let start = Instant::now();
        let busy = |backlog: &mut Backlog| !backlog.bytes.is_empty() || backlog.writing;
        let waited = self.changed.wait_timeout_while(lock(&self.backlog), patience, busy);
        let (backlog, wait) = waited.unwrap_or_else(PoisonError::into_inner);
        drop(backlog);
        (!wait.timed_out(), patience.saturating_sub(start.elapsed()))
    }

    fn close(&self) {
        lock(&self.backlog).closed = true;
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;

    /// Fails in this way.
    struct Failing(ErrorKind);

    impl Write for Failing {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::Error::new(self.0, "no room"))
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn second_write(kind: ErrorKind) -> Written {
        let stream = Stream::start("stdout", Box::new(Failing(kind)));
        assert!(matches!(stream.write(b"x", Pid::NONE, Token(0)), Written::Done));
        assert!(stream.flush(Duration::MAX).0);
        let written = stream.write(b"y", Pid::NONE, Token(0));
        stream.close();
        written
    }

    #[test]
    fn a_failure_is_told_to_later_writes() {
        let Written::Failed(error) = second_write(ErrorKind::StorageFull) else {
            panic!("the write was accepted")
        };
        assert_eq!(&*error.message, "write stdout: no room");
    }

    #[test]
    fn a_closed_output_is_no_failure() {
        assert!(matches!(second_write(ErrorKind::BrokenPipe), Written::Done));
    }

    /// Writes nothing before it is let.
    struct Stalled(std::sync::mpsc::Receiver<()>);

    impl Write for Stalled {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            let _ = self.0.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_stalled_output_is_waited_for_as_long_as_patience_lasts() {
        let (go, stalled) = std::sync::mpsc::channel();
        let stream = Stream::start("stdout", Box::new(Stalled(stalled)));
        let _ = stream.write(b"x", Pid::NONE, Token(0));
        assert!(matches!(stream.pass_on(Pid::NONE, Token(1)), Written::Wait));
        assert!(!stream.flush(Duration::from_millis(20)).0);
        go.send(()).unwrap();
        assert!(stream.flush(Duration::MAX).0);
        assert!(matches!(stream.pass_on(Pid::NONE, Token(2)), Written::Done));
        stream.close();
    }
}
