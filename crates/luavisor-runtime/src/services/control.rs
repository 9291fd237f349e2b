//! The control pid of one life of a service (SPEC 10.1).
//!
//! It is the sender of the service's CANCEL, nothing else: whatever others do to
//! it, the service and its controller do not depend on it. It ends with the life.

use std::sync::Arc;

use luavisor_core::{Error, Exit, Pid, Values};

use crate::native::{Flow, Input, NativeContext, NativeOptions, NativeProcess};
use crate::world::CONTROL;

struct Control {
    controller: Pid,
}

impl NativeProcess for Control {
    fn handle(&mut self, _: &mut NativeContext<'_>, input: Input) -> Flow {
        match input {
            Input::Message { from, .. } if from == self.controller => {
                Flow::Finish(Exit::normal(Values::none()))
            }
            _ => Flow::Continue,
        }
    }
}

/// Makes one.
pub(super) fn begin(context: &mut NativeContext<'_>, entry: &Arc<str>) -> Result<Pid, Error> {
    let control = Box::new(Control { controller: context.pid() });
    context.spawn_native(CONTROL, control, NativeOptions::new(entry.clone()))
}

/// Ends it.
pub(super) fn end(context: &mut NativeContext<'_>, control: Pid) {
    // It is gone already if somebody terminated it.
    let _ = context.send(control, *b"end", Values::none());
}
