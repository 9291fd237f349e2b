//! `store.sql`: rows of a table. A value is JSON text behind a byte that says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Values};
use luavisor_vm::store::{
    Condition, Store, StoreInfo, StoreRequest, StoreWrite, from_json, to_json,
};
use rusqlite::{Connection, OptionalExtension, TransactionBehavior, params};

use super::database::Database;
use super::entries::{self, Answer};
use super::keeper::Resource;
use super::{key_not_found, not_running, unsupported};

/// The first byte of a value that is JSON.
const JSON: u8 = b'j';

/// A table and its columns.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Columns {
    /// its name, `schema.table` too
    pub table: String,
    /// keys, as text
    pub key: String,
    /// values
    pub value: String,
    /// unix seconds; null or 0: never
    pub expires: String,
}

/// See the module.
pub(super) struct Sql {
    id: Arc<str>,
    database: Arc<Database>,
    create: bool,
    cleanup: u64,
    open: AtomicBool,
    statements: Statements,
}

/// The texts of what it does.
struct Statements {
    look: String,
    make: String,
    read: String,
    update: String,
    insert: String,
    remove: String,
    clean: String,
    page: String,
}

impl Statements {
    fn of(columns: &Columns) -> Statements {
        let [table, key, value, expires] =
            [&columns.table, &columns.key, &columns.value, &columns.expires]
                .map(|name| quoted(name));
        let lives =
            |now: &str| format!("({expires} IS NULL OR {expires} <= 0 OR {expires} > {now})");
        Statements {
            look: format!("SELECT {key}, {value}, {expires} FROM {table} LIMIT 0"),
            make: format!(
                "CREATE TABLE IF NOT EXISTS {table} \
                 ({key} TEXT PRIMARY KEY, {value} TEXT NOT NULL, {expires} REAL)"
            ),
            read: format!("SELECT {value} FROM {table} WHERE {key} = ?1 AND {}", lives("?2")),
            update: format!("UPDATE {table} SET {value} = ?2, {expires} = ?3 WHERE {key} = ?1"),
            insert: format!("INSERT INTO {table} ({key}, {value}, {expires}) VALUES (?1, ?2, ?3)"),
            remove: format!("DELETE FROM {table} WHERE {key} = ?1 RETURNING {}", lives("?2")),
            clean: format!("DELETE FROM {table} WHERE {expires} > 0 AND {expires} <= ?1"),
            page: format!(
                "SELECT {key}, {value} FROM {table} WHERE {key} COLLATE BINARY >= ?1 \
                 AND {key} COLLATE BINARY > ?2 AND {} ORDER BY {key} COLLATE BINARY",
                lives("?3")
            ),
        }
    }
}

/// A name as SQL writes it, each part of it by itself.
fn quoted(name: &str) -> String {
    let parts = name.split('.').map(|part| format!("\"{}\"", part.replace('"', "\"\"")));
    parts.collect::<Vec<_>>().join(".")
}

/// A key as text, in the order of its bytes.
fn text(key: &[u8]) -> Result<&str, Error> {
    std::str::from_utf8(key).map_err(|_| Error::invalid("key must be UTF-8").retryable(false))
}

fn decoded(stored: &[u8]) -> Result<Values, Error> {
    match stored.split_first() {
        Some((&JSON, text)) => from_json(text),
        _ => Err(Error::internal("stored value: unknown format").retryable(false)),
    }
}

impl Sql {
    pub fn new(
        id: Arc<str>,
        database: Arc<Database>,
        columns: Columns,
        create: bool,
        cleanup: u64,
    ) -> Sql {
        let statements = Statements::of(&columns);
        Sql { id, database, create, cleanup, open: AtomicBool::new(false), statements }
    }

    fn with<T>(
        &self,
        work: impl FnOnce(&mut Connection) -> rusqlite::Result<T>,
    ) -> Result<T, Error> {
        match self.is_open() {
            true => self.database.with(work),
            false => Err(not_running(&self.id)),
        }
    }

    fn read(&self, key: &Bytes, now: f64) -> Result<Option<Vec<u8>>, Error> {
        let key = text(key)?;
        self.with(|connection| {
            let mut statement = connection.prepare_cached(&self.statements.read)?;
            let value = |row: &rusqlite::Row<'_>| bytes(row, 0);
            statement.query_row(params![key, now], value).optional()
        })
    }

