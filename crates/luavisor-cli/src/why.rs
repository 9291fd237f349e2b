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
    /// its own end
    Own(usize),
    /// that of a sibling
    Sibling(usize),
    /// somebody asked for it by name
    Asked(usize),
    /// its first start under a supervisor that was itself restarted
    Supervisor(usize),
}

impl Reason {
    fn at(&self) -> usize {
        match self {
            Reason::Own(at) | Reason::Sibling(at) | Reason::Asked(at) | Reason::Supervisor(at) => {
                *at
            }
        }
    }
}

/// A service, or a child of one process of a supervisor.
struct Subject<'a> {
    name: &'a str,
    /// entry id, empty for a service
    supervisor: &'a str,
    supervisor_pid: &'a str,
}

impl<'a> Subject<'a> {
    fn of(event: &'a Value) -> Subject<'a> {
        Subject {
            name: text(event, "name"),
            supervisor: text(event, "supervisor"),
            supervisor_pid: text(event, "supervisor_pid"),
        }
    }

    fn label(&self) -> String {
        match self.supervisor.is_empty() {
            true => self.name.to_owned(),
            false => format!("{} of {}", self.name, self.supervisor),
        }
    }

    /// Whether an event is about a child of the same process, or a service.
    fn is_beside(&self, event: &Value) -> bool {
        let kind = text(event, "event");
        (kind.starts_with("child.") || kind.starts_with("service."))
            && text(event, "supervisor_pid") == self.supervisor_pid
    }
}

impl<'a> Story<'a> {
    fn tell(&self, name: &str) -> Option<String> {
        // A name may occur in several supervisors: the one that was active last is meant.
        let now = self.events.iter().rev().find(|event| is_about(event, name))?;
        let subject = Subject::of(now);
        let mut story = String::new();
        // Writing to a string cannot fail.
        match self.newest(&subject, self.events.len()) {
            Some(reason) => self.explain(&mut story, &subject, &reason, self.events.len(), 0),
            None => {
                let _ = writeln!(story, "{} has not been restarted.", subject.label());
            }
        }
        let _ = writeln!(story, "Last seen: {} at {}.", state(now), text(now, "time"));
        Some(story)
    }

    /// The newest reason before a point.
    fn newest(&self, subject: &Subject<'_>, before: usize) -> Option<Reason> {
        let mut newest = None;
        let mut lives = 0;
        for (at, event) in self.events[..before].iter().enumerate() {
            if !subject.is_beside(event) {
                continue;
            }
            let own = text(event, "name") == subject.name;
            let restarted_with = || {
                let names = event["with"].as_array().into_iter().flatten();
                names.filter_map(Value::as_str).any(|name| name == subject.name)
            };
            match text(event, "event") {
                "child.restart" | "service.restart" if own => newest = Some(Reason::Own(at)),
                "child.restart" if restarted_with() => newest = Some(Reason::Sibling(at)),
                "child.stopping" if own && text(event, "why") == "stop requested" => {
                    newest = Some(Reason::Asked(at));
                }
                "child.start" if own => {
                    lives += 1;
                    if lives == 1 && self.was_restarted(subject.supervisor_pid, at) {
                        newest = Some(Reason::Supervisor(at));
                    }
                }
                _ => {}
            }
        }
        // Who was stopped by name and not started is no case of a restart.
        newest.filter(|reason| {
            !matches!(reason, Reason::Asked(at) if self.start_after(subject, *at, before).is_none())
        })
    }

    /// The event that tells of the first minutes of this process as a child or service.
    fn birth(&self, pid: &str, before: usize) -> Option<&'a Value> {
        let born = |event: &&Value| {
            matches!(text(event, "event"), "child.start" | "child.ready" | "service.ready")
                && text(event, "pid") == pid
        };
        // A supervisor is ready only after its children were started.
        let known = self.events[..before].iter().rev().find(born);
        known.or_else(|| self.events.iter().find(born))
    }

    /// Whether this process of a supervisor is not its first.
    fn was_restarted(&self, pid: &str, before: usize) -> bool {
        let life = self.birth(pid, before).and_then(|event| event["life"].as_u64());
        life.is_some_and(|life| life > 1)
    }

    /// When the subject started again.
    fn start_after(&self, subject: &Subject<'_>, after: usize, before: usize) -> Option<&'a str> {
        let start = self.events[after..before].iter().find(|event| {
            matches!(text(event, "event"), "child.start" | "service.start")
                && subject.is_beside(event)
                && text(event, "name") == subject.name
        });
        start.map(|event| text(event, "time"))
    }

    fn explain(
        &self,
        story: &mut String,
        subject: &Subject<'_>,
        reason: &Reason,
        before: usize,
        depth: usize,
    ) {
        let event = &self.events[reason.at()];
        let (time, pad, label) = (text(event, "time"), "  ".repeat(depth), subject.label());
        let again = match self.start_after(subject, reason.at(), before) {
            Some(time) => format!("started again at {time}"),
            None => "not started again yet".to_owned(),
        };
        // Writing to a string cannot fail.
        let _ = match reason {
            Reason::Own(_) => {
                writeln!(story, "{pad}{label} ended at {time} and was {again}: {}.", ended(event))
            }
            Reason::Sibling(_) => writeln!(
                story,
                "{pad}{label} was stopped at {time} and {again} with its sibling {}: {}.",
                text(event, "name"),
                ended(event)
            ),
            Reason::Asked(_) => {
                writeln!(story, "{pad}{label} was stopped by name at {time} and {again}.")
            }
            Reason::Supervisor(_) => {
                let supervisor = subject.supervisor;
                writeln!(
                    story,
                    "{pad}{label} was started at {time} with its supervisor {supervisor}:"
                )
            }
        };
        match reason {
            Reason::Own(_) | Reason::Sibling(_) => self.details(story, &pad, event),
            Reason::Asked(_) => {}
            Reason::Supervisor(at) => {
                let Some(birth) = self.birth(subject.supervisor_pid, *at) else { return };
                let above = Subject::of(birth);
                if let Some(reason) = self.newest(&above, *at) {
                    self.explain(story, &above, &reason, *at, depth + 1);
                }
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
            let forgotten = event["forgotten"].as_array().into_iter().flatten();
            let forgotten: Vec<&str> = forgotten.filter_map(Value::as_str).collect();
            let _ = write!(story, "{pad}  Strategy {strategy}");
            let _ = match names.is_empty() {
                true => write!(story, ": nobody else was restarted"),
                false => write!(story, ": restarted with it: {}", listed(&names)),
            };
            let _ = match forgotten.is_empty() {
                true => writeln!(story, "."),
                false => writeln!(story, "; stopped and forgotten: {}.", listed(&forgotten)),
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
