//! Random supervisors and histories against an oracle written from the rules.

use proptest::prelude::{
    Just, ProptestConfig, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};
use proptest::strategy::Strategy as Generate;

use super::*;

/// What may happen; children by number, modulo those there are.
#[derive(Clone, Debug)]
enum Step {
    /// a living child that was not asked to ends
    End {
        child: usize,
        fails: bool,
    },
    /// one that was asked to stop does
    Obey(usize),
    Ring,
    Wait(u64),
    Ready(usize),
    /// it cannot start, or it can again
    Break(usize, bool),
    Add,
    Stop(usize),
    Restart(usize),
    StopAll,
}

fn steps() -> impl Generate<Value = Vec<Step>> {
    let child = 0..8_usize;
    let step = prop_oneof![
        6 => (child.clone(), any::<bool>()).prop_map(|(child, fails)| Step::End { child, fails }),
        8 => child.clone().prop_map(Step::Obey),
        8 => Just(Step::Ring),
        2 => (0..6_000_u64).prop_map(Step::Wait),
        4 => child.clone().prop_map(Step::Ready),
        1 => (child.clone(), any::<bool>()).prop_map(|(child, b)| Step::Break(child, b)),
        2 => Just(Step::Add),
        1 => child.clone().prop_map(Step::Stop),
        1 => child.prop_map(Step::Restart),
        1 => prop_oneof![19 => Just(Step::Ring), 1 => Just(Step::StopAll)],
    ];
    proptest::collection::vec(step, 0..80)
}

fn supervisors() -> impl Generate<Value = (Rules, Vec<ChildRule>, Option<DynamicRule>)> {
    let restart = || {
        prop_oneof![Just(Restart::Permanent), Just(Restart::Transient), Just(Restart::Temporary)]
    };
    let stop = prop_oneof![
        3 => Just(Shutdown::Deadline(Duration::from_secs(5))),
        1 => Just(Shutdown::Infinity),
        1 => Just(Shutdown::Kill),
    ];
    let count = proptest::option::weighted(0.3, 1..4_u32);
    let child = (restart(), count, any::<bool>(), any::<bool>(), stop);
    let ends = prop_oneof![
        4 => Just(AutoShutdown::Never),
        1 => Just(AutoShutdown::AnySignificant),
        1 => Just(AutoShutdown::AllSignificant),
    ];
    let children = proptest::collection::vec(child, 0..6);
    let strategies = prop_oneof![
        Just(Strategy::OneForOne),
        Just(Strategy::OneForAll),
        Just(Strategy::RestForOne)
    ];
    let dynamic = proptest::option::of(restart());
    (strategies, 0..5_u32, 0..2_u64, children, dynamic, ends).prop_map(
        |(strategy, restarts, delay, children, dynamic, auto_shutdown)| {
            let backoff = Backoff {
                initial_delay: Duration::from_millis(delay * 100),
                ..super::rules(strategy).backoff
            };
            let intensity = Intensity { restarts, period: Duration::from_secs(5) };
            let rules = Rules { backoff, intensity, auto_shutdown, ..super::rules(strategy) };
            let specs = children.into_iter().enumerate().map(
                |(n, (restart, count, ready, significant, shutdown))| ChildRule {
                    restart,
                    count,
                    ready,
                    significant: significant && restart != Restart::Permanent,
                    shutdown,
                    ..ChildRule::new(format!("c{n}"))
                },
            );
            let dynamic = dynamic.map(|restart| DynamicRule {
                name: "d".into(),
                max_children: 3,
                restart,
                shutdown: Shutdown::Infinity,
            });
            (rules, specs.collect(), dynamic)
        },
    )
}

/// What the rules allow, beside what [`Play`] checks: one life at a time, one
/// request per life, nobody left at the end.
struct Oracle {
    rules: Rules,
    specs: Vec<ChildRule>,
    dynamic: Option<DynamicRule>,
    restarts: Vec<u64>,
    /// when each child came up last, and its restarts without a long run between
    runs: BTreeMap<ChildId, (Option<u64>, u32)>,
    seen: usize,
}

impl Oracle {
    fn restart(&self, child: &ChildView) -> Restart {
        match child.rule {
            Some(rule) => self.specs[rule].restart,
            None => self.dynamic.as_ref().unwrap().restart,
        }
    }

