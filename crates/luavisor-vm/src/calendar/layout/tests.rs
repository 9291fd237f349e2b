//! Layouts by behaviour: what is written, what is read, and the texts of errors.

use luavisor_core::Kind;
use luavisor_core::value::{Instant, Zone};
use proptest::prelude::*;

use super::*;
use crate::calendar::{instant, zone};

fn new_york() -> Zone {
    Zone::Named("America/New_York".into())
}

/// Sunday 2025-11-02 15:04:05.06 in New York.
fn sunday() -> Instant {
    instant::unix(1_762_113_845, 60_000_000, new_york())
}

#[test]
fn the_standard_layouts_are_written() {
    for ((name, layout), expected) in CONSTANTS.into_iter().zip([
        "2025-11-02T15:04:05-05:00",
        "2025-11-02T15:04:05.06-05:00",
        "02 Nov 25 15:04 EST",
        "02 Nov 25 15:04 -0500",
        "Sunday, 02-Nov-25 15:04:05 EST",
        "Sun, 02 Nov 2025 15:04:05 EST",
        "Sun, 02 Nov 2025 15:04:05 -0500",
        "2025-11-02 15:04:05",
        "2025-11-02",
        "15:04:05",
        "3:04PM",
        "Nov  2 15:04:05",
        "Nov  2 15:04:05.060",
        "Nov  2 15:04:05.060000",
        "Nov  2 15:04:05.060000000",
    ]) {
        assert_eq!(format(&sunday(), layout), expected, "{name}");
    }
}

#[test]
fn each_element_is_written() {
    for (layout, expected) in [
        ("2006 06", "2025 25"),
        ("01 1 Jan January", "11 11 Nov November"),
        ("02 2 _2", "02 2  2"),
        ("002 __2", "306 306"),
        ("15 03 3", "15 03 3"),
        ("04 4 05 5", "04 4 05 5"),
        (".0 .00 ,000000000", ".0 .06 ,060000000"),
        ("5.9 .99 ,999999999", "5 .06 ,06"),
        ("PM pm", "PM pm"),
        ("Mon Monday", "Sun Sunday"),
        ("MST", "EST"),
        ("Z07:00 Z0700 Z07", "-05:00 -0500 -05"),
        ("-07:00 -0700 -07 -07:00:00", "-05:00 -0500 -05 -05:00:00"),
        ("Z äöü o'clock", "Z äöü o'clock"),
        ("", ""),
    ] {
        assert_eq!(format(&sunday(), layout), expected, "{layout}");
    }
}

#[test]
fn utc_and_odd_offsets_are_written() {
    let zones = "Z07:00 Z0700 Z07 -07:00 -0700 -07 -07:00:00 MST";
    for (zone, expected) in [
        (Zone::Utc, "Z Z Z +00:00 +0000 +00 +00:00:00 UTC"),
        (zone::fixed("", 19_800), "+05:30 +0530 +05 +05:30 +0530 +05 +05:30:00 +0530"),
        (zone::fixed("ODD", -3_601), "-01:00 -0100 -01 -01:00 -0100 -01 -01:00:01 ODD"),
    ] {
        assert_eq!(format(&instant::unix(0, 0, zone), zones), expected);
    }
}

#[test]
fn early_hours_and_far_years_are_written() {
    let at = |seconds| instant::unix(seconds, 0, Zone::Utc);
    assert_eq!(format(&at(0), "3 03 PM __2 002"), "12 12 AM   1 001");
    assert_eq!(format(&at(43_200), "3 03 pm"), "12 12 pm");
    assert_eq!(format(&at(-62_135_596_800), DATE_ONLY), "0001-01-01");
    assert_eq!(format(&at(-62_135_596_801), DATE_ONLY), "0000-12-31");
    assert_eq!(format(&at(-62_167_219_201), DATE_ONLY), "-0001-12-31");
    assert_eq!(format(&at(-62_167_219_201), "06"), "99");
    assert_eq!(format(&at(253_402_300_800), DATE_ONLY), "10000-01-01");
}

