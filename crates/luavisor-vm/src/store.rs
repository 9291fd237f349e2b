//! What `store` asks of the stores of an application (MODULES 19).
//!
//! A request and its answer are owned values, so that a store may work on any thread.
//! Every request is atomic on its key; what is answered is done, and stays done as long
//! as the store says.

use std::sync::Arc;
use std::time::Duration;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Values};

use crate::codec::ValuesSink;
use crate::codec::json;
use crate::ffi::view::View;

/// One request.
#[derive(Clone, Debug)]
pub enum StoreRequest {
    /// the value of a key; NotFound
    Get(Bytes),
    /// whether there is a key
    Has(Bytes),
    /// true, or false when there was no such key
    Delete(Bytes),
    /// `{key, value, version}`; NotFound
    Entry(Bytes),
    /// true
    Set(StoreWrite),
    /// the new entry
    Put(StoreWrite),
    /// `{items, cursor, has_more}`
    List {
        /// how keys begin
        prefix: Bytes,
        /// keys behind this one
        after: Option<Bytes>,
        /// entries at most
        limit: usize,
    },
}

/// A value for a key.
#[derive(Clone, Debug)]
pub struct StoreWrite {
    /// the key
    pub key: Bytes,
    /// one value
    pub value: Values,
    /// unix seconds from which on it is gone
    pub expires: Option<f64>,
    /// when it is written at all
    pub condition: Condition,
}

/// What must hold for a write.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Condition {
    /// nothing
    None,
    /// there is no such key
    Absent,
    /// the key has this version
    Version(f64),
}

/// What a store says of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct StoreInfo {
    pub backend: &'static str,
    pub consistency: &'static str,
    pub durable: bool,
    pub list: bool,
    pub versioned: bool,
    pub conditional_put: bool,
    pub ttl: bool,
    /// its requests must not be made on a worker
    pub blocks: bool,
}

/// A store.
pub trait Store: Send + Sync {
    /// What it is.
    fn info(&self) -> StoreInfo;
    /// Does this at `now`, in unix seconds. Unavailable `<id> is not running`.
    fn run(&self, request: StoreRequest, now: f64) -> Result<Values, Error>;
}

/// A `security.token_store` entry.
#[derive(Clone, Debug)]
pub struct TokenStore {
    /// its id
    pub id: Arc<str>,
    /// the store that keeps the tokens
    pub store: Arc<str>,
    /// random bytes of a token
    pub length: usize,
    /// how long a token is good for that does not say
    pub expiration: Duration,
    /// what signs tokens; empty: nothing
    pub key: String,
}

/// The first value as JSON text.
pub fn to_json(values: &Values) -> Result<Vec<u8>, Error> {
    json::write(View::of(values, values.first()))
        .map_err(|cause| Error::invalid(format!("value: {cause}")).retryable(false))
}

/// The value that JSON text holds.
pub fn from_json(text: &[u8]) -> Result<Values, Error> {
    let mut sink = ValuesSink::default();
    json::read(text, &mut sink)
        .map_err(|cause| Error::internal(format!("stored value: {cause}")).retryable(false))?;
    Ok(sink.finish())
}
