//! `stream`: what is read piece by piece (MODULES 23). The module has no functions of its
//! own; scanners come from files.

pub mod scanner;

use crate::ffi::call::Setup;

/// Installs the module and its classes.
pub fn install(setup: &mut Setup) {
    scanner::install(setup);
    setup.module("stream", &[], |_| {});
}
