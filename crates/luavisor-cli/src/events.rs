//! `luavisor run --events FILE`: the event stream as JSON lines.
//!
//! Lines are made where things happen and written by a thread of their own. When
//! the disk cannot keep up, lines are dropped and an `events.dropped` line counts
//! them: a worker never waits for the file.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;
use std::sync::{Arc, Mutex};

use anyhow::Context;
use luavisor::supervision::Change;
use luavisor::{
    BondChange, CONTROL, CrashReport, Error, Exit, LogRecord, MessageStage, Observer, Occurrence,
    Output, Pid, Runtime, ServiceChange, TimerChange, Values,
};
use serde_json::{Map, Value, json};

use crate::log::Moment;
use crate::log::writer::Writer;
use crate::sync::lock;

/// Bytes of lines that wait at most.
const QUEUE_BYTES: usize = 64 << 20;

/// Characters of a payload that are shown.
const PAYLOAD: usize = 200;

/// The file of one run.
pub struct EventFile {
    writer: Arc<Writer>,
}

impl EventFile {
    /// Makes the file, or empties it.
    pub fn create(path: &Path) -> anyhow::Result<EventFile> {
        let file =
            File::create(path).with_context(|| format!("cannot write {}", path.display()))?;
        let dropped = |count| {
            let fields = json!({ "count": count });
            format!("{}\n", event(&Moment::now().text(), "events.dropped", fields))
        };
        Ok(EventFile { writer: Arc::new(Writer::new(QUEUE_BYTES, file, dropped)) })
    }

    /// What writes the events of this runtime.
    pub fn recorder(&self, runtime: &Runtime) -> Recorder {
        Recorder::new(self.writer.clone(), runtime)
    }

    /// Waits until everything is written, but not for a disk that is stuck.
    pub fn flush(&self) {
        self.writer.flush();
    }
}

/// Takes events.
pub trait Sink: Send + Sync {
    /// One of them.
    fn take(&self, event: Value);
}

impl Sink for Writer {
    fn take(&self, event: Value) {
        self.write(format!("{event}\n"));
    }
}

/// Turns occurrences into events.
pub struct Recorder {
    sink: Arc<dyn Sink>,
    runtime: Runtime,
    /// the present life of each service
    lives: Mutex<HashMap<Arc<str>, u64>>,
}

impl Observer for Recorder {
    fn observe(&self, occurrence: &Occurrence) {
        let (name, fields) = match occurrence {
            // What the runtime itself is made of is nobody's business.
            Occurrence::Spawned { pid, .. } | Occurrence::Exited { pid, .. }
                if pid.host == CONTROL =>
            {
                return;
            }
            Occurrence::Spawned { pid, parent, entry } => (
                "process.start",
                json!({ "pid": self.pid(*pid), "entry": &**entry, "parent": self.pid(*parent) }),
            ),
            Occurrence::Exited { pid, entry, exit } => {
                let fields = json!({ "pid": self.pid(*pid), "entry": &**entry });
                ("process.exit", with(fields, exit_fields(exit)))
            }
            Occurrence::Crashed(report) => ("process.crash", self.crash(report)),
            Occurrence::HostStarted(host) => ("host.start", json!({ "name": self.host(*host) })),
            Occurrence::HostStopped(host) => ("host.stop", json!({ "name": self.host(*host) })),
            Occurrence::Service { id, pid, change } => self.service(id, *pid, change),
            Occurrence::Child { supervisor, pid, child, child_pid, life, change } => {
                let fields = json!({
                    "name": &**child,
                    "supervisor": &**supervisor,
                    "supervisor_pid": self.pid(*pid),
                    "pid": child_pid.map(|pid| self.pid(pid)),
                    "life": life,
                });
                let (name, more) = child_change(change);
                (name, with(fields, more))
            }
            Occurrence::Written { from, output, piece } => {
                let stream = if *output == Output::Stdout { "stdout" } else { "stderr" };
                let text = String::from_utf8_lossy(piece);
                ("output", json!({ "pid": self.pid(*from), "stream": stream, "text": text }))
            }
            Occurrence::Logged { from, record } => ("log", self.log(*from, record)),
            // Only simulations tell of these.
            Occurrence::Bond { of, with, change } => {
                (bond(*change), json!({ "pid": self.pid(*of), "other": self.pid(*with) }))
            }
            Occurrence::Message { to, .. } if to.host == CONTROL => return,
            Occurrence::Message { from, to, stamp, stage } => {
                let fields = json!({
                    "from": self.pid(*from), "to": self.pid(*to), "number": stamp,
                });
                match stage {
                    MessageStage::Sent { topic, payload } => {
                        let topic = String::from_utf8_lossy(topic);
                        let more = json!({ "topic": topic, "payload": shown(payload) });
                        ("message.sent", with(fields, more))
                    }
                    MessageStage::Arrived => ("message.arrived", fields),
                    MessageStage::Taken => ("message.taken", fields),
                }
            }
            Occurrence::Timer { pid, timer, change } => {
                let name = match change {
                    TimerChange::Stopped => "timer.stopped",
                    TimerChange::Fired => "timer.fired",
                };
                (name, json!({ "pid": self.pid(*pid), "at": timer.at as f64 / 1e9 }))
            }
            Occurrence::Name { name, owner: Some(owner) } => {
                ("name.registered", json!({ "name": &**name, "pid": self.pid(*owner) }))
            }
            Occurrence::Name { name, owner: None } => ("name.released", json!({ "name": &**name })),
            Occurrence::Step { .. } | Occurrence::Emptied { .. } => return,
            Occurrence::ExitRequested(code) => ("exit.requested", json!({ "code": code })),
        };
        // The runtime's clock: in a simulation time is virtual.
        let line = event(&Moment::of(&*self.runtime.clock()).text(), name, fields);
        self.sink.take(line);
    }
}

