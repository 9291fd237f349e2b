//! Runs suites, several at the same time, each test by test.
//!
//! One test, in order:
//! 1. its process starts; from here on everything it starts belongs to it;
//! 2. its end is waited for, no longer than its timeout: then it is terminated;
//! 3. what it has started and left is terminated;
//! 4. what was printed is taken.
//!
//! When somebody asks the application to end (a signal, `system.exit`, a service that
//! gave up), tests that run are terminated and no other starts.

use std::collections::{HashMap, VecDeque};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use luavisor::{Exit, Luavisor, Pid};

use super::capture::Capture;
use super::select::Plan;
use super::verdict::{self, Failure, Outcome, Places, Status};
use crate::sync::lock;

/// How often what a test has left is looked for: it may be starting more meanwhile.
const SWEEPS: usize = 100;
/// A process that was terminated ends within the longest step that cannot be preempted.
const TERMINATED: Duration = Duration::from_secs(10);

/// What happens during a run.
pub enum News {
    Started(usize),
    Finished(usize, Outcome),
}

/// See the module.
pub struct Runner<'a> {
    luavisor: &'a Luavisor,
    plan: &'a Plan,
    capture: &'a Capture,
    fail_fast: bool,
    /// one has failed, and that is enough
    enough: AtomicBool,
    /// processes of tests
    running: Mutex<HashMap<usize, Pid>>,
}

impl<'a> Runner<'a> {
    pub fn new(
        luavisor: &'a Luavisor,
        plan: &'a Plan,
        capture: &'a Capture,
        fail_fast: bool,
    ) -> Runner<'a> {
        let (enough, running) = (AtomicBool::new(false), Mutex::default());
        Runner { luavisor, plan, capture, fail_fast, enough, running }
    }

    /// Runs all tests on `jobs` threads; `tell` hears what happens, on this one. The
    /// second result is the code with which somebody asked the application to end
    /// meanwhile.
    pub fn run(
        &self,
        jobs: usize,
        places: &Places,
        mut tell: impl FnMut(News),
    ) -> anyhow::Result<(Vec<Outcome>, Option<i32>)> {
        let suites: Mutex<VecDeque<Range<usize>>> =
            Mutex::new(self.plan.suites.iter().cloned().collect());
        let mut outcomes: Vec<Option<Outcome>> = vec![None; self.plan.tests.len()];
        let (news, heard) = channel();
        let runtime = self.luavisor.runtime();
        let asked = std::thread::scope(|scope| -> anyhow::Result<Option<i32>> {
            for _ in 0..jobs.min(self.plan.suites.len()) {
                let (news, suites) = (news.clone(), &suites);
                let work = move || {
                    loop {
                        // Its own statement, so that the lock is not held for the suite.
                        let next = lock(suites).pop_front();
                        let Some(suite) = next else { return };
                        suite.for_each(|test| self.test(test, places, &news));
                    }
                };
                let thread = std::thread::Builder::new().name("tests".to_owned());
                thread.spawn_scoped(scope, work).context("cannot start a thread")?;
            }
            drop(news);
            let thread = std::thread::Builder::new().name("end of tests".to_owned());
            let stop = || {
                runtime.wait_for_exit();
                self.stop();
            };
            let stopper = thread.spawn_scoped(scope, stop).context("cannot start a thread");
            for event in heard {
                if let News::Finished(at, outcome) = &event {
                    outcomes[*at] = Some(outcome.clone());
                }
                tell(event);
            }
            let asked = runtime.requested_exit();
            // Lets the thread above go.
            self.luavisor.request_exit(0);
            stopper.map(|_| asked)
        })?;
        let none =
            Outcome { status: Status::Unfinished, took: Duration::ZERO, output: String::new() };
        let outcomes = outcomes.into_iter().map(|outcome| outcome.unwrap_or_else(|| none.clone()));
        Ok((outcomes.collect(), asked))
    }

    /// Terminates what runs; no test starts any more once the end was asked for.
    fn stop(&self) {
        for pid in lock(&self.running).values() {
            // It may have ended.
            let _ = self.luavisor.terminate(*pid);
        }
    }

    fn stopped(&self) -> bool {
        self.luavisor.runtime().requested_exit().is_some()
    }

    fn test(&self, at: usize, places: &Places, news: &Sender<News>) {
        let case = &self.plan.tests[at];
        // The receiver lives as long as the threads.
        let tell = |event: News| drop(news.send(event));
        let clock = self.luavisor.runtime().clock();
        let start = clock.monotonic();
        let finished = |status: Status, output: String| {
            let took = Duration::from_nanos(clock.monotonic().saturating_sub(start));
            News::Finished(at, Outcome { status, took, output })
        };
        if let Some(reason) = &case.skip {
            return tell(finished(Status::Skipped(reason.clone()), String::new()));
        }
        if self.enough.load(Ordering::SeqCst) || self.stopped() {
            return tell(finished(Status::Unfinished, String::new()));
        }
        tell(News::Started(at));
        let mut status = self.execute(at, places);
        if self.stopped() && matches!(status, Status::Failed(_)) {
            status = Status::Unfinished;
        }
        self.sweep(at);
        let output = self.capture.finish(at);
        if self.fail_fast && matches!(status, Status::Failed(_)) {
            self.enough.store(true, Ordering::SeqCst);
        }
        tell(finished(status, output));
    }

    fn execute(&self, at: usize, places: &Places) -> Status {
        let case = &self.plan.tests[at];
        self.capture.expect(at, case.id.clone());
        let (report, end) = channel::<Arc<Exit>>();
        let started = self.luavisor.spawn_then(&case.id, &case.host, (), move |exit| {
            let _ = report.send(exit);
        });
        let pid = match started {
            Ok(pid) => pid,
            Err(error) => return Status::Failed(Failure::new(format!("cannot start: {error}"))),
        };
        lock(&self.running).insert(at, pid);
        if self.stopped() {
            self.stop();
        }
        let exit = end.recv_timeout(case.timeout);
        lock(&self.running).remove(&at);
        match exit {
            Ok(exit) => verdict::of(&exit, places),
            Err(_) => {
                // It may have ended just now.
                let _ = self.luavisor.terminate(pid);
                let _ = end.recv_timeout(TERMINATED);
                Status::Failed(Failure::timeout(case.timeout))
            }
        }
    }

    /// Terminates what a test has left.
    fn sweep(&self, at: usize) {
        for _ in 0..SWEEPS {
            let left = self.capture.living(at);
            if left.is_empty() {
                return;
            }
            for pid in left {
                let _ = self.luavisor.terminate(pid);
                // Its end is told before this returns, unless it has no shard any more.
                if let Ok(end) = self.luavisor.end_of(pid) {
                    let _ = end.wait();
                }
            }
        }
    }
}
