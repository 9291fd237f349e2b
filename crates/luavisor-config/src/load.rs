//! The whole load, step by step.

use crate::application::Application;
use crate::assemble;
use crate::compiler::ChunkCompiler;
use crate::diagnostic::{Diagnostics, Mode, Problems};
use crate::entries;
use crate::options::LoadOptions;
use crate::project::{self, Form};
use crate::script;
use crate::settings;
use crate::source::Sources;

/// The outcome of a load.
#[derive(Clone, Debug)]
pub struct Loaded<T> {
    /// everything that is in order; complete if there are no errors
    pub application: Application<T>,
    /// all problems
    pub diagnostics: Diagnostics,
}

impl<T> Loaded<T> {
    /// The application with the warnings, or all problems if there is an error
    /// in `mode`.
    ///
    /// # Errors
    /// The problems, when at least one is an error.
    pub fn into_result(self, mode: Mode) -> Result<(Application<T>, Diagnostics), Diagnostics> {
        if self.diagnostics.has_errors(mode) {
            Err(self.diagnostics)
        } else {
            Ok((self.application, self.diagnostics))
        }
    }
}

/// Loads and checks a project. Reads files, starts nothing.
///
/// ```
/// use luavisor_config::{LoadOptions, Mode, NoCompiler, load};
///
/// let loaded = load(&LoadOptions::new("no/such/project"), &NoCompiler);
/// assert_eq!(
///     loaded.diagnostics.render(Mode::Run),
///     "no/such/project: error: no such file or directory\n"
/// );
/// ```
pub fn load<C: ChunkCompiler>(options: &LoadOptions, compiler: &C) -> Loaded<C::Chunk> {
    let mut sources = Sources::default();
    let mut problems = Problems::default();
    let mut application = Application::default();
    if let Some(project) = project::find(options, &mut sources, &mut problems) {
        let path = project.config.as_deref();
        let config = settings::load(options, path, &mut sources, &mut problems);
        let settings = config.settings.clone();
        application = if project.form == Form::Script {
            script::application(&options.path, settings, &mut sources, &mut problems, compiler)
        } else {
            let entries = entries::load(&project, config, &mut sources, &mut problems);
            assemble::application(options, &sources, &mut problems, settings, &entries, compiler)
        };
    }
    Loaded { application, diagnostics: problems.finish(&sources) }
}
