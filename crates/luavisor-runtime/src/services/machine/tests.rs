//! The rules as tables: an event on the left, what is done on the right.

use luavisor_core::restart::{Policy, RestartRule};
use luavisor_core::{Maker, Values};

use super::*;

pub(super) const SECOND: u64 = 1_000_000_000;

/// A service without jitter.
pub(super) fn service(id: &str, needs: &[&str]) -> ServiceSpec {
    let target = Target::Process {
        id: format!("test:{id}").into(),
        host: "test:host".into(),
        input: Values::none(),
        context: Arc::default(),
    };
    ServiceSpec {
        dependencies: needs.iter().map(|need| Arc::from(*need)).collect(),
        auto_start: true,
        rule: RestartRule { jitter: 0.0, ..RestartRule::default() },
        ..ServiceSpec::new(id, target)
    }
}

fn with_rule(id: &str, change: impl FnOnce(&mut RestartRule)) -> ServiceSpec {
    let mut spec = service(id, &[]);
    change(&mut spec.rule);
    spec
}

pub(super) struct Bench {
    pub machine: Machine,
    pub specs: Arc<[ServiceSpec]>,
    pub now: u64,
}

impl Bench {
    pub fn new(specs: Vec<ServiceSpec>) -> Bench {
        let graph = Graph::new(&specs).unwrap();
        let specs: Arc<[ServiceSpec]> = specs.into();
        Bench { machine: Machine::new(specs.clone(), graph), specs, now: 0 }
    }

    /// A bench whose services all came up.
    fn running(specs: Vec<ServiceSpec>) -> Bench {
        let mut bench = Bench::new(specs);
        bench.machine.handle(Event::Boot, 0);
        for _ in 0..bench.specs.len() {
            for number in 0..bench.specs.len() {
                bench.machine.handle(Event::Launched(number), 0);
                bench.machine.handle(Event::Ready(number), 0);
            }
        }
        bench
    }

    fn number(&self, id: &str) -> usize {
        self.specs.iter().position(|spec| &*spec.id == id).unwrap()
    }

    /// `boot`, `shutdown`, `launched a`, `ready a`, `alarm a`, `start a`,
    /// `stop a`, or an end: `returned a`, `failed a`, `final a`, `killed a`.
    pub fn event(&self, text: &str) -> Event {
        let (verb, id) = text.split_once(' ').unwrap_or((text, ""));
        let ended =
            |exit| Event::Ended { service: self.number(id), exit: Arc::new(exit), uniform: 0.5 };
        let error = |retryable| {
            let error = Error { retryable, maker: Maker::Program, ..Error::internal("no") };
            Exit::failure(Reason::Error, error)
        };
        match verb {
            "boot" => Event::Boot,
            "shutdown" => Event::ShutdownAsked,
            "launched" => Event::Launched(self.number(id)),
            "ready" => Event::Ready(self.number(id)),
            "alarm" => Event::Alarm(self.number(id)),
            "start" => Event::StartAsked(self.number(id)),
            "stop" => Event::StopAsked(self.number(id)),
            "put" => {
                let number = self.number(id);
                Event::Put(vec![(number, self.specs[number].clone())])
            }
            "removed" => Event::Removed(self.number(id)),
            "returned" => ended(Exit::normal(Values::one(false))),
            "failed" => ended(error(None)),
            "final" => ended(error(Some(false))),
            "killed" => ended(Exit::terminated(Reason::Terminated)),
            _ => panic!("{text}"),
        }
    }

    fn handle(&mut self, event: &str) -> Vec<String> {
        let event = self.event(event);
        let actions = self.machine.handle(event, self.now);
        actions.iter().map(|action| self.show(action)).collect()
    }

    /// `starting a` and the like are told; `launch a` and the like are done.
    fn show(&self, action: &Action) -> String {
        let (text, service) = match action {
            Action::Launch(service) => ("launch".to_owned(), *service),
            Action::Stop(service) => ("stop".to_owned(), *service),
            Action::Terminate(service) => ("terminate".to_owned(), *service),
            Action::SetAlarm(service, delay) => (format!("in {delay:?}"), *service),
            Action::ClearAlarm(service) => ("never".to_owned(), *service),
            Action::Tell(service, ServiceChange::Waiting { on }) => {
                (format!("waiting for {on}"), *service)
            }
            Action::Tell(service, ServiceChange::GaveUp { attempts, .. }) => {
                (format!("gave up after {attempts}"), *service)
            }
            Action::Tell(service, ServiceChange::Restart { attempt, .. }) => {
                (format!("restart {attempt}"), *service)
            }
            Action::Tell(service, change) => (change.state().to_string(), *service),
            Action::Exit(code) => return format!("exit {code}"),
            Action::Booted => return "booted".to_owned(),
            Action::Empty => return "empty".to_owned(),
        };
        format!("{text} {}", self.specs[service].id)
    }

