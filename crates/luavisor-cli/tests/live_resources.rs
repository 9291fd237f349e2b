//! Policies, variables, hosts, stores and directories that change while an application
//! runs (MODULES 5.3): with `registry` and with `run --watch`.

mod support;

use support::Project;

/// What the main programs here begin with: `apply` makes one change, `until_` waits for a
/// service.
const TOOLS: &str = "
local registry, events = require('registry'), require('events')
local env, security, store, fs = require('env'), require('security'), require('store'), require('fs')
local services
local unread = {}
local function until_(id, state)
    while true do
        local list = unread[id] or {}
        while list[1] do
            if table.remove(list, 1) == 'service.' .. state then return end
        end
        local item = services:channel():receive()
        unread[item.path] = unread[item.path] or {}
        table.insert(unread[item.path], item.kind)
    end
end
local function apply(verb, entry)
    local changes = registry.snapshot():changes()
    return changes[verb](changes, entry):apply()
end
local function data(id, change)
    local entry = registry.get(id)
    change(entry.data)
    return assert(apply('update', entry))
end
";

/// What a main program on the terminal host of a project prints.
fn main(project: Project, body: &str) -> String {
    let source =
        format!("{TOOLS} return function() services = events.subscribe('supervisor') {body} end");
    let project = project.file("src/main.lua", &source).entries(
        "\n  - { name: main, kind: process.lua, source: 'file://main.lua', \
         modules: [registry, events, env, security, store, fs] }",
    );
    project.run(["-x", "app:main"]).exits(0).complains("").stdout
}

#[track_caller]
fn main_prints(project: Project, body: &str, expected: &str) {
    assert_eq!(main(project, body), expected);
}

/// Says whether it may read, when it starts and whenever it is asked; it may be told to fail.
const GUARDED: &str = "
local security, events = require('security'), require('events')
return function()
    process.registry.register('guarded')
    local inbox = process.inbox()
    while true do
        events.send('guarded', 'may.read', tostring(security.can('read', 'doc')))
        if inbox:receive():topic() == 'fail' then error('as told') end
    end
end";

fn guarded() -> Project {
    Project::new().file("src/guarded.lua", GUARDED).entries(
        "
  - { name: guarded, kind: process.lua, source: 'file://guarded.lua', modules: [security, events],
      lifecycle: { auto_start: true, restart: { initial_delay: 1ms }, stop_timeout: 1ms,
        security: { actor: { id: bob }, groups: [readers] } } }
  - { name: reading, kind: security.policy, groups: [readers],
      policy: { actions: read, resources: '*', effect: allow } }
  - { name: rest, kind: security.policy, groups: [readers],
      policy: { actions: ['events.*', 'process.*'], resources: '*', effect: allow } }",
    )
}

#[test]
fn policies_count_at_once_and_for_the_next_start_of_a_service() {
    let body = "
        local told = events.subscribe('guarded')
        local function guarded(topic)
            process.send('guarded', topic, 1)
            return told:channel():receive().path
        end
        local actor = security.new_actor('ann')
        local old = security.policy('app:reading')
        local function verdict(policy) return policy:evaluate(actor, 'read', 'doc') end
        print(guarded('again'), verdict(old))
        data('app:reading', function(data) data.policy.effect = 'deny' end)
        print(verdict(old), verdict(security.policy('app:reading')))
        print(security.named_scope('app:readers'):evaluate(actor, 'read', 'doc'))
        -- It keeps what it began with, until it starts again.
        print(guarded('again'), guarded('fail'))
        assert(apply('create', { id = 'app:more', kind = 'security.policy', data = {
            groups = { 'writers' },
            policy = { actions = { 'write' }, resources = '*', effect = 'allow' } } }))
        print(security.named_scope('app:writers'):contains('app:more'))
        print(apply('delete', 'app:more'))
        print(security.named_scope('app:writers'))
        print(select(2, registry.snapshot():changes():delete('app:reading'):delete('app:rest'):apply()))
        print(select(2, apply('create', { id = 'app:bad', kind = 'security.policy', data = {
            policy = { actions = 'a', resources = '*', effect = 'perhaps' } } })))";
    main_prints(
        guarded(),
        body,
        "true\tallow
allow\tdeny
deny
true\tfalse
true
registry.Version{v4}
nil\tpolicy group not found: app:writers
apply changes: app:guarded: unknown policy group \"app:readers\"
apply changes: app:bad: expected allow or deny, found \"perhaps\"
",
    );
}

