-- Row 7: n processes linked to a hub, or monitoring it; the hub is killed. One
-- in SAMPLE is watched to see them all end.
local time = require("time")

local SAMPLE = 100

local function run(kind, n)
    local inbox, events = process.inbox(), process.events()
    local hub = process.spawn("app:hub", "app:processes")
    for i = 1, n do
        local spawn = i % SAMPLE == 0 and process.spawn_monitored or process.spawn
        spawn("app:point", "app:processes", kind, hub, process.pid())
    end
    for _ = 1, n do
        inbox:receive()
    end
    local start = time.now()
    process.terminate(hub)
    for _ = 1, n / SAMPLE do
        events:receive()
    end
    return time.now():sub(start):nanoseconds() / 1e6
end

return function(kind, n)
    n = tonumber(n)
    run(kind, n / 10)
    print("RESULT star_" .. kind, run(kind, n), "ms")
end
