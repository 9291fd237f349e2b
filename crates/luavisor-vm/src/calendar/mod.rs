//! Durations, instants, zones and layouts: the arithmetic below the `time` and
//! `os` modules, without Lua.
//!
//! What it guarantees:
//!
//! - No function reads a clock; who needs the current instant passes it in.
//! - No function panics, whatever it is given. An instant of any `i64` second is
//!   shown, although [`jiff`] ends at the years ±9999: the Gregorian calendar and
//!   the rules of zones repeat every 400 years, so far instants are moved by whole
//!   cycles into jiff's range and back. What leaves `i64` saturates.
//! - Every error is an error object with `retryable` false, ready for `nil, err`.
//!
//! One word per thing: an *instant* is a point in time, a *wall* reading is what
//! the clock on a wall in some zone shows at it, a *duration* is a length in
//! nanoseconds.
//!
//! Wall readings that do not exist once are read like this:
//!
//! | reading | because clocks were set | it means |
//! |---|---|---|
//! | in a gap | forward | as much after the gap as it is after the gap's start |
//! | in a fold | back | the first of the two |
//!
//! That is jiff's "compatible" rule (RFC 5545, C's `mktime`). Only
//! [`layout::parse`] can choose the second reading, by a zone abbreviation.

mod civil;
pub mod duration;
pub mod instant;
pub mod layout;
pub mod os_date;
pub mod zone;

pub use civil::Civil;
pub use duration::Duration;
