//! A plan as text, as JSON and as a graph.

use std::fmt::Write;

use luavisor::supervision::Restart;
use serde_json::{Value, json};

use super::{Plan, Service, What, bound, seconds, service_restarts, short};

impl Plan<'_> {
    // --- text ---

    pub(super) fn text(&self) -> String {
        let mut text = String::from("Start, level by level; stop is the other way round:\n");
        // Writing to a string cannot fail.
        for (number, level) in self.levels.iter().enumerate() {
            for service in level {
                let what = match &service.what {
                    What::Host => "host".to_owned(),
                    What::Process(process) if *process == service.id => "process".to_owned(),
                    What::Process(process) => format!("runs {process}"),
                    What::Supervisor(node) => node.describe(),
                };
                let _ = writeln!(text, "{:3}. {}: {what}", number + 1, service.id);
                if let What::Supervisor(node) = &service.what {
                    node.list(&mut text, 1);
                }
            }
        }
        let _ = writeln!(
            text,
            "\nShutdown takes {} at most, with shutdown.timeout {}.",
            bound(self.shutdown),
            short(self.shutdown_timeout)
        );
        for level in self.levels.iter().rev() {
            for service in level {
                let _ = writeln!(text, "  {}: {}", service.id, bound(service.stop));
            }
        }
        if self.supervisors().next().is_some() {
            text.push_str("\nRestart budgets:\n");
        }
        for (service, node) in self.supervisors() {
            node.each(&mut |node, parent| {
                let above = match parent {
                    Some(parent) => format!("{} restarts it by its own budget", parent.path),
                    None => service_restarts(service.lifecycle),
                };
                let _ = writeln!(text, "  {}: {}; {above}.", node.path, node.budget());
            });
        }
        if self.supervisors().next().is_some() {
            text.push_str("\nWho is restarted with a child that fails:\n");
        }
        for (_, node) in self.supervisors() {
            node.each(&mut |node, _| {
                for (place, child) in node.children.iter().enumerate() {
                    let (restarted, forgotten) = node.radius(place);
                    let mut with = match (child.restart(), restarted.is_empty()) {
                        (Restart::Temporary, _) => "nobody: it is not restarted".to_owned(),
                        (_, true) => "nobody else".to_owned(),
                        (_, false) => restarted.join(", "),
                    };
                    if !forgotten.is_empty() {
                        let _ =
                            write!(with, "; stopped and not restarted: {}", forgotten.join(", "));
                    }
                    let _ = writeln!(text, "  {}/{}: {with}", node.path, child.name());
                }
                if let Some(dynamic) = &node.definition.dynamic {
                    let with = match dynamic.rule.restart {
                        Restart::Temporary => "nobody: it is not restarted",
                        _ => "nobody else",
                    };
                    let _ = writeln!(text, "  {}/dynamic: {with}", node.path);
                }
            });
        }
        if !self.warnings.is_empty() {
            text.push_str("\nWarnings:\n");
        }
        for warning in &self.warnings {
            let _ = writeln!(text, "  {warning}");
        }
        text
    }

    // --- JSON ---

    pub(super) fn json(&self) -> Value {
        let service = |service: &Service<'_>| {
            let mut value =
                json!({ "id": service.id.as_str(), "stop_seconds": seconds(service.stop) });
            match &service.what {
                What::Host => value["kind"] = "host".into(),
                What::Process(process) => {
                    value["kind"] = "process".into();
                    value["process"] = process.as_str().into();
                }
                What::Supervisor(node) => {
                    value["kind"] = "supervisor".into();
                    value["tree"] = node.json();
                }
            }
            value
        };
        let levels: Vec<Vec<Value>> =
            self.levels.iter().map(|level| level.iter().map(service).collect()).collect();
        json!({
            "levels": levels,
            "shutdown_seconds": seconds(self.shutdown),
            "shutdown_timeout_seconds": self.shutdown_timeout.as_secs_f64(),
            "warnings": self.warnings,
        })
    }

    // --- Graphviz ---

    pub(super) fn dot(&self) -> String {
        let mut text = String::from("digraph luavisor {\n  rankdir=LR;\n  node [shape=box];\n");
        for level in &self.levels {
            for service in level {
                let shape = match service.what {
                    What::Supervisor(_) => "box3d",
                    What::Host => "component",
                    What::Process(_) => "box",
                };
                let id = quoted(service.id.as_str());
                let _ = writeln!(text, "  {id} [shape={shape}];");
            }
        }
        for (_, node) in self.supervisors() {
            node.each(&mut |node, _| {
                let from = quoted(&node.path);
                let strategy = node.definition.rules.strategy.as_str();
                let label = quoted(&format!("{}\\n{strategy}", node.path));
                let _ = writeln!(text, "  {from} [shape=box3d, label={label}];");
                for child in &node.children {
                    let to = quoted(&format!("{}/{}", node.path, child.name()));
                    let _ = writeln!(text, "  {from} -> {to};");
                }
                if node.dynamic.is_some() {
                    let to = quoted(&format!("{}/dynamic", node.path));
                    let _ = writeln!(text, "  {from} -> {to} [style=dashed];");
                }
            });
        }
        text.push_str("}\n");
        text
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('"', "\\\""))
}
