//! An application of some hundred entries with mistakes planted in it: `check` reports
//! each of them at its exact place, and nothing else.
//!
//! `§` marks the place of a mistake. Each has a file `src/planted/NAME.yaml` and a namespace
//! of its own, so that none hides another; what begins with `- ` are the entries of such a
//! file. Its Lua code, if there is any, is `src/planted/NAME.lua`.

mod support;

use std::collections::BTreeMap;

use support::Project;

const MARK: char = '§';

/// Modules of the sound part; each has three files and ten entries.
const MODULES: usize = 30;

/// Name, YAML, Lua code, and words of the message.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

/// The text of files.
#[rustfmt::skip]
const FILES: &[Mistake] = &[
    ("yaml_syntax", "namespace: planted.yaml_syntax\nentries:\n- name: a§: b\n", "", "invalid YAML"),
    ("yaml_tab", "namespace: planted.yaml_tab\nentries:\n- name: a\n§\tkind: registry.entry\n", "", "a tab cannot indent YAML"),
    ("yaml_key_twice", "- name: a\n  kind: registry.entry\n  x: 1\n  §x: 2\n", "", "duplicate key \"x\""),
    ("no_namespace", "§entries: []\n", "", "without namespace"),
    ("no_list", "namespace: planted.no_list\nentries: §5\n", "", "expected a list"),
];

/// What every entry has.
#[rustfmt::skip]
const ENTRIES: &[Mistake] = &[
    ("no_name", "- §kind: registry.entry\n", "", "an entry needs a name"),
    ("no_kind", "- §name: a\n", "", "an entry needs a kind"),
    ("blank_name", "- name: §' '\n  kind: registry.entry\n", "", "a string that is not blank"),
    ("name_with_colon", "- name: §a:b\n  kind: registry.entry\n", "", "colon"),
    ("same_id", "- { name: a, kind: registry.entry }\n- { name: §a, kind: registry.entry }\n", "", "duplicate entry \"planted.same_id:a\""),
    ("unknown_kind", "- name: a\n  kind: §process.lau\n", "", "unknown kind \"process.lau\""),
    ("meta_is_no_map", "- name: a\n  kind: registry.entry\n  meta: §5\n", "", "expected a map"),
];

/// Keys and values of known kinds.
#[rustfmt::skip]
const KEYS: &[Mistake] = &[
    ("key_of_process", "- { name: a, kind: library.lua, source: return 1, §modulse: [] }\n", "", "unknown key \"modulse\" in library.lua"),
    ("key_of_lifecycle", "- { name: a, kind: process.lua, source: return 1, host: app:processes, lifecycle: { §auto_strat: true } }\n", "", "unknown key \"auto_strat\" in lifecycle"),
    ("key_of_restart", "- { name: a, kind: process.lua, source: return 1, host: app:processes, lifecycle: { restart: { §polcy: never } } }\n", "", "unknown key \"polcy\" in restart"),
    ("key_of_limits", "- { name: a, kind: process.lua, source: return 1, limits: { §memroy: 1M } }\n", "", "unknown key \"memroy\" in limits"),
    ("key_of_host", "- { name: a, kind: terminal.host, host: { §slcie: 5ms } }\n", "", "unknown key \"slcie\" in host"),
    ("key_of_pool", "- { name: a, kind: function.lua, source: return 1, method: run, pool: { §sise: 1 } }\n", "", "unknown key \"sise\" in pool"),
    ("size", "- { name: a, kind: process.lua, source: return 1, limits: { memory: §10Mb } }\n", "", "a size such as 64MiB"),
    ("negative_count", "- { name: a, kind: process.lua, source: return 1, limits: { mailbox: §-1 } }\n", "", "a whole number from 0"),
    ("bare_duration", "- { name: a, kind: terminal.host, lifecycle: { start_timeout: §10 } }\n", "", "the bare number 10"),
    ("bad_duration", "- { name: a, kind: terminal.host, lifecycle: { stop_timeout: §soon } }\n", "", "a duration such as"),
    ("boolean", "- { name: a, kind: terminal.host, lifecycle: { auto_start: §yes } }\n", "", "true or false"),
    ("choice", "- { name: a, kind: terminal.host, lifecycle: { startup: §requird } }\n", "", "required or optional"),
    ("policy", "- { name: a, kind: terminal.host, lifecycle: { restart: { policy: §always } } }\n", "", "on_failure, permanent or never"),
    ("number_in_bounds", "- { name: a, kind: terminal.host, lifecycle: { restart: { jitter: §2 } } }\n", "", "a number from 0 to 1"),
    ("method_is_no_text", "- { name: a, kind: process.lua, source: return 1, method: §5 }\n", "", "expected a string, found 5"),
    ("limits_are_no_map", "- { name: a, kind: process.lua, source: return 1, limits: §[] }\n", "", "expected a map"),
    ("input_is_no_list", "- { name: a, kind: process.lua, source: return 1, input: §5 }\n", "", "expected a list"),
    ("pool_without_size", "- { name: a, kind: function.lua, source: return 1, method: run, pool: { type: §static } }\n", "", "pool.size must be greater than 0"),
    ("pool_type", "- { name: a, kind: function.lua, source: return 1, method: run, pool: { type: §statik } }\n", "", "inline, lazy, static or adaptive"),
    ("no_source", "- { name: §a, kind: process.lua }\n", "", "source is required"),
    ("no_method", "- { name: §a, kind: function.lua, source: return 1 }\n", "", "method is required"),
    ("no_process", "- { name: §a, kind: process.service, host: app:processes }\n", "", "process is required"),
    ("timeout_of_test", "- { name: a, kind: process.lua, source: return 1, meta: { type: test, timeout: §5 } }\n", "", "a duration such as"),
];

