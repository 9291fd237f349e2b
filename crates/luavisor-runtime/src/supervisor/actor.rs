//! The process of a supervisor: turns what it hears into events of the
//! [`Machine`], and carries out the actions that this answers with. It decides
//! nothing itself and never waits.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::sync::Arc;

use luavisor_core::supervision::{Action, Caller, ChildId, Event, Machine, Rules, Shutdown, Timer};
use luavisor_core::{Error, Exit, Pid, Reason, Value, Values};
use luavisor_vm::kernel::{CancelRequest, SpawnRequest};
use luavisor_vm::{TimerId, Token, calendar};

use super::requests::Pending;
use super::{ChildTarget, SupervisorSpec, host_named, report, start};
use crate::native::{Flow, Input, NativeContext, NativeOptions, NativeProcess, Notice, SpawnOrder};
use crate::planted::Bug;

/// See the module.
pub(super) struct Supervisor {
    pub(super) spec: Arc<SupervisorSpec>,
    pub(super) machine: Machine,
    pub(super) pids: HashMap<ChildId, Pid>,
    /// the child that has just ended, with its process
    ended: Option<(ChildId, Pid)>,
    by_pid: HashMap<Pid, ChildId>,
    alarms: HashMap<Timer, (TimerId, Token)>,
    by_alarm: HashMap<Token, Timer>,
    alarms_set: u64,
    /// of dynamic children
    pub(super) arguments: HashMap<ChildId, Values>,
    /// who waits for an answer
    pub(super) pending: Pending,
    /// children that could not be started; the machine hears of them when it is not at work
    unborn: VecDeque<(ChildId, Error)>,
    finished: Option<Exit>,
}

/// A caller that waits for no answer; others count from 1.
const NOBODY: Caller = 0;

/// The timer with which a supervisor reminds itself of children that could not be
/// started. Those of the machine count from 0.
const UNBORN: Token = Token(u64::MAX);

impl Supervisor {
    pub fn new(spec: Arc<SupervisorSpec>, rules: Rules) -> Supervisor {
        let children = spec.children.iter().map(|child| child.rule.clone()).collect();
        let dynamic = spec.dynamic.as_ref().map(|dynamic| dynamic.rule.clone());
        Supervisor {
            machine: Machine::new(rules, children, dynamic),
            spec,
            pids: HashMap::new(),
            ended: None,
            by_pid: HashMap::new(),
            alarms: HashMap::new(),
            by_alarm: HashMap::new(),
            alarms_set: 0,
            arguments: HashMap::new(),
            pending: Pending::default(),
            unborn: VecDeque::new(),
            finished: None,
        }
    }

    /// Feeds the machine and does what it says, until it has nothing more to say.
    pub(super) fn happen(&mut self, context: &mut NativeContext<'_>, event: Event) {
        let mut actions = VecDeque::from(self.machine.handle(event, context.monotonic()));
        while let Some(action) = actions.pop_front() {
            if let Some(answer) = self.perform(context, action) {
                actions.extend(self.machine.handle(answer, context.monotonic()));
            }
        }
    }

