//! The entries of a running application, and what their changes mean (MODULES 5.3).
//!
//! A change is checked like a load: the whole application is built again from its
//! entries, and only if that works something happens. Then spawns and calls find the new
//! code, and the runtime hears which services are other ones.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use luavisor_config::{
    ChunkCompiler, CompileError, EntryId, EntryProblem, LoadOptions, Settings,
    TemplateSetDefinition, rebuild,
};
use luavisor_core::registry::{self, Change, Entry, History};
use luavisor_core::template::{TemplateFault, TemplateOptions};
use luavisor_core::value::Table;
use luavisor_core::{Error, Kind, Value, Values};
use luavisor_runtime::{Callable, Catalog, Changed, ProgramTable, Resources};
use luavisor_vm::{Chunk, Program, TemplateSet};

use crate::boot;
use crate::compile::LuauCompiler;
use crate::programs::Code;
use crate::templates::TemplateSets;
use crate::{Application, difference, resources, templates};

/// The catalog of one application.
pub(crate) struct Entries {
    programs: ProgramTable,
    templates: RwLock<TemplateSets>,
    /// in force, by id
    entries: RwLock<registry::Entries>,
    state: Mutex<State>,
}

struct State {
    history: History,
    /// in force; what was made in code has no entries
    application: Application,
    code: Code,
    /// ids of what was made in code
    made: BTreeSet<EntryId>,
    /// modules that entries may list
    modules: Vec<String>,
    /// in force, as the runtime has them
    resources: Resources,
    /// in a simulation: workers of a host that does not say
    workers: Option<usize>,
}

impl Entries {
    pub fn of(
        application: &Application,
        modules: Vec<String>,
        resources: Resources,
        workers: Option<usize>,
    ) -> Entries {
        let entries = entries_of(application);
        let code = Code::of(application, &Code::default());
        let programs = ProgramTable::default();
        programs.change(|programs, callables| {
            (*programs, *callables) = (code.programs.clone(), code.callables.clone());
        });
        let none = (&Application::default(), &TemplateSets::new());
        let templates = RwLock::new(templates::sets(application, none));
        let history = History::new(entries.clone());
        let made = made_in_code(application, &entries);
        let application = application.clone();
        let state = State { history, application, code, made, modules, resources, workers };
        let (entries, state) = (RwLock::new(entries), Mutex::new(state));
        Entries { programs, templates, entries, state }
    }

