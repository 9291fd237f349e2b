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

/// Modules that the format knows and later versions bring.
pub const LATER_MODULES: &[&str] = &[
    "cloudstorage",
    "contract",
    "eval",
    "excel",
    "exec",
    "html",
    "http",
    "http_client",
    "queue",
    "sql",
    "treesitter",
    "websocket",
];
