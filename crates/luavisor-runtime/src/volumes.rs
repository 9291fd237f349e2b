//! `fs.directory`: directories that programs see as volumes (MODULES 24).
//!
//! Each is a service: its directory is open from its start to its end. A path is
//! resolved part by part from there (`cap-std`), so that neither a link nor somebody
//! who moves directories meanwhile leads outside. In a simulation there are no files.

use std::collections::HashMap;
use std::io::{self, ErrorKind, Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::UNIX_EPOCH;

use cap_std::ambient_authority;
use cap_std::fs::{Dir, DirBuilder, File as OsFile, Metadata, OpenOptions};
#[cfg(unix)]
use cap_std::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use luavisor_core::{Error, Kind, Table, Value, Values};
use luavisor_vm::files::{Access, File, FileRequest, Volume, VolumePath, WriteMode};

use crate::services::Target;
use crate::store::keeper::{Keeper, Resource};
use crate::sync::lock;
use crate::world::CONTROL;

/// Bytes of a file that is read at once, at most.
const LARGEST: u64 = 64 << 20;
/// Entries of a directory that is listed, at most.
const ENTRIES: usize = 100_000;

/// Permission bits to write, and to read.
const WRITE: u32 = 0o222;
const READ: u32 = 0o444;

/// How to make a volume.
#[derive(Clone, Debug)]
pub struct VolumeSpec {
    /// where it is
    pub directory: PathBuf,
    /// makes the directory if it is missing
    pub create: bool,
    /// permission bits that what is made has at most; none to write: it is read-only
    pub mode: u32,
}

/// The volumes of an application.
#[derive(Default)]
pub struct Volumes(HashMap<Arc<str>, Arc<Directory>>);

impl Volumes {
    /// Adds a volume.
    pub fn add(&mut self, id: Arc<str>, spec: VolumeSpec) {
        let state = Mutex::new(State::Closed);
        self.0.insert(id.clone(), Arc::new(Directory { id, spec, state }));
    }

    /// Takes a volume from others; it stays open.
    pub fn take_over(&mut self, old: &Volumes, id: &str) {
        if let Some((id, directory)) = old.0.get_key_value(id) {
            self.0.insert(id.clone(), directory.clone());
        }
    }

    /// What runs as the service of a volume. It says when it is ready.
    pub fn target(&self, id: &str) -> Option<Target> {
        let directory = self.0.get(id)?.clone();
        let make = move || Box::new(Keeper::new(directory.clone())) as _;
        Some(Target::Native { host: CONTROL, make: Arc::new(make) })
    }

    /// The volume of this id, which runs.
    pub(crate) fn get(&self, id: &str) -> Result<Arc<dyn Volume>, Error> {
        let missing = || Error::not_found(format!("filesystem not found: {id}"));
        let directory = self.0.get(id).ok_or_else(missing)?;
        match directory.is_open() {
            true => Ok(directory.clone()),
            false => Err(directory.not_running()),
        }
    }
}

struct Directory {
    id: Arc<str>,
    spec: VolumeSpec,
    state: Mutex<State>,
}

enum State {
    Closed,
    Open(Arc<Dir>),
    /// its service runs, but nothing outside of the runtime is touched
    Simulated,
}

impl Resource for Directory {
    fn open(&self, driven: bool) -> Result<(), Error> {
        let path = &self.spec.directory;
        let open = || {
            if self.spec.create {
                std::fs::create_dir_all(path)?;
            }
            Dir::open_ambient_dir(path, ambient_authority())
        };
        *lock(&self.state) = match driven {
            true => State::Simulated,
            false => {
                let failed = |cause: io::Error| {
                    let text = format!("cannot open {}: {cause}", path.display());
                    Error::new(Kind::UNAVAILABLE, text).retryable(true)
                };
                State::Open(Arc::new(open().map_err(failed)?))
            }
        };
        Ok(())
    }

    fn close(&self) {
        *lock(&self.state) = State::Closed;
    }

    fn is_open(&self) -> bool {
        !matches!(*lock(&self.state), State::Closed)
    }
}

impl Volume for Directory {
    fn open(&self, path: VolumePath, access: Access) -> Result<Box<dyn File>, Error> {
        let root = self.root()?;
        let (file, reads) = match access {
            Access::Read => {
                self.permits(READ, &path)?;
                (open_to_read(&root, &path)?, true)
            }
            Access::Write(mode) => {
                self.permits(WRITE, &path)?;
                (self.open_to_write(&root, &path, mode)?, false)
            }
        };
        Ok(Box::new(OpenFile { file, path, reads }))
    }

    fn run(&self, request: FileRequest) -> Result<Values, Error> {
        let root = self.root()?;
        match request {
            FileRequest::Read(path) => {
                self.permits(READ, &path)?;
                let bytes = read(&root, &path)?;
                Ok(Values::one(Value::String(bytes.into())))
            }
            FileRequest::Write { path, data, mode } => {
                self.permits(WRITE, &path)?;
                self.write(&root, &path, &data, mode)?;
                Ok(Values::one(true))
            }
            FileRequest::Stat(path) => {
                self.permits(READ, &path)?;
                let metadata = metadata(&root, &path).map_err(|error| failed(&error, &path))?;
                Ok(stat(&path, &metadata))
            }
            FileRequest::Exists(path) => {
                self.permits(READ, &path)?;
                Ok(Values::one(metadata(&root, &path).is_ok()))
            }
            FileRequest::IsDirectory(path) => {
                self.permits(READ, &path)?;
                let metadata = metadata(&root, &path).map_err(|error| failed(&error, &path))?;
                Ok(Values::one(metadata.is_dir()))
            }
            FileRequest::MakeDirectory(path) => {
                self.permits(WRITE, &path)?;
                if path.is_empty() {
                    return Err(exists(&path));
                }
                self.make_directory(&root, &path).map_err(|error| match error.kind() {
                    ErrorKind::AlreadyExists => exists(&path),
                    _ => failed(&error, &path),
                })?;
                Ok(Values::one(true))
            }
            FileRequest::Remove(path) => {
                self.permits(WRITE, &path)?;
                if path.is_empty() {
                    return Err(denied("cannot remove the root of a volume".to_owned()));
                }
                remove(&root, &path).map_err(|error| failed(&error, &path))?;
                Ok(Values::one(true))
            }
            FileRequest::List(path) => {
                self.permits(READ, &path)?;
                list(&root, &path)
            }
        }
    }
}

impl Directory {
    fn not_running(&self) -> Error {
        let text = format!("{} is not running", self.id);
        Error::new(Kind::UNAVAILABLE, text).retryable(false)
    }

    fn permits(&self, bits: u32, path: &str) -> Result<(), Error> {
        match self.spec.mode & bits {
            0 => Err(denied(format!("the mode of {} does not allow that: /{path}", self.id))),
            _ => Ok(()),
        }
    }

    fn root(&self) -> Result<Arc<Dir>, Error> {
        match &*lock(&self.state) {
            State::Open(root) => Ok(root.clone()),
            State::Closed => Err(self.not_running()),
            State::Simulated => {
                let text = "there are no files in a simulation";
                Err(Error::new(Kind::UNAVAILABLE, text).retryable(false))
            }
        }
    }

    fn write(&self, root: &Dir, path: &str, data: &[u8], mode: WriteMode) -> Result<(), Error> {
        let mut file = self.open_to_write(root, path, mode)?;
        file.write_all(data).map_err(|error| failed(&error, path))
    }

    fn open_to_write(&self, root: &Dir, path: &str, mode: WriteMode) -> Result<OsFile, Error> {
        let mut options = OpenOptions::new();
        match mode {
            WriteMode::Replace => options.write(true).create(true).truncate(true),
            WriteMode::New => options.write(true).create_new(true),
            WriteMode::Append => options.append(true).create(true),
        };
        #[cfg(unix)]
        options.mode(0o644 & self.spec.mode);
        not_waiting(&mut options);
        let open = |error: io::Error| match error.kind() {
            ErrorKind::AlreadyExists => exists(path),
            _ => failed(&error, path),
        };
        let file = root.open_with(below(path), &options).map_err(open)?;
        let metadata = file.metadata().map_err(|error| failed(&error, path))?;
        if metadata.is_file() { Ok(file) } else { Err(no_file(path)) }
    }

    fn make_directory(&self, root: &Dir, path: &str) -> io::Result<()> {
        let mut builder = DirBuilder::new();
        #[cfg(unix)]
        builder.mode(0o755 & self.spec.mode);
        root.create_dir_with(path, &builder)
    }
}

fn read(root: &Dir, path: &str) -> Result<Vec<u8>, Error> {
    let file = open_to_read(root, path)?;
    let mut bytes = Vec::new();
    file.take(LARGEST + 1).read_to_end(&mut bytes).map_err(|error| failed(&error, path))?;
    if bytes.len() as u64 > LARGEST {
        let text = format!("larger than {} MiB: /{path}", LARGEST >> 20);
        return Err(Error::new(Kind::LIMIT_EXCEEDED, text).retryable(false));
    }
    Ok(bytes)
}

fn open_to_read(root: &Dir, path: &str) -> Result<OsFile, Error> {
    let mut options = OpenOptions::new();
    options.read(true);
    not_waiting(&mut options);
    let open = |error: io::Error| match error.kind() {
        ErrorKind::NotFound => {
            Error::not_found(format!("failed to open file: /{path}")).retryable(false)
        }
        _ => failed(&error, path),
    };
    let file = root.open_with(below(path), &options).map_err(open)?;
    let metadata = file.metadata().map_err(|error| failed(&error, path))?;
    if metadata.is_file() { Ok(file) } else { Err(no_file(path)) }
}

/// A file that a program has open.
struct OpenFile {
    file: OsFile,
    path: VolumePath,
    reads: bool,
}

impl File for OpenFile {
    fn read(&mut self, most: usize) -> Result<Vec<u8>, Error> {
        if !self.reads {
            return Err(denied(format!("not open to read: /{}", self.path)));
        }
        let mut bytes = Vec::new();
        let read = (&mut self.file).take(most as u64).read_to_end(&mut bytes);
        read.map_err(|error| failed(&error, &self.path))?;
        Ok(bytes)
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), Error> {
        if self.reads {
            return Err(denied(format!("not open to write: /{}", self.path)));
        }
        self.file.write_all(bytes).map_err(|error| failed(&error, &self.path))
    }

    fn seek(&mut self, place: SeekFrom) -> Result<u64, Error> {
        self.file.seek(place).map_err(|error| match error.kind() {
            ErrorKind::InvalidInput => {
                Error::invalid("offset is before the start of the file").retryable(false)
            }
            _ => failed(&error, &self.path),
        })
    }

    fn stat(&self) -> Result<Values, Error> {
        let metadata = self.file.metadata().map_err(|error| failed(&error, &self.path))?;
        Ok(stat(&self.path, &metadata))
    }

    fn sync(&mut self) -> Result<(), Error> {
        self.file.sync_all().map_err(|error| failed(&error, &self.path))
    }
}

/// A pipe that nobody writes to must not keep a thread.
fn not_waiting(options: &mut OpenOptions) {
    #[cfg(unix)]
    options.custom_flags(rustix::fs::OFlags::NONBLOCK.bits() as i32);
}

fn remove(root: &Dir, path: &str) -> io::Result<()> {
    match root.symlink_metadata(path)?.is_dir() {
        true => root.remove_dir(path),
        false => root.remove_file(path),
    }
}

fn list(root: &Dir, path: &str) -> Result<Values, Error> {
    let metadata = metadata(root, path).map_err(|error| failed(&error, path))?;
    if !metadata.is_dir() {
        return Err(Error::invalid(format!("not a directory: /{path}")).retryable(false));
    }
    let entries = root.read_dir(below(path)).map_err(|error| failed(&error, path))?;
    let mut tables = Vec::new();
    for entry in entries {
        let entry = entry.map_err(|error| failed(&error, path))?;
        if tables.len() == ENTRIES {
            let text = format!("more than {ENTRIES} entries: /{path}");
            return Err(Error::new(Kind::LIMIT_EXCEEDED, text).retryable(false));
        }
        let directory = entry.file_type().is_ok_and(|sort| sort.is_dir());
        let name = entry.file_name().to_string_lossy().into_owned();
        tables.push(Table { array: vec![name.into(), sort(directory).into()], hash: Vec::new() });
    }
    Ok(Values { items: Values::none().items, tables })
}

fn stat(path: &str, metadata: &Metadata) -> Values {
    let modified = metadata.modified().ok().map(cap_std::time::SystemTime::into_std);
    let modified = modified.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    #[cfg(unix)]
    let mode = metadata.permissions().mode() & 0o777;
    #[cfg(not(unix))]
    let mode = if metadata.permissions().readonly() { READ } else { READ | 0o200 };
    let name = path.rsplit('/').next().unwrap_or_default();
    let fields: [(&str, Value); 6] = [
        ("name", if name.is_empty() { "/" } else { name }.into()),
        ("size", (metadata.len() as f64).into()),
        ("mode", f64::from(mode).into()),
        ("modified", (modified.unwrap_or_default().as_secs() as f64).into()),
        ("is_dir", metadata.is_dir().into()),
        ("type", sort(metadata.is_dir()).into()),
    ];
    let hash = fields.into_iter().map(|(name, value)| (name.into(), value)).collect();
    let tables = vec![Table { array: Vec::new(), hash }];
    Values { items: [Value::Table(0)].into_iter().collect(), tables }
}

fn metadata(root: &Dir, path: &str) -> io::Result<Metadata> {
    root.metadata(below(path))
}

fn sort(directory: bool) -> &'static str {
    if directory { "directory" } else { "file" }
}

/// The root has a name, too.
fn below(path: &str) -> &str {
    if path.is_empty() { "." } else { path }
}

fn exists(path: &str) -> Error {
    Error::new(Kind::ALREADY_EXISTS, format!("path already exists: /{path}")).retryable(false)
}

fn no_file(path: &str) -> Error {
    Error::invalid(format!("not a file: /{path}")).retryable(false)
}

fn denied(text: String) -> Error {
    Error::new(Kind::PERMISSION_DENIED, text).retryable(false)
}

fn failed(error: &io::Error, path: &str) -> Error {
    let kind = match error.kind() {
        ErrorKind::NotFound => {
            return Error::not_found(format!("no such file or directory: /{path}"))
                .retryable(false);
        }
        ErrorKind::DirectoryNotEmpty => {
            return Error::invalid(format!("directory not empty: /{path}")).retryable(false);
        }
        ErrorKind::NotADirectory => {
            return Error::invalid(format!("not a directory: /{path}")).retryable(false);
        }
        ErrorKind::IsADirectory => return no_file(path),
        ErrorKind::PermissionDenied => Kind::PERMISSION_DENIED,
        _ => Kind::INTERNAL,
    };
    Error::new(kind, format!("/{path}: {error}")).retryable(false)
}
