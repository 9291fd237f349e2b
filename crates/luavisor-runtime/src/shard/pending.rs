//! Calls that wait for the end of another process: `process.exec` and `funcs`.
//!
//! 1. A call of a function whose pool is full waits for a seat.
//! 2. Its process starts: in the caller's shard, if the caller waits for it.
//! 3. The end of that process gives the seat to the next call and answers.
//!
//! Whatever ends a call before (its timeout, a cancel, the end of the caller)
//! gives its place or its process up. A seat that arrives at a call which does
//! not want it any more is passed on.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor_core::pool::Place;
use luavisor_core::{Error, Exit, Kind, Pid, Value, Values};
use luavisor_vm::kernel::{CallRequest, CancelRequest, SpawnRequest};
use luavisor_vm::{Birth, Slot, TimerId, Token};

use super::kernel::ShardKernel;
use super::signal::{NewBody, Newborn, Signal};
use super::timers::Alarm;
use crate::catalog::{Callable, Function, SeatPool, Waiter};
use crate::host::Host;
use crate::host::placement::Near;
use crate::sync::lock;
use crate::world::CONTROL;

/// How long a function whose call was cancelled may go on, with its text.
const GRACE: (u64, &str) = (5_000_000_000, "5s");

/// A call that has not returned.
pub(crate) struct PendingCall {
    pub state: CallState,
    pub timeout: Option<(TimerId, Arc<str>)>,
    /// `exec` or `call`, for the error of a timeout
    word: &'static str,
    /// it was cancelled: nobody wants its answer
    silent: bool,
}

/// How far a call has come.
pub(crate) enum CallState {
    Waiting(Box<Waiting>),
    Running(Pid),
}

/// A call that waits for a seat.
pub(crate) struct Waiting {
    function: Arc<Function>,
    pool: Arc<SeatPool>,
    place: Place,
    host: Arc<Host>,
    request: CallRequest,
}

/// The calls of one process by the tokens that they complete: ordered, so that
/// its end gives them up in the same order in every run.
pub(crate) type PendingCalls = BTreeMap<Token, PendingCall>;

/// Whom the end of a process answers.
pub(crate) struct Errand {
    pub caller: Pid,
    pub token: Token,
    /// the function that it runs, whose seat it has
    pub function: Option<Arc<Function>>,
}

impl ShardKernel {
    /// Starts a process for `process.exec`.
    pub fn start_exec(
        &mut self,
        from: Slot,
        request: SpawnRequest,
        timeout: Option<(u64, Arc<str>)>,
        token: Token,
    ) -> Result<(), Error> {
        let callee = self.spawn_order(from, request.into(), Some(token))?;
        self.await_answer(from, token, CallState::Running(callee), timeout, "exec");
        Ok(())
    }

    /// Calls a function, or a process with a default host.
    pub fn start_call(
        &mut self,
        from: Slot,
        mut request: CallRequest,
        token: Token,
    ) -> Result<(), Error> {
        let host = match &request.host {
            None => self.host.clone(),
            Some(name) => match self.world.host_named(name) {
                Some(host) => host,
                None => return Err(Error::not_found("host not found")),
            },
        };
        if host.id == CONTROL {
            return Err(Error::invalid("functions do not run on the control host"));
        }
        let checked = host.check_size("payload", request.arguments.size());
        checked.map_err(|error| error.retryable(false))?;
        let timeout = request.timeout.take();
        match self.begin_call(from, host, request, token) {
            Ok(state) => self.await_answer(from, token, state, timeout, "call"),
            Err(error) => self.complete(self.processes.pid(from), token, Err(error)),
        }
        Ok(())
    }

