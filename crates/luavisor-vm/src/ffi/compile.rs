//! Luau source to bytecode.

use std::ffi::c_char;
use std::sync::{Mutex, PoisonError};

use mlua_sys as sys;

use crate::compile::{Calls, CompileError};

/// Builtins whose fast paths would skip our own versions.
const DISABLED: [&std::ffi::CStr; 0] = [];

/// Compiles Luau source. The bytecode does not name the chunk yet.
pub fn compile(source: &[u8], calls: Calls) -> Result<Box<[u8]>, CompileError> {
    // The compiler keeps global state for its flags; calls are short.
    static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());
    let _guard = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut disabled: Vec<*const c_char> = DISABLED.iter().map(|name| name.as_ptr()).collect();
    disabled.push(std::ptr::null());
    let mut options = sys::lua_CompileOptions::default();
    // 2 is 1 with inlining and unrolled loops.
    options.optimizationLevel = match calls {
        Calls::Inlined => 2,
        Calls::Kept => 1,
    };
    options.debugLevel = 1;
    options.disabledBuiltins = disabled.as_ptr();
    // SAFETY: the options and the names that they point to outlive the call.
    let bytecode = unsafe { sys::luau_compile(source, options) };
    // A leading zero byte marks an error text of the form `:line: message`.
    match bytecode.split_first() {
        Some((0, text)) => {
            let text = String::from_utf8_lossy(text).into_owned();
            let mut parts = text.trim_start_matches(':').splitn(2, ':');
            let line = parts.next().and_then(|line| line.parse().ok()).unwrap_or(1);
            let message = parts.next().unwrap_or(&text).trim().to_owned();
            Err(CompileError { line, column: None, message })
        }
        _ => Ok(bytecode.into_boxed_slice()),
    }
}
