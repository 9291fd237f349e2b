//! The machine against the documented tables, and against an oracle that was
//! written from the rules alone, on random histories.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use super::machine::reasons;
use super::*;
use crate::error::{Error, Kind};
use crate::exit::{Exit, Reason};
use crate::restart::Backoff;
use crate::value::Values;

const SECOND: u64 = 1_000_000_000;

fn normal() -> Arc<Exit> {
    Arc::new(Exit::normal(Values::none()))
}

fn failure(text: &str) -> Arc<Exit> {
    Arc::new(Exit::failure(Reason::Error, Error::internal(text)))
}

/// A supervisor with its children played by the test, on a clock of its own.
struct Play {
    machine: Machine,
    now: u64,
    /// children with a process
    alive: BTreeSet<ChildId>,
    /// of which asked to stop
    asked: BTreeMap<ChildId, &'static str>,
    alarms: BTreeMap<Timer, u64>,
    /// `+a`, `-a`, `!a` (terminated): what was done, in order
    done: Vec<String>,
    answers: Vec<(Caller, Result<Answer, Error>)>,
    changes: Vec<(ChildId, Change)>,
    /// when each of them happened
    times: Vec<u64>,
    callers: Caller,
    finished: Option<Exit>,
    up: bool,
    /// these cannot be started
    broken: BTreeSet<ChildId>,
}

impl Play {
    fn new(rules: Rules, specs: Vec<ChildRule>, dynamic: Option<DynamicRule>) -> Play {
        let mut play = Play {
            machine: Machine::new(rules, specs, dynamic),
            now: SECOND,
            alive: BTreeSet::new(),
            asked: BTreeMap::new(),
            alarms: BTreeMap::new(),
            done: Vec::new(),
            answers: Vec::new(),
            changes: Vec::new(),
            times: Vec::new(),
            callers: 0,
            finished: None,
            up: false,
            broken: BTreeSet::new(),
        };
        play.handle(Event::Begin);
        play
    }

    /// The next caller.
    fn caller(&mut self) -> Caller {
        self.callers += 1;
        self.callers
    }

    fn name(&self, id: ChildId) -> String {
        self.machine.child(id).map_or_else(|| "?".into(), |child| child.name.to_string())
    }

    fn handle(&mut self, event: Event) {
        let mut actions = VecDeque::from(self.machine.handle(event, self.now));
        while let Some(action) = actions.pop_front() {
            match action {
                Action::Launch(id) => {
                    assert!(!self.alive.contains(&id), "a second life of {}", self.name(id));
                    self.done.push(format!("+{}", self.name(id)));
                    let answer = if self.broken.contains(&id) {
                        Event::Ended { child: id, exit: failure("broken"), uniform: 0.5 }
                    } else {
                        self.alive.insert(id);
                        Event::Started(id)
                    };
                    actions.extend(self.machine.handle(answer, self.now));
                }
                Action::Stop(id, _, reason) => {
                    assert!(self.alive.contains(&id) && !self.asked.contains_key(&id));
                    self.done.push(format!("-{}", self.name(id)));
                    self.asked.insert(id, reason);
                }
                Action::Terminate(id) => {
                    self.done.push(format!("!{}", self.name(id)));
                    self.asked.insert(id, "");
                }
                Action::SetAlarm(timer, delay) => {
                    self.alarms.insert(timer, self.now + delay.as_nanos() as u64);
                }
                Action::ClearAlarm(timer) => {
                    self.alarms.remove(&timer);
                }
                Action::Answer(caller, answer) => self.answers.push((caller, answer)),
                Action::Tell { child, change, .. } => {
                    self.changes.push((child, change));
                    self.times.push(self.now);
                }
                Action::Up => self.up = true,
                Action::Finish(exit) => {
                    assert!(self.alive.is_empty(), "orphans: {:?}", self.alive);
                    assert!(self.finished.replace(exit).is_none());
                }
                Action::Added(..) | Action::Removed(_) => {}
            }
        }
    }

    fn end(&mut self, id: ChildId, exit: Arc<Exit>) {
        assert!(self.alive.remove(&id), "{} is not alive", self.name(id));
        self.asked.remove(&id);
        self.handle(Event::Ended { child: id, exit, uniform: 0.5 });
    }

    fn fail(&mut self, name: &str) {
        self.end(self.id(name), failure("x"));
    }

    fn id(&self, name: &str) -> ChildId {
        self.machine.named(name).unwrap_or_else(|| panic!("no child {name}"))
    }

