//! Runs Lua as one process over a kernel that tests control.
//!
//! The clock stands still while the process runs. When it blocks, pending
//! completions come first, then the earliest timer, to which the clock jumps: a
//! test of an hour takes no time and always runs the same way. Nothing is
//! spawned; what would be is recorded.
#![allow(dead_code, clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use luavisor_core::bus::BusEvent;
use luavisor_core::pattern::Pattern;
use luavisor_core::registry::{Change, Entry, History};
use luavisor_core::security::Policies;
use luavisor_core::value::{Bytes, Table};
use luavisor_core::{Error, Event, Exit, HostId, Kind, Pid, Value, Values};
use luavisor_vm::files::Volume;
use luavisor_vm::kernel::{
    CallRequest, CancelRequest, HeapUse, Level, LogRecord, Machine, Measure, Output, Read,
    ServiceInfo, Setting, SpawnRequest, Stored, Work, Written,
};
use luavisor_vm::native::AsyncFunction;
use luavisor_vm::store::Store;
use luavisor_vm::{
    Birth, Chunk, Context, Kernel, Preemption, Program, Slot, Slots, Step, Subscription, TimerId,
    Token, Unit, Vm, VmConfig, compile,
};

/// Checks that every test can use: `eq`, `fails` for what must raise, `refused` for
/// `nil, err`. With variable arguments they are not inlined, so lines are known.
const PRELUDE: &str = concat!(
    "local function eq(...) local got, want = ... if got ~= want then ",
    "error(`got {tostring(got)}, want {tostring(want)}`, 2) end end ",
    "local function fails(want, f, ...) local ok, err = pcall(f, ...) ",
    "if ok then error('did not raise: ' .. want, 2) end ",
    "local text = tostring(err) if not string.find(text, want, 1, true) then ",
    "error(`raised {text}, want {want}`, 2) end return err end ",
    "local function refused(...) local kind, message, value, err = ... ",
    "if value ~= nil and value ~= false then error(`got {tostring(value)}`, 2) end ",
    "local got = `{err:kind()}: {err:message()}` ",
    "if got ~= `{kind}: {message}` then error(`got {got}`, 2) end return err end ",
);

/// Nanoseconds, and the text to report.
type Timeout = Option<(u64, Arc<str>)>;

/// A kernel whose clock moves by hand and which does nothing else.
#[derive(Default)]
pub struct FakeKernel {
    pub now: u64,
    pub timers: BTreeMap<TimerId, (Slot, Token)>,
    pub sequence: u64,
    pub random: u64,
    pub stdout: String,
    pub stderr: String,
    pub exit_code: Option<i32>,
    pub settings: [Option<i64>; 3],
    pub variables: BTreeMap<String, String>,
    /// writes make the task wait
    pub slow_output: bool,
    /// why no write succeeds
    pub broken_output: Option<Error>,
    pub level: Option<Level>,
    pub logs: Vec<LogRecord>,
    /// lines to read; `None`: no terminal
    pub input: Option<VecDeque<String>>,
    pub arguments: Vec<String>,
    pub spawned: Vec<SpawnRequest>,
    pub executed: Vec<(SpawnRequest, Timeout)>,
    pub published: Vec<BusEvent>,
    /// calls of functions: each returns its arguments, but `app:fail` and `app:never`
    pub called: Vec<CallRequest>,
    pub cancelled_calls: Vec<Token>,
    /// pieces of work that were done off the worker
    pub blocked: usize,
    /// spawns succeed with this pid
    pub spawn_as: Option<Pid>,
    pub stores: BTreeMap<String, Arc<dyn Store>>,
    pub measured: Vec<String>,
    pub policies: Arc<Policies>,
    pub programs: BTreeMap<String, Arc<Program>>,
    pub completions: VecDeque<(Token, Result<Values, Error>)>,
    /// largest number of timers that ran at once
    pub most_timers: usize,
}

/// The wall clock at monotonic zero: 2025-11-02T15:04:05Z.
pub const START: i64 = 1_762_095_845;