#[test]
fn variables_and_storages_come_change_and_go() {
    let project = Project::new().file("conf/app.env", "COLOUR=red\n").entries(
        "
  - { name: memory, kind: env.storage.memory }
  - { name: file, kind: env.storage.file, file_path: conf/app.env }
  - { name: fixed, kind: env.storage.static, values: { PORT: 0080 } }
  - { name: greeting, kind: env.variable, variable: GREETING, storage: memory, default: 1.0 }
  - { name: colour, kind: env.variable, variable: COLOUR, storage: file }
  - { name: port, kind: env.variable, variable: PORT, storage: fixed }",
    );
    let body = "
        print(env.get('GREETING'), env.get('COLOUR'), env.get('PORT'))
        env.set('GREETING', 'hello')
        env.set('COLOUR', 'blue')
        assert(apply('create', { id = 'app:name', kind = 'env.variable',
            data = { variable = 'NAME', storage = 'app:memory', default = 'Ann' } }))
        -- What was set is still there, and so is text that looks like a number.
        print(env.get('NAME'), env.get('GREETING'), env.get('COLOUR'), env.get('PORT'))
        data('app:name', function(data) data.default = 'Bob' end)
        print(env.get('NAME'))
        data('app:colour', function(data) data.storage, data.default = 'memory', 'green' end)
        print(env.get('COLOUR'))
        registry.apply_version(registry.versions()[1])
        print(env.get('NAME'))
        print(env.get('COLOUR'), env.set('COLOUR', 'white'), env.get('COLOUR'))
        assert(apply('delete', 'app:port'))
        print(env.get('PORT'))
        print(select(2, apply('delete', 'app:memory')))
        print(select(2, apply('create', { id = 'app:again', kind = 'env.variable',
            data = { variable = 'COLOUR', storage = 'memory' } })))
        print(select(2, apply('create', { id = 'app:other', kind = 'env.storage.file',
            data = { file_path = 'conf/other.env' } })))";
    main_prints(
        project,
        body,
        "1.0\tred\t0080
Ann\thello\tblue\t0080
Bob
green
nil\tenvironment variable not found
blue\ttrue\twhite
nil\tenvironment variable not found
apply changes: app:greeting: unknown storage \"app:memory\"
apply changes: app:colour: variable name already exists: COLOUR
apply changes: app:other: cannot read conf/other.env: no such file
",
    );
}

#[test]
fn hosts_come_change_and_go() {
    let worker = "
        return function(name)
            process.registry.register(name)
            if process.events():receive().kind == process.event.CANCEL then
                print(name, 'is cancelled')
                if name == 'second' then process.inbox():receive() end
            end
        end";
    let project = Project::new().process("worker", "", worker);
    let body = "
        local host = { id = 'app:extra', kind = 'process.host', data = {
            host = { workers = 1, max_processes = 1 }, lifecycle = { auto_start = true } } }
        print(select(2, process.spawn('app:worker', 'app:extra', 'early')))
        assert(apply('create', host))
        until_('app:extra', 'running')
        local first = process.spawn_monitored('app:worker', 'app:extra', 'first')
        print(first, select(2, process.spawn('app:worker', 'app:extra', 'too many')))
        -- What runs there ends with the old host; the new one allows two.
        data('app:extra', function(data) data.host.max_processes = 2 end)
        print(process.events():receive().from == first)
        until_('app:extra', 'running')
        local second = process.spawn('app:worker', 'app:extra', 'second')
        print(second ~= first)
        print(process.spawn('app:worker', 'app:extra', 'third') ~= nil)
        print(process.send(first, 'hello'))
        assert(apply('delete', 'app:extra'))
        print(select(2, process.spawn('app:worker', 'app:extra', 'late')))
        -- Its host waits for it, so it can be reached.
        print(process.send(second, 'go', 1))
        until_('app:extra', 'stopped')
        assert(apply('create', host))
        until_('app:extra', 'running')
        local again = process.spawn('app:worker', 'app:extra', 'fourth')
        print(again ~= first, process.send(first, 'hello'))
        assert(apply('create', { id = 'app:service', kind = 'process.service', data = {
            process = 'app:worker', host = 'app:extra', input = { 'service' } } }))
        print(select(2, apply('delete', 'app:extra')))";
    let printed = main(project, body);
    let lines: Vec<&str> = printed.lines().filter(|line| !line.ends_with("is cancelled")).collect();
    assert_eq!(
        lines,
        [
            "host not found",
            "{app:extra|0x100000000}\ttoo many processes on host app:extra (limit 1)",
            "true",
            "true",
            "true",
            "nil\tprocess not found",
            "host not found",
            "true",
            "true\tnil\tprocess not found",
            "apply changes: app:service: unknown host \"app:extra\"",
        ]
    );
    for name in ["first", "second", "third"] {
        assert!(printed.contains(&format!("{name}\tis cancelled")), "{printed}");
    }
}

