//! How faults hit.

use std::sync::Arc;

use luavisor::lifecycle::State;
use luavisor::{
    Application, CONTROL, CancelRequest, Error, Exit, Kind as ErrorKind, Pid, Reason, Simulated,
    Unmet, Values,
};

use super::faults::{Fault, Kind, SECOND, Scope};
use super::watch::Watch;

/// How long a host stays stopped.
const STOPPED: u64 = 10 * SECOND;
/// Messages of a flood.
const FLOOD: usize = 1000;
/// Turns within which a host certainly begins to stop.
const BEGIN: usize = 1000;

/// Injects faults into one simulation.
#[derive(Default)]
pub struct Injector {
    /// services that ended with a host, and when they start again
    stopped: Vec<(u64, Vec<Arc<str>>)>,
}

/// Whom a fault hits.
pub struct Hit {
    /// the process, if it hits one
    pub pid: Option<Pid>,
    /// the fault, so that it hits the same one again
    pub fault: Fault,
}

impl Injector {
    /// Finds whom a fault hits. `None`: nobody.
    pub fn aim(
        &self,
        application: &Application,
        simulated: &Simulated,
        watch: &Watch,
        rng: &mut fastrand::Rng,
        mut fault: Fault,
    ) -> Option<Hit> {
        if fault.amount.is_none() {
            fault.amount = Some(fault.kind.draw(rng));
        }
        if fault.target.is_empty() {
            fault.target = match fault.kind.scope() {
                Scope::Everything => String::new(),
                Scope::Host => rng.choice(running_hosts(application, simulated))?.to_owned(),
                Scope::Entry => rng.choice(watch.targets())?.1.to_string(),
                Scope::Process => {
                    let (pid, entry) = rng.choice(watch.targets())?;
                    fault.pid = Some(pid);
                    entry.to_string()
                }
            };
        }
        let pid = match fault.kind.scope() {
            Scope::Everything | Scope::Entry => None,
            Scope::Host => {
                let host = simulated.services().state(&fault.target);
                host.filter(|host| host.wanted)?;
                None
            }
            Scope::Process => {
                let mut targets = watch.targets();
                targets.retain(|(_, entry)| **entry == *fault.target);
                fault.which = match fault.pid.take() {
                    Some(pid) => targets.iter().position(|(target, _)| *target == pid)?,
                    None => fault.which % targets.len().max(1),
                };
                Some(targets.get(fault.which)?.0)
            }
        };
        Some(Hit { pid, fault })
    }

    /// Does it.
    pub fn hit(&mut self, simulated: &Simulated, Hit { pid, fault }: &Hit) {
        let runtime = simulated.runtime();
        let amount = fault.amount.unwrap_or_default();
        // Who was found lives; its end may have been decided already.
        let _ = match (fault.kind, *pid) {
            (Kind::Kill, Some(pid)) => runtime.terminate(pid),
            // Supervisors are not written in Lua.
            (Kind::Fail, Some(pid)) if pid.host == CONTROL => {
                let error = Error::new(ErrorKind::INTERNAL, "injected fault");
                runtime.end(pid, Exit::failure(Reason::Error, error))
            }
            (Kind::Fail, Some(pid)) => {
                runtime.raise(pid, amount as u32);
                Ok(())
            }
            (Kind::Memory, Some(pid)) => runtime.end(pid, Exit::memory_limit()),
            (Kind::Cancel, Some(pid)) => {
                let timeout = Some((SECOND, "1s".into()));
                runtime.cancel(pid, CancelRequest { timeout, reason: "injected fault".into() })
            }
            (Kind::Hold, Some(pid)) => {
                runtime.hold(pid, amount as u64);
                Ok(())
            }
            (Kind::Flood, Some(pid)) => {
                let message = |_| runtime.send(pid, *b"injected fault", Values::none());
                let sent = (0..FLOOD).try_for_each(message);
                runtime.fill_mailbox(pid);
                sent
            }
            (Kind::Start, _) => {
                runtime.refuse_start(&fault.target);
                Ok(())
            }
            (Kind::Stop, _) => {
                self.stop(simulated, &fault.target);
                Ok(())
            }
            (Kind::Clock, _) => {
                simulated.jump_wall_clock(amount);
                Ok(())
            }
            (_, None) => Ok(()),
        };
    }

    /// Stops a host, and remembers which services end with it.
    fn stop(&mut self, simulated: &Simulated, host: &str) {
        let services = simulated.services();
        let wanted = || services.states().into_iter().filter(|service| service.wanted);
        let before: Vec<Arc<str>> = wanted().map(|service| service.id).collect();
        if services.stop(host).is_err() {
            return;
        }
        let stops = || services.state(host).is_none_or(|host| !host.wanted);
        let _ = (0..BEGIN).find(|_| stops() || !simulated.step());
        let still: Vec<Arc<str>> = wanted().map(|service| service.id).collect();
        let ended = before.into_iter().filter(|id| !still.contains(id)).collect();
        self.stopped.push((simulated.now() + STOPPED, ended));
    }

    /// When something starts again, if something is to.
    pub fn next_start(&self) -> Option<u64> {
        self.stopped.iter().map(|(at, _)| *at).min()
    }

    /// Starts again what was stopped and is due at this time.
    pub fn start_again(&mut self, simulated: &Simulated, until: u64) {
        let services = simulated.services();
        while let Some(place) = self.stopped.iter().position(|(at, _)| *at <= until) {
            for id in self.stopped.remove(place).1 {
                // One that gave up meanwhile did not end with the host.
                if services.state(&id).is_some_and(|state| state.lifecycle != State::Failed) {
                    // It is there, as it has a state.
                    let _ = services.start(&id);
                }
            }
        }
    }

    /// Nothing is injected any more: what is still to come does not come. Which those are.
    pub fn end(&mut self, simulated: &Simulated) -> Unmet {
        let unmet = simulated.runtime().end_faults();
        self.start_again(simulated, u64::MAX);
        unmet
    }
}

/// The hosts that run.
pub fn running_hosts<'a>(application: &'a Application, simulated: &Simulated) -> Vec<&'a str> {
    let hosts = application.hosts.iter().map(|host| host.id.as_str());
    let runs = |host: &&str| simulated.services().state(host).is_some_and(|host| host.wanted);
    hosts.filter(runs).collect()
}
