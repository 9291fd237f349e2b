//! `time`: instants, durations, locations (SPEC 7, MODULES 25).

mod support;

use support::passes;

#[test]
fn constants() {
    passes(
        r#"
        local time = require("time")
        eq(time.NANOSECOND, 1) eq(time.MICROSECOND, 1e3) eq(time.MILLISECOND, 1e6)
        eq(time.SECOND, 1e9) eq(time.MINUTE, 6e10) eq(time.HOUR, 3.6e12)
        eq(time.JANUARY, 1) eq(time.DECEMBER, 12) eq(time.SUNDAY, 0) eq(time.SATURDAY, 6)
        eq(time.RFC3339, "2006-01-02T15:04:05Z07:00") eq(time.DATE_ONLY, "2006-01-02")
        eq(time.STAMP_NANO, "Jan _2 15:04:05.000000000") eq(time.KITCHEN, "3:04PM")
        fails("attempt to modify a readonly table", function() time.SECOND = 1 end)
        "#,
    );
}

#[test]
fn durations_are_read_and_shown() {
    passes(
        r#"
        local time = require("time")
        for text, ns in {["300ms"] = 3e8, ["1.5h"] = 5.4e12, ["1h30m"] = 5.4e12, ["-2us"] = -2000} do
            eq(time.parse_duration(text):nanoseconds(), ns)
        end
        local d = time.parse_duration("1h30m0.5s")
        eq(d:hours(), 1.5 + 0.5 / 3600) eq(d:minutes(), 90 + 0.5 / 60) eq(d:seconds(), 5400.5)
        eq(d:milliseconds(), 5400500) eq(d:microseconds(), 5400500000)
        eq(tostring(d), "1h30m0.5s") eq(type(d), "userdata")
        eq(time.parse_duration(1500):nanoseconds(), 1500)
        eq(time.parse_duration(d), d)
        local err = refused("Invalid", "invalid duration: 5", time.parse_duration("5"))
        eq(err:retryable(), false)
        refused("Invalid", "invalid duration: NaN", time.parse_duration(0/0))
        fails("bad argument #1 to 'parse_duration' (duration expected, got nil)", time.parse_duration, nil)
        fails("(duration expected, got table)", time.parse_duration, {})
        fails("bad argument #1 to 'hours' (Duration expected, got number)", d.hours, 5)
        "#,
    );
}

#[test]
fn durations_calculate() {
    passes(
        r#"
        local time = require("time")
        local D = time.parse_duration
        eq(D"1s" + D"500ms", D"1.5s") eq(D"1s" - D"2s", D"-1s") eq(-D"1s", D"-1s")
        eq(D"1s" * 1.5, D"1500ms") eq(2 * D"1s", D"2s") eq(D"1s" / 4, D"250ms") eq(D"1m" / D"1s", 60)
        assert(D"1s" < D"2s" and D"2s" > D"1s" and D"1s" <= D"1000ms" and D"1s" ~= D"2s")
        fails("Duration expected", function() return D"1s" + 5 end)
        fails("number expected", function() return D"1s" * "x" end)
        fails("invalid duration", function() return D"1s" / 0 end)
        "#,
    );
}

#[test]
fn now_is_the_kernels_wall_clock() {
    passes(
        r#"
        local time = require("time")
        local t = time.now()
        eq(t:unix(), 1762095845) eq(t:nanosecond(), 0) eq(tostring(t:location()), "Local")
        eq(t:utc():format(time.RFC3339), "2025-11-02T15:04:05Z")
        time.sleep("1.5s")
        eq(tostring(time.now() - t), "1.5s") eq(time.now():utc():nanosecond(), 5e8)
        "#,
    );
}

#[test]
fn instants_are_read_field_by_field() {
    passes(
        r#"
        local time = require("time")
        local t = time.date(2024, time.FEBRUARY, 29, 13, 4, 5, 123456789, time.utc)
        eq(type(t), "userdata")
        eq(t:year(), 2024) eq(t:month(), 2) eq(t:day(), 29)
        eq(t:hour(), 13) eq(t:minute(), 4) eq(t:second(), 5) eq(t:nanosecond(), 123456789)
        eq(t:weekday(), time.THURSDAY) eq(t:year_day(), 60) eq(t:is_zero(), false)
        eq(table.concat({t:date()}, "-"), "2024-2-29") eq(table.concat({t:clock()}, ":"), "13:4:5")
        eq(t:unix(), 1709211845) eq(t:unix_nano(), 1709211845123456789)
        eq(t:format(time.DATE_TIME), "2024-02-29 13:04:05")
        eq(t:format("Mon Jan _2 15:04:05.000 2006"), "Thu Feb 29 13:04:05.123 2024")
        eq(t:format_rfc3339(), "2024-02-29T13:04:05Z") eq(tostring(t), "2024-02-29T13:04:05.123456789Z")
        eq(time.date(1, 1, 1, 0, 0, 0, 0, time.utc):is_zero(), true)
        -- out of range is carried
        eq(tostring(time.date(2024, 13, 32, 25, 0, 0, 0, time.utc)), "2025-02-02T01:00:00Z")
        eq(tostring(time.date(2024, 1, 1, 0, 0, 0, 0):location()), "Local")
        fails("bad argument #8 to 'date' (Location expected, got string)", time.date, 1, 1, 1, 0, 0, 0, 0, "UTC")
        fails("bad argument #7 to 'date' (integer expected, got no value)", time.date, 1, 1, 1, 0, 0, 0)
        fails("bad argument #1 to 'year' (Time expected, got number)", t.year, 5)
        "#,
    );
}

