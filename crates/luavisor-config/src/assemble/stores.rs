//! `store.memory` entries (MODULES 19).

use std::time::Duration;

use crate::application::StoreDefinition;
use crate::diagnostic::Problems;
use crate::entries::RawEntry;
use crate::read;

use super::lifecycles::set;

/// Reads one.
pub(super) fn read(problems: &mut Problems, entry: &RawEntry) -> StoreDefinition {
    let (mut max_size, mut cleanup_interval) = (0, Duration::from_secs(300));
    set(problems, &entry.data, "max_size", read::count, &mut max_size);
    set(problems, &entry.data, "cleanup_interval", read::duration, &mut cleanup_interval);
    StoreDefinition { id: entry.id.clone(), max_size, cleanup_interval }
}
