//! What the runtime knows of security; the rules are in [`luavisor_core::security`].

use std::sync::Arc;

use luavisor_core::security::Policies;

/// See the module. By default there are no policies, and everything is allowed.
#[derive(Clone, Debug, Default)]
pub struct Security {
    /// the policies of the application
    pub policies: Arc<Policies>,
    /// refuse guarded calls without a security context (`security.strict_mode`)
    pub strict: bool,
}
