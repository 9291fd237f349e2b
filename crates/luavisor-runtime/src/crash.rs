//! Crash reports: what there is to say of a process that failed by itself.
//!
//! A report goes whole into the event stream, and as one line into the log. When
//! many processes of one entry crash, the log shows the first [`SHOWN`] of each
//! second and counts the others; none is dropped without being counted.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use luavisor_core::{Exit, Pid};
use luavisor_vm::kernel::Level;
use luavisor_vm::{Remains, calendar};

use crate::log::{self, Field};
use crate::observe::Occurrence;
use crate::sync::lock;
use crate::world::World;

/// Reports of one entry that the log shows in a second.
const SHOWN: u32 = 10;
/// Frames of a traceback in the log.
const FRAMES: usize = 12;
/// Links that the log names.
const LINKS: usize = 8;

/// What is known of a process that failed by itself: it raised, returned an error,
/// passed a limit, or deadlocked.
#[derive(Clone, Debug)]
pub struct CrashReport {
    /// the process
    pub pid: Pid,
    /// entry id of its code
    pub entry: Arc<str>,
    /// which life of a service or child it was, from 1; 0: of neither
    pub life: u64,
    /// its supervisor, and its name there
    pub supervisor: Option<(Pid, String)>,
    /// how it ended; the error holds message, kind and traceback
    pub exit: Arc<Exit>,
    /// the processes that it was linked to
    pub links: Vec<Pid>,
    /// from its start to its end, in steps of 10 ms
    pub ran: Duration,
    /// its mailbox and memory; `None` if it was not written in Lua
    pub remains: Option<Remains>,
}

/// How many reports of each entry the log has shown and held back.
#[derive(Debug, Default)]
pub(crate) struct Storms(Mutex<BTreeMap<Arc<str>, Storm>>);

#[derive(Debug, Default)]
struct Storm {
    second: u64,
    shown: u32,
    hidden: u64,
}

impl Storms {
    /// Whether to show one more, and how many were held back before it.
    fn shows(&self, entry: &Arc<str>, second: u64) -> Option<u64> {
        let mut storms = lock(&self.0);
        let storm = storms.entry(entry.clone()).or_default();
        if storm.second != second {
            (storm.second, storm.shown) = (second, 0);
        }
        if storm.shown == SHOWN {
            storm.hidden += 1;
            return None;
        }
        storm.shown += 1;
        Some(std::mem::take(&mut storm.hidden))
    }
}

impl World {
    /// Whether a report would be seen.
    pub fn wants_crashes(&self) -> bool {
        self.observers.any() || self.log.level() <= Level::Warn
    }

    /// Tells observers and the log.
    pub fn report_crash(&self, report: CrashReport) {
        let report = Arc::new(report);
        self.observers.tell(|| Occurrence::Crashed(report.clone()));
        if self.log.level() > Level::Warn {
            return;
        }
        let second = self.clock.monotonic() / 1_000_000_000;
        if let Some(hidden) = self.storms.shows(&report.entry, second) {
            self.log_crash(&report, hidden);
        }
    }

    fn log_crash(&self, report: &CrashReport, hidden: u64) {
        let pid = self.pid_text(report.pid);
        let ran = calendar::Duration::from(report.ran).to_string();
        let error = report.exit.error.as_deref();
        let frames = error.map(|error| &error.frames[..]).unwrap_or_default();
        let frames = frames.iter().filter(|frame| frame.line > 0).take(FRAMES);
        let trace: Vec<String> = frames
            .map(|frame| match frame.name.is_empty() {
                true => format!("{}:{}", frame.source, frame.line),
                false => format!("{}:{} in {}", frame.source, frame.line, frame.name),
            })
            .collect();
        let trace = trace.join(", ");
        let links = report.links.iter().take(LINKS).map(|pid| self.pid_text(*pid));
        let mut links = links.collect::<Vec<_>>().join(", ");
        if report.links.len() > LINKS {
            links += &format!(" and {} more", report.links.len() - LINKS);
        }
        let topics = report.remains.as_ref().map(|remains| {
            let topics = remains.topics.iter().map(|topic| String::from_utf8_lossy(topic));
            topics.collect::<Vec<_>>().join(", ")
        });
        let mut fields = vec![("entry", Field::Text(&report.entry)), ("pid", Field::Text(&pid))];
        if let Some((_, name)) = &report.supervisor {
            fields.push(("child", Field::Text(name)));
        }
        if report.life > 0 {
            fields.push(("life", Field::Number(report.life)));
        }
        if let Some(error) = error {
            fields.push(("error", Field::Text(&error.message)));
            fields.push(("kind", Field::Text(error.kind.as_str())));
        }
        for (name, text) in [("trace", &trace), ("links", &links)] {
            if !text.is_empty() {
                fields.push((name, Field::Text(text)));
            }
        }
        if let Some(remains) = report.remains.as_ref().filter(|remains| remains.unread > 0) {
            fields.push(("unread", Field::Number(remains.unread as u64)));
            fields.push(("topics", Field::Text(topics.as_deref().unwrap_or_default())));
        }
        if let Some(memory) = report.remains.as_ref().and_then(|remains| remains.memory) {
            fields.push(("memory", Field::Number(memory as u64)));
        }
        fields.push(("ran", Field::Text(&ran)));
        if hidden > 0 {
            fields.push(("not_shown", Field::Number(hidden)));
        }
        log::write(&*self.log, Level::Warn, "process crashed", fields);
    }

    /// The count of what no later line has told.
    pub fn tell_hidden_crashes(&self) {
        for (entry, storm) in &mut *lock(&self.storms.0) {
            let hidden = std::mem::take(&mut storm.hidden);
            if hidden > 0 {
                let fields = [("entry", Field::Text(entry)), ("count", Field::Number(hidden))];
                log::write(&*self.log, Level::Warn, "more processes crashed", fields);
            }
        }
    }
}
