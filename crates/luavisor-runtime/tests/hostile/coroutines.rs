//! Coroutines and tasks used against their rules.

use super::{Case, End, case};

const DONE: End = End::Returns("done");

pub const CASES: &[Case] = &[
    case("resuming a managed task", DONE, "
        local t = coroutine.spawn(function() channel.new():receive() end)
        assert(not coroutine.resume(t))
        coroutine.yield()
        assert(not coroutine.resume(t))
        assert(not pcall(coroutine.close, t))
        return 'done'"),
    case("resuming oneself", DONE, "
        local ok, why = coroutine.resume(coroutine.running())
        assert(not ok)
        local co co = coroutine.create(function() return coroutine.resume(co) end)
        local _, ok2, why2 = coroutine.resume(co)
        assert(ok2 == false and why2 == 'cannot resume running coroutine', why2)
        return 'done'"),
    case("resuming the parent", DONE, "
        local a, b
        a = coroutine.create(function() return coroutine.resume(b) end)
        b = coroutine.create(function() return coroutine.resume(a) end)
        local ok, ok1, ok2, why = coroutine.resume(a)
        assert(ok and ok1 and ok2 == false and why == 'cannot resume non-suspended coroutine', why)
        return 'done'"),
    case("closing what runs", DONE, "
        assert(not pcall(coroutine.close, coroutine.running()))
        local co co = coroutine.create(function() return pcall(coroutine.close, co) end)
        local _, ok = coroutine.resume(co)
        assert(ok == false)
        local parent = coroutine.create(function()
            local me = coroutine.running()
            return coroutine.wrap(function() return pcall(coroutine.close, me) end)()
        end)
        local _, ok = coroutine.resume(parent)
        assert(ok == false)
        return 'done'"),
    case("closing a suspended coroutine and resuming it", DONE, "
        local up = {}
        local co = coroutine.create(function() local x = up coroutine.yield(function() return x end) end)
        local _, f = coroutine.resume(co)
        assert(coroutine.close(co)) assert(f() == up)
        assert(not coroutine.resume(co)) assert(coroutine.close(co)) assert(coroutine.status(co) == 'dead')
        return 'done'"),
    case("closing a coroutine that failed", DONE, "
        local co = coroutine.create(function() error('x') end)
        coroutine.resume(co) coroutine.close(co)
        return 'done'"),
    case("a coroutine over natives", DONE, "
        assert(coroutine.wrap(math.abs)(-3) == 3)
        local co = coroutine.create(coroutine.yield)
        assert(coroutine.resume(co, 1, 2)) local ok, v = coroutine.resume(co, 7) assert(ok and v == 7)
        local w = coroutine.wrap(pcall) assert(w(error, 'x') == false)
        local n = coroutine.wrap(coroutine.wrap)(function() return 5 end) assert(n() == 5)
        local r = coroutine.create(coroutine.resume)
        local ok, ok2 = coroutine.resume(r, coroutine.create(function() end)) assert(ok and ok2)
        return 'done'"),
    case("natives as iterators that block", DONE, "
        local ch = channel.new()
        coroutine.spawn(function() for i = 1, 3 do ch:send(i) end ch:close() end)
        local sum = 0
        for v in ch.receive, ch do sum += v end
        assert(sum == 6)
        local n = 0
        local gen = coroutine.wrap(function() for i = 1, 3 do coroutine.yield(i) end end)
        for v in gen do n += v end
        assert(n == 6)
        for v in coroutine.wrap(function() end) do n += 1 end
        return 'done'"),
    case("coroutine.yield as iterator in a task", DONE, "
        for v in coroutine.yield do error('a value') end return 'done'"),
    case("natives under pcall that block", DONE, "
        local ch = channel.new()
        coroutine.spawn(function() ch:send('x') end)
        local ok, v = pcall(ch.receive, ch) assert(ok and v == 'x')
        assert(pcall(coroutine.yield))
        assert(pcall(pcall, coroutine.yield))
        local ok, r = pcall(channel.select, { ch:case_receive(), default = true }) assert(ok and r.default)
        coroutine.spawn(function() ch:close() end)
        local ok, why = pcall(ch.send, ch, 1) assert(not ok)
        local ok, why = xpcall(function() ch:send(1) end, function(e) return 'handled' end) assert(why == 'handled')
        return 'done'"),
    case("blocking in an error handler", DONE, "
        local ch = channel.new()
        local ok, why = xpcall(error, function() ch:receive() end, 'x')
        assert(not ok)
        local ok, why = xpcall(error, coroutine.yield, 'x')
        assert(not ok)
        local ok, why = xpcall(error, function() coroutine.wrap(function() end)() end)
        assert(not ok)
        return 'done'"),
    case("an error handler that fails", DONE, "
        local function handler(e) error(e) end
        local ok, why = xpcall(error, handler, 'x')
        assert(not ok)
        local ok = xpcall(function() local function f() return f() + 1 end f() end, function() local function g() return g() + 1 end g() end)
        assert(not ok)
        return 'done'"),
    case("an error handler that loops", End::Fails("cannot be preempted"), "xpcall(error, function() while true do end end)"),
    case("deep pcall recursion", DONE, "
        local function f(n) local ok, why = pcall(f, n + 1) return ok, why end
        f(1)
        local function g() return pcall(pcall, g) end
        g()
        return 'done'"),
    case("deep xpcall recursion", DONE, "
        local function f() return xpcall(f, f) end
        f() return 'done'"),
    case("unbounded recursion with more and more arguments", End::Fails("memory limit exceeded"), "local function f(...) return 1 + f(1, ...) end f()"),
    case("unbounded recursion of plain calls", End::Fails("stack overflow"), "local function f() return 1 + f() end f()"),
    case("nested coroutines without end", DONE, "
        local function f() return coroutine.wrap(f)() end
        local ok, why = pcall(f) assert(not ok)
        return 'done'"),
    case("nested coroutines without end under pcall", DONE, "
        local function f() return pcall(coroutine.wrap(f)) end
        f() return 'done'"),
    case("a chain of suspended coroutines dropped", DONE, "
        local head
        for i = 1, 2000 do
            local next = head
            head = coroutine.create(function() coroutine.yield(next) end)
            coroutine.resume(head)
        end
        head = nil
        return 'done'"),
    case("many values through resume, yield and wrap", DONE, "
        local list = table.create(7000) for i = 1, 7000 do list[i] = i end
        local co = coroutine.wrap(function(...) while true do coroutine.yield(...) end end)
        assert(select('#', co(table.unpack(list))) == 7000)
        assert(select('#', co()) == 7000)
        local c2 = coroutine.create(function(...) return ... end)
        assert(select('#', coroutine.resume(c2, table.unpack(list))) == 7001)
        local c3 = coroutine.wrap(function() return table.unpack(list) end)
        assert(select('#', c3()) == 7000)
        coroutine.spawn(function(...) assert(select('#', ...) == 7000) end, table.unpack(list))
        coroutine.yield(table.unpack(list))
        return 'done'"),
    case("as many values as fit", DONE, "
        local list = table.create(7990) for i = 1, 7990 do list[i] = i end
        pcall(coroutine.wrap(function(...) return ... end), table.unpack(list))
        pcall(coroutine.resume, coroutine.create(function(...) coroutine.yield(...) end), table.unpack(list))
        pcall(coroutine.spawn, function() end, table.unpack(list))
        pcall(process.send, 'victim', 'x', table.unpack(list))
        pcall(process.send, process.pid(), 'x', table.unpack(list))
        pcall(print, table.unpack(list)) pcall(string.format, table.unpack(list)) pcall(string.char, table.unpack(list))
        pcall(math.max, table.unpack(list)) pcall(table.pack, table.unpack(list)) pcall(select, -1, table.unpack(list))
        pcall(channel.select, table.unpack(list)) pcall(process.spawn, 'app:idle', 'app:processes', table.unpack(list))
        pcall(error, table.unpack(list)) pcall(assert, table.unpack(list)) pcall(errors.new, table.unpack(list))
        pcall(tostring, table.unpack(list)) pcall(buffer.create, table.unpack(list))
        return 'done'"),
    case("hundreds of thousands of values", DONE, "
        local list = table.create(300000) for i = 1, 300000 do list[i] = i end
        local function try(...)
            pcall(coroutine.wrap(function(...) return ... end), ...)
            local co = coroutine.create(function(...) coroutine.yield(...) return ... end)
            coroutine.resume(co, ...) coroutine.resume(co, ...) coroutine.spawn(function() end, ...)
            pcall(process.send, process.pid(), 'x', ...) pcall(string.format, ...) pcall(string.char, ...) pcall(channel.select, ...)
            pcall(error, ...) pcall(errors.new, ...) pcall(require, ...) pcall(string.gsub, 'x', 'x', function() return end, ...) pcall(table.concat, ...)
            return select('#', ...)
        end
        assert(try(table.unpack(list)) == 300000)
        return 'done'"),
    case("tasks in coroutines", DONE, "
        local hits = 0
        coroutine.wrap(function() coroutine.spawn(function() hits += 1 end) coroutine.yield() end)()
        coroutine.yield()
        assert(hits == 1)
        return 'done'"),
    case("an endless loop over coroutine.yield", End::Endless, "while true do coroutine.yield() end"),
    case("an endless loop of pcall(error)", End::Endless, "while true do pcall(error) end"),
    case("an endless loop in nested wraps", End::Endless, "
        coroutine.wrap(function() coroutine.wrap(function() while true do pcall(function() while true do end end) end end)() end)()"),
    case("an endless loop of tasks that yield", End::Endless, "
        for i = 1, 50 do coroutine.spawn(function() while true do coroutine.yield() end end) end
        while true do coroutine.yield() end"),
    case("an endless loop of coroutine switches", End::Endless, "
        while true do local f = coroutine.wrap(function() coroutine.yield() end) f() pcall(f) pcall(f) end"),
    case("endless task spawning", End::Fails("memory limit exceeded"), "while true do coroutine.spawn(function() channel.new():receive() end) end"),
    case("an uncaught error in a task", End::Fails("inner"), "coroutine.spawn(function() error('inner', 0) end) while true do coroutine.yield() end"),
    case("main returns while tasks loop", DONE, "
        for i = 1, 5 do coroutine.spawn(function() while true do coroutine.yield() end print('AFTER') end) end
        coroutine.yield() return 'done'"),
    case("wrap held in a table of weak keys", DONE, "
        local t = setmetatable({}, { __mode = 'kv' })
        for i = 1, 200 do t[coroutine.create(function() end)] = coroutine.wrap(function() coroutine.yield() end) end
        for k, v in pairs(t) do v() coroutine.resume(k) end
        return 'done'"),
];
