//! The state of one VM beside Luau's own, and how natives reach it.
//!
//! Luau hands every native function a thread; the thread's callbacks lead to
//! the [`Context`](VmContext) of its VM. [`Cx`] wraps that pointer. Its accessors make
//! short-lived references: none is held across a call that may run Lua code or
//! collect garbage, because both can come back here.

use std::collections::{BTreeMap, HashMap};
use std::ffi::{c_char, c_int};
use std::ptr::NonNull;
use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Exit, Pid, Values};
use smallvec::SmallVec;

use super::lua::Lua;
use super::process::{ChannelId, Process, TaskId, Topic};
use super::seats::Seats;
use super::shapes::Shapes;
use super::shelf::{Hold, Holds, Place, Row, Shelf};
use super::strangers::Strangers;
use crate::kernel::{Kernel, Slot};
use crate::program::{Chunk, Unit};
use crate::vm::{Birth, VmConfig};

/// Where the values lie that all processes of the VM share.
#[derive(Default, Debug)]
pub struct Places {
    /// the read-only base globals
    pub base: Place,
    /// the metatable of every process's global table
    pub env_metatable: Place,
    /// the inbox and events singletons and their receive cases
    pub singletons: [Place; 2],
    pub singleton_cases: [Place; 2],
    /// weak: place of a channel that a Timer or Ticker owns → its object, if one lives
    pub channel_views: Place,
    pub case_metatable: Place,
    /// reason texts
    pub reasons: [Place; 7],
    /// module name → module table
    pub modules: Place,
    pub messages: super::message::Places,
}

/// What a native asked the step loop to do when it yielded.
#[derive(Debug, Default)]
pub enum Op {
    /// preempted by the interrupt
    #[default]
    Preempted,
    /// the task waits; its `wait` is set
    Block,
    /// `coroutine.yield` in a managed task: run it again later
    GiveWay,
    /// `coroutine.yield` in a coroutine
    CoroutineYield,
    /// resume this coroutine
    CoroutineResume { thread: Lua, protected: bool },
    /// run a library chunk
    Require { unit: Arc<Unit>, thread: Lua },
    /// run the new chunk of an upgrade
    Upgrade { upgrade: Box<super::process::Upgrade>, thread: Lua },
    /// the process ended itself
    Die,
}

/// A chunk loaded into this VM.
pub struct LoadedChunk {
    pub place: Place,
    /// address of its interned chunk name
    pub source: *const c_char,
    /// keeps the address that is the key in [`VmContext::chunks`] from being reused
    pub chunk: Arc<Chunk>,
}

/// The pid text that is pinned for a slot.
///
/// It stays when the process ends, until the slot's next process is named: its
/// EXIT names it once more. Making it anew for each EXIT cost 10 % of a spawn.
#[derive(Clone, Copy, Debug)]
pub struct PinnedPid {
    /// whose text it is; 0: nobody's
    pub generation: u64,
    pub address: *const c_char,
}

impl PinnedPid {
    const NOBODY: PinnedPid = PinnedPid { generation: 0, address: std::ptr::null() };
}

/// Who lives in a slot.
///
/// A process is made of its [`Birth`] when it first runs or gets something: of
/// ten thousand that are spawned in a row, each then lives in the memory, still
/// in the cache, that its predecessor left.
#[derive(Debug)]
pub enum Resident {
    Nobody,
    Unborn(Box<Birth>),
    Living(Box<Process>),
}

/// A channel whose object became garbage, to be forgotten in Rust.
pub struct DeadChannel {
    pub pid: Pid,
    pub id: ChannelId,
}

pub struct VmContext {
    pub lua: Lua,
    pub config: VmConfig,
    pub shelf: Shelf,
    pub places: Places,
    pub shapes: Shapes,
    /// what Rust keeps of Lua's for the processes
    pub holds: Holds,
    /// by slot: pid text of the process that lives or lived there
    pub pids: Row,
    /// by atom: topic strings
    pub topics: Row,
    /// by atom: names of entries and hosts
    pub texts: Vec<Option<Arc<str>>>,
    /// by slot
    pub residents: Vec<Resident>,
    pub current: *mut Process,
    pub current_task: TaskId,
    pub kernel: Option<NonNull<dyn Kernel + 'static>>,
    pub op: Op,
    pub chunks: BTreeMap<*const Chunk, LoadedChunk>,
    /// with so many of them it is time to let unused ones go
    pub chunks_line: usize,
    /// of chunks that were let go
    pub free_places: Vec<Place>,
    pub atoms: HashMap<Box<[u8]>, i16>,
    pub next_atom: i16,
    pub arrived: super::atoms::Arrived,
    /// atoms below this have their string in the atoms table
    pub pinned_atoms: Vec<bool>,
    pub pid_prefix: Vec<u8>,
    /// by slot
    pub pinned_pids: Vec<PinnedPid>,
    pub strangers: Strangers,
    /// threads for processes to come
    pub seats: Seats,
    pub dead: Vec<DeadChannel>,
    /// the exit of a process that returned nothing, the most frequent one
    pub nothing: Arc<Exit>,
    /// the context of processes without one: their own, so that VMs share no count of users
    pub no_context: Arc<crate::program::Context>,
    pub case_metatable: *const std::ffi::c_void,
    /// safepoints that the interrupt lets pass: those of a brief step, or of
    /// [`Preemption::Counted`](crate::Preemption::Counted)
    pub budget: i64,
    /// of a counted slice: safepoints after which an error is raised
    pub fails_after: Option<u32>,
    /// a counted slice was overrun where nothing can yield
    pub unpreemptible: bool,
    /// the process must not run on: it killed itself or a kill was claimed
    pub dying: bool,
    /// a process became ready in a call that has no kernel
    pub woken: bool,
    /// bytes of the heap at which the step loop looks next who holds most
    pub memory_line: usize,
    pub heap_account: Box<super::memory::Account>,
    /// bytes of the heap before the first process
    pub fresh: usize,
    pub categories: super::memory::Categories,
    pub types: crate::modules::types::KnownTypes,
    pub schemas: crate::modules::json::KnownSchemas,
}