    #[track_caller]
    fn check(&mut self, rows: &[(&str, &str)]) {
        for (event, expected) in rows {
            assert_eq!(self.handle(event).join(", "), *expected, "after {event}");
        }
    }

    fn state(&self, id: &str) -> State {
        self.machine.service(self.number(id)).state
    }
}

#[test]
fn services_start_by_dependency_and_independent_ones_in_parallel() {
    let specs = vec![
        service("web", &["db", "cache"]),
        service("db", &["host"]),
        service("cache", &["host"]),
        ServiceSpec { auto_start: false, ..service("host", &[]) },
        ServiceSpec { auto_start: false, ..service("other", &[]) },
    ];
    Bench::new(specs).check(&[
        ("boot", "starting host, launch host"),
        ("launched host", "running host, starting db, launch db, starting cache, launch cache"),
        ("launched db", "running db"),
        ("launched cache", "running cache, starting web, launch web"),
        ("launched web", "running web, booted"),
    ]);
}

#[test]
fn what_changes_starts_again_with_what_needs_it() {
    let specs = vec![service("db", &[]), service("web", &["db"]), service("other", &[])];
    Bench::running(specs.clone()).check(&[
        ("put db", "stopping web, stop web"),
        ("returned web", "stopped web, stopping db, stop db"),
        ("returned db", "stopped db, starting db, launch db"),
        ("launched db", "running db, starting web, launch web"),
        ("launched web", "running web"),
        ("put web", "stopping web, stop web"),
        ("removed web", ""),
        ("returned web", "stopped web"),
        ("failed db", "restart 1 db, in 1s db"),
        // It waits for its restart: it starts anew at once.
        ("put db", "never db, stopped db, starting db, launch db"),
        ("launched db", "running db"),
        ("removed db", "stopping db, stop db"),
        ("put db", ""),
        ("returned db", "stopped db, starting db, launch db"),
        ("shutdown", "stopping db, stop db, stopping other, stop other"),
    ]);
    // A new one joins the others.
    let mut bench = Bench::running(specs[..1].to_vec());
    let actions = bench.machine.handle(Event::Put(vec![(1, service("web", &["db"]))]), 0);
    assert!(actions.contains(&Action::Launch(1)), "{actions:?}");
    let actions = bench.machine.handle(Event::ShutdownAsked, 0);
    assert!(actions.contains(&Action::Stop(1)) && !actions.contains(&Action::Stop(0)));
}

/// Services that need each other come in one event, in any order.
#[test]
fn what_comes_together_starts_in_the_order_of_needs() {
    let mut bench = Bench::running(vec![service("other", &[])]);
    let web = (1, service("web", &["db"]));
    let actions = bench.machine.handle(Event::Put(vec![web, (2, service("db", &[]))]), 0);
    assert!(actions.contains(&Action::Launch(2)) && !actions.contains(&Action::Launch(1)));
    assert!(bench.machine.handle(Event::Launched(2), 0).contains(&Action::Launch(1)));
}

/// An amended service goes on; its next life is the new one.
#[test]
fn an_amended_service_is_not_stopped() {
    let mut bench = Bench::running(vec![service("db", &[])]);
    let mut amended = service("db", &[]);
    amended.stop_timeout = 7;
    let actions = bench.machine.handle(Event::Amend(vec![(0, amended)]), 0);
    assert_eq!(actions, []);
    assert_eq!(bench.machine.specs()[0].stop_timeout, 7);
}

