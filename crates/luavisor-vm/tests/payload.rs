//! Payloads (SPEC 2.3, MODULES 3).

mod support;

use std::sync::Arc;

use luavisor_core::value::{Object, Payload};
use luavisor_core::{Value, Values};
use support::{Bench, passes};

#[test]
fn formats() {
    passes(
        r#"
        local f = payload.format
        eq(f.LUA, "lua/any") eq(f.JSON, "json/plain") eq(f.YAML, "yaml/plain")
        eq(f.STRING, "text/plain") eq(f.BYTES, "application/octet-stream")
        eq(f.MSGPACK, "application/msgpack") eq(f.GOLANG, "golang/any") eq(f.ERROR, "golang/error")
        fails("attempt to modify a readonly table", function() f.LUA = "x" end)
        eq(require("payload"), payload)
        "#,
    );
}

#[test]
fn a_new_payload_holds_a_copy() {
    passes(
        r#"
        local t = {a = {1, 2}}
        local p = payload.new(t)
        eq(type(p), "userdata") eq(tostring(p), "payload{format=lua/any}") eq(p:get_format(), "lua/any")
        t.a[1] = 9
        eq(p:data().a[1], 1) eq(p:unmarshal().a[2], 2)
        assert(p:data() ~= p:data())
        eq(payload.new(nil):data(), nil) eq(payload.new():data(), nil) eq(payload.new(false):data(), false)
        eq(payload.new(p), p)
        local e = errors.new("boom")
        eq(payload.new(e):get_format(), "golang/error") eq(payload.new(e):data():message(), "boom")
        local err = fails("payload.f: a function cannot be sent", payload.new, {f = print})
        eq(err:kind(), "Invalid")
        fails("bad argument #1 to 'get_format' (payload expected, got table)", p.get_format, {})
        "#,
    );
}

#[test]
fn payloads_are_transcoded() {
    passes(
        r#"
        local f = payload.format
        local function text(v, format) return payload.new(v):transcode(format or f.STRING):data() end
        eq(text("s"), "s") eq(text(5), "5") eq(text(1e100), "1e+100") eq(text(true), "true") eq(text(nil), "")
        eq(text("s", f.BYTES), "s") eq(text(errors.new("boom")), "boom")
        local p, err = payload.new("s"):transcode(f.BYTES)
        eq(err, nil) eq(p:get_format(), f.BYTES) eq(p:transcode(f.STRING):get_format(), f.STRING)
        eq(p:transcode(f.LUA):get_format(), f.LUA)
        eq(payload.new({1}):transcode(f.GOLANG):data()[1], 1)
        eq(payload.new({1}):transcode(f.GOLANG):transcode(f.LUA):data()[1], 1)
        local e = payload.new(errors.new("boom"))
        eq(e:transcode(f.LUA):data():message(), "boom")
        eq(e:transcode(f.LUA):transcode(f.ERROR):data():message(), "boom")
        err = refused("Internal", "transcode failed: the data is not an error", p:transcode(f.ERROR))
        eq(err:retryable(), false)
        refused("Internal", "transcode failed: unknown format x", p:transcode("x"))
        fails("bad argument #2 to 'transcode' (string expected, got nil)", p.transcode, p, nil)
        "#,
    );
}

