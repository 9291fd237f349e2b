//! The rules of a supervisor and the three decisions made from them.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use crate::restart::Backoff;

/// What the restart of one child means for the others.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Strategy {
    /// Nothing.
    #[default]
    OneForOne,
    /// All others are stopped, then all start.
    OneForAll,
    /// Those that started after it are stopped, then it and they start.
    RestForOne,
}

impl Strategy {
    /// Its name in entries.
    pub fn as_str(self) -> &'static str {
        match self {
            Strategy::OneForOne => "one_for_one",
            Strategy::OneForAll => "one_for_all",
            Strategy::RestForOne => "rest_for_one",
        }
    }
}

/// Which ends of a child are followed by a new start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Restart {
    /// All.
    #[default]
    Permanent,
    /// Failures.
    Transient,
    /// None.
    Temporary,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// CANCEL, and a forced end after this time.
    Deadline(Duration),
    /// CANCEL, and it takes as long as it takes.
    Infinity,
    /// A forced end at once.
    Kill,
}

/// Whether the end of significant children ends the supervisor.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum AutoShutdown {
    /// No.
    #[default]
    Never,
    /// When one has ended by itself.
    AnySignificant,
    /// When the last of them has ended by itself.
    AllSignificant,
}

/// How many restarts within which time are too many.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Intensity {
    /// one more than so many exhausts the budget
    pub restarts: u32,
    /// a restart counts for this long
    pub period: Duration,
}

impl Default for Intensity {
    fn default() -> Intensity {
        Intensity { restarts: 3, period: Duration::from_secs(5) }
    }
}

/// What holds for all children of a supervisor.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rules {
    /// what one restart means for the others
    pub strategy: Strategy,
    /// when it gives up
    pub intensity: Intensity,
    /// how long a restart waits
    pub backoff: Backoff,
    /// when it ends by itself
    pub auto_shutdown: AutoShutdown,
}

impl Default for Rules {
    /// The defaults of SPEC 13.1.
    fn default() -> Rules {
        Rules {
            strategy: Strategy::OneForOne,
            intensity: Intensity::default(),
            backoff: Backoff {
                initial_delay: Duration::from_millis(100),
                max_delay: Duration::from_secs(10),
                factor: 2.0,
                jitter: 0.1,
            },
            auto_shutdown: AutoShutdown::Never,
        }
    }
}

/// One child, or a group of alike children.
#[derive(Clone, Debug, PartialEq)]
pub struct ChildRule {
    /// its name; with a `count` the part before the number
    pub name: Arc<str>,
    /// how many: `None` is one child with exactly this name
    pub count: Option<u32>,
    /// which ends are followed by a new start
    pub restart: Restart,
    /// how it is stopped
    pub shutdown: Shutdown,
    /// the next child starts only when it has said that it is ready
    pub ready: bool,
    /// how long that may take; `None`: as long as it takes
    pub start_timeout: Option<Duration>,
    /// its end may end the supervisor
    pub significant: bool,
}

impl ChildRule {
    /// The defaults of SPEC 13.1 for a child that is no supervisor.
    pub fn new(name: impl Into<Arc<str>>) -> ChildRule {
        ChildRule {
            name: name.into(),
            count: None,
            restart: Restart::Permanent,
            shutdown: Shutdown::Deadline(Duration::from_secs(5)),
            ready: false,
            start_timeout: Some(Duration::from_secs(10)),
            significant: false,
        }
    }
}

/// The children that are started at run time.
#[derive(Clone, Debug, PartialEq)]
pub struct DynamicRule {
    /// what the names that it makes begin with
    pub name: Arc<str>,
    /// how many may live at once
    pub max_children: u32,
    /// which ends are followed by a new start
    pub restart: Restart,
    /// how they are stopped
    pub shutdown: Shutdown,
}

/// How a life of a child ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChildEnd {
    /// It returned without an error.
    Normal,
    /// It failed.
    Failure,
    /// It could not be started, or ended before it was ready.
    FailedStart,
}

/// The answer to *should it restart?*
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is started again, if the budget allows.
    Restart,
    /// It keeps its place, in state `exited`.
    Kept,
    /// Its specification is gone.
    Forgotten,
}

/// *Should it restart?*
///
/// | end | permanent | transient | temporary |
/// |---|---|---|---|
/// | normal | restart | kept | forgotten |
/// | failure | restart | restart | forgotten |
/// | failed start | restart | restart | restart |
pub fn verdict(restart: Restart, end: ChildEnd) -> Verdict {
    match (end, restart) {
        (ChildEnd::FailedStart, _) | (_, Restart::Permanent) => Verdict::Restart,
        (ChildEnd::Failure, Restart::Transient) => Verdict::Restart,
        (ChildEnd::Normal, Restart::Transient) => Verdict::Kept,
        (_, Restart::Temporary) => Verdict::Forgotten,
    }
}

/// *What stops and starts with it?* The places, in the order of start, of all that
/// a restart of the child at `place` concerns, itself included. Dynamic children
/// have no place: they are behind all others, and of their own restarts no other
/// child takes notice.
///
/// | strategy | |
/// |---|---|
/// | one_for_one | the child alone |
/// | one_for_all | all |
/// | rest_for_one | the child and all behind it |
pub fn affected(strategy: Strategy, place: usize, places: usize) -> Range<usize> {
    match strategy {
        Strategy::OneForOne => place..place + 1,
        Strategy::OneForAll => 0..places,
        Strategy::RestForOne => place..places,
    }
}

/// The restarts that still count.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    times: VecDeque<u64>,
}

impl Budget {
    /// *Is the budget used up?* Takes one restart at time `now`, in nanoseconds;
    /// `None` if it is one too many, else how many are left. A restart counts as long
    /// as it is not older than the period, as in OTP.
    pub fn spend(&mut self, intensity: Intensity, now: u64) -> Option<u32> {
        let period = u64::try_from(intensity.period.as_nanos()).unwrap_or(u64::MAX);
        let counts = |time: &u64| now.saturating_sub(*time) <= period;
        while self.times.front().is_some_and(|time| !counts(time)) {
            self.times.pop_front();
        }
        let left = intensity.restarts.checked_sub(self.times.len() as u32 + 1)?;
        self.times.push_back(now);
        Some(left)
    }
}
