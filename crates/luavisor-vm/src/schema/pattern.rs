//! Regular expressions of schemas.
//!
//! Matching takes time in proportion to the text and to what the expression compiles
//! to. Nobody tells the latter, but the compiler takes a limit: the first limit that is
//! enough tells it well enough.
//!
//! Schemas mean the expressions of ECMAScript. What they have in common with ours is
//! much; [`translated`] brings the rest near, above all `\w` and `\d`, which are of
//! ASCII there: `\w{20}` of Unicode alone would take half a megabyte.

use regex::{Regex, RegexBuilder};

/// Longest expression, in bytes. Longer ones would be too large all the same, but take
/// much memory before that is known.
const LONGEST: usize = 16 << 10;
/// The least limit, in bytes.
const LEAST: usize = 8 << 10;
/// Limits that are tried, in units of [`LEAST`].
const WEIGHTS: [usize; 4] = [1, 4, 16, 64];

/// Words of ECMAScript in our syntax. Look-around and references to groups have none.
fn translated(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 16);
    let mut chars = text.chars();
    let mut within = false;
    while let Some(c) = chars.next() {
        match c {
            '\\' => match (chars.next(), within) {
                (Some('w'), _) => out.push_str("[0-9A-Za-z_]"),
                (Some('W'), _) => out.push_str("[^0-9A-Za-z_]"),
                (Some('d'), _) => out.push_str("[0-9]"),
                (Some('D'), _) => out.push_str("[^0-9]"),
                (Some('b'), true) => out.push_str("\\x08"),
                (Some('b'), false) => out.push_str("(?-u:\\b)"),
                (Some('B'), false) => out.push_str("\\B"),
                (Some('/'), _) => out.push('/'),
                (Some(other), _) => out.extend(['\\', other]),
                (None, _) => out.push('\\'),
            },
            // These begin classes within classes, and what is done with them.
            '[' | '&' | '~' if within => out.extend(['\\', c]),
            '[' => {
                within = true;
                out.push(c);
            }
            ']' => {
                within = false;
                out.push(c);
            }
            _ => out.push(c),
        }
    }
    out
}

/// See the module.
#[derive(Debug)]
pub struct Pattern {
    text: Box<str>,
    regex: Regex,
    weight: usize,
}

impl Pattern {
    /// # Errors
    /// What is wrong with it.
    pub fn parse(text: &str) -> Result<Pattern, String> {
        if text.len() > LONGEST {
            return Err(format!("more than {LONGEST} bytes"));
        }
        let mut fault = String::new();
        let ours = translated(text);
        for weight in WEIGHTS {
            match RegexBuilder::new(&ours).size_limit(weight * LEAST).build() {
                Ok(regex) => return Ok(Pattern { text: text.into(), regex, weight }),
                Err(error @ regex::Error::CompiledTooBig(_)) => fault = error.to_string(),
                Err(error) => {
                    let text = error.to_string();
                    let cause = text.lines().last().unwrap_or_default();
                    return Err(cause.strip_prefix("error: ").unwrap_or(cause).to_owned());
                }
            }
        }
        Err(fault)
    }

    pub fn text(&self) -> &str {
        &self.text
    }

    /// What it compiles to, in units of 8 KiB.
    pub fn weight(&self) -> usize {
        self.weight
    }

    /// Whether there is a match, and the work that it took.
    pub fn finds(&self, text: &str) -> (bool, usize) {
        (self.regex.is_match(text), 1 + text.len() * self.weight / 4)
    }
}
