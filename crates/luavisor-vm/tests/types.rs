//! Types as values: what conforms, what is said of what does not, and what a type
//! tells about itself (MODULES 32).

mod support;

use support::{Bench, failure, passes};

/// A check of one value against one type: the message, or that it conforms.
#[track_caller]
fn says(ty: &str, value: &str, message: &str) {
    passes(&format!(
        "type T = {ty}
        local value = {value}
        local got, err = T:is(value)
        if err then
            eq(got, nil)
            eq(err:message(), {message:?})
            eq(err:kind(), 'Invalid')
            eq(err:retryable(), false)
            local ok, raised = pcall(T, value)
            eq(ok, false) eq(raised:message(), err:message())
        else
            eq('conforms', {message:?})
            if value == value then eq(got, value) eq(T(value), value) end
        end"
    ));
}

const FITS: &str = "conforms";

#[test]
fn plain_types() {
    for (ty, value, message) in [
        ("number", "1.5", FITS),
        ("number", "true", "expected number, got boolean"),
        ("number", "nil", "expected number, got nil"),
        ("integer", "3", FITS),
        ("integer", "2.5", "expected integer, got number"),
        ("integer", "1/0", "expected integer, got number"),
        ("integer", "0/0", "expected integer, got number"),
        ("string", "''", FITS),
        ("string", "5", "expected string, got number"),
        ("boolean", "false", FITS),
        ("boolean", "nil", "expected boolean, got nil"),
        ("nil", "nil", FITS),
        ("nil", "false", "expected nil, got boolean"),
        ("any", "nil", FITS),
        ("unknown", "print", FITS),
        ("never", "1", "expected never, got number"),
        ("thread", "coroutine.create(print)", FITS),
        ("buffer", "buffer.create(1)", FITS),
        ("table", "{}", FITS),
        ("table", "1", "expected table, got number"),
        ("Unheard", "1", FITS),
    ] {
        says(ty, value, message);
    }
}

#[test]
fn records() {
    let point = "{x: number, y: number}";
    for (ty, value, message) in [
        (point, "{x = 1, y = 2}", FITS),
        (point, "{x = 1, y = 2, z = 3}", FITS),
        (point, "{x = 1}", "field 'y': missing required field, expected number"),
        (point, "{x = '1', y = 2}", "field 'x': expected number, got string"),
        (point, "5", "expected T, got number"),
        ("{name?: string}", "{}", FITS),
        ("{name?: string}", "{name = 5}", "field 'name': expected string, got number"),
        ("{name: string?}", "{}", FITS),
        ("{flag: boolean}", "{flag = false}", FITS),
        (
            "{meta: {active: boolean}}",
            "{meta = {active = 1}}",
            "field 'meta': field 'active': expected boolean, got number",
        ),
        ("{meta: {a: string}}", "{meta = {}}", {
            "field 'meta': field 'a': missing required field, expected string"
        }),
        ("{[\"my key\"]: number}", "{}", {
            "field 'my key': missing required field, expected number"
        }),
        ("{id: number, [string]: string}", "{id = 1, a = 'x'}", FITS),
        ("{id: number, [string]: string}", "{id = 1, a = 2}", {
            "['a']: expected string, got number"
        }),
        ("{}", "{1, 2}", FITS),
        ("{f: (number) -> string}", "{f = {}}", "field 'f': expected function, got table"),
        // Metamethods do not count.
        (point, "setmetatable({}, {__index = {x = 1, y = 2}})", {
            "field 'x': missing required field, expected number"
        }),
    ] {
        says(ty, value, message);
    }
}

#[test]
fn arrays_and_maps() {
    for (ty, value, message) in [
        ("{number}", "{1, 2}", FITS),
        ("{number}", "{}", FITS),
        ("{number}", "{1, 'a'}", "[2]: expected number, got string"),
        ("number[]", "{1, 'a'}", "[2]: expected number, got string"),
        ("number[][]", "{{1}, {true}}", "[2]: [1]: expected number, got boolean"),
        ("{number}", "'x'", "expected {number}, got string"),
        ("readonly {number}", "{'x'}", "[1]: expected number, got string"),
        ("{tags: {string}}", "{tags = {'a', 2}}", {
            "field 'tags': [2]: expected string, got number"
        }),
        ("{[string]: string}", "{a = 'x'}", FITS),
        ("{[string]: string}", "{a = 1}", "['a']: expected string, got number"),
        ("{[string]: string}", "{'x'}", "[1]: expected string as key, got number"),
        ("{[string]: {number}}", "{a = {1, 'x'}}", "['a']: [2]: expected number, got string"),
    ] {
        says(ty, value, message);
    }
}

