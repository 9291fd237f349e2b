//! Durations: whole nanoseconds in an `i64`, about ±292 years.
//!
//! Text is read and written in the form of Go's `time.Duration`: `300ms`, `1.5h`,
//! `1h30m0s`. Unlike there, `0` alone is malformed: each number needs a unit.

use std::fmt;
use std::str::FromStr;

use luavisor_core::Error;

/// One nanosecond.
pub const NANOSECOND: i64 = 1;
/// One microsecond in nanoseconds.
pub const MICROSECOND: i64 = 1_000 * NANOSECOND;
/// One millisecond in nanoseconds.
pub const MILLISECOND: i64 = 1_000 * MICROSECOND;
/// One second in nanoseconds.
pub const SECOND: i64 = 1_000 * MILLISECOND;
/// One minute in nanoseconds.
pub const MINUTE: i64 = 60 * SECOND;
/// One hour in nanoseconds.
pub const HOUR: i64 = 60 * MINUTE;

/// Lua names and values of the units.
pub const CONSTANTS: [(&str, i64); 6] = [
    ("NANOSECOND", NANOSECOND),
    ("MICROSECOND", MICROSECOND),
    ("MILLISECOND", MILLISECOND),
    ("SECOND", SECOND),
    ("MINUTE", MINUTE),
    ("HOUR", HOUR),
];

/// Units in text. `µs` exists twice: with the micro sign and with the Greek letter.
const UNITS: [(&str, i64); 8] = [
    ("ns", NANOSECOND),
    ("us", MICROSECOND),
    ("\u{b5}s", MICROSECOND),
    ("\u{3bc}s", MICROSECOND),
    ("ms", MILLISECOND),
    ("s", SECOND),
    ("m", MINUTE),
    ("h", HOUR),
];

/// Digits of a fraction that count; further ones cannot reach a nanosecond
/// (10⁻¹⁸ h is 3.6 fs), and with these all sums stay within `i128`.
const FRACTION_DIGITS: usize = 18;

/// A length of time in nanoseconds.
///
/// ```
/// use luavisor_vm::calendar::Duration;
///
/// let duration: Duration = "1.5h".parse()?;
/// assert_eq!(duration.to_string(), "1h30m0s");
/// # Ok::<(), luavisor_core::Error>(())
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Duration(pub i64);

impl Duration {
    /// The duration of a Lua number of nanoseconds, fractions cut off.
    ///
    /// # Errors
    /// Invalid `invalid duration: <number>` for what is no number or too large.
    pub fn from_nanoseconds(number: f64) -> Result<Duration, Error> {
        // 2^63 itself is not an i64; both bounds are exact doubles.
        if number >= i64::MIN as f64 && number < -(i64::MIN as f64) {
            Ok(Duration(number as i64))
        } else {
            Err(invalid(&number.to_string()))
        }
    }

    /// Whole nanoseconds.
    pub fn nanoseconds(self) -> i64 {
        self.0
    }

    /// Whole microseconds, cut off towards zero.
    pub fn microseconds(self) -> i64 {
        self.0 / MICROSECOND
    }

    /// Whole milliseconds, cut off towards zero.
    pub fn milliseconds(self) -> i64 {
        self.0 / MILLISECOND
    }

    /// Seconds with their fraction.
    pub fn seconds(self) -> f64 {
        self.in_units(SECOND)
    }

    /// Minutes with their fraction.
    pub fn minutes(self) -> f64 {
        self.in_units(MINUTE)
    }

    /// Hours with their fraction.
    pub fn hours(self) -> f64 {
        self.in_units(HOUR)
    }

    /// Whole units and rest apart: a quotient of two doubles would lose the
    /// nanoseconds of long durations.
    fn in_units(self, unit: i64) -> f64 {
        (self.0 / unit) as f64 + (self.0 % unit) as f64 / unit as f64
    }
}

/// As long as can be told.
impl From<std::time::Duration> for Duration {
    fn from(duration: std::time::Duration) -> Duration {
        Duration(i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX))
    }
}

impl FromStr for Duration {
    type Err = Error;

