//! Reaching for what processes share.

use super::{Case, End, case};

const DONE: End = End::Returns("done");

pub const CASES: &[Case] = &[
    case("a global of the attacker", DONE, "evil = 1 _G.evil = 2 rawset(_G, 'own', 3) return 'done'"),
    case("overwritten builtins", DONE, "print = nil pairs = error string = { upper = 1 } _G.table = 5 tostring = function() return 'evil' end return 'done'"),
    case("a library field", End::Fails("attempt to modify a readonly table"), "string.upper = function() return 'evil' end"),
    case("rawset on a library", End::Fails("readonly"), "rawset(string, 'upper', 1)"),
    case("rawset on every library", DONE, "
        for _, t in { string, table, math, coroutine, utf8, bit32, buffer, channel, process, errors } do
            assert(not pcall(rawset, t, 'evil', 1))
            assert(not pcall(function() t.evil = 1 end))
            assert(not pcall(table.insert, t, 1))
            assert(not pcall(table.clear, t))
            assert(not pcall(setmetatable, t, { __index = { evil = 1 } }))
            for k, v in pairs(t) do if type(v) == 'table' then assert(not pcall(rawset, v, 'evil', 1), k) end end
        end
        return 'done'"),
    case("rawset through metatables of globals", DONE, "
        assert(getmetatable(_G) == 'locked')
        assert(not pcall(setmetatable, _G, {}))
        assert(not pcall(rawset, getmetatable(''), '__index', {}))
        return 'done'"),
    case("the metatable of strings", DONE, "
        local m = getmetatable('')
        if type(m) == 'table' then
            assert(not pcall(function() m.__index = {} end))
            assert(not pcall(function() m.__add = error end))
            assert(not pcall(rawset, m, '__len', error))
            assert(not pcall(rawset, m.__index, 'upper', error))
        end
        return 'done'"),
    case("metatables of shared objects", DONE, "
        local objects = { process.inbox(), process.events(), channel.new(), channel.new():case_receive(),
            process.inbox():case_receive(), errors.new('x'), process, channel.new(1).send }
        for i, o in objects do
            local m = getmetatable(o)
            assert(m == nil or m == 'locked', i)
            assert(not pcall(setmetatable, o, { __index = error }))
            assert(not pcall(rawset, o, 1, 'evil'))
            assert(not pcall(function() o.evil = 1 end))
        end
        return 'done'"),
    case("removed globals", DONE, "
        for _, name in { 'getfenv', 'setfenv', 'load', 'loadstring', 'dofile', 'loadfile', 'newproxy', 'collectgarbage',
            'gcinfo', 'debug', 'io', 'package', 'module', 'integer_' } do
            assert(_G[name] == nil, name)
            assert(rawget(_G, name) == nil, name)
        end
        assert(os == nil or os.execute == nil and os.exit == nil and os.getenv == nil and os.remove == nil)
        assert(string.dump == nil and table.foreach == nil and table.foreachi == nil)
        return 'done'"),
    case("functions found in metatables", DONE, "
        local m = getmetatable(setmetatable({}, { __index = _G }))
        assert(m.__index == _G and m.__index._G == _G and _G._G == _G)
        return 'done'"),
    case("the base globals through __index of _G", DONE, "
        local t = setmetatable({}, { __index = _G, __newindex = _G })
        t.evil = 1
        assert(evil == 1 and rawget(_G, 'evil') == 1)
        return 'done'"),
    case("table functions on _G", DONE, "
        table.clear(_G) table.insert(_G, 'evil') table.move({ 1, 2 }, 1, 2, 1, _G) return 'done'"),
    case("freezing what is shared", DONE, "
        pcall(table.freeze, _G) pcall(table.freeze, string) pcall(table.freeze, process.inbox():case_receive())
        return 'done'"),
    case("freezing _G", DONE, "
        assert(not pcall(table.freeze, _G))
        evil = 1
        return 'done'"),
    case("clone of shared tables", DONE, "
        local s = table.clone(math) s.floor = 1 math = s
        for _, t in { string, process.event, process, table } do local ok, copy = pcall(table.clone, t) if ok then copy.EXIT = 'evil' copy.upper = 1 end end
        local ok, m = pcall(table.clone, process.inbox():case_receive())
        return 'done'"),
    case("module state of a common library", DONE, "
        local lib = require('lib')
        for i = 1, 100 do lib.count() end
        lib.shared.value = 'evil' lib.evil = 1 lib.count = nil
        assert(require('lib') == lib)
        return 'done'"),
    case("constants of process.event", End::Fails("readonly"), "process.event.EXIT = 'evil'"),
    case("closures of library functions", DONE, "
        local found = {}
        for k, v in pairs(string) do found[v] = k end
        assert(string.gsub ~= nil and found[string.gsub] == 'gsub')
        return 'done'"),
    case("the random state of others", DONE, "
        for i = 1, 50 do math.randomseed(i) math.random() math.random(10) end
        assert(not pcall(math.randomseed)) assert(not pcall(math.random, 1, 0)) assert(not pcall(math.random, 0/0))
        assert(not pcall(math.random, -1e300, 1e300)) assert(not pcall(math.random, 1, 2, 3))
        math.randomseed(0/0) math.random() math.randomseed(math.huge) math.random(1e15)
        return 'done'"),
    case("undeclared modules", End::Fails("module '__index' not found"), "require('__index')"),
    case("odd module names", DONE, "
        for _, name in { '', '\\0', 'lib\\0', ('x'):rep(100000), '__newindex', 'app:lib', '../lib', 'debug', 'package' } do
            assert(not pcall(require, name), name)
        end
        assert(not pcall(require)) assert(not pcall(require, {})) assert(not pcall(require, 5))
        return 'done'"),
    case("_G replaced", DONE, "_G = { evil = 1 } assert(_G.evil == 1) return 'done'"),
    case("error objects shared with others", DONE, "
        local e = errors.new('x')
        assert(not pcall(function() e.message = 'evil' end))
        assert(not pcall(rawset, e, 'message', 'evil'))
        return 'done'"),
    case("string methods through numbers and nil", End::Fails("attempt to index number"), "local n = 5 return n:upper()"),
    case("rawequal, rawlen and next on everything", DONE, "
        for _, v in { process.inbox(), channel.new(), print, coroutine.running(), 'x', 1, true, errors.new('e') } do
            pcall(rawlen, v) pcall(next, v) pcall(rawget, v, 1) pcall(rawset, v, 1, 1) pcall(rawequal, v, v)
            pcall(pairs, v) pcall(ipairs, v) pcall(setmetatable, v, nil) pcall(select, v, 1) pcall(unpack, v) pcall(tostring, v)
            pcall(function() return #v end) pcall(function() return v.x.y end) pcall(function() v.x = 1 end) pcall(function() return v() end)
            pcall(function() return v:close() end) pcall(function() return v .. v end) pcall(function() return v < v end)
        end
        return 'done'"),
    case("every library function with odd arguments", DONE, "
        local odd = { 1, -1, 0, 0/0, 1/0, -1/0, 2^53, -2^53, 1e300, '', 'x', '%', '%f', '[', '\\0', true, {}, print, coroutine.running(),
            channel.new(), process.inbox(), errors.new('e'), buffer.create(3), vector and vector.create and vector.create(1, 2, 3) or 1 }
        local skip = { wrap = true, yield = true, spawn = true, terminate = true, receive = true, exec = true, upgrade = true,
            spawn_monitored = true, spawn_linked = true, spawn_linked_monitored = true, register = true, unregister = true, cancel = true, send = true }
        local function try(f)
            pcall(f)
            for i = 1, #odd do
                pcall(f, odd[i])
                for j = 1, #odd do
                    pcall(f, odd[i], odd[j])
                    pcall(f, odd[i], odd[j], odd[(i * 7 + j) % #odd + 1])
                    pcall(f, odd[i], odd[j], odd[(i + j * 5) % #odd + 1], odd[(i + j) % #odd + 1])
                end
            end
        end
        for _, library in { string, table, math, utf8, bit32, buffer, channel, errors, coroutine } do
            for name, f in pairs(library) do
                if type(f) == 'function' and not skip[name] then try(f) end
            end
        end
        for _, f in { tostring, tonumber, rawequal, rawlen, rawget, rawset, next, type, typeof, unpack, setmetatable, getmetatable,
            string, number, integer, boolean, assert, select } do if type(f) == 'function' then try(f) end end
        return 'done'"),
    case("every process function with odd arguments", DONE, "
        local odd = { 1, -1, 0/0, '', 'x', '@x', '{|}', '{app:processes|0x00000}', '{app:processes|0xffffffffffffffffffff}', '{a@b|c|d}', true, {}, print,
            channel.new(), process.events(), errors.new('e') }
        local skip = { terminate = true, upgrade = true, exec = true }
        for name, f in pairs(process) do
            if type(f) == 'function' and not skip[name] then
                pcall(f)
                for i = 1, #odd do
                    pcall(f, odd[i])
                    for j = 1, #odd do pcall(f, odd[i], odd[j]) pcall(f, odd[i], odd[j], odd[(i + j) % #odd + 1]) end
                end
            end
        end
        return 'done'"),
];
