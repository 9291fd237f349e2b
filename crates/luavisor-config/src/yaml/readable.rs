//! Text as the YAML parser can read it, with the way back to its bytes.
//!
//! The parser counts characters, diagnostics count bytes.

/// The text as the YAML parser can read it, and where each of its characters
/// stands in the original; `None` if they are the same bytes in both.
///
/// JSON writes characters beyond the first plane as two escapes, which YAML does
/// not allow: such a pair becomes the character itself.
pub(super) fn readable(text: &str, json: bool) -> (String, Option<Vec<u32>>) {
    let json = json && text.contains("\\u");
    if text.is_ascii() && !json {
        return (text.to_owned(), None);
    }
    let mut out = String::with_capacity(text.len());
    let mut offsets = Vec::with_capacity(text.len());
    let mut at = 0;
    while let Some(c) = text[at..].chars().next() {
        let pair = if json && c == '\\' { surrogate_pair(&text[at..]) } else { None };
        offsets.push(at as u32);
        out.push(pair.unwrap_or(c));
        at += if pair.is_some() { 12 } else { c.len_utf8() };
        // An escaped backslash must not be taken for the start of the next escape.
        if json && c == '\\' && pair.is_none() && text[at..].starts_with('\\') {
            offsets.push(at as u32);
            out.push('\\');
            at += 1;
        }
    }
    offsets.push(text.len() as u32);
    (out, Some(offsets))
}

/// The character behind `\uD83D\uDE00` at the start of a text.
fn surrogate_pair(text: &str) -> Option<char> {
    let unit = |text: Option<&str>| {
        let digits = text?.strip_prefix("\\u")?;
        u16::from_str_radix(digits, 16).ok()
    };
    let units = [unit(text.get(..6))?, unit(text.get(6..12))?];
    (0xD800..0xDC00).contains(&units[0]).then_some(())?;
    char::decode_utf16(units).next()?.ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn surrogate_pairs_of_json_become_one_character_at_their_place() {
        let (text, offsets) = readable(r#"["\uD83D\uDE00", "\\uD83D\uDE00"]"#, true);
        assert_eq!(text, r#"["😀", "\\uD83D\uDE00"]"#);
        let offsets = offsets.unwrap_or_default();
        assert_eq!(offsets[2..5], [2, 14, 15]);
        assert_eq!(readable("plain", true), ("plain".into(), None));
    }
}
