//! How far a long simulation is, for whoever waits for it.

use std::io::{IsTerminal, Write};
use std::time::{Duration, Instant};

/// How often it is shown on a terminal.
const OFTEN: Duration = Duration::from_millis(200);
/// How often elsewhere, a line each: only what takes long says anything.
const SELDOM: Duration = Duration::from_secs(30);

/// Standard error, where progress is shown.
pub struct Screen {
    terminal: bool,
    shown: Instant,
}

impl Screen {
    #[allow(clippy::disallowed_methods)] // progress is one in real time
    pub fn new() -> Screen {
        Screen { terminal: std::io::stderr().is_terminal(), shown: Instant::now() }
    }

    /// Shows a line instead of the last one, unless that came a moment ago.
    #[allow(clippy::disallowed_methods)] // as above
    pub fn show(&mut self, line: impl FnOnce() -> String) {
        let pause = if self.terminal { OFTEN } else { SELDOM };
        if self.shown.elapsed() < pause {
            return;
        }
        self.shown = Instant::now();
        let mut screen = std::io::stderr();
        // A screen that is gone needs no progress.
        let _ = match self.terminal {
            true => write!(screen, "\r\x1b[K{}", line()),
            false => writeln!(screen, "{}", line()),
        };
    }

    /// Takes the line away.
    pub fn clear(&self) {
        if self.terminal {
            let _ = write!(std::io::stderr(), "\r\x1b[K");
        }
    }
}
