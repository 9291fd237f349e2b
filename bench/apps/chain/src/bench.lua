-- Row 6: a chain of n linked processes; the head is killed. The failure travels
-- from link to link, so the tail dies last.
local time = require("time")

local function run(n)
    local head = process.spawn("app:link", "app:processes", n - 1, process.pid())
    process.monitor(process.inbox():receive():from())
    local start = time.now()
    process.terminate(head)
    process.events():receive()
    return time.now():sub(start):nanoseconds() / 1e6
end

return function(n)
    n = tonumber(n)
    run(n / 10)
    print("RESULT chain", run(n), "ms")
end