/// Names of files, modules and other entries.
#[rustfmt::skip]
const NAMES: &[Mistake] = &[
    ("no_file", "- { name: a, kind: library.lua, source: §file://no_fiel.lua }\n", "", "no such file"),
    ("file_outside", "- { name: a, kind: library.lua, source: §file://../../outside.lua }\n", "", "leaves the source root"),
    ("file_is_folder", "- { name: a, kind: library.lua, source: §file://../planted }\n", "", "not a file"),
    ("file_without_scheme", "- { name: a, kind: library.lua, source: §file_without_scheme.lua }\n", "return 1\n", "Incomplete statement"),
    ("unknown_module", "- { name: a, kind: library.lua, source: return 1, modules: [time, §tmie] }\n", "", "unknown module \"tmie\""),
    ("module_of_later", "- { name: a, kind: library.lua, source: return 1, modules: [§sql] }\n", "", "module \"sql\" is not supported yet"),
    ("module_with_namespace", "- { name: a, kind: library.lua, source: return 1, modules: [§app:time] }\n", "", "module cannot have a namespace"),
    ("unknown_library", "- { name: a, kind: library.lua, source: return 1, imports: { x: §lib } }\n", "", "unknown library \"planted.unknown_library:lib\""),
    ("library_is_a_host", "- { name: a, kind: library.lua, source: return 1, imports: { x: §app:processes } }\n", "", "\"app:processes\" is a process.host, expected a library.lua"),
    ("blank_alias", "- { name: a, kind: library.lua, source: return 1, imports: { §' ': app.m0:types } }\n", "", "an alias that is not blank"),
    ("no_id", "- { name: a, kind: library.lua, source: return 1, imports: { x: §a:b:c } }\n", "", "the id of an entry"),
    ("unknown_process", "- { name: a, kind: process.service, host: app:processes, process: §app.m0:wroker }\n", "", "unknown process \"app.m0:wroker\""),
    ("unknown_host", "- { name: a, kind: process.lua, source: return 1, host: §app:procesess, lifecycle: {} }\n", "", "unknown host \"app:procesess\""),
    ("host_is_no_host", "- { name: a, kind: process.lua, source: return 1, host: §app.m0:types, lifecycle: {} }\n", "", "expected a process.host or a terminal.host"),
    ("unknown_requirement", "- { name: a, kind: process.lua, source: return 1, host: app:processes, lifecycle: { requires: [§nobody] } }\n", "", "\"planted.unknown_requirement:nobody\""),
    ("import_cycle", "- { name: a, kind: library.lua, source: return 1, imports: { x: §b } }\n- { name: b, kind: library.lua, source: return 1, imports: { x: a } }\n", "", "import cycle: planted.import_cycle:a -> planted.import_cycle:b -> planted.import_cycle:a"),
    ("dependency_cycle", "- { name: a, kind: terminal.host, lifecycle: { requires: [§b] } }\n- { name: b, kind: terminal.host, lifecycle: { requires: [a] } }\n", "", "dependency cycle: planted.dependency_cycle:a -> planted.dependency_cycle:b"),
    ("command_without_name", "- { name: a, kind: process.lua, source: return 1, meta: { command: §{ short: x } } }\n", "", "a command needs a name"),
    ("same_command", "- { name: a, kind: process.lua, source: return 1, meta: { command: { name: go } } }\n- { name: b, kind: process.lua, source: return 1, meta: { command: { name: §go } } }\n", "", "duplicate command \"go\""),
    ("command_of_function", "- { name: a, kind: function.lua, source: return 1, method: run, meta: { command: §{ name: gone } } }\n", "", "only a process.lua can be a command"),
];

