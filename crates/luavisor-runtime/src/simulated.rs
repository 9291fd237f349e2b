//! What only simulations and tests ask of a runtime: faults, and looks at what is there.

use std::sync::Arc;

use luavisor_core::Pid;
use luavisor_core::supervision::Intensity;

use crate::faults::Unmet;
use crate::runtime::Runtime;

impl Runtime {
    /// In a simulation: the next start of a process of this entry is refused, with
    /// Unavailable `injected fault`.
    pub fn refuse_start(&self, entry: &str) {
        if let Some(faults) = self.world.faults() {
            faults.refuse_start(entry.into());
        }
    }

    /// In a simulation: a process does not run for so many nanoseconds.
    pub fn hold(&self, pid: Pid, nanoseconds: u64) {
        if let Some(faults) = self.world.faults() {
            faults.hold(pid, self.world.clock.monotonic().saturating_add(nanoseconds));
        }
    }

    /// Whether a process is kept from running.
    pub fn holds_any(&self) -> bool {
        let now = self.world.clock.monotonic();
        let held = self.world.faults().map(|faults| faults.all_held(now)).unwrap_or_default();
        held.into_iter().any(|pid| self.world.alive(pid))
    }

    /// In a simulation: `error("injected fault")` is raised in a Lua process after so many
    /// safepoints: calls, returns and turns of loops. One that waits meets none.
    pub fn raise(&self, pid: Pid, safepoints: u32) {
        if let Some(faults) = self.world.faults() {
            faults.fail(pid, safepoints);
        }
    }

    /// In a simulation: takes back what is still to come of refused starts, held processes,
    /// raised errors and full mailboxes. Which of them have never come.
    pub fn end_faults(&self) -> Unmet {
        self.world.faults().map(|faults| faults.end(&self.world)).unwrap_or_default()
    }

    /// In a simulation: starts are not refused, errors not raised and mailboxes not full,
    /// until this is called with false.
    pub fn suspend_faults(&self, suspend: bool) {
        if let Some(faults) = self.world.faults() {
            faults.suspend(&self.world, suspend);
        }
    }

    /// In a simulation: no more messages fit into the mailbox of a process, until it has
    /// none unread.
    pub fn fill_mailbox(&self, pid: Pid) {
        if let (Some(faults), Some(shard)) = (self.world.faults(), self.world.shard(pid)) {
            faults.fill(pid, &shard.slots);
        }
    }

    /// How often a process may restart children, if it is a supervisor.
    pub fn intensity(&self, pid: Pid) -> Option<Intensity> {
        self.world.supervisors.intensity(pid)
    }

    /// On the manual executor, between two steps: how many messages are in the mailbox of
    /// each Lua process.
    pub fn mailboxes(&self) -> Vec<(Pid, usize)> {
        let shards = self.world.hosts().flat_map(|host| host.shards());
        let mailboxes = shards.filter_map(|shard| {
            let interior = shard.interior.try_lock().ok()?;
            Some(interior.as_ref()?.mailboxes())
        });
        mailboxes.flatten().collect()
    }

    /// On the manual executor, between two steps: a process that waits for something
    /// that is there, if there is one.
    pub fn overlooked(&self) -> Option<(Pid, &'static str)> {
        self.world.hosts().flat_map(|host| host.shards()).find_map(|shard| {
            let interior = shard.interior.try_lock().ok()?;
            interior.as_ref()?.overlooked()
        })
    }

    /// A name whose owner is dead, if there is one. Between two steps there is none.
    pub fn stale_name(&self) -> Option<(Arc<str>, Pid)> {
        self.world.names.find(|owner| !self.world.alive(owner))
    }
}
