//! The values of `format` that are checked; all others are annotations.

use std::net::{Ipv4Addr, Ipv6Addr};

/// See the module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    Email,
    Uri,
    DateTime,
    Date,
    Time,
    Uuid,
    Ipv4,
    Ipv6,
}

impl Format {
    pub fn parse(name: &str) -> Option<Format> {
        Some(match name {
            "email" => Format::Email,
            "uri" => Format::Uri,
            "date-time" => Format::DateTime,
            "date" => Format::Date,
            "time" => Format::Time,
            "uuid" => Format::Uuid,
            "ipv4" => Format::Ipv4,
            "ipv6" => Format::Ipv6,
            _ => return None,
        })
    }

    pub fn name(self) -> &'static str {
        match self {
            Format::Email => "email",
            Format::Uri => "uri",
            Format::DateTime => "date-time",
            Format::Date => "date",
            Format::Time => "time",
            Format::Uuid => "uuid",
            Format::Ipv4 => "ipv4",
            Format::Ipv6 => "ipv6",
        }
    }

    /// Whether the text has it.
    pub fn fits(self, text: &str) -> bool {
        match self {
            Format::Email => is_email(text),
            Format::Uri => is_uri(text),
            Format::DateTime => match text.split_once(['T', 't', ' ']) {
                Some((date, time)) => is_date(date) && is_time(time),
                None => false,
            },
            Format::Date => is_date(text),
            Format::Time => is_time(text),
            Format::Uuid => is_uuid(text),
            Format::Ipv4 => text.parse::<Ipv4Addr>().is_ok(),
            Format::Ipv6 => text.parse::<Ipv6Addr>().is_ok(),
        }
    }
}

/// A name, an at sign and a domain. More is not worth checking: only a mail tells.
fn is_email(text: &str) -> bool {
    let Some((local, domain)) = text.rsplit_once('@') else { return false };
    let label = |label: &str| {
        !label.is_empty()
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_alphanumeric() || c == '-')
    };
    let plain = |c: char| !c.is_whitespace() && !c.is_control() && c != '@';
    (1..=64).contains(&local.len())
        && local.chars().all(plain)
        && !local.starts_with('.')
        && !local.ends_with('.')
        && !local.contains("..")
        && domain.len() <= 253
        && domain.split('.').all(label)
}

/// A scheme, a colon, and characters that RFC 3986 allows.
fn is_uri(text: &str) -> bool {
    let Some((scheme, rest)) = text.split_once(':') else { return false };
    let mut letters = scheme.bytes();
    let begins = letters.next().is_some_and(|first| first.is_ascii_alphabetic());
    let goes_on = letters.all(|c| c.is_ascii_alphanumeric() || b"+-.".contains(&c));
    let allowed = |c: u8| c.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&c);
    let escapes = rest.split('%').skip(1).all(|after| {
        after.len() >= 2 && after.bytes().take(2).all(|digit| digit.is_ascii_hexdigit())
    });
    begins && goes_on && rest.bytes().all(allowed) && escapes
}

/// The number that `length` digits are.
fn digits(text: &str, length: usize) -> Option<u32> {
    let all = text.len() == length && text.bytes().all(|digit| digit.is_ascii_digit());
    all.then(|| text.parse().ok()).flatten()
}

/// `2025-11-26`
fn is_date(text: &str) -> bool {
    let mut parts = text.split('-');
    let (Some(year), Some(month), Some(day), None) =
        (parts.next(), parts.next(), parts.next(), parts.next())
    else {
        return false;
    };
    let (Some(year), Some(month), Some(day)) = (digits(year, 4), digits(month, 2), digits(day, 2))
    else {
        return false;
    };
    let leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    let last = match month {
        2 if leap => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        1..=12 => 31,
        _ => return false,
    };
    (1..=last).contains(&day)
}

/// `15:04:05`, perhaps with a fraction, and `Z` or an offset
fn is_time(text: &str) -> bool {
    let clock = |text: &str| {
        let (hour, minute) = text.split_once(':')?;
        let (hour, minute) = (digits(hour, 2)?, digits(minute, 2)?);
        (hour < 24 && minute < 60).then_some((hour, minute))
    };
    let Some(at) = text.find(['Z', 'z', '+', '-']) else { return false };
    let (time, zone) = text.split_at(at);
    let zoned = match zone {
        "Z" | "z" => true,
        _ => clock(&zone[1..]).is_some(),
    };
    let Some((start, seconds)) = time.rsplit_once(':') else { return false };
    let (seconds, fraction) = seconds.split_once('.').unwrap_or((seconds, "0"));
    let fraction = !fraction.is_empty() && fraction.bytes().all(|digit| digit.is_ascii_digit());
    // A leap second may come at the end of any hour of some zone.
    let second = match (digits(seconds, 2), clock(start)) {
        (Some(60), Some((_, minute))) => minute == 59,
        (Some(second), Some(_)) => second < 60,
        _ => false,
    };
    zoned && fraction && second
}

fn is_uuid(text: &str) -> bool {
    let lengths = [8, 4, 4, 4, 12];
    let parts: Vec<&str> = text.splitn(6, '-').collect();
    parts.len() == lengths.len()
        && parts.iter().zip(lengths).all(|(part, length)| {
            part.len() == length && part.bytes().all(|digit| digit.is_ascii_hexdigit())
        })
}
