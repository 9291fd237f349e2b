//! The channels of one process by number.
//!
//! The inbox and events objects are singletons of the VM; what a process knows of
//! them lies at the numbers [`INBOX`] and [`EVENTS`] of its own table.

use std::collections::VecDeque;
use std::sync::Arc;

use luavisor_core::Object;
use luavisor_core::bus::BusEvent;
use luavisor_core::mailbox::SubscriptionId;
use smallvec::SmallVec;

use super::shelf::Hold;
use super::tasks::TaskId;
use crate::bus::Subscription;
use crate::kernel::TimerId;

/// Number of a channel within its process.
pub type ChannelId = u32;

/// The inbox singleton shared by all processes of a VM.
pub const INBOX: ChannelId = 0;
/// The events singleton shared by all processes of a VM.
pub const EVENTS: ChannelId = 1;
/// Numbers from here on are channels with objects of their own.
const FIRST: ChannelId = 2;

/// A value that a channel keeps.
#[derive(Debug)]
pub enum Held {
    Nil,
    Boolean(bool),
    Number(f64),
    Ref(Hold),
    Object(Box<Object>),
    /// of the event bus
    Event(Arc<BusEvent>),
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
    /// the answer of a call
    Future,
    /// the event bus
    Bus(Arc<Subscription>),
    /// one value when the timer fires
    Timer(TimerId),
    /// one value at this time of the kernel's clock; it has a timer from when a task
    /// first waits at it, or for nothing but timeouts, which most never see
    After {
        at: u64,
        timer: Option<TimerId>,
    },
    /// a value each `period`; `stopped` timers keep their channel open
    Ticker {
        timer: TimerId,
        period: u64,
    },
}

impl Source {
    /// The kernel's timer that feeds it, if one runs.
    pub fn timer(&self) -> Option<TimerId> {
        match *self {
            Source::Timer(timer) | Source::Ticker { timer, .. } => Some(timer),
            Source::After { timer, .. } => timer,
            _ => None,
        }
    }

    /// Whether it ends when nobody holds an object that leads to the channel.
    pub fn ends_with_its_objects(&self) -> bool {
        let timed = matches!(self, Source::Timer(_) | Source::Ticker { .. } | Source::After { .. });
        timed || matches!(self, Source::Future | Source::Bus(_))
    }
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
    pub receivers: SmallVec<[Waiter; 1]>,
    /// made when first needed: most inboxes never hold a value
    backlog: Option<Box<Backlog>>,
}

/// What waits in a channel.
#[derive(Debug, Default)]
struct Backlog {
    values: VecDeque<Held>,
    senders: VecDeque<Waiter>,
}

impl Channel {
    /// Bytes that a channel counts for, beside its object.
    pub const BASE: usize = 192;
    /// Bytes that a buffered value counts for, beside the value.
    pub const VALUE: usize = 32;

    pub fn new(source: Source, capacity: u32) -> Channel {
        Channel {
            source,
            capacity,
            closed: false,
            views: 1,
            anchor: None,
            receivers: SmallVec::new(),
            backlog: None,
        }
    }

    /// Bytes that the channel counts for.
    pub fn weight(&self) -> usize {
        Channel::BASE + self.buffered() * Channel::VALUE
    }

    fn buffered(&self) -> usize {
        self.backlog.as_ref().map_or(0, |backlog| backlog.values.len())
    }

    /// Whether its buffer has room for a value.
    pub fn has_room(&self) -> bool {
        (self.buffered() as u64) < u64::from(self.capacity)
    }

    /// Whether its buffer holds a value.
    pub fn has_value(&self) -> bool {
        self.buffered() > 0
    }

    /// Puts a value into the buffer.
    pub fn keep(&mut self, value: Held) {
        self.backlog.get_or_insert_default().values.push_back(value);
    }

    /// Takes the next value of the buffer.
    pub fn pop(&mut self) -> Option<Held> {
        self.backlog.as_mut()?.values.pop_front()
    }

    /// A sender waits.
    pub fn add_sender(&mut self, sender: Waiter) {
        self.backlog.get_or_insert_default().senders.push_back(sender);
    }