    fn perform(&mut self, context: &mut NativeContext<'_>, action: Action) -> Option<Event> {
        match action {
            Action::Added(child, caller) => self.take_arguments(child, caller),
            Action::Launch(child) => return self.launch(context, child),
            Action::Stop(child, shutdown, reason) => {
                if context.runtime().world.planted(Bug::ForgottenChild)
                    && let Some(pid) = self.pids.remove(&child)
                {
                    self.by_pid.remove(&pid);
                    context.release(pid);
                    let exit = Arc::new(Exit::normal(Values::none()));
                    return Some(Event::Ended { child, exit, uniform: context.uniform() });
                }
                self.stop(context, child, shutdown, reason);
            }
            Action::Terminate(child) => {
                if let Some(pid) = self.pids.get(&child) {
                    // It may have ended; then its EXIT is under way.
                    let _ = context.terminate(*pid);
                }
            }
            Action::SetAlarm(timer, delay) => {
                self.clear_alarm(context, timer);
                let token = Token(self.alarms_set);
                self.alarms_set += 1;
                let delay = u64::try_from(delay.as_nanos()).unwrap_or(u64::MAX);
                let id = context.set_timer(delay, token);
                self.alarms.insert(timer, (id, token));
                self.by_alarm.insert(token, timer);
            }
            Action::ClearAlarm(timer) => self.clear_alarm(context, timer),
            Action::Removed(child) => {
                self.arguments.remove(&child);
            }
            Action::Answer(caller, answer) => self.answer(context, caller, answer),
            Action::Tell { child, name, life, change } => {
                let told = report::Told {
                    supervisor: &self.spec.id,
                    pid: context.pid(),
                    child: &name,
                    child_pid: self.pid_of(child),
                    life,
                };
                told.report(&context.runtime().world, change);
            }
            Action::Up => context.ready(),
            Action::Finish(exit) => self.finished = Some(exit),
        }
        None
    }

    /// The process of a child, the one that has just ended included.
    fn pid_of(&self, child: ChildId) -> Option<Pid> {
        let ended = self.ended.filter(|(ended, _)| *ended == child).map(|(_, pid)| pid);
        self.pids.get(&child).copied().or(ended)
    }

    fn take_arguments(&mut self, child: ChildId, caller: Caller) {
        if let Some(arguments) = self.pending.take_arguments(caller) {
            self.arguments.insert(child, arguments);
        }
    }

    /// Makes the process of a child.
    fn launch(&mut self, context: &mut NativeContext<'_>, child: ChildId) -> Option<Event> {
        self.ended = None;
        match self.spawn(context, child) {
            Ok(pid) => {
                context.adopt(pid);
                self.pids.insert(child, pid);
                self.by_pid.insert(pid, child);
                Some(Event::Started(child))
            }
            Err(error) => {
                // Not at once: a child that can never start, with a large budget and no
                // delay, would keep all other supervisors waiting.
                if self.unborn.is_empty() {
                    context.set_timer(0, UNBORN);
                }
                self.unborn.push_back((child, error));
                None
            }
        }
    }

    fn spawn(&mut self, context: &mut NativeContext<'_>, child: ChildId) -> Result<Pid, Error> {
        let view = self.machine.child(child);
        let view = view.ok_or_else(|| Error::internal("child is gone"))?;
        let spec = self.spec.clone();
        let (target, index) = match (view.rule, &spec.dynamic) {
            (Some(rule), _) => {
                let spec = &spec.children[rule];
                (&spec.target, spec.rule.count.and_then(|_| index_of(&view.name)))
            }
            (None, Some(dynamic)) => (&dynamic.target, None),
            (None, None) => return Err(Error::internal("no dynamic children")),
        };
        let control = Some(context.pid());
        let supervisor = Some((context.pid(), view.name.to_string()));
        let options = |entry: &Arc<str>| NativeOptions {
            monitor: true,
            control,
            supervisor: supervisor.clone(),
            life: view.life,
            ..NativeOptions::new(entry.clone())
        };
        match target {
            ChildTarget::Process { id, host, input, context: inherited } => {
                let arguments = match self.arguments.get(&child) {
                    Some(arguments) => arguments.clone(),
                    None => with_index(index, input),
                };
                let request = SpawnRequest {
                    monitor: true,
                    ..SpawnRequest::new(id.clone(), host.clone(), arguments, inherited.clone())
                };
                let life = view.life;
                context.spawn(SpawnOrder { request, control, supervisor, life })
            }
            ChildTarget::Supervisor(spec) => start(context, spec, options(&spec.id)),
            ChildTarget::Native { host, entry, make } => {
                let host = host_named(context, host)?;
                context.spawn_native(host, make(), options(entry))
            }
        }
    }

