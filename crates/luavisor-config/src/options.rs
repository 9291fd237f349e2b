//! What a load starts from: a path and the flags of the command line.

use std::path::PathBuf;

use crate::vocabulary;

/// What to load and how.
#[derive(Clone, Debug)]
pub struct LoadOptions {
    /// a project directory, an application in one `.yaml`, `.yml` or `.json`
    /// file, or a `.lua` file
    pub path: PathBuf,
    /// the config file; by default `luavisor.yaml`, else `.wippy.yaml`, of the
    /// project directory, if there is one
    pub config_file: Option<PathBuf>,
    /// values of `-o`: `namespace:name:field=value`
    pub overrides: Vec<String>,
    /// values of `--set`: `section.path=value`
    pub settings: Vec<String>,
    /// an unknown kind is a warning
    pub skip_unknown_kinds: bool,
    /// names of directories that are not searched
    pub skip_directories: Vec<String>,
    /// modules that this runtime has; embedders add their own
    pub modules: Vec<String>,
}

impl LoadOptions {
    /// Loads `path` with the modules of this version. Looks at nothing else.
    pub fn new(path: impl Into<PathBuf>) -> LoadOptions {
        LoadOptions {
            path: path.into(),
            config_file: None,
            overrides: Vec::new(),
            settings: Vec::new(),
            skip_unknown_kinds: false,
            skip_directories: vec!["node_modules".into()],
            modules: vocabulary::MODULES.iter().map(|name| (*name).into()).collect(),
        }
    }

    /// The project directory, which paths of entries are relative to.
    pub(crate) fn directory(&self) -> PathBuf {
        match self.path.parent() {
            Some(parent) if !self.path.is_dir() => parent.to_owned(),
            _ => self.path.clone(),
        }
    }

    /// The same, also skipping the directories named in the environment
    /// variable `SKIP_TEST_DIRS`, a list with commas.
    pub fn from_env(path: impl Into<PathBuf>) -> LoadOptions {
        let mut options = LoadOptions::new(path);
        let names = std::env::var("SKIP_TEST_DIRS").unwrap_or_default();
        let names = names.split(',').map(str::trim).filter(|name| !name.is_empty());
        options.skip_directories.extend(names.map(Into::into));
        options
    }
}
