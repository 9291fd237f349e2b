//! How a process begins (SPEC 1.1): first everything that can refuse it, then
//! the pid, the name, routing, the caller's monitor and link, the first
//! messages; all before its first instruction.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use luavisor_core::relations::LinkId;
use luavisor_core::{Error, HostId, Kind, Pid, Values};
use luavisor_vm::kernel::{Kernel, Room, SpawnRequest};
use luavisor_vm::{Birth, Slot, Token};

use super::effects::Effect;
use super::kernel::ShardKernel;
use super::pending::Errand;
use super::process::{Body, NativeBody, Process, Run};
use super::recent::Target;
use super::signal::{NewBody, Newborn, Signal};
use crate::host::placement::Near;
use crate::names::Claim;
use crate::native::{Input, NativeOptions, NativeProcess, SpawnOrder};
use crate::observe::BondChange;
use crate::planted::Bug;

impl ShardKernel {
    /// Makes a process for the one in slot `from`. It does not run before this
    /// returns; the caller settles.
    pub fn spawn_order(
        &mut self,
        from: Slot,
        order: SpawnOrder,
        exec: Option<Token>,
    ) -> Result<Pid, Error> {
        let SpawnOrder { request, control, supervisor, life } = order;
        let target = self.target(&request)?;
        let Target { program, host, .. } = &*target;
        let near = (host.id == self.host.id).then(|| self.near(from));
        let pid =
            host.admit(&self.world, &program.id, near, program.mailbox, host.memory_of(program))?;
        if let Some(name) = &request.name
            && let Err(taken) = self.world.claim_at_birth(name, pid)
        {
            host.withdraw(&self.world, pid);
            return match taken {
                Claim::Taken(owner) if exec.is_none() => self.redirect(from, owner, request),
                _ => Err(Error::new(Kind::ALREADY_EXISTS, "name already registered")),
            };
        }
        let parent = self.processes.pid(from);
        let (watcher, link) = self.relate(from, pid, request.monitor, request.link);
        let birth = Birth {
            pid,
            memory: program.memory.or(host.config.limits.memory),
            result_limit: host.config.limits.message_bytes,
            program: program.clone(),
            arguments: request.arguments,
            context: request.context,
        };
        let errand = exec.map(|token| Errand { caller: parent, token, function: None });
        let body = NewBody::Lua(Box::new(birth));
        let messages = request.messages;
        self.launch(Newborn {
            pid,
            parent,
            body,
            watcher,
            link,
            messages,
            errand,
            control,
            supervisor,
            life,
        });
        Ok(pid)
    }

    /// Makes a native process for the one in slot `from`.
    pub fn spawn_native(
        &mut self,
        from: Slot,
        host: HostId,
        actor: Box<dyn NativeProcess>,
        options: NativeOptions,
    ) -> Result<Pid, Error> {
        let world = self.world.clone();
        let host = world.host(host).ok_or_else(|| Error::not_found("host not found"))?;
        let near = (host.id == self.host.id).then(|| self.near(from));
        let pid = world.admit_native(host, near, &options)?;
        let parent = self.processes.pid(from);
        let (watcher, link) = self.relate(from, pid, options.monitor, options.link);
        let newborn = Newborn::native(pid, parent, options.entry.clone(), actor);
        let NativeOptions { control, supervisor, life, .. } = options;
        self.launch(Newborn { watcher, link, control, supervisor, life, ..newborn });
        Ok(pid)
    }

    /// The caller's halves of monitor and link.
    fn relate(
        &mut self,
        from: Slot,
        child: Pid,
        monitor: bool,
        link: bool,
    ) -> (Option<Pid>, Option<(Pid, LinkId)>) {
        let parent = self.processes.pid(from);
        let Some(process) = self.processes.at(from) else { return (None, None) };
        let watcher = monitor.then(|| {
            process.relations().monitor(child);
            parent
        });
        let link = link.then(|| {
            self.next_link += 1;
            let id = LinkId(self.next_link);
            process.relations().link(child, id);
            (parent, id)
        });
        if watcher.is_some() {
            self.tell_bond(parent, child, BondChange::Monitors);
        }
        if link.is_some() {
            self.tell_bond(parent, child, BondChange::Links);
        }
        (watcher, link)
    }

    pub fn launch(&mut self, newborn: Newborn) {
        let (pid, parent) = (newborn.pid, newborn.parent);
        let entry = || match &newborn.body {
            NewBody::Lua(birth) => birth.program.id.clone(),
            NewBody::Native { entry, .. } => entry.clone(),
        };
        self.world.tell_spawned(pid, parent, entry);
        if !self.is_local(pid) {
            self.world.count_arriving(pid);
        }
        if self.is_local(pid) && self.local.is_empty() {
            // No signal is before it, so it need not wait for its turn.
            self.settle_in(newborn);
        } else {
            self.deliver(pid, Signal::Spawn(Box::new(newborn)));
        }
    }

