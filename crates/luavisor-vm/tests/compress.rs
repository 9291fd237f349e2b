//! `compress` (MODULES 17).

mod support;

use support::passes;

#[test]
fn what_is_encoded_is_decoded() {
    passes(
        r##"
        local compress = require("compress")
        local levels = { gzip = { 1, 9 }, deflate = { 1, 9 }, zlib = { 1, 9 }, brotli = { 0, 11 }, zstd = { 1, 22 } }
        local long = string.rep("a text that repeats itself, ", 5000)
        for name, range in levels do
            local format = compress[name]
            for _, text in { "x", "\0\255", "short text", long } do
                for _, level in { range[1], range[2] } do
                    eq(format.decode(format.encode(text, { level = level })), text)
                end
                eq(format.decode(format.encode(text)), text)
            end
            assert(#format.encode(long) < #long / 20)
            local wanted = `level must be between {range[1]} and {range[2]}`
            refused("Invalid", wanted, format.encode("x", { level = range[1] - 1 }))
            refused("Invalid", wanted, format.encode("x", { level = range[2] + 1 }))
            refused("Invalid", "input must be a string", format.encode(3 == 4))
            refused("Invalid", "input is empty", format.decode(""))
            refused("Invalid", "input is empty", format.encode(""))
        end
        -- Known texts.
        eq(string.sub(compress.gzip.encode("x"), 1, 3), "\31\139\8")
        eq(string.sub(compress.zstd.encode("x"), 1, 4), "\40\181\47\253")
        "##,
    );
}

#[test]
fn bombs_and_rubbish_end_as_errors() {
    passes(
        r##"
        local compress = require("compress")
        for _, name in { "gzip", "deflate", "zlib", "brotli", "zstd" } do
            local format = compress[name]
            local bomb = format.encode(string.rep("\0", 4000000))
            assert(#bomb < 10000, #bomb)
            refused("Internal", "decompressed size exceeds limit", format.decode(bomb, { max_size = 1000 }))
            eq(#format.decode(bomb, { max_size = 4000000 }), 4000000)
            refused("Internal", "decompressed size exceeds limit", format.decode(bomb, { max_size = 3999999 }))
            -- What is no limit is the usual one.
            eq(#format.decode(bomb, { max_size = -1 }), 4000000)
            local kind = name == "zstd" and "Internal" or "Invalid"
            for _, bad in { "\1rubbish that is nothing", string.sub(format.encode(string.rep("abc", 99)), 1, -3) } do
                local text, err = format.decode(bad)
                eq(text, nil) eq(err:kind(), kind) eq(err:retryable(), false)
            end
            math.randomseed(7)
            local good = format.encode("some text that is long enough to be changed here and there")
            for _ = 1, 300 do
                local at = math.random(#good)
                format.decode(string.sub(good, 1, at - 1) .. string.char(math.random(0, 255)) .. string.sub(good, at + 1))
            end
        end
        "##,
    );
}

#[test]
fn dictionaries_help_with_small_texts() {
    passes(
        r##"
        local zstd = require("compress").zstd
        local samples = {}
        for i = 1, 80 do
            samples[i] = `\{"user":{i},"name":"somebody number {i}","mail":"user{i}@example.org","on":true}`
        end
        local dict = zstd.train_dict(samples, { size = 4096, id = 77 })
        local about = zstd.inspect_dict(dict)
        eq(about.id, 77) eq(about.content_size, #dict)
        local packed = zstd.encode(samples[9], { dict = dict })
        assert(#packed < #zstd.encode(samples[9]))
        eq(zstd.decode(packed, { dict = dict }), samples[9])
        local none, err = zstd.decode(packed)
        eq(none, nil) eq(err:kind(), "Internal")
        local other = zstd.train_dict(samples, { size = 2048 })
        assert(zstd.inspect_dict(other).id ~= 0)
        none, err = zstd.decode(packed, { dict = other })
        eq(none, nil) eq(err:kind(), "Internal")
        refused("Invalid", "dict must be a non-empty string", zstd.encode("x", { dict = "" }))
        refused("Invalid", "invalid dictionary", zstd.inspect_dict("none"))
        refused("Invalid", "samples must be a table", zstd.train_dict("x"))
        refused("Invalid", "samples must not be empty", zstd.train_dict({}))
        refused("Invalid", "samples must be non-empty strings", zstd.train_dict({ "a", "" }))
        refused("Invalid", "a sample of at least 8 bytes is needed", zstd.train_dict({ "short" }))
        refused("Invalid", "size must be between 256 and 1048576", zstd.train_dict(samples, { size = 1 }))
        "##,
    );
}
