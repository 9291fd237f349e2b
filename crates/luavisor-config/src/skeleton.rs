//! The project that `luavisor new NAME` writes: a config file, a host, one
//! service and its Lua file. It loads without a warning.

use std::io;
use std::path::{Path, PathBuf};

/// Why no project was made.
#[derive(Debug, thiserror::Error)]
pub enum SkeletonError {
    /// The folder has files already; nothing was written.
    #[error("{} is not empty, choose another name or empty it first", .0.display())]
    NotEmpty(PathBuf),
    /// A file or folder could not be written.
    #[error("cannot write {}", .path.display())]
    Io {
        /// what could not be written
        path: PathBuf,
        /// why
        source: io::Error,
    },
}

const FILES: [(&str, &str); 3] = [
    (
        "luavisor.yaml",
        r#"version: "1.0"

logger:
  level: info

shutdown:
  timeout: 30s
"#,
    ),
    (
        "src/_index.yaml",
        r#"version: "1.0"
namespace: app

entries:
  # Runs the processes of this application, one worker thread per CPU.
  - name: processes
    kind: process.host
    lifecycle:
      auto_start: true

  # Runs one process in the foreground: luavisor run -x app:greeter
  - name: terminal
    kind: terminal.host
    lifecycle:
      auto_start: true

  # Started at boot, restarted when it fails.
  - name: greeter
    kind: process.lua
    source: file://greeter.lua
    method: main
    modules:
      - time
    host: app:processes
    lifecycle:
      auto_start: true
"#,
    ),
    (
        "src/greeter.lua",
        r#"local time = require("time")

local function main()
    local events = process.events()
    local ticker = time.ticker("1s")
    local ticks = ticker:channel()
    print("hello from " .. process.pid())

    while true do
        local result = channel.select {
            events:case_receive(),
            ticks:case_receive(),
        }
        if result.channel == events then
            if result.value.kind == process.event.CANCEL then
                print("goodbye")
                return
            end
        else
            print("still here")
        end
    end
end

return { main = main }
"#,
    ),
];

/// Writes a new project to `folder`, which must not exist or be empty, and
/// returns the files that were made.
///
/// # Errors
/// [`SkeletonError`]
pub fn create(folder: &Path) -> Result<Vec<PathBuf>, SkeletonError> {
    let failed = |path: &Path| {
        let path = path.to_owned();
        move |source| SkeletonError::Io { path, source }
    };
    match std::fs::read_dir(folder) {
        Ok(mut entries) => {
            if entries.next().is_some() {
                return Err(SkeletonError::NotEmpty(folder.to_owned()));
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(failed(folder)(error)),
    }
    let mut made = Vec::new();
    for (name, text) in FILES {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            std::fs::create_dir_all(parent).map_err(failed(parent))?;
        }
        std::fs::write(&path, text).map_err(failed(&path))?;
        made.push(path);
    }
    Ok(made)
}
