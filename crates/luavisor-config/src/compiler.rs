//! The seam to the Lua compiler.
//!
//! This crate checks that Lua sources compile and hands the result on, without
//! knowing what a compiled chunk is.

use std::sync::Arc;

use luavisor_core::template::{TemplateFault, TemplateOptions};

/// Compiles Lua sources.
pub trait ChunkCompiler {
    /// What a compiled source is.
    type Chunk;

    /// Compiles `source`. `chunk_name` is the id of the entry that holds the
    /// code and stands in its error positions. Each entry is compiled once.
    ///
    /// # Errors
    /// The first syntax error.
    fn compile(&self, chunk_name: &str, source: &str) -> Result<Arc<Self::Chunk>, CompileError>;

    /// Reads a template of a set.
    ///
    /// # Errors
    /// The first syntax error; without a line, that of the set.
    fn template(
        &self,
        set: &TemplateOptions,
        name: &str,
        source: &str,
    ) -> Result<(), TemplateFault> {
        let _ = (set, name, source);
        Ok(())
    }
}

/// A syntax error in a Lua source.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {message}")]
pub struct CompileError {
    /// line in the source, from 1
    pub line: u32,
    /// column in characters, from 1, if the compiler knows it
    pub column: Option<u32>,
    /// what is wrong, without a position
    pub message: String,
}

/// Accepts every source without looking at it, for tools that only list entries.
#[derive(Clone, Copy, Debug, Default)]
pub struct NoCompiler;

impl ChunkCompiler for NoCompiler {
    type Chunk = ();

    fn compile(&self, _: &str, _: &str) -> Result<Arc<()>, CompileError> {
        Ok(Arc::new(()))
    }
}
