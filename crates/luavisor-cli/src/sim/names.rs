//! Whether there is what flags and the config file name.

use anyhow::bail;
use luavisor::Application;
use luavisor::config::hint;

use super::faults::{Kind, Scope};
use super::run::Plan;

/// Fails at the first name that is none.
pub fn check(application: &Application, plan: &Plan) -> anyhow::Result<()> {
    let processes = application.processes.iter().map(|process| process.id.as_str());
    let functions = application.functions.iter().map(|function| function.id.as_str());
    let supervisors = application.supervisors.iter().map(|each| each.id.as_str());
    let hosts = application.hosts.iter().map(|host| host.id.as_str());
    let supervisors: Vec<&str> = supervisors.collect();
    let hosts: Vec<&str> = hosts.collect();
    let mut entries: Vec<&str> = processes.chain(functions).collect();
    entries.extend(&supervisors);
    let of = |kind: Kind| match kind.scope() {
        Scope::Host => ("process.host", &hosts),
        _ => ("process, function or supervisor", &entries),
    };
    for (kind, name) in plan.rates.named() {
        known(of(kind), name)?;
    }
    for fault in &plan.schedule {
        if !fault.target.is_empty() {
            known(of(fault.kind), &fault.target)?;
        }
        if fault.at >= plan.time {
            bail!("\"{fault}\" comes after the time under faults (--time)");
        }
    }
    for (name, _) in &plan.live {
        known(("process, function or supervisor", &entries), name)?;
    }
    for (name, _) in &plan.children {
        known(("process.supervisor", &supervisors), name)?;
    }
    if let Some(within) = plan.within {
        if plan.live.is_empty() && plan.children.is_empty() {
            bail!("--within is for --live or --children: nobody is to live");
        }
        if within > plan.settle {
            bail!("--within is longer than --settle, the time without faults");
        }
    }
    if application.hosts.is_empty() && !application.checks.is_empty() {
        bail!("checks need a process.host to run on");
    }
    Ok(())
}

fn known((what, names): (&str, &Vec<&str>), name: &str) -> anyhow::Result<()> {
    if names.contains(&name) {
        return Ok(());
    }
    match hint(name, names.iter().copied()) {
        Some(hint) => bail!("no {what} \"{name}\": {hint}"),
        None => bail!("no {what} \"{name}\""),
    }
}
