//! The catalog seam: where the runtime finds what an entry id stands for.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock};

use luavisor_core::value::Table;
use luavisor_core::{Error, Value, Values};
use luavisor_vm::Program;

use crate::sync::{read, write};

/// What the application consists of, as far as spawning needs it.
pub trait Catalog: Send + Sync {
    /// The newest code of an entry that can make a process.
    /// Otherwise [`factory_not_found`].
    fn program(&self, id: &str) -> Result<Arc<Program>, Error>;
    /// Changes whenever [`Catalog::program`] may give something else.
    fn version(&self) -> u64;
    /// Whether there is an entry of this id, of any kind. Decides between
    /// `host not found` and `host does not implement process.Host`.
    fn has_entry(&self, id: &str) -> bool;
}

/// NotFound `factory not found` with `details.factory_id`.
pub fn factory_not_found(id: &str) -> Error {
    let details = Values {
        items: [Value::Table(0)].into_iter().collect(),
        tables: vec![Table { array: Vec::new(), hash: vec![("factory_id".into(), id.into())] }],
    };
    Error::not_found("factory not found").details(details)
}

/// A catalog in memory, to which programs can be added at run time.
#[derive(Debug, Default)]
pub struct ProgramTable {
    programs: RwLock<BTreeMap<Arc<str>, Arc<Program>>>,
    version: AtomicU64,
}

impl ProgramTable {
    /// Adds a program under its own id, or replaces it.
    pub fn insert(&self, program: Arc<Program>) {
        let mut programs = write(&self.programs);
        programs.insert(program.id.clone(), program);
        self.version.fetch_add(1, Ordering::Release);
    }
}

impl Catalog for ProgramTable {
    fn program(&self, id: &str) -> Result<Arc<Program>, Error> {
        let programs = read(&self.programs);
        programs.get(id).cloned().ok_or_else(|| factory_not_found(id))
    }

    fn version(&self) -> u64 {
        self.version.load(Ordering::Acquire)
    }

    fn has_entry(&self, id: &str) -> bool {
        read(&self.programs).contains_key(id)
    }
}
