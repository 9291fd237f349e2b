//! Patterns of `@pattern`: RE2's syntax on the crate `regex`.
//!
//! The two agree except in a few places, which are rewritten: in RE2 `\d`, `\w`,
//! `\s` and `\b` know ASCII only, `[` and `&&` mean nothing in a class, and `\<` is
//! a plain `<`.

use regex::bytes::{Regex, RegexBuilder};

/// Bytes that one compiled pattern may take.
const SIZE: usize = 1 << 20;
/// Longest pattern, in bytes.
const LENGTH: usize = 4096;

/// A pattern, as it is written and compiled.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: Box<str>,
    regex: Regex,
}

impl Pattern {
    /// Compiles a pattern.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn new(text: &str) -> Result<Pattern, String> {
        if text.len() > LENGTH {
            return Err(format!("it is longer than {LENGTH} bytes"));
        }
        let mut builder = RegexBuilder::new(&rewritten(text));
        let regex = builder.size_limit(SIZE).dfa_size_limit(SIZE).nest_limit(100).build();
        match regex {
            Ok(regex) => Ok(Pattern { text: text.into(), regex }),
            Err(regex::Error::CompiledTooBig(_)) => Err("it is too large".to_owned()),
            Err(error) => {
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                Err(reason.strip_prefix("error: ").unwrap_or(reason).to_owned())
            }
        }
    }

    /// The pattern as it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it matches somewhere in `bytes`.
    pub fn matches(&self, bytes: &[u8]) -> bool {
        self.regex.is_match(bytes)
    }
}

fn rewritten(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars().peekable();
    let mut in_class = false;
    while let Some(char) = chars.next() {
        match char {
            '\\' => match chars.next() {
                Some('d') => out.push_str("[0-9]"),
                Some('D') => out.push_str("[^0-9]"),
                Some('w') => out.push_str("[0-9A-Za-z_]"),
                Some('W') => out.push_str("[^0-9A-Za-z_]"),
                Some('s') => out.push_str(r"[\t\n\f\r ]"),
                Some('S') => out.push_str(r"[^\t\n\f\r ]"),
                Some('b') if !in_class => out.push_str(r"(?-u:\b)"),
                Some('B') if !in_class => out.push_str(r"(?-u:\B)"),
                Some(plain @ ('<' | '>')) => out.push(plain),
                Some(other) => out.extend(['\\', other]),
                None => out.push('\\'),
            },
            '[' if !in_class => {
                in_class = true;
                out.push('[');
                if let Some('^') = chars.peek() {
                    chars.next();
                    out.push('^');
                }
                // First in a class, it is a member.
                if let Some(']') = chars.peek() {
                    chars.next();
                    out.push_str(r"\]");
                }
            }
            '[' if chars.peek() == Some(&':') => {
                // `[:alpha:]`
                out.push('[');
                while let Some(char) = chars.next() {
                    out.push(char);
                    if char == ':' && chars.peek() == Some(&']') {
                        chars.next();
                        out.push(']');
                        break;
                    }
                }
            }
            '[' | '&' | '~' if in_class => out.extend(['\\', char]),
            ']' if in_class => {
                in_class = false;
                out.push(']');
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_those_of_re2() {
        for (pattern, text, matches) in [
            (r"^.+@.+\..+$", "a@b.c", true),
            (r"^.+@.+\..+$", "a@b", false),
            (r"^\d+$", "12", true),
            (r"^\d+$", "\u{0663}", false),
            (r"^\w$", "\u{e9}", false),
            (r"^.$", "\u{e9}", true),
            (r"^[\w.-]+$", "a.b-c", true),
            (r"^[^\s\d]+$", "ab c", false),
            (r"^[[a]+$", "[a", true),
            (r"^[]a]+$", "]a", true),
            (r"^[a&&b]+$", "a&b", true),
            (r"^[[:alpha:]_]+$", "ab_", true),
            (r"^\<b\>$", "<b>", true),
            (r"\bx\b", "a x b", true),
            (r"(?i)^AB$", "ab", true),
        ] {
            let pattern = Pattern::new(pattern).unwrap();
            assert_eq!(pattern.matches(text.as_bytes()), matches, "{} {text}", pattern.text());
        }
        for pattern in ["(", "a**b[", r"(a)\1", "((a{1,1000}){1,1000}){1,1000}", "(?=a)"] {
            assert!(Pattern::new(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::new("a\\").is_err());
        assert!(Pattern::new(&"a".repeat(5000)).is_err());
    }
}