/// The context of a running native.
#[derive(Clone, Copy)]
pub struct Cx(pub *mut VmContext);

#[allow(clippy::mut_from_ref)]
impl Cx {
    pub fn of(lua: Lua) -> Cx {
        // SAFETY: callbacks exist as long as the VM; userdata is set when the VM is made.
        unsafe { Cx((*lua.callbacks()).userdata.cast()) }
    }

    /// The whole context, for a short look.
    pub fn vm<'a>(self) -> &'a mut VmContext {
        // SAFETY: one thread runs the VM, and no reference is held across calls into Lua
        // (header of this module).
        unsafe { &mut *self.0 }
    }

    /// The running process.
    pub fn process<'a>(self) -> &'a mut Process {
        // SAFETY: natives run only while `current` is set by the step loop.
        unsafe { &mut *(*self.0).current }
    }

    /// A process by slot.
    pub fn at<'a>(self, slot: Slot) -> Option<&'a mut Process> {
        match self.vm().residents.get_mut(slot as usize)? {
            Resident::Living(process) => Some(process),
            Resident::Unborn(_) => super::life::bear(self, slot),
            Resident::Nobody => None,
        }
    }

    /// The Lua process of this VM that a pid names.
    pub fn find<'a>(self, pid: Pid) -> Option<&'a mut Process> {
        let config = &self.vm().config;
        if pid.host != config.host || pid.shard() != config.shard {
            return None;
        }
        self.at(pid.slot()).filter(|process| process.pid == pid)
    }

    /// The kernel of the current run.
    pub fn kernel<'a>(self) -> &'a mut dyn Kernel {
        // SAFETY: set by every entry of the VM that can reach natives, for its duration,
        // from an exclusive borrow.
        unsafe {
            match (*self.0).kernel {
                Some(mut kernel) => kernel.as_mut(),
                None => unreachable!("natives run only inside an entry of the VM"),
            }
        }
    }

    /// Whether the VM is part of a simulation.
    pub fn simulated(self) -> bool {
        self.vm().config.spot.is_some()
    }

    /// A message left the mailbox of this process.
    pub fn taken(self, process: &Process, from: Pid, stamp: u32) {
        if stamp != 0 {
            self.kernel().taken(process.slot(), from, stamp);
        }
    }

    pub fn has_kernel(self) -> bool {
        self.vm().kernel.is_some()
    }

    /// Pushes a value that all processes share.
    pub fn push_shared(self, lua: Lua, place: Place) {
        self.vm().shelf.push(lua, place);
    }

    /// Keeps the value on top of `lua`; pops it.
    pub fn hold(self, lua: Lua) -> Hold {
        self.vm().holds.put(lua)
    }

    /// Pushes a held value on `lua`.
    pub fn push_held(self, lua: Lua, hold: &Hold) {
        self.vm().holds.push(lua, hold);
    }

    /// Lets go of a held value.
    pub fn release(self, hold: impl Into<Option<Hold>>) {
        if let Some(hold) = hold.into() {
            self.vm().holds.release(hold);
        }
    }

    /// Whether the string at `address` is the pinned pid text of this process.
    pub fn names(self, address: *const c_char, pid: Pid) -> bool {
        let pinned = self.vm().pinned_pids.get(pid.slot() as usize);
        pinned.is_some_and(|pinned| {
            pinned.generation == pid.generation && std::ptr::eq(pinned.address, address)
        })
    }

    /// Whether the pid is one of this VM.
    pub fn is_local(self, pid: Pid) -> bool {
        let config = &self.vm().config;
        pid.host == config.host && pid.shard() == config.shard
    }

    /// Pushes the text of any pid.
    pub fn push_pid(self, lua: Lua, pid: Pid) {
        if pid == Pid::NONE {
            lua.push_str("{|}");
        } else if self.is_local(pid) {
            self.push_local_pid(lua, pid);
        } else if !self.vm().strangers.push(lua, pid) {
            self.push_strange_pid(lua, pid);
        }
    }

