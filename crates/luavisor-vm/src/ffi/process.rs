//! What the VM keeps of one Lua process: its tasks, channels, mailbox and events.
//!
//! Everything here is touched by one thread at a time, the one that runs the
//! shard. Lua values that Rust must keep (buffered channel values, queued
//! tables) are [`Hold`]s, given back when the process ends.

use std::collections::VecDeque;
use std::ffi::c_char;
use std::num::NonZeroU64;
use std::sync::{Arc, Weak};

use luavisor_core::mailbox::{Mailbox, SubscriptionId};
use luavisor_core::{Event, Pid, Values};
use smallvec::SmallVec;

pub use super::channels::*;
use super::futures::Futures;
use super::seats::Seat;
use super::shelf::{Hold, Holds};
pub use super::tasks::*;
use crate::kernel::{Room, Slot, Token};
use crate::program::{Context, Program, Unit};
use crate::vm::Birth;

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
    /// given back when it is read
    pub room: Room,
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
    /// from another shard, not yet in this VM: no scalar, or several values
    Remote(Box<Values>),
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

/// One process. What few of them have is in [`Rare`].
#[derive(Debug)]
pub struct Process {
    pub pid: Pid,
    pub program: Arc<Program>,
    pub context: Arc<Context>,
    /// its guarded calls are judged: it has a security context, or has to have one
    pub guarded: bool,
    /// until `main` is called; none is the usual number
    pub arguments: Option<Box<Values>>,
    pub stage: Stage,
    /// in the kernel's run queue, or running
    pub queued: bool,
    /// a task was interrupted in the middle and has not gone on
    pub preempted: bool,
    pub trap_links: bool,
    pub upgradable: bool,
    /// it assigned a global
    pub wrote_globals: bool,
    /// a panic left its threads in the middle: they are never reused
    pub broken: bool,
    /// memory category of its own, 0 for none
    pub category: u8,
    /// nesting of chunks that run at their top level
    pub loading: u32,
    /// sources outside the process that may still wake it
    pub external: u32,
    /// of which timeouts without a running timer
    pub dormant: u32,
    pub random: u64,
    /// its main thread and globals
    pub seat: Option<Seat>,
    pub tasks: Tasks,
    pub channels: Channels,
    pub mailbox: Mailbox<Topic, Cargo>,
    pub events: VecDeque<Event>,
    /// code that runs here
    pub units: SmallVec<[LoadedUnit; 1]>,
    /// `limits.memory` in bytes, if it has a limit of its own
    pub memory: Option<NonZeroU64>,
    /// bytes at which its heap is looked at next, if it has a limit
    pub memory_line: usize,
    /// bytes that it asked for while it had no category of its own
    pub gross: usize,
    /// bytes outside Luau's heap that it makes the runtime keep
    pub charged: usize,
    pub result_limit: usize,
    rare: Option<Box<Rare>>,
}

/// What few processes need.
#[derive(Debug, Default)]
pub struct Rare {
    /// channel that stands in after the inbox or events singleton was closed
    pub inbox_again: Option<ChannelId>,
    pub events_again: Option<ChannelId>,
    /// own cancels whose event is already queued; the kernel's copies are dropped
    pub own_cancels: u32,
    pub futures: Futures,
    pub held: Holdings,
    /// channel of each mailbox subscription
    subscription_channels: Vec<ChannelId>,
}

/// Something outside of the VM that a process holds.
pub trait Release: Send + Sync {
    /// Lets go of it. Does not wait.
    fn release(&self);
}

/// What a process holds; released when it ends.
#[derive(Default)]
pub struct Holdings(Vec<Weak<dyn Release>>);

impl Holdings {
    /// Adds one, unless there are so many already, and forgets those that are gone.
    pub fn add(&mut self, held: &Arc<dyn Release>, most: usize) -> bool {
        if self.0.len() == self.0.capacity() || self.0.len() >= most {
            self.0.retain(|held| held.strong_count() > 0);
        }
        if self.0.len() >= most {
            return false;
        }
        self.0.push(Arc::downgrade(held));
        true
    }
}

impl std::fmt::Debug for Holdings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Holdings({})", self.0.len())
    }
}

