//! `text` (MODULES 20).

mod support;

use support::passes;

#[test]
fn expressions_find_replace_and_split() {
    passes(
        r##"
        local text = require("text")
        local function list(value) return table.concat(value, ",") end
        local word = text.regexp.compile("(?P<first>\\w)(\\w*)")
        eq(word:match_string("  "), false) eq(word:match_string("a"), true)
        eq(word:find_string("  one two"), "one") eq(word:find_string(" "), nil)
        eq(list(word:find_all_string("one two")), "one,two")
        eq(#word:find_all_string(" "), 0)
        eq(list(word:find_string_submatch("one two")), "one,o,ne") eq(word:find_string_submatch(""), nil)
        eq(list(word:find_all_string_submatch("one two")[2]), "two,t,wo")
        eq(list(word:find_string_index(" one")), "2,4") eq(word:find_string_index(" "), nil)
        eq(list(word:find_all_string_index("one two")[2]), "5,7") eq(word:find_all_string_index(" "), nil)
        eq(list(text.regexp.compile("x*"):find_string_index("a")), "1,0")
        eq(word:replace_all_string("one two", "${2}${first}ay $$"), "neoay $ wotay $")
        eq(word:num_subexp(), 2) eq(list(word:subexp_names()), ",first,") eq(word:string(), "(?P<first>\\w)(\\w*)")
        eq(tostring(text.regexp.compile("a+")), "text.Regexp{a+}")
        local comma = text.regexp.compile(", *")
        eq(list(comma:split("a, b,c")), "a,b,c") eq(list(comma:split("a, b,c", 2)), "a,b,c")
        eq(#comma:split("a, b,c", 2), 2) eq(#comma:split("a, b,c", 0), 0) eq(#comma:split("", -1), 1)
        -- A group that took no part.
        eq(list(text.regexp.compile("(a)|(b)"):find_string_submatch("b")), "b,,b")
        -- Bytes that are no text.
        eq(text.regexp.compile("(?-u:\\xff)"):find_string("a\xffb"), "\xff")
        eq(text.regexp.compile("ä+"):find_string("xääy"), "ää")
        for _, bad in { "(", "(?=x)", "\\1", "[z-a]" } do
            local regexp, err = text.regexp.compile(bad)
            eq(regexp, nil) eq(err:kind(), "Invalid") eq(err:retryable(), false)
            assert(string.find(err:message(), "regex compile error: ", 1, true), err:message())
        end
        "##,
    );
}

#[test]
fn hostile_expressions_end_soon() {
    passes(
        r##"
        local text = require("text")
        -- Exponential for engines that go back.
        eq(text.regexp.compile("(a*)*b"):match_string(string.rep("a", 100000)), false)
        eq(text.regexp.compile("(x+x+)+y"):match_string(string.rep("x", 100000)), false)
        local nested = string.rep("(", 5000) .. string.rep(")", 5000)
        for _, bad in { "(a{1000}){1000}", nested } do
            local regexp, err = text.regexp.compile(bad)
            eq(regexp, nil) eq(err:kind(), "Invalid")
        end
        for i = 1, 30000 do assert(text.regexp.compile("a" .. i % 7)) end
        "##,
    );
}

#[test]
fn differences_and_patches() {
    passes(
        r##"
        local text = require("text")
        local differ = text.diff.new()
        local diffs = differ:compare("the old dog", "the new dog")
        local a, b = {}, {}
        for _, diff in diffs do
            if diff.operation ~= "insert" then table.insert(a, diff.text) end
            if diff.operation ~= "delete" then table.insert(b, diff.text) end
        end
        eq(table.concat(a), "the old dog") eq(table.concat(b), "the new dog")
        local sums = differ:summarize(diffs)
        eq(sums.insertions, 3) eq(sums.deletions, 3) eq(sums.equals, 8)
        eq(#differ:compare("", ""), 0) eq(#differ:compare("same", "same"), 1)
        eq(differ:summarize(differ:compare("", "äö")).insertions, 2)
        local few = { { operation = "equal", text = "a<" }, { operation = "insert", text = "b" }, { operation = "delete", text = "c" } }
        eq(differ:pretty_html(few), "<span>a&lt;</span><ins>b</ins><del>c</del>")
        eq(differ:pretty_text(few), "a<\27[32mb\27[0m\27[31mc\27[0m")
        local old = "Jack and Jill\nwent up the hill\n"
        local new = "Jack and Bill\nran up the hill\n"
        local patches = differ:patch_make(old, new)
        assert(#patches > 0 and string.find(patches[1].text, "@@", 1, true))
        local patched, ok = differ:patch_apply(patches, old)
        eq(patched, new) eq(ok, true)
        local other, fits = differ:patch_apply(patches, "nothing like it at all")
        eq(other, "nothing like it at all") eq(fits, false)
        local none, err = differ:patch_apply({ { text = "no patch" } }, "x")
        eq(none, nil) eq(err:kind(), "Internal")
        eq(tostring(differ), "text.Differ{}")
        -- Large and different: bounded by its time.
        local quick = text.diff.new({ diff_timeout = 0.05 })
        assert(#quick:compare(string.rep("abcd", 20000), string.rep("dcbae", 20000)) > 0)
        "##,
    );
}

#[test]
fn texts_come_in_pieces() {
    passes(
        r##"
        local text = require("text")
        local splitter = text.splitter.recursive({ chunk_size = 12, chunk_overlap = 5 })
        eq(table.concat(splitter:split_text("aa bb cc dd ee ff gg"), "|"), "aa bb cc dd|cc dd ee ff|ee ff gg")
        local batch = splitter:split_batch({ { content = "aa bb cc dd ee", metadata = { page = 3 } }, { content = "short" } })
        eq(#batch, 3) eq(batch[2].metadata.page, 3) eq(next(batch[3].metadata), nil) eq(batch[3].content, "short")
        assert(batch[1].metadata ~= batch[2].metadata)
        eq(#text.splitter.recursive():split_text(string.rep("word ", 1000)) > 9, true)
        local kept = text.splitter.recursive({ chunk_size = 6, chunk_overlap = 0, separators = { ";" }, keep_separator = true })
        eq(table.concat(kept:split_text("aaa;bbb;c"), "|"), "aaa;|bbb;c")
        local markdown = text.splitter.markdown({ chunk_size = 40, chunk_overlap = 0, heading_hierarchy = true })
        local pieces = markdown:split_text("# One\ntext\n## Two\nmore\n")
        eq(table.concat(pieces, "|"), "# One\ntext|# One\n## Two\nmore")
        eq(tostring(markdown), "text.Splitter{}")
        refused("Invalid", "chunk_overlap must be smaller than chunk_size", text.splitter.recursive({ chunk_size = 10, chunk_overlap = 10 }))
        refused("Invalid", "chunk_size must be positive", text.splitter.recursive({ chunk_size = 0 }))
        "##,
    );
}
