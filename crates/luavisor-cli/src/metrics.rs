//! `run --metrics ADDR`: figures for Prometheus at `/metrics`.
//!
//! The server is as small as the task: one thread, one request per connection, which has
//! a few seconds to come.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use anyhow::Context;
use luavisor::metrics::{Labels, head, sample};
use luavisor::{ChildChange, Luavisor, Observer, Occurrence, Runtime, ServiceChange, Snapshot};

use crate::sync::lock;

/// How long a request may take to come, and its answer to be taken.
const PATIENCE: Duration = Duration::from_secs(5);
/// Bytes of a request.
const LONGEST: usize = 8 << 10;

/// Counts what happens.
#[derive(Clone, Default)]
pub struct Counts(Arc<Mutex<Counted>>);

#[derive(Default)]
struct Counted {
    spawns: u64,
    /// by reason
    exits: BTreeMap<String, u64>,
    /// by service or supervisor
    restarts: BTreeMap<Arc<str>, u64>,
}

impl Observer for Counts {
    fn observe(&self, occurrence: &Occurrence) {
        match occurrence {
            Occurrence::Spawned { .. } => lock(&self.0).spawns += 1,
            Occurrence::Exited { exit, .. } => {
                let mut counted = lock(&self.0);
                match counted.exits.get_mut(exit.reason.as_str()) {
                    Some(count) => *count += 1,
                    None => drop(counted.exits.insert(exit.reason.as_str().to_owned(), 1)),
                }
            }
            Occurrence::Service { id, change: ServiceChange::Restart { .. }, .. } => {
                *lock(&self.0).restarts.entry(id.clone()).or_default() += 1;
            }
            Occurrence::Child { supervisor, change: ChildChange::Restart { .. }, .. } => {
                *lock(&self.0).restarts.entry(supervisor.clone()).or_default() += 1;
            }
            _ => {}
        }
    }
}

/// Listens at an address, such as `127.0.0.1:9090`.
pub fn listen(address: &str) -> anyhow::Result<TcpListener> {
    TcpListener::bind(address).with_context(|| format!("cannot serve metrics at {address}"))
}

/// Serves in a thread of its own, as long as this program runs.
pub fn serve(listener: TcpListener, luavisor: Luavisor, counts: Counts) -> std::io::Result<()> {
    let serve = move || {
        for connection in listener.incoming().flatten() {
            // Whoever asks and goes away gets no answer.
            let _ = answer(connection, &luavisor, &counts);
        }
    };
    std::thread::Builder::new().name("metrics".into()).spawn(serve).map(drop)
}

fn answer(mut connection: TcpStream, luavisor: &Luavisor, counts: &Counts) -> std::io::Result<()> {
    connection.set_read_timeout(Some(PATIENCE))?;
    connection.set_write_timeout(Some(PATIENCE))?;
    let mut request = Vec::new();
    let mut part = [0; 1024];
    while !request.windows(4).any(|end| end == b"\r\n\r\n") && request.len() < LONGEST {
        match connection.read(&mut part)? {
            0 => break,
            count => request.extend(&part[..count]),
        }
    }
    let request = String::from_utf8_lossy(&request);
    let mut words = request.split_whitespace();
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.split('?').next().unwrap_or_default();
    let (status, body) = match (method, path) {
        ("GET" | "HEAD", "/metrics") => ("200 OK", text(luavisor, counts)),
        ("GET" | "HEAD", _) => ("404 Not Found", "see /metrics\n".to_owned()),
        _ => ("405 Method Not Allowed", "only GET\n".to_owned()),
    };
    let length = body.len();
    let body = if method == "HEAD" { "" } else { &body };
    write!(
        connection,
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; version=0.0.4; charset=utf-8\r\n\
         Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn text(luavisor: &Luavisor, counts: &Counts) -> String {
    let mut text = String::new();
    let runtime: &Runtime = luavisor.runtime();
    figures(&mut text, &luavisor.snapshot(), &lock(&counts.0));
    runtime.write_metrics(&mut text);
    text
}

/// The runtime's own.
fn figures(text: &mut String, snapshot: &Snapshot, counted: &Counted) {
    let none = Labels::new();
    let one = |name: &str, value: &str| Labels::from([(name.to_owned(), value.to_owned())]);
    let shard = |host: &str, number: u16| {
        let host = ("host".to_owned(), host.to_owned());
        Labels::from([host, ("shard".to_owned(), number.to_string())])
    };

    let name = "luavisor_processes";
    head(text, name, "Living processes by entry.", "gauge");
    for (entry, count) in &snapshot.entries {
        sample(text, name, &one("entry", entry), None, count);
    }
    let name = "luavisor_spawns_total";
    head(text, name, "Processes that were started.", "counter");
    sample(text, name, &none, None, counted.spawns);
    let name = "luavisor_exits_total";
    head(text, name, "Processes that ended, by reason.", "counter");
    for (reason, count) in &counted.exits {
        sample(text, name, &one("reason", reason), None, count);
    }
    let name = "luavisor_restarts_total";
    head(text, name, "Restarts of services, and of children by their supervisor.", "counter");
    for (id, count) in &counted.restarts {
        sample(text, name, &one("id", id), None, count);
    }
    let name = "luavisor_services";
    head(text, name, "Services by state.", "gauge");
    let mut states: BTreeMap<String, usize> = BTreeMap::new();
    for service in &snapshot.services {
        *states.entry(service.lifecycle.to_string()).or_default() += 1;
    }
    for (state, count) in &states {
        sample(text, name, &one("state", state), None, count);
    }
    let name = "luavisor_longest_mailbox_messages";
    head(text, name, "Unread messages of the process that has most.", "gauge");
    let longest = snapshot.mailboxes.first().map_or(0, |(_, _, unread)| *unread);
    sample(text, name, &none, None, longest);
    let name = "luavisor_run_queue_processes";
    head(text, name, "Processes that are ready to run, by shard.", "gauge");
    for each in &snapshot.shards {
        sample(text, name, &shard(&each.host, each.number), None, each.runnable);
    }
    let name = "luavisor_timers";
    head(text, name, "Running timers, by shard.", "gauge");
    for each in &snapshot.shards {
        sample(text, name, &shard(&each.host, each.number), None, each.timers);
    }
    let name = "luavisor_heap_bytes";
    head(text, name, "Lua heap, by shard.", "gauge");
    for each in &snapshot.shards {
        sample(text, name, &shard(&each.host, each.number), None, each.heap);
    }
    let name = "luavisor_busy_shards";
    head(text, name, "Shards that did not answer in time: a process does not give way.", "gauge");
    sample(text, name, &none, None, snapshot.busy);
}
