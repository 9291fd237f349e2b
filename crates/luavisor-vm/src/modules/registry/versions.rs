//! Snapshots, versions, the history, and changes (MODULES 5.3 and 5.4).

use std::sync::Arc;

use luavisor_core::registry::{Change, Entries, Entry};
use luavisor_core::value::NoTree;
use luavisor_core::{Error, Kind, Value, Values};

use super::super::refusal::invalid;
use super::{filter_at, push_entry, push_found};
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::ffi::error::Raise;
use crate::ffi::objects::tags;

/// The guards of changes.
const APPLY: &str = "registry.apply";
const APPLY_VERSION: &str = "registry.apply_version";

/// Tables that an entry consists of, at most.
const TABLES: usize = 1_000_000;

/// The entries at one time.
struct Snapshot {
    version: u64,
    entries: Entries,
}

/// A version, by its number.
struct Version(u64);

/// The history has no state of its own.
struct History;

/// Changes that are not applied.
#[derive(Default)]
struct Changes(Vec<Change>);

fn snapshot_of<'a>(call: &Call) -> Result<&'a mut Snapshot, Raise> {
    call.object(1, tags::SNAPSHOT).ok_or_else(|| call.wrong(1, "Snapshot"))
}

fn changes_of<'a>(call: &Call) -> Result<&'a mut Changes, Raise> {
    call.object(1, tags::CHANGES).ok_or_else(|| call.wrong(1, "Changes"))
}

fn version_of(call: &Call) -> Result<u64, Raise> {
    let version = call.object::<Version>(1, tags::VERSION).map(|version| version.0);
    version.ok_or_else(|| call.wrong(1, "Version"))
}

fn no_version(call: &mut Call) -> Outcome {
    call.fail(Error::not_found("version not found").retryable(false))
}

// --- functions of the module ---

/// `registry.snapshot()`
fn snapshot(call: &mut Call) -> Outcome {
    let history = call.kernel().history();
    let current = history.current();
    let (version, entries) = (current.id, current.entries.clone());
    call.push_data(tags::SNAPSHOT, Snapshot { version, entries });
    call.results(1)
}

/// `registry.snapshot_at(id)`
fn snapshot_at(call: &mut Call) -> Outcome {
    let id = call.integer(1)?;
    let Some(id) = u64::try_from(id).ok().filter(|id| *id > 0) else {
        return invalid(call, "invalid version ID");
    };
    give_snapshot(call, id)
}

fn give_snapshot(call: &mut Call, id: u64) -> Outcome {
    let history = call.kernel().history();
    let Some(version) = history.get(id) else { return no_version(call) };
    let (version, entries) = (version.id, version.entries.clone());
    call.push_data(tags::SNAPSHOT, Snapshot { version, entries });
    call.results(1)
}

/// `registry.current_version()`
fn current_version(call: &mut Call) -> Outcome {
    let id = call.kernel().history().current().id;
    call.push_data(tags::VERSION, Version(id));
    call.results(1)
}

/// `registry.versions()`, `history:versions()`
fn versions(call: &mut Call) -> Outcome {
    let history = call.kernel().history();
    call.push_table(history.versions().len(), 0);
    for (place, version) in (1..).zip(history.versions()) {
        call.push_data(tags::VERSION, Version(version.id));
        call.set_element(place);
    }
    call.results(1)
}

/// `registry.history()`
fn history(call: &mut Call) -> Outcome {
    call.push_data(tags::HISTORY, History);
    call.results(1)
}

/// `registry.build_delta(from, to)`
fn build_delta(call: &mut Call) -> Outcome {
    let mut lists = Vec::new();
    for index in [1, 2] {
        match entries_at(call, index)? {
            Some(entries) => lists.push(entries),
            None => return invalid(call, "arrays of entries expected"),
        }
    }
    let changes = luavisor_core::registry::delta(&lists[0], &lists[1]);
    push_changes(call, &changes);
    call.results(1)
}

