//! `luavisor plan`: how an application starts, stops and restarts, worked out
//! from its entries without running it.

mod forms;

use std::collections::HashMap;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use luavisor::config::{
    ChildDefinition, EntryId, Lifecycle, Mode, NoCompiler, SupervisorDefinition, load,
};
use luavisor::supervision::{AutoShutdown, Restart, Shutdown, Strategy, affected};
use serde_json::{Value, json};

use crate::arguments::Files;
use crate::{CANNOT_START, print};

/// How it is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    Text,
    Json,
    Dot,
}

impl Form {
    /// What the flags ask for.
    pub fn of(json: bool, dot: bool) -> Form {
        match (json, dot) {
            (true, _) => Form::Json,
            (false, true) => Form::Dot,
            (false, false) => Form::Text,
        }
    }
}

type Application = luavisor::config::Application<()>;

/// Prints the plan; 2 if the application has errors.
pub fn plan(files: &Files, folder: &Path, form: Form) -> u8 {
    let loaded = load(&files.options(folder), &NoCompiler);
    print::error(&loaded.diagnostics.render(Mode::Run));
    if loaded.diagnostics.has_errors(Mode::Run) {
        return CANNOT_START;
    }
    let plan = Plan::of(&loaded.application);
    print::out(&match form {
        Form::Text => plan.text(),
        Form::Json => format!("{:#}\n", plan.json()),
        Form::Dot => plan.dot(),
    });
    0
}

/// A time, or none where something may take as long as it likes.
type Bound = Option<Duration>;

/// Everything that is printed.
struct Plan<'a> {
    levels: Vec<Vec<Service<'a>>>,
    shutdown: Bound,
    shutdown_timeout: Duration,
    warnings: Vec<String>,
}

/// One service of a level.
struct Service<'a> {
    id: &'a EntryId,
    what: What<'a>,
    lifecycle: &'a Lifecycle,
    /// its longest stop
    stop: Bound,
}

enum What<'a> {
    Host,
    Process(&'a EntryId),
    Supervisor(Node<'a>),
}

/// A supervisor with its children.
struct Node<'a> {
    /// ids from the service down, and names of children
    path: String,
    definition: &'a SupervisorDefinition,
    children: Vec<Child<'a>>,
    dynamic: Option<Option<Box<Node<'a>>>>,
    /// its children are shown where it occurs first
    repeated: bool,
    /// its longest stop, without a deadline from above
    stop: Bound,
}

struct Child<'a> {
    definition: &'a ChildDefinition,
    node: Option<Node<'a>>,
    /// the longest stop of the group
    stop: Bound,
}

struct Trees<'a> {
    by_id: HashMap<&'a EntryId, &'a SupervisorDefinition>,
    /// the longest stop of each tree that was walked: one that occurs again is not shown again
    walked: HashMap<&'a EntryId, Bound>,
    warnings: Vec<String>,
}

fn sum(mut times: impl Iterator<Item = Bound>) -> Bound {
    times.try_fold(Duration::ZERO, |total, time| Some(total.saturating_add(time?)))
}

fn longest(mut times: impl Iterator<Item = Bound>) -> Bound {
    times.try_fold(Duration::ZERO, |most, time| Some(most.max(time?)))
}