    /// The sender that has waited longest.
    pub fn next_sender(&mut self) -> Option<Waiter> {
        self.backlog.as_mut()?.senders.pop_front()
    }

    /// All waiting senders.
    pub fn take_senders(&mut self) -> VecDeque<Waiter> {
        self.backlog
            .as_mut()
            .map(|backlog| std::mem::take(&mut backlog.senders))
            .unwrap_or_default()
    }

    /// A task does not wait any more.
    pub fn forget(&mut self, task: TaskId) {
        self.receivers.retain(|waiter| waiter.task != task);
        if let Some(backlog) = &mut self.backlog {
            backlog.senders.retain(|waiter| waiter.task != task);
        }
    }

    /// What the channel keeps of Lua's.
    pub fn into_holds(self) -> impl Iterator<Item = Hold> {
        let values = self.backlog.map(|backlog| backlog.values).unwrap_or_default();
        let held = values.into_iter().filter_map(|held| match held {
            Held::Ref(hold) => Some(hold),
            _ => None,
        });
        held.chain(self.anchor)
    }
}

/// See the module.
#[derive(Debug, Default)]
pub struct Channels {
    singletons: [Option<Box<Channel>>; FIRST as usize],
    others: Option<Box<Others>>,
}

#[derive(Debug, Default)]
struct Others {
    /// the channel with number n lies at n - FIRST
    channels: Vec<Option<Box<Channel>>>,
    free: Vec<ChannelId>,
}

impl Channels {
    fn place(&mut self, id: ChannelId) -> Option<&mut Option<Box<Channel>>> {
        match id {
            INBOX | EVENTS => Some(&mut self.singletons[id as usize]),
            _ => self.others.as_mut()?.channels.get_mut((id - FIRST) as usize),
        }
    }

    pub fn get(&mut self, id: ChannelId) -> Option<&mut Channel> {
        self.place(id)?.as_deref_mut()
    }

    pub fn iter(&self) -> impl Iterator<Item = &Channel> {
        let others = self.others.iter().flat_map(|others| others.channels.iter());
        self.singletons.iter().chain(others).flatten().map(|channel| &**channel)
    }

    /// The numbers that are or were in use.
    pub fn ids(&self) -> std::ops::Range<ChannelId> {
        0..FIRST + self.others.as_ref().map_or(0, |others| others.channels.len()) as ChannelId
    }

    /// Opens the inbox or events singleton.
    pub fn open(&mut self, id: ChannelId, source: Source) {
        if let Some(place) = self.place(id) {
            place.get_or_insert_with(|| Box::new(Channel::new(source, 0)));
        }
    }

    /// Adds a channel that has an object of its own.
    pub fn add(&mut self, channel: Channel) -> ChannelId {
        let others = self.others.get_or_insert_default();
        let id = others.free.pop().unwrap_or_else(|| {
            others.channels.push(None);
            FIRST + others.channels.len() as ChannelId - 1
        });
        others.channels[(id - FIRST) as usize] = Some(Box::new(channel));
        id
    }

    /// Forgets a channel whose objects were collected; its number is free again.
    pub fn remove(&mut self, id: ChannelId) -> Option<Box<Channel>> {
        let channel = self.place(id).filter(|_| id >= FIRST)?.take()?;
        if let Some(others) = &mut self.others {
            others.free.push(id);
        }
        Some(channel)
    }

    /// Takes a channel out; its number stays taken until it is removed.
    pub fn vacate(&mut self, id: ChannelId, successor: Option<Channel>) -> Option<Box<Channel>> {
        let place = self.place(id)?;
        let channel = place.take();
        *place = successor.filter(|_| channel.is_some()).map(Box::new);
        channel
    }

    /// Whether no channel was ever opened.
    pub fn is_empty(&self) -> bool {
        self.others.is_none() && self.singletons.iter().all(Option::is_none)
    }

    /// Takes all channels out.
    pub fn take(&mut self) -> impl Iterator<Item = Box<Channel>> + use<> {
        let Channels { singletons, others } = std::mem::take(self);
        let others = others.into_iter().flat_map(|others| others.channels);
        singletons.into_iter().chain(others).flatten()
    }
}
