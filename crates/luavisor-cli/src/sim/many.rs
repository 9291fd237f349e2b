//! All seeds, in one process for each processor.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::time::{Duration, Instant};

use anyhow::Context;
use luavisor::Application;
use serde_json::{Value, json};

use super::faults::SECOND;
use super::one::one;
use super::run::{Outcome, Plan, Script, run};
use super::screen::Screen;
use super::tape::Keep;
use super::{FOUND, Options, Sim};
use crate::{CANNOT_START, print};

/// How often a worker says how far it is.
const PROGRESS: Duration = Duration::from_millis(200);

/// What the workers have said.
#[derive(Default)]
struct Tally {
    done: u64,
    /// nanoseconds of virtual time
    passed: u64,
    /// faults that hit, by kind
    faults: BTreeMap<String, u64>,
    missed: u64,
    /// how often checks of the user were asked
    asked: u64,
    /// seeds in which the application ended by itself, by exit code
    exits: BTreeMap<i64, u64>,
    /// faults that waited for a moment that never came, by kind
    unmet: BTreeMap<String, u64>,
    /// of services and children
    restarts: u64,
    /// in how many seeds each service or child used up its restarts
    gave_up: BTreeMap<String, u64>,
    failures: Vec<(u64, String)>,
    /// the last seed of each worker
    latest: Vec<Option<u64>>,
    /// a seed that takes long, and how far it is, in nanoseconds
    under_way: Option<(u64, u64)>,
}

impl Tally {
    /// Counts what a worker said; returns the failure if it is one.
    fn add(&mut self, worker: usize, line: &str) -> Option<(u64, String)> {
        let line = serde_json::from_str::<Value>(line).ok()?;
        let number = |name: &str| line[name].as_u64().unwrap_or_default();
        let seed = number("seed");
        if let Some(at) = line["at"].as_u64() {
            self.under_way = Some((seed, at));
            return None;
        }
        self.latest[worker] = Some(seed);
        self.done += 1;
        self.passed += number("passed");
        self.missed += number("missed");
        self.asked += number("asked");
        if let Some(code) = line["exit"].as_i64() {
            *self.exits.entry(code).or_default() += 1;
        }
        self.restarts += number("restarts");
        for (name, counts) in [("faults", &mut self.faults), ("unmet", &mut self.unmet)] {
            for (kind, count) in line[name].as_object().into_iter().flatten() {
                *counts.entry(kind.clone()).or_default() += count.as_u64().unwrap_or_default();
            }
        }
        for id in line["gave_up"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            *self.gave_up.entry(id.to_owned()).or_default() += 1;
        }
        let failure = (seed, line["failure"].as_str()?.to_owned());
        self.failures.push(failure.clone());
        Some(failure)
    }

    fn hours(&self) -> f64 {
        self.passed as f64 / 3600e9
    }

    /// How far it is, in words.
    fn progress(&self, count: u64, plan: &Plan, took: Duration) -> String {
        let rate = self.hours() / took.as_secs_f64();
        let mut text =
            format!("{} of {count} seeds, {rate:.1} virtual hours per second", self.done);
        if let Some((seed, at)) = self.under_way {
            text += &format!("; seed {seed} is at {}", far(at, plan));
        }
        text
    }

    /// What was tried, in words.
    fn coverage(&self, application: &Application, plan: &Plan) -> String {
        let mut parts = Vec::new();
        let faults = self.faults.iter().map(|(kind, count)| match self.unmet.get(kind) {
            Some(unmet) if *unmet > 0 => format!("{count} {kind} ({unmet} never came)"),
            _ => format!("{count} {kind}"),
        });
        let faults = faults.collect::<Vec<_>>().join(", ");
        match faults.is_empty() {
            false => parts.push(format!("faults: {faults}")),
            true if plan.rates.is_empty() && plan.schedule.is_empty() => {}
            true => parts.push("no fault hit anybody".to_owned()),
        }
        if self.missed > 0 {
            parts.push(format!("{} at a time found no target", self.missed));
        }
        if !application.checks.is_empty() {
            parts.push(format!("checks asked {} times", self.asked));
        }
        if self.restarts > 0 {
            parts.push(format!("{} restarts", self.restarts));
        }
        for (id, count) in &self.gave_up {
            parts.push(format!("{id} gave up in {count} seeds"));
        }
        for (code, count) in &self.exits {
            parts.push(format!("{count} seeds ended by themselves with exit code {code}"));
        }
        match parts.is_empty() {
            true => String::new(),
            false => format!("{}\n", parts.join("; ")),
        }
    }
}

/// One line of JSON per seed, and now and then how far it is; the first failure ends it.
#[allow(clippy::disallowed_methods)] // progress is one in real time
pub fn work(application: &Application, plan: &Plan, options: &Options) -> anyhow::Result<u8> {
    if options.tied {
        let wait = || {
            // It says nothing; it only ends.
            let _ = std::io::copy(&mut std::io::stdin(), &mut std::io::sink());
            std::process::exit(FOUND.into());
        };
        std::thread::Builder::new().spawn(wait)?;
    }
    for seed in options.from..=options.last()? {
        let told = Cell::new(Instant::now());
        let progress = |at: u64| {
            if told.get().elapsed() >= PROGRESS {
                told.set(Instant::now());
                print::out(&format!("{}\n", json!({ "seed": seed, "at": at })));
            }
        };
        let outcome = run(application, plan, seed, &Script::Drawn, Keep::Nothing, &progress)?;
        let counts = outcome.counts();
        let Outcome { failure, hash, passed, missed, asked, exit, unmet, restarts, .. } = outcome;
        let (restarts, gave_up) = restarts;
        let (failed, hash) = (failure.is_some(), format!("{hash:016x}"));
        let line = json!({
            "seed": seed, "hash": hash, "passed": passed, "faults": counts, "missed": missed,
            "asked": asked, "exit": exit, "failure": failure, "restarts": restarts,
            "gave_up": gave_up, "unmet": { "fail": unmet.fails, "start": unmet.starts },
        });
        print::out(&format!("{line}\n"));
        if failed {
            return Ok(FOUND);
        }
    }
    Ok(0)
}

