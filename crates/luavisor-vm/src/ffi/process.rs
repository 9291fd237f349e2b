//! What the VM keeps of one Lua process: its tasks, channels, mailbox and events.
//!
//! Everything here is touched by one thread at a time, the one that runs the
//! shard. Lua values that Rust must keep (buffered channel values, queued
//! tables) are [`Hold`]s, given back when the process ends.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::ptr;
use std::sync::Arc;

use luavisor_core::mailbox::{Mailbox, SubscriptionId};
use luavisor_core::{Event, Object, Pid, Values};
use smallvec::SmallVec;

use super::lua::Lua;
use super::shelf::Hold;
use crate::kernel::{Slot, TimerId, Token};
use crate::program::{Context, Program, Unit};
use crate::vm::Birth;

/// Index of a task within its process; 0 is `main`.
pub type TaskId = u32;
/// Index of a channel within its process.
pub type ChannelId = u32;

/// The inbox singleton shared by all processes of a VM.
pub const INBOX: ChannelId = 0;
/// The events singleton shared by all processes of a VM.
pub const EVENTS: ChannelId = 1;

/// A message topic: an atom of the VM, or text once the atoms are used up.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Topic {
    Atom(i16),
    Text(Box<[u8]>),
}

/// A message in the mailbox.
#[derive(Debug)]
pub struct Cargo {
    pub from: Pid,
    /// mailbox room that it takes, given back when it is read; `None`: it goes
    /// straight to a waiting receiver
    pub room: Option<usize>,
    pub load: Load,
}

/// The payload of a queued message.
#[derive(Debug)]
pub enum Load {
    None,
    Nil,
    Boolean(bool),
    Number(f64),
    /// one value
    Held(Hold),
    /// an array of several values
    List(Hold),
    /// from another shard, not yet in this VM
    Remote(Box<Values>),
}

/// A value that a channel keeps.
#[derive(Debug)]
pub enum Held {
    Nil,
    Boolean(bool),
    Number(f64),
    Ref(Hold),
    Object(Box<Object>),
}

/// Where a channel's values come from, beside senders in the process.
#[derive(Debug, PartialEq)]
pub enum Source {
    /// nowhere: an ordinary channel
    Local,
    Inbox,
    Events,
    /// a mailbox subscription; `messages`: yields Messages instead of plain values
    Topic {
        subscription: SubscriptionId,
        messages: bool,
    },
    /// one value when the timer fires
    Timer(TimerId),
    /// a value each `period`; `stopped` timers keep their channel open
    Ticker {
        timer: TimerId,
        period: u64,
    },
}

/// A task that waits for a channel.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Waiter {
    pub task: TaskId,
    /// stack position of the channel in a select; 0 for a plain send or receive
    pub case: i32,
}

#[derive(Debug)]
pub struct Channel {
    pub source: Source,
    pub capacity: u32,
    pub closed: bool,
    /// objects that lead to it: its own, and the Timer or Ticker that owns it
    pub views: u32,
    /// keeps the userdata alive while the runtime needs it
    pub anchor: Option<Hold>,
    pub buffer: VecDeque<Held>,
    pub receivers: SmallVec<[Waiter; 1]>,
    pub senders: VecDeque<Waiter>,
}

impl Channel {
    /// Bytes that a channel counts for, beside its object.
    pub const BASE: usize = 192;
    /// Bytes that a buffered value counts for, beside the value.
    pub const VALUE: usize = 32;

    /// Bytes that the channel counts for.
    pub fn weight(&self) -> usize {
        Channel::BASE + self.buffer.len() * Channel::VALUE
    }

    /// What the channel keeps of Lua's.
    pub fn into_holds(self) -> impl Iterator<Item = Hold> {
        let held = self.buffer.into_iter().filter_map(|held| match held {
            Held::Ref(hold) => Some(hold),
            _ => None,
        });
        held.chain(self.anchor)
    }

    pub fn new(source: Source, capacity: u32) -> Channel {
        Channel {
            source,
            capacity,
            closed: false,
            views: 1,
            anchor: None,
            buffer: VecDeque::new(),
            receivers: SmallVec::new(),
            senders: VecDeque::new(),
        }
    }
}

/// What a thread in a task's stack of coroutines is for.
#[derive(Debug)]
pub enum Purpose {
    /// the root of a task
    Root,
    /// a coroutine of the program; `protected`: started by `resume`, so errors become results
    Coroutine { protected: bool },
    /// a library chunk under `require`; its value is kept for this unit
    Library(Arc<Unit>),
    /// the new chunk of `process.upgrade`
    Upgrade(Box<Upgrade>),
}

/// Code that is about to replace the running one.
#[derive(Debug)]
pub struct Upgrade {
    pub program: Arc<Program>,
    pub arguments: Values,
}

