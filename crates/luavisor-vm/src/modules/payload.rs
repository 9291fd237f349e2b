//! `payload`: values with a format label.

use crate::ffi::call::{Function, Setup};

/// Methods of the payload object of a message, beside `data`.
pub static PART_METHODS: &[Function] = &[];

/// Installs the global library.
pub fn install(_setup: &mut Setup) {}
