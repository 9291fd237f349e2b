//! What the outside sees of the services, and what it asks of them.
//!
//! The controller writes, everybody reads. Requests wait here until the
//! controller, woken by a message, takes them in order.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use luavisor_core::Error;
use luavisor_core::lifecycle::State;

use super::spec::ServiceSpec;
use super::{ServiceState, Shutdown};
use crate::sync::lock;

/// Something that is asked of the controller.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Request {
    Start(usize),
    Stop(usize),
    /// everything, within this many nanoseconds
    Shutdown(u64),
}

/// See the module.
#[derive(Debug, Default)]
pub(crate) struct Board {
    numbers: BTreeMap<Arc<str>, usize>,
    seen: Mutex<Seen>,
    /// bounded by the callers of the public functions, who are few
    requests: Mutex<VecDeque<Request>>,
}

#[derive(Debug, Default)]
struct Seen {
    states: Vec<ServiceState>,
    booted: bool,
    finished: Option<Shutdown>,
}

impl Board {
    pub fn new(specs: &[ServiceSpec], wall: (i64, u32)) -> Board {
        let now = unix_nanoseconds(wall);
        let state = |spec: &ServiceSpec| ServiceState {
            id: spec.id.clone(),
            lifecycle: State::Unknown,
            wanted: spec.auto_start,
            pid: None,
            restarts: 0,
            lives: 0,
            last_error: None,
            started_at: None,
            changed_at: now,
        };
        let states = specs.iter().map(state).collect();
        let numbers = specs.iter().enumerate().map(|(number, spec)| (spec.id.clone(), number));
        Board {
            numbers: numbers.collect(),
            seen: Mutex::new(Seen { states, ..Seen::default() }),
            requests: Mutex::default(),
        }
    }

    /// The number of the service with this id.
    pub fn number(&self, id: &str) -> Result<usize, Error> {
        let number = self.numbers.get(id).copied();
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
        self.numbers.values().filter_map(|number| seen.states.get(*number).cloned()).collect()
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

/// Unix time as the states carry it.
pub(super) fn unix_nanoseconds((seconds, nanoseconds): (i64, u32)) -> u64 {
    let seconds = u64::try_from(seconds).unwrap_or_default();
    seconds.saturating_mul(1_000_000_000).saturating_add(nanoseconds.into())
}
