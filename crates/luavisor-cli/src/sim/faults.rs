//! What goes wrong in a simulation: which faults there are, how often they come, and how
//! they are written.

use std::fmt;
use std::time::Duration;

use anyhow::{Context, bail};
use luavisor::Pid;

/// Nanoseconds.
pub const SECOND: u64 = 1_000_000_000;

/// What is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// A process is terminated.
    Kill,
    /// An error is raised in it, after so many safepoints.
    Fail,
    /// It is cancelled, with a deadline of a second.
    Cancel,
    /// It passes its memory limit.
    Memory,
    /// Its mailbox is full until it has read all messages.
    Flood,
    /// The next start of a process of its entry is refused.
    Start,
    /// It does not run for so many nanoseconds.
    Hold,
    /// A host is stopped, and started again ten seconds later.
    Stop,
    /// The wall clock jumps by so many seconds.
    Clock,
}

/// What it is done to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    Process,
    /// whether one lives or not
    Entry,
    Host,
    Everything,
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

    pub fn scope(self) -> Scope {
        match self {
            Kind::Clock => Scope::Everything,
            Kind::Stop => Scope::Host,
            Kind::Start => Scope::Entry,
            _ => Scope::Process,
        }
    }

    /// How much of it, drawn: of a kind that has an amount.
    pub fn draw(self, rng: &mut fastrand::Rng) -> i64 {
        match self {
            Kind::Hold => rng.i64(1..=600) * 100_000_000,
            Kind::Clock => rng.i64(-3600..=3600),
            Kind::Fail => 1 << rng.u32(0..7),
            _ => 0,
        }
    }

    /// An amount as it is written.
    fn show(self, amount: i64) -> Option<String> {
        let sign = if amount < 0 { "-" } else { "" };
        let whole = amount.unsigned_abs();
        match self {
            Kind::Hold => Some(format!("{:?}", Duration::from_nanos(whole))),
            Kind::Clock => Some(format!("{sign}{whole}s")),
            Kind::Fail => Some(amount.to_string()),
            _ => None,
        }
    }

    /// The same, read.
    fn read(self, text: &str) -> anyhow::Result<i64> {
        let wrong = |wanted: &str| format!("expected {}={wanted}, found \"{text}\"", self.name());
        let time = || text.parse::<luavisor::Duration>().ok().map(|time| time.0);
        match self {
            Kind::Hold => {
                time().filter(|time| *time >= 0).with_context(|| wrong("DURATION such as 5s"))
            }
            Kind::Clock => {
                let jump = time().filter(|time| time % 1_000_000_000 == 0);
                let jump = jump.with_context(|| wrong("DURATION in whole seconds, such as -1h"))?;
                Ok(jump / 1_000_000_000)
            }
            Kind::Fail => {
                let safepoints: Option<u32> = text.parse().ok().filter(|count| *count > 0);
                safepoints.map(i64::from).with_context(|| wrong("SAFEPOINTS such as 20"))
            }
            _ => bail!("{} takes no \"={text}\"", self.name()),
        }
    }
}

/// How often each kind happens.
#[derive(Clone, Debug, Default)]
pub struct Rates(Vec<Rate>);

#[derive(Clone, Debug)]
struct Rate {
    kind: Kind,
    /// only these: an entry, or a host
    only: Option<String>,
    /// per virtual second, and per process or host
    probability: f64,
}

impl Rates {
    /// From `kill=0.01,fail@app:worker=0.001`.
    pub fn parse(text: &str) -> anyhow::Result<Rates> {
        let mut rates = Vec::new();
        for part in text.split(',').filter(|part| !part.trim().is_empty()) {
            let (name, rate) = part.split_once('=').unwrap_or((part, ""));
            let name = name.trim();
            let (kind, only) = match name.split_once('@') {
                Some((_, "")) => bail!("\"{name}\": an entry is missing after @"),
                Some((kind, only)) => (kind, Some(only.to_owned())),
                None => (name, None),
            };
            let kind = Kind::parse(kind)?;
            if kind == Kind::Clock && only.is_some() {
                bail!("\"{name}\": there is one wall clock for all, expected clock=PROBABILITY");
            }
            let probability: f64 = rate
                .trim()
                .parse()
                .ok()
                .with_context(|| format!("expected {name}=PROBABILITY, such as {name}=0.01"))?;
            if !(0.0..=1.0).contains(&probability) {
                bail!("{name}={probability}: a probability is from 0 to 1");
            }
            rates.push(Rate { kind, only, probability });
        }
        Ok(Rates(rates))
    }

    /// What they name.
    pub fn named(&self) -> impl Iterator<Item = (Kind, &str)> {
        self.0.iter().filter_map(|rate| Some((rate.kind, rate.only.as_deref()?)))
    }

    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether something can happen to processes.
    pub fn hit_processes(&self) -> bool {
        self.0.iter().any(|rate| matches!(rate.kind.scope(), Scope::Process | Scope::Entry))
    }

