//! Words of the format that the loader and the VM know.

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
