//! A line of JSON for each test, as it ends.

use serde_json::{Value, json};

use super::super::select::{Case, Plan};
use super::super::verdict::{Failure, Outcome, Status};

/// The line of a test that has ended.
pub fn line(case: &Case, outcome: &Outcome) -> String {
    let mut value = place(case);
    let (status, more) = match &outcome.status {
        Status::Passed => ("passed", Value::Null),
        Status::Failed(failure) => ("failed", error(failure)),
        Status::Skipped(reason) => ("skipped", json!(reason)),
        Status::Unfinished => ("unfinished", Value::Null),
    };
    value["status"] = json!(status);
    value["seconds"] = json!(outcome.took.as_secs_f64());
    match &outcome.status {
        Status::Failed(_) => value["error"] = more,
        Status::Skipped(_) => value["reason"] = more,
        _ => {}
    }
    value["output"] = json!(outcome.output);
    format!("{value}\n")
}

fn place(case: &Case) -> Value {
    json!({ "id": &*case.id, "suite": &*case.suite, "file": &*case.file, "line": case.line })
}

fn error(failure: &Failure) -> Value {
    let step = |step: &super::super::verdict::Step| json!({ "place": step.place, "line": step.line, "name": step.name });
    let trace: Vec<Value> = failure.trace.iter().map(step).collect();
    let mut value = json!({ "message": failure.message, "kind": failure.kind, "trace": trace });
    if let Some(seed) = failure.seed {
        value["seed"] = json!(seed);
    }
    value
}

/// The lines of `--list --json`.
pub fn list(plan: &Plan) -> String {
    let line = |case: &Case| {
        let mut value = place(case);
        if let Some(reason) = &case.skip {
            value["skip"] = json!(reason);
        }
        format!("{value}\n")
    };
    plan.tests.iter().map(line).collect()
}
