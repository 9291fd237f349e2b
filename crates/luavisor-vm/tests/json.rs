//! `json` (MODULES 12).

mod support;

use support::{Bench, passes};

/// Runs a body in which `json` is the module.
#[track_caller]
fn json(body: &str) {
    passes(&format!("local json = require('json') {body}"));
}

#[test]
fn values_become_text() {
    json(
        r#"
        local function text(v, want) eq(json.encode(v), want) end
        text(nil, "null") text(true, "true") text(false, "false")
        text(42, "42") text(-1, "-1") text(3.14, "3.14") text(0/0, "null") text(1/0, "null") text(-1/0, "null")
        text(2^53, "9007199254740992") text(2^63, "9223372036854775808") text(1e21, "1e+21") text(1e-7, "0.0000001")
        text("a\"b\\c\n\r\t\b\f\1</>&", [["a\"b\\c\n\r\t\b\f\u0001</>&"]])
        text("h\u{e9}", "\"h\u{e9}\"") text("a\xffb\xf0\x9f", "\"a\u{fffd}b\u{fffd}\"")
        text({}, "[]") text({1, 2, {3}}, "[1,2,[3]]") text({b = 1, a = {x = true}, B = "s"}, [[{"B":"s","a":{"x":true},"b":1}]])
        text(print, "null") text({print, 1}, "[null,1]") text(coroutine.create(print), "null")
        text({[true] = 1, [1.5] = 2, [0] = 3, [{}] = 4, [print] = 5}, [[{"0":3,"1.5":2,"true":1}]])
        text({[print] = 1}, "[]") text({[1/0] = 1}, [[{"inf":1}]])
        local backwards = {}
        for i = 40, 1, -1 do backwards[i] = i end
        eq(json.encode(backwards), json.encode(table.move(backwards, 1, 40, 1, {})))
        "#,
    );
}

#[test]
fn objects_become_text() {
    json(
        r#"
        local time = require("time")
        local function text(v, want) eq(json.encode(v), want) eq(json.encode({k = v}), `\{"k":{want}}`) end
        text(errors.new("no \"tea\""), [["no \"tea\""]])
        text(time.date(2026, 3, 1, 12, 30, 15, 500000000, time.utc), [["2026-03-01T12:30:15.5Z"]])
        text(time.parse_duration("1h30m"), [["1h30m0s"]])
        text(payload.new({1, {a = 2}}), [=[[1,{"a":2}]]=])
        text(payload.new("s"), [["s"]]) text(time.utc, "null") text(channel.new(1), "null")
        text(buffer.create(3), "null") text(vector.create(1, 2, 3), "null")
        "#,
    );
}

#[test]
fn tables_that_json_cannot_show_are_refused() {
    json(
        r#"
        local function fails(v, cause) 
            local err = refused("Internal", "encode failed: " .. cause, json.encode(v))
            eq(err:retryable(), false)
        end
        local sparse = "cannot encode sparse array: non-contiguous numeric keys found"
        fails({1, nil, 3}, sparse) fails({[2] = 1}, sparse) fails({a = {[1e300] = 1}}, sparse)
        fails({1, a = 2}, "cannot encode mixed-key table: table has both numeric and non-numeric keys")
        local loop = {} loop.a = {b = {loop}}
        fails(loop, "cannot encode recursively nested tables to JSON")
        local shared = {1}
        eq(json.encode({shared, shared, {shared}}), "[[1],[1],[[1]]]")
        local deep = {}
        for i = 1, 127 do deep = {deep} end
        eq(json.encode(deep), string.rep("[", 128) .. string.rep("]", 128))
        fails({deep}, "exceeded maximum nesting depth for JSON encoding")
        "#,
    );
}