impl<'a> Plan<'a> {
    fn of(application: &'a Application) -> Plan<'a> {
        let by_id = application.supervisors.iter().map(|each| (&each.id, each)).collect();
        let mut trees = Trees { by_id, walked: HashMap::new(), warnings: Vec::new() };
        let hosts = application.hosts.iter().chain(&application.terminal_hosts);
        let mut services: HashMap<&EntryId, Service<'_>> = HashMap::new();
        for host in hosts {
            let (id, lifecycle) = (&host.id, &host.lifecycle);
            let stop = Some(lifecycle.stop_timeout);
            services.insert(id, Service { id, what: What::Host, lifecycle, stop });
        }
        for service in &application.services {
            let (id, lifecycle) = (&service.id, &service.lifecycle);
            let what = What::Process(&service.process);
            let stop = Some(lifecycle.stop_timeout);
            services.insert(id, Service { id, what, lifecycle, stop });
        }
        for supervisor in &application.supervisors {
            let Some(lifecycle) = &supervisor.lifecycle else { continue };
            let node = trees.node(supervisor, supervisor.id.as_str());
            // Without a deadline of its own it takes as long as its children do.
            let limit = Some(lifecycle.stop_timeout).filter(|limit| *limit != Duration::MAX);
            let mut stop = node.stop;
            if let Some(limit) = limit {
                trees.check_deadline(&node.path, "stop_timeout", limit, node.stop);
                stop = Some(node.stop.map_or(limit, |stop| stop.min(limit)));
            }
            let id = &supervisor.id;
            services.insert(id, Service { id, what: What::Supervisor(node), lifecycle, stop });
        }
        let level = |ids: &Vec<EntryId>| -> Vec<Service<'a>> {
            ids.iter().filter_map(|id| services.remove(id)).collect()
        };
        let levels: Vec<Vec<Service<'_>>> = application.start_levels.iter().map(level).collect();
        let shutdown =
            sum(levels.iter().map(|level| longest(level.iter().map(|service| service.stop))));
        let shutdown_timeout = application.settings.shutdown_timeout;
        if shutdown.is_none_or(|time| time > shutdown_timeout) {
            trees.warnings.push(format!(
                "shutdown may take {}, but shutdown.timeout ends it by force after {}",
                bound(shutdown),
                short(shutdown_timeout)
            ));
        }
        Plan { levels, shutdown, shutdown_timeout, warnings: trees.warnings }
    }

    fn supervisors(&self) -> impl Iterator<Item = (&Service<'a>, &Node<'a>)> {
        self.levels.iter().flatten().filter_map(|service| match &service.what {
            What::Supervisor(node) => Some((service, node)),
            _ => None,
        })
    }
}

impl<'a> Trees<'a> {
    fn node(&mut self, definition: &'a SupervisorDefinition, path: &str) -> Node<'a> {
        let path_text = path.to_owned();
        if let Some(stop) = self.walked.get(&definition.id).copied() {
            let (children, dynamic, repeated) = (Vec::new(), None, true);
            return Node { path: path_text, definition, children, dynamic, repeated, stop };
        }
        let mut children = Vec::new();
        for child in &definition.children {
            let path = format!("{path}/{}", group_name(child));
            let below = self.by_id.get(&child.target).copied().filter(|_| child.supervisor);
            let node = below.map(|below| self.node(below, &path));
            let stop = self.stop(&path, child.rule.shutdown, node.as_ref());
            children.push(Child { definition: child, node, stop });
        }
        let mut group = Some(Duration::ZERO);
        let dynamic = definition.dynamic.as_ref().map(|dynamic| {
            let path = format!("{path}/dynamic");
            let below = self.by_id.get(&dynamic.target).copied().filter(|_| dynamic.supervisor);
            let node = below.map(|below| Box::new(self.node(below, &path)));
            group = self.stop(&path, dynamic.rule.shutdown, node.as_deref());
            node
        });
        self.check_rules(definition, path);
        let stop = sum(children.iter().map(|child| child.stop).chain([group]));
        self.walked.insert(&definition.id, stop);
        Node { path: path_text, definition, children, dynamic, repeated: false, stop }
    }

    /// The longest stop of a child.
    fn stop(&mut self, path: &str, shutdown: Shutdown, node: Option<&Node<'_>>) -> Bound {
        match (shutdown, node) {
            (Shutdown::Kill, None) => Some(Duration::ZERO),
            (Shutdown::Kill, Some(node)) => {
                self.check_deadline(path, "shutdown: kill,", Duration::ZERO, node.stop);
                Some(Duration::ZERO)
            }
            (Shutdown::Deadline(limit), None) => Some(limit),
            (Shutdown::Deadline(limit), Some(node)) => {
                self.check_deadline(path, "shutdown", limit, node.stop);
                Some(node.stop.map_or(limit, |stop| stop.min(limit)))
            }
            (Shutdown::Infinity, Some(node)) => node.stop,
            (Shutdown::Infinity, None) => None,
        }
    }

    fn check_deadline(&mut self, path: &str, key: &str, limit: Duration, stop: Bound) {
        if stop.is_none_or(|stop| stop > limit) {
            self.warnings.push(format!(
                "{path}: {key} {} is less than its children may take ({}): the rest is ended by force",
                short(limit),
                bound(stop)
            ));
        }
    }

    fn check_rules(&mut self, definition: &SupervisorDefinition, path: &str) {
        let rules = &definition.rules;
        let restarts = rules.intensity.restarts;
        // Between the first restart and the one that is too many lie all delays.
        let delays = (1..=restarts.min(10_000)).map(|k| rules.backoff.delay(k, 0.0));
        let least: Duration = delays.fold(Duration::ZERO, Duration::saturating_add);
        if least > rules.intensity.period {
            self.warnings.push(format!(
                "{path}: one failing child never uses up the intensity: its {restarts} delays take {}, \
                 longer than the period of {}",
                short(least),
                short(rules.intensity.period)
            ));
        }
        let significant = definition.children.iter().any(|child| child.rule.significant);
        if rules.auto_shutdown != AutoShutdown::Never && !significant {
            self.warnings
                .push(format!("{path}: auto_shutdown without a significant child has no effect"));
        }
    }
}

fn group_name(child: &ChildDefinition) -> String {
    let name = &child.rule.name;
    match child.rule.count {
        None => name.to_string(),
        Some(1) => format!("{name}.1"),
        Some(count) => format!("{name}.1…{count}"),
    }
}

fn restart_text(restart: Restart) -> &'static str {
    match restart {
        Restart::Permanent => "permanent",
        Restart::Transient => "transient",
        Restart::Temporary => "temporary",
    }
}