#[test]
fn stores_databases_and_directories_come_change_and_go() {
    let project = Project::new().file("data/here.txt", "x").entries(
        "
  - { name: kept, kind: store.memory, lifecycle: { auto_start: true } }
  - { name: files, kind: fs.directory, directory: data, lifecycle: { auto_start: true } }",
    );
    let body = "
        local kept = store.get('app:kept')
        kept:set('a', 1)
        -- A store needs its database, and comes before it in the change.
        local start = { auto_start = true }
        local changes = registry.snapshot():changes()
            :create({ id = 'app:orders', kind = 'store.sql', data = {
                database = 'app:zdb', table_name = 'orders', auto_create = true, lifecycle = start } })
            :create({ id = 'app:zdb', kind = 'db.sql.sqlite', data = { file = 'data/orders.db' } })
            :create({ id = 'app:logs', kind = 'fs.directory', data = {
                directory = 'logs', auto_init = true, lifecycle = start } })
        assert(changes:apply())
        until_('app:orders', 'running')
        local orders = store.get('app:orders')
        print(orders:set('one', { pieces = 2 }), orders:get('one').pieces)
        until_('app:logs', 'running')
        print(fs.get('app:logs'):writefile('a.txt', 'hello'))
        print(kept:get('a'), store.get('app:kept'):get('a'), fs.get('app:files'):readfile('here.txt'))
        -- Another table is another store; that of memory begins empty.
        data('app:orders', function(data) data.table_name = 'other' end)
        until_('app:orders', 'stopped')
        until_('app:orders', 'running')
        print(store.get('app:orders'):get('one'))
        -- Another database is another store too.
        store.get('app:orders'):set('two', 2)
        data('app:zdb', function(data) data.file = 'data/second.db' end)
        until_('app:orders', 'stopped')
        until_('app:orders', 'running')
        print(store.get('app:orders'):get('two'), store.get('app:orders'):set('two', 3))
        data('app:kept', function(data) data.max_size = 1 end)
        until_('app:kept', 'stopped')
        until_('app:kept', 'running')
        print(kept:get('a'))
        print(store.get('app:kept'):get('a'))
        print(select(2, apply('delete', 'app:zdb')))
        assert(registry.snapshot():changes():delete('app:orders'):delete('app:zdb')
            :delete('app:logs'):delete('app:files'):apply())
        print(store.get('app:orders'))
        print(fs.get('app:logs'))
        print(select(2, apply('create', { id = 'app:gone', kind = 'fs.directory',
            data = { directory = 'gone' } })))";
    main_prints(
        project,
        body,
        "true\t2
true
1\t1\tx
nil\tkey not found
nil\ttrue
nil\tapp:kept is not running
nil\tkey not found
apply changes: app:orders: unknown database \"app:zdb\"
nil\tstore not found: app:orders
nil\tfilesystem not found: app:logs
apply changes: app:gone: there is no directory gone; auto_init makes it
",
    );
}

