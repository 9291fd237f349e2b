//! Whether, when and how often a service is started again.
//!
//! Three questions, three functions, each readable alone:
//!
//! 1. *should it restart?* [`verdict`], the decision table of the documentation;
//! 2. *after which delay?* [`RestartRule::delay`];
//! 3. *is the budget used up?* [`RestartRule::exhausted`].
//!
//! [`Restarts`] counts consecutive restarts and puts the three together. There
//! is no clock and no randomness here: the caller says how long the last life
//! ran and brings a uniform number for the jitter.
//!
//! | end | `on_failure` | `permanent` | `never` |
//! |---|---|---|---|
//! | normal return | Exited | restart | Exited |
//! | failure | restart | restart | Exited, logged |
//! | `errors.new{retryable=false}` of the program | Exited, logged | restart | Exited, logged |
//! | after a stop was asked for | Stopped | Stopped | Stopped |

use std::time::Duration;

use crate::error::Maker;
use crate::exit::{Exit, Reason};

/// Which ends of a service are followed by a new start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Policy {
    /// Only failures that a retry can help.
    #[default]
    OnFailure,
    /// Every end, the normal return included.
    Permanent,
    /// None.
    Never,
}

/// What happens when all attempts are used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OnExhausted {
    /// The service stays Failed, everything else goes on.
    #[default]
    Ignore,
    /// The whole runtime shuts down with exit code 1.
    Shutdown,
}

/// The `restart` settings of one service, with `stable_threshold`.
#[derive(Clone, Debug, PartialEq)]
pub struct RestartRule {
    /// which ends lead to a restart
    pub policy: Policy,
    /// delay before the first restart
    pub initial_delay: Duration,
    /// upper bound of the delay, before jitter
    pub max_delay: Duration,
    /// growth of the delay from one restart to the next
    pub backoff_factor: f64,
    /// half width of the uniform factor around 1, from 0 to 1
    pub jitter: f64,
    /// consecutive restarts; 0 means unlimited
    pub max_attempts: u32,
    /// what happens after the last attempt
    pub on_exhausted: OnExhausted,
    /// a run of at least this long makes the next restart the first one again
    pub stable_threshold: Duration,
}

impl Default for RestartRule {
    fn default() -> RestartRule {
        RestartRule {
            policy: Policy::OnFailure,
            initial_delay: Duration::from_secs(1),
            max_delay: Duration::from_secs(90),
            backoff_factor: 2.0,
            jitter: 0.1,
            max_attempts: 0,
            on_exhausted: OnExhausted::Ignore,
            stable_threshold: Duration::from_secs(5),
        }
    }
}

/// How long to wait before a restart.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// delay before the first restart; zero: no delay at all
    pub initial_delay: Duration,
    /// upper bound of the delay, before jitter
    pub max_delay: Duration,
    /// growth of the delay from one restart to the next
    pub factor: f64,
    /// half width of the uniform factor around 1, from 0 to 1
    pub jitter: f64,
}

impl Backoff {
    /// The delay before consecutive restart `k`, counted from 1.
    ///
    /// `min(initial_delay * factor^(k-1), max_delay)`, times
    /// `1 - jitter + 2 * jitter * uniform`, where `uniform` is from `0.0` to `1.0`.
    pub fn delay(&self, k: u32, uniform: f64) -> Duration {
        let growth = self.factor.powf(f64::from(k.saturating_sub(1)));
        let grown = self.initial_delay.as_secs_f64() * growth;
        // Zero times infinity is NaN: a zero initial delay stays zero.
        let bounded = if self.initial_delay.is_zero() {
            0.0
        } else {
            grown.min(self.max_delay.as_secs_f64())
        };
        let factor = 1.0 - self.jitter + 2.0 * self.jitter * uniform.clamp(0.0, 1.0);
        Duration::try_from_secs_f64(bounded * factor).unwrap_or(self.max_delay)
    }
}

/// How a life of a service ended, as far as restarting is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// `main` returned without an error.
    Normal,
    /// Any other end: a failed spawn, a returned error, a link kill, terminate.
    Failure,
    /// The program said that a retry is pointless: an error of its own with `retryable = false`.
    Final,
    /// The end came after somebody had asked the service to stop.
    Requested,
}

