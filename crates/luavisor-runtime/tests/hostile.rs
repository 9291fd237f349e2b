//! Hostile scripts beside a victim in the same VM.
//!
//! Each case runs a script next to a process that answers questions about
//! itself: its globals, library functions, metatables, random sequence and
//! module state. The answers must be those of a run without the script, and the
//! script must end as SPEC says, or run on until it is terminated.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "hostile/coroutines.rs"]
mod coroutines;
#[path = "hostile/limits.rs"]
mod limits;
#[path = "hostile/messages.rs"]
mod messages;
#[path = "hostile/metamethods.rs"]
mod metamethods;
#[path = "hostile/sandbox.rs"]
mod sandbox;
#[path = "hostile/terminate.rs"]
mod terminate;
#[path = "hostile/world.rs"]
mod world;

use luavisor_core::Values;
use world::World;

/// How an attack ends.
#[derive(Clone, Copy)]
enum End {
    /// `main` returns this text
    Returns(&'static str),
    /// the process fails with an error that contains this
    Fails(&'static str),
    /// it ended itself by `process.terminate`
    Terminated,
    /// it runs on until it is terminated from outside
    Endless,
}

struct Case {
    name: &'static str,
    source: &'static str,
    end: End,
}

/// A case whose script is the body of `main`.
const fn case(name: &'static str, end: End, source: &'static str) -> Case {
    Case { name, source, end }
}

fn answers(attack: Option<&Case>) -> (World, Vec<String>) {
    let source = attack.map_or("", |case| case.source);
    let world = World::new(source, |host| host.limits.shard_memory = 64 << 20);
    let mut answers = vec![world.ask()];
    if let Some(case) = attack {
        world.attack();
        // While it runs; it may be over at once.
        for _ in 0..3 {
            world.steps(5);
            answers.push(world.ask());
        }
        if !matches!(case.end, End::Endless) {
            world.settle_attack(case.name);
        } else {
            assert!(world.attack_exit().is_none(), "{}: it ended", case.name);
            world.terminate_attack();
            assert_eq!(world.attack_reason(), "terminated", "{}", case.name);
        }
    } else {
        for _ in 0..3 {
            answers.push(world.ask());
        }
    }
    answers.push(world.ask());
    world.collect_garbage_of_the_dead();
    answers.push(world.ask());
    (world, answers)
}

fn check(cases: &[Case]) {
    let (_, expected) = answers(None);
    // HOSTILE=<name> runs one case: for those that take the whole test down.
    let only = std::env::var("HOSTILE").ok();
    for case in cases.iter().filter(|case| only.as_ref().is_none_or(|name| name == case.name)) {
        // Shown by the test runner when the process dies with a signal.
        eprintln!("{}", case.name);
        let (world, given) = answers(Some(case));
        assert_eq!(given, expected, "{}: the victim changed", case.name);
        let exit = world.attack_exit().expect(case.name);
        let error = exit.error.as_ref().map(|error| error.message.to_string());
        match case.end {
            End::Returns(text) => {
                assert_eq!(error, None, "{}", case.name);
                assert_eq!(exit.value, Values::one(text), "{}", case.name);
            }
            End::Fails(part) => {
                let error = error.expect(case.name);
                assert!(error.contains(part), "{}: {error}", case.name);
            }
            End::Terminated | End::Endless => {
                assert_eq!(error.as_deref(), Some("process terminated"), "{}", case.name);
                assert_eq!(exit.reason.as_str(), "terminated", "{}", case.name);
            }
        }
        assert!(!world.output().contains("AFTER"), "{}: ran on after its kill", case.name);
    }
}

#[test]
fn the_sandbox_holds() {
    check(sandbox::CASES);
}

#[test]
fn coroutine_tricks_stay_inside_their_process() {
    check(coroutines::CASES);
}

#[test]
fn metamethods_harm_nobody_else() {
    check(metamethods::CASES);
}

#[test]
fn messages_harm_nobody_else() {
    check(messages::CASES);
}

#[test]
fn giants_are_refused_or_end_only_their_maker() {
    check(limits::CASES);
}

#[test]
fn nothing_runs_after_a_process_terminated_itself() {
    check(terminate::CASES);
}
