//! Making, entering and closing a VM.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr::{self, NonNull};
use std::sync::Arc;

use luavisor_core::value::Bytes;
use luavisor_core::{Error, Event, Exit, Pid, Reason, Value, Values};
use mlua_sys as sys;

use super::arena::Arena;
use super::context::{Cx, Op, Places, Resident, VmContext};
use super::interrupt::Arm;
use super::lua::Lua;
use super::memory::{Account, allocate};
use super::process::{Cargo, EVENTS, Load, Meaning, Process, Source, Topic};
use super::seats::Seats;
use super::shapes::Shapes;
use super::shelf::{Holds, Row, Shelf};
use super::strangers::Strangers;
use super::{atoms, bare, bus, channel, heap, life, sandbox, send, step};
use crate::calendar::zone;
use crate::kernel::{Kernel, Room, Slot, Token};
use crate::vm::{Birth, Remains, Step, VmConfig};

/// Unread messages whose topics a crash report names.
const LAST_TOPICS: usize = 10;

/// Owns a VM and its context.
pub struct Raw {
    context: *mut VmContext,
    pub arm: Arm,
}

// SAFETY: the context and the VM are reached only through `Raw`, by one thread at a time.
unsafe impl Send for Raw {}

impl Raw {
    pub fn new(config: VmConfig) -> Raw {
        let mut account = Box::new(Account::new());
        account.arena = config.spot.as_ref().and_then(Arena::new);
        // SAFETY: the account is boxed and lives in the context, which outlives the VM.
        let state = unsafe { sys::lua_newstate(allocate, (&raw mut *account).cast()) };
        let lua = Lua(state);
        let pid_prefix = format!("{{{}|", config.host_name).into_bytes();
        let native_code = config.native_code;
        let memory_line = config.memory;
        let context = Box::into_raw(Box::new(VmContext {
            lua,
            config,
            shelf: Shelf::new(lua),
            places: Places::default(),
            shapes: Shapes::new(lua),
            holds: Holds::new(lua),
            pids: Row::new(lua),
            topics: Row::new(lua),
            texts: Vec::new(),
            arrived: Default::default(),
            residents: Vec::new(),
            current: ptr::null_mut(),
            current_task: 0,
            kernel: None,
            op: Op::default(),
            chunks: BTreeMap::new(),
            chunks_line: super::units::CHUNKS,
            free_places: Vec::new(),
            atoms: atoms::METHODS.iter().map(|(n, a)| (n.as_bytes().into(), *a)).collect(),
            next_atom: 64,
            pinned_atoms: vec![false; 128],
            pid_prefix,
            pinned_pids: Vec::new(),
            strangers: Strangers::new(lua),
            seats: Seats::default(),
            dead: Vec::new(),
            nothing: Arc::new(Exit::normal(Values::none())),
            no_context: Arc::default(),
            case_metatable: ptr::null(),
            budget: 0,
            fails_after: None,
            unpreemptible: false,
            dying: false,
            woken: false,
            memory_line,
            heap_account: account,
            fresh: 0,
            categories: super::memory::Categories::default(),
            types: Default::default(),
            schemas: Default::default(),
        }));
        // SAFETY: the callbacks belong to the new VM; code generation is set up once.
        unsafe {
            (*lua.callbacks()).userdata = context.cast();
            (*lua.callbacks()).useratom = Some(atoms::useratom);
            if native_code && sys::luau_codegen_supported() != 0 {
                sys::luau_codegen_create(state);
            } else {
                (*context).config.native_code = false;
            }
        }
        let cx = Cx(context);
        sandbox::install(cx, lua);
        cx.vm().heap_account.lua = state;
        cx.vm().fresh = cx.vm().heap_account.used;
        if cx.simulated() {
            lua.stop_collector();
            cx.vm().memory_line = heap::next_line(cx);
        }
        Raw { context, arm: Arm::new(lua) }
    }

    pub fn cx(&self) -> Cx {
        Cx(self.context)
    }

    /// Lets natives reach `kernel` while `body` runs.
    fn with_kernel<T>(&mut self, kernel: &mut dyn Kernel, body: impl FnOnce(Cx) -> T) -> T {
        let cx = self.cx();
        // SAFETY: only the lifetime is erased; the pointer is cleared before `kernel` ends.
        cx.vm().kernel = unsafe {
            std::mem::transmute::<NonNull<dyn Kernel + '_>, Option<NonNull<dyn Kernel + 'static>>>(
                NonNull::from(kernel),
            )
        };
        let _zone = cx.simulated().then(zone::simulate);
        let result = body(cx);
        cx.vm().kernel = None;
        result
    }