impl End {
    /// Sorts an exit record. `stop_requested` wins over whatever the record says.
    ///
    /// Only an error made by `errors.new{retryable=false}` and returned or
    /// raised by the process itself is final; errors of the runtime are not,
    /// whatever their flag.
    pub fn of(exit: &Exit, stop_requested: bool) -> End {
        if stop_requested {
            return End::Requested;
        }
        match &exit.error {
            None => End::Normal,
            Some(error)
                if exit.reason == Reason::Error
                    && error.maker == Maker::Program
                    && error.retryable == Some(false) =>
            {
                End::Final
            }
            Some(_) => End::Failure,
        }
    }
}

/// The answer to *should it restart?*
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Start it again, if the budget allows.
    Restart,
    /// It is done.
    Exited,
    /// It is done and the end deserves an ERROR log.
    ExitedWithError,
    /// It was asked to stop and did.
    Stopped,
}

/// *Should it restart?* The table at the head of this module, line by line.
pub fn verdict(policy: Policy, end: End) -> Verdict {
    match (end, policy) {
        (End::Requested, _) => Verdict::Stopped,
        (_, Policy::Permanent) => Verdict::Restart,
        (End::Normal, _) => Verdict::Exited,
        (End::Failure, Policy::OnFailure) => Verdict::Restart,
        (End::Failure, Policy::Never) | (End::Final, _) => Verdict::ExitedWithError,
    }
}

impl RestartRule {
    /// *After which delay?* The delay before consecutive restart `k`, counted from 1;
    /// see [`Backoff::delay`].
    pub fn delay(&self, k: u32, uniform: f64) -> Duration {
        let RestartRule { initial_delay, max_delay, backoff_factor, jitter, .. } = *self;
        Backoff { initial_delay, max_delay, factor: backoff_factor, jitter }.delay(k, uniform)
    }

    /// *Is the budget used up* after `restarts` consecutive restarts?
    ///
    /// `max_attempts: N` allows N restarts, hence N + 1 starts.
    pub fn exhausted(&self, restarts: u32) -> bool {
        self.max_attempts != 0 && restarts >= self.max_attempts
    }
}

/// What to do after an end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Start a new process after `delay`.
    Restart {
        /// how long to wait
        delay: Duration,
        /// which consecutive restart it is, from 1
        attempt: u32,
    },
    /// Exited: nothing more happens.
    Exited {
        /// whether an ERROR log is due
        error: bool,
    },
    /// Stopped, as it was asked to.
    Stopped,
    /// Failed for good: the attempts are used up. One ERROR log is due.
    Exhausted(OnExhausted),
}

/// Counts the consecutive restarts of one service.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Restarts {
    consecutive: u32,
}

impl Restarts {
    /// How many restarts have followed each other without a stable run between them.
    pub fn consecutive(&self) -> u32 {
        self.consecutive
    }

    /// Forgets the past: somebody started the service anew.
    pub fn reset(&mut self) {
        self.consecutive = 0;
    }

