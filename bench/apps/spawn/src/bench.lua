-- Row 1: spawn_monitored of a process that does nothing, up to its EXIT.
local time = require("time")

local BATCH = 10000

local function sequential(n)
    local events = process.events()
    for _ = 1, n do
        process.spawn_monitored("app:child", "app:processes")
        events:receive()
    end
end

local function batches(n)
    local events = process.events()
    for _ = 1, n / BATCH do
        for _ = 1, BATCH do
            process.spawn_monitored("app:child", "app:processes")
        end
        for _ = 1, BATCH do
            events:receive()
        end
    end
end

local variants = { sequential = sequential, batches = batches }

-- With several parents, each does its share.
local function parents(count, variant, n)
    local events = process.events()
    for _ = 1, count do
        process.spawn_monitored("app:bench", "app:processes", variant, n / count, "quiet")
    end
    for _ = 1, count do
        events:receive()
    end
end

return function(variant, n, count)
    local run = variants[variant]
    n = tonumber(n)
    if count == "quiet" then return run(n) end
    if count then
        run = function(n) parents(tonumber(count), variant, n) end
    end
    run(math.max(BATCH, n / 10))
    local start = time.now()
    run(n)
    local rate = n / time.now():sub(start):seconds()
    print("RESULT spawn_" .. variant, rate, "processes/s")
end
