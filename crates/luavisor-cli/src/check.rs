//! `luavisor check`: everything but running it.

use std::path::Path;

use luavisor::LuauCompiler;
use luavisor::config::{Mode, load};

use crate::arguments::Files;
use crate::print;

/// 0 if there is nothing to complain about, else 1.
pub fn check(files: &Files, folder: &Path) -> u8 {
    let loaded = load(&files.options(folder), &LuauCompiler);
    print::error(&loaded.diagnostics.render(Mode::Check));
    if loaded.diagnostics.has_errors(Mode::Check) {
        return 1;
    }
    let count = loaded.application.entries.len();
    print::out(&format!("{count} {}, no errors\n", if count == 1 { "entry" } else { "entries" }));
    0
}
