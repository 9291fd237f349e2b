//! What a check of the user sees.

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor::CONTROL;

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
    pub(super) fn of(state: &State, names: &Names) -> View {
        let mut view = View { restarted: state.restarted_ids.clone(), ..View::default() };
        for (pid, entry) in &state.living {
            if pid.host == CONTROL && !state.supervisors.contains(pid) {
                continue;
            }
            view.pids.entry(entry.clone()).or_default().push(names.of(*pid));
            let unread = state.messages.unread(*pid);
            if unread > 0 {
                *view.unread.entry(entry.clone()).or_default() += unread;
            }
        }
        for (child, (supervisor, name)) in &state.children {
            if state.living.contains_key(child)
                && let Some(entry) = state.living.get(supervisor)
            {
                let children = view.children.entry(entry.clone()).or_default();
                children.insert(name.clone(), names.of(*child));
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
