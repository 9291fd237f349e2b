//! The compiler of the VM behind the seam of `luavisor-config`.

use std::sync::Arc;

use luavisor_config::{ChunkCompiler, CompileError};
use luavisor_core::template::{TemplateFault, TemplateOptions};
use luavisor_vm::{Calls, Chunk, check_template};

/// Compiles Lua sources of entries to Luau bytecode.
#[derive(Clone, Copy, Debug, Default)]
pub struct LuauCompiler;

/// The same for those who look for errors: a traceback shows every call, also of short
/// functions that [`LuauCompiler`] inlines. The code is slower.
#[derive(Clone, Copy, Debug, Default)]
pub struct TracingCompiler;

impl ChunkCompiler for LuauCompiler {
    type Chunk = Chunk;

    fn compile(&self, chunk_name: &str, source: &str) -> Result<Arc<Chunk>, CompileError> {
        compile(chunk_name, source, Calls::Inlined)
    }

    fn template(
        &self,
        set: &TemplateOptions,
        name: &str,
        source: &str,
    ) -> Result<(), TemplateFault> {
        check_template(set, name, source)
    }
}

impl ChunkCompiler for TracingCompiler {
    type Chunk = Chunk;

    fn compile(&self, chunk_name: &str, source: &str) -> Result<Arc<Chunk>, CompileError> {
        compile(chunk_name, source, Calls::Kept)
    }

    fn template(
        &self,
        set: &TemplateOptions,
        name: &str,
        source: &str,
    ) -> Result<(), TemplateFault> {
        check_template(set, name, source)
    }
}

fn compile(name: &str, source: &str, calls: Calls) -> Result<Arc<Chunk>, CompileError> {
    match luavisor_vm::compile_with(source.as_bytes(), calls) {
        Ok(bytecode) => Ok(Arc::new(Chunk { name: name.into(), bytecode })),
        Err(luavisor_vm::CompileError { line, column, message }) => {
            Err(CompileError { line, column, message })
        }
    }
}
