//! Hosts, shards, workers and timers: what runs processes.
//!
//! Start at [`RuntimeBuilder`]. A [`Runtime`] has hosts; a host has worker
//! threads and shards; a shard has processes, written in Lua or, as
//! [`NativeProcess`], in Rust.
//!
//! | module | holds |
//! |---|---|
//! | [`runtime`] | the handle for everybody outside |
//! | `simulated` | what only simulations ask of it |
//! | [`native`] | processes in Rust |
//! | [`host`], `hosts` | hosts: configuration, states, placement; which there are |
//! | `shard` | processes and what they do to each other |
//! | `executor` | threads, watchdog; the manual executor |
//! | `ready` | what runs next, in two classes |
//! | `names` | registered names |
//! | `bus` | subscriptions to events |
//! | `blocking` | threads for work that would hold a worker up |
//! | [`services`] | what is kept running, boot and shutdown |
//! | [`supervisor`] | processes that keep children running |
//! | [`output`], `input`, `raw` | standard output, terminal input and its raw mode |
//! | [`store`] | stores and databases |
//! | [`metrics`] | what is counted, and the endpoint that shows it |
//! | [`volumes`] | directories that programs see |
//! | [`resources`] | the stores, volumes, variables and policies in force |
//! | [`crash`] | reports of processes that failed |
//! | [`catalog`], [`clock`], [`random`], [`log`], [`observe`] | the seams |
//! | `registry` | changes of the entries |
//! | [`snapshot`] | what the runtime holds |

mod blocking;
mod bus;
pub mod catalog;
pub mod clock;
pub mod crash;
pub mod environment;
mod executor;
mod faults;
mod growing;
pub mod host;
mod hosts;
mod input;
pub mod log;
mod machine;
pub mod metrics;
mod names;
pub mod native;
pub mod observe;
pub mod output;
mod planted;
pub mod random;
mod raw;
mod ready;
mod registry;
pub mod resources;
pub mod runtime;
pub mod services;
mod shard;
mod simulated;
pub mod snapshot;
pub mod store;
pub mod supervisor;
mod sync;
mod tuning;
pub mod volumes;
mod world;

pub use catalog::{Callable, Catalog, Changed, Function, ProgramTable, factory_not_found};
pub use clock::{Clock, SystemClock, VirtualClock};
pub use crash::CrashReport;
pub use environment::Environment;
pub use executor::manual::{Order, Simulation};
pub use faults::Unmet;
pub use host::{HostConfig, HostState, Limits};
pub use log::{LogSink, NoLog};
pub use luavisor_core::HostId;
pub use metrics::MetricsServer;
pub use native::{Flow, Input, NativeContext, NativeOptions, NativeProcess, Notice, SpawnOrder};
pub use observe::{BondChange, MessageStage, Observer, Occurrence, TimerChange};
pub use output::{Captured, OutputSink};
#[doc(hidden)]
pub use planted::Bug;
pub use resources::Resources;
pub use runtime::{Runtime, RuntimeBuilder};
pub use services::{ServiceChange, ServiceSpec, ServiceState, Services, Shutdown, Target};
pub use snapshot::{ShardSnapshot, Snapshot};
pub use store::{StoreSpec, Stores};
pub use supervisor::{ChildSpec, ChildTarget, DynamicSpec, SupervisorSpec};
pub use world::CONTROL;
