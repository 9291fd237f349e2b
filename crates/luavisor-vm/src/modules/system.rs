//! `system`: the runtime as its programs may see it (MODULES 9).
//!
//! Every call asks for leave first. What the machine shows comes from the kernel, so
//! that a simulation shows the same on every machine.

use std::ffi::CStr;

use luavisor_core::Error;

use super::refusal::invalid;
use crate::ffi::call::{Call, Function, Outcome, Setup};
use crate::kernel::{Machine, ServiceInfo, Setting};

/// What `get_limit` tells when there is none: the largest 64-bit integer, rounded.
const NO_LIMIT: f64 = i64::MAX as f64;

/// Asks for leave, then goes on.
fn guarded(
    call: &mut Call,
    action: &str,
    resource: &str,
    run: impl FnOnce(&mut Call) -> Outcome,
) -> Outcome {
    match call.guard(action, resource) {
        Ok(()) => run(call),
        Err(error) => call.fail(error.retryable(false)),
    }
}

fn number(call: &mut Call, value: f64) -> Outcome {
    call.push_number(value);
    call.results(1)
}

/// `system.exit(code = 0)`
fn exit(call: &mut Call) -> Outcome {
    let code = if call.is_nil(1) { 0 } else { call.integer(1)? };
    let code = i32::try_from(code).map_err(|_| call.wrong(1, "integer"))?;
    guarded(call, "system.exit", "system", |call| {
        call.kernel().exit_runtime(code);
        call.yes()
    })
}

/// Name, description, classes.
static MODULES: &[(&str, &str, &[&str])] = &[
    ("base64", "bytes as text", &["encoding", "deterministic"]),
    ("channel", "channels between tasks and select", &["concurrency"]),
    ("compress", "gzip, deflate, zlib, brotli, zstd", &["encoding", "deterministic"]),
    ("coroutine", "tasks and coroutines", &["concurrency"]),
    ("crypto", "random values, digests, encryption, tokens", &["security", "nondeterministic"]),
    ("ctx", "inherited values", &["process"]),
    ("env", "environment variables", &["storage"]),
    ("errors", "error objects", &["deterministic"]),
    ("events", "news for whoever subscribes", &["concurrency"]),
    ("expr", "expressions that are data", &["deterministic"]),
    ("fs", "files and directories", &["io", "storage"]),
    ("funcs", "calls of functions, futures", &["process", "concurrency"]),
    ("hash", "digests", &["encoding", "deterministic"]),
    ("io", "the terminal", &["io"]),
    ("json", "JSON text", &["encoding", "deterministic"]),
    ("logger", "log lines", &["io"]),
    ("metrics", "counters, gauges, histograms", &["system"]),
    ("os", "calendar and clock", &["time"]),
    ("payload", "values with a format", &["encoding", "deterministic"]),
    ("process", "start, send, receive, watch", &["process", "concurrency"]),
    ("registry", "the entries of the application", &["system"]),
    ("security", "actors, scopes, policies", &["security"]),
    ("store", "values that stay", &["storage"]),
    ("stream", "what is read piece by piece", &["io"]),
    ("supervisor", "children of supervisors", &["process"]),
    ("system", "the runtime", &["system"]),
    ("templates", "texts from templates and data", &["deterministic"]),
    ("text", "regular expressions, differences, pieces", &["deterministic"]),
    ("time", "sleep, timers, instants, durations", &["time"]),
    ("uuid", "UUIDs", &["nondeterministic"]),
    ("yaml", "YAML text", &["encoding", "deterministic"]),
];

fn modules(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "modules", |call| {
        let own = call.native_modules();
        call.push_table(MODULES.len() + own.len(), 0);
        let own = own.iter().map(|name| (name.as_str(), "", ["native"].as_slice()));
        for (position, (name, description, classes)) in
            (1..).zip(MODULES.iter().copied().chain(own))
        {
            call.push_table(0, 3);
            call.push_str(name);
            call.set_field(c"name");
            call.push_str(description);
            call.set_field(c"description");
            call.push_table(classes.len(), 0);
            for (position, class) in (1..).zip(classes) {
                call.push_str(class);
                call.set_element(position);
            }
            call.set_field(c"class");
            call.set_element(position);
        }
        call.results(1)
    })
}

