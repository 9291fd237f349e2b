//! `luavisor why NAME [FILE]`: why something was restarted last, from the events
//! that `luavisor run --events` wrote.
//!
//! A process can be restarted for three reasons: it ended itself; a sibling did,
//! and the strategy concerns both; or its supervisor did, which has reasons of its
//! own. The newest one is told, and of the last kind the whole chain.

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use crate::print;

/// Prints the explanation.
pub fn why(name: &str, file: &Path) -> anyhow::Result<u8> {
    let text = std::fs::read_to_string(file)
        .with_context(|| format!("cannot read {}, which run --events writes", file.display()))?;
    let mut events = Vec::new();
    for (number, line) in text.lines().enumerate() {
        match serde_json::from_str(line) {
            Ok(event) => events.push(event),
            // The last line of a run that was killed may be cut off.
            Err(_) if number + 1 == text.lines().count() => {}
            Err(error) => bail!("{}:{}: {error}", file.display(), number + 1),
        }
    }
    let story = Story { events: &events };
    match story.tell(name) {
        Some(text) => print::out(&text),
        None => bail!("nothing in {} is named \"{name}\"{}", file.display(), story.names()),
    }
    Ok(0)
}

/// The events of a run, oldest first.
struct Story<'a> {
    events: &'a [Value],
}

fn text<'a>(event: &'a Value, field: &str) -> &'a str {
    event[field].as_str().unwrap_or_default()
}

/// Whether an event is about what the user calls `name`.
fn is_about(event: &Value, name: &str) -> bool {
    let kind = text(event, "event");
    if !(kind.starts_with("child.") || kind.starts_with("service.")) {
        return false;
    }
    let path = |event: &Value| format!("{}/{}", text(event, "supervisor"), text(event, "name"));
    text(event, "name") == name || text(event, "pid") == name || path(event) == name
}

/// A reason for a restart, and where it stands.
enum Reason {
    Own(usize),
    Sibling(usize),
    /// the first start under another supervisor process
    Supervisor(usize, String),
}

impl Reason {
    fn at(&self) -> usize {
        match self {
            Reason::Own(at) | Reason::Sibling(at) | Reason::Supervisor(at, _) => *at,
        }
    }
}

