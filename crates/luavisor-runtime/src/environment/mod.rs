//! The environment variables of an application (MODULES 7).
//!
//! A *variable* has a name, a *storage* and perhaps a default. A storage holds values
//! by name; a router asks others in turn. Reading never waits. What is set in a file
//! is written by a thread first and seen by readers when it is on disk; in a runtime
//! that is driven by hand, simulations among them, it stays in memory, so that a run
//! changes nothing outside of it.

mod file;

use std::collections::{BTreeMap, HashMap};
use std::path::PathBuf;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, RwLock, Weak};

use luavisor_core::{Error, Kind, Pid, Values};
use luavisor_vm::Token;
use luavisor_vm::kernel::Stored;

use crate::sync::{lock, read, write};
use crate::world::World;

/// How to make a storage.
#[derive(Clone, Debug)]
pub enum StorageSpec {
    /// these values, which change if it is writable
    Values {
        /// what it holds at first
        values: BTreeMap<String, String>,
        /// whether programs may set values
        writable: bool,
    },
    /// a `.env` file, writable
    File {
        /// where it is
        path: PathBuf,
        /// its content
        text: String,
        /// permissions of the file when it is made
        file_mode: u32,
        /// permissions of directories that are made for it
        dir_mode: u32,
    },
    /// ids of other storages
    Router(Vec<Arc<str>>),
}

/// How to make a variable.
#[derive(Clone, Debug)]
pub struct VariableSpec {
    /// its entry
    pub id: Arc<str>,
    /// its public name
    pub name: Option<Arc<str>>,
    /// the storage's id
    pub storage: Arc<str>,
    /// its value when the storage has none
    pub default: Option<String>,
    /// whether programs may not set it
    pub read_only: bool,
}

/// See the module.
#[derive(Debug, Default)]
pub struct Environment {
    /// in the order of entries
    order: Vec<Arc<str>>,
    storages: HashMap<Arc<str>, Arc<Storage>>,
    variables: Vec<VariableSpec>,
    by_name: HashMap<Arc<str>, usize>,
    by_id: HashMap<Arc<str>, usize>,
    /// to the thread that writes files; it starts with the first set
    writer: Arc<Mutex<Option<Sender<Change>>>>,
}

#[derive(Debug)]
struct Storage {
    /// held for a look-up only
    values: RwLock<BTreeMap<String, String>>,
    sort: Sort,
}

#[derive(Debug)]
enum Sort {
    ReadOnly,
    Memory,
    File(file::File),
    Router(Vec<Arc<str>>),
}

/// A value to be written to a file.
struct Change {
    storage: Arc<str>,
    name: String,
    value: String,
    from: Pid,
    token: Token,
}

impl Environment {
    /// With these storages and variables. Names and routers are as a load leaves them:
    /// no name twice, no router in itself.
    pub fn new(
        storages: impl IntoIterator<Item = (Arc<str>, StorageSpec)>,
        variables: impl IntoIterator<Item = VariableSpec>,
    ) -> Environment {
        let mut environment = Environment::default();
        for (id, spec) in storages {
            let (values, sort) = match spec {
                StorageSpec::Values { values, writable: true } => (values, Sort::Memory),
                StorageSpec::Values { values, writable: false } => (values, Sort::ReadOnly),
                StorageSpec::Router(storages) => (BTreeMap::new(), Sort::Router(storages)),
                StorageSpec::File { path, text, file_mode, dir_mode } => {
                    let values = file::values(&text);
                    (values, Sort::File(file::File::new(path, text, file_mode, dir_mode)))
                }
            };
            environment.order.push(id.clone());
            let storage = Arc::new(Storage { values: RwLock::new(values), sort });
            environment.storages.insert(id, storage);
        }
        environment.variables.extend(variables);
        for (at, variable) in environment.variables.iter().enumerate() {
            environment.by_id.insert(variable.id.clone(), at);
            if let Some(name) = &variable.name {
                environment.by_name.insert(name.clone(), at);
            }
        }
        environment
    }

