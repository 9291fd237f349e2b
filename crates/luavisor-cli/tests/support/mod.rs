//! Projects in temporary folders, and the built binary run on them.
//!
//! ```text
//! let project = Project::new().entry(WORKER).lua("worker", "…");
//! project.run(["-x", "app:worker"]).exits(0).prints("done\n");
//!
//! let mut running = project.start([]);
//! running.wait_for("ready");
//! running.signal("INT");
//! running.finish().exits(0);
//! ```
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

/// No test waits longer for anything.
const PATIENCE: Duration = Duration::from_secs(60);

/// A process host and a terminal host, both started at boot.
pub const HOSTS: &str = "
  - { name: processes, kind: process.host, lifecycle: { auto_start: true } }
  - { name: terminal, kind: terminal.host, lifecycle: { auto_start: true } }";

/// The pool of the tutorial in docs/simulation.md.
pub const FORGETFUL: &str = "
local time = require('time')
return function()
    local events = process.events()
    for _ = 1, 3 do process.spawn_monitored('app:worker', 'app:processes') end
    while true do
        local event = events:receive()
        if event.kind == process.event.CANCEL then return end
        time.sleep('100ms')
        process.spawn_monitored('app:worker', 'app:processes')
    end
end";

/// A project folder that vanishes with the value.
pub struct Project {
    folder: tempfile::TempDir,
    entries: String,
}

impl Project {
    /// An empty folder.
    pub fn empty() -> Project {
        Project { folder: tempfile::tempdir().unwrap(), entries: String::new() }
    }

    /// A project of namespace `app` with the two [`HOSTS`].
    pub fn new() -> Project {
        Project::empty().entries(HOSTS)
    }

    /// Adds entries to `src/_index.yaml`, each indented by two.
    pub fn entries(mut self, entries: &str) -> Project {
        self.entries.push_str(entries);
        let text = format!("version: \"1.0\"\nnamespace: app\nentries:{}\n", self.entries);
        self.file("src/_index.yaml", &text)
    }

    /// Adds a process `app:name` with this source; `keys` follow in its entry.
    pub fn process(self, name: &str, keys: &str, source: &str) -> Project {
        let entry = format!(
            "\n  - {{ name: {name}, kind: process.lua, source: \"file://{name}.lua\", \
             modules: [time, io, logger], {keys} }}"
        );
        self.file(&format!("src/{name}.lua"), source).entries(&entry)
    }

    /// Writes a file.
    pub fn file(self, name: &str, text: &str) -> Project {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
        self
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// `luavisor run` in the folder with these arguments, to its end.
    pub fn run<const N: usize>(&self, arguments: [&str; N]) -> Finished {
        self.start(arguments).finish()
    }

    /// `luavisor run` in the folder.
    pub fn start<const N: usize>(&self, arguments: [&str; N]) -> Running {
        let words: Vec<&str> = ["run"].into_iter().chain(arguments).collect();
        Running::start(self.path(), &words, Reading::Both)
    }

    /// The same, with a stderr that nobody reads before [`Running::finish`].
    pub fn start_without_reading_stderr<const N: usize>(&self, arguments: [&str; N]) -> Running {
        let words: Vec<&str> = ["run"].into_iter().chain(arguments).collect();
        Running::start(self.path(), &words, Reading::OnlyStdout)
    }

    /// The same, with a stdout that nobody ever reads.
    pub fn start_without_reading_stdout<const N: usize>(&self, arguments: [&str; N]) -> Running {
        let words: Vec<&str> = ["run"].into_iter().chain(arguments).collect();
        Running::start(self.path(), &words, Reading::OnlyStderr)
    }

    /// Any command in the folder.
    pub fn luavisor<const N: usize>(&self, arguments: [&str; N]) -> Finished {
        self.luavisor_words(&arguments)
    }

    /// Any command in the folder, running.
    pub fn start_luavisor<const N: usize>(&self, arguments: [&str; N]) -> Running {
        Running::start(self.path(), &arguments, Reading::Both)
    }

    /// The same with any number of arguments.
    pub fn luavisor_words(&self, arguments: &[&str]) -> Finished {
        self.luavisor_with([], arguments)
    }

    /// The same with these environment variables.
    pub fn luavisor_with<const N: usize>(
        &self,
        variables: [(&str, &str); N],
        arguments: &[&str],
    ) -> Finished {
        Running::start_with(self.path(), variables, arguments, Reading::Both).finish()
    }
}

#[derive(PartialEq, Eq)]
enum Reading {
    Both,
    OnlyStdout,
    OnlyStderr,
}

enum Line {
    Out(String),
    Err(String),
}

/// A running `luavisor`. Killed if the test fails before its end.
pub struct Running {
    child: Child,
    lines: Receiver<Line>,
    sender: Option<Sender<Line>>,
    stdout: String,
    stderr: String,
}

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Running {
    fn start(folder: &Path, arguments: &[&str], reading: Reading) -> Running {
        Running::start_with(folder, [], arguments, reading)
    }

    fn start_with<const N: usize>(
        folder: &Path,
        variables: [(&str, &str); N],
        arguments: &[&str],
        reading: Reading,
    ) -> Running {
        let mut child = Command::new(PathBuf::from(env!("CARGO_BIN_EXE_luavisor")))
            .args(arguments)
            .envs(variables)
            .current_dir(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("luavisor runs");
        let (sender, lines) = channel();
        if reading != Reading::OnlyStderr {
            forward(child.stdout.take().unwrap(), sender.clone(), Line::Out);
        }
        let sender = if reading != Reading::OnlyStdout {
            forward(child.stderr.take().unwrap(), sender, Line::Err);
            None
        } else {
            Some(sender)
        };
        Running { child, lines, sender, stdout: String::new(), stderr: String::new() }
    }

    /// Waits until a line with this text is printed, on either output, and
    /// returns the line.
    #[track_caller]
    pub fn wait_for(&mut self, text: &str) -> String {
        let end = Instant::now() + PATIENCE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let Ok(line) = self.lines.recv_timeout(left) else {
                panic!("{text:?} never came\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr);
            };
            let line = self.keep(line);
            if line.contains(text) {
                return line;
            }
        }
    }

    /// Sends a signal: `INT`, `TERM`, `USR1`.
    pub fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().unwrap().success());
    }