    /// Decides after an end. `ran` is the time that the life was Running, zero
    /// for a failed start; `uniform`, from `0.0` to `1.0`, chooses the jitter.
    pub fn decide(
        &mut self,
        rule: &RestartRule,
        end: End,
        ran: Duration,
        uniform: f64,
    ) -> Decision {
        match verdict(rule.policy, end) {
            Verdict::Stopped => return Decision::Stopped,
            Verdict::Exited => return Decision::Exited { error: false },
            Verdict::ExitedWithError => return Decision::Exited { error: true },
            Verdict::Restart => {}
        }
        // A failed start has no run, so a threshold of zero must not reset it.
        if !ran.is_zero() && ran >= rule.stable_threshold {
            self.consecutive = 0;
        }
        if rule.exhausted(self.consecutive) {
            return Decision::Exhausted(rule.on_exhausted);
        }
        self.consecutive = self.consecutive.saturating_add(1);
        let delay = rule.delay(self.consecutive, uniform);
        Decision::Restart { delay, attempt: self.consecutive }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::{Error, Kind};
    use crate::value::Values;

    fn failure(reason: Reason, maker: Maker, retryable: Option<bool>) -> Exit {
        let mut error = Error::internal("no");
        error.maker = maker;
        error.retryable = retryable;
        Exit::failure(reason, error)
    }

    #[test]
    fn the_decision_table() {
        use Policy::{Never, OnFailure, Permanent};
        use Verdict::{Exited, ExitedWithError, Restart, Stopped};
        for (end, expected) in [
            (End::Normal, [Exited, Restart, Exited]),
            (End::Failure, [Restart, Restart, ExitedWithError]),
            (End::Final, [ExitedWithError, Restart, ExitedWithError]),
            (End::Requested, [Stopped, Stopped, Stopped]),
        ] {
            for (policy, expected) in [OnFailure, Permanent, Never].into_iter().zip(expected) {
                assert_eq!(verdict(policy, end), expected, "{end:?} under {policy:?}");
            }
        }
    }

    #[test]
    fn only_the_programs_own_not_retryable_error_is_final() {
        use Maker::{Program, Runtime};
        for (exit, end) in [
            (Exit::normal(Values::none()), End::Normal),
            (Exit::normal(Values::one(false)), End::Normal),
            (failure(Reason::Error, Program, Some(false)), End::Final),
            (failure(Reason::Error, Program, Some(true)), End::Failure),
            (failure(Reason::Error, Program, None), End::Failure),
            (failure(Reason::Error, Runtime, Some(false)), End::Failure),
            (failure(Reason::Linked, Program, Some(false)), End::Failure),
            (Exit::terminated(Reason::Terminated), End::Failure),
            (Exit::failure(Reason::Linked, Error::new(Kind::LINK_DOWN, "x")), End::Failure),
        ] {
            assert_eq!(End::of(&exit, false), end, "{exit:?}");
            assert_eq!(End::of(&exit, true), End::Requested);
        }
    }

    #[test]
    fn the_delay_grows_to_its_bound_and_never_overflows() {
        let rule = RestartRule { jitter: 0.0, ..RestartRule::default() };
        let seconds = [1, 2, 3, 7, 8, 100, u32::MAX].map(|k| rule.delay(k, 0.5).as_secs());
        assert_eq!(seconds, [1, 2, 4, 64, 90, 90, 90]);
        let zero = RestartRule { initial_delay: Duration::ZERO, ..rule };
        assert_eq!(zero.delay(u32::MAX, 0.5), Duration::ZERO);
        let longest =
            RestartRule { max_delay: Duration::MAX, jitter: 1.0, ..RestartRule::default() };
        assert_eq!(longest.delay(u32::MAX, 1.0), Duration::MAX);
    }

    #[test]
    fn jitter_spreads_evenly_around_the_delay() {
        let rule = RestartRule { jitter: 0.1, ..RestartRule::default() };
        let millis = [0.0, 0.5, 1.0].map(|uniform| rule.delay(1, uniform).as_millis());
        assert_eq!(millis, [900, 1000, 1100]);
    }

    #[test]
    fn three_attempts_are_four_starts_with_doubling_gaps() {
        let rule = RestartRule {
            initial_delay: Duration::from_millis(100),
            jitter: 0.0,
            max_attempts: 3,
            on_exhausted: OnExhausted::Shutdown,
            ..RestartRule::default()
        };
        let mut restarts = Restarts::default();
        let mut next = || restarts.decide(&rule, End::Failure, Duration::from_millis(1), 0.3);
        for (attempt, millis) in [(1, 100), (2, 200), (3, 400)] {
            let delay = Duration::from_millis(millis);
            assert_eq!(next(), Decision::Restart { delay, attempt });
        }
        assert_eq!(next(), Decision::Exhausted(OnExhausted::Shutdown));
    }

    #[test]
    fn a_stable_run_makes_the_next_restart_the_first_one() {
        let rule = RestartRule { max_attempts: 1, jitter: 0.0, ..RestartRule::default() };
        let mut restarts = Restarts::default();
        let first = Decision::Restart { delay: rule.initial_delay, attempt: 1 };
        let stable = rule.stable_threshold;
        let short = stable - Duration::from_millis(1);
        assert_eq!(restarts.decide(&rule, End::Failure, short, 0.0), first);
        assert_eq!(restarts.decide(&rule, End::Failure, stable, 0.0), first);
        assert_eq!(
            restarts.decide(&rule, End::Failure, short, 0.0),
            Decision::Exhausted(OnExhausted::Ignore)
        );
    }

    #[test]
    fn a_failed_start_is_never_a_stable_run() {
        let rule = RestartRule {
            max_attempts: 1,
            stable_threshold: Duration::ZERO,
            ..RestartRule::default()
        };
        let mut restarts = Restarts::default();
        restarts.decide(&rule, End::Failure, Duration::ZERO, 0.0);
        assert_eq!(
            restarts.decide(&rule, End::Failure, Duration::ZERO, 0.0),
            Decision::Exhausted(OnExhausted::Ignore)
        );
    }

    #[test]
    fn unlimited_attempts_never_run_out() {
        let rule = RestartRule::default();
        assert!(!rule.exhausted(u32::MAX));
    }
}
