//! Security contexts in a running system: what is inherited, and what guards refuse
//! (MODULES 6).

#![allow(clippy::unwrap_used, clippy::expect_used)]

mod lua_support;

use lua_support::{world, world_with};
use luavisor_runtime::HostConfig;

/// Tells who it is and what it may.
const WHO: &str = "
    local security = require('security')
    return function()
        local actor, scope = security.actor(), security.scope()
        local id, count = actor and actor:id() or 'nobody', scope and #scope:policies() or -1
        return `{id} {count} {security.can('read', 'doc:1')} {security.can('write', 'doc:1')}`
    end";

/// Starts and calls `app:who` in every way.
const RELAY: &str = "
    local funcs = require('funcs')
    return function()
        local seen = {}
        table.insert(seen, process.exec('app:who', 'app:processes'))
        table.insert(seen, process.with_options({}):exec('app:who', 'app:processes'))
        local events = process.events()
        process.spawn_monitored('app:who', 'app:processes')
        table.insert(seen, events:receive().result.value)
        table.insert(seen, funcs.call('app:called'))
        table.insert(seen, funcs.async('app:called'):channel():receive():data())
        return table.concat(seen, ';')
    end";

fn sources(main: &str) -> Vec<(&str, String)> {
    vec![
        ("app:who", WHO.to_owned()),
        ("app:called", format!("-- function app:called\n{WHO}")),
        ("app:relay", RELAY.to_owned()),
        ("app:relayed", format!("-- function app:relayed\n{RELAY}")),
        ("app:main", main.to_owned()),
    ]
}

/// Runs `main` on one shard, and with every process on a shard of its own.
fn is_ok(main: &str) {
    let sources = sources(main);
    let sources: Vec<(&str, &str)> = sources.iter().map(|(id, text)| (*id, &**text)).collect();
    world(&sources).main_is_ok();
    let scattered = HostConfig { shard_capacity: 1, ..HostConfig::new("app:processes") };
    world_with(&sources, scattered).main_is_ok();
}

#[test]
fn actor_and_scope_are_inherited_by_whatever_is_started_and_called() {
    is_ok(
        "
        local security, funcs = require('security'), require('funcs')
        return function()
            local function all(text) return string.rep(`{text};`, 4) .. text end
            local nobody = all('nobody -1 false false')
            local function is(want, got, err)
                assert(got == want, `want {want}, got {got} {err}`)
            end
            is(nobody, process.exec('app:relay', 'app:processes'))
            local ada = security.new_actor('ada')
            local scope = security.named_scope('app:readers')
            local start = process.with_context({}):with_actor(ada)
            is(all('ada -1 false false'), start:exec('app:relay', 'app:processes'))
            is(all('ada -1 false false'), funcs.new():with_actor(ada):call('app:relayed'))
            is('ada 1 true false', start:with_scope(scope):exec('app:who', 'app:processes'))
            local call = funcs.new():with_actor(ada):with_scope(scope)
            is('ada 1 true false', call:call('app:called'))
            assert(security.actor() == nil)
            return 'ok'
        end",
    );
}

#[test]
fn a_process_with_a_scope_does_what_the_scope_allows() {
    let main = "
        local security, funcs = require('security'), require('funcs')
        return function()
            local start = process.with_context({ boss = process.pid() })
                :with_actor(security.new_actor('ada'))
                :with_scope(security.named_scope('app:readers'))
            local seen, err = start:exec('app:limited', 'app:processes', process.pid())
            assert(err == nil, err)
            assert(seen == 'not allowed: app:who', seen)
            return 'ok'
        end";
    let limited = "
        local funcs = require('funcs')
        return function(boss)
            local function refused(want, value, err)
                assert(value == nil and err:kind() == 'PermissionDenied', `{value} {err}`)
                assert(err:message() == `not allowed: {want}`, err:message())
                return err:message()
            end
            refused(boss, process.send(boss, 'hello'))
            refused(boss, process.terminate(boss))
            refused('app:called', funcs.call('app:called'))
            assert(process.send(process.pid(), 'own', 1))
            assert(process.inbox():receive():topic() == 'own')
            return refused('app:who', process.spawn('app:who', 'app:processes'))
        end";
    let mut sources = sources(main);
    sources.push(("app:limited", limited.to_owned()));
    let sources: Vec<(&str, &str)> = sources.iter().map(|(id, text)| (*id, &**text)).collect();
    world(&sources).main_is_ok();
    let scattered = HostConfig { shard_capacity: 1, ..HostConfig::new("app:processes") };
    world_with(&sources, scattered).main_is_ok();
}

#[test]
fn actors_and_scopes_travel_in_messages() {
    is_ok(
        "
        local security = require('security')
        return function()
            local inbox = process.inbox()
            local actor = security.new_actor('ada', { level = 3 })
            process.send(process.pid(), 'who', { actor, security.named_scope('app:readers') })
            local got = inbox:receive():payload():data()
            assert(got[1]:meta().level == 3 and got[2]:evaluate(got[1], 'read', 'doc:1') == 'allow')
            return 'ok'
        end",
    );
}