    fn begin_call(
        &mut self,
        from: Slot,
        host: Arc<Host>,
        request: CallRequest,
        token: Token,
    ) -> Result<CallState, Error> {
        let function = match self.callable(&request.id) {
            Some(Callable::Function(function)) => function,
            Some(Callable::Process { host }) => {
                let CallRequest { id, arguments, context, .. } = request;
                let request = SpawnRequest::new(id, host, arguments, context);
                return self.spawn_order(from, request.into(), Some(token)).map(CallState::Running);
            }
            None => return Err(no_handler(&request.id)),
        };
        if let Some(pool) = function.pool.clone() {
            let caller = self.processes.pid(from);
            let place = lock(&pool).enter(|place| Waiter { caller, token, place });
            if let Some(place) = place {
                let waiting = Waiting { function, pool, place, host, request };
                return Ok(CallState::Waiting(Box::new(waiting)));
            }
        }
        self.run_function(from, &host, &function, request, token).map(CallState::Running)
    }

    /// Starts the process of a call that has a seat; gives the seat back if that fails.
    fn run_function(
        &mut self,
        from: Slot,
        host: &Arc<Host>,
        function: &Arc<Function>,
        request: CallRequest,
        token: Token,
    ) -> Result<Pid, Error> {
        let caller = self.processes.pid(from);
        let program = &function.program;
        let at_home = host.id == self.host.id;
        let near = at_home.then(|| match request.waits {
            // The caller leaves its place to it.
            true => {
                Near { shard: self.shard.number, load: self.ready.len() as u32, only_child: true }
            }
            false => self.near(from),
        });
        let memory = host.memory_of(program);
        // The caller keeps its own host from being empty, and so from being stopped.
        let admitted = match at_home {
            true => host.admit_callee(&self.world, &program.id, near, memory),
            false => host.admit(&self.world, &program.id, near, None, memory),
        };
        let pid = match admitted {
            Ok(pid) => pid,
            Err(error) => {
                self.leave_pool(function);
                return Err(error);
            }
        };
        let birth = Birth {
            pid,
            memory: program.memory.or(host.config.limits.memory),
            result_limit: host.config.limits.message_bytes,
            program: program.clone(),
            arguments: request.arguments,
            context: request.context,
        };
        self.launch(Newborn {
            pid,
            parent: caller,
            body: NewBody::Lua(Box::new(birth)),
            watcher: None,
            link: None,
            messages: Vec::new(),
            errand: Some(Errand { caller, token, function: Some(function.clone()) }),
            control: None,
            supervisor: None,
            life: 0,
        });
        Ok(pid)
    }

    /// Notes a call down, and when it times out.
    fn await_answer(
        &mut self,
        from: Slot,
        token: Token,
        state: CallState,
        timeout: Option<(u64, Arc<str>)>,
        word: &'static str,
    ) {
        let timeout = timeout.map(|(delay, after)| {
            let at = self.after(delay);
            (self.timers.set(at, from, Alarm::Call(token)), after)
        });
        if let Some(process) = self.processes.at(from) {
            process
                .bonds()
                .calls
                .insert(token, PendingCall { state, timeout, word, silent: false });
        }
    }

    /// A seat of a pool is now that of a call.
    pub fn seat_given(&mut self, waiter: Waiter, pool: Arc<SeatPool>) {
        let Waiter { caller, token, place } = waiter;
        let wants = |call: &PendingCall| match &call.state {
            CallState::Waiting(waiting) => {
                waiting.place == place && Arc::ptr_eq(&waiting.pool, &pool)
            }
            CallState::Running(_) => false,
        };
        let calls = self.processes.get(caller).map(|process| &mut process.bonds().calls);
        let call = calls.filter(|calls| calls.get(&token).is_some_and(wants));
        let Some(call) = call.and_then(|calls| calls.remove(&token)) else {
            return self.pass_on(&pool);
        };
        let CallState::Waiting(waiting) = call.state else { return };
        let Waiting { function, host, request, .. } = *waiting;
        let slot = caller.slot();
        match self.run_function(slot, &host, &function, request, token) {
            Ok(callee) => {
                let call = PendingCall { state: CallState::Running(callee), ..call };
                if let Some(process) = self.processes.at(slot) {
                    process.bonds().calls.insert(token, call);
                }
            }
            Err(error) => {
                if let Some((timer, _)) = call.timeout {
                    self.timers.clear(timer);
                }
                self.complete(caller, token, Err(error));
            }
        }
    }