#[test]
fn unix_takes_seconds_and_nanoseconds() {
    passes(
        r#"
        local time = require("time")
        eq(time.unix(1000000000, 5):unix_nano(), 1000000000000000005)
        eq(time.unix(0):utc():format(time.RFC3339), "1970-01-01T00:00:00Z")
        eq(time.unix(1.5):nanosecond(), 5e8) eq(time.unix(-0.5):unix(), -1)
        eq(time.unix(0, 2e9):unix(), 2)
        fails("bad argument #1 to 'unix' (number expected, got nil)", time.unix, nil)
        fails("bad argument #1 to 'unix'", time.unix, 0/0)
        "#,
    );
}

#[test]
fn instants_calculate() {
    passes(
        r#"
        local time = require("time")
        local t = time.date(2024, 1, 31, 12, 0, 0, 0, time.utc)
        local D = time.parse_duration
        eq(t:add("90m"):hour(), 13) eq(t:add(time.HOUR), t:add(D"1h")) eq(t + D"1h", D"1h" + t)
        eq(t:add("1h"):sub(t), D"1h") eq(t:add("1h") - t, D"1h") eq((t - D"1h"):hour(), 11)
        eq(tostring(t:add_date(0, 1, 0)), "2024-03-02T12:00:00Z")
        eq(tostring(t:add_date(-1, 0, 1)), "2023-02-01T12:00:00Z")
        local later = t:add(1)
        eq(t:before(later), true) eq(t:after(later), false) eq(t:equal(later), false)
        assert(t < later and later > t and t <= t and t ~= later)
        local shown = t:in_location(time.load_location("Europe/Berlin"))
        eq(shown, t) eq(shown:equal(t), true) eq(shown:hour(), 13)
        eq(tostring(t:add("30m"):round("1h")), "2024-01-31T13:00:00Z")
        eq(tostring(t:add("59m59s"):truncate("1h")), "2024-01-31T12:00:00Z")
        refused("Invalid", "invalid duration: soon", t:add("soon"))
        refused("Invalid", "invalid duration: ", t:round(""))
        fails("bad argument #2 to 'add' (duration expected, got boolean)", t.add, t, true)
        fails("bad argument #2 to 'sub' (Time expected, got number)", t.sub, t, 5)
        fails("bad argument #2 to 'add_date' (integer expected, got number)", t.add_date, t, 1.5, 0, 0)
        fails("Duration expected", function() return t + 5 end)
        fails("Time expected", function() return t - 5 end)
        fails("", function() return t < 5 end)
        "#,
    );
}

#[test]
fn texts_are_parsed() {
    passes(
        r#"
        local time = require("time")
        local t = time.parse(time.RFC3339, "2024-02-29T13:04:05.25+02:00")
        eq(t:unix(), 1709204645) eq(t:nanosecond(), 2.5e8)
        local berlin = time.load_location("Europe/Berlin")
        t = time.parse(time.DATE_TIME, "2024-07-01 12:00:00", berlin)
        eq(t:unix(), 1719828000) eq(t:location(), berlin)
        eq(time.parse(time.DATE_ONLY, "2024-07-01"), time.date(2024, 7, 1, 0, 0, 0, 0))
        eq(time.parse(time.DATE_ONLY, "2024-07-01"):location(), time.localtz)
        local err = refused("Invalid",
            'parsing time "2024-13-01" as "2006-01-02": cannot parse "13-01" as "01"',
            time.parse(time.DATE_ONLY, "2024-13-01"))
        eq(err:retryable(), false)
        refused("Invalid", 'parsing time "2024-01-01x" as "2006-01-02": extra text: "x"',
            time.parse(time.DATE_ONLY, "2024-01-01x"))
        fails("bad argument #2 to 'parse' (string expected, got nil)", time.parse, "2006", nil)
        fails("bad argument #3 to 'parse' (Location expected, got string)", time.parse, "2006", "2006", "UTC")
        "#,
    );
}

#[test]
fn locations() {
    passes(
        r#"
        local time = require("time")
        eq(time.utc:string(), "UTC") eq(tostring(time.localtz), "Local")
        eq(time.load_location("UTC"), time.utc) eq(time.load_location("Local"), time.localtz)
        local ny = time.load_location("America/New_York")
        eq(ny:string(), "America/New_York") eq(type(ny), "userdata")
        local zone = time.fixed_zone("Moon", 5400)
        eq(tostring(zone), "Moon")
        eq(time.unix(0):in_location(zone):format("15:04 MST -0700"), "01:30 Moon +0130")
        eq(time.unix(0):in_location(zone):in_local():location(), time.localtz)
        eq(refused("NotFound", "unknown time zone Nowhere", time.load_location("Nowhere")):retryable(), false)
        eq(refused("Invalid", "time zone name must not be empty", time.load_location("")):retryable(), false)
        fails("bad argument #2 to 'fixed_zone' (integer expected, got no value)", time.fixed_zone, "X")
        fails("bad argument #1 to 'load_location' (string expected, got nil)", time.load_location, nil)
        fails("bad argument #2 to 'in_location' (Location expected, got nil)", time.now().in_location, time.now(), nil)
        "#,
    );
}

#[test]
fn time_values_cross_process_boundaries() {
    passes(
        r#"
        local time = require("time")
        local t = time.date(2024, 1, 31, 12, 0, 0, 1, time.load_location("Europe/Berlin"))
        process.send(process.pid(), "t", {t, time.parse_duration("1s"), time.utc})
        local got = process.listen("t"):receive()
        eq(got[1], t) eq(got[1]:location():string(), "Europe/Berlin")
        eq(got[2]:seconds(), 1) eq(got[3], time.utc)
        "#,
    );
}