    /// Reads `[+-](<number><unit>)+`.
    ///
    /// # Errors
    /// Invalid `invalid duration: <text>`, also when the sum leaves `i64`.
    fn from_str(text: &str) -> Result<Duration, Error> {
        read(text).ok_or_else(|| invalid(text))
    }
}

fn invalid(text: &str) -> Error {
    Error::invalid(format!("invalid duration: {text}")).retryable(false)
}

fn read(text: &str) -> Option<Duration> {
    let (sign, mut rest) = match text.as_bytes().first()? {
        b'-' => (-1, &text[1..]),
        b'+' => (1, &text[1..]),
        _ => (1, text),
    };
    let mut total: i128 = 0;
    loop {
        let (whole, after) = digits(rest);
        let (fraction, after) = after.strip_prefix('.').map_or(("", after), digits);
        if whole.is_empty() && fraction.is_empty() {
            return None;
        }
        let letters = after.find(|c: char| c == '.' || c.is_ascii_digit()).unwrap_or(after.len());
        let (unit, after) = after.split_at(letters);
        let unit = UNITS.iter().find(|(name, _)| *name == unit)?.1;

        let whole: u64 = if whole.is_empty() { 0 } else { whole.parse().ok()? };
        total += i128::from(whole) * i128::from(unit) + part(fraction, unit);
        // Checked in each round, so that no length of text overflows the sum. One
        // more than i64::MAX may still become i64::MIN.
        if total > -i128::from(i64::MIN) {
            return None;
        }
        rest = after;
        if rest.is_empty() {
            return i64::try_from(sign * total).ok().map(Duration);
        }
    }
}

/// The leading digits of `text`, and what follows.
fn digits(text: &str) -> (&str, &str) {
    text.split_at(text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len()))
}

/// The nanoseconds of the fraction `0.<digits>` of `unit`, cut off.
fn part(digits: &str, unit: i64) -> i128 {
    let (mut value, mut scale) = (0, 1);
    for digit in digits.bytes().take(FRACTION_DIGITS) {
        value = value * 10 + i128::from(digit - b'0');
        scale *= 10;
    }
    value * i128::from(unit) / scale
}

impl fmt::Display for Duration {
    /// Hours, minutes and seconds from the largest one that is not zero; below a
    /// second the unit in which the number is at least one.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanoseconds = self.0.unsigned_abs();
        if self.0 < 0 {
            f.write_str("-")?;
        }
        let [microsecond, millisecond, second, minute, hour] =
            [MICROSECOND, MILLISECOND, SECOND, MINUTE, HOUR].map(i64::unsigned_abs);
        match nanoseconds {
            0 => f.write_str("0s"),
            n if n < microsecond => write!(f, "{n}ns"),
            n if n < millisecond => decimal(f, n, microsecond, "µs"),
            n if n < second => decimal(f, n, millisecond, "ms"),
            n => {
                if n >= hour {
                    write!(f, "{}h", n / hour)?;
                }
                if n >= minute {
                    write!(f, "{}m", n % hour / minute)?;
                }
                decimal(f, n % minute, second, "s")
            }
        }
    }
}