impl Recorder {
    /// Gives what happens in this runtime to `sink`.
    pub fn new(sink: Arc<dyn Sink>, runtime: &Runtime) -> Recorder {
        Recorder { sink, runtime: runtime.clone(), lives: Mutex::default() }
    }

    fn pid(&self, pid: Pid) -> Value {
        match pid == Pid::NONE {
            true => Value::Null,
            false => self.runtime.pid_text(pid).into(),
        }
    }

    fn crash(&self, report: &CrashReport) -> Value {
        let links: Vec<Value> = report.links.iter().map(|pid| self.pid(*pid)).collect();
        let fields = json!({
            "pid": self.pid(report.pid),
            "entry": &*report.entry,
            "life": (report.life > 0).then_some(report.life),
            "supervisor_pid": report.supervisor.as_ref().map(|(pid, _)| self.pid(*pid)),
            "child": report.supervisor.as_ref().map(|(_, name)| &**name),
            "links": links,
            "ran": report.ran.as_secs_f64(),
        });
        let fields = with(fields, exit_fields(&report.exit));
        let Some(remains) = &report.remains else { return fields };
        let topics = remains.topics.iter().map(|topic| String::from_utf8_lossy(topic));
        let more = json!({
            "unread": remains.unread,
            "topics": topics.collect::<Vec<_>>(),
            "memory": remains.memory,
        });
        with(fields, more)
    }

    fn log(&self, from: Pid, record: &LogRecord) -> Value {
        let field = |(name, text): &(String, String)| {
            let value = serde_json::from_str(text).unwrap_or_else(|_| text.clone().into());
            (name.clone(), value)
        };
        json!({
            "pid": self.pid(from),
            "level": crate::log::name(record.level),
            "logger": &*record.logger,
            "message": record.message,
            "fields": record.fields.iter().map(field).collect::<Map<_, _>>(),
        })
    }

    fn host(&self, host: luavisor::HostId) -> String {
        self.runtime.host_name(host).map(|name| name.to_string()).unwrap_or_default()
    }

