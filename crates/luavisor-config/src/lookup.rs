//! Questions of the command line to an application, with the answers that users
//! read when there is none.

use crate::application::{Application, Command};
use crate::id::EntryId;

/// Why a name on the command line leads nowhere.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LookupError {
    /// No command of that name.
    #[error("command \"{0}\" not found. Use 'luavisor run list' to see available commands")]
    NoCommand(String),
    /// No process of that id or name.
    #[error("process \"{0}\" not found")]
    NoProcess(String),
    /// A name without namespace that fits several processes.
    #[error("\"{name}\" is ambiguous: {}", join(.candidates))]
    Ambiguous {
        /// what was asked for
        name: String,
        /// ids that fit, sorted
        candidates: Vec<EntryId>,
    },
    /// No terminal host to choose.
    #[error("no terminal.host found in registry")]
    NoTerminalHost,
    /// Several terminal hosts to choose from.
    #[error("multiple terminal hosts found ({}), use --host to specify", join(.0))]
    SeveralTerminalHosts(Vec<EntryId>),
    /// The host that was named is no terminal host.
    #[error("terminal.host \"{0}\" not found")]
    NoSuchTerminalHost(String),
    /// There is nothing that would ever run.
    #[error("nothing to run: no auto_start service, use -x or a command")]
    NothingToRun,
}

fn join(ids: &[EntryId]) -> String {
    ids.iter().map(EntryId::as_str).collect::<Vec<_>>().join(", ")
}

impl<T> Application<T> {
    /// The command of that name.
    ///
    /// # Errors
    /// [`LookupError::NoCommand`]
    pub fn command(&self, name: &str) -> Result<&Command, LookupError> {
        let found = self.commands.iter().find(|command| command.name == name);
        found.ok_or_else(|| LookupError::NoCommand(name.into()))
    }

    /// The process that `-x` means: an id, or a name that exactly one process or
    /// command has.
    ///
    /// # Errors
    /// [`LookupError::NoProcess`], [`LookupError::Ambiguous`]
    pub fn process(&self, name: &str) -> Result<EntryId, LookupError> {
        let ids = self.processes.iter().map(|process| &process.id);
        let mut candidates: Vec<EntryId> = if name.contains(':') {
            ids.filter(|id| id.as_str() == name).cloned().collect()
        } else {
            let commands = self.commands.iter().filter(|command| command.name == name);
            let commands = commands.map(|command| &command.process);
            ids.filter(|id| id.name() == name).chain(commands).cloned().collect()
        };
        candidates.sort();
        candidates.dedup();
        match candidates.as_slice() {
            [] => Err(LookupError::NoProcess(name.into())),
            [id] => Ok(id.clone()),
            _ => Err(LookupError::Ambiguous { name: name.into(), candidates }),
        }
    }

    /// The terminal host for `-x` and commands: the one that `--host` names, else
    /// the only one.
    ///
    /// # Errors
    /// [`LookupError::NoTerminalHost`], [`LookupError::SeveralTerminalHosts`],
    /// [`LookupError::NoSuchTerminalHost`]
    pub fn terminal_host(&self, name: Option<&str>) -> Result<EntryId, LookupError> {
        let ids: Vec<EntryId> = self.terminal_hosts.iter().map(|host| host.id.clone()).collect();
        if let Some(name) = name {
            let found = ids.into_iter().find(|id| id.as_str() == name);
            return found.ok_or_else(|| LookupError::NoSuchTerminalHost(name.into()));
        }
        match ids.as_slice() {
            [] => Err(LookupError::NoTerminalHost),
            [id] => Ok(id.clone()),
            _ => Err(LookupError::SeveralTerminalHosts(ids)),
        }
    }

    /// Checks that `run` without a process to run has something to do: a process
    /// that starts at boot. Hosts alone do nothing.
    ///
    /// # Errors
    /// [`LookupError::NothingToRun`]
    pub fn something_to_run(&self) -> Result<(), LookupError> {
        let mut starting = self.start_levels.iter().flatten();
        let runs = starting.any(|id| {
            let mut services = self.services.iter().map(|service| &service.id);
            let mut supervisors = self.supervisors.iter().map(|supervisor| &supervisor.id);
            services.any(|service| service == id) || supervisors.any(|other| other == id)
        });
        if runs || self.script.is_some() { Ok(()) } else { Err(LookupError::NothingToRun) }
    }
}
