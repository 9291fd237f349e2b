//! Layouts: how an instant is written, shown by the instant
//! `Mon Jan 2 15:04:05 MST 2006`.
//!
//! | element | written | read |
//! |---|---|---|
//! | `2006` `06` | year, 4 / 2 digits | two digits: 69–99 are 19xx, else 20xx |
//! | `01` `1` `Jan` `January` | month | names without regard to case |
//! | `02` `2` `_2` | day, padded with 0 / not / with a blank | |
//! | `002` `__2` | day of the year | must agree with month and day, if given |
//! | `15` `03` `3` | hour 0–23 / 1–12 | `15` and the unpadded take 1 or 2 digits |
//! | `04` `4`, `05` `5` | minute, second | after seconds a fraction may follow |
//! | `.000` `,000` | fraction of 1–9 digits | exactly that many digits |
//! | `.999` `,999` | without trailing zeros, omitted when 0 | any number of digits |
//! | `PM` `pm` | AM/PM, am/pm | the same |
//! | `Mon` `Monday` | weekday | checked as a name, otherwise ignored |
//! | `MST` | zone abbreviation | see [`parse`] |
//! | `Z07:00` `Z0700` `Z07` | `Z` for UTC, else an offset | the same |
//! | `-07:00` `-0700` `-07` `-07:00:00` | offset | never `Z` |
//!
//! The longest element at each position counts; all other text is literal. As in
//! Go, whose layouts these are, `Jan` and `Mon` before a small letter (`Month`) and
//! the `_` of `_2006` are text, and a fraction must not be followed by a digit.
//! What Go has beyond the table (offsets like `-070000`, runs of blanks read as
//! one) is left out.

mod element;
mod format;
mod parse;
mod scan;
#[cfg(test)]
mod tests;

pub use format::format;
pub use parse::parse;

/// `2025-11-02T15:04:05+01:00`
pub const RFC3339: &str = "2006-01-02T15:04:05Z07:00";
/// RFC 3339 with as many digits of the fraction as needed
pub const RFC3339NANO: &str = "2006-01-02T15:04:05.999999999Z07:00";
/// `02 Nov 25 15:04 CET`
pub const RFC822: &str = "02 Jan 06 15:04 MST";
/// RFC 822 with an offset
pub const RFC822Z: &str = "02 Jan 06 15:04 -0700";
/// `Sunday, 02-Nov-25 15:04:05 CET`
pub const RFC850: &str = "Monday, 02-Jan-06 15:04:05 MST";
/// `Sun, 02 Nov 2025 15:04:05 CET`
pub const RFC1123: &str = "Mon, 02 Jan 2006 15:04:05 MST";
/// RFC 1123 with an offset
pub const RFC1123Z: &str = "Mon, 02 Jan 2006 15:04:05 -0700";
/// `2025-11-02 15:04:05`
pub const DATE_TIME: &str = "2006-01-02 15:04:05";
/// `2025-11-02`
pub const DATE_ONLY: &str = "2006-01-02";
/// `15:04:05`
pub const TIME_ONLY: &str = "15:04:05";
/// `3:04PM`
pub const KITCHEN: &str = "3:04PM";
/// `Nov  2 15:04:05`
pub const STAMP: &str = "Jan _2 15:04:05";
/// `Nov  2 15:04:05.000`
pub const STAMP_MILLI: &str = "Jan _2 15:04:05.000";
/// `Nov  2 15:04:05.000000`
pub const STAMP_MICRO: &str = "Jan _2 15:04:05.000000";
/// `Nov  2 15:04:05.000000000`
pub const STAMP_NANO: &str = "Jan _2 15:04:05.000000000";

/// Lua names and values of the standard layouts.
pub const CONSTANTS: [(&str, &str); 15] = [
    ("RFC3339", RFC3339),
    ("RFC3339NANO", RFC3339NANO),
    ("RFC822", RFC822),
    ("RFC822Z", RFC822Z),
    ("RFC850", RFC850),
    ("RFC1123", RFC1123),
    ("RFC1123Z", RFC1123Z),
    ("DATE_TIME", DATE_TIME),
    ("DATE_ONLY", DATE_ONLY),
    ("TIME_ONLY", TIME_ONLY),
    ("KITCHEN", KITCHEN),
    ("STAMP", STAMP),
    ("STAMP_MILLI", STAMP_MILLI),
    ("STAMP_MICRO", STAMP_MICRO),
    ("STAMP_NANO", STAMP_NANO),
];

/// Names of the months, January first.
pub(super) const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// Names of the days of the week, Sunday first.
pub(super) const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// The first three letters of a name of a month or a weekday.
pub(super) fn short(name: &'static str) -> &'static str {
    &name[..3]
}