    fn write(&self, write: &StoreWrite) -> Result<(), Error> {
        if write.condition != Condition::None {
            return Err(unsupported());
        }
        let key = text(&write.key)?;
        let mut stored = vec![JSON];
        stored.extend(to_json(&write.value)?);
        let stored = String::from_utf8(stored).map_err(|_| Error::invalid("value: not UTF-8"))?;
        self.with(|connection| {
            // Not an upsert: that needs a unique key, which the table may lack.
            let behavior = TransactionBehavior::Immediate;
            let transaction = connection.transaction_with_behavior(behavior)?;
            let values = params![key, stored, write.expires];
            if transaction.prepare_cached(&self.statements.update)?.execute(values)? == 0 {
                transaction.prepare_cached(&self.statements.insert)?.execute(values)?;
            }
            transaction.commit()
        })
    }

    fn page(
        &self,
        prefix: &Bytes,
        after: Option<Bytes>,
        limit: usize,
        now: f64,
    ) -> Result<Values, Error> {
        let (start, after) = (text(prefix)?, text(after.as_deref().unwrap_or_default())?);
        let mut found: Vec<(Bytes, Vec<u8>)> = self.with(|connection| {
            let mut statement = connection.prepare_cached(&self.statements.page)?;
            let mut rows = statement.query(params![start, after, now])?;
            let mut found = Vec::new();
            while found.len() <= limit
                && let Some(row) = rows.next()?
            {
                let key = bytes(row, 0)?;
                if !key.starts_with(prefix) {
                    break;
                }
                found.push((key.into(), bytes(row, 1)?));
            }
            Ok(found)
        })?;
        let more = found.len() > limit;
        found.truncate(limit);
        let cursor = found.last().map(|(key, _)| key.clone());
        let mut answer = Answer::default();
        let mut items = Vec::with_capacity(found.len());
        for (key, stored) in &found {
            items.push(answer.entry(key, &decoded(stored)?, 0));
        }
        Ok(answer.page(items, cursor, more))
    }
}

/// Text or a blob.
fn bytes(row: &rusqlite::Row<'_>, column: usize) -> rusqlite::Result<Vec<u8>> {
    let value = row.get_ref(column)?;
    let bytes = value.as_bytes_or_null().ok().flatten().unwrap_or_default();
    Ok(bytes.to_vec())
}

impl Store for Sql {
    fn info(&self) -> StoreInfo {
        StoreInfo {
            backend: "sql",
            consistency: "local",
            durable: self.database.durable(),
            list: true,
            versioned: false,
            conditional_put: false,
            ttl: true,
            blocks: true,
        }
    }

    fn run(&self, request: StoreRequest, now: f64) -> Result<Values, Error> {
        match request {
            StoreRequest::Get(key) => decoded(&self.read(&key, now)?.ok_or_else(key_not_found)?),
            StoreRequest::Entry(key) => {
                let stored = self.read(&key, now)?.ok_or_else(key_not_found)?;
                Ok(entries::single(&key, &decoded(&stored)?, 0))
            }
            StoreRequest::Has(key) => Ok(Values::one(self.read(&key, now)?.is_some())),
            StoreRequest::Delete(key) => {
                let key = text(&key)?;
                let lived = self.with(|connection| {
                    let mut statement = connection.prepare_cached(&self.statements.remove)?;
                    let rows =
                        statement.query_map(params![key, now], |row| row.get::<_, bool>(0))?;
                    rows.collect::<rusqlite::Result<Vec<bool>>>()
                })?;
                Ok(Values::one(lived.contains(&true)))
            }
            StoreRequest::Set(write) => {
                self.write(&write)?;
                Ok(Values::one(true))
            }
            StoreRequest::Put(write) => {
                self.write(&write)?;
                Ok(entries::single(&write.key, &write.value, 0))
            }
            StoreRequest::List { prefix, after, limit } => self.page(&prefix, after, limit, now),
        }
    }
}

impl Resource for Sql {
    fn open(&self, _driven: bool) -> Result<(), Error> {
        self.database.with(|connection| {
            if self.create {
                connection.execute_batch(&self.statements.make)?;
            }
            connection.prepare(&self.statements.look).map(|_| ())
        })?;
        self.open.store(true, Ordering::SeqCst);
        Ok(())
    }

    fn close(&self) {
        self.open.store(false, Ordering::SeqCst);
    }

    fn is_open(&self) -> bool {
        self.open.load(Ordering::SeqCst)
    }

    fn cleanup(&self) -> u64 {
        self.cleanup
    }

    fn clean(&self, now: f64) {
        // What cannot be removed now is no less expired, and is tried again.
        let _ = self.with(|connection| connection.execute(&self.statements.clean, [now]));
    }
}