    /// Waits for the end.
    #[track_caller]
    pub fn finish(mut self) -> Finished {
        if let (Some(sender), Some(stderr)) = (self.sender.take(), self.child.stderr.take()) {
            forward(stderr, sender, Line::Err);
        }
        let end = Instant::now() + PATIENCE;
        loop {
            match self.lines.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(line) => drop(self.keep(line)),
                Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
                Err(_) => {
                    panic!("does not end\nstdout:\n{}\nstderr:\n{}", self.stdout, self.stderr)
                }
            }
        }
        let code = self.child.wait().unwrap().code();
        let (stdout, stderr) = (std::mem::take(&mut self.stdout), std::mem::take(&mut self.stderr));
        Finished { code, stdout, stderr }
    }

    fn keep(&mut self, line: Line) -> String {
        let (kept, line) = match line {
            Line::Out(line) => (&mut self.stdout, line),
            Line::Err(line) => (&mut self.stderr, line),
        };
        kept.push_str(&line);
        line
    }
}

fn forward(
    source: impl Read + Send + 'static,
    sender: Sender<Line>,
    make: impl Fn(String) -> Line + Send + 'static,
) {
    std::thread::spawn(move || {
        let mut source = BufReader::new(source);
        let mut line = Vec::new();
        while matches!(source.read_until(b'\n', &mut line), Ok(1..)) {
            let text = String::from_utf8_lossy(&line).into_owned();
            line.clear();
            if sender.send(make(text)).is_err() {
                return;
            }
        }
    });
}

/// What a `luavisor` left behind.
#[derive(Debug)]
pub struct Finished {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Finished {
    #[track_caller]
    pub fn exits(self, code: i32) -> Finished {
        assert_eq!(self.code, Some(code), "{self:#?}");
        self
    }

    /// Standard output is exactly this.
    #[track_caller]
    pub fn prints(self, text: &str) -> Finished {
        assert_eq!(self.stdout, text, "stderr:\n{}", self.stderr);
        self
    }

    /// Standard error is exactly this.
    #[track_caller]
    pub fn complains(self, text: &str) -> Finished {
        assert_eq!(self.stderr, text);
        self
    }

    /// Standard error contains this.
    #[track_caller]
    pub fn mentions(self, text: &str) -> Finished {
        assert!(self.stderr.contains(text), "{text:?} is missing in\n{}", self.stderr);
        self
    }

    /// Standard error does not contain this.
    #[track_caller]
    pub fn omits(self, text: &str) -> Finished {
        assert!(!self.stderr.contains(text), "{text:?} should not be in\n{}", self.stderr);
        self
    }
}
