//! Random histories of a handful of services, checked against what must hold in
//! each of them: lives do not overlap, nothing starts without what it needs or
//! stops before what needs it, and every shutdown comes to its end.

use std::collections::VecDeque;

use luavisor_core::restart::Policy;

use super::tests::{Bench, SECOND, service};
use super::*;
use crate::random::{FastRng, Rng};

#[test]
fn whatever_happens_lives_do_not_overlap_and_shutdown_ends() {
    for seed in 0..5000 {
        let mut story = Story::new(seed);
        for _ in 0..60 {
            story.random_event();
        }
        story.shut_down();
    }
}

/// A model of the world around the machine: who lives and which alarms run.
struct Story {
    seed: u64,
    rng: FastRng,
    bench: Bench,
    alive: Vec<bool>,
    told_to_stop: Vec<bool>,
    alarm: Vec<bool>,
    booted: usize,
    empty: usize,
}

impl Story {
    fn new(seed: u64) -> Story {
        let mut rng = FastRng::seeded(seed);
        let names = ["a", "b", "c", "d", "e", "f"];
        let mut specs = Vec::new();
        for (number, name) in names.iter().enumerate() {
            let needs: Vec<&str> =
                names[..number].iter().copied().filter(|_| rng.below(3) == 0).collect();
            let policies = [Policy::OnFailure, Policy::Permanent, Policy::Never];
            let mut spec = ServiceSpec {
                ready: rng.below(3) == 0,
                auto_start: rng.below(4) != 0,
                required: rng.below(2) == 0,
                ..service(name, &needs)
            };
            spec.rule.policy = policies[rng.below(3) as usize];
            spec.rule.max_attempts = rng.below(3) as u32;
            specs.push(spec);
        }
        let count = specs.len();
        let mut story = Story {
            seed,
            rng,
            bench: Bench::new(specs),
            alive: vec![false; count],
            told_to_stop: vec![false; count],
            alarm: vec![false; count],
            booted: 0,
            empty: 0,
        };
        story.happen(Event::Boot);
        story
    }

    fn happen(&mut self, event: Event) {
        let seed = self.seed;
        self.bench.now += self.rng.below(3 * SECOND);
        let mut actions = VecDeque::from(self.bench.machine.handle(event, self.bench.now));
        while let Some(action) = actions.pop_front() {
            let mut answer = None;
            match action {
                Action::Launch(service) => {
                    assert!(!self.alive[service], "{seed}: two lives of {service}");
                    for &need in &self.bench.machine.graph.dependencies[service] {
                        let met = self.bench.machine.services[need].met();
                        assert!(met, "{seed}: {service} starts without {need}");
                    }
                    answer = Some(if self.rng.below(4) == 0 {
                        self.end(service)
                    } else {
                        self.alive[service] = true;
                        Event::Launched(service)
                    });
                }
                Action::Stop(service) => {
                    assert!(self.alive[service], "{seed}: {service} is not there to be stopped");
                    for &dependant in &self.bench.machine.graph.dependants[service] {
                        assert!(!self.alive[dependant], "{seed}: {dependant} needs {service}");
                    }
                    self.told_to_stop[service] = true;
                }
                Action::Terminate(service) => assert!(self.alive[service], "{seed}"),
                Action::SetAlarm(service, _) => self.alarm[service] = true,
                Action::ClearAlarm(service) => self.alarm[service] = false,
                Action::Booted => self.booted += 1,
                Action::Empty => {
                    self.empty += 1;
                    assert!(!self.alive.contains(&true), "{seed}: somebody is left");
                }
                Action::Tell(..) | Action::Exit(_) => {}
            }
            if let Some(answer) = answer {
                actions.extend(self.bench.machine.handle(answer, self.bench.now));
            }
        }
    }

    fn end(&mut self, service: usize) -> Event {
        let id = &self.bench.specs[service].id;
        let kind = ["returned", "failed", "final", "killed"][self.rng.below(4) as usize];
        (self.alive[service], self.told_to_stop[service]) = (false, false);
        self.bench.event(&format!("{kind} {id}"))
    }

    fn random_event(&mut self) {
        let service = self.rng.below(self.alive.len() as u64) as usize;
        match self.rng.below(10) {
            0 => self.happen(Event::StartAsked(service)),
            1 => self.happen(Event::StopAsked(service)),
            2..=4 if self.alive[service] => self.happen(Event::Ready(service)),
            5..=7 if self.alive[service] => {
                let event = self.end(service);
                self.happen(event);
            }
            _ if self.alarm[service] => {
                self.alarm[service] = false;
                self.happen(Event::Alarm(service));
            }
            _ => {}
        }
    }

    fn shut_down(mut self) {
        self.happen(Event::ShutdownAsked);
        // Each round ends those that were told to, until nobody is left.
        for _ in 0..self.alive.len() {
            for service in 0..self.alive.len() {
                if self.told_to_stop[service] {
                    let event = self.end(service);
                    self.happen(event);
                }
            }
        }
        let seed = self.seed;
        assert_eq!((self.booted, self.empty), (1, 1), "{seed}: boot or shutdown did not end");
        assert!(!self.alarm.contains(&true), "{seed}: an alarm is left");
    }
}
