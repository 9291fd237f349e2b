//! The compiler of the VM behind the seam of `luavisor-config`.

use std::sync::Arc;

use luavisor_config::{ChunkCompiler, CompileError};
use luavisor_vm::Chunk;

/// Compiles Lua sources of entries to Luau bytecode.
#[derive(Clone, Copy, Debug, Default)]
pub struct LuauCompiler;

impl ChunkCompiler for LuauCompiler {
    type Chunk = Chunk;

    fn compile(&self, chunk_name: &str, source: &str) -> Result<Arc<Chunk>, CompileError> {
        match luavisor_vm::compile(source.as_bytes()) {
            Ok(bytecode) => Ok(Arc::new(Chunk { name: chunk_name.into(), bytecode })),
            Err(luavisor_vm::CompileError { line, column, message }) => {
                Err(CompileError { line, column, message })
            }
        }
    }
}