/// Writes `nanoseconds` as a decimal number of `unit` (a power of ten) without
/// trailing zeros.
fn decimal(f: &mut fmt::Formatter<'_>, nanoseconds: u64, unit: u64, name: &str) -> fmt::Result {
    write!(f, "{}", nanoseconds / unit)?;
    let fraction = nanoseconds % unit;
    if fraction != 0 {
        let width = unit.ilog10() as usize;
        write!(f, ".{}", format!("{fraction:0width$}").trim_end_matches('0'))?;
    }
    f.write_str(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_read() {
        for (text, expected) in [
            ("0s", 0),
            ("-0s", 0),
            ("300ms", 300 * MILLISECOND),
            ("1.5h", 90 * MINUTE),
            ("1h30m", 90 * MINUTE),
            ("30m1h", 90 * MINUTE),
            ("+5s", 5 * SECOND),
            ("-1.5s", -1_500 * MILLISECOND),
            (".5s", 500 * MILLISECOND),
            ("5.s", 5 * SECOND),
            ("7ns", 7),
            ("7us", 7 * MICROSECOND),
            ("7\u{b5}s", 7 * MICROSECOND),
            ("7\u{3bc}s", 7 * MICROSECOND),
            ("1ns1us1ms1s1m1h", 3_661_001_001_001),
            ("0.1ns", 0),
            ("0.9999999999999999999999s", 999_999_999),
            ("0.3333333333333333333h", 20 * MINUTE - 1),
            ("00012s", 12 * SECOND),
            ("9223372036854775807ns", i64::MAX),
            ("-9223372036854775808ns", i64::MIN),
            ("2562047h47m16.854775807s", i64::MAX),
        ] {
            assert_eq!(text.parse::<Duration>(), Ok(Duration(expected)), "{text}");
        }
    }

    #[test]
    fn malformed_text_is_refused_with_its_text() {
        for text in [
            "",
            "0",
            "3",
            "+",
            "-",
            "s",
            ".",
            ".s",
            "-.s",
            "1h30",
            "1 h",
            " 1s",
            "1s ",
            "1H",
            "1d",
            "1e3s",
            "1.2.3s",
            "--1s",
            "1s-1s",
            "1,5s",
            "١s",
            "1µ",
            "nan",
            "inf",
            "9223372036854775808ns",
            "-9223372036854775809ns",
            "2562047h47m16.854775808s",
            "99999999999999999999h",
            "9223372036854775807h9223372036854775807h",
        ] {
            let error = text.parse::<Duration>().expect_err(text);
            assert_eq!(&*error.message, format!("invalid duration: {text}"));
            assert_eq!(error.kind, luavisor_core::Kind::INVALID);
            assert_eq!(error.retryable, Some(false));
        }
    }

    #[test]
    fn a_duration_is_written_in_its_largest_unit() {
        for (nanoseconds, expected) in [
            (0, "0s"),
            (1, "1ns"),
            (-1, "-1ns"),
            (1_100, "1.1µs"),
            (2_200_000, "2.2ms"),
            (100 * MILLISECOND, "100ms"),
            (3_300 * MILLISECOND, "3.3s"),
            (MINUTE, "1m0s"),
            (4 * MINUTE + 5 * SECOND + MILLISECOND, "4m5.001s"),
            (90 * MINUTE, "1h30m0s"),
            (HOUR, "1h0m0s"),
            (-5 * HOUR - 6 * MINUTE - 7 * SECOND - 1, "-5h6m7.000000001s"),
            (i64::MAX, "2562047h47m16.854775807s"),
            (i64::MIN, "-2562047h47m16.854775808s"),
        ] {
            assert_eq!(Duration(nanoseconds).to_string(), expected);
        }
    }

    #[test]
    fn units_are_converted() {
        let duration = Duration(-(HOUR + 30 * MINUTE + 1_999_999));
        assert_eq!(duration.nanoseconds(), -5_400_001_999_999);
        assert_eq!(duration.microseconds(), -5_400_001_999);
        assert_eq!(duration.milliseconds(), -5_400_001);
        assert_eq!(Duration(1_500 * MILLISECOND).seconds(), 1.5);
        assert_eq!(Duration(90 * SECOND).minutes(), 1.5);
        assert_eq!(Duration(90 * MINUTE).hours(), 1.5);
    }

    #[test]
    fn numbers_outside_of_i64_are_refused() {
        assert_eq!(Duration::from_nanoseconds(1.9), Ok(Duration(1)));
        assert_eq!(Duration::from_nanoseconds(-1.9), Ok(Duration(-1)));
        assert_eq!(Duration::from_nanoseconds(-(2f64.powi(63))), Ok(Duration(i64::MIN)));
        for number in [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 2f64.powi(63), -1e19] {
            assert!(Duration::from_nanoseconds(number).is_err(), "{number}");
        }
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(nanoseconds: i64) {
            let duration = Duration(nanoseconds);
            prop_assert_eq!(duration.to_string().parse(), Ok(duration));
        }

        #[test]
        fn no_text_panics(text in "[-+]?([0-9]{0,22}(\\.[0-9]{0,30})?(ns|us|µs|ms|s|m|h|.)?){0,5}") {
            let _ = text.parse::<Duration>();
        }

        #[test]
        fn no_random_text_panics(text: String) {
            let _ = text.parse::<Duration>();
        }
    }
}
