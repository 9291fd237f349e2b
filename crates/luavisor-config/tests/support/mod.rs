//! Small projects for tests, written to a temporary folder.
#![allow(dead_code, clippy::unwrap_used)]

use std::path::PathBuf;
use std::sync::Arc;

use luavisor_config::{Application, ChunkCompiler, CompileError, LoadOptions, Loaded, Mode, load};

/// Fails at the first `SYNTAX`; a chunk is its name and source.
pub struct FakeCompiler;

impl ChunkCompiler for FakeCompiler {
    type Chunk = (String, String);

    fn compile(&self, name: &str, source: &str) -> Result<Arc<Self::Chunk>, CompileError> {
        for (index, line) in source.lines().enumerate() {
            if let Some(at) = line.find("SYNTAX") {
                return Err(CompileError {
                    line: index as u32 + 1,
                    column: Some(at as u32 + 1),
                    message: "unexpected SYNTAX".into(),
                });
            }
        }
        Ok(Arc::new((name.into(), source.into())))
    }
}

pub type App = Application<(String, String)>;

/// A project in a temporary folder.
pub struct Project {
    folder: tempfile::TempDir,
    pub options: LoadOptions,
}

impl Project {
    /// A project of these files.
    pub fn new(files: &[(&str, &str)]) -> Project {
        let folder = tempfile::tempdir().unwrap();
        let options = LoadOptions::new(folder.path());
        let project = Project { folder, options };
        for (name, text) in files {
            project.write(name, text.as_bytes());
        }
        project
    }

    /// One file of namespace `app` with these entries, a host before them on
    /// lines 3 to 5.
    pub fn with(entries: &str) -> Project {
        let text = format!(
            "namespace: app\nentries:\n- name: processes\n  kind: process.host\n\
             \x20 lifecycle: {{ auto_start: true }}\n{entries}"
        );
        Project::new(&[("src/app.yaml", &text), ("src/main.lua", "return {}\n")])
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub fn write(&self, name: &str, text: &[u8]) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    pub fn over(mut self, flag: &str) -> Project {
        self.options.overrides.push(flag.into());
        self
    }

    pub fn load(&self) -> Loaded<(String, String)> {
        load(&self.options, &FakeCompiler)
    }

    /// All problems as text, without the folder.
    pub fn report(&self, mode: Mode) -> String {
        let folder = format!("{}/", self.folder.path().display());
        self.load().diagnostics.render(mode).replace(&folder, "")
    }

    /// The application; fails if there is any problem.
    pub fn app(&self) -> App {
        assert_eq!(self.report(Mode::Check), "");
        self.load().application
    }

    /// Compares the problems under `check`, and under `run` when they are
    /// warnings there.
    #[track_caller]
    pub fn reports(&self, expected: &str) {
        let expected = expected.strip_prefix('\n').unwrap_or(expected);
        let report = self.report(Mode::Check);
        assert!(report == expected, "found:\n{report}\nexpected:\n{expected}");
    }

    /// Whether `run` and `check` would go on.
    pub fn passes(&self) -> [bool; 2] {
        let diagnostics = self.load().diagnostics;
        [Mode::Run, Mode::Check].map(|mode| !diagnostics.has_errors(mode))
    }
}

pub const ERROR: [bool; 2] = [false, false];
pub const STRICT: [bool; 2] = [true, false];
pub const WARNING: [bool; 2] = [true, true];
