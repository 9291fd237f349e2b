//! The words of the format: names of modules.

/// Modules that this version has.
pub const MODULES: &[&str] = &[
    "base64",
    "compress",
    "ctx",
    "env",
    "events",
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

/// Modules that the format knows and later versions bring.
pub const LATER_MODULES: &[&str] = &[
    "cloudstorage",
    "contract",
    "crypto",
    "eval",
    "excel",
    "exec",
    "expr",
    "html",
    "http",
    "http_client",
    "queue",
    "sql",
    "templates",
    "text",
    "treesitter",
    "websocket",
];