    /// Budget, attempts and delays, recounted from what was told.
    fn recount(&mut self, play: &Play) {
        for ((id, change), now) in play.changes.iter().zip(&play.times).skip(self.seen) {
            let (up, attempts) = self.runs.entry(*id).or_default();
            let ended =
                !matches!(change, Change::Starting { .. } | Change::Up | Change::Stopping { .. });
            if matches!(change, Change::Up) {
                *up = Some(*now);
            } else if ended && up.take().is_some_and(|up| now - up >= 5 * SECOND) {
                *attempts = 0;
            }
            let counts = |at: &&u64| now - **at <= 5 * SECOND;
            let counting = self.restarts.iter().filter(counts).count() as u32;
            match change {
                Change::Restart { left, attempt, delay, .. } => {
                    *attempts += 1;
                    assert_eq!(attempt, attempts);
                    assert_eq!(*delay, self.rules.backoff.delay(*attempts, 0.5));
                    assert_eq!(counting + 1 + left, self.rules.intensity.restarts);
                    self.restarts.push(*now);
                }
                Change::GaveUp { .. } => assert_eq!(counting, self.rules.intensity.restarts),
                _ => {}
            }
        }
        self.seen = play.changes.len();
    }

    /// Whoever is asked to stop for others has nobody of a later group beside it.
    fn stops_in_order(&self, play: &Play) {
        let group =
            |id: ChildId| play.machine.child(id).and_then(|c| c.rule).unwrap_or(self.specs.len());
        let together: Vec<ChildId> = play
            .asked
            .iter()
            .filter(|(_, reason)| matches!(**reason, reasons::RESTARTING | reasons::STOPPING))
            .map(|(id, _)| *id)
            .collect();
        for id in &together {
            assert!(play.alive.iter().all(|other| group(*other) <= group(*id)));
            assert!(self.rules.strategy != Strategy::OneForOne || play.machine.ending());
        }
    }

    /// Nobody starts before one that is to start earlier.
    fn starts_in_order(&self, play: &Play, before: &BTreeMap<ChildId, u64>) {
        for child in play.machine.children() {
            let started = before.get(&child.id).is_none_or(|life| child.life > *life);
            if started && child.life == 1 {
                let waits =
                    |earlier: ChildView| earlier.id < child.id && earlier.state == State::Waiting;
                assert!(!play.machine.children().any(waits), "{}", play.states());
            }
        }
    }
}

fn nth(set: impl Iterator<Item = ChildId>, n: usize) -> Option<ChildId> {
    let all: Vec<ChildId> = set.collect();
    (!all.is_empty()).then(|| all[n % all.len()])
}

fn name_of(play: &Play, n: usize) -> Option<Arc<str>> {
    let id = nth(play.machine.children().map(|child| child.id), n)?;
    play.machine.child(id).map(|child| child.name)
}

fn take(play: &mut Play, step: Step) {
    match step {
        Step::End { child, fails } => {
            let free: Vec<ChildId> =
                play.alive.iter().filter(|id| !play.asked.contains_key(id)).copied().collect();
            if let Some(id) = nth(free.into_iter(), child) {
                play.end(id, if fails { failure("x") } else { normal() });
            }
        }
        Step::Obey(child) => {
            if let Some(id) = nth(play.asked.clone().into_keys(), child) {
                play.end(id, normal());
            }
        }
        Step::Ring => {
            play.ring();
        }
        Step::Wait(millis) => play.now += millis * 1_000_000,
        Step::Ready(child) => {
            if let Some(id) = nth(play.alive.clone().into_iter(), child) {
                play.handle(Event::Ready(id));
            }
        }
        Step::Break(child, broken) => {
            match broken {
                true => play.broken.insert(child as u64),
                false => play.broken.remove(&(child as u64)),
            };
        }
        Step::Add => {
            let caller = play.caller();
            play.handle(Event::StartAsked { caller, name: None });
        }
        Step::Stop(child) => {
            if let Some(name) = name_of(play, child) {
                let caller = play.caller();
                play.handle(Event::StopChild { caller, name });
            }
        }
        Step::Restart(child) => {
            if let Some(name) = name_of(play, child) {
                let caller = play.caller();
                play.handle(Event::RestartChild { caller, name });
            }
        }
        Step::StopAll => play.handle(Event::StopAsked),
    }
}

