//! The end of a process, in the order of SPEC 1.3 and 4.5:
//!
//! 1. its pid stops being routable;
//! 2. its names are released;
//! 3. its calls that have not returned are given up, children of a supervisor are
//!    terminated; who called it gets the result, and the next call its seat;
//! 4. EXIT goes to its watchers;
//! 5. its links are told: of a failure, or that they are dissolved;
//! 6. those it watched forget it;
//! 7. the VM drops it, and its slot is free.
//!
//! Everything that goes to other processes is a signal, so nothing recurses.

use std::sync::Arc;
use std::time::Duration;

use luavisor_core::{Error, Exit, Pid, Reason};
use luavisor_vm::{Slot, Token};

use super::effects::Effect;
use super::kernel::ShardKernel;
use super::pending::Errand;
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
        if process.upgradable {
            self.world.upgradable.set(pid, false);
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
        let errand = process.bonds.as_ref().and_then(|bonds| bonds.errand.as_ref());
        // The failure of a function is an answer, which its caller may expect.
        let answers = errand.is_some_and(|errand| errand.function.is_some());
        if !crashed || answers || !self.world.wants_crashes() {
            return None;
        }
        let (mut links, mut life, mut supervisor) = (Vec::new(), 0, None);
        if let Some(bonds) = &process.bonds {
            bonds.relations.each_link(|peer| links.push(peer));
            (life, supervisor) = (bonds.life, bonds.supervisor.as_deref().cloned());
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
        for call in bonds.calls.values() {
            if let Some((timer, _)) = &call.timeout {
                self.timers.clear(*timer);
            }
            self.give_up(&call.state);
        }
        if !self.world.planted(Bug::Orphan) {
            for child in &bonds.children {
                self.terminate_any(*child);
            }
        }
        if let Some(Errand { caller, token, function }) = &bonds.errand {
            if let Some(function) = function {
                self.leave_pool(function);
            }
            let (to, token, exit) = (*caller, *token, exit.clone());
            self.deliver(to, Signal::CallEnded { to, token, exit });
        }
        for subscription in bonds.subscriptions.values() {
            self.end_subscription(pid, subscription);
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
}
