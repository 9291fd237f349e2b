//! What Lua code can reach outside its VM: the [`Kernel`] of a shard.
//!
//! Every call acts on this shard at once and reaches others by signals. The VM
//! itself is never called from here; see [`super::effects`].

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use luavisor_core::bus::BusEvent;
use luavisor_core::pattern::Pattern;
use luavisor_core::registry::{Change, Entry, History};
use luavisor_core::relations::{LinkId, LinkIds};
use luavisor_core::security::Policies;
use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Exit, Pid, Values};
use luavisor_vm::files::Volume;
use luavisor_vm::kernel::{
    CallRequest, CancelRequest, HeapUse, Kernel, Level, LogRecord, Machine, Measure, Output, Read,
    Room, ServiceInfo, Setting, SpawnRequest, Stored, SupervisorRequest, Work, Written,
};
use luavisor_vm::native::{AsyncFunction, Caller};
use luavisor_vm::store::{Store, TokenStore};
use luavisor_vm::{Program, Slot, Subscription, TemplateSet, TimerId, Token};

use super::effects::Effect;
use super::kernel::ShardKernel;
use super::process::Body;
use super::signal::Signal;
use super::timers::Alarm;
use crate::machine;
use crate::native::{Input, Notice};
use crate::observe::{BondChange, MessageStage, Occurrence, TimerChange};
use crate::planted::Bug;
use crate::random::Rng;
use crate::services::ServiceState;
use crate::world::CONTROL;

impl ShardKernel {
    /// Whether the process in slot `from` can act on this one. To Lua code a
    /// living control pid that takes no messages at all is no process: nobody
    /// should end the controller of the services by guessing its pid.
    fn reaches(&self, from: Slot, pid: Pid) -> bool {
        let hidden = || {
            let lua = self.processes.peek(from).is_some_and(|own| matches!(own.body, Body::Lua));
            lua && self.world.is_hidden(pid)
        };
        self.world.alive(pid) && (pid.host != CONTROL || !hidden())
    }

    /// `unmonitor`, which cannot fail.
    pub fn remove_monitor(&mut self, from: Slot, pid: Pid) {
        let watcher = self.processes.pid(from);
        let Some(process) = self.processes.at(from) else { return };
        if process.bonds.is_some() && process.relations().unmonitor(pid) {
            self.tell_bond(watcher, pid, BondChange::Unmonitors);
            self.deliver(pid, Signal::Unmonitor { to: pid, watcher });
            self.settle();
        }
        let is_exit = |event: &Event| matches!(event, Event::Exit { from, .. } if *from == pid);
        if self.forget_unread(from, is_exit) {
            self.tell_bond(watcher, pid, BondChange::Unmonitors);
        }
    }

    /// The first LINK_DOWN that a native process has not handled.
    pub fn unread_link_down(&mut self, slot: Slot) -> Option<Event> {
        let Body::Native(body) = &self.processes.at(slot)?.body else { return None };
        body.inputs.iter().find_map(|(input, _)| match input {
            Input::Event(event @ Event::LinkDown { .. }) => Some(event.clone()),
            _ => None,
        })
    }

    /// The first LINK_DOWN that waits until the running step is over.
    fn link_down_under_way(&self, slot: Slot) -> Option<Event> {
        self.effects.iter().find_map(|effect| match effect {
            Effect::Event { slot: to, event: event @ Event::LinkDown { .. } } if *to == slot => {
                Some(event.clone())
            }
            _ => None,
        })
    }

    /// Removes unread events: those of a native process, and those that wait until the
    /// running step is over. The VM does it for its own. True: there were some of the
    /// second kind.
    fn forget_unread(&mut self, slot: Slot, forget: impl Fn(&Event) -> bool) -> bool {
        let before = self.effects.len();
        self.effects.retain(|effect| {
            !matches!(effect, Effect::Event { slot: to, event } if *to == slot && forget(event))
        });
        if let Some(process) = self.processes.at(slot)
            && let Body::Native(body) = &mut process.body
        {
            let unwanted = |input: &Input| matches!(input, Input::Event(event) if forget(event));
            body.inputs.retain(|(input, _)| !unwanted(input));
        }
        self.effects.len() < before
    }

