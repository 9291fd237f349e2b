//! The end of a process, in the order of SPEC 1.3 and 4.5:
//!
//! 1. its pid stops being routable;
//! 2. its names are released;
//! 3. callees of its `process.exec` and children of a supervisor are terminated, the
//!    caller of an exec gets the result;
//! 4. EXIT goes to its watchers;
//! 5. its links are told: of a failure, or that they are dissolved;
//! 6. those it watched forget it;
//! 7. the VM drops it, and its slot is free.
//!
//! Everything that goes to other processes is a signal, so nothing recurses.

use std::sync::Arc;
use std::time::Duration;

use luavisor_core::{Error, Exit, Kind, Pid, Reason, Value, Values};
use luavisor_vm::{Slot, Token};

use super::effects::Effect;
use super::kernel::ShardKernel;
use super::process::{Body, Bonds, Process};
use super::signal::Signal;
use crate::crash::CrashReport;
use crate::native::Input;
use crate::observe::Occurrence;
use crate::planted::Bug;

impl ShardKernel {
    /// Ends a process that is not running. The end is claimed.
    pub fn end(&mut self, slot: Slot, exit: Arc<Exit>) {
        let pid = self.processes.pid(slot);
        let Some(process) = self.processes.remove(slot) else { return };
        self.host.uncount();
        if self.shard.end_life(slot) && !self.world.planted(Bug::NameKept) {
            self.world.names.release(pid);
        }
        self.world.raw.leave(pid);
        let report = self.crash_report(pid, &process, &exit);
        if let Some(bonds) = process.bonds {
            self.loosen(pid, bonds, &exit);
        }
        match process.body {
            Body::Lua => self.effects.push_back(Effect::Destroy(slot, report)),
            Body::Native(body) => {
                for (input, _) in body.inputs {
                    if let Input::Request(from, token, _) = input {
                        self.refuse_request(from, token);
                    }
                }
                body.timers.into_iter().for_each(|timer| self.timers.clear(timer));
                self.world.forget_refusal(pid);
                self.world.supervisors.forget(pid);
                if let Some(report) = report {
                    self.world.report_crash(*report);
                }
                self.shard.places.give_back(slot);
            }
            Body::Free => {}
        }
        let entry = process.entry;
        self.world.observers.tell(|| Occurrence::Exited { pid, entry, exit });
        self.host.leave(&self.world, &self.shard);
    }

    /// Nobody will answer this request: its supervisor is dead.
    pub fn refuse_request(&mut self, from: Pid, token: Token) {
        let result = Box::new(Err(Error::process_not_found()));
        self.deliver(from, Signal::Complete { to: from, token, result });
    }

    /// What there is to say of a process that failed by itself, if anybody wants to know.
    fn crash_report(
        &mut self,
        pid: Pid,
        process: &Process,
        exit: &Arc<Exit>,
    ) -> Option<Box<CrashReport>> {
        let crashed = exit.failed() && exit.reason == Reason::Error;
        if !crashed || !self.world.wants_crashes() {
            return None;
        }
        let (mut links, mut life, mut supervisor) = (Vec::new(), 0, None);
        if let Some(bonds) = &process.bonds {
            bonds.relations.each_link(|peer| links.push(peer));
            (life, supervisor) = (bonds.life, bonds.supervisor.clone());
        }
        links.sort_unstable();
        let now = Process::hundredths(self.unix());
        let ran = Duration::from_millis(u64::from(now.wrapping_sub(process.born)) * 10);
        let (entry, exit) = (process.entry.clone(), exit.clone());
        let remains = None;
        Some(Box::new(CrashReport { pid, entry, life, supervisor, exit, links, ran, remains }))
    }

    fn loosen(&mut self, pid: Pid, bonds: Box<Bonds>, exit: &Arc<Exit>) {
        if let Some((_, timer)) = bonds.deadline {
            self.timers.clear(timer);
        }
        for call in &bonds.execs {
            if let Some((timer, _)) = &call.timeout {
                self.timers.clear(*timer);
            }
            self.terminate_any(call.callee);
        }
        if !self.world.planted(Bug::Orphan) {
            for child in &bonds.children {
                self.terminate_any(*child);
            }
        }
        if let Some((caller, token)) = bonds.exec_of {
            let exit = exit.clone();
            self.deliver(caller, Signal::ExecEnded { to: caller, token, exit });
        }
        let relations = &bonds.relations;
        let at = self.unix();
        relations.each_watcher(|to| {
            self.deliver(to, Signal::Exited { to, from: pid, at, exit: exit.clone() });
        });
        relations.each_link(|to| {
            let signal = match exit.failed() {
                true => Signal::LinkFailed { to, from: pid, at, exit: exit.clone() },
                false => Signal::LinkDissolved { to, from: pid },
            };
            self.deliver(to, signal);
        });
        relations.each_monitor(|to| self.deliver(to, Signal::Unmonitor { to, watcher: pid }));
    }

    /// Claims the end of any process and sends the kill. `None`: it is dead.
    pub fn terminate_any(&mut self, pid: Pid) -> Option<()> {
        let shard = self.world.shard(pid)?.clone();
        if shard.slots.claim_kill(pid.slot(), pid.generation)? {
            let exit = Arc::new(Exit::terminated(luavisor_core::Reason::Terminated));
            self.deliver(pid, Signal::Kill { to: pid, exit });
            if !self.is_local(pid) {
                shard.interrupt_process(pid.slot());
            }
        }
        Some(())
    }

    /// The callee of a `process.exec` ended.
    pub fn exec_ended(&mut self, caller: Pid, token: Token, exit: &Exit) {
        let Some(process) = self.processes.get(caller) else { return };
        let execs = &mut process.bonds().execs;
        let Some(index) = execs.iter().position(|call| call.token == token) else { return };
        if let Some((timer, _)) = execs.swap_remove(index).timeout {
            self.timers.clear(timer);
        }
        let result = match &exit.error {
            Some(error) => Err(Error::clone(error)),
            // Always one value, nil included.
            None if exit.value.items.is_empty() => Ok(Values::one(Value::Nil)),
            None => Ok(exit.value.clone()),
        };
        self.complete(caller, token, result);
    }

    /// A `process.exec` timed out: the callee is terminated, the caller goes on.
    pub fn exec_timed_out(&mut self, slot: Slot, token: Token) {
        let caller = self.processes.pid(slot);
        let Some(process) = self.processes.at(slot) else { return };
        let execs = &mut process.bonds().execs;
        let Some(index) = execs.iter().position(|call| call.token == token) else { return };
        let call = execs.swap_remove(index);
        self.terminate_any(call.callee);
        let after = call.timeout.map(|timeout| timeout.1).unwrap_or_default();
        let error = Error::new(Kind::TIMEOUT, format!("exec timed out after {after}"));
        self.complete(caller, token, Err(error));
    }

    fn complete(&mut self, to: Pid, token: Token, result: Result<Values, Error>) {
        self.local.push_back(Signal::Complete { to, token, result: Box::new(result) });
    }
}
