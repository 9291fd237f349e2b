//! How tokens of a store are made (MODULES 6.2).

use std::sync::Arc;

/// A `security.token_store` entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TokenStore {
    /// the entry
    pub id: Arc<str>,
    /// the store that keeps what tokens stand for
    pub store: Arc<str>,
    /// random bytes of a token
    pub length: usize,
    /// nanoseconds that a token is valid, when it does not say
    pub expiration: u64,
    /// signs tokens; empty: they have no signature
    pub key: Arc<str>,
}
