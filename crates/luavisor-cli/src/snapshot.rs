//! The text of SIGUSR1.

use std::fmt::{self, Write};

use luavisor::Luavisor;

/// Services, hosts, processes by entry, busiest ones, mailboxes, memory, shards.
pub fn text(luavisor: &Luavisor) -> String {
    let mut text = String::new();
    // Writing to a string cannot fail.
    let _ = write(&mut text, luavisor);
    text
}

fn write(text: &mut String, luavisor: &Luavisor) -> fmt::Result {
    let snapshot = luavisor.snapshot();
    writeln!(text, "=== snapshot ===\nservices:")?;
    for service in &snapshot.services {
        write!(text, "  {:32} {}", service.id, service.lifecycle)?;
        if let Some(pid) = service.pid {
            write!(text, " {}", luavisor.runtime().pid_text(pid))?;
        }
        write!(text, " lives={} restarts={}", service.lives, service.restarts)?;
        if let Some(error) = &service.last_error {
            write!(text, " last_error={:?}", error.message)?;
        }
        writeln!(text)?;
    }
    writeln!(text, "hosts:")?;
    for (name, state, live) in &snapshot.hosts {
        writeln!(text, "  {name:32} {state:?} processes={live}")?;
    }
    writeln!(text, "processes:")?;
    let mut entries: Vec<_> = snapshot.entries.iter().collect();
    entries.sort_by_key(|(_, count)| std::cmp::Reverse(**count));
    for (entry, count) in entries {
        writeln!(text, "  {entry:32} {count}")?;
    }
    writeln!(text, "busiest:")?;
    for (pid, entry, turns) in &snapshot.busiest {
        writeln!(text, "  {} {entry} turns={turns}", luavisor.runtime().pid_text(*pid))?;
    }
    writeln!(text, "largest mailboxes:")?;
    for (pid, entry, bytes) in &snapshot.largest {
        writeln!(text, "  {} {entry} bytes={bytes}", luavisor.runtime().pid_text(*pid))?;
    }
    writeln!(text, "longest mailboxes:")?;
    for (pid, entry, unread) in &snapshot.mailboxes {
        writeln!(text, "  {} {entry} unread={unread}", luavisor.runtime().pid_text(*pid))?;
    }
    writeln!(text, "memory: {}", memory().unwrap_or_else(|| "unknown".to_owned()))?;
    writeln!(text, "shards:")?;
    for shard in &snapshot.shards {
        let (host, number) = (&shard.host, shard.number);
        let (live, runnable, timers) = (shard.live, shard.runnable, shard.timers);
        let heap = shard.heap;
        writeln!(
            text,
            "  {host}/{number} live={live} runnable={runnable} timers={timers} heap={heap}"
        )?;
    }
    if snapshot.busy > 0 {
        writeln!(text, "  {} busy, no answer", snapshot.busy)?;
    }
    Ok(())
}

/// Resident memory, where the system tells it in a file.
fn memory() -> Option<String> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    Some(format!("{} resident", line.trim()))
}
