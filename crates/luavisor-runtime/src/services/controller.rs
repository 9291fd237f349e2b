//! The controller: the edge between the [`Machine`] and the runtime.
//!
//! One native process on the control host. It turns what it hears into events,
//! and carries out the actions that the machine answers with; it decides nothing
//! itself. It never waits, so a slow service delays no other one.
//!
//! Shutdown, in order:
//! 1. forced ends have reason "shutdown" from now on; the time limit is set;
//! 2. the machine stops services and their hosts, level by level;
//! 3. hosts that are no services are stopped;
//! 4. when the time is up: everything left is terminated, and if something
//!    cannot be ended within [`PATIENCE`], it is not waited for;
//! 5. the result is put on the board.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use luavisor_core::{Error, Exit, HostId, Pid, Reason};
use luavisor_vm::kernel::{CancelRequest, Level, SpawnRequest};
use luavisor_vm::{TimerId, Token, calendar};

use super::board::{Board, Request, unix_nanoseconds};
use super::change::ServiceChange;
use super::machine::{Action, Event, Machine};
use super::spec::{DEFAULT_TIMEOUT, ServiceSpec, Target};
use super::{Shutdown, control, report};
use crate::host::HostState;
use crate::log::{self, Field};
use crate::native::{Flow, Input, NativeContext, NativeOptions, NativeProcess, Notice, SpawnOrder};
use crate::planted::Bug;
use crate::supervisor;
use crate::world::CONTROL;

/// How long terminated processes are waited for. A process that cannot be
/// preempted is ended after `host.unpreemptible`, one second by default.
const PATIENCE: u64 = 1_000_000_000;

/// The timer of the shutdown. Those of services count from 0.
const SHUTDOWN: Token = Token(u64::MAX);

/// One life of a service that has a process.
#[derive(Clone, Copy)]
struct Life {
    pid: Pid,
    control: Pid,
}

/// How far the shutdown is.
enum Ending {
    NotAsked,
    /// services stop
    Services,
    /// these hosts stop, which are no services
    Strays(BTreeSet<HostId>),
    Done,
}

/// See the module.
pub(super) struct Controller {
    specs: Arc<[ServiceSpec]>,
    machine: Machine,
    board: Arc<Board>,
    /// by service
    lives: Vec<Option<Life>>,
    by_pid: HashMap<Pid, usize>,
    /// hosts that were started and have not stopped, with their services
    by_host: HashMap<HostId, usize>,
    /// by service
    alarms: Vec<Option<(TimerId, Token)>>,
    by_alarm: HashMap<Token, usize>,
    alarms_set: u64,
    ending: Ending,
    in_time: bool,
    /// the entry of control pids
    control_entry: Arc<str>,
}

impl Controller {
    pub fn new(specs: Arc<[ServiceSpec]>, machine: Machine, board: Arc<Board>) -> Controller {
        Controller {
            by_host: HashMap::new(),
            lives: vec![None; specs.len()],
            alarms: vec![None; specs.len()],
            specs,
            machine,
            board,
            by_pid: HashMap::new(),
            by_alarm: HashMap::new(),
            alarms_set: 0,
            ending: Ending::NotAsked,
            in_time: true,
            control_entry: "service.control".into(),
        }
    }

    /// Feeds the machine and does what it says, until it has nothing more to say.
    fn happen(&mut self, context: &mut NativeContext<'_>, event: Event) {
        let actions = self.machine.handle(event, context.monotonic());
        self.carry_out(context, actions);
    }

    fn carry_out(&mut self, context: &mut NativeContext<'_>, actions: Vec<Action>) {
        let mut actions = VecDeque::from(actions);
        while let Some(action) = actions.pop_front() {
            if let Some(answer) = self.perform(context, action) {
                actions.extend(self.machine.handle(answer, context.monotonic()));
            }
        }
    }

    /// The same for an event that changes what services there are.
    fn reform(&mut self, context: &mut NativeContext<'_>, event: Event) {
        let actions = self.machine.handle(event, context.monotonic());
        self.specs = self.machine.specs().clone();
        self.lives.resize(self.specs.len(), None);
        self.alarms.resize(self.specs.len(), None);
        self.carry_out(context, actions);
    }

    fn perform(&mut self, context: &mut NativeContext<'_>, action: Action) -> Option<Event> {
        match action {
            Action::Launch(service) => return Some(self.launch(context, service)),
            Action::Stop(service) => self.stop(context, service),
            Action::Terminate(service) => {
                if let Some(life) = self.lives[service] {
                    // It may have ended; then its EXIT is under way.
                    let _ = context.terminate(life.pid);
                }
            }
            Action::SetAlarm(service, delay) => {
                self.clear_alarm(context, service);
                let token = Token(self.alarms_set);
                self.alarms_set += 1;
                let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
                self.alarms[service] = Some((context.set_timer(delay, token), token));
                self.by_alarm.insert(token, service);
            }
            Action::ClearAlarm(service) => self.clear_alarm(context, service),
            Action::Tell(service, change) => self.tell(context, service, change),
            Action::Exit(code) => context.runtime().request_exit(code),
            Action::Booted => {
                self.board.set_booted();
                context.runtime().world.announce_change();
            }
            Action::Empty => self.stop_strays(context),
        }
        None
    }

