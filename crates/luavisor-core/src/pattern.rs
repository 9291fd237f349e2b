//! Patterns of dotted names, as `events.subscribe` takes them (MODULES 4).
//!
//! | segment | matches |
//! |---|---|
//! | `*` | exactly one segment |
//! | `**` | any number of segments, none included |
//! | `(a|b)` | one of several texts, also within a segment: `entry.(add|remove)ed` |
//! | anything else | itself |
//!
//! Many patterns, which come from users, meet each name, and who brings the name waits.
//! So matching takes time in proportion to the square of the number of the name's own
//! segments at most, whatever the pattern: one that needs more segments is out at once,
//! and what is left of it is not much longer than the name.

/// A pattern that was read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern {
    parts: Vec<Part>,
    /// segments that a name must have
    least: usize,
}

/// A name in segments, made once for many patterns.
#[derive(Clone, Debug)]
pub struct Name<'a>(Vec<&'a str>);

impl<'a> Name<'a> {
    /// Splits a name at its dots.
    pub fn new(name: &'a str) -> Name<'a> {
        Name(name.split('.').collect())
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Part {
    One,
    Any,
    /// each a run of segments
    Texts(Vec<Vec<String>>),
}

/// The parentheses of a pattern are not balanced, or nested.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Malformed;

impl Pattern {
    /// Reads a pattern.
    pub fn parse(text: &str) -> Result<Pattern, Malformed> {
        let parts = segments(text)?.into_iter().map(part);
        let mut parts = parts.collect::<Result<Vec<_>, _>>()?;
        parts.dedup_by(|a, b| matches!((a, b), (Part::Any, Part::Any)));
        let least = parts.iter().map(Part::least).sum();
        Ok(Pattern { parts, least })
    }

    /// The only name that it matches, if there is only one.
    pub fn literal(&self) -> Option<String> {
        let texts = self.parts.iter().map(|part| match part {
            Part::Texts(texts) if texts.len() == 1 => Some(texts[0].join(".")),
            _ => None,
        });
        Some(texts.collect::<Option<Vec<String>>>()?.join("."))
    }

    /// Whether it matches a name.
    pub fn matches(&self, Name(names): &Name<'_>) -> bool {
        if self.least > names.len() {
            return false;
        }
        // Which numbers of segments the parts so far can have taken.
        let mut reached = vec![false; names.len() + 1];
        reached[0] = true;
        for part in &self.parts {
            let mut next = vec![false; names.len() + 1];
            for at in (0..=names.len()).filter(|at| reached[*at]) {
                match part {
                    Part::One if at < names.len() => next[at + 1] = true,
                    Part::One => {}
                    Part::Any => {
                        next[at..].fill(true);
                        break;
                    }
                    Part::Texts(texts) => {
                        let here = &names[at..];
                        let begins = |text: &&Vec<String>| {
                            text.len() <= here.len() && text.iter().zip(here).all(|(a, b)| a == b)
                        };
                        texts.iter().filter(begins).for_each(|text| next[at + text.len()] = true);
                    }
                }
            }
            reached = next;
        }
        reached[names.len()]
    }
}

impl Part {
    /// Segments that it takes at least.
    fn least(&self) -> usize {
        match self {
            Part::One => 1,
            Part::Any => 0,
            Part::Texts(texts) => texts.iter().map(Vec::len).min().unwrap_or(0),
        }
    }
}

/// The text between dots that stand outside of parentheses.
fn segments(text: &str) -> Result<Vec<&str>, Malformed> {
    let (mut found, mut start, mut open) = (Vec::new(), 0, false);
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'(' if open => return Err(Malformed),
            b')' if !open => return Err(Malformed),
            b'(' => open = true,
            b')' => open = false,
            b'.' if !open => {
                found.push(&text[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    found.push(&text[start..]);
    if open { Err(Malformed) } else { Ok(found) }
}

fn part(segment: &str) -> Result<Part, Malformed> {
    match segment {
        "*" => return Ok(Part::One),
        "**" => return Ok(Part::Any),
        _ => {}
    }
    let run = |text: String| text.split('.').map(str::to_owned).collect();
    let Some((before, rest)) = segment.split_once('(') else {
        return Ok(Part::Texts(vec![run(segment.to_owned())]));
    };
    let (choices, after) = rest.split_once(')').ok_or(Malformed)?;
    if after.contains('(') {
        // A product of choices could be larger than any memory.
        return Err(Malformed);
    }
    let texts = choices.split('|').map(|choice| run(format!("{before}{choice}{after}")));
    Ok(Part::Texts(texts.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_by_segments() {
        let table: &[(&str, &[&str], &[&str])] = &[
            ("a", &["a"], &["b", "a.b", ""]),
            ("*", &["a", ""], &["a.b"]),
            ("**", &["a", "a.b.c", ""], &[]),
            ("test.*", &["test.match"], &["test", "test.a.b"]),
            ("a.**", &["a", "a.b", "a.b.c"], &["b", "ab"]),
            ("**.state.*", &["a.state.x", "state.x"], &["b.state.y.z", "a.state"]),
            ("(a|b).c", &["a.c", "b.c"], &["c.c", "a", "a|b.c"]),
            ("x.(a|b)", &["x.a", "x.b"], &["x", "x.c"]),
            ("x.(add|remov)ed", &["x.added", "x.removed"], &["x.add", "x.ed"]),
            ("(a.b|c).d", &["a.b.d", "c.d"], &["a.d", "b.d"]),
            ("**.**.x", &["x", "a.x", "a.b.x"], &["a", "x.a"]),
            ("a*", &["a*"], &["ab", "a"]),
            ("a.", &["a."], &["a", "a.b"]),
            ("*.*", &["a.b"], &["a", "a.b.c"]),
            ("()", &[""], &["a"]),
        ];
        for (pattern, yes, no) in table {
            let parsed = Pattern::parse(pattern).unwrap();
            for name in *yes {
                assert!(parsed.matches(&Name::new(name)), "{pattern} must match {name:?}");
            }
            for name in *no {
                assert!(!parsed.matches(&Name::new(name)), "{pattern} must not match {name:?}");
            }
        }
    }

    #[test]
    fn parentheses_are_balanced_and_not_nested() {
        for text in ["(", ")", "(a", "a)", "a.(b|c", "((a))", "(a)(b)", ")("] {
            assert_eq!(Pattern::parse(text), Err(Malformed), "{text}");
        }
    }

    #[test]
    fn a_literal_knows_its_only_name() {
        let literal = |text: &str| Pattern::parse(text).unwrap().literal();
        assert_eq!(literal("a.b").as_deref(), Some("a.b"));
        assert_eq!(literal("a.(b)").as_deref(), Some("a.b"));
        assert_eq!((literal("a.*"), literal("(a|b)"), literal("**")), (None, None, None));
    }

    #[test]
    fn a_pattern_longer_than_the_name_is_out_at_once() {
        let long = Pattern::parse(&"**.a.".repeat(100_000)).unwrap();
        assert_eq!(long.least, 100_001);
        for _ in 0..100_000 {
            assert!(!long.matches(&Name::new("a.a.a")));
        }
        let empty = Pattern::parse(&"**.".repeat(100_000)).unwrap();
        assert_eq!(empty.parts.len(), 2);
        assert!(empty.matches(&Name::new("a.b.")) && !empty.matches(&Name::new("a.b")));
    }
}
