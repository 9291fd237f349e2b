//! `process.supervisor` entries.

use std::collections::{HashMap, HashSet};
use std::time::Duration;

use luavisor_core::Values;
use luavisor_core::supervision::{
    AutoShutdown, ChildRule, DynamicRule, Restart, Rules, Shutdown, Strategy,
};

use crate::application::{ChildDefinition, DynamicDefinition, SupervisorDefinition};
use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::{RawEntries, RawEntry};
use crate::id::EntryId;
use crate::lifecycle::Lifecycle;
use crate::read;
use crate::units;
use crate::yaml::Node;

use super::lifecycles::{positive, set};
use super::names::HOSTS;

/// What a child may run.
const CHILDREN: &[&str] = &["process.lua", "process.supervisor"];

/// The kind itself.
pub(super) const SUPERVISOR: &str = "process.supervisor";

/// More would be a slip of the finger.
const MOST_CHILDREN: u32 = 1_000_000;

/// Reads an entry; what is wrong in it is reported and left out.
pub(super) fn read(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
    lifecycle: &Lifecycle,
    host: Option<EntryId>,
) -> SupervisorDefinition {
    let p = problems;
    let data = &entry.data;
    let mut rules = Rules::default();
    let strategies = [
        ("one_for_one", Strategy::OneForOne),
        ("one_for_all", Strategy::OneForAll),
        ("rest_for_one", Strategy::RestForOne),
    ];
    let ends = [
        ("never", AutoShutdown::Never),
        ("any_significant", AutoShutdown::AnySignificant),
        ("all_significant", AutoShutdown::AllSignificant),
    ];
    set(p, data, "strategy", |p, node| read::choice(p, node, &strategies), &mut rules.strategy);
    set(p, data, "auto_shutdown", |p, node| read::choice(p, node, &ends), &mut rules.auto_shutdown);
    if let Some(node) = map_at(p, data, "intensity") {
        set(p, node, "restarts", read::count, &mut rules.intensity.restarts);
        set(p, node, "period", positive, &mut rules.intensity.period);
    }
    if let Some(node) = map_at(p, data, "backoff") {
        let backoff = &mut rules.backoff;
        let factor = |p: &mut Problems, node: &Node| read::number(p, node, 1.0, f64::INFINITY);
        set(p, node, "initial_delay", read::duration, &mut backoff.initial_delay);
        set(p, node, "max_delay", read::duration, &mut backoff.max_delay);
        set(p, node, "factor", factor, &mut backoff.factor);
        set(p, node, "jitter", |p, node| read::number(p, node, 0.0, 1.0), &mut backoff.jitter);
    }
    let listed = data.get("children").and_then(|node| read::list(p, node)).unwrap_or_default();
    let mut children = Vec::new();
    for node in listed {
        if read::map(p, node).is_some() {
            children.extend(child(p, entries, entry, node, &rules));
        }
    }
    unique_names(p, listed, &children);
    let dynamic = map_at(p, data, "dynamic").and_then(|node| dynamic(p, entries, entry, node));
    let mut lifecycle = entry.is_service().then(|| lifecycle.clone());
    if let Some(lifecycle) = &mut lifecycle {
        // It is up when its children are; how long these may take to start and to stop
        // is said with them.
        lifecycle.ready = true;
        let said = |key| data.get("lifecycle").is_some_and(|node| node.get(key).is_some());
        if !said("start_timeout") {
            lifecycle.start_timeout = Duration::MAX;
        }
        if !said("stop_timeout") {
            lifecycle.stop_timeout = Duration::MAX;
        }
    }
    let id = entry.id.clone();
    SupervisorDefinition { id, host, rules, children, dynamic, lifecycle, dependencies: Vec::new() }
}

fn map_at<'a>(problems: &mut Problems, node: &'a Node, key: &str) -> Option<&'a Node> {
    node.get(key).filter(|node| read::map(problems, node).is_some())
}

