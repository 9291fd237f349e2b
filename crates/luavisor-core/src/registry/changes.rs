//! Changes of the entries, and the versions that they make (MODULES 5.3 and 5.4).
//!
//! Pure: what an entry means to the runtime is decided elsewhere, between [`History::plan`]
//! and [`History::push`].

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use super::Entry;
use crate::error::{Error, Kind};

/// All entries at one time, by id.
pub type Entries = Arc<[Arc<Entry>]>;

/// One change.
#[derive(Clone, Debug)]
pub enum Change {
    /// An entry that was not there.
    Create(Arc<Entry>),
    /// Another one of the same id.
    Update(Arc<Entry>),
    /// The entry of this id goes.
    Delete(Arc<str>),
}

impl Change {
    /// The entry that it is about.
    pub fn id(&self) -> &Arc<str> {
        match self {
            Change::Create(entry) | Change::Update(entry) => &entry.id,
            Change::Delete(id) => id,
        }
    }

    /// Its name in Lua and on the event bus.
    pub fn name(&self) -> &'static str {
        match self {
            Change::Create(_) => "entry.create",
            Change::Update(_) => "entry.update",
            Change::Delete(_) => "entry.delete",
        }
    }
}

/// The entries after these changes.
///
/// # Errors
/// Invalid: no changes, or two of one id. AlreadyExists, NotFound: there is or is not
/// such an entry.
pub fn apply(entries: &Entries, changes: &[Change]) -> Result<Entries, Error> {
    if changes.is_empty() {
        return Err(Error::invalid("no changes to apply"));
    }
    let failed = |kind, cause: String| Error::new(kind, format!("apply changes: {cause}"));
    let mut all: BTreeMap<&Arc<str>, &Arc<Entry>> =
        entries.iter().map(|entry| (&entry.id, entry)).collect();
    let mut touched = BTreeSet::new();
    for change in changes {
        let id = change.id();
        if !touched.insert(id) {
            return Err(failed(Kind::INVALID, format!("two operations on entry {id}")));
        }
        match (change, all.contains_key(id)) {
            (Change::Create(_), true) => {
                return Err(failed(Kind::ALREADY_EXISTS, format!("entry already exists: {id}")));
            }
            (Change::Update(_) | Change::Delete(_), false) => {
                return Err(failed(Kind::NOT_FOUND, format!("entry not found: {id}")));
            }
            (Change::Create(entry) | Change::Update(entry), _) => drop(all.insert(id, entry)),
            (Change::Delete(_), _) => drop(all.remove(id)),
        }
    }
    Ok(all.into_values().cloned().collect())
}

/// What leads from the first entries to the second, by id: deletes last.
pub fn delta(from: &[Arc<Entry>], to: &[Arc<Entry>]) -> Vec<Change> {
    let by_id = |entries: &[Arc<Entry>]| -> BTreeMap<Arc<str>, Arc<Entry>> {
        entries.iter().map(|entry| (entry.id.clone(), entry.clone())).collect()
    };
    let (before, after) = (by_id(from), by_id(to));
    let made = after.iter().filter_map(|(id, entry)| match before.get(id) {
        None => Some(Change::Create(entry.clone())),
        Some(old) if !old.same(entry) => Some(Change::Update(entry.clone())),
        Some(_) => None,
    });
    let gone = before.keys().filter(|id| !after.contains_key(*id));
    made.chain(gone.map(|id| Change::Delete(id.clone()))).collect()
}

/// One version.
#[derive(Clone, Debug)]
pub struct Version {
    /// its number, from 1
    pub id: u64,
    /// the entries
    pub entries: Entries,
}

/// Versions that are kept, at most.
const KEPT: usize = 1000;
/// Bytes that all versions but the one in force may take. Entries that stay the same are
/// shared, but each version has a list of all and what it changed.
const BYTES: usize = 64 << 20;

/// The last versions of one runtime, oldest first. There is always one.
#[derive(Clone, Debug)]
pub struct History {
    versions: Vec<Version>,
    /// bytes by version
    sizes: Vec<usize>,
    current: usize,
}

impl History {
    /// The state after the load: version 1.
    pub fn new(entries: Entries) -> History {
        History { versions: vec![Version { id: 1, entries }], sizes: vec![0], current: 0 }
    }

    /// The version in force.
    pub fn current(&self) -> &Version {
        &self.versions[self.current]
    }

    /// All versions, oldest first.
    pub fn versions(&self) -> &[Version] {
        &self.versions
    }

    /// One of them.
    pub fn get(&self, id: u64) -> Option<&Version> {
        let place = self.versions.binary_search_by_key(&id, |version| version.id);
        place.ok().map(|place| &self.versions[place])
    }

