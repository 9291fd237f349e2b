//! `os.date` and `os.time`: C's `strftime` and `mktime` as Lua has them.
//!
//! Instants come with the zone that counts as local, so nothing here depends on
//! the machine.

use std::fmt::Write;

use luavisor_core::value::{Instant, Zone};

use super::civil::Civil;
use super::layout::{MONTHS, WEEKDAYS, short};
use super::{instant, zone};

/// What `os.date` returns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Date {
    /// for all formats but `*t`
    Text(String),
    /// for `*t`
    Table(Fields),
}

/// The fields of the table that `os.date("*t")` returns, by their Lua names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fields {
    /// year
    pub year: i64,
    /// 1 ..= 12
    pub month: i64,
    /// 1 ..= 31
    pub day: i64,
    /// 0 ..= 23
    pub hour: i64,
    /// 0 ..= 59
    pub min: i64,
    /// 0 ..= 59
    pub sec: i64,
    /// 1 ..= 7, Sunday is 1
    pub wday: i64,
    /// 1 ..= 366
    pub yday: i64,
    /// whether it is daylight saving time
    pub isdst: bool,
}

/// The fields of the table given to `os.time`, by their Lua names. Those out of
/// range are carried into the larger ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    /// today's if missing
    pub year: Option<i64>,
    /// today's if missing
    pub month: Option<i64>,
    /// today's if missing
    pub day: Option<i64>,
    /// 0 if missing
    pub hour: Option<i64>,
    /// 0 if missing
    pub min: Option<i64>,
    /// 0 if missing
    pub sec: Option<i64>,
}

/// `os.date(format, t)`: `at` is `t` in the local zone; a leading `!` shows it in
/// UTC. `%U` and `%W` are both the ISO week; unknown specifiers are copied.
pub fn date(format: &str, at: &Instant) -> Date {
    match format.strip_prefix('!') {
        Some(format) => show(format, &instant::in_location(at, Zone::Utc)),
        None => show(format, at),
    }
}

/// `os.time(t)`: seconds since 1970 of a reading in the zone of `now`, which also
/// tells today's date.
pub fn time(reading: &Reading, now: &Instant) -> i64 {
    let today = instant::civil(now);
    let civil = Civil {
        year: reading.year.unwrap_or(today.year),
        month: reading.month.unwrap_or(today.month),
        day: reading.day.unwrap_or(today.day),
        hour: reading.hour.unwrap_or(0),
        minute: reading.min.unwrap_or(0),
        second: reading.sec.unwrap_or(0),
        nanosecond: 0,
    };
    instant::from_civil(&civil, now.zone.clone()).seconds
}

fn show(format: &str, at: &Instant) -> Date {
    let civil = instant::civil(at);
    if format == "*t" {
        return Date::Table(Fields {
            year: civil.year,
            month: civil.month,
            day: civil.day,
            hour: civil.hour,
            min: civil.minute,
            sec: civil.second,
            wday: civil.weekday() + 1,
            yday: civil.year_day(),
            isdst: zone::observance(&at.zone, at.seconds).daylight,
        });
    }
    let mut text = String::with_capacity(2 * format.len());
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        match (character, characters.clone().next()) {
            ('%', Some(specifier)) => {
                characters.next();
                // Writing to a string does not fail.
                let _ = expand(&mut text, specifier, &civil, at);
            }
            _ => text.push(character),
        }
    }
    Date::Text(text)
}

