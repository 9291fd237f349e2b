//! What modules answer when they cannot.

use std::sync::Arc;

use luavisor_core::{Error, Kind};

use crate::ffi::call::{Call, Outcome};

/// Invalid with this message.
pub fn invalid(call: &mut Call, message: impl Into<Arc<str>>) -> Outcome {
    call.fail(Error::invalid(message).retryable(false))
}

/// PermissionDenied `not allowed to access <what>: <id>`.
pub fn inaccessible(call: &mut Call, what: &str, id: &str) -> Outcome {
    let text = format!("not allowed to access {what}: {id}");
    call.fail(Error::new(Kind::PERMISSION_DENIED, text).retryable(false))
}

/// Internal `<action> failed: <cause>`.
pub fn failed(call: &mut Call, action: &str, cause: &str) -> Outcome {
    call.fail(Error::internal(format!("{action} failed: {cause}")).retryable(false))
}
