//! `fs`: files in the directories that the application declares (MODULES 24).
//!
//! Here are the checks and the paths; what touches a disk is done elsewhere, while the
//! task waits.

mod file;

use std::sync::{Arc, Mutex, PoisonError};

use luavisor_core::{Error, Value, Values};

use super::refusal::{inaccessible, invalid};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::{self, Raise};
use crate::ffi::lua::Lua;
use crate::ffi::objects::tags;
use crate::files::{Access, FileRequest, Volume, VolumePath, WriteMode};

/// Content of a Volume object.
struct Handle {
    volume: Arc<dyn Volume>,
    /// the working directory; changed where the work is done
    directory: Arc<Mutex<VolumePath>>,
}

/// Content of an iterator over a directory: names and types, the next one last.
struct Entries(Vec<(Vec<u8>, Vec<u8>)>);

/// `fs.get(id)`
fn get(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    if id.is_empty() {
        return invalid(call, "filesystem name required");
    }
    if !call.allowed("fs.get", &id) {
        return inaccessible(call, "filesystem", &id);
    }
    match call.kernel().volume(&id) {
        Ok(volume) => {
            call.push_data(tags::VOLUME, Handle { volume, directory: Arc::default() });
            call.results(1)
        }
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn this<'a>(call: &Call) -> Result<&'a mut Handle, Raise> {
    call.object(1, tags::VOLUME).ok_or_else(|| call.wrong(1, "Volume"))
}

impl Handle {
    fn directory(&self) -> VolumePath {
        self.directory.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The path at 2, seen from the root.
    fn path(&self, call: &Call) -> Result<Result<VolumePath, Error>, Raise> {
        let given = call.string(2)?;
        let refused = |text: String| Ok(Err(Error::invalid(text).retryable(false)));
        if given.is_empty() {
            return refused("path required".to_owned());
        }
        if given.contains('\0') {
            return refused("invalid path: it has a zero byte".to_owned());
        }
        Ok(Ok(resolved(&self.directory(), &given)))
    }
}

/// A path seen from a directory, without `.` and `..`; above the root is the root.
fn resolved(directory: &str, path: &str) -> VolumePath {
    let start = if path.starts_with('/') { "" } else { directory };
    let mut parts: Vec<&str> = Vec::new();
    for part in start.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()),
            part => parts.push(part),
        }
    }
    parts.join("/")
}

/// `false, err` for what answers true or false.
fn or_false(lua: Lua, error: Error) -> i32 {
    lua.reserve(3);
    let count = error::fail(lua, error);
    lua.push_boolean(false);
    lua.replace(-1 - count);
    count
}

/// The requests that need a path only and answer `nil, err`.
macro_rules! of_path {
    ($($name:ident => $request:path;)*) => {$(
        fn $name(call: &mut Call) -> Outcome {
            let handle = this(call)?;
            let volume = handle.volume.clone();
            match handle.path(call)? {
                Ok(path) => call.elsewhere(move || volume.run($request(path))),
                Err(error) => call.fail(error),
            }
        }
    )*};
}

/// Those that answer `false, err`.
macro_rules! whether {
    ($($name:ident => $request:path;)*) => {$(
        fn $name(call: &mut Call) -> Outcome {
            let handle = this(call)?;
            let volume = handle.volume.clone();
            match handle.path(call)? {
                Ok(path) => call.elsewhere_or(or_false, move || volume.run($request(path))),
                Err(error) => call.fail_false(error),
            }
        }
    )*};
}

of_path! {
    read_file => FileRequest::Read;
    stat => FileRequest::Stat;
}

whether! {
    exists => FileRequest::Exists;
    is_directory => FileRequest::IsDirectory;
    make_directory => FileRequest::MakeDirectory;
    remove => FileRequest::Remove;
}

/// `volume:writefile(path, data[, mode])`
fn write_file(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let path = match handle.path(call)? {
        Ok(path) => path,
        Err(error) => return call.fail_false(error),
    };
    let refused = |text: &'static str| Error::invalid(text).retryable(false);
    if call.is_nil(3) {
        return call.fail_false(refused("data argument required"));
    }
    let mode = match call.optional_string(4)?.as_deref() {
        None | Some("w") => WriteMode::Replace,
        Some("wx") => WriteMode::New,
        Some("a") => WriteMode::Append,
        _ => return call.fail_false(refused("invalid mode; must be 'w', 'wx' or 'a'")),
    };
    let (volume, data) = (handle.volume.clone(), call.bytes(3)?);
    let request = FileRequest::Write { path, data, mode };
    call.elsewhere_or(or_false, move || volume.run(request))
}