impl Drop for Holdings {
    fn drop(&mut self) {
        for held in self.0.drain(..).filter_map(|held| held.upgrade()) {
            held.release();
        }
    }
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
            guarded: false,
            arguments,
            stage: Stage::New,
            queued: true,
            preempted: false,
            trap_links: false,
            upgradable: false,
            wrote_globals: false,
            broken: false,
            category: 0,
            loading: 0,
            external: 0,
            dormant: 0,
            random: 0,
            seat: None,
            tasks: Tasks::default(),
            channels: Channels::default(),
            mailbox: Mailbox::default(),
            events: VecDeque::new(),
            units: SmallVec::new(),
            memory: birth.memory.and_then(NonZeroU64::new),
            memory_line: birth.memory.map_or(usize::MAX, |limit| limit as usize),
            gross: 0,
            charged: 0,
            result_limit: birth.result_limit,
            rare: None,
        }
    }

    /// A source outside the process is gone: time or a call fed it, or would have.
    pub fn lose_source(&mut self, source: &Source) {
        self.external -= 1;
        self.dormant -= u32::from(matches!(source, Source::After { timer: None, .. }));
    }

    pub fn slot(&self) -> Slot {
        self.pid.slot()
    }

    /// The lazily made part.
    pub fn rare(&mut self) -> &mut Rare {
        self.rare.get_or_insert_default()
    }

    pub fn task(&mut self, id: TaskId) -> Option<&mut Task> {
        self.tasks.get(id)
    }

    pub fn channel(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.channels.get(id)
    }

    /// The same, if it was made.
    pub fn rare_mut(&mut self) -> Option<&mut Rare> {
        self.rare.as_deref_mut()
    }

    /// The channel that stands in for the inbox after that was closed.
    pub fn inbox_again(&self) -> Option<ChannelId> {
        self.rare.as_ref()?.inbox_again
    }

    /// The same for the events.
    pub fn events_again(&self) -> Option<ChannelId> {
        self.rare.as_ref()?.events_again
    }

    /// Whether a CANCEL that arrives is the kernel's copy of one that is queued already.
    pub fn take_own_cancel(&mut self) -> bool {
        let Some(rare) = self.rare.as_mut().filter(|rare| rare.own_cancels > 0) else {
            return false;
        };
        rare.own_cancels -= 1;
        true
    }

    pub fn subscription_channel(&self, id: SubscriptionId) -> ChannelId {
        let channels = self.rare.as_ref().map(|rare| &rare.subscription_channels);
        channels.and_then(|channels| channels.get(id as usize)).copied().unwrap_or(ChannelId::MAX)
    }

    pub fn set_subscription_channel(&mut self, id: SubscriptionId, channel: ChannelId) {
        let channels = &mut self.rare().subscription_channels;
        if channels.len() <= id as usize {
            channels.resize(id as usize + 1, ChannelId::MAX);
        }
        channels[id as usize] = channel;
    }

    /// Gives back what the process keeps of Lua's.
    pub fn release(&mut self, holds: &mut Holds) {
        if !self.mailbox.is_empty() {
            for cargo in std::mem::take(&mut self.mailbox).into_messages() {
                if let Load::Held(hold) | Load::List(hold) = cargo.load {
                    holds.release(hold);
                }
            }
        }
        if !self.channels.is_empty() {
            for channel in self.channels.take() {
                channel.into_holds().for_each(|hold| holds.release(hold));
            }
        }
        if self.tasks.has_others() {
            for task in self.tasks.take() {
                task.anchor.into_iter().for_each(|hold| holds.release(hold));
            }
        }
        for unit in &mut self.units {
            if let Some(value) = unit.value.take() {
                holds.release(value);
            }
        }
    }

    /// Forgets that a task waits on channels.
    pub fn stop_waiting(&mut self, id: TaskId) {
        let Some(task) = self.tasks.get(id) else { return };
        task.ticket = task.ticket.wrapping_add(1);
        if let Wait::Channels(set) = std::mem::replace(&mut task.wait, Wait::None) {
            for channel in set.as_slice() {
                if let Some(channel) = self.channels.get(*channel) {
                    channel.forget(id);
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
    /// the call that feeds a channel
    Call { channel: ChannelId, number: u32 },
}

impl Meaning {
    pub fn token(&self) -> Token {
        Token(match *self {
            Meaning::Task { id, ticket } => (id as u64) << 32 | ticket as u64,
            Meaning::Channel(id) => 1 << 63 | id as u64,
            Meaning::Call { channel, number } => 1 << 62 | (number as u64) << 32 | channel as u64,
        })
    }

    pub fn of(token: Token) -> Meaning {
        if token.0 >> 63 == 1 {
            Meaning::Channel(token.0 as u32)
        } else if token.0 >> 62 == 1 {
            let number = (token.0 >> 32) as u32 & Futures::NUMBERS;
            Meaning::Call { channel: token.0 as u32, number }
        } else {
            Meaning::Task { id: (token.0 >> 32) as u32, ticket: token.0 as u32 }
        }
    }
}
