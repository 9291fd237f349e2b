//! Log lines on stderr.
//!
//! A line is made on the thread that logs and put into a queue of bounded size;
//! a thread of its own, started with the first line, writes it. When stderr is
//! slow and the queue is full, lines are dropped and counted: a worker never
//! waits for a log. Rejected: the queue of `print`, where tasks wait instead.

mod line;
mod sampling;
pub mod writer;

use std::sync::Mutex;

use luavisor::config::{LogEncoding, LogLevel, Settings};
use luavisor::{Level, LogRecord, LogSink, Pid};

use crate::arguments::Output;
use crate::sync::lock;
use line::Format;
pub use line::{Moment, json_text, name};
use sampling::Sampling;
use writer::Writer;

/// Bytes of lines that wait at most.
const QUEUE_BYTES: usize = 1 << 20;

/// The log of a `run`.
pub struct Log {
    level: Level,
    silent: bool,
    format: Format,
    sampling: Mutex<Sampling>,
    writer: Writer,
}

impl Log {
    /// What the config file and the flags ask for. `foreground`: a program of
    /// `-x` or a command runs, whose own output logs should not disturb.
    pub fn new(settings: &Settings, flags: &Output, foreground: bool) -> Log {
        let debug = flags.verbose || flags.very_verbose;
        let level = if foreground && !flags.console && !debug {
            Level::Error
        } else {
            Log::level_of(settings, flags)
        };
        let format = match settings.logger.encoding {
            _ if flags.console => Format::console(),
            LogEncoding::Console => Format::Tabs,
            LogEncoding::Json => Format::Json,
        };
        Log {
            level,
            silent: flags.silent,
            format,
            sampling: Mutex::default(),
            writer: Writer::new(QUEUE_BYTES, std::io::stderr(), |count| {
                format!("{count} log lines dropped: stderr is slow\n")
            }),
        }
    }

    /// The lowest level that the config file and the flags ask for, whatever runs.
    pub fn level_of(settings: &Settings, flags: &Output) -> Level {
        if flags.verbose || flags.very_verbose {
            return Level::Debug;
        }
        match settings.logger.level {
            LogLevel::Debug => Level::Debug,
            LogLevel::Info => Level::Info,
            LogLevel::Warn => Level::Warn,
            LogLevel::Error => Level::Error,
        }
    }

    /// The line of a record, logged now.
    pub fn line(&self, record: &LogRecord) -> String {
        self.format.line(record, Moment::now())
    }

    /// Keeps lines back until [`Log::flush`].
    pub fn hold(&self) {
        self.writer.hold();
    }

    /// Waits until everything is written, what was kept back too, but not for a stderr that is stuck.
    pub fn flush(&self) {
        self.writer.flush();
    }
}

impl LogSink for Log {
    fn level(&self) -> Level {
        self.level
    }

    fn log(&self, _from: Pid, _from_text: &str, record: LogRecord) {
        if self.silent || record.level < self.level {
            return;
        }
        let now = Moment::now();
        let passed = {
            let mut sampling = lock(&self.sampling);
            sampling.passes(&record, now.second())
        };
        if passed {
            self.writer.write(self.format.line(&record, now));
        }
    }
}
