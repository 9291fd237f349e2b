//! A Rust program that runs Lua processes: a Lua module written in Rust, a
//! process written in asynchronous Rust, and a Lua process that uses both.

use std::error::Error;
use std::time::Duration;

use luavisor::{App, Event, Exit, Mail, Module, Values};

/// Asks the kitchen and prints what it gets; cancelled kitchens send an EXIT.
const WAITER: &str = r#"
    local menu = require("menu")
    return function(kitchen)
        local events, inbox = process.events(), process.inbox()
        process.monitor(kitchen)
        for _, dish in { "soup", "bread" } do
            print(dish .. " costs " .. menu.price(dish))
            process.send(kitchen, "order", dish)
            print("served: " .. inbox:receive():payload():data())
        end
        process.cancel(kitchen, "1s")
        local event = events:receive()
        return event.result.value
    end
"#;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    // `require("menu")` in Lua; the price takes a while to find out.
    let menu =
        Module::new("menu").async_function("price", |_caller, arguments: Values| async move {
            tokio::time::sleep(Duration::from_millis(5)).await;
            match arguments.str(0) {
                Some("soup") => Ok(4),
                Some(dish) => Ok(dish.len() as i32),
                None => Err(luavisor::Error::invalid("which dish?")),
            }
        });

    let luavisor =
        App::new().host("app:processes", 1).process("app:waiter", WAITER).module(menu).start()?;

    // A native process: it can be linked, monitored and cancelled like any other.
    let kitchen = luavisor.spawn_async("kitchen", |mut mailbox| async move {
        let mut dishes = 0;
        while let Some(mail) = mailbox.receive().await {
            match mail {
                Mail::Message { from, payload, .. } => {
                    dishes += 1;
                    let dish = payload.str(0).unwrap_or("nothing");
                    mailbox.send(from, "dish", format!("hot {dish}")).await?;
                }
                Mail::Event(Event::Cancel { .. }) => break,
                Mail::Event(_) => {}
            }
        }
        Ok(format!("kitchen closed after {dishes} dishes"))
    })?;

    let pid = luavisor.runtime().pid_text(kitchen.pid());
    let exit: std::sync::Arc<Exit> =
        luavisor.spawn("app:waiter", "app:processes", pid)?.exit().await;
    match &exit.error {
        Some(error) => println!("the waiter failed: {error}"),
        None => println!("{}", exit.value.str(0).unwrap_or("?")),
    }
    luavisor.stop().await;
    Ok(())
}
