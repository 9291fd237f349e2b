//! Locks.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// What a mutex guards, whatever happened to another thread that held it.
pub fn lock<T: ?Sized>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
