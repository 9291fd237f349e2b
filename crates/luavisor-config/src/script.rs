//! A single `.lua` file as an application: one process, an implicit terminal
//! host `app:terminal` to run it and an implicit `process.host` `app:processes`
//! for what it spawns. All modules are allowed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use luavisor_core::Values;

use crate::application::{
    Application, Entry, HostDefinition, HostLimits, ProcessDefinition, ProcessLimits, Unit,
};
use crate::compiler::ChunkCompiler;
use crate::diagnostic::{Problem, Problems};
use crate::files;
use crate::id::EntryId;
use crate::lifecycle::Lifecycle;
use crate::read;
use crate::settings::Settings;
use crate::source::Sources;

/// The application of one Lua file; empty if it does not compile.
pub(crate) fn application<C: ChunkCompiler>(
    path: &Path,
    settings: Settings,
    sources: &mut Sources,
    problems: &mut Problems,
    compiler: &C,
) -> Application<C::Chunk> {
    let mut app = Application { settings, ..Application::default() };
    let Some(file) = files::open(sources, problems, path) else { return app };
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    let ids = (
        EntryId::new("app", &stem),
        EntryId::new("app", "processes"),
        EntryId::new("app", "terminal"),
    );
    let (Some(id), Some(processes), Some(terminal)) = ids else {
        let message = "the name of the file cannot be an entry's name";
        problems.push(Problem::file(files::name(path), message));
        return app;
    };
    let source = sources.get(file);
    // A line for the shell becomes a comment; positions stay the same.
    let text = match source.text.strip_prefix("#!") {
        Some(rest) => format!("--{rest}").into(),
        None => source.text.clone(),
    };
    let chunk = match compiler.compile(id.as_str(), &text) {
        Ok(chunk) => chunk,
        Err(error) => {
            problems.error(sources.word(file, error.line, error.column), error.message);
            return app;
        }
    };
    let unit = Unit {
        id: id.clone(),
        source_name: source.name.clone(),
        chunk,
        modules: None,
        imports: BTreeMap::new(),
    };
    app.processes.push(Arc::new(ProcessDefinition {
        id: id.clone(),
        unit: Arc::new(unit),
        method: "main".into(),
        limits: ProcessLimits::default(),
        meta: read::table(&[]),
        host: None,
        input: Values::none(),
        lifecycle: None,
        default_host: None,
    }));
    app.hosts.push(host(&processes, None));
    app.terminal_hosts.push(host(&terminal, Some(1)));
    let kinds = [(&id, "process.lua"), (&processes, "process.host"), (&terminal, "terminal.host")];
    app.entries = kinds
        .into_iter()
        .map(|(id, kind)| Entry {
            id: id.clone(),
            kind: kind.into(),
            file: source.name.clone(),
            line: 1,
            meta: read::table(&[]),
            data: read::table(&[]),
        })
        .collect();
    app.entries.sort_by(|a, b| a.id.cmp(&b.id));
    app.start_levels = vec![vec![processes, terminal]];
    app.script = Some(id);
    app
}

fn host(id: &EntryId, workers: Option<u32>) -> HostDefinition {
    HostDefinition {
        id: id.clone(),
        workers,
        slice: Duration::from_millis(5),
        max_processes: None,
        unpreemptible: Duration::from_secs(1),
        limits: HostLimits::default(),
        hide_logs: false,
        lifecycle: Lifecycle { auto_start: true, ..Lifecycle::default() },
        dependencies: Vec::new(),
    }
}
