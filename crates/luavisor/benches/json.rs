//! How long `json` takes to write and read an object of about 1 KB, beside `serde_json` with
//! the same value: `cargo bench -p luavisor --bench json`.
#![allow(clippy::disallowed_methods, clippy::print_stdout, clippy::unwrap_used)]

use std::hint::black_box;
use std::time::{Duration, Instant};

use luavisor::{App, Value};

const TURNS: u32 = 100_000;
const ROUNDS: usize = 7;

/// Gives the text, and the seconds of `TURNS` turns.
const PROGRAM: &str = r#"
local json, time = require("json"), require("time")

local value = { id = 17, customer = "Ada Lovelace", paid = true, total = 1234.5, items = {} }
for n = 1, 11 do
    value.items[n] = { sku = `tea-{n}`, count = n, price = n + 0.25, tags = { "green", "leaf" }, note = "a line\nand more" }
end

return function(turns)
    local text = json.encode(value)
    local start = time.now()
    for _ = 1, turns do json.decode(json.encode(value)) end
    return { text, time.now():sub(start):seconds() }
end
"#;

fn main() {
    let luavisor = App::new().host("bench:host", 1).process("bench:json", PROGRAM).start().unwrap();
    luavisor.wait_until_booted();
    let (mut ours, mut peer) = (f64::MAX, f64::MAX);
    let mut length = 0;
    for _ in 0..ROUNDS {
        let exit = luavisor.spawn("bench:json", "bench:host", f64::from(TURNS)).unwrap().wait();
        let [Value::String(text), Value::Number(seconds)] = &exit.value.tables[0].array[..] else {
            panic!("{exit:?}");
        };
        length = text.len();
        ours = ours.min(seconds * 1e6 / f64::from(TURNS));
        peer = peer.min(serde(text).as_secs_f64() * 1e6 / f64::from(TURNS));
    }
    luavisor.shutdown();
    println!(
        "{length} bytes: json {ours:.2} us, serde_json {peer:.2} us, {:.2} times",
        ours / peer
    );
}

fn serde(text: &[u8]) -> Duration {
    let value: serde_json::Value = serde_json::from_slice(text).unwrap();
    let start = Instant::now();
    for _ in 0..TURNS {
        let text = serde_json::to_string(black_box(&value)).unwrap();
        black_box(serde_json::from_str::<serde_json::Value>(&text).unwrap());
    }
    start.elapsed()
}
