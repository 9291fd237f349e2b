//! What `fs` asks of the volumes of an application (MODULES 24).
//!
//! Paths are virtual: `/` is the root of the volume, and what reaches a volume is without
//! `.`, `..` and empty parts. Requests may block.

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
}
