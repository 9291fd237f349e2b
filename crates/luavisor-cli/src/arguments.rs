//! The command line.
//!
//! What belongs to the program that runs is cut off before the flags are read,
//! so that its arguments never collide with ours: everything after the ID of
//! `-x`, after a command name, and after a `.lua` file.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use clap::error::ErrorKind;
use clap::{Args, CommandFactory, Parser, Subcommand};
use luavisor::config::LoadOptions;

use crate::{plan, sim, test};

/// What the command line asks for.
pub enum Parsed {
    /// a text on standard output, such as help
    Text(String),
    /// a command
    Command(Command),
}

/// A command with its flags.
pub enum Command {
    Run(Box<Run>),
    Check { files: Files, folder: PathBuf },
    Entries { files: Files, folder: PathBuf },
    Plan { files: Files, folder: PathBuf, form: plan::Form },
    Why { name: String, file: PathBuf },
    Sim(Box<sim::Sim>),
    Test(Box<test::Test>),
    New { folder: PathBuf },
    Version,
}

/// `luavisor run`.
pub struct Run {
    pub files: Files,
    pub output: Output,
    /// `--host`
    pub host: Option<String>,
    /// `--events`
    pub events: Option<PathBuf>,
    /// `--watch`
    pub watch: bool,
    /// `--metrics`
    pub metrics: Option<String>,
    pub path: PathBuf,
    pub program: Program,
}

/// What runs in the foreground.
#[derive(Debug, PartialEq, Eq)]
pub enum Program {
    /// nothing, or the process of a Lua file: services until a signal
    Services(Vec<String>),
    /// `-x ID args…`
    Process(String, Vec<String>),
    /// `command args…`
    Command(String, Vec<String>),
}

/// Supervised, isolated Lua processes.
#[derive(Parser)]
#[command(name = "luavisor", version, disable_help_subcommand = true)]
struct CommandLine {
    #[command(flatten)]
    output: Output,
    #[command(subcommand)]
    command: Choice,
}

/// Flags about logs.
#[derive(Args, Clone, Debug)]
pub struct Output {
    /// Log debug lines too
    #[arg(short, long, global = true)]
    pub verbose: bool,
    /// Log debug lines too, and show where errors come from
    #[arg(long, global = true)]
    pub very_verbose: bool,
    /// Log for a person at a terminal, in colour
    #[arg(short, long, global = true)]
    pub console: bool,
    /// Log nothing
    #[arg(short, long, global = true)]
    pub silent: bool,
}

/// Flags about what is loaded.
#[derive(Args, Clone, Debug)]
pub struct Files {
    /// Config file instead of luavisor.yaml or .wippy.yaml
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// Replace a field of an entry
    #[arg(short = 'o', long = "override", value_name = "NS:ENTRY:FIELD=VALUE")]
    overrides: Vec<String>,
    /// Replace a value of the config file
    #[arg(long = "set", value_name = "SECTION.PATH=VALUE")]
    settings: Vec<String>,
    /// Ignore entries of unknown kinds, with a warning
    #[arg(long)]
    skip_unknown_kinds: bool,
}

impl Files {
    /// How to load `path`.
    pub fn options(&self, path: &Path) -> LoadOptions {
        LoadOptions {
            config_file: self.config.clone(),
            overrides: self.overrides.clone(),
            settings: self.settings.clone(),
            skip_unknown_kinds: self.skip_unknown_kinds,
            ..LoadOptions::from_env(path)
        }
    }
}