fn child(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
    node: &Node,
    rules: &Rules,
) -> Option<ChildDefinition> {
    let p = problems;
    let named = node.get("name");
    if named.is_none() {
        p.error(node.span, "a child needs a name");
    }
    let name = named.and_then(|node| read::text(p, node));
    let target = target(p, entries, entry, node);
    let host = node.get("host").and_then(|node| entries.target(p, entry, node, HOSTS, "host"));
    let mut rule = ChildRule::new(name.unwrap_or_default());
    let supervisor = target.is_some_and(|target| target.kind_name() == SUPERVISOR);
    if supervisor {
        (rule.shutdown, rule.ready, rule.start_timeout) = (Shutdown::Infinity, true, None);
    }
    set(p, node, "restart", restart, &mut rule.restart);
    set(p, node, "shutdown", shutdown, &mut rule.shutdown);
    set(p, node, "ready", read::boolean, &mut rule.ready);
    set(p, node, "start_timeout", |p, node| positive(p, node).map(Some), &mut rule.start_timeout);
    set(p, node, "significant", read::boolean, &mut rule.significant);
    set(p, node, "count", |p, node| count(p, node).map(Some), &mut rule.count);
    if rule.significant
        && let Some(field) = node.field("significant")
    {
        if rule.restart == Restart::Permanent {
            p.error(
                field.value.span,
                "a permanent child is always restarted, so it cannot be significant",
            );
        } else if rules.auto_shutdown == AutoShutdown::Never {
            let message = "significant needs auto_shutdown: any_significant or all_significant";
            p.error(field.value.span, message);
        }
    }
    let input = match node.get("input") {
        Some(node) if supervisor => {
            p.error(node.span, "a supervisor takes no input");
            Values::none()
        }
        Some(node) => read::arguments(p, node),
        None => Values::none(),
    };
    let host = host.map(|host| host.id.clone());
    let (target, _) = (target?.id.clone(), name?);
    Some(ChildDefinition { rule, target, supervisor, host, input })
}

fn dynamic(
    problems: &mut Problems,
    entries: &RawEntries,
    entry: &RawEntry,
    node: &Node,
) -> Option<DynamicDefinition> {
    let p = problems;
    let target = target(p, entries, entry, node);
    let supervisor = target.is_some_and(|target| target.kind_name() == SUPERVISOR);
    let mut rule = DynamicRule {
        name: target.map_or("", |target| target.id.name()).into(),
        max_children: u32::MAX,
        restart: Restart::Permanent,
        shutdown: match supervisor {
            true => Shutdown::Infinity,
            false => Shutdown::Deadline(Duration::from_secs(5)),
        },
    };
    set(p, node, "max_children", read::count, &mut rule.max_children);
    set(p, node, "restart", restart, &mut rule.restart);
    set(p, node, "shutdown", shutdown, &mut rule.shutdown);
    Some(DynamicDefinition { rule, target: target?.id.clone(), supervisor })
}

/// What the `process` of a child names.
fn target<'a>(
    problems: &mut Problems,
    entries: &'a RawEntries,
    entry: &RawEntry,
    node: &Node,
) -> Option<&'a RawEntry> {
    match node.get("process") {
        Some(node) => entries.target(problems, entry, node, CHILDREN, "process"),
        None => {
            problems.error(node.span, "process is required");
            None
        }
    }
}

fn restart(problems: &mut Problems, node: &Node) -> Option<Restart> {
    let types = [
        ("permanent", Restart::Permanent),
        ("transient", Restart::Transient),
        ("temporary", Restart::Temporary),
    ];
    read::choice(problems, node, &types)
}

fn shutdown(problems: &mut Problems, node: &Node) -> Option<Shutdown> {
    match node.as_text() {
        Some("kill") => Some(Shutdown::Kill),
        Some("infinity") => Some(Shutdown::Infinity),
        text if text.and_then(units::duration).is_some() => {
            text.and_then(units::duration).map(Shutdown::Deadline)
        }
        _ => read::expected(problems, node, "a duration such as 5s, kill or infinity"),
    }
}

fn count(problems: &mut Problems, node: &Node) -> Option<u32> {
    let what = "a whole number from 1 to 1000000";
    let count = read::count(problems, node)?;
    match count {
        1..=MOST_CHILDREN => Some(count),
        _ => read::expected(problems, node, what),
    }
}

