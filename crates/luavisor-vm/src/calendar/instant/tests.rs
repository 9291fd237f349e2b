//! Instants by behaviour: readings, arithmetic, gaps and folds.

use proptest::prelude::*;

use super::super::duration::{HOUR, MINUTE, SECOND};
use super::*;

fn new_york() -> Zone {
    Zone::Named("America/New_York".into())
}

fn reading(date: [i64; 3], clock: [i64; 3]) -> Civil {
    let ([year, month, day], [hour, minute, second]) = (date, clock);
    Civil { year, month, day, hour, minute, second, nanosecond: 0 }
}

fn utc(date: [i64; 3], clock: [i64; 3]) -> Instant {
    from_civil(&reading(date, clock), Zone::Utc)
}

#[test]
fn nanoseconds_are_carried_into_seconds() {
    for (seconds, nanos, expected) in [
        (0, 0, (0, 0)),
        (1, 1_500_000_000, (2, 500_000_000)),
        (1, -1, (0, 999_999_999)),
        (0, -2_500_000_000, (-3, 500_000_000)),
        (i64::MAX, i64::MAX, (i64::MAX, 999_999_999)),
        (i64::MIN, -1, (i64::MIN, 0)),
    ] {
        let instant = unix(seconds, nanos, Zone::Utc);
        assert_eq!((instant.seconds, instant.nanos), expected);
    }
}

#[test]
fn readings_become_instants() {
    for (date, clock, zone, seconds) in [
        ([1970, 1, 1], [0, 0, 0], Zone::Utc, 0),
        ([1, 1, 1], [0, 0, 0], Zone::Utc, -62_135_596_800),
        ([0, 1, 1], [0, 0, 0], Zone::Utc, -62_167_219_200),
        ([2000, 2, 29], [0, 0, 0], Zone::Utc, 951_782_400),
        ([2025, 1, 1], [0, 0, 0], super::zone::fixed("X", 3_600), 1_735_686_000),
        ([2025, 7, 1], [0, 0, 0], new_york(), 1_751_342_400),
        ([2025, 1, 1], [0, 0, 0], new_york(), 1_735_707_600),
        ([10_000, 1, 1], [0, 0, 0], Zone::Utc, 253_402_300_800),
        ([-10_000, 1, 1], [0, 0, 0], Zone::Utc, -377_736_739_200),
    ] {
        let reading = reading(date, clock);
        let instant = from_civil(&reading, zone);
        assert_eq!(instant.seconds, seconds, "{date:?}");
        assert_eq!(civil(&instant), reading);
    }
}

#[test]
fn a_reading_in_a_gap_is_moved_behind_it_and_in_a_fold_is_the_first() {
    for (zone, date, clock, seconds, shown) in [
        // New York: 02:00 EST becomes 03:00 EDT; 02:00 EDT becomes 01:00 EST
        ("America/New_York", [2025, 3, 9], [1, 59, 59], 1_741_503_599, [1, 59, 59]),
        ("America/New_York", [2025, 3, 9], [2, 0, 0], 1_741_503_600, [3, 0, 0]),
        ("America/New_York", [2025, 3, 9], [2, 30, 0], 1_741_505_400, [3, 30, 0]),
        ("America/New_York", [2025, 3, 9], [3, 0, 0], 1_741_503_600, [3, 0, 0]),
        ("America/New_York", [2025, 11, 2], [1, 30, 0], 1_762_061_400, [1, 30, 0]),
        ("America/New_York", [2025, 11, 2], [2, 0, 0], 1_762_066_800, [2, 0, 0]),
        // the same in the year 12025, after 25 cycles
        ("America/New_York", [12_025, 3, 9], [2, 30, 0], 317_311_025_400, [3, 30, 0]),
        // Lord Howe moves by half an hour, Apia left out a day
        ("Australia/Lord_Howe", [2025, 10, 5], [2, 15, 0], 1_759_592_700, [2, 45, 0]),
        ("Pacific/Apia", [2011, 12, 30], [12, 0, 0], 1_325_282_400, [12, 0, 0]),
    ] {
        let instant = from_civil(&reading(date, clock), Zone::Named(zone.into()));
        assert_eq!(instant.seconds, seconds, "{zone} {date:?} {clock:?}");
        let civil = civil(&instant);
        assert_eq!([civil.hour, civil.minute, civil.second], shown);
    }
}