#[derive(Subcommand)]
enum Choice {
    /// Run an application, one of its processes, or one of its commands
    #[command(
        override_usage = "luavisor run [FLAGS] [DIR|FILE] [-x ID args… | command args…]\n       \
                                luavisor run [DIR] list"
    )]
    Run {
        #[command(flatten)]
        files: Files,
        /// Terminal host of the program
        #[arg(long, value_name = "NS:NAME")]
        host: Option<String>,
        /// Write what happens to this file, a line of JSON for each event
        #[arg(long, value_name = "FILE")]
        events: Option<PathBuf>,
        /// Load changed files again while it runs
        #[arg(long)]
        watch: bool,
        /// Show metrics for Prometheus under http://ADDRESS/metrics
        #[arg(long, value_name = "ADDRESS")]
        metrics: Option<String>,
        /// Accepted without effect
        #[arg(short, hide = true)]
        e: bool,
        /// Accepted without effect
        #[arg(short, hide = true)]
        p: bool,
        /// Accepted without effect
        #[arg(short, hide = true, value_name = "SIZE")]
        m: Option<String>,
        /// Run this process in the foreground, with the arguments that follow
        #[arg(short = 'x', long = "exec", value_name = "ID")]
        exec: Option<String>,
        /// Project directory, or a .yaml or .lua file
        #[arg(default_value = ".", value_name = "DIR|FILE")]
        path: PathBuf,
    },
    /// Load, validate and compile everything; run nothing
    Check {
        #[command(flatten)]
        files: Files,
        /// Project directory, or a .yaml or .lua file
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Print the entries: id, kind and place
    Entries {
        #[command(flatten)]
        files: Files,
        /// Project directory, or a .yaml or .lua file
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Explain how the application starts, stops and restarts; run nothing
    Plan {
        #[command(flatten)]
        files: Files,
        /// As JSON
        #[arg(long, conflicts_with = "dot")]
        json: bool,
        /// As a graph for Graphviz
        #[arg(long)]
        dot: bool,
        /// Project directory, or a .yaml or .lua file
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Run the entries with meta.type: test
    #[command(override_usage = "luavisor test [FLAGS] [DIR|FILE] [FILTER…]")]
    Test {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: test::Options,
    },
    /// Simulate on virtual time, under faults, for many seeds
    Sim {
        #[command(flatten)]
        files: Files,
        #[command(flatten)]
        options: sim::Options,
        /// Project directory, or a .yaml or .lua file
        #[arg(default_value = ".")]
        folder: PathBuf,
    },
    /// Tell from the events of a run why something was restarted last
    Why {
        /// Service, child, SUPERVISOR/CHILD, or PID
        name: String,
        /// What `run --events` wrote
        #[arg(default_value = "events.jsonl")]
        file: PathBuf,
    },
    /// Make a project folder
    New {
        /// Folder to make; must not exist or be empty
        #[arg(value_name = "NAME")]
        folder: PathBuf,
    },
    /// Print the version
    Version,
}

/// Reads the command line.
pub fn parse(arguments: impl IntoIterator<Item = OsString>) -> anyhow::Result<Parsed> {
    let all: Vec<OsString> = arguments.into_iter().collect();
    let cut = cut(all);
    let line = match CommandLine::try_parse_from(cut.own) {
        Ok(line) => line,
        Err(error) => return explained(&error),
    };
    let command = match line.command {
        Choice::Run { files, host, events, watch, metrics, path, exec, .. } => {
            let program = match (exec, cut.program) {
                (Some(id), _) => Program::Process(id, cut.arguments),
                (None, Some(name)) => Program::Command(name, cut.arguments),
                (None, None) => Program::Services(cut.arguments),
            };
            Command::Run(Box::new(Run {
                files,
                output: line.output,
                host,
                events,
                watch,
                metrics,
                path,
                program,
            }))
        }
        Choice::Check { files, folder } => Command::Check { files, folder },
        Choice::Entries { files, folder } => Command::Entries { files, folder },
        Choice::Plan { files, folder, json, dot } => {
            Command::Plan { files, folder, form: plan::Form::of(json, dot) }
        }
        Choice::Sim { files, options, folder } => {
            let output = line.output;
            Command::Sim(Box::new(sim::Sim { files, output, folder, options }))
        }
        Choice::Test { files, options } => {
            Command::Test(Box::new(test::Test { files, output: line.output, options }))
        }
        Choice::Why { name, file } => Command::Why { name, file },
        Choice::New { folder } => Command::New { folder },
        Choice::Version => Command::Version,
    };
    Ok(Parsed::Command(command))
}

/// Help is a text; everything else is an error in our own words.
fn explained(error: &clap::Error) -> anyhow::Result<Parsed> {
    let text = error.render().to_string();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Ok(Parsed::Text(text)),
        _ => anyhow::bail!("{}", text.trim_start_matches("error: ").trim_end()),
    }
}

/// A command line in two parts.
struct Cut {
    /// ours
    own: Vec<OsString>,
    /// the command name
    program: Option<String>,
    /// the program's arguments
    arguments: Vec<String>,
}

/// Separates the program's part of a `run`.
fn cut(all: Vec<OsString>) -> Cut {
    let mut own = Vec::new();
    let mut rest = all.into_iter();
    let mut command = CommandLine::command();
    command.build();
    let run = command.find_subcommand("run");
    // Up to and including the command word; the flags before it take no values.
    own.extend(rest.next());
    for argument in rest.by_ref() {
        let is_flag = argument.as_encoded_bytes().starts_with(b"-");
        own.push(argument);
        if !is_flag {
            break;
        }
    }
    let is_run = own.last().is_some_and(|word| own.len() > 1 && word == "run");
    let (Some(run), true) = (run, is_run) else {
        own.extend(rest);
        return Cut { own, program: None, arguments: Vec::new() };
    };
    let mut path_seen = false;
    let mut program = None;
    while let Some(argument) = rest.next() {
        match Word::of(&argument, run) {
            Word::Exec => {
                let attached = argument.len() > 2 && argument != "--exec";
                own.push(argument);
                if !attached {
                    own.extend(rest.next());
                }
                break;
            }
            Word::FlagWithValue => {
                own.push(argument);
                own.extend(rest.next());
            }
            Word::Flag => own.push(argument),
            Word::Positional if !path_seen && Path::new(&argument).exists() => {
                path_seen = true;
                let script = Path::new(&argument).extension() == Some(OsStr::new("lua"));
                own.push(argument);
                if script {
                    break;
                }
            }
            Word::Positional => {
                program = Some(argument.to_string_lossy().into_owned());
                break;
            }
        }
    }
    let arguments = rest.map(|argument| argument.to_string_lossy().into_owned()).collect();
    Cut { own, program, arguments }
}

/// What a word of `run` is.
enum Word {
    /// `-x`, `-xID`, `--exec`, `--exec=ID`
    Exec,
    Flag,
    FlagWithValue,
    Positional,
}

impl Word {
    fn of(argument: &OsStr, run: &clap::Command) -> Word {
        let text = argument.to_string_lossy();
        let takes_value = |found: &dyn Fn(&clap::Arg) -> bool| {
            run.get_arguments().any(|arg| found(arg) && arg.get_action().takes_values())
        };
        if let Some(long) = text.strip_prefix("--").filter(|long| !long.is_empty()) {
            if long == "exec" || long.starts_with("exec=") {
                return Word::Exec;
            }
            return match takes_value(&|arg| arg.get_long() == Some(long)) {
                true => Word::FlagWithValue,
                false => Word::Flag,
            };
        }
        let Some(short) = text.strip_prefix('-').and_then(|rest| rest.chars().next()) else {
            return Word::Positional;
        };
        match short {
            'x' => Word::Exec,
            _ if text.chars().count() == 2
                && takes_value(&|arg| arg.get_short() == Some(short)) =>
            {
                Word::FlagWithValue
            }
            _ => Word::Flag,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn run(line: &str) -> Run {
        let words = std::iter::once("luavisor").chain(line.split_whitespace());
        match parse(words.map(OsString::from)) {
            Ok(Parsed::Command(Command::Run(run))) => *run,
            Ok(_) => panic!("{line}: not a run"),
            Err(error) => panic!("{line}: {error}"),
        }
    }

    fn program(name: &str, arguments: &[&str]) -> Program {
        Program::Command(name.into(), arguments.iter().map(|text| (*text).into()).collect())
    }

    #[test]
    fn what_follows_the_program_belongs_to_it() {
        assert_eq!(run("run serve -v --x 1").program, program("serve", &["-v", "--x", "1"]));
        assert_eq!(run("run src migrate up").program, program("migrate", &["up"]));
        assert_eq!(run("run src migrate up").path, Path::new("src"));
        let exec = run("run -v src -o a:b:c=1 -x app:main -v list");
        assert_eq!(
            exec.program,
            Program::Process("app:main".into(), vec!["-v".into(), "list".into()])
        );
        assert!(exec.output.verbose);
        assert_eq!(exec.files.overrides, ["a:b:c=1"]);
        assert_eq!(run("run --set a.b=c").program, Program::Services(Vec::new()));
        assert_eq!(run("-c run -m 4G -e -p -s").program, Program::Services(Vec::new()));
        assert_eq!(
            run("run --exec=app:main --help").program,
            Program::Process("app:main".into(), vec!["--help".into()])
        );
    }

    #[test]
    fn the_flags_are_consistent() {
        CommandLine::command().debug_assert();
    }
}