#[test]
fn text_is_read_as_the_reading_it_shows() {
    for (layout, text, expected) in [
        (DATE_TIME, "2025-11-02 15:04:05", "2025-11-02T15:04:05Z"),
        (DATE_TIME, "2025-11-02 15:04:05.123", "2025-11-02T15:04:05.123Z"),
        (DATE_TIME, "2025-11-02 15:04:05,1234567899", "2025-11-02T15:04:05.123456789Z"),
        (DATE_ONLY, "2024-02-29", "2024-02-29T00:00:00Z"),
        (DATE_ONLY, "0000-02-29", "0000-02-29T00:00:00Z"),
        (KITCHEN, "3:04PM", "0000-01-01T15:04:00Z"),
        (KITCHEN, "12:00AM", "0000-01-01T00:00:00Z"),
        (KITCHEN, "12:00PM", "0000-01-01T12:00:00Z"),
        ("15:04 PM", "03:04 PM", "0000-01-01T15:04:00Z"),
        ("15:04 PM", "15:04 PM", "0000-01-01T15:04:00Z"),
        ("3:04pm", "11:59pm", "0000-01-01T23:59:00Z"),
        ("15:4:5", "7:8:9", "0000-01-01T07:08:09Z"),
        (STAMP, "Nov  2 15:04:05", "0000-11-02T15:04:05Z"),
        (STAMP, "Nov 12 15:04:05", "0000-11-12T15:04:05Z"),
        (STAMP_MILLI, "Nov  2 15:04:05.060", "0000-11-02T15:04:05.06Z"),
        ("06-1-2", "69-3-4", "1969-03-04T00:00:00Z"),
        ("06-1-2", "68-03-04", "2068-03-04T00:00:00Z"),
        ("2 January 2006", "2 nOVEMBER 2025", "2025-11-02T00:00:00Z"),
        ("2Jan2006", "31may2025", "2025-05-31T00:00:00Z"),
        ("Monday Mon 2006", "friday FRI 2025", "2025-01-01T00:00:00Z"),
        ("2006-002", "2025-306", "2025-11-02T00:00:00Z"),
        ("2006-002", "2024-366", "2024-12-31T00:00:00Z"),
        ("2006-__2", "2025-  9", "2025-01-09T00:00:00Z"),
        ("2006-01-02 002", "2025-11-02 306", "2025-11-02T00:00:00Z"),
        ("log_2006_2", "log_2025 2", "2025-01-02T00:00:00Z"),
        ("5.999", "7", "0000-01-01T00:00:07Z"),
        ("5.999", "7.12345", "0000-01-01T00:00:07.12345Z"),
        ("5.999", "7,5", "0000-01-01T00:00:07.5Z"),
        ("5.00", "7.25", "0000-01-01T00:00:07.25Z"),
        ("5.2006", "7.2025", "2025-01-01T00:00:07Z"),
        ("5Z07:00", "7.5Z", "0000-01-01T00:00:07.5Z"),
        ("", "", "0000-01-01T00:00:00Z"),
    ] {
        let instant = parse(layout, text, &Zone::Utc).expect(text);
        assert_eq!(format(&instant, RFC3339NANO), expected, "{layout}: {text}");
        assert_eq!(instant.zone, Zone::Utc);
    }
}

#[test]
fn the_zone_comes_from_the_text_or_else_from_the_location() {
    let at = "2006-01-02 15:04";
    for (layout, text, zone, expected) in [
        ("", "2025-07-01 12:00", new_york(), "2025-07-01 16:00"),
        ("", "2025-03-09 02:30", new_york(), "2025-03-09 07:30"),
        ("", "2025-11-02 01:30", new_york(), "2025-11-02 05:30"),
        (" MST", "2025-11-02 01:30 EDT", new_york(), "2025-11-02 05:30"),
        (" MST", "2025-11-02 01:30 EST", new_york(), "2025-11-02 06:30"),
        (" MST", "2025-07-01 12:00 EST", new_york(), "2025-07-01 17:00"),
        (" MST", "2025-07-01 12:00 UTC", Zone::Utc, "2025-07-01 12:00"),
        (" MST", "2025-07-01 12:00 CEST", zone::fixed("CEST", 0), "2025-07-01 12:00"),
        (" MST", "2025-07-01 12:00 ChST", zone::fixed("ChST", 0), "2025-07-01 12:00"),
        (" MST", "2025-07-01 12:00 +0530", zone::fixed("+0530", 0), "2025-07-01 12:00"),
        ("Z07:00", "2025-07-01 12:00Z", Zone::Utc, "2025-07-01 12:00"),
        ("Z07:00", "2025-07-01 12:00+00:00", Zone::Utc, "2025-07-01 12:00"),
        ("Z07:00", "2025-07-01 12:00-04:00", new_york(), "2025-07-01 16:00"),
        ("Z07:00", "2025-07-01 12:00-05:00", zone::fixed("-0500", -18_000), "2025-07-01 17:00"),
        ("Z0700", "2025-07-01 12:00+0530", zone::fixed("+0530", 19_800), "2025-07-01 06:30"),
        ("Z07", "2025-07-01 12:00+02", zone::fixed("+0200", 7_200), "2025-07-01 10:00"),
        ("-07:00:00", "2025-07-01 12:00-00:00:59", zone::fixed("-0000", -59), "2025-07-01 12:00"),
        (" -0700 MST", "2025-07-01 12:00 -0400 EDT", new_york(), "2025-07-01 16:00"),
        (
            " -0700 MST",
            "2025-07-01 12:00 +0200 CEST",
            zone::fixed("CEST", 7_200),
            "2025-07-01 10:00",
        ),
        (" -0700 MST", "2025-07-01 12:00 +0000 UTC", Zone::Utc, "2025-07-01 12:00"),
    ] {
        let instant = parse(&format!("{at}{layout}"), text, &new_york()).expect(text);
        assert_eq!(instant.zone, zone, "{text}");
        let utc = instant::in_location(&instant, Zone::Utc);
        assert_eq!(format(&utc, at), expected, "{text}");
    }
}

