//! Writing an instant by a layout.

use std::fmt::{Result, Write};

use luavisor_core::value::Instant;

use super::element::{Case, Colons, Element, Fraction, Length, Offset, Parts, Piece, Pieces};
use super::element::{Utc, Width};
use super::{MONTHS, WEEKDAYS, short};
use crate::calendar::{Civil, instant, zone};

/// The instant as text, as its zone shows it.
///
/// Years beyond four digits are written in full, those before 0 with a sign; such
/// text cannot be read back.
///
/// ```
/// use luavisor_core::value::Zone;
/// use luavisor_vm::calendar::{instant, layout};
///
/// let instant = instant::unix(1_762_095_845, 0, Zone::Utc);
/// assert_eq!(layout::format(&instant, "Mon Jan _2 3:04 PM"), "Sun Nov  2 3:04 PM");
/// ```
pub fn format(instant: &Instant, layout: &str) -> String {
    let civil = instant::civil(instant);
    let mut text = String::with_capacity(layout.len() + 8);
    for piece in Pieces::of(layout) {
        // Writing to a string does not fail.
        let _ = match piece {
            Piece::Literal(literal) => text.write_str(literal),
            Piece::Element(element, sample) => write(&mut text, element, sample, &civil, instant),
        };
    }
    text
}

fn write(
    text: &mut String,
    element: Element,
    sample: &str,
    civil: &Civil,
    instant: &Instant,
) -> Result {
    match element {
        Element::Year if civil.year < 0 => write!(text, "-{:04}", civil.year.unsigned_abs()),
        Element::Year => write!(text, "{:04}", civil.year),
        Element::YearOfCentury => write!(text, "{:02}", civil.year.rem_euclid(100)),
        Element::Month(width) => number(text, civil.month, width, 2),
        Element::MonthName(length) => name(text, MONTHS[civil.month as usize - 1], length),
        Element::Day(width) => number(text, civil.day, width, 2),
        Element::YearDay(width) => number(text, civil.year_day(), width, 3),
        Element::Hour => number(text, civil.hour, Width::Zeros, 2),
        Element::HourOfTwelve(width) => number(text, (civil.hour + 11) % 12 + 1, width, 2),
        Element::Minute(width) => number(text, civil.minute, width, 2),
        Element::Second(width) => number(text, civil.second, width, 2),
        Element::Fraction(fraction) => write_fraction(text, fraction, &sample[..1], instant.nanos),
        Element::HalfDay(case) => text.write_str(match (case, civil.hour < 12) {
            (Case::Upper, true) => "AM",
            (Case::Upper, false) => "PM",
            (Case::Lower, true) => "am",
            (Case::Lower, false) => "pm",
        }),
        Element::Weekday(length) => name(text, WEEKDAYS[civil.weekday() as usize], length),
        Element::Abbreviation => {
            text.write_str(&zone::observance(&instant.zone, instant.seconds).abbreviation)
        }
        Element::Offset(offset) => {
            write_offset(text, offset, zone::offset(&instant.zone, instant.seconds))
        }
    }
}

fn number(text: &mut String, number: i64, width: Width, digits: usize) -> Result {
    match width {
        Width::Zeros => write!(text, "{number:0digits$}"),
        Width::Blanks => write!(text, "{number:digits$}"),
        Width::Bare => write!(text, "{number}"),
    }
}

fn name(text: &mut String, name: &'static str, length: Length) -> Result {
    text.write_str(match length {
        Length::Short => short(name),
        Length::Full => name,
    })
}

fn write_fraction(text: &mut String, fraction: Fraction, separator: &str, nanos: u32) -> Result {
    let all = format!("{nanos:09}");
    let digits = match fraction {
        Fraction::Fixed(count) => &all[..count],
        Fraction::Trimmed(count) => all[..count].trim_end_matches('0'),
    };
    if digits.is_empty() { Ok(()) } else { write!(text, "{separator}{digits}") }
}

fn write_offset(text: &mut String, style: Offset, offset: i32) -> Result {
    if style.utc == Utc::Z && offset == 0 {
        return text.write_str("Z");
    }
    let colon = if style.colons == Colons::Present { ":" } else { "" };
    let seconds = offset.unsigned_abs();
    let sign = if offset < 0 { '-' } else { '+' };
    write!(text, "{sign}{:02}", seconds / 3_600)?;
    if style.parts >= Parts::Minutes {
        write!(text, "{colon}{:02}", seconds / 60 % 60)?;
    }
    if style.parts >= Parts::Seconds {
        write!(text, "{colon}{:02}", seconds % 60)?;
    }
    Ok(())
}