impl Child<'_> {
    fn restart(&self) -> Restart {
        self.definition.rule.restart
    }

    fn name(&self) -> String {
        group_name(self.definition)
    }
}

impl<'a> Node<'a> {
    fn describe(&self) -> String {
        let repeated = if self.repeated { ", as above" } else { "" };
        format!("supervisor, {}{repeated}", self.definition.rules.strategy.as_str())
    }

    /// This node and all below it, each with the one above.
    fn each(&self, visit: &mut impl FnMut(&Node<'a>, Option<&Node<'a>>)) {
        fn walk<'a>(
            node: &Node<'a>,
            parent: Option<&Node<'a>>,
            visit: &mut dyn FnMut(&Node<'a>, Option<&Node<'a>>),
        ) {
            if node.repeated {
                return;
            }
            visit(node, parent);
            let dynamic = node.dynamic.iter().flatten().map(|node| &**node);
            let below = node.children.iter().filter_map(|child| child.node.as_ref());
            for child in below.chain(dynamic) {
                walk(child, Some(node), visit);
            }
        }
        walk(self, None, visit);
    }

    fn list(&self, text: &mut String, depth: usize) {
        let pad = "  ".repeat(depth + 2);
        for child in &self.children {
            let rule = &child.definition.rule;
            let mut what = match &child.node {
                Some(node) => format!("{}: {}", child.definition.target, node.describe()),
                None => format!("runs {}", child.definition.target),
            };
            if rule.ready && child.node.is_none() {
                what += ", must be ready";
                if let Some(timeout) = rule.start_timeout {
                    let _ = write!(what, " within {}", short(timeout));
                }
            }
            let _ = writeln!(text, "{pad}{}: {what}", child.name());
            if let Some(node) = &child.node {
                node.list(text, depth + 1);
            }
        }
        if let Some(dynamic) = &self.definition.dynamic {
            let _ = write!(text, "{pad}dynamic: runs {}", dynamic.target);
            let _ = match dynamic.rule.max_children {
                u32::MAX => writeln!(text),
                most => writeln!(text, ", at most {most}"),
            };
            if let Some(node) = self.dynamic.iter().flatten().next() {
                node.list(text, depth + 1);
            }
        }
    }

    /// The budget in words.
    fn budget(&self) -> String {
        let rules = &self.definition.rules;
        let restarts = match rules.intensity.restarts {
            1 => "1 restart".to_owned(),
            count => format!("{count} restarts"),
        };
        let delays = delays(|k| rules.backoff.delay(k, 0.5), rules.backoff.max_delay);
        format!(
            "at most {restarts} in {}, of one child after {delays}; then it fails",
            short(rules.intensity.period)
        )
    }

    /// Who is restarted with a member of the group at `place`, and who is only stopped.
    fn radius(&self, place: usize) -> (Vec<String>, Vec<String>) {
        let strategy = self.definition.rules.strategy;
        let (mut restarted, mut stopped) = (Vec::new(), Vec::new());
        if self.children[place].restart() == Restart::Temporary || strategy == Strategy::OneForOne {
            return (restarted, stopped);
        }
        let mut add = |restart: Restart, name: String| match restart {
            Restart::Temporary => stopped.push(name),
            _ => restarted.push(name),
        };
        if self.children[place].definition.rule.count.is_some_and(|count| count > 1) {
            let rest = match strategy {
                Strategy::OneForAll => "the others of the group",
                _ => "the later ones of the group",
            };
            add(self.children[place].restart(), rest.to_owned());
        }
        let others = affected(strategy, place, self.children.len()).filter(|other| *other != place);
        for other in others {
            add(self.children[other].restart(), self.children[other].name());
        }
        if let Some(dynamic) = &self.definition.dynamic {
            add(dynamic.rule.restart, "dynamic children".to_owned());
        }
        (restarted, stopped)
    }

    fn json(&self) -> Value {
        let rules = &self.definition.rules;
        let child = |(place, child): (usize, &Child<'_>)| {
            json!({
                "name": child.definition.rule.name.to_string(),
                "count": child.definition.rule.count,
                "process": child.definition.target.as_str(),
                "restart": restart_text(child.restart()),
                "restarted_with_it": self.radius(place).0,
                "stopped_with_it": self.radius(place).1,
                "stop_seconds": seconds(child.stop),
                "tree": child.node.as_ref().map(Node::json),
            })
        };
        json!({
            "path": self.path,
            "strategy": rules.strategy.as_str(),
            "restarts": rules.intensity.restarts,
            "period_seconds": rules.intensity.period.as_secs_f64(),
            "stop_seconds": seconds(self.stop),
            "children": self.children.iter().enumerate().map(child).collect::<Vec<_>>(),
            "dynamic": self.definition.dynamic.as_ref().map(|dynamic| json!({
                "process": dynamic.target.as_str(),
                "max_children": (dynamic.rule.max_children != u32::MAX)
                    .then_some(dynamic.rule.max_children),
                "tree": self.dynamic.iter().flatten().next().map(|node| node.json()),
            })),
        })
    }
}

