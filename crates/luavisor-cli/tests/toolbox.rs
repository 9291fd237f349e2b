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
