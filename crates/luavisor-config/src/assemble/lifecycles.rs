//! Reading the `lifecycle` of an entry.

use std::time::Duration;

use luavisor_core::restart::{OnExhausted, Policy, RestartRule};

use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::kinds::{self, Support};
use crate::lifecycle::{Lifecycle, Startup};
use crate::read;
use crate::yaml::Node;

use super::names::not_supported;
use super::security::{self, Known};

/// The lifecycle of an entry; the default if it has none.
pub(super) fn read(problems: &mut Problems, known: &Known<'_>, entry: &RawEntry) -> Lifecycle {
    let entries = known.entries;
    let mut lifecycle = Lifecycle::default();
    // In data without behaviour the word means what its author wants.
    if !kinds::kind(entry.kind_name()).is_some_and(kinds::Kind::has_lifecycle) {
        return lifecycle;
    }
    let Some(node) = entry.data.get("lifecycle") else { return lifecycle };
    if read::map(problems, node).is_none() {
        return lifecycle;
    }
    let p = problems;
    set(p, node, "auto_start", read::boolean, &mut lifecycle.auto_start);
    set(p, node, "ready", read::boolean, &mut lifecycle.ready);
    set(p, node, "start_timeout", positive, &mut lifecycle.start_timeout);
    set(p, node, "stop_timeout", read::duration, &mut lifecycle.stop_timeout);
    let startup = [("required", Startup::Required), ("optional", Startup::Optional)];
    set(p, node, "startup", |p, node| read::choice(p, node, &startup), &mut lifecycle.startup);
    set(p, node, "stable_threshold", read::duration, &mut lifecycle.restart.stable_threshold);
    if let Some(node) = node.get("restart")
        && read::map(p, node).is_some()
    {
        restart(p, node, &mut lifecycle.restart);
    }
    for key in ["requires", "depends_on"] {
        let Some(node) = node.get(key) else { continue };
        for id in required(p, entries, entry, node) {
            if !lifecycle.requires.contains(&id) {
                lifecycle.requires.push(id);
            }
        }
    }
    lifecycle.security =
        node.get("security").and_then(|node| security::of_lifecycle(p, known, entry, node));
    if lifecycle.auto_start
        && let Some(kind) = kinds::kind(entry.kind_name())
        && kind.support == Support::Later
        && let Some(field) = node.field("auto_start")
    {
        let message = format!(
            "kind \"{}\" is not supported yet, so \"{}\" does not start",
            kind.name, entry.id
        );
        p.push(Problem::new(Level::Strict, field.key_span, message));
    }
    lifecycle
}

/// Reads a key into `place`, which keeps its default if it is absent or wrong.
pub(super) fn set<T>(
    problems: &mut Problems,
    node: &Node,
    key: &str,
    read: impl FnOnce(&mut Problems, &Node) -> Option<T>,
    place: &mut T,
) {
    if let Some(value) = node.get(key).and_then(|node| read(problems, node)) {
        *place = value;
    }
}

/// A duration above zero.
pub(super) fn positive(problems: &mut Problems, node: &Node) -> Option<Duration> {
    let duration = read::duration(problems, node)?;
    if duration.is_zero() {
        return read::expected(problems, node, "a duration above zero");
    }
    Some(duration)
}

fn restart(problems: &mut Problems, node: &Node, rule: &mut RestartRule) {
    let policies = [
        ("on_failure", Policy::OnFailure),
        ("permanent", Policy::Permanent),
        ("never", Policy::Never),
    ];
    let exhausted = [("ignore", OnExhausted::Ignore), ("shutdown", OnExhausted::Shutdown)];
    let p = problems;
    set(p, node, "policy", |p, node| read::choice(p, node, &policies), &mut rule.policy);
    set(p, node, "initial_delay", read::duration, &mut rule.initial_delay);
    set(p, node, "max_delay", read::duration, &mut rule.max_delay);
    let factor = |p: &mut Problems, node: &Node| read::number(p, node, 1.0, f64::INFINITY);
    set(p, node, "backoff_factor", factor, &mut rule.backoff_factor);
    set(p, node, "jitter", |p, node| read::number(p, node, 0.0, 1.0), &mut rule.jitter);
    set(p, node, "max_attempts", read::count, &mut rule.max_attempts);
    set(p, node, "on_exhausted", |p, node| read::choice(p, node, &exhausted), {
        &mut rule.on_exhausted
    });
}

/// Services that must be up first. What this version does not run is reported
/// and left out: waiting for it would be waiting for ever.
fn required(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
    node: &Node,
) -> Vec<EntryId> {
    let mut ids = Vec::new();
    for node in read::list(problems, node).unwrap_or_default() {
        let Some(target) = entries.target(problems, entry, node, &[], "service") else { continue };
        match kinds::kind(target.kind_name()) {
            Some(kind) if kind.support == Support::Later => {
                problems.push(not_supported(node, kind.name));
            }
            Some(kind) if kind.support == Support::Now && !target.is_service() => {
                let why = if kind.name == "process.lua" { ": it has no lifecycle" } else { "" };
                let message = format!("\"{}\" is not a service{why}", target.id);
                problems.push(Problem::new(Level::Strict, node.span, message));
            }
            _ => ids.push(target.id.clone()),
        }
    }
    ids
}