    /// `unlink`, which cannot fail.
    pub fn remove_link(&mut self, from: Slot, pid: Pid) {
        let peer = self.processes.pid(from);
        let kept = self.world.planted(Bug::LinkKept);
        let Some(process) = self.processes.at(from) else { return };
        if process.bonds.is_none() {
            return;
        }
        let known: Option<LinkIds> = if kept { None } else { process.relations().unlink(pid) };
        if kept {
            self.tell_bond(peer, pid, BondChange::Unlinks);
        }
        if let Some(known) = known {
            self.tell_bond(peer, pid, BondChange::Unlinks);
            self.deliver(pid, Signal::Unlink { to: pid, peer, known });
            self.settle();
        }
        let is_down = |event: &Event| matches!(event, Event::LinkDown { from, .. } if *from == pid);
        if self.forget_unread(from, is_down) {
            self.tell_bond(peer, pid, BondChange::Unlinks);
        }
    }
}

impl ShardKernel {
    /// Threads of the hosts that run programs.
    fn workers(&self) -> i64 {
        let hosts = self.world.hosts().filter(|host| host.id != CONTROL);
        hosts.map(|host| host.config.workers as i64).sum()
    }

    /// A subscription of the process is over.
    pub fn end_subscription(&self, pid: Pid, subscription: &Subscription) {
        self.world.bus.unsubscribe(subscription);
        let untold = subscription.untold();
        if untold > 0 {
            self.world.tell_dropped(pid, untold);
        }
    }
}

impl Kernel for ShardKernel {
    fn monotonic(&self) -> u64 {
        self.world.clock.monotonic()
    }

    fn wall(&self) -> (i64, u32) {
        self.world.clock.wall()
    }

    fn random(&mut self) -> u64 {
        self.rng.next()
    }

    fn wake(&mut self, slot: Slot) {
        self.make_ready(slot);
    }

    fn pid_text(&self, pid: Pid) -> String {
        self.world.pid_text(pid)
    }

    fn resolve(&self, destination: &[u8]) -> Result<Pid, Error> {
        match self.host.pid_of(destination) {
            Some(pid) => Ok(pid),
            None => self.world.resolve(destination),
        }
    }

    fn send(&mut self, from: Slot, to: Pid, topic: Bytes, payload: Values) -> Result<(), Error> {
        if to.host == CONTROL {
            return Err(self.world.control_refusal(to));
        }
        self.post_message(self.processes.pid(from), to, topic, payload)?;
        self.settle();
        Ok(())
    }

    fn posted(&mut self, from: Slot, to: Pid, topic: &[u8], payload: Values) -> u32 {
        let (from, topic) = (self.processes.pid(from), Bytes::from(topic));
        let room = self.world.stamped(from, to, Room::default(), &topic, &payload);
        self.tell_message(from, to, room, MessageStage::Arrived);
        room.stamp
    }

    fn taken(&mut self, slot: Slot, from: Pid, stamp: u32) {
        let (room, pid) = (Room { bytes: 0, stamp }, self.processes.pid(slot));
        self.tell_message(from, pid, room, MessageStage::Taken);
        if let Some(faults) = self.world.faults() {
            faults.taken(pid, &self.shard.slots);
        }
    }

    fn message_limit(&self, to: Pid) -> usize {
        self.world.host(to.host).map_or(usize::MAX, |host| host.config.limits.message_bytes)
    }

    fn spawn(&mut self, from: Slot, request: SpawnRequest) -> Result<Pid, Error> {
        let pid = self.spawn_order(from, request.into(), None);
        self.settle();
        pid
    }

    fn exec(
        &mut self,
        from: Slot,
        request: SpawnRequest,
        timeout: Option<(u64, Arc<str>)>,
        token: Token,
    ) -> Result<(), Error> {
        let started = self.start_exec(from, request, timeout, token);
        self.settle();
        started
    }

    fn call_function(
        &mut self,
        from: Slot,
        request: CallRequest,
        token: Token,
    ) -> Result<(), Error> {
        let started = self.start_call(from, request, token);
        self.settle();
        started
    }

