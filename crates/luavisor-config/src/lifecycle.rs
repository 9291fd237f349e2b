//! The `lifecycle` of an entry: when it starts, how it stops, when it is restarted.

use std::time::Duration;

use luavisor_core::Values;
use luavisor_core::restart::RestartRule;

use crate::id::EntryId;

/// The `lifecycle` settings of one entry. [`Lifecycle::default`] is what an
/// entry without that key has.
#[derive(Clone, Debug, PartialEq)]
pub struct Lifecycle {
    /// start at boot
    pub auto_start: bool,
    /// whether boot waits for it
    pub startup: Startup,
    /// `requires`, then `depends_on`, without repetitions
    pub requires: Vec<EntryId>,
    /// Running only after `process.ready()`
    pub ready: bool,
    /// one start attempt, up to Running
    pub start_timeout: Duration,
    /// graceful stop
    pub stop_timeout: Duration,
    /// the `restart` settings and `stable_threshold`
    pub restart: RestartRule,
    /// actor and scope of everything that it starts
    pub security: Option<Security>,
}

impl Default for Lifecycle {
    fn default() -> Lifecycle {
        Lifecycle {
            auto_start: false,
            startup: Startup::Required,
            requires: Vec::new(),
            ready: false,
            start_timeout: Duration::from_secs(10),
            stop_timeout: Duration::from_secs(10),
            restart: RestartRule::default(),
            security: None,
        }
    }
}

/// Whether boot waits for a service.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Startup {
    /// Boot waits and reports a failure.
    #[default]
    Required,
    /// It may keep retrying in the background.
    Optional,
}

/// The `security` of a lifecycle.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Security {
    /// `actor.id`
    pub actor: Option<String>,
    /// `actor.meta`, one table
    pub actor_meta: Values,
    /// policy groups
    pub groups: Vec<EntryId>,
    /// policies
    pub policies: Vec<EntryId>,
}
