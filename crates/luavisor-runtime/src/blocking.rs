//! Work that would hold a worker up: files, databases, long computations.
//!
//! A few plain threads do it, started when they are needed. The process waits as for
//! any other operation; if it has ended meanwhile, the result is dropped. What waits is
//! bounded: each piece belongs to a waiting task. Nobody waits for these threads when the
//! runtime ends, so that a stuck file system does not keep it.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex};
use std::time::Duration;

use luavisor_core::Error;
use luavisor_vm::kernel::Work;

use crate::sync::lock;

/// Threads at most.
const THREADS: usize = 16;
/// How long a thread waits for work before it ends.
const IDLE: Duration = Duration::from_secs(10);

/// What is done with the result of a piece of work.
pub(crate) type Done = Box<dyn FnOnce(Result<luavisor_core::Values, Error>) + Send>;

/// The threads of one runtime.
#[derive(Clone, Default)]
pub(crate) struct Blocking(Arc<Shared>);

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    come: Condvar,
}

#[derive(Default)]
struct State {
    queue: VecDeque<(Work, Done)>,
    threads: usize,
    idle: usize,
    closed: bool,
}

impl Blocking {
    /// Has it done by one of the threads.
    pub fn run(&self, work: Work, done: Done) {
        let mut state = lock(&self.0.state);
        if state.closed {
            return;
        }
        state.queue.push_back((work, done));
        if state.idle >= state.queue.len() || state.threads >= THREADS {
            self.0.come.notify_one();
            return;
        }
        state.threads += 1;
        drop(state);
        let shared = self.0.clone();
        let thread = std::thread::Builder::new().name("blocking".into());
        if thread.spawn(move || shared.work()).is_err() {
            self.without_thread();
        }
    }

    /// No thread could be made: others do it, or it fails.
    fn without_thread(&self) {
        let mut state = lock(&self.0.state);
        state.threads -= 1;
        if state.threads > 0 {
            return;
        }
        let left = std::mem::take(&mut state.queue);
        drop(state);
        for (_, done) in left {
            done(Err(Error::internal("no thread could be started")));
        }
    }

    /// What has not begun is dropped; the threads end after what they do now.
    pub fn close(&self) {
        let mut state = lock(&self.0.state);
        state.closed = true;
        let left = std::mem::take(&mut state.queue);
        drop(state);
        drop(left);
        self.0.come.notify_all();
    }
}

impl Shared {
    fn work(&self) {
        loop {
            let mut state = lock(&self.state);
            while state.queue.is_empty() && !state.closed {
                state.idle += 1;
                let waited = self.come.wait_timeout(state, IDLE);
                let (again, timeout) = waited.unwrap_or_else(std::sync::PoisonError::into_inner);
                state = again;
                state.idle -= 1;
                if timeout.timed_out() && state.queue.is_empty() {
                    break;
                }
            }
            let Some((work, done)) = state.queue.pop_front() else {
                state.threads -= 1;
                return;
            };
            drop(state);
            done(perform(work));
        }
    }
}

/// Does it; a panic is an error.
pub(crate) fn perform(work: Work) -> Result<luavisor_core::Values, Error> {
    catch_unwind(AssertUnwindSafe(work)).unwrap_or_else(|_| Err(Error::internal("panic")))
}

#[cfg(test)]
mod tests {
    use std::sync::Barrier;
    use std::sync::mpsc::channel;

    use luavisor_core::Values;

    use super::*;

    #[test]
    fn pieces_run_at_the_same_time_and_panics_are_errors() {
        let blocking = Blocking::default();
        let (sender, results) = channel();
        let together = Arc::new(Barrier::new(4));
        for number in 0..4 {
            let (together, sender) = (together.clone(), sender.clone());
            let work: Work = Box::new(move || {
                together.wait();
                if number == 3 {
                    panic!("on purpose");
                }
                Ok(Values::one(f64::from(number)))
            });
            blocking.run(work, Box::new(move |result| sender.send(result.is_ok()).unwrap()));
        }
        let mut ends: Vec<bool> = results.iter().take(4).collect();
        ends.sort();
        assert_eq!(ends, [false, true, true, true]);
        blocking.close();
        blocking.run(Box::new(|| Ok(Values::none())), Box::new(|_| unreachable!()));
    }
}