    /// The settings of the start.
    pub fn settings(&self) -> Settings {
        self.state().application.settings.clone()
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Puts an application that was loaded anew into the place of the present one.
    /// `upgradable` says of the id of a service whether its process sees to newer code
    /// itself; others are started again.
    ///
    /// # Errors
    /// Invalid: entries changed that cannot change while the application runs.
    pub fn replace(
        &self,
        mut application: Application,
        upgradable: impl Fn(&str) -> bool,
    ) -> Result<Changed, Error> {
        let mut state = self.state();
        application.settings.clone_from(&state.application.settings);
        let entries = shared(&entries_of(&application), &state.history.current().entries);
        state.add_made(&mut application, &entries);
        let changes = registry::delta(&state.history.current().entries, &entries);
        let mut changed = self.install(&mut state, entries.clone(), &changes, application)?;
        if !changes.is_empty() {
            state.history.push(entries);
        }
        changed.version = state.history.current().id;
        // Whoever edits policies wants to see what they do.
        changed.services.append(&mut changed.amended);
        let known: BTreeSet<Arc<str>> =
            changed.services.iter().map(|service| service.id.clone()).collect();
        let Application { services, policies, .. } = &state.application;
        for service in services {
            let (id, process) = (service.id.shared(), service.process.shared());
            if changed.outdated.contains(&process) && !known.contains(&id) && !upgradable(&id) {
                changed.services.push(boot::service(policies, service));
            }
        }
        changed.renewed = changed.outdated.clone();
        Ok(changed)
    }

    /// Builds the application again from other entries.
    fn rebuilt(&self, state: &State, entries: &registry::Entries) -> Result<Application, Error> {
        let old = &state.application;
        let known = &state.history.current().entries;
        let same = |id: &str| {
            let of = |all: &registry::Entries| find(all, id).cloned();
            of(known).is_some_and(|old| of(entries).is_some_and(|new| new.same(&old)))
        };
        let wanted = entries.iter().filter_map(|entry| {
            let (namespace, name) = entry.parts();
            Some(luavisor_config::Entry {
                id: EntryId::new(namespace, name)?,
                kind: entry.kind.to_string(),
                file: "".into(),
                line: 1,
                meta: entry.meta.clone(),
                data: if same(&entry.id) { checked_before(entry) } else { entry.data.clone() },
            })
        });
        let wanted: Vec<_> = wanted.collect();
        let hosts = old.hosts.iter().chain(&old.terminal_hosts).map(|host| host.id.clone());
        let hosts: Vec<EntryId> = hosts.filter(|id| state.made.contains(id)).collect();
        let options = LoadOptions { modules: state.modules.clone(), ..LoadOptions::new("") };
        let compiler = Cache::of(state);
        let mut application = rebuild(&options, old, &wanted, &hosts, &compiler)
            .map_err(|problems| refusal(&problems))?;
        resources::keep(&mut application, old, same);
        state.add_made(&mut application, entries);
        Ok(application)
    }

    /// Puts entries in force, if they may change like this.
    fn install(
        &self,
        state: &mut State,
        entries: registry::Entries,
        changes: &[Change],
        application: Application,
    ) -> Result<Changed, Error> {
        let old_entries = state.history.current().entries.clone();
        if let Some((id, kind)) = changes.iter().find_map(|change| fixed(change, &old_entries)) {
            let text = format!("{id}: a {kind} cannot change while the application runs");
            return Err(Error::invalid(text));
        }
        let code = Code::of(&application, &state.code);
        let outdated = code.outdated(&state.code);
        let before = (&state.application, &state.resources);
        let made = resources::of(&application, state.workers.is_none(), before)?;
        let resources = made.resources.clone();
        let difference = difference::of(&state.application, &application, made, state.workers);
        self.programs.change(|programs, callables| {
            (*programs, *callables) = (code.programs.clone(), code.callables.clone());
        });
        {
            let mut known = self.templates.write().unwrap_or_else(PoisonError::into_inner);
            *known = templates::sets(&application, (&state.application, &known));
        }
        *self.entries.write().unwrap_or_else(PoisonError::into_inner) = entries;
        (state.code, state.application, state.resources) = (code, application, resources);
        Ok(Changed { changes: changes.to_vec(), outdated, ..difference })
    }
}

impl State {
    /// Adds what was made in code, unless it is an entry now.
    fn add_made(&self, application: &mut Application, entries: &registry::Entries) {
        let old = &self.application;
        let stays = |id: &EntryId| self.made.contains(id) && find(entries, id.as_str()).is_none();
        application.processes.extend(old.processes.iter().filter(|p| stays(&p.id)).cloned());
        application.functions.extend(old.functions.iter().filter(|f| stays(&f.id)).cloned());
        application.services.extend(old.services.iter().filter(|s| stays(&s.id)).cloned());
        application.hosts.extend(old.hosts.iter().filter(|h| stays(&h.id)).cloned());
        let terminals = old.terminal_hosts.iter().filter(|host| stays(&host.id));
        application.terminal_hosts.extend(terminals.cloned());
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

    fn template_set(&self, id: &str) -> Option<Arc<TemplateSet>> {
        self.templates.read().unwrap_or_else(PoisonError::into_inner).get(id).cloned()
    }

    fn entries(&self) -> registry::Entries {
        self.entries.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn history(&self) -> Option<History> {
        Some(self.state().history.clone())
    }

    fn change(&self, changes: &[Change]) -> Result<Changed, Error> {
        let mut state = self.state();
        let entries = registry::apply(&state.history.current().entries, changes)?;
        let prefixed = |error: Error| {
            let message = format!("apply changes: {}", error.message).into();
            Error { message, ..error }
        };
        let application = self.rebuilt(&state, &entries).map_err(prefixed)?;
        let changed = self.install(&mut state, entries.clone(), changes, application);
        let mut changed = changed.map_err(prefixed)?;
        changed.version = state.history.push(entries);
        Ok(changed)
    }

    fn go_to(&self, version: u64) -> Result<Changed, Error> {
        let mut state = self.state();
        let wanted =
            state.history.get(version).ok_or_else(|| Error::not_found("version not found"));
        let entries = wanted?.entries.clone();
        let changes = registry::delta(&state.history.current().entries, &entries);
        let application = self.rebuilt(&state, &entries)?;
        let mut changed = self.install(&mut state, entries, &changes, application)?;
        state.history.go_to(version);
        changed.version = version;
        Ok(changed)
    }

    fn has_entry(&self, id: &str) -> bool {
        let entries = self.entries();
        find(&entries, id).is_some() || self.programs.has_entry(id)
    }
}

fn entries_of(application: &Application) -> registry::Entries {
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
    entries.into()
}

/// These entries, with the old ones in the place of those that are the same.
fn shared(entries: &registry::Entries, old: &registry::Entries) -> registry::Entries {
    let known = |entry: &Arc<Entry>| find(old, &entry.id).filter(|known| known.same(entry));
    entries.iter().map(|entry| known(entry).unwrap_or(entry).clone()).collect()
}

/// The configuration of an entry that stays as it is, without the wish that its file or
/// directory exists: that was looked at before.
fn checked_before(entry: &Entry) -> Values {
    let mut data = entry.data.clone();
    let key = match &*entry.kind {
        "fs.directory" => "auto_init",
        "env.storage.file" => "auto_create",
        _ => return data,
    };
    if let Some(table) = data.tables.first_mut() {
        let key = Value::from(key);
        table.hash.retain(|(known, _)| *known != key);
        table.hash.push((key, Value::Boolean(true)));
    }
    data
}

/// Ids of processes, functions, services and hosts that are no entries.
fn made_in_code(application: &Application, entries: &registry::Entries) -> BTreeSet<EntryId> {
    let processes = application.processes.iter().map(|process| &process.id);
    let functions = application.functions.iter().map(|function| &function.id);
    let services = application.services.iter().map(|service| &service.id);
    let hosts = application.hosts.iter().chain(&application.terminal_hosts).map(|host| &host.id);
    let all = processes.chain(functions).chain(services).chain(hosts);
    all.filter(|id| find(entries, id.as_str()).is_none()).cloned().collect()
}

fn find<'a>(entries: &'a registry::Entries, id: &str) -> Option<&'a Arc<Entry>> {
    entries.binary_search_by(|entry| (*entry.id).cmp(id)).ok().map(|at| &entries[at])
}

/// Id and kind of an entry that cannot change while the application runs, if it is one:
/// whose terminal it is was decided at boot.
fn fixed(change: &Change, old: &registry::Entries) -> Option<(Arc<str>, Arc<str>)> {
    let id = change.id();
    let before = find(old, id).map(|entry| &entry.kind);
    let after = match change {
        Change::Create(entry) | Change::Update(entry) => Some(&entry.kind),
        Change::Delete(_) => None,
    };
    let kind = before.into_iter().chain(after).find(|kind| ***kind == *"terminal.host")?;
    Some((id.clone(), kind.clone()))
}

/// Invalid, with `details = {count, summary, errors = [{id, message, line}]}`.
fn refusal(problems: &[EntryProblem]) -> Error {
    let summary = problems.first().map_or_else(String::new, |problem| {
        let line = problem.line.map(|line| format!(":{line}")).unwrap_or_default();
        format!("{}{line}: {}", problem.id, problem.message)
    });
    let more = match problems.len() {
        0 | 1 => String::new(),
        count => format!(" (and {} more)", count - 1),
    };
    let mut tables = vec![Table::default(), Table::default()];
    for problem in problems {
        let mut hash = vec![
            ("id".into(), Value::from(&*problem.id)),
            ("message".into(), Value::from(problem.message.as_str())),
        ];
        hash.extend(problem.line.map(|line| ("line".into(), Value::Number(line.into()))));
        let table = Value::Table(tables.len() as u32);
        tables[1].array.push(table);
        tables.push(Table { array: Vec::new(), hash });
    }
    tables[0].hash = vec![
        ("count".into(), Value::Number(problems.len() as f64)),
        ("summary".into(), Value::from(format!("{summary}{more}").as_str())),
        ("errors".into(), Value::Table(1)),
    ];
    let details = Values { items: [Value::Table(0)].into_iter().collect(), tables };
    Error::new(Kind::INVALID, format!("{summary}{more}")).details(details)
}

/// Compiles what has changed, and reads what has changed of templates.
struct Cache<'s> {
    /// source and code by id
    chunks: HashMap<String, (String, Arc<Chunk>)>,
    template_sets: &'s [TemplateSetDefinition],
}

