//! What must be done to the VM, queued while a process may be running.

use std::collections::BTreeSet;
use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Pid, Values};
use luavisor_vm::kernel::Room;
use luavisor_vm::{Birth, Slot, Token, Vm};

use super::Interior;
use super::kernel::ShardKernel;
use crate::crash::CrashReport;
use crate::observe::Occurrence;
use crate::planted::Bug;
use crate::snapshot::Inspection;
use crate::tuning;

/// One call into the VM.
pub(crate) enum Effect {
    Create(Box<Birth>),
    Message {
        slot: Slot,
        from: Pid,
        topic: Bytes,
        payload: Values,
        room: Room,
    },
    Event {
        slot: Slot,
        event: Event,
    },
    /// If the process runs code of one of these entries, there is newer code.
    Outdated {
        slot: Slot,
        at: f64,
        ids: Arc<BTreeSet<Arc<str>>>,
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
    Bell {
        slot: Slot,
        token: Token,
    },
    /// The process ended; afterwards its slot is free.
    Destroy(Slot, Option<Box<CrashReport>>),
    /// No process is left: the VM itself goes.
    DropVm,
    /// Somebody wants to know what the shard holds, the VM included.
    Inspect(Arc<Inspection>),
}

impl Interior {
    /// Carries out all queued effects, in order.
    pub fn flush(&mut self) {
        while let Some(effect) = self.kernel.effects.pop_front() {
            match effect {
                Effect::Create(birth) => self.vm().create(birth),
                Effect::Destroy(slot, report) => {
                    let Interior { vm, kernel, .. } = self;
                    if let Some(mut report) = report {
                        report.remains = vm.as_ref().and_then(|vm| vm.remains(slot));
                        kernel.world.report_crash(*report);
                    }
                    if let Some(vm) = vm {
                        vm.destroy(slot, kernel);
                    }
                    kernel.shard.places.give_back(slot);
                }
                Effect::Message { slot, from, topic, payload, room } => {
                    self.touch(slot, |vm, kernel| {
                        vm.message(slot, from, topic, payload, room, kernel)
                    });
                }
                Effect::Event { slot, event } => {
                    self.kernel.tell_event(slot, &event);
                    self.touch(slot, |vm, kernel| vm.event(slot, event, kernel));
                }
                Effect::Outdated { slot, at, ids } => {
                    let runs = self.vm.as_ref().and_then(|vm| vm.program(slot));
                    if let Some(id) = runs.filter(|id| ids.contains(id)) {
                        let event = Event::Outdated { at, id: (&*id).into() };
                        self.touch(slot, |vm, kernel| vm.event(slot, event, kernel));
                    }
                }
                Effect::Timer { slot, token } => {
                    self.touch(slot, |vm, kernel| vm.timer(slot, token, kernel));
                }
                Effect::Bell { slot, token } => {
                    self.touch(slot, |vm, kernel| vm.bell(slot, token, kernel));
                }
                Effect::Complete { slot, token, result } => {
                    self.touch(slot, |vm, kernel| vm.complete(slot, token, *result, kernel));
                }
                // A process may have come since the host was empty.
                Effect::DropVm if self.kernel.processes.live() == 0 => {
                    self.tell_emptied();
                    self.vm = None;
                    // The next one begins as every VM does.
                    self.kernel.gc_percent = tuning::GC_PERCENT;
                    self.kernel.processes.clear();
                }
                Effect::DropVm => {}
                Effect::Inspect(inspection) => {
                    inspection.answer(self.inspect(), self.kernel.world.clock.monotonic());
                }
            }
        }
    }

    /// In a simulation: tells what the VM holds without any process.
    fn tell_emptied(&mut self) {
        if let Interior { vm: Some(vm), kernel, .. } = self
            && kernel.world.simulated()
        {
            let bytes = match kernel.world.planted(Bug::GarbageKept) {
                true => vm.heap(),
                false => vm.bare(kernel),
            };
            let (host, shard) = (kernel.shard.host, kernel.shard.number);
            kernel.world.observers.tell(|| Occurrence::Emptied { host, shard, bytes });
        }
    }

    fn vm(&mut self) -> &mut Vm {
        self.vm.get_or_insert_with(|| self.kernel.make_vm())
    }

    /// Does something to a process of the VM, and runs it if that made it ready.
    pub fn touch(&mut self, slot: Slot, act: impl FnOnce(&mut Vm, &mut ShardKernel) -> bool) {
        if let Interior { vm: Some(vm), kernel, .. } = self
            && act(vm, kernel)
        {
            kernel.make_ready(slot);
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
