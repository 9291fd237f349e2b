//! Wall readings, and their count of seconds in any year.

use jiff::Timestamp;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::Offset;

/// Years after which the Gregorian calendar repeats, weekdays included.
const CYCLE_YEARS: i128 = 400;
/// Seconds of these years.
const CYCLE: i128 = 146_097 * 86_400;
/// Seconds since 1970 that need not be moved: about the years -7500 to 8900, so
/// that neither an offset nor the end of the year leaves jiff's ±9999. All rules
/// of zones are periodic at both ends.
const EARLIEST: i128 = -300_000_000_000;
const LATEST: i128 = 220_000_000_000;

/// What calendar and clock on a wall show, in the proleptic Gregorian calendar
/// with a year 0.
///
/// Readings of an instant are in the usual ranges. As an input any field may be
/// out of range and is carried into the larger ones: month 13 is January of the
/// next year, day 0 the last one of the previous month, hour -1 an hour before
/// midnight.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Civil {
    /// 0 is the year before 1
    pub year: i64,
    /// 1 ..= 12
    pub month: i64,
    /// 1 ..= 31
    pub day: i64,
    /// 0 ..= 23
    pub hour: i64,
    /// 0 ..= 59
    pub minute: i64,
    /// 0 ..= 59
    pub second: i64,
    /// 0 ..= 999_999_999
    pub nanosecond: i64,
}

impl Civil {
    /// The reading `seconds` after 1970-01-01 00:00:00 on the same wall.
    pub(super) fn of_wall(seconds: i128, nanos: u32) -> Civil {
        let (moved, cycles) = near(seconds);
        // No seconds are farther than 2^97, so a year fits unless it has been
        // saturated anyhow.
        let year = i128::from(moved.year()) + cycles * CYCLE_YEARS;
        Civil {
            year: year.clamp(i64::MIN.into(), i64::MAX.into()) as i64,
            month: moved.month().into(),
            day: moved.day().into(),
            hour: moved.hour().into(),
            minute: moved.minute().into(),
            second: moved.second().into(),
            nanosecond: nanos.into(),
        }
    }

    /// Seconds after 1970-01-01 00:00:00 on the same wall, and nanoseconds.
    pub(super) fn wall(&self) -> (i128, u32) {
        let months = i128::from(self.month) - 1;
        let years = i128::from(self.year) - 2000 + months.div_euclid(12);
        // The first of the month in the cycle from 2000 to 2399, which exists.
        let first =
            date((2000 + years.rem_euclid(CYCLE_YEARS)) as i16, months.rem_euclid(12) as i8 + 1, 1);
        let carry = self.nanosecond.div_euclid(1_000_000_000);
        let seconds = i128::from(first.duration_since(date(1970, 1, 1)).as_secs())
            + years.div_euclid(CYCLE_YEARS) * CYCLE
            + (i128::from(self.day) - 1) * 86_400
            + i128::from(self.hour) * 3_600
            + i128::from(self.minute) * 60
            + i128::from(self.second)
            + i128::from(carry);
        (seconds, self.nanosecond.rem_euclid(1_000_000_000) as u32)
    }

    /// Day of the week, 0 is Sunday.
    pub fn weekday(&self) -> i64 {
        self.date().weekday().to_sunday_zero_offset().into()
    }

    /// Day of the year, 1 ..= 366.
    pub fn year_day(&self) -> i64 {
        self.date().day_of_year().into()
    }

    /// Week of ISO 8601, 1 ..= 53. The first and the last days of a year may
    /// belong to a week of its neighbour.
    pub fn iso_week(&self) -> i64 {
        self.date().iso_week_date().week().into()
    }

    /// The same date in a year of the same shape.
    fn date(&self) -> Date {
        near(self.wall().0).0.date()
    }
}

/// Days of a month, 1 ..= 12, or `None` when there is no such month.
pub(super) fn days_in_month(year: i64, month: i64) -> Option<i64> {
    let year = 2000 + year.rem_euclid(CYCLE_YEARS as i64) as i16;
    let month = i8::try_from(month).ok()?;
    Some(Date::new(year, month, 1).ok()?.days_in_month().into())
}

/// A wall reading moved by whole cycles to where jiff can show it, and how many
/// cycles it is away from there.
pub(super) fn near(seconds: i128) -> (DateTime, i128) {
    let (timestamp, cycles) = near_timestamp(seconds);
    (Offset::UTC.to_datetime(timestamp), cycles)
}

