//! The toolbox modules in a running application.

mod support;

use support::Project;

/// One worker, a key with many rounds, and two processes that talk meanwhile.
#[test]
fn blocking_work_holds_nobody_up() {
    let main = "
        local crypto = require('crypto')
        return function()
            local echo = process.spawn('app:echo', 'app:terminal')
            local me, inbox = process.pid(), process.inbox()
            coroutine.spawn(function()
                -- Some seconds of work.
                local key = crypto.pbkdf2('password', 'salt', 1000000, 32)
                process.send(me, 'derived', #key)
            end)
            for trip = 1, 1000 do
                process.send(echo, 'ping', trip)
                assert(inbox:receive():topic() == 'pong')
            end
            print('1000 trips')
            print(inbox:receive():topic())
        end";
    let echo = "
        return function()
            local inbox = process.inbox()
            while true do
                local message = inbox:receive()
                process.send(message:from(), 'pong', message:payload():data())
            end
        end";
    let project = Project::new().file("src/main.lua", main).process("echo", "", echo).entries(
        "\n  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [crypto] }",
    );
    project.run(["-x", "app:main"]).exits(0).prints("1000 trips\nderived\n");
}

/// A process that ends does not wait for its work; neither does the shutdown.
#[test]
fn work_of_the_dead_is_dropped() {
    let worker = "
        local crypto = require('crypto')
        return function() crypto.pbkdf2('password', 'salt', 10000000, 32) print('never') end";
    let main = "
        return function()
            local worker = process.spawn_monitored('app:worker', 'app:processes')
            process.send(worker, 'a message', 1)
            process.terminate(worker)
            print(process.events():receive().kind)
        end";
    let project = Project::new().file("src/worker.lua", worker).process("main", "", main).entries(
        "\n  - { name: worker, kind: process.lua, source: 'file://worker.lua', modules: [crypto] }",
    );
    project.run(["-x", "app:main"]).exits(0).prints("pid.exit\n");
    // In a simulation the same program is the same run, key and all.
    let random = "
        local crypto = require('crypto')
        return function()
            print(crypto.random.uuid(), crypto.random.string(8))
            error(#crypto.pbkdf2('password', 'salt', 5000, 32) .. crypto.random.string(8))
        end";
    let project = Project::new().file("src/random.lua", random).entries(
        "\n  - { name: random, kind: process.lua, source: 'file://random.lua', modules: [crypto] }",
    );
    let flags = ["sim", "--seed", "5", "--time", "5s", "--trace", "-x", "app:random"];
    let first = project.luavisor(flags).exits(0).stdout;
    assert!(first.contains("random:5: 32"), "{first}");
    assert_eq!(project.luavisor(flags).exits(0).stdout, first);
}

/// Values outlive the process that stored them; policies see the key.
#[test]
fn a_store_is_shared() {
    let counter = "
        local store = require('store')
        return function()
            local counts = store.get('app:counts')
            for _ = 1, 500 do
                local done
                repeat
                    local entry = counts:entry('n')
                    done = entry and counts:put('n', entry.value + 1, { if_version = entry.version })
                        or not entry and counts:put('n', 1, { only_if_absent = true })
                until done
            end
        end";
    let main = "
        local store = require('store')
        return function()
            for _ = 1, 4 do process.spawn_monitored('app:counter', 'app:processes') end
            for _ = 1, 4 do process.events():receive() end
            print(store.get('app:counts'):get('n'))
            local small = store.get('app:small')
            print(small:set('a', 1), small:set('b', 2))
            print(select(2, small:set('c', 3)):retryable(), small:set('a', 4))
        end";
    let project =
        Project::new().file("src/main.lua", main).file("src/counter.lua", counter).entries(
            "
  - { name: counts, kind: store.memory, lifecycle: { auto_start: true } }
  - { name: small, kind: store.memory, max_size: 2, cleanup_interval: 1m, lifecycle: { auto_start: true } }
  - { name: counter, kind: process.lua, source: 'file://counter.lua', modules: [store] }
  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [store] }",
        );
    project.run(["-x", "app:main"]).exits(0).prints("2000\ntrue\ttrue\ntrue\ttrue\n");
    let flags = ["sim", "--seed", "3", "--time", "1s", "--trace", "-x", "app:main"];
    let first = project.luavisor(flags).exits(0).stdout;
    assert_eq!(project.luavisor(flags).exits(0).stdout, first);
    let tokens = Project::new().entries(
        "
  - { name: s, kind: store.memory }
  - { name: good, kind: security.token_store, store: s, token_key: secret, default_expiration: 1h }
  - { name: short, kind: security.token_store, store: s, token_length: 3 }
  - { name: none, kind: security.token_store }",
    );
    let found = tokens.luavisor(["check"]).exits(1).mentions("expected 16 to 1024 bytes");
    assert!(found.stderr.contains("store is required"), "{found:?}");
    let wrong = Project::new().entries("\n  - { name: s, kind: store.memory, max_size: many }");
    wrong.luavisor(["check"]).exits(1).mentions("expected a whole number from 0");
    let guarded = "
        local store = require('store')
        return function()
            local s = store.get('app:s')
            print('open', s:set('open:x', 1))
            print('closed', s:set('closed', 1))
        end";
    let project = Project::new().file("src/guarded.lua", guarded).entries(
        "
  - { name: s, kind: store.memory, lifecycle: { auto_start: true } }
  - { name: guarded, kind: process.lua, source: 'file://guarded.lua', modules: [store],
      lifecycle: { auto_start: true, depends_on: [s], security: { actor: { id: bob }, policies: [opens, mine] } } }
  - { name: opens, kind: security.policy,
      policy: { actions: [store.get], resources: '*', effect: allow } }
  - { name: mine, kind: security.policy,
      policy: { actions: 'store.key.*', resources: '*', effect: allow,
        conditions: [{ field: meta.key, operator: ne, value: closed }] } }",
    );
    let mut running = project.start_luavisor(["run"]);
    running.wait_for("open\ttrue");
    running.wait_for("closed\tnil\tnot allowed: app:s");
    running.signal("TERM");
    running.finish().exits(0);
}