/// SPEC 10.2, row by row; the columns are on_failure, permanent, never.
#[test]
fn what_happens_at_an_end() {
    let restart = ("restart 1 a, in 1s a", State::Failed);
    let exited = ("exited a", State::Exited);
    for (event, expected) in [
        ("returned a", [exited, restart, exited]),
        ("failed a", [restart, restart, exited]),
        ("killed a", [restart, restart, exited]),
        ("final a", [exited, restart, exited]),
    ] {
        let policies = [Policy::OnFailure, Policy::Permanent, Policy::Never];
        for (policy, (told, state)) in policies.into_iter().zip(expected) {
            let mut bench = Bench::running(vec![with_rule("a", |rule| rule.policy = policy)]);
            assert_eq!(bench.handle(event).join(", "), told, "{event} under {policy:?}");
            assert_eq!(bench.state("a"), state, "{event} under {policy:?}");
            // The last row: an end after a stop was asked for.
            let mut bench = Bench::running(vec![with_rule("a", |rule| rule.policy = policy)]);
            bench.check(&[("stop a", "stopping a, stop a"), (event, "stopped a")]);
            assert_eq!(bench.state("a"), State::Stopped, "{event} under {policy:?}");
        }
    }
}

#[test]
fn delays_grow_until_the_attempts_are_used_up() {
    let mut bench = Bench::new(vec![with_rule("a", |rule| {
        rule.max_attempts = 2;
        rule.on_exhausted = OnExhausted::Shutdown;
    })]);
    bench.check(&[
        ("boot", "starting a, launch a"),
        ("failed a", "restart 1 a, in 1s a, booted"),
        ("alarm a", "starting a, launch a"),
        ("launched a", "running a"),
        ("failed a", "restart 2 a, in 2s a"),
        ("alarm a", "starting a, launch a"),
        ("launched a", "running a"),
        ("failed a", "gave up after 2 a, exit 1"),
    ]);
}

#[test]
fn a_stable_run_makes_the_next_restart_the_first() {
    let mut bench = Bench::running(vec![service("a", &[])]);
    bench.check(&[("failed a", "restart 1 a, in 1s a"), ("alarm a", "starting a, launch a")]);
    bench.now = SECOND;
    bench.check(&[("launched a", "running a")]);
    bench.now += 5 * SECOND - 1;
    bench.check(&[("failed a", "restart 2 a, in 2s a"), ("alarm a", "starting a, launch a")]);
    bench.check(&[("launched a", "running a")]);
    bench.now += 5 * SECOND;
    bench.check(&[("failed a", "restart 1 a, in 1s a")]);
}

#[test]
fn a_service_that_must_be_ready_is_up_when_it_says_so() {
    let specs = || vec![ServiceSpec { ready: true, ..service("a", &[]) }, service("b", &["a"])];
    let booting = [("boot", "starting a, in 10s a, launch a"), ("launched a", "")];
    let mut bench = Bench::new(specs());
    bench.check(&booting);
    bench.check(&[
        ("ready a", "never a, running a, starting b, launch b"),
        ("ready a", ""),
        ("launched b", "running b, booted"),
    ]);
    // In time or not at all: the end that follows is a failure, whatever it is.
    let mut bench = Bench::new(specs());
    bench.check(&booting);
    bench.check(&[
        ("alarm a", "terminate a"),
        ("ready a", ""),
        ("returned a", "never a, restart 1 a, in 1s a, waiting for a b, booted"),
    ]);
    let error = bench.machine.service(0).last_error.clone().unwrap();
    assert_eq!((&error.kind, &*error.message), (&Kind::TIMEOUT, "not ready after 10s"));
    // A process that returns before it was ready was never Running.
    let mut bench = Bench::new(specs());
    bench.check(&booting);
    bench.check(&[("returned a", "never a, exited a, waiting for a b, booted")]);
}

#[test]
fn work_that_is_done_is_a_dependency_that_is_met() {
    let specs = vec![
        service("migration", &[]),
        ServiceSpec { ready: true, ..service("db", &[]) },
        service("web", &["migration", "db"]),
    ];
    let mut bench = Bench::new(specs);
    bench.check(&[
        ("boot", "starting migration, launch migration, starting db, in 10s db, launch db"),
        ("launched migration", "running migration"),
        ("launched db", ""),
        ("returned migration", "exited migration"),
        ("ready db", "never db, running db, starting web, launch web"),
        ("launched web", "running web, booted"),
        ("failed web", "restart 1 web, in 1s web"),
        ("alarm web", "starting web, launch web"),
    ]);
}

