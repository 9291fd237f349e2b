//! The queue of finished lines and the thread that writes it.
//!
//! So many bytes wait at most. What does not fit is dropped, and a line with the
//! count is written as soon as there is room.

use std::io::Write;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::sync::lock;

/// How long the end of the program waits for a slow stderr.
const PATIENCE: Duration = Duration::from_secs(1);

/// See the module.
pub struct Writer {
    shared: Arc<Shared>,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    /// bytes that wait at most
    room: usize,
    /// where the lines go
    target: Mutex<Box<dyn Write + Send>>,
    /// the line that says how many were dropped
    dropped: fn(u64) -> String,
}

#[derive(Default)]
struct Queue {
    lines: String,
    dropped: u64,
    held: bool,
    writing: bool,
    started: bool,
}

impl Queue {
    /// Whether there is something that may be written.
    fn ready(&self) -> bool {
        !self.held && (!self.lines.is_empty() || self.dropped > 0)
    }
}

impl Writer {
    /// Writes to `target`; `dropped` makes the line about lost ones.
    pub fn new(
        room: usize,
        target: impl Write + Send + 'static,
        dropped: fn(u64) -> String,
    ) -> Writer {
        let (queue, changed) = Default::default();
        let target = Mutex::new(Box::new(target) as Box<dyn Write + Send>);
        Writer { shared: Arc::new(Shared { queue, changed, room, target, dropped }) }
    }

    /// Queues a line, or drops it. Never waits.
    pub fn write(&self, line: String) {
        let mut queue = self.shared.lock();
        if queue.lines.len() + line.len() > self.shared.room {
            queue.dropped += 1;
            return;
        }
        queue.lines.push_str(&line);
        self.start(&mut queue);
        drop(queue);
        self.shared.changed.notify_all();
    }

    pub fn hold(&self) {
        self.shared.lock().held = true;
    }

    /// Waits until the queue is written, for at most a second: a target that
    /// nobody reads must not keep the program from ending.
    pub fn flush(&self) {
        let busy = |queue: &mut Queue| queue.started && (queue.ready() || queue.writing);
        let mut queue = self.shared.lock();
        queue.held = false;
        self.shared.changed.notify_all();
        let _ = self.shared.changed.wait_timeout_while(queue, PATIENCE, busy);
    }

    fn start(&self, queue: &mut Queue) {
        if !queue.started {
            let shared = self.shared.clone();
            let thread = std::thread::Builder::new().name("log".to_owned());
            queue.started = thread.spawn(move || shared.run()).is_ok();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Queue> {
        lock(&self.queue)
    }

    fn run(&self) {
        let mut piece = String::new();
        let mut queue = self.lock();
        loop {
            while !queue.ready() {
                queue = self.changed.wait(queue).unwrap_or_else(PoisonError::into_inner);
            }
            piece.clear();
            std::mem::swap(&mut piece, &mut queue.lines);
            if queue.dropped > 0 {
                piece.push_str(&(self.dropped)(queue.dropped));
                queue.dropped = 0;
            }
            queue.writing = true;
            drop(queue);
            // What is closed swallows everything.
            let mut target = lock(&self.target);
            let _ = target.write_all(piece.as_bytes());
            drop(target);
            queue = self.lock();
            queue.writing = false;
            self.changed.notify_all();
        }
    }
}
