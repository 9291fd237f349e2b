//! Zones: where an instant is shown.
//!
//! Names are looked up in jiff's bundled copy of the IANA database, never in the
//! machine's, so that a program shows the same times everywhere and no name
//! reaches the file system. Only [`Zone::Local`] is the machine's own: `TZ`, else
//! the system's setting, read once. Without either it is UTC.

use std::borrow::Cow;
use std::cell::Cell;
use std::sync::{Arc, LazyLock};

use jiff::tz::{AmbiguousOffset, TimeZone, TimeZoneDatabase};
use luavisor_core::value::Zone;
use luavisor_core::{Error, Kind};

use super::civil::{near, near_timestamp};

/// How many changes of offset before and after a reading are searched for an
/// abbreviation. Two a year: more than any zone had since they were introduced,
/// and a bound for zones whose rules never end.
const CHANGES: usize = 400;

static BUNDLED: LazyLock<TimeZoneDatabase> = LazyLock::new(TimeZoneDatabase::bundled);

/// Read once: jiff would read it again from time to time, and a process would see
/// its times change.
static LOCAL: LazyLock<TimeZone> =
    LazyLock::new(|| TimeZone::try_system().unwrap_or(TimeZone::UTC));

thread_local! {
    static SIMULATED: Cell<bool> = const { Cell::new(false) };
}

/// See [`simulate`].
pub struct Simulating(());

impl Drop for Simulating {
    fn drop(&mut self) {
        SIMULATED.set(false);
    }
}

/// While the result lives, the local zone of this thread is UTC: a simulation is the same
/// on every machine.
pub fn simulate() -> Simulating {
    SIMULATED.set(true);
    Simulating(())
}

/// What a zone shows at one instant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observance {
    /// seconds east of UTC
    pub offset: i32,
    /// for example `CEST`; `+0530` where there is no name
    pub abbreviation: String,
    /// whether it is daylight saving time
    pub daylight: bool,
}

/// The zone of that name: `UTC`, `Local`, or a name of the IANA database without
/// regard to case.
///
/// # Errors
/// Invalid for the empty name, NotFound `unknown time zone <name>` for others.
pub fn load(name: &str) -> Result<Zone, Error> {
    if name.is_empty() {
        return Err(Error::invalid("time zone name must not be empty").retryable(false));
    }
    if name == "Local" {
        return Ok(Zone::Local);
    }
    let found = BUNDLED.get(name).ok();
    match found.as_ref().filter(|zone| !zone.is_unknown()).and_then(TimeZone::iana_name) {
        Some("UTC") => Ok(Zone::Utc),
        Some(canonical) => Ok(Zone::Named(canonical.into())),
        None => {
            let message = format!("unknown time zone {name}");
            Err(Error::new(Kind::NOT_FOUND, message).retryable(false))
        }
    }
}

/// A zone with a constant offset, in seconds east of UTC.
pub fn fixed(name: &str, offset: i32) -> Zone {
    Zone::Fixed(Arc::from(name), offset)
}

/// `UTC`, `Local`, the IANA name, or the name given to [`fixed`].
pub fn name(zone: &Zone) -> &str {
    match zone {
        Zone::Utc => "UTC",
        Zone::Local => "Local",
        Zone::Named(name) | Zone::Fixed(name, _) => name,
    }
}

/// Seconds east of UTC at an instant, given in seconds since 1970 in UTC.
pub fn offset(zone: &Zone, seconds: i64) -> i32 {
    match rules(zone) {
        Rules::Constant(_, offset) => offset,
        Rules::Changing(zone) => zone.to_offset(near_timestamp(seconds.into()).0).seconds(),
    }
}

/// Offset, abbreviation and daylight saving at an instant, given in seconds since
/// 1970 in UTC.
pub fn observance(zone: &Zone, seconds: i64) -> Observance {
    match rules(zone) {
        Rules::Constant(name, offset) => {
            Observance { offset, abbreviation: name.into_owned(), daylight: false }
        }
        Rules::Changing(zone) => {
            let info = zone.to_offset_info(near_timestamp(seconds.into()).0);
            Observance {
                offset: info.offset().seconds(),
                abbreviation: info.abbreviation().into(),
                daylight: info.dst().is_dst(),
            }
        }
    }
}

