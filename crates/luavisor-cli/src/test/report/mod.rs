//! The report for people: a line for each test as it ends, then what failed, then a
//! summary.
//!
//! On a terminal a last line tells what runs. With `--json` only the summary is written,
//! to standard error.

pub mod json;
pub mod junit;

use std::fmt::Write as _;
use std::io::IsTerminal;
use std::time::Duration;

use super::runner::News;
use super::select::{Case, Plan};
use super::verdict::{Failure, Outcome, Status};
use crate::print;

/// Columns of the line that tells what runs.
const WIDTH: usize = 79;

/// How many tests ended in each way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    pub passed: usize,
    pub failed: usize,
    pub skipped: usize,
    pub unfinished: usize,
}

impl Counts {
    pub fn of<'a>(outcomes: impl IntoIterator<Item = &'a Outcome>) -> Counts {
        let mut counts = Counts::default();
        for outcome in outcomes {
            *match outcome.status {
                Status::Passed => &mut counts.passed,
                Status::Failed(_) => &mut counts.failed,
                Status::Skipped(_) => &mut counts.skipped,
                Status::Unfinished => &mut counts.unfinished,
            } += 1;
        }
        counts
    }

    /// Whether nothing failed or is open.
    pub fn all_passed(&self) -> bool {
        self.failed == 0 && self.unfinished == 0
    }

    fn text(&self) -> String {
        let mut text = format!("{} passed, {} failed", self.passed, self.failed);
        for (count, name) in [(self.skipped, "skipped"), (self.unfinished, "unfinished")] {
            if count > 0 {
                let _ = write!(text, ", {count} {name}");
            }
        }
        text
    }
}

/// See the module.
pub struct Report<'a> {
    plan: &'a Plan,
    json: bool,
    live: bool,
    colour: bool,
    running: Vec<usize>,
    done: usize,
    start: std::time::Instant,
}

impl<'a> Report<'a> {
    #[allow(clippy::disallowed_methods)] // what a person waits is real time
    pub fn new(plan: &'a Plan, json: bool) -> Report<'a> {
        let live = std::io::stdout().is_terminal() && !json;
        let colour = live && std::env::var_os("NO_COLOR").is_none();
        let start = std::time::Instant::now();
        Report { plan, json, live, colour, running: Vec::new(), done: 0, start }
    }

    /// Shows what happened.
    pub fn show(&mut self, news: &News) {
        let mut text = String::new();
        match news {
            News::Started(at) => self.running.push(*at),
            News::Finished(at, outcome) => {
                self.running.retain(|running| running != at);
                self.done += 1;
                text = self.line(&self.plan.tests[*at], outcome);
            }
        }
        if self.json {
            return;
        }
        if self.live {
            text = format!("\r\x1b[2K{text}{}", self.progress());
        }
        print::out(&text);
    }

    fn progress(&self) -> String {
        if self.running.is_empty() {
            return String::new();
        }
        let ids: Vec<&str> = self.running.iter().map(|at| &*self.plan.tests[*at].id).collect();
        let text =
            format!("{} of {}, running {}", self.done, self.plan.tests.len(), ids.join(", "));
        if text.chars().count() <= WIDTH {
            return text;
        }
        text.chars().take(WIDTH - 1).chain(['…']).collect()
    }

    fn line(&self, case: &Case, outcome: &Outcome) -> String {
        let (word, colour) = match &outcome.status {
            Status::Passed => ("ok  ", "\x1b[32m"),
            Status::Failed(_) => ("FAIL", "\x1b[31m"),
            Status::Skipped(_) => ("skip", "\x1b[33m"),
            // Told in the summary: a run that ends early would repeat it for each.
            Status::Unfinished => return String::new(),
        };
        let tail = match &outcome.status {
            Status::Skipped(reason) => reason.clone(),
            _ => duration(outcome.took),
        };
        let (on, off) = if self.colour { (colour, "\x1b[0m") } else { ("", "") };
        format!("{on}{word}{off}  {}  {}  {tail}", case.suite, case.id).trim_end().to_owned() + "\n"
    }

    /// The failures and the summary. `asked`: the application asked to end with that code.
    #[allow(clippy::disallowed_methods)]
    pub fn finish(self, outcomes: &[Outcome], counts: &Counts, others: &str, asked: Option<i32>) {
        let summary = format!("{} in {}\n", counts.text(), duration(self.start.elapsed()));
        if self.json {
            print::error(&summary);
            return;
        }
        let mut text = String::new();
        let failed = self.plan.tests.iter().zip(outcomes);
        for (case, outcome) in failed {
            if let Status::Failed(failure) = &outcome.status {
                detail(&mut text, case, failure, &outcome.output);
            }
        }
        if !counts.all_passed() && !others.trim().is_empty() {
            text.push_str("\nprinted by processes of no test:\n");
            indented(&mut text, others, "  ");
        }
        if let Some(code) = asked {
            let _ = writeln!(text, "\nthe application asked to end, with code {code}");
        }
        text.push('\n');
        text.push_str(&summary);
        print::out(&text);
    }
}

fn detail(text: &mut String, case: &Case, failure: &Failure, output: &str) {
    // Writing to a string cannot fail.
    let _ = writeln!(text, "\n{} ({}), {}:{}", case.id, case.suite, case.file, case.line);
    indented(text, &failure.message, "  ");
    for step in &failure.trace {
        let _ = write!(text, "    at {}:{}", step.place, step.line);
        let _ = match step.name.is_empty() {
            true => writeln!(text),
            false => writeln!(text, " in {}", step.name),
        };
    }
    if let Some(seed) = failure.seed {
        let _ = writeln!(text, "  with --sim --seed {seed}");
    }
    if !output.is_empty() {
        text.push_str("  printed:\n");
        indented(text, output, "    ");
    }
}

fn indented(text: &mut String, lines: &str, indent: &str) {
    for line in lines.trim_end().lines() {
        text.push_str(indent);
        text.push_str(line);
        text.push('\n');
    }
}

fn duration(time: Duration) -> String {
    match time.as_millis() {
        millis @ 0..1000 => format!("{millis} ms"),
        _ => format!("{:.2} s", time.as_secs_f64()),
    }
}

/// The text of `--list`.
pub fn list(plan: &Plan) -> String {
    let mut text = String::new();
    for case in &plan.tests {
        let _ = write!(text, "{}  {}  {}:{}", case.suite, case.id, case.file, case.line);
        if let Some(reason) = &case.skip {
            text.push_str("  skipped");
            if !reason.is_empty() {
                let _ = write!(text, ": {reason}");
            }
        }
        text.push('\n');
    }
    text
}
