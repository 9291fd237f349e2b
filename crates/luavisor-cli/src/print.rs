//! Texts of the command itself, before and after a runtime owns the outputs.
//!
//! A closed output is not an error.

use std::io::Write;

/// Writes to standard output.
pub fn out(text: &str) {
    out_bytes(text.as_bytes());
}

/// The same with bytes.
pub fn out_bytes(bytes: &[u8]) {
    let mut stdout = std::io::stdout().lock();
    let _ = stdout.write_all(bytes).and_then(|()| stdout.flush());
}

/// Writes to standard error.
pub fn error(text: &str) {
    error_bytes(text.as_bytes());
}

/// The same with bytes.
pub fn error_bytes(bytes: &[u8]) {
    let _ = std::io::stderr().lock().write_all(bytes);
}