/// The offset with which a wall reading is meant, by the rule of the module: the
/// one before the change, in gaps as in folds.
pub(super) fn offset_of_wall(zone: &Zone, wall: i128) -> i32 {
    match rules(zone) {
        Rules::Constant(_, offset) => offset,
        Rules::Changing(zone) => candidates(&zone, wall)[0],
    }
}

/// The offset which an abbreviation means for a wall reading: one in force at it,
/// else the nearest earlier, else the nearest later one of that name.
pub(super) fn offset_of_abbreviation(zone: &Zone, wall: i128, abbreviation: &str) -> Option<i32> {
    let zone = match rules(zone) {
        Rules::Constant(name, offset) => return (name == abbreviation).then_some(offset),
        Rules::Changing(zone) => zone,
    };
    let in_force = candidates(&zone, wall).into_iter().find(|offset| {
        let info = zone.to_offset_info(near_timestamp(wall - i128::from(*offset)).0);
        info.offset().seconds() == *offset && info.abbreviation() == abbreviation
    });
    in_force.or_else(|| {
        let (timestamp, _) = near_timestamp(wall);
        let earlier = zone.preceding(timestamp).take(CHANGES);
        let later = zone.following(timestamp).take(CHANGES);
        let change = earlier.chain(later).find(|change| change.abbreviation() == abbreviation)?;
        Some(change.offset().seconds())
    })
}

/// An offset as `+0530`, what is shown in place of a missing name.
pub(super) fn offset_name(offset: i32) -> String {
    let sign = if offset < 0 { '-' } else { '+' };
    let minutes = offset.unsigned_abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}

/// What is needed to calculate with a zone.
enum Rules<'z> {
    /// abbreviation and offset that never change
    Constant(Cow<'z, str>, i32),
    /// all others
    Changing(TimeZone),
}

fn rules(zone: &Zone) -> Rules<'_> {
    match zone {
        Zone::Utc => Rules::Constant("UTC".into(), 0),
        Zone::Fixed(name, offset) if name.is_empty() => {
            Rules::Constant(offset_name(*offset).into(), *offset)
        }
        Zone::Fixed(name, offset) => Rules::Constant((&**name).into(), *offset),
        Zone::Local if SIMULATED.get() => Rules::Constant("UTC".into(), 0),
        Zone::Local => Rules::Changing(LOCAL.clone()),
        // Names come from `load`, so they exist; UTC for one that does not keeps
        // this total.
        Zone::Named(name) => Rules::Changing(BUNDLED.get(name).unwrap_or(TimeZone::UTC)),
    }
}

