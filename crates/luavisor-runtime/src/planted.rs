//! Bugs on purpose: what simulation must find. Nothing plants one but tests, and
//! nothing has an effect outside of simulations.

use luavisor_core::Pid;

use crate::observe::MessageStage;
use crate::random::Rng;
use crate::shard::kernel::ShardKernel;
use crate::shard::signal::Signal;

/// A bug. What happens *now and then* is drawn from the seed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bug {
    /// An EXIT gets lost now and then.
    LostExit,
    /// An EXIT comes twice now and then.
    DoubleExit,
    /// The failure of a linked process gets lost now and then.
    LostLinkFailure,
    /// `unlink` leaves the link as it is.
    LinkKept,
    /// A supervisor leaves its children behind.
    Orphan,
    /// The names of a process outlive it.
    NameKept,
    /// A name may be registered again now and then.
    NameTakenTwice,
    /// A supervisor restarts for ever, whatever its restart intensity.
    BudgetIgnored,
    /// A message gets lost on its way now and then.
    LostMessage,
    /// A message arrives twice now and then.
    DoubleMessage,
    /// A message arrives but is not in the mailbox, now and then.
    VanishedMessage,
    /// Two messages from one process to another change places now and then.
    Overtaking,
    /// Messages to processes that have ended are accepted.
    DeadAccepts,
    /// A timer that is stopped fires all the same now and then.
    TimerKept,
    /// A process with unread messages does not hear that it is cancelled.
    LostCancel,
    /// A process that gets what it waits for goes on waiting now and then.
    LostWake,
    /// A process whose end was claimed runs once more.
    KilledRuns,
    /// Who became ready last runs first.
    Starving,
    /// Nothing is collected in the VM of a host that stops.
    GarbageKept,
    /// A supervisor that should stop a child forgets it.
    ForgottenChild,
    /// The shutdown uses no force when its time is up.
    EndlessShutdown,
}

impl Bug {
    /// All of them, with the names by which they are planted.
    pub const ALL: [(&'static str, Bug); 21] = [
        ("lost-exit", Bug::LostExit),
        ("double-exit", Bug::DoubleExit),
        ("lost-link-failure", Bug::LostLinkFailure),
        ("link-kept", Bug::LinkKept),
        ("orphan", Bug::Orphan),
        ("name-kept", Bug::NameKept),
        ("name-taken-twice", Bug::NameTakenTwice),
        ("budget-ignored", Bug::BudgetIgnored),
        ("lost-message", Bug::LostMessage),
        ("double-message", Bug::DoubleMessage),
        ("vanished-message", Bug::VanishedMessage),
        ("overtaking", Bug::Overtaking),
        ("dead-accepts", Bug::DeadAccepts),
        ("timer-kept", Bug::TimerKept),
        ("lost-cancel", Bug::LostCancel),
        ("lost-wake", Bug::LostWake),
        ("killed-runs", Bug::KilledRuns),
        ("starving", Bug::Starving),
        ("garbage-kept", Bug::GarbageKept),
        ("forgotten-child", Bug::ForgottenChild),
        ("endless-shutdown", Bug::EndlessShutdown),
    ];
}

/// Does to signals from other shards what the planted bug does, if it is one of those.
pub(crate) fn damage(kernel: &mut ShardKernel, signals: &mut Vec<Signal>) {
    let Some(bug) = kernel.world.bug() else { return };
    match bug {
        Bug::Overtaking => overtake(signals),
        Bug::LostMessage | Bug::VanishedMessage | Bug::DoubleMessage => {}
        _ => return,
    }
    let message = signals.iter().position(|signal| route(signal).is_some());
    let Some(place) = message.filter(|_| kernel.rng.below(8) == 0) else { return };
    match (bug, &signals[place]) {
        (Bug::LostMessage, _) => drop(signals.remove(place)),
        (Bug::VanishedMessage, Signal::Message { to, from, room, .. }) => {
            kernel.tell_message(*from, *to, *room, MessageStage::Arrived);
            signals.remove(place);
        }
        (Bug::DoubleMessage, Signal::Message { to, from, topic, payload, room }) => {
            let (topic, payload) = (topic.clone(), payload.clone());
            signals.push(Signal::Message { to: *to, from: *from, topic, payload, room: *room });
        }
        _ => {}
    }
}

fn route(signal: &Signal) -> Option<(Pid, Pid)> {
    match signal {
        Signal::Message { to, from, .. } => Some((*to, *from)),
        _ => None,
    }
}

/// The first two messages of one process to another that follow each other change places.
fn overtake(signals: &mut [Signal]) {
    let such = |pair: &[Signal]| route(&pair[0]).is_some() && route(&pair[0]) == route(&pair[1]);
    if let Some(first) = signals.windows(2).position(such) {
        signals.swap(first, first + 1);
    }
}