#[derive(Debug)]
pub struct Fiber {
    pub lua: Lua,
    pub purpose: Purpose,
}

#[derive(Debug, PartialEq)]
pub enum Wait {
    /// it runs or is about to run
    None,
    /// on these channels
    Channels(SmallVec<[ChannelId; 2]>),
    /// on the operation that its ticket names, with a timer if it sleeps
    Operation(Option<TimerId>),
}

#[derive(Debug)]
pub struct Task {
    /// the root thread and the coroutines it resumed, innermost last
    pub fibers: SmallVec<[Fiber; 1]>,
    /// keeps the root alive; none for main
    pub anchor: Option<Hold>,
    /// counts the waits; a late completion of an earlier wait is recognised by it
    pub ticket: u32,
    pub wait: Wait,
    /// values on the innermost thread to resume it with
    pub arguments: i32,
    /// resume by raising the value on top
    pub raise: bool,
    /// the operation that it waits for answers `true` when it succeeds without values
    pub answer_true: bool,
}

impl Task {
    pub fn new(lua: Lua, anchor: Option<Hold>, arguments: i32) -> Task {
        Task {
            fibers: SmallVec::from_iter([Fiber { lua, purpose: Purpose::Root }]),
            anchor,
            ticket: 0,
            wait: Wait::None,
            arguments,
            raise: false,
            answer_true: false,
        }
    }

    /// The thread that runs when the task runs.
    pub fn innermost(&self) -> Lua {
        // A task has its root for as long as it exists.
        self.fibers.last().map_or(Lua(ptr::null_mut()), |fiber| fiber.lua)
    }
}

/// How far a process has come.
#[derive(Debug, PartialEq, Eq, Clone, Copy)]
pub enum Stage {
    /// no thread yet
    New,
    /// the chunk runs
    Loading,
    /// the method runs
    Running,
}

#[derive(Debug)]
pub struct Process {
    pub pid: Pid,
    pub program: Arc<Program>,
    pub context: Arc<Context>,
    /// until `main` is called; none is the usual number
    pub arguments: Option<Box<Values>>,
    pub stage: Stage,
    /// in the kernel's run queue, or running
    pub queued: bool,
    pub trap_links: bool,
    pub upgradable: bool,
    /// nesting of chunks that run at their top level
    pub loading: u32,
    /// sources outside the process that may still wake it
    pub external: u32,
    pub random: u64,
    /// index of the main thread in the VM's thread table
    pub thread_index: u32,
    pub main: Lua,
    pub tasks: Vec<Option<Task>>,
    /// free places in `tasks`
    pub task_free: Vec<TaskId>,
    pub runnable: VecDeque<TaskId>,
    pub channels: Vec<Option<Box<Channel>>>,
    /// free places among the channels, above the singletons
    pub channel_free: Vec<ChannelId>,
    /// channel that stands in after the inbox or events singleton was closed
    pub inbox_again: Option<ChannelId>,
    pub events_again: Option<ChannelId>,
    pub mailbox: Mailbox<Topic, Cargo>,
    pub events: VecDeque<Event>,
    /// own cancels whose event is already queued; the kernel's copies are dropped
    pub own_cancels: u32,
    /// channel of each mailbox subscription
    pub subscription_channels: Vec<ChannelId>,
    /// code that runs here
    pub units: SmallVec<[LoadedUnit; 1]>,
    /// memory category of its own, 0 for none
    pub category: u8,
    pub memory: Option<u64>,
    /// bytes at which its heap is looked at next, if it has a limit
    pub memory_line: usize,
    /// bytes that it asked for while it had no category of its own
    pub gross: usize,
    /// bytes outside Luau's heap that it makes the runtime keep
    pub charged: usize,
    pub result_limit: usize,
}

#[derive(Debug)]
pub struct LoadedUnit {
    /// address of its chunk name
    pub source: *const c_char,
    pub unit: Arc<Unit>,
    /// what `require` gives; none while its chunk runs, and for the main chunk
    pub value: Option<Hold>,
}

impl Process {
    pub fn new(birth: Birth) -> Process {
        let none = birth.arguments.items.is_empty();
        let arguments = (!none).then(|| Box::new(birth.arguments));
        Process {
            pid: birth.pid,
            program: birth.program,
            context: birth.context,
            arguments,
            stage: Stage::New,
            queued: true,
            trap_links: false,
            upgradable: false,
            loading: 0,
            external: 0,
            random: 0,
            thread_index: 0,
            main: Lua(ptr::null_mut()),
            tasks: Vec::new(),
            task_free: Vec::new(),
            runnable: VecDeque::new(),
            channels: Vec::new(),
            channel_free: Vec::new(),
            inbox_again: None,
            events_again: None,
            mailbox: Mailbox::default(),
            events: VecDeque::new(),
            own_cancels: 0,
            subscription_channels: Vec::new(),
            units: SmallVec::new(),
            category: 0,
            memory: birth.memory,
            memory_line: birth.memory.map_or(usize::MAX, |limit| limit as usize),
            gross: 0,
            charged: 0,
            result_limit: birth.result_limit,
        }
    }

