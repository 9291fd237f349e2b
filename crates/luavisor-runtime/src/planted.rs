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
}

impl Bug {
    /// All of them, with the names by which they are planted.
    pub const ALL: [(&'static str, Bug); 7] = [
        ("lost-exit", Bug::LostExit),
        ("double-exit", Bug::DoubleExit),
        ("lost-link-failure", Bug::LostLinkFailure),
        ("link-kept", Bug::LinkKept),
        ("orphan", Bug::Orphan),
        ("name-kept", Bug::NameKept),
        ("budget-ignored", Bug::BudgetIgnored),
    ];
}
