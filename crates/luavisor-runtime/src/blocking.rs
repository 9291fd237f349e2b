//! Work that would hold a worker up: files, databases, large computations.
//!
//! A bounded pool of plain threads, which start with the work that needs them. What is
//! asked for first begins first. The asker waits like for any other operation and is
//! woken by its end; who has died in the meantime is told nothing, and work of the dead
//! that has not begun is dropped. A panic is the failure of that one piece of work.
//!
//! Driven by hand, simulations among it, everything is done at once on the calling
//! thread, so that the order of all ends is that of the calls.
//!
//! Closing: what has not begun is dropped, what has begun is not waited for.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Condvar, Mutex, PoisonError, Weak};

use luavisor_core::{Error, Kind, Pid};
use luavisor_vm::Token;
use luavisor_vm::kernel::Work;

use crate::sync::lock;
use crate::world::World;

/// Threads at most. They mostly wait for disks, so there may be more than processors;
/// whoever computes for long is few.
const THREADS: usize = 8;

/// See the module.
#[derive(Default)]
pub(crate) struct Blocking(Arc<Pool>);

#[derive(Default)]
struct Pool {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    /// unbounded, but every asker waits for its end: no longer than there are tasks
    jobs: VecDeque<Job>,
    threads: usize,
    idle: usize,
    closed: bool,
}

struct Job {
    from: Pid,
    token: Token,
    work: Work,
}

impl Blocking {
    /// Does the work elsewhere; its end completes the token.
    pub fn run(&self, world: &Arc<World>, from: Pid, token: Token, work: Work) {
        if world.driven() {
            return world.complete(from, token, guarded(work));
        }
        let refused = self.queue(world, Job { from, token, work });
        if let Some(error) = refused {
            world.complete(from, token, Err(error));
        }
    }

    #[allow(clippy::disallowed_methods)]
    fn queue(&self, world: &Arc<World>, job: Job) -> Option<Error> {
        let mut state = lock(&self.0.state);
        if state.closed {
            return Some(Error::new(Kind::UNAVAILABLE, "the runtime is closed"));
        }
        if state.idle <= state.jobs.len() && state.threads < THREADS {
            let (pool, weak) = (self.0.clone(), Arc::downgrade(world));
            let builder = std::thread::Builder::new().name("blocking".to_owned());
            match builder.spawn(move || serve(&pool, &weak)) {
                Ok(_) => state.threads += 1,
                Err(_) if state.threads == 0 => {
                    return Some(Error::internal("no thread for blocking work").retryable(true));
                }
                Err(_) => {}
            }
        }
        state.jobs.push_back(job);
        drop(state);
        self.0.changed.notify_one();
        None
    }

    /// Nothing begins any more.
    pub fn close(&self) {
        let mut state = lock(&self.0.state);
        state.closed = true;
        let dropped = std::mem::take(&mut state.jobs);
        drop(state);
        drop(dropped);
        self.0.changed.notify_all();
    }
}

impl Drop for Blocking {
    fn drop(&mut self) {
        self.close();
    }
}

impl Pool {
    /// The next job; `None`: closed.
    fn next(&self) -> Option<Job> {
        let mut state = lock(&self.state);
        loop {
            if state.closed {
                return None;
            }
            if let Some(job) = state.jobs.pop_front() {
                return Some(job);
            }
            state.idle += 1;
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            state.idle -= 1;
        }
    }
}

fn serve(pool: &Pool, world: &Weak<World>) {
    while let Some(Job { from, token, work }) = pool.next() {
        // Not held during the work, which must not keep a runtime alive.
        if world.upgrade().is_none_or(|world| !world.alive(from)) {
            continue;
        }
        let result = guarded(work);
        let Some(world) = world.upgrade() else { return };
        world.complete(from, token, result);
    }
}

fn guarded(work: Work) -> Result<luavisor_core::Values, Error> {
    catch_unwind(AssertUnwindSafe(work))
        .unwrap_or_else(|_| Err(Error::internal("panic in blocking work")))
}
