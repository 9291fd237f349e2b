//! Giants: strings, tables, stacks, patterns.

use super::{Case, End, case};

const DONE: End = End::Returns("done");
const MEMORY: End = End::Fails("memory limit exceeded");

pub const CASES: &[Case] = &[
    case("string.rep giants", DONE, "
        for _, n in { 1e9, 1e18, 1e300, math.huge, 2^53 } do
            local ok, err = pcall(string.rep, 'x', n) assert(not ok and err:kind() == 'LimitExceeded', tostring(err))
            local ok, err = pcall(string.rep, ('x'):rep(1000), n) assert(not ok)
        end
        pcall(string.rep, '', 1e18) pcall(string.rep, 'x', 0/0) pcall(string.rep, 'x', -1e300) pcall(string.rep, 'x', '1e18')
        return 'done'"),
    case("table.create giants", DONE, "
        for _, n in { 1e8, 1e18, 2^31, 2^53, math.huge } do assert(not pcall(table.create, n)) assert(not pcall(table.create, 1, n)) end
        assert(not pcall(table.create, 0/0)) assert(not pcall(table.create, -1)) assert(not pcall(table.create, 'x'))
        return 'done'"),
    case("buffer.create giants", DONE, "
        for _, n in { 1e9, 1e10, 2^31, 2^53, math.huge, -1, 0/0 } do assert(not pcall(buffer.create, n), n) end
        return 'done'"),
    case("table.move giants", DONE, "
        local t = {} assert(not pcall(table.move, t, 1, 1e9, 2)) assert(not pcall(table.move, t, -1e9, 1e9, 2, {})) assert(not pcall(table.move, t, 1, 2^53, 1))
        pcall(table.move, t, 1, 2, 2^31 - 1) pcall(table.move, t, -2^31, -2^31 + 5, 2^31 - 2)
        return 'done'"),
    case("table.concat giants", DONE, "
        local s = ('x'):rep(1000000) local t = {} for i = 1, 2000 do t[i] = s end
        local ok, err = pcall(table.concat, t) assert(not ok)
        pcall(table.concat, t, s) pcall(table.concat, {}, ',', 1, 1e9) pcall(table.concat, t, '', -1e9, 1e9)
        return 'done'"),
    case("string.format giants", DONE, "
        local s = ('x'):rep(30000000)
        pcall(string.format, '%s%s%s%s%s%s%s%s%s%s%s%s', s, s, s, s, s, s, s, s, s, s, s, s)
        pcall(string.format, '%99999999d', 1) pcall(string.format, '%.99999f', 1) pcall(string.format, ('%s'):rep(1000), 1) pcall(string.format, '%*', s)
        pcall(string.format, '%', 1) pcall(string.format, '%q', s)
        return 'done'"),
    case("string.split, byte and utf8 giants", DONE, "
        local s = ('x,'):rep(1000000)
        assert(#string.split(s, ',') == 1000001)
        assert(not pcall(string.split, ('x'):rep(20000000), ''))
        assert(not pcall(string.byte, s, 1, -1)) assert(not pcall(utf8.codepoint, s, 1, -1)) assert(utf8.len(s) == 2000000)
        assert(not pcall(string.char, 256)) assert(not pcall(utf8.char, 2^31))
        return 'done'"),
    case("unpack giants", DONE, "
        assert(not pcall(table.unpack, {}, 1, 1e6)) assert(not pcall(table.unpack, {}, 1, 1e9)) pcall(table.unpack, {}, -1e300, 1e300)
        assert(not pcall(table.unpack, {}, -2^31, 2^31 - 1)) pcall(function() return { table.unpack({}, 1, 8000) } end)
        pcall(function() return select('#', table.unpack({}, 1, 7990)) end)
        return 'done'"),
    case("arguments without end in tail calls", MEMORY, "
        local function f(...) return f(1, 2, 3, 4, 5, 6, 7, 8, 9, ...) end
        while true do pcall(f) end"),
    case("gsub giants", MEMORY, "
        local s, r = ('x'):rep(100000), ('y'):rep(1000000)
        local ok, err = pcall(string.gsub, s, 'x', r) assert(not ok)
        local ok, err = pcall(string.gsub, s, '', r) assert(not ok)
        local ok, err = pcall(string.gsub, s, '.', { x = r }) assert(not ok)
        return 'done'"),
    case("a catastrophic pattern", End::Fails("cannot be preempted"), "
        string.find(('a'):rep(2000), ('a-'):rep(20) .. 'b')
        local s = ('a'):rep(50) string.find(s, ('a?'):rep(50) .. ('a*'):rep(30) .. 'b')"),
    case("a catastrophic pattern under pcall", End::Fails("cannot be preempted"), "
        while true do pcall(string.find, ('a'):rep(100), ('.-'):rep(20) .. 'b') end"),
    case("a pattern too deep", DONE, "
        pcall(string.find, ('x'):rep(300000), ('(x)'):rep(40))
        pcall(string.match, ('('):rep(5000), '%b()') pcall(string.gsub, ('x'):rep(1000), ('(x'):rep(33), '') pcall(string.rep, '(', 1e6)
        pcall(string.find, 'x', ('['):rep(100000)) pcall(string.find, 'x', ('%'):rep(99999))
        return 'done'"),
    case("concatenation of giants in a straight line", MEMORY, "
        local s = ('x'):rep(1000000)
        s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s
        s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s s = s .. s
        while true do s = s .. s end"),
    case("a memory bomb of strings", MEMORY, "local t = {} while true do t[#t + 1] = ('x'):rep(1000000 + #t) end"),
    case("a memory bomb of strings under pcall", MEMORY, "
        local t = {} while true do pcall(function() while true do t[#t + 1] = ('x'):rep(1000000 + #t) end end) end"),
    case("a memory bomb of tables", MEMORY, "local t = {} while true do t[#t + 1] = { {}, {} } end"),
    case("a memory bomb of one table", MEMORY, "local t, i = {}, 0 while true do i += 1 t[i] = i end"),
    case("a memory bomb of keys", MEMORY, "local t, i = {}, 0 while true do i += 1 t['k' .. i] = true end"),
    case("a memory bomb of closures", MEMORY, "local t = {} while true do local n = #t t[n + 1] = function() return n, t end end"),
    case("a memory bomb of buffers", MEMORY, "local t = {} while true do t[#t + 1] = buffer.create(1000000) end"),
    case("a memory bomb of coroutines", MEMORY, "local t = {} while true do t[#t + 1] = coroutine.wrap(function() coroutine.yield() end) t[#t]() end"),
    case("a memory bomb of channels", MEMORY, "local t = {} while true do t[#t + 1] = channel.new(1) end"),
    case("a memory bomb of errors", MEMORY, "local t = {} while true do t[#t + 1] = errors.new('x' .. #t) end"),
    case("a memory bomb in a metamethod", End::Fails(""), "
        local t = {} return setmetatable({}, { __index = function() while true do t[#t + 1] = ('x'):rep(1000000 + #t) end end }).x"),
    case("a memory bomb in a metamethod under pcall", End::Fails(""), "
        local t = {}
        local m = setmetatable({}, { __index = function() while true do pcall(function() while true do t[#t + 1] = ('x'):rep(1000000 + #t) end end) end end })
        while true do pcall(function() return m.x end) end"),
    case("a memory bomb in a comparator", MEMORY, "
        local t = {} table.sort({ 2, 1 }, function() while true do t[#t + 1] = ('x'):rep(1000000 + #t) end end)"),
    case("a memory bomb in a coroutine", MEMORY, "
        local t = {} coroutine.wrap(function() coroutine.wrap(function() while true do t[#t + 1] = ('x'):rep(1000000 + #t) end end)() end)()"),
    case("a memory bomb in tasks", MEMORY, "
        local t = {} for i = 1, 10 do coroutine.spawn(function() while true do t[#t + 1] = ('x'):rep(100000 + #t) coroutine.yield() end end) end
        while true do coroutine.yield() end"),
    case("a memory bomb in an error handler", End::Fails(""), "
        local t = {} xpcall(error, function() while true do t[#t + 1] = ('x'):rep(1000000 + #t) end end)"),
    case("a memory bomb at chunk level", MEMORY, "--chunk
        local t = {} while true do t[#t + 1] = ('x'):rep(1000000 + #t) end"),
    case("a memory bomb of error messages", MEMORY, "
        local s = 'x' while true do local ok, e = pcall(error, s .. s) s = e end"),
    case("garbage without end", End::Endless, "while true do local s = ('x'):rep(100000) local t = { s, {}, function() return s end } end"),
    case("garbage without end of channels and timers", End::Endless, "
        local time = require('time') while true do local c = channel.new(3) c:send({}) time.after('60s') end"),
    case("unbounded growth of the stack", DONE, "
        local function f(n) local a, b, c, d, e, g, h = n, n, n, n, n, n, n return f(n + 1) + a end
        assert(not pcall(f, 1))
        local function deep(n) if n == 0 then return 0 end return deep(n - 1) + 1 end
        assert(deep(15000) == 15000)
        return 'done'"),
    case("channel use on a deep stack", DONE, "
        local ch = channel.new()
        coroutine.spawn(function() while true do ch:send({ 1 }) end end)
        local function deep(n)
            if n == 0 then return ch:receive()[1] + channel.select { ch:case_receive() }.value[1] end
            return deep(n - 1) + 0
        end
        assert(deep(10000) == 2)
        process.send(process.pid(), 'x', { { 1 } })
        local function deep2(n) if n == 0 then return process.inbox():receive():payload():data()[1][1] end return deep2(n - 1) + 0 end
        assert(deep2(10000) == 1)
        return 'done'"),
    case("natives at the end of the stack", DONE, "
        local ch = channel.new(3)
        local function f(n)
            ch:send({}) ch:receive() process.send(process.pid(), 'x', { { 1 } }, 2) process.pid() errors.new('x') channel.select { ch:case_receive(), default = true }
            string.gsub('x', 'x', function() return 'y' end) table.sort({ 2, 1 }, function(a, b) return a < b end) coroutine.wrap(function() end)()
            tostring(n);
            return f(n + 1) + 1
        end
        assert(not pcall(f, 1))
        return 'done'"),
    case("many upvalues", DONE, "
        local fs = {} for i = 1, 20000 do local a, b, c = i, {}, 'x' fs[i] = function() a += 1 return a, b, c, fs end end
        for _, f in fs do f() end
        return 'done'"),
];