    /// The name was taken: its owner stands in for the new process (SPEC 12.3).
    fn redirect(&mut self, from: Slot, owner: Pid, request: SpawnRequest) -> Result<Pid, Error> {
        if request.monitor {
            self.monitor(from, owner)?;
        }
        if request.link {
            self.link(from, owner)?;
        }
        for (topic, payload) in request.messages {
            self.post_message(Pid::NONE, owner, topic, payload)?;
        }
        Ok(owner)
    }

    /// How loaded this shard is, seen from a process that spawns.
    pub fn near(&mut self, from: Slot) -> Near {
        let (mut hungry, mut first) = (false, false);
        if let Some(process) = self.processes.at(from) {
            hungry = process.hungry;
            first = !std::mem::replace(&mut process.parent, true);
        }
        let load = self.ready.len() as u32 + u32::from(hungry);
        Near { shard: self.shard.number, load, only_child: first && !hungry }
    }

    /// A new process arrives in its shard.
    pub fn settle_in(&mut self, newborn: Newborn) {
        let (pid, slot) = (newborn.pid, newborn.pid.slot());
        self.empty_since = None;
        if newborn.parent.host != pid.host || newborn.parent.shard() != pid.shard() {
            let _ = self
                .shard
                .arriving
                .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        }
        let (entry, body) = match newborn.body {
            NewBody::Lua(birth) => {
                let entry = birth.program.id.clone();
                self.effects.push_back(Effect::Create(birth));
                (entry, Body::Lua)
            }
            NewBody::Native { entry, actor } => {
                let inputs = [(Input::Start, Room::default())].into();
                let timers = Default::default();
                (entry, Body::Native(Box::new(NativeBody { actor: Some(actor), inputs, timers })))
            }
        };
        let mut process = Process {
            generation: pid.generation,
            run: Run::Queued,
            trap_links: false,
            upgradable: false,
            hungry: false,
            parent: false,
            born: Process::hundredths(self.unix()),
            turns: 0,
            body,
            entry,
            bonds: None,
            kill: None,
        };
        if let Some(watcher) = newborn.watcher {
            process.relations().watched_by(watcher);
        }
        if let Some((peer, id)) = newborn.link {
            process.relations().linked_by(peer, id);
        }
        let kept = newborn.control.is_some() || newborn.supervisor.is_some() || newborn.life > 0;
        if newborn.errand.is_some() || kept {
            let bonds = process.bonds();
            bonds.errand = newborn.errand;
            bonds.control = newborn.control;
            bonds.supervisor = newborn.supervisor.map(Box::new);
            bonds.life = newborn.life;
        }
        self.processes.insert(slot, process);
        self.queue(slot, false);
        for (topic, payload) in newborn.messages {
            // Its mailbox is its maker's affair: what does not fit is dropped.
            let _ = self.post_message(Pid::NONE, pid, topic, payload);
        }
        // Before that it is among those who get it.
        if self.stopping
            && let Some(cancel) = self.host.stopping_cancel()
        {
            self.cancel_for_stop(pid, cancel);
        }
    }

    /// Sends a message from anybody, after the checks of SPEC 2.2.
    pub fn post_message(
        &mut self,
        from: Pid,
        to: Pid,
        topic: luavisor_core::value::Bytes,
        payload: Values,
    ) -> Result<(), Error> {
        if self.world.planted(Bug::DeadAccepts) && !self.world.alive(to) {
            self.world.stamped(from, to, Room::default(), &topic, &payload);
            return Ok(());
        }
        let (shard, room) = self.world.reserve(to, &payload)?;
        let room = self.world.stamped(from, to, room, &topic, &payload);
        let signal = Signal::Message { to, from, topic, payload, room };
        if self.is_local(to) {
            self.local.push_back(signal);
        } else {
            shard.post(signal);
        }
        Ok(())
    }
}

impl Newborn {
    /// A native process without relations.
    pub fn native(
        pid: Pid,
        parent: Pid,
        entry: Arc<str>,
        actor: Box<dyn NativeProcess>,
    ) -> Newborn {
        Newborn {
            pid,
            parent,
            body: NewBody::Native { entry, actor },
            watcher: None,
            link: None,
            messages: Vec::new(),
            errand: None,
            control: None,
            supervisor: None,
            life: 0,
        }
    }
}
