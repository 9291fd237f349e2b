//! The config file, `luavisor.yaml` or `.wippy.yaml`, with `--set` applied.

use std::time::Duration;

/// Settings of the runtime. [`Settings::default`] is what a project without a
/// config file has.
#[derive(Clone, Debug, PartialEq)]
pub struct Settings {
    /// `logger`
    pub logger: LoggerSettings,
    /// `shutdown.timeout`: bounds the whole shutdown
    pub shutdown_timeout: Duration,
    /// `security.strict_mode`: refuse guarded calls without a security context
    pub strict_mode: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            logger: LoggerSettings::default(),
            shutdown_timeout: Duration::from_secs(30),
            strict_mode: false,
        }
    }
}

/// The `logger` section.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LoggerSettings {
    /// lowest level that is written
    pub level: LogLevel,
    /// form of a line
    pub encoding: LogEncoding,
}

/// How serious a log line is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// for those who look for a fault
    Debug,
    /// what happens
    #[default]
    Info,
    /// something looks wrong
    Warn,
    /// something went wrong
    Error,
}

/// The form of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogEncoding {
    /// columns separated by tabs
    #[default]
    Console,
    /// one JSON object per line
    Json,
}