/// The same for seconds since 1970 in UTC.
pub(super) fn near_timestamp(seconds: i128) -> (Timestamp, i128) {
    let cycles = match seconds {
        s if s > LATEST => (s - LATEST).div_euclid(CYCLE) + 1,
        s if s < EARLIEST => (s - EARLIEST).div_euclid(CYCLE),
        _ => 0,
    };
    // What was moved is within jiff's range, so the default is never taken.
    let moved = Timestamp::from_second((seconds - cycles * CYCLE) as i64).unwrap_or_default();
    (moved, cycles)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(year: i64, month: i64, day: i64) -> Civil {
        Civil { year, month, day, hour: 0, minute: 0, second: 0, nanosecond: 0 }
    }

    fn normal(civil: Civil) -> Civil {
        let (seconds, nanos) = civil.wall();
        Civil::of_wall(seconds, nanos)
    }

    #[test]
    fn fields_out_of_range_are_carried() {
        for (given, expected) in [
            ((2025, 13, 1), (2026, 1, 1)),
            ((2025, 0, 1), (2024, 12, 1)),
            ((2025, -11, 1), (2024, 1, 1)),
            ((2025, 2, 29), (2025, 3, 1)),
            ((2024, 2, 29), (2024, 2, 29)),
            ((1900, 2, 29), (1900, 3, 1)),
            ((2000, 2, 29), (2000, 2, 29)),
            ((2025, 3, 0), (2025, 2, 28)),
            ((2025, 1, 366), (2026, 1, 1)),
            ((0, 2, 29), (0, 2, 29)),
            ((0, 1, 0), (-1, 12, 31)),
            ((-4, 2, 29), (-4, 2, 29)),
            ((123_456, 14, 1), (123_457, 2, 1)),
        ] {
            let ((y, m, d), (year, month, dom)) = (given, expected);
            assert_eq!(normal(day(y, m, d)), day(year, month, dom), "{given:?}");
        }
        let clock = Civil { hour: -1, minute: 61, second: -1, nanosecond: -1, ..day(2025, 1, 1) };
        let expected =
            Civil { hour: 0, minute: 0, second: 58, nanosecond: 999_999_999, ..day(2025, 1, 1) };
        assert_eq!(normal(clock), expected);
    }

    #[test]
    fn weekday_day_of_the_year_and_week_are_known() {
        for (date, weekday, year_day, week) in [
            ((1970, 1, 1), 4, 1, 1),
            ((2024, 12, 31), 2, 366, 1),
            ((2025, 12, 28), 0, 362, 52),
            ((2021, 1, 3), 0, 3, 53),
            ((1, 1, 1), 1, 1, 1),
            ((0, 1, 1), 6, 1, 52),
            ((-400, 1, 1), 6, 1, 52),
            ((40_000, 1, 1), 6, 1, 52),
        ] {
            let civil = day(date.0, date.1, date.2);
            assert_eq!(
                (civil.weekday(), civil.year_day(), civil.iso_week()),
                (weekday, year_day, week),
                "{date:?}"
            );
        }
    }

    #[test]
    fn months_have_their_days() {
        for (year, month, days) in [
            (2025, 2, Some(28)),
            (2024, 2, Some(29)),
            (1900, 2, Some(28)),
            (0, 2, Some(29)),
            (2025, 4, Some(30)),
            (2025, 12, Some(31)),
            (2025, 0, None),
            (2025, 13, None),
            (2025, 257, None),
        ] {
            assert_eq!(days_in_month(year, month), days, "{year}-{month}");
        }
    }

    proptest! {
        #[test]
        fn any_reading_can_be_normalised(fields: [i64; 7]) {
            let [year, month, day, hour, minute, second, nanosecond] = fields;
            let civil = normal(Civil { year, month, day, hour, minute, second, nanosecond });
            civil.weekday();
            civil.year_day();
            civil.iso_week();
        }

        #[test]
        fn seconds_and_readings_are_the_same(seconds: i64, nanos in 0u32..1_000_000_000) {
            prop_assert_eq!(Civil::of_wall(seconds.into(), nanos).wall(), (seconds.into(), nanos));
        }

        #[test]
        fn cycles_repeat(seconds in -500_000_000_000i128..500_000_000_000, cycles in -3i128..3) {
            let here = Civil::of_wall(seconds, 0);
            let there = Civil::of_wall(seconds + cycles * CYCLE, 0);
            prop_assert_eq!(there.weekday(), here.weekday());
            prop_assert_eq!(there, Civil { year: here.year + 400 * cycles as i64, ..here });
        }
    }
}
