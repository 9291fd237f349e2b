//! What plain scalars mean (YAML 1.2.2, 10.3.2).

/// A scalar without quotes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Plain {
    Nil,
    Boolean(bool),
    Number(f64),
    Text,
}

/// The meaning of a scalar without quotes.
pub fn plain(text: &str) -> Plain {
    match text {
        "" | "~" | "null" | "Null" | "NULL" => return Plain::Nil,
        "true" | "True" | "TRUE" => return Plain::Boolean(true),
        "false" | "False" | "FALSE" => return Plain::Boolean(false),
        ".nan" | ".NaN" | ".NAN" => return Plain::Number(f64::NAN),
        _ => {}
    }
    number(text).map_or(Plain::Text, Plain::Number)
}

fn number(text: &str) -> Option<f64> {
    if let Some(digits) = text.strip_prefix("0x") {
        return radix(digits, 16);
    }
    if let Some(digits) = text.strip_prefix("0o") {
        return radix(digits, 8);
    }
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    if matches!(unsigned, ".inf" | ".Inf" | ".INF") {
        return Some(if text.starts_with('-') { f64::NEG_INFINITY } else { f64::INFINITY });
    }
    // What Rust reads besides, such as `inf`, is no number of YAML.
    let digits = unsigned.strip_prefix('.').unwrap_or(unsigned);
    let known =
        |byte: u8| byte.is_ascii_digit() || matches!(byte, b'.' | b'e' | b'E' | b'+' | b'-');
    if !digits.starts_with(|c: char| c.is_ascii_digit()) || !unsigned.bytes().all(known) {
        return None;
    }
    text.parse().ok()
}

fn radix(digits: &str, radix: u32) -> Option<f64> {
    let value = |sum: f64, c: char| Some(sum * f64::from(radix) + f64::from(c.to_digit(radix)?));
    if digits.is_empty() { None } else { digits.chars().try_fold(0.0, value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_scalars() {
        for (text, expected) in [
            ("", Plain::Nil),
            ("~", Plain::Nil),
            ("Null", Plain::Nil),
            ("true", Plain::Boolean(true)),
            ("yes", Plain::Text),
            ("12", Plain::Number(12.0)),
            ("-1.5e3", Plain::Number(-1500.0)),
            ("+.5", Plain::Number(0.5)),
            ("0x1F", Plain::Number(31.0)),
            ("0o17", Plain::Number(15.0)),
            ("017", Plain::Number(17.0)),
            ("-.inf", Plain::Number(f64::NEG_INFINITY)),
            ("inf", Plain::Text),
            ("nan", Plain::Text),
            ("1_000", Plain::Text),
            ("1.2.3", Plain::Text),
            ("2026-03-01", Plain::Text),
            ("0x", Plain::Text),
            (".", Plain::Text),
            ("e5", Plain::Text),
        ] {
            assert_eq!(plain(text), expected, "{text}");
        }
    }
}
