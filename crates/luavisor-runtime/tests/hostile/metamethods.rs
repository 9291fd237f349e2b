//! Metamethods, comparators and replacement functions that misbehave.

use super::{Case, End, case};

const DONE: End = End::Returns("done");

pub const CASES: &[Case] = &[
    case("__index that loops", End::Fails("cannot be preempted"), "local t = setmetatable({}, { __index = function() while true do end end }) return t.x"),
    case("__newindex that loops under pcall", End::Fails("cannot be preempted"), "
        local t = setmetatable({}, { __newindex = function() while true do pcall(error) end end }) while true do pcall(function() t.x = 1 end) end"),
    case("__tostring that loops", End::Fails("cannot be preempted"), "tostring(setmetatable({}, { __tostring = function() while true do end end }))"),
    case("__len that loops", End::Fails("cannot be preempted"), "return #setmetatable({}, { __len = function() while true do end end })"),
    case("__eq that loops", End::Fails("cannot be preempted"), "
        local m = { __eq = function() while true do end end } return setmetatable({}, m) == setmetatable({}, m)"),
    case("__lt that loops", End::Fails("cannot be preempted"), "
        local m = { __lt = function() while true do end end } return setmetatable({}, m) < setmetatable({}, m)"),
    case("__concat that loops", End::Fails("cannot be preempted"), "
        return setmetatable({}, { __concat = function() while true do end end }) .. 'x'"),
    case("__add that loops", End::Fails("cannot be preempted"), "
        return setmetatable({}, { __add = function() while true do end end }) + 1"),
    case("__call that loops", End::Endless, "setmetatable({}, { __call = function() while true do end end })()"),
    case("__iter that loops", End::Endless, "
        for k in setmetatable({}, { __iter = function() return function() return 1 end end }) do end"),
    case("an iterator that loops", End::Endless, "for x in function() while true do end end do end"),
    case("metamethods that block", DONE, "
        local ch = channel.new()
        local m = {}
        for _, e in { '__index', '__newindex', '__add', '__concat', '__eq', '__lt', '__le', '__len', '__tostring', '__unm' } do
            m[e] = function() return ch:receive() end
        end
        local a, b = setmetatable({}, m), setmetatable({}, m)
        local function refused(f)
            local ok, why = pcall(f)
            assert(not ok and tostring(why):find('cannot block inside a metamethod'), tostring(why))
        end
        refused(function() return a.x end) refused(function() a.x = 1 end) refused(function() return a + 1 end)
        refused(function() return a .. 'x' end) refused(function() return a == b end) refused(function() return a < b end)
        refused(function() return a <= b end) refused(function() return #a end) refused(function() return tostring(a) end)
        refused(function() return -a end)
        return 'done'"),
    case("metamethods that yield, resume, require and select", DONE, "
        local function inside(f)
            local ok, why = pcall(function() return setmetatable({}, { __index = f }).x end)
            assert(not ok and tostring(why):find('cannot block inside a metamethod'), tostring(why))
        end
        inside(function() coroutine.yield() end)
        inside(coroutine.yield)
        inside(function() coroutine.wrap(function() end)() end)
        inside(function() coroutine.resume(coroutine.create(function() end)) end)
        inside(function() channel.select { channel.new():case_receive() } end)
        inside(function() channel.new():send(1) end)
        inside(function() require('lib') end)
        inside(function() require('time').sleep('1s') end)
        inside(function() process.exec('app:idle', 'app:processes') end)
        return 'done'"),
    case("a native as every metamethod", DONE, "
        for _, native in { coroutine.yield, channel.new().receive, pcall, error, print, coroutine.wrap, process.send, channel.select, require, string.gsub, table.sort } do
            local m = {}
            for _, e in { '__index', '__newindex', '__add', '__concat', '__eq', '__lt', '__le', '__len', '__tostring', '__unm', '__call', '__iter' } do m[e] = native end
            local a, b = setmetatable({}, m), setmetatable({}, m)
            pcall(function() return a.x end) pcall(function() a.x = 1 end) pcall(function() return a + b end) pcall(function() return a .. b end)
            pcall(function() return a == b end) pcall(function() return a < b end) pcall(function() return a <= b end) pcall(function() return #a end)
            pcall(tostring, a) pcall(function() return -a end)
            pcall(print, a) pcall(table.concat, { a }) pcall(string.format, '%s', a) pcall(error, a)
        end
        return 'done'"),
    case("__tostring that returns no string", DONE, "
        local t = setmetatable({}, { __tostring = function() return 5 end })
        pcall(tostring, t) pcall(print, t) pcall(string.format, '%s', t)
        return 'done'"),
    case("an error value with an evil __tostring", End::Fails(""), "
        error(setmetatable({}, { __tostring = function() while true do end end }))"),
    case("an error value with an evil message", End::Fails(""), "
        error(setmetatable({}, { __index = function() while true do end end }))"),
    case("a comparator that loops", End::Endless, "table.sort({ 3, 2, 1 }, function() while true do end end)"),
    case("a comparator that blocks", DONE, "
        local list = { 3, 1, 2 }
        table.sort(list, function(a, b) coroutine.yield() return a < b end)
        assert(list[1] == 1 and list[3] == 3)
        return 'done'"),
    case("a comparator that fails", End::Fails("no order"), "table.sort({ 3, 2, 1 }, function() error('no order', 0) end)"),
    case("a comparator that lies", DONE, "
        local n = 0
        local list = {} for i = 1, 200 do list[i] = i end
        table.sort(list, function() n += 1 return n % 3 == 0 end)
        table.sort(list, function() return true end)
        assert(#list == 200)
        return 'done'"),
    case("a comparator that changes the table", DONE, "
        local list = {} for i = 1, 100 do list[i] = 100 - i end
        table.sort(list, function(a, b) table.clear(list) list[1] = 5 setmetatable(list, { __index = error, __newindex = rawset }) return a < b end)
        return 'done'"),
    case("a comparator that freezes the table", DONE, "
        local list = {} for i = 1, 50 do list[i] = 50 - i end
        assert(not pcall(table.sort, list, function(a, b) if not table.isfrozen(list) then table.freeze(list) end return a < b end))
        return 'done'"),
    case("a comparator that never ends by metamethods", End::Fails("cannot be preempted"), "
        local m = { __lt = function() while true do end end }
        table.sort({ setmetatable({}, m), setmetatable({}, m) })"),
    case("__lt that shrinks the table under table.sort", DONE, "
        local list = {}
        local m = {}
        m.__lt = function(a, b) table.clear(list) return a.n < b.n end
        for i = 1, 50 do list[i] = setmetatable({ n = 50 - i }, m) end
        pcall(table.sort, list)
        return 'done'"),
    case("a gsub function that loops", End::Endless, "string.gsub('x', 'x', function() while true do end end)"),
    case("a gsub function that blocks", DONE, "
        local s = string.gsub('abc', '%w', function(c) coroutine.yield() return c:upper() end) assert(s == 'ABC') return 'done'"),
    case("a gsub function that returns oddities", DONE, "
        assert(not pcall(string.gsub, 'x', 'x', function() return {} end))
        assert(string.gsub('x', 'x', function() return 5 end) == '5')
        assert(string.gsub('x', 'x', function() return false end) == 'x')
        pcall(string.gsub, 'x', nil, function() end) pcall(string.gsub, 'x', {}, function() end) pcall(string.gsub, 'x', 'x', function() end, {})
        pcall(string.gsub, 'x', 'x', function() end, 0/0) pcall(string.gsub, nil, 'x', function() end) pcall(string.gsub, 'x', '(', function() end)
        pcall(string.gsub, 'x', '%', function() end) pcall(string.gsub, ('x'):rep(100), '()()()()()()()()()', function(...) return select('#', ...) end)
        return 'done'"),
    case("a gsub table with an evil __index", End::Fails("cannot be preempted"), "
        string.gsub('x', 'x', setmetatable({}, { __index = function() while true do end end }))"),
    case("a gsub function within a gsub function", DONE, "
        local function f(n) return function(c) return n == 0 and c or (string.gsub(c, '.', f(n - 1))) end end
        assert(string.gsub('ab', '.', f(150)) == 'ab')
        return 'done'"),
    case("weak tables and odd metatables", DONE, "
        local t = setmetatable({}, { __mode = 'kv', __gc = error, __close = error, __metatable = false, __namecall = error, __type = 'evil' })
        t[{}] = {} pcall(setmetatable, t, {}) assert(getmetatable(t) == false)
        for i = 1, 1000 do t[{}] = i t[i] = {} end
        return 'done'"),
    case("__index chains", DONE, "
        local t = {} for i = 1, 500 do t = setmetatable({}, { __index = t, __newindex = t }) end
        pcall(function() return t.x end) pcall(function() t.x = 1 end)
        local loop = {} setmetatable(loop, loop) loop.__index = loop loop.__newindex = loop
        pcall(function() return loop.x end) pcall(function() loop.x = 1 end)
        return 'done'"),
    case("recursion through metamethods", DONE, "
        local t t = setmetatable({}, { __index = function(_, k) return t[k .. 'x'] end, __tostring = function() return tostring(t) end, __concat = function(a, b) return a .. b end, __eq = function(a, b) return a == b end, __lt = function(a, b) return a < b end, __call = function(f, ...) return f(...) end, __len = function(s) return #s end })
        local u = setmetatable({}, getmetatable(t))
        pcall(function() return t.x end) pcall(tostring, t) pcall(function() return t .. 'x' end) pcall(function() return t == u end)
        pcall(function() return t < u end) pcall(function() return #t end) pcall(table.sort, { t, u, t, u })
        return 'done'"),
];