impl Kernel for FakeKernel {
    fn monotonic(&self) -> u64 {
        self.now
    }
    fn wall(&self) -> (i64, u32) {
        (START + (self.now / 1_000_000_000) as i64, (self.now % 1_000_000_000) as u32)
    }
    fn random(&mut self) -> u64 {
        self.random += 1;
        self.random.wrapping_mul(0x9e37_79b9_7f4a_7c15)
    }
    fn wake(&mut self, _: Slot) {}
    fn pid_text(&self, pid: Pid) -> String {
        pid.text("app:test").to_string()
    }
    fn resolve(&self, destination: &[u8]) -> Result<Pid, Error> {
        let text = String::from_utf8_lossy(destination);
        let uniq = luavisor_core::pid::parse(&text).and_then(|pid| pid.uniq);
        uniq.and_then(|uniq| Pid::from_uniq(HostId(1), uniq)).ok_or_else(|| {
            let message = format!("could not resolve '{text}' as PID or registered name");
            Error::not_found(message)
        })
    }
    fn send(&mut self, _: Slot, _: Pid, _: Bytes, _: Values) -> Result<(), Error> {
        Err(Error::process_not_found())
    }
    fn message_limit(&self, _: Pid) -> usize {
        1 << 20
    }
    fn spawn(&mut self, _: Slot, request: SpawnRequest) -> Result<Pid, Error> {
        self.spawned.push(request);
        self.spawn_as.ok_or_else(|| Error::not_found("factory not found"))
    }
    fn exec(
        &mut self,
        _: Slot,
        request: SpawnRequest,
        timeout: Timeout,
        token: Token,
    ) -> Result<(), Error> {
        self.executed.push((request, timeout));
        self.completions.push_back((token, Ok(Values::one("executed"))));
        Ok(())
    }
    fn call_function(&mut self, _: Slot, request: CallRequest, token: Token) -> Result<(), Error> {
        let answer = match &*request.id {
            "app:fail" => Err(Error::internal("failed")),
            // Always one value, nil included.
            _ if request.arguments.items.is_empty() => Ok(Values::one(Value::Nil)),
            _ => Ok(request.arguments.clone()),
        };
        if &*request.id != "app:never" {
            self.completions.push_back((token, answer));
        }
        self.called.push(request);
        Ok(())
    }
    fn cancel_call(&mut self, _: Slot, token: Token) {
        self.cancelled_calls.push(token);
    }
    fn publish(&mut self, _: Slot, event: BusEvent) -> Result<(), Error> {
        self.published.push(event);
        Ok(())
    }
    fn subscribe(
        &mut self,
        _: Slot,
        system: Pattern,
        kind: Option<Pattern>,
        _: Token,
    ) -> Arc<Subscription> {
        Arc::new(Subscription::new(1, system, kind))
    }
    fn unsubscribe(&mut self, _: Slot, _: &Subscription) {}
    fn monitor(&mut self, _: Slot, _: Pid) -> Result<(), Error> {
        Err(Error::process_not_found())
    }
    fn unmonitor(&mut self, _: Slot, _: Pid) -> Result<(), Error> {
        Ok(())
    }
    fn link(&mut self, _: Slot, _: Pid) -> Result<(), Error> {
        Err(Error::process_not_found())
    }
    fn unlink(&mut self, _: Slot, _: Pid) -> Result<(), Error> {
        Ok(())
    }
    fn set_trap_links(&mut self, _: Slot, _: bool, _: Option<&Event>) {}
    fn set_upgradable(&mut self, _: Slot, _: bool) {}
    fn cancel(&mut self, _: Slot, _: Pid, _: CancelRequest) -> Result<(), Error> {
        Err(Error::process_not_found())
    }
    fn terminate(&mut self, _: Slot, _: Pid) -> Result<(), Error> {
        Err(Error::process_not_found())
    }
    fn ready(&mut self, _: Slot) {}
    fn ask_supervisor(
        &mut self,
        _: Slot,
        _: &[u8],
        _: luavisor_vm::kernel::SupervisorRequest,
        _: Token,
    ) -> Result<(), Error> {
        Err(Error::not_found("supervisor not found"))
    }
    fn supervisor(&self, _: Slot) -> Option<(Pid, String)> {
        None
    }
    fn register(&mut self, _: Slot, _: &str, _: Pid) -> Result<(), Error> {
        Ok(())
    }
    fn lookup(&self, _: &str) -> Result<Pid, Error> {
        Err(Error::not_found("name not registered"))
    }
    fn unregister(&mut self, _: Slot, _: &str) -> Result<bool, Error> {
        Ok(false)
    }
    fn set_timer(&mut self, slot: Slot, at: u64, token: Token) -> TimerId {
        self.sequence += 1;
        let id = TimerId { at, sequence: self.sequence };
        self.timers.insert(id, (slot, token));
        self.most_timers = self.most_timers.max(self.timers.len());
        id
    }
    fn clear_timer(&mut self, _: Slot, timer: TimerId) {
        self.timers.remove(&timer);
    }
    fn program(&self, id: &str) -> Result<Arc<Program>, Error> {
        self.programs.get(id).cloned().ok_or_else(|| Error::not_found("factory not found"))
    }
    fn write(&mut self, _: Slot, output: Output, bytes: &[u8], token: Token) -> Written {
        if let Some(error) = &self.broken_output {
            return Written::Failed(error.clone());
        }
        let text = String::from_utf8_lossy(bytes);
        match output {
            Output::Stdout => self.stdout.push_str(&text),
            Output::Stderr => self.stderr.push_str(&text),
        }
        if self.slow_output {
            self.completions.push_back((token, Ok(Values::none())));
            return Written::Wait;
        }
        Written::Done
    }
    fn set_raw(&mut self, _: Slot, _: bool) -> Result<(), Error> {
        Err(Error::new(luavisor_core::Kind::UNAVAILABLE, "not a tty").retryable(false))
    }
    fn flush(&mut self, slot: Slot, output: Output, token: Token) -> Written {
        self.write(slot, output, b"", token)
    }
    fn read(&mut self, _: Slot, read: Read, token: Token) -> Result<(), Error> {
        let next = self.input.as_mut().and_then(VecDeque::pop_front);
        let result = match (next, read) {
            (Some(line), Read::Bytes(most)) if line.len() > most => {
                let (now, later) = line.split_at(most);
                self.input.as_mut().unwrap().push_front(later.to_owned());
                Ok(Values::one(now))
            }
            (Some(line), _) => Ok(Values::one(line)),
            (None, _) => Err(Error::new(Kind::NOT_FOUND, "EOF").retryable(false)),
        };
        self.completions.push_back((token, result));
        Ok(())
    }
    fn terminal_arguments(&self, _: Slot) -> Vec<String> {
        self.arguments.clone()
    }
    fn has_terminal(&self, _: Slot) -> bool {
        self.input.is_some()
    }
    fn variable(&self, _: &str, key: &str) -> Result<String, Error> {
        if key.is_empty() {
            return Err(Error::invalid("empty key").retryable(false));
        }
        let value = self.variables.get(key).cloned();
        value.ok_or_else(|| Error::not_found("environment variable not found").retryable(false))
    }
    fn set_variable(
        &mut self,
        _: Slot,
        (_, key): (&str, &str),
        value: &str,
        token: Token,
    ) -> Result<Stored, Error> {
        self.variables.insert(key.to_owned(), value.to_owned());
        if self.slow_output {
            self.completions.push_back((token, Ok(Values::none())));
            return Ok(Stored::Wait);
        }
        Ok(Stored::Done)
    }
    fn variables(&self) -> BTreeMap<String, String> {
        self.variables.clone()
    }
    fn store(&self, id: &str) -> Result<Arc<dyn Store>, Error> {
        self.stores.get(id).cloned().ok_or_else(|| Error::not_found("store not found"))
    }
    fn volume(&self, id: &str) -> Result<Arc<dyn Volume>, Error> {
        Err(Error::not_found(format!("filesystem not found: {id}")))
    }
    fn template_set(&self, id: &str) -> Result<Arc<luavisor_vm::TemplateSet>, Error> {
        Err(Error::not_found(format!("template set not found: {id}")))
    }
    fn policies(&self) -> Arc<Policies> {
        self.policies.clone()
    }
    fn entries(&self) -> Arc<[Arc<Entry>]> {
        let table = |kind: Option<&str>| {
            let hash = kind.map(|kind| ("type".into(), kind.into())).into_iter().collect();
            let tables = vec![Table { array: Vec::new(), hash }];
            Values { items: [Value::Table(0)].into_iter().collect(), tables }
        };
        let entry = |id: &str, kind: &str, meta| {
            let (meta, data) = (table(meta), table(None));
            Arc::new(Entry { id: id.into(), kind: kind.into(), meta, data })
        };
        Arc::new([
            entry("app:library", "library.lua", None),
            entry("app:main", "process.lua", Some("worker")),
            entry("other:main", "process.lua", Some("worker")),
        ])
    }
    fn history(&self) -> History {
        History::new(self.entries())
    }
    fn change_registry(&mut self, _: &[Change]) -> Result<u64, Error> {
        Err(Error::internal("not here"))
    }
    fn go_to_version(&mut self, _: u64) -> Result<(), Error> {
        Err(Error::internal("not here"))
    }
    fn has_entry(&self, id: &str) -> bool {
        id == "app:main"
    }
    fn measure(
        &mut self,
        name: &str,
        labels: &BTreeMap<String, String>,
        measure: Measure,
    ) -> Result<(), Error> {
        let labels: Vec<String> = labels.iter().map(|(k, v)| format!("{k}={v}")).collect();
        self.measured.push(format!("{name}({}) {measure:?}", labels.join(",")));
        Ok(())
    }
    fn log_level(&self) -> Level {
        self.level.unwrap_or(Level::Debug)
    }
    fn log(&mut self, _: Slot, record: LogRecord) {
        self.logs.push(record);
    }
    fn exit_runtime(&mut self, code: i32) {
        self.exit_code = Some(code);
    }
    fn heaps(&self, own: HeapUse) -> HeapUse {
        HeapUse { used: own.used + (1 << 20), asked: own.asked + (2 << 20) }
    }
    fn machine(&self) -> Machine {
        Machine { pid: 4711, hostname: "kettle".into(), cpus: 8, resident: Some(5 << 20) }
    }
    fn living(&self) -> usize {
        3
    }
    fn setting(&self, setting: Setting) -> i64 {
        self.settings[setting as usize].unwrap_or(match setting {
            Setting::MemoryLimit => -1,
            Setting::GcPercent => 100,
            Setting::MaxProcs => 2,
        })
    }
    fn set(&mut self, setting: Setting, value: i64) -> i64 {
        let before = self.setting(setting);
        self.settings[setting as usize] = Some(value);
        before
    }
    fn services(&self) -> Vec<ServiceInfo> {
        let service = |id: &str, status, details: Option<&str>| ServiceInfo {
            id: id.into(),
            status,
            wanted: true,
            restarts: 2,
            changed_at: 7_000_000_000,
            started_at: Some(5_000_000_000),
            details: details.map(Into::into),
        };
        vec![service("app:a", "failed", Some("boom")), service("app:b", "running", None)]
    }
    fn call_async(&mut self, _: Slot, _: AsyncFunction, _: Values, token: Token) {
        self.completions.push_back((token, Err(Error::internal("no native functions"))));
    }
    fn run_blocking(&mut self, _: Slot, work: Work, token: Token) {
        self.blocked += 1;
        self.completions.push_back((token, work()));
    }
}