/// Everybody obeys, starts and is ready.
fn calm_down(play: &mut Play) {
    play.broken.clear();
    for _ in 0..1000 {
        play.obey();
        let starting = play.machine.children().find(|child| {
            let free = play.alive.contains(&child.id) && !play.asked.contains_key(&child.id);
            child.state == State::Starting && free
        });
        match starting {
            Some(child) => play.handle(Event::Ready(child.id)),
            None if play.asked.is_empty() && !play.ring() => return,
            None => {}
        }
    }
    panic!("never calm: {}", play.states());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4_000))]

    #[test]
    fn no_history_breaks_the_rules((rules, specs, dynamic) in supervisors(), steps in steps()) {
        let mut play = Play::new(rules, specs.clone(), dynamic.clone());
        let mut oracle = Oracle { rules, specs, dynamic, restarts: vec![], runs: BTreeMap::new(), seen: 0 };
        for step in steps {
            if play.finished.is_some() {
                break;
            }
            let before = play.machine.children().map(|child| (child.id, child.life)).collect();
            // Who is restarted by name need not wait for those before it.
            let by_name = matches!(step, Step::Restart(_) | Step::Obey(_));
            take(&mut play, step);
            oracle.recount(&play);
            oracle.stops_in_order(&play);
            if !by_name {
                oracle.starts_in_order(&play, &before);
            }
        }
        calm_down(&mut play);
        oracle.recount(&play);
        prop_assert_eq!(play.machine.ending(), play.finished.is_some());
        if play.finished.is_none() {
            prop_assert!(play.up);
            for child in play.machine.children() {
                let fits = match (child.state, oracle.restart(&child)) {
                    (State::Running, _) | (State::Stopped, _) => true,
                    (State::Exited, restart) => restart == Restart::Transient,
                    _ => false,
                };
                prop_assert!(fits, "{} is {:?}", child.name, child.state);
            }
        }
        play.handle(Event::StopAsked);
        play.settle();
        prop_assert!(play.finished.is_some());
        let mut answered: Vec<Caller> = play.answers.iter().map(|(caller, _)| *caller).collect();
        answered.sort_unstable();
        prop_assert_eq!(answered, (1..=play.callers).collect::<Vec<_>>());
    }

    #[test]
    fn what_one_failure_stops_and_starts_is_what_the_table_says(
        (rules, specs, dynamic) in supervisors(),
        added in 0..3_usize,
        gone in proptest::collection::vec((0..20_usize, any::<bool>()), 0..4),
        victim in 0..20_usize,
    ) {
        let intensity = Intensity { restarts: 100, ..rules.intensity };
        let rules = Rules { intensity, auto_shutdown: AutoShutdown::Never, ..rules };
        let mut play = Play::new(rules, specs.clone(), dynamic.clone());
        calm_down(&mut play);
        (0..added).for_each(|_| take(&mut play, Step::Add));
        for (child, by_name) in gone {
            match by_name {
                true => take(&mut play, Step::Stop(child)),
                false => take(&mut play, Step::End { child, fails: false }),
            }
            calm_down(&mut play);
        }
        let Some(victim) = nth(play.alive.clone().into_iter(), victim) else { return Ok(()) };
        let all: Vec<ChildView> = play.machine.children().collect();
        let victim = all.iter().find(|child| child.id == victim).unwrap().clone();
        // The oracle: from the text of the specification.
        let count = |rule: &ChildRule| rule.count.unwrap_or(1) as u64;
        let places: u64 = specs.iter().map(count).sum();
        let first = match rules.strategy {
            _ if victim.rule.is_none() => None,
            Strategy::OneForOne => None,
            Strategy::OneForAll => Some(0),
            Strategy::RestForOne => Some(victim.id),
        };
        let concerned = |child: &ChildView| first.is_some_and(|first| child.id >= first);
        let (mut stops, mut starts) = (Vec::new(), Vec::new());
        if victim.restart != Restart::Temporary {
            for child in &all {
                let lives = child.state == State::Running;
                if child.id != victim.id && concerned(child) && lives {
                    stops.push(child.clone());
                }
                let again = concerned(child)
                    && (!lives || child.restart != Restart::Temporary)
                    && (child.id < places || lives);
                if child.id == victim.id || again {
                    starts.push(format!("+{}", child.name));
                }
            }
            stops.reverse();
        }
        let kills = |child: &ChildView| match child.rule {
            Some(rule) => specs[rule].shutdown == Shutdown::Kill,
            None => false,
        };
        let stops = stops
            .iter()
            .map(|child| format!("{}{}", if kills(child) { "!" } else { "-" }, child.name));
        let expected: Vec<String> = stops.chain(starts).collect();
        play.done();
        play.fail(&victim.name);
        calm_down(&mut play);
        prop_assert_eq!(play.done(), expected.join(" "));
    }
}
