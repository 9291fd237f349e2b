//! What literals in the text stand for.

/// The bytes of a quoted or long string token.
pub fn text(token: &[u8]) -> Vec<u8> {
    match token {
        [b'[', rest @ ..] => {
            let level = rest.iter().take_while(|byte| **byte == b'=').count();
            let inner = token.get(level + 2..token.len().saturating_sub(level + 2));
            let inner = inner.unwrap_or_default();
            let inner = inner.strip_prefix(b"\r").unwrap_or(inner);
            inner.strip_prefix(b"\n").unwrap_or(inner).to_vec()
        }
        [_, inner @ .., _] => quoted(inner),
        _ => Vec::new(),
    }
}

fn quoted(inner: &[u8]) -> Vec<u8> {
    let mut text = Vec::with_capacity(inner.len());
    let mut bytes = inner.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        if byte != b'\\' {
            text.push(byte);
            continue;
        }
        match bytes.next() {
            None => {}
            Some(b'a') => text.push(7),
            Some(b'b') => text.push(8),
            Some(b'f') => text.push(12),
            Some(b'n') => text.push(b'\n'),
            Some(b'r') => text.push(b'\r'),
            Some(b't') => text.push(b'\t'),
            Some(b'v') => text.push(11),
            Some(b'z') => while bytes.next_if(u8::is_ascii_whitespace).is_some() {},
            Some(b'x') => {
                let mut value = 0u32;
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) {
                        value = value * 16 + hex(digit);
                    }
                }
                text.push(value as u8);
            }
            Some(b'u') => {
                bytes.next_if_eq(&b'{');
                let mut value = 0u32;
                while let Some(digit) = bytes.next_if(u8::is_ascii_hexdigit) {
                    value = value.saturating_mul(16).saturating_add(hex(digit));
                }
                bytes.next_if_eq(&b'}');
                let character = char::from_u32(value).unwrap_or(char::REPLACEMENT_CHARACTER);
                text.extend_from_slice(character.encode_utf8(&mut [0; 4]).as_bytes());
            }
            Some(digit @ b'0'..=b'9') => {
                let mut value = u32::from(digit - b'0');
                for _ in 0..2 {
                    if let Some(digit) = bytes.next_if(u8::is_ascii_digit) {
                        value = value * 10 + u32::from(digit - b'0');
                    }
                }
                text.push(value as u8);
            }
            Some(other) => text.push(other),
        }
    }
    text
}

fn hex(digit: u8) -> u32 {
    (digit as char).to_digit(16).unwrap_or(0)
}

/// The value of a number token, if it is one.
pub fn number(token: &[u8]) -> Option<f64> {
    let digits: String = token.iter().map(|b| *b as char).filter(|c| *c != '_').collect();
    let digits = digits.to_ascii_lowercase();
    let radix = |rest: &str, radix| u64::from_str_radix(rest, radix).ok().map(|n| n as f64);
    if let Some(rest) = digits.strip_prefix("0x") {
        return radix(rest, 16);
    }
    match digits.strip_prefix("0b") {
        Some(rest) => radix(rest, 2),
        None => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn literals_are_read() {
        assert_eq!(text(br#""a\n\x41\u{e9}\065\z  b\"""#), "a\nA\u{e9}Ab\"".as_bytes());
        assert_eq!(text(b"[==[\na]]b]==]"), b"a]]b");
        assert_eq!(text(b"\"\\"), b"");
        assert_eq!(number(b"1_000"), Some(1000.0));
        assert_eq!(number(b"0xff"), Some(255.0));
        assert_eq!(number(b"0b101"), Some(5.0));
        assert_eq!(number(b".5e1"), Some(5.0));
        assert_eq!(number(b"1..2"), None);
    }
}
