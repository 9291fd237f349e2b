//! Targets for fuzzing: each takes any bytes, and panics when something happens that may not.
//!
//! Nothing may panic, overflow the stack, take for ever or end a process that did nothing
//! wrong; what was read can be written and read again. `cargo test` tries each target with
//! mutations of its seeds, the same ones every time; `fuzz/` has a libFuzzer binary for each.

mod config;
mod program;

use std::collections::BTreeMap;
use std::sync::Arc;

use luavisor::config::ChunkCompiler;
use luavisor::{LuauCompiler, Table, Value, Values};
use luavisor_core::template::TemplateOptions;
use luavisor_vm::TemplateSet;

/// One target.
pub struct Target {
    /// its name, and that of its binary
    pub name: &'static str,
    /// tries one input
    pub run: fn(&[u8]),
    /// inputs to begin with
    pub seeds: &'static [&'static [u8]],
}

macro_rules! program {
    ($name:literal) => {
        |data| program::feed(concat!($name), include_str!(concat!("../lua/", $name, ".lua")), data)
    };
}

/// All targets.
pub static TARGETS: &[Target] = &[
    Target {
        name: "dialect",
        run: dialect,
        seeds: &[
            b"type P = {x: number @min(0), y?: string @pattern(\"a+\")}\nlocal p = P({x = 1}) as P\nreturn p!.x",
            b"for i = 1, 3 do for j = 1, 2 do goto continue end ::continue:: end",
            b"local function f<T>(a: T[], ...: number): T?, string return a[1], `x{#a}y` end",
        ],
    },
    Target {
        name: "config",
        run: config::project,
        seeds: &[
            b"version: \"1.0\"\nnamespace: app\nentries:\n  - name: h\n    kind: process.host\n    lifecycle: {auto_start: true}\n  - name: p\n    kind: process.lua\n    source: \"return function() end\"\n    modules: [time]\n",
            b"version: \"1.0\"\nnamespace: app\nentries:\n- {name: t, kind: process.supervisor, host: h, strategy: one_for_all, children: [{name: a, process: p, restart: permanent}]}\n- &x {name: e, kind: env.variable, variable: A, default: b}\n- <<: *x\n",
            b"{\"version\": \"1.0\", \"namespace\": \"app\", \"entries\": [{\"name\": \"f\", \"kind\": \"function.lua\", \"source\": \"file://main.lua\", \"pool\": {\"size\": 2}}]}",
        ],
    },
    Target {
        name: "expr",
        run: program!("expr"),
        seeds: &[
            b"filter(users, .age > 18) | map(.name)",
            b"let y = x + 1; y > 3 ? [1, 2][0] : {a: 'b'}.a",
            b"sum(1..10) + len(\"a\" matches \"^a$\" ? \"x\" : 'y') ** 2 % 3",
        ],
    },
    Target {
        name: "json",
        run: program!("json"),
        seeds: &[
            b"{\"a\":[1,2.5,null,\"\\u00e9\\ud83d\\ude00\"],\"b\":{\"c\":{}}}",
            b"[true,false,-0.0,1e300,\"\",[[[]]]]",
            b"{\"type\":\"object\",\"properties\":{\"a\":{\"type\":\"array\",\"items\":{\"minimum\":1}}},\"required\":[\"a\"]}",
        ],
    },
    Target {
        name: "yaml",
        run: program!("yaml"),
        seeds: &[
            b"a: &x {b: [1, 'q', \"\\n\"], c: ~}\nd: *x\n<<: *x\ne: |\n  t\n? k\n: - 1\n  - {}\n",
            b"- - 1\n  - !!str 2\n- 0x1f\n- a: b\n  2026: .inf\n# c\n...\n",
        ],
    },
    Target {
        name: "payload",
        run: program!("payload"),
        seeds: &[
            b"\x83\xa1a\x93\x01\xcd\x01\x2c\xcb\x40\x04\0\0\0\0\0\0\x07\xc4\x01\xff\xc3\x81\xa1x\xd9\x02ok",
            b"\x82\x01\xa1a\xc0\x92\xca\x3f\x80\0\0\xd0\xff",
        ],
    },
    Target {
        name: "compress",
        run: program!("compress"),
        seeds: &[
            b"\x1f\x8b\x08\0\0\0\0\0\0\x03\xcbH\xcd\xc9\xc9\x07\0\x86\xa6\x106\x05\0\0\0",
            b"x\x9c\xcbH\xcd\xc9\xc9\x07\0\x06,\x02\x15",
            b"\xcbH\xcd\xc9\xc9\x07\0",
            b"\x28\xb5\x2f\xfd\x04\x58\x29\0\0hello\x40\xb9\x52\x2e",
            b"\x0b\x02\x80hello\x03",
        ],
    },
    Target {
        name: "crypto",
        run: program!("crypto"),
        seeds: &[
            b"eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJzdWIiOiJhIn0.3Kk7X0TqKQ9cC8xXbq0yDkU1b0XyqQ6pT3Qe1w5d1lM",
            b"0123456789abcdef0123456789abcdef0123456789abcdef",
            b"-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIA==\n-----END PRIVATE KEY-----\n",
        ],
    },
    Target {
        name: "text",
        run: program!("text"),
        seeds: &[
            b"(a+)+(?P<n>b|c)?\0aaaaaaaaabc aab",
            b"[[:alpha:]]{2,5}$\0some words and\nlines",
            b"# Title\n\n- one\n- two\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n```lua\ncode\n```\n\0[x]: y\n",
        ],
    },
    Target {
        name: "templates",
        run: template,
        seeds: &[
            b"{% extends 'other' %}{% block a %}{{ super() }}{% for x in xs if x > 1 %}{{ loop.index }}{% endfor %}{% endblock %}",
            b"{% macro m(a, b=2) %}{{ a ~ b | upper }}{% endmacro %}{{ m(xs | join(', ')) }}{% set y = namespace(z=1) %}{{ y.z }}",
            b"{% if not xs or name is defined %}{{ '%s %d' | format(name, 3) }}{# c #}{% raw %}{{{% endraw %}{% include 'other' %}{% endif %}",
        ],
    },
    Target {
        name: "registry",
        run: program!("registry"),
        seeds: &[
            b"{\".kind\":\"function.*\",\"~meta.type\":\"^te\",\"*meta.tags\":\"a\"}",
            b"{\"meta\":{\"type\":\"test\",\"tags\":[\"a\",\"b\"]},\"ns\":\"app\",\"$meta.x.y\":\"z\"}",
        ],
    },
    Target {
        name: "small",
        run: program!("small"),
        seeds: &[
            b"2006-01-02T15:04:05.999Z07:00\x002026-11-26T18:00:00.5+01:00",
            b"1h30m5.5s\0Europe/Berlin",
            b"6ba7b810-9dad-11d1-80b4-00c04fd430c8\0aGVsbG8=",
            b"%Y-%m-%d %H:%M:%S %p %%\0!%c",
        ],
    },
];

