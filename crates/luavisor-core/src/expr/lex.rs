//! Words of an expression.

/// One word, with where it begins.
#[derive(Clone, Debug, PartialEq)]
pub struct Token {
    pub word: Word,
    pub at: usize,
}

/// A word.
#[derive(Clone, Debug, PartialEq)]
pub enum Word {
    Int(i64),
    Float(f64),
    Text(String),
    Name(String),
    /// an operator or a bracket
    Sign(&'static str),
    End,
}

/// Longest first.
const SIGNS: &[&str] = &[
    "**", "==", "!=", "<=", ">=", "&&", "||", "??", "?.", "..", "+", "-", "*", "/", "%", "^", "<",
    ">", "!", "?", ":", ".", ",", ";", "(", ")", "[", "]", "{", "}", "|", "#", "=",
];

/// Line and column, from 1.
pub fn place(source: &str, at: usize) -> String {
    let before = source.get(..at).unwrap_or(source);
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    format!("{line}:{column}")
}

/// All words, the end last.
pub fn tokens(source: &str) -> Result<Vec<Token>, String> {
    let mut tokens = Vec::new();
    let mut at = 0;
    while let Some(rest) = source.get(at..).filter(|rest| !rest.is_empty()) {
        let first = rest.chars().next().unwrap_or(' ');
        if first.is_whitespace() {
            at += first.len_utf8();
            continue;
        }
        if rest.starts_with("//") {
            at += rest.find('\n').unwrap_or(rest.len());
            continue;
        }
        if rest.starts_with("/*") {
            let end = rest.find("*/").ok_or_else(|| error(source, at, "comment is not closed"))?;
            at += end + 2;
            continue;
        }
        let digit = |at: usize| rest.as_bytes().get(at).is_some_and(u8::is_ascii_digit);
        let (word, length) = match first {
            '"' | '\'' | '`' => text(rest, first).map_err(|text| error(source, at, &text))?,
            '0'..='9' => number(rest).map_err(|text| error(source, at, &text))?,
            '.' if digit(1) => number(rest).map_err(|text| error(source, at, &text))?,
            _ if first.is_alphabetic() || first == '_' || first == '$' => {
                let part =
                    |letter: char| letter.is_alphanumeric() || letter == '_' || letter == '$';
                let length = rest.find(|letter| !part(letter)).unwrap_or(rest.len());
                (Word::Name(rest[..length].to_owned()), length)
            }
            _ => match SIGNS.iter().find(|sign| rest.starts_with(**sign)) {
                Some(sign) => (Word::Sign(sign), sign.len()),
                None => return Err(error(source, at, &format!("unexpected character {first}"))),
            },
        };
        tokens.push(Token { word, at });
        at += length;
    }
    tokens.push(Token { word: Word::End, at: source.len() });
    Ok(tokens)
}

pub fn error(source: &str, at: usize, text: &str) -> String {
    format!("{text} ({})", place(source, at))
}

fn text(rest: &str, quote: char) -> Result<(Word, usize), String> {
    let mut text = String::new();
    let mut letters = rest.char_indices().skip(1);
    while let Some((at, letter)) = letters.next() {
        match letter {
            _ if letter == quote => return Ok((Word::Text(text), at + 1)),
            '\\' if quote != '`' => match letters.next().map(|(_, letter)| letter) {
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                Some('r') => text.push('\r'),
                Some('u') => {
                    let digits: String = letters.by_ref().take(4).map(|(_, digit)| digit).collect();
                    let code = u32::from_str_radix(&digits, 16).ok().and_then(char::from_u32);
                    text.push(code.ok_or("wrong \\u in a string")?);
                }
                Some(other @ ('\\' | '\'' | '"' | '/')) => text.push(other),
                _ => return Err("wrong \\ in a string".to_owned()),
            },
            letter => text.push(letter),
        }
    }
    Err("string is not closed".to_owned())
}

fn number(rest: &str) -> Result<(Word, usize), String> {
    let bytes = rest.as_bytes();
    for (prefix, radix) in [("0x", 16), ("0b", 2), ("0o", 8)] {
        if rest.starts_with(prefix) {
            let end = rest[2..].find(|c: char| !c.is_ascii_alphanumeric() && c != '_');
            let length = end.map_or(rest.len(), |end| end + 2);
            let digits = rest[2..length].replace('_', "");
            let value = i64::from_str_radix(&digits, radix);
            return value
                .map(|value| (Word::Int(value), length))
                .map_err(|_| "wrong number".to_owned());
        }
    }
    let mut length = 0;
    let mut float = false;
    while let Some(byte) = bytes.get(length) {
        match byte {
            b'0'..=b'9' | b'_' => {}
            // Two dots are a range.
            b'.' if !float && bytes.get(length + 1).is_none_or(|next| *next != b'.') => {
                float = true
            }
            b'e' | b'E' => {
                float = true;
                if matches!(bytes.get(length + 1), Some(b'+' | b'-')) {
                    length += 1;
                }
            }
            _ => break,
        }
        length += 1;
    }
    let digits = rest[..length].replace('_', "");
    let word = match float {
        true => digits.parse().map(Word::Float).map_err(|_| "wrong number".to_owned())?,
        false => match digits.parse() {
            Ok(value) => Word::Int(value),
            Err(_) => digits.parse().map(Word::Float).map_err(|_| "wrong number".to_owned())?,
        },
    };
    Ok((word, length))
}