/// The offsets before and after a change at this wall reading; twice the same
/// where there is none.
fn candidates(zone: &TimeZone, wall: i128) -> [i32; 2] {
    let [before, after] = match zone.to_ambiguous_timestamp(near(wall).0).offset() {
        AmbiguousOffset::Unambiguous { offset } => [offset, offset],
        AmbiguousOffset::Gap { before, after } | AmbiguousOffset::Fold { before, after } => {
            [before, after]
        }
    };
    [before.seconds(), after.seconds()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// 2025-01-01 and 2025-07-01, midnight UTC.
    const WINTER: i64 = 1_735_689_600;
    const SUMMER: i64 = 1_751_328_000;

    #[test]
    fn zones_are_loaded_by_name() {
        for (given, expected) in [
            ("UTC", Zone::Utc),
            ("Local", Zone::Local),
            ("Europe/Berlin", Zone::Named("Europe/Berlin".into())),
            ("america/new_york", Zone::Named("America/New_York".into())),
            ("US/Eastern", Zone::Named("US/Eastern".into())),
        ] {
            let zone = load(given).expect(given);
            assert_eq!(zone, expected);
            assert!(name(&zone).eq_ignore_ascii_case(given));
        }
    }

    #[test]
    fn unknown_names_are_not_found_and_empty_ones_invalid() {
        for unknown in ["Mars/Olympus", "local ", "../etc/passwd", "Etc/Unknown", "Europe/", "\0"] {
            let error = load(unknown).expect_err(unknown);
            assert_eq!(error.kind, Kind::NOT_FOUND);
            assert_eq!(&*error.message, format!("unknown time zone {unknown}"));
            assert_eq!(error.retryable, Some(false));
        }
        let error = load("").expect_err("empty");
        assert_eq!((error.kind, error.retryable), (Kind::INVALID, Some(false)));
    }

    #[test]
    fn a_zone_knows_offset_abbreviation_and_daylight() {
        for (zone, seconds, offset, abbreviation, daylight) in [
            (Zone::Utc, SUMMER, 0, "UTC", false),
            (fixed("Mine", 5_400), SUMMER, 5_400, "Mine", false),
            (fixed("", -20_700), SUMMER, -20_700, "-0545", false),
            (Zone::Named("America/New_York".into()), WINTER, -18_000, "EST", false),
            (Zone::Named("America/New_York".into()), SUMMER, -14_400, "EDT", true),
            (Zone::Named("Asia/Kathmandu".into()), SUMMER, 20_700, "+0545", false),
            (Zone::Named("America/New_York".into()), -3_000_000_000, -17_762, "LMT", false),
            (Zone::Named("No/Where".into()), SUMMER, 0, "UTC", false),
        ] {
            let expected = Observance { offset, abbreviation: abbreviation.into(), daylight };
            assert_eq!(observance(&zone, seconds), expected);
            assert_eq!(super::offset(&zone, seconds), offset);
        }
    }

    #[test]
    fn rules_hold_for_ever() {
        let zone = Zone::Named("America/New_York".into());
        let cycle = 146_097 * 86_400;
        for cycles in [1, 20, 100, 100_000_000] {
            assert_eq!(offset(&zone, WINTER + cycles * cycle), -18_000);
            assert_eq!(offset(&zone, SUMMER + cycles * cycle), -14_400);
            assert_eq!(offset(&zone, SUMMER - cycles * cycle), -17_762);
        }
    }

    #[test]
    fn an_abbreviation_chooses_among_offsets() {
        let zone = Zone::Named("America/New_York".into());
        // 2025-11-02 01:30, which is shown twice, and 2025-03-09 02:30, never shown.
        let (fold, gap) = (1_762_047_000, 1_741_487_400);
        for (wall, abbreviation, offset) in [
            (fold, "EDT", Some(-14_400)),
            (fold, "EST", Some(-18_000)),
            (gap, "EST", Some(-18_000)),
            (gap, "EDT", Some(-14_400)),
            (i128::from(SUMMER), "EST", Some(-18_000)),
            (i128::from(WINTER), "EDT", Some(-14_400)),
            (i128::from(SUMMER), "EWT", Some(-14_400)),
            (-3_000_000_000, "EDT", Some(-14_400)),
            (i128::from(SUMMER), "CET", None),
            (i128::from(SUMMER), "", None),
        ] {
            let found = offset_of_abbreviation(&zone, wall, abbreviation);
            assert_eq!(found, offset, "{wall} {abbreviation}");
        }
        assert_eq!(offset_of_abbreviation(&fixed("X", 60), 0, "X"), Some(60));
        assert_eq!(offset_of_abbreviation(&fixed("X", 60), 0, "Y"), None);
        assert_eq!(offset_of_abbreviation(&Zone::Utc, 0, "UTC"), Some(0));
    }

    #[test]
    fn the_local_zone_can_be_asked() {
        let shown = observance(&Zone::Local, SUMMER);
        assert_eq!(shown.offset, offset(&Zone::Local, SUMMER));
        assert!(!shown.abbreviation.is_empty());
    }

    proptest! {
        #[test]
        fn no_name_panics(name: String) {
            let _ = load(&name);
        }

        #[test]
        fn no_instant_panics(seconds: i64, wall: i128) {
            let zone = Zone::Named("Europe/Berlin".into());
            prop_assert_eq!(offset(&zone, seconds), observance(&zone, seconds).offset);
            let wall = wall >> 30;
            offset_of_wall(&zone, wall);
            offset_of_abbreviation(&zone, wall, "CEST");
        }
    }
}
