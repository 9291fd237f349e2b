//! What the dialect becomes: a table of texts and their translations.

#![allow(clippy::unwrap_used)]

use std::borrow::Cow;

use luavisor_dialect::{DialectError, translate};

#[track_caller]
fn becomes(dialect: &str, luau: &str) {
    let translated = translate(dialect.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert_eq!(String::from_utf8_lossy(&translated.text), luau, "\nfrom {dialect}");
    let lines = |text: &[u8]| text.iter().filter(|byte| **byte == b'\n').count();
    assert_eq!(lines(&translated.text), lines(dialect.as_bytes()));
}

/// The text comes back as it is, without a copy.
#[track_caller]
fn stays(text: &str) {
    let translated = translate(text.as_bytes()).unwrap_or_else(|error| panic!("{error}"));
    assert!(
        matches!(translated.text, Cow::Borrowed(same) if same == text.as_bytes()),
        "{text}\nbecame\n{}",
        String::from_utf8_lossy(&translated.text)
    );
}

#[track_caller]
fn fails(text: &str, line: u32, column: u32, message: &str) {
    let error = translate(text.as_bytes()).err().unwrap();
    assert_eq!(error, DialectError { line, column, message: message.to_owned() });
}

/// What stands between « and » becomes blanks.
#[track_caller]
fn blanks(marked: &str) {
    let (mut dialect, mut luau, mut inside) = (String::new(), String::new(), false);
    for char in marked.chars() {
        match char {
            '«' | '»' => inside = char == '«',
            _ => {
                dialect.push(char);
                luau.push(if inside && char != '\n' { ' ' } else { char });
            }
        }
    }
    becomes(&dialect, &luau);
}

#[test]
fn types_that_luau_cannot_read_are_blanked() {
    for marked in [
        "local x«: number[]» = 1",
        "local x«: 3», y: string = f()",
        "local x«: -1 | 2» = 1",
        "local x«: readonly {T}» = y",
        "local x«: {readonly a: T}» = y",
        "local x«: {a?: T}» = y",
        "local x«: {[\"a\"]?: T}» = y",
        "local x«: {\n a?: T,\n}» = y",
        "local x«: T @min(0) @max_len(-3)» = y",
        "local x«: string @pattern(\"^a\") | T» = y",
        "local function f(a«: T[]», b: T) end",
        "local function f(a«?: T», ...«: T[]») end",
        "function m.f()«: A, B»\nend",
        "f(function()«: A, (B) -> C» return 1 end)",
        "for i«: 1 | 2», v«: T[]» in t do end",
        "«type T = number[]»",
        "«export type F = (A) -> B, C»\nf()",
        "«type F = (a?: A) -> ()»",
        "x = 1; «type F = A[];» y = 2",
        "while x do f(); «::c::;» end",
        "«type R = {f: (A) -> B, C?, g: D}»",
        "local x«: {f: (A) -> B, {C}; ...D}» = y",
        "«type A<T> = {v?: T}»\ntype B = A<number>",
    ] {
        blanks(marked);
    }
}

#[test]
fn casts() {
    for (dialect, luau) in [
        ("local x = y as number", "local x = y ::_      "),
        ("return f()as T", "return f()::_ "),
        ("return f()as 3", "return f()::_ "),
        ("f(x as {a: T}, y)", "f(x ::_      , y)"),
        ("x = a as T + b as T[] .. c", "x = a ::_  + b ::_    .. c"),
        ("x = a as number < b", "x = a ::nil     < b"),
        ("x = a :: number[]", "x = a :: _       "),
        ("x = a :: T", "x = a :: T"),
        ("x = a as T as U", "x = a ::_      "),
        ("x = (a as T).b", "x = (a ::_ ).b"),
        ("x = -a as T", "x = -a ::_ "),
        ("x = {} as T", "x = {} ::_ "),
        ("x = a as \"b\"", "x = a ::_   "),
        ("x = a as typeof(b)", "x = a ::_         "),
        ("x = if a as T then b as T else c", "x = if a ::_  then b ::_  else c"),
        ("x = `{a as T}b`", "x = `{a ::_ }b`"),
        ("x = a\n  as T", "x = a\n  ::_ "),
    ] {
        becomes(dialect, luau);
    }
    for text in [
        "local as = 1\nlocal x = as",
        "x = y\nas = 5",
        "x = y\nas(5)",
        "x = y\nas.z = 5",
        "local as = f\nlocal x = y as(z)",
        "as(5)",
        "x = {as = 1}",
        "x.as = y.as",
    ] {
        stays(text);
    }
}

#[test]
fn the_bang_has_no_effect() {
    for (dialect, luau) in [
        ("x = a!", "x = a "),
        ("x = a!.b![1]!:c()!", "x = a .b [1] :c() "),
        ("x = a! ~= b", "x = a  ~= b"),
        ("x = a!~=b", "x = a ~=b"),
        ("x = a!==b", "x = a ==b"),
        ("x = a! + b!", "x = a  + b "),
        ("a!.b = 1", "a .b = 1"),
        ("x = a as T! < b", "x = a ::nil  < b"),
        ("x = a :: T[] < b", "x = a :: nil < b"),
        ("f(a!, \"b\"!)", "f(a , \"b\" )"),
    ] {
        becomes(dialect, luau);
    }
    // For Luau to complain about.
    stays("x = a != b");
    stays("x = !a");
}

#[test]
fn jumps() {
    for (dialect, luau) in [
        (
            "for i = 1, 2 do\n if x then goto continue end\n f()\n ::continue::\nend",
            "for i = 1, 2 do\n if x then continue      end\n f()\n             \nend",
        ),
        ("while x do goto next; f() ::next:: end", "while x do do continue end; f()          end"),
        (
            "repeat if x then goto c end local y = 1 ::c:: until z",
            "repeat if x then continue end local y = 1       until z",
        ),
        (
            "for i in t do for j in u do if x then goto c end end ::c:: end",
            "for i in t do local _goto1 for j in u do if x then do _goto1=true break end end end \
             if _goto1 then continue end       end",
        ),
        (
            "while a do while b do repeat goto o until c end ::o:: end",
            "while a do local _goto1 while b do repeat do _goto1=true break end until c \
             if _goto1 then break end end if _goto1 then continue end       end",
        ),
        (
            "while a do while b do goto i goto o ::i:: end ::o:: end",
            "while a do local _goto1 while b do do continue end do _goto1=true break end       \
             end if _goto1 then continue end       end",
        ),
        ("local _goto1 while a do ::b:: end", "local _goto1 while a do       end"),
    ] {
        becomes(dialect, luau);
    }
    let clash = "local _goto = 1 while a do while b do goto c end ::c:: end";
    let text = translate(clash.as_bytes()).unwrap().text;
    assert!(String::from_utf8_lossy(&text).contains("local __goto1 while b"));
    for text in ["goto = 5", "goto(x)", "x.goto = goto", "while x do continue end", "continue = 1"]
    {
        stays(text);
    }
    let message = "no label 'c' at the end of a loop around this goto";
    fails("goto c", 1, 1, message);
    fails("while x do\n  goto c end", 2, 3, message);
    fails("while x do f(function() goto c end) ::c:: end", 1, 25, message);
    fails("while x do while y do goto c end end", 1, 23, message);
    let message = "a label can only stand at the end of a loop's body";
    fails("::c:: f()", 1, 3, message);
    fails("while x do ::c:: f() end", 1, 14, message);
    fails("if x then ::c:: end", 1, 13, message);
    fails("function f() ::c:: end", 1, 16, message);
}

#[test]
fn labels_are_no_casts() {
    becomes(
        "while a do if b then goto c end x = y\n::c:: end",
        "while a do if b then continue end x = y\n      end",
    );
    stays("x = y :: T\nz = 1");
}

#[test]
fn values_stand_where_their_types_stood() {
    becomes("type T = number\nreturn T", "local T=(\"0 2 =1 T0 1 n\"):__type();\nreturn T");
    becomes("type T = nil;f(T)", "local T=(\"0 2 =1 T0 1 0\"):__type();f(T)");
    becomes(
        "type T = {\n  x: number,\n}  local y = T",
        "local T=(\"0 3 =1 T0 2 nR1 .1 x1 - - \"):__type();\n            \n   local y = T",
    );
    becomes(
        "local lib = require(\"lib\")\ntype T = lib.P | lib.Q\nreturn {T = T}",
        "local lib = require(\"lib\")\n\
         local T=(\"2 0 1 P0 1 Q4 =1 T0 3 @0 @1 U2 1 2 \"):__type(lib);\nreturn {T = T}",
    );
}

#[test]
fn generic_types_have_instances_in_expressions() {
    let box_of = |rest: &str| format!("type Box<T> = T\nx = {rest}");
    let instance = "((\"0 3 =3 Box1 1 1 s=3 Box1 1 1 \"):__type())";
    for (rest, becomes_) in [
        ("Box<string>", instance.to_owned()),
        ("Box<string>\nf()", format!("{instance}\nf()")),
        ("Box<string>:is(y)", format!("{instance}:is(y)")),
        ("{Box<string>, a = Box<string>}", format!("{{{instance}, a = {instance}}}")),
    ] {
        becomes(&box_of(rest), &box_of(&becomes_));
    }
    // Comparisons, of the type itself.
    let own = "(\"0 3 =3 Box0 1 a=3 Box0 1 \"):__type()";
    for rest in ["Box < y", "Box < y > 5", "Box < y, 5 > z", "Box < {}"] {
        becomes(&box_of(rest), &format!("local Box={own};\nx = {rest}"));
    }
    stays("local Box = 1\ntype Box<T> = T\nx = Box < string > (y)");
    stays("x = a < b > (c)");
}

#[test]
fn types_that_are_no_values_stay() {
    for text in [
        "type T = number",
        "export type T = {x: number}\nlocal t: T = {x = 1}",
        "local T = {}\ntype T = number\nreturn T",
        "type T = number\nlocal T = 1\nreturn T",
        "type T = number\nlocal function f(T) return T end",
        "type T = number\nfor T = 1, 2 do print(T) end",
        "return T\n",
        "do type T = number end return T",
        "type T = {}\nT = {}\nfunction T.new() return setmetatable({}, T) end",
        "type T = {}\nT = setmetatable({}, {})\nT()",
        "type T = {}\nfunction T() end\nT()",
        "function T() end\ntype T = number\nreturn T()",
        "type T = number\nx = {T = 1}\nx.T = x.T\nx:T()",
        "type process = {id: string}\nprocess.send(x)",
        "type T = typeof(T)",
        "type T = number local x: typeof(T) = 1",
        "type = 5",
        "x = type(y)",
        "type\"x\"",
        "local type = 5\ntype = 6",
        "export = 5",
        "type function f(t) return t end",
    ] {
        stays(text);
    }
    let message = "type 'T' is read-only, it cannot be assigned to";
    fails("type T = number\nT = 5", 2, 1, message);
    fails("type T = number\nx, T = 5", 2, 4, message);
    fails("type T = number\nT += 5", 2, 1, message);
    fails("type T = number\nprint(T)\nT = {}", 3, 1, message);
    fails("type T = number\nprint(T)\nfunction T() end", 3, 10, message);
}

#[test]
fn luau_stays_as_it_is() {
    for text in [
        "",
        "\u{feff}local x = 1",
        "#!/bin/sh\nlocal x = 1",
        "local x: {[string]: {a: number, read b: (x: T, ...U) -> (V, W...)}}? = nil",
        "local x: <T, U...>(T, U...) -> typeof(f(x)) = y",
        "type A<T, U = T, P... = ...T> = B<(T), U, P...> | \"a\" | true | nil",
        "function a.b.c:d<T>(x: T, ...: any): (T, ...any) return x, ... end",
        "@native local function f() end",
        "@[deprecated{use = 'g'}] function f() end",
        "local x: number\n@native function f() end",
        "local x = function(): number return 1 end :: any",
        "x, y.z, w[1] = 1, 2, 3 x += 1 x ..= 'y' x //= 2",
        "local s = `a{ {1, b = 2} }c{`d{e}`}`",
        "if a then elseif b then else end",
        "for i = 1, 2, 3 do break end",
        "repeat local x = 1 until x",
        "local a <const> = 1",
        "x = a < b and c > d",
        "f<<number>>(x)",
        "x = 1e5 + 0xff + 0b1 + 1_000",
        "return;",
        "local t: read = {}",
        "export type readonly = number\nlocal x: readonly\nf()",
        "local x = [==[ type T = number[] ]==] -- as T goto x",
        "f{1, 2; 3}'x'[[y]]",
        "local x: (\"a\" | \"b\")?, y: A & B = z",
        "local f = @native function() end",
        "x = (a)(b)\n(c)(d)",
    ] {
        stays(text);
    }
}

#[test]
fn validators_are_checked_at_once() {
    let known = "expected @min, @max, @min_len, @max_len or @pattern";
    fails("type T = number @mim(0)", 1, 18, &format!("unknown validator '@mim', {known}"));
    fails("type T = number @min(\"a\")", 1, 22, "'@min' takes a number");
    fails("type T = number @min(0, 1)", 1, 23, "'@min' takes one argument, expected ')'");
    fails("local x: {\n  a: string @pattern(5),\n}", 2, 22, "'@pattern' takes a string");
    fails("type T = string @pattern(\"(\")", 1, 26, "invalid pattern: unclosed group");
    let message = format!("unknown validator '@x', {known}");
    fails("-- \u{e9}\n--[[\u{e9}]] type T = number @x(1)", 2, 26, &message);
}

#[test]
fn a_type_without_end_is_refused() {
    let text = "type N<T> = {v: T, n: N<{T}>?}\ntype M = N<number>\nreturn M";
    let message = "the value of type 'M' refers to too many types, or grows without end";
    fails(text, 2, 6, message);
}

#[test]
fn what_is_not_understood_is_left_to_luau() {
    becomes("local x: T[] = 1\nlocal = 5\nlocal y: T[] = 2", {
        "local x      = 1\nlocal = 5\nlocal y: T[] = 2"
    });
    let deep = "(".repeat(5000);
    stays(&deep);
    stays(&format!("local x: {}", "{".repeat(5000)));
    stays(&"if x then ".repeat(5000));
    stays(&"f(function() ".repeat(5000));
    stays(&"x = not - # ".repeat(5000));
}

#[test]
fn columns_lead_back() {
    let text = "type T = number f(T) g(";
    let translated = translate(text.as_bytes()).unwrap();
    let new = String::from_utf8_lossy(&translated.text).find("g(").unwrap() as u32 + 1;
    // The call of g is not understood, so the type has no value and nothing moves.
    assert_eq!(translated.original_column(1, new), 22);
    let text = "type T = number f(T) g()";
    let translated = translate(text.as_bytes()).unwrap();
    let new = String::from_utf8_lossy(&translated.text).find("g(").unwrap() as u32 + 1;
    assert!(new > 22);
    assert_eq!(translated.original_column(1, new), 22);
}