    pub fn slot(&self) -> Slot {
        self.pid.slot()
    }

    pub fn task(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.get_mut(id as usize)?.as_mut()
    }

    pub fn add_task(&mut self, task: Task) -> TaskId {
        match self.task_free.pop() {
            Some(free) => {
                self.tasks[free as usize] = Some(task);
                free
            }
            None => {
                self.tasks.push(Some(task));
                (self.tasks.len() - 1) as TaskId
            }
        }
    }

    /// Forgets a task; its place is free again.
    pub fn remove_task(&mut self, id: TaskId) -> Option<Task> {
        let task = self.tasks.get_mut(id as usize)?.take()?;
        self.task_free.push(id);
        Some(task)
    }

    pub fn live_tasks(&self) -> usize {
        self.tasks.iter().flatten().count()
    }

    pub fn channel(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.get_mut(id as usize)?.as_deref_mut()
    }

    /// Adds a channel at a free place above the singletons.
    pub fn add_channel(&mut self, channel: Channel) -> ChannelId {
        while self.channels.len() < 2 {
            self.channels.push(None);
        }
        let id = self.channel_free.pop().unwrap_or_else(|| {
            self.channels.push(None);
            (self.channels.len() - 1) as ChannelId
        });
        self.channels[id as usize] = Some(Box::new(channel));
        id
    }

    /// Forgets a channel whose objects were collected; its place is free again.
    pub fn remove_channel(&mut self, id: ChannelId) -> Option<Box<Channel>> {
        let channel = self.channels.get_mut(id as usize)?.take()?;
        self.channel_free.push(id);
        Some(channel)
    }

    /// Opens the inbox or events singleton.
    pub fn open_singleton(&mut self, id: ChannelId, source: Source) -> &mut Channel {
        if self.channels.is_empty() {
            self.channels.reserve_exact(2);
        }
        while self.channels.len() <= id as usize {
            self.channels.push(None);
        }
        self.channels[id as usize].get_or_insert_with(|| Box::new(Channel::new(source, 0)))
    }

    pub fn subscription_channel(&self, id: SubscriptionId) -> ChannelId {
        self.subscription_channels.get(id as usize).copied().unwrap_or(ChannelId::MAX)
    }

    pub fn set_subscription_channel(&mut self, id: SubscriptionId, channel: ChannelId) {
        if self.subscription_channels.len() <= id as usize {
            self.subscription_channels.resize(id as usize + 1, ChannelId::MAX);
        }
        self.subscription_channels[id as usize] = channel;
    }

    /// What the process keeps of Lua's: to be given back at its end.
    pub fn into_holds(self) -> impl Iterator<Item = Hold> {
        let loads = self.mailbox.into_messages().filter_map(|cargo| match cargo.load {
            Load::Held(hold) | Load::List(hold) => Some(hold),
            _ => None,
        });
        let channels = self.channels.into_iter().flatten();
        let kept = channels.flat_map(|channel| channel.into_holds());
        let tasks = self.tasks.into_iter().flatten().filter_map(|task| task.anchor);
        let units = self.units.into_iter().filter_map(|loaded| loaded.value);
        loads.chain(kept).chain(tasks).chain(units)
    }

    /// Forgets that a task waits on channels.
    pub fn stop_waiting(&mut self, id: TaskId) {
        let Some(task) = self.task(id) else { return };
        task.ticket = task.ticket.wrapping_add(1);
        if let Wait::Channels(channels) = std::mem::replace(&mut task.wait, Wait::None) {
            for channel in channels {
                if let Some(channel) = self.channel(channel) {
                    channel.receivers.retain(|w| w.task != id);
                    channel.senders.retain(|w| w.task != id);
                }
            }
        }
    }
}

/// What a token of the kernel means to a process.
#[derive(Debug, PartialEq, Eq)]
pub enum Meaning {
    /// the wait of a task
    Task { id: TaskId, ticket: u32 },
    /// a timer channel
    Channel(ChannelId),
}

impl Meaning {
    pub fn token(&self) -> Token {
        Token(match *self {
            Meaning::Task { id, ticket } => (id as u64) << 32 | ticket as u64,
            Meaning::Channel(id) => 1 << 63 | id as u64,
        })
    }

    pub fn of(token: Token) -> Meaning {
        if token.0 >> 63 == 1 {
            Meaning::Channel(token.0 as u32)
        } else {
            Meaning::Task { id: (token.0 >> 32) as u32, ticket: token.0 as u32 }
        }
    }
}
