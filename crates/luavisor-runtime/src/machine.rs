//! What the machine shows of itself.

use luavisor_vm::kernel::{HeapUse, Machine};

/// Of the machine that this runs on.
pub(crate) fn real() -> Machine {
    Machine {
        pid: std::process::id(),
        hostname: rustix::system::uname().nodename().to_string_lossy().into_owned(),
        cpus: std::thread::available_parallelism().map_or(1, usize::from),
        resident: resident(),
    }
}

/// Of no machine: the same everywhere, for runtimes that are driven by hand.
pub(crate) fn simulated() -> Machine {
    Machine { pid: 1, hostname: "simulation".to_owned(), cpus: 2, resident: None }
}

/// What that many processes would hold, if each held the same.
pub(crate) fn simulated_heaps(processes: usize) -> HeapUse {
    const EACH: u64 = 64 << 10;
    let used = processes as u64 * EACH;
    HeapUse { used, asked: used }
}

/// The second number of `/proc/self/statm` counts pages. A read of it never waits for a disk.
fn resident() -> Option<u64> {
    let text = std::fs::read_to_string("/proc/self/statm").ok()?;
    let pages: u64 = text.split_whitespace().nth(1)?.parse().ok()?;
    Some(pages * rustix::param::page_size() as u64)
}
