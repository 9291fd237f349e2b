//! The log seam: where log lines of processes and of the runtime go.

use std::fmt::Write as _;
use std::sync::Arc;

use luavisor_core::Pid;
use luavisor_vm::kernel::{Level, LogRecord};

/// Takes log lines. Called on workers: it must not block for long.
pub trait LogSink: Send + Sync {
    /// The lowest level that is written; lines below it are never built.
    fn level(&self) -> Level;
    /// Writes one line. `from` is the empty pid for lines of the runtime itself.
    fn log(&self, from: Pid, from_text: &str, record: LogRecord);
}

/// Drops everything.
#[derive(Debug, Default)]
pub struct NoLog;

impl LogSink for NoLog {
    fn level(&self) -> Level {
        Level::Error
    }

    fn log(&self, _: Pid, _: &str, _: LogRecord) {}
}

/// The value of a field in a line of the runtime itself.
pub(crate) enum Field<'a> {
    Text(&'a str),
    Number(u64),
    Boolean(bool),
}

/// Writes a line of the runtime itself.
pub(crate) fn write<'a>(
    sink: &dyn LogSink,
    level: Level,
    message: &str,
    fields: impl IntoIterator<Item = (&'a str, Field<'a>)>,
) {
    if level < sink.level() {
        return;
    }
    let fields = fields.into_iter().map(|(name, value)| (name.to_owned(), json(&value)));
    let record = LogRecord {
        level,
        logger: Arc::from("runtime"),
        message: message.to_owned(),
        fields: fields.collect(),
    };
    sink.log(Pid::NONE, "{|}", record);
}

fn json(value: &Field<'_>) -> String {
    match value {
        Field::Number(number) => number.to_string(),
        Field::Boolean(boolean) => boolean.to_string(),
        Field::Text(text) => {
            let mut quoted = String::with_capacity(text.len() + 2);
            quoted.push('"');
            for character in text.chars() {
                match character {
                    '"' | '\\' => quoted.extend(['\\', character]),
                    '\n' => quoted.push_str("\\n"),
                    control if control < ' ' => {
                        // Writing to a string cannot fail.
                        let _ = write!(quoted, "\\u{:04x}", control as u32);
                    }
                    other => quoted.push(other),
                }
            }
            quoted.push('"');
            quoted
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_json() {
        for (value, text) in [
            (Field::Text("a \"b\" \\ \n\u{1} é"), "\"a \\\"b\\\" \\\\ \\n\\u0001 é\""),
            (Field::Number(7), "7"),
            (Field::Boolean(true), "true"),
        ] {
            assert_eq!(json(&value), text);
        }
    }
}
