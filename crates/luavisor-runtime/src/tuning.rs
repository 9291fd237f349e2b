//! Numbers that programs set for the whole runtime (`system`, MODULES 9).

use std::sync::atomic::{AtomicI32, AtomicI64, Ordering};

use luavisor_vm::kernel::Setting;

/// How much garbage may come before it is collected, in percent of what lives: the
/// choice of Luau.
pub(crate) const GC_PERCENT: i32 = 100;

/// Nobody has set it.
const UNSET: i64 = i64::MIN;

/// See the module.
pub(crate) struct Tuning {
    gc_percent: AtomicI32,
    memory_limit: AtomicI64,
    max_procs: AtomicI64,
}

impl Default for Tuning {
    fn default() -> Tuning {
        Tuning {
            gc_percent: AtomicI32::new(GC_PERCENT),
            memory_limit: AtomicI64::new(-1),
            max_procs: AtomicI64::new(UNSET),
        }
    }
}

impl Tuning {
    pub fn gc_percent(&self) -> i32 {
        self.gc_percent.load(Ordering::Relaxed)
    }

    /// `None`: as many as there are workers.
    pub fn get(&self, setting: Setting) -> Option<i64> {
        let value = match setting {
            Setting::GcPercent => i64::from(self.gc_percent()),
            Setting::MemoryLimit => self.memory_limit.load(Ordering::Relaxed),
            Setting::MaxProcs => self.max_procs.load(Ordering::Relaxed),
        };
        (value != UNSET).then_some(value)
    }

    pub fn set(&self, setting: Setting, value: i64) {
        match setting {
            Setting::GcPercent => {
                // Below zero: hardly ever.
                let most = if value < 0 { i32::MAX } else { 0 };
                let percent = i32::try_from(value).map_or(i32::MAX, |value| value.max(most));
                self.gc_percent.store(percent, Ordering::Relaxed);
            }
            Setting::MemoryLimit => self.memory_limit.store(value, Ordering::Relaxed),
            Setting::MaxProcs => self.max_procs.store(value, Ordering::Relaxed),
        }
    }
}
