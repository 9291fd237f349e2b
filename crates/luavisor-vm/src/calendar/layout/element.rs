//! Cutting a layout into elements and literal text.

/// What an element of a layout stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Element {
    Year,
    YearOfCentury,
    Month(Width),
    MonthName(Length),
    Day(Width),
    YearDay(Width),
    Hour,
    HourOfTwelve(Width),
    Minute(Width),
    Second(Width),
    Fraction(Fraction),
    HalfDay(Case),
    Weekday(Length),
    Abbreviation,
    Offset(Offset),
}

/// How a number is filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Width {
    Zeros,
    Blanks,
    Bare,
}

/// How a name is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Length {
    Short,
    Full,
}

/// How AM and PM are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Case {
    Upper,
    Lower,
}

/// A fraction of a second and its number of digits, 1 ..= 9.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fraction {
    Fixed(usize),
    Trimmed(usize),
}

/// How an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Offset {
    pub(super) utc: Utc,
    pub(super) parts: Parts,
    pub(super) colons: Colons,
}

/// How the offset 0 is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Utc {
    Z,
    Digits,
}

/// Down to which unit an offset is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
pub(super) enum Parts {
    Hours,
    Minutes,
    Seconds,
}

/// What is between the parts of an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Colons {
    Present,
    Absent,
}

const fn offset(utc: Utc, parts: Parts, colons: Colons) -> Element {
    Element::Offset(Offset { utc, parts, colons })
}

/// All elements but fractions, so that of two with a common start the longer one
/// comes first.
const ELEMENTS: [(&str, Element); 30] = [
    ("2006", Element::Year),
    ("2", Element::Day(Width::Bare)),
    ("002", Element::YearDay(Width::Zeros)),
    ("01", Element::Month(Width::Zeros)),
    ("02", Element::Day(Width::Zeros)),
    ("03", Element::HourOfTwelve(Width::Zeros)),
    ("04", Element::Minute(Width::Zeros)),
    ("05", Element::Second(Width::Zeros)),
    ("06", Element::YearOfCentury),
    ("15", Element::Hour),
    ("1", Element::Month(Width::Bare)),
    ("3", Element::HourOfTwelve(Width::Bare)),
    ("4", Element::Minute(Width::Bare)),
    ("5", Element::Second(Width::Bare)),
    ("_2", Element::Day(Width::Blanks)),
    ("__2", Element::YearDay(Width::Blanks)),
    ("January", Element::MonthName(Length::Full)),
    ("Jan", Element::MonthName(Length::Short)),
    ("Monday", Element::Weekday(Length::Full)),
    ("Mon", Element::Weekday(Length::Short)),
    ("MST", Element::Abbreviation),
    ("PM", Element::HalfDay(Case::Upper)),
    ("pm", Element::HalfDay(Case::Lower)),
    ("Z07:00", offset(Utc::Z, Parts::Minutes, Colons::Present)),
    ("Z0700", offset(Utc::Z, Parts::Minutes, Colons::Absent)),
    ("Z07", offset(Utc::Z, Parts::Hours, Colons::Absent)),
    ("-07:00:00", offset(Utc::Digits, Parts::Seconds, Colons::Present)),
    ("-07:00", offset(Utc::Digits, Parts::Minutes, Colons::Present)),
    ("-0700", offset(Utc::Digits, Parts::Minutes, Colons::Absent)),
    ("-07", offset(Utc::Digits, Parts::Hours, Colons::Absent)),
];

/// A part of a layout with its text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Piece<'l> {
    Literal(&'l str),
    Element(Element, &'l str),
}

/// The pieces of a layout in their order; literals are never empty nor adjacent.
#[derive(Clone, Debug)]
pub(super) struct Pieces<'l>(&'l str);

impl<'l> Pieces<'l> {
    pub(super) fn of(layout: &'l str) -> Pieces<'l> {
        Pieces(layout)
    }
}

impl<'l> Iterator for Pieces<'l> {
    type Item = Piece<'l>;