impl Cache<'_> {
    fn of(state: &State) -> Cache<'_> {
        let application = &state.application;
        let checks = application.checks.iter().map(|check| &check.process.unit);
        let processes = application.processes.iter().map(|process| &process.unit);
        let functions = application.functions.iter().map(|function| &function.unit);
        let units = application.libraries.iter().chain(checks).chain(processes).chain(functions);
        let entries = &state.history.current().entries;
        let known = units.filter_map(|unit| {
            let id = unit.id.as_str();
            let at = entries.binary_search_by(|entry| (*entry.id).cmp(id)).ok()?;
            let data = &entries[at].data;
            let Value::String(source) = data.field(data.first(), "source")? else { return None };
            let source = String::from_utf8_lossy(source).into_owned();
            Some((id.to_owned(), (source, unit.chunk.clone())))
        });
        Cache { chunks: known.collect(), template_sets: &application.template_sets }
    }
}

impl ChunkCompiler for Cache<'_> {
    type Chunk = Chunk;

    fn compile(&self, name: &str, source: &str) -> Result<Arc<Chunk>, CompileError> {
        match self.chunks.get(name) {
            Some((known, chunk)) if known == source => Ok(chunk.clone()),
            _ => LuauCompiler.compile(name, source),
        }
    }

    fn template(
        &self,
        set: &TemplateOptions,
        name: &str,
        source: &str,
    ) -> Result<(), TemplateFault> {
        let same = |text: &Arc<str>| **text == *source;
        let known = self
            .template_sets
            .iter()
            .any(|known| known.options == *set && known.templates.get(name).is_some_and(same));
        if known { Ok(()) } else { LuauCompiler.template(set, name, source) }
    }
}
