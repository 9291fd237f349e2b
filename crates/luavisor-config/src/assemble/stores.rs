//! `store.*` and `db.sql.sqlite` entries (MODULES 19 and 27).

use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::diagnostic::Problems;
use crate::entries::{RawEntries, RawEntry};
use crate::lifecycle::Lifecycle;
use crate::read;
use crate::resources::{DatabaseDefinition, StoreDefinition, StoreKind, TokenStoreDefinition};
use crate::yaml::Node;

use super::lifecycles::{positive, set};

/// A store in memory, one in a table, and a database for the latter.
pub(super) const MEMORY: &str = "store.memory";
pub(super) const SQL: &str = "store.sql";
pub(super) const SQLITE: &str = "db.sql.sqlite";
pub(super) const TOKENS: &str = "security.token_store";

/// Keys of a store in memory that does not say.
const MAX_SIZE: u32 = 10_000;

/// Reads a store. Its dependencies are filled in later.
pub(super) fn store(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
    lifecycle: &Lifecycle,
) -> Option<StoreDefinition> {
    let kind = match entry.kind_name() {
        MEMORY => memory(problems, entry),
        _ => sql(problems, entries, entry)?,
    };
    let (id, lifecycle) = (entry.id.clone(), lifecycle.clone());
    Some(StoreDefinition { id, kind, lifecycle, dependencies: Vec::new() })
}

fn memory(problems: &mut Problems, entry: &RawEntry) -> StoreKind {
    let (mut max_size, mut cleanup) = (MAX_SIZE, Duration::from_secs(300));
    set(problems, &entry.data, "max_size", read::count, &mut max_size);
    set(problems, &entry.data, "cleanup_interval", read::duration, &mut cleanup);
    if max_size == 0 {
        max_size = MAX_SIZE;
    }
    StoreKind::Memory { max_size, cleanup }
}

fn sql(problems: &mut Problems, entries: &RawEntries, entry: &RawEntry) -> Option<StoreKind> {
    let data = &entry.data;
    let (mut create, mut cleanup) = (false, Duration::ZERO);
    set(problems, data, "auto_create", read::boolean, &mut create);
    set(problems, data, "cleanup_interval", read::duration, &mut cleanup);
    let mut columns = ["key", "value", "expires_at"].map(str::to_owned);
    let keys = ["id_column_name", "payload_column_name", "expire_column_name"];
    for (key, column) in keys.into_iter().zip(&mut columns) {
        set(problems, data, key, identifier, column);
    }
    let table = data.get("table_name").or_else(|| data.get("table"));
    if table.is_none() {
        problems.error(entry.name_span, "table_name is required");
    }
    let database = data.get("database");
    if database.is_none() {
        problems.error(entry.name_span, "database is required");
    }
    let table = table.and_then(|node| identifier(problems, node));
    let target = |node| entries.target(problems, entry, node, &[SQLITE], "database");
    let database = database.and_then(target)?.id.clone();
    let [key, value, expires] = columns;
    Some(StoreKind::Sql { database, table: table?, key, value, expires, create, cleanup })
}

/// A name of a table or column, which becomes part of a statement.
fn identifier(problems: &mut Problems, node: &Node) -> Option<String> {
    let name = read::text(problems, node)?;
    let may_be = |c: char| c.is_ascii_alphanumeric() || matches!(c, '_' | '.');
    if name.is_empty() || !name.chars().all(may_be) {
        return read::expected(problems, node, "a name of letters, digits, _ and .");
    }
    Some(name.to_owned())
}

/// Reads a database. Its file is relative to `directory`.
pub(super) fn database(
    problems: &mut Problems,
    entry: &RawEntry,
    lifecycle: &Lifecycle,
    directory: &Path,
) -> Option<DatabaseDefinition> {
    let Some(node) = entry.data.get("file") else {
        problems.error(entry.name_span, "file is required");
        return None;
    };
    let file: Option<PathBuf> = match read::text(problems, node)? {
        "" => return read::expected(problems, node, "a path, or :memory:"),
        ":memory:" => None,
        path => Some(directory.join(path)),
    };
    let (id, lifecycle) = (entry.id.clone(), lifecycle.clone());
    Some(DatabaseDefinition { id, file, lifecycle, dependencies: Vec::new() })
}

/// Reads a token store.
pub(super) fn tokens(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
) -> Option<TokenStoreDefinition> {
    let data = &entry.data;
    let (mut length, mut expiration) = (32, Duration::from_secs(24 * 3600));
    let mut key = String::new();
    set(problems, data, "token_length", token_length, &mut length);
    set(problems, data, "default_expiration", positive, &mut expiration);
    let text = |problems: &mut Problems, node: &Node| read::text(problems, node).map(str::to_owned);
    set(problems, data, "token_key", text, &mut key);
    let Some(node) = data.get("store") else {
        problems.error(entry.name_span, "store is required");
        return None;
    };
    let store = entries.target(problems, entry, node, &[MEMORY, SQL], "store")?.id.clone();
    Some(TokenStoreDefinition { id: entry.id.clone(), store, length, expiration, key })
}

/// Fewer bytes could be guessed.
fn token_length(problems: &mut Problems, node: &Node) -> Option<u32> {
    let length = read::count(problems, node)?;
    match (16..=1024).contains(&length) {
        true => Some(length),
        false => read::expected(problems, node, "16 to 1024 bytes"),
    }
}