#[test]
fn what_does_not_fit_is_named_with_its_element() {
    for (layout, text, problem) in [
        (DATE_ONLY, "2025-13-01", r#"cannot parse "13-01" as "01""#),
        (DATE_ONLY, "2025-00-01", r#"cannot parse "00-01" as "01""#),
        (DATE_ONLY, "2025-02-30", r#"cannot parse "30" as "02""#),
        (DATE_ONLY, "2025-02-29", r#"cannot parse "29" as "02""#),
        (DATE_ONLY, "1900-02-29", r#"cannot parse "29" as "02""#),
        (DATE_ONLY, "2025-04-31", r#"cannot parse "31" as "02""#),
        (DATE_ONLY, "2025-01-32", r#"cannot parse "32" as "02""#),
        (DATE_ONLY, "2025-01-00", r#"cannot parse "00" as "02""#),
        (DATE_ONLY, "2025-1-02", r#"cannot parse "1-02" as "01""#),
        (DATE_ONLY, "-025-01-02", r#"cannot parse "-025-01-02" as "2006""#),
        (DATE_ONLY, "12025-01-02", r#"cannot parse "5-01-02" as "-""#),
        (DATE_ONLY, "2025/01/02", r#"cannot parse "/01/02" as "-""#),
        (DATE_ONLY, "2025", r#"cannot parse "" as "-""#),
        (DATE_ONLY, "", r#"cannot parse "" as "2006""#),
        (DATE_ONLY, "2025-01-02 ", r#"extra text: " ""#),
        (TIME_ONLY, "24:00:00", r#"cannot parse "24:00:00" as "15""#),
        (TIME_ONLY, "23:60:00", r#"cannot parse "60:00" as "04""#),
        (TIME_ONLY, "23:59:60", r#"cannot parse "60" as "05""#),
        (TIME_ONLY, "23:59:59.", r#"extra text: ".""#),
        (KITCHEN, "13:00PM", r#"cannot parse "13:00PM" as "3""#),
        (KITCHEN, "0:00AM", r#"cannot parse "0:00AM" as "3""#),
        (KITCHEN, "3:04pm", r#"cannot parse "pm" as "PM""#),
        ("3:04pm", "3:04é", r#"cannot parse "é" as "pm""#),
        ("Jan", "Foo", r#"cannot parse "Foo" as "Jan""#),
        ("January", "Jan", r#"cannot parse "Jan" as "January""#),
        ("Jan", "June", r#"extra text: "e""#),
        ("Mon", "Tag", r#"cannot parse "Tag" as "Mon""#),
        ("5.000", "7.12", r#"cannot parse ".12" as ".000""#),
        ("5.000", "7", r#"cannot parse "" as ".000""#),
        ("5.000", "7.1234", r#"extra text: "4""#),
        ("2006 002", "2025 366", r#"cannot parse "366" as "002""#),
        ("2006 002", "2025 000", r#"cannot parse "000" as "002""#),
        ("2006 002", "2025 36", r#"cannot parse "36" as "002""#),
        ("2006-01-02 002", "2025-11-02 307", r#"cannot parse "307" as "002""#),
        ("MST", "est", r#"cannot parse "est" as "MST""#),
        ("MST", "ES", r#"cannot parse "ES" as "MST""#),
        ("MST", "ABCDEF", r#"cannot parse "ABCDEF" as "MST""#),
        ("Z07:00", "+0100", r#"cannot parse "+0100" as "Z07:00""#),
        ("Z07:00", "z", r#"cannot parse "z" as "Z07:00""#),
        ("-07:00", "Z", r#"cannot parse "Z" as "-07:00""#),
        ("-0700", "+2400", r#"cannot parse "+2400" as "-0700""#),
        ("-0700", "+0060", r#"cannot parse "+0060" as "-0700""#),
        ("at 15h", "at noon", r#"cannot parse "noon" as "15""#),
        ("on day", "on dax", r#"cannot parse "x" as "y""#),
        ("größe", "große", r#"cannot parse "oße" as "öße""#),
        ("ab", "a", r#"cannot parse "" as "b""#),
    ] {
        let error = parse(layout, text, &Zone::Utc).expect_err(text);
        let expected = format!(r#"parsing time "{text}" as "{layout}": {problem}"#);
        assert_eq!(&*error.message, expected);
        assert_eq!((error.kind, error.retryable), (Kind::INVALID, Some(false)));
    }
}

fn any_zone() -> impl Strategy<Value = Zone> {
    let names = ["America/New_York", "Europe/Dublin", "Asia/Kathmandu", "Pacific/Guam"];
    prop_oneof![
        Just(Zone::Utc),
        prop::sample::select(names.to_vec()).prop_map(|name| Zone::Named(name.into())),
        (-86_399..86_400i32).prop_map(|offset| zone::fixed("", offset)),
    ]
}

proptest! {
    #[test]
    fn what_is_written_is_read_back(
        // the years 0 to 9999 wherever it is shown
        seconds in -62_167_000_000i64..253_402_000_000, nanos in 0i64..1_000_000_000,
        zone in any_zone(), location in any_zone(),
        layout in prop::sample::select(vec![
            "2006-01-02T15:04:05.999999999-07:00:00",
            "Monday, January _2 2006 at 3:04:05,000000000 PM (-07:00:00)",
            "-07:00:00 pm03 4 5.999999999 002/2006",
            "__2 2006 15 04 5 -07:00:00.000000000",
            "20060102150405.000000000-07:00:00",
        ]),
    ) {
        let instant = instant::unix(seconds, nanos, zone);
        let text = format(&instant, layout);
        let read = parse(layout, &text, &location).expect("what was written");
        prop_assert_eq!(instant::compare(&read, &instant), std::cmp::Ordering::Equal, "{}", text);
        prop_assert_eq!(instant::civil(&read), instant::civil(&instant));
    }

    #[test]
    fn an_abbreviation_leads_back_to_the_same_instant(
        seconds in 0i64..4_000_000_000, zone in any_zone(),
    ) {
        let instant = instant::unix(seconds, 0, zone);
        let read = parse(RFC1123, &format(&instant, RFC1123), &instant.zone);
        prop_assert_eq!(read.expect("what was written"), instant);
    }

    #[test]
    fn readings_without_a_zone_are_those_of_the_location(
        seconds in -62_167_000_000i64..253_402_000_000, zone in any_zone(),
    ) {
        let shown = format(&instant::unix(seconds, 0, zone.clone()), DATE_TIME);
        let read = parse(DATE_TIME, &shown, &zone).expect("what was written");
        prop_assert_eq!(format(&read, DATE_TIME), shown);
    }

    #[test]
    fn no_layout_or_text_panics(
        layout: String, text: String, seconds: i64, zone in any_zone(),
        sensible in "(2006|06|01|1|Jan(uary)?|0?2|_2|002|__2|15|03|3|[.,](0{1,10}|9{1,10})|05|PM|Mon(day)?|MST|Z07|-07:00|.){0,8}",
        digits in "([0-9]{1,4}|Jan|[+-]|:|[.,]|AM|UTC|.){0,12}",
    ) {
        let instant = instant::unix(seconds, 0, zone.clone());
        let _ = parse(&layout, &text, &zone);
        let _ = parse(&sensible, &text, &zone);
        let _ = parse(&sensible, &digits, &zone);
        let _ = parse(&sensible, &format(&instant, &sensible), &zone);
        format(&instant, &layout);
    }
}
