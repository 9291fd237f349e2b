//! `function.lua` entries, callable processes and imports through several levels, from
//! YAML to their output.
#![allow(clippy::unwrap_used)]

mod support;

use support::Project;

#[test]
fn aliases_count_where_they_are_given() {
    let library = |name: &str, imports: &str, source: &str| {
        format!(
            "\n  - {{ name: {name}, kind: library.lua, imports: {{ {imports} }}, source: '{source}' }}"
        )
    };
    // One alias for two libraries, two aliases for one library, and one library by all ways.
    let project = Project::new()
        .entries(&library("base", "", "runs = (runs or 0) + 1 return { name = \"base\" }"))
        .entries(&library("plain", "", "return { name = \"plain\" }"))
        .entries(&library(
            "left",
            "helper: base",
            "local helper = require(\"helper\") return { name = \"left>\" .. helper.name, base = helper }",
        ))
        .entries(&library(
            "right",
            "helper: app:plain, root: base, left: left",
            "local root = require(\"root\") return function() local helper = require(\"helper\") \
             return helper.name .. \" \" .. require(\"left\").name, root end",
        ))
        .entries(
            "
  - name: combine
    kind: function.lua
    method: run
    imports: { a: left, b: right }
    source: |
      local a, b = require(\"a\"), require(\"b\")
      local function run()
          local text, base = b()
          local missing = select(2, pcall(require, \"helper\"))
          return { text, a.name, tostring(base == a.base), tostring(runs), tostring(missing) }
      end
      return { run = run }",
        )
        .entries(
            "
  - name: main
    kind: process.lua
    modules: [funcs]
    source: |
      local funcs = require(\"funcs\")
      return function()
          for _ = 1, 2 do print(table.concat(assert(funcs.call(\"app:combine\")), \", \")) end
      end",
        );
    let line = "plain left>base, left>base, true, 1, module 'helper' not found\n";
    project.run(["-x", "app:main"]).exits(0).prints(&line.repeat(2));
}

#[test]
fn pools_limit_how_many_run() {
    let mut project = Project::new().process(
        "gauge",
        "host: processes, lifecycle: { auto_start: true, ready: true }",
        "return function()
            process.registry.register('gauge')
            process.ready()
            local running, most = {}, {}
            local inbox = process.inbox()
            while true do
                local message = inbox:receive()
                local name = message:payload():data()
                if message:topic() == 'ask' then
                    process.send(message:from(), 'most', most[name])
                else
                    running[name] = (running[name] or 0) + (message:topic() == 'begin' and 1 or -1)
                    most[name] = math.max(most[name] or 0, running[name])
                end
            end
        end",
    );
    let pools = [
        ("inline", "type: inline", 40),
        ("lazy", "type: lazy", 16),
        ("default", "", 16),
        ("adaptive", "type: adaptive, max_size: 3", 3),
        ("static", "type: static, size: 2", 2),
        ("workers", "size: 1, workers: 4, buffer: 2", 4),
        ("sized", "size: 5", 5),
    ];
    for (name, pool, _) in pools {
        project = project.entries(&format!(
            "\n  - {{ name: {name}, kind: function.lua, method: run, source: file://slow.lua, \
             modules: [time], pool: {{ {pool} }} }}"
        ));
    }
    let names = pools.map(|(name, _, _)| format!("'{name}'")).join(", ");
    let main = format!(
        "local funcs = require('funcs')
        return function()
            local most = process.listen('most')
            for _, name in {{ {names} }} do
                local futures = {{}}
                for i = 1, 40 do futures[i] = funcs.async('app:' .. name, name) end
                for i = 1, 40 do assert(futures[i]:channel():receive():data() == name) end
                process.send('gauge', 'ask', name)
                print(name, (most:receive()))
            end
        end"
    );
    let slow = "local time = require('time')
        return {
            run = function(name)
                process.send('gauge', 'begin', name)
                time.sleep('5ms')
                process.send('gauge', 'end', name)
                return name
            end,
        }";
    let main_entry = "
  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [funcs] }";
    let project =
        project.file("src/slow.lua", slow).file("src/main.lua", &main).entries(main_entry);
    let expected: String = pools.map(|(name, _, most)| format!("{name}\t{most}\n")).concat();
    project.run(["-x", "app:main"]).exits(0).prints(&expected);
}

#[test]
fn a_process_with_a_default_host_is_called() {
    let callee =
        "return function(n) return { process.id(), string.match(process.pid(), '^{(.-)|') } end";
    let project = Project::new()
        .process("meta", "meta: { default_host: processes }", callee)
        .process("option", "options: { default_host: app:processes }", callee)
        .process("neither", "", callee)
        .entries(
            "
  - { name: main, kind: process.lua, source: 'file://main.lua', modules: [funcs] }",
        )
        .file(
            "src/main.lua",
            "local funcs = require('funcs')
            return function()
                for _, name in { 'meta', 'option' } do
                    print(table.concat(funcs.call('app:' .. name), ' '))
                end
                print(funcs.call('app:neither'))
            end",
        );
    project.run(["-x", "app:main"]).exits(0).prints(
        "app:meta app:processes\napp:option app:processes\n\
         nil\tno handler registered for target\n",
    );
}
