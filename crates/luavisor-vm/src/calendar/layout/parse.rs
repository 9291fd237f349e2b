//! Reading an instant by a layout.
//!
//! Steps, in order; the first that fails is the error:
//!
//! 1. Each piece of the layout takes its text, from left to right.
//! 2. No text is left over.
//! 3. Day, month and year together are a date.
//! 4. The zone in the text, or else the given one, makes it an instant.

use std::iter::Peekable;

use luavisor_core::Error;
use luavisor_core::value::{Instant, Zone};

use super::element::{Case, Element, Fraction, Piece, Pieces};
use super::scan::{self, WrittenOffset};
use super::{MONTHS, WEEKDAYS};
use crate::calendar::civil::days_in_month;
use crate::calendar::{Civil, instant, zone};

/// Reads `text` by `layout`. What is missing is the year 0, 1 January, midnight.
///
/// | zone in the text | offset | shown in |
/// |---|---|---|
/// | none | that of `location` at the reading | `location` |
/// | `Z` for `Z07:00`, `UTC` for `MST` | 0 | UTC |
/// | an offset | it | `location` if it has this offset then, else UTC if 0, else a zone of that offset |
/// | abbreviation of `location` | what it means there | `location` |
/// | another abbreviation | 0 | a zone of that name |
///
/// An offset goes before an abbreviation, which then only names the zone.
///
/// # Errors
/// Invalid `parsing time "<text>" as "<layout>": cannot parse "<rest>" as
/// "<element>"`, also for what is out of range, or `…: extra text: "<rest>"`.
///
/// ```
/// use luavisor_core::value::Zone;
/// use luavisor_vm::calendar::{instant, layout};
///
/// let instant = layout::parse("2006-01-02 15:04", "2025-11-02 15:04", &Zone::Utc)?;
/// assert_eq!(instant, instant::unix(1_762_095_840, 0, Zone::Utc));
/// # Ok::<(), luavisor_core::Error>(())
/// ```
pub fn parse(layout: &str, text: &str, location: &Zone) -> Result<Instant, Error> {
    read(layout, text, location).map_err(|problem| {
        let problem = match problem {
            Problem::Unreadable { rest, sample } => {
                format!("cannot parse \"{rest}\" as \"{sample}\"")
            }
            Problem::ExtraText(rest) => format!("extra text: \"{rest}\""),
        };
        let message = format!("parsing time \"{text}\" as \"{layout}\": {problem}");
        Error::invalid(message).retryable(false)
    })
}

/// Why a text does not fit its layout.
enum Problem<'a> {
    /// `rest` does not start with what the piece `sample` of the layout shows
    Unreadable { rest: &'a str, sample: &'a str },
    /// all pieces are read, but not all text
    ExtraText(&'a str),
}

/// A number, and where it was read: for those whose range depends on others.
#[derive(Clone, Copy)]
struct Found<'a> {
    number: i64,
    rest: &'a str,
    sample: &'a str,
}

impl<'a> Found<'a> {
    fn unreadable(self) -> Problem<'a> {
        Problem::Unreadable { rest: self.rest, sample: self.sample }
    }
}

/// What the text has said so far.
#[derive(Default)]
struct Said<'a> {
    year: i64,
    month: Option<i64>,
    day: Option<Found<'a>>,
    year_day: Option<Found<'a>>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    afternoon: Option<bool>,
    offset: Option<WrittenOffset>,
    abbreviation: Option<&'a str>,
}

fn read<'a>(layout: &'a str, text: &'a str, location: &Zone) -> Result<Instant, Problem<'a>> {
    let mut said = Said::default();
    let mut rest = text;
    let mut pieces = Pieces::of(layout).peekable();
    while let Some(piece) = pieces.next() {
        rest = match piece {
            Piece::Literal(literal) => {
                rest.strip_prefix(literal).ok_or_else(|| mismatch(literal, rest))?
            }
            Piece::Element(element, sample) => {
                let after = said
                    .element(element, rest, sample)
                    .ok_or(Problem::Unreadable { rest, sample })?;
                match element {
                    Element::Second(_) => said.unannounced_fraction(after, &mut pieces),
                    _ => after,
                }
            }
        };
    }
    if !rest.is_empty() {
        return Err(Problem::ExtraText(rest));
    }
    said.instant(location)
}

