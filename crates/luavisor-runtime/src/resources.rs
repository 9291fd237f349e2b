//! What programs find by id besides code: variables, policies, stores, volumes.
//!
//! All of it is in force at once: a change of entries makes another value, which shares
//! with the old one whatever stayed the same, so that a storage keeps what was set in it
//! and a service what it holds open.

use std::sync::Arc;

use luavisor_core::security::Policies;

use crate::environment::Environment;
use crate::store::Stores;
use crate::volumes::Volumes;

/// See the module. By default there is nothing.
#[derive(Clone, Default)]
pub struct Resources {
    /// environment variables
    pub environment: Arc<Environment>,
    /// the policies of the application
    pub policies: Arc<Policies>,
    /// each needs a service: see [`Stores::target`]
    pub stores: Arc<Stores>,
    /// each needs a service: see [`Volumes::target`]
    pub volumes: Arc<Volumes>,
}
