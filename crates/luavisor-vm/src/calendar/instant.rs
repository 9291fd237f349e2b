//! Operations on instants.
//!
//! All are total: a result beyond the seconds of an `i64` is its first or last
//! nanosecond. Operations keep the zone of their (first) instant.

use std::cmp::Ordering;

use luavisor_core::value::{Instant, Zone};

use super::civil::Civil;
use super::duration::Duration;
use super::zone;

const NANOS_PER_SECOND: i128 = 1_000_000_000;

/// 0001-01-01T00:00:00Z in seconds since 1970: the zero instant, from which
/// [`round`] and [`truncate`] count their multiples. A week starts there on Monday.
const ZERO: i128 = -62_135_596_800;

/// The instant `seconds` and `nanos` after 1970-01-01T00:00:00Z; either may be
/// negative, and `nanos` larger than a second.
pub fn unix(seconds: i64, nanos: i64, zone: Zone) -> Instant {
    of_nanos(i128::from(seconds) * NANOS_PER_SECOND + i128::from(nanos), zone)
}

/// The instant at which `zone` shows this reading. Fields out of range are
/// carried; gaps and folds are read by the rule of the [module](super).
pub fn from_civil(civil: &Civil, zone: Zone) -> Instant {
    let (wall, nanos) = civil.wall();
    let offset = zone::offset_of_wall(&zone, wall);
    from_wall(wall, nanos, offset, zone)
}

/// The instant at which a wall with this offset shows this reading.
pub(super) fn from_wall(wall: i128, nanos: u32, offset: i32, zone: Zone) -> Instant {
    of_nanos((wall - i128::from(offset)) * NANOS_PER_SECOND + i128::from(nanos), zone)
}

/// What the walls of its zone show.
pub fn civil(instant: &Instant) -> Civil {
    let offset = zone::offset(&instant.zone, instant.seconds);
    Civil::of_wall(i128::from(instant.seconds) + i128::from(offset), instant.nanos)
}

/// The instant that much later.
pub fn add(instant: &Instant, duration: Duration) -> Instant {
    of_nanos(nanos(instant) + i128::from(duration.0), instant.zone.clone())
}

/// How much later `instant` is than `earlier`, at most the longest duration.
pub fn sub(instant: &Instant, earlier: &Instant) -> Duration {
    let difference = nanos(instant) - nanos(earlier);
    Duration(difference.clamp(i64::MIN.into(), i64::MAX.into()) as i64)
}

/// The same clock in its zone that many years, months and days later. What does
/// not exist is carried: 31 January and a month is 2 or 3 March.
pub fn add_date(instant: &Instant, years: i64, months: i64, days: i64) -> Instant {
    let civil = civil(instant);
    let moved = Civil {
        year: civil.year.saturating_add(years),
        month: civil.month.saturating_add(months),
        day: civil.day.saturating_add(days),
        ..civil
    };
    from_civil(&moved, instant.zone.clone())
}

/// Which is earlier, whatever their zones are.
pub fn compare(left: &Instant, right: &Instant) -> Ordering {
    nanos(left).cmp(&nanos(right))
}

/// The nearest multiple of `duration` since the zero instant, the later one if
/// both are as near. Unchanged unless `duration` is positive.
pub fn round(instant: &Instant, duration: Duration) -> Instant {
    let over = excess(instant, duration);
    let unit = i128::from(duration.0);
    let up = unit > 0 && over * 2 >= unit;
    let nanos = nanos(instant) - over + if up { unit } else { 0 };
    of_nanos(nanos, instant.zone.clone())
}

/// The last multiple of `duration` since the zero instant that is not later.
/// Unchanged unless `duration` is positive.
pub fn truncate(instant: &Instant, duration: Duration) -> Instant {
    of_nanos(nanos(instant) - excess(instant, duration), instant.zone.clone())
}

/// The same instant, shown elsewhere.
pub fn in_location(instant: &Instant, zone: Zone) -> Instant {
    Instant { zone, ..instant.clone() }
}

/// Nanoseconds since 1970-01-01T00:00:00Z; the double nearest to them.
pub fn unix_nano(instant: &Instant) -> f64 {
    nanos(instant) as f64
}

/// Whether it is 0001-01-01T00:00:00Z.
pub fn is_zero(instant: &Instant) -> bool {
    nanos(instant) == ZERO * NANOS_PER_SECOND
}

/// Nanoseconds since the last multiple of `duration`.
fn excess(instant: &Instant, duration: Duration) -> i128 {
    if duration.0 <= 0 {
        return 0;
    }
    (nanos(instant) - ZERO * NANOS_PER_SECOND).rem_euclid(duration.0.into())
}

fn nanos(instant: &Instant) -> i128 {
    i128::from(instant.seconds) * NANOS_PER_SECOND + i128::from(instant.nanos)
}

fn of_nanos(nanos: i128, zone: Zone) -> Instant {
    let first = i128::from(i64::MIN) * NANOS_PER_SECOND;
    let last = i128::from(i64::MAX) * NANOS_PER_SECOND + NANOS_PER_SECOND - 1;
    let nanos = nanos.clamp(first, last);
    Instant {
        seconds: nanos.div_euclid(NANOS_PER_SECOND) as i64,
        nanos: nanos.rem_euclid(NANOS_PER_SECOND) as u32,
        zone,
    }
}

#[cfg(test)]
mod tests;
