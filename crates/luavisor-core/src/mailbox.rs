//! One process's mailbox and the routing of messages by topic.
//!
//! Guarantees (SPEC 3.2):
//! - a message goes to the exact topic subscription if there is one, else it
//!   stays in the main queue, which the inbox reads;
//! - subscribing takes the waiting messages of that topic out of the main queue,
//!   in order; unsubscribing puts the unread ones back in arrival order;
//! - pushing and popping cost O(1), whatever the backlog. Only subscribing and
//!   unsubscribing walk it, once.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// Number of a live subscription of one mailbox.
pub type SubscriptionId = u32;

/// Where a pushed message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Route {
    /// the main queue, read by the inbox
    Inbox,
    /// a topic subscription
    Subscription(SubscriptionId),
}

#[derive(Debug)]
struct Queued<T, M> {
    sequence: u64,
    topic: T,
    message: M,
}

#[derive(Debug)]
struct Subscription<T, M> {
    topic: T,
    queue: VecDeque<Queued<T, M>>,
}

/// Messages `M` under topics `T`.
#[derive(Debug)]
pub struct Mailbox<T, M> {
    sequence: u64,
    main: VecDeque<Queued<T, M>>,
    /// made by the first subscription: most processes only have an inbox
    topics: Option<Box<Topics<T, M>>>,
}

#[derive(Debug)]
struct Topics<T, M> {
    ids: HashMap<T, SubscriptionId>,
    subscriptions: Vec<Option<Subscription<T, M>>>,
}

impl<T, M> Default for Mailbox<T, M> {
    fn default() -> Self {
        Mailbox { sequence: 0, main: VecDeque::new(), topics: None }
    }
}

impl<T, M> Default for Topics<T, M> {
    fn default() -> Self {
        Topics { ids: HashMap::new(), subscriptions: Vec::new() }
    }
}

impl<T: Clone + Eq + Hash, M> Mailbox<T, M> {
    /// Where a message of this topic would go.
    pub fn route(&self, topic: &T) -> Route {
        self.subscription(topic).map_or(Route::Inbox, Route::Subscription)
    }

    /// Queues a message.
    pub fn push(&mut self, topic: T, message: M) -> Route {
        let route = self.route(&topic);
        self.sequence += 1;
        let queued = Queued { sequence: self.sequence, topic, message };
        match route {
            Route::Inbox => self.main.push_back(queued),
            Route::Subscription(id) => {
                if let Some(subscription) = self.queue_of(id) {
                    subscription.push_back(queued);
                }
            }
        }
        route
    }

    /// The next message of the main queue.
    pub fn pop_inbox(&mut self) -> Option<(T, M)> {
        let queued = self.main.pop_front()?;
        Some((queued.topic, queued.message))
    }

    /// The next message of a subscription.
    pub fn pop(&mut self, id: SubscriptionId) -> Option<(T, M)> {
        let queued = self.queue_of(id)?.pop_front()?;
        Some((queued.topic, queued.message))
    }

    fn queue_of(&mut self, id: SubscriptionId) -> Option<&mut VecDeque<Queued<T, M>>> {
        let subscription = self.topics.as_mut()?.subscriptions.get_mut(id as usize)?.as_mut()?;
        Some(&mut subscription.queue)
    }

    fn subscriptions(&self) -> impl Iterator<Item = &Subscription<T, M>> {
        self.topics.iter().flat_map(|topics| topics.subscriptions.iter().flatten())
    }

    /// Whether the main queue holds a message.
    pub fn inbox_ready(&self) -> bool {
        !self.main.is_empty()
    }

    /// Whether a subscription holds a message.
    pub fn ready(&self, id: SubscriptionId) -> bool {
        let Some(topics) = &self.topics else { return false };
        matches!(topics.subscriptions.get(id as usize), Some(Some(s)) if !s.queue.is_empty())
    }

    /// The live subscription of a topic.
    pub fn subscription(&self, topic: &T) -> Option<SubscriptionId> {
        self.topics.as_ref()?.ids.get(topic).copied()
    }