    // --- one life ---

    fn launch(&mut self, context: &mut NativeContext<'_>, service: usize) -> Event {
        match self.try_launch(context, service) {
            Ok(()) => Event::Launched(service),
            Err(error) => self.ended(context, service, Arc::new(failed_start(error))),
        }
    }

    fn try_launch(&mut self, context: &mut NativeContext<'_>, service: usize) -> Result<(), Error> {
        let spec = &self.specs[service];
        if let Target::Host(host) = spec.target {
            self.by_host.insert(host, service);
            return context.runtime().start_host(host);
        }
        let control = control::begin(context, &self.control_entry)?;
        let notices = Some(context.pid());
        let life = self.machine.service(service).lives;
        let spawned = match &spec.target {
            Target::Host(_) => return Ok(()),
            Target::Process { id, host, input, context: inherited } => {
                let request = SpawnRequest {
                    monitor: true,
                    ..SpawnRequest::new(id.clone(), host.clone(), input.clone(), inherited.clone())
                };
                let (control, supervisor) = (notices, None);
                context.spawn(SpawnOrder { request, control, supervisor, life })
            }
            Target::Supervisor(spec) => {
                let options = NativeOptions {
                    monitor: true,
                    control: notices,
                    life,
                    ..NativeOptions::new(spec.id.clone())
                };
                supervisor::start(context, spec, options)
            }
            Target::Native { host, make } => {
                let options = NativeOptions {
                    monitor: true,
                    control: notices,
                    life,
                    ..NativeOptions::new(spec.id.clone())
                };
                context.spawn_native(*host, make(), options)
            }
        };
        match spawned {
            Ok(pid) => {
                self.lives[service] = Some(Life { pid, control });
                self.by_pid.insert(pid, service);
                Ok(())
            }
            Err(error) => {
                control::end(context, control);
                Err(error)
            }
        }
    }

    fn stop(&mut self, context: &mut NativeContext<'_>, service: usize) {
        let spec = &self.specs[service];
        // The one that runs: the specification may be of its successor already.
        if let Some((host, _)) = self.by_host.iter().find(|(_, number)| **number == service) {
            return stop_host(context, *host, spec.stop_timeout);
        }
        if let Some(life) = self.lives[service] {
            let request = cancel("service stopping", spec.stop_timeout);
            // It may have ended; then its EXIT is under way.
            let _ = context.runtime().world.cancel(life.control, life.pid, request);
        }
    }

    /// A life is over.
    fn ended(&mut self, context: &mut NativeContext<'_>, service: usize, exit: Arc<Exit>) -> Event {
        if let Some(life) = self.lives[service].take() {
            self.by_pid.remove(&life.pid);
            control::end(context, life.control);
        }
        Event::Ended { service, exit, uniform: context.uniform() }
    }

    fn clear_alarm(&mut self, context: &mut NativeContext<'_>, service: usize) {
        if let Some((timer, token)) = self.alarms[service].take() {
            self.by_alarm.remove(&token);
            context.clear_timer(timer);
        }
    }

    fn tell(&self, context: &NativeContext<'_>, service: usize, change: ServiceChange) {
        let pid = self.lives[service].map(|life| life.pid);
        let now = self.machine.service(service);
        let world = context.runtime().world;
        let wall = unix_nanoseconds(world.clock.wall());
        self.board.update(service, |seen| {
            seen.lifecycle = now.state;
            seen.wanted = now.wanted();
            seen.pid = pid;
            seen.restarts = now.restarts.consecutive();
            seen.lives = now.lives;
            seen.last_error = now.last_error.clone();
            seen.changed_at = wall;
            if matches!(change, ServiceChange::Starting { .. }) {
                seen.started_at = Some(wall);
            }
        });
        report::change(&world, &self.specs[service], pid, change);
    }

    // --- shutdown ---

    fn begin_shutdown(&mut self, context: &mut NativeContext<'_>, timeout: u64) {
        if !matches!(self.ending, Ending::NotAsked) {
            return;
        }
        self.ending = Ending::Services;
        let world = context.runtime().world;
        world.shutting_down.store(true, Ordering::SeqCst);
        log::write(&*world.log, Level::Info, "shutting down", []);
        context.set_timer(timeout, SHUTDOWN);
        self.happen(context, Event::ShutdownAsked);
    }

