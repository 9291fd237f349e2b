//! The event bus: who subscribed to what.
//!
//! A sender puts its event into the buffer of every subscription that wants it
//! and rings the bells of those that have not been rung. That is all of a sender's
//! work, whatever the readers do; and because each buffer is filled under its own
//! lock, events of one sender are in it in the order in which it sent them.
//!
//! Subscriptions to one system are found by its name; only those with patterns are
//! tried one by one.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, RwLock};

use luavisor_core::Pid;
use luavisor_core::bus::BusEvent;
use luavisor_core::pattern::{Name, Pattern};
use luavisor_vm::{Subscription, Token};

use crate::sync::{read, write};

/// See the module.
#[derive(Default)]
pub(crate) struct Bus {
    subscribers: RwLock<Subscribers>,
    /// how many there are: when nobody subscribed, sending costs one load
    count: AtomicUsize,
    last_number: AtomicU64,
}

#[derive(Default)]
struct Subscribers {
    /// by the only system that they want
    literal: HashMap<String, BTreeMap<u64, Subscriber>>,
    patterns: BTreeMap<u64, Subscriber>,
}

struct Subscriber {
    pid: Pid,
    token: Token,
    subscription: Arc<Subscription>,
}

/// What an event brought about.
#[derive(Default)]
pub(crate) struct Published {
    /// processes to be told that something came
    pub bells: Vec<(Pid, Token)>,
    /// subscribers that were too slow, with the number of events that they lost
    pub dropped: Vec<(Pid, u64)>,
}

impl Bus {
    /// Adds a subscription; the bell of the process `pid` rings with `token`.
    pub fn subscribe(
        &self,
        pid: Pid,
        system: Pattern,
        kind: Option<Pattern>,
        token: Token,
    ) -> Arc<Subscription> {
        let number = self.last_number.fetch_add(1, Ordering::Relaxed) + 1;
        let literal = system.literal();
        let subscription = Arc::new(Subscription::new(number, system, kind));
        let subscriber = Subscriber { pid, token, subscription: subscription.clone() };
        let mut subscribers = write(&self.subscribers);
        let group = match literal {
            Some(name) => subscribers.literal.entry(name).or_default(),
            None => &mut subscribers.patterns,
        };
        group.insert(number, subscriber);
        self.count.fetch_add(1, Ordering::SeqCst);
        subscription
    }

    /// Takes a subscription out.
    pub fn unsubscribe(&self, subscription: &Subscription) {
        let mut subscribers = write(&self.subscribers);
        let removed = match subscription.system.literal() {
            Some(name) => {
                let group = subscribers.literal.get_mut(&name);
                let removed = group.and_then(|group| group.remove(&subscription.number));
                if subscribers.literal.get(&name).is_some_and(BTreeMap::is_empty) {
                    subscribers.literal.remove(&name);
                }
                removed
            }
            None => subscribers.patterns.remove(&subscription.number),
        };
        if removed.is_some() {
            self.count.fetch_sub(1, Ordering::SeqCst);
        }
    }

    /// Puts an event into the buffers of all who want it.
    pub fn publish(&self, event: BusEvent, now: impl Fn() -> u64) -> Published {
        let mut published = Published::default();
        if self.count.load(Ordering::SeqCst) == 0 {
            return published;
        }
        let event = Arc::new(event);
        let (system, kind) = (Name::new(&event.system), Name::new(&event.kind));
        let subscribers = read(&self.subscribers);
        let literal = subscribers.literal.get(&*event.system);
        let all = literal.into_iter().flat_map(BTreeMap::values);
        for subscriber in all.chain(subscribers.patterns.values()) {
            if !subscriber.subscription.wants(&system, &kind) {
                continue;
            }
            let added = subscriber.subscription.add(event.clone(), &now);
            if added.ring {
                published.bells.push((subscriber.pid, subscriber.token));
            }
            if let Some(count) = added.dropped {
                published.dropped.push((subscriber.pid, count));
            }
        }
        published
    }
}
