//! A project in a temporary folder, simulated.
#![allow(clippy::unwrap_used)]

use luavisor::App;
use tempfile::TempDir;

/// Runs `app:main` of a project for so many nanoseconds, and shuts down in time. What it
/// wrote to its two outputs, and its folder.
pub fn simulate(entries: &str, main: &str, nanoseconds: u64) -> ([String; 2], TempDir) {
    let folder = tempfile::tempdir().unwrap();
    let source = folder.path().join("src");
    std::fs::create_dir(&source).unwrap();
    std::fs::write(source.join("_index.yaml"), entries).unwrap();
    std::fs::write(source.join("main.lua"), main).unwrap();
    let simulated = App::from_directory(folder.path()).simulate(1).unwrap();
    simulated.run_for(1_000_000);
    simulated.spawn("app:main", "app:processes", ()).unwrap();
    simulated.run_for(nanoseconds);
    assert!(simulated.shutdown().unwrap().in_time);
    let output = simulated.output();
    ([output.stdout(), output.stderr()], folder)
}