/// For the binaries of libFuzzer, whose own hook ends the program at every panic: one that
/// is caught is none.
pub fn begin() {
    std::panic::set_hook(Box::new(|panic| eprintln!("{panic}")));
}

/// Tries one input on the target of this name.
///
/// # Panics
/// If there is no such target, or if something happens that may not.
pub fn run(name: &str, data: &[u8]) {
    let target = TARGETS.iter().find(|target| target.name == name);
    let Some(target) = target else { panic!("no target {name}") };
    (target.run)(data);
}

/// A template is read or refused, and what was read is rendered within its limits.
fn template(data: &[u8]) {
    let source: Arc<str> = String::from_utf8_lossy(data).into();
    let other: Arc<str> = "{% block a %}other{% endblock %}".into();
    let sources = BTreeMap::from([("it".to_owned(), source), ("other".to_owned(), other)]);
    let Ok(set) = TemplateSet::new(TemplateOptions::default(), sources) else { return };
    let list = Table { array: vec![Value::Number(1.0), Value::Number(2.5)], hash: Vec::new() };
    let hash = vec![("xs".into(), Value::Table(1)), ("name".into(), Value::from("a<b"))];
    let tables = vec![Table { array: Vec::new(), hash }, list];
    let data = Values { items: [Value::Table(0)].into_iter().collect(), tables };
    if let Err(error) = set.render_with("it", &data) {
        assert!(error.message.starts_with("failed to render template: "), "{}", error.message);
    }
}

/// Whatever is translated has the same lines, and compiles or is refused.
fn dialect(data: &[u8]) {
    let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    if let Ok(translated) = luavisor_dialect::translate(data) {
        assert_eq!(lines(&translated.text), lines(data), "the lines moved");
    }
    let _ = LuauCompiler.compile("fuzz:source", &String::from_utf8_lossy(data));
}
