//! The `luavisor` command: a thin layer over the `luavisor` library.
//!
//! | file | holds |
//! |---|---|
//! | `arguments` | the flags, and where those of the program begin |
//! | `run` | `luavisor run` from the load to the exit code |
//! | `check`, `entries`, `create`, `plan`, `why` | the other commands |
//! | `events` | `run --events`: what happens, as JSON lines |
//! | `reload` | `run --watch`: changed files are loaded again |
//! | `outcome` | exit code and output of a terminal program's result |
//! | `sim` | `luavisor sim`: seeds, faults, what must hold |
//! | `signals` | SIGINT, SIGTERM, SIGUSR1 |
//! | `snapshot` | the text of a snapshot |
//! | `test` | `luavisor test`: selection, runs, reports |
//! | `log` | log lines on stderr |
//! | `sync` | locks |
//!
//! Exit codes are those of the documentation: 2 whenever nothing was started.

mod arguments;
mod check;
mod create;
mod entries;
mod events;
mod log;
mod outcome;
mod plan;
mod print;
mod reload;
mod run;
mod signals;
mod sim;
mod snapshot;
mod sync;
mod test;
mod values;
mod why;

use std::process::ExitCode;

use arguments::{Command, Parsed};

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The exit code of what could not be started.
const CANNOT_START: u8 = 2;

fn main() -> ExitCode {
    let code = arguments::parse(std::env::args_os()).and_then(|parsed| match parsed {
        Parsed::Text(text) => {
            print::out(&text);
            Ok(0)
        }
        Parsed::Command(command) => perform(command),
    });
    match code {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            print::error(&format!("Error: {error:#}\n"));
            ExitCode::from(CANNOT_START)
        }
    }
}

fn perform(command: Command) -> anyhow::Result<u8> {
    match command {
        Command::Run(run) => run::run(*run),
        Command::Check { files, folder } => Ok(check::check(&files, &folder)),
        Command::Entries { files, folder } => Ok(entries::entries(&files, &folder)),
        Command::Plan { files, folder, form } => Ok(plan::plan(&files, &folder, form)),
        Command::Sim(sim) => sim::sim(&sim),
        Command::Test(test) => test::test(*test),
        Command::Why { name, file } => why::why(&name, &file),
        Command::New { folder } => create::create(&folder),
        Command::Version => {
            print::out(concat!("luavisor ", env!("CARGO_PKG_VERSION"), "\n"));
            Ok(0)
        }
    }
}
