//! `luavisor entries`: the registry as a table.

use std::fmt::Write;
use std::path::Path;

use luavisor::config::{Mode, NoCompiler, load};

use crate::arguments::Files;
use crate::{CANNOT_START, print};

/// Prints what could be read; 2 if something could not.
pub fn entries(files: &Files, folder: &Path) -> u8 {
    let loaded = load(&files.options(folder), &NoCompiler);
    print::error(&loaded.diagnostics.render(Mode::Run));
    let entries = &loaded.application.entries;
    let width = |length: &dyn Fn(usize) -> usize| (0..entries.len()).map(length).max().unwrap_or(0);
    let ids = width(&|index| entries[index].id.as_str().chars().count());
    let kinds = width(&|index| entries[index].kind.chars().count());
    let mut text = String::new();
    for entry in entries {
        let (id, kind) = (entry.id.as_str(), &entry.kind);
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{id:ids$}  {kind:kinds$}  {}:{}", entry.file, entry.line);
    }
    print::out(&text);
    if loaded.diagnostics.has_errors(Mode::Run) { CANNOT_START } else { 0 }
}
