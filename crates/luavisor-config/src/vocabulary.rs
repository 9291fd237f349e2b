//! The words of the format: names of modules.

/// Modules that this version has.
pub const MODULES: &[&str] =
    &["ctx", "events", "funcs", "io", "logger", "supervisor", "time", "uuid"];

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

/// Modules that the format knows and later versions bring.
pub const LATER_MODULES: &[&str] = &[
    "base64",
    "cloudstorage",
    "compress",
    "contract",
    "crypto",
    "env",
    "eval",
    "excel",
    "exec",
    "expr",
    "fs",
    "hash",
    "html",
    "http",
    "http_client",
    "json",
    "metrics",
    "queue",
    "registry",
    "security",
    "sql",
    "store",
    "stream",
    "system",
    "templates",
    "text",
    "treesitter",
    "websocket",
    "yaml",
];