#[test]
fn a_restart_waits_for_what_it_needs() {
    let mut bench = Bench::running(vec![service("a", &[]), service("b", &["a"])]);
    bench.check(&[
        ("failed b", "restart 1 b, in 1s b"),
        ("failed a", "restart 1 a, in 1s a"),
        ("alarm b", ""),
        ("alarm a", "starting a, launch a"),
        ("launched a", "running a, starting b, launch b"),
    ]);
}

#[test]
fn boot_does_not_wait_for_optional_services() {
    let slow = ServiceSpec { ready: true, required: false, ..service("slow", &[]) };
    Bench::new(vec![slow, service("a", &[])]).check(&[
        ("boot", "starting slow, in 10s slow, launch slow, starting a, launch a"),
        ("launched slow", ""),
        ("launched a", "running a, booted"),
    ]);
}

#[test]
fn dependants_stop_first_and_can_come_back_meanwhile() {
    let specs = || vec![service("a", &[]), service("b", &["a"]), service("c", &["a"])];
    let mut bench = Bench::running(specs());
    bench.check(&[
        ("stop a", "stopping b, stop b, stopping c, stop c"),
        ("returned b", "stopped b"),
        ("failed c", "stopped c, stopping a, stop a"),
        ("returned a", "stopped a"),
        ("start b", "starting a, launch a"),
        ("launched a", "running a, starting b, launch b"),
    ]);
    // Wanted again before its old life is over: first the end, then the start.
    let mut bench = Bench::running(specs());
    bench.check(&[
        ("stop a", "stopping b, stop b, stopping c, stop c"),
        ("start b", ""),
        ("returned c", "stopped c"),
        ("returned b", "stopped b, starting b, launch b"),
    ]);
    assert_eq!(bench.state("a"), State::Running);
}

#[test]
fn a_stop_cancels_a_pending_restart() {
    let mut bench = Bench::running(vec![service("a", &[])]);
    bench.check(&[
        ("failed a", "restart 1 a, in 1s a"),
        ("stop a", "never a, stopped a"),
        ("alarm a", ""),
        ("start a", "starting a, launch a"),
    ]);
    // A start does not wait for the delay and counts from the beginning.
    let mut bench = Bench::running(vec![service("a", &[])]);
    bench.check(&[
        ("failed a", "restart 1 a, in 1s a"),
        ("start a", "never a, starting a, launch a"),
        ("launched a", "running a"),
        ("failed a", "restart 1 a, in 1s a"),
    ]);
}

#[test]
fn a_stop_while_starting_ends_the_attempt() {
    let mut bench = Bench::new(vec![ServiceSpec { ready: true, ..service("a", &[]) }]);
    bench.check(&[
        ("boot", "starting a, in 10s a, launch a"),
        ("launched a", ""),
        ("stop a", "never a, stopping a, stop a, booted"),
        ("ready a", ""),
        ("killed a", "stopped a"),
    ]);
}

#[test]
fn shutdown_goes_down_level_by_level() {
    // `stray` is a host that nobody names: it stops with the lowest level.
    let specs = vec![
        service("host", &[]),
        service("stray", &[]),
        service("db", &["host"]),
        service("web", &["db"]),
        service("log", &["host"]),
        service("broken", &[]),
    ];
    let mut bench = Bench::running(specs);
    bench.check(&[
        ("failed broken", "restart 1 broken, in 1s broken"),
        ("shutdown", "never broken, stopped broken, stopping web, stop web"),
        ("shutdown", ""),
        ("start broken", ""),
        ("failed web", "stopped web, stopping db, stop db, stopping log, stop log"),
        ("returned log", "stopped log"),
        ("returned db", "stopped db, stopping host, stop host, stopping stray, stop stray"),
        ("returned stray", "stopped stray"),
        ("returned host", "stopped host, empty"),
    ]);
}

#[test]
fn shutdown_ends_the_boot() {
    let mut bench =
        Bench::new(vec![ServiceSpec { ready: true, ..service("a", &[]) }, service("b", &["a"])]);
    bench.check(&[
        ("boot", "starting a, in 10s a, launch a"),
        ("shutdown", "booted, stopped b, never a, stopping a, stop a"),
        ("launched a", ""),
        ("killed a", "stopped a, empty"),
    ]);
    Bench::new(vec![]).check(&[("boot", "booted"), ("shutdown", "empty")]);
}