#[test]
fn unions_literals_and_intersections() {
    for (ty, value, message) in [
        (r#""fast" | "safe""#, "'fast'", FITS),
        (r#""fast" | "safe""#, "'slow'", r#"expected "fast" | "safe", got "slow""#),
        (r#""fast" | "safe""#, "5", r#"expected "fast" | "safe", got number"#),
        ("{id: number | string}", "{id = true}", {
            "field 'id': expected number | string, got boolean"
        }),
        ("1 | 2 | -3", "-3", FITS),
        ("1 | 2", "3", "expected 1 | 2, got 3"),
        ("true", "false", "expected true, got false"),
        ("\"a\\nb\"", "'a\\nb'", FITS),
        ("string?", "nil", FITS),
        ("string?", "1", "expected string, got number"),
        ("(string | number)?", "true", "expected string | number, got boolean"),
        ("{a: number} & {b: string}", "{a = 1, b = 'x'}", FITS),
        ("{a: number} & {b: string}", "{a = 1}", {
            "field 'b': missing required field, expected string"
        }),
        ("{k: 'a', v: number} | {k: 'b', v: string}", "{k = 'b', v = 'x'}", FITS),
        ("{k: 'a'} | {k: 'b'}", "{k = 'c'}", r#"expected {k: "a"} | {k: "b"}, got table"#),
        ("(number) -> string", "print", FITS),
        ("(number) -> string", "{}", "expected function, got table"),
        ("(number) -> number, string", "print", FITS),
        ("<T>(T, ...string) -> (T, ...T)", "print", FITS),
    ] {
        says(ty, value, message);
    }
}

#[test]
fn validators() {
    let email = r#"{email: string @pattern("^.+@.+\\..+$")}"#;
    for (ty, value, message) in [
        ("{age: number @min(0) @max(100)}", "{age = 0}", FITS),
        ("{age: number @min(0)}", "{age = -1}", "field 'age': value -1 is below minimum 0"),
        ("number @min(0) @max(100)", "101", "value 101 is above maximum 100"),
        ("number @min(-1.5)", "-2", "value -2 is below minimum -1.5"),
        ("number @min(0)", "'x'", "expected number, got string"),
        ("{name: string @min_len(1)}", "{name = ''}", {
            "field 'name': length 0 is below minimum length 1"
        }),
        ("{name: string @max_len(3)}", "{name = 'abcd'}", {
            "field 'name': length 4 is above maximum length 3"
        }),
        ("{number} @max_len(1)", "{1, 2}", "length 2 is above maximum length 1"),
        ("{string @min_len(1)}", "{'a', ''}", "[2]: length 0 is below minimum length 1"),
        ("{name?: string @min_len(1)}", "{}", FITS),
        ("string? @min_len(1)", "nil", FITS),
        ("string @min_len(1)?", "''", "length 0 is below minimum length 1"),
        (email, "{email = 'a@b.c'}", FITS),
        (email, "{email = 'nobody'}", {
            r"field 'email': value does not match pattern ^.+@.+\..+$"
        }),
        ("number @min(5) | string", "1", "expected number | string, got number"),
        ("{n: number @min(0)}", "{}", "field 'n': missing required field, expected number"),
    ] {
        says(ty, value, message);
    }
    passes(
        "type Age = number @min(0)
        type Adult = Age @min(18)
        eq(Adult(20), 20)
        eq(select(2, Adult:is(-1)):message(), 'value -1 is below minimum 0')
        eq(select(2, Adult:is(10)):message(), 'value 10 is below minimum 18')",
    );
}

#[test]
fn the_error_tells_where_and_what() {
    passes(
        "type T = {meta: {tags: {string}}}
        local value, err = T:is({meta = {tags = {'a', 5}}})
        eq(value, nil)
        eq(err:message(), \"field 'meta': field 'tags': [2]: expected string, got number\")
        local details = err:details()
        eq(details.path, 'meta.tags[2]') eq(details.expected, 'string') eq(details.got, 'number')
        local _, missing = T:is({meta = {}})
        eq(missing:details().path, 'meta.tags')
        eq(missing:details().expected, '{string}') eq(missing:details().got, 'nil')
        eq(select('#', T:is({meta = {tags = {}}})), 2)
        eq(select('#', T:is()), 2)",
    );
    let error = failure("type P = {x: number}\nlocal p = P({x = 'a'})");
    assert_eq!(&*error.message, "field 'x': expected number, got string");
    assert_eq!(error.kind.as_str(), "Invalid");
    assert_eq!((&*error.frames[0].source, error.frames[0].line), ("app:main", 2));
}

#[test]
fn recursive_types_and_cyclic_values() {
    passes(
        "type Node = {value: number, next: Node?}
        eq(Node:is({value = 1, next = {value = 2}}) ~= nil, true)
        local _, err = Node:is({value = 1, next = {value = 'x'}})
        eq(err:message(), \"field 'next': field 'value': expected number, got string\")
        local ring = {value = 1} ring.next = ring
        eq(Node(ring), ring)

        type Tree = {left: Tree | number, right: Tree | number}
        local tree = {left = 1, right = 2} tree.left = tree
        eq(Tree(tree), tree)
        tree.right = {left = tree}
        eq(select(2, Tree:is(tree)):message(), \"field 'right': expected Tree | number, got table\")

        type Even = {next: Odd?} type Odd = {next: Even, odd: true}
        eq(Even:is({next = {odd = true, next = {}}}) ~= nil, true)
        eq(select(2, Even:is({next = {odd = 1, next = {}}})):message(),
            \"field 'next': field 'odd': expected true, got number\")

        local deep = {value = 1}
        for i = 1, 100 do deep = {value = 1, next = deep} end
        eq(Node(deep), deep)
        for i = 1, 100 do deep = {value = 1, next = deep} end
        local _, err = Node:is(deep)
        eq(string.find(err:message(), 'nesting deeper than 128 levels', 1, true) ~= nil, true)

        type Self = Self type Loop = Loop | Loop
        eq(Self:kind(), 'any') Self:is(5) Loop:is({})",
    );
}

#[test]
fn a_check_without_end_is_stopped() {
    let error = failure(
        "type T = {a: T} | {a: T} | {a: T}
        local deep = {} for i = 1, 100 do deep = {a = deep} end
        T:is(deep)
        type U = {{{number}}}
        local row, rows, all = table.create(1), {}, {}
        for i = 1, 1000 do row[i] = i end
        for i = 1, 1000 do rows[i] = row end
        for i = 1, 100 do all[i] = rows end
        U:is(all)",
    );
    assert_eq!(error.kind.as_str(), "LimitExceeded");
}

#[test]
fn kinds_and_names() {
    passes(
        r#"
        type Record = {x: number, y?: string}
        type Parts = {
            a: number, b: integer, c: string, d: boolean, e: nil, f: any, g: unknown, h: never,
            i: {x: number}, j: {number}, k: {[string]: number}, l: (number, ...string) -> (),
            m: string?, n: number | string, o: Record & {z: number}, p: "x", q: 3, r: Record,
            s: number @min(1) @pattern("a"), t: readonly {Record}, u: ((number) -> string)?,
        }
        local want = {
            a = {"number", "number"}, b = {"integer", "integer"}, c = {"string", "string"},
            d = {"boolean", "boolean"}, e = {"nil", "nil"}, f = {"any", "any"},
            g = {"unknown", "unknown"}, h = {"never", "never"},
            i = {"record", "{x: number}"}, j = {"array", "{number}"},
            k = {"map", "{[string]: number}"}, l = {"function", "(number, ...string) -> ()"},
            m = {"optional", "string?"}, n = {"union", "number | string"},
            o = {"intersection", "Record & {z: number}"}, p = {"literal", '"x"'},
            q = {"literal", "3"}, r = {"record", "Record"},
            s = {"number", 'number @min(1) @pattern("a")'}, t = {"array", "{Record}"},
            u = {"optional", "((number) -> string)?"},
        }
        local count = 0
        for name, t in Parts:fields() do
            count += 1
            eq(t:kind(), want[name][1]) eq(t:name(), want[name][2])
            eq(Parts[name] == t, true)
        end
        eq(count, 21)
        eq(Parts:name(), "Parts") eq(Parts:kind(), "record")
        eq(tostring(Record), "Record") eq(tostring(Parts.p), "x") eq(tostring(Parts.q), "3")
        eq(type(Record), "userdata") eq(typeof(Record), "Type")
        "#,
    );
}

#[test]
fn parts_of_a_type() {
    passes(
        r#"
        type Point = {x: number, y?: string, name: boolean}
        local order = {}
        for name, t in Point:fields() do table.insert(order, name .. "=" .. t:name()) end
        eq(table.concat(order, " "), "x=number y=string? name=boolean")
        eq(Point.x == Number, true) eq(Point.z, nil) eq(Point[1], nil)
        -- A field hides a method only where no method is called.
        eq(Point.name == Boolean, true) eq(Point:name(), "Point")
        eq(Point.is(Point, {x = 1, name = true}) ~= nil, true)

        type List = {Point}
        eq(List:elem() == Point, true) eq(List:elem():name(), "Point")
        type Map = {[string]: integer}
        eq(Map:key() == String, true) eq(Map:val() == Integer, true)
        type Maybe = number?
        eq(Maybe:inner() == Number, true)
        type F = (a: number, b: string) -> (boolean, string)
        eq(F:ret() == Boolean, true)
        type Api = {call: (a: number) -> string, number?, name: string}
        eq(Api.call:name(), "(number) -> (string, number?)") eq(Api.name == String, true)
        local params = {}
        for t in F:params() do table.insert(params, tostring(t)) end
        eq(table.concat(params, ","), "number,string")
        type G = () -> ()
        eq(G:ret(), nil)
        for t in G:params() do error("none") end

        type Mode = "fast" | "safe" | 3 | true
        local members = {}
        for t in Mode:variants() do table.insert(members, tostring(t)) end
        eq(table.concat(members, ","), "fast,safe,3,true")

        for _, f in {"elem", "key", "val", "inner", "ret"} do eq(Point[f](Point), nil) end
        for _ in Point:variants() do error("none") end
        for _ in Maybe:fields() do error("none") end
        fails("'nope' is not a method of Type", function() Point:nope() end)
        fails("", function() Point.x = 5 end)
        type Both = Point & {z: number}
        local last for name in Both:fields() do last = name end
        eq(last, "z")
        "#,
    );
}

#[test]
fn comparing() {
    passes(
        r#"
        type A = {x: number} type B = {x: number} type C = {x: number, y: string}
        eq(A == B, true) eq(A == C, false) eq(A ~= C, true)
        eq(C <= A, true) eq(C < A, true) eq(A <= C, false) eq(A <= B, true) eq(A < B, false)
        eq(Integer <= Number, true) eq(Integer < Number, true) eq(Number <= Integer, false)
        eq(Number <= Any, true) eq(Any <= Number, false)
        type Q = {x?: number} type R = {x: number?} eq(Q == R, true) eq(Q.x:inner() == Number, true)
        eq(A < Q, true) eq(Q <= A, false) eq(Q:fields()() , "x")
        type Box = {q: {x?: number}} eq(Box.q:name(), "{x?: number}")
        type Two = number | string type Owt = string | number
        eq(Two == Owt, true) eq(Number < Two, true) eq(Two <= Owt, true)
        type Lit = "a" eq(Lit <= String, true) eq(Lit == String, false)
        type Opt = number? eq(Number < Opt, true) eq(Opt <= Number, false)
        type Nil = nil eq(Nil <= Opt, true)
        type Age = number @min(0) type Adult = number @min(18)
        eq(Age < Number, true) eq(Adult < Age, true) eq(Age <= Adult, false)
        type L = {v: number, next: L?} type M = {v: number, next: M?}
        eq(L == M, true) eq(L <= M, true)
        type F = (number) -> integer type G = (integer) -> number
        eq(F < G, true) eq(G <= F, false)
        type Ints = {integer} type Nums = {number}
        eq(Ints < Nums, true)
        type Both = A & {z: number} eq(Both <= A, true)
        eq(Number == 5, false)

        local keys = {[A] = "a", [Number] = "n"}
        eq(keys[A], "a") eq(keys[Number], "n") eq(keys[A.x], "n")
        "#,
    );
}

#[test]
fn predefined_types() {
    passes(
        r#"
        eq(Number(5), 5) eq(Integer(5), 5) eq(String("x"), "x") eq(Boolean(false), false)
        eq(Any(nil), nil)
        eq(Number:kind(), "number") eq(Any:kind(), "any") eq(Integer:name(), "integer")
        eq(select(2, Integer:is(2.5)):message(), "expected integer, got number")
        eq(string("x"), "x") eq(number(1), 1) eq(integer(1), 1) eq(boolean(true), true)
        fails("string expected, got number", string, 5)
        type T = {n: Number, s: String?}
        eq(T.n == Number, true)
        local Number = 5
        eq(Number, 5)
        "#,
    );
}

#[test]
fn generics_are_instantiated_by_use() {
    passes(
        r#"
        type Box<T> = {value: T, items: {T}}
        type Texts = {box: Box<string>}
        eq(Texts:is({box = {value = "a", items = {"b"}}}) ~= nil, true)
        eq(select(2, Texts:is({box = {value = "a", items = {5}}})):message(),
            "field 'box': field 'items': [1]: expected string, got number")
        eq(Texts.box:name(), "Box<string>")
        type Numbers = Box<number>
        eq(select(2, Numbers:is({value = "a"})):message(), "field 'value': expected number, got string")
        type List<T> = {head: T, tail: List<T>?}
        type Ints = List<integer>
        eq(select(2, Ints:is({head = 1, tail = {head = 2.5}})):message(),
            "field 'tail': field 'head': expected integer, got number")
        type Pair<A, B = string> = {a: A, b: B}
        type P = Pair<number>
        eq(select(2, P:is({a = 1, b = 2})):message(), "field 'b': expected string, got number")
        eq(Box:is({value = 1, items = {}}) ~= nil, true)
        local value, err = Box<string>:is({value = 1})
        eq(err:message(), "field 'value': expected string, got number")
        eq(Box<integer>({value = 1, items = {2}}).value, 1)
        local shelf = {texts = Box<string>, pairs = {Pair<Box<number>, string>}}
        eq(shelf.texts:name(), "Box<string>") eq(shelf.pairs[1]:name(), "Pair<Box<number>, string>")
        local Numbers2 = Box<number>
        eq(Numbers2 == Numbers, true)
        type Wide<T> = T
        eq(Wide<Numbers.value> == Any, true) eq(Wide < Box, false)
        "#,
    );
}

#[test]
fn typeof_takes_the_annotation() {
    passes(
        r#"
        local defaults: {size: number, names: string[]} = {size = 1, names = {}}
        type Options = typeof(defaults)
        eq(select(2, Options:is({size = "x"})):message(), "field 'size': expected number, got string")
        local free = 5
        type Free = typeof(free) eq(Free:kind(), "any")
        type Call = typeof(print(5)) eq(Call:kind(), "any")
        type Same = typeof(Options) eq(Same == Options, true)
        eq(typeof(5), "number")
        "#,
    );
}

#[test]
fn values_hold_from_their_statement_on() {
    passes(
        r#"
        eq(Point, nil)
        type Point = {x: number}
        local lib = {Point = Point}
        local function make() type Point = {y: number} return Point end
        eq(make().y == Number, true) eq(Point.y, nil) eq(lib.Point, Point)
        do
            type Line = {a: lib.Point, b: lib.Nothing, c: nothing.Point}
            eq(select(2, Line:is({a = {}})):message(),
                "field 'a': field 'x': missing required field, expected number")
            eq(Line.b:kind(), "any") eq(Line.c:kind(), "any")
            local lib = nil
            type Other = {line: Line}
            eq(Other.line.a:kind(), "any")
        end
        local P = lib.Point
        type ByValue = {p: P}
        eq(ByValue.p == Point, true)

        local list = {}
        for i = 1, 3 do type Each = {n: number} list[i] = Each end
        eq(list[1] == list[3], true)

        -- A local of the name is meant, not the type.
        local Class = {new = function() return 1 end}
        type Class = {n: number}
        eq(Class.new(), 1)
        type string = {x: number}
        eq(string.rep("a", 2), "aa")
        "#,
    );
}

#[test]
fn types_cannot_be_sent_or_changed() {
    let error = failure("type T = {x: number}\n return {T}");
    assert_eq!(&*error.message, "result[1]: a userdata cannot be sent");
    passes(
        r#"
        type T = number
        eq(getmetatable(T), "locked")
        fails("", function() T.x = 1 end)
        -- The constructor cannot be replaced, and takes no nonsense.
        eq(string.__type, nil)
        fails("readonly", function() getmetatable("").__index.__type = print end)
        fails("not the description of a type", function() return ("x"):__type() end)
        for _, text in {"", "0 1 ", "0 1 =1 A0 0 ", "0 2 A1 A0 ", "0 1 U0 ", "0 1 I1 0 "} do
            local ok, t = pcall(function() return (text):__type() end)
            if ok then t:is({{{}}}) t:kind() t:name() tostring(t) t:fields() local _ = t <= t end
        end
        -- Types that are nested without tables are followed to some depth.
        local chain = {"0 4000 "}
        for i = 1, 3999 do chain[i + 1] = "U1 " .. i .. " " end
        local deep = (table.concat(chain) .. "n"):__type()
        eq(deep:is(5), nil) eq(deep:kind(), "union") deep:name() eq(deep <= Number, false)
        local _ENV, string = {}, 5
        type U = {a: number} eq(U.a == Number, true)
        "#,
    );
}

#[test]
fn made_up_types_count_as_memory() {
    let mut bench = Bench::new();
    let exit = bench.run(
        "local kept = {}
        for i = 1, 1e6 do kept[i] = ('0 1 S1000 ' .. string.rep('x', 990) .. string.format('%010d', i)):__type() end",
    );
    assert_eq!(&*exit.error.as_ref().unwrap().message, "memory limit exceeded");
}
