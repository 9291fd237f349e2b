//! Loads of a project in which one file is the input.

use std::path::Path;

use luavisor::config::{LoadOptions, Mode, NoCompiler, load};
use tempfile::TempDir;

thread_local! {
    static FOLDER: TempDir = {
        let folder = tempfile::tempdir().unwrap_or_else(|cause| panic!("no folder: {cause}"));
        write(&folder.path().join("src/main.lua"), b"return function() end");
        folder
    };
}

/// The input as a file of entries, and as a config file: what is wrong is reported.
pub fn project(data: &[u8]) {
    FOLDER.with(|folder| {
        for name in ["src/a.yaml", "luavisor.yaml"] {
            let path = folder.path().join(name);
            write(&path, data);
            let loaded = load(&LoadOptions::new(folder.path()), &NoCompiler);
            loaded.diagnostics.render(Mode::Run);
            let _ = std::fs::remove_file(path);
        }
    });
}

fn write(path: &Path, data: &[u8]) {
    let folder = path.parent().unwrap_or(path);
    let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(path, data));
    if let Err(cause) = written {
        panic!("cannot write {}: {cause}", path.display());
    }
}
