//! `store.memory` and `security.token_store` entries (MODULES 19 and 6.2).

use std::time::Duration;

use luavisor_core::security::TokenStore;

use crate::application::StoreDefinition;
use crate::diagnostic::Problems;
use crate::entries::{RawEntries, RawEntry};
use crate::read;

use super::lifecycles::{positive, set};

/// Random bytes of a token.
const LENGTHS: std::ops::RangeInclusive<u32> = 16..=1024;

/// Reads a store.
pub(super) fn read(problems: &mut Problems, entry: &RawEntry) -> StoreDefinition {
    let (mut max_size, mut cleanup_interval) = (0, Duration::from_secs(300));
    set(problems, &entry.data, "max_size", read::count, &mut max_size);
    set(problems, &entry.data, "cleanup_interval", read::duration, &mut cleanup_interval);
    StoreDefinition { id: entry.id.clone(), max_size, cleanup_interval }
}

/// Reads a store of tokens.
pub(super) fn tokens(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
) -> Option<TokenStore> {
    let Some(node) = entry.data.get("store") else {
        problems.error(entry.name_span, "store is required");
        return None;
    };
    let store = entries.target(problems, entry, node, &["store.memory"], "store")?;
    let (mut length, mut expiration) = (32, Duration::from_secs(24 * 3600));
    set(problems, &entry.data, "token_length", read::count, &mut length);
    if !LENGTHS.contains(&length) {
        let (least, most) = (LENGTHS.start(), LENGTHS.end());
        let span = entry.data.get("token_length").map_or(entry.name_span, |node| node.span);
        problems.error(span, format!("expected from {least} to {most} bytes, found {length}"));
    }
    set(problems, &entry.data, "default_expiration", positive, &mut expiration);
    let key = entry.data.get("token_key").and_then(|node| read::text(problems, node));
    Some(TokenStore {
        id: entry.id.shared(),
        store: store.id.shared(),
        length: length as usize,
        expiration: u64::try_from(expiration.as_nanos()).unwrap_or(u64::MAX),
        key: key.unwrap_or_default().into(),
    })
}