    fn cancel_call(&mut self, from: Slot, token: Token) {
        self.cancel_pending(from, token);
        self.settle();
    }

    fn publish(&mut self, _from: Slot, event: BusEvent) -> Result<(), Error> {
        self.host.check_size("data", event.size())?;
        for (to, token) in self.world.fill_buffers(event) {
            self.deliver(to, Signal::Bell { to, token });
        }
        self.settle();
        Ok(())
    }

    fn subscribe(
        &mut self,
        from: Slot,
        system: Pattern,
        kind: Option<Pattern>,
        token: Token,
    ) -> Arc<Subscription> {
        let pid = self.processes.pid(from);
        let subscription = self.world.bus.subscribe(pid, system, kind, token);
        if let Some(process) = self.processes.at(from) {
            let subscriptions = &mut process.bonds().subscriptions;
            subscriptions.insert(subscription.number, subscription.clone());
        }
        subscription
    }

    fn unsubscribe(&mut self, from: Slot, subscription: &Subscription) {
        let pid = self.processes.pid(from);
        let known = self.processes.at(from).and_then(|process| process.bonds.as_mut());
        if known.and_then(|bonds| bonds.subscriptions.remove(&subscription.number)).is_some() {
            self.end_subscription(pid, subscription);
        }
    }

    fn monitor(&mut self, from: Slot, pid: Pid) -> Result<(), Error> {
        let watcher = self.processes.pid(from);
        if pid == watcher {
            return Ok(());
        }
        if !self.reaches(from, pid) {
            return Err(Error::process_not_found());
        }
        if let Some(process) = self.processes.at(from)
            && process.relations().monitor(pid)
        {
            self.tell_bond(watcher, pid, BondChange::Monitors);
            self.deliver(pid, Signal::Monitor { to: pid, watcher });
            self.settle();
        }
        Ok(())
    }

    fn unmonitor(&mut self, from: Slot, pid: Pid) -> Result<(), Error> {
        self.remove_monitor(from, pid);
        Ok(())
    }

    fn link(&mut self, from: Slot, pid: Pid) -> Result<(), Error> {
        let peer = self.processes.pid(from);
        if pid == peer {
            return Ok(());
        }
        if !self.reaches(from, pid) {
            return Err(Error::process_not_found());
        }
        self.next_link += 1;
        let id = LinkId(self.next_link);
        if let Some(process) = self.processes.at(from)
            && process.relations().link(pid, id)
        {
            self.tell_bond(peer, pid, BondChange::Links);
            self.deliver(pid, Signal::Link { to: pid, peer, id });
            self.settle();
        }
        Ok(())
    }

    fn unlink(&mut self, from: Slot, pid: Pid) -> Result<(), Error> {
        self.remove_link(from, pid);
        Ok(())
    }

    fn set_trap_links(&mut self, from: Slot, trap: bool, unread: Option<&Event>) {
        if let Some(process) = self.processes.at(from) {
            process.trap_links = trap;
        }
        let waiting = || self.link_down_under_way(from);
        let unread = if trap { None } else { unread.cloned().or_else(waiting) };
        if let Some(Event::LinkDown { from: peer, exit, .. }) = unread {
            self.claim_and_kill(from, |kernel| kernel.link_exit(peer, &exit));
        }
    }

    fn set_upgradable(&mut self, from: Slot, upgradable: bool) {
        if let Some(process) = self.processes.at(from) {
            process.upgradable = upgradable;
        }
        self.world.upgradable.set(self.processes.pid(from), upgradable);
    }

    fn cancel(&mut self, from: Slot, pid: Pid, request: CancelRequest) -> Result<(), Error> {
        if !self.reaches(from, pid) {
            return Err(Error::process_not_found());
        }
        self.send_cancel(self.processes.pid(from), pid, request);
        self.settle();
        Ok(())
    }

    fn terminate(&mut self, from: Slot, pid: Pid) -> Result<(), Error> {
        if !self.reaches(from, pid) {
            return Err(Error::process_not_found());
        }
        self.terminate_any(pid).ok_or_else(Error::process_not_found)?;
        self.settle();
        Ok(())
    }

