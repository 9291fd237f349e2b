//! From raw entries to the application.
//!
//! 1. kinds and unknown keys;
//! 2. code: compile, modules, imports;
//! 3. lifecycles, hosts, processes, functions, commands;
//! 4. services with their hosts;
//! 5. dependencies, cycles, start levels.

mod code;
mod environment;
mod hosts;
mod lifecycles;
mod names;
mod order;
mod processes;
mod security;
mod stores;
mod supervisors;
mod templates;
mod testing;
mod volumes;

use std::collections::HashMap;
use std::sync::Arc;

use crate::application::{Application, CheckDefinition, Entry, ServiceDefinition};
use crate::compiler::ChunkCompiler;
use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::kinds;
use crate::lifecycle::Lifecycle;
use crate::options::LoadOptions;
use crate::read;
use crate::schema;
use crate::settings::Settings;
use crate::source::Sources;
use crate::suggest;

use environment::Environment;
use hosts::DefaultHost;
use order::Order;
use processes::{Commands, Process};
use templates::Templates;
use testing::Test;

/// Checks everything and resolves all names.
pub(crate) fn application<C: ChunkCompiler>(
    options: &LoadOptions,
    sources: &Sources,
    problems: &mut Problems,
    settings: Settings,
    entries: &RawEntries,
    compiler: &C,
) -> Application<C::Chunk> {
    for entry in &entries.list {
        check_kind(options, problems, entry);
    }
    let mut units = code::units(options, sources, problems, entries, compiler);
    let known = security::Known::of(entries);
    let lifecycles: Vec<Lifecycle> =
        entries.list.iter().map(|entry| lifecycles::read(problems, &known, entry)).collect();
    let default_host = DefaultHost::of(entries);
    let mut commands = Commands::default();
    let mut environment = Environment::default();
    let mut templates = Templates::default();
    let directory = options.directory();
    let (project, folder) = (directory.clone(), entries.source_root.clone());
    let mut app = Application { settings, project, sources: folder, ..Application::default() };
    let mut hosts_of = HashMap::new();
    let mut pending = Vec::new();
    for (at, entry) in entries.list.iter().enumerate() {
        commands.read(problems, entry);
        let test = Test::read(problems, sources, entry);
        let lifecycle = &lifecycles[at];
        match entry.kind_name() {
            "process.host" => app.hosts.push(hosts::read(problems, entry, lifecycle.clone())),
            "terminal.host" => {
                app.terminal_hosts.push(hosts::read(problems, entry, lifecycle.clone()));
            }
            "library.lua" => app.libraries.extend(units.remove(&at)),
            "function.lua" => {
                let function = processes::function(problems, entry, units.remove(&at));
                let tests = test.zip(function.as_ref());
                app.tests.extend(tests.map(|(test, function)| test.function(function)));
                app.functions.extend(function.map(Arc::new));
            }
            "process.lua" => {
                let process = Process::read(problems, entries, entry);
                let service = entry.is_service().then(|| lifecycle.clone());
                let mut host = process.host.clone();
                if let Some(lifecycle) = &service
                    && (host.is_some() || entry.data.get("host").is_none())
                {
                    host = host.or_else(|| default_host.host(problems, entries, entry, None));
                    if let Some(host) = &host {
                        hosts_of.insert(at, host.clone());
                        let id = entry.id.clone();
                        let input = process.input.clone();
                        pending.push(service_of(id.clone(), id, host, input, lifecycle));
                    }
                }
                if let Some(unit) = units.remove(&at) {
                    let process = Arc::new(process.define(entry, unit, host, service));
                    app.tests.extend(test.map(|test| test.process(process.clone())));
                    app.processes.push(process);
                }
            }
            "process.service" => {
                let process = service_process(problems, entries, entry);
                let input = processes::input(problems, entry);
                if process.is_none() && entry.data.get("host").is_none() {
                    // The process might have named one, so nothing is missing yet.
                    continue;
                }
                let named = process.and_then(|process| {
                    process.data.get("host").and_then(|node| code::named(process, node))
                });
                let fallback = named.filter(|id| entries.get(id).is_some());
                let host = default_host.host(problems, entries, entry, fallback.as_ref());
                let (Some(process), Some(host)) = (process, host) else { continue };
                hosts_of.insert(at, host.clone());
                let (id, process) = (entry.id.clone(), process.id.clone());
                pending.push(service_of(id, process, &host, input, lifecycle));
            }
            "sim.check" => {
                let process = Process::read(problems, entries, entry);
                let choices = [("end", false), ("always", true)];
                let mut always = false;
                let choose = |p: &mut Problems, node: &_| read::choice(p, node, &choices);
                lifecycles::set(problems, &entry.data, "when", choose, &mut always);
                if let Some(unit) = units.remove(&at) {
                    let process = Arc::new(process.define(entry, unit, None, None));
                    app.checks.push(CheckDefinition { process, always });
                }
            }
            supervisors::SUPERVISOR => {
                let mut host = entry.data.get("host").and_then(|node| {
                    let target = entries.target(problems, entry, node, names::HOSTS, "host")?;
                    Some(target.id.clone())
                });
                if entry.is_service() && entry.data.get("host").is_none() {
                    host = default_host.host(problems, entries, entry, None);
                    hosts_of.extend(host.clone().map(|host| (at, host)));
                }
                let supervisor = supervisors::read(problems, entries, entry, lifecycle, host);
                app.supervisors.push(supervisor);
            }
            security::POLICY | security::EXPRESSION => {
                security::read(problems, entry, &mut app.policies);
            }
            stores::MEMORY | stores::SQL => {
                app.stores.extend(stores::store(problems, entries, entry, lifecycle));
            }
            stores::TOKENS => {
                app.token_stores.extend(stores::tokens(problems, entries, entry));
            }
            stores::SQLITE => {
                let database = stores::database(problems, entry, lifecycle, &directory);
                app.databases.extend(database);
            }
            templates::SET => templates.set(problems, entry),
            templates::JINJA => templates.template(problems, entries, entry),
            templates::JET => {
                let text = "template.jet is not supported, but template.jinja is";
                problems.error(entry.name_span, text);
            }
            volumes::DIRECTORY => {
                let sources = &entries.source_root;
                let volume = volumes::volume(problems, entry, lifecycle, &directory, sources);
                app.volumes.extend(volume);
            }
            volumes::EMBEDDED => {
                let text = "fs.embed needs files that are packed into the executable, \
                            and this one has none";
                problems.error(entry.name_span, text);
            }
            _ => environment.read(problems, entries, entry, &directory),
        }
    }
    supervisors::check(problems, entries, &mut app.supervisors);
    environment.check(problems, entries);
    app.template_sets = templates.finish(problems, sources, compiler);
    app.storages = environment.storages;
    app.variables = environment.variables;
    let order = Order::of(problems, entries, &lifecycles, &hosts_of);
    for service in &mut pending {
        service.dependencies = order.dependencies(entries, &service.id);
    }
    for host in app.hosts.iter_mut().chain(&mut app.terminal_hosts) {
        host.dependencies = order.dependencies(entries, &host.id);
    }
    for supervisor in &mut app.supervisors {
        supervisor.dependencies = order.dependencies(entries, &supervisor.id);
    }
    for store in &mut app.stores {
        store.dependencies = order.dependencies(entries, &store.id);
    }
    for database in &mut app.databases {
        database.dependencies = order.dependencies(entries, &database.id);
    }
    for volume in &mut app.volumes {
        volume.dependencies = order.dependencies(entries, &volume.id);
    }
    app.services = pending;
    app.commands = commands.finish();
    app.start_levels = order.start_levels(entries, &lifecycles);
    app.entries = registry(sources, entries);
    app.ignored_files.clone_from(&entries.ignored_files);
    app
}