#[test]
fn a_message_shows_payloads() {
    passes(
        r#"
        local inbox, own = process.inbox(), process.pid()
        process.send(own, "t", {a = 1})
        local msg = inbox:receive()
        eq(tostring(msg), "process.Message{topic=t}") eq(msg:topic(), "t") eq(msg:from(), own)
        local p = msg:payload()
        eq(type(p), "userdata") eq(tostring(p), "payload{format=lua/any}") eq(p:get_format(), "lua/any")
        eq(p:data().a, 1) eq(p:unmarshal().a, 1) eq(type(p.data), "function")
        eq(p:transcode(payload.format.GOLANG):get_format(), "golang/any")
        process.send(own, "t")
        eq(inbox:receive():payload(), nil)
        process.send(own, "t", nil)
        p = inbox:receive():payload()
        eq(p:data(), nil) eq(p:transcode("text/plain"):data(), "")
        process.send(own, "t", 1, nil, "three")
        local list = inbox:receive():payload()
        eq(#list, 3) eq(list[1]:data(), 1) eq(list[2]:data(), nil) eq(list[3]:transcode("text/plain"):data(), "three")
        "#,
    );
}

#[test]
fn a_payload_travels_as_itself() {
    passes(
        r#"
        local inbox, own = process.inbox(), process.pid()
        process.send(own, "t", payload.new("x"):transcode("text/plain"))
        local p = inbox:receive():payload()
        eq(p:get_format(), "text/plain") eq(p:data(), "x")
        -- what a message showed can be sent on
        process.send(own, "t", {1})
        process.send(own, "t", inbox:receive():payload())
        eq(inbox:receive():payload():data()[1], 1)
        local first, second = 1, payload.new(2)
        process.send(own, "t", first, second)
        local list = inbox:receive():payload()
        eq(list[1]:data(), 1) eq(list[2]:data(), 2)
        "#,
    );
}

/// MODULES 3, row by row.
#[test]
fn every_format_leads_to_every_other() {
    passes(
        r#"
        local f = payload.format
        local function text(v, format) return payload.new(v):transcode(format):data() end
        local function raw(v, format) return payload.new(v):transcode(format):transcode(f.BYTES) end
        local value = {name = "tea", list = {1, 2.5, {x = true}}, empty = {}, ["a b"] = "yes"}
        local back = {[f.JSON] = true, [f.YAML] = true, [f.MSGPACK] = true}
        for format in back do
            local p = payload.new(value):transcode(format)
            eq(p:get_format(), format)
            for _, read in {"data", "unmarshal"} do
                local v = p[read](p)
                eq(v.name, "tea") eq(v.list[2], 2.5) eq(v.list[3].x, true) eq(#v.empty, 0) eq(v["a b"], "yes")
            end
            for other in back do
                local v = p:transcode(other):data()
                eq(v.name, "tea") eq(v.list[3].x, true)
            end
            eq(p:transcode(f.LUA):get_format(), f.LUA) eq(p:transcode(f.LUA):data().list[1], 1)
            eq(p:transcode(f.STRING):data(), [[{"a b":"yes","empty":[],"list":[1,2.5,{"x":true}],"name":"tea"}]])
            eq(payload.new("text"):transcode(format):transcode(f.STRING):data(), "text")
            eq(payload.new(nil):transcode(format):data(), nil)
            refused("Internal", "transcode failed: the data is not an error", p:transcode(f.ERROR))
        end
        eq(payload.new("s"):transcode(f.STRING):transcode(f.JSON):data(), "s")
        eq(payload.new({1, 2}):transcode(f.STRING):data(), "[1,2]")
        local err = refused("Internal", "transcode failed: cannot encode sparse array: non-contiguous numeric keys found",
            payload.new({[2] = 1}):transcode(f.JSON))
        eq(err:retryable(), false)
        -- nested payloads show their data, whatever their format
        local nested = {a = payload.new({1, 2}):transcode(f.YAML), b = payload.new("x"):transcode(f.JSON)}
        eq(text(nested, f.STRING), [[{"a":[1,2],"b":"x"}]])
        eq(require("json").encode(nested), [[{"a":[1,2],"b":"x"}]])
        "#,
    );
}

#[test]
fn an_error_becomes_an_object_of_json() {
    passes(
        r#"
        local f = payload.format
        local function text(e) return payload.new(e):transcode(f.JSON):transcode(f.STRING):data() end
        local json = require("json")
        local e = json.decode(text(errors.new({message = "no tea", kind = errors.NOT_FOUND, retryable = true, details = {id = 7}})))
        eq(e.message, "no tea") eq(e.kind, "NotFound") eq(e.retryable, true) eq(e.details.id, 7)
        e = json.decode(text(errors.new("boom")))
        eq(e.message, "boom") eq(e.kind, nil) eq(e.retryable, nil) eq(e.details, nil)
        eq(payload.new(errors.new("boom")):transcode(f.YAML):data(), "boom")
        "#,
    );
}

/// Shows the text of a payload as a string, which no method does.
fn encoded(value: &str, format: &str) -> Vec<u8> {
    let exit = Bench::new().run(&format!("return payload.new({value}):transcode({format:?})"));
    match exit.value.first() {
        Value::Object(Object::Payload(payload)) => match payload.data.first() {
            Value::String(bytes) => bytes.to_vec(),
            other => panic!("{other:?}"),
        },
        other => panic!("{other:?}"),
    }
}

#[test]
fn yaml_is_written_in_blocks() {
    for (value, expected) in [
        ("{name = 'test', value = 123}", "name: test\nvalue: 123\n"),
        ("{}", "[]\n"),
        ("5", "5\n"),
        ("nil", "null\n"),
        ("{1, 'two', {3, {4}}, {}}", "- 1\n- two\n- - 3\n  - - 4\n- []\n"),
        (
            "{a = {b = {1, {c = 2, d = 3}}}, e = {}}",
            "a:\n  b:\n    - 1\n    - c: 2\n      d: 3\ne: []\n",
        ),
        (
            "{'yes', 'null', '12', '', ' a', 'a: b', '#', '-', 'a b', '2026-03-01', 'x\\ny'}",
            "- \"yes\"\n- \"null\"\n- \"12\"\n- \"\"\n- \" a\"\n- \"a: b\"\n- \"#\"\n- \"-\"\n- a b\n- \"2026-03-01\"\n- \"x\\ny\"\n",
        ),
        ("{[0] = 1, [true] = 2, ['0x1'] = 3}", "0: 1\n\"0x1\": 3\n\"true\": 2\n"),
        ("{0/0, 1/0, -1/0}", "- .nan\n- .inf\n- -.inf\n"),
    ] {
        let text = encoded(value, "yaml/plain");
        assert_eq!(String::from_utf8(text).unwrap(), expected, "{value}");
    }
}

#[test]
fn messagepack_keeps_types() {
    for (value, expected) in [
        (
            "{1, -1, 300, 2.5, true}",
            b"\x95\x01\xff\xcd\x01\x2c\xcb\x40\x04\0\0\0\0\0\0\xc3".as_slice(),
        ),
        ("{a = 'b', [7] = '\\xff', [true] = {}}", b"\x83\x07\xc4\x01\xff\xa1a\xa1b\xc3\x90"),
        ("nil", b"\xc0"),
        ("buffer.fromstring('hi')", b"\xc4\x02hi"),
    ] {
        assert_eq!(encoded(value, "application/msgpack"), expected, "{value}");
    }
    passes(
        r#"
        local v = payload.new({[3] = "x", [-1] = "y", [true] = "z", s = "\xff"}):transcode(payload.format.MSGPACK):data()
        eq(v[3], "x") eq(v[-1], "y") eq(v[true], "z") eq(v.s, "\xff")
        "#,
    );
}

/// Gives the process a payload in this format and runs a body on it.
fn receives(format: &str, data: &[u8], body: &str) {
    let mut bench = Bench::new();
    let payload = Payload { format: format.into(), data: Values::one(Value::String(data.into())) };
    let argument = Value::Object(Object::Payload(Arc::new(payload)));
    bench.arguments = Values::list([argument]);
    bench.passes(&format!("local p = ... {body}"));
}

#[test]
fn yaml_is_read() {
    let text = "# tea\nbase: &b {x: 1, y: [a, 'b', \"c\\n\"]}\nown:\n  <<: *b\n  x: 2\n5: five\n\
                true: yes\n1.5: ~\ntext: |\n  two\n  lines\ntag: !!str 12\nlist: [*b, 0x10, .inf]\n---\nsecond\n";
    receives(
        "yaml/plain",
        text.as_bytes(),
        r#"
        local v = p:data()
        eq(v.base.x, 1) eq(v.base.y[3], "c\n") eq(v.own.x, 2) eq(v.own.y[1], "a") eq(v[5], "five")
        eq(v["true"], "yes") eq(v["1.5"], nil) eq(v.text, "two\nlines\n") eq(v.tag, "12")
        eq(v.list[1].x, 1) eq(v.list[2], 16) eq(v.list[3], 1/0)
        assert(v.list[1] ~= v.base, "an alias is a copy")
        "#,
    );
}

#[test]
fn hostile_payloads_are_refused() {
    let mut laughs = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
    for level in 1..30 {
        let alias = format!("*a{}, ", level - 1).repeat(9);
        laughs += &format!("a{level}: &a{level} [{alias}*a{}]\n", level - 1);
    }
    let mut deep = "a0: &a0 [x]\n".to_owned();
    for level in 1..200 {
        deep += &format!("a{level}: &a{level} [*a{}]\n", level - 1);
    }
    let long = format!("a: &a \"{}\"\nb: [{}]\n", "x".repeat(100_000), "*a, ".repeat(1000));
    let mut merges = "a0: &a0 {".to_owned();
    (0..1000).for_each(|key| merges += &format!("k{key}: 1, "));
    merges += "}\n";
    (0..2000).for_each(|level| merges += &format!("b{level}: {{<<: *a0}}\n"));
    let mut binary = vec![0x91; 1_000_000];
    binary.push(0xc0);
    for (format, data, fault) in [
        ("yaml/plain", laughs.into_bytes(), "more than 1000000 values"),
        ("yaml/plain", deep.into_bytes(), "nesting deeper than 128 levels"),
        ("yaml/plain", long.into_bytes(), "more than 33554432 bytes"),
        ("yaml/plain", merges.into_bytes(), "more than 1000000 values"),
        ("yaml/plain", b"[".repeat(1_000_000), "recursion limit exceeded"),
        ("yaml/plain", b"- ".repeat(1_000_000), "nesting deeper than 128 levels"),
        ("yaml/plain", b"a: &a [*a]".to_vec(), "an alias stands in its own anchor"),
        ("yaml/plain", b"? [a]\n: b".to_vec(), "a key must be a scalar"),
        ("yaml/plain", b"a: \xff".to_vec(), "invalid UTF-8 at byte 3"),
        ("yaml/plain", b"<<: 5".to_vec(), "a merge key needs a map"),
        ("yaml/plain", vec![b' '; (8 << 20) + 1], "more than 8388608 bytes"),
        ("application/msgpack", binary, "nesting deeper than 128 levels"),
        ("application/msgpack", b"\xdd\xff\xff\xff\xff".to_vec(), "ends too early at byte 5"),
        ("application/msgpack", b"\xdb\xff\xff\xff\xffx".to_vec(), "ends too early at byte 6"),
        ("application/msgpack", b"\x81\xc0\x01".to_vec(), "a key is no string"),
        ("application/msgpack", b"\x81\xca\x7f\xc0\0\0\x01".to_vec(), "a key is no string"),
        ("application/msgpack", b"\xc1".to_vec(), "unsupported type at byte 0"),
        ("application/msgpack", b"\xd6\xff\0\0\0\0".to_vec(), "unsupported type at byte 0"),
        ("application/msgpack", b"\x01\x02".to_vec(), "bytes follow the value at byte 1"),
        ("application/msgpack", b"".to_vec(), "ends too early at byte 0"),
        ("json/plain", b"{".to_vec(), "EOF while parsing"),
        ("strange/format", b"x".to_vec(), "unknown format strange/format"),
    ] {
        receives(
            format,
            &data,
            &format!(
                r#"
                local function fails(action, v, err)
                    eq(v, nil) eq(err:kind(), "Internal")
                    eq(string.sub(err:message(), 1, #action + 9), action .. " failed: ")
                    assert(string.find(err:message(), "{fault}", 1, true), err:message())
                end
                fails("transcode", p:data()) fails("unmarshal", p:unmarshal())
                fails("transcode", p:transcode("lua/any")) fails("transcode", p:transcode("text/plain"))
                "#
            ),
        );
    }
}

/// Data near valid ones, from a fixed seed: none may panic or hang, and what is read
/// can be written and read again.
#[test]
fn mutated_payloads_are_read_or_refused() {
    let seeds: [(&str, &[u8]); 4] = [
        ("yaml/plain", b"a: &x {b: [1, 'q', \"\\n\"], c: ~}\nd: *x\n<<: *x\ne: |\n  t\n? k\n: - 1\n  - {}\n"),
        ("yaml/plain", b"- - 1\n  - !!str 2\n- 0x1f\n- a: b\n  2026: .inf\n# c\n...\n"),
        ("application/msgpack", b"\x83\xa1a\x93\x01\xcd\x01\x2c\xcb\x40\x04\0\0\0\0\0\0\x07\xc4\x01\xff\xc3\x81\xa1x\xd9\x02ok"),
        ("json/plain", b"{\"a\":[1,2.5,null,\"\\u00e9\"],\"b\":{\"c\":{}}}"),
    ];
    let mut random = fastrand::Rng::with_seed(7);
    let mut bench = Bench::new();
    for round in 0..400 {
        let (format, seed) = seeds[round % seeds.len()];
        let arguments = (0..20).map(|_| {
            let mut data = seed.to_vec();
            for _ in 0..random.usize(1..5) {
                let at = random.usize(..data.len().max(1)).min(data.len());
                match random.u8(..4) {
                    0 if at < data.len() => data[at] = random.u8(..),
                    1 => data.insert(at, seed[random.usize(..seed.len())]),
                    2 => data.truncate(at),
                    _ => data.extend_from_slice(&seed[random.usize(..seed.len())..]),
                }
            }
            let data = Values::one(Value::String(data.into()));
            Value::Object(Object::Payload(Arc::new(Payload { format: format.into(), data })))
        });
        bench.arguments = Values::list(arguments.collect::<Vec<_>>());
        bench.passes(
            r#"
            for _, p in {...} do
                local v, err = p:data()
                if err then
                    eq(string.sub(err:message(), 1, 18), "transcode failed: ")
                elseif v ~= nil then
                    for _, format in {"json/plain", "yaml/plain", "application/msgpack"} do
                        local q, refusal = payload.new(v):transcode(format)
                        if q then assert(q:data() ~= nil or v ~= v or math.abs(v) == math.huge)
                        else assert(string.find(refusal:message(), "cannot encode", 1, true), refusal:message()) end
                    end
                end
            end
            "#,
        );
    }
}