/// Names are unique, those of the members of groups included.
fn unique_names(problems: &mut Problems, listed: &[Node], children: &[ChildDefinition]) {
    let groups: HashMap<&str, u32> =
        children.iter().filter_map(|child| Some((&*child.rule.name, child.rule.count?))).collect();
    let mut seen = HashMap::new();
    for node in listed {
        let Some(field) = node.field("name") else { continue };
        let Some(name) = field.value.as_text() else { continue };
        let member = name.rsplit_once('.').is_some_and(|(group, index)| {
            let count = groups.get(group).copied().unwrap_or_default();
            index.parse::<u32>().is_ok_and(|index| {
                index.to_string().len() == name.len() - group.len() - 1
                    && (1..=count).contains(&index)
            })
        });
        if let Some(first) = seen.insert(name.to_owned(), field.value.span) {
            let problem = Problem::error(field.value.span, format!("duplicate child \"{name}\""));
            problems.push(problem.note(first, "the same name is given here"));
        } else if member {
            let message = format!("child \"{name}\" has the name of a member of a group");
            problems.error(field.value.span, message);
        }
    }
}

/// Checks what only all supervisors together show.
pub(super) fn check(
    problems: &mut Problems,
    entries: &RawEntries,
    supervisors: &mut [SupervisorDefinition],
) {
    let by_id: HashMap<EntryId, usize> =
        supervisors.iter().enumerate().map(|(at, each)| (each.id.clone(), at)).collect();
    let mut parents: HashMap<EntryId, EntryId> = HashMap::new();
    for supervisor in supervisors.iter() {
        for child in nested(supervisor) {
            parents.entry(child.clone()).or_insert_with(|| supervisor.id.clone());
        }
    }
    let mut done = HashSet::new();
    for at in 0..supervisors.len() {
        cut_circles(problems, entries, supervisors, &by_id, at, &mut vec![at], &mut done);
    }
    for supervisor in supervisors.iter() {
        let Some(entry) = entries.get(&supervisor.id) else { continue };
        match (parents.get(&supervisor.id), entry.data.field("lifecycle")) {
            (Some(parent), Some(field)) => {
                let message = format!(
                    "\"{}\" is a child of \"{parent}\", which starts it, so it has no lifecycle",
                    supervisor.id
                );
                problems.error(field.key_span, message);
            }
            (None, None) => {
                let message = format!(
                    "\"{}\" has no lifecycle and is no child of a supervisor: nothing starts it",
                    supervisor.id
                );
                problems.push(Problem::new(Level::Strict, entry.name_span, message));
            }
            _ => {}
        }
    }
}

/// The supervisors that are children.
fn nested(supervisor: &SupervisorDefinition) -> impl Iterator<Item = &EntryId> {
    let children = supervisor.children.iter().filter(|child| child.supervisor);
    let dynamic = supervisor.dynamic.iter().filter(|dynamic| dynamic.supervisor);
    children.map(|child| &child.target).chain(dynamic.map(|dynamic| &dynamic.target))
}

/// Reports a supervisor that is its own descendant, and takes the child out that
/// closes the circle.
fn cut_circles(
    problems: &mut Problems,
    entries: &RawEntries,
    supervisors: &mut [SupervisorDefinition],
    by_id: &HashMap<EntryId, usize>,
    at: usize,
    path: &mut Vec<usize>,
    done: &mut HashSet<usize>,
) {
    if done.contains(&at) {
        return;
    }
    let next: Vec<usize> =
        nested(&supervisors[at]).filter_map(|id| by_id.get(id).copied()).collect();
    for child in next {
        if let Some(start) = path.iter().position(|on_path| *on_path == child) {
            let circle = path[start..].iter().chain([&child]);
            let names: Vec<&str> = circle.map(|at| supervisors[*at].id.as_str()).collect();
            let message = format!("a supervisor is its own descendant: {}", names.join(" → "));
            if let Some(entry) = entries.get(&supervisors[at].id) {
                problems.error(entry.name_span, message);
            }
            let id = supervisors[child].id.clone();
            let supervisor = &mut supervisors[at];
            supervisor.children.retain(|child| child.target != id);
            supervisor.dynamic.take_if(|dynamic| dynamic.target == id);
            continue;
        }
        path.push(child);
        cut_circles(problems, entries, supervisors, by_id, child, path, done);
        path.pop();
    }
    done.insert(at);
}

/// What a supervisor names in lists: its children and their hosts.
pub(super) fn named_nodes(entry: &RawEntry) -> impl Iterator<Item = &Node> {
    let children = entry.data.get("children").and_then(Node::list).unwrap_or_default();
    let groups = children.iter().chain(entry.data.get("dynamic"));
    groups.flat_map(|node| ["process", "host"].map(|key| node.get(key))).flatten()
}
