//! Programs that are given one input after the other, in a simulation.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use luavisor::{App, Observer, Occurrence, Pid, Simulated, Value, Values};

/// Before each program: `check` makes a process of a function that is given all inputs;
/// `same(a, b)` fails unless two values are equal.
const PRELUDE: &str = include_str!("../lua/prelude.lua");

/// One that runs.
struct Program {
    simulated: Simulated,
    pid: Pid,
    end: End,
}

/// How the program ended, if it has.
#[derive(Clone, Default)]
struct End(Arc<Mutex<Option<String>>>);

impl Observer for End {
    fn observe(&self, occurrence: &Occurrence) {
        if let Occurrence::Exited { entry, exit, .. } = occurrence
            && &**entry == "fuzz:program"
            && let Ok(mut end) = self.0.lock()
        {
            let error = exit.error.as_ref().map(|error| format!("{error:?}"));
            end.get_or_insert(error.unwrap_or_else(|| "it returned".to_owned()));
        }
    }
}

thread_local! {
    static PROGRAMS: RefCell<HashMap<&'static str, Program>> = RefCell::default();
}

impl Program {
    fn start(source: &str) -> Program {
        let end = End::default();
        let observed = end.clone();
        let app = App::new()
            .host("fuzz:host", 1)
            .process("fuzz:program", &format!("{PRELUDE}\n{source}"))
            .observer(move |_| observed);
        let started = app.simulate(1).map_err(|cause| cause.to_string()).and_then(|simulated| {
            simulated.settle();
            let pid = simulated.spawn("fuzz:program", "fuzz:host", ());
            Ok((pid.map_err(|cause| cause.to_string())?, simulated))
        });
        let (pid, simulated) = started.unwrap_or_else(|cause| panic!("{cause}"));
        Program { simulated, pid, end }
    }
}

/// Gives an input to the program of this name, and waits until it waits for the next one.
///
/// # Panics
/// If the program ends.
pub fn feed(name: &'static str, source: &str, data: &[u8]) {
    PROGRAMS.with_borrow_mut(|programs| {
        let Program { simulated, pid, end } =
            programs.entry(name).or_insert_with(|| Program::start(source));
        let sent =
            simulated.runtime().send(*pid, *b"input", Values::one(Value::String(data.into())));
        while !simulated.settle() {}
        let end = end.0.lock().ok().and_then(|end| end.clone());
        if sent.is_err() || end.is_some() {
            programs.remove(name);
            panic!("{name} ended: {}", end.unwrap_or_default());
        }
    });
}