/// Supervisors and environment variables.
#[rustfmt::skip]
const PARTS: &[Mistake] = &[
    ("strategy", "- { name: a, kind: process.supervisor, host: app:processes, lifecycle: {}, strategy: §one_for_al, children: [{ name: x, process: app.m0:worker }] }\n", "", "one_for_one, one_for_all or rest_for_one"),
    ("unknown_child", "- { name: a, kind: process.supervisor, host: app:processes, lifecycle: {}, children: [{ name: x, process: §nobody }] }\n", "", "unknown process"),
    ("same_child", "- { name: a, kind: process.supervisor, host: app:processes, lifecycle: {}, children: [{ name: x, process: app.m0:worker }, { name: §x, process: app.m0:worker }] }\n", "", "duplicate child \"x\""),
    ("key_of_child", "- { name: a, kind: process.supervisor, host: app:processes, lifecycle: {}, children: [{ name: x, process: app.m0:worker, §cuont: 2 }] }\n", "", "unknown key \"cuont\" in children"),
    ("variable_without_storage", "- { name: §a, kind: env.variable, variable: A }\n", "", "storage is required"),
    ("unknown_storage", "- { name: a, kind: env.variable, variable: B, storage: §nowhere }\n", "", "unknown storage"),
];

/// Lua code: Luau's grammar and the typed dialect.
#[rustfmt::skip]
const CODE: &[Mistake] = &[
    ("lua_syntax", "- { name: a, kind: library.lua, source: file://lua_syntax.lua }\n", "local a = 1\n\nlocal b = a §then\n", "got 'then'"),
    ("lua_name", "- { name: a, kind: library.lua, source: file://lua_name.lua }\n", "return {\n\tname = 1,\n\t§local x = 2,\n}\n", "got 'local'"),
    ("lua_end", "- { name: a, kind: library.lua, source: file://lua_end.lua }\n", "local function f()\n\tif x then\n\treturn 1\nend\n§", "<eof>"),
    ("lua_text", "- { name: a, kind: library.lua, source: file://lua_text.lua }\n", "local a = 1\nreturn §\"open\n", "Malformed string"),
    ("lua_in_a_block", "- name: a\n  kind: library.lua\n  source: |\n    local a = 1\n    local b §+ 2\n", "", "got '+'"),
    ("lua_outside_a_loop", "- { name: a, kind: library.lua, source: file://lua_outside_a_loop.lua }\n", "local a = 1\n§break\n", "break statement must be inside a loop"),
    ("type_validator", "- { name: a, kind: library.lua, source: file://type_validator.lua }\n", "type Name = string\n\t@min_len(1)\n\t@§maxlen(20)\nreturn { Name = Name }\n", "unknown validator '@maxlen'"),
    ("type_field", "- { name: a, kind: library.lua, source: file://type_field.lua }\n", "type Item = {\n\tname: string,\n\tcount: §= number,\n}\nreturn { Item = Item }\n", "Expected type, got '='"),
];

fn mistakes() -> impl Iterator<Item = &'static Mistake> {
    [FILES, ENTRIES, KEYS, NAMES, PARTS, CODE].into_iter().flatten()
}

