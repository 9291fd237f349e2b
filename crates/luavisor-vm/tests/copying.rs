//! Copies within a VM (SPEC 2.4): what arrives equals what was sent, and shares nothing with it.

mod support;

use support::passes;

/// Sends to itself and returns what arrives; `same` compares two values, cycles included.
const ROUND: &str = r#"
    local inbox, me = process.inbox(), process.pid()
    local function round(value)
        local ok, err = process.send(me, "x", value)
        if not ok then return nil, err end
        return inbox:receive():payload():data()
    end
    local function same(a, b, seen)
        if type(a) ~= "table" then assert(a == b or a ~= a and b ~= b, `{a} ~= {b}`) return end
        seen = seen or {}
        if seen[a] then assert(seen[a] == b, "sharing differs") return end
        assert(type(b) == "table" and a ~= b, "not a copy")
        seen[a] = b
        for k, v in next, a do assert(rawget(b, k) ~= nil, `{k} is missing`) same(v, rawget(b, k), seen) end
        for k in next, b do assert(rawget(a, k) ~= nil, `{k} came from nowhere`) end
        eq(getmetatable(b), nil)
    end
"#;

fn holds(body: &str) {
    passes(&format!("{ROUND}{body}"));
}

#[test]
fn trees_of_all_shapes() {
    holds(
        r#"
        for _, value in {
            {}, { {} }, { { {} }, {} }, { 1, 2, 3 }, { a = 1, b = { c = { d = "x" } } },
            { 1, nil, 3, x = {} }, { [1.5] = {}, [true] = "t", [false] = 0, [-1] = {} },
            { vector = vector.create(1, 2, 3), text = ("long"):rep(100), nan = 0/0, binary = "a\0b" },
            { [2^53] = { 1 }, [0] = { 2 }, [1] = { 3 } },
        } do
            same(value, (round(value)))
        end
        "#,
    );
}

#[test]
fn sharing_and_cycles_survive() {
    holds(
        r#"
        local shared = { "shared" }
        local value = { shared, shared, inner = { shared }, list = {} }
        value.self, value.inner.up = value, value
        for i = 1, 40 do value.list[i] = { value, shared, value.list } end
        same(value, (round(value)))
        "#,
    );
}

#[test]
fn many_tables_and_deep_ones() {
    holds(
        r#"
        for _, count in { 15, 16, 17, 500, 1999, 2000, 2001, 5000 } do
            local value = {}
            for i = 1, count do value[i] = { n = i, { i } } end
            same(value, (round(value)))
        end
        for _, depth in { 90, 99, 100, 101, 127 } do
            local value = {}
            for _ = 1, depth do value = { value } end
            same(value, (round(value)))
        end
        local value = {}
        for _ = 1, 128 do value = { value } end
        refused("Invalid", "payload: nesting deeper than 128 levels", round(value))
        "#,
    );
}

#[test]
fn metatables_stay_behind() {
    holds(
        r#"
        local proxy = setmetatable({ inner = setmetatable({ 1 }, { __index = print }) }, { __metatable = "no" })
        local got = round(proxy)
        eq(got.inner[1], 1) eq(getmetatable(got), nil) eq(getmetatable(got.inner), nil)
        eq(getmetatable(proxy), "no")
        "#,
    );
}

/// Entries that vanish while their table is copied must do no harm.
#[test]
fn weak_tables() {
    holds(
        r#"
        for i = 1, 2000 do
            local weak = setmetatable({}, { __mode = "kv" })
            for j = 1, 20 do weak[j] = { j } weak[{ j }] = nil end
            local got = round({ weak, { {}, {}, {} } })
            for k, v in got[1] do eq(v[1], k) end
        end
        "#,
    );
}

#[test]
fn objects_travel_and_live_ones_are_refused() {
    holds(
        r#"
        local time = require("time")
        local e = errors.new{ message = "m", kind = "K" }
        local got = round({ e = e, t = time.unix(5, 6), d = { time.parse_duration("3s") } })
        eq(got.e:kind(), "K") eq(got.t:unix(), 5) eq(got.d[1]:seconds(), 3)
        for word, value in {
            function_ = print, coroutine = coroutine.create(print), channel = channel.new(),
            timer = time.timer("1h"), ticker = time.ticker("1h"),
        } do
            word = word:gsub("_", "")
            refused("Invalid", `payload.a[2].b: a {word} cannot be sent`, round({ a = { 1, { b = value } } }))
            refused("Invalid", `payload.a: a {word} key cannot be sent`, round({ a = { [value] = 1 } }))
        end
        "#,
    );
}

/// The collector runs at every allocation of a large copy sooner or later.
#[test]
fn random_trees_under_collection() {
    holds(
        r#"
        local function tree(depth)
            local made = {}
            for i = 1, math.random(0, 6) do
                local key = math.random() < 0.5 and i or "k" .. math.random(100)
                local kind = math.random(5)
                made[key] = if kind == 1 then i * 1.5 elseif kind == 2 then ("s"):rep(i * 10)
                    elseif kind == 3 then true elseif depth > 0 then tree(depth - 1) else made
            end
            return made
        end
        math.randomseed(7)
        for _ = 1, 1500 do
            local value = tree(5)
            same(value, (round(value)))
        end
        "#,
    );
}