/// `registry.apply_version(version)`
fn apply_version(call: &mut Call) -> Outcome {
    let Some(version) = call.object::<Version>(1, tags::VERSION).map(|version| version.0) else {
        return call.fail_false(Error::invalid("expected version object").retryable(false));
    };
    if !call.allowed(APPLY_VERSION, &format!("v{version}")) {
        let text = "registry version change is not allowed";
        let error = Error::new(Kind::PERMISSION_DENIED, text);
        return call.fail_false(error.retryable(false));
    }
    match call.kernel().go_to_version(version) {
        Ok(()) => call.yes(),
        Err(error) => {
            let text = format!("apply version: {}", error.message);
            let error = Error { kind: Kind::INTERNAL, message: text.into(), ..error };
            call.fail_false(error.retryable(false))
        }
    }
}

// --- entries from Lua ---

/// The entry of the table at `index`.
fn entry_at(call: &mut Call, index: i32) -> Result<Entry, Raise> {
    let wrong = || Raise::text("entry must have valid id field");
    if !call.is_table(index) {
        return Err(wrong());
    }
    call.push_field(index, c"id");
    let id = id_at(call, call.count());
    call.pop(1);
    let id = id.ok_or_else(wrong)?;
    call.push_field(index, c"kind");
    let at = call.count();
    let kind = call.is_string(at).then(|| call.str(at).into_owned());
    call.pop(1);
    let kind = kind.filter(|kind| !kind.trim().is_empty());
    let kind = kind.ok_or_else(|| Raise::text("entry must have kind field"))?;
    let (meta, data) = (table_at(call, index, c"meta")?, table_at(call, index, c"data")?);
    Ok(Entry { id: id.into(), kind: kind.into(), meta, data })
}

/// A field that is a table of plain data, a tree; an empty one if it is missing.
fn table_at(call: &mut Call, index: i32, name: &'static std::ffi::CStr) -> Result<Values, Raise> {
    let text = name.to_string_lossy();
    call.push_field(index, name);
    let values = call.value_at(call.count(), &text).map_err(|error| error.retryable(false));
    call.pop(1);
    let values = values?;
    match values.first() {
        Value::Nil => Ok(Values {
            items: [Value::Table(0)].into_iter().collect(),
            tables: vec![Default::default()],
        }),
        Value::Table(_) if plain(&values) => values.tree(TABLES).map_err(|why| match why {
            NoTree::Cycle => Raise::text(format!("{text} of an entry contains itself")),
            NoTree::Large => Raise::text(format!("{text} of an entry is too large")),
        }),
        Value::Table(_) => Err(Raise::text(format!("{text} of an entry holds plain data only"))),
        _ => Err(Raise::text(format!("{text} of an entry must be a table"))),
    }
}

fn plain(values: &Values) -> bool {
    let simple = |value: &Value| {
        matches!(
            value,
            Value::Nil | Value::Boolean(_) | Value::Number(_) | Value::String(_) | Value::Table(_)
        )
    };
    values.tables.iter().all(|table| {
        let pairs = table.hash.iter().all(|(key, value)| simple(key) && simple(value));
        pairs && table.array.iter().all(simple)
    })
}

/// An id, as text or as `{ns, name}`.
fn id_at(call: &mut Call, index: i32) -> Option<String> {
    let valid = |id: &String| {
        let parts = id.split_once(':');
        parts.is_some_and(|(ns, name)| {
            let good = |part: &str| !part.trim().is_empty() && !part.contains(':');
            good(ns) && good(name)
        })
    };
    if call.is_string(index) {
        return Some(call.str(index).into_owned()).filter(valid);
    }
    if !call.is_table(index) {
        return None;
    }
    let mut part = |name| {
        call.push_field(index, name);
        let at = call.count();
        let text = call.is_string(at).then(|| call.str(at).into_owned());
        call.pop(1);
        text
    };
    Some(format!("{}:{}", part(c"ns")?, part(c"name")?)).filter(valid)
}

/// The entries of an array.
fn entries_at(call: &mut Call, index: i32) -> Result<Option<Vec<Arc<Entry>>>, Raise> {
    if !call.is_table(index) {
        return Ok(None);
    }
    let mut entries = Vec::new();
    for n in 1..=call.length(index) {
        let Ok(n) = i32::try_from(n) else { break };
        call.push_element(index, n);
        let at = call.count();
        let table = call.is_table(at);
        let entry = if table { entry_at(call, at).ok() } else { None };
        call.pop(1);
        match entry {
            Some(entry) => entries.push(Arc::new(entry)),
            None => return Ok(None),
        }
    }
    Ok(Some(entries))
}

