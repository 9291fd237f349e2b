//! Diagnostics as text.
//!
//! ```text
//! src/workers/_index.yaml:7:11: error: unknown kind "process.lau"
//!    7 |     kind: process.lau
//!      |           ^^^^^^^^^^^ did you mean "process.lua"?
//! ```
//!
//! The renderers on the market draw a frame and put the place below the
//! message; this form is the one that editors and terminals make clickable, so
//! it is written here. Colours are left out: the text is the same in a file.

use std::fmt::Write;

use crate::diagnostic::{Diagnostic, Mode, Place};

/// Longest part of a line that is shown, in characters.
const WINDOW: usize = 160;

/// Appends one diagnostic, judged for `mode`.
pub(crate) fn diagnostic(text: &mut String, item: &Diagnostic, mode: Mode) {
    let severity = if item.level.is_error(mode) { "error" } else { "warning" };
    let hint = item.hint.as_deref().map(one_line);
    entry(text, &item.place, severity, &one_line(&item.message), hint.as_deref());
    for (place, message) in &item.notes {
        entry(text, place, "note", &one_line(message), None);
    }
}

/// Names from files may hold anything; what would steer a terminal or break the
/// line is made visible.
fn one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { '\u{fffd}' } else { c }).collect()
}

fn entry(text: &mut String, place: &Place, severity: &str, message: &str, hint: Option<&str>) {
    let file = &place.file;
    // Writing to a string cannot fail.
    let Some(position) = place.position else {
        let _ = writeln!(text, "{file}: {severity}: {message}");
        if let Some(hint) = hint {
            let _ = writeln!(text, "     | {hint}");
        }
        return;
    };
    let (line, column) = (position.line, position.column);
    let _ = writeln!(text, "{file}:{line}:{column}: {severity}: {message}");
    let (shown, padding, width) = window(place, column as usize - 1);
    let carets = "^".repeat(width);
    let gap = if hint.is_some() { " " } else { "" };
    let hint = hint.unwrap_or("");
    let _ = writeln!(text, "{line:>4} | {shown}");
    let _ = writeln!(text, "     | {padding}{carets}{gap}{hint}");
}

/// The part of the line around the marked characters, the padding below it and
/// the number of carets. Tabs stay tabs in both, so that they line up.
fn window(place: &Place, from: usize) -> (String, String, usize) {
    let chars: Vec<char> = place.line.chars().collect();
    let (start, end) = if chars.len() <= WINDOW {
        (0, chars.len())
    } else {
        let start = from.saturating_sub(WINDOW / 4).min(chars.len());
        (start, (start + WINDOW).min(chars.len()))
    };
    let mut shown = String::new();
    let mut padding = String::new();
    if start > 0 {
        shown.push('…');
        padding.push(' ');
    }
    for (index, c) in chars.iter().enumerate().take(end).skip(start) {
        shown.push(if c.is_control() && *c != '\t' { '\u{fffd}' } else { *c });
        if index < from {
            padding.push(if *c == '\t' { '\t' } else { ' ' });
        }
    }
    if end < chars.len() {
        shown.push('…');
    }
    let width = (place.width as usize).min(end.saturating_sub(from)).max(1);
    (shown.trim_end().to_owned(), padding, width)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Level;
    use crate::source::Position;

    fn render(line: &str, column: u32, width: u32, hint: Option<&str>) -> String {
        let mut text = String::new();
        let item = Diagnostic {
            level: Level::Error,
            place: Place {
                file: "src/workers/_index.yaml".into(),
                position: Some(Position { line: 7, column }),
                line: line.into(),
                width,
            },
            message: "unknown kind \"process.lau\"".into(),
            hint: hint.map(Into::into),
            notes: Vec::new(),
        };
        diagnostic(&mut text, &item, Mode::Run);
        text
    }

    #[test]
    fn the_form_of_the_documentation() {
        assert_eq!(
            render("    kind: process.lau", 11, 11, Some("did you mean \"process.lua\"?")),
            r#"src/workers/_index.yaml:7:11: error: unknown kind "process.lau"
   7 |     kind: process.lau
     |           ^^^^^^^^^^^ did you mean "process.lua"?
"#
        );
    }

    #[test]
    fn long_lines_are_cut_around_the_fault() {
        let line = format!("{}fault{}", "a".repeat(1000), "b".repeat(1000));
        let text = render(&line, 1001, 5, None);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[2].find('^').map(|at| at - 7), Some(41));
        let shown: Vec<char> = lines[1].chars().skip(7).collect();
        assert_eq!(shown[41..46].iter().collect::<String>(), "fault");
        assert!(shown.len() < 170);
    }

    #[test]
    fn tabs_line_up() {
        assert!(render("\tx: y", 5, 1, None).contains("     | \t   ^\n"));
    }
}