/// One process in a VM of its own.
pub struct Bench {
    pub vm: Vm,
    pub kernel: FakeKernel,
    pub context: Context,
    /// safepoints of a slice
    pub slice: u32,
    pub slots: Arc<Slots>,
    /// heap limit of the process, in bytes
    pub memory: Option<u64>,
    /// of the next process
    pub arguments: Values,
}

/// The pid of the process.
pub fn pid() -> Pid {
    Pid::new(HostId(1), 0, 0, 1)
}

/// A program whose chunk is exactly `source`.
pub fn program(id: &str, source: &str) -> Arc<Program> {
    let bytecode = compile(source.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    let chunk = Arc::new(Chunk { name: id.into(), bytecode });
    let unit = Arc::new(Unit { chunk, modules: None, imports: BTreeMap::new() });
    Arc::new(Program { id: id.into(), method: String::new(), unit, memory: None, mailbox: None })
}

/// The chunk around the body of `main`; lines count from the body's first.
pub fn chunk(body: &str) -> String {
    format!("{PRELUDE} return function(...) {body}\nend")
}

impl Bench {
    pub fn new() -> Bench {
        Bench::preempting(100_000)
    }

    /// Where guarded calls need a security context.
    pub fn strict() -> Bench {
        Bench::made(100_000, true)
    }

    /// With slices of that many safepoints.
    pub fn preempting(slice: u32) -> Bench {
        Bench::made(slice, false)
    }

    fn made(slice: u32, strict: bool) -> Bench {
        let slots = Arc::new(Slots::new(4));
        let vm = Vm::new(VmConfig {
            spot: None,
            host: HostId(1),
            host_name: "app:test".into(),
            shard: 0,
            slots: slots.clone(),
            native_code: false,
            preemption: Preemption::Counted(slice),
            memory: 256 << 20,
            modules: Arc::new([]),
            strict,
        });
        let kernel = FakeKernel::default();
        Bench {
            vm,
            kernel,
            context: Context::default(),
            slice,
            slots,
            memory: None,
            arguments: Values::none(),
        }
    }

    /// Makes the process of this body of `main`; [`Bench::finish`] runs it.
    pub fn start(&mut self, body: &str) {
        self.start_program(program("app:main", &chunk(body)));
    }

    pub fn start_program(&mut self, program: Arc<Program>) {
        self.slots.begin(0, 1, 1_000_000, 64 << 20);
        self.vm.create(Box::new(Birth {
            pid: pid(),
            program,
            arguments: std::mem::take(&mut self.arguments),
            context: Arc::new(self.context.clone()),
            memory: self.memory,
            result_limit: 1 << 20,
        }));
    }

    /// Runs the process to its end; `None` when it waits for what never comes.
    pub fn finish(&mut self) -> Option<Exit> {
        loop {
            match self.vm.run(0, &mut self.kernel) {
                Step::Ready => {}
                Step::Finished(exit) => return Some(Exit::clone(&exit)),
                Step::Killed => panic!("killed"),
                Step::Blocked => {
                    while !self.step() {
                        if self.kernel.completions.is_empty() && self.kernel.timers.is_empty() {
                            return None;
                        }
                    }
                }
            }
        }
    }

    /// The next completion or timer; returns whether the process became ready.
    fn step(&mut self) -> bool {
        if let Some((token, result)) = self.kernel.completions.pop_front() {
            return self.vm.complete(0, token, result, &mut self.kernel);
        }
        let Some((timer, (slot, token))) = self.kernel.timers.pop_first() else { return false };
        self.kernel.now = self.kernel.now.max(timer.at);
        self.vm.timer(slot, token, &mut self.kernel)
    }

    /// Runs a body of `main` to its end.
    pub fn run(&mut self, body: &str) -> Exit {
        self.start(body);
        let exit = self.finish().expect("it waits for ever");
        self.vm.destroy(0, &mut self.kernel);
        self.slots.end(0);
        exit
    }

    /// Runs a body that checks by itself; panics with what it raised.
    #[track_caller]
    pub fn passes(&mut self, body: &str) {
        if let Some(error) = self.run(body).error {
            panic!("{error}");
        }
    }
}

/// Runs a body of `main` that checks by itself in a new VM.
#[track_caller]
pub fn passes(body: &str) {
    Bench::new().passes(body);
}

/// Runs a body of `main` that must fail; returns its error.
#[track_caller]
pub fn failure(body: &str) -> Error {
    let exit = Bench::new().run(body);
    Error::clone(&exit.error.expect("it did not fail"))
}

/// The text of a string value.
pub fn text(values: &Values) -> &str {
    match values.first() {
        Value::String(bytes) => std::str::from_utf8(bytes).unwrap(),
        other => panic!("{other:?}"),
    }
}
