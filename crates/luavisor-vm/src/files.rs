//! What `fs` asks of the volumes of an application (MODULES 24).
//!
//! Paths are virtual: `/` is the root of the volume, and what reaches a volume is without
//! `.`, `..` and empty parts. Requests may block.

use std::io::SeekFrom;

use luavisor_core::{Error, Values};

/// A path below the root of a volume, without a slash in front; the root is empty.
pub type VolumePath = String;

/// One request.
#[derive(Clone, Debug)]
pub enum FileRequest {
    /// all bytes of a file
    Read(VolumePath),
    /// true
    Write {
        /// where
        path: VolumePath,
        /// what
        data: Vec<u8>,
        /// how
        mode: WriteMode,
    },
    /// `{name, size, mode, modified, is_dir, type}`
    Stat(VolumePath),
    /// boolean
    Exists(VolumePath),
    /// boolean
    IsDirectory(VolumePath),
    /// true
    MakeDirectory(VolumePath),
    /// true; a file or an empty directory
    Remove(VolumePath),
    /// a list of `{name, type}`, by name
    List(VolumePath),
}

/// What a write does with a file that is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteMode {
    /// replaces it
    Replace,
    /// fails
    New,
    /// goes on at its end
    Append,
}

/// A volume.
pub trait Volume: Send + Sync {
    /// Does this. Unavailable `<id> is not running`.
    fn run(&self, request: FileRequest) -> Result<Values, Error>;
    /// Opens a file.
    fn open(&self, path: VolumePath, access: Access) -> Result<Box<dyn File>, Error>;
}

/// How a file is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// to read
    Read,
    /// to write
    Write(WriteMode),
}

/// An open file. All of it may block.
pub trait File: Send {
    /// At most so many bytes; none at the end.
    fn read(&mut self, most: usize) -> Result<Vec<u8>, Error>;
    /// Writes all of it.
    fn write(&mut self, bytes: &[u8]) -> Result<(), Error>;
    /// Goes somewhere else; the new position.
    fn seek(&mut self, place: SeekFrom) -> Result<u64, Error>;
    /// As [`FileRequest::Stat`].
    fn stat(&self) -> Result<Values, Error>;
    /// Waits until what was written is on the disk.
    fn sync(&mut self) -> Result<(), Error>;
}
