//! A process in asynchronous Rust that watches a Lua process, and a subscriber
//! that sees both.
//!
//! ```text
//! cargo run -p luavisor --example native_process
//! ```

use std::time::Duration;

use luavisor::{App, Event, Lifecycle, Luavisor, Mail, Mailbox, Occurrence};

const FRAGILE: &str = r#"
    return function()
        local message = process.inbox():receive()
        error("cannot digest " .. message:payload():data())
    end
"#;

/// Feeds a Lua process and tells how it ended.
async fn feed(mut mailbox: Mailbox, luavisor: Luavisor) -> Result<String, luavisor::Error> {
    let fragile = luavisor.spawn("app:fragile", "app:processes", ())?.pid();
    mailbox.monitor(fragile).await?;
    mailbox.send(fragile, "food", "stones").await?;
    while let Some(mail) = mailbox.receive().await {
        if let Mail::Event(Event::Exit { exit, .. }) = mail {
            let error = exit.error.as_ref().map_or("nothing", |error| &error.message);
            return Ok(format!("it ended with: {error}"));
        }
    }
    Ok("the mailbox is closed".to_owned())
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let luavisor = App::new()
        .host("app:processes", 1)
        .process("app:fragile", FRAGILE)
        .shutdown_timeout(Duration::from_secs(5))
        .start()?;
    luavisor.wait_until_booted();
    let mut events = luavisor.events();

    let with_runtime = luavisor.clone();
    let feeder = luavisor.spawn_async("feeder", |mailbox| feed(mailbox, with_runtime))?;
    let exit = feeder.exit().await;
    println!("{}", exit.value.str(0).unwrap_or("no text"));

    while let Some(Lifecycle::Occurred(occurrence)) = events.next().await {
        match occurrence {
            Occurrence::Spawned { entry, .. } => println!("started: {entry}"),
            Occurrence::Exited { entry, .. } => {
                println!("ended: {entry}");
                if &*entry == "feeder" {
                    break;
                }
            }
            _ => {}
        }
    }
    luavisor.stop().await;
    Ok(())
}