/// What the lifecycle does with a supervisor that failed.
fn service_restarts(lifecycle: &Lifecycle) -> String {
    use luavisor::config::{OnExhausted, Policy};
    let rule = &lifecycle.restart;
    if rule.policy == Policy::Never {
        return "the runtime leaves it so".to_owned();
    }
    let mut text =
        format!("the runtime restarts it after {}", delays(|k| rule.delay(k, 0.5), rule.max_delay));
    if rule.max_attempts > 0 {
        let then = match rule.on_exhausted {
            OnExhausted::Ignore => "it stays failed",
            OnExhausted::Shutdown => "the runtime shuts down with code 1",
        };
        let _ = write!(text, ", {} times in a row, then {then}", rule.max_attempts);
    }
    text
}

/// The first delays, and the longest.
fn delays(delay: impl Fn(u32) -> Duration, longest: Duration) -> String {
    let first = [1, 2, 3].map(&delay);
    if first[0].is_zero() {
        return "no delay".to_owned();
    }
    if first[0] == first[2] {
        return short(first[0]);
    }
    let shown = first.map(short).join(", ");
    format!("{shown} … up to {}", short(longest))
}

fn short(duration: Duration) -> String {
    format!("{duration:?}")
}

fn bound(time: Bound) -> String {
    time.map_or_else(|| "as long as it likes".to_owned(), short)
}

fn seconds(time: Bound) -> Value {
    time.map_or(Value::Null, |time| time.as_secs_f64().into())
}
