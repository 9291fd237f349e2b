//! How long the translation of a file of 1000 lines takes, in microseconds:
//! `cargo bench -p luavisor-dialect`.
#![allow(clippy::disallowed_methods, clippy::print_stdout)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use luavisor_dialect::translate;

const PLAIN: &str = "\
-- Answers what it is asked, until it is cancelled.
local function handle(inbox: any, state: { count: number }): (boolean, string?)
\tlocal message = inbox:receive()
\tif message:topic() == \"add\" then
\t\tstate.count += message:payload():data().amount or 1
\telse
\t\treturn false, `unknown {message:topic()} from {message:from()}`
\tend
\treturn true
end
";

fn measure(name: &str, text: &str) {
    let lines = text.lines().count();
    let mut best = Duration::MAX;
    for _ in 0..200 {
        let start = Instant::now();
        let _ = black_box(translate(black_box(text.as_bytes())));
        best = best.min(start.elapsed());
    }
    println!("{name}: {lines} lines, {} bytes, {:.0} us", text.len(), best.as_nanos() as f64 / 1e3);
}

fn main() {
    measure("plain Luau", &PLAIN.repeat(100));
    let dialect: String = include_str!("../tests/dialect.lua")
        .lines()
        .filter(|line| !line.starts_with("return"))
        .map(|line| format!("{line}\n"))
        .collect();
    measure("dialect", &format!("do\n{dialect}end\n").repeat(1000 / 42));
}
