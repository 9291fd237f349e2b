//! Taking numbers, names and zones from the start of a text.
//!
//! All look at the start only and answer `None` when it is something else; whether
//! the text that follows makes sense is for the next element to say.

use super::element::{Colons, Length, Offset, Parts, Utc, Width};
use super::short;

/// An offset as the text has it.
pub(super) enum WrittenOffset {
    /// the letter, which means UTC itself and not a zone that happens to be at 0
    Z,
    /// east of UTC
    Seconds(i32),
}

/// As many digits as there are, up to `most`, but not less than `least`.
pub(super) fn number(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let digits = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if digits < least {
        return None;
    }
    let (digits, after) = text.split_at(digits);
    Some((digits.parse().ok()?, after))
}

/// A number of at most `digits` digits, filled up as in the layout.
pub(super) fn padded(text: &str, width: Width, digits: usize) -> Option<(i64, &str)> {
    match width {
        Width::Zeros => number(text, digits, digits),
        Width::Bare => number(text, 1, digits),
        Width::Blanks => {
            let blanks = text.bytes().take(digits - 1).take_while(|&byte| byte == b' ').count();
            number(&text[blanks..], 1, digits)
        }
    }
}

/// `number` itself, if it is in the range.
pub(super) fn within(number: i64, first: i64, last: i64) -> Option<i64> {
    (first..=last).contains(&number).then_some(number)
}

/// The index of the name that `text` starts with.
pub(super) fn name<'t>(
    text: &'t str,
    names: &[&'static str],
    length: Length,
) -> Option<(i64, &'t str)> {
    names.iter().zip(0..).find_map(|(name, index)| {
        let name = match length {
            Length::Short => short(name),
            Length::Full => name,
        };
        let found = text.get(..name.len())?;
        found.eq_ignore_ascii_case(name).then(|| (index, &text[name.len()..]))
    })
}

/// The digits after a leading `.` or `,`.
pub(super) fn fraction_digits(text: &str) -> Option<&str> {
    let digits = text.strip_prefix(['.', ','])?;
    Some(&digits[..digits.bytes().take_while(u8::is_ascii_digit).count()])
}

/// Digits of a fraction as nanoseconds; those from the tenth on are dropped.
pub(super) fn nanoseconds(digits: &str) -> i64 {
    let nine = digits.bytes().chain(std::iter::repeat(b'0')).take(9);
    nine.fold(0, |value, digit| value * 10 + i64::from(digit - b'0'))
}

/// The length of the zone abbreviation that `text` starts with: three to five
/// capitals, `ChST` (Guam, the one with a small letter), or a sign with two or four
/// digits, as the zone database has where there is no name.
pub(super) fn abbreviation(text: &str) -> Option<usize> {
    if text.starts_with("ChST") {
        return Some(4);
    }
    if let Some(digits) = text.strip_prefix(['+', '-']) {
        return match digits.bytes().take(4).take_while(u8::is_ascii_digit).count() {
            4 => Some(5),
            2 | 3 => Some(3),
            _ => None,
        };
    }
    let capitals = text.bytes().take_while(u8::is_ascii_uppercase).count();
    (3..=5).contains(&capitals).then_some(capitals)
}

/// An offset in the given style.
pub(super) fn offset(text: &str, style: Offset) -> Option<(WrittenOffset, &str)> {
    if style.utc == Utc::Z
        && let Some(after) = text.strip_prefix('Z')
    {
        return Some((WrittenOffset::Z, after));
    }
    let sign = match text.bytes().next()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let part = |text, last| {
        let (value, after) = number(text, 2, 2)?;
        Some((within(value, 0, last)? as i32, after))
    };
    let next = |text| match style.colons {
        Colons::Present => str::strip_prefix(text, ':'),
        Colons::Absent => Some(text),
    };
    let (hours, mut after) = part(&text[1..], 23)?;
    let mut seconds = hours * 3_600;
    if style.parts >= Parts::Minutes {
        let minutes;
        (minutes, after) = part(next(after)?, 59)?;
        seconds += minutes * 60;
    }
    if style.parts >= Parts::Seconds {
        let rest;
        (rest, after) = part(next(after)?, 59)?;
        seconds += rest;
    }
    Some((WrittenOffset::Seconds(sign * seconds), after))
}
