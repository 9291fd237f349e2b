//! What the outside sees of the services, and what it asks of them.
//!
//! The controller writes, everybody reads. Requests wait here until the
//! controller, woken by a message, takes them in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, OnceLock};

use luavisor_core::lifecycle::State;
use luavisor_core::{Error, Pid};

use super::spec::ServiceSpec;
use super::{ServiceState, Shutdown};
use crate::sync::lock;

/// Something that is asked of the controller.
#[derive(Clone, Debug)]
pub(crate) enum Request {
    Start(usize),
    Stop(usize),
    /// The services of these numbers are like this from now on.
    Put(Vec<(usize, ServiceSpec)>),
    /// Their next lives are.
    Amend(Vec<(usize, ServiceSpec)>),
    /// It is none any more.
    Remove(usize),
    /// everything, within this many nanoseconds
    Shutdown(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Board {
    /// set when there is one
    controller: OnceLock<Pid>,
    seen: Mutex<Seen>,
    /// bounded by the callers of the public functions, who are few
    requests: Mutex<VecDeque<Request>>,
}

#[derive(Debug, Default)]
struct Seen {
    /// of those that there are; a number is never given to another id
    numbers: BTreeMap<Arc<str>, usize>,
    states: Vec<ServiceState>,
    booted: bool,
    finished: Option<Shutdown>,
}

impl Board {
    pub fn new(specs: &[ServiceSpec], wall: (i64, u32)) -> Board {
        let now = unix_nanoseconds(wall);
        let states = specs.iter().map(|spec| state(spec, now)).collect();
        let numbers = specs.iter().enumerate().map(|(number, spec)| (spec.id.clone(), number));
        let seen = Seen { states, numbers: numbers.collect(), ..Seen::default() };
        Board { seen: Mutex::new(seen), ..Board::default() }
    }

    /// The controller, from now on.
    pub fn set_controller(&self, pid: Pid) {
        // There is one.
        let _ = self.controller.set(pid);
    }

    pub fn controller(&self) -> Option<Pid> {
        self.controller.get().copied()
    }

    /// Adds services, or changes those of their ids: all at once, as they may need each other.
    pub fn put(&self, specs: Vec<ServiceSpec>, wall: (i64, u32)) {
        let mut seen = lock(&self.seen);
        let numbered = specs.into_iter().map(|spec| {
            let known = seen.states.iter().position(|state| state.id == spec.id);
            let number = known.unwrap_or_else(|| {
                seen.states.push(state(&spec, unix_nanoseconds(wall)));
                seen.states.len() - 1
            });
            seen.numbers.insert(spec.id.clone(), number);
            (number, spec)
        });
        let numbered = numbered.collect();
        drop(seen);
        self.ask(Request::Put(numbered));
    }

    /// Changes services from their next start on.
    pub fn amend(&self, specs: Vec<ServiceSpec>) {
        let numbered = specs.into_iter();
        let numbered = numbered.filter_map(|spec| Some((self.number(&spec.id).ok()?, spec)));
        self.ask(Request::Amend(numbered.collect()));
    }

    /// Removes a service; it is stopped first.
    pub fn remove(&self, id: &str) {
        let number = lock(&self.seen).numbers.remove(id);
        number.into_iter().for_each(|number| self.ask(Request::Remove(number)));
    }

    /// The number of the service with this id.
    pub fn number(&self, id: &str) -> Result<usize, Error> {
        let number = lock(&self.seen).numbers.get(id).copied();
        number.ok_or_else(|| Error::not_found(format!("there is no service {id}")))
    }

    pub fn update(&self, service: usize, update: impl FnOnce(&mut ServiceState)) {
        if let Some(state) = lock(&self.seen).states.get_mut(service) {
            update(state);
        }
    }

    pub fn state(&self, service: usize) -> Option<ServiceState> {
        lock(&self.seen).states.get(service).cloned()
    }

    /// By id.
    pub fn states(&self) -> Vec<ServiceState> {
        let seen = lock(&self.seen);
        seen.numbers.values().filter_map(|number| seen.states.get(*number).cloned()).collect()
    }

    pub fn set_booted(&self) {
        lock(&self.seen).booted = true;
    }

    pub fn booted(&self) -> bool {
        lock(&self.seen).booted
    }

    pub fn set_finished(&self, shutdown: Shutdown) {
        lock(&self.seen).finished = Some(shutdown);
    }

    pub fn finished(&self) -> Option<Shutdown> {
        lock(&self.seen).finished
    }

    pub fn ask(&self, request: Request) {
        lock(&self.requests).push_back(request);
    }

    pub fn next_request(&self) -> Option<Request> {
        lock(&self.requests).pop_front()
    }
}

fn state(spec: &ServiceSpec, now: u64) -> ServiceState {
    ServiceState {
        id: spec.id.clone(),
        lifecycle: State::Unknown,
        wanted: spec.auto_start,
        pid: None,
        restarts: 0,
        lives: 0,
        last_error: None,
        started_at: None,
        changed_at: now,
    }
}

/// Unix time as the states carry it.
pub(super) fn unix_nanoseconds((seconds, nanoseconds): (i64, u32)) -> u64 {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.into())
}
