//! `run --watch`: an application is loaded again when its files change.
//!
//! The files are looked at a few times a second; a change counts when they have been the
//! same twice, so that half of what an editor or a checkout writes is not taken for all.
//! What does not load is reported, and the running code goes on.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use luavisor::config::{LoadOptions, Mode, load};
use luavisor::{Level, LuauCompiler, Luavisor, Reloaded};

use crate::log::{Log, json_text};
use crate::print;
use crate::run::say;

/// How often the files are looked at.
const INTERVAL: Duration = Duration::from_millis(200);
/// Files that are looked at, at most.
const FILES: usize = 100_000;
/// Changes that a log line names, at most.
const LISTED: usize = 20;

/// When each file changed last, and its size.
type Look = BTreeMap<PathBuf, (Option<SystemTime>, u64)>;

/// Watches the files of one application.
pub struct Watcher {
    options: LoadOptions,
    /// as they were when they were loaded
    loaded: Look,
}

impl Watcher {
    /// Before the first load.
    pub fn new(options: LoadOptions) -> Watcher {
        let loaded = look(&options);
        Watcher { options, loaded }
    }

    /// Watches in a thread of its own, as long as this program runs.
    pub fn start(self, luavisor: Luavisor, log: Arc<Log>) -> std::io::Result<()> {
        let watch = move || self.watch(&luavisor, &log);
        std::thread::Builder::new().name("watch".into()).spawn(watch).map(drop)
    }

    #[allow(clippy::disallowed_methods)] // files change in real time
    fn watch(self, luavisor: &Luavisor, log: &Log) {
        let Watcher { options, mut loaded } = self;
        let mut seen = loaded.clone();
        let mut last = Last::default();
        loop {
            std::thread::sleep(INTERVAL);
            let now = look(&options);
            if now != loaded && now == seen {
                loaded = now;
                last.reload(luavisor, &options, log);
            } else {
                seen = now;
            }
        }
    }
}

/// How the last load went.
#[derive(Default)]
struct Last {
    /// it was refused
    refused: bool,
    /// the config file had changed
    settings: bool,
}

impl Last {
    fn reload(&mut self, luavisor: &Luavisor, options: &LoadOptions, log: &Log) {
        let loaded = load(options, &LuauCompiler);
        print::error(&loaded.diagnostics.render(Mode::Run));
        let mut fields = Vec::new();
        let reloaded = match loaded.diagnostics.has_errors(Mode::Run) {
            true => None,
            false => luavisor
                .reload(loaded.application)
                .inspect_err(|error| fields.push(("error".to_owned(), json_text(&error.message))))
                .ok(),
        };
        let was_refused = std::mem::replace(&mut self.refused, reloaded.is_none());
        let Some(reloaded) = reloaded else {
            return say(log, Level::Error, "not reloaded, the running code goes on", fields);
        };
        if reloaded.settings && !std::mem::replace(&mut self.settings, reloaded.settings) {
            say(log, Level::Warn, "the config file counts from the next start on", Vec::new());
        }
        self.settings = reloaded.settings;
        if !reloaded.changes.is_empty() {
            tell(&reloaded, log);
        } else if was_refused {
            say(log, Level::Info, "nothing to reload: the running code is this one", Vec::new());
        }
    }
}

fn tell(reloaded: &Reloaded, log: &Log) {
    let changes = reloaded.changes.iter().map(|(kind, id)| format!("{kind} {id}"));
    let mut fields = vec![
        ("version".to_owned(), reloaded.version.to_string()),
        ("changes".to_owned(), json_text(&listed(changes))),
    ];
    if !reloaded.services.is_empty() {
        let services = reloaded.services.iter().map(|id| id.to_string());
        fields.push(("services".to_owned(), json_text(&listed(services))));
    }
    say(log, Level::Info, "reloaded", fields);
}

/// The first ones, and how many there are besides.
fn listed(names: impl ExactSizeIterator<Item = String>) -> String {
    let more = names.len().saturating_sub(LISTED);
    let first: Vec<String> = names.take(LISTED).collect();
    match more {
        0 => first.join(", "),
        more => format!("{} and {more} more", first.join(", ")),
    }
}

/// All files of the project that a load might read.
fn look(options: &LoadOptions) -> Look {
    let mut look = Look::new();
    let mut folders = vec![options.path.clone()];
    options.config_file.iter().for_each(|file| note(&mut look, file));
    if options.path.is_file() {
        note(&mut look, &options.path);
        folders = options.path.parent().map(Path::to_owned).into_iter().collect();
    }
    while let Some(folder) = folders.pop() {
        let Ok(entries) = std::fs::read_dir(&folder) else { continue };
        for entry in entries.flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            let skipped = options.skip_directories.contains(&name);
            match entry.file_type() {
                Ok(kind) if kind.is_dir() && !skipped && !name.starts_with('.') => {
                    folders.push(entry.path());
                }
                Ok(kind) if !kind.is_dir() && relevant(&name) => note(&mut look, &entry.path()),
                _ => {}
            }
        }
        if look.len() > FILES {
            break;
        }
    }
    look
}

/// Entries, code, and what `file://` values often name.
fn relevant(name: &str) -> bool {
    let known = [
        "yaml", "yml", "json", "lua", "luau", "md", "txt", "html", "jinja", "j2", "tmpl", "sql",
        "lock",
    ];
    let extension = name.rsplit_once('.').map(|(_, extension)| extension);
    extension.is_some_and(|extension| known.contains(&extension))
}

fn note(look: &mut Look, path: &Path) {
    if let Ok(about) = std::fs::metadata(path) {
        look.insert(path.to_owned(), (about.modified().ok(), about.len()));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_names_the_first_changes() {
        let names = |count: usize| (0..count).map(|n| n.to_string());
        assert_eq!(listed(names(2)), "0, 1");
        assert!(listed(names(LISTED)).ends_with(", 19"));
        assert!(listed(names(LISTED + 5)).ends_with(", 19 and 5 more"));
    }
}