/// Bytes of the Lua heaps of all VMs, and of all that was ever asked for.
fn heaps(call: &Call) -> (f64, f64) {
    let heaps = call.kernel().heaps(call.heap());
    (heaps.used as f64, heaps.asked as f64)
}

/// Live objects are not counted; an ordinary one takes as much.
const OBJECT: f64 = 64.0;

fn stats(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "memory", |call| {
        let (used, asked) = heaps(call);
        let resident = call.kernel().machine().resident.map_or(used, |bytes| bytes as f64);
        let goal = 1.0 + call.kernel().setting(Setting::GcPercent) as f64 / 100.0;
        let fields: [(&CStr, f64); 15] = [
            (c"alloc", used),
            (c"total_alloc", asked),
            (c"sys", resident),
            (c"heap_alloc", used),
            (c"heap_sys", used),
            (c"heap_idle", 0.0),
            (c"heap_in_use", used),
            (c"heap_released", 0.0),
            (c"heap_objects", (used / OBJECT).ceil()),
            (c"stack_in_use", 0.0),
            (c"stack_sys", 0.0),
            (c"mspan_in_use", 0.0),
            (c"mspan_sys", 0.0),
            (c"num_gc", 0.0),
            (c"next_gc", (used * goal).ceil()),
        ];
        call.push_table(0, fields.len());
        for (name, value) in fields {
            call.push_number(value);
            call.set_field(name);
        }
        call.results(1)
    })
}

fn allocated(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "memory", |call| {
        let (used, _) = heaps(call);
        number(call, used)
    })
}

fn heap_objects(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "memory", |call| {
        let (used, _) = heaps(call);
        number(call, (used / OBJECT).ceil())
    })
}

/// A limit as Lua shows it.
fn limit(value: i64) -> f64 {
    if value < 0 { NO_LIMIT } else { value as f64 }
}

fn get_limit(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "memory_limit", |call| {
        let value = call.kernel().setting(Setting::MemoryLimit);
        number(call, limit(value))
    })
}

/// `system.memory.set_limit(bytes)`, -1 for none.
fn set_limit(call: &mut Call) -> Outcome {
    let bytes = call.integer(1)?;
    guarded(call, "system.control", "memory_limit", |call| {
        if bytes < -1 {
            return invalid(call, "limit must be >= -1");
        }
        let before = call.kernel().set(Setting::MemoryLimit, bytes);
        number(call, limit(before))
    })
}

fn collect(call: &mut Call) -> Outcome {
    guarded(call, "system.gc", "gc", |call| {
        call.collect();
        call.yes()
    })
}

fn get_percent(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "gc_percent", |call| {
        let percent = call.kernel().setting(Setting::GcPercent);
        number(call, percent as f64)
    })
}

fn set_percent(call: &mut Call) -> Outcome {
    let percent = call.integer(1)?;
    guarded(call, "system.gc", "gc_percent", |call| {
        let before = call.kernel().set(Setting::GcPercent, percent);
        number(call, before as f64)
    })
}

fn goroutines(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "goroutines", |call| {
        let count = call.kernel().living() + call.tasks();
        number(call, count as f64)
    })
}

fn cpu_count(call: &mut Call) -> Outcome {
    machine_number(call, "cpu", |machine| machine.cpus as f64)
}

