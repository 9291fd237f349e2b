local text = require("text")

-- Patterns, differences and pieces of anything.
return check(function(data)
    local pattern, subject = halves(data)
    local regexp = text.regexp.compile(pattern)
    if regexp then
        local found = regexp:find_all_string(subject)
        assert((#found > 0) == regexp:match_string(subject))
        regexp:find_all_string_submatch(subject)
        regexp:find_all_string_index(subject)
        regexp:replace_all_string(subject, pattern)
        regexp:split(subject)
    end
    local differ = text.diff.new()
    local diffs = differ and differ:compare(pattern, subject)
    if diffs then
        local before, after = {}, {}
        for _, diff in diffs do
            if diff.operation ~= "insert" then table.insert(before, diff.text) end
            if diff.operation ~= "delete" then table.insert(after, diff.text) end
        end
        if utf8.len(data) then
            assert(table.concat(before) == pattern and table.concat(after) == subject)
        end
        differ:pretty_html(diffs)
        local patches = differ:patch_make(pattern, subject)
        if patches then differ:patch_apply(patches, subject) end
        differ:patch_apply({ { text = subject } }, pattern)
    end
    for _, kind in { "recursive", "markdown" } do
        local splitter = text.splitter[kind]({ chunk_size = 16, chunk_overlap = 4 })
        if splitter then splitter:split_text(data) end
    end
end)
