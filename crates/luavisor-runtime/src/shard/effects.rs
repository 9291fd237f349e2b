//! What must be done to the VM, queued while a process may be running.

use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Pid, Values};
use luavisor_vm::{Birth, Slot, Token, Vm};

use super::Interior;
use super::kernel::ShardKernel;
use crate::snapshot::Inspection;

/// One call into the VM.
pub(crate) enum Effect {
    Create(Box<Birth>),
    Message {
        slot: Slot,
        from: Pid,
        topic: Bytes,
        payload: Values,
        bytes: usize,
    },
    Event {
        slot: Slot,
        event: Event,
    },
    Timer {
        slot: Slot,
        token: Token,
    },
    Complete {
        slot: Slot,
        token: Token,
        result: Box<Result<Values, Error>>,
    },
    /// The process ended; afterwards its slot is free.
    Destroy(Slot),
    /// No process is left: the VM itself goes.
    DropVm,
    /// Somebody wants to know what the shard holds, the VM included.
    Inspect(Arc<Inspection>),
}

impl Interior {
    /// Carries out all queued effects, in order.
    pub fn flush(&mut self) {
        while let Some(effect) = self.kernel.effects.pop_front() {
            let vm = match (&mut self.vm, &effect) {
                (_, Effect::DropVm) => {
                    // A process may have come since the host was empty.
                    if self.kernel.processes.live() == 0 {
                        self.vm = None;
                    }
                    continue;
                }
                (_, Effect::Inspect(inspection)) => {
                    inspection.add(self.inspect());
                    continue;
                }
                (Some(vm), _) => vm,
                (none, _) => none.insert(self.kernel.make_vm()),
            };
            match effect {
                Effect::Create(birth) => vm.create(birth),
                Effect::Message { slot, from, topic, payload, bytes } => {
                    if vm.message(slot, from, topic, payload, bytes, &mut self.kernel) {
                        self.kernel.make_ready(slot);
                    }
                }
                Effect::Event { slot, event } => {
                    if vm.event(slot, event, &mut self.kernel) {
                        self.kernel.make_ready(slot);
                    }
                }
                Effect::Timer { slot, token } => {
                    if vm.timer(slot, token, &mut self.kernel) {
                        self.kernel.make_ready(slot);
                    }
                }
                Effect::Complete { slot, token, result } => {
                    if vm.complete(slot, token, *result, &mut self.kernel) {
                        self.kernel.make_ready(slot);
                    }
                }
                Effect::Destroy(slot) => {
                    vm.destroy(slot, &mut self.kernel);
                    self.kernel.shard.places.give_back(slot);
                }
                Effect::DropVm | Effect::Inspect(_) => {}
            }
        }
    }
}

impl ShardKernel {
    fn make_vm(&self) -> Vm {
        let vm = Vm::new(self.host.vm_config(&self.world, &self.shard));
        self.shard.adopt(vm.interrupter());
        vm
    }
}