    /// Those who were asked to stop end.
    fn obey(&mut self) {
        for id in std::mem::take(&mut self.asked).into_keys() {
            if self.alive.contains(&id) {
                self.end(id, normal());
            }
        }
    }

    /// The next alarm rings.
    fn ring(&mut self) -> bool {
        let next = self.alarms.iter().min_by_key(|(_, at)| **at).map(|(timer, at)| (*timer, *at));
        let Some((timer, at)) = next else { return false };
        self.alarms.remove(&timer);
        self.now = self.now.max(at);
        self.handle(Event::Alarm(timer));
        true
    }

    /// Everybody obeys and time passes until nothing is left to do.
    fn settle(&mut self) {
        while !self.asked.is_empty() || !self.alarms.is_empty() {
            self.obey();
            if self.asked.is_empty() {
                self.ring();
            }
        }
    }

    fn done(&mut self) -> String {
        std::mem::take(&mut self.done).join(" ")
    }

    fn states(&self) -> String {
        let text = |child: ChildView| format!("{}={}", child.name, child.state.as_str());
        self.machine.children().map(text).collect::<Vec<_>>().join(" ")
    }
}

fn rules(strategy: Strategy) -> Rules {
    let backoff = Backoff { jitter: 0.0, ..Rules::default().backoff };
    Rules { strategy, backoff, ..Rules::default() }
}

fn children(names: &[&str]) -> Vec<ChildRule> {
    names.iter().map(|name| ChildRule::new(*name)).collect()
}

fn dynamic() -> Option<DynamicRule> {
    Some(DynamicRule {
        name: "d".into(),
        max_children: 2,
        restart: Restart::Transient,
        shutdown: Shutdown::Infinity,
    })
}

fn play(strategy: Strategy) -> Play {
    let mut play = Play::new(rules(strategy), children(&["a", "b", "c"]), None);
    assert_eq!(play.done(), "+a +b +c");
    assert!(play.up);
    play
}

#[test]
fn the_table_of_exits() {
    use Verdict::{Forgotten, Kept, Restart as Again};
    for (end, expected) in [
        (ChildEnd::Normal, [Again, Kept, Forgotten]),
        (ChildEnd::Failure, [Again, Again, Forgotten]),
        (ChildEnd::FailedStart, [Again, Again, Again]),
    ] {
        let types = [Restart::Permanent, Restart::Transient, Restart::Temporary];
        for (restart, expected) in types.into_iter().zip(expected) {
            assert_eq!(verdict(restart, end), expected, "{end:?} of {restart:?}");
        }
    }
}

#[test]
fn the_table_of_strategies() {
    assert_eq!(affected(Strategy::OneForOne, 1, 3), 1..2);
    assert_eq!(affected(Strategy::OneForAll, 1, 3), 0..3);
    assert_eq!(affected(Strategy::RestForOne, 1, 3), 1..3);
}

#[test]
fn the_budget_counts_what_is_not_older_than_the_period() {
    let intensity = Intensity { restarts: 2, period: Duration::from_secs(5) };
    let mut budget = Budget::default();
    assert_eq!(budget.spend(intensity, 0), Some(1));
    assert_eq!(budget.spend(intensity, SECOND), Some(0));
    assert_eq!(budget.spend(intensity, 5 * SECOND), None);
    assert_eq!(budget.spend(intensity, 5 * SECOND + 1), Some(0));
    let none = Intensity { restarts: 0, ..intensity };
    assert_eq!(Budget::default().spend(none, 0), None);
}

#[test]
fn one_for_one_restarts_one() {
    let mut play = play(Strategy::OneForOne);
    play.fail("b");
    assert_eq!(
        (play.done(), play.states()),
        ("".into(), "a=running b=restarting c=running".into())
    );
    assert!(play.ring());
    assert_eq!(play.now, SECOND + 100_000_000);
    assert_eq!(play.done(), "+b");
}

#[test]
fn one_for_all_stops_bottom_to_top_and_starts_top_to_bottom() {
    let mut play = play(Strategy::OneForAll);
    play.fail("b");
    assert_eq!(play.done(), "-c");
    assert!(play.alarms.is_empty(), "the delay passes when all are stopped");
    play.obey();
    assert_eq!(play.done(), "-a");
    play.obey();
    assert_eq!(play.done(), "");
    assert!(play.ring());
    assert_eq!(play.done(), "+a +b +c");
    let with: Vec<_> = play
        .changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Restart { with, left, .. } => Some((with.join(" "), *left)),
            _ => None,
        })
        .collect();
    assert_eq!(with, [("a c".to_owned(), 2)]);
}

