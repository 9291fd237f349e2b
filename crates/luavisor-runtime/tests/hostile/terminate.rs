//! `process.terminate` of oneself in every place. Nothing may run afterwards (I5).

use super::{Case, End, case};

const GONE: End = End::Terminated;

pub const CASES: &[Case] = &[
    case("plain", GONE, "process.terminate(process.pid()) print('AFTER')"),
    case("in pcall", GONE, "pcall(process.terminate, process.pid()) print('AFTER')"),
    case("in a function in pcall", GONE, "pcall(function() process.terminate(process.pid()) print('AFTER') end) print('AFTER')"),
    case("in nested pcalls", GONE, "
        local me = process.pid()
        pcall(pcall, pcall, function() pcall(process.terminate, me) print('AFTER') end) while true do print('AFTER') end"),
    case("in a metamethod", GONE, "
        local t = setmetatable({}, { __index = function() process.terminate(process.pid()) print('AFTER') end }) local x = t.x print('AFTER')"),
    case("in a metamethod under pcall", GONE, "
        local t = setmetatable({}, { __index = function() pcall(process.terminate, process.pid()) print('AFTER') end })
        pcall(function() local x = t.x print('AFTER') end) print('AFTER')"),
    case("in __tostring under print", GONE, "
        print(setmetatable({}, { __tostring = function() process.terminate(process.pid()) return 'AFTER' end })) print('AFTER')"),
    case("in __eq, __lt and __concat", GONE, "
        local function die() pcall(process.terminate, process.pid()) return true end
        local m = { __eq = die, __lt = die, __concat = die }
        local a, b = setmetatable({}, m), setmetatable({}, m)
        if a == b or a < b then print('AFTER') end print('AFTER' .. a)"),
    case("in __call and __iter", GONE, "
        for x in setmetatable({}, { __iter = function() process.terminate(process.pid()) end }) do print('AFTER') end print('AFTER')"),
    case("in a comparator", GONE, "table.sort({ 3, 2, 1 }, function() process.terminate(process.pid()) print('AFTER') end) print('AFTER')"),
    case("in a comparator under pcall", GONE, "
        pcall(table.sort, { 3, 2, 1 }, function() pcall(process.terminate, process.pid()) print('AFTER') return true end) print('AFTER')"),
    case("in __lt under table.sort", GONE, "
        local m = { __lt = function() pcall(process.terminate, process.pid()) print('AFTER') return false end }
        pcall(table.sort, { setmetatable({}, m), setmetatable({}, m) }) print('AFTER')"),
    case("in a gsub function", GONE, "string.gsub('abc', '.', function() process.terminate(process.pid()) print('AFTER') end) print('AFTER')"),
    case("in a gsub table", GONE, "
        string.gsub('abc', '.', setmetatable({}, { __index = function() process.terminate(process.pid()) print('AFTER') end })) print('AFTER')"),
    case("in nested wraps", GONE, "
        coroutine.wrap(function() coroutine.wrap(function() pcall(process.terminate, process.pid()) print('AFTER') end)() print('AFTER') end)() print('AFTER')"),
    case("in a coroutine under resume", GONE, "
        coroutine.resume(coroutine.create(function() process.terminate(process.pid()) end)) print('AFTER')"),
    case("in an error handler", GONE, "xpcall(error, function() process.terminate(process.pid()) print('AFTER') end) print('AFTER')"),
    case("in an error handler in a metamethod", GONE, "
        local t = setmetatable({}, { __index = function() xpcall(error, function() pcall(process.terminate, process.pid()) print('AFTER') end) print('AFTER') end })
        pcall(function() return t.x end) print('AFTER')"),
    case("in a task", GONE, "
        coroutine.spawn(function() process.terminate(process.pid()) print('AFTER') end)
        while true do coroutine.yield() if false then print('AFTER') end end"),
    case("in a task while others wait", GONE, "
        local ch = channel.new()
        for i = 1, 5 do coroutine.spawn(function() ch:receive() print('AFTER') end) end
        coroutine.spawn(function() process.terminate(process.pid()) for i = 1, 5 do ch:send(1) end end)
        ch:receive() print('AFTER')"),
    case("in an iterator", GONE, "for x in function() process.terminate(process.pid()) return 1 end do print('AFTER') end print('AFTER')"),
    case("at chunk level", End::Fails("cannot be called at chunk top level"), "--chunk
        process.terminate(process.pid()) print('AFTER')"),
    case("through the registered name", GONE, "process.registry.register('me') pcall(process.terminate, 'me') print('AFTER')"),
    case("by a failed link", End::Fails("linked process failed"), "
        local pid = process.spawn_linked('app:idle', 'app:processes')
        process.terminate(pid)
        while true do pcall(function() while true do end end) end print('AFTER')"),
    case("by trap_links taken back", End::Fails("linked process failed"), "
        process.set_options({ trap_links = true })
        local pid = process.spawn_linked('app:idle', 'app:processes')
        process.terminate(pid)
        for i = 1, 50 do coroutine.yield() end
        require('time').sleep('10ms')
        pcall(process.set_options, { trap_links = false }) print('AFTER')"),
    case("and then an endless loop in a metamethod", GONE, "
        local t = setmetatable({}, { __index = function() pcall(process.terminate, process.pid()) while true do pcall(print, 'AFTER') end end })
        while true do pcall(function() return t.x end) end"),
];
