//! The forms of a log line.
//!
//! | form | example |
//! |---|---|
//! | tabs | `2026-11-22 16:19:06⇥INFO⇥runtime⇥runtime ready⇥{"services":2}` |
//! | console | `  0.12s INFO runtime runtime ready {"services":2}` |
//! | JSON | `{"ts":"2026-11-22T16:19:06.123456Z","level":"info","logger":"runtime","msg":"runtime ready","services":2}` |
//!
//! A line without fields ends with its message. Line breaks in a message become
//! `\n`, so that a line is a line.

use std::fmt::Write;
use std::io::IsTerminal;
use std::sync::LazyLock;

use luavisor::{Clock, Level, LogRecord, SystemClock};

/// How lines look.
#[derive(Clone, Copy, Debug)]
pub enum Format {
    Tabs,
    Console { colour: bool },
    Json,
}

/// When a line was logged.
#[derive(Clone, Copy, Debug)]
pub struct Moment {
    wall: jiff::Timestamp,
    since_start: f64,
}

static CLOCK: LazyLock<SystemClock> = LazyLock::new(SystemClock::new);

impl Moment {
    /// Now; the clock of `-c` starts with the first call.
    pub fn now() -> Moment {
        let since_start = CLOCK.monotonic() as f64 * 1e-9;
        let (seconds, nanos) = CLOCK.wall();
        let wall = jiff::Timestamp::new(seconds, nanos as i32).unwrap_or_default();
        Moment { wall, since_start }
    }

    /// Now on another clock.
    pub fn of(clock: &dyn Clock) -> Moment {
        let (seconds, nanos) = clock.wall();
        let wall = jiff::Timestamp::new(seconds, nanos as i32).unwrap_or_default();
        Moment { wall, since_start: clock.monotonic() as f64 * 1e-9 }
    }

    /// As a text of RFC 3339.
    pub fn text(self) -> String {
        format!("{:.6}", self.wall)
    }

    /// The whole second it falls into.
    pub fn second(self) -> i64 {
        self.wall.as_second()
    }
}

impl Format {
    /// For people; in colour if stderr shows colours.
    pub fn console() -> Format {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Format::Console { colour }
    }

    /// The line with its line break.
    pub fn line(self, record: &LogRecord, at: Moment) -> String {
        let mut line = String::with_capacity(128);
        // Writing to a string cannot fail.
        let _ = match self {
            Format::Tabs => tabs(&mut line, record, at),
            Format::Console { colour } => console(&mut line, record, at, colour),
            Format::Json => json(&mut line, record, at),
        };
        line.push('\n');
        line
    }
}

fn tabs(line: &mut String, record: &LogRecord, at: Moment) -> std::fmt::Result {
    let local = at.wall.to_zoned(jiff::tz::TimeZone::system());
    let (level, logger) = (name(record.level), &record.logger);
    write!(line, "{}\t{level}\t{logger}\t", local.strftime("%Y-%m-%d %H:%M:%S"))?;
    message(line, &record.message);
    if !record.fields.is_empty() {
        line.push('\t');
        object(line, record);
    }
    Ok(())
}

fn console(line: &mut String, record: &LogRecord, at: Moment, colour: bool) -> std::fmt::Result {
    let (level, logger) = (name(record.level), &record.logger);
    let (on, off) = if colour { (paint(record.level), "\x1b[0m") } else { ("", "") };
    write!(line, "{:>6.2}s {on}{level}{off} {logger} ", at.since_start)?;
    message(line, &record.message);
    if !record.fields.is_empty() {
        line.push(' ');
        object(line, record);
    }
    Ok(())
}

fn json(line: &mut String, record: &LogRecord, at: Moment) -> std::fmt::Result {
    let level = name(record.level).to_ascii_lowercase();
    write!(line, "{{\"ts\":\"{:.6}\",\"level\":\"{level}\",\"logger\":", at.wall)?;
    string(line, &record.logger);
    line.push_str(",\"msg\":");
    string(line, &record.message);
    for (name, value) in &record.fields {
        line.push(',');
        member(line, name, value);
    }
    line.push('}');
    Ok(())
}

fn object(line: &mut String, record: &LogRecord) {
    for (index, (name, value)) in record.fields.iter().enumerate() {
        line.push(if index == 0 { '{' } else { ',' });
        member(line, name, value);
    }
    line.push('}');
}

/// The value is JSON already.
fn member(line: &mut String, name: &str, value: &str) {
    string(line, name);
    line.push(':');
    line.push_str(value);
}

/// A text as JSON.
pub fn json_text(text: &str) -> String {
    let mut quoted = String::new();
    string(&mut quoted, text);
    quoted
}

fn string(line: &mut String, text: &str) {
    line.push('"');
    for letter in text.chars() {
        match letter {
            '"' => line.push_str("\\\""),
            '\\' => line.push_str("\\\\"),
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            '\t' => line.push_str("\\t"),
            control if control < ' ' => {
                let _ = write!(line, "\\u{:04x}", control as u32);
            }
            letter => line.push(letter),
        }
    }
    line.push('"');
}

fn message(line: &mut String, text: &str) {
    for letter in text.chars() {
        match letter {
            '\n' => line.push_str("\\n"),
            '\r' => line.push_str("\\r"),
            letter => line.push(letter),
        }
    }
}

/// As it is written.
pub fn name(level: Level) -> &'static str {
    match level {
        Level::Debug => "DEBUG",
        Level::Info => "INFO",
        Level::Warn => "WARN",
        Level::Error => "ERROR",
    }
}

fn paint(level: Level) -> &'static str {
    match level {
        Level::Debug => "\x1b[35m",
        Level::Info => "\x1b[34m",
        Level::Warn => "\x1b[33m",
        Level::Error => "\x1b[31m",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn record() -> LogRecord {
        LogRecord {
            level: Level::Warn,
            logger: "app.pool".into(),
            message: "two\n\"lines\"".into(),
            fields: vec![("n".into(), "1".into()), ("text".into(), "\"a\"".into())],
        }
    }

    fn moment() -> Moment {
        let wall = jiff::Timestamp::new(1_795_364_346, 123_456_000).unwrap();
        Moment { wall, since_start: 1.234 }
    }

    #[test]
    fn the_three_forms() {
        let line = Format::Tabs.line(&record(), moment());
        let (time, rest) = line.split_at(19);
        assert_eq!(time.len(), "2026-11-22 16:19:06".len());
        assert_eq!(rest, "\tWARN\tapp.pool\ttwo\\n\"lines\"\t{\"n\":1,\"text\":\"a\"}\n");
        assert_eq!(
            Format::Console { colour: false }.line(&record(), moment()),
            "  1.23s WARN app.pool two\\n\"lines\" {\"n\":1,\"text\":\"a\"}\n"
        );
        assert_eq!(
            Format::Json.line(&record(), moment()),
            "{\"ts\":\"2026-11-22T16:19:06.123456Z\",\"level\":\"warn\",\"logger\":\"app.pool\",\
             \"msg\":\"two\\n\\\"lines\\\"\",\"n\":1,\"text\":\"a\"}\n"
        );
    }

    #[test]
    fn without_fields_the_message_ends_the_line() {
        let record = LogRecord { fields: Vec::new(), message: "done".into(), ..record() };
        assert!(Format::Tabs.line(&record, moment()).ends_with("\tapp.pool\tdone\n"));
    }
}