    pub fn create(&mut self, birth: Box<Birth>) {
        let slot = birth.pid.slot() as usize;
        let residents = &mut self.cx().vm().residents;
        if residents.len() <= slot {
            residents.resize_with(slot + 1, || Resident::Nobody);
        }
        residents[slot] = Resident::Unborn(birth);
    }

    /// Sets after how many safepoints an error is raised; returns how many were left.
    pub fn fail_after(&mut self, safepoints: Option<u32>) -> Option<u32> {
        std::mem::replace(&mut self.cx().vm().fails_after, safepoints)
    }

    pub fn run(&mut self, slot: Slot, safepoints: u32, kernel: &mut dyn Kernel) -> Step {
        self.with_kernel(kernel, |cx| {
            let Some(process) = cx.at(slot) else { return Step::Killed };
            cx.vm().budget = i64::from(safepoints);
            if safepoints > 0 {
                super::interrupt::arm(cx.vm().lua);
            }
            cx.vm().current = process;
            // A panic of ours unwinds through Luau and ends this process only.
            let step = catch_unwind(AssertUnwindSafe(|| step::run(cx, process)));
            cx.vm().current = ptr::null_mut();
            step.unwrap_or_else(|panic| {
                super::interrupt::disarm(cx.vm().lua);
                if let Some(process) = cx.at(slot) {
                    process.broken = true;
                }
                let text = panic
                    .downcast_ref::<&str>()
                    .map(|text| (*text).to_owned())
                    .or_else(|| panic.downcast_ref::<String>().cloned());
                let message = format!("panic: {}", text.unwrap_or_else(|| "unknown".to_owned()));
                Step::Finished(Arc::new(Exit::failure(Reason::Error, Error::internal(message))))
            })
        })
    }

    pub fn message(
        &mut self,
        slot: Slot,
        from: Pid,
        topic: Bytes,
        payload: Values,
        room: Room,
        kernel: &mut dyn Kernel,
    ) -> bool {
        let load = match (payload.items.len(), payload.first()) {
            (0, _) => Load::None,
            (1, Value::Nil) => Load::Nil,
            (1, Value::Boolean(value)) => Load::Boolean(*value),
            (1, Value::Number(value)) => Load::Number(*value),
            _ => Load::Remote(Box::new(payload)),
        };
        let topic = match atoms::arrived(self.cx(), topic) {
            Ok(atom) => Topic::Atom(atom),
            Err(topic) => Topic::Text(topic.as_ref().into()),
        };
        self.with_kernel(kernel, |cx| {
            touch(cx, slot, |process| {
                send::deliver(cx, process, topic, Cargo { from, room, load });
            })
        })
    }

    pub fn event(&mut self, slot: Slot, event: Event, kernel: &mut dyn Kernel) -> bool {
        self.with_kernel(kernel, |cx| {
            touch(cx, slot, |process| {
                let own = matches!(event, Event::Cancel { from, .. } if from == process.pid);
                if !(own && process.take_own_cancel()) {
                    queue_event(cx, process, event);
                }
            })
        })
    }

    pub fn timer(&mut self, slot: Slot, token: Token, kernel: &mut dyn Kernel) -> bool {
        self.with_kernel(kernel, |cx| {
            touch(cx, slot, |process| step::timer(cx, process, Meaning::of(token)))
        })
    }

    pub fn complete(
        &mut self,
        slot: Slot,
        token: Token,
        result: Result<Values, Error>,
        kernel: &mut dyn Kernel,
    ) -> bool {
        self.with_kernel(kernel, |cx| {
            touch(cx, slot, |process| step::complete(cx, process, Meaning::of(token), result))
        })
    }

    pub fn bell(&mut self, slot: Slot, token: Token, kernel: &mut dyn Kernel) -> bool {
        self.with_kernel(kernel, |cx| touch(cx, slot, |process| bus::heard(cx, process, token)))
    }

    pub fn destroy(&mut self, slot: Slot, kernel: &mut dyn Kernel) {
        self.with_kernel(kernel, |cx| {
            let resident = cx.vm().residents.get_mut(slot as usize);
            let resident = resident.map(|place| std::mem::replace(place, Resident::Nobody));
            if let Some(Resident::Living(process)) = resident {
                life::destroy(cx, process);
            }
            life::bury_dead(cx);
        });
    }