    fn service(
        &self,
        id: &Arc<str>,
        pid: Option<Pid>,
        change: &ServiceChange,
    ) -> (&'static str, Value) {
        let mut lives = lock(&self.lives);
        if let ServiceChange::Starting { life } = change {
            lives.insert(id.clone(), *life);
        }
        let life = lives.get(id).copied();
        drop(lives);
        let fields = json!({ "name": &**id, "pid": pid.map(|pid| self.pid(pid)), "life": life });
        let (name, more) = match change {
            ServiceChange::Starting { .. } => ("service.start", json!({})),
            ServiceChange::Running => ("service.ready", json!({})),
            ServiceChange::Stopping => ("service.stopping", json!({})),
            ServiceChange::Stopped { exit } => {
                ("service.stop", exit.as_ref().map_or(json!({}), |exit| exit_fields(exit)))
            }
            ServiceChange::Exited { exit } => ("service.exit", exit_fields(exit)),
            ServiceChange::Restart { delay, attempt, cause, was_up } => {
                let more = json!({
                    "failed_start": !was_up,
                    "delay": delay.as_secs_f64(),
                    "attempt": attempt,
                });
                ("service.restart", with(exit_fields(cause), more))
            }
            ServiceChange::GaveUp { attempts, cause } => {
                ("service.give_up", with(exit_fields(cause), json!({ "attempts": attempts })))
            }
            ServiceChange::Waiting { on } => ("service.waiting", json!({ "on": &**on })),
        };
        (name, with(fields, more))
    }
}

fn bond(change: BondChange) -> &'static str {
    match change {
        BondChange::Monitors => "bond.monitor",
        BondChange::Unmonitors => "bond.unmonitor",
        BondChange::HeardExit => "bond.exit_heard",
        BondChange::Links => "bond.link",
        BondChange::Unlinks => "bond.unlink",
        BondChange::HeardLink => "bond.link_down_heard",
        BondChange::Cancelled => "bond.cancel",
        BondChange::HeardCancel => "bond.cancel_heard",
    }
}

/// A payload for people: none, one value, or a list of all; long ones are cut.
fn shown(payload: &Values) -> Value {
    let value = match payload.items.len() {
        0 => return Value::Null,
        1 => crate::values::first(payload),
        _ => crate::values::all(payload),
    };
    let text = value.to_string();
    match text.char_indices().nth(PAYLOAD) {
        Some((end, _)) => format!("{}…", &text[..end]).into(),
        None => value,
    }
}

fn child_change(change: &Change) -> (&'static str, Value) {
    match change {
        Change::Starting { .. } => ("child.start", json!({})),
        Change::Up => ("child.ready", json!({})),
        Change::Stopping { reason } => ("child.stopping", json!({ "why": reason })),
        Change::Stopped { exit } => ("child.stop", exit_fields(exit)),
        Change::Exited { exit } => ("child.exit", exit_fields(exit)),
        Change::Restart {
            cause,
            failed_start,
            delay,
            attempt,
            left,
            strategy,
            with: siblings,
            forgotten,
        } => {
            let names = |names: &[Arc<str>]| -> Vec<String> {
                names.iter().map(|name| name.to_string()).collect()
            };
            let more = json!({
                "failed_start": failed_start,
                "strategy": strategy.as_str(),
                "with": names(siblings),
                "forgotten": names(forgotten),
                "delay": delay.as_secs_f64(),
                "attempt": attempt,
                "left": left,
            });
            ("child.restart", with(exit_fields(cause), more))
        }
        Change::GaveUp { cause } => ("child.give_up", exit_fields(cause)),
    }
}

fn exit_fields(exit: &Exit) -> Value {
    let mut fields = json!({ "reason": exit.reason.as_str() });
    if let Some(error) = &exit.error {
        fields["error"] = error_fields(error);
    }
    if let Some(origin) = &exit.origin {
        fields["origin"] = json!({ "pid": &*origin.pid_text, "message": &*origin.cause });
    }
    fields
}

fn error_fields(error: &Error) -> Value {
    let frames = error.frames.iter();
    let frames = frames.map(|frame| match frame.name.is_empty() {
        true => format!("{}:{}", frame.source, frame.line),
        false => format!("{}:{} in {}", frame.source, frame.line, frame.name),
    });
    let trace: Vec<String> = frames.collect();
    let mut fields = json!({ "message": &*error.message, "kind": error.kind.as_str() });
    if !trace.is_empty() {
        fields["trace"] = trace.into();
    }
    if let Some(details) = &error.details {
        fields["details"] = crate::values::first(details);
    }
    fields
}

/// One line: time and name first.
fn event(time: &str, name: &str, fields: Value) -> Value {
    with(json!({ "time": time, "event": name }), fields)
}

/// Both maps as one.
fn with(mut fields: Value, more: Value) -> Value {
    if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
        let more: Map<String, Value> = more;
        fields.extend(more);
    }
    fields
}
