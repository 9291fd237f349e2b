//! `text`: regular expressions, differences, pieces (MODULES 20).

mod diff;
mod output;
mod regexp;
mod splitter;

use crate::ffi::call::Setup;

/// Installs the module and its classes.
pub fn install(setup: &mut Setup) {
    regexp::install(setup);
    diff::install(setup);
    splitter::install(setup);
    setup.module("text", &[], |module| {
        module.table(c"regexp", regexp::FUNCTIONS, |_| {});
        module.table(c"diff", diff::FUNCTIONS, |_| {});
        module.table(c"splitter", splitter::FUNCTIONS, |_| {});
    });
}
