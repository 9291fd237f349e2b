//! `luavisor new`: a project to start from.

use std::path::Path;

use crate::print;

/// Makes the folder and says what to do next.
pub fn create(folder: &Path) -> anyhow::Result<u8> {
    for file in luavisor::config::create(folder)? {
        print::out(&format!("made {}\n", file.display()));
    }
    print::out(&format!("run it with: luavisor run {}\n", folder.display()));
    Ok(0)
}
