//! From host entries to hosts of the runtime.

use std::time::Duration;

use luavisor_config::HostDefinition;
use luavisor_runtime::{HostConfig, Limits};

/// The host of a definition. `terminal` holds the arguments of the program when
/// it is a terminal host, `workers` how many a host has that does not say.
pub(crate) fn config(
    definition: &HostDefinition,
    terminal: Option<Vec<String>>,
    workers: Option<usize>,
) -> HostConfig {
    let defaults = HostConfig::new(definition.id.shared());
    let limits = &definition.limits;
    HostConfig {
        workers: match terminal {
            Some(_) => 1,
            None => {
                let usual = workers.unwrap_or(defaults.workers);
                definition.workers.map_or(usual, |workers| workers as usize)
            }
        },
        slice: nanoseconds(definition.slice),
        max_processes: definition.max_processes.map_or(0, |most| most as usize),
        limits: Limits {
            memory: limits.memory,
            mailbox: limits.mailbox,
            mailbox_bytes: bytes(limits.mailbox_bytes),
            message_bytes: bytes(limits.message_bytes),
            shard_memory: bytes(limits.shard_memory),
        },
        unpreemptible: nanoseconds(definition.unpreemptible),
        terminal,
        ..defaults
    }
}

/// Saturates: nothing lasts 584 years.
pub(crate) fn nanoseconds(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

fn bytes(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}