    fn stop_strays(&mut self, context: &mut NativeContext<'_>) {
        if matches!(self.ending, Ending::Done) {
            return;
        }
        let running = |state| matches!(state, HostState::Running | HostState::Stopping);
        let world = context.runtime().world;
        let hosts = world.hosts().filter(|host| host.id != CONTROL && running(host.state()));
        let strays: BTreeSet<HostId> = hosts.map(|host| host.id).collect();
        for &host in &strays {
            stop_host(context, host, DEFAULT_TIMEOUT);
        }
        self.ending = Ending::Strays(strays);
        self.finish_if_empty(context);
    }

    fn time_is_up(&mut self, context: &mut NativeContext<'_>) {
        if matches!(self.ending, Ending::Done) {
            return;
        }
        if !std::mem::replace(&mut self.in_time, false) {
            return self.finish(context);
        }
        let world = context.runtime().world;
        world.end_all();
        // Services of the control host are not among them.
        for life in self.lives.iter().flatten().filter(|life| life.pid.host == CONTROL) {
            let _ = world.end_process(life.pid, Exit::terminated(Reason::Shutdown));
        }
        context.set_timer(PATIENCE, SHUTDOWN);
    }

    fn host_stopped(&mut self, context: &mut NativeContext<'_>, host: HostId) {
        if let Ending::Strays(strays) = &mut self.ending {
            strays.remove(&host);
            return self.finish_if_empty(context);
        }
        let world = context.runtime().world;
        if let Some(host) = world.host(host).filter(|host| host.over() && !world.driven()) {
            host.close();
        }
        if let Some(service) = self.by_host.remove(&host) {
            let exit = Arc::new(Exit::normal(luavisor_core::Values::none()));
            let event = self.ended(context, service, exit);
            self.happen(context, event);
        }
    }

    fn finish_if_empty(&mut self, context: &NativeContext<'_>) {
        if matches!(&self.ending, Ending::Strays(strays) if strays.is_empty()) {
            self.finish(context);
        }
    }

    fn finish(&mut self, context: &NativeContext<'_>) {
        self.ending = Ending::Done;
        let world = context.runtime().world;
        let code = world.requested_exit().unwrap_or_default();
        world.tell_hidden_crashes();
        let in_time = ("in_time", Field::Boolean(self.in_time));
        log::write(&*world.log, Level::Info, "shutdown complete", [in_time]);
        self.board.set_finished(Shutdown { code, in_time: self.in_time });
        world.announce_change();
    }
}

impl NativeProcess for Controller {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Start => self.happen(context, Event::Boot),
            Input::Message { .. } => {
                while let Some(request) = self.board.next_request() {
                    match request {
                        Request::Start(service) => {
                            self.happen(context, Event::StartAsked(service));
                        }
                        Request::Stop(service) => self.happen(context, Event::StopAsked(service)),
                        Request::Put(specs) => self.reform(context, Event::Put(specs)),
                        Request::Amend(specs) => self.reform(context, Event::Amend(specs)),
                        Request::Remove(service) => {
                            self.reform(context, Event::Removed(service));
                        }
                        Request::Shutdown(timeout) => self.begin_shutdown(context, timeout),
                    }
                }
            }
            Input::Notice(Notice::Ready(pid)) => {
                if let Some(&service) = self.by_pid.get(&pid) {
                    self.happen(context, Event::Ready(service));
                }
            }
            Input::Notice(Notice::HostStopped(host)) => self.host_stopped(context, host),
            Input::Notice(Notice::Outdated(_)) => {}
            Input::Event(luavisor_core::Event::Exit { from, exit, .. }) => {
                if let Some(&service) = self.by_pid.get(&from) {
                    let event = self.ended(context, service, exit);
                    self.happen(context, event);
                }
            }
            Input::Timer(SHUTDOWN) if context.runtime().world.planted(Bug::EndlessShutdown) => {}
            Input::Timer(SHUTDOWN) => self.time_is_up(context),
            Input::Timer(token) => {
                // An alarm that was cleared while it fired is not known any more.
                if let Some(service) = self.by_alarm.remove(&token) {
                    self.alarms[service] = None;
                    self.happen(context, Event::Alarm(service));
                }
            }
            Input::Event(_) | Input::Completed(..) | Input::Request(..) => {}
        }
        Flow::Continue
    }
}

fn failed_start(error: Error) -> Exit {
    Exit::failure(Reason::Error, error)
}

fn stop_host(context: &NativeContext<'_>, host: HostId, timeout: u64) {
    let request = cancel("scheduler shutdown", timeout);
    // Hosts are never removed, so it is there.
    let _ = context.runtime().stop_host(host, request, Some(context.pid()));
}

fn cancel(reason: &str, timeout: u64) -> CancelRequest {
    let text = calendar::Duration(i64::try_from(timeout).unwrap_or(i64::MAX)).to_string();
    CancelRequest { timeout: Some((timeout, text.into())), reason: reason.into() }
}