#[test]
fn rest_for_one_restarts_those_behind() {
    let mut play = play(Strategy::RestForOne);
    play.fail("b");
    assert_eq!(play.done(), "-c");
    play.settle();
    assert_eq!(play.done(), "+b +c");
    assert_eq!(play.states(), "a=running b=running c=running");
}

#[test]
fn another_exit_widens_the_set_and_counts() {
    let mut play = play(Strategy::RestForOne);
    play.fail("c");
    assert_eq!(play.done(), "");
    play.fail("a");
    assert_eq!(play.done(), "-b");
    play.obey();
    assert!(play.ring());
    assert_eq!(play.done(), "+a +b +c");
    // Two of three are spent.
    play.fail("c");
    play.settle();
    play.fail("c");
    assert_eq!(play.done(), "+c -b");
    play.settle();
    let error = play.finished.and_then(|exit| exit.error).unwrap();
    assert_eq!(&*error.message, "restart intensity reached: child c: x");
    assert_eq!(error.kind, Kind::LIMIT_EXCEEDED);
}

#[test]
fn the_delay_grows_and_a_run_of_the_period_resets_it() {
    let mut play = play(Strategy::OneForOne);
    let mut delays = Vec::new();
    for rest in [0, 0, 5 * SECOND] {
        play.now += rest;
        play.fail("a");
        delays.push((play.alarms.values().next().unwrap() - play.now) / 1_000_000);
        play.ring();
    }
    assert_eq!(delays, [100, 200, 100]);
}

#[test]
fn a_zero_delay_is_none() {
    let mut rules = rules(Strategy::OneForAll);
    rules.backoff.initial_delay = Duration::ZERO;
    let mut play = Play::new(rules, children(&["a", "b"]), None);
    play.done();
    play.fail("a");
    play.obey();
    assert_eq!(play.done(), "-b +a +b");
}

#[test]
fn a_failed_first_start_is_retried_before_the_next_child_starts() {
    let specs = children(&["a", "b"]);
    let mut play = Play::new(rules(Strategy::OneForOne), specs, None);
    play.done();
    let mut play = {
        play.machine = Machine::new(rules(Strategy::OneForOne), children(&["a", "b"]), None);
        play.alive.clear();
        play.up = false;
        play.broken.insert(0);
        play.handle(Event::Begin);
        play
    };
    assert_eq!((play.done(), play.up), ("+a".into(), false));
    play.ring();
    assert_eq!(play.done(), "+a");
    play.broken.clear();
    play.ring();
    assert_eq!((play.done(), play.up), ("+a +b".into(), true));
}

#[test]
fn a_child_that_must_be_ready_holds_the_next_ones() {
    let mut specs = children(&["a", "b"]);
    specs[0].ready = true;
    specs[0].restart = Restart::Temporary;
    let mut play = Play::new(rules(Strategy::OneForOne), specs, None);
    assert_eq!(play.done(), "+a");
    // Before it is ready even a normal end is a failed start, of any type.
    play.end(0, normal());
    assert_eq!(play.states(), "a=restarting b=waiting");
    play.ring();
    assert_eq!(play.done(), "+a");
    // Not ready in time.
    play.ring();
    assert_eq!(play.done(), "!a");
    play.end(0, failure("terminated"));
    let cause = play.changes.iter().rev().find_map(|(_, change)| match change {
        Change::Restart { cause, failed_start: true, .. } => cause.error.clone(),
        _ => None,
    });
    assert_eq!(&*cause.unwrap().message, "not ready after 10s");
    play.ring();
    play.handle(Event::Ready(0));
    assert_eq!(play.done(), "+a +b");
    assert!(play.up && play.alarms.is_empty());
    play.end(0, normal());
    assert_eq!(play.states(), "b=running");
}

#[test]
fn a_slow_start_does_not_keep_the_others_from_restarting() {
    let mut specs = children(&["a", "b", "c"]);
    specs[1].ready = true;
    specs[1].start_timeout = None;
    let mut play = Play::new(rules(Strategy::OneForOne), specs, None);
    assert_eq!(play.done(), "+a +b");
    play.fail("a");
    play.ring();
    assert_eq!(play.done(), "+a");
    play.handle(Event::Ready(1));
    assert_eq!(play.done(), "+c");
}