    /// A new version, which is in force from now on. Returns its number.
    pub fn push(&mut self, entries: Entries) -> u64 {
        let id = self.versions.last().map_or(1, |last| last.id + 1);
        let last = self.versions.last().map(|version| &version.entries);
        self.sizes.push(last.map_or(0, |last| growth(last, &entries)));
        self.versions.push(Version { id, entries });
        let (mut oldest, mut size) = (0, self.sizes.iter().sum::<usize>());
        while oldest + 1 < self.versions.len()
            && (self.versions.len() - oldest > KEPT || size > BYTES)
        {
            size -= self.sizes[oldest];
            oldest += 1;
        }
        self.versions.drain(..oldest);
        self.sizes.drain(..oldest);
        self.current = self.versions.len() - 1;
        id
    }

    /// An older or newer version is in force from now on.
    pub fn go_to(&mut self, id: u64) {
        if let Ok(place) = self.versions.binary_search_by_key(&id, |version| version.id) {
            self.current = place;
        }
    }
}

/// Bytes that a version takes besides the one before it.
fn growth(before: &[Arc<Entry>], after: &[Arc<Entry>]) -> usize {
    let known: BTreeSet<*const Entry> = before.iter().map(Arc::as_ptr).collect();
    let new = after.iter().filter(|entry| !known.contains(&Arc::as_ptr(entry)));
    let content = new.map(|entry| entry.meta.size() + entry.data.size() + entry.id.len());
    content.sum::<usize>() + size_of_val(after)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Value, Values};

    fn entry(id: &str, kind: &str) -> Arc<Entry> {
        let (meta, data) = (Values::none(), Values::none());
        Arc::new(Entry { id: id.into(), kind: kind.into(), meta, data })
    }

    fn entries(ids: &[&str]) -> Entries {
        ids.iter().map(|id| entry(id, "k")).collect()
    }

    fn ids(entries: &[Arc<Entry>]) -> Vec<&str> {
        entries.iter().map(|entry| &*entry.id).collect()
    }

    #[test]
    fn changes_are_checked_against_what_is_there() {
        let all = entries(&["a:a", "a:c"]);
        let create = |id| Change::Create(entry(id, "k"));
        let changed = apply(&all, &[create("a:b"), Change::Delete("a:c".into())]).unwrap();
        assert_eq!(ids(&changed), ["a:a", "a:b"]);
        for (changes, message) in [
            (vec![], "no changes to apply"),
            (vec![create("a:a")], "apply changes: entry already exists: a:a"),
            (vec![Change::Delete("a:b".into())], "apply changes: entry not found: a:b"),
            (vec![Change::Update(entry("x", "k"))], "apply changes: entry not found: x"),
            (
                vec![Change::Delete("a:a".into()), create("a:a")],
                "apply changes: two operations on entry a:a",
            ),
        ] {
            assert_eq!(&*apply(&all, &changes).unwrap_err().message, message);
        }
        assert_eq!(ids(&all), ["a:a", "a:c"]);
    }

    #[test]
    fn a_delta_leads_from_one_to_the_other() {
        let from = entries(&["a", "b", "c"]);
        let to: Entries = [entry("b", "k"), entry("c", "other"), entry("d", "k")].into();
        let changes = delta(&from, &to);
        let told: Vec<_> = changes.iter().map(|change| (change.name(), &**change.id())).collect();
        let expected = [("entry.update", "c"), ("entry.create", "d"), ("entry.delete", "a")];
        assert_eq!(told, expected);
        assert_eq!(ids(&apply(&from, &changes).unwrap()), ids(&to));
        assert!(delta(&to, &to).is_empty());
    }

    #[test]
    fn numbers_of_versions_only_rise() {
        let mut history = History::new(entries(&["a"]));
        assert_eq!(history.current().id, 1);
        assert_eq!(history.push(entries(&["a", "b"])), 2);
        history.go_to(1);
        assert_eq!(ids(&history.current().entries), ["a"]);
        assert_eq!(history.push(entries(&["c"])), 3);
        let numbers: Vec<u64> = history.versions().iter().map(|version| version.id).collect();
        assert_eq!((numbers, history.current().id), (vec![1, 2, 3], 3));
        assert!(history.get(2).is_some() && history.get(4).is_none());
        for _ in 0..KEPT {
            history.push(entries(&["d"]));
        }
        assert_eq!((history.versions().len(), history.current().id), (KEPT, 1003));
        assert!(history.get(3).is_none() && history.get(4).is_some());
        // Large entries leave room for fewer versions, but the one in force stays.
        for (size, kept) in [(BYTES / 4, 4), (2 * BYTES, 1)] {
            for _ in 0..5 {
                let data = Values::one(Value::String(vec![0; size - 1000].into()));
                let meta = Values::none();
                let large = Entry { id: "d".into(), kind: "k".into(), meta, data };
                history.push([Arc::new(large)].into());
            }
            assert_eq!(history.versions().len(), kept);
        }
        assert_eq!(history.current().id, 1013);
    }
}