/// `volume:open(path, mode)`
fn open(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let path = match handle.path(call)? {
        Ok(path) => path,
        Err(error) => return call.fail(error),
    };
    let access = match call.string(3)?.as_str() {
        "r" => Access::Read,
        "w" => Access::Write(WriteMode::Replace),
        "wx" => Access::Write(WriteMode::New),
        "a" => Access::Write(WriteMode::Append),
        _ => return invalid(call, "invalid mode: must be 'r', 'w', 'wx' or 'a'"),
    };
    let volume = handle.volume.clone();
    file::open(call, volume, path, access)
}

/// `volume:readdir(path)`
fn read_directory(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let volume = handle.volume.clone();
    match handle.path(call)? {
        Ok(path) => call.elsewhere_as(iterator, move || volume.run(FileRequest::List(path))),
        Err(error) => call.fail(error),
    }
}

/// Pushes an iterator over what a volume listed.
fn iterator(lua: Lua, values: &Values) -> i32 {
    let text = |value: &Value| match value {
        Value::String(bytes) => bytes.to_vec(),
        _ => Vec::new(),
    };
    let rows = values.tables.iter().filter(|table| table.array.len() == 2);
    let mut entries: Vec<_> = rows.map(|row| (text(&row.array[0]), text(&row.array[1]))).collect();
    entries.sort_by(|a, b| b.cmp(a));
    lua.reserve(1);
    lua.new_userdata(tags::DIRECTORY_ENTRIES, Entries(entries));
    1
}

/// The next entry, or nil: what a `for` calls.
fn next(call: &mut Call) -> Outcome {
    let entries: Option<&mut Entries> = call.object(1, tags::DIRECTORY_ENTRIES);
    let entries = entries.ok_or_else(|| call.wrong(1, "DirectoryEntries"))?;
    let Some((name, sort)) = entries.0.pop() else {
        call.push_nil();
        return call.results(1);
    };
    call.push_table(0, 2);
    for (field, bytes) in [(c"name", name), (c"type", sort)] {
        call.push_bytes(&bytes);
        call.set_field(field);
    }
    call.results(1)
}

/// `volume:chdir(path)`
fn change_directory(call: &mut Call) -> Outcome {
    let handle = this(call)?;
    let (volume, directory) = (handle.volume.clone(), handle.directory.clone());
    let path = match handle.path(call)? {
        Ok(path) => path,
        Err(error) => return call.fail_false(error),
    };
    call.elsewhere_or(or_false, move || {
        let is_directory = volume.run(FileRequest::IsDirectory(path.clone()))?;
        if *is_directory.first() != Value::Boolean(true) {
            return Err(Error::invalid(format!("not a directory: /{path}")).retryable(false));
        }
        *directory.lock().unwrap_or_else(PoisonError::into_inner) = path;
        Ok(Values::one(true))
    })
}

/// `volume:pwd()`
fn working_directory(call: &mut Call) -> Outcome {
    let directory = this(call)?.directory();
    call.push_str(&format!("/{directory}"));
    call.results(1)
}

static FUNCTIONS: &[Function] = &[Function { name: c"get", run: get }];

static METHODS: &[Function] = &[
    Function { name: c"readfile", run: read_file },
    Function { name: c"read_file", run: read_file },
    Function { name: c"writefile", run: write_file },
    Function { name: c"write_file", run: write_file },
    Function { name: c"open", run: open },
    Function { name: c"stat", run: stat },
    Function { name: c"exists", run: exists },
    Function { name: c"isdir", run: is_directory },
    Function { name: c"mkdir", run: make_directory },
    Function { name: c"remove", run: remove },
    Function { name: c"readdir", run: read_directory },
    Function { name: c"chdir", run: change_directory },
    Function { name: c"pwd", run: working_directory },
];

static ITERATOR: &[Function] = &[Function { name: c"__call", run: next }];

/// Installs the module and its classes.
pub fn install(setup: &mut Setup) {
    file::install(setup);
    setup.class::<Handle>(tags::VOLUME, "fs.Volume", METHODS);
    setup.class::<Entries>(tags::DIRECTORY_ENTRIES, "fs.DirectoryEntries", ITERATOR);
    setup.module("fs", FUNCTIONS, |module| {
        module.table(c"type", &[], |table| {
            table.text(c"FILE", "file");
            table.text(c"DIR", "directory");
        });
        module.table(c"seek", &[], |table| {
            table.text(c"SET", "set");
            table.text(c"CUR", "cur");
            table.text(c"END", "end");
        });
    });
}

#[cfg(test)]
mod tests {
    use super::resolved;

    #[test]
    fn paths_stay_below_the_root() {
        for (directory, path, want) in [
            ("", "a/./b//c/", "a/b/c"),
            ("a", "b", "a/b"),
            ("a", "/b", "b"),
            ("a/b", "../../../x", "x"),
            ("", "..", ""),
            ("a", ".", "a"),
            ("a", "...", "a/..."),
        ] {
            assert_eq!(resolved(directory, path), want, "{directory} {path}");
        }
    }
}