#[test]
fn transient_children_that_ended_start_with_their_group_and_temporary_ones_do_not() {
    let mut specs = children(&["a", "b", "c"]);
    specs[0].restart = Restart::Transient;
    specs[2].restart = Restart::Temporary;
    let mut play = Play::new(rules(Strategy::OneForAll), specs, None);
    play.end(0, normal());
    assert_eq!(play.states(), "a=exited b=running c=running");
    play.done();
    play.fail("b");
    play.settle();
    assert_eq!(play.done(), "-c +a +b");
    assert_eq!(play.states(), "a=running b=running");
}

#[test]
fn groups_and_dynamic_children_stop_in_parallel() {
    let mut specs = children(&["a", "w", "z"]);
    specs[1].count = Some(3);
    let mut play = Play::new(rules(Strategy::OneForOne), specs, dynamic());
    for caller in 0..2 {
        play.handle(Event::StartAsked { caller, name: None });
    }
    assert_eq!(play.done(), "+a +w.1 +w.2 +w.3 +z +d.1 +d.2");
    play.handle(Event::StopAsked);
    for expected in ["-d.2 -d.1", "-z", "-w.3 -w.2 -w.1", "-a"] {
        assert_eq!(play.done(), expected);
        assert!(play.finished.is_none());
        play.obey();
    }
    assert_eq!(play.finished, Some(Exit::normal(Values::none())));
}

#[test]
fn a_member_of_a_group_restarts_those_behind_it() {
    let mut specs = children(&["w"]);
    specs[0].count = Some(4);
    let mut play = Play::new(rules(Strategy::RestForOne), specs, None);
    play.done();
    play.fail("w.3");
    assert_eq!(play.done(), "-w.4");
    play.fail("w.1");
    assert_eq!(play.done(), "-w.2");
    play.settle();
    assert_eq!(play.done(), "+w.1 +w.2 +w.3 +w.4");
}

#[test]
fn dynamic_children_are_one_for_one_and_restart_with_the_others() {
    let mut play = Play::new(rules(Strategy::OneForAll), children(&["a"]), dynamic());
    play.handle(Event::StartAsked { caller: 1, name: None });
    play.handle(Event::StartAsked { caller: 2, name: Some("x".into()) });
    play.handle(Event::StartAsked { caller: 3, name: None });
    let error = |kind, text: &str| Err(Error::new(kind, text));
    assert_eq!(
        std::mem::take(&mut play.answers),
        [
            (1, Ok(Answer::Child(1))),
            (2, Ok(Answer::Child(2))),
            (3, error(Kind::LIMIT_EXCEEDED, "max_children reached"))
        ]
    );
    play.done();
    play.fail("x");
    play.settle();
    assert_eq!(play.done(), "+x");
    play.fail("a");
    play.settle();
    assert_eq!(play.done(), "-x -d.1 +a +d.1 +x");
    // A normal end removes it.
    play.end(play.id("x"), normal());
    assert_eq!(play.states(), "a=running d.1=running");
    play.handle(Event::StartAsked { caller: 4, name: Some("a".into()) });
    assert_eq!(play.answers.pop(), Some((4, error(Kind::ALREADY_EXISTS, "child already exists"))));
}

#[test]
fn a_dynamic_child_that_cannot_start_is_the_callers_affair() {
    let mut play = Play::new(rules(Strategy::OneForOne), vec![], dynamic());
    play.broken.insert(0);
    play.handle(Event::StartAsked { caller: 1, name: None });
    assert_eq!(play.answers, [(1, Err(Error::internal("broken")))]);
    assert_eq!(play.states(), "");
}

#[test]
fn children_are_stopped_and_started_by_name() {
    let mut play = play(Strategy::OneForOne);
    play.handle(Event::StopChild { caller: 1, name: "b".into() });
    assert_eq!((play.done(), play.asked[&1]), ("-b".into(), reasons::ASKED));
    assert!(play.answers.is_empty());
    play.obey();
    assert_eq!(play.answers.pop(), Some((1, Ok(Answer::Done))));
    assert_eq!(play.states(), "a=running b=stopped c=running");
    play.handle(Event::RestartChild { caller: 2, name: "b".into() });
    assert_eq!((play.done(), play.answers.pop()), ("+b".into(), Some((2, Ok(Answer::Child(1))))));
    // A running one is replaced, whatever the budget.
    for caller in 3..10 {
        play.handle(Event::RestartChild { caller, name: "b".into() });
        play.obey();
        assert_eq!(play.done(), "-b +b");
    }
    play.answers.clear();
    play.handle(Event::StopChild { caller: 1, name: "x".into() });
    assert_eq!(play.answers.pop(), Some((1, Err(Error::not_found("no such child")))));
    play.handle(Event::StopAsked);
    play.handle(Event::StopChild { caller: 1, name: "a".into() });
    let stopping = Error::new(Kind::UNAVAILABLE, "supervisor is stopping");
    assert_eq!(play.answers.pop(), Some((1, Err(stopping))));
}

