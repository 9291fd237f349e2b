//! Texts of the command itself, before and after a runtime owns the outputs.
//!
//! A closed output is not an error.

use std::io::Write;

/// Writes to standard output.
pub fn out(text: &str) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

/// Writes to standard error.
pub fn error(text: &str) {
    let _ = std::io::stderr().lock().write_all(text.as_bytes());
}