/// An entry that nobody touched is the same after a change as before it.
#[test]
fn what_did_not_change_goes_on() {
    let service = "
        return function(name, options)
            print(name, options.size)
            process.events():receive()
            print('end of', name)
        end";
    let project = guarded().process("worker", "", service).entries(
        "
  - { name: memory, kind: store.memory, lifecycle: { auto_start: true } }
  - name: one
    kind: process.service
    process: worker
    input: [one, { size: 1.5, name: x, list: [1, 2], empty: {}, on: true }]
    lifecycle: { auto_start: true, requires: [memory, guarded], stop_timeout: 90s }
  - name: tree
    kind: process.supervisor
    children: [{ name: a, process: worker, input: [child, { size: 2, deep: { a: [], b: 'true' } }] }]
    lifecycle: { auto_start: true, depends_on: [one] }",
    );
    let body = "
        assert(apply('create', { id = 'app:note', kind = 'registry.entry', data = { a = 1 } }))
        assert(apply('delete', 'app:note'))
        registry.apply_version(registry.versions()[1])
        -- A stop would be told before this.
        assert(apply('create', { id = 'app:mark', kind = 'store.memory', data = {
            lifecycle = { auto_start = true } } }))
        local item
        repeat
            item = services:channel():receive()
            if item.path ~= 'app:mark' then print(item.path, item.kind) end
        until item.path == 'app:mark'
        print('done')";
    let printed = main(project, body);
    let before = printed.split_once("done").map(|(before, _)| before.to_owned());
    let mut lines: Vec<&str> = before.as_deref().unwrap_or_default().lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["child\t2", "one\t1.5"], "{printed}");
}

#[test]
fn a_watched_file_changes_policies_variables_and_hosts() {
    let shows = "
        local env = require('env')
        return function()
            print('hello', env.get('NAME'))
            process.events():receive()
        end";
    let index = |name: &str, effect: &str, host: &str| {
        format!(
            "version: '1.0'
namespace: app
entries:
  - {{ name: processes, kind: process.host, lifecycle: {{ auto_start: true }} }}
  - {{ name: guarded, kind: process.lua, source: file://guarded.lua, host: processes,
      modules: [security, events], lifecycle: {{ auto_start: true, stop_timeout: 1ms,
        security: {{ actor: {{ id: bob }}, groups: [readers] }} }} }}
  - {{ name: reading, kind: security.policy, groups: [readers],
      policy: {{ actions: read, resources: '*', effect: {effect} }} }}
  - {{ name: memory, kind: env.storage.memory }}
  - {{ name: name, kind: env.variable, variable: NAME, storage: memory, default: {name} }}
{host}"
        )
    };
    let project = Project::empty()
        .file(
            "src/guarded.lua",
            &GUARDED.replace("events.send('guarded', 'may.read', ", "print('may read', "),
        )
        .file("src/shows.lua", shows)
        .file("src/_index.yaml", &index("Ann", "allow", ""));
    let mut running = project.start_luavisor(["run", "--watch"]);
    running.wait_for("may read\ttrue");
    let project = project.file("src/_index.yaml", &index("Ann", "deny", ""));
    running.wait_for("may read\tfalse");
    let host = "  - { name: extra, kind: process.host }
  - { name: shows, kind: process.lua, source: file://shows.lua, modules: [env], host: extra,
      lifecycle: { auto_start: true } }";
    let project = project.file("src/_index.yaml", &index("Bob", "deny", host));
    running.wait_for("hello\tBob");
    let wider = host.replace("process.host }", "process.host, host: { workers: 2 } }");
    let project = project.file("src/_index.yaml", &index("Cid", "deny", &wider));
    running.wait_for("hello\tCid");
    let project = project.file("src/_index.yaml", &index("Cid", "perhaps", ""));
    running.wait_for("expected allow or deny");
    running.wait_for("not reloaded, the running code goes on");
    let project = project.file("src/_index.yaml", &index("Cid", "deny", ""));
    running.wait_for("entry.delete app:shows");
    running.signal("TERM");
    let stderr = running.finish().exits(0).stderr;
    assert!(stderr.contains("{\"host\":\"app:extra\"}"), "{stderr}");
    drop(project);
}
