//! `luavisor run`.
//!
//! 1. Load; all problems go to stderr. With an error nothing starts.
//! 2. Find what runs in the foreground and its terminal host.
//! 3. Listen for signals, then boot.
//! 4. Start the foreground process, if there is one; its end is a request to end.
//! 5. Wait for the first request to end: that process, a signal, `system.exit`,
//!    a service that gave up.
//! 6. Shut down, write everything out, exit with the code that was decided first.

use std::sync::Arc;

use anyhow::bail;
use luavisor::config::{Command, Mode, load};
use luavisor::{
    App, Application, HostState, Level, LogRecord, LogSink, LuauCompiler, Luavisor, Pid,
};

use crate::arguments::{Program, Run};
use crate::events::EventFile;
use crate::log::{Log, json_text};
use crate::outcome;
use crate::reload::Watcher;
use crate::signals::Signals;
use crate::{CANNOT_START, print};

/// The command word that prints the others.
const LIST: &str = "list";

/// Runs an application and returns its exit code.
pub fn run(run: Run) -> anyhow::Result<u8> {
    let watcher = run.watch.then(|| Watcher::new(run.files.options(&run.path)));
    let loaded = load(&run.files.options(&run.path), &LuauCompiler);
    print::error(&loaded.diagnostics.render(Mode::Run));
    if loaded.diagnostics.has_errors(Mode::Run) {
        return Ok(CANNOT_START);
    }
    let application = loaded.application;
    if matches!(&run.program, Program::Command(name, _) if name == LIST) {
        print::out(&list(&application.commands));
        return Ok(0);
    }

    let ignored = application.ignored_files.clone();
    let foreground = Foreground::find(&application, run.program, run.host.as_deref())?;
    let log = Arc::new(Log::new(&application.settings, &run.output, foreground.is_some()));
    for file in ignored {
        let fields = vec![("file".to_owned(), json_text(&file))];
        say(&log, Level::Debug, "file without namespace ignored", fields);
    }
    let signals = Signals::listen(run.output.silent)?;
    let mut app = App::from_application(application).log(log.clone()).tokio(signals.tokio());
    let events = run.events.as_deref().map(EventFile::create).transpose()?.map(Arc::new);
    if let Some(events) = events.clone() {
        app = app.observer(move |runtime| events.recorder(runtime));
    }
    if let Some(address) = &run.metrics {
        app = app.metrics(address);
    }
    if let Some(foreground) = &foreground {
        let arguments = foreground.arguments.iter().cloned();
        app = app.terminal_arguments(&foreground.host, arguments);
    }
    let luavisor = app.start()?;
    signals.act_on(&luavisor);
    luavisor.wait_until_booted();
    if luavisor.runtime().requested_exit().is_none() {
        say(&log, Level::Info, "runtime ready", Vec::new());
    }
    if let Some(address) = luavisor.metrics_address() {
        let fields = vec![("url".to_owned(), json_text(&format!("http://{address}/metrics")))];
        say(&log, Level::Info, "metrics", fields);
    }

    if let Some(watcher) = watcher {
        watcher.start(luavisor.clone(), log.clone())?;
    }
    let started = match &foreground {
        Some(foreground) => foreground.start(&luavisor, &log, run.output.very_verbose),
        None => Ok(()),
    };
    if let Err(error) = started {
        luavisor.request_exit(i32::from(CANNOT_START));
        luavisor.shutdown();
        log.flush();
        return Err(error);
    }

    let shutdown = luavisor.run();
    log.flush();
    if let Some(events) = events {
        events.flush();
    }
    // Only a signal's success depends on how the shutdown went.
    let code = if signals.decided() { shutdown.exit_code() } else { shutdown.code };
    Ok(u8::try_from(code).unwrap_or(1))
}

/// The process that the runtime ends with.
struct Foreground {
    process: String,
    host: String,
    arguments: Vec<String>,
    hide_logs: bool,
}

impl Foreground {
    fn find(
        application: &Application,
        program: Program,
        host: Option<&str>,
    ) -> anyhow::Result<Option<Foreground>> {
        let (process, arguments) = match program {
            Program::Process(id, arguments) => (application.process(&id)?, arguments),
            Program::Command(name, arguments) => {
                (application.command(&name)?.process.clone(), arguments)
            }
            Program::Services(arguments) => match &application.script {
                Some(script) => (script.clone(), arguments),
                None => {
                    application.something_to_run()?;
                    return Ok(None);
                }
            },
        };
        let host = application.terminal_host(host)?;
        let definition = application.terminal_hosts.iter().find(|terminal| terminal.id == host);
        Ok(Some(Foreground {
            process: process.to_string(),
            hide_logs: definition.is_some_and(|terminal| terminal.hide_logs),
            host: host.to_string(),
            arguments,
        }))
    }

    fn start(&self, luavisor: &Luavisor, log: &Log, frames: bool) -> anyhow::Result<()> {
        let runtime = luavisor.runtime();
        let state = runtime.host(&self.host).and_then(|host| runtime.host_state(host));
        if luavisor.runtime().requested_exit().is_some() {
            // A signal, or a service that gave up, was faster.
            return Ok(());
        }
        if !matches!(state, Some((HostState::Running, _))) {
            bail!("terminal.host {} is not running", self.host);
        }
        if self.hide_logs {
            // Until the last flush: by then its own output is written.
            log.hold();
        }
        let ending = luavisor.clone();
        let arguments = self.arguments.clone();
        luavisor.spawn_then(&self.process, &self.host, arguments, move |exit| {
            let outcome = outcome::of(&exit, frames);
            if let Some((output, text)) = outcome.text {
                ending.runtime().write(output, &text);
            }
            ending.request_exit(i32::from(outcome.code));
        })?;
        Ok(())
    }
}

fn list(commands: &[Command]) -> String {
    let width = commands.iter().map(|command| command.name.chars().count()).max().unwrap_or(0);
    let line = |command: &Command| {
        let text = format!("{:width$}  {}", command.name, command.short);
        format!("{}\n", text.trim_end())
    };
    commands.iter().map(line).collect()
}

pub fn say(log: &Log, level: Level, message: &str, fields: Vec<(String, String)>) {
    if log.level() <= level {
        let (logger, message) = ("runtime".into(), message.to_owned());
        let record = LogRecord { level, logger, message, fields };
        log.log(Pid::NONE, "{|}", record);
    }
}
