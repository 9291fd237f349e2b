//! Every folder of `examples/` prints what its `expected.txt` says.
//!
//! An application with a `main` command is run to its end. One with an
//! `interrupt-after.txt` runs for ever: it gets SIGINT once it has printed that
//! line, and must then end in order with code 0.

#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

fn examples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples")
}

fn text(path: &Path) -> Option<String> {
    std::fs::read_to_string(path).ok()
}

/// Runs one example and compares its output.
fn check(name: &str) {
    let folder = examples().join(name);
    let expected = text(&folder.join("expected.txt")).expect("expected.txt");
    let interrupt_after = text(&folder.join("interrupt-after.txt"));
    let mut command = Command::new(env!("CARGO_BIN_EXE_luavisor"));
    command.arg("run").arg(&folder);
    if interrupt_after.is_none() {
        command.arg("main");
    }
    let mut child =
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("luavisor runs");
    let mut stderr = child.stderr.take().unwrap();
    let errors = std::thread::Builder::new().spawn(move || {
        let mut text = String::new();
        let _ = stderr.read_to_string(&mut text);
        text
    });
    let mut output = String::new();
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        output.push_str(&line);
        output.push('\n');
        if interrupt_after.as_deref().map(str::trim_end) == Some(line.as_str()) {
            let pid = child.id().to_string();
            assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
        }
    }
    let status = child.wait().unwrap();
    let errors = errors.unwrap().join().unwrap();
    assert_eq!(output, expected, "{name}, stderr: {errors}");
    assert_eq!(status.code(), Some(0), "{name}, stderr: {errors}");
}

macro_rules! examples {
    ($($test:ident $folder:literal;)*) => {
        $(#[test] fn $test() { check($folder); })*

        #[test]
        fn every_folder_has_a_test() {
            let tested = [$($folder),*];
            for entry in std::fs::read_dir(examples()).unwrap() {
                let entry = entry.unwrap();
                let name = entry.file_name().into_string().unwrap();
                if entry.path().join("src/_index.yaml").exists() {
                    assert!(tested.contains(&name.as_str()), "{name} has no test");
                }
            }
        }
    };
}

examples! {
    hello "hello";
    tour "tour";
    ping_pong "ping-pong";
    monitored_worker "monitored-worker";
    linked_pair "linked-pair";
    cancel "cancel";
    star "star";
    everyday "everyday";
    chain "chain";
    worker_pool "worker-pool";
    service "service";
    supervised_pool "supervised-pool";
    crawler "crawler";
    queue "queue";
    tree "tree";
    bank "bank";
    chat "chat";
    typed_orders "typed-orders";
}
