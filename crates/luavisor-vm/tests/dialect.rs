//! What the typed dialect does when it runs, and how its errors look.

#![allow(clippy::unwrap_used)]

mod support;

use luavisor_vm::compile;
use support::{failure, passes};

#[test]
fn jumps_to_the_end_of_a_loop() {
    passes(
        r#"
        local out = {}
        for i = 1, 5 do
            if i % 2 == 0 then goto continue end
            table.insert(out, i)
            ::continue::
        end
        eq(table.concat(out), "135")

        local n = 0
        while n < 5 do
            n += 1
            do
                if n == 3 then goto next end
            end
            table.insert(out, n)
            ::next::
        end
        eq(table.concat(out), "1351245")

        local m = 0
        repeat
            m += 1
            local done = m >= 3
            if m == 2 then goto continue end
            table.insert(out, "r" .. m)
            ::continue::
        until done
        eq(m, 3) eq(table.concat(out), "1351245r1r3")
        "#,
    );
}

#[test]
fn jumps_out_of_inner_loops() {
    passes(
        r#"
        local out = {}
        for i = 1, 3 do
            for j = 1, 3 do
                for k = 1, 3 do
                    if k == 2 and j == 1 then goto middle end
                    if j == 2 then goto outer end
                    table.insert(out, i .. j .. k)
                end
                table.insert(out, "never")
                ::middle::
            end
            table.insert(out, "never")
            ::outer::
        end
        eq(table.concat(out, " "), "111 211 311")

        local found = {}
        for _, row in { {1, 2}, {3, 4, 5}, {6} } do
            local sum = 0
            while true do
                repeat
                    sum += 1
                    if sum == #row then goto continue end
                until false
            end
            ::continue::
            -- labels may follow each other
            ::also::
        end
        local function inner()
            for i = 1, 2 do
                local each = function() for j = 1, 2 do if j == 1 then goto c end return j ::c:: end end
                if each() ~= 2 then goto c end
                table.insert(found, i)
                ::c::
            end
            return found
        end
        eq(#inner(), 2)
        "#,
    );
}

#[test]
fn closures_keep_the_variables_of_their_turn() {
    passes(
        r#"
        local fs = {}
        for i = 1, 3 do
            local kept = i * 10
            for j = 1, 2 do
                local inner = kept + j
                fs[#fs + 1] = function() kept += 1 return inner + kept end
                if j == 1 and i == 2 then goto continue end
            end
            ::continue::
        end
        eq(#fs, 5)
        eq(fs[1](), 22) eq(fs[2](), 24) eq(fs[3](), 42) eq(fs[4](), 62)
        "#,
    );
}

#[test]
fn casts_and_bangs_have_no_effect_but_to_make_one_value() {
    passes(
        r#"
        local function two() return 1, 2 end
        local t = { two() as number, two()! }
        eq(#t, 3) eq(t[1], 1) eq(t[3], 2)
        eq(select('#', two() as any), 1) eq(select('#', two()!), 2)
        local function one() return two() as {number} end
        eq(select('#', one()), 1)
        eq(1 + 2 as number * 3, 7) eq(2 as number ^ 2, 4) eq(-2 as number, -2)
        eq("a" as string .. "b", "ab") eq(not nil as any, true)
        local maybe: {x: {y: number}?} = { x = { y = 5 } }
        eq(maybe.x!.y!, 5) eq(maybe.x! ~= nil, true) eq(maybe!~=nil, true) eq(maybe! == maybe, true)
        eq(1 as number < 2, true)
        local as = 5 eq(as, 5)
        "#,
    );
}

#[test]
fn annotations_have_no_effect() {
    passes(
        r#"
        local function f(a: number[], b?: 1 | 2, ...: string[]): number, string
            return #a, type(b)
        end
        local x: number, y = f({1, 2})
        eq(x, 2) eq(y, "nil")
        local g: (a?: number) -> ({x?: string @max_len(1)}, readonly {T}) = f
        eq(g({}), 0)
        for i: 1 | 2 = 1, 2 do eq(type(i), "number") end
        "#,
    );
}

#[test]
fn everything_at_once_compiles() {
    compile(include_bytes!("../../luavisor-dialect/tests/dialect.lua")).unwrap();
}

#[test]
fn errors_when_it_runs_name_the_lines_as_written() {
    let error = failure(
        "type T = {\n  x: number,\n  y?: string,\n}\nlocal t = T({x = 1})\n\n\
         for i = 1, 2 do\n  for j = 1, 2 do\n    if i == 1 then goto c end\n    \
         local z = t.nothing.at as number[]\n  end\n  ::c::\nend",
    );
    assert_eq!(&*error.message, "app:main:10: attempt to index nil with 'at'");
}

#[track_caller]
fn refused(source: &str, line: u32, column: Option<u32>, message: &str) {
    let error = compile(source.as_bytes()).err().unwrap();
    assert_eq!((error.line, error.column, &*error.message), (line, column, message));
}

#[test]
fn errors_when_it_is_loaded_speak_of_the_text_as_written() {
    refused("local x: T[] = 1\nlocal y = = 2", 2, None, {
        "Expected identifier when parsing expression, got '='"
    });
    refused("type T = {x?: number}\nprint(T)\nx = (1", 3, None, {
        "Expected ')' (to close '(' at column 5), got <eof>"
    });
    refused("type T = number print(T) x = (1]", 1, Some(32), {
        "Expected ')' (to close '(' at column 30), got ']'"
    });
    refused("type T = number\n  @mni(0)", 2, Some(4), {
        "unknown validator '@mni', expected @min, @max, @min_len, @max_len or @pattern"
    });
    refused("x = a != b", 1, Some(7), "Unexpected '!='; did you mean '~='?");
    let nested = format!("x = {}1{}", "(".repeat(300), ")".repeat(300));
    assert!(compile(nested.as_bytes()).is_ok());
    let message = "this nests too deeply for types to be values in the same text";
    refused(&format!("type T = number\nprint(T)\n{nested}"), 3, None, message);
}

#[test]
fn a_condition_must_not_need_what_a_jump_skips() {
    let error = compile(b"repeat\n if x then goto c end\n local y = 1\n ::c::\nuntil y");
    assert_eq!(error.unwrap_err().line, 5);
}

#[test]
fn many_types_in_one_file() {
    let mut source = String::new();
    for n in 0..150 {
        source.push_str(&format!("type T{n} = {{a: number, next: T{}?}}\n", (n + 1) % 150));
    }
    let list: Vec<String> = (0..150).map(|n| format!("T{n}")).collect();
    source.push_str(&format!("local all = {{{}}}\n", list.join(",")));
    source.push_str(
        "eq(all[150]:is({a = 1, next = {a = 2}}) ~= nil, true) eq(all[1].next:name(), 'T1?')",
    );
    passes(&source);
}
