//! The same on worker threads, where waiting blocks.

use std::sync::Arc;

use luavisor_core::lifecycle::State;
use luavisor_runtime::{ProgramTable, RuntimeBuilder, ServiceSpec, Shutdown};

use super::support::*;

#[test]
fn boot_and_shutdown_can_be_waited_for() {
    let table = Arc::new(ProgramTable::default());
    let source = "return function()
        local events = process.events()
        process.ready()
        events:receive()
    end";
    table.insert(program("app:a", source));
    table.insert(program("app:b", source));
    let sink = || Box::new(std::io::sink());
    let runtime = RuntimeBuilder::new(table).outputs(sink(), sink()).build();
    let ready = |spec| ServiceSpec { ready: true, ..spec };
    let specs = vec![ready(service("a", &[])), ready(service("b", &["a"]))];
    let services = boot(&runtime, specs);
    services.wait_until_booted();
    for id in ["a", "b"] {
        assert_eq!(services.state(id).unwrap().lifecycle, State::Running);
    }
    services.shutdown(30 * SECOND, 4);
    assert_eq!(services.wait_for_shutdown(), Shutdown { code: 4, in_time: true });
    assert!(services.states().iter().all(|state| state.lifecycle == State::Stopped));
    runtime.close();
}