    fn end_for_memory(&mut self, slot: Slot) {
        let pid = self.processes.pid(slot);
        if self.shard.slots.claim_kill(slot, pid.generation) == Some(true) {
            let exit = Arc::new(Exit::memory_limit());
            self.deliver(pid, Signal::Kill { to: pid, exit });
            self.settle();
        }
    }

    fn ready(&mut self, from: Slot) {
        let pid = self.processes.pid(from);
        let bonds = self.processes.at(from).and_then(|process| process.bonds.as_ref());
        if let Some(control) = bonds.and_then(|bonds| bonds.control) {
            self.deliver(control, Signal::Notice { to: control, notice: Notice::Ready(pid) });
            self.settle();
        }
    }

    fn ask_supervisor(
        &mut self,
        from: Slot,
        supervisor: &[u8],
        request: SupervisorRequest,
        token: Token,
    ) -> Result<(), Error> {
        let to = self.world.find_supervisor(supervisor)?;
        let from = self.processes.pid(from);
        let request = Box::new(request);
        self.deliver(to, Signal::Request { to, from, token, request });
        self.settle();
        Ok(())
    }

    fn supervisor(&self, from: Slot) -> Option<(Pid, String)> {
        self.processes.peek(from)?.bonds.as_ref()?.supervisor.as_deref().cloned()
    }

    fn register(&mut self, from: Slot, name: &str, pid: Pid) -> Result<(), Error> {
        if !self.reaches(from, pid) {
            return Err(Error::process_not_found());
        }
        self.world.register(name, pid, self.processes.pid(from))
    }

    fn lookup(&self, name: &str) -> Result<Pid, Error> {
        self.world.names.lookup(name).ok_or_else(|| Error::not_found("name not registered"))
    }

    fn unregister(&mut self, from: Slot, name: &str) -> Result<bool, Error> {
        let gone = self.world.names.unregister(name, self.processes.pid(from))?;
        if gone {
            self.world.tell_name(name, None);
        }
        Ok(gone)
    }

    fn set_timer(&mut self, slot: Slot, at: u64, token: Token) -> TimerId {
        let id = self.timers.set(at, slot, Alarm::Process(token));
        if let Some(process) = self.processes.at(slot)
            && let Body::Native(body) = &mut process.body
        {
            body.timers.insert(id);
        }
        id
    }

    fn clear_timer(&mut self, slot: Slot, timer: TimerId) {
        self.tell_timer(slot, timer, TimerChange::Stopped);
        if self.world.planted(Bug::TimerKept) && self.rng.below(4) == 0 {
            return;
        }
        self.timers.clear(timer);
        if let Some(process) = self.processes.at(slot)
            && let Body::Native(body) = &mut process.body
        {
            body.timers.remove(&timer);
        }
    }

    fn program(&self, id: &str) -> Result<Arc<Program>, Error> {
        self.world.catalog.program(id)
    }

    fn write(&mut self, from: Slot, output: Output, bytes: &[u8], token: Token) -> Written {
        let from = self.processes.pid(from);
        self.tell(|| Occurrence::Written { from, output, piece: Bytes::from(bytes) });
        self.world.outputs.write(output, bytes, from, token)
    }

    fn flush(&mut self, from: Slot, output: Output, token: Token) -> Written {
        self.world.outputs.pass_on(output, self.processes.pid(from), token)
    }

    fn read(&mut self, from: Slot, read: Read, token: Token) -> Result<(), Error> {
        if !self.has_terminal(from) {
            return Err(Error::invalid("no terminal context"));
        }
        self.world.input.read(read, self.processes.pid(from), token);
        Ok(())
    }

    fn set_raw(&mut self, from: Slot, on: bool) -> Result<(), Error> {
        self.world.raw.set(self.processes.pid(from), on)
    }

    fn terminal_arguments(&self, _from: Slot) -> Vec<String> {
        self.host.config.terminal.clone().unwrap_or_default()
    }

    fn has_terminal(&self, _from: Slot) -> bool {
        self.host.config.terminal.is_some()
    }

    fn variable(&self, namespace: &str, key: &str) -> Result<String, Error> {
        self.world.resources().environment.get(namespace, key)
    }