#[test]
fn a_stopped_child_starts_with_its_group_unless_it_was_stopped_meanwhile() {
    let mut play = play(Strategy::OneForAll);
    play.handle(Event::StopChild { caller: 1, name: "b".into() });
    play.obey();
    play.fail("a");
    play.settle();
    assert_eq!(play.states(), "a=running b=running c=running");
    play.fail("a");
    play.handle(Event::StopChild { caller: 1, name: "b".into() });
    play.handle(Event::StopChild { caller: 1, name: "a".into() });
    play.settle();
    assert_eq!(play.states(), "a=stopped b=stopped c=running");
}

#[test]
fn who_waits_for_a_child_that_is_stopped_meanwhile_is_told() {
    let mut play = play(Strategy::OneForOne);
    play.broken.insert(1);
    play.fail("b");
    play.handle(Event::RestartChild { caller: 7, name: "b".into() });
    assert_eq!(play.states(), "a=running b=restarting c=running");
    play.handle(Event::StopChild { caller: 8, name: "b".into() });
    let stopped = Error::new(Kind::CANCELED, "the child was stopped");
    assert_eq!(play.answers, [(7, Err(stopped)), (8, Ok(Answer::Done))]);
}

#[test]
fn a_run_that_a_sibling_ended_resets_the_delay_too() {
    let mut play = play(Strategy::OneForAll);
    play.fail("a");
    play.settle();
    play.now += 5 * SECOND;
    play.fail("b");
    play.settle();
    play.fail("a");
    let attempts: Vec<u32> = play
        .changes
        .iter()
        .filter_map(|(_, change)| match change {
            Change::Restart { attempt, .. } => Some(*attempt),
            _ => None,
        })
        .collect();
    assert_eq!(attempts, [1, 1, 1]);
}

#[test]
fn an_end_before_the_turn_to_be_stopped_is_not_counted() {
    let mut play = play(Strategy::OneForAll);
    play.fail("b");
    // c was asked to stop; a ends by itself.
    play.fail("a");
    let restarts = play.changes.iter().filter(|(_, c)| matches!(c, Change::Restart { .. }));
    assert_eq!(restarts.count(), 1);
    let (id, last) = play.changes.last().unwrap();
    assert!(*id == 0 && matches!(last, Change::Exited { exit } if exit.failed()));
    play.settle();
    assert_eq!(play.states(), "a=running b=running c=running");
}

#[test]
fn significant_children_end_the_supervisor() {
    for (auto_shutdown, after_one) in
        [(AutoShutdown::AnySignificant, true), (AutoShutdown::AllSignificant, false)]
    {
        let mut specs = children(&["a", "b", "c"]);
        for spec in &mut specs[..2] {
            (spec.significant, spec.restart) = (true, Restart::Transient);
        }
        let rules = Rules { auto_shutdown, ..rules(Strategy::OneForOne) };
        let mut play = Play::new(rules, specs, None);
        play.fail("a");
        play.settle();
        assert!(play.finished.is_none(), "it was restarted");
        play.end(0, normal());
        assert_eq!(play.machine.ending(), after_one);
        if !after_one {
            play.end(1, normal());
        }
        play.settle();
        assert_eq!(play.finished, Some(Exit::normal(Values::none())));
    }
}

#[test]
fn a_kill_is_no_request() {
    let mut specs = children(&["a"]);
    specs[0].shutdown = Shutdown::Kill;
    let mut play = Play::new(rules(Strategy::OneForOne), specs, None);
    play.done();
    play.handle(Event::StopAsked);
    assert_eq!(play.done(), "!a");
}

mod histories {
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
            prop_oneof![
                Just(Restart::Permanent),
                Just(Restart::Transient),
                Just(Restart::Temporary)
            ]
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
                let ended = !matches!(
                    change,
                    Change::Starting { .. } | Change::Up | Change::Stopping { .. }
                );
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
            let group = |id: ChildId| {
                play.machine.child(id).and_then(|c| c.rule).unwrap_or(self.specs.len())
            };
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
                    let waits = |earlier: ChildView| {
                        earlier.id < child.id && earlier.state == State::Waiting
                    };
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
}
