//! The Lua-visible modules, one file each.
//!
//! To add a module: write `name.rs` with a `static FUNCTIONS: &[Function]` and
//! `pub fn install(setup: &mut Setup)`, and add it to the list below (see
//! `docs/architecture.md`, "Add a Lua module").

pub mod base64;
pub mod builder;
pub mod compress;
pub mod crypto;
pub mod ctx;
pub mod env;
pub mod errors;
pub mod events;
pub mod expr;
pub mod fs;
pub mod funcs;
pub mod future;
pub mod hash;
pub mod inherit;
pub mod io;
pub mod json;
pub mod logger;
pub mod metrics;
pub mod names;
pub mod os;
pub mod payload;
pub mod print;
pub mod process;
mod refusal;
pub mod registry;
pub mod security;
pub mod store;
pub mod stream;
pub mod subscriptions;
pub mod supervisor;
pub mod system;
pub mod templates;
pub mod text;
pub mod time;
pub mod types;
pub mod uuid;
pub mod yaml;

use crate::ffi::call::Setup;

/// Installs all modules in a new VM.
pub fn install(setup: &mut Setup) {
    errors::install(setup);
    events::install(setup);
    payload::install(setup);
    print::install(setup);
    process::install(setup);
    builder::install(setup);
    text::install(setup);
    time::install(setup);
    compress::install(setup);
    crypto::install(setup);
    ctx::install(setup);
    expr::install(setup);
    funcs::install(setup);
    future::install(setup);
    uuid::install(setup);
    yaml::install(setup);
    logger::install(setup);
    metrics::install(setup);
    os::install(setup);
    io::install(setup);
    json::install(setup);
    base64::install(setup);
    compress::install(setup);
    hash::install(setup);
    env::install(setup);
    system::install(setup);
    templates::install(setup);
    registry::install(setup);
    security::install(setup);
    store::install(setup);
    fs::install(setup);
    stream::install(setup);
    supervisor::install(setup);
    types::install(setup);
}
