//! The endpoint of metrics, over HTTP.
#![allow(clippy::unwrap_used)]

use std::io::{Read, Write};
use std::net::TcpStream;

use luavisor::{App, Luavisor};

const COUNTER: &str = r#"
local metrics = require("metrics")
return function()
    metrics.counter_add("shop.orders", 3, { to = "north" })
    metrics.histogram("shop.wait", 0.2)
    error("enough", 0)
end
"#;

const WAITER: &str = "return function() process.inbox() process.listen('never'):receive() end";

fn app() -> Luavisor {
    let app = App::new()
        .host("app:processes", 1)
        .process("app:counter", COUNTER)
        .process("app:waiter", WAITER)
        .metrics("127.0.0.1:0")
        .outputs(std::io::sink(), std::io::sink());
    let luavisor = app.start().unwrap();
    luavisor.wait_until_booted();
    luavisor
}

fn ask(luavisor: &Luavisor, request: &str) -> String {
    let mut connection = TcpStream::connect(luavisor.metrics_address().unwrap()).unwrap();
    connection.write_all(request.as_bytes()).unwrap();
    let mut text = String::new();
    connection.read_to_string(&mut text).unwrap();
    text
}

#[test]
fn programs_and_the_runtime_are_shown() {
    let luavisor = app();
    luavisor.spawn("app:counter", "app:processes", ()).unwrap().wait();
    let waiter = luavisor.spawn("app:waiter", "app:processes", ()).unwrap();
    for _ in 0..3 {
        luavisor.runtime().send(waiter.pid(), *b"x", luavisor::Values::none()).unwrap();
    }
    // The end is counted on a worker, maybe after `wait` has heard of it, and on a busy
    // machine a shard may be silent for a while.
    let ended = "luavisor_processes_exited_total{reason=\"error\"} 1\n";
    let whole =
        |answer: &String| answer.contains(ended) && answer.contains("luavisor_shards_silent 0\n");
    let asking = || ask(&luavisor, "GET /metrics HTTP/1.1\r\nhost: x\r\n\r\n");
    let answer = (0..1000).map(|_| asking()).find(whole).unwrap();
    let (head, text) = answer.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("HTTP/1.1 200 OK\r\n"), "{head}");
    assert!(head.contains("content-type: text/plain; version=0.0.4; charset=utf-8"));
    assert!(head.contains(&format!("content-length: {}", text.len())));
    for line in [
        "# HELP shop_orders A counter of a program.\n# TYPE shop_orders counter\nshop_orders{to=\"north\"} 3\n",
        "shop_wait_bucket{le=\"0.25\"} 1\n",
        "luavisor_processes_spawned_total{entry=\"app:counter\"} 1\n",
        "luavisor_processes_exited_total{reason=\"cancelled\"} 0\n",
        "luavisor_processes{entry=\"app:waiter\"} 1\n",
        "luavisor_mailbox_messages{entry=\"app:waiter\"} 3\n",
        "luavisor_mailbox_messages_max{entry=\"app:waiter\"} 3\n",
        "luavisor_run_queue_delay_seconds{host=\"app:processes\"} ",
        "luavisor_run_queue_processes{host=\"app:processes\"} ",
        "luavisor_shard_memory_bytes{host=\"app:processes\",shard=\"0\"} ",
        "luavisor_shards_silent 0\n",
    ] {
        assert!(text.contains(line), "{line}\n{text}");
    }
    let metrics = text.lines().filter(|line| line.starts_with("# TYPE"));
    let helps = text.lines().filter(|line| line.starts_with("# HELP"));
    assert_eq!(metrics.count(), helps.count());
    luavisor.runtime().terminate(waiter.pid()).unwrap();
    luavisor.shutdown();
}

#[test]
fn nothing_else_is_answered() {
    let luavisor = app();
    for (request, status) in [
        ("GET / HTTP/1.1\r\n\r\n", "404 Not Found"),
        ("POST /metrics HTTP/1.1\r\n\r\n", "405 Method Not Allowed"),
        ("\r\n\r\n", "404 Not Found"),
        ("GET /metrics?x=1 HTTP/1.0\r\n\r\n", "200 OK"),
    ] {
        let answer = ask(&luavisor, request);
        assert!(answer.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{request}\n{answer}");
    }
    let head = ask(&luavisor, "HEAD /metrics HTTP/1.1\r\n\r\n");
    assert!(head.ends_with("\r\n\r\n"));
    // Who sends too much or goes away gets nothing, and the next one is served.
    let mut long = TcpStream::connect(luavisor.metrics_address().unwrap()).unwrap();
    let _ = long.write_all(&[b'x'; 20_000]);
    drop(TcpStream::connect(luavisor.metrics_address().unwrap()).unwrap());
    assert!(ask(&luavisor, "GET /metrics HTTP/1.1\r\n\r\n").contains("200 OK"));
    luavisor.shutdown();
}

#[test]
fn an_address_that_is_taken_stops_the_start() {
    let luavisor = app();
    let address = luavisor.metrics_address().unwrap().to_string();
    let again = App::new().host("app:processes", 1).metrics(&address).start();
    let error = again.err().unwrap().to_string();
    assert!(error.starts_with(&format!("cannot serve metrics at {address}: ")), "{error}");
    luavisor.shutdown();
}
