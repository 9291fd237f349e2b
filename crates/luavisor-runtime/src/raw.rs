//! Raw mode of the terminal (MODULES 11).
//!
//! Counted per process: each `true` needs a `false`. The terminal is raw while
//! any process wants it; what a process still wants is given back at its end, and
//! all of it when the runtime closes. A second signal ends the program at once
//! and leaves the terminal as it is.

use std::collections::HashMap;
use std::os::fd::AsFd;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};

use luavisor_core::{Error, Kind, Pid};
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::sync::lock;

/// See the module.
#[derive(Default)]
pub(crate) struct RawMode {
    /// `None`: there is no terminal
    terminal: Option<Box<dyn AsFd + Send + Sync>>,
    state: Mutex<State>,
    /// spares the lock at the end of most processes
    wanted: AtomicBool,
}

#[derive(Default)]
struct State {
    counts: HashMap<Pid, u32>,
    /// the mode before it was raw
    before: Option<Termios>,
}

impl RawMode {
    /// Of this terminal, if it is one.
    pub fn of(terminal: impl AsFd + Send + Sync + 'static) -> RawMode {
        RawMode { terminal: Some(Box::new(terminal)), ..RawMode::default() }
    }

    /// Counts a wish of a process up or down. Unavailable `not a tty`.
    pub fn set(&self, pid: Pid, on: bool) -> Result<(), Error> {
        let not_a_tty = || Error::new(Kind::UNAVAILABLE, "not a tty").retryable(false);
        let terminal = self.terminal.as_ref().ok_or_else(not_a_tty)?;
        let mode = tcgetattr(terminal).map_err(|_| not_a_tty())?;
        let mut state = lock(&self.state);
        if on {
            if state.before.is_none() {
                let mut raw = mode.clone();
                raw.make_raw();
                tcsetattr(terminal, OptionalActions::Now, &raw).map_err(|_| not_a_tty())?;
                state.before = Some(mode);
            }
            *state.counts.entry(pid).or_default() += 1;
            self.wanted.store(true, Ordering::Release);
        } else if let Some(count) = state.counts.get_mut(&pid) {
            *count -= 1;
            if *count == 0 {
                self.forget(&mut state, pid);
            }
        }
        Ok(())
    }

    /// A process has ended.
    pub fn leave(&self, pid: Pid) {
        if self.wanted.load(Ordering::Acquire) {
            self.forget(&mut lock(&self.state), pid);
        }
    }

    /// Nothing runs any more.
    pub fn restore(&self) {
        let mut state = lock(&self.state);
        state.counts.clear();
        self.calm(&mut state);
    }

    fn forget(&self, state: &mut State, pid: Pid) {
        state.counts.remove(&pid);
        self.calm(state);
    }

    fn calm(&self, state: &mut State) {
        if !state.counts.is_empty() {
            return;
        }
        self.wanted.store(false, Ordering::Release);
        if let (Some(terminal), Some(before)) = (&self.terminal, state.before.take()) {
            // A terminal that is gone needs no mode.
            let _ = tcsetattr(terminal, OptionalActions::Now, &before);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use luavisor_core::HostId;
    use rustix::pty::{OpenptFlags, openpt};
    use rustix::termios::LocalModes;

    #[test]
    fn each_true_needs_a_false_or_the_end_of_its_process() {
        let terminal = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        let mode = RawMode::of(terminal.try_clone().unwrap());
        let raw = || !tcgetattr(&terminal).unwrap().local_modes.contains(LocalModes::ICANON);
        let [a, b] = [1, 2].map(|slot| Pid::new(HostId(1), 0, slot, 1));
        assert!(!raw());
        for on in [true, true, false] {
            mode.set(a, on).unwrap();
            assert!(raw());
        }
        mode.set(b, true).unwrap();
        mode.set(a, false).unwrap();
        mode.set(a, false).unwrap();
        assert!(raw(), "b still wants it");
        mode.leave(b);
        assert!(!raw());
        mode.set(a, true).unwrap();
        mode.restore();
        assert!(!raw());
    }

    #[test]
    fn a_file_is_no_terminal() {
        let mode = RawMode::of(std::fs::File::open("/dev/null").unwrap());
        assert_eq!(&*mode.set(Pid::NONE, true).unwrap_err().message, "not a tty");
        assert_eq!(&*RawMode::default().set(Pid::NONE, true).unwrap_err().message, "not a tty");
    }
}
