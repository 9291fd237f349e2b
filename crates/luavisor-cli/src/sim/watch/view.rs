//! What a check of the user sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor::Application;

use super::{Names, State};

/// Something of each entry, service, supervisor or name.
pub type Each<T> = BTreeMap<Arc<str>, T>;

/// See the module.
#[derive(Default)]
pub struct View {
    /// pids of the processes of each entry, in order
    pub pids: Each<Vec<String>>,
    /// messages that they have not taken
    pub unread: Each<u64>,
    /// pids of living children by their names, of each supervisor entry
    pub children: Each<Each<String>>,
    /// registered names, each with the entry of its owner
    pub names: Each<Arc<str>>,
    /// restarts so far of each service, and of each child as `SUPERVISOR/CHILD`
    pub restarted: Each<u64>,
}

impl View {
    /// Of nothing: what there may be is there, so that a check need not know nil.
    fn empty(application: &Application) -> View {
        let processes = application.processes.iter().map(|process| process.id.shared());
        let functions = application.functions.iter().map(|function| function.id.shared());
        let supervisors = || application.supervisors.iter().map(|each| each.id.shared());
        let entries: Vec<_> = processes.chain(functions).chain(supervisors()).collect();
        let services = application.services.iter().map(|service| service.id.shared());
        View {
            pids: entries.iter().map(|id| (id.clone(), Vec::new())).collect(),
            unread: entries.into_iter().map(|id| (id, 0)).collect(),
            children: supervisors().map(|id| (id, Each::new())).collect(),
            names: Each::new(),
            restarted: services.chain(supervisors()).map(|id| (id, 0)).collect(),
        }
    }

    pub(super) fn of(application: &Application, state: &State, names: &Names) -> View {
        let mut view = View::empty(application);
        view.restarted.extend(state.restarted_ids.clone());
        for (pid, entry) in &state.living {
            if names.is_own(*pid) {
                continue;
            }
            view.pids.entry(entry.clone()).or_default().push(names.pid(*pid));
            *view.unread.entry(entry.clone()).or_default() += state.messages.unread(*pid);
        }
        for (child, (supervisor, name)) in &state.children {
            if state.living.contains_key(child)
                && let Some(entry) = state.living.get(supervisor)
            {
                let children = view.children.entry(entry.clone()).or_default();
                children.insert(name.clone(), names.pid(*child));
            }
        }
        for (name, owner) in &state.names {
            if let Some(entry) = state.living.get(owner) {
                view.names.insert(name.clone(), entry.clone());
            }
        }
        view
    }
}