#[test]
fn durations_are_added_on_the_time_line() {
    let before = from_civil(&reading([2025, 3, 9], [1, 30, 0]), new_york());
    let after = add(&before, Duration(HOUR));
    assert_eq!(civil(&after), reading([2025, 3, 9], [3, 30, 0]));
    assert_eq!(sub(&after, &before), Duration(HOUR));
    assert_eq!(sub(&before, &after), Duration(-HOUR));
    assert_eq!(add(&unix(0, 0, Zone::Utc), Duration(-1)), unix(-1, 999_999_999, Zone::Utc));
}

#[test]
fn differences_and_sums_saturate() {
    let (first, last) = (unix(i64::MIN, 0, Zone::Utc), unix(i64::MAX, i64::MAX, Zone::Utc));
    assert_eq!(sub(&last, &first), Duration(i64::MAX));
    assert_eq!(sub(&first, &last), Duration(i64::MIN));
    assert_eq!(add(&last, Duration(1)), last);
    assert_eq!(add(&first, Duration(-1)), first);
    assert_eq!(add_date(&last, i64::MAX, i64::MAX, i64::MAX), last);
}

#[test]
fn dates_are_added_on_the_calendar() {
    for (from, [years, months, days], to) in [
        ([2025, 1, 31], [0, 1, 0], [2025, 3, 3]),
        ([2024, 1, 31], [0, 1, 0], [2024, 3, 2]),
        ([2024, 2, 29], [1, 0, 0], [2025, 3, 1]),
        ([2024, 2, 29], [4, 0, 0], [2028, 2, 29]),
        ([2025, 3, 31], [0, -1, 0], [2025, 3, 3]),
        ([2025, 1, 1], [0, 0, -1], [2024, 12, 31]),
        ([2025, 12, 31], [0, 0, 1], [2026, 1, 1]),
        ([2025, 1, 15], [-1, 14, -31], [2025, 2, 12]),
        ([1, 1, 1], [-2, 0, 0], [-1, 1, 1]),
    ] {
        let clock = [12, 34, 56];
        assert_eq!(add_date(&utc(from, clock), years, months, days), utc(to, clock), "{from:?}");
    }
    let start = from_civil(&reading([2025, 3, 8], [2, 30, 0]), new_york());
    assert_eq!(civil(&add_date(&start, 0, 0, 1)), reading([2025, 3, 9], [3, 30, 0]));
    assert_eq!(civil(&add_date(&start, 0, 0, 2)), reading([2025, 3, 10], [2, 30, 0]));
}

#[test]
fn rounding_goes_to_multiples_since_the_year_1() {
    let instant = unix(1_735_689_600 + 5_400, 500_000_000, Zone::Utc); // Wed 01:30:00.5
    for (unit, rounded, truncated) in [
        (0, 1_735_695_000.5, 1_735_695_000.5),
        (-HOUR, 1_735_695_000.5, 1_735_695_000.5),
        (1, 1_735_695_000.5, 1_735_695_000.5),
        (SECOND, 1_735_695_001.0, 1_735_695_000.0),
        (MINUTE, 1_735_695_000.0, 1_735_695_000.0),
        (HOUR, 1_735_696_800.0, 1_735_693_200.0),
        (24 * HOUR, 1_735_689_600.0, 1_735_689_600.0),
        // weeks start on Monday, 2024-12-30
        (7 * 24 * HOUR, 1_735_516_800.0, 1_735_516_800.0),
    ] {
        assert_eq!(unix_nano(&round(&instant, Duration(unit))), rounded * 1e9, "{unit}");
        assert_eq!(unix_nano(&truncate(&instant, Duration(unit))), truncated * 1e9, "{unit}");
    }
    let before_1970 = unix(-1, 400_000_000, Zone::Utc);
    assert_eq!(round(&before_1970, Duration(SECOND)), unix(-1, 0, Zone::Utc));
    let half = unix(-1, 500_000_000, Zone::Utc);
    assert_eq!(round(&half, Duration(SECOND)), unix(0, 0, Zone::Utc));
}