fn check_kind(options: &LoadOptions, problems: &mut Problems, entry: &RawEntry) {
    let Some((name, span)) = &entry.kind else { return };
    match kinds::kind(name) {
        None => {
            let level = if options.skip_unknown_kinds { Level::Warning } else { Level::Error };
            let problem = Problem::new(level, *span, format!("unknown kind \"{name}\""));
            problems.push(problem.hint(suggest::hint(name, kinds::names())));
        }
        Some(kind) => {
            let Some(keys) = kind.keys else { return };
            if entry.data.fields().is_none() {
                let _: Option<()> = read::expected(problems, &entry.data, "a map");
            }
            schema::unknown_keys(problems, &entry.data, keys, name);
        }
    }
}

/// The process that a `process.service` names.
fn service_process<'a>(
    problems: &mut Problems,
    entries: &'a RawEntries,
    entry: &RawEntry,
) -> Option<&'a RawEntry> {
    match entry.data.get("process") {
        Some(node) => entries.target(problems, entry, node, &["process.lua"], "process"),
        None => {
            problems.error(entry.name_span, "process is required");
            None
        }
    }
}

fn service_of(
    id: EntryId,
    process: EntryId,
    host: &EntryId,
    input: luavisor_core::Values,
    lifecycle: &Lifecycle,
) -> ServiceDefinition {
    let (host, lifecycle) = (host.clone(), lifecycle.clone());
    ServiceDefinition { id, process, host, input, lifecycle, dependencies: Vec::new() }
}

/// All entries as data, sorted by id.
fn registry(sources: &Sources, entries: &RawEntries) -> Vec<Entry> {
    let record = |entry: &RawEntry| {
        let source = sources.get(entry.name_span.file);
        Entry {
            id: entry.id.clone(),
            kind: entry.kind_name().to_owned(),
            file: source.name.clone(),
            line: source.position(entry.name_span.start).line,
            meta: read::table(entry.meta.fields().unwrap_or_default()),
            data: read::table(entry.data.fields().unwrap_or_default()),
        }
    };
    let mut records: Vec<Entry> = entries.list.iter().map(record).collect();
    records.sort_by(|a, b| a.id.cmp(&b.id));
    records
}
