//! `yaml` (MODULES 13).

mod support;

use support::passes;

#[test]
fn tables_are_written_in_blocks() {
    passes(
        r##"
        local yaml = require("yaml")
        local function like(text, part) assert(string.find(text, part, 1, true), text) end
        eq(yaml.encode({ name = "test", value = 123 }), "name: test\nvalue: 123\n")
        eq(yaml.encode({ 1, "two", true }), "- 1\n- two\n- true\n")
        eq(yaml.encode({}), "[]\n")
        eq(yaml.encode({ a = { b = { 1, { c = 2 } } } }), "a:\n  b:\n    - 1\n    - c: 2\n")
        -- What would read as something else is quoted.
        for _, text in { "true", "null", "12", "1.5", "~", "", " x", "a: b", "# no", "- x", "line\nline", "2026-01-01" } do
            eq(yaml.decode(yaml.encode({ key = text })).key, text)
        end
        refused("Invalid", "table expected", yaml.encode())
        refused("Invalid", "table expected", yaml.encode("text"))
        local cyclic = {} cyclic.self = cyclic
        local text, err = yaml.encode(cyclic)
        eq(text, nil) eq(err:kind(), "Internal") eq(err:retryable(), false) like(err:message(), "encode failed: ")
        text, err = yaml.encode({ [1] = 1, [3] = 3 })
        like(err:message(), "encode failed: ")
        "##,
    );
}

#[test]
fn text_becomes_values() {
    passes(
        r##"
        local yaml = require("yaml")
        local function like(text, part) assert(string.find(text, part, 1, true), text) end
        local value = yaml.decode("base: &base { a: 1, b: [x, 'y'] }\nmore:\n  <<: *base\n  a: 2\n7: seven\nday: 2026-01-01\nnone: ~\n")
        eq(value.base.a, 1) eq(value.more.a, 2) eq(value.more.b[2], "y") eq(value[7], "seven") eq(value.day, "2026-01-01")
        eq(value.none, nil)
        eq(yaml.decode("3"), 3) eq(yaml.decode("--- a\n--- b\n"), "a")
        refused("Invalid", "string expected", yaml.decode(3))
        refused("Invalid", "empty string is not valid YAML", yaml.decode(""))
        local nothing, err = yaml.decode("a: b\n c: [d\n")
        eq(nothing, nil) eq(err:kind(), "Internal") like(err:message(), "decode failed: ") like(err:message(), "line")
        "##,
    );
}

/// A key of more than 1024 characters cannot stand on a line with its colon.
#[test]
fn long_keys_are_read_again() {
    passes(
        r#"
        local yaml = require("yaml")
        for _, length in { 1024, 1025, 5000 } do
            local key = string.rep("a", length)
            local text = yaml.encode({ [key] = { "x", { [key] = { y = 1 } } }, b = { { [key] = 2, c = 3 } } })
            local value = yaml.decode(text)
            eq(value[key][1], "x") eq(value[key][2][key].y, 1) eq(value.b[1][key], 2) eq(value.b[1].c, 3)
        end
        local key = string.rep("\19", 200)
        eq(yaml.decode(yaml.encode({ [key] = 1 }))[key], 1)
        "#,
    );
}

#[test]
fn hostile_text_is_refused() {
    passes(
        r##"
        local yaml = require("yaml")
        local function like(text, part) assert(string.find(text, part, 1, true), text) end
        local function fails(text, part)
            local value, err = yaml.decode(text)
            eq(value, nil) like(err:message(), "decode failed: ") like(err:message(), part)
        end
        fails(string.rep("[", 100000), "")
        fails(string.rep("- ", 1000) .. "x", "")
        local bomb = { "a0: &a0 [x,x,x,x,x,x,x,x,x,x]" }
        for i = 1, 9 do
            local before = "*a" .. (i - 1)
            table.insert(bomb, `a{i}: &a{i} [{string.rep(before .. ",", 9)}{before}]`)
        end
        fails(table.concat(bomb, "\n"), "")
        fails("\255\254", "UTF-8")
        fails("a: *nobody", "line 1")
        fails("x" .. string.rep("a", 8 * 1024 * 1024), "bytes")
        "##,
    );
}