#[test]
fn the_zone_is_only_for_showing() {
    let instant = utc([2025, 7, 1], [12, 0, 0]);
    let there = in_location(&instant, new_york());
    assert_eq!(compare(&instant, &there), Ordering::Equal);
    assert_eq!(civil(&there), reading([2025, 7, 1], [8, 0, 0]));
    assert_eq!(compare(&instant, &add(&there, Duration(1))), Ordering::Less);
    assert_eq!(add(&there, Duration(1)).zone, new_york());
}

#[test]
fn zero_is_the_first_second_of_the_year_1() {
    assert!(is_zero(&utc([1, 1, 1], [0, 0, 0])));
    assert!(is_zero(&in_location(&utc([1, 1, 1], [0, 0, 0]), new_york())));
    assert!(!is_zero(&unix(0, 0, Zone::Utc)));
}

#[test]
fn nanoseconds_since_1970_are_a_double() {
    assert_eq!(unix_nano(&unix(1, 5, Zone::Utc)), 1_000_000_005.0);
    assert_eq!(unix_nano(&unix(-1, 0, Zone::Utc)), -1e9);
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let names = ["America/New_York", "Europe/Dublin", "Asia/Kathmandu", "Pacific/Apia"];
    prop_oneof![
        Just(Zone::Utc),
        Just(Zone::Local),
        prop::sample::select(names.to_vec()).prop_map(|name| Zone::Named(name.into())),
        any::<i32>().prop_map(|offset| super::zone::fixed("", offset)),
    ]
}

proptest! {
    #[test]
    fn nothing_panics(
        seconds: i64, nanos: i64, zone in any_zone(), other: i64, duration: i64, date: [i64; 3],
    ) {
        let instant = unix(seconds, nanos, zone);
        let other = unix(other, 0, Zone::Utc);
        let duration = Duration(duration);
        civil(&instant);
        add(&instant, sub(&instant, &other));
        add_date(&instant, date[0], date[1], date[2]);
        compare(&instant, &other);
        round(&instant, duration);
        truncate(&instant, duration);
        unix_nano(&instant);
    }

    #[test]
    fn an_instant_is_shown_the_same_when_rebuilt_from_its_reading(
        seconds in -400_000_000_000i64..400_000_000_000, zone in any_zone(),
    ) {
        let shown = civil(&unix(seconds, 0, zone.clone()));
        prop_assert_eq!(civil(&from_civil(&shown, zone)), shown);
    }

    #[test]
    fn readings_are_those_of_jiff(
        seconds in -200_000_000_000i64..200_000_000_000, nanos in 0i64..1_000_000_000,
    ) {
        let shown = civil(&unix(seconds, nanos, new_york()));
        let zoned = jiff::Timestamp::new(seconds, nanos as i32)
            .and_then(|timestamp| timestamp.in_tz("America/New_York"))
            .expect("a timestamp of jiff");
        prop_assert_eq!(
            (shown.year, shown.month, shown.day, shown.hour, shown.minute, shown.second),
            (
                zoned.year().into(), zoned.month().into(), zoned.day().into(),
                zoned.hour().into(), zoned.minute().into(), zoned.second().into(),
            )
        );
        prop_assert_eq!(shown.weekday(), i64::from(zoned.weekday().to_sunday_zero_offset()));
        prop_assert_eq!(shown.year_day(), i64::from(zoned.day_of_year()));
    }

    #[test]
    fn a_difference_leads_from_one_to_the_other(a in -4_000_000_000i64..4_000_000_000,
        b in -4_000_000_000i64..4_000_000_000, nanos in 0i64..1_000_000_000,
    ) {
        let (a, b) = (unix(a, nanos, Zone::Utc), unix(b, 0, Zone::Utc));
        prop_assert_eq!(add(&b, sub(&a, &b)), a);
    }

    #[test]
    fn truncation_is_the_last_multiple_and_rounding_the_nearest(
        seconds in -4_000_000_000i64..4_000_000_000, nanos in 0i64..1_000_000_000,
        unit in 1i64..1_000_000_000_000,
    ) {
        let instant = unix(seconds, nanos, Zone::Utc);
        let below = truncate(&instant, Duration(unit));
        let over = sub(&instant, &below).0;
        prop_assert!((0..unit).contains(&over));
        let expected = if over * 2 >= unit { add(&below, Duration(unit)) } else { below };
        prop_assert_eq!(round(&instant, Duration(unit)), expected);
    }
}
