//! What modules answer when they cannot.

use std::sync::Arc;

use luavisor_core::Error;

use crate::ffi::call::{Call, Outcome};

/// Invalid with this message.
pub fn invalid(call: &mut Call, message: impl Into<Arc<str>>) -> Outcome {
    call.fail(Error::invalid(message).retryable(false))
}

/// Internal `<action> failed: <cause>`.
pub fn failed(call: &mut Call, action: &str, cause: &str) -> Outcome {
    call.fail(Error::internal(format!("{action} failed: {cause}")).retryable(false))
}