    /// The environment that follows another one: these storages are the same as there, with
    /// what they hold.
    pub fn after<'a>(
        mut self,
        old: &Environment,
        same: impl IntoIterator<Item = &'a str>,
    ) -> Environment {
        for id in same {
            if let (Some(new), Some(known)) = (self.storages.get_mut(id), old.storages.get(id)) {
                *new = known.clone();
            }
        }
        // One thread writes all files, so that changes keep their order.
        self.writer = old.writer.clone();
        self
    }

    /// A variable by its public name, its entry id, or the name of an entry in `namespace`.
    fn variable(&self, namespace: &str, key: &str) -> Result<&VariableSpec, Error> {
        if key.is_empty() {
            return Err(Error::invalid("empty key").retryable(false));
        }
        let near = || self.by_id.get(format!("{namespace}:{key}").as_str());
        let at = self.by_name.get(key).or_else(|| self.by_id.get(key));
        let at = at.or_else(|| if key.contains(':') { None } else { near() });
        at.and_then(|at| self.variables.get(*at)).ok_or_else(not_found)
    }

    /// The value of a variable.
    pub fn get(&self, namespace: &str, key: &str) -> Result<String, Error> {
        let variable = self.variable(namespace, key)?;
        let storage = self.storages.get(&variable.storage).ok_or_else(no_backend)?;
        let value = self.look_up(storage, variable.key());
        value.or_else(|| variable.default.clone()).ok_or_else(not_found)
    }

    fn look_up(&self, storage: &Storage, name: &str) -> Option<String> {
        match &storage.sort {
            Sort::Router(parts) => {
                let mut parts = parts.iter().filter_map(|id| self.storages.get(id));
                parts.find_map(|part| self.look_up(part, name))
            }
            _ => read(&storage.values).get(name).cloned(),
        }
    }

    /// Everything that storages hold, and the variables that have a public name.
    pub fn all(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::new();
        for storage in self.order.iter().filter_map(|id| self.storages.get(id)) {
            for (name, value) in read(&storage.values).iter() {
                all.entry(name.clone()).or_insert_with(|| value.clone());
            }
        }
        for name in self.variables.iter().filter_map(|variable| variable.name.as_deref()) {
            if let Ok(value) = self.get("", name) {
                all.insert(name.to_owned(), value);
            }
        }
        all
    }

    /// Sets a variable, at once or in its file, whose end completes the token.
    pub(crate) fn set(
        &self,
        world: &Arc<World>,
        (namespace, key): (&str, &str),
        value: &str,
        from: Pid,
        token: Token,
    ) -> Result<Stored, Error> {
        let variable = self.variable(namespace, key)?;
        if variable.read_only {
            return Err(refused("environment variable is read-only"));
        }
        let mut id = &variable.storage;
        loop {
            let storage = self.storages.get(id).ok_or_else(no_backend)?;
            match &storage.sort {
                Sort::ReadOnly => return Err(refused("storage is read-only")),
                Sort::Router(parts) => id = parts.first().ok_or_else(no_backend)?,
                Sort::File(_) if !world.driven() => break,
                Sort::Memory | Sort::File(_) => {
                    write(&storage.values).insert(variable.key().to_owned(), value.to_owned());
                    return Ok(Stored::Done);
                }
            }
        }
        let change = Change {
            storage: id.clone(),
            name: variable.key().to_owned(),
            value: value.to_owned(),
            from,
            token,
        };
        self.write_later(world, change)
    }

    /// One thread serves all files in the order of the changes.
    #[allow(clippy::disallowed_methods)]
    fn write_later(&self, world: &Arc<World>, change: Change) -> Result<Stored, Error> {
        let mut writer = lock(&self.writer);
        if writer.is_none() {
            // Unbounded: whoever sets a value waits for its end.
            let (sender, receiver) = channel();
            let weak = Arc::downgrade(world);
            let builder = std::thread::Builder::new().name("environment".to_owned());
            if builder.spawn(move || serve(&receiver, &weak)).is_ok() {
                *writer = Some(sender);
            }
        }
        match writer.as_ref().is_some_and(|writer| writer.send(change).is_ok()) {
            true => Ok(Stored::Wait),
            false => Err(Error::internal("no thread for files").retryable(true)),
        }
    }

    fn write_now(&self, change: &Change) -> Result<Values, Error> {
        let storage = self.storages.get(&change.storage).ok_or_else(no_backend)?;
        if let Sort::File(file) = &storage.sort {
            file.set(&change.name, &change.value)?;
        }
        write(&storage.values).insert(change.name.clone(), change.value.clone());
        Ok(Values::none())
    }
}

fn serve(changes: &Receiver<Change>, world: &Weak<World>) {
    while let Ok(change) = changes.recv() {
        let Some(world) = world.upgrade() else { return };
        let result = world.resources().environment.write_now(&change);
        world.complete(change.from, change.token, result);
    }
}

impl VariableSpec {
    /// What its storage knows it by.
    fn key(&self) -> &str {
        match &self.name {
            Some(name) => name,
            None => self.id.split_once(':').map_or(&*self.id, |(_, name)| name),
        }
    }
}

fn not_found() -> Error {
    Error::not_found("environment variable not found").retryable(false)
}

fn no_backend() -> Error {
    Error::not_found("environment storage backend not found").retryable(false)
}

fn refused(text: &'static str) -> Error {
    Error::new(Kind::PERMISSION_DENIED, text).retryable(false)
}
