//! `db.sql.sqlite`: one connection, used by one request at a time.
//!
//! What was acknowledged is on the disk: the log is written ahead (WAL) and synced by
//! each commit (`synchronous = FULL`). The weaker `NORMAL` would survive a crash of the
//! process as well, but not one of the machine.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor_core::{Error, Kind};
use rusqlite::{Connection, ErrorCode};

use super::keeper::Resource;
use super::not_running;
use crate::sync::lock;

/// How long a request waits for another program that uses the file.
const PATIENCE: Duration = Duration::from_secs(5);

/// See the module.
pub(super) struct Database {
    id: Arc<str>,
    /// `None`: in memory
    file: Option<PathBuf>,
    connection: Mutex<Option<Connection>>,
}

impl Database {
    pub fn new(id: Arc<str>, file: Option<PathBuf>) -> Database {
        Database { id, file, connection: Mutex::default() }
    }

    /// Whether it outlives the runtime.
    pub fn durable(&self) -> bool {
        self.file.is_some()
    }

    /// Does something with the connection. Blocks while others do.
    pub fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        let mut connection = lock(&self.connection);
        let connection = connection.as_mut().ok_or_else(|| not_running(&self.id))?;
        work(connection).map_err(|error| translated(&error))
    }
}

impl Resource for Database {
    fn open(&self, driven: bool) -> Result<(), Error> {
        let open = || -> rusqlite::Result<Connection> {
            let connection = match &self.file {
                Some(file) if !driven => Connection::open(file)?,
                _ => Connection::open_in_memory()?,
            };
            connection.busy_timeout(PATIENCE)?;
            connection.pragma_update(None, "journal_mode", "wal")?;
            connection.pragma_update(None, "synchronous", "full")?;
            Ok(connection)
        };
        *lock(&self.connection) = Some(open().map_err(|error| translated(&error))?);
        Ok(())
    }

    fn close(&self) {
        let connection = lock(&self.connection).take();
        drop(connection);
    }

    fn is_open(&self) -> bool {
        lock(&self.connection).is_some()
    }
}

/// What the driver says as an error of programs.
fn translated(error: &rusqlite::Error) -> Error {
    let (kind, retryable) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => (Kind::CONFLICT, true),
        Some(ErrorCode::ConstraintViolation) => (Kind::ALREADY_EXISTS, false),
        _ => (Kind::INTERNAL, false),
    };
    Error::new(kind, format!("database: {error}")).retryable(retryable)
}
