-- Rows 14 and 15: how long an echo takes, once a millisecond, while others are
-- busy: `hogs` with endless loops, or `keepers` with memory that get 20 messages each time.
local time = require("time")

local MESSAGES = 20

local others = {
    hogs = function(count)
        for _ = 1, count do
            process.spawn("app:hog", "app:processes")
        end
        return function() end
    end,
    keepers = function(count)
        local keepers = {}
        for i = 1, count do
            keepers[i] = process.spawn("app:keeper", "app:processes")
        end
        return function()
            for i = 1, MESSAGES do
                process.send(keepers[math.random(count)], "work", i)
            end
        end
    end,
}

return function(kind, count, echoes)
    count, echoes = tonumber(count), tonumber(echoes)
    local inbox = process.inbox()
    local echo = process.spawn("app:echo", "app:processes")
    local work = others[kind](count)
    local took = {}
    for i = 1 - echoes // 10, echoes do
        time.sleep("1ms")
        work()
        local start = time.now()
        process.send(echo, "ping", i)
        inbox:receive()
        if i > 0 then
            took[i] = time.now():sub(start):nanoseconds() / 1e6
        end
    end
    table.sort(took)
    for _, rank in { { "p50", 0.5 }, { "p99", 0.99 }, { "p999", 0.999 }, { "max", 1 } } do
        print("RESULT " .. rank[1], took[math.ceil(echoes * rank[2])], "ms")
    end
end