    /// A call of a function ended: its seat goes to the one that has waited longest.
    pub fn leave_pool(&mut self, function: &Function) {
        if let Some(pool) = &function.pool {
            self.pass_on(pool);
        }
    }

    fn pass_on(&mut self, pool: &Arc<SeatPool>) {
        let next = lock(pool).leave();
        if let Some(waiter) = next {
            let pool = pool.clone();
            self.deliver(waiter.caller, Signal::SeatGiven { waiter, pool });
        }
    }

    /// Takes a call out that is over, and its timer away.
    fn take_call(&mut self, caller: Pid, token: Token) -> Option<PendingCall> {
        let process = self.processes.get(caller)?;
        let call = process.bonds.as_mut()?.calls.remove(&token)?;
        if let Some((timer, _)) = &call.timeout {
            self.timers.clear(*timer);
        }
        Some(call)
    }

    /// The process that a call waited for ended.
    pub fn call_ended(&mut self, caller: Pid, token: Token, exit: &Exit) {
        match self.take_call(caller, token) {
            Some(call) if !call.silent => {}
            _ => return,
        }
        let result = match &exit.error {
            Some(error) => Err(Error::clone(error)),
            // Always one value, nil included.
            None if exit.value.items.is_empty() => Ok(Values::one(Value::Nil)),
            None => Ok(exit.value.clone()),
        };
        self.complete(caller, token, result);
    }

    /// A call timed out: its process is terminated, the caller goes on.
    pub fn call_timed_out(&mut self, slot: Slot, token: Token) {
        let caller = self.processes.pid(slot);
        let Some(call) = self.take_call(caller, token) else { return };
        self.give_up(&call.state);
        if call.silent {
            return;
        }
        let after = call.timeout.map(|timeout| timeout.1).unwrap_or_default();
        let mut error = Error::new(Kind::TIMEOUT, format!("{} timed out after {after}", call.word));
        if call.word == "call" {
            error = error.retryable(false);
        }
        self.complete(caller, token, Err(error));
    }

    /// Nobody wants the answer of this call any more.
    pub fn cancel_pending(&mut self, slot: Slot, token: Token) {
        let caller = self.processes.pid(slot);
        let Some(process) = self.processes.at(slot) else { return };
        let Some(call) = process.bonds().calls.get_mut(&token) else { return };
        match call.state {
            // It stays among the calls, so that it ends with its caller.
            CallState::Running(callee) => {
                call.silent = true;
                let timeout = Some((GRACE.0, GRACE.1.into()));
                let reason = "call canceled".into();
                self.send_cancel(caller, callee, CancelRequest { timeout, reason });
            }
            CallState::Waiting(_) => {
                if let Some(call) = self.take_call(caller, token) {
                    self.give_up(&call.state);
                }
            }
        }
    }

    /// Ends what a call has come to.
    pub fn give_up(&mut self, state: &CallState) {
        match state {
            CallState::Running(callee) => {
                self.terminate_any(*callee);
            }
            // One that has its seat already, without knowing, passes it on when it comes.
            CallState::Waiting(waiting) => {
                lock(&waiting.pool).withdraw(waiting.place);
            }
        }
    }

    fn complete(&mut self, to: Pid, token: Token, result: Result<Values, Error>) {
        self.local.push_back(Signal::Complete { to, token, result: Box::new(result) });
    }
}

/// NotFound with `details.target`.
fn no_handler(id: &str) -> Error {
    let details = crate::catalog::detail("target", id);
    Error::not_found("no handler registered for target").details(details).retryable(false)
}
