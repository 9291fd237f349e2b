//! Log lines of processes (MODULES 8, SPEC 11.4).

mod support;

use luavisor_vm::kernel::Level;
use support::{Bench, passes};

#[test]
fn a_line_has_level_name_message_and_fields() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local logger = require("logger")
        logger:info("hello", {n = 5, f = 1.5, s = 'q"', b = true})
        logger:debug("d") logger:warn("w") logger:error("e")
        "#,
    );
    let logs = &bench.kernel.logs;
    let levels: Vec<_> = logs.iter().map(|log| (log.level, log.message.as_str())).collect();
    let expected =
        [(Level::Info, "hello"), (Level::Debug, "d"), (Level::Warn, "w"), (Level::Error, "e")];
    assert_eq!(levels, expected);
    assert_eq!(&*logs[0].logger, "app:main");
    let fields: Vec<_> = logs[0].fields.iter().map(|(k, v)| format!("{k}={v}")).collect();
    let own = support::pid().text("app:test").to_string();
    let pid = format!(r#"pid="{own}""#);
    let location = r#"location="app:main:3""#;
    assert_eq!(fields, [&pid, location, "b=true", "f=1.5", "n=5", r#"s="q\"""#]);
}

#[test]
fn whole_numbers_have_no_fraction() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        require("logger"):info("m", {
            a = 9e15, b = 1e18, c = -2^63, d = 2^62, e = 2^63, f = 1.5, g = -0.0,
        })
        "#,
    );
    let fields: Vec<_> =
        bench.kernel.logs[0].fields[2..].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        fields,
        [
            "a=9000000000000000",
            "b=1000000000000000000",
            "c=-9223372036854775808",
            "d=4611686018427387904",
            "e=9.223372036854776e+18",
            "f=1.5",
            "g=0",
        ]
    );
}

#[test]
fn fields_become_json() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local cycle = {}
        cycle.self = cycle
        require("logger"):info("m", {
            a = {1, {2}, "x"}, c = cycle, e = errors.new("boom"), h = {k = {}}, i = 1/0,
            t = require("time").parse_duration("1s"), [1] = "skipped", n = 0/0,
        })
        "#,
    );
    let fields: Vec<_> =
        bench.kernel.logs[0].fields[2..].iter().map(|(k, v)| format!("{k}={v}")).collect();
    assert_eq!(
        fields,
        [
            r#"a=[1,[2],"x"]"#,
            r#"c={"self":null}"#,
            r#"e="boom""#,
            r#"h={"k":{}}"#,
            r#"i="inf""#,
            r#"n="nan""#,
            r#"t="1s""#,
        ]
    );
}

#[test]
fn loggers_are_derived() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local logger = require("logger")
        local child = logger:with{a = 1, b = 2}:named("db"):with{a = 3}:named("pool")
        eq(type(child), "userdata")
        child:info("m", {a = 4})
        logger:info("plain")
        fails("name cannot be empty", logger.named, logger, "")
        fails("bad argument #2 to 'named' (string expected, got nil)", logger.named, logger, nil)
        fails("bad argument #2 to 'with' (table expected, got nil)", logger.with, logger, nil)
        fails("bad argument #2 to 'info' (string expected, got nil)", logger.info, logger, nil)
        fails("bad argument #3 to 'info' (table expected, got number)", logger.info, logger, "m", 5)
        fails("bad argument #1 to 'info' (Logger expected, got string)", logger.info, "m")
        "#,
    );
    let [child, plain] = &bench.kernel.logs[..] else { panic!() };
    assert_eq!((&*child.logger, &*plain.logger), ("app:main.db.pool", "app:main"));
    let keys: Vec<_> = child.fields.iter().map(|(key, value)| (key.as_str(), value)).collect();
    assert_eq!((keys[0].0, keys[1].0, keys[2].0), ("b", "a", "pid"));
    assert_eq!(keys[4], ("a", &"4".to_owned()));
    assert_eq!(plain.fields.len(), 2);
}

#[test]
fn a_call_below_the_level_looks_at_nothing() {
    let mut bench = Bench::new();
    bench.kernel.level = Some(Level::Error);
    bench.passes(
        r#"
        local logger = require("logger")
        eq(logger:info(nil, 5), nil)
        logger:warn("m", {f = print}) logger:error("shown")
        "#,
    );
    assert_eq!(bench.kernel.logs.len(), 1);
}

#[test]
fn tables_without_end_are_cut() {
    passes(
        r#"
        local wide = {}
        for n = 1, 20000 do wide[n] = n end
        local deep = {}
        local at = deep
        for _ = 1, 1000 do at.k = {} at = at.k end
        local dag = {}
        for _ = 1, 100 do dag = {a = dag, b = dag, c = dag} end
        require("logger"):info("m", {wide = wide, deep = deep, dag = dag})
        "#,
    );
}
