//! `errors`: error objects.

use crate::ffi::call::{Function, Setup};

/// Methods of error objects.
pub static METHODS: &[Function] = &[];

/// Installs the global library.
pub fn install(_setup: &mut Setup) {}
