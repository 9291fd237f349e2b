//! Messages, channels and select, misused.

use super::{Case, End, case};

const DONE: End = End::Returns("done");

pub const CASES: &[Case] = &[
    case("thousands of topics", DONE, "
        for i = 1, 25000 do process.send(process.pid(), 'topic' .. i) end
        local inbox = process.inbox()
        for i = 1, 25000 do local m = inbox:receive() assert(m:topic() == 'topic' .. i, m:topic()) end
        local late = process.listen('late' .. 1)
        process.send(process.pid(), 'late1', 'x')
        assert(late:receive() == 'x')
        return 'done'"),
    case("huge topics", DONE, "
        local big = ('x'):rep(1000000)
        assert(process.send(process.pid(), big, 1))
        local m = process.inbox():receive() assert(m:topic() == big)
        local ch = process.listen(big) process.send(process.pid(), big, 2) assert(ch:receive() == 2)
        assert(#tostring(m) > 1000000)
        return 'done'"),
    case("odd topics", DONE, "
        local topics = { '', '\\0', 'a\\0b', '\\255\\254', '{x', '{app:processes|0x00001}', process.pid(), 'ünïcödé', 'receive', 'send', '__index', ' ', '\\n' }
        for _, t in topics do assert(process.send(process.pid(), t, t)) end
        local inbox = process.inbox()
        for _, t in topics do local m = inbox:receive() assert(m:topic() == t and m:payload():data() == t, t) end
        assert(not process.send(process.pid(), '@pid/inbox', 1)) assert(not process.send(process.pid(), '@', 1))
        return 'done'"),
    case("odd destinations", DONE, "
        for _, d in { '', '{', '{}', '{|}', '{a|b}', '{app:processes|}', '{app:processes|0x}', '{app:processes|0xzz}', '{app:processes|0xffffffffffffffffffffffffffffffffffff}',
            '{app:processes|-1}', '\\0', ('x'):rep(100000), '{' .. ('x'):rep(100000) .. '|0x00001}', '{@|}', '{@@|||}', 'victim\\0' } do
            local ok, err = process.send(d, 'x', 1)
            assert(ok == nil and err, d)
        end
        return 'done'"),
    case("guessed pids", DONE, "
        for i = 0, 300 do process.send(string.format('{app:processes|0x%05x}', i), 'x', 1) process.send(string.format('{app:processes|0x1%04x%04x}', i, i), 'x') end
        return 'done'"),
    case("a table with a cycle", DONE, "
        local t = { list = {} } t.self = t t[t] = t t.list[1] = t.list
        assert(process.send('victim', 'echo', t))
        local m = process.inbox():receive()
        local d = m:payload():data()
        assert(d.self == d and d[d] == d and d.list[1] == d.list)
        return 'done'"),
    case("depth 200", DONE, "
        local t = {} local at = t for i = 1, 200 do at.x = {} at = at.x end
        local ok, err = process.send('victim', 'echo', t)
        assert(ok == nil and err:message() == 'payload: nesting deeper than 128 levels', tostring(err))
        return 'done'"),
    case("depth 120", DONE, "
        local t = {} local at = t for i = 1, 120 do at.x = {} at = at.x end
        assert(process.send('victim', 'echo', t))
        process.inbox():receive() return 'done'"),
    case("depth through keys", DONE, "
        local t = {} for i = 1, 300 do t = { [t] = 1 } end
        local ok, err = process.send('victim', 'echo', t)
        assert(ok == nil and tostring(err):find('nesting deeper'), tostring(err))
        return 'done'"),
    case("a large table", DONE, "
        local t = table.create(300000) for i = 1, 300000 do t[i] = i end
        assert(process.send(process.pid(), 'x', t))
        local d = process.inbox():receive():payload():data()
        assert(#d == 300000 and d[300000] == 300000)
        return 'done'"),
    case("more than the limit of a message", DONE, "
        local s = ('x'):rep(1000000)
        local t = {} for i = 1, 100 do t[i] = s end
        local ok, err = process.send('victim', 'echo', t)
        assert(ok == nil and tostring(err):find('exceed the limit'), tostring(err))
        for i = 1, 40 do t[i] = { s, s, { s } } end
        local ok, err = process.send('victim', 'echo', t, t)
        assert(ok == nil and tostring(err):find('exceed the limit'), tostring(err))
        return 'done'"),
    case("one string in a million places", DONE, "
        local s = ('x'):rep(1000000)
        local t = table.create(500000) for i = 1, 500000 do t[i] = s end
        t[1] = { t }
        local ok, err = process.send('victim', 'echo', t, t)
        assert(ok == nil and tostring(err):find('exceed the limit'), tostring(err))
        local ok, err = process.spawn('app:idle', 'app:processes', t)
        assert(ok == nil and tostring(err):find('exceed the limit'), tostring(err))
        return 'done'"),
    case("one string in a million places, raised", End::Fails("table"), "
        local s = ('x'):rep(1000000)
        local t = table.create(500000) for i = 1, 500000 do t[i] = s end
        error(t)"),
    case("one string in a million places, returned", End::Fails("exceed the limit"), "
        local s = ('x'):rep(1000000)
        local t = table.create(500000) for i = 1, 500000 do t[i] = s end
        return t"),
    case("closures as keys and values", DONE, "
        local function refused(v, text)
            local ok, err = process.send('victim', 'echo', v)
            assert(ok == nil and err:message() == text, tostring(err))
        end
        refused({ x = { [print] = 1 } }, 'payload.x: a function key cannot be sent')
        refused({ handlers = { 1, print } }, 'payload.handlers[2]: a function cannot be sent')
        refused({ { [coroutine.running()] = 1 } }, 'payload[1]: a coroutine key cannot be sent')
        refused(channel.new(), 'payload: a channel cannot be sent')
        refused({ ['a b'] = process.inbox() }, 'payload[\"a b\"]: a channel cannot be sent')
        process.send(process.pid(), 'm', 1)
        refused({ process.inbox():receive() }, 'payload[1]: a message cannot be sent')
        return 'done'"),
    case("frozen tables and tables with metatables", DONE, "
        local t = setmetatable({ a = table.freeze({ 1, { 2 } }), b = {} }, { __index = error, __pairs = error, __len = error, __iter = error })
        table.freeze(t)
        assert(process.send('victim', 'echo', t))
        local d = process.inbox():receive():payload():data()
        assert(d.a[2][1] == 2 and getmetatable(d) == nil and not table.isfrozen(d))
        d.x = 1 d.a.x = 2
        return 'done'"),
    case("copies are not shared", DONE, "
        local t = { n = 1, list = { 1 } }
        process.send(process.pid(), 'a', t) process.send(process.pid(), 'b', t) t.n = 2 t.list[1] = 9
        local inbox = process.inbox()
        local a = inbox:receive():payload():data() a.list[1] = 5
        local b = inbox:receive():payload():data()
        assert(a.n == 1 and b.n == 1 and b.list[1] == 1)
        return 'done'"),
    case("select with weird tables", DONE, "
        local ch = channel.new(1)
        local function refused(cases) assert(not pcall(channel.select, cases)) end
        refused({}) refused({ 1 }) refused({ {} }) refused({ 'x' }) refused({ [0] = ch:case_receive() }) refused({ [-1] = ch:case_receive() })
        refused({ [1.5] = ch:case_receive() }) refused({ x = ch:case_receive() }) refused({ [ch] = ch:case_receive() }) refused({ ch }) refused({ [0/1] = 1 })
        refused({ setmetatable({ ch }, {}) }) refused({ { ch } })
        refused(setmetatable({}, { __index = function() while true do end end }))
        ch:send(1)
        assert(channel.select({ [5] = ch:case_receive() }).value == 1)
        assert(channel.select({ [1e300] = ch:case_receive(), default = true }).default)
        assert(channel.select({ [2^31] = ch:case_receive(), [2^32 + 1] = ch:case_receive() }, true).default)
        return 'done'"),
    case("select with thousands of cases", DONE, "
        local ch = channel.new()
        local cases = {} for i = 1, 2000 do cases[i] = ch:case_receive() end
        coroutine.spawn(function() ch:send('x') end)
        assert(channel.select(cases).value == 'x')
        local case = ch:case_receive() for i = 1, 1100000 do cases[i] = case end
        local ok, why = pcall(channel.select, cases) assert(not ok and tostring(why):find('too many cases'), tostring(why))
        cases = {} for i = 1, 30000 do cases[i] = channel.new():case_receive() end
        cases[30001] = ch:case_receive() coroutine.spawn(function() ch:send('y') end)
        assert(channel.select(cases).value == 'y')
        local sends = {} for i = 1, 3000 do sends[i] = ch:case_send(i) end
        coroutine.spawn(function() assert(ch:receive() == 1) end)
        assert(channel.select(sends).value == 1)
        return 'done'"),
    case("a tampered case", DONE, "
        local case = channel.new():case_send('x')
        assert(not pcall(function() case[1] = process.inbox() end)) assert(not pcall(rawset, case, 1, process.inbox()))
        assert(not pcall(table.clear, case)) assert(not pcall(table.insert, case, 1, 2))
        local ok, copy = pcall(table.clone, case)
        if ok then pcall(function() copy[1] = 'evil' end) pcall(channel.select, { copy }) pcall(function() copy[1] = nil end) pcall(channel.select, { copy }) end
        return 'done'"),
    case("a cloned case with parts missing", DONE, "
        local case = channel.new(1):case_send('x')
        local ok, copy = pcall(table.clone, case)
        if ok then pcall(setmetatable, copy, nil) pcall(table.remove, copy, 1) pcall(channel.select, { copy, default = true }) end
        return 'done'"),
    case("singletons closed and opened again", DONE, "
        for i = 1, 50 do
            local inbox, events = process.inbox(), process.events()
            inbox:close() events:close()
            assert(inbox:receive() == nil)
            process.send(process.pid(), 'x', i)
            local again = process.inbox()
            assert(again:receive():payload():data() == i)
            if i % 2 == 0 then again:close() end
            process.unlisten(process.events())
        end
        return 'done'"),
    case("closing the inbox while another task waits for it", DONE, "
        local got
        coroutine.spawn(function() local m, ok = process.inbox():receive() got = ok end)
        coroutine.yield() process.inbox():close() coroutine.yield()
        assert(got == false)
        return 'done'"),
    case("sending on the inbox and events", DONE, "
        coroutine.spawn(function() process.inbox():receive() process.events():receive() end)
        coroutine.yield()
        pcall(function() process.inbox():send('fake') end) coroutine.yield()
        pcall(function() process.events():send({ kind = 'pid.exit' }) end)
        return 'done'"),
    case("channel methods on other values", DONE, "
        local ch = channel.new()
        for _, f in { ch.receive, ch.send, ch.close, ch.case_receive, ch.case_send } do
            for _, v in { 1, 'x', {}, print, coroutine.running(), errors.new('x'), buffer.create(1) } do
                local ok, why = pcall(f, v) assert(not ok and tostring(why):find('channel expected'), tostring(why))
            end
            assert(not pcall(f))
        end
        assert(not pcall(function() return ch:nothing() end)) assert(ch.nothing == nil)
        return 'done'"),
    case("odd capacities", DONE, "
        for _, n in { -1, 0, 1e300, -1e300, 2^31, 2^32, 2^53, math.huge } do local ok, ch = pcall(channel.new, n) if ok then pcall(ch.case_receive, ch) end end
        assert(not pcall(channel.new, 0.5)) assert(not pcall(channel.new, 0/0)) assert(not pcall(channel.new, {})) assert(not pcall(channel.new, 'x'))
        return 'done'"),
    case("a buffer without end", End::Fails("memory limit exceeded"), "local ch = channel.new(2^31) while true do ch:send(1) end"),
    case("a buffer of strings without end", End::Fails("memory limit exceeded"), "local ch = channel.new(2^31) local i = 0 while true do i += 1 ch:send('x' .. i) end"),
    case("a mailbox flooded by oneself", DONE, "
        local n = 0
        while true do local ok, err = process.send(process.pid(), 'x', 1) if not ok then assert(tostring(err) == 'mailbox full', tostring(err)) break end n += 1 end
        assert(n > 1000)
        return 'done'"),
    case("flooding the victim with other topics", DONE, "
        for i = 1, 300 do process.send('victim', 'flood', { i }) end
        local inbox = process.inbox()
        for i = 1, 300 do assert(inbox:receive():payload():data()[1] == i) end
        return 'done'"),
    case("messages kept and asked again and again", DONE, "
        local kept = {}
        for i = 1, 200 do process.send(process.pid(), 'x', { i }, i, 's' .. i) end
        local inbox = process.inbox()
        for i = 1, 200 do kept[i] = inbox:receive() end
        for round = 1, 5 do for i, m in kept do local p = m:payload() assert(p[1]:data()[1] == i and p[2]:data() == i and p[3]:data() == 's' .. i) end end
        local parts = {} for i, m in kept do parts[i] = m:payload()[1] end
        kept = nil
        for i = 1, 3 do local t = {} for j = 1, 20000 do t[j] = { j } end end
        for i, p in parts do assert(p:data()[1] == i) end
        return 'done'"),
    case("payloads in payloads", DONE, "
        process.send(process.pid(), 'x', { 1, { 2 } })
        local inbox = process.inbox()
        for i = 1, 100 do process.send(process.pid(), 'x', inbox:receive():payload()) end
        assert(inbox:receive():payload():data()[2][1] == 2)
        return 'done'"),
    case("topics of listeners by the thousand", DONE, "
        for i = 1, 3000 do process.listen('t' .. i) end
        for i = 1, 3000 do process.send(process.pid(), 't' .. i, i) end
        for i = 1, 3000 do local ch = process.listen('t' .. i) assert(ch:receive() == i) process.unlisten(ch) end
        return 'done'"),
    case("spawn arguments that cannot be sent", DONE, "
        local ok, err = process.spawn('app:idle', 'app:processes', { print })
        assert(ok == nil and err:message() == 'payload[1]: a function cannot be sent', tostring(err))
        return 'done'"),
    case("a channel returned", End::Fails("result: a channel cannot be sent"), "return channel.new()"),
    case("a chunk that returns nonsense", End::Fails("method \"main\" not found in module"), "--chunk
        return setmetatable({}, { __index = function() while true do end end })"),
    case("a chunk that loops", End::Endless, "--chunk
        while true do end"),
];