impl Story<'_> {
    fn tell(&self, name: &str) -> Option<String> {
        let about: Vec<usize> =
            (0..self.events.len()).filter(|at| is_about(&self.events[*at], name)).collect();
        let last = *about.last()?;
        // A name may occur in several supervisors: the one that was active last is meant.
        let supervisor = text(&self.events[last], "supervisor");
        let label = self.label(&self.events[last]);
        let name = text(&self.events[last], "name");
        let mut story = String::new();
        match self.newest(name, supervisor, self.events.len()) {
            Some(reason) => self.explain(&mut story, &label, name, supervisor, &reason, 0),
            None => {
                let _ = writeln!(story, "{label} has not been restarted.");
            }
        }
        let now = &self.events[last];
        let _ = writeln!(story, "Last seen: {} at {}.", state(now), text(now, "time"));
        Some(story)
    }

    fn label(&self, event: &Value) -> String {
        match event["supervisor"].as_str() {
            Some(supervisor) => format!("{} of {supervisor}", text(event, "name")),
            None => text(event, "name").to_owned(),
        }
    }

    /// The newest reason before a point.
    fn newest(&self, name: &str, supervisor: &str, before: usize) -> Option<Reason> {
        let mut newest: Option<Reason> = None;
        let mut keep = |reason: Reason| {
            if newest.as_ref().is_none_or(|known| known.at() < reason.at()) {
                newest = Some(reason);
            }
        };
        let mut process = String::new();
        for (at, event) in self.events[..before].iter().enumerate() {
            if text(event, "supervisor") != supervisor {
                continue;
            }
            let own = text(event, "name") == name;
            match text(event, "event") {
                "child.restart" | "service.restart" if own => keep(Reason::Own(at)),
                "child.restart"
                    if event["with"].as_array().is_some_and(|with| {
                        with.iter().any(|sibling| sibling.as_str() == Some(name))
                    }) =>
                {
                    keep(Reason::Sibling(at));
                }
                "child.start" if own => {
                    let now = text(event, "supervisor_pid");
                    if !process.is_empty() && process != now {
                        keep(Reason::Supervisor(at, process.clone()));
                    }
                    now.clone_into(&mut process);
                }
                _ => {}
            }
        }
        newest
    }

    fn explain(
        &self,
        story: &mut String,
        label: &str,
        name: &str,
        supervisor: &str,
        reason: &Reason,
        depth: usize,
    ) {
        let event = &self.events[reason.at()];
        let time = text(event, "time");
        let pad = "  ".repeat(depth);
        // Writing to a string cannot fail.
        let _ = match reason {
            Reason::Own(_) => {
                writeln!(story, "{pad}{label} was restarted at {time}, because {}.", ended(event))
                    .map(|()| self.details(story, &pad, event))
            }
            Reason::Sibling(_) => {
                let cause = text(event, "name");
                writeln!(
                    story,
                    "{pad}{label} was restarted at {time} with its sibling {cause}, because {}.",
                    ended(event)
                )
                .map(|()| self.details(story, &pad, event))
            }
            Reason::Supervisor(at, process) => {
                let _ = writeln!(
                    story,
                    "{pad}{label} was restarted at {time}, because its supervisor {supervisor} was:"
                );
                self.explain_supervisor(story, name, supervisor, process, *at, depth + 1);
                return;
            }
        };
    }

    /// Why the supervisor with this process came to its end.
    fn explain_supervisor(
        &self,
        story: &mut String,
        name: &str,
        supervisor: &str,
        process: &str,
        before: usize,
        depth: usize,
    ) {
        let pad = "  ".repeat(depth);
        let gave_up = self.events[..before].iter().rev().find(|event| {
            text(event, "event") == "child.give_up" && text(event, "supervisor_pid") == process
        });
        if let Some(event) = gave_up {
            let child = text(event, "name");
            let _ = writeln!(
                story,
                "{pad}at {} its child {child} used up the restart intensity: {}.",
                text(event, "time"),
                ended(event)
            );
        }
        // What it is called where it is a child or a service.
        let known = self.events[..before]
            .iter()
            .rev()
            .find(|event| text(event, "pid") == process && text(event, "name") != name);
        let Some(known) = known else { return };
        let (name, above) = (text(known, "name"), text(known, "supervisor"));
        let label = match above.is_empty() {
            true => name.to_owned(),
            false => format!("{name} of {above}"),
        };
        match self.newest(name, above, before) {
            Some(reason) => self.explain(story, &label, name, above, &reason, depth),
            None => {
                let _ = writeln!(story, "{pad}{supervisor} was stopped and started by hand.");
            }
        }
    }

    fn details(&self, story: &mut String, pad: &str, event: &Value) {
        if let Some(trace) = event["error"]["trace"].as_array() {
            let frames = trace.iter().filter_map(Value::as_str);
            for frame in frames.filter(|frame| !frame.starts_with("[C]")) {
                let _ = writeln!(story, "{pad}    {frame}");
            }
        }
        let names: Vec<&str> =
            event["with"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
        if let Some(strategy) = event["strategy"].as_str() {
            let _ = match names.is_empty() {
                true => writeln!(story, "{pad}  Strategy {strategy}: nobody else was concerned."),
                false => writeln!(
                    story,
                    "{pad}  Strategy {strategy}: stopped and started with it: {}.",
                    listed(&names)
                ),
            };
        }
        let seconds = event["delay"].as_f64().unwrap_or_default();
        let delay = Duration::from_millis((seconds * 1000.0).round() as u64);
        let attempt = event["attempt"].as_u64().unwrap_or_default();
        let _ = write!(story, "{pad}  Delay {delay:?}, restart {attempt} in a row");
        let _ = match event["left"].as_u64() {
            Some(0) => writeln!(story, "; none left in the period: one more ends the supervisor."),
            Some(left) => writeln!(story, "; {left} left in the period."),
            None => writeln!(story, "."),
        };
    }

    /// A hint at what there is.
    fn names(&self) -> String {
        let named = self.events.iter().filter(|event| is_about(event, text(event, "name")));
        let names: BTreeSet<&str> = named.map(|event| text(event, "name")).collect();
        match names.is_empty() {
            true => String::new(),
            false => format!("; it tells of {}", listed(&names.into_iter().collect::<Vec<_>>())),
        }
    }
}

/// Some names in a sentence.
fn listed(names: &[&str]) -> String {
    const SHOWN: usize = 12;
    let shown = names.iter().take(SHOWN).copied().collect::<Vec<_>>().join(", ");
    match names.len().saturating_sub(SHOWN) {
        0 => shown,
        more => format!("{shown} and {more} more"),
    }
}

/// How the life ended that an event is about.
fn ended(event: &Value) -> String {
    let failed_start = event["failed_start"].as_bool().unwrap_or_default();
    let process = match event["pid"].as_str() {
        Some(pid) => format!("process {pid}"),
        None => "it".to_owned(),
    };
    let message = event["error"]["message"].as_str();
    match (failed_start, message) {
        (true, Some(message)) => format!("it could not start: {message}"),
        (true, None) => format!("{process} returned before it was ready"),
        (false, Some(message)) => {
            let how = match text(event, "reason") {
                "terminated" => "was terminated",
                "cancelled" => "passed its cancel deadline",
                "linked" => "was ended by a link",
                _ => "failed",
            };
            format!("{process} {how}: {message}")
        }
        (false, None) => format!("{process} returned"),
    }
}

/// What an event says of the state.
fn state(event: &Value) -> String {
    let life = event["life"].as_u64().unwrap_or_default();
    let word = match text(event, "event").rsplit('.').next().unwrap_or_default() {
        "start" => "starting",
        "ready" => "running",
        "restart" => "waiting for its restart",
        "give_up" => "given up",
        "stop" => "stopped",
        "exit" => "exited",
        other => other,
    };
    format!("{word}, life {life},")
}