fn expand(text: &mut String, specifier: char, civil: &Civil, at: &Instant) -> std::fmt::Result {
    let Civil { year, month, day, hour, minute, second, .. } = *civil;
    let hour_of_twelve = (hour + 11) % 12 + 1;
    let weekday = WEEKDAYS[civil.weekday() as usize];
    let month_name = MONTHS[month as usize - 1];
    match specifier {
        'a' => text.write_str(short(weekday)),
        'A' => text.write_str(weekday),
        'b' => text.write_str(short(month_name)),
        'B' => text.write_str(month_name),
        'c' => write!(
            text,
            "{} {} {day:2} {hour:02}:{minute:02}:{second:02} {year}",
            short(weekday),
            short(month_name)
        ),
        'd' => write!(text, "{day:02}"),
        'H' => write!(text, "{hour:02}"),
        'I' => write!(text, "{hour_of_twelve:02}"),
        'j' => write!(text, "{:03}", civil.year_day()),
        'm' => write!(text, "{month:02}"),
        'M' => write!(text, "{minute:02}"),
        'p' => text.write_str(if hour < 12 { "AM" } else { "PM" }),
        'S' => write!(text, "{second:02}"),
        'U' | 'W' => write!(text, "{:02}", civil.iso_week()),
        'w' => write!(text, "{}", civil.weekday()),
        'x' => write!(text, "{month:02}/{day:02}/{:02}", year.rem_euclid(100)),
        'X' => write!(text, "{hour:02}:{minute:02}:{second:02}"),
        'y' => write!(text, "{:02}", year.rem_euclid(100)),
        'Y' => write!(text, "{year}"),
        'z' => text.write_str(&zone::offset_name(zone::offset(&at.zone, at.seconds))),
        'Z' => text.write_str(&zone::observance(&at.zone, at.seconds).abbreviation),
        '%' => text.write_str("%"),
        unknown => write!(text, "%{unknown}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn new_york() -> Zone {
        Zone::Named("America/New_York".into())
    }

    /// Sunday 2025-11-02 15:04:05 in New York.
    fn sunday() -> Instant {
        instant::unix(1_762_113_845, 0, new_york())
    }

    fn text(format: &str, at: &Instant) -> String {
        match date(format, at) {
            Date::Text(text) => text,
            Date::Table(fields) => panic!("{fields:?}"),
        }
    }

    #[test]
    fn specifiers_are_expanded() {
        for (format, expected) in [
            ("%c", "Sun Nov  2 15:04:05 2025"),
            ("%x", "11/02/25"),
            ("%X", "15:04:05"),
            ("%a %A %b %B", "Sun Sunday Nov November"),
            ("%Y-%m-%d", "2025-11-02"),
            ("%H %I %M %S %p", "15 03 04 05 PM"),
            ("%j %w %y", "306 0 25"),
            ("%U %W", "44 44"),
            ("%z %Z", "-0500 EST"),
            ("!%c %Z %z", "Sun Nov  2 20:04:05 2025 UTC +0000"),
            ("100%%", "100%"),
            ("%Q %é %", "%Q %é %"),
            ("%%Y %", "%Y %"),
            ("%!d", "%!d"),
            ("*t ", "*t "),
            ("!", ""),
            ("", ""),
            ("größer %d", "größer 02"),
        ] {
            assert_eq!(text(format, &sunday()), expected, "{format}");
        }
    }

    #[test]
    fn hours_of_twelve_have_no_zero() {
        for (hour, expected) in [(0, "12 AM"), (1, "01 AM"), (12, "12 PM"), (23, "11 PM")] {
            assert_eq!(text("%I %p", &instant::unix(hour * 3600, 0, Zone::Utc)), expected);
        }
    }

    #[test]
    fn years_before_1_are_written_with_a_sign() {
        let at = instant::unix(-70_000_000_000, 0, Zone::Utc);
        assert_eq!(text("%Y %y", &at), "-249 51");
    }

    #[test]
    fn a_table_has_all_fields() {
        let expected = Fields {
            year: 2025,
            month: 11,
            day: 2,
            hour: 15,
            min: 4,
            sec: 5,
            wday: 1,
            yday: 306,
            isdst: false,
        };
        assert_eq!(date("*t", &sunday()), Date::Table(expected));
        assert_eq!(date("!*t", &sunday()), Date::Table(Fields { hour: 20, ..expected }));
        let summer = instant::unix(1_751_328_000, 0, new_york());
        assert!(matches!(date("*t", &summer), Date::Table(Fields { isdst: true, .. })));
    }

    #[test]
    fn a_reading_becomes_seconds() {
        let now = sunday();
        let reading = |fields: [Option<i64>; 6]| {
            let [year, month, day, hour, min, sec] = fields;
            Reading { year, month, day, hour, min, sec }
        };
        for (fields, expected) in [
            ([None; 6], 1_762_056_000),
            ([Some(1970), Some(1), Some(1), None, None, None], 18_000),
            ([Some(2025), Some(11), Some(2), Some(15), Some(4), Some(5)], 1_762_113_845),
            ([Some(2025), Some(13), Some(1), None, None, None], 1_767_243_600),
            ([Some(2025), Some(11), Some(2), Some(14), Some(63), Some(65)], 1_762_113_845),
            // the fold, first reading, and the gap
            ([None, None, None, Some(1), Some(30), None], 1_762_061_400),
            ([None, Some(3), Some(9), Some(2), Some(30), None], 1_741_505_400),
        ] {
            assert_eq!(time(&reading(fields), &now), expected, "{fields:?}");
        }
    }

    proptest! {
        #[test]
        fn no_format_panics(format: String, specifiers in "(%.|.){0,9}", seconds: i64) {
            let at = instant::unix(seconds, 0, new_york());
            date(&format, &at);
            date(&specifiers, &at);
        }

        #[test]
        fn no_reading_panics(fields: [Option<i64>; 6], now: i64) {
            let [year, month, day, hour, min, sec] = fields;
            let now = instant::unix(now, 0, new_york());
            time(&Reading { year, month, day, hour, min, sec }, &now);
        }

        #[test]
        fn a_table_leads_back_to_its_time(seconds in -80_000_000_000i64..300_000_000_000) {
            let at = instant::unix(seconds, 0, Zone::Utc);
            let Date::Table(fields) = date("*t", &at) else { panic!("no table") };
            let reading = Reading {
                year: Some(fields.year),
                month: Some(fields.month),
                day: Some(fields.day),
                hour: Some(fields.hour),
                min: Some(fields.min),
                sec: Some(fields.sec),
            };
            prop_assert_eq!(time(&reading, &at), seconds);
        }
    }
}
