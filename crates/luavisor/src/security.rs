//! From the policies of an application to the security contexts of its services.

use std::sync::Arc;

use luavisor_config::Lifecycle;
use luavisor_core::security::{Actor, Policies, Scope};
use luavisor_vm::Context;

/// What everything that a service starts inherits: its actor, and the scope of the
/// groups and policies that it names, if it names any.
pub(crate) fn context(policies: &Policies, lifecycle: &Lifecycle) -> Arc<Context> {
    let Some(security) = &lifecycle.security else { return Arc::default() };
    let mut context = Context::default();
    if let Some(id) = &security.actor {
        let actor = Actor::new(id.as_str(), security.actor_meta.clone());
        context.actor = actor.map(Arc::new);
    }
    if !security.groups.is_empty() || !security.policies.is_empty() {
        let groups = security.groups.iter().filter_map(|id| policies.group(id.as_str()));
        let grouped = groups.flat_map(Scope::policies);
        let single = security.policies.iter().filter_map(|id| policies.policy(id.as_str()));
        context.scope = Some(Arc::new(Scope::of(grouped.chain(single).cloned())));
    }
    Arc::new(context)
}
