//! `registry` at run time: changes, versions, OUTDATED, services; and `run --watch`.

mod support;

use support::Project;

/// Runs a main program that has the modules.
fn main_prints(project: Project, body: &str, expected: &str) {
    let source = format!(
        "local registry, time, funcs, events = require('registry'), require('time'), \
         require('funcs'), require('events')
        return function() {body} end"
    );
    let project = project.file("src/main.lua", &source).entries(
        "\n  - { name: main, kind: process.lua, source: 'file://main.lua', \
         modules: [registry, time, funcs, events] }",
    );
    project.run(["-x", "app:main"]).exits(0).complains("").prints(expected);
}

fn functions() -> Project {
    Project::new()
        .file("src/lib.lua", "return { name = function() return 'old lib' end }")
        .file("src/uses.lua", "local lib = require('lib') return function() return lib.name() end")
        .file("src/lone.lua", "return function() return 'lone' end")
        .entries(
            "
  - { name: lib, kind: library.lua, source: 'file://lib.lua' }
  - { name: uses, kind: function.lua, method: run, source: 'file://uses.lua', imports: { lib: lib } }
  - { name: lone, kind: function.lua, method: run, source: 'file://lone.lua' }",
        )
}

#[test]
fn changes_take_effect_at_once_and_can_be_taken_back() {
    let body = "
        print(registry.current_version():string(), funcs.call('app:uses'))
        local changes = registry.snapshot():changes()
        local lib = registry.get('app:lib')
        lib.data.source = \"return { name = function() return 'new lib' end }\"
        changes:update(lib)
            :create({ id = 'app:made', kind = 'function.lua', meta = { tags = { 'x' } },
                data = { method = 'run', source = 'return function(n) return n * 2 end' } })
            :delete('app:lone')
        print(tostring(changes), #changes:ops(), changes:ops()[1].kind, changes:ops()[3].entry.id)
        local version = changes:apply()
        print(version:id(), tostring(version), version:previous():id(), version:next())
        print(funcs.call('app:uses'), funcs.call('app:made', 21))
        local _, err = funcs.call('app:lone')
        print(err:kind(), registry.get('app:lone'))
        print(#registry.find({ ['meta.tags'] = { 'x' } }))
        -- The old snapshot is as it was; the history has both.
        print(registry.apply_version(registry.versions()[1]))
        print(funcs.call('app:uses'), funcs.call('app:lone'), funcs.call('app:made', 1))
        print(registry.current_version():id(), #registry.versions(), tostring(registry.history()))
        local third = registry.snapshot():changes():delete({ ns = 'app', name = 'lone' }):apply()
        print(third:id(), third:previous():id())
        print(registry.history():snapshot_at(registry.history():get_version(2)):get('app:made').kind)
        print(#registry.snapshot_at(1):namespace('app'), tostring(registry.snapshot_at(1)))";
    main_prints(
        functions(),
        body,
        "v1\told lib
registry.Changes{3}\t3\tentry.update\tapp:lone
2\tregistry.Version{v2}\t1\tnil
new lib\t42
NotFound\tnil\tentry not found: app:lone
1
true
old lib\tlone\tnil\tno handler registered for target
1\t2\tregistry.History{2}
3\t2
function.lua
6\tregistry.Snapshot{v1}
",
    );
}

#[test]
fn what_is_wrong_changes_nothing() {
    let body = "
        local function try(name, build)
            local changes = registry.snapshot():changes()
            build(changes)
            local version, err = changes:apply()
            print(name, version, err:kind(), err:message())
            return err
        end
        try('none', function() end)
        try('there', function(c) c:create({ id = 'app:lib', kind = 'registry.entry' }) end)
        try('not there', function(c) c:delete('app:nobody') end)
        try('twice', function(c) c:delete('app:lone'):delete('app:lone') end)
        try('used', function(c) c:delete('app:lib') end)
        local err = try('syntax', function(c)
            c:create({ id = 'app:bad', kind = 'function.lua',
                data = { method = 'run', source = 'return function()\\n  local = 3\\nend' } })
        end)
        try('file', function(c)
            c:create({ id = 'app:x', kind = 'library.lua', data = { source = 'file://x.lua' } })
        end)
        local details = err:details()
        print(details.count, details.errors[1].id, details.errors[1].line, details.errors[1].message)
        try('terminal', function(c) c:create({ id = 'app:other', kind = 'terminal.host' }) end)
        try('terminal', function(c) c:delete('app:terminal') end)
        for _, entry in { {}, { id = 'nocolon' }, { id = 'app:x' } } do
            print(pcall(function() registry.snapshot():changes():create(entry) end))
        end
        local own, halves = {}, {}
        own.own = own
        for _ = 1, 100 do halves = { halves, halves } end
        for _, entry in { { data = own }, { meta = { own } }, { data = halves }, { data = { f = print } }, { data = 5 } } do
            entry.id, entry.kind = 'app:x', 'registry.entry'
            print(pcall(function() registry.snapshot():changes():create(entry) end))
        end
        print(registry.snapshot_at(0))
        print(registry.snapshot_at(9))
        print(registry.apply_version('v1'))
        print(pcall(function() registry.history():snapshot_at(1) end))
        print(registry.build_delta({ 1 }, {}))
        print(registry.current_version():id(), funcs.call('app:uses'))
        -- Any kind may be data.
        registry.snapshot():changes():create({ id = 'app:d', kind = 'test.kind', data = { a = 1 } }):apply()
        print(registry.get('app:d').data.a, registry.current_version():id())
        local delta = registry.build_delta(registry.snapshot_at(1):entries(), registry.snapshot():entries())
        print(#delta, delta[1].kind, delta[1].entry.id)";
    main_prints(
        functions(),
        body,
        "none\tnil\tInvalid\tno changes to apply
there\tnil\tAlreadyExists\tapply changes: entry already exists: app:lib
not there\tnil\tNotFound\tapply changes: entry not found: app:nobody
twice\tnil\tInvalid\tapply changes: two operations on entry app:lone
used\tnil\tInvalid\tapply changes: app:uses: unknown library \"app:lib\"
syntax\tnil\tInvalid\tapply changes: app:bad:2: Expected identifier when parsing variable name, got '='
file\tnil\tInvalid\tapply changes: app:x: source is the code itself: files are read at load only
1\tapp:bad\t2\tExpected identifier when parsing variable name, got '='
terminal\tnil\tInvalid\tapply changes: app:other: a terminal.host cannot change while the application runs
terminal\tnil\tInvalid\tapply changes: app:terminal: a terminal.host cannot change while the application runs
false\tapp:main:27: entry must have valid id field
false\tapp:main:27: entry must have valid id field
false\tapp:main:27: entry must have kind field
false\tapp:main:34: data of an entry contains itself
false\tapp:main:34: meta of an entry contains itself
false\tapp:main:34: data of an entry is too large
false\tdata.f: a function cannot be sent
false\tapp:main:34: data of an entry must be a table
nil\tinvalid version ID
nil\tversion not found
false\texpected version object
false\tapp:main:39: expected version object
nil\tarrays of entries expected
1\told lib
1\t2
1\tentry.create\tapp:d
",
    );
}

#[test]
fn processes_that_asked_hear_of_newer_code() {
    let worker = "
        process.set_options{ upgradable = true }
        return function(from)
            process.set_options{ upgradable = true }
            process.send(from, 'version', 'old')
            local event = process.events():receive()
            process.send(from, 'event', { kind = event.kind, id = event.id })
            process.upgrade(nil, from)
        end";
    let worker = worker.replacen("process.set_options{ upgradable = true }", "", 1);
    let deaf = "return function() if process.events():receive().kind ~= process.event.CANCEL then print('not this one') end end";
    let body = "
        local inbox = process.inbox()
        local worker = process.spawn('app:worker', 'app:processes', process.pid())
        process.spawn('app:deaf', 'app:processes')
        print(inbox:receive():payload():data())
        local sub = events.subscribe('registry')
        local changes = registry.snapshot():changes()
        for _, name in { 'app:worker', 'app:deaf' } do
            local entry = registry.get(name)
            entry.data.source = \"return function(from) process.send(from, 'version', 'new') end\"
            changes:update(entry)
        end
        changes:apply()
        local event = inbox:receive():payload():data()
        print(event.kind, event.id)
        print(inbox:receive():payload():data())
        for _ = 1, 2 do
            local item = sub:channel():receive()
            print(item.kind, item.path)
        end
        registry.apply_version(registry.versions()[1])
        local last
        repeat last = sub:channel():receive() until last.kind == 'version.applied'
        print(last.path)";
    let project = Project::new().process("worker", "", &worker).process("deaf", "", deaf);
    main_prints(
        project,
        body,
        "old
pid.outdated\tapp:worker
new
entry.update\tapp:worker
entry.update\tapp:deaf
v1
",
    );
}

/// What counts is the code that a process runs, not what it was started with.
#[test]
fn an_upgraded_process_hears_of_its_present_code() {
    let worker = "return function() process.upgrade('app:next') end";
    let next = "return function()
            process.set_options{ upgradable = true }
            process.send('main', 'ready')
            print(process.events():receive().id)
            process.send('main', 'done')
        end";
    let body = "
        process.registry.register('main')
        local inbox = process.inbox()
        process.spawn('app:worker', 'app:processes')
        inbox:receive()
        for _, name in { 'app:worker', 'app:next' } do
            local entry = registry.get(name)
            entry.data.source = 'return function() end'
            assert(registry.snapshot():changes():update(entry):apply())
        end
        inbox:receive()";
    let project = Project::new().process("worker", "", worker).process("next", "", next);
    main_prints(project, body, "app:next\n");
}

#[test]
fn services_come_change_and_go() {
    let service = |text: &str| {
        format!(
            "return function() print('{text}') process.events():receive() print('end of {text}') end"
        )
    };
    let body = format!(
        "
        local sub = events.subscribe('supervisor')
        local function until_(kind)
            local item
            repeat item = sub:channel():receive() until item.path == 'app:made' and item.kind == kind
        end
        local function put(verb, source)
            local changes = registry.snapshot():changes()
            changes[verb](changes, {{ id = 'app:made', kind = 'process.lua',
                data = {{ source = source, lifecycle = {{ auto_start = true }} }} }})
            print(changes:apply())
        end
        put('create', \"{}\")
        until_('service.running')
        local entry = registry.get('app:made')
        entry.data.lifecycle.stop_timeout = '2s'
        entry.data.source = \"{}\"
        print(registry.snapshot():changes():update(entry):apply())
        until_('service.stopped')
        until_('service.running')
        print(registry.snapshot():changes():delete('app:made'):apply())
        until_('service.stopped')
        put('create', \"{}\")
        until_('service.running')",
        service("one"),
        service("two"),
        service("three")
    );
    let source = format!(
        "local registry, events = require('registry'), require('events')
        return function() {body} end"
    );
    let project = Project::new().file("src/main.lua", &source).entries(
        "\n  - { name: main, kind: process.lua, source: 'file://main.lua', \
         modules: [registry, events] }",
    );
    let printed = project.run(["-x", "app:main"]).exits(0).stdout;
    let order = ["one", "end of one", "two", "end of two", "three", "end of three"];
    let found: Vec<&str> = printed.lines().filter(|line| !line.contains("Version")).collect();
    assert_eq!(found, order, "{printed}");
}

#[test]
fn a_tree_can_be_added_and_changed() {
    let body = "
        local sub = events.subscribe('supervisor')
        local function until_(kind)
            local item
            repeat item = sub:channel():receive() until item.path == 'app:tree' and item.kind == kind
        end
        local entry = { id = 'app:tree', kind = 'process.supervisor', data = {
            host = 'app:processes', lifecycle = { auto_start = true },
            children = { { name = 'a', process = 'app:child' } } } }
        assert(registry.snapshot():changes():create(entry):apply())
        until_('service.running')
        entry.data.children[2] = { name = 'b', process = 'app:child' }
        assert(registry.snapshot():changes():update(entry):apply())
        until_('service.stopped')
        until_('service.running')
        assert(registry.snapshot():changes():delete('app:tree'):apply())
        until_('service.stopped')
        print('done')";
    let child = "return function() print('child') process.events():receive() end";
    main_prints(Project::new().process("child", "", child), body, "child\nchild\nchild\ndone\n");
}

#[test]
fn permission_is_asked_for() {
    let body = "
        print(registry.snapshot():changes():delete('app:lone'):apply())
        print(registry.apply_version(registry.current_version()))";
    let source = format!("local registry = require('registry') return function() {body} end");
    let project = functions().file("src/guarded.lua", &source).entries(
        "
  - { name: guarded, kind: process.lua, source: 'file://guarded.lua', modules: [registry],
      lifecycle: { auto_start: true, security: { actor: { id: bob }, policies: [only_read] } } }
  - { name: only_read, kind: security.policy,
      policy: { actions: ['registry.get'], resources: '*', effect: allow } }",
    );
    let mut running = project.start_luavisor(["run"]);
    let printed = running.wait_for("registry version change is not allowed");
    assert!(printed.contains("registry version change is not allowed"), "{printed}");
    running.signal("TERM");
    running.finish().exits(0);
}

#[test]
fn changed_files_are_loaded_again() {
    let service = |text: &str| {
        format!(
            "local lib = require('lib')
            return function() print('{text}', lib) process.events():receive() end"
        )
    };
    let lib = |text: &str| format!("return '{text}'");
    let project = Project::new()
        .file("src/lib.lua", &lib("lib 1"))
        .file("src/main.lua", &service("main 1"))
        .entries(
            "
  - { name: lib, kind: library.lua, source: 'file://lib.lua' }
  - { name: main, kind: process.lua, source: 'file://main.lua', imports: { lib: lib },
      lifecycle: { auto_start: true } }",
        );
    let mut running = project.start_luavisor(["run", "--watch"]);
    running.wait_for("main 1\tlib 1");
    let project = project.file("src/main.lua", &service("main 2"));
    running.wait_for("main 2\tlib 1");
    // What does not load leaves the running code alone.
    let project = project.file("src/main.lua", "return function(");
    running.wait_for("not reloaded, the running code goes on");
    let project = project.file("src/main.lua", &service("main 2"));
    running.wait_for("nothing to reload: the running code is this one");
    let project = project.file("luavisor.yaml", "version: '1.0'\nshutdown: { timeout: 9s }\n");
    running.wait_for("the config file counts from the next start on");
    let project = project.file("src/main.lua", &service("main 3"));
    running.wait_for("main 3\tlib 1");
    // Whoever uses a library is started again with it.
    let project = project.file("src/lib.lua", &lib("lib 2"));
    running.wait_for("main 3\tlib 2");
    let index = std::fs::read_to_string(project.path().join("src/_index.yaml")).unwrap();
    let host = "kind: terminal.host";
    assert!(index.contains(host), "{index}");
    let project = project
        .file("src/_index.yaml", &index.replacen(host, "meta: { a: 1 }, kind: terminal.host", 1));
    running.wait_for("a terminal.host cannot change while the application runs");
    drop(project.file("src/lib.lua", &lib("lib 3")).file("src/_index.yaml", &index));
    running.signal("TERM");
    running.finish().exits(0);
}

/// Of a tree only those are restarted whose code changed, unless they see to it themselves.
#[test]
fn children_whose_file_changed_are_restarted() {
    let child = |text: &str| {
        format!(
            "return function(...)
                print('{text}', ...)
                process.events():receive()
                print('end of {text}', ...)
            end"
        )
    };
    let own = "return function()
            process.set_options{ upgradable = true }
            print('own')
            local event = process.events():receive()
            print('own hears', event.kind)
            process.events():receive()
        end";
    let project = Project::new()
        .process("other", "", &child("other"))
        .process("worker", "", &child("worker 1"))
        .process("own", "", own)
        .entries(
            "
  - name: tree
    kind: process.supervisor
    host: processes
    children:
      - { name: other, process: other }
      - { name: own, process: own }
      - { name: worker, process: worker, count: 2 }
      - { name: below, process: below }
    lifecycle: { auto_start: true }
  - name: below
    kind: process.supervisor
    host: processes
    children: [{ name: worker, process: worker, input: [below] }]",
        );
    let mut running = project.start_luavisor(["run", "--watch"]);
    for _ in 0..3 {
        running.wait_for("worker 1\t");
    }
    let project = project.file("src/worker.lua", &child("worker 2"));
    let mut told = String::new();
    for _ in 0..3 {
        told += &running.wait_for("worker 2\t");
    }
    let project = project.file("src/own.lua", "return function() print('own 2') end");
    told += &running.wait_for("own hears");
    drop(project);
    running.signal("TERM");
    let finished = running.finish().exits(0);
    let whole = told + &finished.stdout;
    assert_eq!(whole.matches("end of other").count(), 1, "{whole}");
}
