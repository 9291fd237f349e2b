//! What goes wrong in a simulation: how often, and at which moment it did.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use luavisor::{CancelRequest, Error, Exit, Kind as ErrorKind, Pid, Reason, Simulated, Values};

/// What is done to a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It is terminated.
    Kill,
    /// It fails at its next safepoint.
    Fail,
    /// It is cancelled, with a deadline of a second.
    Cancel,
    /// It passes its memory limit.
    Memory,
    /// Its mailbox is filled to its limit, up to a thousand messages.
    Flood,
    /// The next start of any process is refused.
    Start,
    /// The wall clock jumps, up to an hour to and fro.
    Clock,
    /// It does not run for a time, up to a minute.
    Hold,
    /// The host that it lives on is stopped, and started again later.
    Stop,
}

const KINDS: [(&str, Kind); 9] = [
    ("kill", Kind::Kill),
    ("fail", Kind::Fail),
    ("cancel", Kind::Cancel),
    ("memory", Kind::Memory),
    ("flood", Kind::Flood),
    ("start", Kind::Start),
    ("clock", Kind::Clock),
    ("hold", Kind::Hold),
    ("stop", Kind::Stop),
];

impl Kind {
    fn parse(text: &str) -> anyhow::Result<Kind> {
        let known = KINDS.iter().find(|(known, _)| *known == text);
        let names = || KINDS.map(|(name, _)| name).join(", ");
        let found = known.map(|(_, kind)| *kind);
        found.with_context(|| format!("unknown fault \"{text}\", expected {}", names()))
    }

    pub fn name(self) -> &'static str {
        KINDS.iter().find(|(_, kind)| *kind == self).map_or("", |(name, _)| name)
    }
}

/// Messages of a flood.
const FLOOD: usize = 1000;

/// How often each kind happens.
#[derive(Clone, Debug, Default)]
pub struct Rates(Vec<Rate>);

#[derive(Clone, Debug)]
struct Rate {
    kind: Kind,
    /// only processes of this entry
    entry: Option<String>,
    /// per process and virtual second
    probability: f64,
}

impl Rates {
    /// From `kill=0.01,fail@app:worker=0.001`.
    pub fn parse(text: &str) -> anyhow::Result<Rates> {
        let mut rates = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (name, rate) = part.split_once('=').unwrap_or((part, ""));
            let (kind, entry) = match name.trim().split_once('@') {
                Some((kind, entry)) => (kind, Some(entry.to_owned())),
                None => (name.trim(), None),
            };
            let kind = Kind::parse(kind)?;
            let rate: f64 = rate.trim().parse().with_context(|| {
                format!("expected {}=PROBABILITY, such as {}=0.01", name.trim(), name.trim())
            })?;
            if !(0.0..=1.0).contains(&rate) {
                bail!("{}={rate}: a probability is from 0 to 1", name.trim());
            }
            rates.push(Rate { kind, entry, probability: rate });
        }
        Ok(Rates(rates))
    }

    /// The entries that it is for.
    pub fn entries(&self) -> impl Iterator<Item = &str> {
        self.0.iter().filter_map(|rate| rate.entry.as_deref())
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What happens to one process within the second that begins at `now`.
    pub fn draw(&self, rng: &mut fastrand::Rng, now: u64, entry: &str) -> Vec<Fault> {
        let mut faults = Vec::new();
        for Rate { kind, entry: only, probability } in &self.0 {
            if only.as_deref().is_some_and(|only| only != entry) {
                continue;
            }
            if rng.f64() < *probability {
                let (at, turns) = (now + rng.u64(0..1_000_000_000), rng.u32(0..8));
                let entry = entry.to_owned();
                faults.push(Fault { at, turns, kind: *kind, entry, which: rng.usize(0..1 << 16) });
            }
        }
        faults
    }
}

/// One fault. Its target is described so that it makes sense in another run too.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// nanoseconds of virtual time
    pub at: u64,
    /// turns of shards that happen before it: it meets what is under way
    pub turns: u32,
    /// what
    pub kind: Kind,
    /// the entry of the process that it hits
    pub entry: String,
    /// which of those, modulo how many there are
    pub which: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let at = Duration::from_micros(self.at / 1000);
        write!(f, "{at:?} {} {}", self.kind.name(), self.entry)
    }
}

impl Fault {
    /// From `30s kill app:worker`, as it is printed.
    pub fn parse(text: &str) -> anyhow::Result<Fault> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let [at, kind, entry] = words[..] else {
            bail!("expected TIME FAULT ENTRY such as \"30s kill app:worker\", found \"{text}\"");
        };
        let parsed = at.parse::<luavisor::Duration>().ok().and_then(|at| u64::try_from(at.0).ok());
        let at = parsed.with_context(|| format!("expected a time such as 30s, found \"{at}\""))?;
        let (kind, entry) = (Kind::parse(kind)?, entry.to_owned());
        Ok(Fault { at, turns: 0, kind, entry, which: 0 })
    }

    /// Does it to a process. What has died meanwhile is no mistake.
    pub fn hit(&self, simulated: &Simulated, pid: Pid) {
        let runtime = simulated.runtime();
        let _ = match self.kind {
            Kind::Kill => runtime.terminate(pid),
            Kind::Fail => {
                let error = Error::new(ErrorKind::INTERNAL, "injected fault");
                runtime.end(pid, Exit::failure(Reason::Error, error))
            }
            Kind::Memory => runtime.end(pid, Exit::memory_limit()),
            Kind::Cancel => {
                let timeout = Some((1_000_000_000, "1s".into()));
                runtime.cancel(pid, CancelRequest { timeout, reason: "injected fault".into() })
            }
            Kind::Start => {
                runtime.refuse_start(true);
                Ok(())
            }
            Kind::Clock => {
                simulated.jump_wall_clock(self.which as i64 % 7201 - 3600);
                Ok(())
            }
            Kind::Hold => {
                runtime.hold(pid, (self.which as u64 % 600 + 1) * 100_000_000);
                Ok(())
            }
            // The host is stopped by whoever knows what to start again.
            Kind::Stop => Ok(()),
            Kind::Flood => {
                (0..FLOOD).try_for_each(|_| runtime.send(pid, *b"injected fault", Values::none()))
            }
        };
    }
}
