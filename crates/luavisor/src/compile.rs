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

macro_rules! compilers {
    ($($compiler:ident: $calls:expr;)*) => {$(
        impl ChunkCompiler for $compiler {
            type Chunk = Chunk;

            fn compile(&self, name: &str, source: &str) -> Result<Arc<Chunk>, CompileError> {
                compile(name, source, $calls)
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
    )*};
}

compilers! {
    LuauCompiler: Calls::Inlined;
    TracingCompiler: Calls::Kept;
}

fn compile(name: &str, source: &str, calls: Calls) -> Result<Arc<Chunk>, CompileError> {
    match luavisor_vm::compile_with(source.as_bytes(), calls) {
        Ok(bytecode) => Ok(Arc::new(Chunk { name: name.into(), bytecode })),
        Err(luavisor_vm::CompileError { line, column, message }) => {
            Err(CompileError { line, column, message })
        }
    }
}