    fn stop(
        &mut self,
        context: &mut NativeContext<'_>,
        child: ChildId,
        shutdown: Shutdown,
        reason: &str,
    ) {
        // A child that could not be started ends by itself.
        let Some(pid) = self.pids.get(&child) else { return };
        let timeout = match shutdown {
            Shutdown::Deadline(deadline) => {
                let deadline = calendar::Duration::from(deadline);
                Some((deadline.0 as u64, deadline.to_string().into()))
            }
            Shutdown::Infinity | Shutdown::Kill => None,
        };
        // It may have ended; then its EXIT is under way.
        let _ = context.cancel(*pid, CancelRequest { timeout, reason: reason.into() });
    }

    fn clear_alarm(&mut self, context: &mut NativeContext<'_>, timer: Timer) {
        if let Some((id, token)) = self.alarms.remove(&timer) {
            self.by_alarm.remove(&token);
            context.clear_timer(id);
        }
    }

    /// A life of a child is over.
    fn ended(&mut self, context: &mut NativeContext<'_>, child: ChildId, exit: Arc<Exit>) {
        if let Some(pid) = self.pids.remove(&child) {
            self.by_pid.remove(&pid);
            self.ended = Some((child, pid));
            context.release(pid);
        }
        let uniform = context.uniform();
        self.happen(context, Event::Ended { child, exit, uniform });
        self.ended = None;
    }

    fn bury_unborn(&mut self, context: &mut NativeContext<'_>) {
        for (child, error) in std::mem::take(&mut self.unborn) {
            self.ended(context, child, Arc::new(Exit::failure(Reason::Error, error)));
        }
    }
}

impl Supervisor {
    /// Restarts the children whose code is older than that of their entries, but for those
    /// that see to it themselves.
    fn renew(&mut self, context: &mut NativeContext<'_>, ids: &BTreeSet<Arc<str>>) {
        let runtime = context.runtime();
        let old = self.machine.children().filter(|view| {
            let outdated = match self.target(view) {
                Some(ChildTarget::Process { id, .. }) => ids.contains(id),
                _ => false,
            };
            let pid = self.pids.get(&view.id);
            outdated && pid.is_some_and(|pid| !runtime.upgradable(*pid))
        });
        let names: Vec<Arc<str>> = old.map(|view| view.name).collect();
        for name in names {
            let name = (&*name).into();
            self.happen(context, Event::RestartChild { caller: NOBODY, name });
        }
    }
}

impl NativeProcess for Supervisor {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Start => {
                // As in OTP: a link to a supervisor is for those who want to hear of its end.
                context.trap_links(true);
                self.happen(context, Event::Begin);
            }
            Input::Notice(Notice::Ready(pid)) => {
                if let Some(&child) = self.by_pid.get(&pid) {
                    self.happen(context, Event::Ready(child));
                }
            }
            Input::Notice(Notice::Outdated(ids)) => self.renew(context, &ids),
            Input::Event(luavisor_core::Event::Exit { from, exit, .. }) => {
                if let Some(&child) = self.by_pid.get(&from) {
                    self.ended(context, child, exit);
                }
            }
            Input::Event(luavisor_core::Event::Cancel { .. }) => {
                self.happen(context, Event::StopAsked);
            }
            Input::Timer(UNBORN) => self.bury_unborn(context),
            Input::Timer(token) => {
                // An alarm that was cleared while it fired is not known any more.
                if let Some(timer) = self.by_alarm.remove(&token) {
                    self.alarms.remove(&timer);
                    self.happen(context, Event::Alarm(timer));
                }
            }
            Input::Request(from, token, request) => self.request(context, from, token, *request),
            Input::Event(_) | Input::Message { .. } | Input::Completed(..) | Input::Notice(_) => {}
        }
        match self.finished.take() {
            Some(exit) => Flow::Finish(exit),
            None => Flow::Continue,
        }
    }
}

/// The number of a child in its group.
fn index_of(name: &str) -> Option<f64> {
    name.rsplit_once('.')?.1.parse().ok()
}

fn with_index(index: Option<f64>, input: &Values) -> Values {
    let mut arguments = input.clone();
    if let Some(index) = index {
        arguments.items.insert(0, Value::Number(index));
    }
    arguments
}
