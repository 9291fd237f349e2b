//! The process of a service that holds something open.
//!
//! 1. It begins: the resource is opened, off the workers.
//! 2. That is done: the service is up, or has failed with the error of it.
//! 3. It ends, whatever ends it: the resource is closed.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use luavisor_core::{Error, Event, Exit, Reason, Values};
use luavisor_vm::Token;

use crate::native::{Flow, Input, NativeContext, NativeProcess};

/// What is open while its service runs. All of it may block.
pub(crate) trait Resource: Send + Sync {
    /// Opens it. `driven`: it must have no effect outside of the runtime.
    fn open(&self, driven: bool) -> Result<(), Error>;
    /// Closes it; open or not.
    fn close(&self);
    /// Whether it is open.
    fn is_open(&self) -> bool;
    /// Nanoseconds between two calls of `clean`; 0: none.
    fn cleanup(&self) -> u64 {
        0
    }
    /// Lets go of what has expired at this time, in unix seconds.
    fn clean(&self, _now: f64) {}
}

/// See the module.
pub(crate) struct Keeper {
    resource: Arc<dyn Resource>,
    ended: Arc<AtomicBool>,
}

const OPENED: Token = Token(0);
const CLEANED: Token = Token(1);

impl Keeper {
    pub fn new(resource: Arc<dyn Resource>) -> Keeper {
        Keeper { resource, ended: Arc::default() }
    }

    fn open(&self, context: &mut NativeContext<'_>) {
        let (resource, ended) = (self.resource.clone(), self.ended.clone());
        let driven = context.runtime().world.driven();
        context.run_blocking(OPENED, move || {
            resource.open(driven)?;
            // Nobody closes it any more if the process ended meanwhile.
            if ended.load(Ordering::SeqCst) {
                resource.close();
            }
            Ok(Values::none())
        });
    }

    fn clean_later(&self, context: &mut NativeContext<'_>) {
        if self.resource.cleanup() > 0 {
            context.set_timer(self.resource.cleanup(), CLEANED);
        }
    }
}

impl NativeProcess for Keeper {
    fn handle(&mut self, context: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Start => self.open(context),
            Input::Completed(OPENED, Ok(_)) => {
                context.ready();
                self.clean_later(context);
            }
            Input::Completed(OPENED, Err(error)) => {
                return Flow::Finish(Exit::failure(Reason::Error, error));
            }
            Input::Timer(CLEANED) => {
                let resource = self.resource.clone();
                let now = context.unix();
                context.run_blocking(CLEANED, move || {
                    resource.clean(now);
                    Ok(Values::none())
                });
            }
            Input::Completed(CLEANED, _) => self.clean_later(context),
            Input::Event(Event::Cancel { .. }) => {
                return Flow::Finish(Exit::normal(Values::none()));
            }
            _ => {}
        }
        Flow::Continue
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.ended.store(true, Ordering::SeqCst);
        self.resource.close();
    }
}
