//! A pool of Lua workers that call a function of this program.
//!
//! ```text
//! cargo run -p luavisor --example worker_pool
//! ```

use luavisor::{App, Error, Module, Value};

const WORKER: &str = r#"
    local geometry = require("geometry")
    return function(radius)
        return geometry.area(radius)
    end
"#;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let geometry =
        Module::new("geometry").function("area", |_caller, arguments| match arguments.first() {
            Value::Number(radius) => Ok(std::f64::consts::PI * radius * radius),
            _ => Err(Error::invalid("radius must be a number")),
        });
    let luavisor = App::new()
        .host("app:processes", 0)
        .process("app:worker", WORKER)
        .module(geometry)
        .start()?;

    let started: Result<Vec<_>, _> =
        (1..=5).map(|radius| luavisor.spawn("app:worker", "app:processes", radius)).collect();
    for (radius, worker) in (1..).zip(started?) {
        match worker.wait().value.first() {
            Value::Number(area) => println!("a circle of radius {radius} has area {area:.2}"),
            other => println!("unexpected: {other:?}"),
        }
    }
    luavisor.shutdown();
    Ok(())
}