    /// Pushes the pid text of a process elsewhere and keeps it for a while.
    fn push_strange_pid(self, lua: Lua, pid: Pid) {
        let vm = self.vm();
        let main = vm.lua;
        if pid.host == vm.config.host {
            main.push_bytes(&format_pid(&vm.pid_prefix, pid));
        } else {
            main.push_str(&self.kernel().pid_text(pid));
        }
        vm.strangers.keep(main, pid);
        main.move_to(lua, 1);
    }

    /// Pushes the pid text of a process of this VM, present or past, and pins it
    /// unless a later process of the slot was named.
    fn push_local_pid(self, lua: Lua, pid: Pid) {
        let vm = self.vm();
        let slot = pid.slot();
        if vm.pinned_pids.len() <= slot as usize {
            vm.pinned_pids.resize(slot as usize + 1, PinnedPid::NOBODY);
        }
        let pinned = &mut vm.pinned_pids[slot as usize];
        if pinned.generation == pid.generation {
            return vm.pids.push(lua, slot as usize);
        }
        let text = format_pid(&vm.pid_prefix, pid);
        if pinned.generation > pid.generation {
            return lua.push_bytes(&text);
        }
        // Made on the main thread: what is pinned for the VM counts for no process.
        let main = vm.lua;
        main.push_bytes(&text);
        // Not by its atom, which costs a parse and may never be asked for.
        let address = main.bytes(-1).as_ptr().cast();
        *pinned = PinnedPid { generation: pid.generation, address };
        vm.pids.set(main, slot as usize);
        vm.pids.push(lua, slot as usize);
    }

    /// The topic of a string on the stack.
    pub fn topic(self, lua: Lua, index: c_int) -> Topic {
        let (_, bytes, atom) = lua.atom(index);
        if super::atoms::is_topic(atom) {
            super::atoms::pin(self, lua, atom, bytes);
            Topic::Atom(atom)
        } else {
            Topic::Text(bytes.into())
        }
    }

    /// The text of a string on the stack.
    pub fn text(self, lua: Lua, index: c_int) -> Arc<str> {
        let (_, bytes, atom) = lua.atom(index);
        let vm = self.vm();
        if let Some(Some(text)) = vm.texts.get(atom as usize) {
            return text.clone();
        }
        let text: Arc<str> = String::from_utf8_lossy(bytes).into();
        if super::atoms::is_topic(atom) {
            let place = atom as usize;
            if vm.texts.len() <= place {
                vm.texts.resize(place + 1, None);
            }
            vm.texts[place] = Some(text.clone());
        }
        text
    }

    /// The topic at `index` as bytes that may leave the VM. Those of one topic are
    /// the same each time, if it has an atom.
    pub fn shared_topic(self, lua: Lua, index: c_int) -> Bytes {
        let bytes = lua.bytes(index);
        let text = self.text(lua, index);
        if text.as_bytes() == bytes { text.into() } else { bytes.into() }
    }

    /// Makes a process ready if it is not.
    pub fn wake(self, process: &mut Process) {
        if !process.queued {
            process.queued = true;
            if self.has_kernel() && !self.vm().current.is_null() {
                self.kernel().wake(process.slot());
            } else {
                self.vm().woken = true;
            }
        }
    }

    /// Makes a blocked task ready with the top `arguments` values of its innermost thread.
    pub fn wake_task(self, process: &mut Process, id: TaskId, arguments: c_int) {
        process.stop_waiting(id);
        if let Some(task) = process.task(id) {
            task.arguments = arguments;
            process.tasks.make_ready(id);
        }
        self.wake(process);
    }

    /// The reply to an operation: pushes values on the innermost thread of the task and wakes it.
    pub fn answer(self, process: &mut Process, id: TaskId, values: &Values) {
        let Some(thread) = process.task(id).map(|task| task.innermost()) else { return };
        let count = super::copy::push_all(self, thread, values);
        self.wake_task(process, id, count);
    }
}

/// The text of a pid in place: spawns and exits make one each.
pub fn format_pid(prefix: &[u8], pid: Pid) -> SmallVec<[u8; 64]> {
    // Written from the end: the lower digits, then as many as there are.
    let mut digits = [b'0'; 16 + 8];
    let mut at = digits.len();
    let mut place = pid.place;
    for _ in 0..8 {
        at -= 1;
        digits[at] = HEX[(place & 15) as usize];
        place >>= 4;
    }
    let mut generation = pid.generation;
    while generation != 0 {
        at -= 1;
        digits[at] = HEX[(generation & 15) as usize];
        generation >>= 4;
    }
    if at == digits.len() - 8 {
        // No pid of a process gets here: its generation is not 0.
        let zeros = digits[at..digits.len() - 5].iter().take_while(|digit| **digit == b'0').count();
        at += zeros;
    }
    let mut text = SmallVec::new();
    for part in [prefix, b"0x", &digits[at..], b"}"] {
        text.extend_from_slice(part);
    }
    text
}

const HEX: &[u8; 16] = b"0123456789abcdef";
