//! Why an application does not start.

use luavisor_config::Diagnostics;
use luavisor_core::Error;

/// Why [`App::start`](crate::App::start) failed. Nothing runs then.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// The files of the application have errors, which the text shows with their
    /// places.
    #[error("{}", .0.render(luavisor_config::Mode::Run).trim_end())]
    Load(Diagnostics),
    /// An entry made in code is wrong.
    #[error("{id}: {message}")]
    Entry {
        /// the entry
        id: String,
        /// what is wrong with it
        message: String,
    },
    /// The runtime refuses the application.
    #[error("{0}")]
    Boot(#[from] Error),
    /// There is no tokio runtime and none can be made.
    #[error("cannot start the threads of asynchronous functions: {0}")]
    Tokio(#[from] std::io::Error),
}
