//! The tokio runtime that futures of the embedder run on.

use std::sync::OnceLock;

use tokio::runtime::Handle;

/// Where futures run.
pub(crate) struct Tokio {
    given: Option<Handle>,
    own: OnceLock<tokio::runtime::Runtime>,
}

impl Tokio {
    pub fn new(given: Option<Handle>) -> Tokio {
        Tokio { given, own: OnceLock::new() }
    }

    pub fn given(&self) -> Option<Handle> {
        self.given.clone()
    }

    /// The given one, else one of our own, made now.
    pub fn handle(&self) -> std::io::Result<Handle> {
        if let Some(handle) = self.given() {
            return Ok(handle);
        }
        if let Some(own) = self.own.get() {
            return Ok(own.handle().clone());
        }
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        let made = builder.worker_threads(1).thread_name("tokio").enable_all().build()?;
        Ok(self.own.get_or_init(|| made).handle().clone())
    }
}

impl Drop for Tokio {
    fn drop(&mut self) {
        // Dropping a runtime blocks, which asynchronous code must not do.
        if let Some(own) = self.own.take() {
            own.shutdown_background();
        }
    }
}
