//! Signals of the system.
//!
//! | signal | effect |
//! |---|---|
//! | SIGINT, SIGTERM, first | graceful shutdown, and a line on stderr |
//! | SIGINT, SIGTERM, second | exit code 1 at once |
//! | SIGUSR1 | a snapshot on stderr |
//!
//! One thread waits for them on a tokio runtime of its own, so that nothing the
//! main thread waits for delays them. The same runtime serves the asynchronous
//! functions of Lua modules.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, OnceLock};

use anyhow::Context;
use luavisor::{Luavisor, Output};
use tokio::runtime::{Builder, Handle};
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::{print, snapshot};

/// What signals act on.
#[derive(Clone)]
pub struct Signals {
    shared: Arc<Shared>,
}

struct Shared {
    tokio: Handle,
    luavisor: OnceLock<Luavisor>,
    silent: bool,
    /// a signal, and nothing before it, decided to end
    decided: AtomicBool,
}

impl Signals {
    /// Listens from now on.
    pub fn listen(silent: bool) -> anyhow::Result<Signals> {
        let runtime = Builder::new_current_thread().enable_all().build();
        let runtime = runtime.context("cannot listen for signals")?;
        let entered = runtime.enter();
        let interrupts = signal(SignalKind::interrupt())?;
        let terminations = signal(SignalKind::terminate())?;
        let requests = signal(SignalKind::user_defined1())?;
        drop(entered);
        let shared = Arc::new(Shared {
            tokio: runtime.handle().clone(),
            luavisor: OnceLock::new(),
            silent,
            decided: AtomicBool::new(false),
        });
        let signals = Signals { shared };
        let serving = signals.clone();
        let thread = std::thread::Builder::new().name("signals".to_owned());
        thread
            .spawn(move || runtime.block_on(serving.serve(interrupts, terminations, requests)))
            .context("cannot listen for signals")?;
        Ok(signals)
    }

    /// Where asynchronous functions can run.
    pub fn tokio(&self) -> Handle {
        self.shared.tokio.clone()
    }

    /// From now on there is something to shut down.
    pub fn act_on(&self, luavisor: &Luavisor) {
        let _ = self.shared.luavisor.set(luavisor.clone());
        // A signal may have come while it was being made.
        if self.shared.decided.load(Ordering::SeqCst) {
            end(luavisor);
        }
    }

    /// Whether a signal decided to end.
    pub fn decided(&self) -> bool {
        self.shared.decided.load(Ordering::SeqCst)
    }

    async fn serve(self, mut interrupts: Signal, mut terminations: Signal, mut requests: Signal) {
        let mut first = true;
        loop {
            tokio::select! {
                _ = interrupts.recv() => {}
                _ = terminations.recv() => {}
                _ = requests.recv() => {
                    self.take_snapshot();
                    continue;
                }
            }
            if !first {
                std::process::exit(1);
            }
            first = false;
            self.begin_end();
        }
    }

    fn begin_end(&self) {
        let text = "shutting down (press Ctrl+C again to force exit)\n";
        let luavisor = self.shared.luavisor.get();
        match luavisor {
            _ if self.shared.silent => {}
            // Through its queue: a full stderr must not stop this thread.
            Some(luavisor) => luavisor.runtime().write(Output::Stderr, text),
            None => print::error(text),
        }
        if luavisor.is_none_or(|luavisor| luavisor.runtime().requested_exit().is_none()) {
            self.shared.decided.store(true, Ordering::SeqCst);
        }
        if let Some(luavisor) = self.shared.luavisor.get() {
            end(luavisor);
        }
    }

    fn take_snapshot(&self) {
        let Some(luavisor) = self.shared.luavisor.get().cloned() else { return };
        // It waits for busy shards, which must not delay a signal.
        tokio::task::spawn_blocking(move || {
            luavisor.runtime().write(Output::Stderr, snapshot::text(&luavisor));
        });
    }
}

fn end(luavisor: &Luavisor) {
    luavisor.request_exit(0);
    luavisor.begin_shutdown();
}