    /// Subscribes to a topic that has no subscription yet and moves its waiting messages there.
    pub fn subscribe(&mut self, topic: T) -> SubscriptionId {
        let (wanted, rest) =
            self.main.drain(..).partition(|queued: &Queued<T, M>| queued.topic == topic);
        self.main = rest;
        let subscription = Subscription { topic: topic.clone(), queue: wanted };
        let topics = self.topics.get_or_insert_default();
        let free = topics.subscriptions.iter().position(Option::is_none);
        let index = free.unwrap_or(topics.subscriptions.len());
        if index == topics.subscriptions.len() {
            topics.subscriptions.push(Some(subscription));
        } else {
            topics.subscriptions[index] = Some(subscription);
        }
        topics.ids.insert(topic, index as SubscriptionId);
        index as SubscriptionId
    }

    /// Ends a subscription; its unread messages go back to the main queue, in arrival order.
    pub fn unsubscribe(&mut self, id: SubscriptionId) {
        let Some(topics) = &mut self.topics else { return };
        let Some(subscription) = topics.subscriptions.get_mut(id as usize).and_then(Option::take)
        else {
            return;
        };
        topics.ids.remove(&subscription.topic);
        if subscription.queue.is_empty() {
            return;
        }
        let mut merged = VecDeque::with_capacity(self.main.len() + subscription.queue.len());
        let mut back = subscription.queue.into_iter().peekable();
        for queued in self.main.drain(..) {
            while let Some(older) = back.next_if(|b| b.sequence < queued.sequence) {
                merged.push_back(older);
            }
            merged.push_back(queued);
        }
        merged.extend(back);
        self.main = merged;
    }

    /// All waiting messages, in no particular order.
    pub fn into_messages(self) -> impl Iterator<Item = M> {
        let topics = self.topics.into_iter().flat_map(|topics| topics.subscriptions);
        let subscribed = topics.flatten().flat_map(|subscription| subscription.queue);
        self.main.into_iter().chain(subscribed).map(|queued| queued.message)
    }

    /// The topics of the messages that came last, oldest of them first.
    pub fn last(&self, count: usize) -> impl Iterator<Item = &T> {
        let subscribed = self.subscriptions().flat_map(|each| each.queue.iter().rev().take(count));
        let mut last: Vec<&Queued<T, M>> =
            self.main.iter().rev().take(count).chain(subscribed).collect();
        last.sort_unstable_by_key(|queued| queued.sequence);
        let skipped = last.len().saturating_sub(count);
        last.into_iter().skip(skipped).map(|queued| &queued.topic)
    }

    /// How many messages wait.
    pub fn len(&self) -> usize {
        let queued = self.subscriptions().map(|s| s.queue.len());
        self.main.len() + queued.sum::<usize>()
    }

    /// Whether nothing waits.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// How many subscriptions are live.
    pub fn subscribed(&self) -> usize {
        self.topics.as_ref().map_or(0, |topics| topics.ids.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subscribing_takes_and_gives_back_in_order() {
        let mut mailbox = Mailbox::default();
        for (topic, message) in [("job", 1), ("other", 2), ("job", 3)] {
            assert_eq!(mailbox.push(topic, message), Route::Inbox);
        }
        let job = mailbox.subscribe("job");
        assert_eq!(mailbox.push("job", 4), Route::Subscription(job));
        assert_eq!(mailbox.pop(job), Some(("job", 1)));
        assert_eq!(mailbox.push("other", 5), Route::Inbox);
        mailbox.unsubscribe(job);
        assert_eq!(mailbox.push("job", 6), Route::Inbox);
        let order: Vec<_> = std::iter::from_fn(|| mailbox.pop_inbox()).map(|m| m.1).collect();
        assert_eq!(order, [2, 3, 4, 5, 6]);
    }

    #[test]
    fn subscription_numbers_are_reused() {
        let mut mailbox: Mailbox<&str, ()> = Mailbox::default();
        let first = mailbox.subscribe("a");
        let second = mailbox.subscribe("b");
        mailbox.unsubscribe(first);
        assert_eq!(mailbox.subscribe("c"), first);
        assert_eq!(mailbox.subscription(&"b"), Some(second));
        assert_eq!(mailbox.subscribed(), 2);
    }
}