    fn set_variable(
        &mut self,
        from: Slot,
        place: (&str, &str),
        value: &str,
        token: Token,
    ) -> Result<Stored, Error> {
        let from = self.processes.pid(from);
        self.world.resources().environment.set(&self.world, place, value, from, token)
    }

    fn variables(&self) -> BTreeMap<String, String> {
        self.world.resources().environment.all()
    }

    fn store(&self, id: &str) -> Result<Arc<dyn Store>, Error> {
        self.world.resources().stores.get(id, self.has_entry(id))
    }

    fn volume(&self, id: &str) -> Result<Arc<dyn Volume>, Error> {
        self.world.resources().volumes.get(id)
    }

    fn template_set(&self, id: &str) -> Result<Arc<TemplateSet>, Error> {
        let found = self.world.catalog.template_set(id);
        found.ok_or_else(|| match self.has_entry(id) {
            true => Error::invalid("resource is not a template set"),
            false => Error::not_found(format!("template set not found: {id}")),
        })
    }

    fn token_store(&self, id: &str) -> Result<Arc<TokenStore>, Error> {
        self.world.resources().stores.token_store(id, self.has_entry(id))
    }

    fn policies(&self) -> Arc<Policies> {
        self.world.resources().policies.clone()
    }

    fn entries(&self) -> Arc<[Arc<Entry>]> {
        self.world.catalog.entries()
    }

    fn history(&self) -> History {
        self.world.history()
    }

    fn change_registry(&mut self, changes: &[Change]) -> Result<u64, Error> {
        self.world.change_registry(changes)
    }

    fn go_to_version(&mut self, version: u64) -> Result<(), Error> {
        self.world.go_to_version(version)
    }

    fn has_entry(&self, id: &str) -> bool {
        self.world.catalog.has_entry(id)
    }

    fn measure(
        &mut self,
        name: &str,
        labels: &BTreeMap<String, String>,
        measure: Measure,
    ) -> Result<(), Error> {
        self.world.series.take(name, labels, measure)
    }

    fn log_level(&self) -> Level {
        self.world.log.level()
    }

    fn log(&mut self, from: Slot, record: LogRecord) {
        let pid = self.processes.pid(from);
        self.tell(|| Occurrence::Logged { from: pid, record: record.clone() });
        self.world.log.log(pid, &self.world.pid_text(pid), record);
    }

    fn heaps(&self, own: HeapUse) -> HeapUse {
        if self.world.driven() {
            return machine::simulated_heaps(self.living());
        }
        let mut heaps = own;
        let shards = self.world.hosts().flat_map(|host| host.shards());
        for shard in shards.filter(|shard| !Arc::ptr_eq(shard, &self.shard)) {
            heaps.used += shard.heap.load(Ordering::Relaxed);
            heaps.asked += shard.asked.load(Ordering::Relaxed);
        }
        heaps
    }

    fn machine(&self) -> Machine {
        if self.world.driven() { machine::simulated() } else { machine::real() }
    }

    fn living(&self) -> usize {
        self.world.hosts().map(|host| host.live()).sum()
    }

    fn setting(&self, setting: Setting) -> i64 {
        self.world.tuning.get(setting).unwrap_or_else(|| self.workers())
    }

    fn set(&mut self, setting: Setting, value: i64) -> i64 {
        let before = self.setting(setting);
        self.world.tuning.set(setting, value);
        before
    }

    fn services(&self) -> Vec<ServiceInfo> {
        let states = self.world.services.get().map(|board| board.states()).unwrap_or_default();
        states.iter().map(ServiceState::info).collect()
    }

    fn exit_runtime(&mut self, code: i32) {
        self.world.request_exit(code);
    }

    fn call_async(&mut self, from: Slot, function: AsyncFunction, arguments: Values, token: Token) {
        let pid = self.processes.pid(from);
        let id = match self.processes.at(from) {
            Some(process) => process.entry.clone(),
            None => return,
        };
        let caller = Caller { pid, pid_text: self.world.pid_text(pid), id };
        self.world.call_async(caller, function, arguments, token);
    }

    fn run_blocking(&mut self, from: Slot, work: Work, token: Token) {
        self.world.blocking.run(&self.world, self.processes.pid(from), token, work);
    }
}
