//! `compress` (MODULES 17).

mod support;

use support::{Bench, passes};

#[test]
fn what_is_encoded_is_decoded() {
    passes(
        r#"
        local compress = require("compress")
        local texts = { "a", string.rep("tea and milk, ", 1000), string.rep("\0\255", 40000) }
        for _, name in { "gzip", "deflate", "zlib", "brotli", "zstd" } do
            for _, text in texts do
                local packed = assert(compress[name].encode(text))
                eq(compress[name].decode(packed), text)
                eq(#text < 100 or #packed < #text / 20, true)
            end
        end
        local top = { gzip = 9, deflate = 9, zlib = 9, brotli = 11, zstd = 22 }
        for name, most in top do
            eq(compress[name].decode(compress[name].encode(texts[2], { level = most })), texts[2])
        end
        "#,
    );
}

#[test]
fn small_inputs_do_not_wait_and_large_ones_do() {
    let mut bench = Bench::new();
    bench.passes(
        r#"
        local gzip = require("compress").gzip
        local t = setmetatable({}, { __index = function() return gzip.decode(gzip.encode("tea")) end })
        eq(t.x, "tea")
        "#,
    );
    assert_eq!(bench.kernel.blocked, 0);
    bench.passes(
        r#"
        local compress = require("compress")
        local zeros = string.rep("\0", 200000)
        local packed = compress.gzip.encode(zeros)
        eq(compress.gzip.decode(packed), zeros)
        compress.brotli.encode("tea", { level = 11 })
        local t = setmetatable({}, { __index = function() return compress.gzip.encode(zeros) end })
        fails("cannot block inside a metamethod", function() return t.x end)
        "#,
    );
    assert_eq!(bench.kernel.blocked, 3);
}

#[test]
fn a_bomb_stops_at_the_limit() {
    passes(
        r#"
        local compress = require("compress")
        local bomb = string.rep("\0", 1000000)
        for _, name in { "gzip", "deflate", "zlib", "brotli", "zstd" } do
            local packed = compress[name].encode(bomb)
            local decode = compress[name].decode
            for _, most in { 1, 1000, 999999 } do
                refused("Internal", "decompressed size exceeds limit", decode(packed, { max_size = most }))
            end
            eq(decode(packed, { max_size = 1000000 }), bomb)
            -- what is no limit is the default
            for _, most in { 0, -1, 2^31, "many" } do
                eq(decode(packed, { max_size = most }), bomb)
            end
        end
        "#,
    );
}

#[test]
fn bad_input_is_refused() {
    passes(
        r#"
        local compress = require("compress")
        local top = { gzip = { 1, 9 }, deflate = { 1, 9 }, zlib = { 1, 9 }, brotli = { 0, 11 }, zstd = { 1, 22 } }
        for name, levels in top do
            local encode, decode = compress[name].encode, compress[name].decode
            for _, f in { encode, decode } do
                refused("Invalid", "input must be a string", f(5))
                refused("Invalid", "input must be a string", f())
                refused("Invalid", "input is empty", f(""))
                fails("bad argument #2 to", f, "tea", 5)
            end
            local text = `level must be between {levels[1]} and {levels[2]}`
            for _, level in { levels[1] - 1, levels[2] + 1, 1.5, "6", 0/0 } do
                refused("Invalid", text, encode("tea", { level = level }))
            end
            local kind = if name == "zstd" then "Internal" else "Invalid"
            local whole = encode(string.rep("tea and milk", 100))
            for _, broken in { "tea and milk and sugar", string.sub(whole, 1, #whole - 3) } do
                local value, err = decode(broken)
                eq(value, nil)
                eq(err:kind(), kind) eq(err:retryable(), false)
                eq(string.find(err:message(), name .. " decode failed: ", 1, true), 1)
            end
        end
        "#,
    );
}

#[test]
fn dictionaries_are_trained_and_named_by_their_frames() {
    passes(
        r#"
        local zstd = require("compress").zstd
        local samples = {}
        for n = 1, 80 do
            local text = `\{"id":{n},"name":"customer number {n}","city":"Leipzig","state":"active"\}`
            samples[n] = string.sub(text .. string.rep(" ", 75), 1, 75)
        end
        local dict = assert(zstd.train_dict(samples, { id = 4711 }))
        local about = zstd.inspect_dict(dict)
        eq(about.id, 4711)
        eq(about.content_size > 0 and about.content_size < #dict, true)
        local drawn = zstd.inspect_dict(assert(zstd.train_dict(samples)))
        eq(drawn.id ~= 0 and drawn.id ~= 4711, true)

        local text = samples[3]
        local packed = zstd.encode(text, { dict = dict })
        eq(#packed < #zstd.encode(text), true)
        eq(zstd.decode(packed, { dict = dict }), text)
        local other = zstd.train_dict(samples, { id = 5 })
        for _, options in { {}, { dict = other } } do
            local value, err = zstd.decode(packed, options)
            eq(value, nil) eq(err:kind(), "Internal")
        end
        refused("Invalid", "dict must be a non-empty string", zstd.encode("x", { dict = "" }))
        refused("Invalid", "dict must be a non-empty string", zstd.decode("x", { dict = 5 }))
        "#,
    );
}

#[test]
fn training_refuses_what_is_no_corpus() {
    passes(
        r#"
        local zstd = require("compress").zstd
        refused("Invalid", "samples must be a table", zstd.train_dict("tea"))
        refused("Invalid", "samples must not be empty", zstd.train_dict({}))
        refused("Invalid", "samples must be non-empty strings", zstd.train_dict({ "tea", 5 }))
        refused("Invalid", "samples must be non-empty strings", zstd.train_dict({ "" }))
        refused("Invalid", "at least one sample must have 8 bytes or more", zstd.train_dict({ "1234567" }))
        local samples = { "tea and milk" }
        for _, size in { 255, 1048577, 1.5 } do
            refused("Invalid", "size must be between 256 and 1048576", zstd.train_dict(samples, { size = size }))
        end
        refused("Invalid", "id must be between 0 and 4294967295", zstd.train_dict(samples, { id = -1 }))
        local value, err = zstd.train_dict(samples)
        eq(value, nil)
        eq(string.find(err:message(), "zstd dict training failed: ", 1, true), 1)
        for _, bytes in { "", "tea", "\55\164\48\236", "\55\164\48\236\1\0\0\0", 5 } do
            refused("Invalid", "invalid dictionary", zstd.inspect_dict(bytes))
        end
        "#,
    );
}
