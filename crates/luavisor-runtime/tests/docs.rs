//! Runs the examples of `docs/lua`, so that they stay true.
//!
//! | first line of a `lua` block | meaning |
//! |---|---|
//! | `-- runs` | the body of `main`; it must end normally |
//! | `-- runs, fails` | the body of `main`; it must end with a failure |
//! | `-- entry app:name` | a whole file; later examples of the page can spawn it |
//! | `-- function app:name` | the file of a function; later examples can call it |
//!
//! Beside the entries of the page on supervisors runs the supervisor that it shows.
//!
//! A `text` block right after an example is what it prints. Examples run on
//! virtual time, on a terminal host with empty input.

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lua_support::world_with;
use luavisor_core::Values;
use luavisor_core::supervision::{ChildRule, DynamicRule, Restart, Rules};
use luavisor_runtime::{
    ChildSpec, ChildTarget, DynamicSpec, HostConfig, Runtime, ServiceSpec, Services,
    SupervisorSpec, Target,
};

/// A fenced block of a page.
struct Block {
    language: String,
    /// line of its fence, from 1
    line: usize,
    text: String,
    /// whether nothing but blank lines is between it and the block before
    follows: bool,
}

impl Block {
    fn first_line(&self) -> &str {
        self.text.lines().next().unwrap_or("")
    }
}

fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut open = false;
    let mut follows = false;
    for (line, text) in (1..).zip(page.lines()) {
        match text.strip_prefix("```") {
            Some(_) if open => (open, follows) = (false, true),
            Some(language) => {
                let language = language.trim().to_owned();
                blocks.push(Block { language, line, text: String::new(), follows });
                open = true;
            }
            None if open => {
                let block = blocks.last_mut().unwrap();
                block.text.push_str(text);
                block.text.push('\n');
            }
            None if text.trim().is_empty() => {}
            None => follows = false,
        }
    }
    assert!(!open, "a block is not closed");
    blocks
}

fn pages() -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/lua");
    let files = std::fs::read_dir(folder).unwrap().map(|file| file.unwrap().path());
    let mut pages: Vec<PathBuf> =
        files.filter(|file| file.extension().is_some_and(|ending| ending == "md")).collect();
    pages.sort();
    pages
}

/// Runs one example and says what is wrong with it.
fn run(entries: &[(&str, &str)], body: &str, output: Option<&str>) -> Result<(), String> {
    // On the same line, so that positions in messages are those of the block.
    let source = format!("return function(...) {body} end");
    let sources = [entries, &[("app:main", source.as_str())]].concat();
    let terminal = Some(vec!["report.txt".to_owned(), "--fast".to_owned()]);
    let world = world_with(&sources, HostConfig { terminal, ..HostConfig::new("app:processes") });
    if entries.iter().any(|(id, _)| *id == "app:session") {
        start_pool(&world.runtime);
        world.simulation.settle();
    }
    let pid = world.spawn("app:main");
    world.simulation.run_for(3_600_000_000_000);
    let printed = world.output.stdout();
    let Some(exit) = world.exit(pid) else { return Err(format!("does not end\n{printed}")) };
    let error = exit.error.as_ref().map(|error| error.message.to_string());
    let may_fail = body.starts_with("-- runs, fails");
    match error {
        Some(error) if !may_fail => return Err(format!("fails: {error}\n{printed}")),
        None if may_fail => return Err(format!("does not fail\n{printed}")),
        _ => {}
    }
    match output {
        Some(output) if output != printed => Err(format!("prints\n{printed}instead of\n{output}")),
        _ => Ok(()),
    }
}

/// The supervisor that the page on supervisors shows.
fn start_pool(runtime: &Runtime) {
    let target = |id: &str| ChildTarget::Process {
        id: id.into(),
        host: "app:processes".into(),
        input: Values::none(),
        context: Default::default(),
    };
    let cache = ChildRule::new("cache");
    let worker = ChildRule { count: Some(2), ..ChildRule::new("worker") };
    let rule = DynamicRule {
        name: "session".into(),
        max_children: 2,
        restart: Restart::Temporary,
        shutdown: cache.shutdown,
    };
    let spec = SupervisorSpec {
        id: "app:pool".into(),
        rules: Rules::default(),
        children: vec![
            ChildSpec { rule: cache, target: target("app:cache") },
            ChildSpec { rule: worker, target: target("app:worker") },
        ],
        dynamic: Some(DynamicSpec { rule, target: target("app:session") }),
    };
    let target = Target::Supervisor(Arc::new(spec));
    let service = ServiceSpec { auto_start: true, ..ServiceSpec::new("app:pool", target) };
    Services::boot(runtime, vec![service]).unwrap();
}

#[test]
fn the_examples_of_the_documentation_run() {
    let mut faults = Vec::new();
    let mut count = 0;
    for page in pages() {
        let name = page.file_name().unwrap().to_string_lossy().into_owned();
        let text = std::fs::read_to_string(&page).unwrap();
        let blocks = blocks(&text);
        let mut entries = Vec::new();
        for (at, block) in blocks.iter().enumerate().filter(|(_, block)| block.language == "lua") {
            let line = block.first_line();
            let id = ["-- entry ", "-- function "].iter().find_map(|word| line.strip_prefix(word));
            if let Some(id) = id.and_then(|id| id.split(',').next()) {
                entries.push((id, block.text.as_str()));
            }
            if !block.first_line().starts_with("-- runs") {
                continue;
            }
            let next = blocks.get(at + 1);
            let output = next.filter(|next| next.follows && next.language == "text");
            count += 1;
            if let Err(fault) = run(&entries, &block.text, output.map(|block| block.text.as_str()))
            {
                faults.push(format!("{name}:{}: {fault}", block.line));
            }
        }
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(count > 0, "there are no examples");
}
