//! The machine against the documented tables, and against an oracle that was
//! written from the rules alone, on random histories.

mod histories;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

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