/// Pushes an array of `{ kind, entry }`.
fn push_changes(call: &mut Call, changes: &[Change]) {
    call.push_table(changes.len(), 0);
    for (place, change) in (1..).zip(changes) {
        call.push_table(0, 2);
        call.push_str(change.name());
        call.set_field(c"kind");
        match change {
            Change::Create(entry) | Change::Update(entry) => push_entry(call, entry),
            Change::Delete(id) => {
                call.push_table(0, 1);
                call.push_str(id);
                call.set_field(c"id");
            }
        }
        call.set_field(c"entry");
        call.set_element(place);
    }
}

// --- methods ---

fn snapshot_entries(call: &mut Call) -> Outcome {
    let entries = snapshot_of(call)?.entries.clone();
    push_found(call, entries.iter());
    call.results(1)
}

fn snapshot_get(call: &mut Call) -> Outcome {
    let entries = snapshot_of(call)?.entries.clone();
    let id = call.string(2)?;
    super::give(call, &entries, &id)
}

fn snapshot_namespace(call: &mut Call) -> Outcome {
    let entries = snapshot_of(call)?.entries.clone();
    let namespace = call.string(2)?;
    push_found(call, entries.iter().filter(|entry| entry.parts().0 == namespace));
    call.results(1)
}

fn snapshot_find(call: &mut Call) -> Outcome {
    let entries = snapshot_of(call)?.entries.clone();
    let filter = match filter_at(call, 2) {
        Ok(filter) => filter,
        Err(error) => return call.fail(error.retryable(false)),
    };
    push_found(call, entries.iter().filter(|entry| filter.matches(entry)));
    call.results(1)
}

fn snapshot_version(call: &mut Call) -> Outcome {
    let version = snapshot_of(call)?.version;
    call.push_data(tags::VERSION, Version(version));
    call.results(1)
}

fn snapshot_changes(call: &mut Call) -> Outcome {
    snapshot_of(call)?;
    call.push_data(tags::CHANGES, Changes::default());
    call.results(1)
}

fn snapshot_text(call: &mut Call) -> Outcome {
    let version = snapshot_of(call)?.version;
    call.push_str(&format!("registry.Snapshot{{v{version}}}"));
    call.results(1)
}

/// Adds a change and returns the same object.
fn add(call: &mut Call, change: Change) -> Outcome {
    changes_of(call)?.0.push(change);
    call.push_argument(1);
    call.results(1)
}

fn create(call: &mut Call) -> Outcome {
    changes_of(call)?;
    let entry = entry_at(call, 2)?;
    add(call, Change::Create(Arc::new(entry)))
}

fn update(call: &mut Call) -> Outcome {
    changes_of(call)?;
    let entry = entry_at(call, 2)?;
    add(call, Change::Update(Arc::new(entry)))
}

fn delete(call: &mut Call) -> Outcome {
    changes_of(call)?;
    let id = id_at(call, 2).ok_or_else(|| Raise::text("entry must have valid id field"))?;
    add(call, Change::Delete(id.into()))
}

fn ops(call: &mut Call) -> Outcome {
    let changes = changes_of(call)?.0.clone();
    push_changes(call, &changes);
    call.results(1)
}

