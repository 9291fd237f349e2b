//! Messages: I3, I4, and that none is lost or comes twice.

use std::collections::{BTreeMap, VecDeque};

use luavisor::{Bytes, MessageStage, Pid};

use super::Names;

/// A message that its receiver has not taken.
struct Letter {
    stamp: u32,
    topic: Bytes,
    arrived: bool,
}

/// What is known of them: by receiver and sender, in the order of sending.
#[derive(Default)]
pub struct Messages(BTreeMap<Pid, BTreeMap<Pid, VecDeque<Letter>>>);

impl Messages {
    /// A message was sent, arrived, or was taken: what is wrong with that, if anything.
    pub fn move_on(
        &mut self,
        names: &Names,
        (from, to, stamp): (Pid, Pid, u32),
        stage: &MessageStage,
        lives: impl Fn(Pid) -> bool,
    ) -> Option<String> {
        let who = || (names.of(from), names.of(to));
        let letters = match stage {
            MessageStage::Sent { topic, .. } => {
                if !lives(to) {
                    let (from, to) = who();
                    return Some(format!("I4: {from} sent a message to {to}, which had ended"));
                }
                let letters = self.0.entry(to).or_default().entry(from).or_default();
                letters.push_back(Letter { stamp, topic: topic.clone(), arrived: false });
                return None;
            }
            // To a process that has ended meanwhile.
            _ if !lives(to) => return None,
            _ => self.0.get_mut(&to).and_then(|senders| senders.get_mut(&from)),
        };
        let find =
            |letters: &VecDeque<Letter>| letters.iter().position(|letter| letter.stamp == stamp);
        let Some((letters, place)) = letters.and_then(|all| find(all).map(|at| (all, at))) else {
            let (from, to) = who();
            return Some(format!("I3: {to} got a message of {from} that was not sent, or twice"));
        };
        let letter = &letters[place];
        let arrives = *stage == MessageStage::Arrived;
        // Those of one topic go one way. Those that arrive all go one way.
        let overtaken = |other: &Letter| match arrives {
            true => !other.arrived,
            false => other.topic == letter.topic,
        };
        if let Some(other) = letters.iter().take(place).find(|other| overtaken(other)) {
            let (from, to) = who();
            let (topic, other) = (text(&letter.topic), text(&other.topic));
            return Some(format!(
                "I3: a message \"{topic}\" from {from} to {to} overtook an earlier one, \"{other}\""
            ));
        }
        if arrives == letter.arrived {
            let (from, to) = who();
            return Some(format!("I3: a message of {from} came to {to} twice, or out of turn"));
        }
        match arrives {
            true => letters[place].arrived = true,
            false => drop(letters.remove(place)),
        }
        None
    }

    /// A message to a living process that has not arrived, now that nothing is under way.
    pub fn missing(&self, names: &Names) -> Option<String> {
        let all = self.0.iter().flat_map(|(to, senders)| {
            senders.iter().flat_map(move |(from, all)| all.iter().map(move |one| (to, from, one)))
        });
        let (to, from, letter) = all.into_iter().find(|(_, _, letter)| !letter.arrived)?;
        let (topic, from, to) = (text(&letter.topic), names.of(*from), names.of(*to));
        Some(format!("I3: a message \"{topic}\" from {from} never reached {to}"))
    }

    /// A mailbox that does not hold what arrived and was not taken. Nothing is under way.
    pub fn vanished(&self, names: &Names, mailboxes: Vec<(Pid, usize)>) -> Option<String> {
        let wrong = |(pid, held): &(Pid, usize)| self.unread(*pid) != *held as u64;
        let (pid, held) = mailboxes.into_iter().find(wrong)?;
        let (expected, pid) = (self.unread(pid), names.of(pid));
        Some(format!("I3: {expected} messages should be in the mailbox of {pid}, {held} are"))
    }

    /// A process ended: its mailbox is gone.
    pub fn forget(&mut self, pid: Pid) {
        self.0.remove(&pid);
    }

    /// Forgets senders of whom nothing is left.
    pub fn tidy(&mut self) {
        for senders in self.0.values_mut() {
            senders.retain(|_, letters| !letters.is_empty());
        }
        self.0.retain(|_, senders| !senders.is_empty());
    }

    /// Messages that a process has not taken.
    pub fn unread(&self, pid: Pid) -> u64 {
        let senders = self.0.get(&pid).into_iter().flat_map(|senders| senders.values());
        senders.map(|letters| letters.len() as u64).sum()
    }
}

fn text(topic: &Bytes) -> String {
    String::from_utf8_lossy(topic).into_owned()
}
