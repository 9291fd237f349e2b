//! Entries with `meta.type: test`.
//!
//! `meta` is free data for everything but `luavisor test`, so what is wrong with these
//! keys keeps no application from running: it is a warning, and an error for `check`.

use std::sync::Arc;
use std::time::Duration;

use luavisor_core::Values;

use crate::application::{FunctionDefinition, ProcessDefinition, ProcessLimits, TestDefinition};
use crate::diagnostic::{Level, Problem, Problems};
use crate::entries::RawEntry;
use crate::source::Sources;
use crate::units;
use crate::yaml::{Meaning, Node};

/// The value of `meta.type`.
const TEST: &str = "test";

/// What the `meta` of a test says.
pub(super) struct Test {
    suite: String,
    order: f64,
    timeout: Option<Duration>,
    skip: Option<String>,
    file: Arc<str>,
    line: u32,
}

impl Test {
    /// Reads the `meta` of an entry, if it is a test.
    pub fn read(problems: &mut Problems, sources: &Sources, entry: &RawEntry) -> Option<Test> {
        let code = matches!(entry.kind_name(), "process.lua" | "function.lua");
        if !code || entry.meta.get("type").and_then(Node::as_text) != Some(TEST) {
            return None;
        }
        let key = |name: &str| entry.meta.get(name).filter(|node| !node.is_null());
        let suite = key("suite").and_then(|node| text(problems, node));
        let order = key("order").and_then(|node| number(problems, node));
        let timeout = key("timeout").and_then(|node| timeout(problems, node));
        let skip = key("skip").and_then(|node| skip(problems, node));
        let source = sources.get(entry.name_span.file);
        Some(Test {
            suite: suite.unwrap_or_else(|| entry.id.namespace().to_owned()),
            order: order.unwrap_or_default(),
            timeout,
            skip,
            file: source.name.clone(),
            line: source.position(entry.name_span.start).line,
        })
    }

    /// The test of a process.
    pub fn process<T>(self, process: Arc<ProcessDefinition<T>>) -> TestDefinition<T> {
        let Test { suite, order, timeout, skip, file, line } = self;
        TestDefinition { process, suite, order, timeout, skip, file, line }
    }

    /// The test of a function, which becomes the `main` of a process.
    pub fn function<T>(self, function: &FunctionDefinition<T>) -> TestDefinition<T> {
        self.process(Arc::new(ProcessDefinition {
            id: function.id.clone(),
            unit: function.unit.clone(),
            method: function.method.clone(),
            limits: ProcessLimits::default(),
            meta: function.meta.clone(),
            host: None,
            input: Values::none(),
            lifecycle: None,
            default_host: None,
        }))
    }
}

fn text(problems: &mut Problems, node: &Node) -> Option<String> {
    let text = node.as_text().filter(|text| !text.trim().is_empty());
    text.map(str::to_owned).or_else(|| expected(problems, node, "the name of a suite"))
}

fn number(problems: &mut Problems, node: &Node) -> Option<f64> {
    match node.meaning() {
        Some(Meaning::Integer(value)) => Some(value as f64),
        Some(Meaning::Float(value)) if !value.is_nan() => Some(value),
        _ => expected(problems, node, "a number"),
    }
}

fn timeout(problems: &mut Problems, node: &Node) -> Option<Duration> {
    let duration = match node.meaning() {
        Some(Meaning::Text(text)) => units::duration(text).filter(|time| !time.is_zero()),
        _ => None,
    };
    duration.or_else(|| expected(problems, node, "a duration such as 500ms, 10s or 1m"))
}

/// `true` skips without a reason.
fn skip(problems: &mut Problems, node: &Node) -> Option<String> {
    match node.meaning() {
        Some(Meaning::Bool(skip)) => skip.then(String::new),
        Some(Meaning::Text(reason)) => Some(reason.trim().to_owned()),
        _ => expected(problems, node, "the reason, or true or false"),
    }
}

fn expected<T>(problems: &mut Problems, node: &Node, what: &str) -> Option<T> {
    let message = format!("expected {what}, found {}", node.describe());
    problems.push(Problem::new(Level::Strict, node.span, message));
    None
}