/// `system.runtime.max_procs(n?)`
fn max_procs(call: &mut Call) -> Outcome {
    if call.is_nil(1) {
        return guarded(call, "system.read", "gomaxprocs", |call| {
            let threads = call.kernel().setting(Setting::MaxProcs);
            number(call, threads as f64)
        });
    }
    let threads = call.integer(1)?;
    guarded(call, "system.control", "gomaxprocs", |call| {
        if threads < 1 {
            return invalid(call, "n must be > 0");
        }
        let before = call.kernel().set(Setting::MaxProcs, threads);
        number(call, before as f64)
    })
}

fn machine_number(call: &mut Call, resource: &str, read: fn(&Machine) -> f64) -> Outcome {
    guarded(call, "system.read", resource, |call| {
        let value = read(&call.kernel().machine());
        number(call, value)
    })
}

fn pid(call: &mut Call) -> Outcome {
    machine_number(call, "pid", |machine| f64::from(machine.pid))
}

fn hostname(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "hostname", |call| {
        let name = call.kernel().machine().hostname;
        call.push_str(&name);
        call.results(1)
    })
}

fn push_state(call: &mut Call, service: &ServiceInfo) {
    call.push_table(0, 7);
    for (name, text) in [
        (c"id", &*service.id),
        (c"status", service.status),
        (c"desired", if service.wanted { "running" } else { "stopped" }),
    ] {
        call.push_str(text);
        call.set_field(name);
    }
    for (name, value) in [
        (c"retry_count", f64::from(service.restarts)),
        (c"last_update", service.changed_at as f64),
        (c"started_at", service.started_at.unwrap_or(0) as f64),
    ] {
        call.push_number(value);
        call.set_field(name);
    }
    if let Some(details) = &service.details {
        call.push_str(details);
        call.set_field(c"details");
    }
}

fn state(call: &mut Call) -> Outcome {
    let id = call.string(1)?;
    guarded(call, "system.read", "supervisor", |call| {
        if id.is_empty() {
            return invalid(call, "service ID is required");
        }
        let services = call.kernel().services();
        match services.iter().find(|service| *service.id == *id) {
            Some(service) => {
                push_state(call, service);
                call.results(1)
            }
            None => {
                let text = format!("service not found: {id}");
                call.fail(Error::not_found(text).retryable(false))
            }
        }
    })
}

fn states(call: &mut Call) -> Outcome {
    guarded(call, "system.read", "supervisor", |call| {
        let services = call.kernel().services();
        call.push_table(services.len(), 0);
        for (position, service) in (1..).zip(&services) {
            push_state(call, service);
            call.set_element(position);
        }
        call.results(1)
    })
}

static FUNCTIONS: &[Function] =
    &[Function { name: c"exit", run: exit }, Function { name: c"modules", run: modules }];

static MEMORY: &[Function] = &[
    Function { name: c"stats", run: stats },
    Function { name: c"allocated", run: allocated },
    Function { name: c"heap_objects", run: heap_objects },
    Function { name: c"get_limit", run: get_limit },
    Function { name: c"set_limit", run: set_limit },
];

static GC: &[Function] = &[
    Function { name: c"collect", run: collect },
    Function { name: c"get_percent", run: get_percent },
    Function { name: c"set_percent", run: set_percent },
];

static RUNTIME: &[Function] = &[
    Function { name: c"goroutines", run: goroutines },
    Function { name: c"cpu_count", run: cpu_count },
    Function { name: c"max_procs", run: max_procs },
];

static PROCESS: &[Function] =
    &[Function { name: c"pid", run: pid }, Function { name: c"hostname", run: hostname }];

static SUPERVISOR: &[Function] =
    &[Function { name: c"state", run: state }, Function { name: c"states", run: states }];

/// Installs the module.
pub fn install(setup: &mut Setup) {
    setup.module("system", FUNCTIONS, |table| {
        table.table(c"memory", MEMORY, |_| {});
        table.table(c"gc", GC, |_| {});
        table.table(c"runtime", RUNTIME, |_| {});
        table.table(c"process", PROCESS, |_| {});
        table.table(c"supervisor", SUPERVISOR, |_| {});
    });
}
