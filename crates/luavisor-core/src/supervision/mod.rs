//! Supervisors: what the exit of a child means for it, for its siblings and for
//! the supervisor itself (SPEC 13.2). Nothing here acts.
//!
//! Three questions, three functions, each readable alone:
//!
//! 1. *should it restart?* [`verdict`];
//! 2. *what stops and starts with it?* [`affected`]; in which order is the work of
//!    the [`Machine`];
//! 3. *is the budget used up?* [`Budget::spend`].
//!
//! The terms and most rules are those of OTP's `supervisor` behaviour; what is
//! different is said in the [`machine`].

pub mod machine;
pub mod protocol;
pub mod rules;
#[cfg(test)]
mod tests;

pub use machine::Machine;
pub use protocol::{
    Action, Answer, Caller, Change, ChildId, ChildView, Event, State, Timer, reasons,
};
pub use rules::{
    AutoShutdown, Budget, ChildEnd, ChildRule, DynamicRule, Intensity, Restart, Rules, Shutdown,
    Strategy, Verdict, affected, verdict,
};
