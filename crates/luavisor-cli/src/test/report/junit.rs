//! The results in the XML format of JUnit, which most build servers read.
//!
//! A suite is a `testsuite`, an entry a `testcase`. What is unfinished is an `error`.

use std::fmt::Write as _;

use super::super::select::Plan;
use super::super::verdict::{Failure, Outcome, Status};
use super::Counts;

/// The whole document.
pub fn document(plan: &Plan, outcomes: &[Outcome]) -> String {
    let mut text = String::from("<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites");
    totals(&mut text, outcomes);
    text.push_str(">\n");
    for suite in &plan.suites {
        let (cases, outcomes) = (&plan.tests[suite.clone()], &outcomes[suite.clone()]);
        let Some(first) = cases.first() else { continue };
        // Writing to a string cannot fail.
        let _ = write!(text, "  <testsuite name=\"{}\"", escaped(&first.suite));
        totals(&mut text, outcomes);
        text.push_str(">\n");
        for (case, outcome) in cases.iter().zip(outcomes) {
            let (suite, id, file) = (&case.suite, &case.id, &case.file);
            let _ = writeln!(
                text,
                "    <testcase classname=\"{}\" name=\"{}\" file=\"{}\" line=\"{}\" time=\"{:.3}\">",
                escaped(suite),
                escaped(id),
                escaped(file),
                case.line,
                outcome.took.as_secs_f64()
            );
            status(&mut text, &outcome.status);
            if !outcome.output.is_empty() {
                let output = escaped(&outcome.output);
                let _ = writeln!(text, "      <system-out>{output}</system-out>");
            }
            text.push_str("    </testcase>\n");
        }
        text.push_str("  </testsuite>\n");
    }
    text.push_str("</testsuites>\n");
    text
}

fn totals(text: &mut String, outcomes: &[Outcome]) {
    let counts = Counts::of(outcomes);
    let time: f64 = outcomes.iter().map(|outcome| outcome.took.as_secs_f64()).sum();
    let _ = write!(
        text,
        " tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{time:.3}\"",
        outcomes.len(),
        counts.failed,
        counts.unfinished,
        counts.skipped
    );
}

fn status(text: &mut String, status: &Status) {
    let _ = match status {
        Status::Passed => Ok(()),
        Status::Failed(failure) => {
            let (message, kind) = (escaped(&failure.message), escaped(&failure.kind));
            let trace = escaped(&trace(failure));
            writeln!(text, "      <failure message=\"{message}\" type=\"{kind}\">{trace}</failure>")
        }
        Status::Skipped(reason) => {
            writeln!(text, "      <skipped message=\"{}\"/>", escaped(reason))
        }
        Status::Unfinished => writeln!(text, "      <error message=\"unfinished\"/>"),
    };
}

fn trace(failure: &Failure) -> String {
    let mut text = failure.message.clone();
    for step in &failure.trace {
        let _ = write!(text, "\n  at {}:{} {}", step.place, step.line, step.name);
        text.truncate(text.trim_end().len());
    }
    if let Some(seed) = failure.seed {
        let _ = write!(text, "\n  with --sim --seed {seed}");
    }
    text
}

/// Text for an attribute or an element; what XML cannot hold becomes U+FFFD.
fn escaped(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            // As they are, an attribute would turn them into blanks.
            '\n' => escaped.push_str("&#10;"),
            '\t' => escaped.push_str("&#9;"),
            '\r' => escaped.push_str("&#13;"),
            '\0'..' ' | '\u{fffe}' | '\u{ffff}' => escaped.push('\u{fffd}'),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_xml_cannot_hold_is_replaced() {
        assert_eq!(escaped("a<b>&\"c\"\n\u{1}é"), "a&lt;b&gt;&amp;&quot;c&quot;&#10;\u{fffd}é");
    }
}