#[test]
fn text_becomes_values() {
    json(
        r#"
        local function is(text, want) local v, err = json.decode(text) eq(err, nil) eq(v, want) end
        is("null", nil) is(" true ", true) is("-12.5e1", -125) is("18446744073709551615", 2^64)
        is('"a\\u00e9\\ud83d\\ude00\\n"', "aé😀\n") is("1e308", 1e308) is("9007199254740993", 2^53)
        local v = json.decode('{"a": [1, {"b": "c"}, []], "d": null, "e": {}, "a b": false}')
        eq(v.a[1], 1) eq(v.a[2].b, "c") eq(#v.a[3], 0) eq(v.d, nil) eq(next(v.e), nil) eq(v["a b"], false)
        v = json.decode("[1,null,3]") eq(v[1], 1) eq(v[2], nil) eq(v[3], 3)
        eq(json.decode('{"a":1,"a":2}').a, 2) eq(json.decode('{"a":1,"a":null}').a, nil)
        eq(json.encode(json.decode("{}")), "[]")
        local list, map = {}, {}
        for i = 1, 1000 do list[i] = `{i}` map[i] = `"k{i}":{i}` end
        v = json.decode("[" .. table.concat(list, ",") .. "]")
        eq(#v, 1000) for i = 1, 1000 do eq(v[i], i) end
        v = json.decode("{" .. table.concat(map, ",") .. "}")
        for i = 1, 1000 do eq(v["k" .. i], i) end
        "#,
    );
}

#[test]
fn texts_that_are_no_json_are_refused() {
    json(
        r#"
        refused("Invalid", "string expected", json.decode()) refused("Invalid", "string expected", json.decode({}))
        refused("Invalid", "string expected", json.decode(5))
        refused("Invalid", "empty string is not valid JSON", json.decode(""))
        local function fails(text, cause) refused("Internal", "decode failed: " .. cause, json.decode(text)) end
        fails(" ", "EOF while parsing a value at line 1 column 1")
        fails("{\n\"a\": ]", "expected value at line 2 column 6")
        fails("[1,]", "trailing comma at line 1 column 4") fails("1 2", "trailing characters at line 1 column 3")
        fails("1e999", "number out of range at line 1 column 5") fails("{1:2}", "key must be a string at line 1 column 2")
        fails("nul", "EOF while parsing a value at line 1 column 3") fails("NaN", "expected value at line 1 column 1")
        for _, text in {"\"\xff\"", "\"\\ud800\"", "[\"\\q\"]", "\"a", "{\"a\"", "[", "'a'", "01", "+1", "\0", "\"\n\""} do
            local v, err = json.decode(text)
            eq(v, nil) eq(err:kind(), "Internal") eq(string.sub(err:message(), 1, 15), "decode failed: ")
        end
        "#,
    );
}

#[test]
fn hostile_texts_and_tables_are_bounded() {
    json(
        r#"
        local ok = string.rep("[", 128) .. string.rep("]", 128)
        assert(json.decode(ok))
        refused("Internal", "decode failed: nesting deeper than 128 levels at line 1 column 130", json.decode("[" .. ok .. "]"))
        for _, open in {"[", '{"a":', '[{"a":'} do
            local v, err = json.decode(string.rep(open, 1000000))
            eq(v, nil) assert(string.find(err:message(), "nesting deeper than 128 levels", 1, true))
        end
        refused("Internal", "decode failed: more than 33554432 bytes", json.decode(string.rep(" ", 33554433)))
        -- 2^100 strings, the same tables over and over
        local bomb = string.rep("x", 100000)
        for i = 1, 100 do bomb = {bomb, bomb} end
        refused("Internal", "encode failed: more than 33554432 bytes", json.encode(bomb))
        -- a table that writes little and takes long to look into
        local wide = {}
        for i = 1, 100000 do wide[{}] = true end
        local many = {}
        for i = 1, 1000 do many[i] = wide end
        refused("Internal", "encode failed: more than 33554432 bytes", json.encode(many))
        "#,
    );
}

#[test]
fn a_process_that_decodes_more_than_its_memory_holds_ends() {
    let mut bench = Bench::new();
    bench.memory = Some(4 << 20);
    let exit = bench.run(
        "pcall(require('json').decode, '[' .. string.rep('[],', 200000) .. '0]') return 'survived'",
    );
    assert_eq!(exit.error.unwrap().kind.as_str(), "LimitExceeded");
    // Nothing of it is left, and others go on.
    bench.memory = None;
    bench.passes("eq(require('json').decode('[1]')[1], 1)");
}

/// Texts near valid ones, from a fixed seed: none may panic, and what is read can
/// be written and read again.
#[test]
fn mutated_texts_are_read_or_refused() {
    json(
        r#"
        local seeds = {
            '{"a":[1,2.5e3,-0,null,true,false,"x\\u00e9\\ud83d\\ude00"],"b":{"c":{},"d":[]}}',
            '[[[[1,2],[3,4]],{"k":"\\n\\t"}],"\xe2\x82\xac",123456789012345678901234567890]',
            '{"":"","a":"b","a":null,"1":1,"true":2}',
        }
        local state = 12345
        local function random(n) state = (state * 1103515245 + 12345) % 2147483648 return state // 7 % n + 1 end
        local bytes = '{}[]",:\\u0123456789eE+-. ntfalse\xff\0'
        local read = 0
        for round = 1, 20000 do
            local text = seeds[random(#seeds)]
            for _ = 1, random(4) do
                local at, kind = random(#text), random(4)
                local byte = string.sub(bytes, random(#bytes)) byte = string.sub(byte, 1, 1)
                if kind == 1 then text = string.sub(text, 1, at - 1) .. byte .. string.sub(text, at + 1)
                elseif kind == 2 then text = string.sub(text, 1, at) .. byte .. string.sub(text, at + 1)
                elseif kind == 3 then text = string.sub(text, 1, at - 1) .. string.sub(text, at + random(5))
                else local to = random(#text) text = string.sub(text, 1, at) .. string.sub(text, to) end
                if text == "" then text = "0" end
            end
            local v, err = json.decode(text)
            if err then
                eq(string.sub(err:message(), 1, 15), "decode failed: ")
            else
                read += 1
                local again, refusal = json.encode(v)
                if again then eq(json.encode(json.decode(again)), again)
                else assert(string.find(refusal:message(), "sparse array", 1, true), refusal:message()) end
            end
        end
        assert(read > 1000, read)
        "#,
    );
}

/// What `serde_json` needs for the same value, and what we do. Prints a table:
/// `cargo test -p luavisor-vm --release --test json -- --ignored --nocapture`.
#[test]
#[ignore = "measures time; run it in a release build"]
#[allow(clippy::disallowed_methods)]
fn one_kilobyte_takes_at_most_three_times_what_serde_json_needs() {
    const ROUNDS: u32 = 100_000;
    let item = r#"{"id":"8d3f7a40-5b1c","name":"green tea","price":3.25,"stock":120,"tags":["hot","leaf","organic"],"sold":true,"origin":{"country":"JP","region":"Uji","harvest":2025}}"#;
    let text =
        format!(r#"{{"count":6,"items":[{item},{item},{item},{item},{item},{item}],"next":null}}"#);
    let text = serde_json::from_str::<serde_json::Value>(&text).unwrap().to_string();
    let mut bench = Bench::preempting(1_000_000_000);
    let mut lua = |body: &str| {
        let body = format!(
            "local json, text = require('json'), [==[{text}]==] local value = json.decode(text) \
             for _ = 1, {ROUNDS} do {body} end"
        );
        let start = std::time::Instant::now();
        bench.passes(&body);
        start.elapsed() / ROUNDS
    };
    let (encode, decode) = (lua("json.encode(value)"), lua("json.decode(text)"));
    let rust = |run: &dyn Fn()| {
        let start = std::time::Instant::now();
        (0..ROUNDS).for_each(|_| run());
        start.elapsed() / ROUNDS
    };
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let to_text = rust(&|| drop(std::hint::black_box(serde_json::to_string(&value))));
    let to_value =
        rust(&|| drop(std::hint::black_box(serde_json::from_str::<serde_json::Value>(&text))));
    println!("{} bytes: encode {encode:?}, serde_json {to_text:?}", text.len());
    println!("{} bytes: decode {decode:?}, serde_json {to_value:?}", text.len());
    assert!(encode < to_text * 3 && decode < to_value * 3);
}

#[test]
fn validate_says_whether_a_value_fits() {
    passes(
        r#"
        local json = require("json")
        local order = {
            type = "object",
            properties = { drink = { type = "string" }, cups = { type = "integer", minimum = 1 } },
            required = { "drink" },
            additionalProperties = false,
        }
        eq(json.validate(order, { drink = "tea", cups = 2 }), true)
        local err = refused("Invalid", "validation failed: drink is missing; /cups: 0 is below the minimum 1; "
            .. "/milk: is not allowed", json.validate(order, { cups = 0, milk = true }))
        eq(err:retryable(), false)
        eq((json.validate(order, { cups = 0 })), false)
        -- a schema may be text, data may be anything
        eq(json.validate('{"type": "array"}', {}), true)
        eq(json.validate('{"type": "object"}', {}), true)
        eq(json.validate("true", print), true)
        eq(json.validate({}, false), true)
        eq(json.validate({ type = "number" }, 5), true)
        eq(json.validate_string(order, '{"drink": "tea"}'), true)
        eq(json.validate_string({ type = "null" }, "null"), true)
        refused("Invalid", "validation failed: expected object, got array",
            json.validate_string({ type = "object" }, "[]"))
        "#,
    );
}

#[test]
fn validate_refuses_what_it_cannot_check() {
    passes(
        r##"
        local json = require("json")
        local round = {} round.self = round
        local cycle = "cannot encode recursively nested tables to JSON"
        refused("Invalid", "schema is required", json.validate(nil, 1))
        refused("Invalid", "schema is required", json.validate_string())
        refused("Invalid", "data is required", json.validate({}))
        refused("Invalid", "data is required", json.validate_string({}, nil))
        refused("Invalid", "data must be a JSON string", json.validate_string({}, {}))
        refused("Invalid", "data must be a JSON string: expected value at line 1 column 1",
            json.validate_string({}, "x"))
        refused("Invalid", "schema error: expected a table or a JSON string", json.validate(5, 1))
        refused("Invalid", "schema error: expected value at line 1 column 1", json.validate("x", 1))
        refused("Invalid", "schema error: " .. cycle, json.validate(round, 1))
        refused("Invalid", "validation failed: " .. cycle, json.validate({}, round))
        refused("Invalid", "compile schema: minimum has to be a number", json.validate({ minimum = "1" }, 1))
        refused("Invalid", "compile schema: a schema has to be an object or a boolean, not array",
            json.validate({ 1, 2 }, 1))
        refused("Invalid", "schema error: more than 1048576 bytes",
            json.validate({ title = string.rep("x", 2^20) }, 1))
        refused("Invalid", "validation failed: more than 4194304 bytes",
            json.validate({}, string.rep("x", 2^22)))
        local deep = 1
        for _ = 1, 200 do deep = { deep } end
        refused("Invalid", "validation failed: exceeded maximum nesting depth for JSON encoding",
            json.validate({}, deep))
        local explosive = { ["$ref"] = "#/$defs/d30", ["$defs"] = { d0 = { type = "number" } } }
        for n = 1, 30 do
            local below = { ["$ref"] = `#/$defs/d{n - 1}` }
            explosive["$defs"][`d{n}`] = { allOf = { below, below } }
        end
        refused("Invalid", "validation failed: this schema needs too much work for this data",
            json.validate(explosive, 1))
        refused("Invalid", "validation failed: the schema refers to itself too deeply",
            json.validate({ ["$ref"] = "#" }, 1))
        "##,
    );
}

#[test]
fn more_schemas_than_are_kept_work_all_the_same() {
    passes(
        r#"
        local json = require("json")
        for round = 1, 2 do
            for n = 1, 250 do
                eq(json.validate({ const = n }, n), true)
                eq((json.validate({ const = n }, n + 1)), false)
            end
        end
        "#,
    );
}