    /// What happens to a process, to a host or to everything. The moment is not set.
    pub fn draw(&self, rng: &mut fastrand::Rng, target: Target<'_>) -> Vec<Fault> {
        let (wanted, name) = match target {
            Target::Process(_, entry) => (&[Scope::Process, Scope::Entry][..], entry),
            Target::Host(host) => (&[Scope::Host][..], host),
            Target::Everything => (&[Scope::Everything][..], ""),
        };
        let mut faults = Vec::new();
        for Rate { kind, only, probability } in &self.0 {
            let meant = only.as_deref().is_none_or(|only| only == name);
            if !meant || !wanted.contains(&kind.scope()) || rng.f64() >= *probability {
                continue;
            }
            let amount = Some(kind.draw(rng));
            let pid = match target {
                Target::Process(pid, _) if kind.scope() == Scope::Process => Some(pid),
                _ => None,
            };
            faults.push(Fault {
                at: 0,
                turns: 0,
                kind: *kind,
                amount,
                target: name.to_owned(),
                which: 0,
                drawn: true,
                pid,
            });
        }
        faults
    }
}

/// What may be hit.
#[derive(Clone, Copy, Debug)]
pub enum Target<'a> {
    /// with its entry
    Process(Pid, &'a str),
    Host(&'a str),
    Everything,
}

/// One fault. Its target is described so that it makes sense in another run too.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// nanoseconds of virtual time
    pub at: u64,
    /// turns of shards between then and the fault: it meets what is under way
    pub turns: u32,
    /// what
    pub kind: Kind,
    /// how much of it; none: to be drawn
    pub amount: Option<i64>,
    /// the entry of the process that it hits, or the host; empty: a random one
    pub target: String,
    /// which of those processes, modulo how many there are
    pub which: usize,
    /// it came at random
    pub drawn: bool,
    /// the process that it was drawn for
    pub pid: Option<Pid>,
}

/// `12.5s+3 hold=4.2s app:worker#2`: three turns after 12.5 s, the third one of them.
impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", Duration::from_nanos(self.at))?;
        if self.turns > 0 {
            write!(f, "+{}", self.turns)?;
        }
        write!(f, " {}", self.kind.name())?;
        if let Some(amount) = self.amount.and_then(|amount| self.kind.show(amount)) {
            write!(f, "={amount}")?;
        }
        if !self.target.is_empty() {
            write!(f, " {}", self.target)?;
        }
        match self.which {
            0 => Ok(()),
            which => write!(f, "#{which}"),
        }
    }
}

impl Fault {
    /// As it is printed.
    pub fn parse(text: &str) -> anyhow::Result<Fault> {
        let words: Vec<&str> = text.split_whitespace().collect();
        let (when, what, target) = match words[..] {
            [when, what, target] => (when, what, target),
            [when, what] => (when, what, ""),
            _ => {
                bail!(
                    "expected TIME FAULT [TARGET] such as \"30s kill app:worker\", found \"{text}\""
                )
            }
        };
        let (at, turns) = when.split_once('+').unwrap_or((when, "0"));
        let time = at.parse::<luavisor::Duration>().ok().and_then(|at| u64::try_from(at.0).ok());
        let at = time.with_context(|| format!("expected a time such as 30s, found \"{when}\""))?;
        let turns = turns.parse().ok();
        let turns = turns.with_context(|| format!("expected TIME+TURNS, found \"{when}\""))?;
        let (kind, amount) = match what.split_once('=') {
            Some((kind, amount)) => {
                let kind = Kind::parse(kind)?;
                (kind, Some(kind.read(amount)?))
            }
            None => (Kind::parse(what)?, None),
        };
        if kind == Kind::Clock && !target.is_empty() {
            bail!(
                "there is one wall clock for all, expected TIME clock=DURATION, found \"{text}\""
            );
        }
        let (target, which) = match target.split_once('#') {
            Some((target, which)) => {
                let which = which.parse().ok();
                let wrong = || format!("expected ENTRY#NUMBER, found \"{text}\"");
                (target.to_owned(), which.with_context(wrong)?)
            }
            None => (target.to_owned(), 0),
        };
        Ok(Fault { at, turns, kind, amount, target, which, drawn: false, pid: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn faults_are_read_as_they_are_printed() {
        for text in [
            "30s kill app:worker",
            "12.000000345s+3 hold=4.2s app:worker#2",
            "500ms fail=64 app:a",
            "1µs clock=-3600s",
            "3599.999999s stop app:processes",
            "2s start app:a",
            "30s kill",
            "30s stop",
        ] {
            let fault = Fault::parse(text).map(|fault| fault.to_string());
            assert_eq!(fault.ok().as_deref(), Some(text));
        }
        for (text, says) in [
            ("30s", "expected TIME FAULT [TARGET]"),
            ("30s kill app:a app:b", "expected TIME FAULT [TARGET]"),
            ("-3s kill app:a", "expected a time such as 30s"),
            ("3s+x kill app:a", "expected TIME+TURNS"),
            ("3s kill=4 app:a", "kill takes no \"=4\""),
            ("3s hold=-4s app:a", "expected hold=DURATION"),
            ("3s clock=1h app:a", "one wall clock for all"),
            ("3s kill app:a#b", "expected ENTRY#NUMBER"),
        ] {
            let error = Fault::parse(text).map_err(|error| error.to_string()).err();
            assert!(error.as_ref().is_some_and(|error| error.contains(says)), "{text}: {error:?}");
        }
    }
}