/// An application without mistakes, in which every file of code declares and uses types.
fn sound() -> Project {
    let mut project = Project::new();
    for n in 0..MODULES {
        let before = n.saturating_sub(1);
        let index = format!(
            "version: \"1.0\"
namespace: app.m{n}
entries:
  - {{ name: types, kind: library.lua, source: file://types.lua }}
  - {{ name: settings, kind: registry.entry, size: {n}, meta: {{ comment: data }} }}
  - {{ name: texts, kind: registry.entry, texts: [one, two] }}
  - name: worker
    kind: process.lua
    source: file://work.lua
    modules: [time]
    imports: {{ types: types, before: app.m{before}:types }}
  - name: service
    kind: process.service
    process: worker
    host: app:processes
    lifecycle: {{ requires: [app:processes], restart: {{ policy: never }} }}
  - {{ name: one, kind: function.lua, source: file://work.lua, method: one, modules: [time],
      imports: {{ types: types, before: app.m{before}:types }} }}
  - {{ name: two, kind: function.lua, source: file://work.lua, method: two, modules: [time],
      imports: {{ types: types, before: app.m{before}:types }} }}
  - {{ name: tree, kind: process.supervisor, host: app:processes, lifecycle: {{}},
      children: [{{ name: worker, process: worker, count: 2 }}] }}
  - {{ name: memory, kind: env.storage.memory }}
  - {{ name: level, kind: env.variable, variable: LEVEL_{n}, storage: memory }}
"
        );
        let types = "export type Item = {
    name: string @min_len(1),
    count: integer @min(1) @max(99),
}

export type Order = { customer: string, items: Item[], note?: string }

return { Item = Item, Order = Order }
";
        let work = "local types = require(\"types\")
local before = require(\"before\")

type Reply = { total: number } | { problem: string }

local function one(order: types.Order): number
    local total: number = 0
    for _, item in order.items do
        total += item.count
    end
    return total
end

local function two(order: before.Order): Reply
    return Reply({ total = one(order as types.Order) })
end

return { main = one, one = one, two = two }
";
        project = project
            .file(&format!("src/m{n}/_index.yaml"), &index)
            .file(&format!("src/m{n}/types.lua"), types)
            .file(&format!("src/m{n}/work.lua"), work);
    }
    project
}

/// Line and column of the mark, and the text without it.
fn unmarked(text: &str) -> Option<(String, String)> {
    let (before, after) = text.split_once(MARK)?;
    assert!(!after.contains(MARK), "{text}");
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().unwrap_or_default().chars().count() + 1;
    Some((format!("{line}:{column}"), format!("{before}{after}")))
}

/// Plants a mistake; returns its place.
fn plant(project: Project, (name, yaml, lua, _): &Mistake) -> (Project, String) {
    let yaml = match yaml.starts_with("- ") {
        true => format!("namespace: planted.{name}\nentries:\n{yaml}"),
        false => (*yaml).to_owned(),
    };
    let (yaml_file, lua_file) =
        (format!("src/planted/{name}.yaml"), format!("src/planted/{name}.lua"));
    let (place, yaml, lua) = match (unmarked(&yaml), unmarked(lua)) {
        (Some((place, yaml)), None) => (format!("{yaml_file}:{place}"), yaml, (*lua).to_owned()),
        (None, Some((place, lua))) => (format!("{lua_file}:{place}"), yaml, lua),
        _ => panic!("{name} needs exactly one mark"),
    };
    let mut project = project.file(&yaml_file, &yaml);
    if !lua.is_empty() {
        project = project.file(&lua_file, &lua);
    }
    (project, place)
}

#[test]
fn each_mistake_is_reported_at_its_place_and_nothing_else() {
    let mut project = sound();
    project.luavisor(["check"]).exits(0).complains("");
    let mut expected = BTreeMap::new();
    for mistake in mistakes() {
        let (planted, place) = plant(project, mistake);
        project = planted;
        expected.insert(place, mistake.3);
    }
    assert!(expected.len() >= 50, "{}", expected.len());

    let report = project.luavisor(["check"]).exits(1).stderr;
    let mut wrong = Vec::new();
    for line in report.lines() {
        let Some((place, message)) = line.split_once(": error: ") else { continue };
        match expected.remove(place) {
            Some(words) if message.contains(words) => {}
            Some(words) => wrong.push(format!("{place} does not say {words:?}: {message}")),
            None => wrong.push(format!("{place} has no mistake: {message}")),
        }
    }
    let missing = expected.iter().map(|(place, words)| format!("{place} is not reported: {words}"));
    wrong.extend(missing);
    assert!(wrong.is_empty(), "{}\n\n{report}", wrong.join("\n"));
}