    /// Messages in the mailbox of a process.
    pub fn unread(&self, slot: Slot) -> Option<usize> {
        Some(self.cx().at(slot)?.mailbox.len())
    }

    pub fn overlooked(&self, slot: Slot) -> Option<&'static str> {
        let process = self.cx().at(slot)?;
        let waited_for = process.channels.iter().filter(|channel| !channel.receivers.is_empty());
        waited_for.into_iter().find_map(|channel| match channel.source {
            _ if channel.has_value() => Some("a value"),
            Source::Inbox if process.mailbox.inbox_ready() => Some("a message"),
            Source::Events if !process.events.is_empty() => Some("an event"),
            Source::Topic { subscription, .. } if process.mailbox.ready(subscription) => {
                Some("a message of a topic")
            }
            _ => None,
        })
    }

    pub fn remains(&self, slot: Slot) -> Option<Remains> {
        let cx = self.cx();
        let process = cx.at(slot)?;
        let topic = |topic: &Topic| match topic {
            Topic::Text(text) => Bytes::from(&text[..]),
            Topic::Atom(atom) => {
                let lua = cx.vm().lua;
                lua.reserve(1);
                cx.vm().topics.push(lua, *atom as usize);
                let text = Bytes::from(lua.bytes(-1));
                lua.pop(1);
                text
            }
        };
        // A process without a category of its own shares the heap: nobody knows its part.
        let memory = (process.category != 0).then(|| heap::held(cx, process));
        let topics = process.mailbox.last(LAST_TOPICS).map(topic).collect();
        Some(Remains { memory, unread: process.mailbox.len(), topics })
    }

    pub fn heap(&self) -> usize {
        self.cx().vm().heap_account.used
    }

    pub fn program(&self, slot: Slot) -> Option<Arc<str>> {
        match self.cx().vm().residents.get(slot as usize)? {
            Resident::Nobody => None,
            Resident::Unborn(birth) => Some(birth.program.id.clone()),
            Resident::Living(process) => Some(process.program.id.clone()),
        }
    }

    pub fn processes(&self) -> usize {
        let residents = self.cx().vm().residents.iter();
        residents.filter(|resident| !matches!(resident, Resident::Nobody)).count()
    }

    pub fn set_heap_goal(&mut self, percent: i32) {
        self.cx().vm().lua.set_heap_goal(percent);
    }

    pub fn asked(&self) -> usize {
        self.cx().vm().heap_account.gross
    }

    pub fn collect(&mut self, kernel: &mut dyn Kernel) {
        self.with_kernel(kernel, life::collect);
    }

    pub fn bare(&mut self, kernel: &mut dyn Kernel) -> usize {
        self.with_kernel(kernel, bare::bare)
    }
}

/// Runs `body` on a process and says whether it became ready.
fn touch(cx: Cx, slot: Slot, body: impl FnOnce(&mut Process)) -> bool {
    cx.vm().woken = false;
    if let Some(process) = cx.at(slot) {
        body(process);
    }
    cx.vm().woken
}

/// Queues a system event and hands it to a task that waits for it.
pub fn queue_event(cx: Cx, process: &mut Process, event: Event) {
    if !merge_cancel(process, &event) {
        process.events.push_back(event);
    }
    let id = process.events_again().unwrap_or(EVENTS);
    channel::pump(cx, process, id);
}

/// A cancel whose canceller's earlier one is unread gives it the newer reason (SPEC 5.1).
fn merge_cancel(process: &mut Process, event: &Event) -> bool {
    let Event::Cancel { from, reason, deadline, .. } = event else { return false };
    for waiting in &mut process.events {
        if let Event::Cancel { from: earlier, reason: old, deadline: old_deadline, .. } = waiting
            && earlier == from
        {
            *old = reason.clone();
            *old_deadline = match (*old_deadline, *deadline) {
                (Some(a), Some(b)) => Some(a.min(b)),
                (a, b) => a.or(b),
            };
            return true;
        }
    }
    false
}

impl Drop for Raw {
    fn drop(&mut self) {
        self.arm.disconnect();
        let cx = self.cx();
        let state = cx.vm().lua.0;
        // SAFETY: closed once; destructors of userdata only touch the context, which goes last.
        unsafe {
            sys::lua_close(state);
            drop(Box::from_raw(self.context));
        }
    }
}

impl std::fmt::Debug for Raw {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Vm").field("processes", &self.processes()).finish()
    }
}