/// The problem from the first character on in which literal text differs; where none
/// does, the text has ended too early.
fn mismatch<'a>(literal: &'a str, rest: &'a str) -> Problem<'a> {
    let same = literal
        .char_indices()
        .zip(rest.chars())
        .find(|((_, expected), found)| expected != found)
        .map_or(rest.len(), |((at, _), _)| at);
    Problem::Unreadable { rest: &rest[same..], sample: &literal[same..] }
}

impl<'a> Said<'a> {
    /// Takes what `element` stands for from the start of `rest` and returns what
    /// follows, or `None` if it is not there or out of range.
    fn element(&mut self, element: Element, rest: &'a str, sample: &'a str) -> Option<&'a str> {
        let after;
        match element {
            Element::Year => (self.year, after) = scan::number(rest, 4, 4)?,
            Element::YearOfCentury => {
                (self.year, after) = scan::number(rest, 2, 2)?;
                self.year += if self.year >= 69 { 1900 } else { 2000 };
            }
            Element::Month(width) => {
                let month;
                (month, after) = scan::padded(rest, width, 2)?;
                self.month = Some(scan::within(month, 1, 12)?);
            }
            Element::MonthName(length) => {
                let month;
                (month, after) = scan::name(rest, &MONTHS, length)?;
                self.month = Some(month + 1);
            }
            Element::Day(width) => {
                let number;
                (number, after) = scan::padded(rest, width, 2)?;
                self.day = Some(Found { number: scan::within(number, 1, 31)?, rest, sample });
            }
            Element::YearDay(width) => {
                let number;
                (number, after) = scan::padded(rest, width, 3)?;
                self.year_day = Some(Found { number: scan::within(number, 1, 366)?, rest, sample });
            }
            Element::Hour => {
                (self.hour, after) = scan::number(rest, 1, 2)?;
                scan::within(self.hour, 0, 23)?;
            }
            Element::HourOfTwelve(width) => {
                (self.hour, after) = scan::padded(rest, width, 2)?;
                scan::within(self.hour, 1, 12)?;
            }
            Element::Minute(width) => {
                (self.minute, after) = scan::padded(rest, width, 2)?;
                scan::within(self.minute, 0, 59)?;
            }
            Element::Second(width) => {
                (self.second, after) = scan::padded(rest, width, 2)?;
                scan::within(self.second, 0, 59)?;
            }
            Element::Fraction(Fraction::Fixed(digits)) => {
                let digits = scan::fraction_digits(rest)?.get(..digits)?;
                self.nanosecond = scan::nanoseconds(digits);
                after = &rest[1 + digits.len()..];
            }
            Element::Fraction(Fraction::Trimmed(_)) => {
                let digits = scan::fraction_digits(rest).unwrap_or("");
                self.nanosecond = scan::nanoseconds(digits);
                after = if digits.is_empty() { rest } else { &rest[1 + digits.len()..] };
            }
            Element::HalfDay(case) => {
                let [morning, afternoon] = match case {
                    Case::Upper => ["AM", "PM"],
                    Case::Lower => ["am", "pm"],
                };
                let found = rest.get(..2)?;
                if found != morning && found != afternoon {
                    return None;
                }
                self.afternoon = Some(found == afternoon);
                after = &rest[2..];
            }
            Element::Weekday(length) => (_, after) = scan::name(rest, &WEEKDAYS, length)?,
            Element::Abbreviation => {
                let (abbreviation, follows) = rest.split_at(scan::abbreviation(rest)?);
                self.abbreviation = Some(abbreviation);
                after = follows;
            }
            Element::Offset(style) => {
                let offset;
                (offset, after) = scan::offset(rest, style)?;
                self.offset = Some(offset);
            }
        }
        Some(after)
    }

    /// Takes a fraction that follows the seconds although the layout has none
    /// there, and returns what is left.
    fn unannounced_fraction(
        &mut self,
        rest: &'a str,
        pieces: &mut Peekable<Pieces<'_>>,
    ) -> &'a str {
        let Some(digits) = scan::fraction_digits(rest).filter(|digits| !digits.is_empty()) else {
            return rest;
        };
        let announced = match pieces.peek() {
            Some(Piece::Element(Element::Fraction(_), _)) => true,
            Some(Piece::Literal(literal)) => literal.starts_with(&rest[..1]),
            _ => false,
        };
        if announced {
            return rest;
        }
        self.nanosecond = scan::nanoseconds(digits);
        &rest[1 + digits.len()..]
    }

    fn instant(self, location: &Zone) -> Result<Instant, Problem<'a>> {
        let (month, day) = self.date()?;
        let hour = match self.afternoon {
            Some(true) if self.hour < 12 => self.hour + 12,
            Some(false) if self.hour == 12 => 0,
            _ => self.hour,
        };
        let civil = Civil {
            year: self.year,
            month,
            day,
            hour,
            minute: self.minute,
            second: self.second,
            nanosecond: self.nanosecond,
        };
        let (wall, nanos) = civil.wall();
        let at = |offset, zone| Ok(instant::from_wall(wall, nanos, offset, zone));
        match (self.offset, self.abbreviation) {
            (None, None) => Ok(instant::from_civil(&civil, location.clone())),
            (Some(WrittenOffset::Z), _) | (None, Some("UTC")) => at(0, Zone::Utc),
            (Some(WrittenOffset::Seconds(offset)), abbreviation) => {
                at(offset, Zone::Utc).map(|instant| {
                    let zone = zone_of_offset(&instant, offset, abbreviation, location);
                    instant::in_location(&instant, zone)
                })
            }
            (None, Some(abbreviation)) => {
                match zone::offset_of_abbreviation(location, wall, abbreviation) {
                    Some(offset) => at(offset, location.clone()),
                    None => at(0, zone::fixed(abbreviation, 0)),
                }
            }
        }
    }

    /// Month and day.
    fn date(&self) -> Result<(i64, i64), Problem<'a>> {
        if let Some(year_day) = self.year_day {
            let (month, day) =
                month_and_day(self.year, year_day.number).ok_or(year_day.unreadable())?;
            let month_agrees = self.month.is_none_or(|said| said == month);
            let day_agrees = self.day.is_none_or(|said| said.number == day);
            return if month_agrees && day_agrees {
                Ok((month, day))
            } else {
                Err(year_day.unreadable())
            };
        }
        let month = self.month.unwrap_or(1);
        match self.day {
            None => Ok((month, 1)),
            Some(day) if days_in_month(self.year, month).is_some_and(|days| day.number <= days) => {
                Ok((month, day.number))
            }
            Some(day) => Err(day.unreadable()),
        }
    }
}

/// Where an instant is shown that came with an offset.
fn zone_of_offset(
    instant: &Instant,
    offset: i32,
    abbreviation: Option<&str>,
    location: &Zone,
) -> Zone {
    let shown = zone::observance(location, instant.seconds);
    if shown.offset == offset && abbreviation.is_none_or(|said| said == shown.abbreviation) {
        return location.clone();
    }
    match (offset, abbreviation) {
        (0, None | Some("UTC")) => Zone::Utc,
        (_, None) => zone::fixed(&zone::offset_name(offset), offset),
        (_, Some(abbreviation)) => zone::fixed(abbreviation, offset),
    }
}

/// Month and day of a day of the year, if the year has that many.
fn month_and_day(year: i64, year_day: i64) -> Option<(i64, i64)> {
    let mut day = year_day;
    for month in 1..=12 {
        let days = days_in_month(year, month)?;
        if day <= days {
            return Some((month, day));
        }
        day -= days;
    }
    None
}
