//! Bugs on purpose: what simulation must find. Nothing plants one but tests, and
//! nothing has an effect outside of simulations.

/// A bug.
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
    /// A supervisor restarts for ever, whatever its restart intensity.
    BudgetIgnored,
    /// Two messages from one process to another change places now and then.
    Overtaking,
    /// A timer that is stopped fires all the same now and then.
    TimerKept,
    /// A process with unread messages does not hear that it is cancelled.
    LostCancel,
    /// A process whose end was claimed runs once more.
    KilledRuns,
    /// A supervisor that should stop a child forgets it.
    ForgottenChild,
}

impl Bug {
    /// All of them, with the names by which they are planted.
    pub const ALL: [(&'static str, Bug); 12] = [
        ("lost-exit", Bug::LostExit),
        ("double-exit", Bug::DoubleExit),
        ("lost-link-failure", Bug::LostLinkFailure),
        ("link-kept", Bug::LinkKept),
        ("orphan", Bug::Orphan),
        ("name-kept", Bug::NameKept),
        ("budget-ignored", Bug::BudgetIgnored),
        ("overtaking", Bug::Overtaking),
        ("timer-kept", Bug::TimerKept),
        ("lost-cancel", Bug::LostCancel),
        ("killed-runs", Bug::KilledRuns),
        ("forgotten-child", Bug::ForgottenChild),
    ];
}
