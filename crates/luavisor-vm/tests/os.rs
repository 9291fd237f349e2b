//! The clock and calendar of the host (MODULES 10).

mod support;

use support::passes;

#[test]
fn only_the_clock_is_in_os() {
    passes(
        r#"
        local names = {}
        for name in os do table.insert(names, name) end
        table.sort(names)
        eq(table.concat(names, " "), "clock date difftime platform time")
        eq(os.platform, "luavisor") eq(os.difftime(5, 3), 2) eq(require("os"), os)
        fails("attempt to modify a readonly table", function() os.x = 1 end)
        fails("bad argument #2 to 'difftime' (number expected, got no value)", os.difftime, 1)
        "#,
    );
}

#[test]
fn time_and_clock_move_with_the_kernel() {
    passes(
        r#"
        eq(os.time(), 1762095845) eq(os.clock(), 0)
        require("time").sleep("2.5s")
        eq(os.time(), 1762095847) eq(os.clock(), 2.5)
        "#,
    );
}

#[test]
fn a_table_becomes_a_time_and_back() {
    passes(
        r#"
        local t = os.date("*t", 1762095845)
        eq(os.time(t), 1762095845)
        eq(os.time{year = 2024, month = 1, day = 31 + 29 + 31}, os.time{year = 2024, month = 3, day = 31})
        local utc = os.date("!*t", 1762095845)
        eq(utc.year, 2025) eq(utc.month, 11) eq(utc.day, 2) eq(utc.hour, 15) eq(utc.min, 4) eq(utc.sec, 5)
        eq(utc.wday, 1) eq(utc.yday, 306) eq(utc.isdst, false)
        local today = os.date("*t")
        eq(os.time{}, os.time{year = today.year, month = today.month, day = today.day})
        fails("field 'year' must be an integer", os.time, {year = "x"})
        fails("field 'hour' must be an integer", os.time, {hour = 1.5})
        fails("bad argument #1 to 'time' (table expected, got number)", os.time, 5)
        "#,
    );
}

#[test]
fn dates_are_written() {
    passes(
        r#"
        eq(os.date("!%c", 1762095845), "Sun Nov  2 15:04:05 2025")
        eq(os.date("!%Y-%m-%d %H:%M:%S %%", 1762095845.9), "2025-11-02 15:04:05 %")
        eq(os.date("!%F"), "%F") eq(os.date("!%x"), "11/02/25")
        eq(os.date(), os.date("%c", os.time()))
        fails("bad argument #2 to 'date' (number expected, got string)", os.date, "%c", "x")
        fails("bad argument #1 to 'date' (string expected, got number)", os.date, 5)
        "#,
    );
}
