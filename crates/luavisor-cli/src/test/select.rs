//! Which tests run, and in which order: suites by name, tests of a suite by
//! `meta.order` and then by id.

use std::sync::Arc;
use std::time::Duration;

use anyhow::bail;
use luavisor::Application;

use super::HOST;

/// A test that was selected.
#[derive(Clone, Debug, PartialEq)]
pub struct Case {
    pub id: Arc<str>,
    pub suite: Arc<str>,
    /// where it runs
    pub host: Arc<str>,
    pub timeout: Duration,
    /// why it is skipped; the reason may be empty
    pub skip: Option<String>,
    /// place of the entry
    pub file: Arc<str>,
    pub line: u32,
}

/// The tests of a run.
#[derive(Debug)]
pub struct Plan {
    /// suite by suite
    pub tests: Vec<Case>,
    /// the place in `tests` where each suite begins and ends
    pub suites: Vec<std::ops::Range<usize>>,
}

/// The tests whose id or suite contains one of the filters; all, if there is none.
pub fn plan(
    application: &Application,
    filters: &[String],
    timeout: Duration,
) -> anyhow::Result<Plan> {
    if application.tests.is_empty() {
        bail!("no tests: no process.lua or function.lua has meta.type: test");
    }
    let mut chosen: Vec<_> = application
        .tests
        .iter()
        .filter(|test| {
            let (id, suite) = (test.process.id.as_str(), &test.suite);
            filters.is_empty()
                || filters.iter().any(|word| id.contains(word) || suite.contains(word))
        })
        .collect();
    if chosen.is_empty() {
        bail!(
            "no test matches \"{}\". Use 'luavisor test --list' to see all",
            filters.join("\" or \"")
        );
    }
    chosen.sort_by(|a, b| {
        let order = a.suite.cmp(&b.suite).then(a.order.total_cmp(&b.order));
        order.then_with(|| a.process.id.cmp(&b.process.id))
    });
    let case = |test: &luavisor::config::TestDefinition<_>| {
        let process = &test.process;
        let host = process.host.as_ref().or(process.default_host.as_ref());
        Case {
            id: process.id.shared(),
            suite: Arc::from(&*test.suite),
            host: host.map_or_else(|| Arc::from(HOST), luavisor::config::EntryId::shared),
            timeout: test.timeout.unwrap_or(timeout),
            skip: test.skip.clone(),
            file: test.file.clone(),
            line: test.line,
        }
    };
    let tests: Vec<Case> = chosen.into_iter().map(case).collect();
    let mut suites = Vec::new();
    let mut start = 0;
    for suite in tests.chunk_by(|a, b| a.suite == b.suite) {
        suites.push(start..start + suite.len());
        start += suite.len();
    }
    Ok(Plan { tests, suites })
}
