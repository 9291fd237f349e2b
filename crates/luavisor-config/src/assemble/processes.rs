//! `process.lua` and `function.lua` entries, and commands.

use std::collections::HashMap;
use std::sync::Arc;

use luavisor_core::Values;

use crate::application::{Command, FunctionDefinition, Pool, PoolKind, ProcessDefinition, Unit};
use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::kinds;
use crate::lifecycle::Lifecycle;
use crate::read;
use crate::source::Span;
use crate::yaml::Node;

use super::hosts;
use super::lifecycles::set;
use super::names::HOSTS;

/// What a process entry says besides its code.
pub(super) struct Process {
    method: String,
    limits: crate::application::ProcessLimits,
    pub host: Option<EntryId>,
    pub input: Values,
    default_host: Option<EntryId>,
}

impl Process {
    /// Reads a `process.lua` entry.
    pub fn read(problems: &mut Problems, entries: &RawEntries, entry: &RawEntry) -> Process {
        let host = |problems: &mut Problems, node: Option<&Node>| {
            let target = entries.target(problems, entry, node?, HOSTS, "host")?;
            Some(target.id.clone())
        };
        let options = entry.data.get("options").filter(|node| read::map(problems, node).is_some());
        let default_host = options.and_then(|options| options.get("default_host"));
        let mut method = "main".to_owned();
        // An empty method means `main`.
        let named = entry.data.get("method").filter(|node| node.as_text() != Some(""));
        if let Some(text) = named.and_then(|node| read::text(problems, node)) {
            method = text.to_owned();
        }
        Process {
            method,
            limits: hosts::process_limits(problems, entry),
            host: host(problems, entry.data.get("host")),
            input: input(problems, entry),
            default_host: host(problems, entry.meta.get("default_host").or(default_host)),
        }
    }

    /// The definition, once the code is there.
    pub fn define<T>(
        self,
        entry: &RawEntry,
        unit: Arc<Unit<T>>,
        host: Option<EntryId>,
        lifecycle: Option<Lifecycle>,
    ) -> ProcessDefinition<T> {
        ProcessDefinition {
            id: entry.id.clone(),
            unit,
            method: self.method,
            limits: self.limits,
            meta: read::table(entry.meta.fields().unwrap_or_default()),
            host,
            input: self.input,
            lifecycle,
            default_host: self.default_host,
        }
    }
}

/// The `input` of an entry.
pub(super) fn input(problems: &mut Problems, entry: &RawEntry) -> Values {
    match entry.data.get("input") {
        Some(node) => read::arguments(problems, node),
        None => Values::none(),
    }
}

/// Reads a `function.lua` entry.
pub(super) fn function<T>(
    problems: &mut Problems,
    entry: &RawEntry,
    unit: Option<Arc<Unit<T>>>,
) -> Option<FunctionDefinition<T>> {
    let method = match entry.data.get("method").filter(|node| node.as_text() != Some("")) {
        Some(node) => read::text(problems, node),
        None => {
            problems.error(entry.name_span, "method is required");
            None
        }
    };
    let pool = pool(problems, entry);
    Some(FunctionDefinition {
        id: entry.id.clone(),
        unit: unit?,
        method: method?.to_owned(),
        meta: read::table(entry.meta.fields().unwrap_or_default()),
        pool,
    })
}

fn pool(problems: &mut Problems, entry: &RawEntry) -> Pool {
    let (mut size, mut workers, mut max_size) = (0, 0, 0);
    let mut warm_start = false;
    let mut kind = None;
    let mut buffer = None;
    let p = problems;
    let node = entry.data.get("pool").filter(|node| read::map(p, node).is_some());
    if let Some(node) = node {
        let kinds = [
            ("inline", PoolKind::Inline),
            ("lazy", PoolKind::Lazy),
            ("static", PoolKind::Static),
            ("adaptive", PoolKind::Adaptive),
        ];
        let choice =
            |p: &mut Problems, node: &Node| read::choice(p, node, &kinds).map(Option::Some);
        set(p, node, "type", choice, &mut kind);
        set(p, node, "size", read::count, &mut size);
        set(p, node, "workers", read::count, &mut workers);
        set(p, node, "max_size", read::count, &mut max_size);
        set(p, node, "buffer", |p, node| read::count(p, node).map(Option::Some), &mut buffer);
        set(p, node, "warm_start", read::boolean, &mut warm_start);
        let flex = !matches!(kind, Some(PoolKind::Static));
        if size == 0 && (workers > 0 || !flex) {
            let pools = if workers > 0 { "worker" } else { "non-flex" };
            let message = format!("pool.size must be greater than 0 for {pools} pools");
            p.error(node.field("type").map_or(node.span, |field| field.value.span), message);
        }
    }
    let fixed = workers > 0 || (size > 0 && max_size == 0);
    Pool {
        kind: kind.unwrap_or(if fixed { PoolKind::Static } else { PoolKind::Lazy }),
        size,
        workers,
        buffer: buffer.unwrap_or(workers.saturating_mul(64)),
        max_size: if max_size == 0 { 16 } else { max_size },
        warm_start,
    }
}

/// Collects the commands of all processes.
#[derive(Default)]
pub(super) struct Commands {
    list: Vec<Command>,
    places: HashMap<String, Span>,
}

impl Commands {
    /// Reads `meta.command` of an entry.
    pub fn read(&mut self, problems: &mut Problems, entry: &RawEntry) {
        let Some(node) = entry.meta.get("command") else { return };
        let kind = kinds::kind(entry.kind_name());
        if kind.is_none_or(|kind| kind.keys.is_none()) {
            return;
        }
        if entry.kind_name() != "process.lua" {
            let message = "only a process.lua can be a command";
            problems.push(Problem::new(Level::Strict, node.span, message));
            return;
        }
        if read::map(problems, node).is_none() {
            return;
        }
        let name_node = node.get("name");
        if name_node.is_none() {
            problems.error(node.span, "a command needs a name");
        }
        let named = name_node.and_then(|node| Some((node.span, read::text(problems, node)?)));
        let (mut short, mut main) = (String::new(), false);
        let text = |p: &mut Problems, node: &Node| read::text(p, node).map(Into::into);
        set(problems, node, "short", text, &mut short);
        set(problems, node, "main", read::boolean, &mut main);
        let Some((span, name)) = named else { return };
        if let Some(first) = self.places.insert(name.to_owned(), span) {
            let problem = Problem::error(span, format!("duplicate command \"{name}\""));
            problems.push(problem.note(first, "the same command is defined here"));
            return;
        }
        self.list.push(Command { name: name.to_owned(), short, main, process: entry.id.clone() });
    }

    /// The commands, sorted by name.
    pub fn finish(mut self) -> Vec<Command> {
        self.list.sort_by(|a, b| a.name.cmp(&b.name));
        self.list
    }
}
