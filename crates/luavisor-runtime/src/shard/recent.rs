//! The targets of the shard's last spawns, so that one more of the same kind
//! looks nothing up: programs and hosts live behind locks and hash tables, which
//! took 6 % of a spawn.

use std::sync::Arc;

use luavisor_core::Error;
use luavisor_vm::Program;
use luavisor_vm::kernel::SpawnRequest;

use super::kernel::ShardKernel;
use crate::catalog::Callable;
use crate::host::Host;

/// How many targets are remembered.
const KEPT: usize = 16;

/// What ids of a spawn request stand for, as long as the catalog does not change.
pub(crate) struct Target {
    id: Arc<str>,
    host_id: Arc<str>,
    /// a copy of this shard's own; see [`Program::apart`]
    pub program: Arc<Program>,
    pub host: Arc<Host>,
}

/// See the module.
#[derive(Default)]
pub(crate) struct Recent {
    targets: Vec<Arc<Target>>,
    callables: Vec<(Arc<str>, Callable)>,
    /// of the catalog
    version: u64,
}

impl ShardKernel {
    /// What is remembered of the catalog as it is now.
    fn recent(&mut self) -> &mut Recent {
        let version = self.world.catalog.version();
        if self.recent.version != version {
            self.recent = Recent { version, ..Recent::default() };
        }
        &mut self.recent
    }

    /// What `funcs` calls by this id. Functions are copies of this shard's own.
    pub fn callable(&mut self, id: &Arc<str>) -> Option<Callable> {
        let known = self.recent().callables.iter().find(|(known, _)| Arc::ptr_eq(known, id));
        if let Some((_, callable)) = known {
            return Some(callable.clone());
        }
        let callable = match self.world.catalog.callable(id)? {
            Callable::Function(function) => Callable::Function(Arc::new(function.apart())),
            process => process,
        };
        let recent = &mut self.recent.callables;
        if recent.len() == KEPT {
            recent.remove(0);
        }
        recent.push((id.clone(), callable.clone()));
        Some(callable)
    }

    /// The program and the host that a request names, after the checks of SPEC 1.1.
    pub fn target(&mut self, request: &SpawnRequest) -> Result<Arc<Target>, Error> {
        let recent = self.recent();
        // By address: the VM names the same entry by the same text.
        let known = recent.targets.iter().find(|target| {
            Arc::ptr_eq(&target.id, &request.id)
                && Arc::ptr_eq(&target.host_id, &request.host)
                && !target.host.retired()
        });
        if let Some(target) = known {
            target.host.check_size("payload", request.arguments.size())?;
            return Ok(target.clone());
        }
        let (program, host) = self.world.prepare(request)?;
        let (id, host_id) = (request.id.clone(), request.host.clone());
        let target = Arc::new(Target { id, host_id, program: Arc::new(program.apart()), host });
        let recent = &mut self.recent.targets;
        if recent.len() == KEPT {
            recent.remove(0);
        }
        recent.push(target.clone());
        Ok(target)
    }
}