fn apply(call: &mut Call) -> Outcome {
    let changes = changes_of(call)?.0.clone();
    for change in &changes {
        if let Err(error) = call.guard(APPLY, change.id()) {
            return call.fail(error.retryable(false));
        }
    }
    match call.kernel().change_registry(&changes) {
        Ok(version) => {
            call.push_data(tags::VERSION, Version(version));
            call.results(1)
        }
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn changes_text(call: &mut Call) -> Outcome {
    let count = changes_of(call)?.0.len();
    call.push_str(&format!("registry.Changes{{{count}}}"));
    call.results(1)
}

fn version_id(call: &mut Call) -> Outcome {
    let id = version_of(call)?;
    call.push_number(id as f64);
    call.results(1)
}

fn version_string(call: &mut Call) -> Outcome {
    let id = version_of(call)?;
    call.push_str(&format!("v{id}"));
    call.results(1)
}

/// The version `step` places from this one, or nil.
fn neighbour(call: &mut Call, step: isize) -> Outcome {
    let id = version_of(call)?;
    let history = call.kernel().history();
    let versions = history.versions();
    let place = versions.iter().position(|version| version.id == id);
    let other = place.and_then(|place| versions.get(place.checked_add_signed(step)?));
    match other {
        Some(other) => call.push_data(tags::VERSION, Version(other.id)),
        None => call.push_nil(),
    }
    call.results(1)
}

fn previous(call: &mut Call) -> Outcome {
    neighbour(call, -1)
}

fn next(call: &mut Call) -> Outcome {
    neighbour(call, 1)
}

fn version_text(call: &mut Call) -> Outcome {
    let id = version_of(call)?;
    call.push_str(&format!("registry.Version{{v{id}}}"));
    call.results(1)
}

/// `history:get_version(id)`
fn get_version(call: &mut Call) -> Outcome {
    let id = call.integer(2)?;
    let Ok(id) = u64::try_from(id) else { return invalid(call, "invalid version ID") };
    if call.kernel().history().get(id).is_none() {
        return no_version(call);
    }
    call.push_data(tags::VERSION, Version(id));
    call.results(1)
}

/// `history:snapshot_at(version)`
fn history_snapshot(call: &mut Call) -> Outcome {
    let version = call.object::<Version>(2, tags::VERSION).map(|version| version.0);
    let version = version.ok_or_else(|| Raise::text("expected version object"))?;
    give_snapshot(call, version)
}

fn history_text(call: &mut Call) -> Outcome {
    let count = call.kernel().history().versions().len();
    call.push_str(&format!("registry.History{{{count}}}"));
    call.results(1)
}

/// Those that belong to the module itself.
pub static FUNCTIONS: &[Function] = &[
    Function { name: c"snapshot", run: snapshot },
    Function { name: c"snapshot_at", run: snapshot_at },
    Function { name: c"current_version", run: current_version },
    Function { name: c"versions", run: versions },
    Function { name: c"history", run: history },
    Function { name: c"build_delta", run: build_delta },
    Function { name: c"apply_version", run: apply_version },
];

static SNAPSHOT: &[Function] = &[
    Function { name: c"entries", run: snapshot_entries },
    Function { name: c"get", run: snapshot_get },
    Function { name: c"namespace", run: snapshot_namespace },
    Function { name: c"find", run: snapshot_find },
    Function { name: c"version", run: snapshot_version },
    Function { name: c"changes", run: snapshot_changes },
    Function { name: c"__tostring", run: snapshot_text },
];

static CHANGES: &[Function] = &[
    Function { name: c"create", run: create },
    Function { name: c"update", run: update },
    Function { name: c"delete", run: delete },
    Function { name: c"ops", run: ops },
    Function { name: c"apply", run: apply },
    Function { name: c"__tostring", run: changes_text },
];

static VERSION: &[Function] = &[
    Function { name: c"id", run: version_id },
    Function { name: c"string", run: version_string },
    Function { name: c"previous", run: previous },
    Function { name: c"next", run: next },
    Function { name: c"__tostring", run: version_text },
];

static HISTORY: &[Function] = &[
    Function { name: c"versions", run: versions },
    Function { name: c"get_version", run: get_version },
    Function { name: c"snapshot_at", run: history_snapshot },
    Function { name: c"__tostring", run: history_text },
];

/// Makes the classes.
pub fn install(setup: &mut Setup) {
    setup.class::<Snapshot>(tags::SNAPSHOT, "registry.Snapshot", SNAPSHOT);
    setup.class::<Changes>(tags::CHANGES, "registry.Changes", CHANGES);
    setup.class::<Version>(tags::VERSION, "registry.Version", VERSION);
    setup.class::<History>(tags::HISTORY, "registry.History", HISTORY);
}
