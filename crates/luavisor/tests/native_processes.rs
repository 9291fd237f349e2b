//! Processes in asynchronous Rust are processes like any other.
#![allow(clippy::unwrap_used)]

use std::sync::Arc;
use std::sync::mpsc::channel;
use std::time::Duration;

use luavisor::{App, Error, Event, IntoValues, Luavisor, Mail, Reason, Values};

const HOST: &str = "app:processes";

fn luavisor(source: &str) -> Luavisor {
    let luavisor = App::new().host(HOST, 1).process("app:lua", source).start().unwrap();
    luavisor.wait_until_booted();
    luavisor
}

/// Tells when it is dropped.
struct Dropped(std::sync::mpsc::Sender<()>);

impl Drop for Dropped {
    fn drop(&mut self) {
        let _ = self.0.send(());
    }
}

#[test]
fn it_answers_lua_under_its_name() {
    let luavisor = luavisor(
        "return function() process.send('echo', 'ask', 'hello') \
         return process.inbox():receive():payload():data() end",
    );
    let echo = luavisor
        .spawn_async("echo", |mut mailbox| async move {
            while let Some(mail) = mailbox.receive().await {
                match mail {
                    Mail::Message { from, payload, .. } => {
                        mailbox.send(from, "answer", payload).await?;
                    }
                    Mail::Event(Event::Cancel { reason, .. }) => return Ok(reason.to_string()),
                    Mail::Event(_) => {}
                }
            }
            Ok(String::new())
        })
        .unwrap();
    let exit = luavisor.spawn("app:lua", HOST, ()).unwrap().wait();
    assert_eq!(exit.value.str(0), Some("hello"), "{exit:?}");
    luavisor.cancel(echo.pid(), Some(Duration::from_secs(10)), "enough").unwrap();
    assert_eq!(echo.wait().value.str(0), Some("enough"));
    luavisor.shutdown();
}

#[test]
fn names_are_unique_while_their_owner_lives() {
    let luavisor = luavisor("");
    let start = || {
        luavisor.spawn_async("one", |mut mailbox| async move {
            mailbox.receive().await;
            Ok(())
        })
    };
    let first = start().unwrap();
    assert_eq!(&*start().unwrap_err().message, "name already registered");
    luavisor.send(first.pid(), "end", ()).unwrap();
    first.wait();
    start().unwrap();
    luavisor.shutdown();
}

#[test]
fn errors_and_panics_are_its_failure() {
    let luavisor = luavisor("");
    let failing = luavisor
        .spawn_async("failing", |_mailbox| async { Err::<Values, _>(Error::invalid("wrong")) });
    let exit = failing.unwrap().wait();
    assert_eq!(&*exit.error.as_ref().unwrap().message, "wrong");
    let panicking = luavisor.spawn_async("panicking", |_mailbox| async {
        let empty: Vec<u32> = Vec::new();
        Ok(i32::try_from(empty[0]).unwrap_or(0))
    });
    let exit = panicking.unwrap().wait();
    assert!(exit.error.as_ref().unwrap().message.starts_with("panic: "), "{exit:?}");
    luavisor.shutdown();
}

#[test]
fn a_kill_drops_the_future() {
    let luavisor = luavisor("");
    let (sender, dropped) = channel();
    let (ready, is_ready) = channel();
    let waiting = luavisor
        .spawn_async("waiting", move |_mailbox| async move {
            let _guard = Dropped(sender);
            let _ = ready.send(());
            std::future::pending::<()>().await;
            Ok(())
        })
        .unwrap();
    is_ready.recv().unwrap();
    luavisor.terminate(waiting.pid()).unwrap();
    assert_eq!(waiting.wait().reason, Reason::Terminated);
    dropped.recv_timeout(Duration::from_secs(30)).unwrap();
    luavisor.shutdown();
}

#[test]
fn links_and_monitors_work_in_both_directions() {
    let luavisor = luavisor("return function() process.inbox():receive() error('boom', 0) end");
    let lua = luavisor.spawn("app:lua", HOST, ()).unwrap();
    let pid = lua.pid();
    let watching = luavisor
        .spawn_async("watching", move |mut mailbox| async move {
            mailbox.monitor(pid).await?;
            mailbox.send(pid, "go", ()).await?;
            match mailbox.receive().await {
                Some(Mail::Event(Event::Exit { exit, .. })) => {
                    Ok(exit.error.as_ref().map_or(Arc::from(""), |e| e.message.clone()).to_string())
                }
                other => Ok(format!("{other:?}")),
            }
        })
        .unwrap();
    assert_eq!(watching.wait().value.str(0), Some("boom"));

    let lua = luavisor.spawn("app:lua", HOST, ()).unwrap().pid();
    let linked = luavisor
        .spawn_async("linked", move |mailbox| async move {
            mailbox.link(lua).await?;
            mailbox.send(lua, "go", ()).await?;
            std::future::pending::<()>().await;
            Ok(().into_values())
        })
        .unwrap();
    assert_eq!(linked.wait().reason, Reason::Linked);
    luavisor.shutdown();
}
