//! The words of the format: names of modules.

/// Modules that this version has.
pub const MODULES: &[&str] = &[
    "base64",
    "compress",
    "crypto",
    "ctx",
    "env",
    "events",
    "expr",
    "fs",
    "funcs",
    "hash",
    "io",
    "json",
    "logger",
    "metrics",
    "registry",
    "security",
    "store",
    "stream",
    "supervisor",
    "system",
    "templates",
    "text",
    "time",
    "uuid",
    "yaml",
];

/// Global libraries, which may be listed under `modules:` all the same.
pub const GLOBALS: &[&str] = &[
    "bit32",
    "buffer",
    "channel",
    "coroutine",
    "errors",
    "math",
    "os",
    "payload",
    "print",
    "process",
    "string",
    "table",
    "utf8",
];

pub use luavisor_core::vocabulary::LATER_MODULES;