/// Tries all seeds; 1 if one fails.
#[allow(clippy::disallowed_methods)] // the rate is one of real time
pub fn many(sim: &Sim, application: &Application, plan: &Plan) -> anyhow::Result<u8> {
    let start = Instant::now();
    let count = sim.options.last()? - sim.options.from + 1;
    let processors = || std::thread::available_parallelism().map_or(1, |count| count.get() as u64);
    let jobs = sim.options.jobs.unwrap_or_else(processors).min(count);
    let mut workers = Vec::new();
    let (sender, lines) = channel();
    for job in 0..jobs {
        let share = count / jobs + u64::from(job < count % jobs);
        let before = job * (count / jobs) + job.min(count % jobs);
        let mut worker = worker(sim.options.from + before, share)?;
        if let Some(stdout) = worker.stdout.take() {
            read(workers.len(), stdout, sender.clone())?;
        }
        workers.push(worker);
    }
    drop(sender);
    let tally = listen(&lines, plan, count, workers.len(), start);
    for (mut worker, latest) in workers.into_iter().zip(&tally.latest) {
        let status = worker.wait()?;
        match status.code() {
            Some(code) if code == 0 || code == i32::from(FOUND) => {}
            // It has said why.
            Some(code) if code == i32::from(CANNOT_START) => return Ok(CANNOT_START),
            _ => {
                let after = match latest {
                    Some(seed) => format!("after seed {seed}"),
                    None => "at its first seed".to_owned(),
                };
                print::out(&format!("a simulation crashed {after}: {status}\n"));
                return Ok(FOUND);
            }
        }
    }
    let (hours, took) = (tally.hours(), start.elapsed().as_secs_f64());
    print::out(&format!(
        "{} seeds, {hours:.1} virtual hours in {took:.1} s: {:.1} virtual hours per second\n{}",
        tally.done,
        hours / took,
        tally.coverage(application, plan),
    ));
    let Some((seed, failure)) = tally.failures.iter().min() else { return Ok(0) };
    let (failed, left) = (tally.failures.len(), count - tally.done);
    print::out(&match left {
        0 => format!("{failed} of them failed\n"),
        _ => format!(
            "{failed} of them failed; {left} were not tried, as each of {} processes stops at \
             its first failure\n",
            tally.latest.len()
        ),
    });
    if one(application, plan, *seed, false)? == 0 {
        print::out(&format!("but in its own process seed {seed} failed: {failure}\n"));
    }
    Ok(FOUND)
}

/// Passes the lines of a worker on.
fn read(worker: usize, stdout: ChildStdout, lines: Sender<(usize, String)>) -> anyhow::Result<()> {
    let pass_on = move || {
        let all = BufReader::new(stdout).lines().map_while(Result::ok);
        // Nobody listens any more once the command is over.
        let _ = all.map(|line| lines.send((worker, line))).take_while(Result::is_ok).count();
    };
    std::thread::Builder::new().spawn(pass_on)?;
    Ok(())
}

/// How far a seed is.
pub fn far(at: u64, plan: &Plan) -> String {
    let whole = plan.time.saturating_add(plan.settle);
    let [at, whole] = [at, whole].map(|time| Duration::from_secs(time / SECOND));
    format!("{at:?} of {whole:?}")
}

/// Counts what the workers say until all are done, and shows how far they are.
fn listen(
    lines: &Receiver<(usize, String)>,
    plan: &Plan,
    count: u64,
    workers: usize,
    start: Instant,
) -> Tally {
    let mut tally = Tally { latest: vec![None; workers], ..Tally::default() };
    let mut screen = Screen::new();
    while let Ok((worker, line)) = lines.recv() {
        if let Some((seed, failure)) = tally.add(worker, &line) {
            screen.clear();
            print::out(&format!("seed {seed} fails: {failure}\n"));
        }
        screen.show(|| tally.progress(count, plan, start.elapsed()));
    }
    screen.clear();
    tally
}

/// This program again, for a share of the seeds.
fn worker(from: u64, seeds: u64) -> anyhow::Result<Child> {
    let mut command = Command::new(std::env::current_exe().context("cannot find myself")?);
    let mut skip = false;
    let mut shared = false;
    for word in std::env::args_os().skip(1) {
        let text = word.to_string_lossy().into_owned();
        if std::mem::take(&mut skip) {
            continue;
        }
        // Its own share comes instead.
        let replaced = ["--seeds", "--from", "--jobs"];
        if replaced.contains(&text.as_str()) {
            skip = true;
            continue;
        }
        if replaced.iter().any(|flag| text.starts_with(&format!("{flag}="))) {
            continue;
        }
        command.arg(word);
        if text == "sim" && !std::mem::replace(&mut shared, true) {
            command
                .args(["--worker", "--tied"])
                .arg(format!("--from={from}"))
                .arg(format!("--seeds={seeds}"));
        }
    }
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::inherit());
    command.spawn().context("cannot start a worker")
}