    fn next(&mut self) -> Option<Piece<'l>> {
        if let Some((element, length)) = leading(self.0) {
            let (text, rest) = self.0.split_at(length);
            self.0 = rest;
            return Some(Piece::Element(element, text));
        }
        let end =
            self.0.char_indices().map(|(at, _)| at).find(|&at| leading(&self.0[at..]).is_some());
        let (literal, rest) = self.0.split_at(end.unwrap_or(self.0.len()));
        self.0 = rest;
        (!literal.is_empty()).then_some(Piece::Literal(literal))
    }
}

/// The element at the start of `layout` and its length.
fn leading(layout: &str) -> Option<(Element, usize)> {
    let first = layout.bytes().next()?;
    if matches!(first, b'.' | b',') {
        return fraction(layout);
    }
    // Most of a layout is elements, but literals may be long; this spares them the
    // table.
    if !b"012345_JMPpZ-".contains(&first) || layout.starts_with("_2006") {
        return None;
    }
    let (text, element) = ELEMENTS.iter().find(|(text, _)| layout.starts_with(text))?;
    let before_small_letter = layout[text.len()..].starts_with(|c: char| c.is_ascii_lowercase());
    match element {
        Element::MonthName(Length::Short) | Element::Weekday(Length::Short)
            if before_small_letter =>
        {
            None
        }
        _ => Some((*element, text.len())),
    }
}

fn fraction(layout: &str) -> Option<(Element, usize)> {
    let digit = layout.as_bytes().get(1).filter(|digit| matches!(digit, b'0' | b'9'))?;
    let digits = layout[1..].bytes().take_while(|byte| byte == digit).count();
    let before_digit = layout[1 + digits..].starts_with(|c: char| c.is_ascii_digit());
    if digits > 9 || before_digit {
        return None;
    }
    let fraction = if *digit == b'0' { Fraction::Fixed(digits) } else { Fraction::Trimmed(digits) };
    Some((Element::Fraction(fraction), 1 + digits))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn texts(layout: &str) -> Vec<String> {
        Pieces::of(layout)
            .map(|piece| match piece {
                Piece::Literal(text) => format!("'{text}'"),
                Piece::Element(_, text) => text.to_owned(),
            })
            .collect()
    }

    #[test]
    fn the_longest_element_counts_and_the_rest_is_literal() {
        for (layout, expected) in [
            ("2006-01-02", "2006 '-' 01 '-' 02"),
            ("20060102", "2006 01 02"),
            ("2006002", "2006 002"),
            ("15:04:05.000Z07:00", "15 ':' 04 ':' 05 .000 Z07:00"),
            ("05.999-07:00:00", "05 .999 -07:00:00"),
            ("-070000", "-0700 '00'"),
            ("-07:0", "-07 ':0'"),
            ("Z0700 Z07 Z", "Z0700 ' ' Z07 ' Z'"),
            ("05Z", "05 'Z'"),
            ("Month Monday Mon", "'Month ' Monday ' ' Mon"),
            ("Janet January Jan", "'Janet ' January ' ' Jan"),
            ("Jan2", "Jan 2"),
            ("_2 __2 _2006", "_2 ' ' __2 ' _' 2006"),
            ("___2", "'_' __2"),
            ("PMpmPmpM", "PM pm 'PmpM'"),
            ("MST", "MST"),
            (".0 ,9 .1 .01", ".0 ' ' ,9 ' .' 1 ' .' 01"),
            (".0000000000", "'.0000000000'"),
            ("é2ü", "'é' 2 'ü'"),
            ("T789", "'T789'"),
        ] {
            assert_eq!(texts(layout).join(" "), expected, "{layout}");
        }
        assert!(texts("").is_empty());
    }

    #[test]
    fn a_longer_element_is_never_hidden_by_a_shorter_one() {
        for (position, (text, _)) in ELEMENTS.iter().enumerate() {
            let hiding = ELEMENTS[..position].iter().find(|(earlier, _)| text.starts_with(earlier));
            assert_eq!(hiding, None, "{text}");
        }
    }

    proptest! {
        #[test]
        fn the_pieces_are_the_layout(layout in "([0-9.,_:Z-]|Jan|Mon|day|PM|.){0,20}") {
            let text: String = Pieces::of(&layout)
                .map(|piece| match piece {
                    Piece::Literal(text) | Piece::Element(_, text) => text,
                })
                .collect();
            prop_assert_eq!(text, layout);
        }
    }
}
