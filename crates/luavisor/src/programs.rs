//! From entries to what the runtime spawns.
//!
//! Units keep their identity: a library that two processes import is one unit
//! here too, so that a VM loads its code once. They keep it over changes as well: what
//! has the same code and imports stays the same unit.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use luavisor_config as config;
use luavisor_config::{Pool, PoolKind};
use luavisor_runtime::catalog::{Callables, Programs};
use luavisor_runtime::{Callable, Function};
use luavisor_vm::{Chunk, Program, Unit};

use crate::Application;

/// What can be spawned and called.
#[derive(Clone, Debug, Default)]
pub(crate) struct Code {
    pub programs: Programs,
    pub callables: Callables,
    /// by the id of their entries
    units: HashMap<Arc<str>, Arc<Unit>>,
    pools: HashMap<Arc<str>, Pool>,
}

impl Code {
    /// That of an application. What is the same as in `old` stays as it is there.
    pub fn of(application: &Application, old: &Code) -> Code {
        let mut code = Code::default();
        let mut units = Units { old: &old.units, done: HashMap::new(), by_id: HashMap::new() };
        let checks = application.checks.iter().map(|check| &check.process);
        let tests = application.tests.iter().map(|test| &test.process);
        for process in application.processes.iter().chain(checks).chain(tests) {
            let program = Program {
                id: process.id.shared(),
                method: process.method.clone(),
                unit: units.translate(&process.unit),
                memory: process.limits.memory,
                mailbox: process.limits.mailbox,
            };
            let known = old.programs.get(&program.id);
            code.programs.insert(program.id.clone(), same_or_new(known, program));
        }
        for process in application.processes.iter() {
            if let Some(host) = &process.default_host {
                let host = host.shared();
                code.callables.insert(process.id.shared(), Callable::Process { host });
            }
        }
        for function in &application.functions {
            let program = Program {
                id: function.id.shared(),
                method: function.method.clone(),
                unit: units.translate(&function.unit),
                memory: None,
                mailbox: None,
            };
            let id = program.id.clone();
            let pool = function.pool.clone();
            let known = match old.callables.get(&id) {
                Some(Callable::Function(known)) => Some(known),
                _ => None,
            };
            let program = same_or_new(known.map(|known| &known.program), program);
            let kept = known.filter(|known| {
                Arc::ptr_eq(&known.program, &program) && old.pools.get(&id) == Some(&pool)
            });
            let made = || Arc::new(Function::new(program.clone(), seats(&pool)));
            let function = kept.cloned().unwrap_or_else(made);
            code.callables.insert(id.clone(), Callable::Function(function));
            code.pools.insert(id, pool);
        }
        code.units = units.by_id;
        code
    }

    /// Entries that have other code than in `old`.
    pub fn outdated(&self, old: &Code) -> BTreeSet<Arc<str>> {
        let mut outdated = BTreeSet::new();
        for (id, program) in &self.programs {
            if old.programs.get(id).is_some_and(|known| !Arc::ptr_eq(known, program)) {
                outdated.insert(id.clone());
            }
        }
        for (id, callable) in &self.callables {
            if let (Callable::Function(new), Some(Callable::Function(known))) =
                (callable, old.callables.get(id))
                && !Arc::ptr_eq(&known.program, &new.program)
            {
                outdated.insert(id.clone());
            }
        }
        outdated
    }
}

/// The known program, if the new one is the same.
fn same_or_new(known: Option<&Arc<Program>>, new: Program) -> Arc<Program> {
    let same = |known: &&Arc<Program>| {
        Arc::ptr_eq(&known.unit, &new.unit)
            && known.method == new.method
            && (known.memory, known.mailbox) == (new.memory, new.mailbox)
    };
    known.filter(same).cloned().unwrap_or_else(|| Arc::new(new))
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

/// Units on their way.
struct Units<'a> {
    old: &'a HashMap<Arc<str>, Arc<Unit>>,
    /// by the address of their definition
    done: HashMap<*const config::Unit<Chunk>, Arc<Unit>>,
    by_id: HashMap<Arc<str>, Arc<Unit>>,
}

impl Units<'_> {
    fn translate(&mut self, unit: &Arc<config::Unit<Chunk>>) -> Arc<Unit> {
        if let Some(done) = self.done.get(&Arc::as_ptr(unit)) {
            return done.clone();
        }
        let imports: BTreeMap<String, Arc<Unit>> = unit
            .imports
            .iter()
            .map(|(alias, library)| (alias.clone(), self.translate(library)))
            .collect();
        let id = unit.id.shared();
        let same = |old: &&Arc<Unit>| {
            let pairs = || old.imports.iter().zip(&imports);
            old.chunk.bytecode == unit.chunk.bytecode
                && old.chunk.name == unit.chunk.name
                && old.modules == unit.modules
                && old.imports.len() == imports.len()
                && pairs().all(|((a, x), (b, y))| a == b && Arc::ptr_eq(x, y))
        };
        let known = self.old.get(&id).filter(same).cloned();
        let translated = known.unwrap_or_else(|| {
            let (chunk, modules) = (unit.chunk.clone(), unit.modules.clone());
            Arc::new(Unit { chunk, modules, imports })
        });
        self.done.insert(Arc::as_ptr(unit), translated.clone());
        self.by_id.insert(id, translated.clone());
        translated
    }
}
