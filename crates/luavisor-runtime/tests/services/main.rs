//! Services on virtual time: boot, restart, stop and shutdown, with programs in
//! Lua and in Rust.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod memory;
mod restart;
mod shutdown;
mod snapshot;
mod start;
mod stop;
mod supervisors;
mod support;
mod threads;
