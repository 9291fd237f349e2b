//! What a shard knows of each of its processes, apart from what the VM holds.
//!
//! An idle process costs one [`Process`]; whatever only some processes have
//! (relations, a deadline, calls under way) is in [`Bonds`], made when first
//! needed.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;

use luavisor_core::cancel::Deadline;
use luavisor_core::relations::Relations;
use luavisor_core::{Exit, HostId, Pid};
use luavisor_vm::kernel::Room;
use luavisor_vm::{Slot, Subscription, TimerId};

use super::pending::{Errand, PendingCalls};
use crate::native::{Input, NativeProcess};

/// Where a process stands with the scheduler.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Run {
    /// It waits.
    Idle,
    /// It is in the run queue.
    Queued,
    /// It runs.
    Running,
    /// It runs and was woken meanwhile.
    RunningWoken,
    /// Its end was claimed by somebody whose kill signal is under way.
    Doomed,
}

/// What runs in a slot.
pub(crate) enum Body {
    /// Nothing: the slot is free.
    Free,
    /// A process of the VM.
    Lua,
    /// A state machine in Rust.
    Native(Box<NativeBody>),
}

/// A native process with what it has not handled yet.
pub(crate) struct NativeBody {
    /// taken out while it runs
    pub actor: Option<Box<dyn NativeProcess>>,
    /// each with the mailbox room it holds
    pub inputs: VecDeque<(Input, Room)>,
    pub timers: BTreeSet<TimerId>,
}

/// What only some processes have.
#[derive(Default)]
pub(crate) struct Bonds {
    pub relations: Relations,
    pub deadline: Option<(Deadline, TimerId)>,
    pub calls: PendingCalls,
    /// to the event bus, by number
    pub subscriptions: BTreeMap<u64, Arc<Subscription>>,
    /// whom the end of this process answers
    pub errand: Option<Errand>,
    pub control: Option<Pid>,
    /// of a supervisor: they end with it
    pub children: BTreeSet<Pid>,
    /// its supervisor, and its name there
    pub supervisor: Option<Box<(Pid, String)>>,
    /// which life of a service or child it is; 0: of neither
    pub life: u64,
}

/// One process.
pub(crate) struct Process {
    /// 0: the slot is free
    pub generation: u64,
    pub run: Run,
    pub trap_links: bool,
    pub upgradable: bool,
    /// it has overrun a slice lately
    pub hungry: bool,
    /// it has spawned a process
    pub parent: bool,
    /// when it was made, see [`Process::hundredths`]
    pub born: u32,
    /// how often it ran, for those who look for the busiest
    pub turns: u32,
    pub body: Body,
    pub entry: Arc<str>,
    pub bonds: Option<Box<Bonds>>,
    /// set while the process runs: how it must end when its step is over
    pub kill: Option<Arc<Exit>>,
}

impl Process {
    /// Unix time in hundredths of seconds: what overflows after 497 days is small.
    pub fn hundredths(unix: f64) -> u32 {
        (unix * 100.0) as u64 as u32
    }

    /// The lazily made part.
    pub fn bonds(&mut self) -> &mut Bonds {
        self.bonds.get_or_insert_default()
    }

    /// Its relations.
    pub fn relations(&mut self) -> &mut Relations {
        &mut self.bonds().relations
    }
}

/// The processes of a shard by slot.
pub(crate) struct ProcessTable {
    host: HostId,
    shard: u16,
    slots: Vec<Process>,
    nothing: Arc<str>,
    live: usize,
}

impl ProcessTable {
    pub fn new(host: HostId, shard: u16) -> ProcessTable {
        ProcessTable { host, shard, slots: Vec::new(), nothing: "".into(), live: 0 }
    }

    /// Puts a new process into its slot.
    pub fn insert(&mut self, slot: Slot, process: Process) {
        while self.slots.len() <= slot as usize {
            let nothing = self.nothing.clone();
            self.slots.push(Process::free(nothing));
        }
        self.slots[slot as usize] = process;
        self.live += 1;
    }

    /// Takes an ended process out.
    pub fn remove(&mut self, slot: Slot) -> Option<Process> {
        let nothing = self.nothing.clone();
        let process = self.at(slot)?;
        let process = std::mem::replace(process, Process::free(nothing));
        self.live -= 1;
        Some(process)
    }

    /// Gives the memory of an empty table back.
    pub fn clear(&mut self) {
        self.slots = Vec::new();
    }

    /// The process that lives in a slot.
    pub fn at(&mut self, slot: Slot) -> Option<&mut Process> {
        self.slots.get_mut(slot as usize).filter(|process| process.generation != 0)
    }

    /// The same, to look at.
    pub fn peek(&self, slot: Slot) -> Option<&Process> {
        self.slots.get(slot as usize).filter(|process| process.generation != 0)
    }

    /// The process with this pid, if it still lives.
    pub fn get(&mut self, pid: Pid) -> Option<&mut Process> {
        self.slots.get_mut(pid.slot() as usize).filter(|p| p.generation == pid.generation)
    }

    /// The pid of the process in a slot.
    pub fn pid(&self, slot: Slot) -> Pid {
        let generation = self.slots.get(slot as usize).map_or(0, |process| process.generation);
        Pid::new(self.host, self.shard, slot, generation)
    }

    /// How many processes live here.
    pub fn live(&self) -> usize {
        self.live
    }

    /// All living processes.
    pub fn iter(&self) -> impl Iterator<Item = (Slot, &Process)> {
        self.slots
            .iter()
            .enumerate()
            .filter(|(_, process)| process.generation != 0)
            .map(|(slot, process)| (slot as Slot, process))
    }
}

impl Process {
    fn free(nothing: Arc<str>) -> Process {
        Process {
            generation: 0,
            run: Run::Idle,
            trap_links: false,
            upgradable: false,
            hungry: false,
            parent: false,
            born: 0,
            turns: 0,
            body: Body::Free,
            entry: nothing,
            bonds: None,
            kill: None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_idle_process_is_small() {
        assert!(size_of::<Process>() <= 72, "{} bytes", size_of::<Process>());
        assert!(size_of::<Bonds>() <= 320, "{} bytes", size_of::<Bonds>());
    }
}
