//! From entries to what the runtime spawns.
//!
//! Units keep their identity: a library that two processes import is one unit
//! here too, so that a VM loads its code once.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use luavisor_config as config;
use luavisor_config::{Pool, PoolKind};
use luavisor_core::Error;
use luavisor_core::registry::Entry;
use luavisor_runtime::{Callable, Catalog, Function, ProgramTable};
use luavisor_vm::{Chunk, Program, Unit};

use crate::Application;

/// The catalog of one application.
pub(crate) struct Entries {
    programs: ProgramTable,
    /// by id
    entries: Arc<[Arc<Entry>]>,
}

impl Entries {
    pub fn of(application: &Application) -> Entries {
        let programs = ProgramTable::default();
        let mut units = Units::default();
        let checks = application.checks.iter().map(|check| &check.process);
        let tests = application.tests.iter().map(|test| &test.process);
        for process in application.processes.iter().chain(checks).chain(tests) {
            programs.insert(Arc::new(Program {
                id: process.id.shared(),
                method: process.method.clone(),
                unit: units.translate(&process.unit),
                memory: process.limits.memory,
                mailbox: process.limits.mailbox,
            }));
        }
        for process in application.processes.iter() {
            if let Some(host) = &process.default_host {
                let host = host.shared();
                programs.insert_callable(process.id.shared(), Callable::Process { host });
            }
        }
        for function in &application.functions {
            let program = Arc::new(Program {
                id: function.id.shared(),
                method: function.method.clone(),
                unit: units.translate(&function.unit),
                memory: None,
                mailbox: None,
            });
            let callable =
                Callable::Function(Arc::new(Function::new(program, seats(&function.pool))));
            programs.insert_callable(function.id.shared(), callable);
        }
        let entries = application.entries.iter().map(|entry| {
            Arc::new(Entry {
                id: entry.id.shared(),
                kind: entry.kind.as_str().into(),
                meta: entry.meta.clone(),
                data: entry.data.clone(),
            })
        });
        let mut entries: Vec<Arc<Entry>> = entries.collect();
        entries.sort_by(|a, b| a.id.cmp(&b.id));
        Entries { programs, entries: entries.into() }
    }
}

/// How many calls of a function run at once; `None`: any number. What waits is not
/// bounded, whatever `buffer` says: a call beyond it would wait before it may wait.
fn seats(pool: &Pool) -> Option<u32> {
    match pool.kind {
        PoolKind::Inline => None,
        PoolKind::Static if pool.workers > 0 => Some(pool.workers),
        PoolKind::Static => Some(pool.size),
        PoolKind::Lazy | PoolKind::Adaptive => Some(pool.max_size),
    }
}

impl Catalog for Entries {
    fn program(&self, id: &str) -> Result<Arc<Program>, Error> {
        self.programs.program(id)
    }

    fn callable(&self, id: &str) -> Option<Callable> {
        self.programs.callable(id)
    }

    fn version(&self) -> u64 {
        self.programs.version()
    }

    fn entries(&self) -> Arc<[Arc<Entry>]> {
        self.entries.clone()
    }

    fn has_entry(&self, id: &str) -> bool {
        let known = self.entries.binary_search_by(|entry| (*entry.id).cmp(id)).is_ok();
        known || self.programs.has_entry(id)
    }
}

/// Units that are translated already, by the address of their definition.
#[derive(Default)]
struct Units {
    done: HashMap<*const config::Unit<Chunk>, Arc<Unit>>,
}

impl Units {
    fn translate(&mut self, unit: &Arc<config::Unit<Chunk>>) -> Arc<Unit> {
        if let Some(done) = self.done.get(&Arc::as_ptr(unit)) {
            return done.clone();
        }
        let imports: BTreeMap<String, Arc<Unit>> = unit
            .imports
            .iter()
            .map(|(alias, library)| (alias.clone(), self.translate(library)))
            .collect();
        let translated =
            Arc::new(Unit { chunk: unit.chunk.clone(), modules: unit.modules.clone(), imports });
        self.done.insert(Arc::as_ptr(unit), translated.clone());
        translated
    }
}
